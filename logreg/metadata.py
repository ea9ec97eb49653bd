"""What a model file tells of its model, beside the parameters."""

import math
import platform
from datetime import datetime, timezone

import numpy

from logreg import __version__, engine
from logreg.errors import ModelFileError


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
    """Add what every model file tells, and make text printable.

    Parameters
    ----------
    metadata : dict of str to value
        As :func:`logreg.saving.save_model` takes it.
    W : numpy.ndarray, shape (n_in, n_out)

    Returns
    -------
    dict
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
    return {name: _printable(value) for name, value in metadata.items()}


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
    labels, shape, scale = map(metadata.get, ("class_labels", "image_shape", "pixel_scale"))
    checks = {
        "n_in": metadata.get("n_in") == n_in,
        "n_out": metadata.get("n_out") == n_out,
        "dtype": metadata.get("dtype") == W.dtype.name,
        "class_labels": isinstance(labels, list)
        and len(labels) == n_out
        and set(map(type, labels)) in ({int}, {str}),
        "image_shape": shape is None
        or (
            isinstance(shape, list)
            and len(shape) in (2, 3)
            and all(type(n) is int and 0 < n <= n_in for n in shape)
            and math.prod(shape) == n_in
        ),
        "pixel_scale": type(scale) in (int, float) and 0 < scale < 1e30,
    }
    for name in {**checks, **metadata}:
        value = metadata.get(name)
        if not (checks.get(name, True) and _is_plain(name) and _is_plain(value)):
            raise ModelFileError(
                f"its metadata do not fit a model of {n_in} features and {n_out} classes: "
                f"{ascii(name)[:40]} is {ascii(value)[:80]}"
            )


def _is_plain(value):
    """Whether `value` is a number, text or nothing, or a list of these."""
    if isinstance(value, list):
        return all(_is_plain(item) and not isinstance(item, list) for item in value)
    if isinstance(value, str):
        return value == _printable(value)
    return isinstance(value, (int, float, type(None)))
