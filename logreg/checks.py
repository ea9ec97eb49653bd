"""Checks of data sets, on NumPy arrays, before an engine sees them.

So the wording is the same on every engine, and an engine that would read foreign memory on
a label out of range never gets one. Rows and columns of arrays are counted from 0.
"""

import warnings
from typing import NamedTuple

import numpy

from logreg.errors import DatasetError

CHUNK = 1 << 20  # elements
MIN_SIDE = 8  # pixels; a smaller square number of features says nothing of an image


class Labels(NamedTuple):
    """Labels that were checked, not yet numbered.

    Attributes
    ----------
    values : list of int or list of str
        Those that occur, each once.
    codes : numpy.ndarray
        For each row the index of its label in `values`.
    """

    values: list
    codes: numpy.ndarray


def row_chunks(x):
    """Yield (index of the first row, rows) of about `CHUNK` elements."""
    step = max(1, CHUNK // max(1, x[:1].size))
    for start in range(0, len(x), step):
        yield start, x[start : start + step]


def features(x, where):
    """Check a set's features and flatten each row.

    Parameters
    ----------
    x : array-like
        Of shape (n, ...), booleans, integers or floats.
    where : str
        How messages call it.

    Returns
    -------
    x : numpy.ndarray
        Of shape (n, d) and the same dtype; a view where that can be.
    shape : tuple of int
        Of one row before.
    value_range : tuple of float
        The smallest and the largest value.

    Raises
    ------
    DatasetError
        If there is none, or one that is not a finite number.
    """
    x = _as_array(x, where)
    if x.dtype.kind not in "buif":
        raise DatasetError(
            "%s has dtype %s: numbers are needed, e.g. x.astype('float32')" % (where, x.dtype)
        )
    if x.ndim < 2:
        raise DatasetError(
            "%s has shape %s: rows and columns are needed, e.g. x.reshape(n, -1)" % (where, x.shape)
        )
    if x.size == 0:
        raise DatasetError("%s is empty: its shape is %s" % (where, x.shape))
    shape = x.shape[1:]
    x = x.reshape(len(x), -1)
    low, high = numpy.inf, -numpy.inf
    for start, rows in row_chunks(x):
        with numpy.errstate(all="ignore"):
            chunk_low, chunk_high = float(rows.min()), float(rows.max())
        # NaN survives min and max; and what float32 cannot hold would become infinity.
        if not (abs(chunk_low) <= _FLOAT32_MAX and abs(chunk_high) <= _FLOAT32_MAX):
            _complain_of_value(rows, start, where)
        low, high = min(low, chunk_low), max(high, chunk_high)
    return x, shape, (low, high)


_FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)


def _complain_of_value(rows, start, where):
    with numpy.errstate(all="ignore"):
        row, column = numpy.argwhere(~(abs(rows.astype(float)) <= _FLOAT32_MAX))[0]
    raise DatasetError(
        "%s holds %s in row %d, column %d (counted from 0): every value must be finite, and "
        "no larger than float32 can hold; replace it, e.g. with numpy.nan_to_num, or leave "
        "out the row" % (where, rows[row, column], start + row, column)
    )


def _as_array(values, where):
    """Make an array of what a user gave; refuse what NumPy can only wrap as objects."""
    if isinstance(values, numpy.ma.MaskedArray):
        raise DatasetError("%s is a masked array: give x.filled(value)" % where)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older NumPy's way to say that lists are ragged
            array = numpy.asarray(values)
    except (ValueError, TypeError, OverflowError) as error:
        raise DatasetError(
            "%s makes no array (%s): its rows must have the same length"
            % (where, ascii(str(error))[1:-1][:200])
        ) from None
    if array.dtype.hasobject:
        raise DatasetError(
            "%s is an object array: its rows differ in length, or it holds other things than "
            "numbers; make every row as long, then x.astype('float32'), y.astype('int64')" % where
        )
    return array


