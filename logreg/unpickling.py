"""Pickled arrays, read without doing what a pickle asks for.

Python's own unpickler imports and calls whatever a file names. Here every name gives an inert
stand-in that keeps what it is called with; arrays are made of these afterwards. Python 2 and
3 and NumPy 1 and 2 are read, in protocols 0 to 5.
"""

import pickle
import re
from typing import ClassVar

import numpy

from logreg.errors import DatasetError
from logreg.readers import array_of, expect_end, open_bytes, read_exactly, reading

MAX_READS = 20000  # a data set's pickle takes about 300, and each may cost 100 bytes
# Left out is what hashes (nested tuples take forever) and what allocates by a number.
OPCODES = b"\x80(012.NIJKLMSTUVXBC)]}taelbcRpqrghj\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x93\x94\x98"


def read_pickle(path):
    """Read pairs of arrays in the tutorial's format.

    Parameters
    ----------
    path : str or path-like
        A pickle, gzipped or not.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
        Two pairs or three, as in the file.
    """
    faults = pickle.UnpicklingError, TypeError, AttributeError
    with reading(path, faults), open_bytes(path) as stream:
        value = ArrayUnpickler(stream).load()
        expect_end(stream)
        pairs = _items(value, "a pickled data set is three pairs (x, y), or two,", 2, 3)
        pairs = [_items(pair, "each set in a pickle must be a pair (x, y)", 2) for pair in pairs]
        return [(array_from(x), array_from(y)) for x, y in pairs]


def _items(value, needed, *lengths):
    if not isinstance(value, (list, tuple)) or len(value) not in lengths:
        raise DatasetError(f"{needed} of NumPy arrays; found {_described(value)}")
    return value


def _described(value):
    if isinstance(value, (list, tuple)):
        return f"a {type(value).__name__} of length {len(value)}"
    return "one array" if isinstance(value, Inert) else f"a single {type(value).__name__}"


class Inert:
    """Stands for what a pickle would make; keeps the arguments and the state."""

    state = None

    def __new__(cls, *args):
        self = super().__new__(cls)
        self.args = args
        return self

    def __setstate__(self, state):
        self.state = state


class _Encoded(Inert):
    """Bytes in the way of protocols 0 to 2: a text and its encoding."""


class _Reconstructed(Inert):
    """An array that is in its state."""

    def parts(self):
        _, shape, dtype, fortran_order, data = self.state
        return data, dtype, shape, fortran_order


class _FromBuffer(Inert):
    """An array that is in its arguments, in the way of protocol 5."""

    def parts(self):
        data, dtype, shape, order = self.args
        return data, dtype, shape, order == "F"


STAND_INS = {
    "numpy.ndarray": Inert,
    "numpy.dtype": Inert,
    "_codecs.encode": _Encoded,
    "__builtin__.bytes": Inert,
    "builtins.bytes": Inert,
}
for _core in ("numpy.core", "numpy._core"):
    STAND_INS[f"{_core}.multiarray._reconstruct"] = _Reconstructed
    STAND_INS[f"{_core}.numeric._frombuffer"] = _FromBuffer


def array_from(value):
    """Make the array that a stand-in stands for, if its bytes fit its shape and dtype."""
    if not isinstance(value, (_Reconstructed, _FromBuffer)):
        raise DatasetError(
            f"each pair in a pickle must hold NumPy arrays; found {_described(value)}: "
            "convert it with numpy.asarray and pickle again"
        )
    data, dtype, shape, fortran_order = value.parts()
    code, order = _text(dtype.args[0]), _text(dtype.state[1])
    if not re.match(r"[a-zA-Z?]\d{0,6}\Z", code):  # NumPy's dtypes are a language of their own
        raise TypeError("dtype")
    dtype = numpy.dtype(code)
    if order in ("<", ">"):
        dtype = dtype.newbyteorder(order)
    if isinstance(data, _Encoded):
        data = data.args[0].encode("latin1")
    return array_of(data, dtype, shape, bool(fortran_order))


def _text(value):
    return value if isinstance(value, str) else value.decode("latin1")  # of Python 2


class _Opcodes(dict):
    def __missing__(self, opcode):
        raise DatasetError(
            "holds a dictionary, a set, a float or something else that is no NumPy array "
            f"(pickle opcode {chr(opcode)!a}), or is damaged; a data set is three pairs "
            "(x, y) of arrays"
        )


class _Stream:
    """What an unpickler reads: not endlessly, and a false size costs no memory."""

    def __init__(self, stream):
        self.stream = stream
        self.readline = stream.readline
        self.reads = 0

    def read(self, size):
        self.reads += 1
        if self.reads > MAX_READS:
            raise DatasetError(
                f"a pickle of more than {MAX_READS} steps, which holds other things than NumPy "
                "arrays: convert lists with numpy.asarray and pickle again"
            )
        return read_exactly(self.stream, size)


class ArrayUnpickler(pickle._Unpickler):
    """Python's unpickler; the one in Python, which can be held to some opcodes and our stream."""

    dispatch: ClassVar = _Opcodes({code: pickle._Unpickler.dispatch[code] for code in OPCODES})
    dispatch[pickle.FRAME[0]] = lambda self: self.read(8)  # all is read as if without frames
    dispatch[pickle.BYTEARRAY8[0]] = dispatch[pickle.BINBYTES8[0]]  # not allocated beforehand

    def __init__(self, stream):
        super().__init__(_Stream(stream), encoding="bytes")

    def find_class(self, module, name):
        if f"{module}.{name}" not in STAND_INS:
            raise DatasetError(
                f"a pickle that asks for {ascii(f'{module}.{name}')[1:-1][:200]}: only NumPy "
                "arrays are taken from pickles, as anything else could run code; convert it with "
                "numpy.asarray, or save it with numpy.savez"
            )
        return STAND_INS[f"{module}.{name}"]
