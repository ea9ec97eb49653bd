"""Pickles, read without running anything that they name.

Python's own unpickler imports and calls whatever a file asks for, and some bytes crash it. Its
twin in pure Python does neither, if it knows the opcodes and the names of the reader alone.
"""

import io
import pickle
import pickletools

MAX_OPCODES = 20000  # a data set takes about 300, the tutorial's best model 1300
CHUNK = 1 << 16
CODES = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
LOADERS = {name: pickle._Unpickler.dispatch[code] for name, code in CODES.items()}
# Python allocates a bytearray of the length that is given, before there is a byte of it.
LOADERS["BYTEARRAY8"] = LOADERS["BINBYTES8"]


class PickleError(ValueError):
    """A pickle that its reader does not admit, or that is cut short or damaged."""


class Placeholder:
    """Stands for an object of a pickle: it keeps its arguments and its state, and does nothing."""

    state = None

    def __new__(cls, *args):
        self = super().__new__(cls)
        self.args = args
        return self

    def __setstate__(self, state):
        self.state = state


def load(stream, classes, opcodes, encoding="ASCII", loaders=None):
    """Read a pickle of a few known parts; a PickleError says what else it has.

    Parameters
    ----------
    stream : binary file
        It ends with the pickle.
    classes : dict
        What is called for each name that the pickle may ask for, as ``'numpy.dtype'``: it must
        do no harm with any arguments.
    opcodes : str
        The names, by :mod:`pickletools`, of those that the pickle may have. Those that fill a
        dict or a set hash what the pickle holds, which may take forever.
    encoding : str
        How strings of Python 2 are read; 'bytes' leaves them as they are.
    loaders : dict, optional
        What to do at some of the opcodes, in place of what :mod:`pickle` does.
    """
    unpickler = _Unpickler(_Stream(stream), encoding=encoding)
    unpickler.classes = classes
    loaders = {**LOADERS, **(loaders or {})}
    unpickler.dispatch = _Dispatch((CODES[name], loaders[name]) for name in opcodes.split())
    try:
        found = unpickler.load()
    except (PickleError, MemoryError):
        raise
    except Exception as error:  # whatever the unpickler may raise on bytes without sense
        said = ascii(f"{type(error).__name__}: {error}")[1:-1][:120]
        raise PickleError(f"it is damaged ({said})") from error
    if stream.read(1):
        raise PickleError("more bytes follow its end")
    return found


class _Unpickler(pickle._Unpickler):  # which joblib and dill make subclasses of, too
    def find_class(self, module, name):
        name = f"{module}.{name}"
        try:
            return self.classes[name]
        except KeyError:
            asked = ascii(name)[1:-1][:200]
            raise PickleError(f"it asks for {asked}, which was not run") from None


class _Dispatch(dict):
    """What is done at each opcode that is admitted."""

    n_left = MAX_OPCODES

    def __getitem__(self, code):
        self.n_left -= 1
        if self.n_left < 0:
            raise PickleError(f"it has more than {MAX_OPCODES} opcodes")
        return super().__getitem__(code)

    def __missing__(self, code):
        name = getattr(pickletools.code2op.get(chr(code)), "name", hex(code))
        raise PickleError(f"it has the opcode {name}, which is not admitted")


class _Stream:
    """A file that is read in pieces: a length that is given may be larger than the file."""

    def __init__(self, file):
        self._file = file

    def read(self, size):
        found = io.BytesIO()
        while found.tell() < size:
            if not found.write(self._file.read(min(size - found.tell(), CHUNK))):
                raise PickleError("it is cut short")
        return found.getvalue()

    def readline(self):
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise PickleError("it is cut short")
        return line
