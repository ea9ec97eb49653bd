"""What the header of a file tells: where it was made, and the metadata of a model, checked."""

import json
import math
import platform
import re
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


def _plain(value):
    if isinstance(value, (numpy.generic, numpy.ndarray)):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} is neither text nor a number")


def to_json(content):
    """Write a header; NumPy's numbers become Python's."""
    options = {"sort_keys": True, "allow_nan": False, "ensure_ascii": False}
    try:
        text = json.dumps(content, default=_plain, **options)
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelFileError(f"JSON cannot hold what is to be saved: {error}") from error
    # What Python makes of a file's name that is no text cannot be printed.
    return text.encode("utf-8", "replace").decode()


def complete_metadata(metadata, W):
    """Add what every model file tells to the metadata of a model with these weights."""
    n_in, n_out = W.shape
    return {
        "class_labels": list(range(n_out)),
        "image_shape": None,
        "pixel_scale": 1,
        **provenance(),
        **metadata,
        "n_in": n_in,
        "n_out": n_out,
        "dtype": W.dtype.name,
    }


def check_model(metadata, arrays):
    """Check that the arrays are W and b of a model, and that its metadata are plain and fit them.

    Whoever reads the metadata later, to print them or to prepare an image, need not check again.
    """
    if set(arrays) != {"W", "b"}:
        raise ModelFileError("it does not hold the W and b of a LogisticRegression")
    W, b = arrays["W"], arrays["b"]
    fit = W.ndim == 2 and W.size > 0 and b.shape == W.shape[1:]
    if not fit or W.dtype.kind != "f" or W.dtype != b.dtype:
        raise ModelFileError(
            f"its W is {W.dtype} {W.shape} and its b is {b.dtype} {b.shape}: they do not fit"
        )
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
        "image_shape": shape is None or (_are_counts(shape, 2, 3) and math.prod(shape) == n_in),
        "pixel_scale": type(scale) in (int, float) and 0 < scale < 1e30,
        "split": split is None or _are_counts(split, 3),
    }
    checks.update(_tables(metadata, n_in))
    for name in {**checks, **metadata}:
        value = metadata.get(name)
        if not (checks.get(name, True) and _is_plain(name) and _is_plain(value)):
            raise ModelFileError(
                f"its metadata do not fit a model of {n_in} features and {n_out} classes: "
                f"{ascii(name)[:40]} is {ascii(value)[:80]}"
            )


def _tables(told, n_in):
    """Which of the entries that tell how a table was read are as they must be."""

    def are_all(values, *kinds):
        return isinstance(values, list) and all(isinstance(value, kinds) for value in values)

    def are_moments(name, least):
        values = told.get(name)
        is_list = are_all(values, float, int) and len(values) == n_in
        return values is None or (is_list and all(least < value < 1e39 for value in values))

    columns, categories = told.get("columns"), told.get("categories")
    n_features = n_in
    if are_all(categories, list, type(None)):
        n_features = sum(1 if texts is None else len(texts) for texts in categories)
    n_columns = len(categories) if isinstance(categories, list) else n_in
    return {
        "columns": columns is None or (are_all(columns, str) and len(columns) == n_columns),
        "categories": categories is None
        or (
            n_features == n_in and all(texts is None or are_all(texts, str) for texts in categories)
        ),
        "missing": told.get("missing") in (None, "mean", "drop"),
        "decimal": told.get("decimal") in (None, ".", ","),
        "header": told.get("header") in (None, True, False),
        "label_column": isinstance(told.get("label_column"), (str, int, type(None))),
        "dropped": told.get("dropped") is None or are_all(told["dropped"], str),
        "feature_means": are_moments("feature_means", -1e39),
        "feature_scales": are_moments("feature_scales", 0),
    }


def _are_counts(value, *lengths):
    is_list = isinstance(value, list) and len(value) in lengths
    return is_list and all(type(n) is int and 0 < n < 2**53 for n in value)


def _is_plain(value, depth=2):
    """Whether `value` is a number, printable text or nothing, a list of these, or one of lists."""
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, str):  # a text from JSON may have code points that cannot be printed
        return not re.search("[\ud800-\udfff]", value)
    return isinstance(value, (int, float, type(None)))
