"""What is to be predicted: rows from files of every kind and from Python, a batch at a time."""

import glob
import math
import os
import sys
from typing import Mapping, NamedTuple, Sequence

import numpy

from logreg.basics.console import warning
from logreg.basics.errors import DatasetError, cut
from logreg.parts.arrays import as_array
from logreg.parts.formats import read_arrays, sniff
from logreg.parts.frames import framed, is_frame
from logreg.parts.names import OTHER_PICTURES, PICTURES, find_array_to_predict
from logreg.parts.options import NO_OPTIONS
from logreg.parts.pixels import MIN_PICTURE_SIDE, image_shape

STDIN = "-"
BATCH_SIZE = 1000  # the largest number of rows that are predicted together


class Batch(NamedTuple):
    """Consecutive rows of an input."""

    name: str  # how messages call the input
    x: numpy.ndarray  # of shape (n, n_in), in the dtype in which it is stored
    numbers: Sequence[int]  # of the rows: in an array from 0, in a table as in its file
    is_single: bool = False  # whether the input is one example and not a list of examples
    kept: Mapping[str, Sequence[str]] = {}  # the n cells of each column of a table that is kept


def expand_folders(paths):
    """Yield the inputs; a folder gives the pictures in it and in its folders, in order of names."""
    for path in paths:
        pattern = os.path.join(glob.escape(path), "**", "*")  # which leaves out hidden files
        files = sorted(glob.glob(pattern, recursive=True))
        yield from [file for file in files if file.lower().endswith(PICTURES)] or [path]


def file_batches(path, facts, options=NO_OPTIONS, invert=None, n=sys.maxsize, keep=()):
    """Read a file, and yield each :class:`Batch` of its first n rows; ``'-'`` is CSV on stdin.

    `facts` are the :class:`.ModelFacts` of the model, and `options` those of tables. Pictures are
    inverted if `invert` says so, or if it is None and their background is not that of training. The
    columns `keep` of a table stay beside its rows. A file is a picture if its bytes are neither an
    array nor text, or if they may be text and its name ends as a picture's does. A DatasetError
    says what cannot be read, or what the model does not take. It is raised when the reading comes
    to the fault.
    """
    kind = _kind_of_input(path, options)
    if keep and kind != "table":
        raise DatasetError(f"{path}: is no table, and `keep` keeps columns of tables")
    if kind in ("folder", "pickle"):
        raise DatasetError(
            f"{path}: is a pickle, or a folder without pictures: give rows to predict as npy, npz, "
            "CSV, IDX or pictures; `dataset` is for data sets, `model` for models"
        )
    if kind == "picture":
        yield _read_picture(path, facts, invert)
    elif kind == "table":
        yield from _table_batches(path, path, facts, options, n, keep)
    else:
        (array,) = read_arrays(path, choose=find_array_to_predict).values()
        yield from array_batches(path, array, facts, n)


def _kind_of_input(path, options):
    """One of table, folder, picture, and what :func:`.sniff` tells of files of arrays."""
    if path == STDIN:
        return "table"
    if os.path.isdir(path):
        return "folder"
    kind = sniff(path, options.encoding)
    # The reader of pictures refuses kinds that it does not know, such as svg.
    if kind == "table" and path.lower().endswith(PICTURES + OTHER_PICTURES):
        return "picture"
    return kind or "picture"


def input_batches(X, facts):
    """Yield each :class:`Batch` of what is given from Python: an array, or a table of some kind."""
    X = framed(X)
    if is_frame(X):
        are_numbers = [is_numeric(dtype) for dtype in X.dtypes]
        # A model that knows the names of its columns finds them by these.
        if facts.table.names or not all(are_numbers):
            return _table_batches("X", X, facts)
        X = X.to_numpy()
    return array_batches("X", as_array(X, "X"), facts)


