"""Pickles, read without running anything that they name.

Python's unpickler imports and calls whatever a file asks for, and some bytes crash it. So a
first pass looks at the opcodes alone, and the second one finds only what the reader admits.
"""

import io
import pickle
import pickletools

MAX_OPCODES = 20000  # a data set takes about 300, the tutorial's best model 1300
CHUNK = 1 << 16
LENGTH_BYTES = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class PickleError(ValueError):
    """A pickle that its reader does not admit, or that is cut short or damaged."""


class Placeholder:
    """Stands for an object of a pickle: it keeps what that is made of and does nothing.

    Attributes
    ----------
    args : tuple
        What the pickle calls the object's class or function with.
    state : object
        What the pickle gives the object as its state; None if nothing.
    """

    state = None

    def __new__(cls, *args):
        self = super().__new__(cls)
        self.args = args
        return self

    def __setstate__(self, state):
        self.state = state


def load(stream, classes, opcodes, encoding="ASCII"):
    """Read a pickle of a few known parts.

    Parameters
    ----------
    stream : binary file object
        Seekable; the pickle must end where it ends.
    classes : dict of str to callable
        What is called for each name that the pickle may ask for, as ``'numpy.dtype'``: not what
        has this name in Python, but what does no harm with any arguments.
    opcodes : str
        Those that the pickle may have, by their names in :mod:`pickletools`: ``'BININT STOP'``.
        Those that fill a dict or a set hash what the pickle holds, which may take forever.
    encoding : str
        Of the strings of Python 2, as for :func:`pickle.load`.

    Returns
    -------
    object

    Raises
    ------
    PickleError
        If the pickle has anything else, more than `MAX_OPCODES` opcodes, or makes no sense.

    Examples
    --------
    >>> import io, pickle
    >>> load(io.BytesIO(pickle.dumps(7, 2)), {}, "PROTO BININT1 STOP")
    7
    >>> load(io.BytesIO(pickle.dumps(len, 2)), {}, "PROTO GLOBAL")
    Traceback (most recent call last):
        ...
    logreg.pickles.PickleError: it asks for __builtin__.len, which was not run
    """
    source, refusal, admitted = stream, None, []
    start = stream.tell()
    try:
        admitted.extend(scan(stream, opcodes))
    except PickleError as error:
        refusal = error
    stream.seek(start)
    if refusal:
        # A name that it asks for before that tells more of what it is.
        data = stream.read(min(admitted[-1][2] - start, CHUNK)) if admitted else b""
        unframed = (data[a - start : b - start] for name, a, b in admitted if name != "FRAME")
        source = io.BytesIO(b"".join(unframed))
    try:
        value = _Unpickler(source, classes, encoding).load()
    except (PickleError, MemoryError):
        raise
    except Exception as error:  # whatever the unpickler may raise on bytes without sense
        said = ascii(f"{type(error).__name__}: {error}")[1:-1][:120]
        raise refusal or PickleError(f"it is damaged ({said})") from error
    if refusal:
        raise refusal
    return value


def scan(stream, opcodes):
    """Read past the opcodes of a pickle; see :func:`load`.

    :func:`pickletools.genops` does not do: it reads an argument before its opcode can be
    refused, and before Python 3.12 it knows no strings of Python 2 in protocol 0.

    Yields
    ------
    (str, int, int)
        An opcode's name, where it begins, and where its argument ends.
    """
    admitted, frame_end = opcodes.split(), 0
    for _ in range(MAX_OPCODES):
        start = stream.tell()
        code = _read(stream, 1)
        opcode = pickletools.code2op.get(code.decode("latin1"))
        if opcode is None:
            raise PickleError(f"it has the byte {ascii(code)[1:]}, which is no opcode")
        if opcode.name not in admitted:
            raise PickleError(f"it has the opcode {opcode.name}, which is not admitted")
        argument = _skip_argument(stream, opcode) if opcode.arg else b""
        end = stream.tell()
        # At a frame's end the unpickler drops what is left of it, and goes on elsewhere than here.
        if start < frame_end and (end > frame_end or opcode.name == "FRAME"):
            raise PickleError("it is damaged (a frame ends in the middle of an opcode)")
        if opcode.name == "FRAME":
            frame_end = end + int.from_bytes(argument, "little")
        elif opcode.name in ("PUT", "LONG_BINPUT") and not _is_index(opcode.name, argument):
            raise PickleError("it has a memo index that is too large, or none")
        yield opcode.name, start, end
        if opcode.name == "STOP":
            if stream.read(1):
                raise PickleError("more bytes follow its end")
            if end < frame_end:
                raise PickleError("it is cut short")
            return
    raise PickleError(f"it has more than {MAX_OPCODES} opcodes")


def _skip_argument(stream, opcode):
    """Read past an argument in pieces; return the last one."""
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
        size = int.from_bytes(_read(stream, LENGTH_BYTES[size]), "little")
    while size:
        piece = _read(stream, min(size, CHUNK))
        size -= len(piece)
    return piece


def _is_index(name, argument):
    """Whether a place in the memo is one of few: the unpickler allocates as many."""
    if name == "LONG_BINPUT":
        return int.from_bytes(argument, "little") < MAX_OPCODES
    return argument.strip().isdigit() and len(argument) < 9 and int(argument) < MAX_OPCODES


def _read(stream, size):
    data = stream.read(size)
    if len(data) != size:
        raise PickleError("it is cut short")
    return data


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream, classes, encoding):
        super().__init__(stream, encoding=encoding)
        self.classes = classes

    def find_class(self, module, name):
        try:
            return self.classes[f"{module}.{name}"]
        except KeyError:
            name = ascii(f"{module}.{name}")[1:-1][:200]
            raise PickleError(f"it asks for {name}, which was not run") from None
