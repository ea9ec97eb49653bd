"""PyTensor as it comes, under Theano's names.

PyTensor's internals move from release to release: nothing here imports one with logreg.
"""

import types

from logreg.engine.backend import UNWRITABLE, Backend
from logreg.errors import EngineError


class PyTensorBackend(Backend):
    """PyTensor on the CPU, compiled as PyTensor itself chooses: by Numba, unless the user says."""

    def on_device(self, name):
        if name in (None, "cpu"):
            return self
        try:
            from logreg.engine.jax_backend import JaxBackend
        except (ImportError, RuntimeError) as error:  # RuntimeError: jaxlib is too old
            raise EngineError(
                f"device {name!r} needs JAX, which does not import ({error}): pip install '.[cuda]'"
            ) from error
        return JaxBackend(self.theano, self.T, name)

    def function(self, inputs, outputs):
        # NumPy computes it, operation by operation: that starts at once, where Numba takes
        # seconds to compile, and is as fast on large arrays. Nor is C compiled.
        with self.theano.config.change_flags(cxx=""):
            mode = self.theano.Mode("py", "fast_compile")
            return self.theano.function(inputs, outputs, mode=mode)

    def _compile_on_rows(self, x, y, dataset, output, updates=()):
        try:
            function = super()._compile_on_rows(x, y, dataset, output, updates)
            # Numba compiles at the first call, which belongs here: what it changed is set back.
            before = [(variable, variable.get_value()) for variable, _ in updates]
            function(0, 1)
        except (OSError, ValueError) as error:
            if isinstance(error, OSError) or "compiledir" in str(error):
                raise EngineError(UNWRITABLE.format(error, "PYTENSOR")) from error
            raise
        for variable, value in before:
            variable.set_value(value, borrow=True)
        return function


def load():
    """Import PyTensor; return its back end."""
    import pytensor
    import pytensor.tensor

    def softmax(x):  # Theano's is over the rows of a matrix
        from pytensor.tensor.special import softmax

        return softmax(x, axis=-1)

    T = types.ModuleType("logreg.engine.T")
    vars(T).update(vars(pytensor.tensor), grad=pytensor.grad)
    T.nnet = types.SimpleNamespace(softmax=softmax, sigmoid=T.sigmoid)
    return PyTensorBackend(pytensor, T)
