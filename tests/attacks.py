"""Files made to hurt, and what they are put together from."""

import codecs
import gzip
import os
import pickle
import struct

import numpy
from builders import zip_bytes


class Made:
    """What a pickle makes by calling something; then it may get a state."""

    def __init__(self, *parts):
        self.parts = parts

    def __reduce__(self):
        return self.parts


def a_dtype(code="f8", order="<"):
    return Made(numpy.dtype, (code, False, True), (3, order, None, None, None, -1, -1, 0))


RECONSTRUCT, _, _ = numpy.ones(1).__reduce__()
FROM_BUFFER, _ = numpy.ones(1).__reduce_ex__(5)
EMPTY = numpy.ndarray, (0,), b"b"


def an_array(shape=(2,), dtype=None, data=bytes(16)):
    return Made(RECONSTRUCT, EMPTY, (1, shape, dtype or a_dtype(), False, data))


def pairs_of(array, protocol=3):
    """A data set of one array."""
    return pickle.dumps(3 * ((array, array),), protocol)


DEPTH = 200_000  # to hash so many nested tuples ends the process, and to hash half of them not yet
# A tuple of 3,000 that is handed over 3,000 times.
MANY = b"\x80\2(" + 3000 * b"N" + b"tq\0ca\nb\nq\1(" + 3000 * b"h\1h\0R" + b"t."
SHARED = Made(codecs.encode, (chr(0) * (1 << 18), "latin1"))  # the text of 300 arrays
ARRAY = pickle.dumps(numpy.ones(3), 2)[:-1]
CALL = b"cos\nsystem\nVecho run > run\n\x85R"  # what a scanner must not overlook
DIVERGING = b"\x80\x05NV" + b"a" * (8192 * 16 - 17) + b"\n0("  # a frame where buffers end
DIVERGING += b"\x95\2\0\0\0\0\0\0\0B\7\1\0\0\0\0" + (CALL + b"(").ljust(261, b"N") + b"1."
MEMO = b"Vos\np2\n0Vsystem\np3\n0Vnumpy\np0\n0Vdtype\np1\n0g2\ng3\n\x93(Vecho run > run\ntR."
ATTACKS = {
    "a dict's key": b"\x80\x02})" + b"\x85" * DEPTH + b"Ns.",
    "a set": b"\x80\x04\x8f()" + b"\x85" * DEPTH + b"\x90.",
    "a frozenset": b"\x80\x04()" + b"\x85" * DEPTH + b"\x91.",
    "lists": b"\x80\x02" + b"]" * 20_000 + b"a" * 19_999 + b".",
    "doubled": b"\x80\x02)" + b"2\x86" * 5000 + b".",
    "LONG_BINPUT": b"\x80\x02Nr\xff\xff\xff\x7f.",
    "MEMOIZE": b"\x80\x04N" + b"\x94" * 100000 + b".",
    "INT": b"(I" + b"9" * 1_000_000 + b"\nt.",
    "LONG4": b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(99) + b".",
    "BINBYTES8": b"\x80\x04\x8e" + b"\0\0\0\0\0\0\0\x40" + bytes(99) + b".",
    "BYTEARRAY8": b"\x80\x05\x96" + b"\0\0\0\x40\0\0\0\0" + bytes(99) + b".",
    "FRAME": b"\x80\x04\x95" + b"\0\0\0\0\0\0\0\x40" + b"N.",
    "frame cut": b"\x80\x04\x95\2" + bytes(7) + b"J\x01\x02\0\0CK\x07." + bytes(73) + b".",
    "INST": b"((S'echo run > run'\nios\nsystem\nt.",
    "REDUCE of a text": b"\x80\2Vos.system\nVecho run > run\n\x85R.",
    "BUILD of a class": b"\x80\2cnumpy\nndarray\nVx\nb.",
    "no state": pairs_of(Made(RECONSTRUCT, EMPTY)),
    "no dtype": pairs_of(Made(RECONSTRUCT, EMPTY, (1, (2,), None, False, bytes(16)))),
    "objects": pairs_of(an_array(dtype=a_dtype("O8", "|"), data=[])),
    "a record": pairs_of(an_array(dtype=a_dtype("f4,f4"))),
    "digits": pairs_of(an_array(dtype=a_dtype("S" + "9" * 5000))),
    "a large shape": pairs_of(an_array(2 * (2**31 - 1,))),
    "axes": pairs_of(Made(FROM_BUFFER, (bytes(16), a_dtype(), (2,), "K", (2**31 - 1,))), 5),
    "many arguments": MANY,
    "a shared text": pickle.dumps(
        [an_array((1 << 18,), a_dtype("u1", "|"), SHARED) for _ in range(300)], 3
    ),
    "sets": b"\x80\4(" + 20_000 * b"\x8f" + b"t.",
    # What other readers of pickles were hit by.
    "a list in itself": b"\x80\2]q\0h\0a.",
    "an object in itself": b"\x80\2ca\nb\n)\x81q\0}Va\nh\0sb.",
    "SETITEM of a list": b"\x80\2]K\0K\1s.",
    "APPEND to an array": ARRAY + b"K\1a.",
    "BUILD of a list": b"\x80\2]}b.",
    "EXT1": b"\x80\2\x82\1.",
    "BINPERSID": b"\x80\2K\1Q.",
    "a float first": b"}F1.0\n" + CALL + b".",
    "frames that diverge": DIVERGING,
    "a frame in a frame": b"\x80\4\x95 \0\0\0\0\0\0\0\x95\2\0\0\0\0\0\0\0N." + bytes(40),
    "GET in another order": MEMO,
    "more rows than bytes": pairs_of(an_array((2**31 - 1,))),
    "a negative shape": pairs_of(an_array((-2,))),
    "a part of a name, protocol 2": b"\x80\2cnumpy._core.multiarray._reconstruct\n__globals__\n.",
}
for _protocol in range(5):
    _call = pickle.dumps(Made(os.system, ("echo run > run",)), _protocol)
    ATTACKS[f"os.system, protocol {_protocol}"] = _call


def npy_header(shape, data=b""):
    """An npy file of float32 that may claim any shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


FILES = {
    "header.npy": b"\x93NUMPY\2\0\0\0\0\x80" + bytes(1 << 22),
    "huge.npy": npy_header((1 << 40,)),
    "claims.npz": zip_bytes({"x.npy": npy_header((1 << 34,)), "y.npy": npy_header((1 << 34,))}),
    "claims.gz": gzip.compress(b"\0\0\x08\1\x08\0\0\0" + bytes(100)),
    "outside.npz": zip_bytes({"../../x.npy": npy_header((2,), bytes(8))}),
}
