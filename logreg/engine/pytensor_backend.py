"""PyTensor, under Theano's names.

PyTensor's internals move from release to release: they are imported inside functions.
"""

import contextlib
import os

from logreg.basics.console import warning
from logreg.basics.errors import EngineError, install_command
from logreg.engine.backend import Backend
from logreg.engine.compat import with_theanos_names
from logreg.engine.kernel_graph import GraphMatcher, make_interpreted_function


class PyTensorBackend(Backend):
    """PyTensor on the CPU: it compiles by Numba, unless the user's flags say otherwise."""

    def on_device(self, name):
        if name in (None, "cpu"):
            return self
        try:
            from logreg.engine.gpu_backend import JaxBackend
        except (ImportError, RuntimeError) as error:  # RuntimeError: jaxlib is too old
            advice = install_command("cuda", "'jax[cuda12]'")
            raise EngineError(
                f"device {name!r} needs JAX, which does not import ({error}): {advice}"
            ) from error
        return JaxBackend(self.theano, self.T, name)

    def _make_mode(self):
        try:
            from logreg.engine.pytensor_math import make_mode

            return make_mode()
        except (ImportError, AttributeError):  # a release has moved its internals
            return None

    def _warm_up(self, call, variables):
        before = [(variable, variable.get_value()) for variable in variables]
        with contextlib.suppress(Exception):  # a fault in the graph is reported at the first step
            call()
        for variable, value in before:
            variable.set_value(value, borrow=True)


def load():
    """Import PyTensor; return its back end."""
    import pytensor
    import pytensor.tensor

    if getattr(pytensor.config, "generated_src_dir", None) == "":
        # It would leave the source of what Numba compiles among the temporary files, in each run.
        pytensor.config.generated_src_dir = os.path.join(pytensor.config.compiledir, "generated")

    theano, T = with_theanos_names(pytensor)
    return PyTensorBackend(theano, T, _make_matcher(T))


def _make_matcher(T):
    """Make the matcher with internals of PyTensor; None where a release has moved them."""
    try:
        import pytensor
        from pytensor.compile.mode import Mode
        from pytensor.graph.basic import equal_computations
        from pytensor.graph.replace import clone_replace
        from pytensor.link.vm import VMLinker

        interpreted_function = make_interpreted_function(
            pytensor.function, pytensor.config.change_flags, Mode, VMLinker
        )
        return GraphMatcher(T, interpreted_function, clone_replace, equal_computations)
    except Exception as error:
        warning(f"logreg's kernel does not know this PyTensor ({error}): training is slower")
        return None
