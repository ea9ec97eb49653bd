"""Names of `theano` and `theano.tensor` that PyTensor lacks, has elsewhere, or calls otherwise."""

import collections
import functools
import types

import numpy
import pytensor
from pytensor import graph
from pytensor.gradient import pullback as Lop  # noqa: F401
from pytensor.gradient import pushforward
from pytensor.gradient import zero_grad as consider_constant  # noqa: F401
from pytensor.graph.replace import vectorize_graph
from pytensor.graph.rewriting.basic import node_rewriter
from pytensor.graph.traversal import walk
from pytensor.printing import pp as pp
from pytensor.sparse.type import SparseTensorType as SparseType  # noqa: F401

from logreg.basics.console import note
from logreg.basics.flags import user_setting
from logreg.engine import T

note_once = functools.lru_cache(maxsize=None)(note)


class Config:
    """PyTensor's settings and some of THEANO_FLAGS. The device is the CPU."""

    device = "cpu"
    compute_test_value = "off"
    # A program may set whatever Theano has below these names. It has no effect.
    blas = cuda = dnn = gcc = lib = nvcc = warn = types.SimpleNamespace()

    def __init__(self):
        for name in ("floatX", "mode", "compute_test_value"):
            value = user_setting("theano", name)
            if value:
                setattr(self, name, value)

    def __getattr__(self, name):
        return getattr(pytensor.config, name)

    def __setattr__(self, name, value):
        if name == "device":
            if value != "cpu":
                raise AttributeError(
                    f"device {value!r} is not available: old programs run on the CPU"
                )
        elif name == "compute_test_value":
            if value != "off":
                note_once(f"note: compute_test_value={value} has no effect on PyTensor")
        else:
            setattr(pytensor.config, name, value)


config = Config()
shared = pytensor.shared
Softmax = T.special.Softmax
abs_ = T.abs
addbroadcast = T.specify_broadcastable
dot = T.dot
grad = T.grad
inv = T.reciprocal
sgn = T.sign
wmatrix = T.TensorType("int16", (None, None))
OrderedUpdates = collections.OrderedDict
_asarray = numpy.asarray


def In(variable, name=None, value=None, **options):
    """Make an input that may have a default value, which PyTensor's inputs do not have.

    An input with an `update` is refused.
    """
    if options.get("update") is not None:
        raise NotImplementedError("an input cannot have an update: make it a shared variable")
    made = pytensor.In(variable, name=name, **options)
    made.default = value
    return made


def Param(variable, default=None, name=None, **options):
    """Make an input, as it was called before Theano 0.8."""
    return In(variable, name, default, **options)


def function(inputs, outputs=None, mode=None, *args, **options):
    """Compile a function; calls of it may leave out the inputs that have a default.

    If the outputs are a dict, the function returns a dict.
    """
    if (mode or config.mode) == "DebugMode":
        note_once("note: DebugMode does not look for NaN on PyTensor: mode='NanGuardMode' does")
    names = None
    if isinstance(outputs, dict):
        names = list(outputs)
        outputs = list(outputs.values())
    compiled = pytensor.function(inputs, outputs, mode, *args, **options)
    defaults = [(each.name, getattr(each, "default", None)) for each in inputs]
    if names is None and all(default is None for _, default in defaults):
        return compiled

    def call(*args, **named):
        # PyTensor gets all inputs by position: those of `args`, and the rest by name or default. If
        # an input has neither, it gets None, and says which input that is.
        rest = [named.pop(name, default) for name, default in defaults[len(args) :]]
        values = compiled(*args, *rest, **named)
        return values if names is None else dict(zip(names, values))

    return call


def Tensor(dtype, broadcastable, name=None):
    """Make a type of arrays; `broadcastable` says of each dimension whether its length is 1."""
    return T.TensorType(dtype, [1 if is_one else None for is_one in broadcastable], name)


def ancestors(variable_list, blockers=None):
    """List the variables of some graphs in Theano's order. What is behind a blocker is left out.

    The last graph comes first. Each variable stands before its inputs, which keep their order: the
    list for [a + b, c] is c, a + b, a, b. PyTensor's own function begins with the last input.
    """

    def inputs_in_reverse(variable):
        if variable.owner is not None and variable not in (blockers or ()):
            return reversed(variable.owner.inputs)

    return list(walk(variable_list, inputs_in_reverse, bfs=False))


def inputs(variable_list, blockers=None):
    """List the inputs of some graphs, in the order of :func:`ancestors`."""
    return [each for each in ancestors(variable_list, blockers) if each.owner is None]


def clone(output, replace=None, strict=True, share_inputs=True):
    """Copy a graph with some of its variables replaced; `share_inputs` keeps the same inputs."""
    options = {"rebuild_strict": strict, "copy_inputs_over": share_inputs}
    return graph.clone_replace(output, replace, **options)


def local_optimizer(tracks, inplace=False, requirements=()):
    """Decorate a function of a node, which returns what replaces the node's outputs, or False.

    PyTensor's rewriters are functions of the graph and the node.
    """

    def decorate(optimize):
        @functools.wraps(optimize)
        def rewrite(fgraph, node):
            return optimize(node)

        return node_rewriter(tracks, inplace, requirements)(rewrite)

    return decorate


def Rop(f, wrt, eval_points, disconnected_outputs="ignore"):
    """Multiply the Jacobian of f by a direction; it is 0 if f does not depend on `wrt`."""
    return pushforward(f, wrt, eval_points, disconnected_outputs)


def flatten(x, ndim=1, outdim=None):
    """Keep the first dimensions and flatten the others; `outdim` is an older name of `ndim`."""
    return T.flatten(x, outdim or ndim)


def stack(*tensors, **options):
    """Stack arrays along a new axis; they are a list, or one argument each."""
    if tensors and not isinstance(tensors[0], (list, tuple)):
        tensors = [tensors]
    return T.stack(*tensors, **options)


def split(x, splits_size, n_splits=None, axis=0):
    """Split an array along an axis into parts of these sizes."""
    return T.split(x, splits_size, axis=axis)


def patternbroadcast(x, broadcastable):
    """Declare by a list of bools which dimensions have the length 1."""
    return addbroadcast(x, *(i for i, is_one in enumerate(broadcastable) if is_one))


def unbroadcast(x, *axes):
    """Hide from the type that some dimensions have the length 1: a scan's state may need this."""
    for axis in axes:
        # PyTensor cannot tell the length of this index, nor that of the axis taken by it.
        index = T.nonzero(T.ones(x.shape[axis]))[0]
        x = T.take(x, index, axis)
    return x


def batched_dot(a, b):
    """Multiply the arrays of two batches one by one, as `dot` does."""
    one_a = a[0].type()
    one_b = b[0].type()
    return vectorize_graph(T.dot(one_a, one_b), {one_a: a, one_b: b})
