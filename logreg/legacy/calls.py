"""Names of `theano`, `theano.tensor` and its `nnet` that PyTensor has not, or calls otherwise.

The functions of nets follow Theano's own formulas.
"""

import functools

import pytensor
from pytensor import graph
from pytensor.tensor import sharedvar
from pytensor.tensor.special import log_softmax

from logreg.engine import T
from logreg.engine.backend import user_setting


class Config:
    """PyTensor's settings, and Theano's device: the CPU. A floatX of Theano's flags holds."""

    device = "cpu"

    def __init__(self):
        self.floatX = user_setting("theano", "floatX") or self.floatX

    def __getattr__(self, name):
        return getattr(pytensor.config, name)

    def __setattr__(self, name, value):
        if name == "device" and value != "cpu":
            raise AttributeError(f"device {value!r} is none that old programs run on: leave it cpu")
        setattr(pytensor.config, name, value)


class TensorVariable(T.TensorVariable):
    """A variable that counts as true, as Theano's do: old programs ask ``if not input``."""

    def __bool__(self):
        return True


class TensorSharedVariable(sharedvar.TensorSharedVariable):
    """A shared variable that counts as true."""

    __bool__ = TensorVariable.__bool__


def making_true(function):
    """Let the variable that a function makes count as true."""

    @functools.wraps(function)
    def true(*args, **options):
        variable = function(*args, **options)
        for kind in (TensorVariable, TensorSharedVariable):
            if type(variable) is kind.__base__:
                variable.__class__ = kind
        return variable

    return true


config = Config()
clone, dot, grad, inv = graph.clone_replace, T.dot, pytensor.grad, T.reciprocal
shared, scalar, vector = map(making_true, (pytensor.shared, T.scalar, T.vector))
matrix, tensor3, tensor4 = map(making_true, (T.matrix, T.tensor3, T.tensor4))
sigmoid, softmax, softplus = map(making_true, (T.sigmoid, T.nnet.softmax, T.softplus))


def In(variable, name=None, value=None, **options):
    """Make an input, which may have a default; PyTensor's have none."""
    made = pytensor.In(variable, name=name, **options)
    made.default = value
    return made


def function(inputs, *args, **options):
    """Compile a function; inputs with a default may be left out of its calls."""
    compiled = pytensor.function(inputs, *args, **options)
    given = [(i.name, getattr(i, "default", None)) for i in inputs]
    if all(default is None for _, default in given):
        return compiled

    def call(*args, **named):
        return compiled(*args, *(named.pop(*pair) for pair in given[len(args) :]), **named)

    return call


def flatten(x, ndim=1, outdim=None):
    """Make an array of fewer dimensions: the first ones stay. `outdim` is an older name."""
    return T.flatten(x, outdim or ndim)


@making_true
def logsoftmax(x):
    """Compute the logarithm of the softmax of each row."""
    return log_softmax(x, axis=-1)


@making_true
def relu(x, alpha=0):
    """Compute the larger of x and 0, or with `alpha` a leaky one; its slope at 0 is the mean."""
    return 0.5 * (1 + alpha) * x + 0.5 * (1 - alpha) * abs(x)


@making_true
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
