"""Checks of data sets, on NumPy arrays, before an engine sees them.

So the wording is the same on every engine, and an engine that would read foreign memory on
a label out of range never gets one. Rows and columns of arrays are counted from 0.
"""

import re
import warnings

import numpy

from logreg.console import warning
from logreg.datasets.locate import SPLITS
from logreg.datasets.tables import FLOAT32_MAX, Table
from logreg.errors import DatasetError

CHUNK = 1 << 20  # elements
MIN_SIDE = 8  # pixels; a smaller square number of features says nothing of an image


def row_chunks(x):
    """Yield (index of the first row, rows) of about `CHUNK` elements."""
    step = max(1, CHUNK // max(1, x[:1].size))
    for start in range(0, len(x), step):
        yield start, x[start : start + step]


def features(x, where):
    """Check a set's features and flatten each row.

    Parameters
    ----------
    x : array-like, shape (n, ...)
        Booleans, integers or floats.
    where : str
        How messages call it.

    Returns
    -------
    x : numpy.ndarray, shape (n, d)
        Of the same dtype; a view where that can be.
    shape : tuple of int
        Of one row before.
    value_range : tuple of float
        The smallest and the largest value.

    Raises
    ------
    DatasetError
        If there is none, or one that is no finite number.
    """
    x = _as_array(x, where)
    if x.dtype.kind not in "buif":
        raise DatasetError(
            f"{where} has dtype {x.dtype}: numbers are needed, e.g. x.astype('float32')"
        )
    if x.ndim < 2:
        raise DatasetError(
            f"{where} has shape {x.shape}: rows and columns are needed, e.g. x.reshape(n, -1)"
        )
    if x.size == 0:
        raise DatasetError(f"{where} is empty: its shape is {x.shape}")
    shape = x.shape[1:]
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
                    f"{where} holds {rows[row, column]} in row {start + row}, column {column} "
                    "(counted from 0): every value must be finite, and no larger than float32 "
                    "can hold; replace it, e.g. with numpy.nan_to_num, or leave out the row"
                )
        low, high = min(low, chunk_low), max(high, chunk_high)
    return x, shape, (low, high)


