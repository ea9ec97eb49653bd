"""Pickled arrays, read without doing what a pickle asks for.

Python's own unpickler imports and calls whatever a file names. Here every name gives an inert
stand-in that keeps what it is called with; arrays are made of these afterwards. Python 2 and
3 and NumPy 1 and 2 are read, in protocols 0 to 5.
"""

import codecs
import functools
import pickle
import re
from typing import ClassVar

import numpy

from logreg.datasets.formats import (
    CHUNK,
    array_of,
    expect_end,
    is_wider,
    narrowed_in_place,
    open_bytes,
    read_exactly,
    reading,
)
from logreg.errors import DatasetError

MAX_ARRAYS = 6
MAX_READS = 20000  # a data set's pickle takes about 300, and each may cost 100 bytes
# Left out is what hashes (nested tuples take forever) and what allocates by a number.
OPCODES = b"\x80(012.NIJKLMSTUVXBC)]}taelbcRpqrghj\x85\x86\x87\x88\x89\x8a\x8c\x8d\x8e\x93\x94"


def read_pickle(path, narrow=None):
    """Read pairs of arrays in the tutorial's format.

    Parameters
    ----------
    path : str or path-like
        A pickle, gzipped or not.
    narrow : dtype-like, optional
        What wider numbers in matrices become as they are read.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
        Two pairs or three, as in the file.
    """
    faults = pickle.UnpicklingError, TypeError, AttributeError, BufferError
    with reading(path, faults), open_bytes(path) as stream:
        value = _DataSetUnpickler(stream, narrow).load()
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
    """Bytes as Python 3 writes them in protocols 0 to 2: a text and its encoding."""


class ArrayStandIn(Inert):
    """Stands for an array until all of it was read, and has it from then on."""

    array = None

    def make(self, narrow=None):
        """Make the array; what it is made of is not kept here."""
        self.array = _make(*self.parts(), narrow)
        self.args = self.state = None

    def parts(self):
        """What the array is made of: data, dtype, shape and whether it is in Fortran's order."""


class _Reconstructed(ArrayStandIn):
    """An array that is in its state."""

    def parts(self):
        _, shape, dtype, fortran_order, data = self.state
        return data, dtype, shape, fortran_order


class _FromBuffer(ArrayStandIn):
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
    """The array that a stand-in stands for."""
    if not isinstance(value, ArrayStandIn):
        raise DatasetError(
            f"each pair in a pickle must hold NumPy arrays; found {_described(value)}: "
            "convert it with numpy.asarray and pickle again"
        )
    if value.array is None:
        value.make()
    return value.array


def _make(data, dtype, shape, fortran_order, narrow):
    """Make an array of bytes, if they fit its shape and dtype."""
    code, order = _text(dtype.args[0]), _text(dtype.state[1])
    if not re.match(r"[a-zA-Z?]\d{0,6}\Z", code):  # NumPy's dtypes are a language of their own
        raise TypeError("dtype")
    dtype = numpy.dtype(code)
    if order in ("<", ">"):
        dtype = dtype.newbyteorder(order)
    if isinstance(data, _Encoded):
        (data, _) = data.args
        data = data.encode("latin1") if isinstance(data, str) else data
    array = array_of(data, dtype, shape, bool(fortran_order))
    # What has one column may be labels, and float32 does not tell all integers apart.
    if array.ndim < 2 or array.shape[1:] == (1,) or not is_wider(dtype, narrow):
        return array
    del array  # or its bytes could not become fewer
    data = narrowed_in_place(data, dtype, narrow)
    return array_of(data, numpy.dtype(narrow), shape, bool(fortran_order))


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

    def read_latin1(self, size):
        """Read text in UTF-8 that is bytes in truth, without holding both."""
        decode, data = codecs.getincrementaldecoder("utf-8")().decode, bytearray()
        for start in range(0, size, CHUNK):
            data += decode(read_exactly(self.stream, min(CHUNK, size - start))).encode("latin1")
        decode(b"", final=True)
        return data


class ArrayUnpickler(pickle._Unpickler):
    """Python's unpickler; the one in Python, which can be held to some opcodes and our stream."""

    dispatch: ClassVar = _Opcodes({code: pickle._Unpickler.dispatch[code] for code in OPCODES})
    dispatch[pickle.FRAME[0]] = lambda self: self.read(8)  # all is read as if without frames
    dispatch[pickle.BYTEARRAY8[0]] = dispatch[pickle.BINBYTES8[0]]  # not allocated beforehand

    def __init__(self, stream):
        self.stream = _Stream(stream)
        super().__init__(self.stream, encoding="bytes")

    def load_text(self):
        """As Python's; but a long one is the bytes of an array, see :class:`_Encoded`."""
        size = int.from_bytes(self.read(4), "little")
        is_long = size > CHUNK
        self.append(self.stream.read_latin1(size) if is_long else str(self.read(size), "utf-8"))

    dispatch[pickle.BINUNICODE[0]] = load_text

    def find_class(self, module, name):
        if f"{module}.{name}" not in STAND_INS:
            raise DatasetError(
                f"a pickle that asks for {ascii(f'{module}.{name}')[1:-1][:200]}: only NumPy "
                "arrays are taken from pickles, as anything else could run code; convert it with "
                "numpy.asarray, or save it with numpy.savez"
            )
        return STAND_INS[f"{module}.{name}"]


class _DataSetUnpickler(ArrayUnpickler):
    """Makes each array when it is complete, and so holds one at a time as it is in the file."""

    dispatch: ClassVar = _Opcodes(ArrayUnpickler.dispatch)

    def __init__(self, stream, narrow):
        super().__init__(stream)
        self.narrow = narrow
        self.n_left = MAX_ARRAYS

    def load_array(self, load):
        """As `load`, which may complete an array."""
        load(self)
        made = self.stack[-1]
        if isinstance(made, ArrayStandIn) and (made.state or isinstance(made, _FromBuffer)):
            self.n_left -= 1
            if self.n_left < 0:  # of the same bytes, for all that is known
                raise DatasetError(f"holds more than {MAX_ARRAYS} arrays: three pairs are needed")
            made.make(self.narrow)

    for _opcode in (pickle.BUILD[0], pickle.REDUCE[0]):
        dispatch[_opcode] = functools.partial(load_array, load=dispatch[_opcode])
