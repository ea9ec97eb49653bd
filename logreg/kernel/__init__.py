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

UINT8, INT32 = numpy.dtype("uint8"), numpy.dtype("int32")  # names would be looked up at each step
MAX_CLASSES = 32  # with more, the matrix products of a current OpenBLAS are faster


def is_wanted():
    """Whether the kernel was built, and the user did not switch it off."""
    is_wanted = _kernel is not None and os.environ.get("LOGREG_KERNEL") != "0"
    return is_wanted and n_threads() > 0  # an error of it is not to come in the midst of a graph


@functools.lru_cache(maxsize=None)
def n_threads():
    """Threads that share a minibatch: LOGREG_NUM_THREADS, else as many as cores we may use."""
    given = os.environ.get("LOGREG_NUM_THREADS") or str(n_cores())
    if not re.fullmatch("[1-9][0-9]{0,3}", given):
        raise SettingError(f"LOGREG_NUM_THREADS is {given!r}: set it to a number from 1 to 9999")
    return int(given)


def n_cores():
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def scores(x, scale, W, b):
    """Compute ``scale * x W + b``, of shape (n, n_out) and of the dtype of W and b.

    x is uint8 or of floats, which become of that dtype. Where there is no kernel, NumPy does it.
    """
    n_out = W.shape[1]
    if not is_wanted() or n_out > MAX_CLASSES or not x.size or not W.size:
        return numpy.dot(_scaled(x, scale, W.dtype), W) + b
    x, W, b = _as_taken(x, W, b)
    z = numpy.empty((len(x), n_out), W.dtype)
    _kernel.compute(x, W, b, z, len(x), n_out, scale, n_threads())
    return z


def classes(x, scale, W, b):
    """Compute which class has the largest score in each row, int64 of shape (n,)."""
    if W.shape[1] > MAX_CLASSES or not x.size or not W.size:
        return numpy.argmax(scores(x, scale, W, b), axis=1)
    x, W, b = _as_taken(x, W, b)
    found = numpy.empty(len(x), "int64")
    _kernel.classify(x, W, b, found, len(x), W.shape[1], scale, n_threads())
    return found


def cross_entropy(x, scale, W, b, y, weights=None, rate=0.0):
    """Compute the mean negative log-likelihood of labels `y`, and its gradients by W and b.

    With a `rate`, W and b after a step of descent come in place of the gradients.

    Parameters
    ----------
    x : numpy.ndarray, shape (n, n_in)
        uint8, or floats, which become those of W and b.
    scale : float
        What x is multiplied by.
    W, b : numpy.ndarray, shapes (n_in, n_out) and (n_out,)
        float32 or float64.
    y : numpy.ndarray of integers, shape (n,)
    weights : numpy.ndarray, shape (n,), optional
        What the loss of each row is multiplied by, before the mean over the n rows.
    rate : float
        The learning rate of the step.

    Raises
    ------
    ValueError
        If a label is not in 0 .. n_out - 1, or shapes do not go together.
    """
    n_out = W.shape[1]
    if y.dtype != INT32:  # of a wider type, a label may not fit
        y = numpy.clip(y, -1, n_out)
    y = numpy.ascontiguousarray(y, INT32)
    x, W, b = _as_taken(x, W, b)
    dW, db = numpy.empty(W.shape, W.dtype), numpy.empty(b.shape, W.dtype)
    if weights is not None:
        weights = numpy.ascontiguousarray(weights, W.dtype)
    cost = _kernel.compute(x, W, b, dW, len(y), n_out, scale, n_threads(), y, db, weights, rate)
    return numpy.asarray(cost, W.dtype), dW, db


def _as_taken(x, W, b):
    """Arrays as the C code takes them: x of bytes, or of the dtype of W."""
    x = numpy.ascontiguousarray(x, UINT8 if x.dtype == UINT8 else W.dtype)
    return x, numpy.ascontiguousarray(W), numpy.ascontiguousarray(b)


def _scaled(x, scale, dtype):
    return numpy.multiply(x, scale, dtype=dtype) if scale != 1 else x.astype(dtype, copy=False)
