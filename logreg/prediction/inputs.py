"""What is to be predicted: rows from files of every kind, a batch at a time."""

import math
import os
from typing import NamedTuple, Sequence

import numpy

from logreg.console import warning
from logreg.datasets.arrays import as_array
from logreg.datasets.facts import MIN_SIDE
from logreg.datasets.formats import read_arrays, sniff
from logreg.datasets.frames import framed, is_frame
from logreg.datasets.names import find_rows
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.pictures import SUFFIXES, UNREADABLE, read_picture
from logreg.datasets.tables import table_batches
from logreg.errors import DatasetError, cut

STDIN = "-"
BATCH_SIZE = 1000  # the largest number of rows that are predicted together


class Batch(NamedTuple):
    """Consecutive rows of an input."""

    x: numpy.ndarray  # of shape (n, n_in), in the dtype in which it is stored
    rows: Sequence[int] = range(1)  # the number of each: of an array from 0, of a table as it has
    is_single: bool = False  # whether the input is one example and not a list of examples
    kept: Sequence[tuple] = ()  # pairs of a column's name and its n texts


def with_folders(paths):
    """List the inputs: in place of a folder the pictures in it, if any, by their names."""
    inputs = []
    for path in paths:
        names = sorted(os.listdir(path)) if os.path.isdir(path) else []
        pictures = [name for name in names if name.lower().endswith(SUFFIXES)]
        inputs += [os.path.join(path, name) for name in pictures] or [path]
    return inputs


def first_rows(batches, n):
    """Yield batches up to the first n rows."""
    for batch in batches:
        yield batch._replace(x=batch.x[:n])
        n -= len(batch.x)
        if n <= 0:
            break


def batches(path, facts, options=NO_OPTIONS, invert=None, batch_size=BATCH_SIZE, keep=()):
    """Read an input, and yield each :class:`Batch`; ``'-'`` is CSV on stdin.

    The :class:`.ModelFacts` are of the model that is to predict it, and the options those of
    tables, whose columns `keep` stay beside the rows. A picture is inverted if `invert` says so; if
    it is None, where the background is not that of the training images.

    A file is a picture if its bytes are neither an array's nor text, or if they may be text and
    its name ends as a picture's does. A DatasetError says what cannot be read, or what the model
    does not take, once the reading comes to it.
    """
    kind = "table" if path == STDIN else "folder" if os.path.isdir(path) else sniff(path)
    kind = kind or ("table" if options.encoding else None)
    if keep and kind != "table":
        raise DatasetError(f"{path}: is no table, of which `keep` could keep columns")
    if kind in ("folder", "pickle"):
        raise DatasetError(
            f"{path}: is a pickle, or a folder without pictures: rows to predict come as npy, npz, "
            "CSV, IDX or pictures; `dataset` is for data sets, `model` for models"
        )
    if kind is None or (kind == "table" and path.lower().endswith(SUFFIXES + UNREADABLE)):
        yield _picture(path, facts, invert)
    elif kind == "table":
        options = facts.table_options(options)
        for rows in table_batches(path, options, batch_size, facts.table, keep):
            yield Batch(rows.x, rows.numbers, kept=rows.kept)
    else:
        (array,) = read_arrays(path, find_rows).values()
        yield from array_batches(path, array, facts, batch_size)


def array_batches(source, array, facts, batch_size=BATCH_SIZE):
    """Cut an array into batches; `source` is how messages call it.

    It is one example, of shape (n_in,) or the model's image shape, or a list of examples, of
    shape (n, ...) with n_in values in each.
    """
    if array.dtype.kind not in "buif":
        raise DatasetError(f"{source}: has dtype {cut(array.dtype)}: numbers are needed")
    shape = array.shape
    squeezed = tuple(n for n in shape if n != 1)
    is_list = len(shape) > 1 and math.prod(shape[1:]) == facts.n_in
    is_single = shape == (facts.n_in,) or (facts.image and squeezed == facts.image)
    if array.size == 0 or not (is_list or is_single):
        raise DatasetError(f"{source}: the model expects {facts.expected}, got {shape}")
    if array.dtype == numpy.uint8 and not facts.takes_bytes:
        raise DatasetError(
            f"{source}: is uint8, and the model was trained on numbers from 0 to 1, or of a range "
            "that its file does not tell: divide by what the training data were divided by"
        )
    if not is_list:
        array = array[None]
    for start in range(0, len(array), batch_size):
        rows = array[start : start + batch_size]
        numbers = range(start, start + len(rows))
        yield Batch(rows.reshape(len(rows), facts.n_in), numbers, not is_list)


def rows_of(X, facts):
    """What is given from Python as an array: of a DataFrame, the columns that the model knows."""
    X = framed(X)
    if not is_frame(X):
        return as_array(X, "X")
    kinds = {getattr(dtype, "str", "|O")[1] for dtype in X.dtypes}  # pandas' own have no str
    if facts.table.names is None and kinds <= set("biuf"):
        return as_array(X.to_numpy(), "X")
    found = table_batches(X, facts.table_options(), len(X), facts.table)
    return numpy.concatenate([rows.x for rows in found])


def _picture(path, facts, invert):
    if not facts.takes_pictures:
        raise DatasetError(
            f"{path}: is no npy, npz, CSV or IDX file; the model expects {facts.expected}, and no "
            f"picture: it was not trained on grey images of at least {MIN_SIDE} x {MIN_SIDE} "
            "pixels, or its file does not tell their range"
        )
    pixels = read_picture(path, facts.layout, invert).reshape(1, -1)
    if pixels.min() == pixels.max():
        warning(f"{path}: is blank, or too faint: no ink was found on it")
    return Batch(pixels, is_single=True)
