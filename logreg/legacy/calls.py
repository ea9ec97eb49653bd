"""Names of `theano`, `theano.tensor` and its `nnet` that PyTensor has not, or calls otherwise."""

import collections
import types

import numpy
import pytensor
from pytensor import graph
from pytensor.gradient import pullback as Lop  # noqa: F401
from pytensor.gradient import pushforward
from pytensor.gradient import zero_grad as consider_constant  # noqa: F401
from pytensor.printing import pp as pp
from pytensor.sparse.type import SparseTensorType as SparseType  # noqa: F401

from logreg.engine import T
from logreg.flags import user_setting


class Config:
    """PyTensor's settings, and Theano's device: the CPU. A floatX of Theano's flags holds."""

    device, compute_test_value = "cpu", "off"
    # Theano's settings below these names may be made, and have no effect.
    blas = dnn = gcc = warn = types.SimpleNamespace()

    def __init__(self):
        self.floatX = user_setting("theano", "floatX") or self.floatX

    def __getattr__(self, name):
        return getattr(pytensor.config, name)

    def __setattr__(self, name, value):
        if name == "device" and value != "cpu":
            raise AttributeError(f"device {value!r} is none that old programs run on: leave it cpu")
        setattr(pytensor.config, name, value)


config = Config()
shared = pytensor.shared
Softmax = T.special.Softmax
abs_, addbroadcast, dot, grad, inv = T.abs, T.specify_broadcastable, T.dot, T.grad, T.reciprocal
wmatrix = T.TensorType("int16", (None, None))
OrderedUpdates, _asarray, sgn = collections.OrderedDict, numpy.asarray, T.sign


def In(variable, name=None, value=None, **options):
    """Make an input, which may have a default; PyTensor's have none.

    An input that is a state, with an `update`, is refused.
    """
    if options.get("update") is not None:
        raise NotImplementedError("an input has no update: let the state be a shared variable")
    made = pytensor.In(variable, name=name, **options)
    made.default = value
    return made


def Param(variable, default=None, name=None, **options):
    """Make an input, as it was called before Theano 0.8."""
    return In(variable, name, default, **options)


def function(inputs, outputs=None, *args, **options):
    """Compile a function; inputs with a default may be left out of its calls.

    Outputs that are a dict are returned as one.
    """
    names = outputs if isinstance(outputs, dict) else None
    outputs = [*names.values()] if names else outputs
    compiled = pytensor.function(inputs, outputs, *args, **options)
    given = [(i.name, getattr(i, "default", None)) for i in inputs]
    if not names and all(default is None for _, default in given):
        return compiled

    def call(*args, **named):
        values = compiled(*args, *(named.pop(*pair) for pair in given[len(args) :]), **named)
        return dict(zip(names, values)) if names else values

    return call


def Tensor(dtype, broadcastable, name=None):
    """Make a type of arrays; `broadcastable` tells which of their dimensions have one row."""
    return T.TensorType(dtype, [1 if is_one else None for is_one in broadcastable], name)


def inputs(variable_list, blockers=None):
    """List the variables, made of no others, that expressions are made of."""
    return [*graph.graph_inputs(variable_list, blockers)]


def clone(output, replace=None, strict=True, share_inputs=True, **_):
    """Copy a graph, with some of its variables replaced."""
    return graph.clone_replace(output, replace, rebuild_strict=strict)


def Rop(f, wrt, eval_points, disconnected_outputs="ignore"):
    """Multiply the Jacobian of f by a direction; what f does not depend on counts as 0."""
    return pushforward(f, wrt, eval_points, disconnected_outputs)


def flatten(x, ndim=1, outdim=None):
    """Make an array of fewer dimensions: the first ones stay. `outdim` is an older name."""
    return T.flatten(x, outdim or ndim)


def stack(*arrays, axis=0, tensors=None):
    """Stack arrays along a new axis: a list of them, `tensors` by name, or each as an argument."""
    if arrays and isinstance(arrays[0], (list, tuple)):
        tensors, axis = arrays if len(arrays) > 1 else (arrays[0], axis)
    return T.stack(arrays if tensors is None else tensors, axis)


def split(x, splits_size, n_splits=None, axis=0):
    """Take an array apart along an axis, into parts of these sizes."""
    return T.split(x, splits_size, axis=axis)


def patternbroadcast(x, broadcastable):
    """Tell which dimensions have one row, by a list of bools."""
    return addbroadcast(x, *(i for i, is_one in enumerate(broadcastable) if is_one))


def unbroadcast(x, *axes):
    """Let it be unknown that dimensions have one row, as the state of a scan may have to."""
    for axis in axes:  # how many numbers are not zero is known when they are computed
        x = T.take(x, T.nonzero(T.ones(x.shape[axis]))[0], axis)
    return x


def batched_dot(a, b):
    """Multiply the arrays of two batches one by one, as `dot` does; those of a vector are numbers.

    Summed up is the last axis of the first, and the last but one of the second.
    """
    if 1 in (a.ndim, b.ndim):
        n = max(a.ndim, b.ndim)
        a, b = (x if x.ndim > 1 else x.dimshuffle(0, *"x" * (n - 1)) for x in (a, b))
        return a * b
    rows, columns = "ijkl"[: a.ndim - 2], "mnop"[: b.ndim - 2]
    return T.einsum(f"b{rows}z,b{columns[:-1]}z{columns[-1:]}->b{rows}{columns}", a, b)


def confusion_matrix(actual, pred):
    """Count the pairs of actual and predicted classes; return it and the classes, in order."""
    classes = T.unique(T.concatenate([actual, pred]))
    a, b = (T.cast(T.eq(y.dimshuffle(0, "x"), classes), "int64") for y in (actual, pred))
    return [T.dot(a.T, b), classes]


def batch_normalization(inputs, gamma, beta, mean, std, mode=None):
    """Compute numbers whose mean is 0 and whose standard deviation is 1, times gamma plus beta."""
    return (inputs - mean) * (gamma / std) + beta
