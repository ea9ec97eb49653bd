"""Features that stay in their files, larger than memory perhaps: mapped, and gone through once.

The folder of such a data set holds x_train.npy, y_train.npy, ..., named as the arrays of an npz;
``scripts/make_folder.py`` writes one. Plain IDX files are mapped, too.
"""

import contextlib
import hashlib

import numpy

from logreg import console

MAPPED_DTYPES = ("uint8", "float32", "float64")  # others are read, and become floats in memory
BLOCK = 1 << 24  # bytes that are looked at together


def mapping(array):
    """The file's map that an array is a view of; None if its values are in memory, or are to be."""
    if array.dtype in MAPPED_DTYPES and array.flags.c_contiguous:
        while array is not None and not isinstance(array, numpy.memmap):
            array = getattr(array, "base", None)
        return array
    return None


def npy_files(folder):
    """A folder's npy files by their names without the suffix: x_train, y_train, ..."""
    return {file.stem: file for file in sorted(folder.glob("*.npy"))}


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


def digest_arrays(arrays, limit, standardized=False, look=lambda number, block: None):
    """SHA-256 of the dtypes, shapes and bytes of arrays, in hexadecimal, in one pass.

    Whether they are to be standardized counts, too; numbers that are wider than the dtype `limit`
    are digested as such. ``look(number, block)`` is
    called with each block of rows and the number of its array.
    """
    digest = hashlib.sha256()
    for number, array in enumerate(arrays):
        dtype = narrower(array.dtype, limit)
        digest.update(f"{dtype.str} {array.shape}\n".encode())
        for block in blocks(array):
            look(number, block)
            digest.update(numpy.ascontiguousarray(block, dtype).data.cast("B"))
    if standardized:
        digest.update(b"standardized")
    return digest.hexdigest()


def narrower(dtype, limit):
    """The dtype `limit` if numbers of `dtype` are wider than that, else `dtype`."""
    is_wider = limit and dtype.kind in "iuf" and dtype.itemsize > numpy.dtype(limit).itemsize
    return numpy.dtype(limit) if is_wider else dtype


@contextlib.contextmanager
def progress(n_bytes, what):
    """Yield a function to call with each number of bytes that are done; a terminal shows a bar."""
    bar = console.progress(n_bytes, "B", desc=what, unit_scale=True)
    if bar is None:
        yield lambda n: None
    else:
        with bar:
            yield bar.update
