"""The engine: Theano, or PyTensor where Theano does not install. README.md is for its users.

Only this package knows which one runs: the others import `theano` and `T` from here. Its functions
take symbolic expressions, shared variables and NumPy arrays. What differs between engines, devices
and several ranks is in the modules of the back ends; `kernel_graph` knows what the native kernel
can compute of a graph.
"""

import contextlib
import copy
import gc
import importlib.util
import os
import re
import threading

import numpy

from logreg.engine import pytensor_backend, theano_backend
from logreg.engine.expressions import Expressions as Expressions
from logreg.engine.expressions import check_expressions as check_expressions
from logreg.engine.expressions import find_parts
from logreg.engine.expressions import is_symbolic as is_symbolic
from logreg.engine.marks import mark as mark
from logreg.engine.marks import marked_parts as marked_parts
from logreg.engine.sets import Features as Features
from logreg.engine.sets import Minibatch as Minibatch
from logreg.engine.sets import RowSet as RowSet
from logreg.basics.errors import EngineError, SettingError
from logreg.basics.flags import user_setting
from logreg.basics.ranks import ranks as ranks

ROWS_OF_A_SUM = 512  # summed in a model's own dtype; the sums of such blocks are added in float64
SMALL_DATA = 1 << 24  # bytes: less than this may stay in memory for a while after a run
MAY_OVERFLOW = 1e19  # root of the largest float32: products of smaller numbers are finite
ROUNDING = 4e-7  # how far rounding may move an error rate in float32, relative to it
LOADERS = {"theano": theano_backend.load, "pytensor": pytensor_backend.load}


def _load():
    ranks.start()  # from now on, an uncaught exception ends all ranks
    wanted = os.environ.get("LOGREG_ENGINE", "").strip().lower()
    reasons = []
    for name in [wanted] if wanted else LOADERS:
        if name not in LOADERS or importlib.util.find_spec(name) is None:
            reasons.append(f"{name} is not installed")
            continue
        try:
            # Read the user's flags first. If a quote is left open, our error names the flags, and
            # the engine's does not.
            user_setting(name, "floatX")
            return LOADERS[name]()
        except SettingError:
            raise
        except Exception as error:  # an old Theano on a new Python fails in many ways
            reasons.append(f"{name} fails to import ({type(error).__name__}: {error})")
    raise EngineError(
        f"no engine: {', '.join(reasons)}; set LOGREG_ENGINE to theano or pytensor or not at all; "
        "install Theano (Python 3.8 to 3.11: pip install 'theano==1.0.5' 'numpy<1.24') "
        "or PyTensor (Python 3.12 and later: pip install pytensor)"
    )


_cpu_backend = _load()
_backend = _cpu_backend  # where variables are made and functions run
theano = _backend.theano
T = _backend.T
NAME = theano.__name__
VERSION = theano.__version__
# floatX and the device belong to the whole process, and the engines are not made for several
# threads.
_one_at_a_time = threading.RLock()
if hasattr(os, "register_at_fork"):  # Windows has none
    # A child process has the forking thread alone: no other one would release the lock there.
    os.register_at_fork(
        before=_one_at_a_time.acquire,
        after_in_parent=_one_at_a_time.release,
        after_in_child=_one_at_a_time.release,
    )


@contextlib.contextmanager
def settings(dtype=None, device=None):
    """Set floatX and the device within the block; both are put back.

    `dtype` None is the user's own flag, else float32; `device` is that of :func:`use_device`.
    """
    dtype = dtype or user_setting(NAME, "floatX") or "float32"
    if dtype not in ("float32", "float64"):
        raise SettingError(f"floatX is {dtype!r}: logreg needs float32 or float64")
    with _one_at_a_time:
        before = _backend.device
        try:
            with floatx(ranks.broadcast(dtype)):
                use_device(device)
                yield
        finally:
            use_device(before)


