"""The model file: written whole or not at all, read without running anything.

It is a pickle, so that ``pickle.load`` gives the model as in the tutorial, but one of a few
bytes of instructions: call :func:`restore` with a JSON header, the parameters' bytes and the
SHA-256 of both. Plain values only, so every engine, Python and NumPy can read it.
"""

import hashlib
import io
import json
import os
import pickletools
import platform
import tempfile
from datetime import datetime, timezone

import numpy
from six.moves import cPickle as pickle

from logreg import __version__, engine
from logreg.engine import T
from logreg.errors import ModelFileError
from logreg.files import replacing
from logreg.model import LogisticRegression

VERSION = 1
# Protocol 3 has bytes, and no framing that differs between versions of Python.
PROTOCOL = 3
MAX_BYTES = 1 << 30
# All that a dump of ours consists of. What else an unpickler can be made to do, allocate
# included, is refused before it starts.
OPCODES = {"PROTO", "GLOBAL", "BINPUT", "BINUNICODE", "SHORT_BINBYTES", "BINBYTES"}
OPCODES |= {"TUPLE3", "REDUCE", "STOP"}


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
    try:
        content = json.loads(header)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"its header is not JSON ({error})") from error
    if not isinstance(content, dict) or content.get("format") not in (
        "logreg model",
        "logreg checkpoint",
    ):
        raise ModelFileError("its header does not say what it is")
    if content.get("version") != VERSION:
        raise ModelFileError(
            f"it is of format version {content.get('version')!r}, and this logreg reads "
            f"version {VERSION}: install a newer logreg"
        )
    return content


def _arrays(content, data):
    """The arrays that the header lists, as views of the data."""
    arrays, start = {}, 0
    try:
        for name, dtype, shape in content["arrays"]:
            if dtype not in ("float32", "float64", "uint8") or not all(
                isinstance(n, int) and 0 <= n <= MAX_BYTES for n in shape
            ):
                raise ValueError(f"{name} is of type {dtype!r} and shape {shape!r}")
            little_endian = numpy.dtype(dtype).newbyteorder("<")
            size = little_endian.itemsize
            for n in shape:
                size *= n
            if start + size > len(data):
                raise ValueError(f"{name} is cut short")
            flat = numpy.frombuffer(data[start : start + size], dtype=little_endian)
            arrays[name] = flat.reshape(shape).astype(dtype, copy=False)
            start += size
        if start != len(data):
            raise ValueError(f"{len(data) - start} bytes too many")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"its header does not describe its arrays ({error})") from error
    return arrays


def _model(content, arrays):
    if set(arrays) != {"W", "b"} or arrays["b"].shape != arrays["W"].shape[1:]:
        raise ModelFileError("it does not hold the W and b of a LogisticRegression")
    if not isinstance(content.get("metadata"), dict):
        raise ModelFileError("its header has no metadata")
    dtype = arrays["W"].dtype.name
    # The parameters stay as they are, to the last bit, whatever the user's floatX is.
    with engine.floatx(dtype):
        classifier = LogisticRegression(T.matrix("x", dtype=dtype), *arrays["W"].shape)
    for param in classifier.params:
        param.set_value(arrays[param.name].copy(), borrow=True)
    classifier.metadata = content["metadata"]
    return classifier


def dump(kind, arrays, **content):
    """The bytes of a file.

    Parameters
    ----------
    kind : {'model', 'checkpoint'}
    arrays : dict of str to numpy.ndarray
        Of dtype float32, float64 or uint8.
    **content
        What JSON can hold.

    Returns
    -------
    bytes
    """
    arrays = {name: numpy.asarray(array) for name, array in arrays.items()}
    content["format"] = "logreg " + kind
    content["version"] = VERSION
    content["arrays"] = [[name, a.dtype.name, list(a.shape)] for name, a in arrays.items()]
    header = json.dumps(content, sort_keys=True, allow_nan=False)
    data = b"".join(
        array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        for array in arrays.values()
    )
    return _pickled(header, data)


def _pickled(header, data):
    return pickle.dumps(_Call(header, data, _digest(header, data)), protocol=PROTOCOL)


class _Unpickler(pickle.Unpickler):
    """Knows one name, and does not even call what it stands for."""

    def find_class(self, module, name):
        if (module, name) != (restore.__module__, restore.__name__):
            raise pickle.UnpicklingError(f"it calls {module}.{name}")
        return lambda *args: args


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
    if not isinstance(model, LogisticRegression):
        raise ModelFileError(f"{path} cannot be loaded: it is a checkpoint, not a model")
    return model


def save_model(classifier, path, **metadata):
    """Write a model file in place of what is at `path`, or leave that as it is.

    Parameters
    ----------
    classifier : LogisticRegression
        Its parameters are written, and not its input.
    path : str or path-like
    **metadata
        What is to be known of the training; anything that JSON can hold.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """
    save(path, dump_model(classifier, **metadata))


def dump_model(classifier, **metadata):
    """The bytes of a model file; the arguments are those of :func:`save_model`."""
    arrays = {param.name: param.get_value(borrow=True) for param in classifier.params}
    n_in, n_out = arrays["W"].shape
    metadata.update(n_in=n_in, n_out=n_out, dtype=arrays["W"].dtype.name, **provenance())
    return dump("model", arrays, metadata=metadata)


def check_writable(path):
    """Raise a ModelFileError now if a file at `path` could not be written later."""
    folder = os.path.dirname(os.path.realpath(path))
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
        if os.path.exists(path) and not os.path.isfile(path):
            raise OSError("it is not a regular file")
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be written: {error.strerror or error}; "
            "make its folder or give access, or name another file"
        ) from error


def provenance():
    """Where and when a file is made: versions and the date (UTC), as a dict."""
    return {
        "engine": f"{engine.NAME} {engine.VERSION}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "logreg": __version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def save(path, data):
    """Write bytes in place of what is at `path`; a failure is a ModelFileError."""
    try:
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise ModelFileError(
            f"{path} cannot be written: {error.strerror or error}; "
            "what was there before is unchanged"
        ) from error


def load(path):
    """Read a file of ours, as :func:`restore` returns it; a failure is a ModelFileError."""
    data = b""
    try:
        data = _read(path)
        return restore(*_parts(data))
    except ModelFileError as error:
        reason = str(error)
        if b"LogisticRegression" in data:
            reason = (
                "it is a pickle of a whole graph, as the tutorial's own program writes it; "
                "scripts/import_tutorial_model.py makes a model file of it"
            )
        raise ModelFileError(f"{path} cannot be loaded: {reason}") from error


def _read(path):
    try:
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ModelFileError(error.strerror or str(error)) from error
    if not data:
        raise ModelFileError("it is empty")
    if len(data) > MAX_BYTES:
        raise ModelFileError(f"it has more than {MAX_BYTES} bytes, too many for a model")
    return data


def _parts(data):
    """Header, data and digest of a dump, if `data` is one to the last byte."""
    try:
        for opcode, _, position in pickletools.genops(data):
            if opcode.name not in OPCODES:
                raise ModelFileError(
                    f"it is not a model file ({opcode.name} at byte {position})"
                )
        parts = _Unpickler(io.BytesIO(data)).load()
        header, content, _ = parts
        if _pickled(header, content) != data:
            raise ModelFileError("it is damaged: its bytes are not as they were written")
    except ModelFileError:
        raise
    except Exception as error:  # whatever a pickle of unknown origin may provoke
        raise ModelFileError(f"it is not a model file, or is damaged ({error})") from error
    return parts
