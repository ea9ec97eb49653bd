"""Pickles, read without running anything that they name.

Python's unpickler imports and calls whatever a file asks for, and some bytes crash it. So a
first pass looks at the opcodes alone, and the second one finds only what the reader admits.
"""

import pickle
import pickletools

MAX_OPCODES = 20000  # a data set takes about 300, the tutorial's best model 1300
CHUNK = 1 << 16
LENGTH_BYTES = {pickletools.TAKEN_FROM_ARGUMENT1: 1, pickletools.TAKEN_FROM_ARGUMENT8U: 8}  # else 4


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


def load(stream, classes, opcodes, encoding="ASCII"):
    """Read a pickle of a few known parts; a PickleError says what else it has.

    `stream` is a seekable binary file that ends with the pickle. `classes` has what is called
    for each name that the pickle may ask for, as ``'numpy.dtype'``: it must do no harm with any
    arguments. `opcodes` has the names, by :mod:`pickletools`, of those that the pickle may
    have. Those that fill a dict or a set hash what the pickle holds, which may take forever.
    """
    for _ in scan(stream, opcodes):
        pass
    stream.seek(0)
    unpickler = _Unpickler(stream, encoding=encoding)
    unpickler.classes = classes
    try:
        return unpickler.load()
    except (PickleError, MemoryError):
        raise
    except Exception as error:  # whatever the unpickler may raise on bytes without sense
        said = ascii(f"{type(error).__name__}: {error}")[1:-1][:120]
        raise PickleError(f"it is damaged ({said})") from error


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        name = f"{module}.{name}"
        try:
            return self.classes[name]
        except KeyError:
            asked = ascii(name)[1:-1][:200]
            raise PickleError(f"it asks for {asked}, which was not run") from None


def scan(stream, opcodes):
    """Yield the name of each opcode, where it begins, and where its argument ends.

    An argument is read only once its opcode is admitted, and in pieces.
    :func:`pickletools.genops` reads it whole, and first.
    """
    admitted, frame_end = opcodes.split(), 0
    for _ in range(MAX_OPCODES):
        start = stream.tell()
        code = _read(stream, 1)
        opcode = pickletools.code2op.get(code.decode("latin1"))
        name = opcode.name if opcode else ascii(code)[1:]
        if name not in admitted:
            raise PickleError(f"it has the opcode {name}, which is not admitted")
        argument = _skip_argument(stream, opcode) if opcode.arg else b""
        end = stream.tell()
        # At a frame's end the unpickler drops what is left of it, and goes on elsewhere than here.
        if start < frame_end and (end > frame_end or name == "FRAME"):
            raise PickleError("it is damaged (a frame ends in the middle of an opcode)")
        if name == "FRAME":
            frame_end = end + int.from_bytes(argument, "little")
        elif name in ("PUT", "LONG_BINPUT") and not _is_memo_index(name, argument):
            raise PickleError("it has a memo index that is too large, or none")
        yield name, start, end
        if name == "STOP":
            if end < frame_end or stream.read(1):
                raise PickleError("it is cut short, or more bytes follow its end")
            return
    raise PickleError(f"it has more than {MAX_OPCODES} opcodes")


def _skip_argument(stream, opcode):
    """Read past an argument; return its last piece."""
    size, piece = opcode.arg.n, b""
    if size == pickletools.UP_TO_NEWLINE:
        for _ in range(2 if opcode.name in ("GLOBAL", "INST") else 1):
            piece = stream.readline(CHUNK)
            while piece and not piece.endswith(b"\n") and opcode.name in ("STRING", "UNICODE"):
                piece = stream.readline(CHUNK)
            if not piece.endswith(b"\n"):
                raise PickleError("it is cut short, or has a number that is too long")
        return piece
    if size < 0:
        size = int.from_bytes(_read(stream, LENGTH_BYTES.get(size, 4)), "little")
    while size:
        piece = _read(stream, min(size, CHUNK))
        size -= len(piece)
    return piece


def _is_memo_index(name, argument):
    """Whether it is a small number: the unpickler allocates as many places."""
    if name == "LONG_BINPUT":
        return int.from_bytes(argument, "little") < MAX_OPCODES
    return argument.strip().isdigit() and len(argument) < 9 and int(argument) < MAX_OPCODES


def _read(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise PickleError("it is cut short")
    return data
