"""Softmax regression as a native function: the C files beside this one, on NumPy arrays.

It classifies rows, or takes steps of descent, from the data as they are stored. No engine comes
in, and nothing symbolic. What its functions take has three parts: the :class:`Rows`; a pair (W, b)
of parameters, of shapes (n_in, n_out) and (n_out,), both float32 or float64; and a pair (y,
weights) of the integer labels of all rows, and the factors of classes in the cost, None if these
are 1. A ValueError says that they do not go together, or that a label is not in 0 .. n_out - 1.
"""

import os
import re
from typing import Any, NamedTuple

import numpy

from logreg.errors import SettingError, listed

try:
    import logreg.kernel._kernel as _kernel
except ImportError:  # no C compiler was there when logreg was installed
    _kernel = None

LARGE = 1 << 28  # bytes, of which memory may have no room for a copy if they are mapped from a file


class Rows(NamedTuple):
    """Rows of features: `x` of shape (n, n_in), uint8 or floats, which is multiplied by `scale`."""

    x: numpy.ndarray
    scale: float = 1.0
    layout: Any = None  # of :func:`lay_out`


def is_built():
    """Whether a C compiler was there when logreg was installed."""
    return _kernel is not None


def is_off():
    """Whether the user switched the kernel off."""
    return os.environ.get("LOGREG_KERNEL") == "0"


def is_wanted():
    """Whether the kernel was built, and the user did not switch it off."""
    n_threads()  # whose error is not to come in the midst of a graph
    wanted = os.environ.get("LOGREG_KERNEL_SET")
    if is_built() and wanted and wanted not in _kernel.instruction_sets.split():
        known = listed(_kernel.instruction_sets.split())
        raise SettingError(f"LOGREG_KERNEL_SET is {wanted!r}: set it to one of {known}, or not")
    return is_built() and not is_off()


def has_fma():
    """Whether the set of instructions in use has fma, without which bits are others."""
    wanted = os.environ.get("LOGREG_KERNEL_SET") or _kernel.instruction_sets.split()[0]
    return wanted != "plain"


def n_threads():
    """Threads that share a minibatch: LOGREG_NUM_THREADS, else OMP_NUM_THREADS, else our cores."""
    given, of_openmp = (os.environ.get(f"{name}_NUM_THREADS", "") for name in ("LOGREG", "OMP"))
    if not given:
        found = re.match("[1-9][0-9]{0,3}(?![0-9])", of_openmp)
        return int(found.group()) if found else n_cores()
    if not re.fullmatch("[1-9][0-9]{0,3}", given):
        raise SettingError(f"LOGREG_NUM_THREADS is {given!r}: set it to a number from 1 to 9999")
    return int(given)


def n_cores():
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def map_of(array):
    """The map of a file into memory of which an array is a view, or None."""
    while array is not None and not isinstance(array, numpy.memmap):
        array = getattr(array, "base", None)
    return array


def lay_out(rows, y, n_rows):
    """Lay out minibatches of `n_rows` rows for :func:`steps`; without `y`, all for :func:`classes`.

    Bytes are copied, but for what is blank, and so are floats that are whole numbers from 0 to 255,
    or these over 256, as the tutorial's pixels are. Returned are the :class:`Rows` with a layout,
    which holds for x and y as they are now, and changes no bit unless a parameter is infinite; None
    of other floats, of more than 256 MiB that are mapped from a file, and of more than 65,535
    columns.
    """
    x, mapped = rows.x, map_of(rows.x)
    if not x.size or x.shape[1] > 65535 or (mapped is not None and x.nbytes > LARGE):
        return None
    x, factor = _as_bytes(x)
    if x is None:
        return None
    # What may be written to would be lost with its pages, and so would a copy.
    is_map = x is rows.x and mapped is not None and mapped.mode == "r"
    y = y if y is None else as_labels(y)
    layout = _kernel.lay_out(x, y, n_rows, is_map, n_threads())
    return Rows(x, rows.scale * factor, layout)


def classes(rows, params):
    """Compute which class has the largest score in each row, int64 of shape (n,)."""
    x, (W, b) = _as_taken(rows, params)
    best = numpy.empty(len(x.x), "int64")
    if best.size:
        _kernel.classes(x, (W, b), best, n_threads())
    return best


def steps(rows, params, labels, starts, n_rows, rate):
    """Take steps of descent on the mean negative log-likelihood of the labels.

    Parameters
    ----------
    rows : Rows
        The layout, if there is one, is of minibatches of `n_rows` rows.
    params, labels : tuple
        As above; W and b are not changed.
    starts : sequence of int
        The first row of each step's minibatch, which has `n_rows` rows.
    rate : float
        The learning rate.

    Returns
    -------
    costs, W, b : numpy.ndarray
        The cost before each step, and the parameters after the last, of the dtype of W. Their bits
        do not depend on the number of threads, nor on how many steps one call takes.
    """
    return _descend(rows, params, labels, starts, n_rows, float(rate))


def gradients(rows, params, labels, start, n_rows):
    """Compute the cost of the `n_rows` rows from `start` on, an array of it, and its gradients."""
    return _descend(rows, params, labels, [start], n_rows, None)


def _descend(rows, params, labels, starts, n_rows, rate):
    rows, (W, b) = _as_taken(rows, params)
    y, weights = labels
    if y.shape != rows.x.shape[:1]:
        raise ValueError(f"y has shape {y.shape}, and x has {len(rows.x)} rows")
    weights = weights if weights is None else numpy.require(weights, W.dtype, "CA")
    starts = numpy.array(starts, "int64").reshape(-1)
    costs, W, b = numpy.empty(len(starts)), W.copy(), b.copy()
    labels = as_labels(y), weights
    _kernel.descend(rows, (W, b), labels, starts, costs, n_rows, n_threads(), rate)
    return costs.astype(W.dtype), W, b


def as_labels(y):
    """Labels as int32; one that does not fit stays none of the classes."""
    if y.dtype.kind not in "iu":
        raise ValueError(f"labels are {y.dtype}: integers are needed")
    if y.dtype != "int32":
        y = numpy.clip(y, -1, 2**31 - 1)
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


def _as_taken(rows, params):
    """Rows and parameters as the C code takes them: aligned, x of bytes or of the dtype of W."""
    x, (W, b) = rows.x, params
    shapes = W.ndim == 2 and (x.shape[1:], b.shape) == (W.shape[:1], W.shape[1:])
    if not shapes or b.dtype != W.dtype or W.dtype not in ("float32", "float64"):
        are = ", ".join(f"{a.dtype} of shape {a.shape}" for a in (x, W, b))
        raise ValueError(
            f"x, W and b are {are}: they must be of shapes (n, n_in), (n_in, n_out) and (n_out,), "
            "W and b both float32, or both float64"
        )
    x = numpy.require(x, "uint8" if x.dtype == "uint8" else W.dtype, "CA")
    return rows._replace(x=x), [numpy.require(param, None, "CA") for param in params]
