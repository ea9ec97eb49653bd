"""Checks of data sets, on NumPy arrays, before an engine sees them.

So the wording is the same on every engine, and an engine that would read foreign memory on
a label out of range never gets one. Rows and columns of arrays are counted from 0.
"""

import hashlib
import sys
import warnings

import numpy

from logreg.datasets.formats import mapping
from logreg.datasets.header import Columns, Table
from logreg.datasets.labels import classes_of, number_classes, number_of
from logreg.datasets.preprocessing import blocks, scale_of
from logreg.datasets.tables import FLOAT32_MAX
from logreg.errors import DatasetError
from logreg.terminal.notes import note, warning
from logreg.terminal.progress import progress

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
MIN_SIDE = 8  # pixels; a smaller square number of features says nothing of an image


def check(name, raw, dtype=None):
    """Check the arrays of a :class:`~logreg.datasets.sources.RawDataset`, and number its classes.

    Returned are the sets that it has, as pairs (x, y) in a dict, and what is known of them, a dict
    of fields of :class:`~logreg.datasets.DataSet`. Each x is of shape (n, n_in), and of `dtype` if
    it was wider, unless it is mapped from a file; each y is int32, in 0 .. n_out - 1. The values
    of x are left to :func:`read_through`.
    """
    xs, labels, row_shape = {}, [], None
    for split, (x, y) in raw.splits.items():
        source = _source(name, raw, split)
        x, shape = check_features(x, f"{source} x")
        row_shape = row_shape or shape  # of the training set, which is the first
        if raw.pixel_scale and x.dtype != numpy.uint8:
            x = as_pixels(x, f"{source} x")
        labels.append(check_labels(y, len(x), source))
        if mapping(x) is None:
            with numpy.errstate(over="ignore"):  # what became infinite is refused later
                x = x.astype(_narrower(x.dtype, dtype), copy=False)
        xs[split] = x
    check_alike(xs, name)
    x, table = xs["train"], raw.splits["train"][1]
    class_labels, ys = number_classes(labels)
    is_pixels = scale_of(x, raw.pixel_scale) != 1
    return {split: (xs[split], y) for split, y in zip(xs, ys)}, {
        "name": name,
        "files": raw.files,
        "n_in": x.shape[1],
        "class_labels": class_labels,
        "image_shape": image_shape(row_shape, raw.guess_square_images or is_pixels),
        "columns": table.columns if isinstance(table, Table) else Columns(),
        "options": raw.options,
    }


def read_through(name, raw, sets, dtype=None, moments=None, standardize=False):
    """Check the values of features, and digest the data set, in one pass over the arrays.

    `sets` are those of `raw` after the split. The training rows are added to `moments`, if it is
    not None. Returned are the smallest and the largest feature of the first set; and the SHA-256 of
    the dtypes, shapes and bytes of all arrays, in hexadecimal. Features wider than `dtype` are
    digested as such, however they were read, and `standardize` counts, too.
    """
    ranges, digest = [], hashlib.sha256()
    is_table = isinstance(raw.splits["train"][1], Table)  # where NaN is an empty cell
    least, most = (numpy.fmin, numpy.fmax) if is_table else (numpy.minimum, numpy.maximum)

    def digested(array):
        kind = _narrower(array.dtype, dtype)
        digest.update(f"{kind.str} {array.shape}\n".encode())
        for block in blocks(array.reshape(len(array), -1)):
            digest.update(numpy.ascontiguousarray(block, kind).data.cast("B"))
            yield block

    with progress(sum(x.nbytes for x, _ in sets.values()), "checking") as advance:
        for split, (x, y) in sets.items():
            ends = []
            for block in digested(x):
                ends += float(least.reduce(block, None)), float(most.reduce(block, None))
                if not (is_table or max(map(abs, ends[-2:])) <= FLOAT32_MAX):
                    for given, (values, _) in raw.splits.items():
                        source = f"{_source(name, raw, given)} x"
                        check_values(check_features(values, source)[0], source)
                if moments is not None and split == "train":
                    moments.add(block)
                advance(block.nbytes)
            ranges.append((float(numpy.nanmin(ends)), float(numpy.nanmax(ends))))
            for _ in digested(y):
                pass
    if standardize:
        digest.update(b"standardized")
    return ranges[0], digest.hexdigest()


def _source(name, raw, split):
    """How messages call a set of a data set, or the only one."""
    return f"{name}: {SPLITS[split]}" if len(raw.splits) > 1 else f"{name}:"