def _as_array(values, where):
    """Make an array of what a user gave; refuse what NumPy can only wrap as objects."""
    if isinstance(values, numpy.ma.MaskedArray):
        raise DatasetError(f"{where} is a masked array: give x.filled(value)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older NumPy's way to say that lists are ragged
            array = numpy.asarray(values)
    except (ValueError, TypeError, OverflowError):
        array = None  # newer NumPy's way to say it
    if array is None or array.dtype.hasobject:
        raise DatasetError(
            f"{where} is an object array: its rows differ in length, or it holds other things "
            "than numbers; make every row as long, then x.astype('float32'), y.astype('int64') "
            "or, if the labels are text, y.astype(str)"
        )
    return array


def labels(y, n_rows, where):
    """Check a set's labels.

    Parameters
    ----------
    y : array-like or tables.Table
        Of shape (n_rows,): integers, booleans, whole floats, or text.
    n_rows : int
        Rows of the set's features.
    where : str
        How messages call the set.

    Returns
    -------
    values : list of int or list of str
        The labels that occur; from text, some perhaps twice, as of ``1`` and ``1.0``.
    codes : numpy.ndarray
        For each row the index of its label in `values`.

    Raises
    ------
    DatasetError
        If a label is no class: negative, fractional, NaN, one-hot, ...
    """
    if isinstance(y, Table):
        where += " label column"
        values = _numbers_or_text(y.labels, y.first_rows, where)
        advice = "; --label-column names another"
        return _classes(values, y.first_rows, where, advice=advice), y.codes
    where += " y"
    y = _as_array(y, where)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y.reshape(-1)
    if y.ndim != 1:
        is_hot = y.ndim == 2
        raise DatasetError(
            f"{where} has shape {y.shape}{' (one-hot?)' * is_hot}: one integer a row is needed"
            f"{', e.g. numpy.argmax(y, axis=1)' * is_hot}"
        )
    if len(y) != n_rows:
        raise DatasetError(
            f"{where} has {len(y)} labels, x has {n_rows} rows: each row needs one label"
        )
    if y.dtype.kind == "b":
        y = y.astype("u1")
    if y.dtype.kind not in "iufSU":
        raise DatasetError(
            f"{where} has dtype {y.dtype}: classes are integers, e.g. y.astype('int64'), or text"
        )
    try:
        found, first_rows, codes = numpy.unique(y, return_index=True, return_inverse=True)
        values = found.tolist()
    except ValueError as error:  # code points that do not exist
        raise DatasetError(f"{where} holds text that makes no sense: {error}") from None
    if y.dtype.kind == "S":
        values = [value.decode("utf-8", "backslashreplace") for value in values]
    return _classes(values, first_rows, where, counted=" (counted from 0)"), codes.reshape(-1)


def _numbers_or_text(texts, first_rows, where):
    """The labels of a table as numbers, if all of them are such."""

    def number(text):
        if re.match(r".*_|[+-]?0\d", text):  # names such as 1_2 and 007, and no numbers
            raise ValueError(text)
        return int(text) if text.lstrip("+-").isdigit() else float(text)

    numbers, others = [], []
    for text, row in zip(texts, first_rows):
        try:
            numbers.append(number(text))
        except ValueError:
            others.append((text, row))
    if not others:
        return numbers
    if numbers and all(text.strip() for text, _ in others):
        text, row = others[0]
        warning(
            f"{where} holds numbers and text ({ascii(text)[:60]} in row {row}): each is taken for "
            "the name of a class"
        )
    return texts


def _classes(values, first_rows, where, counted="", advice=""):
    """Check each of the labels that occur; whole floats become integers."""
    classes = []
    for value, row in zip(values, first_rows):
        mend = "fill it in or leave out the row"
        if isinstance(value, str):
            fault = None if value.strip() else "empty"
            if value.strip().lower() == "nan":
                fault = "NaN"
            if not value.isprintable() and re.search("[\ud800-\udfff]", value):
                fault, mend = "half of a character", "write the text again"
        elif not -numpy.inf < value < numpy.inf:
            fault = "NaN or infinite"
        elif value != int(value):
            fault, mend = "fractional", f"give one class per row as an integer{advice}"
        else:
            value = int(value)
            fault, mend = "negative" if value < 0 else None, f"number the classes from 0{advice}"
        if fault:
            raise DatasetError(
                f"{where} holds the label {ascii(value)[:60]} in row {row}{counted}: labels must "
                f"not be {fault}; {mend}"
            )
        classes.append(value)
    return classes


def number_classes(sets):
    """Number the classes of a data set from 0.

    Parameters
    ----------
    sets : list of (list, numpy.ndarray)
        As from :func:`labels`.

    Returns
    -------
    class_labels : list of int or list of str
        The labels as given, sorted; ``range(k)`` if they are that.
    ys : list of numpy.ndarray
        For each of the sets its classes as indices into `class_labels`, int32.
    """
    class_labels = set().union(*(values for values, _ in sets))
    if len({isinstance(label, str) for label in class_labels}) > 1:
        some = ", ".join(sorted(ascii(label)[:40] for label in class_labels)[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    ys = [
        numpy.array([index[value] for value in values], numpy.int32)[codes]
        for values, codes in sets
    ]
    return class_labels, ys


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
    advice = "if the rows are sorted by class, shuffle them (--shuffle SEED)"
    for split in ("valid", "test"):
        y = getattr(data, split)[1]
        lacking = numpy.setdiff1d(y, data.train[1])
        if len(lacking):
            shown = ", ".join(ascii(class_labels[i])[:40] for i in lacking[:10])
            warning(
                f"{len(lacking)} of the {len(class_labels)} classes in the {SPLITS[split]} set "
                f"are in no training row ({shown}): the model cannot learn them; {advice}"
            )
        elif len(y) > 10 and len(class_labels) > 1 and (y == y[0]).all():
            warning(
                f"every row of the {SPLITS[split]} set has the label "
                f"{ascii(class_labels[y[0]])[:40]}, and tells nothing of others; {advice}"
            )


def image_shape(row_shape, guess):
    """Tell the shape of the image that a row of features is: None if it is none.

    Parameters
    ----------
    row_shape : tuple of int
        Of a row as stored.
    guess : bool
        Whether a square number of features is taken for a square image.
    """
    shape = tuple(n for n in row_shape if n != 1)
    if len(shape) == 2 or (len(shape) == 3 and shape[2] <= 4):
        return shape
    side = round(float(numpy.prod(row_shape, dtype=float)) ** 0.5)
    if guess and len(shape) == 1 and side >= MIN_SIDE and side * side == shape[0]:
        return side, side
    return None
