"""What is to be predicted: rows from files of every kind, a batch at a time.

No file is held in memory as a whole, but for an array in Fortran order that is gzipped or in npz.
"""

import gzip
import os
import re
import sys
from typing import NamedTuple, Optional

import numpy

from logreg.console import warning
from logreg.datasets.columns import column_order
from logreg.datasets.formats import (
    idx_stream,
    npz_names,
    open_bytes,
    open_npy,
    plain_size,
    read_npy,
    reading,
    sniff,
)
from logreg.datasets.tables import csv_blocks
from logreg.errors import DatasetError

STDIN = "-"
NPZ_NAMES = ("x", "x_test")


class Wanted(NamedTuple):
    """What a model takes, and how files are to be read.

    Attributes
    ----------
    n_in : int
        Features of a row.
    image_shape : tuple of int or None
        Of a row that is an image.
    batch_size : int
        Rows in a batch at the most.
    label_column : str, optional
        Name or number of a CSV column that is no feature.
    names : tuple of str or None
        What the columns of the training data were called, but for the label's.
    label_name : str or None
        What that was called.
    invert, ground
        As for :func:`logreg.datasets.pictures.read_picture`.
    transposed : bool
        Whether the rows and columns of images are exchanged; those of pictures will be.
    """

    n_in: int
    image_shape: Optional[tuple] = None
    batch_size: int = 1000
    label_column: Optional[str] = None
    invert: Optional[bool] = None
    ground: Optional[str] = "dark"
    transposed: bool = False
    names: Optional[tuple] = None
    label_name: Optional[str] = None

    def __str__(self):
        shape = f" ({' x '.join(map(str, self.image_shape))})" if self.image_shape else ""
        return f"{self.n_in} features{shape}"


class Batch(NamedTuple):
    """Consecutive rows of an input.

    Attributes
    ----------
    x : numpy.ndarray, shape (n, n_in)
        Of the dtype in which it is stored.
    is_single : bool
        Whether the input is one example and not a list of them.
    is_picture : bool
        Whether it was read from a picture.
    inverted : bool
        Whether it is a picture whose dark and light were exchanged.
    """

    x: numpy.ndarray
    is_single: bool = False
    is_picture: bool = False
    inverted: bool = False


def batches(path, wanted):
    """Read an input batch by batch.

    Parameters
    ----------
    path : str
        An npy, npz, CSV or IDX file, gzipped or not, or a picture; ``'-'`` for CSV on stdin.
    wanted : Wanted

    Yields
    ------
    Batch

    Raises
    ------
    DatasetError
        If it cannot be read or is not what the model takes; once the reading comes to it.
    """
    if path == STDIN:
        if sys.stdin is None:
            raise DatasetError("standard input is closed: pipe CSV into it")
        yield from _csv_batches(path, sys.stdin.buffer, wanted)
        return
    kind = sniff(path)
    if kind is None or (kind == "csv" and _is_picture(path)):
        yield _picture(path, wanted)
    elif kind == "csv":
        yield from _csv_batches(path, path, wanted)
    elif kind == "idx":
        yield from _idx_batches(path, wanted)
    elif kind == "npy":
        yield from _npy_batches(path, None, wanted)
    elif kind == "npz":
        yield from _npy_batches(path, _npz_name(path), wanted)
    else:
        raise DatasetError(
            f"{path}: is a pickle: a data set is given with --dataset, a model with --model; "
            "rows to predict come as npy, npz, CSV, IDX or pictures"
        )


def _is_picture(path):
    """Whether what looks like text is a picture, or is at least called one."""
    from logreg.datasets.pictures import SUFFIXES

    with reading(path), open_bytes(path) as stream:
        head = stream.read(4)
    return os.fspath(path).lower().endswith(SUFFIXES) or bool(re.match(rb"P[1-6]\s|GIF8", head))


