"""Softmax regression as a native function: the C files beside this one, on NumPy arrays.

It classifies rows, or takes steps of descent, from the data as they are stored. It knows no engine
and nothing symbolic. Its functions take

- the :class:`Rows`,
- the parameters (W, b), of shapes (n_in, n_out) and (n_out,), both float32 or float64,
- the weighted labels (y, weights): the integer label of each row, and the weight of each row in the
  cost, None if all are 1.

Arrays that do not go together are a ValueError, and so is a label that is not in 0 .. n_out - 1.
"""

import os
import re
from typing import Any, NamedTuple

import numpy

from logreg.basics.errors import SettingError, listed
from logreg.basics.files import map_of
from logreg.kernel import numpy_kernel

try:
    import logreg.kernel._kernel as _kernel
except ImportError:  # no C compiler was there when logreg was installed
    _kernel = numpy_kernel
if getattr(_kernel, "version", None) != 3:  # of module.c
    _kernel = numpy_kernel

NO_PAIR = None, None  # in place of labels and weights, or of the two velocities
FEW_PRODUCTS = 10000  # of a step: module.c gives so few to one thread
MAX_COPY_OF_MAP = 1 << 28  # bytes: memory may have no room for a copy of a larger file
GRADIENTS_ONLY = numpy.nan  # this rate tells the C code to return gradients
BYTES = numpy.dtype("uint8")
FLOATS = numpy.dtype("float32"), numpy.dtype("float64")
INT32 = numpy.dtype("int32")


class Rows(NamedTuple):
    """Rows of features: `x` of shape (n, n_in), uint8 or floats, which is multiplied by `scale`."""

    x: numpy.ndarray
    scale: float = 1.0
    layout: Any = None  # of :func:`lay_out`


def is_built():
    """Whether a C compiler built this version of the kernel."""
    return _kernel is not numpy_kernel


def is_off():
    """Whether the user switched the kernel off."""
    return os.environ.get("LOGREG_KERNEL") == "0"


def instruction_sets():
    """Names of the sets of instructions that this machine has, the fastest first.

    They are those of the C code: the kernel must be built.
    """
    return _kernel.instruction_sets.split()


def instruction_set():
    """The set in use: that of LOGREG_KERNEL_SET, else the fastest."""
    return os.environ.get("LOGREG_KERNEL_SET") or instruction_sets()[0]


def is_in_use():
    """Whether the C code is used: it was built, and the user did not switch the kernel off."""
    return is_built() and not is_off()


def check_settings():
    """Raise a SettingError if LOGREG_KERNEL_SET or LOGREG_NUM_THREADS is no setting."""
    n_threads()
    if is_built() and instruction_set() not in instruction_sets():
        names = listed(instruction_sets())
        raise SettingError(
            f"LOGREG_KERNEL_SET is {instruction_set()!r}: set it to one of {names}, or leave it "
            "unset"
        )


def has_fma():
    """Whether the set of instructions in use has fma. Without it, results have other bits."""
    return instruction_set() != "plain"


def n_threads():
    """Threads that share a minibatch: LOGREG_NUM_THREADS, else OMP_NUM_THREADS, else our cores."""
    wanted = os.environ.get("LOGREG_NUM_THREADS", "")
    if wanted:
        if not re.fullmatch("[1-9][0-9]{0,3}", wanted):
            raise SettingError(
                f"LOGREG_NUM_THREADS is {wanted!r}: set it to a number from 1 to 9999"
            )
        return int(wanted)
    found = re.match("[1-9][0-9]{0,3}(?![0-9])", os.environ.get("OMP_NUM_THREADS", ""))
    if found:
        return int(found.group())
    if hasattr(os, "sched_getaffinity"):  # macOS has none
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lay_out(rows, y, n_rows):
    """Lay out rows in memory as the C code reads them fastest.

    With `y`, they are laid out in minibatches of `n_rows` rows, for :func:`steps`. With `y` None,
    all rows are, for :func:`classes`, and `n_rows` is their number. Bytes are copied without most
    of the zeros. So are floats that are whole numbers from 0 to 255, or such numbers divided by
    256, as the tutorial's pixels are. Only the C code reads the result.

    Returns
    -------
    Rows or None
        The rows with a layout, which is right for x and y as they are now. It changes no bit of a
        result, unless a parameter is infinite. None for other floats, for more than 256 MiB that
        are mapped from a file, and for more than 65,535 columns.
    """
    x = rows.x
    mapped = map_of(x)
    if not is_built() or not x.size or x.shape[1] > 65535:
        return None
    if mapped is not None and x.nbytes > MAX_COPY_OF_MAP:
        return None
    x, factor = _as_bytes(x)
    if x is None:
        return None
    # The C code gives the pages of a map of bytes back to the system after it has read them. A
    # writable map could lose what was written to its pages.
    is_read_only_map = x is rows.x and mapped is not None and mapped.mode == "r"
    labels = None if y is None else as_labels(y)
    layout = _kernel.lay_out(x, labels, n_rows, is_read_only_map, n_threads())
    return Rows(x, rows.scale * factor, layout)


