"""What the header of a file tells: its format, its arrays, and the metadata of a model."""

import json
import math
import platform
from datetime import datetime, timezone

import numpy

from logreg import __version__, engine
from logreg.errors import ModelFileError

FORMATS = ("logreg model", "logreg checkpoint", "logreg parameters")
VERSION = 1
DTYPES = ("float32", "float64", "uint8")
MAX_SIDE = 1 << 30  # of an array


def header_text(format, arrays, content):
    """Write a header: a file's format, its arrays, and what else is to be told, as JSON."""
    listed = [[name, array.dtype.name, list(array.shape)] for name, array in arrays.items()]
    return _json({**content, "format": format, "version": VERSION, "arrays": listed})


def _json(content):
    def plain(value):
        if isinstance(value, (numpy.generic, numpy.ndarray)):
            return value.tolist()
        raise TypeError(f"{type(value).__name__} is neither text nor a number")

    try:
        return json.dumps(content, sort_keys=True, allow_nan=False, default=plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"JSON cannot hold what is to be saved: {error}") from error


def parse(header, data):
    """Read a header and the bytes of the arrays that it lists.

    Parameters
    ----------
    header : str
    data : bytes

    Returns
    -------
    content : dict
        What the header tells.
    arrays : dict of str to numpy.ndarray
        Read-only.

    Raises
    ------
    ModelFileError
        If the header is not one that this logreg knows, or does not describe the data.
    """
    try:
        content = json.loads(header)
        is_known = content["format"] in FORMATS and content["version"] == VERSION
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        said = ascii(str(error))[1:-1][:100]
        raise ModelFileError(f"its header does not say what it is ({said})") from error
    if not is_known:
        raise ModelFileError(
            f"it is a {ascii(content['format'])[:40]} of version "
            f"{ascii(content['version'])[:40]}, and this logreg reads models, parameters and "
            f"checkpoints of version {VERSION}: install a newer logreg"
        )
    return content, _arrays(content, data)


def _arrays(content, data):
    arrays, start = {}, 0
    try:
        for name, dtype, shape in content["arrays"]:
            if name in arrays or dtype not in DTYPES or not _is_shape(shape):
                raise ValueError(f"one is of type {ascii(dtype)[:40]}, {ascii(shape)[:40]}")
            little_endian = numpy.dtype(dtype).newbyteorder("<")
            end = start + math.prod(shape) * little_endian.itemsize
            if end > len(data):
                raise ValueError("one is cut short")
            flat = numpy.frombuffer(data[start:end], little_endian)
            arrays[name] = flat.reshape(shape).astype(dtype, copy=False)
            start = end
        if start != len(data):
            raise ValueError(f"{len(data) - start} bytes too many")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"its header does not describe its arrays ({error})") from error
    return arrays


def _is_shape(shape):
    is_list = isinstance(shape, list) and len(shape) <= 8
    return is_list and all(type(n) is int and 0 <= n <= MAX_SIDE for n in shape)


def provenance():
    """Where and when a file is made: versions and the date (UTC), as a dict."""
    return {
        "engine": f"{engine.NAME} {engine.VERSION}",
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "logreg": __version__,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }


def complete_metadata(metadata, W):
    """Add what every model file tells, and make all of it plain: as it will be loaded.

    Parameters
    ----------
    metadata : dict of str to value
        As :func:`logreg.saving.save_model` takes it.
    W : numpy.ndarray, shape (n_in, n_out)

    Returns
    -------
    dict
        Of numbers, printable text, and lists of these.

    Raises
    ------
    ModelFileError
        If it could not be loaded, or does not fit the parameters.
    """
    n_in, n_out = W.shape
    metadata = {
        "class_labels": list(range(n_out)),
        "image_shape": None,
        "pixel_scale": 1,
        **metadata,
        **provenance(),
        "n_in": n_in,
        "n_out": n_out,
        "dtype": W.dtype.name,
    }
    # Tuples become lists, and NumPy's numbers Python's.
    plain = json.loads(_json({name: _printable(value) for name, value in metadata.items()}))
    check_metadata(plain, W)
    return plain


def _printable(value):
    if isinstance(value, (list, tuple)):
        return [_printable(item) for item in value]
    if isinstance(value, str):
        # The bytes of a file's name need not be text: Python then has code points that
        # cannot be printed.
        return value.encode("utf-8", "replace").decode()
    return value


def check_metadata(metadata, W):
    """Check that metadata are plain and fit the parameters.

    Whoever reads them later, to print them or to prepare an image, need not check again.

    Parameters
    ----------
    metadata : object
        As JSON gives it.
    W : numpy.ndarray, shape (n_in, n_out)

    Raises
    ------
    ModelFileError
        If they do not.
    """
    if not isinstance(metadata, dict):
        raise ModelFileError("its header has no metadata")
    n_in, n_out = W.shape
    labels, shape, scale, split = map(
        metadata.get, ("class_labels", "image_shape", "pixel_scale", "split")
    )
    checks = {
        "n_in": metadata.get("n_in") == n_in,
        "n_out": metadata.get("n_out") == n_out,
        "dtype": metadata.get("dtype") == W.dtype.name,
        "class_labels": isinstance(labels, list)
        and len(labels) == n_out
        and set(map(type, labels)) in ({int}, {str}),
        "image_shape": shape is None
        or (_are_counts(shape, n_in) and len(shape) in (2, 3) and math.prod(shape) == n_in),
        "pixel_scale": type(scale) in (int, float) and 0 < scale < 1e30,
        "split": split is None or (_are_counts(split, 2**53) and len(split) == 3),
    }
    for name in {**checks, **metadata}:
        value = metadata.get(name)
        if not (checks.get(name, True) and _is_plain(name) and _is_plain(value)):
            raise ModelFileError(
                f"its metadata do not fit a model of {n_in} features and {n_out} classes: "
                f"{ascii(name)[:40]} is {ascii(value)[:80]}"
            )


def _are_counts(value, largest):
    return isinstance(value, list) and all(type(n) is int and 0 < n <= largest for n in value)


def _is_plain(value):
    """Whether `value` is a number, text or nothing, or a list of these."""
    if isinstance(value, list):
        return all(_is_plain(item) and not isinstance(item, list) for item in value)
    if isinstance(value, str):
        return value == _printable(value)
    return isinstance(value, (int, float, type(None)))