def array_batches(name, array, facts, n=sys.maxsize):
    """Yield each :class:`Batch` of an array, of at most n rows; `name` is how messages call it.

    It is one example, of shape (n_in,) or the model's image shape, or a list of examples, of
    shape (n, ...) with n_in values in each.

    Examples
    --------
    >>> from logreg.saving.facts import ModelFacts
    >>> facts, x = ModelFacts(n_in=4, image_shape=[2, 2]), numpy.arange(12.0).reshape(3, 4)
    >>> for given in (x, x.reshape(3, 2, 2, 1), x[:1], x[0], x[0].reshape(2, 2, 1)):
    ...     for batch in array_batches("x.npy", given, facts, n=2):
    ...         batch.x.tolist(), batch.numbers, batch.is_single
    ([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]], range(0, 2), False)
    ([[0.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]], range(0, 2), False)
    ([[0.0, 1.0, 2.0, 3.0]], range(0, 1), False)
    ([[0.0, 1.0, 2.0, 3.0]], range(0, 1), True)
    ([[0.0, 1.0, 2.0, 3.0]], range(0, 1), True)
    """
    if not is_numeric(array.dtype):
        raise DatasetError(f"{name}: has dtype {cut(array.dtype)}: numbers are needed")
    shape = array.shape
    layout = facts.image_layout
    is_list = len(shape) > 1 and math.prod(shape[1:]) == facts.n_in
    is_image = layout.shape is not None and image_shape(shape) == layout.shape
    is_example = is_image or shape == (facts.n_in,)
    if array.size == 0 or not (is_list or is_example):
        raise DatasetError(f"{name}: the model expects {facts.expected}, got {shape}")
    if array.dtype == numpy.uint8 and not layout.takes_bytes:
        raise DatasetError(
            f"{name}: is uint8, and the model was trained on numbers from 0 to 1, or of a range "
            "that its file does not tell: divide by what the training data were divided by"
        )
    examples = array[:n] if is_list else array[None]
    for start in range(0, len(examples), BATCH_SIZE):
        rows = examples[start : start + BATCH_SIZE]
        numbers = range(start, start + len(rows))
        yield Batch(name, rows.reshape(len(rows), facts.n_in), numbers, is_single=not is_list)


def held_out_batches(data, facts, n=sys.maxsize):
    """Yield each :class:`Batch` of a DataSet's test rows, numbered as the data number them."""
    for batch in array_batches(data.facts.dataset, data.test[0], facts, n):
        if data.test_rows is not None:
            batch = batch._replace(numbers=data.test_rows[batch.numbers].tolist())
        yield batch


def is_numeric(dtype):
    """Whether this is NumPy's dtype of real numbers or booleans, and not one of pandas' own."""
    return isinstance(dtype, numpy.dtype) and dtype.kind in "biuf"


def _table_batches(name, table, facts, options=NO_OPTIONS, n=sys.maxsize, keep=()):
    from logreg.tables.reading import table_batches  # imported only when needed

    options = facts.table_options(options)
    for x, numbers, kept in table_batches(table, options, min(BATCH_SIZE, n), facts.table, keep):
        yield Batch(name, x[:n], numbers, kept=kept)
        n -= len(x)
        if n <= 0:  # no more is read than is asked for
            break


def _read_picture(path, facts, invert):
    if not facts.image_layout.takes_pictures:
        raise DatasetError(
            f"{path}: is no npy, npz, CSV or IDX file; the model expects {facts.expected}. It "
            "takes no pictures, as it was not trained on grey images of a known range that are at "
            f"least {MIN_PICTURE_SIDE} x {MIN_PICTURE_SIDE} pixels large"
        )
    from logreg.datasets.pictures import read_picture  # imported only when needed

    pixels = read_picture(path, facts.image_layout, invert).reshape(1, -1)
    if pixels.min() == pixels.max():
        warning(f"{path}: is blank, or too faint: no ink was found on it")
    return Batch(path, pixels, range(1), is_single=True)
