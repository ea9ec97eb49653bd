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
            f"its W is {W.dtype} {str(W.shape)[:80]} and its b is {b.dtype} {str(b.shape)[:80]}: "
            "they do not fit"
        )
    if not isinstance(metadata, dict):
        raise ModelFileError("its header has no metadata")
    n_in, n_out = W.shape
    labels, shape, scale, split = map(
        metadata.get, ("class_labels", "image_shape", "pixel_scale", "split")
    )
    checks = {
        "n_in": _are_counts([metadata.get("n_in")], 1) and metadata["n_in"] == n_in,
        "n_out": _are_counts([metadata.get("n_out")], 1) and metadata["n_out"] == n_out,
        "dtype": metadata.get("dtype") == W.dtype.name,
        "class_labels": isinstance(labels, list)
        and len(labels) == n_out
        and set(map(type, labels)) in ({int}, {str}),
        "image_shape": shape is None or (_are_counts(shape, 2, 3) and math.prod(shape) == n_in),
        "pixel_scale": type(scale) in (int, float) and 0 < scale < 1e30,
        "split": split is None or _are_counts(split, 3),
    }
    checks.update(_checks_of_table(metadata, n_in))
    for name in {**checks, **metadata}:
        value = metadata.get(name)
        if not (checks.get(name, True) and _is_plain(name) and _is_plain(value)):
            raise ModelFileError(
                f"its metadata do not fit a model of {n_in} features and {n_out} classes: "
                f"{ascii(name)[:40]} is {ascii(value)[:80]}"
            )


def _checks_of_table(told, n_in):
    """Which of the entries that tell how a table was read are as they must be."""

    def is_list(name, kinds, length=None):
        values = told.get(name)
        is_right = isinstance(values, list) and all(isinstance(value, kinds) for value in values)
        return values is None or (is_right and length in (None, len(values)))

    def is_between(name, least, most):
        return is_list(name, (float, int), n_in) and all(
            least < value < most for value in told.get(name) or ()
        )

    n_columns, are_categories = n_in, is_list("categories", (list, type(None)))
    if are_categories and told.get("categories") is not None:
        categories = told["categories"]
        n_columns = len(categories)
        features = [text for texts in categories for text in ([""] if texts is None else texts)]
        are_categories = len(features) == n_in and all(isinstance(text, str) for text in features)
    return {
        "columns": is_list("columns", str, n_columns),
        "categories": are_categories,
        "missing": told.get("missing") in (None, "mean", "drop"),
        "decimal": told.get("decimal") in (None, ".", ","),
        "header": told.get("header") in (None, True, False),
        "label_column": isinstance(told.get("label_column"), (str, int, type(None))),
        "dropped": is_list("dropped", str),
        "feature_means": is_between("feature_means", -1e39, 1e39),
        "feature_scales": is_between("feature_scales", 0, 1e39),
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
    if type(value) is int:
        return abs(value) < 2**63
    return isinstance(value, (bool, float, type(None)))
