"""Checks of data sets, on NumPy arrays, before an engine sees them.

So the wording is the same on every engine, and an engine that would read foreign memory on
a label out of range never gets one. Rows and columns of arrays are counted from 0.
"""

import re
import warnings

import numpy

from logreg.console import warning
from logreg.datasets.tables import FLOAT32_MAX, Table
from logreg.errors import DatasetError

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
PIXEL_SCALE = 1 / 256  # the tutorial's, and not 1/255
CHUNK = 1 << 20  # elements
MIN_SIDE = 8  # pixels; a smaller square number of features says nothing of an image


def row_chunks(x):
    """Yield (index of the first row, rows) of about `CHUNK` elements."""
    step = max(1, CHUNK // max(1, x[:1].size))
    for start in range(0, len(x), step):
        yield start, x[start : start + step]


def scale_of(x):
    """What features of this dtype are multiplied by: 1/256 if uint8, else 1."""
    return PIXEL_SCALE if x.dtype == numpy.uint8 else 1.0


def check_features(x, source):
    """Check the features of a set, which messages call `source`, and flatten each row.

    Parameters
    ----------
    x : array-like, shape (n, ...)
        Booleans, integers or floats.

    Returns
    -------
    x : numpy.ndarray, shape (n, d)
        Of the same dtype; a view where that can be.
    row_shape : tuple of int
        Of one row before.
    value_range : tuple of float
        The smallest and the largest value.
    """
    x = _as_array(x, source)
    if x.dtype.kind not in "buif":
        raise DatasetError(
            f"{source} has dtype {x.dtype}: numbers are needed, e.g. x.astype('float32')"
        )
    if x.ndim < 2:
        raise DatasetError(
            f"{source} has shape {x.shape}: rows and columns are needed, e.g. x.reshape(n, -1)"
        )
    if x.size == 0:
        raise DatasetError(f"{source} is empty: its shape is {x.shape}")
    row_shape = x.shape[1:]
    x = x.reshape(len(x), -1)
    low, high = numpy.inf, -numpy.inf
    for start, rows in row_chunks(x):
        with numpy.errstate(all="ignore"):
            chunk_low, chunk_high = float(rows.min()), float(rows.max())
            # NaN survives min and max; and what float32 cannot hold would become infinity.
            if not (abs(chunk_low) <= FLOAT32_MAX and abs(chunk_high) <= FLOAT32_MAX):
                is_bad = ~(abs(rows.astype(float)) <= FLOAT32_MAX)
                row, column = numpy.argwhere(is_bad)[0]
                raise DatasetError(
                    f"{source} holds {rows[row, column]} in row {start + row}, column {column} "
                    "(counted from 0): every value must be finite, and no larger than float32 "
                    "can hold; replace it, e.g. with numpy.nan_to_num, or leave out the row"
                )
        low, high = min(low, chunk_low), max(high, chunk_high)
    return x, row_shape, (low, high)


def _as_array(values, source):
    """Make an array of what a user gave; refuse what NumPy can only wrap as objects."""
    if isinstance(values, numpy.ma.MaskedArray):
        raise DatasetError(f"{source} is a masked array: give x.filled(value)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older NumPy's way to say that lists are ragged
            array = numpy.asarray(values)
    except (ValueError, TypeError, OverflowError):
        array = None  # newer NumPy's way to say it
    if array is None or array.dtype.hasobject:
        raise DatasetError(
            f"{source} is an object array: its rows differ in length, or it does not hold numbers; "
            "make every row as long, then x.astype('float32'), y.astype('int64') or y.astype(str)"
        )
    return array


def check_labels(y, n_rows, source):
    """Check the labels of a set, which messages call `source`.

    Parameters
    ----------
    y : array-like or tables.Table
        Of shape (n_rows,): integers, booleans, whole floats, or text.

    Returns
    -------
    class_labels : list of int or list of str
        The labels that occur; from text, some perhaps twice, as of ``1`` and ``1.0``.
    codes : numpy.ndarray
        For each row the index of its label in `class_labels`.
    """
    if isinstance(y, Table):
        found = list(map(_number, y.labels))
        found = y.labels if None in found else found
        return _classes(found, y.first_rows, f"{source} label column", "--label-column"), y.codes
    source += " y"
    y = _as_array(y, source)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim != 1:
        is_hot = y.ndim == 2
        raise DatasetError(
            f"{source} has shape {y.shape}{' (one-hot?)' * is_hot}: one integer a row is needed"
            f"{', e.g. numpy.argmax(y, axis=1)' * is_hot}"
        )
    if len(y) != n_rows:
        raise DatasetError(
            f"{source} has {len(y)} labels, x has {n_rows} rows: each row needs one label"
        )
    if y.dtype.kind == "b":
        y = y.astype("u1")
    if y.dtype.kind not in "iufSU":
        raise DatasetError(
            f"{source} has dtype {y.dtype}: classes are integers, e.g. y.astype('int64'), or text"
        )
    try:
        found, first_rows, codes = numpy.unique(y, return_index=True, return_inverse=True)
        found = found.tolist()
    except ValueError as error:  # code points that do not exist
        raise DatasetError(f"{source} holds text that makes no sense: {error}") from None
    if y.dtype.kind == "S":
        found = [label.decode("utf-8", "backslashreplace") for label in found]
    return _classes(found, first_rows, source), codes.reshape(-1)


def _number(text):
    """The number that a label is; None if it is none, as names such as 1_2 and 007 are not."""
    try:
        if re.match(r".*_|[+-]?0\d", text):
            return None
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None


def _classes(labels, first_rows, source, option=None):
    """Check each of the labels that occur; whole floats become integers."""
    classes = []
    for label, row in zip(labels, first_rows):
        fault = None
        if isinstance(label, str):
            if label.strip().lower() in ("", "nan"):
                fault = f"{'NaN' if label.strip() else 'empty'}; fill it in or leave out the row"
            elif re.search("[\ud800-\udfff]", label):
                fault = "half of a character; write the text again"
        elif not -numpy.inf < label < numpy.inf:
            fault = "NaN or infinite; fill it in or leave out the row"
        elif label != int(label):
            fault = "fractional; give one class per row as an integer"
        else:
            label = int(label)
            fault = "negative; number the classes from 0" if label < 0 else None
        if fault:
            raise DatasetError(
                f"{source} holds the label {ascii(label)[:60]} in row {row}"
                f"{'' if option else ' (counted from 0)'}: labels must not be {fault}"
                f"{f'; {option} names another column' if option else ''}"
            )
        classes.append(label)
    return classes


def number_classes(sets):
    """Number the classes of a data set from 0.

    Parameters
    ----------
    sets : list of (list, numpy.ndarray)
        As from :func:`check_labels`.

    Returns
    -------
    class_labels : list of int or list of str
        The labels as given, sorted; ``range(k)`` if they are that.
    ys : list of numpy.ndarray
        For each of the sets its classes as indices into `class_labels`, int32.
    """
    class_labels = set().union(*(labels for labels, _ in sets))
    if len(set(map(type, class_labels))) > 1:
        some = ", ".join(sorted(ascii(label)[:40] for label in class_labels)[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    ys = [
        numpy.array([index[label] for label in labels], numpy.int32)[codes]
        for labels, codes in sets
    ]
    return class_labels, ys


def check_alike(splits, xs, name):
    """Check that the sets of a data set fit each other.

    `splits` is that of a :class:`~logreg.datasets.sources.RawDataset`, `xs` has the checked
    features.
    """
    x = xs["train"]
    for split, other in xs.items():
        if other.shape[1] != x.shape[1]:
            raise DatasetError(
                f"{name}: the training set has {x.shape[1]} features, the {SPLITS[split]} set "
                f"has {other.shape[1]}: they must have as many, and each set needs labels"
            )
        if scale_of(other) != scale_of(x):
            raise DatasetError(
                f"{name}: the training x is {x.dtype} and the {SPLITS[split]} x is {other.dtype}: "
                "only uint8 pixels are scaled, by 1/256; save both with the same dtype"
            )
    columns = [data.columns for data in splits.values() if isinstance(data, Table)]
    names = {found.names for found in columns} - {None}
    if len({found.label for found in columns}) > 1 or len(names) > 1:
        raise DatasetError(
            f"{name}: the headers of the tables differ, or the label is in another column: they "
            "need the same columns in the same order"
        )


def warn_of_classes(data):
    """Warn of classes that a :class:`~logreg.datasets.DataSet` teaches or tests badly."""
    class_labels, n_rows = data.class_labels, len(data.train[1])
    if len(class_labels) == 1:
        warning(
            f"every row has the label {ascii(class_labels[0])[:40]}: there is nothing to learn; "
            "is it the right column?"
        )
    elif len(class_labels) > max(10, n_rows / 2):
        warning(
            f"there are {len(class_labels)} classes in {n_rows} training rows, "
            f"{class_labels[0]!a}, {class_labels[1]!a}, ...: is that the label?"
        )
        return
    for split in ("valid", "test"):
        lacking = numpy.setdiff1d(getattr(data, split)[1], data.train[1])
        if len(lacking):
            shown = ", ".join(ascii(class_labels[i])[:40] for i in lacking[:10])
            warning(
                f"{len(lacking)} of the {len(class_labels)} classes in the {SPLITS[split]} set "
                f"are in no training row ({shown}): the model cannot learn them; if the rows are "
                "sorted by class, shuffle them (--shuffle SEED)"
            )


def image_shape(row_shape, guess):
    """The shape of the image that a row of `row_shape` is, None if it is none.

    With `guess`, a square number of features is taken for a square image.
    """
    shape = tuple(n for n in row_shape if n != 1)
    if len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4):
        return shape
    side = round(float(numpy.prod(row_shape, dtype=float)) ** 0.5)
    if guess and len(shape) == 1 and side >= MIN_SIDE and side * side == shape[0]:
        return side, side
    return None
