"""The engine: Theano, or PyTensor where Theano does not install.

The only module that knows which one runs. The others write ``theano.shared``,
``theano.function``, ``T.dot`` ... as the tutorial does, with the two names from here::

    from logreg.engine import T, theano

``LOGREG_ENGINE=theano`` or ``pytensor`` in the environment chooses; without it Theano is
taken where it imports, else PyTensor.
"""

import contextlib
import functools
import importlib.util
import os
import re

import numpy

from logreg.engine.c_compiler import user_setting
from logreg.engine.pytensor_backend import (
    UNWRITABLE,
    Tensor,
    compiled,
    counted,
    import_pytensor,
    in_minibatches,
    interpreted,
)
from logreg.engine.theano_backend import import_theano
from logreg.errors import EngineError, SettingError

ENGINES = ("theano", "pytensor")
INSTALL = (
    "install Theano (Python 3.8 to 3.11: pip install 'theano==1.0.5' 'numpy<1.24') "
    "or PyTensor (Python 3.12 and later: pip install pytensor)"
)


def _load():
    wanted = os.environ.get("LOGREG_ENGINE", "").strip().lower()
    if wanted and wanted not in ENGINES:
        raise EngineError(
            f"LOGREG_ENGINE is {wanted!r}: set it to theano or pytensor, or leave it unset"
        )
    importers = {"theano": import_theano, "pytensor": import_pytensor}
    reasons = []
    for name in [wanted] if wanted else ENGINES:
        if importlib.util.find_spec(name) is None:
            reasons.append(f"{name} is not installed")
            continue
        try:
            return name, importers[name]()
        except Exception as error:  # an old Theano on a new Python fails in many ways
            if "compiledir" in str(error):
                raise EngineError(UNWRITABLE.format(error, name.upper())) from None
            reasons.append(f"{name} fails to import ({type(error).__name__}: {error})")
    raise EngineError("no engine: {}; {}".format(", ".join(reasons), INSTALL))


NAME, theano = _load()
T = theano.tensor if NAME == "theano" else Tensor(theano)
VERSION = theano.__version__
_device = None  # where data and parameters live, if that is not the engine's own business


def set_floatx(floatx=None):
    """Set the engine's floatX for a command: `floatx`, the user's own setting, or float32.

    Parameters
    ----------
    floatx : {'float32', 'float64'}, optional
    """
    floatx = floatx or user_setting(NAME, "floatX") or "float32"
    if floatx not in ("float32", "float64"):
        raise SettingError(f"floatX is {floatx!r}: logreg needs float32 or float64")
    theano.config.floatX = floatx


def use_device(name=None):
    """Let data and parameters live on a device, from now on.

    Parameters
    ----------
    name : str, optional
        ``'cpu'``; ``'cuda'``, ``'cuda0'``, ``'cuda1'``, ... for a GPU, on Theano by pygpu and on
        PyTensor by its JAX backend; on PyTensor also ``'jax:cpu'``. If not given, what Theano's
        flags say, or the CPU.

    Raises
    ------
    EngineError
        If the device cannot be used.
    """
    global _device
    if _device:
        _device.release()
        _device = None
    if name is not None and not re.fullmatch(r"cpu|cuda\d*|jax:cpu", name):
        raise EngineError(
            f"device {name!r} is not known: give cpu, cuda, or cuda0, cuda1, ..."
            + (", or jax:cpu" if NAME == "pytensor" else "")
        )
    if NAME == "theano":
        _use_device_of_theano(name)
    elif name not in (None, "cpu"):
        from logreg.engine.jax_backend import JaxDevice

        _device = JaxDevice(theano, name)


def _use_device_of_theano(name):
    if name == "jax:cpu":
        raise EngineError("device 'jax:cpu' is PyTensor's: set LOGREG_ENGINE=pytensor")
    name = name or theano.config.device
    if not name.startswith("cuda"):
        return
    # Theano itself would log an error, go on on the CPU, and say that it is on the GPU.
    import theano.gpuarray as gpuarray

    reason = "pygpu is not installed"
    if gpuarray.pygpu is not None and not gpuarray.pygpu_activated:
        try:
            gpuarray.use(name)
        except Exception as error:
            reason = f"{type(error).__name__}: {error}"
    if gpuarray.pygpu is None or not gpuarray.pygpu_activated:
        raise EngineError(
            f"device {name!r} cannot be used by Theano ({reason}): it needs pygpu and "
            "libgpuarray (conda-forge has them for Python 3.7 to 3.10 and CUDA up to 10). "
            "On newer machines take PyTensor on Python 3.12 or later, or --device cpu"
        )


def describe():
    """Engine, device and float type, in one line."""
    where = str(_device) if _device else theano.config.device if NAME == "theano" else "cpu"
    return f"{NAME} {VERSION}, {theano.config.floatX}, {where}"


@contextlib.contextmanager
def floatx(dtype):
    """Let the engine's floatX be `dtype` within the block."""
    before = theano.config.floatX
    theano.config.floatX = dtype
    try:
        yield
    finally:
        theano.config.floatX = before


