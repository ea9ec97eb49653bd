"""Softmax regression as a native function: the C files beside this one, on NumPy arrays.

It computes the scores of some rows, or the best classes, or the cost with its gradients, from the
data as they are stored. No engine comes in, and nothing symbolic.
"""

import functools
import os
import re

import numpy

from logreg.errors import SettingError

try:
    import logreg.kernel._kernel as _kernel
except ImportError:  # no C compiler was there when logreg was installed
    _kernel = None

LARGE = 1 << 28  # bytes, of which memory may have no room for a copy if they are mapped from a file


def is_wanted():
    """Whether the kernel was built, and the user did not switch it off."""
    n_threads()  # whose error is not to come in the midst of a graph
    return _kernel is not None and not is_off()


def is_off():
    """Whether the user switched the kernel off."""
    return os.environ.get("LOGREG_KERNEL") == "0"


@functools.lru_cache(maxsize=None)
def n_threads():
    """Threads that share a minibatch: LOGREG_NUM_THREADS, else OMP_NUM_THREADS, else our cores."""
    of_openmp = re.match("[1-9][0-9]{0,3}(?![0-9])", os.environ.get("OMP_NUM_THREADS", ""))
    of_openmp = of_openmp.group() if of_openmp else str(n_cores())
    given = os.environ.get("LOGREG_NUM_THREADS") or of_openmp
    if not re.fullmatch("[1-9][0-9]{0,3}", given):
        raise SettingError(f"LOGREG_NUM_THREADS is {given!r}: set it to a number from 1 to 9999")
    return int(given)


def n_cores():
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lay_out(x, scale, y, n_rows, n_out):
    """Lay out minibatches of `n_rows` rows for :func:`descend`; without `y`, for `classes`.

    Bytes are copied, but for what is blank, and so are floats that are whole numbers from 0 to 255,
    or these over 256, as the tutorial's pixels are. Of other floats, of more than 256 MiB that are
    mapped from a file, and of more than 65,535 columns, it is None. What is returned are x as
    bytes, their scale, and an object for the C code; it holds for x and y as they are now.
    """
    if not x.size or x.shape[1] > 65535 or _is_large_map(x):
        return None
    x, factor = _as_bytes(x)
    if x is None:
        return None
    y = y if y is None else as_labels(y, n_out)
    chunks = _kernel.lay_out(x, y, len(x), n_rows, x.shape[1], n_out, n_threads())
    return x, scale * factor, chunks


def scores(x, scale, W, b):
    """Compute ``scale * x W + b``, of shape (n, n_out) and of the dtype of W and b.

    x is uint8 or of floats, which become of that dtype. Where there is no kernel, NumPy does it.
    """
    n_out = W.shape[1]
    if not is_wanted() or not x.size or not W.size:
        return numpy.dot(_scaled(x, scale, W.dtype), W) + b
    x, W, b = _as_taken(x, W, b)
    z = numpy.empty((len(x), n_out), W.dtype)
    _kernel.scores(x, W, b, z, len(x), n_out, scale, n_threads(), None)
    return z


def classes(x, scale, W, b, layout=None):
    """Compute which class has the largest score in each row, int64 of shape (n,)."""
    if not is_wanted() or not x.size or not W.size:
        return numpy.argmax(scores(x, scale, W, b), axis=1)
    x, scale, chunks = layout or (x, scale, None)
    x, W, b = _as_taken(x, W, b)
    best = numpy.empty(len(x), "int64")
    _kernel.classes(x, W, b, best, len(x), W.shape[1], scale, n_threads(), chunks)
    return best


def descend(x, scale, W, b, y, starts, n_rows, rate, weights=None, layout=None):
    """Take steps of descent on the mean negative log-likelihood of labels `y`.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, n_in)
        uint8, or floats, which become those of W and b.
    scale : float
        What x is multiplied by.
    W, b : numpy.ndarray, shapes (n_in, n_out) and (n_out,)
        float32 or float64. They are not changed.
    y : numpy.ndarray of integers, shape (n,)
    starts : sequence of int
        The first row of each step's minibatch, which has `n_rows` rows.
    rate : float
        The learning rate; with 0, the gradients of one step take the place of new W and b.
    weights : sequence of float, shape (n_out,), optional
        The factor of each class in the cost.
    layout : tuple, optional
        What :func:`lay_out` made of x, scale, y and n_rows; it changes no bit.

    Returns
    -------
    costs, W, b : numpy.ndarray
        The cost before each step, and the parameters after the last, of the dtype of W. Their bits
        do not depend on the number of threads, nor on how many steps one call takes.

    Raises
    ------
    ValueError
        If a label is not in 0 .. n_out - 1, or shapes or dtypes do not go together.
    """
    n_out = W.shape[1]
    y = as_labels(y, n_out)
    x, scale, chunks = layout or (x, scale, None)
    x, W, b = _as_taken(x, W, b)
    if y.shape != x.shape[:1]:
        raise ValueError(f"y has shape {y.shape}, and x has {len(x)} rows")
    starts = numpy.array(starts, "int64").reshape(-1)
    costs, new_W, new_b = numpy.empty(len(starts)), numpy.empty_like(W), numpy.empty_like(b)
    if weights is not None:
        weights = numpy.require(weights, W.dtype, "CA")
    sizes = n_rows, n_out, scale, n_threads(), chunks
    _kernel.descend(x, W, b, new_W, *sizes, new_b, y, starts, costs, rate, weights)
    return costs.astype(W.dtype), new_W, new_b


def as_labels(y, n_out):
    """Labels as int32; one that does not fit stays none of the classes 0 .. n_out - 1."""
    if y.dtype != "int32":
        y = numpy.clip(y, -1, n_out)
    return numpy.require(y, "int32", "CA")


def _as_bytes(x):
    """x as bytes, and by what these are to be multiplied; None where that is not exact."""
    if x.dtype == "uint8":
        return numpy.require(x, None, "CA"), 1.0
    as_bytes = numpy.empty(x.shape, "uint8")
    for factor in (1.0, 1 / 256):
        for start in range(0, len(x), 1000):
            values, part = x[start : start + 1000] / factor, as_bytes[start : start + 1000]
            with numpy.errstate(invalid="ignore"):
                part[:] = values
            if (part != values).any():
                break
        else:
            return as_bytes, factor
    return None, 1.0


def _is_large_map(array):
    if array.nbytes <= LARGE:
        return False
    while array is not None and not isinstance(array, numpy.memmap):
        array = getattr(array, "base", None)
    return array is not None


def _as_taken(x, W, b):
    """Arrays as the C code takes them: aligned, x of bytes or of the dtype of W."""
    shapes = W.ndim == 2 and (x.shape[1:], b.shape) == (W.shape[:1], W.shape[1:])
    if not shapes or b.dtype != W.dtype or W.dtype not in ("float32", "float64"):
        are = ", ".join(f"{a.dtype} of shape {a.shape}" for a in (x, W, b))
        raise ValueError(
            f"x, W and b are {are}: they must be of shapes (n, n_in), (n_in, n_out) and (n_out,), "
            "W and b both float32, or both float64"
        )
    cell = x.dtype if x.dtype == "uint8" else W.dtype
    return tuple(numpy.require(a, dtype, "CA") for a, dtype in ((x, cell), (W, None), (b, None)))


def _scaled(x, scale, dtype):
    return numpy.multiply(x, scale, dtype=dtype) if scale != 1 else x.astype(dtype, copy=False)
