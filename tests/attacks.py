"""Files made to hurt, and what they are put together from."""

import gzip
import pickle
import struct

import numpy
from builders import zip_bytes

COMMAND = "echo run > run"
MADE = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"  # an array


def text(value):
    """A text as protocol 1 and up have it."""
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def asks_for(name, protocol):
    """A pickle that calls what has a name."""
    module, _, attribute = name.rpartition(".")
    called = f"c{module}\n{attribute}\n".encode()
    if protocol == 0:
        return called + f"(V{COMMAND}\ntR.".encode()
    if protocol == 4:
        called = text(module) + text(attribute) + b"\x93"
    return b"\x80%c" % protocol + called + text(COMMAND) + b"\x85R."


def an_array(state):
    """A data set of one array, whose state may be anything."""
    return b"\x80\x03" + MADE + state + b"bq\0h\0\x86h\0h\0\x86\x86."


def a_frame(size, content):
    return b"\x95" + struct.pack("<Q", size) + content


def a_dtype(code="f8", order="<"):
    arguments = text(code) + b"K\0K\x01\x87R(K\x03" + text(order)
    return b"cnumpy\ndtype\n" + arguments + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\0tb"


def a_state(shape=b"K\x02\x85", dtype=None, data=b"C\x10" + bytes(16)):
    return b"(K\x01" + shape + (a_dtype() if dtype is None else dtype) + b"\x89" + data + b"t"


AXES = b"C\x10" + bytes(16) + a_dtype() + b"K\x02\x85" + text("K") + b"J\xff\xff\xff\x7f\x85"
HUGE = struct.pack("<Q", 1 << 62)
DEPTH = 200_000  # to hash so many nested tuples ends the process, and to hash half of them not yet
# A tuple of 3,000 that is handed over 3,000 times; and 300 arrays of one text.
MANY = b"\x80\2(" + 3000 * b"N" + b"tq\0ca\nb\nq\1(" + 3000 * b"h\1h\0R" + b"t."
LATIN1 = b"c_codecs\nencode\nX" + struct.pack("<I", 1 << 18) + bytes(1 << 18) + text("latin1")
SHARING = MADE + a_state(b"J\0\0\4\0\x85", b"h\1", b"h\2") + b"b"
ARRAY = pickle.dumps(numpy.ones(3), 2)[:-1]
CALL = b"cos\nsystem\nV" + COMMAND.encode() + b"\n\x85R"  # what a scanner must not overlook
DIVERGING = b"\x80\x05NV" + b"a" * (8192 * 16 - 17) + b"\n0("  # a frame where buffers end
DIVERGING += a_frame(2, b"B\7\1\0\0") + b"\0\0" + (CALL + b"(").ljust(261, b"N") + b"1."
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
    "BINBYTES8": b"\x80\x04\x8e" + HUGE + bytes(99) + b".",
    "BYTEARRAY8": b"\x80\x05\x96" + struct.pack("<Q", 1 << 30) + bytes(99) + b".",
    "FRAME": b"\x80\x04\x95" + HUGE + b"N.",
    "frame cut": b"\x80\x04\x95\2" + bytes(7) + b"J\x01\x02\0\0CK\x07." + bytes(73) + b".",
    "INST": b"((S'echo run > run'\nios\nsystem\nt.",
    "REDUCE of a text": b"\x80\x02" + text("os.system") + text(COMMAND) + b"\x85R.",
    "BUILD of a class": b"\x80\x02cnumpy\nndarray\n" + text("x") + b"b.",
    "no state": an_array(b""),
    "no dtype": an_array(a_state(dtype=b"N")),
    "objects": an_array(a_state(dtype=a_dtype("O8", "|"), data=b"]")),
    "a record": an_array(a_state(dtype=a_dtype("f4,f4"))),
    "digits": an_array(a_state(dtype=a_dtype("S" + "9" * 5000))),
    "a large shape": an_array(a_state(b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86")),
    "axes": b"\x80\x05cnumpy.core.numeric\n_frombuffer\n(" + AXES + b"tRq\0h\0\x86h\0h\0\x86\x86.",
    "many arguments": MANY,
    "a shared text": b"\x80\3"
    + a_dtype("u1", "|")
    + b"q\1"
    + LATIN1
    + b"\x86Rq\2("
    + 300 * SHARING
    + b"t.",
    "sets": b"\x80\4(" + 20_000 * b"\x8f" + b"t.",
    # What other readers of pickles were hit by.
    "a list in itself": b"\x80\2]q\0h\0a.",
    "an object in itself": b"\x80\2ca\nb\n)\x81q\0}" + text("a") + b"h\0sb.",
    "SETITEM of a list": b"\x80\2]K\0K\1s.",
    "APPEND to an array": ARRAY + b"K\1a.",
    "BUILD of a list": b"\x80\2]}b.",
    "EXT1": b"\x80\2\x82\1.",
    "BINPERSID": b"\x80\2K\1Q.",
    "a float first": b"}F1.0\n" + CALL + b".",
    "frames that diverge": DIVERGING,
    "a frame in a frame": b"\x80\4" + a_frame(32, a_frame(2, b"N.")) + bytes(40),
    "GET in another order": MEMO,
    "more rows than bytes": an_array(a_state(b"J\xff\xff\xff\x7f\x85")),
    "a negative shape": an_array(a_state(b"J\xfe\xff\xff\xff\x85")),
}
for _name in ("os.system", "numpy._core.multiarray._reconstruct.__globals__"):
    for _protocol in (0, 2, 4):
        ATTACKS[f"{_name}, protocol {_protocol}"] = asks_for(_name, _protocol)


def npy_header(shape, data=b""):
    """An npy file of float32 that may claim any shape."""
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header.encode() + data


LONG_HEADER = b"\x93NUMPY\2\0" + struct.pack("<I", 1 << 31) + bytes(1 << 22)
FILES = {
    "header.npy": LONG_HEADER,
    "huge.npy": npy_header((1 << 40,)),
    "claims.npz": zip_bytes({"x.npy": npy_header((1 << 34,)), "y.npy": npy_header((1 << 34,))}),
    "claims.gz": gzip.compress(b"\0\0\x08\1" + struct.pack(">I", 1 << 27) + bytes(100)),
    "outside.npz": zip_bytes({"../../x.npy": npy_header((2,), bytes(8))}),
}
