"""The files of a model, of a net's parameters and of a checkpoint: one format.

A file is a pickle, so that ``pickle.load`` gives the model as in the tutorial, but one of a few
bytes of instructions: call :func:`restore` with a JSON header, the arrays' bytes and the
SHA-256 of both. Plain values only, so every engine, Python and NumPy can read it; and
:func:`load` admits these instructions and no others.
"""

import hashlib
import io
import json
import math
import os
import pickle
from typing import NamedTuple

import numpy

from logreg import engine
from logreg.engine import T
from logreg.errors import ModelFileError
from logreg.model import LogisticRegression
from logreg.saving.metadata import check_model, complete_metadata, provenance, to_json
from logreg.shell import pickles
from logreg.shell.files import explaining, read_whole, replacing

FORMATS = ("logreg model", "logreg checkpoint", "logreg parameters")
VERSION = 1
DTYPES = ("float32", "float64", "uint8")
MAX_BYTES = 1 << 30
MAX_ARRAYS = 10000
# Protocol 3 has bytes, and no framing that differs between versions of Python.
PROTOCOL = 3
# What a file of ours has, and what protocol 4 has in its place.
OPCODES = "PROTO GLOBAL BINPUT BINUNICODE BINBYTES SHORT_BINBYTES TUPLE3 REDUCE STOP "
OPCODES += "FRAME STACK_GLOBAL MEMOIZE SHORT_BINUNICODE"


class _Call(NamedTuple):
    """A call of :func:`restore`, and pickled as one."""

    header: str
    data: bytes
    sha256: str

    def __reduce__(self):
        return restore, tuple(self)


def restore(header, data, sha256):
    """Make what a file of ours describes; this is what ``pickle.load`` calls.

    `header` is JSON, `data` the bytes of the arrays (little-endian, in C order) one after the
    other, and `sha256` the hexadecimal digest of both. Of a model a LogisticRegression is made,
    of a checkpoint and of parameters ``{'header': dict, 'arrays': dict}``.
    """
    if (type(header), type(data), type(sha256)) != (str, bytes, str):
        raise ModelFileError("its parts are not of the right types")
    if _digest(header, data) != sha256:
        raise ModelFileError("it is damaged: the checksum does not match")
    content, arrays = _parse(header, data)
    if content["format"] != "logreg model":
        return {"header": content, "arrays": arrays}
    # The parameters stay as they are, to the last bit, whatever the user's floatX is.
    W = arrays["W"]
    with engine.floatx(W.dtype.name):
        classifier = LogisticRegression(T.matrix("x", dtype=W.dtype.name), *W.shape)
    for param in classifier.params:
        engine.set_value(param, arrays[param.name])
    classifier.metadata = content["metadata"]
    return classifier


def _digest(header, data):
    digest = hashlib.sha256(header.encode("utf-8", "surrogatepass"))
    digest.update(data)
    return digest.hexdigest()


def _parse(header, data):
    """The content of a header, and the arrays by name, read-only; those of a model are checked."""
    try:
        content = json.loads(header)
        kind, version = content["format"], content["version"]
        if kind not in FORMATS or type(version) is not int or version != VERSION:
            raise ModelFileError(
                f"it is a {ascii(kind)[:40]} of version {ascii(version)[:40]}, and this logreg "
                f"reads models, parameters and checkpoints of version {VERSION}: install a newer "
                "logreg"
            )
        arrays, start = {}, 0
        if len(content["arrays"]) > MAX_ARRAYS:
            raise ValueError(f"more than {MAX_ARRAYS} arrays")
        for name, dtype, shape in content["arrays"]:
            if dtype not in DTYPES or any(type(n) is not int or n < 0 for n in shape):
                raise ValueError(f"{ascii(name)[:40]} is {ascii(dtype)[:40]} {ascii(shape)[:40]}")
            little_endian = numpy.dtype(dtype).newbyteorder("<")
            end = start + math.prod(shape) * little_endian.itemsize
            flat = numpy.frombuffer(data[start:end], little_endian)
            arrays[name] = flat.reshape(shape).astype(dtype, copy=False)
            start = end
        if start != len(data):
            raise ValueError(f"{len(data)} bytes of arrays, where {start} are needed")
    except ModelFileError:
        raise
    except (ValueError, TypeError, LookupError, ArithmeticError, RecursionError) as error:
        said = ascii(str(error))[1:-1][:100]
        raise ModelFileError(f"its header does not describe it and its arrays ({said})") from error
    if kind == "logreg model":
        check_model(content.get("metadata"), arrays)
    return content, arrays


def dumps(kind, arrays, **content):
    """Make the bytes of a file; a ModelFileError says why they could not be loaded again.

    `kind` is model, checkpoint or parameters. `arrays` has arrays of float32, float64 or uint8
    by name, and `content` is what JSON can hold, NumPy's numbers included.
    """
    listed, parts = [], []
    for name, array in arrays.items():
        array = numpy.asarray(array)
        listed.append([name, array.dtype.name, array.shape])
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    content.update(format=f"logreg {kind}", version=VERSION, arrays=listed)
    header, data = to_json(content), b"".join(parts)
    _parse(header, data)
    if len(header) + len(data) > MAX_BYTES - 1000:
        raise ModelFileError(f"it would have more than {MAX_BYTES} bytes, too many for a file")
    return pickle.dumps(_Call(header, data, _digest(header, data)), protocol=PROTOCOL)