def _picture(path, wanted):
    from logreg.datasets.pictures import read_picture

    if wanted.image_shape is None:
        raise DatasetError(
            f"{path}: is no npy, npz, CSV or IDX file, and pictures are not what the model was "
            f"trained on: it expects {wanted}"
        )
    height, width, *channels = wanted.image_shape
    shape = (width, height, *channels) if wanted.transposed else wanted.image_shape
    picture = read_picture(path, shape, wanted.invert, wanted.ground)
    if picture.is_blank:
        warning(f"{path}: is blank, or too faint: no ink was found on it")
    pixels = picture.pixels.swapaxes(0, 1) if wanted.transposed else picture.pixels
    return Batch(pixels.reshape(1, -1), True, True, picture.inverted)


def _is_single(array, wanted):
    """Tell one example from a list of them by the shape of an array."""
    shape = array.shape
    if array.dtype.kind not in "buif":
        raise DatasetError(f"has dtype {array.dtype}: numbers are needed")
    if len(shape) > 1 and numpy.prod(shape[1:], dtype=float) == wanted.n_in:
        return False
    squeezed = tuple(n for n in shape if n != 1)
    if shape == (wanted.n_in,) or (wanted.image_shape and squeezed == wanted.image_shape):
        return True
    raise DatasetError(f"the model expects {wanted}, got {shape}")


def array_batches(path, array, wanted):
    """As :func:`batches`, of an array that was read from `path`."""
    with reading(path):
        is_single = _is_single(array, wanted)
    if is_single:
        array = array[None]
    for start in range(0, len(array), wanted.batch_size):
        rows = array[start : start + wanted.batch_size]
        yield Batch(rows.reshape(len(rows), wanted.n_in), is_single)


def _npy_batches(path, name, wanted):
    with open_npy(path, name) as array:
        is_plain = name is None and not isinstance(array.stream, gzip.GzipFile)
        if not is_plain:
            yield from _stream_batches(array, wanted)
    if is_plain:
        yield from array_batches(path, read_npy(path), wanted)


def _stream_batches(array, wanted):
    plain_size(array.dtype, array.shape)
    is_single = _is_single(array, wanted)
    n = 1 if is_single else array.shape[0]
    for rows in array.rows(n, (wanted.n_in,), wanted.batch_size):
        yield Batch(rows, is_single)


def _npz_name(path):
    names = npz_names(path)
    for name in NPZ_NAMES:
        if name in names:
            return name
    if len(names) == 1:
        return names[0]
    shown = ", ".join(ascii(name)[1:-1][:40] for name in names[:8]) or "none"
    raise DatasetError(
        f"{path}: has the arrays {shown}: which is it? Call one of them x, or save it alone"
    )


def _idx_batches(path, wanted):
    with reading(path), open_bytes(path) as stream:
        array = idx_stream(stream)
        if isinstance(stream, gzip.GzipFile):
            yield from _stream_batches(array, wanted)
            return
        start, size = stream.tell(), plain_size(array.dtype, array.shape)
        found = os.fstat(stream.fileno()).st_size - start
        if found != size:
            raise DatasetError(
                f"cut off or damaged: its header promises {size} bytes, {found} follow; "
                "fetch it again"
            )
        mapped = numpy.memmap(stream, array.dtype, "r", start, array.shape)
    yield from array_batches(path, mapped, wanted)


def _csv_batches(path, source, wanted):
    where, order = "standard input" if path == STDIN else path, None
    for i, block in enumerate(csv_blocks(source, wanted.label_column, wanted.batch_size, wanted)):
        with reading(where):
            n_columns = block.x.shape[1]
            if n_columns != wanted.n_in:
                one_more = n_columns == wanted.n_in + 1 and block.columns.label is None
                advice = "; if one column is a label, name it: --label-column" if one_more else ""
                raise DatasetError(f"the model expects {wanted}, got {n_columns} columns{advice}")
        if i == 0:
            order = column_order(block.columns.names, wanted.names, where)
        yield Batch(block.x if order is None else block.x[:, order])
