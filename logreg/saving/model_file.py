"""The bytes of a file: a header, which is a dict, and arrays by name; no engine is needed here.

:class:`logreg.saving.facts.ModelFacts` has what the header of a model may say.

A file is a pickle, so that ``pickle.load`` gives the model as in the tutorial. It has one
instruction: call :func:`logreg.saving.restore` with a JSON header, the bytes of the arrays, and
the SHA-256 of both. These are plain values, which every engine, Python and NumPy can read.
:func:`loads` admits this instruction and no other.
"""

import hashlib
import io
import json
import math
import os
import pickle
from typing import NamedTuple

import numpy

from logreg.basics.errors import ModelFileError, cut
from logreg.basics.files import explaining, read_whole
from logreg.parts import pickles
from logreg.saving.facts import ModelFacts, as_json

VERSION = 1
DTYPES = ("float32", "float64", "uint8")
MAX_BYTES = 1 << 30
MAX_AXES = 32  # of an array: NumPy before version 2 has no more
# Protocol 3 has bytes, and no framing that differs between versions of Python.
PROTOCOL = 3
# The bytes of a file; %s stands for the pickled tuple of arguments, without its PROTO and STOP.
CALL = b"\x80\x03clogreg.saving\nrestore\n%sR."
LOADERS = pickles.opcode_loaders(
    "PROTO GLOBAL BINPUT BINUNICODE BINBYTES SHORT_BINBYTES TUPLE3 REDUCE STOP"
)


class _Call(NamedTuple):
    """What a file asks :func:`logreg.saving.restore` to do."""

    header: str
    data: bytes
    sha256: str


def parse(header, data, sha256):
    """Check the arguments of :func:`logreg.saving.restore`, and make the header and the arrays.

    Parameters
    ----------
    header : str
        JSON: `format`, `version`, `arrays` (a list of name, dtype and shape), and what the kind of
        file needs, such as the `metadata` of a model.
    data : bytes
        The arrays, little-endian, in C order, one after the other.
    sha256 : str
        The hexadecimal digest of both.

    Returns
    -------
    header : dict
    arrays : dict of str to numpy.ndarray
        Read-only, of dtype float32, float64 or uint8.

    Raises
    ------
    ModelFileError
        If the digest or the version is wrong, or the header does not fit the bytes.
    """
    if (type(header), type(data), type(sha256)) != (str, bytes, str):
        raise ModelFileError("it is damaged: it holds no header and no bytes")
    if _digest(header, data) != sha256:
        raise ModelFileError("it is damaged: the checksum does not match")
    arrays = {}
    start = 0
    try:
        content = json.loads(header)
        if content["version"] != VERSION:
            raise ValueError(f"it is of version {content['version']}, and {VERSION} is known")
        for name, dtype, shape in content["arrays"]:
            if dtype not in DTYPES:
                raise ValueError(f"{dtype} is no dtype of an array in a file")
            little_endian = numpy.dtype(dtype).newbyteorder("<")
            are_sizes = all(type(n) is int and 0 <= n < MAX_BYTES for n in shape)
            if len(shape) > MAX_AXES or not are_sizes:
                raise ValueError(f"{shape} is no shape")
            end = start + math.prod(shape) * little_endian.itemsize
            flat = numpy.frombuffer(data[start:end], little_endian)
            arrays[str(name)] = flat.reshape(shape).astype(dtype, copy=False)
            start = end
    except (LookupError, TypeError, ValueError, RecursionError) as error:  # of a forged header
        raise ModelFileError(f"its header does not fit: {cut(error)}") from error
    return content, arrays


def model_of(header, arrays):
    """Make :class:`ModelFacts`, W and b of the header and the arrays of a model."""
    number = numpy.empty(())  # stands for what is missing: it is no matrix and no vector
    W = arrays.get("W", number)
    b = arrays.get("b", number)
    is_matrix_of_floats = W.ndim == 2 and W.dtype.name in ("float32", "float64")
    if not is_matrix_of_floats or (b.shape, b.dtype) != (W.shape[1:], W.dtype):
        raise ModelFileError("its W and b are no matrix and vector of floats")
    metadata = header.get("metadata")
    if "tested" in arrays and isinstance(metadata, dict):
        metadata = {**metadata, "tested_probabilities": arrays["tested"]}
    return ModelFacts.from_metadata(metadata, W), W, b


