"""The functions of ``theano.tensor.nnet`` on PyTensor, by Theano's own formulas."""

from pytensor.tensor.special import log_softmax

from logreg.engine import T
from logreg.legacy.windows import conv2d as conv2d

sigmoid, softmax, softplus = T.sigmoid, T.nnet.softmax, T.softplus


def logsoftmax(x):
    """Compute the logarithm of the softmax of each row."""
    return log_softmax(x, axis=-1)


def relu(x, alpha=0):
    """Compute the larger of x and 0, or with `alpha` a leaky one; its slope at 0 is the mean."""
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs(x)


def elu(x, alpha=1):
    """Compute x above 0, and below that a curve that bends to -alpha."""
    return T.switch(x > 0, x, alpha * T.expm1(x))


def hard_sigmoid(x):
    """Compute a sigmoid of three straight lines."""
    return T.clip(0.2 * x + 0.5, 0, 1)


def binary_crossentropy(output, target):
    """Compute the cross-entropy of probabilities, each for itself."""
    return -(target * T.log(output) + (1 - target) * T.log(1 - output))


def categorical_crossentropy(coding_dist, true_dist):
    """Compute the cross-entropy of each row's probabilities with a row, or a class."""
    if true_dist.ndim == coding_dist.ndim:
        return -(true_dist * T.log(coding_dist)).sum(axis=coding_dist.ndim - 1)
    return -T.log(coding_dist)[T.arange(true_dist.shape[0]), true_dist]
