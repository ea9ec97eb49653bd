"""The model file: written whole or not at all, read without running anything.

It is a pickle, so that ``pickle.load`` gives the model as in the tutorial, but one of a few
bytes of instructions: call :func:`restore` with a JSON header, the parameters' bytes and the
SHA-256 of both. Plain values only, so every engine, Python and NumPy can read it. And since
these instructions are always the same, :func:`load_model` needs no unpickler: it compares.
"""

import contextlib
import hashlib
import json
import math
import pickletools
import struct

import numpy
from six.moves import cPickle as pickle

from logreg import engine
from logreg.engine import T
from logreg.errors import ModelFileError
from logreg.files import read_whole, replacing, try_replacing
from logreg.metadata import check_metadata, complete_metadata
from logreg.model import LogisticRegression

FORMATS = ("logreg model", "logreg checkpoint", "logreg parameters")
VERSION = 1
# Protocol 3 has bytes, and no framing that differs between versions of Python.
PROTOCOL = 3
MAX_BYTES = 1 << 30
MAX_HEADER = 1 << 24
MAX_DIGITS = 4300  # of an integer in the header: older Pythons would read on for hours
DTYPES = ("float32", "float64", "uint8")
# What every dump begins with: protocol, the call, its place in the memo.
PREFIX = b"\x80\x03clogreg.saving\nrestore\nq\x00"
# The opcodes of text and bytes, and how their length is written.
STRINGS = {b"X": "<I", b"B": "<I", b"C": "<B"}


class _Call:
    """Pickled as a call of :func:`restore`."""

    def __init__(self, *args):
        self.args = args

    def __reduce__(self):
        return restore, self.args


def restore(header, data, sha256):
    """Make what a file of ours describes; this is what ``pickle.load`` calls.

    Parameters
    ----------
    header : str
        JSON.
    data : bytes
        The arrays, one after the other, little-endian, in C order.
    sha256 : str
        Hexadecimal digest of header and data.

    Returns
    -------
    LogisticRegression or dict
        The model; for a checkpoint, its header and arrays.

    Raises
    ------
    ModelFileError
        If the digest does not match or the header does not describe the data.
    """
    if not (isinstance(header, str) and isinstance(data, bytes) and isinstance(sha256, str)):
        raise ModelFileError("its parts are not of the right types")
    if _digest(header, data) != sha256:
        raise ModelFileError("it is damaged: the checksum does not match")
    content = _parse(header)
    arrays = _arrays(content, data)
    if content["format"] == "logreg model":
        return _model(content, arrays)
    return {"header": content, "arrays": arrays}


def _digest(header, data):
    digest = hashlib.sha256(header.encode("utf-8", "surrogatepass"))
    digest.update(data)
    return digest.hexdigest()


def _parse(header):
    if len(header) > MAX_HEADER:
        raise ModelFileError(f"its header has more than {MAX_HEADER} characters")
    try:
        content = json.loads(header, parse_int=_integer)
        is_known = content["format"] in FORMATS and content["version"] == VERSION
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise ModelFileError(f"its header does not say what it is ({error})") from error
    if not is_known:
        raise ModelFileError(
            f"it is a {ascii(content['format'])[:40]} of version "
            f"{ascii(content['version'])[:40]}, and this logreg reads models, parameters and "
            f"checkpoints of version {VERSION}: install a newer logreg"
        )
    return content


def _integer(text):
    if len(text) > MAX_DIGITS:
        raise ValueError("an integer is too long")
    return int(text)


def _arrays(content, data):
    """The arrays that the header lists, as views of the data."""
    arrays, start = {}, 0
    try:
        for name, dtype, shape in content["arrays"]:
            if name in arrays or dtype not in DTYPES or not _is_shape(shape):
                raise ValueError(f"one is of type {ascii(dtype)[:40]}, {ascii(shape)[:40]}")
            little_endian = numpy.dtype(dtype).newbyteorder("<")
            size = math.prod(shape) * little_endian.itemsize
            if start + size > len(data):
                raise ValueError("one is cut short")
            flat = numpy.frombuffer(data[start : start + size], dtype=little_endian)
            arrays[name] = flat.reshape(shape).astype(dtype, copy=False)
            start += size
        if start != len(data):
            raise ValueError(f"{len(data) - start} bytes too many")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"its header does not describe its arrays ({error})") from error
    return arrays


