"""Checks of data sets, on NumPy arrays, before an engine sees them.

So the wording is the same on every engine, and an engine that would read foreign memory on
a label out of range never gets one. Rows and columns of arrays are counted from 0.
"""

import hashlib
from collections import Counter

import numpy

from logreg.datasets.arrays import as_array, blocks, hashed_blocks, mapping, narrower
from logreg.datasets.header import Columns, Table
from logreg.datasets.labels import check_labels, number_classes
from logreg.datasets.preprocessing import scale_of
from logreg.datasets.tables import FLOAT32_MAX
from logreg.errors import DatasetError
from logreg.shell.console import note, progress, warning

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
MIN_SIDE = 8  # pixels; a smaller square number of features says nothing of an image


def check(name, raw, dtype=None):
    """Check a :class:`~logreg.datasets.sources.RawDataset`, and number its classes.

    Returned are the sets that it has, as pairs (x, y) in a dict, and what their rows tell of them,
    a dict of fields of :class:`~logreg.datasets.DataSet`. Each x is of shape (n, n_in), and of
    `dtype` if it was wider; each y is int32, in 0 .. n_out - 1. Features that are mapped from
    files stay of their dtype; their values are left to :func:`read_through`, and x_range is None.
    """
    xs, labels, row_shapes, ranges = {}, [], {}, {}
    for split, (x, y) in raw.splits.items():
        source, is_table = _source(name, raw, split), isinstance(y, Table)
        if not is_table:  # whose reader has checked x
            x, row_shapes[split] = check_features(x, f"{source} x")
        if raw.pixel_scale and x.dtype != numpy.uint8:
            x = as_pixels(x, f"{source} x")
        labels.append(check_labels(y, len(x), source))
        if is_table:  # where NaN is an empty cell
            ranges[split] = tuple(float(f.reduce(x, axis=None)) for f in (numpy.fmin, numpy.fmax))
        elif mapping(x) is None:
            ranges[split] = check_values(x, f"{source} x")
        if mapping(x) is None:
            x = x.astype(narrower(x.dtype, dtype), copy=False)
        xs[split] = x
    check_alike(xs, name)
    x, table = xs["train"], raw.splits["train"][1]
    scale = scale_of(x, raw.pixel_scale)
    class_labels, ys = number_classes(labels)
    return {split: (xs[split], y) for split, y in zip(xs, ys)}, {
        "name": name,
        "files": raw.files,
        "transposed": raw.transposed,
        "n_in": x.shape[1],
        "class_labels": class_labels,
        "x_range": check_ranges(name, ranges, scale) if len(ranges) == len(xs) else None,
        "image_shape": image_shape(
            row_shapes.get("train", x.shape[1:]), raw.guess_square_images or scale != 1
        ),
        "columns": table.columns if isinstance(table, Table) else Columns(),
        "options": raw.options,
    }


def read_through(name, raw, sets, dtype, moments):
    """Check the values of features that stay in files, and digest the data set, in one pass.

    The training rows are added to `moments`, if they are to be standardized; else it is None.
    Returned are the range of the training features, scaled, and what
    :meth:`~logreg.datasets.DataSet.sha256` gives.
    """
    ranges, n_read, digest = {}, Counter(), hashlib.sha256()
    with progress(sum(x.nbytes for x, _ in sets.values()), "checking") as advance:
        for split in SPLITS:
            x, y = sets[split]
            given = split if split in raw.splits else "train"  # from which it was split off
            ends = []
            for block in hashed_blocks(digest, x, dtype):
                ends += check_values(block, f"{_source(name, raw, given)} x", n_read[given])
                n_read[given] += len(block)
                if moments is not None and split == "train":
                    moments.add(block)
                advance(block.nbytes)
            ranges[split] = min(ends), max(ends)
            for _ in hashed_blocks(digest, y, dtype):
                pass
    if moments is not None:
        digest.update(b"standardized")
    scale = scale_of(sets["train"][0], raw.pixel_scale)
    return check_ranges(name, ranges, scale), digest.hexdigest()


def _source(name, raw, split):
    """How messages call a set of a data set, or the only one."""
    return f"{name}: {SPLITS[split]}" if len(raw.splits) > 1 else f"{name}:"


def check_ranges(name, ranges, scale):
    """Say what is odd about the ranges of the sets' values; return that of training, scaled."""
    (low, high), lowest = ranges["train"], min(low for low, _ in ranges.values())
    if scale == 1 and (lowest, high) == (0, 255):
        note(
            f"note: {name}: x goes from 0 to 255 and is not taken for pixels; if it is, give "
            "--pixel-scale 256, or save them as uint8, to have them scaled by 1/256"
        )
    if scale != 1 and high < 64:
        warning(
            f"{name}: x is uint8, and scaled by 1/{1 / scale:.0f}, but goes from 0 to {high:.0f} "
            "only: save x.astype('float32') to have it taken as it is"
        )
    return low * scale, high * scale


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