def classes(rows, params):
    """Compute which class has the largest score in each row, int64 of shape (n,)."""
    rows, params = _prepare(rows, params)
    best = numpy.empty(len(rows.x), "int64")
    if best.size:
        # In the order in which module.c reads them. Without labels, it classifies the rows.
        _kernel.compute(
            rows,
            params,
            NO_PAIR,
            None,
            best,
            len(best),
            _n_threads_for(rows, params),
            (0.0, 0.0, 0.0),
            NO_PAIR,
        )
    return best


def steps(rows, params, weighted_labels, starts, n_rows, rate, l2=0.0, momentum=0.0):
    """Take steps of descent on the mean negative log-likelihood of the labels.

    With `l2`, the cost has a penalty: `l2` times the sum of the squares of W. With `momentum`, a
    step is ``v = momentum * v - rate * gradient`` and ``param = param + v``.

    Parameters
    ----------
    rows : Rows
        The layout, if there is one, is of minibatches of `n_rows` rows.
    params : tuple
        W and b; with momentum, their velocities after them. They are not changed.
    weighted_labels : tuple
        The labels and the weights of the rows, as above.
    starts : sequence of int
        The first row of each step's minibatch, which has `n_rows` rows.
    rate : float
        The learning rate.

    Returns
    -------
    costs, *params : numpy.ndarray
        The cost before each step, and the parameters after the last, of the dtype of W. Their bits
        do not depend on the number of threads, nor on how many steps one call takes.
    """
    rows, (W, b) = _prepare(rows, params[:2])
    y, weights = weighted_labels
    if y.shape != rows.x.shape[:1]:
        raise ValueError(f"y has shape {y.shape}, and x has {len(rows.x)} rows")
    if weights is not None:
        weights = _as_c_array(weights, W.dtype)
    velocities = [numpy.array(v, W.dtype, order="C") for v in params[2:]]
    costs = numpy.zeros(len(starts))
    new_params = W.copy(), b.copy()
    # The C code writes to the costs, the parameters and the velocities.
    _kernel.compute(
        rows,
        new_params,
        (as_labels(y), weights),
        numpy.array(starts, "int64"),
        costs,
        n_rows,
        _n_threads_for(rows, new_params),
        (rate, l2, momentum),
        tuple(velocities) or NO_PAIR,
    )
    return [costs.astype(W.dtype), *new_params, *velocities]


def gradients(rows, params, weighted_labels, start, n_rows):
    """Compute the cost of `n_rows` rows from `start` on, an array of one, and its gradients."""
    # In the place of new parameters, the C code returns the gradients.
    return steps(rows, params, weighted_labels, [start], n_rows, GRADIENTS_ONLY)


def as_labels(y):
    """Labels as int32; a label that does not fit becomes another one that is no class."""
    if y.dtype.kind not in "iu":
        raise ValueError(f"labels are {y.dtype}: integers are needed")
    if y.dtype != INT32:
        y = numpy.clip(y, -1, 2**31 - 1)
    return _as_c_array(y, INT32)


def _n_threads_for(rows, params):
    """Choose the number of threads that may share a step on all rows, or on some of them.

    It is 1 for few rows: to read the environment would take as long as the step.
    """
    n_products = rows.x.size * len(params[1])
    return n_threads() if n_products > FEW_PRODUCTS else 1


def _as_bytes(x):
    """x as bytes, and the factor that makes x of them; None if no factor does so exactly."""
    if x.dtype == BYTES:
        return _as_c_array(x, BYTES), 1.0
    factor = 1 / 256
    if x[:1000].max() >= 1:  # these rows are enough to tell: most data are no bytes at all
        factor = 1.0
    as_bytes = numpy.empty(x.shape, "uint8")
    for start in range(0, len(x), 1000):
        values = x[start : start + 1000] / factor
        part = as_bytes[start : start + 1000]
        with numpy.errstate(invalid="ignore"):
            part[:] = values
        if (part != values).any():
            return None, factor
    return as_bytes, factor


def _prepare(rows, params):
    """Rows and parameters as the C code takes them: aligned, x of bytes or of the dtype of W."""
    x, (W, b) = rows.x, params
    has_shapes = W.ndim == 2 and x.shape[1:] == W.shape[:1] and b.shape == W.shape[1:]
    if not has_shapes or b.dtype != W.dtype or W.dtype not in FLOATS:
        found = ", ".join(f"{array.dtype} of shape {array.shape}" for array in (x, W, b))
        raise ValueError(
            f"x, W and b are {found}: they must be of shapes (n, n_in), (n_in, n_out) and "
            "(n_out,), W and b both float32, or both float64"
        )
    dtype = BYTES if x.dtype == BYTES else W.dtype
    arrays = _as_c_array(W, W.dtype), _as_c_array(b, b.dtype)
    return Rows(_as_c_array(x, dtype), rows.scale, rows.layout), arrays


def _as_c_array(array, dtype):
    """The array, if it is of this dtype, aligned and in C's order; else a copy that is."""
    flags = array.flags
    if array.dtype == dtype and flags.c_contiguous and flags.aligned:
        return array  # for few rows, numpy.require takes as long as the C code
    return numpy.require(array, dtype, "CA")