def _is_shape(shape):
    return (
        isinstance(shape, list)
        and len(shape) <= 8
        and all(type(n) is int and 0 <= n <= MAX_BYTES for n in shape)
    )


def _model(content, arrays):
    if set(arrays) != {"W", "b"}:
        raise ModelFileError("it does not hold the W and b of a LogisticRegression")
    W, b = arrays["W"], arrays["b"]
    fit = W.ndim == 2 and W.size > 0 and b.shape == W.shape[1:]
    if not fit or W.dtype.kind != "f" or W.dtype != b.dtype:
        raise ModelFileError(
            f"its W is {W.dtype} {W.shape} and its b is {b.dtype} {b.shape}: they do not fit"
        )
    check_metadata(content.get("metadata"), W)
    # The parameters stay as they are, to the last bit, whatever the user's floatX is.
    with engine.floatx(W.dtype.name):
        classifier = LogisticRegression(T.matrix("x", dtype=W.dtype.name), *W.shape)
    for param in classifier.params:
        engine.set_value(param, arrays[param.name])
    classifier.metadata = content["metadata"]
    return classifier


def dump(kind, arrays, **content):
    """The bytes of a file.

    Parameters
    ----------
    kind : {'model', 'checkpoint', 'parameters'}
    arrays : dict of str to numpy.ndarray
        Of dtype float32, float64 or uint8.
    **content
        What JSON can hold, NumPy's numbers included.

    Returns
    -------
    bytes

    Raises
    ------
    ModelFileError
        If it could not be loaded again.
    """
    arrays = {name: numpy.asarray(array) for name, array in arrays.items()}
    content["format"] = "logreg " + kind
    content["version"] = VERSION
    content["arrays"] = [[name, a.dtype.name, list(a.shape)] for name, a in arrays.items()]
    header = _json(content)
    data = b"".join(
        array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        for array in arrays.values()
    )
    _arrays(_parse(header), data)
    if len(header) + len(data) > MAX_BYTES - 1000:
        raise ModelFileError(f"it would have more than {MAX_BYTES} bytes, too many for a file")
    return _pickled(header, data)


def _json(content):
    def plain(value):
        if isinstance(value, (numpy.generic, numpy.ndarray)):
            return value.tolist()
        raise TypeError(f"{type(value).__name__} is neither text nor a number")

    try:
        return json.dumps(content, sort_keys=True, allow_nan=False, default=plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"JSON cannot hold what is to be saved: {error}") from error


def _pickled(header, data):
    return pickle.dumps(_Call(header, data, _digest(header, data)), protocol=PROTOCOL)


def load_model(path):
    """Read a model file without running anything that it says.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    LogisticRegression
        Over a fresh ``T.matrix('x')``, its parameters equal to those saved to the last bit.
        Its attribute `metadata` is a dict of what is known of its training.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a model file of ours, whole and unchanged.
    """
    model = load(path)
    if kind_of(model) != "model":
        raise ModelFileError(f"{path} cannot be loaded: it is a {kind_of(model)}, not a model")
    return model


def save_model(classifier, path, **metadata):
    """Write a model file in place of what is at `path`, or leave that as it is.

    Parameters
    ----------
    classifier : LogisticRegression
        Its parameters are written, and not its input, which must be a variable.
    path : str or path-like
    **metadata
        What is to be known of the training: numbers, text, lists of these. `class_labels`
        (if not given, 0 .. n_out - 1), `image_shape` (None) and `pixel_scale` (1) are
        checked against the parameters.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or the classifier sits on a layer below.
    """
    save(path, dump_model(classifier, **metadata))


