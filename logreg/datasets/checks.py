"""Checks of data sets, on NumPy arrays, before an engine sees them.

So the wording is the same on every engine, and an engine that would read foreign memory on
a label out of range never gets one. Rows and columns of arrays are counted from 0.
"""

import re
import warnings

import numpy

from logreg.console import note, warning
from logreg.datasets.folders import blocks, mapping, narrower
from logreg.datasets.header import Columns
from logreg.datasets.tables import FLOAT32_MAX, MAX_LABELS, Table
from logreg.errors import DatasetError

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
PIXEL_SCALE = 1 / 256  # the tutorial's, and not 1/255
MIN_SIDE = 8  # pixels; a smaller square number of features says nothing of an image
LABELS_AT_A_TIME = 1 << 16  # are sorted, which takes several times their memory


def check(name, raw, dtype=None):
    """Check a :class:`~logreg.datasets.sources.RawDataset`, and number its classes.

    Returned are the sets that it has, as pairs (x, y) in a dict, and what their rows tell of them,
    a dict of fields of :class:`~logreg.datasets.DataSet`. Each x is of shape (n, n_in), and of
    `dtype` if it was wider; each y is int32, in 0 .. n_out - 1. The values of features that are
    mapped from files are left to :func:`check_values`, and stay of their dtype.
    """
    xs, labels, row_shapes, ranges = {}, [], [], {}
    for split, (x, y) in raw.splits.items():
        source = f"{name}: {SPLITS[split]}" if len(raw.splits) > 1 else f"{name}:"
        is_table = isinstance(y, Table)  # whose reader has checked x: NaN is an empty cell
        x, row_shape = (x, x.shape[1:]) if is_table else check_features(x, f"{source} x")
        if raw.pixel_scale and x.dtype != numpy.uint8:
            x = as_pixels(x, f"{source} x")
        labels.append(check_labels(y, len(x), source))
        if is_table:
            ranges[split] = tuple(float(f.reduce(x, axis=None)) for f in (numpy.fmin, numpy.fmax))
        elif mapping(x) is None:
            ranges[split] = check_values(x, f"{source} x")
        if mapping(x) is None:
            x = x.astype(narrower(x.dtype, dtype), copy=False)
        xs[split] = x
        row_shapes.append(row_shape)
    check_alike(xs, name)
    table = raw.splits["train"][1]
    x, scale = xs["train"], raw.pixel_scale or scale_of(xs["train"])
    class_labels, ys = number_classes(labels)
    sets = {split: (x, y) for (split, x), y in zip(xs.items(), ys)}
    return sets, {
        "name": name,
        "files": raw.files,
        "transposed": raw.transposed,
        "n_in": x.shape[1],
        "class_labels": class_labels,
        "x_range": check_ranges(name, ranges, scale) if "train" in ranges else None,
        "image_shape": image_shape(row_shapes[0], raw.guess_square_images or scale != 1),
        "columns": table.columns if isinstance(table, Table) else Columns(),
        "options": raw.options,
    }


def check_ranges(name, ranges, scale):
    """Say what is odd about the ranges of the sets' values; return that of training, scaled."""
    (low, high), lowest = ranges["train"], min(low for low, _ in ranges.values())
    if scale == 1 and (lowest, high) == (0, 255):
        note(
            f"note: {name}: x goes from 0 to 255 and is taken as it is; if these are pixels, give "
            "--pixel-scale 256, or save them as uint8, to have them scaled by 1/256"
        )
    if scale != 1 and high <= 1:
        warning(
            f"{name}: x is uint8, and scaled by 1/{1 / scale:.0f}, but goes from 0 to {high:.0f} "
            "only: save x.astype('float32') to have it taken as it is"
        )
    return low * scale, high * scale


def scale_of(x):
    """What features of this dtype are multiplied by: 1/256 if uint8, else 1."""
    return PIXEL_SCALE if x.dtype == numpy.uint8 else 1.0


def check_features(x, source):
    """Check the features of a set, which messages call `source`.

    Returned are x of shape (n, d), a view where that can be, and the shape of a row before.
    """
    x, fault = as_array(x, source), None
    if x.dtype.kind not in "buif":
        fault = f"has dtype {x.dtype}: numbers are needed, e.g. x.astype('float32')"
    elif x.ndim < 2:
        fault = f"has shape {x.shape}: rows and columns are needed, e.g. x.reshape(n, -1)"
    elif x.size == 0:
        fault = f"is empty: its shape is {x.shape}"
    if fault:
        raise DatasetError(f"{source} {fault}")
    return x.reshape(len(x), -1), x.shape[1:]


