"""The functions of ``theano.tensor.nnet`` on PyTensor, by Theano's formulas."""

import pytensor
from pytensor import tensor as T

sigmoid, softplus = T.sigmoid, T.softplus


def softmax(x):
    """Compute the softmax of each row; a vector becomes a matrix of one row."""
    x = T.as_tensor_variable(x)
    if x.ndim == 1:
        x = T.shape_padleft(x)
    return T.special.softmax(x, axis=-1)


def softmax_with_bias(x, b):
    """Compute the softmax of each row of ``x + b``."""
    return softmax(x + b)


def logsoftmax(x):
    """Compute the logarithm of :func:`softmax`."""
    return log(softmax(x))


def log(x):
    """Compute the logarithm.

    That of a softmax, or of elements of one, is built by `log_softmax`: its gradient is finite
    where a probability underflows to 0. Theano rewrites such graphs when it compiles. PyTensor does
    so for the values, but not for all gradients.
    """
    x = T.as_tensor_variable(x)
    logs = _log_of_softmax(x)
    return T.log(x) if logs is None else logs


def _log_of_softmax(p):
    """Return the logarithm if `p` is a softmax, written by hand or not, or elements of one."""
    if p.owner is None:
        return None
    op, inputs = p.owner.op, p.owner.inputs
    if isinstance(op, T.special.Softmax):
        return T.special.log_softmax(inputs[0], axis=op.axis)
    if isinstance(op, (T.subtensor.Subtensor, T.subtensor.AdvancedSubtensor)):
        logs = _log_of_softmax(inputs[0])
        return None if logs is None else op(logs, *inputs[1:])
    if op == T.true_div and inputs[0].owner and inputs[0].owner.op == T.exp:
        powers = inputs[0]
        for axis in range(p.ndim):
            softmax_by_hand = powers / powers.sum(axis=axis, keepdims=True)
            if pytensor.graph.basic.equal_computations([p], [softmax_by_hand]):
                return T.special.log_softmax(powers.owner.inputs[0], axis=axis)
    return None


def relu(x, alpha=0):
    """Compute x where it is above 0, else ``alpha * x``; the slope at 0 is the mean of both."""
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
    """Compute an approximation of the sigmoid by three straight lines."""
    return T.clip(0.2 * x + 0.5, 0, 1)


def binary_crossentropy(output, target):
    """Compute the cross-entropy of each probability with its target."""
    return -(target * T.log(output) + (1 - target) * T.log(1 - output))


def categorical_crossentropy(coding_dist, true_dist):
    """Compute the cross-entropy of each row of probabilities with a row of them, or a class."""
    if true_dist.ndim == coding_dist.ndim:
        return -(true_dist * log(coding_dist)).sum(axis=coding_dist.ndim - 1)
    return -log(coding_dist)[T.arange(true_dist.shape[0]), true_dist]
