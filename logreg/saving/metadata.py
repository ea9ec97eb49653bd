"""What the header of a file tells: where it was made, and the metadata of a model, checked."""

import json
import math
import platform
import re
from datetime import datetime, timezone

import numpy

from logreg import __version__, engine
from logreg.errors import ModelFileError
from logreg.hyperparameters import TIES

NEEDED = ("n_in", "n_out", "dtype", "class_labels", "pixel_scale")  # by readers, in each file


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

    Whoever reads the metadata later need not check again. All but what is NEEDED may lack, as in
    older files, or be None.
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
    checks = _schema(n_in, n_out, W.dtype.name, metadata.get("categories"))
    for name in {**checks, **metadata}:
        value, is_right = metadata.get(name), checks.get(name, _is_plain)
        may_lack = name not in NEEDED and value is None
        if not ((may_lack or is_right(value)) and _is_plain(name) and _is_plain(value)):
            raise ModelFileError(
                f"its metadata do not fit a model of {n_in} features and {n_out} classes: "
                f"{ascii(name)[:40]} is {ascii(value)[:80]}"
            )


def _schema(n_in, n_out, dtype, categories):
    """What each entry that is read somewhere must be: checks by names."""
    text, flag = _kind(str), _kind(bool)
    n_columns = len(categories) if isinstance(categories, list) else n_in
    checks = {
        "n_in": whole(n_in, n_in + 1),
        "n_out": whole(n_out, n_out + 1),
        "dtype": _one_of(dtype),
        "class_labels": lambda v: _list(_kind(int), n_out)(v) or _list(text, n_out)(v),
        "class_counts": _list(whole(), n_out),
        "image_shape": lambda v: _list(whole(1), 2, 3)(v) and math.prod(v) == n_in,
        "pixel_scale": number(0, 1e30),
        "x_range": _list(number(), 2),
        "feature_names": _list(text, 0, n_in),
        "feature_means": _list(number(-1e39, 1e39), n_in),
        "feature_scales": _list(number(0, 1e39), n_in),
        "transposed scale_all header": flag,
        "dataset label_name reason": text,
        "label_column": _kind(str, int),
        "label_number": whole(1),
        "dropped": _list(text),
        "decimal": _one_of(".", ","),
        "missing": _one_of("mean", "drop"),
        "columns": _list(text, n_columns),
        # A column of text is a feature for each of its categories.
        "categories": lambda v: (
            _list(or_none(_list(text)))(v)
            and n_in == sum(1 if texts is None else len(texts) for texts in v)
        ),
        "split": _list(whole(1), 3),
        "split_seed shuffle": whole(0, 2**32),
        "batch_size n_train_batches": whole(1),
        "patience patience_increase improvement_threshold": number(0),
        "ties": _one_of(*TIES),
        "curve": _list(is_point),
        "x_median validation_error test_error test_error_all_rows": number(),
    }
    return {name: check for names, check in checks.items() for name in names.split()}


def number(least=-1e308, most=1e308):
    """A check of a value: whether it is a number between two others."""
    return lambda value: type(value) in (int, float) and least < value < most


def whole(least=0, end=2**53):
    """A check of a value: whether it is an integer from `least` on and below `end`."""
    return lambda value: type(value) is int and least <= value < end


def is_point(value):
    """Whether a value is a point of a curve: iteration, cost or None, error, test error or None."""
    checks = whole(), or_none(number()), number(), or_none(number())
    is_four = isinstance(value, list) and len(value) == len(checks)
    return is_four and all(check(n) for check, n in zip(checks, value))


def or_none(check):
    """A check of a value that may also be None."""
    return lambda value: value is None or check(value)


def _kind(*types):
    return lambda value: type(value) in types


def _one_of(*texts):
    return lambda value: value in texts


def _list(check, *lengths):
    return lambda value: (
        isinstance(value, list)
        and (not lengths or len(value) in lengths)
        and all(map(check, value))
    )


def _is_plain(value, depth=2):
    """Whether `value` is a number, printable text or nothing, a list of these, or one of lists."""
    if isinstance(value, list):
        return depth > 0 and all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, str):  # a text from JSON may have code points that cannot be printed
        return not re.search("[\ud800-\udfff]", value)
    if type(value) is int:
        return abs(value) < 2**63
    return isinstance(value, (bool, float, type(None)))
