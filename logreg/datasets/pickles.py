"""Pickles, and NumPy's arrays in them, read without running anything that they name.

Python's own unpickler imports and calls whatever a file asks for, and some bytes crash it. Its
twin in pure Python does neither, if it knows the opcodes and the names of the reader alone.
"""

import io
import math
import pickle
import pickletools
import re

import numpy

from logreg.errors import DatasetError, cut, quoted

# Zeros shrink a thousand times in a gzip, pictures some ten times.
MAX_UNPACKED, MAX_RATIO = 1 << 26, 100
TOO_LARGE = f"it unpacks to more than {MAX_RATIO} times its size: unpack it, if you trust it, and "
TOO_LARGE += "give the unpacked file"
CHUNK = 1 << 16
CODES = {opcode.name: ord(opcode.code) for opcode in pickletools.opcodes}
LOADERS = {name: pickle._Unpickler.dispatch[code] for name, code in CODES.items()}
# Python allocates a bytearray of the length that is given, before there is a byte of it.
LOADERS["BYTEARRAY8"] = LOADERS["BINBYTES8"]
SAVE_NUMBERS = "save numbers (or text), with x.astype('float32'), y.astype('int64')"
# What pickled arrays have in protocols 0 to 5, written by Python 2 or 3. No dict, no set.
OPCODES = """
    PROTO FRAME STOP MARK GLOBAL STACK_GLOBAL REDUCE BUILD
    NONE NEWTRUE NEWFALSE INT BININT BININT1 BININT2 LONG LONG1
    STRING BINSTRING SHORT_BINSTRING UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8
    BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8
    EMPTY_TUPLE TUPLE TUPLE1 TUPLE2 TUPLE3 EMPTY_LIST LIST APPEND APPENDS
    PUT BINPUT LONG_BINPUT MEMOIZE GET BINGET LONG_BINGET
"""


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


class _Bytes(Placeholder):
    """Bytes as Python 3 pickles them in protocols 0 to 2: text to encode in latin1, or no text."""


class PickledDtype(Placeholder):
    """A pickled dtype."""

    def dtype(self):
        code, order = (
            text.decode("latin1") if isinstance(text, bytes) else text  # bytes in Python 2
            for text in (self.args[0], self.state[1])
        )
        # NumPy's dtypes are a language of their own; O is an object.
        if not re.fullmatch(r"[a-zA-NP-Z?]\d{0,6}", code):
            raise DatasetError(f"holds an array of dtype {quoted(code)}: {SAVE_NUMBERS}")
        return numpy.dtype(code).newbyteorder(order if order in ("<", ">") else "|")


class PickledArray(Placeholder):
    """A pickled array, made only after a check of what it is made of."""

    def array(self):
        """Make the array, read-only."""
        if self.state is None:  # protocol 5 calls a function with all of it
            data, dtype, shape, order, *axes = self.args
        else:
            _, shape, dtype, by_columns, data = self.state
            order, axes = "F" if by_columns else "C", ()
        if isinstance(data, _Bytes):
            data = data.args[0].encode("latin1") if data.args else b""
        flat = numpy.frombuffer(data, dtype.dtype())
        array = flat.reshape(shape, order="F" if order == "F" else "C")
        return array.transpose(*axes) if order == "K" else array


# All that a pickle of arrays asks for.
CLASSES = {
    "numpy.ndarray": Placeholder,
    "numpy.dtype": PickledDtype,
    "_codecs.encode": _Bytes,
    "__builtin__.bytes": _Bytes,
    "builtins.bytes": _Bytes,
    "numpy.core.multiarray._reconstruct": PickledArray,
    "numpy.core.numeric._frombuffer": PickledArray,
}


def unpacked_size(file_size):
    """How many bytes a compressed file may unpack to."""
    return max(MAX_UNPACKED, MAX_RATIO * file_size)


def load(stream, classes=CLASSES, opcodes=OPCODES, loaders=None, file_size=None, is_last=True):
    """Read a pickle of a few known parts; a PickleError says what else it has.

    Strings of Python 2 stay bytes: they may be those of an array.

    Parameters
    ----------
    stream : binary file
        It begins with the pickle.
    classes : dict, optional
        What is called for each name that the pickle may ask for, as ``'numpy.dtype'``: it must
        do no harm with any arguments.
    opcodes : str, optional
        The names, by :mod:`pickletools`, of those that the pickle may have. Those that fill a
        dict or a set hash what the pickle holds, which may take forever.
    loaders : dict, optional
        What to do at some of the opcodes, in place of what :mod:`pickle` does.
    file_size : int, optional
        Of a compressed file: what it unpacks to is bounded by 100 times that, or 64 MB.
    is_last : bool
        Whether the stream must end with it.
    """
    pieces = _Stream(stream, unpacked_size(file_size) if file_size else math.inf)
    unpickler = _Unpickler(pieces, encoding="bytes")
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
            return self.classes[name.replace("numpy._core.", "numpy.core.")]  # as of NumPy 2
        except KeyError:
            raise PickleError(f"it asks for {cut(name, 200)}, which was not run") from None


class _Dispatch(dict):
    """What is done at each opcode that is admitted."""

    def __missing__(self, code):
        name = getattr(pickletools.code2op.get(chr(code)), "name", hex(code))
        raise PickleError(f"it has the opcode {name}, which is not admitted")


class _Stream:
    """A file of which at most `n_left` bytes are read, and these in pieces.

    For a length that is given may be larger than the file.
    """

    def __init__(self, file, n_left):
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
        self._n_left -= len(piece)
        if not piece or self._n_left < 0:
            raise PickleError("it is cut short" if not piece else TOO_LARGE)
        return piece
