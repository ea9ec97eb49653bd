"""PyTensor under Theano's names, for old programs; PyTensor's own modules stay as they are."""

import functools
import importlib

import pytensor
from pytensor import graph
from pytensor.gradient import zero_grad
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


_NNET = {name: making_true(value) for name, value in vars(nnet).items() if callable(value)}
_STREAMS = {"RandomStreams": RandomStreams, "MRG_RandomStreams": RandomStreams}
_NEW = ("scalar", "vector", "row", "col", "matrix", "tensor3", "tensor4")
# What modules of Theano have beside what PyTensor's of the same path have.
OWN = {
    "theano": {
        **{name: getattr(graph, name) for name in ("Apply", "Constant", "Op", "Type", "Variable")},
        **{name: quietly(getattr(views, name)) for name in ("foldl", "foldr", "map", "reduce")},
        **{"In": In, "Param": Param, "OrderedUpdates": dict, "config": Config(), "dot": T.dot},
        **{"clone": graph.clone_replace, "function": function, "scan": quietly(pytensor.scan)},
        **{"shared": making_true(pytensor.shared), "__version__": pytensor.__version__},
    },
    "theano.compat": {},
    "theano.gof": {},
    "theano.gradient": {"consider_constant": zero_grad},
    "theano.ifelse": {"ifelse": pytensor.ifelse},
    "theano.sandbox": {},
    "theano.sandbox.rng_mrg": _STREAMS,
    "theano.tensor": {
        **{name: making_true(getattr(T, name)) for name in _NEW},
        **{"addbroadcast": T.specify_broadcastable, "flatten": flatten, "stack": stack},
        **{"consider_constant": zero_grad, "grad": pytensor.grad, "inv": T.reciprocal},
    },
    **{f"theano.tensor.nnet{name}": _NNET for name in ("", ".conv", ".nnet", ".sigm")},
    "theano.tensor.shared_randomstreams": _STREAMS,
    "theano.tensor.signal.pool": {"pool_2d": pool_2d},
}
# Where PyTensor has what these had.
COUNTERPARTS = {"theano.gof": "pytensor.graph", "theano.scan_module": "pytensor.scan"}


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
