"""What `vector_math` needs of Theano."""

import numpy
from theano.compile.mode import get_default_mode
from theano.gof import Apply, Op, Optimizer
from theano.scalar import Exp, Log, Tanh
from theano.tensor.elemwise import Elemwise
from theano.tensor.nnet.sigm import ScalarSigmoid

from logreg.engine.vector_math import BEFORE_FUSION, FunctionOp, call_numpy

NAMES = {Exp: "exp", Log: "log", Tanh: "tanh", ScalarSigmoid: "sigmoid"}
# Theano gives inf and NaN in silence. For a small array, numpy.errstate would take several times as
# long as the function. In the list are the size of a buffer, no error to look for, and no callback.
SILENT = [numpy.geterrobj()[0], 0, None]


class NumPyFunction(FunctionOp, Op):
    """A function of NumPy, of each number of an array of floats."""

    __props__ = ("function_name",)
    apply_class = Apply

    def perform(self, node, inputs, output_storage):
        output_storage[0][0] = getattr(numpy, self.function_name)(inputs[0], extobj=SILENT)


class CallNumPy(Optimizer):
    """The rewrite that puts NumPy's functions in the place of Theano's."""

    def apply(self, fgraph):
        call_numpy(fgraph, Elemwise, NAMES, NumPyFunction)


def make_mode():
    """Make Theano's own mode, with the rewrite."""
    return get_default_mode().register((CallNumPy(), BEFORE_FUSION))
