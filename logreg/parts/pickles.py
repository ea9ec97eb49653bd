"""Pickles, and NumPy's arrays in them, read without running anything that they name.

Python's own unpickler imports and calls whatever a file asks for, and some bytes crash it. The
same unpickler in pure Python does neither, once its opcodes and names are limited to ours.
"""

import io
import pickle
import pickletools
import re

import numpy

from logreg.basics.errors import DatasetError, cut, quoted

# A gzip makes zeros a thousand times smaller, and pictures some ten times.
MAX_UNPACKED = 1 << 26
MAX_RATIO = 100
TOO_LARGE = (
    f"it unpacks to more than {MAX_RATIO} times its size: unpack it, if you trust it, and give "
    "the unpacked file"
)
MAX_OPCODES = 1 << 20  # and one more for each byte of a compressed file; each may make an object
MAX_ARGUMENTS = 64  # of one object; an array has at most 5
CHUNK = 1 << 16
SAVE_NUMBERS = "save numbers (or text), with x.astype('float32'), y.astype('int64')"


def opcode_loaders(names, **ours):
    """Make a dict of the functions that load some opcodes, by their codes: Python's, or `ours`.

    The names are those in :mod:`pickle`.
    """
    loaders = {}
    for name in [*names.split(), *ours]:
        code = getattr(pickle, name)[0]
        loaders[code] = ours.get(name, pickle._Unpickler.dispatch[code])
    return loaders


# Pickled arrays of protocols 0 to 5, of Python 2 and 3, have these opcodes: no dict, no set.
LOADERS = opcode_loaders(
    """
    PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
    """,
    # Python allocates a bytearray of the length that is given, before there is a byte of it.
    BYTEARRAY8=pickle._Unpickler.load_binbytes8,
)


class PickleError(ValueError):
    """A pickle that its reader does not admit, or that is cut short or damaged."""


class Placeholder:
    """Stands for an object of a pickle: it keeps its arguments and its state, and does nothing."""

    __slots__ = ("args", "state")

    def __new__(cls, *args):
        if len(args) > MAX_ARGUMENTS:  # each call copies them, so a small file could take GB
            raise PickleError(f"it makes an object of {len(args)} arguments, which no array has")
        self = super().__new__(cls)
        self.args = args
        self.state = None
        return self

    def __setstate__(self, state):
        self.state = state


class PickledBytes(Placeholder):
    """Bytes in protocols 0 to 2 of Python 3: the argument is their text in latin1; b'' has none."""

    __slots__ = ()

    def encoded(self):
        """The bytes."""
        return self.args[0].encode("latin1") if self.args else b""


class PickledDtype(Placeholder):
    """A pickled dtype."""

    __slots__ = ()

    def dtype(self):
        """Make the dtype; a DatasetError refuses one of objects."""
        code = self.args[0]
        order = self.state[1]
        if isinstance(code, bytes):  # of Python 2
            code = code.decode("latin1")
        if isinstance(order, bytes):
            order = order.decode("latin1")
        # NumPy's dtypes are a language of their own: not M (dates), O (objects), V (records).
        if not re.fullmatch(r"[a-ln-zA-LNP-UW-Z?]\d{0,6}", code):
            raise DatasetError(f"holds an array of dtype {quoted(code)}: {SAVE_NUMBERS}")
        return numpy.dtype(code).newbyteorder(order if order in ("<", ">") else "|")


class PickledArray(Placeholder):
    """A pickled array, made only after a check of what it is made of."""

    __slots__ = ()

    def array(self):
        """Make the array, read-only."""
        axes = ()
        if self.state is None:  # protocol 5 calls a function with all of it
            data, dtype, shape, order, *axes = self.args
        else:
            _, shape, dtype, is_by_columns, data = self.state
            order = "F" if is_by_columns else "C"
        if isinstance(data, PickledBytes):
            data = data.encoded()
        flat = numpy.frombuffer(data, dtype.dtype())
        if min(shape, default=0) < 0:  # which NumPy would take for "as many as there are"
            raise ValueError(f"{shape} is no shape")
        array = flat.reshape(shape, order="F" if order == "F" else "C")
        # Order K: the bytes of an array in C order, which is then transposed to `axes`.
        return array.transpose(*axes) if order == "K" else array


