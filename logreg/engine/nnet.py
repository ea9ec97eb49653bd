"""Functions of nets on PyTensor, as ``theano.tensor.nnet`` has them, by Theano's formulas."""

from pytensor import tensor as T
from pytensor.graph.basic import equal_computations
from pytensor.tensor.special import Softmax as Softmax
from pytensor.tensor.special import log_softmax
from pytensor.tensor.special import softmax as softmax_along
from pytensor.tensor.subtensor import AdvancedSubtensor, Subtensor

sigmoid, softplus = T.sigmoid, T.softplus


def softmax(x):
    """Compute the softmax of each row; a vector becomes a matrix of one row."""
    x = T.as_tensor_variable(x)
    return softmax_along(T.shape_padleft(x) if x.ndim == 1 else x, axis=-1)


def softmax_with_bias(x, b):
    """Compute the softmax of each row of ``x + b``."""
    return softmax(x + b)


def logsoftmax(x):
    """Compute the logarithm of :func:`softmax`."""
    return log(softmax(x))


def log(x):
    """Compute the logarithm; of a softmax, or of what is picked from one, by `log_softmax`.

    Where a probability underflows to 0, the gradient stays finite so. Theano makes it so when it
    compiles; PyTensor does this for the values, and not for all gradients.
    """
    x = T.as_tensor_variable(x)
    logs = _log_of_softmax(x)
    return T.log(x) if logs is None else logs


def _log_of_softmax(p):
    """The logarithm of a softmax, one by hand too, or of what is picked from it; else None."""
    op, inputs = (p.owner.op, p.owner.inputs) if p.owner else (None, [])
    if isinstance(op, Softmax):
        return log_softmax(inputs[0], axis=op.axis)
    if isinstance(op, (Subtensor, AdvancedSubtensor)):
        logs = _log_of_softmax(inputs[0])
        return None if logs is None else op(logs, *inputs[1:])
    if op == T.true_div and inputs[0].owner and inputs[0].owner.op == T.exp:
        powers = inputs[0]
        for axis in range(p.ndim):
            if equal_computations([p], [powers / powers.sum(axis=axis, keepdims=True)]):
                return log_softmax(powers.owner.inputs[0], axis=axis)
    return None


def relu(x, alpha=0):
    """Compute the larger of x and 0, or with `alpha` a leaky one; its slope at 0 is the mean."""
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs(x)


def elu(x, alpha=1):
    """Compute x where it is above 0, and ``alpha * (exp(x) - 1)`` elsewhere."""
    return T.switch(x > 0, x, alpha * T.expm1(x))


def selu(x):
    """Compute an :func:`elu` that keeps a mean of 0 and a variance of 1 from layer to layer."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def softsign(x):
    """Compute ``x / (1 + abs(x))``."""
    return x / (1 + abs(x))


def hard_sigmoid(x):
    """Compute a sigmoid of three straight lines."""
    return T.clip(0.2 * x + 0.5, 0, 1)


def binary_crossentropy(output, target):
    """Compute the cross-entropy of probabilities, each for itself."""
    return -(target * T.log(output) + (1 - target) * T.log(1 - output))


def categorical_crossentropy(coding_dist, true_dist):
    """Compute the cross-entropy of each row's probabilities with a row, or a class."""
    if true_dist.ndim == coding_dist.ndim:
        return -(true_dist * log(coding_dist)).sum(axis=coding_dist.ndim - 1)
    return -log(coding_dist)[T.arange(true_dist.shape[0]), true_dist]