def use_device(name=None):
    """Put data and parameters on a device from now on; an EngineError says why that fails.

    `name` is ``'cpu'``; on PyTensor, by its JAX backend, also ``'cuda'``, ``'cuda0'``, ``'cuda1'``,
    ... for a GPU, and ``'jax:cpu'``. None is the engine's own choice, which must be the CPU.
    """
    global _backend
    _backend.release()
    _backend = _cpu_backend
    if name is not None and not re.fullmatch(r"cpu|cuda\d*|jax:cpu", name):
        raise EngineError(
            f"device {name!r} is not known: give cpu, cuda, or cuda0, cuda1, ..., or on PyTensor "
            "jax:cpu"
        )
    if ranks.size > 1 and name not in (None, "cpu"):
        raise EngineError(f"device {name!r}: several ranks train on the CPU; give 'cpu'")
    _backend = _cpu_backend.on_device(name)


def _backend_of_ranks():
    """Choose the back end, or that of the ranks, if there are several."""
    if ranks.size == 1:
        return _backend
    from logreg.engine.ranks_backend import RanksBackend  # only where it is needed

    return RanksBackend(_backend)


def device():
    """The name of the device where variables are made: ``'cpu'``, or as of :func:`use_device`."""
    return _backend.device


def describe():
    """Engine, device and float type, in one line."""
    return f"{NAME} {VERSION}, {theano.config.floatX}, {_backend.where()}"


@contextlib.contextmanager
def floatx(dtype):
    """Set the engine's floatX to `dtype` within the block, which one thread enters at a time."""
    with _one_at_a_time:
        before = theano.config.floatX
        theano.config.floatX = dtype
        try:
            yield
        finally:
            theano.config.floatX = before


@contextlib.contextmanager
def freeing_graphs(n_bytes):
    """At the end of a `with`, free the graphs that were made in it, and data of `n_bytes`.

    A graph's parts refer to each other, so only Python's garbage collector frees them, and the data
    with them. The collector takes 0.1 s to look at all objects of an engine, half of a short run on
    few rows. So if the data are small, it looks at young objects only.
    """
    try:
        yield
    finally:
        if gc.isenabled():
            gc.collect(1 if n_bytes < SMALL_DATA else 2)


def shared_data(array):
    """Put a data set's array into a shared variable, without a copy if possible.

    The array, of dtype floatX or uint8, belongs to the shared variable from now on.
    """
    return _backend.shared_data(array)


def stored(array, scale=1.0, prepare=None, is_mapped=False):
    """Put features into a shared variable as they are stored: uint8, float32 or float64.

    Returns :class:`Features`. Rows become floats of a model's dtype when they are used, so the
    array may be mapped from a file larger than memory. They are multiplied by `scale`. If there is
    a `prepare`, ``prepare(rows, dtype)`` makes the floats instead.
    """
    return _backend.stored(array, scale, prepare, is_mapped)


def analyze(expressions):
    """Find the parameters and the sizes of :class:`Expressions`: their :class:`.ModelParts`."""
    return find_parts(_cpu_backend.matcher, expressions)


def find_classifier_params(expressions):
    """Return W and b if the errors are those of a softmax regression on x itself, else None.

    Examples
    --------
    >>> x, y = T.matrix("x"), T.ivector("y")
    >>> W, b = theano.shared(numpy.zeros((4, 3))), theano.shared(numpy.zeros(3))
    >>> scores = T.dot(x, W) + b
    >>> for each in (scores, -scores):
    ...     classes = T.argmax(T.nnet.softmax(each), axis=1)
    ...     errors = T.mean(T.neq(classes, y))
    ...     expressions = Expressions(Minibatch(x, y), errors, errors, errors, [])
    ...     find_classifier_params(expressions) == (W, b)
    True
    False
    """
    matcher = _cpu_backend.matcher
    if not matcher:
        return None
    found = matcher.find_error_rate(expressions.errors, expressions.minibatch)
    return found.params if found else None


def value(variable):
    """Get the value of a shared variable, or compute an expression of some, as a NumPy array."""
    return _backend.value(variable)


def set_value(variable, new):
    """Copy a NumPy array into a shared variable, which keeps its device and order of memory."""
    _backend.set_value(variable, new)


