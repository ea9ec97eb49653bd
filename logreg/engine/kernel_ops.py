"""The native kernel as Ops, which an engine's interpreter runs.

`tools` is what the Ops are made with, as :func:`~logreg.engine.kernel_graph.make_tools` makes it.
"""

import numpy

from logreg.kernel import classes, cross_entropy, scores


def make_ops(T, tools):
    """Make the Ops, of an engine's base class.

    After their other inputs may come two numbers, from which row to which x and y are taken.
    """

    class KernelOp(tools.Op):
        __props__ = ("scale", "weights", "rate")

        def __init__(self, scale=1.0, weights=None, rate=0.0):
            self.scale = scale
            self.weights = weights  # a tuple: the factor of each class in the cost
            self.rate = rate  # of a step of descent

        def make_node(self, *inputs):
            return tools.Apply(self, list(inputs), self.outputs(inputs[1].dtype))

    class Scores(KernelOp):
        """scale * x W + b, of shape (n, n_out)."""

        def outputs(self, dtype):
            return [T.matrix(dtype=dtype)]

        def perform(self, node, inputs, outputs):
            x, W, b, *rows = inputs
            outputs[0][0] = scores(_taken(x, rows), self.scale, W, b)

        def L_op(self, inputs, outputs, gradients):
            x, W, _ = inputs
            (g,) = gradients
            dW = T.dot(T.cast(x, W.dtype).T, g)
            return [self.scale * T.dot(g, W.T), self.scale * dW, g.sum(axis=0)]

        pullback = L_op  # PyTensor's name for it

    class Classes(KernelOp):
        """Which of the scores of each row is the largest, of shape (n,)."""

        def outputs(self, dtype):
            return [T.vector(dtype="int64")]

        def perform(self, node, inputs, outputs):
            x, W, b, *rows = inputs
            outputs[0][0] = classes(_taken(x, rows), self.scale, W, b)

    class CrossEntropy(KernelOp):
        """The mean negative log-likelihood of y, and its gradients; or W and b after a step."""

        def outputs(self, dtype):
            return [kind(dtype=dtype) for kind in (T.scalar, T.matrix, T.vector)]

        def perform(self, node, inputs, outputs):
            x, W, b, y, *rows = inputs
            x, y = _taken(x, rows), _taken(y, rows)
            # A label that is no class is refused by the kernel.
            weights = self.weights and numpy.take(self.weights, y, mode="clip")
            results = cross_entropy(x, self.scale, W, b, y, weights, self.rate)
            outputs[0][0], outputs[1][0], outputs[2][0] = results

        def connection_pattern(self, node):
            return [[i < 3] * 3 for i, _ in enumerate(node.inputs)]

        def L_op(self, inputs, outputs, gradients):
            x, W, b, y = inputs
            g = gradients[0]
            p = T.nnet.softmax(Scores(self.scale)(x, W, b))
            is_label = T.eq(T.arange(W.shape[1]), y.dimshuffle(0, "x"))
            dz = (p - is_label) * (g / T.cast(y.shape[0], W.dtype))
            if self.weights:
                weights = T.as_tensor_variable(numpy.asarray(self.weights, W.dtype))
                dz *= weights[y].dimshuffle(0, "x")
            dx = self.scale * T.dot(dz, W.T)
            return [dx, g * outputs[1], g * outputs[2], tools.DisconnectedType()()]

        pullback = L_op

    return Scores, Classes, CrossEntropy


def _taken(array, rows):
    return array[rows[0] : rows[1]] if rows else array


def make_step(tools):
    """Make the Op of a step of gradient descent."""

    class Step(tools.Op):
        """variable - rate * gradient, rounded as the engine rounds it."""

        __props__ = ()

        def make_node(self, variable, rate, gradient):
            return tools.Apply(self, [variable, rate, gradient], [variable.type()])

        def perform(self, node, inputs, outputs):
            variable, rate, gradient = inputs
            change = rate * gradient
            outputs[0][0] = numpy.subtract(variable, change, out=change)

    return Step
