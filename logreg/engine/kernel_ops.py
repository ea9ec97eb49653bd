"""The native kernel as an Op, which an engine's interpreter runs.

`tools` is what it is made with, as :func:`~logreg.engine.kernel_graph.make_tools` makes it.
"""

import numpy

from logreg.kernel import cross_entropy


def make_op(T, tools):
    """Make the Op, of an engine's base class."""

    class CrossEntropy(tools.Op):
        """The mean negative log-likelihood of y given scale * x, and its gradients by W and b."""

        __props__ = ("scale", "weights")

        def __init__(self, scale, weights):
            self.scale = scale
            self.weights = weights  # a tuple: the factor of each class in the cost; or None

        def make_node(self, *inputs):
            kinds = T.scalar, T.matrix, T.vector
            outputs = [kind(dtype=inputs[1].dtype) for kind in kinds]
            return tools.Apply(self, list(inputs), outputs)

        def perform(self, node, inputs, outputs):
            x, W, b, y = inputs
            # A label that is no class is refused by the kernel.
            results = cross_entropy(x, self.scale, W, b, y, self.weights)
            for output, result in zip(outputs, results):
                output[0] = numpy.asarray(result)

        def connection_pattern(self, node):  # nothing is asked for the gradient by x
            return [[is_param] * 3 for is_param in (False, True, True, False)]

        def L_op(self, inputs, outputs, gradients):
            none, g = tools.DisconnectedType()(), gradients[0]
            return [none, g * outputs[1], g * outputs[2], none]

        pullback = L_op  # PyTensor's name for it

    return CrossEntropy