def copy_values(variables):
    """Copy the values of shared variables, which may be arrays or generators of random numbers."""
    copies = []
    for variable in variables:
        found = value(variable)
        is_array = isinstance(found, numpy.ndarray)
        # For a small array, deepcopy takes several times as long.
        copies.append(found.copy(order="K") if is_array else copy.deepcopy(found))
    return copies


def set_values(variables, new_values):
    """Copy a value into each of some shared variables."""
    for variable, new in zip(variables, new_values):
        set_value(variable, new)


def checked_labels(y, n_out):
    """Make an expression of labels `y` that raises an error unless 0 <= y < n_out.

    JAX leaves such assertions out, so :func:`logreg.sgd.fit` checks all labels before it trains.
    """
    are_classes = T.all(T.and_(T.ge(y, 0), T.lt(y, n_out)))
    return T.opt.Assert("a label is not in 0 .. n_out - 1: number the classes from 0")(
        y, are_classes
    )


def have_diverged(variables):
    """Whether a value in some shared variables is NaN, or so large that products may overflow.

    Examples
    --------
    >>> some = [theano.shared(numpy.array(values)) for values in ([[2.0, -3.0]], [1.0], [])]
    >>> have_diverged(some)
    False
    >>> [have_diverged([*some, theano.shared(numpy.array([x]))]) for x in (numpy.nan, -1e20)]
    [True, True]
    """
    # All at once: for small parameters, the calls of NumPy take longer than their work.
    values = numpy.concatenate([value(variable).ravel() for variable in variables])
    return not abs(values).max(initial=0) < MAY_OVERFLOW  # by `not`, NaN has diverged, too


def compile_step(expressions, row_set, batch_size, n_at_once=1):
    """Compile the steps of descent on the minibatches of a :class:`RowSet`.

    Of the :class:`Expressions`, it takes the cost and the updates. The function that is returned,
    ``train_model(first, last)``, takes the steps on the minibatches from `first` to `last`, at most
    `n_at_once`, and returns their costs. The native kernel and JAX take them in one call.
    """
    return _backend_of_ranks().compile_step(expressions, row_set, batch_size, n_at_once)


def compile_errors(minibatch, row_set, batch_size, errors):
    """Compile the error over a set; `errors` is the fraction of a minibatch that is misclassified.

    The function that is returned gives two floats: the mean over the complete minibatches of the
    set, as the tutorial counts, and the mean over all of its rows.
    """
    n = row_set.n_rows
    n_batches = n // batch_size
    sums = _compile_sums(minibatch, row_set, batch_size, errors)

    def error():
        # A sum of errors is a whole number, but for rounding: JAX has rates in float32, and Numba
        # multiplies by 1 / n. Other sums, as of squared errors, stay as they are.
        found = sums()
        nearest = numpy.rint(found)
        is_count = numpy.isclose(found, nearest, rtol=ROUNDING, atol=0)
        counts = numpy.where(is_count, nearest, found)
        # The mean of the minibatches' means, as the tutorial has it. Its rounding differs from
        # that of the mean over all rows. In the tutorial's log, epoch 62 has as many errors as the
        # best epoch before it, and only this rounding says which of the two is better.
        return float(numpy.mean(counts[:n_batches] / batch_size)), float(counts.sum() / n)

    return error


def compile_mean(minibatch, row_set, mean):
    """Compile a mean over all rows of a set; `mean` is that over the rows of a minibatch.

    The function that is returned gives a float. It adds the sums over blocks of a fixed number of
    rows in float64, in the order of the rows, so its bits do not depend on the number of threads.
    All ranks get the same.
    """
    sums = _compile_sums(minibatch, row_set, ROWS_OF_A_SUM, mean)
    n = row_set.n_rows
    return lambda: sum(sums().tolist()) / n


def _compile_sums(minibatch, row_set, block, mean):
    """Compile the sums over blocks of rows, in float64; `mean` is the mean of what is summed."""
    n = row_set.n_rows
    sums = _backend_of_ranks().compile_sums(minibatch, row_set, [*range(0, n, block), n], mean)
    return lambda: numpy.asarray(sums(), "float64")
