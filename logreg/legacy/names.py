"""PyTensor under Theano's names, for old programs; PyTensor's own modules stay as they are."""

import functools
import importlib

import pytensor
from pytensor import graph
from pytensor.gradient import zero_grad
from pytensor.raise_op import Assert
from pytensor.scan import views
from pytensor.tensor import sharedvar

from logreg.engine import compat
from logreg.engine.backend import user_setting
from logreg.legacy import nnet
from logreg.legacy.quiet import quietly
from logreg.legacy.streams import RandomStreams
from logreg.legacy.windows import pool_2d

T = pytensor.tensor
INSTEAD = {
    "theano.tensor.nnet.abstract_conv": ["theano.tensor.nnet.conv2d"],
    "theano.tensor.nnet.ultra_fast_sigmoid": ["theano.tensor.nnet.sigmoid"],
    "theano.tensor.raw_random": ["theano.tensor.shared_randomstreams.RandomStreams"],
}


class TensorVariable(pytensor.tensor.TensorVariable):
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


class OrderedUpdates(dict):
    """Updates of shared variables, which can be added."""

    def __add__(self, other):
        return OrderedUpdates({**self, **other})


@quietly
def scan(*args, **options):
    """Loop, as ``theano.scan`` does: the outputs, and the updates of what is random in them."""
    outputs, updates = pytensor.scan(*args, **options)
    return outputs, OrderedUpdates(updates)


def clone(output, replace=None, strict=True, share_inputs=True):
    """Copy a graph, with some of its parts replaced."""
    return graph.replace.clone_replace(output, replace, rebuild_strict=strict)


def In(variable, name=None, value=None, **options):
    """Make an input, which may have a default; PyTensor's have none."""
    made = pytensor.In(variable, name=name, **options)
    made.default = value
    return made


def Param(variable, default=None, name=None, **options):
    """Make an input, as Theano's first versions called it."""
    return In(variable, name, default, **options)


@quietly
def function(inputs, *args, **options):
    """Compile a function; inputs with a default may be left out of its calls."""
    compiled = pytensor.function(inputs, *args, **options)
    given = [(i.name, getattr(i, "default", None)) for i in inputs]
    if all(default is None for _, default in given):
        return compiled

    def call(*args, **named):
        return compiled(*args, *(named.pop(*pair) for pair in given[len(args) :]), **named)

    return call


def stack(*tensors, axis=0):
    """Join tensors along a new dimension; they may be arguments, or a list and the dimension."""
    if isinstance(tensors[0], (list, tuple)):
        return T.stack(tensors[0], *(tensors[1:] or [axis]))
    return T.stack(tensors, axis)


def flatten(x, ndim=None, outdim=None):
    """Make an array of fewer dimensions: the first ones stay."""
    return T.flatten(x, ndim or outdim or 1)


def batched_dot(a, b):
    """Multiply vectors or matrices by matrices or vectors, one pair for each first index."""
    product = T.matmul(a if a.ndim == 3 else a[:, None, :], b if b.ndim == 3 else b[:, :, None])
    product = product if b.ndim == 3 else product[:, :, 0]
    return product if a.ndim == 3 else product[:, 0]


def patternbroadcast(x, pattern):
    """Tell which dimensions have length 1."""
    return T.specify_broadcastable(x, *(i for i, is_one in enumerate(pattern) if is_one))


class Config:
    """PyTensor's settings, and Theano's device: the CPU. A floatX of Theano's flags holds."""

    device = "cpu"

    def __init__(self):
        floatx = user_setting("theano", "floatX")
        if floatx and not user_setting("pytensor", "floatX"):
            self.floatX = floatx

    def __getattr__(self, name):
        return getattr(pytensor.config, name)

    def __setattr__(self, name, value):
        if name == "device" and value != "cpu":
            raise AttributeError(f"device {value!r} is none that old programs run on: leave it cpu")
        setattr(pytensor.config, name, value)


_NNET = {name: making_true(value) for name, value in vars(nnet).items() if callable(value)}
_NEW = ("scalar", "vector", "row", "col", "matrix", "tensor3", "tensor4")
_STREAMS = {"RandomStreams": RandomStreams, "MRG_RandomStreams": RandomStreams}
_TENSORS = {
    **{name: making_true(getattr(T, name)) for name in _NEW},
    "abs_": T.abs,
    "addbroadcast": T.specify_broadcastable,
    "batched_dot": batched_dot,
    "consider_constant": zero_grad,
    "flatten": flatten,
    "grad": pytensor.grad,
    "inv": T.reciprocal,
    "isinf_": T.isinf,
    "isnan_": T.isnan,
    "patternbroadcast": patternbroadcast,
    "stack": stack,
    "unbroadcast": lambda x, *axes: x,
}
# What modules of Theano have beside what PyTensor's of the same path have.
OWN = {
    "theano": {
        **{name: getattr(graph, name) for name in ("Apply", "Constant", "Op", "Type", "Variable")},
        **{name: quietly(getattr(views, name)) for name in ("foldl", "foldr", "map", "reduce")},
        "OrderedUpdates": OrderedUpdates,
        "Param": Param,
        "__version__": pytensor.__version__,
        "clone": clone,
        "config": Config(),
        "dot": T.dot,
        "function": function,
        "In": In,
        "scan": scan,
        "shared": making_true(pytensor.shared),
    },
    "theano.compat": {},
    "theano.compile": {},
    "theano.gof": {},
    "theano.gradient": {"consider_constant": zero_grad},
    "theano.ifelse": {"ifelse": pytensor.ifelse},
    "theano.printing": {},
    "theano.sandbox": {},
    "theano.sandbox.rng_mrg": _STREAMS,
    "theano.scan_module": {"scan": scan},
    "theano.tensor": _TENSORS,
    "theano.tensor.basic": _TENSORS,
    "theano.tensor.extra_ops": {},
    "theano.tensor.nnet": _NNET,
    **{f"theano.tensor.nnet.{name}": _NNET for name in ("bn", "conv", "nnet", "sigm")},
    "theano.tensor.opt": {"Assert": Assert},
    "theano.tensor.shared_randomstreams": _STREAMS,
    "theano.tensor.signal": {},
    "theano.tensor.signal.pool": {"pool_2d": pool_2d},
}
# Where PyTensor has what these had.
COUNTERPARTS = {
    "theano.gof": "pytensor.graph",
    "theano.scan_module": "pytensor.scan",
    "theano.tensor.basic": "pytensor.tensor",
}


class Names(compat.Names):
    """A module of Theano's that old programs import."""

    def __getattr__(self, name):
        path = f"{self._path}.{name}"
        for module in self._modules:  # some of PyTensor's load their names late
            if not name.startswith("__") and hasattr(module, name):
                return getattr(module, name)
        raise AttributeError(compat.missing(path, *INSTEAD.get(path, [])))


def make_module(path, **own):
    """Make a module of Theano's, or raise an ImportError that names what to use."""
    counterpart = COUNTERPARTS.get(path, path.replace("theano", "pytensor", 1))
    try:
        modules = [importlib.import_module(counterpart)]
    except ImportError:
        if not own and path not in OWN:
            raise ImportError(compat.missing(path, *INSTEAD.get(path, []))) from None
        modules = []
    return Names(path, *modules, **OWN.get(path, {}), **own, _modules=modules)
