"""exp, log, tanh and sigmoid of whole arrays by NumPy's functions, which use vector instructions.

The engines compute them number by number. When logreg compiles a graph, a rewrite gives them to
NumPy. It comes after the gradients are taken and before the engine fuses operations into loops.
"""

import numpy

from logreg.engine import NAME

if NAME == "theano":
    from theano.compile.mode import get_default_mode
    from theano.gof import Apply, Op
    from theano.gof import Optimizer as GraphRewriter
    from theano.scalar import Exp, Log, Tanh
    from theano.tensor.elemwise import Elemwise
    from theano.tensor.nnet.sigm import ScalarSigmoid as Sigmoid

    # The size of a buffer, errors that are looked for, what is called then. Of a small array,
    # numpy.errstate would take several times as long as the function does.
    NO_ERRORS = [numpy.geterrobj()[0], 0, None]

    def call_silently(function, x):
        return function(x, extobj=NO_ERRORS)

else:
    from pytensor.compile.mode import get_default_mode
    from pytensor.graph.basic import Apply
    from pytensor.graph.op import Op
    from pytensor.graph.rewriting.basic import GraphRewriter
    from pytensor.scalar import Exp, Log, Sigmoid, Tanh
    from pytensor.tensor.elemwise import Elemwise

    from logreg.engine import numpy_loops

    def call_silently(function, x):
        with numpy.errstate(all="ignore"):  # NumPy 2 has no shorter way
            return function(x)


FUNCTION_NAMES = {Exp: "exp", Log: "log", Tanh: "tanh", Sigmoid: "exp"}
BEFORE_FUSION = 48.9  # a position among the engines' rewrites, which fuse at 49


class NumPyFunction(Op):
    """A function of NumPy, of each number of an array of floats."""

    __props__ = ("function_name",)

    def __init__(self, function_name):
        self.function_name = function_name

    def make_node(self, x):
        return Apply(self, [x], [x.type()])

    def perform(self, node, inputs, output_storage):
        function = getattr(numpy, self.function_name)
        # The engines give inf and NaN in silence, too.
        output_storage[0][0] = call_silently(function, inputs[0])


if NAME == "pytensor":
    numpy_loops.register(NumPyFunction)


class CallNumPy(GraphRewriter):
    """The rewrite that puts NumPy's functions in the place of the engine's."""

    def apply(self, fgraph):
        for node in fgraph.toposort():
            if not isinstance(node.op, Elemwise):
                continue
            x = node.inputs[0]
            if x.ndim == 0 or x.dtype not in ("float32", "float64"):
                continue
            scalar_op = type(node.op.scalar_op)
            if scalar_op not in FUNCTION_NAMES:
                continue
            function_name = FUNCTION_NAMES[scalar_op]
            if NAME == "pytensor" and numpy_loops.find_loop(function_name, x.dtype) is None:
                continue
            function = NumPyFunction(function_name)
            new = 1 / (1 + function(-x)) if scalar_op is Sigmoid else function(x)
            fgraph.replace_validate(node.outputs[0], new, reason="call NumPy")


def make_mode():
    """Make the engine's own mode, with the rewrite."""
    return get_default_mode().register((CallNumPy(), BEFORE_FUSION))
