"""Arrays in memory, or mapped from files that may be larger: taken a block of rows at a time."""

import contextlib
import io
import tempfile
import warnings

import numpy

from logreg.errors import DatasetError

MAPPED_DTYPES = ("uint8", "float32", "float64")  # others are read, and become floats in memory
BLOCK = 1 << 24  # bytes that are looked at together
SAMPLE_VALUES = 1 << 20  # about as many values as a median is taken of


def mapping(array):
    """Return the memory map of which an array is a view; None if its values are in memory.

    Training reads from a map as it is, so one of another dtype counts as none: it is copied.
    """
    if array.dtype in MAPPED_DTYPES and array.flags.c_contiguous:
        while array is not None and not isinstance(array, numpy.memmap):
            array = getattr(array, "base", None)
        return array
    return None


def blocks(x):
    """Yield the rows of an array in order, in views of about 16 MB.

    Examples
    --------
    >>> [len(block) for block in blocks(numpy.zeros((6000, 784)))]
    [2674, 2674, 652]
    """
    n_rows = max(1, BLOCK // max(1, x[:1].nbytes))
    for start in range(0, len(x), n_rows):
        yield x[start : start + n_rows]


def scratch_file(folder):
    """Open a file that is gone with its last map; without a folder, it is in memory.

    Both grow in place, unlike a list of arrays that are joined.
    """
    in_memory = contextlib.nullcontext(io.BytesIO())
    return in_memory if folder is None else tempfile.TemporaryFile(dir=folder)


def rows_in(file, dtype, n_rows):
    """What was written to a :func:`scratch_file`, as an array of that many rows."""
    in_memory = isinstance(file, io.BytesIO)
    x = numpy.frombuffer(file.getbuffer(), dtype) if in_memory else numpy.memmap(file, dtype, "r")
    return x.reshape(n_rows, -1)


def sample_rows(x):
    """Return about a million values of features, in whole rows."""
    if mapping(x) is not None:  # single rows here and there would read the whole file again
        return x[: max(1, SAMPLE_VALUES // x.shape[1])]
    return x[:: 1 + x.size // SAMPLE_VALUES]


def hashed_blocks(digest, array, limit):
    """Yield the :func:`blocks` of an array whose dtype, shape and bytes a digest takes in.

    Numbers wider than the dtype `limit` count as of that dtype.
    """
    dtype = narrower(array.dtype, limit)
    digest.update(f"{dtype.str} {array.shape}\n".encode())
    for block in blocks(array):
        digest.update(numpy.ascontiguousarray(block, dtype).data.cast("B"))
        yield block


def narrower(dtype, limit):
    """The dtype `limit` if numbers of `dtype` are wider than that, else `dtype`."""
    is_wider = limit and dtype.kind in "iuf" and dtype.itemsize > numpy.dtype(limit).itemsize
    return numpy.dtype(limit) if is_wider else dtype


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