def _digest(header, data):
    digest = hashlib.sha256(header.encode("utf-8", "surrogatepass"))
    digest.update(data)
    return digest.hexdigest()


def dumps(kind, arrays, **content):
    """Make the bytes of a file.

    Parameters
    ----------
    kind : {'model', 'checkpoint', 'parameters'}
    arrays : dict of str to numpy.ndarray
        Of dtype float32, float64 or uint8.
    **content
        The rest of the header: what JSON can hold, and NumPy's numbers.

    Raises
    ------
    ModelFileError
        If the file could not be read again: an array has another dtype, the content is no JSON, or
        there are too many bytes.

    Examples
    --------
    >>> import numpy
    >>> from logreg.saving.model_file import dumps, loads
    >>> header, arrays = loads(dumps("parameters", {"W": numpy.eye(2)}, python="3.11"))
    >>> header["python"], arrays["W"].shape
    ('3.11', (2, 2))
    """
    listed = []
    parts = []
    for name, array in arrays.items():
        if array.dtype.name not in DTYPES:
            raise ModelFileError(f"{name} is {array.dtype}: a file holds {', '.join(DTYPES)}")
        listed.append([name, array.dtype.name, array.shape])
        parts.append(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    content.update(format=f"logreg {kind}", version=VERSION, arrays=listed)
    header = as_json(content)
    data = b"".join(parts)
    if len(header) + len(data) > MAX_BYTES - 1000:  # the pickle has fewer than 1000 other bytes
        raise ModelFileError(f"it would have more than {MAX_BYTES} bytes, too many for a file")
    arguments = pickle.dumps((header, data, _digest(header, data)), PROTOCOL)
    return CALL % arguments[2:-1]  # without PROTO, its first two bytes, and STOP, its last one


def loads(data):
    """Read the bytes of a file: its header and its arrays, as :func:`parse` returns them.

    Nothing in the bytes is run. A ModelFileError says that they are no file of ours, or damaged.
    """
    try:
        classes = {"logreg.saving.restore": _Call}
        call = pickles.load(io.BytesIO(data), len(data), classes, LOADERS)
        if not isinstance(call, _Call):
            raise pickles.PickleError(f"it makes a {type(call).__name__}")
    except pickles.PickleError as error:
        raise ModelFileError(f"it is not a model file, or it is damaged: {error}") from error
    return parse(*call)


def read(path, kind="model"):
    """Read a file of a kind: its header and its arrays, as :func:`parse` returns them.

    Parameters
    ----------
    path : str or path-like
    kind : {'model', 'checkpoint', 'parameters'}

    Raises
    ------
    ModelFileError
        If there is no such file, or it is of another kind, or not whole and unchanged.
    """
    with _explaining_faults(path):
        data = read_whole(path, MAX_BYTES)
        if b"logreg.saving" not in data[:100] and b"LogisticRegression" in data[:1000]:
            from logreg.saving import foreign  # imported only when needed

            header, arrays = foreign.loads(data)  # a model of the tutorial's own program
        else:
            header, arrays = loads(data)
        if header.get("format") != f"logreg {kind}":
            found = cut(header.get("format")).replace("logreg ", "")
            advice = ""
            if kind == "model":
                advice = "; BestModel(path, classifier) and save_model write one"
            raise ModelFileError(f"it is a {found} file, not a {kind} file{advice}")
        return header, arrays


def read_model(path):
    """Read a model file: its :class:`ModelFacts`, W and b; the errors are those of :func:`read`."""
    header, arrays = read(path)
    with _explaining_faults(path):
        return model_of(header, arrays)


def _explaining_faults(path):
    """Turn an error in the block into a ModelFileError that says that the file cannot be loaded.

    A ModelFileError is a ValueError, so one that is raised in the block gets the path, too.
    """
    faults = OSError, ValueError, MemoryError, RecursionError
    advice = "" if os.path.exists(path) else "train a model first: python -m logreg.train"
    return explaining(path, "cannot be loaded", advice, catch=faults)
