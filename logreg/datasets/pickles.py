"""Pickles, read without running anything that they name.

Python's own unpickler imports and calls whatever a file asks for, and some bytes crash it. Its
twin in pure Python does neither, if it knows the opcodes and the names of the reader alone.
"""

import io
import pickle
import pickletools

from logreg.errors import cut

# Zeros shrink a thousand times in a gzip, pictures some ten times.
MAX_UNPACKED, MAX_RATIO = 1 << 26, 100
TOO_LARGE = f"it unpacks to more than {MAX_RATIO} times its size: unpack it, if you trust it, and "
TOO_LARGE += "give the unpacked file"
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


def unpacked_size(file_size):
    """How many bytes a compressed file may unpack to."""
    return max(MAX_UNPACKED, MAX_RATIO * file_size)


def load(stream, classes, opcodes, encoding="ASCII", loaders=None, file_size=None, is_last=True):
    """Read a pickle of a few known parts; a PickleError says what else it has.

    Parameters
    ----------
    stream : binary file
        It begins with the pickle.
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
    file_size : int, optional
        Of a compressed file: what it unpacks to is bounded by 100 times that, or 64 MB.
    is_last : bool
        Whether the stream must end with it.
    """
    pieces = _Stream(stream, file_size and unpacked_size(file_size))
    unpickler = _Unpickler(pieces, encoding=encoding)
    unpickler.classes = classes
    loaders = {**LOADERS, **(loaders or {})}
    unpickler.dispatch = _Dispatch((CODES[name], loaders[name]) for name in opcodes.split())
    try:
        loaded = unpickler.load()
    except (PickleError, MemoryError):
        raise
    except Exception as error:  # whatever the unpickler may raise on bytes without sense
        reason = cut(f"{type(error).__name__}: {error}", 120)
        raise PickleError(f"it is damaged ({reason})") from error
    if is_last and stream.read(1):
        raise PickleError("more bytes follow its end")
    return loaded


class _Unpickler(pickle._Unpickler):  # which joblib and dill make subclasses of, too
    def find_class(self, module, name):
        name = f"{module}.{name}"
        try:
            return self.classes[name]
        except KeyError:
            raise PickleError(f"it asks for {cut(name, 200)}, which was not run") from None


class _Dispatch(dict):
    """What is done at each opcode that is admitted."""

    def __missing__(self, code):
        name = getattr(pickletools.code2op.get(chr(code)), "name", hex(code))
        raise PickleError(f"it has the opcode {name}, which is not admitted")


class _Stream:
    """A file that is read in pieces: a length that is given may be larger than the file.

    No more than `n_left` bytes are read, if that is not None.
    """

    def __init__(self, file, n_left=None):
        self._file, self._n_left = file, n_left

    def read(self, size):
        whole = io.BytesIO()
        while whole.tell() < size:
            whole.write(self._next(self._file.read, size - whole.tell()))
        return whole.getvalue()

    def readline(self):
        whole, piece = io.BytesIO(), b""
        while not piece.endswith(b"\n"):
            piece = self._next(self._file.readline, CHUNK)
            whole.write(piece)
        return whole.getvalue()

    def _next(self, read, size):
        piece = read(min(size, CHUNK))
        if not piece:
            raise PickleError("it is cut short")
        if self._n_left is not None:
            self._n_left -= len(piece)
            if self._n_left < 0:
                raise PickleError(TOO_LARGE)
        return piece