def check_values(x, source, first_row=0):
    """Check that the values of a set's features are finite; return the smallest and the largest.

    `first_row` is the row of the data set from which on these are.
    """
    least, most = numpy.inf, -numpy.inf
    for block in blocks(x):
        with numpy.errstate(all="ignore"):
            low, high = float(block.min()), float(block.max())
            # NaN survives min and max; and what float32 cannot hold would become infinity.
            if not (abs(low) <= FLOAT32_MAX and abs(high) <= FLOAT32_MAX):
                row, column = numpy.argwhere(~(abs(block.astype(float)) <= FLOAT32_MAX))[0]
                raise DatasetError(
                    f"{source} holds {block[row, column]} in row {first_row + row}, column "
                    f"{column} (counted from 0): every value must be finite, and no larger than "
                    "float32 can hold; replace it, e.g. with numpy.nan_to_num, or leave out the row"
                )
        least, most, first_row = min(least, low), max(most, high), first_row + len(block)
    return least, most


def as_pixels(x, source):
    """Make uint8 of features that are pixels, of any type; messages call them `source`."""
    with numpy.errstate(all="ignore"):
        pixels = x.astype("uint8", copy=False)
    if not (pixels == x).all():
        raise DatasetError(
            f"{source} holds {x[pixels != x][0]}: --pixel-scale is for pixels, whole numbers from "
            "0 to 255; leave it out, or round these"
        )
    return pixels


def as_array(values, source):
    """Make an array of what a user gave; refuse what NumPy can only wrap as objects."""
    if isinstance(values, numpy.ma.MaskedArray):
        raise DatasetError(f"{source} is a masked array: give x.filled(value)")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older NumPy makes objects of ragged lists, and warns
            array = numpy.asarray(values)
    except (ValueError, TypeError, OverflowError):
        array = None
    if array is None or array.dtype.hasobject:
        raise DatasetError(
            f"{source} is an object array: its rows differ in length, or it does not hold numbers; "
            "make every row as long, then x.astype('float32'), y.astype('int64') or y.astype(str)"
        )
    return array


def check_labels(y, n_rows, source):
    """Check the labels of a set: integers, booleans, whole floats or text, or those of a Table.

    Returned are the labels that occur, a list of int or of str, some perhaps twice, as of ``1``
    and ``1.0``; and for each row the index of its label in them.
    """
    if isinstance(y, Table):
        found = list(map(_number, y.labels))
        found = y.labels if None in found else found
        return _classes(found, y.first_rows, f"{source} label column", "--label-column"), y.codes
    source += " y"
    y, fault = as_array(y, source), None
    y = y.reshape(-1) if y.shape[1:] == (1,) else y
    if y.ndim == 2:
        fault = f"has shape {y.shape} (one-hot?): one integer a row is needed"
        fault += ", e.g. numpy.argmax(y, axis=1)"
    elif y.ndim != 1:
        fault = f"has shape {y.shape}: one integer a row is needed"
    elif len(y) != n_rows:
        fault = f"has {len(y)} labels, x has {n_rows} rows: each row needs one label"
    elif y.dtype.kind not in "biufSU":
        fault = f"has dtype {y.dtype}: classes are integers, e.g. y.astype('int64'), or text"
    if fault:
        raise DatasetError(f"{source} {fault}")
    try:
        found, first_rows, codes = _find_labels(y)
        if y.dtype.kind == "S":
            found = [label.decode("utf-8", "backslashreplace") for label in found]
        if y.dtype.kind in "SU":
            "".join(found).encode()
    except (ValueError, SystemError) as error:  # as of code points that do not exist
        raise DatasetError(f"{source} holds text that makes no sense: {error}") from None
    classes = _classes(found, first_rows, source)
    if len(classes) > MAX_LABELS:
        raise DatasetError(
            f"{source} has more than {MAX_LABELS} different labels by row "
            f"{sorted(first_rows)[MAX_LABELS]} (counted from 0): that is too many; give one of a "
            "few classes per row"
        )
    return classes, codes


