"""PyTensor as it comes, under Theano's names.

PyTensor's internals move from release to release. So nothing here imports one when logreg is
imported, and what is a convenience only is left out where PyTensor has it no more.
"""

import contextlib
import types

from logreg.engine.backend import INSTALL_JAX, UNWRITABLE, Backend
from logreg.errors import EngineError


class PyTensorBackend(Backend):
    """PyTensor on the CPU, compiled as PyTensor itself chooses: by Numba, unless the user says."""

    NAME = "pytensor"
    DEVICES = Backend.DEVICES + ", or jax:cpu"

    def on_device(self, name):
        if name in (None, "cpu"):
            return self
        try:
            from logreg.engine.jax_backend import JaxBackend
        except (ImportError, RuntimeError) as error:  # RuntimeError: jaxlib is too old
            raise EngineError(
                f"device {name!r} needs JAX, which does not import ({error}): {INSTALL_JAX}"
            ) from error
        return JaxBackend(self.theano, self.T, name)

    def function(self, inputs, outputs):
        return compile_python(self.theano, inputs, outputs)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        with _writing_files():
            compiled = super().compile_step(x, y, dataset, batch_size, cost, updates, block)
            # Numba compiles at the first call, which belongs here: the step is taken back.
            before = [(variable, variable.get_value()) for variable, _ in updates]
            compiled(0)
            compiled.costs()
        for variable, value in before:
            variable.set_value(value, borrow=True)
        return compiled

    def compile_error_rates(self, x, y, dataset, batch_size, errors):
        with _writing_files():
            error_rates = super().compile_error_rates(x, y, dataset, batch_size, errors)
            error_rates()  # Numba compiles at the first call
        return error_rates


def load():
    """Import PyTensor; return its back end."""
    import pytensor
    import pytensor.tensor

    return PyTensorBackend(pytensor, Tensor(pytensor))


class Tensor(types.ModuleType):
    """`pytensor.tensor` with the names that `theano.tensor` has for the same things.

    Parameters
    ----------
    pytensor : module
    """

    def __init__(self, pytensor):
        super().__init__("logreg.engine.T")
        self._pytensor = pytensor
        self.nnet = types.SimpleNamespace(softmax=_softmax, sigmoid=self._sigmoid)

    def __getattr__(self, name):
        return getattr(self._pytensor.tensor, name)

    def grad(self, *args, **kwargs):
        """As ``pytensor.grad``."""
        return self._pytensor.grad(*args, **kwargs)

    def _sigmoid(self, x):
        return self._pytensor.tensor.sigmoid(x)


def _softmax(x):
    """Theano's softmax, which is over the rows of a matrix."""
    from pytensor.tensor.special import softmax

    return softmax(x, axis=-1)


def compile_python(pytensor, inputs, outputs):
    """Make a function that NumPy computes, operation by operation.

    It starts at once, where Numba takes seconds to compile, and is as fast on large arrays.

    Parameters
    ----------
    pytensor : module
    inputs : list of symbolic variables
    outputs : list of symbolic expressions

    Returns
    -------
    callable
    """
    try:
        mode = pytensor.Mode("py", "fast_compile")
        flags = pytensor.config.change_flags(cxx="")  # nor is C to be compiled
    except (AttributeError, KeyError, TypeError, ValueError):  # in a PyTensor to come
        mode, flags = None, contextlib.nullcontext()
    with flags:
        return pytensor.function(inputs, outputs, mode=mode)


@contextlib.contextmanager
def _writing_files():
    """Say what to set where PyTensor cannot write what it compiles."""
    try:
        yield
    except (OSError, ValueError) as error:
        if getattr(error, "errno", None) or "compiledir" in str(error):
            raise EngineError(UNWRITABLE.format(error, "PYTENSOR")) from error
        raise