def dump_model(classifier, **metadata):
    """The bytes of a model file; the arguments are those of :func:`save_model`."""
    if classifier.input.owner is not None:
        raise ModelFileError(
            "the classifier cannot be saved alone: its input is computed by a layer below, and "
            "a model file holds W and b of one layer. Save the parameters of all layers with "
            "save_params, and load them into a net that is built anew with load_params"
        )
    W, b = (engine.value(param) for param in classifier.params)
    # As they will be loaded: tuples are lists then, and NumPy's numbers are Python's.
    metadata = json.loads(_json(complete_metadata(metadata, W)))
    check_metadata(metadata, W)
    return dump("model", {"W": W, "b": b}, metadata=metadata)


def check_writable(path):
    """Raise a ModelFileError now if a file at `path` could not be written later."""
    try:
        try_replacing(path)
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{path} cannot be written: {_reason(error)}; "
            "make its folder or give access, or name another file"
        ) from error


def save(path, data):
    """Write bytes in place of what is at `path`; a failure is a ModelFileError."""
    try:
        with replacing(path) as file:
            file.write(data)
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{path} cannot be written: {_reason(error)}; what was there before is unchanged"
        ) from error


def kind_of(loaded):
    """What a loaded file was: 'model', 'checkpoint' or 'parameters'."""
    if isinstance(loaded, LogisticRegression):
        return "model"
    return loaded["header"]["format"].split()[1]


def load(path):
    """Read a file of ours, as :func:`restore` returns it; a failure is a ModelFileError."""
    try:
        return loads(read_whole(path, MAX_BYTES))
    except (OSError, ValueError, MemoryError, RecursionError) as error:
        reason = _reason(error) or "it needs more memory than there is"
        if isinstance(error, FileNotFoundError):
            reason += "; train a model first (python -m logreg.train), or name another file"
        raise ModelFileError(f"{path} cannot be loaded: {reason}") from error


def loads(data):
    """As :func:`load`, from the bytes of a file."""
    return restore(*_parts(data))


def _reason(error):
    # An OSError's text has the name of the file as well, which here may be a temporary one.
    return getattr(error, "strerror", None) or str(error)


def _parts(data):
    """Header, data and digest of a dump, if `data` is one to the last byte."""
    if not data.startswith(PREFIX):
        raise ModelFileError(_foreign(data))
    parts, start = [], len(PREFIX)
    try:
        for _ in range(3):
            code = STRINGS[data[start : start + 1]]
            (size,) = struct.unpack_from(code, data, start + 1)
            start += 1 + struct.calcsize(code)
            parts.append(data[start : start + size])
            start += size + 2  # past its place in the memo
        header, content, digest = parts
        header, digest = header.decode("utf-8", "surrogatepass"), digest.decode("ascii")
    except (KeyError, ValueError, struct.error) as error:
        raise ModelFileError("it is cut short or damaged") from error
    if _pickled(header, content) != data:
        raise ModelFileError("it is cut short or damaged: its bytes are not as once written")
    return header, content, digest


def _foreign(data):
    """What a file is that is not ours, as far as its beginning tells."""
    if not data:
        return "it is empty"
    if PREFIX.startswith(data):
        return "it is cut short"
    data = data[:1000]
    if b"LogisticRegression" in data:
        return (
            "it is a pickle of a whole graph, as the tutorial's own program writes it; "
            "scripts/import_tutorial_model.py makes a model file of it"
        )
    texts = []
    with contextlib.suppress(Exception):  # these may be any bytes
        for opcode, arg, _ in pickletools.genops(data):
            if opcode.name in ("GLOBAL", "INST", "STACK_GLOBAL"):
                name = ".".join(arg.split(" ") if arg else texts[-2:])
                return f"it is a pickle that asks for {ascii(name)[1:-1][:80]}, which was not run"
            if isinstance(arg, str):
                texts.append(arg)
    return "it is not a model file, or its beginning is damaged"
