"""Pickled arrays, read by a small machine of our own.

A pickle is a program, and Python's own unpickler runs it: it imports what it is told to,
and allocates what it is told to. The pickles of data sets need a few opcodes and five
NumPy names; this machine knows these and nothing else. It reads what Python 2 and 3 and
NumPy 1 and 2 write, in protocols 0 to 5. Nothing is imported on a file's behalf, and large
strings go from the stream into the arrays without a copy.
"""

import codecs
import re
import struct
import warnings
from typing import ClassVar

from logreg.errors import DatasetError
from logreg.readers import (
    array_of,
    expect_end,
    open_bytes,
    plain_dtype,
    read_exactly,
    reading,
)

MAX_STEPS = 10000  # a data set's pickle takes about 150


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

    Raises
    ------
    DatasetError
        If it cannot be read or holds anything else.
    """
    with reading(path), open_bytes(path) as stream:
        pairs = _pairs(_Machine(stream).run())
        expect_end(stream)
        return pairs


def _pairs(value):
    if not isinstance(value, (list, tuple)) or len(value) not in (2, 3):
        raise DatasetError(
            "a pickled data set is three pairs (x, y), or two, of NumPy arrays; found %s"
            % _described(value)
        )
    for pair in value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise DatasetError(
                "each set in a pickle must be a pair (x, y) of NumPy arrays; found %s"
                % _described(pair)
            )
        for item in pair:
            if not isinstance(item, _Array) or item.value is None:
                raise DatasetError(
                    "each pair in a pickle must hold NumPy arrays; found %s: "
                    "convert it with numpy.asarray and pickle again" % _described(item)
                )
    return [(x.value, y.value) for x, y in value]


def _described(value):
    if isinstance(value, (list, tuple)):
        return "a %s of length %d" % (type(value).__name__, len(value))
    names = {_Array: "one array", bytearray: "bytes", type(None): "None"}
    return names.get(type(value), "a single %s" % type(value).__name__.strip("_").lower())


class _Global:
    """A name that a pickle may use; `call` is what happens when it is called."""

    def __init__(self, call=None):
        self.call = call


class _Array:
    """An array to be: pickles make it first and fill it later."""

    value = None

    def fill(self, state):
        _need(isinstance(state, tuple) and len(state) == 5 and state[0] == 1)
        _, shape, dtype, fortran_order, data = state
        if isinstance(data, list):
            raise DatasetError(
                "holds an object array: save numbers (or text), "
                "with x.astype('float32'), y.astype('int64')"
            )
        self.value = _array(data, dtype, shape, fortran_order)


class _Dtype:
    """A dtype to be: its code such as ``f4``, and its byte order, which comes later."""

    def __init__(self, code):
        self.code = code
        self.order = "|"

    def fill(self, state):
        _need(isinstance(state, tuple) and 5 <= len(state) <= 9 and state[0] in (3, 4))
        self.order = _text(state[1])
        _need(self.order in ("<", ">", "|", "="))
        if any(part is not None for part in state[2:5]):
            raise DatasetError("holds an array of records: arrays of numbers are needed")


def _need(condition):
    if not condition:
        raise DatasetError("damaged: no NumPy writes such a pickle; write it again")


def _text(value):
    """A short text, which Python 2 pickles as bytes."""
    _need(isinstance(value, (str, bytes, bytearray)) and len(value) < 100)
    return value if isinstance(value, str) else value.decode("latin1")


def _array(data, dtype, shape, fortran_order):
    _need(isinstance(data, (bytes, bytearray)) and isinstance(dtype, _Dtype))
    _need(isinstance(shape, tuple) and all(type(n) is int and 0 <= n < 2**63 for n in shape))
    # Order first: a code may bring its own, which the state overrules.
    code = (dtype.order if dtype.order != "=" else "") + dtype.code.lstrip("<>|=")
    return array_of(data, plain_dtype(code), shape, bool(fortran_order))


def _reconstruct(cls, shape, typecode):
    _need(cls is _NDARRAY)
    return _Array()


def _frombuffer(data, dtype, shape, order):
    array = _Array()
    array.value = _array(data, dtype, shape, _text(order) == "F")
    return array


def _dtype(code, align=False, copy=False):
    plain_dtype(_text(code))  # the first to notice object arrays and records
    return _Dtype(_text(code))


def _encode(text, encoding):
    """The way in which Python 3 writes bytes in protocols 0 to 2."""
    _need(isinstance(text, str) and _text(encoding) in ("latin1", "latin-1"))
    return text.encode("latin1")


def _bytes():
    return b""


_NDARRAY = _Global()
_ENCODE = _Global(_encode)
_MULTIARRAY = {"_reconstruct": _Global(_reconstruct)}
_NUMERIC = {"_frombuffer": _Global(_frombuffer)}
GLOBALS = {
    "numpy": {"ndarray": _NDARRAY, "dtype": _Global(_dtype)},
    "numpy.core.multiarray": _MULTIARRAY,
    "numpy._core.multiarray": _MULTIARRAY,
    "numpy.core.numeric": _NUMERIC,
    "numpy._core.numeric": _NUMERIC,
    "_codecs": {"encode": _ENCODE},
    "__builtin__": {"bytes": _Global(_bytes)},
    "builtins": {"bytes": _Global(_bytes)},
}


class _Machine:
    """The stack, the memo and the opcodes of the pickle protocols that arrays need."""

    def __init__(self, stream):
        self.stream = stream
        self.stack = []
        self.marks = []
        self.memo = {}
        self.encoded = {}

    def run(self):
        for _ in range(MAX_STEPS):
            opcode = self.stream.read(1)
            if opcode == b".":
                return self.stack.pop()
            if opcode not in self.OPCODES:
                raise DatasetError(
                    "pickle opcode %s, which no pickle of NumPy arrays has: cut off, damaged "
                    "or another kind of pickle; a data set is three pairs (x, y) of arrays"
                    % ascii(opcode)[1:]
                    if opcode
                    else "cut off in the middle of a pickle; fetch or write it again"
                )
            self.OPCODES[opcode](self)
        raise DatasetError(
            "a pickle of more than %d steps, which holds other things than NumPy arrays: "
            "convert lists with numpy.asarray and pickle again" % MAX_STEPS
        )

    def number(self, code):
        return struct.unpack(code, read_exactly(self.stream, struct.calcsize(code)))[0]

    def line(self, limit=200):
        line = self.stream.readline() if limit is None else self.stream.readline(limit)
        _need(line.endswith(b"\n"))
        return line[:-1]

    def since_mark(self):
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def take(self, count):
        items = [self.stack.pop() for _ in range(count)]
        return tuple(reversed(items))

    def protocol(self):
        if self.number("B") > 5:
            raise DatasetError("a pickle protocol that is not known: write it with protocol 2")

    def dictionary(self):
        raise DatasetError(
            "a pickle that holds a dictionary; a data set is three pairs (x, y) of NumPy arrays"
        )

    def integer(self):
        text = self.line().rstrip(b"L")
        _need(re.match(rb"-?\d{1,20}\Z", text))
        flags = {b"00": False, b"01": True}
        self.stack.append(flags[text] if text in flags else int(text))

    def long(self):
        self.stack.append(
            int.from_bytes(read_exactly(self.stream, self.number("B")), "little", signed=True)
        )

    def quoted(self):
        line = self.line(limit=None)
        _need(len(line) > 1 and line[:1] == line[-1:] and line[:1] in b"'\"")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes that do not exist
            self.stack.append(codecs.escape_decode(memoryview(line)[1:-1])[0])

    def escaped(self):
        self.stack.append(self.line(limit=None).decode("raw-unicode-escape"))

    def append(self):
        items = self.take(1)
        self.extend(items)

    def extend(self, items):
        _need(isinstance(self.stack[-1], list))
        self.stack[-1].extend(items)

    def put(self, key):
        self.memo[key] = self.stack[-1]

    def find_global(self, module, name):
        found = GLOBALS.get(module, {}).get(name)
        if found is None:
            raise DatasetError(
                "a pickle that asks for %s: only NumPy arrays are taken from pickles, "
                "as anything else could run code; convert it with numpy.asarray, or save it "
                "with numpy.savez" % ascii("%s.%s" % (module, name))[1:-1]
            )
        self.stack.append(found)

    def reduce(self):
        function, args = self.take(2)
        _need(isinstance(function, _Global) and function.call and isinstance(args, tuple))
        # Asked again for the same long text, its bytes are the same: thousands of copies
        # would be had for a few opcodes.
        key = id(args[0]) if function is _ENCODE and args else None
        if key in self.encoded:
            self.stack.append(self.encoded[key][0])
            return
        try:
            result = function.call(*args)
        except TypeError:  # not the arguments that it takes
            _need(False)
        self.stack.append(result)
        if key is not None:
            self.encoded[key] = result, args[0]

    def build(self):
        state = self.stack.pop()
        _need(isinstance(self.stack[-1], (_Array, _Dtype)))
        self.stack[-1].fill(state)

    def _string(code):
        return lambda self: self.stack.append(read_exactly(self.stream, self.number(code)))

    def _unicode(code):
        return lambda self: self.stack.append(
            str(read_exactly(self.stream, self.number(code)), "utf-8", "surrogatepass")
        )

    def _number(code):
        return lambda self: self.stack.append(self.number(code))

    def _constant(make):
        return lambda self: self.stack.append(make())

    def _tuple(count):
        return lambda self: self.stack.append(self.take(count))

    OPCODES: ClassVar[dict] = {
        b"\x80": protocol,
        b"\x95": lambda self: self.number("<Q"),  # a frame: its length is of no use here
        b"(": lambda self: self.marks.append(len(self.stack)),
        b"0": lambda self: self.stack.pop(),
        b"1": lambda self: self.since_mark(),
        b"2": lambda self: self.stack.append(self.stack[-1]),
        b"N": _constant(lambda: None),
        b"\x88": _constant(lambda: True),
        b"\x89": _constant(lambda: False),
        b")": _constant(tuple),
        b"]": _constant(list),
        b"}": dictionary,
        b"I": integer,
        b"L": integer,
        b"J": _number("<i"),
        b"K": _number("B"),
        b"M": _number("<H"),
        b"\x8a": long,
        b"S": quoted,
        b"V": escaped,
        b"T": _string("<I"),
        b"U": _string("B"),
        b"B": _string("<I"),
        b"C": _string("B"),
        b"\x8e": _string("<Q"),
        b"\x96": _string("<Q"),
        b"\x98": lambda self: None,  # read-only buffer
        b"X": _unicode("<I"),
        b"\x8c": _unicode("B"),
        b"\x8d": _unicode("<Q"),
        b"t": lambda self: self.stack.append(tuple(self.since_mark())),
        b"\x85": _tuple(1),
        b"\x86": _tuple(2),
        b"\x87": _tuple(3),
        b"l": lambda self: self.stack.append(self.since_mark()),
        b"a": append,
        b"e": lambda self: self.extend(self.since_mark()),
        b"g": lambda self: self.stack.append(self.memo[self.line()]),
        b"h": lambda self: self.stack.append(self.memo[b"%d" % self.number("B")]),
        b"j": lambda self: self.stack.append(self.memo[b"%d" % self.number("<I")]),
        b"p": lambda self: self.put(self.line()),
        b"q": lambda self: self.put(b"%d" % self.number("B")),
        b"r": lambda self: self.put(b"%d" % self.number("<I")),
        b"\x94": lambda self: self.put(b"%d" % len(self.memo)),
        b"c": lambda self: self.find_global(
            self.line().decode("latin1"), self.line().decode("latin1")
        ),
        b"\x93": lambda self: self.find_global(*map(_text, self.take(2))),
        b"R": reduce,
        b"b": build,
    }