def _find_labels(y):
    """The labels that occur, in which row each does first, and for each row its label's index.

    Of too many labels, it is those up to there.
    """
    index, first_rows, codes = {}, [], numpy.empty(len(y), "int32")
    for start in range(0, len(y), LABELS_AT_A_TIME):
        rows = slice(start, start + LABELS_AT_A_TIME)
        found, first, inverse = numpy.unique(y[rows], return_index=True, return_inverse=True)
        places = []
        for label, row in zip(found.tolist(), first):
            places.append(index.setdefault(label, len(index)))
            first_rows += [start + int(row)] if places[-1] == len(first_rows) else []
        if len(index) > MAX_LABELS:
            break
        codes[rows] = numpy.array(places, "int32")[inverse.reshape(-1)]
    return list(index), first_rows, codes


def _number(text):
    """The number that a label is; None if it is none, as names such as 1_2 and 007 are not.

    Nor is an integer of more than 18 digits, which 64 bits may not hold.
    """
    try:
        if re.match(r".*_|[+-]?0\d|[+-]?\d{19}", text):
            return None
        return int(text) if text.lstrip("+-").isdigit() else float(text)
    except ValueError:
        return None


def _classes(labels, first_rows, source, option=None):
    """Check each of the labels that occur; whole floats become integers."""
    classes = []
    for label, row in zip(labels, first_rows):
        fault, mend = None, "fill it in or leave out the row"
        if isinstance(label, str):
            if label.strip().lower() in ("", "nan"):
                fault = "NaN" if label.strip() else "empty"
                mend += " (--missing drop does, in training)" if option else ""
        elif not abs(label) < numpy.inf:
            fault = "NaN or infinite"
        elif label != int(label):
            fault, mend = "fractional", "give one class per row as an integer"
        if fault:
            where = f"row {row}" if option else f"row {row} (counted from 0)"
            other = f"; {option} names another column" if option else ""
            raise DatasetError(
                f"{source} holds the label {ascii(label)[:60]} in {where}: labels must not be "
                f"{fault}; {mend}{other}"
            )
        classes.append(label if isinstance(label, str) else int(label))
    return classes


def number_classes(sets):
    """Number the classes of a data set, whose sets are as :func:`check_labels` gives them, from 0.

    Returned are the labels, sorted, and for each of the sets the indices of its labels in them.
    """
    class_labels = set().union(*(labels for labels, _ in sets))
    if len(set(map(type, class_labels))) > 1:
        some = ", ".join(sorted(ascii(label)[:40] for label in class_labels)[:6])
        raise DatasetError(
            f"some labels are integers and others are text ({some} ...): make all of them one kind"
        )
    class_labels = sorted(class_labels)
    index = {label: i for i, label in enumerate(class_labels)}
    indices = [numpy.array([index[label] for label in labels], "int32") for labels, _ in sets]
    return class_labels, [found[codes] for found, (_, codes) in zip(indices, sets)]


def check_alike(xs, name):
    """Check that the sets, whose features `xs` has, have features alike."""
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


def check_classes(name, sets, class_labels):
    """Refuse labels that are none, and warn of sets that teach nothing, or tell nothing."""

    def shown(classes):
        return ", ".join(ascii(class_labels[i])[:40] for i in classes[:10])

    n_rows, n_out = sum(len(y) for _, y in sets.values()), len(class_labels)
    if n_out > max(10, n_rows / 2):
        raise DatasetError(
            f"{name}: there are {n_out} classes in {n_rows} rows, {shown([0, 1])}, ...: that is no "
            "label; --label-column names another column"
        )
    if n_out == 1:
        warning(
            f"every row has the label {shown([0])}: there is nothing to learn; is it the right "
            "column?"
        )
        return
    for split in ("valid", "test"):
        found, fault = numpy.unique(sets[split][1]), None
        lacking = numpy.setdiff1d(found, sets["train"][1])
        if len(lacking):
            fault = f"{len(lacking)} of the {n_out} classes in the {SPLITS[split]} set are in "
            fault += f"no training row ({shown(lacking)})"
        elif len(found) == 1:
            fault = f"every row of the {SPLITS[split]} set has the label {shown(found)}"
        if fault:
            warning(
                f"{fault}: the result is likely to be useless; if the rows are sorted by class, "
                "shuffle them (--shuffle SEED)"
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