def labels(y, n_rows, where):
    """Check a set's labels.

    Parameters
    ----------
    y : array-like
        Of shape (n_rows,): integers, whole floats, or text.
    n_rows : int
        Rows of the set's features.
    where : str
        How messages call it.

    Returns
    -------
    Labels

    Raises
    ------
    DatasetError
        If a label is no class: negative, fractional, NaN, one-hot, ...
    """
    y = _as_array(y, where)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim != 1:
        hot = " (one-hot?)" if y.ndim == 2 else ""
        raise DatasetError(
            "%s has shape %s%s: one integer a row is needed, e.g. numpy.argmax(y, axis=1)"
            % (where, y.shape, hot)
        )
    if len(y) != n_rows:
        raise DatasetError(
            "%s has %d labels, x has %d rows: each row needs one label" % (where, len(y), n_rows)
        )
    if y.dtype.kind == "b":
        raise DatasetError(
            "%s has dtype bool: classes are integers, e.g. y.astype('int64')" % where
        )
    if y.dtype.kind not in "iufSU":
        raise DatasetError(
            "%s has dtype %s: integers or text are needed, e.g. y.astype('int64')"
            % (where, y.dtype)
        )
    try:
        found, first_rows, codes = numpy.unique(y, return_index=True, return_inverse=True)
        values = found.tolist()
    except ValueError as error:  # code points that do not exist
        raise DatasetError("%s holds text that makes no sense: %s" % (where, error)) from None
    if y.dtype.kind == "S":
        values = [value.decode("utf-8", "replace") for value in values]
    return Labels(_classes(values, first_rows, where, ", counted from 0"), codes.reshape(-1))


def text_labels(texts, codes, first_rows, where):
    """Check labels that were read as text; integers if all of them are.

    Parameters
    ----------
    texts : list of str
        Those that occur.
    codes : numpy.ndarray
        For each row the index of its label in `texts`.
    first_rows : list of int
        Where each of `texts` occurs first.
    where : str
        How messages call it.

    Returns
    -------
    Labels
    """
    try:
        values = [_integer_or_float(text) for text in texts]
    except ValueError:
        values = list(texts)
    values = _classes(values, first_rows, where, "")
    if len(set(values)) < len(values):  # "1" and "1.0"
        index = {value: i for i, value in enumerate(dict.fromkeys(values))}
        codes = numpy.array([index[value] for value in values])[codes]
        values = list(index)
    return Labels(values, codes)


def _integer_or_float(text):
    if "_" in text:
        raise ValueError(text)
    try:
        return int(text)
    except ValueError:
        return float(text)


def _classes(values, first_rows, where, counted):
    """Check each of the labels that occur; whole floats become integers."""

    def refuse(value, row, what, advice):
        raise DatasetError(
            "%s holds the label %s in row %d%s: labels must not be %s; %s"
            % (where, ascii(value)[:60], row, counted, what, advice)
        )

    classes = []
    for value, row in zip(values, first_rows):
        if isinstance(value, str):
            if not value.strip():
                refuse(value, row, "empty", "fill it in or leave out the row")
        elif value != value or value in (numpy.inf, -numpy.inf):
            refuse(value, row, "NaN or infinite", "fill it in or leave out the row")
        elif value != int(value):
            refuse(
                value,
                row,
                "fractional",
                "give one class per row as an integer; in CSV, the label is the first column "
                "unless --label-column names another",
            )
        elif value < 0:
            refuse(value, row, "negative", "number the classes from 0")
        else:
            value = int(value)
        classes.append(value)
    return classes


def number_classes(sets):
    """Number the classes of a data set from 0.

    Parameters
    ----------
    sets : list of Labels

    Returns
    -------
    class_labels : list of int or list of str
        The labels as given, sorted; ``range(k)`` if they are that.
    ys : list of numpy.ndarray
        For each of the sets its classes as indices into `class_labels`, int32.

    Raises
    ------
    DatasetError
        If some labels are text and others are integers.
    """
    class_labels = set().union(*(labels.values for labels in sets))
    if len({isinstance(label, str) for label in class_labels}) > 1:
        raise DatasetError(
            "some labels are integers and others are text (%s ...): make all of them one kind"
            % ", ".join(sorted(ascii(label)[:40] for label in class_labels)[:6])
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    ys = [
        numpy.array([index[value] for value in labels.values], numpy.int32)[labels.codes]
        for labels in sets
    ]
    return class_labels, ys


def image_shape(row_shape, guess):
    """Tell the shape of the image that a row of features is, if it is one.

    Parameters
    ----------
    row_shape : tuple of int
        Of a row as stored.
    guess : bool
        Whether a square number of features is taken for a square image.

    Returns
    -------
    tuple of int or None
        (height, width) or (height, width, channels).
    """
    shape = tuple(n for n in row_shape if n != 1)
    if len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4):
        return shape
    side = round(float(numpy.prod(row_shape, dtype=float)) ** 0.5)
    if guess and len(shape) == 1 and side >= MIN_SIDE and side * side == shape[0]:
        return side, side
    return None