# All that a pickle of arrays asks for.
CLASSES = {
    "numpy.ndarray": Placeholder,
    "numpy.dtype": PickledDtype,
    "_codecs.encode": PickledBytes,
    "__builtin__.bytes": PickledBytes,
    "builtins.bytes": PickledBytes,
    "numpy.core.multiarray._reconstruct": PickledArray,
    "numpy.core.numeric._frombuffer": PickledArray,
}


def max_unpacked_size(file_size):
    """The largest number of bytes that a compressed file may unpack to."""
    return max(MAX_UNPACKED, MAX_RATIO * file_size)


def load(stream, file_size, classes=CLASSES, loaders=LOADERS):
    """Read the pickle of a stream; a PickleError names what is not one of the known parts.

    Strings of Python 2 stay bytes: they may be those of an array.

    Parameters
    ----------
    stream : binary file
        It holds one pickle and no more.
    file_size : int
        The size of the file, which may be compressed. It may unpack to 100 times that, or to 64 MB,
        and may have as many opcodes as bytes, and a million more.
    classes : dict
        What is called for each name that a pickle may ask for, as ``'numpy.dtype'``: it must
        do no harm with any arguments.
    loaders : dict
        The :func:`opcode_loaders` of the opcodes that a pickle may have. Python's own loaders
        of dicts and sets would hash what the pickle holds, which may take forever.
    """
    unpickler = _Unpickler(_Stream(stream, max_unpacked_size(file_size)), encoding="bytes")
    unpickler.classes = classes
    unpickler.dispatch = _Dispatch(loaders, MAX_OPCODES + file_size)
    try:
        loaded = unpickler.load()
    except (PickleError, MemoryError):
        raise
    except Exception as error:  # whatever the unpickler may raise on bytes without sense
        reason = cut(f"{type(error).__name__}: {error}", 120)
        raise PickleError(f"it is damaged ({reason})") from error
    if stream.read(1):
        raise PickleError("more bytes follow its end")
    return loaded


class _Unpickler(pickle._Unpickler):  # joblib and dill, too, make subclasses of it
    def find_class(self, module, name):
        name = f"{module}.{name}"
        try:
            return self.classes[name.replace("numpy._core.", "numpy.core.")]  # as of NumPy 2
        except KeyError:
            raise PickleError(f"it asks for {cut(name, 200)}, which was not run") from None


class _Dispatch(dict):
    """The functions of the opcodes that are admitted; it counts the opcodes."""

    def __init__(self, loaders, max_opcodes):
        super().__init__(loaders)
        self._n_left = max_opcodes

    def __getitem__(self, code):
        self._n_left -= 1
        if self._n_left < 0:
            raise PickleError(TOO_LARGE)
        return super().__getitem__(code)

    def __missing__(self, code):
        opcode = pickletools.code2op.get(chr(code))
        name = hex(code) if opcode is None else opcode.name
        raise PickleError(f"it has the opcode {name}, which is not admitted")


class _Stream:
    """A file of which at most `max_bytes` bytes are read: a pickle may ask for far more."""

    def __init__(self, file, max_bytes):
        self._file = file
        self._n_left = max_bytes

    def read(self, size):
        """Read as many bytes as `size` says, in pieces: there may be far fewer."""
        whole = io.BytesIO()
        while whole.tell() < size:
            piece = self._file.read(min(size - whole.tell(), CHUNK))
            whole.write(self._checked(piece, is_whole=piece != b""))
        return whole.getvalue()

    def readline(self):
        """Read to the end of the line."""
        line = self._file.readline(self._n_left + 1)
        return self._checked(line, is_whole=line.endswith(b"\n"))

    def _checked(self, data, is_whole):
        self._n_left -= len(data)
        if self._n_left < 0:
            raise PickleError(TOO_LARGE)
        if not is_whole:
            raise PickleError("it is cut short")
        return data
