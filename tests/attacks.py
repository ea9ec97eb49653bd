"""Pickles made to hurt, and what they are put together from."""

import struct

COMMAND = "echo run > run"


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
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
    return b"\x80\x03" + made + state + b"bq\0h\0\x86h\0h\0\x86\x86."


def a_dtype(code="f8", order="<"):
    arguments = text(code) + b"K\0K\x01\x87R(K\x03" + text(order)
    return b"cnumpy\ndtype\n" + arguments + b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\0tb"


def a_state(shape=b"K\x02\x85", dtype=None, data=b"C\x10" + bytes(16)):
    return b"(K\x01" + shape + (a_dtype() if dtype is None else dtype) + b"\x89" + data + b"t"


AXES = b"C\x10" + bytes(16) + a_dtype() + b"K\x02\x85" + text("K") + b"J\xff\xff\xff\x7f\x85"
HUGE = struct.pack("<Q", 1 << 62)
DEPTH = 200_000  # to hash so many nested tuples ends the process, and to hash half of them not yet
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
}
for _name in ("os.system", "numpy._core.multiarray._reconstruct.__globals__"):
    for _protocol in (0, 2, 4):
        ATTACKS[f"{_name}, protocol {_protocol}"] = asks_for(_name, _protocol)
