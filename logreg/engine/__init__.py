"""The engine: Theano, or PyTensor where Theano does not install.

The only package that knows which one runs. The other modules write ``theano.shared``,
``T.dot`` ... as the tutorial does, with two names from here::

    from logreg.engine import T, theano

``LOGREG_ENGINE=theano`` or ``pytensor`` in the environment chooses; without it Theano is taken
where it imports, else PyTensor. What differs between them, and on a device, is in the back ends:
one module each, with one interface, that of the functions below.
"""

import contextlib
import importlib.util
import os
import re

from logreg.engine import pytensor_backend, theano_backend
from logreg.engine.backend import UNWRITABLE
from logreg.engine.user_settings import user_setting
from logreg.errors import EngineError, SettingError

LOADERS = {"theano": theano_backend.load, "pytensor": pytensor_backend.load}
INSTALL = (
    "install Theano (Python 3.8 to 3.11: pip install 'theano==1.0.5' 'numpy<1.24') "
    "or PyTensor (Python 3.12 and later: pip install pytensor)"
)


def _load():
    wanted = os.environ.get("LOGREG_ENGINE", "").strip().lower()
    if wanted and wanted not in LOADERS:
        raise EngineError(
            f"LOGREG_ENGINE is {wanted!r}: set it to theano or pytensor, or leave it unset"
        )
    reasons = []
    for name in [wanted] if wanted else LOADERS:
        if importlib.util.find_spec(name) is None:
            reasons.append(f"{name} is not installed")
            continue
        try:
            return LOADERS[name]()
        except Exception as error:  # an old Theano on a new Python fails in many ways
            if "compiledir" in str(error):
                raise EngineError(UNWRITABLE.format(error, name.upper())) from None
            reasons.append(f"{name} fails to import ({type(error).__name__}: {error})")
    raise EngineError("no engine: {}; {}".format(", ".join(reasons), INSTALL))


_on_cpu = _backend = _load()
NAME, theano, T = _backend.NAME, _backend.theano, _backend.T
VERSION = theano.__version__


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
        If the device cannot be used. Data and parameters live on the CPU then.
    """
    global _backend
    _backend.release()
    _backend = _on_cpu
    if name is not None and not re.fullmatch(r"cpu|cuda\d*|jax:cpu", name):
        raise EngineError(f"device {name!r} is not known: give {_on_cpu.DEVICES}")
    _backend = _on_cpu.on_device(name)


def describe():
    """Engine, device and float type, in one line."""
    return _backend.describe()


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
    return _backend.shared_data(array)


def require_memory(n_bytes):
    """Raise an EngineError if a data set of so many bytes does not fit into the device."""
    _backend.require_memory(n_bytes)


def value(variable):
    """The value of a shared variable as a NumPy array, after all steps that were asked for."""
    return _backend.value(variable)


def set_value(variable, new):
    """Copy a NumPy array into a shared variable, which stays where and in what order it is."""
    _backend.set_value(variable, new)


def n_rows(variable):
    """How many rows the value of a shared variable has."""
    return _backend.n_rows(variable)


def function(inputs, outputs):
    """Compile a function that starts at once, for a few calls, as in prediction.

    Parameters
    ----------
    inputs : list of symbolic variables
    outputs : list of symbolic expressions

    Returns
    -------
    callable
    """
    return _backend.function(inputs, outputs)


def compile_step(x, y, dataset, batch_size, cost, updates, block):
    """Compile a step of descent on one of a set's minibatches.

    Parameters
    ----------
    x, y : symbolic variables
        A minibatch and its labels, of which `cost` and `updates` are made.
    dataset : (shared variable, symbolic vector)
    batch_size : int
        Rows in a minibatch.
    cost : symbolic scalar
    updates : list of (shared variable, symbolic expression)
    block : int
        So many steps are queued at the most.

    Returns
    -------
    train_model : callable
        ``train_model(index)`` takes the step on minibatch `index`. A device may queue it until
        something depends on it: the parameters' values, error rates, or the costs.
        ``train_model.costs()`` lists the costs of the steps since its last call, in their order.
    """
    return _backend.compile_step(x, y, dataset, batch_size, cost, updates, block)


def compile_error_rates(x, y, dataset, batch_size, errors):
    """Compile the error rates over a set.

    Parameters
    ----------
    x, y : symbolic variables
        A minibatch and its labels, of which `errors` is made.
    dataset : (shared variable, symbolic vector)
    batch_size : int
        Rows in a minibatch.
    errors : symbolic scalar
        The fraction of the rows of `x` that are misclassified.

    Returns
    -------
    callable
        It returns a float64 array, the error rate of each whole minibatch, and a float, that of
        the rows that are left over (0.0 if none are).
    """
    return _backend.compile_error_rates(x, y, dataset, batch_size, errors)