def _narrower(dtype, limit):
    """The dtype `limit` if numbers of `dtype` are wider than that, else `dtype`."""
    is_wider = limit and dtype.kind in "iuf" and dtype.itemsize > numpy.dtype(limit).itemsize
    return numpy.dtype(limit) if is_wider else dtype


def say_of_range(name, raw_range, scale, is_given):
    """Say what is odd about the range of the training features, or a `scale` that is not given."""
    if scale == 1 and raw_range == (0, 255):
        note(
            f"note: {name}: x goes from 0 to 255 and is not taken for pixels; if it is, give "
            "--pixel-scale 256, or save them as uint8, to have them scaled by 1/256"
        )
    if scale != 1 and not is_given and raw_range[1] < 64:
        warning(
            f"{name}: x is uint8, and scaled by 1/256, but goes from 0 to {raw_range[1]:.0f} only: "
            "save x.astype('float32') to have it taken as it is"
        )


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
    # Other writers than NumPy let the data of a file begin at any offset.
    return numpy.require(x.reshape(len(x), -1), requirements="A"), x.shape[1:]


def check_values(x, source, first_row=0):
    """Check that the values of a set's features are finite, and that float32 can hold them.

    `first_row` is the row of the data set from which on these are.
    """
    for block in blocks(x):
        with numpy.errstate(all="ignore"):
            ends = float(block.min()), float(block.max())  # NaN where there is one
            if not max(map(abs, ends)) <= FLOAT32_MAX:
                row, column = numpy.argwhere(~(abs(block.astype(float)) <= FLOAT32_MAX))[0]
                raise DatasetError(
                    f"{source} holds {block[row, column]} in row {first_row + row}, column "
                    f"{column} (counted from 0): every value must be finite, and no larger than "
                    "float32 can hold; replace it, e.g. with numpy.nan_to_num, or leave out the row"
                )
        first_row += len(block)


def check_labels(y, n_rows, source):
    """Check the labels of a set: integers, booleans, whole floats or text, or those of a Table.

    Returned are the labels that occur, a list of int or of str, and for each row the index of its
    label in that list. A label may be listed twice, as where a table has ``1`` and ``1.0``.
    """
    if isinstance(y, Table):
        found = list(map(number_of, y.labels))
        found = y.labels if None in found else found
        return classes_of(found, y.first_rows, f"{source} label column", "--label-column"), y.codes
    source += " y"
    y, fault = as_array(y, source), None
    y = y.reshape(-1) if y.shape[1:] == (1,) else y
    if y.ndim != 1:
        fault = f"has shape {y.shape}: one integer a row is needed; of one-hot rows it is "
        fault += "numpy.argmax(y, axis=1)"
    elif len(y) != n_rows:
        fault = f"has {len(y)} labels, x has {n_rows} rows: each row needs one label"
    elif y.dtype.kind not in "biufSU":
        fault = f"has dtype {y.dtype}: classes are integers, e.g. y.astype('int64'), or text"
    elif y.dtype.kind == "U" and y.size and _code_points(y).max() > sys.maxunicode:
        fault = "holds code points beyond Unicode: it is damaged; write it again"
    if fault:
        raise DatasetError(f"{source} {fault}")
    found, first_rows, codes = numpy.unique(y, return_index=True, return_inverse=True)
    found = found.tolist()
    if y.dtype.kind == "S":
        found = [label.decode("utf-8", "backslashreplace") for label in found]
    return classes_of(found, first_rows, source), codes


def _code_points(texts):
    """The code points of an array of text."""
    native = numpy.ascontiguousarray(texts, texts.dtype.newbyteorder("="))
    return native.view("uint32")


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
    """Refuse too many classes; warn of sets on which nothing can be told of what was learnt."""

    def shown(classes):
        return ", ".join(repr(class_labels[i])[:40] for i in classes[:10])

    n_rows, n_out = sum(len(y) for _, y in sets.values()), len(class_labels)
    if n_out > max(10, n_rows / 2):
        raise DatasetError(
            f"{name}: there are {n_out} classes in {n_rows} rows, {shown([0, 1])}, ...: that is no "
            "label; --label-column names another column"
        )
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
    if len(shape) == 2:
        return shape
    side = round(float(numpy.prod(row_shape, dtype=float)) ** 0.5)
    if guess and len(shape) == 1 and side >= MIN_SIDE and side * side == shape[0]:
        return side, side
    return None