def shared_data(array):
    """Put a data set's array into a shared variable, without a copy where that can be.

    Parameters
    ----------
    array : numpy.ndarray
        Of dtype floatX. It belongs to the shared variable from now on.

    Returns
    -------
    shared variable
    """
    if _device:
        return _device.shared_data(array)
    if NAME == "theano":
        return theano.shared(array, borrow=True)
    return theano.shared(array, borrow=True, shape=array.shape)


def require_memory(n_bytes):
    """Raise an EngineError if a data set of so many bytes does not fit into the device."""
    if _device:
        _device.require(n_bytes)


def value(variable):
    """The value of a shared variable as a NumPy array, wherever it lives."""
    if _device:
        return _device.value(variable)
    return variable.get_value(borrow=True)


def set_value(variable, new):
    """Copy a NumPy array into a shared variable, which stays where and in what order it is.

    The order of the memory decides how sums are rounded: a resumed run needs the same.
    """
    copy = numpy.empty_like(value(variable))
    copy[...] = new
    variable.set_value(copy, borrow=True)
    if _device:
        _device.place(variable)


def n_rows(variable):
    """How many rows the value of a shared variable has."""
    return variable.get_value(borrow=True).shape[0]


def function(inputs, outputs):
    """Compile a function that is called too seldom for machine code to be worth a wait.

    Parameters
    ----------
    inputs : list of symbolic variables
    outputs : list of symbolic expressions

    Returns
    -------
    callable
    """
    if _device:
        return _device.function(inputs, outputs)
    return (theano.function if NAME == "theano" else interpreted)(inputs, outputs)


def steps_per_call(block):
    """How many steps of :func:`compile_steps` had best be taken at once, of `block` at the most.

    One, where a call costs little: then a run can be interrupted after each.
    """
    return block if _device else 1


def compile_steps(x, y, dataset, batch_size, cost, updates, block):
    """Compile steps of descent over a set's minibatches.

    Parameters
    ----------
    x, y : symbolic variables
        A minibatch and its labels, of which `cost` and `updates` are made.
    dataset : (shared variable, symbolic vector)
    batch_size : int
        Rows in a minibatch.
    cost : symbolic scalar
    updates : list of (shared variable, symbolic expression)
        These variables keep their shapes, as do all that `cost` is made of.
    block : int
        How many steps are taken at once at the most.

    Returns
    -------
    callable
        ``steps(first, count)`` takes `count` steps, on minibatch `first` and those that follow,
        and returns the cost before each.
    """
    if _device:
        return _device.compile_steps(x, y, dataset, batch_size, cost, updates, block)
    n_batches = n_rows(dataset[0]) // batch_size
    step, minibatches = _over_minibatches(x, y, dataset, batch_size, cost, updates)
    if NAME == "pytensor":
        # It compiles at the first call, which belongs here: the step is taken back.
        before = [(variable, variable.get_value()) for variable, _ in updates]
        step(*minibatches[0])
        for variable, value_before in before:
            variable.set_value(value_before, borrow=True)

    def steps(first, count):
        return [step(*minibatches[k % n_batches]) for k in range(first, first + count)]

    return steps


def compile_means(x, y, dataset, batch_size, mean):
    """Compile the mean of something over a set.

    Parameters
    ----------
    x, y, dataset, batch_size
        As for :func:`compile_steps`.
    mean : symbolic scalar
        A mean over the rows of `x`.

    Returns
    -------
    callable
        It returns the list of the means over each whole minibatch, and the mean over the rows
        that are left (0 if none are).
    """
    if _device:
        return _device.compile_means(x, y, dataset, batch_size, mean)
    over, minibatches = _over_minibatches(x, y, dataset, batch_size, mean)
    n = n_rows(dataset[0])
    n_left = n % batch_size
    if NAME == "theano":
        over_the_rest = functools.partial(over, *map(_int64, (n - n_left, n)))
    elif n_left:
        rest = {variable: whole[n - n_left :] for variable, whole in zip((x, y), dataset)}
        over_the_rest = compiled([], mean, givens=rest)

    def means():
        in_the_rest = float(over_the_rest()) if n_left else 0.0
        return [over(*minibatch) for minibatch in minibatches], in_the_rest

    if NAME == "theano":
        return means
    means()  # compiles

    def counted_means():
        in_batches, in_the_rest = means()
        return counted(in_batches, batch_size), in_the_rest

    return counted_means


def _over_minibatches(x, y, dataset, batch_size, output, updates=None):
    """Compile a function of a minibatch; return it, and its arguments for each of them."""
    n_batches = n_rows(dataset[0]) // batch_size
    if NAME == "theano":
        compile_function = theano.function
        inputs = start, stop = T.lscalars("start", "stop")
        rows = [whole[start:stop] for whole in dataset]
        edges = [_int64(i * batch_size) for i in range(n_batches + 1)]
        minibatches = list(zip(edges, edges[1:]))
    else:
        compile_function = compiled
        inputs = (i,) = [T.lscalar("i")]
        rows = [in_minibatches(whole, n_batches, batch_size)[i] for whole in dataset]
        minibatches = [(_int64(i),) for i in range(n_batches)]
    givens = dict(zip((x, y), rows))
    function = compile_function(list(inputs), output, updates=updates, givens=givens)
    function.trust_input = True  # it gets these arguments, and need not look
    return function, minibatches


def _int64(number):
    """A number as a function that trusts its input takes it."""
    return numpy.asarray(number, dtype="int64")