def dumps_model(classifier, **metadata):
    """Make the bytes of a model file; the arguments are those of :func:`save_model`."""
    if classifier.input.owner is not None:
        raise ModelFileError(
            "the classifier cannot be saved alone: its input is computed by a layer below, and "
            "a model file holds W and b of one layer. Save the parameters of all layers with "
            "save_params, and load them into a net that is built anew with load_params"
        )
    W, b = map(engine.value, classifier.params)
    metadata = {**getattr(classifier, "metadata", {}), **metadata}  # of a model that was loaded
    return dumps("model", {"W": W, "b": b}, metadata=complete_metadata(metadata, W))


def dumps_params(params):
    """Make the bytes of a file of parameters; see :func:`save_params`."""
    values = {f"{i} {param.name}": engine.value(param) for i, param in enumerate(params)}
    return dumps("parameters", values, **provenance())


def loads(data):
    """Read the bytes of a file as :func:`load` reads a file."""
    try:
        call = pickles.load(io.BytesIO(data), {"logreg.saving.restore": _Call}, OPCODES)
        if not isinstance(call, _Call):
            raise pickles.PickleError(f"it makes a {type(call).__name__}")
    except pickles.PickleError as error:
        reason = f"it is not a model file, or it is damaged: {error}"
        if b"LogisticRegression" in data[:1000]:
            reason = (
                "it is a pickle of a whole graph, as the tutorial's own program writes it; "
                "python -m logreg.import_model OLD NEW makes a model file of it"
            )
        raise ModelFileError(reason if data else "it is empty") from error
    return restore(*call)


def load(path):
    """Read a file of ours, as :func:`restore` gives it; a failure is a ModelFileError."""
    faults = OSError, ValueError, MemoryError, RecursionError
    advice = "train a model first (python -m logreg.train), or name another file"
    advice = advice if not os.path.exists(path) else ""
    with explaining(path, "cannot be loaded", advice, of=faults):
        return loads(read_whole(path, MAX_BYTES))


def _load_kind(path, kind):
    loaded = load(path)
    is_model = isinstance(loaded, LogisticRegression)
    found = "model" if is_model else loaded["header"]["format"].split()[1]
    if found != kind:
        raise ModelFileError(f"{path} cannot be loaded: it is a {found} file, not a {kind} file")
    return loaded


def save(path, data):
    """Write bytes in place of what is at `path`; a failure is a ModelFileError."""
    with explaining(path), replacing(path) as file:
        file.write(data)


def save_model(classifier, path, **metadata):
    """Write a model file in place of what is at `path`, or leave that as it is.

    Parameters
    ----------
    classifier : LogisticRegression
        Its parameters are written, and not its input, which must be a variable.
    path : str or path-like
    **metadata
        What is to be known of the training: numbers, text, lists of these. What is read later,
        such as `class_labels` (if not given, 0 .. n_out - 1), `image_shape` (None) and
        `pixel_scale` (1), is checked. What is known of a model that :func:`load_model` gave, its
        date and engine included, stays known.

    Raises
    ------
    ModelFileError
        If the file cannot be written, or the classifier sits on a layer below.

    Examples
    --------
    >>> from logreg import LogisticRegression, load_model, save_model
    >>> from logreg.engine import T
    >>> classifier = LogisticRegression(T.matrix("x"), n_in=4, n_out=2)
    >>> save_model(classifier, "model.pkl", class_labels=["no", "yes"])
    >>> load_model("model.pkl").metadata["class_labels"]
    ['no', 'yes']
    """
    save(path, dumps_model(classifier, **metadata))


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

    Examples
    --------
    >>> from logreg import LogisticRegression, load_model, save_model
    >>> from logreg.engine import T
    >>> save_model(LogisticRegression(T.matrix("x"), n_in=4, n_out=2), "model.pkl")
    >>> load_model("model.pkl").W.get_value().shape
    (4, 2)
    """
    return _load_kind(path, "model")


def save_params(params, path):
    """Write the parameters of a net in place of what is at `path`.

    Parameters
    ----------
    params : list of shared variables
        Of dtype float32 or float64. Of the net nothing else is kept.
    path : str or path-like

    Raises
    ------
    ModelFileError
        If the file cannot be written.

    Examples
    --------
    >>> from logreg import LogisticRegression, save_params
    >>> from logreg.engine import T
    >>> net = LogisticRegression(T.tanh(T.matrix("x")), n_in=4, n_out=2)
    >>> save_params(net.params, "net.pkl")
    """
    save(path, dumps_params(params))


def load_params(params, path):
    """Give the parameters of a net the values that :func:`save_params` wrote.

    Parameters
    ----------
    params : list of shared variables
        Those of a net that was built like the one that was saved.
    path : str or path-like

    Raises
    ------
    ModelFileError
        If it is not such a file, whole and unchanged, or it is of another net. Then no
        parameter is changed.

    Examples
    --------
    >>> from logreg import LogisticRegression, load_params, save_params
    >>> from logreg.engine import T
    >>> net, same = (LogisticRegression(T.tanh(T.matrix("x")), 4, 2) for _ in range(2))
    >>> save_params(net.params, "net.pkl")
    >>> load_params(same.params, "net.pkl")
    """
    values = list(_load_kind(path, "parameters")["arrays"].values())
    there = [(value.dtype.name, value.shape) for value in values]
    here = [(param.dtype, engine.value(param).shape) for param in params]
    if there != here:
        raise ModelFileError(
            f"{path} is of another net: its parameters are {str(there)[:200]}, those of this net "
            f"{str(here)[:200]}"
        )
    for param, value in zip(params, values):
        engine.set_value(param, value)
