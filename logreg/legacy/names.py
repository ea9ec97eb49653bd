"""Theano's modules, made from the names of PyTensor's modules and of logreg's own."""

import importlib
import warnings

import pytensor
from pytensor.tensor import sharedvar

from logreg.engine import T
from logreg.engine.compat import Names, missing_message

CALLS = "logreg.legacy.calls"
WINDOWS = "logreg.legacy.windows"
NNET = "logreg.engine.nnet"
# Theano's `tensor` also has the names of the modules below it.
TENSOR = [f"pytensor.tensor.{name}" for name in ("type", "elemwise", "subtensor", "basic", "math")]
TENSOR += ["pytensor.tensor.sharedvar", "pytensor.tensor", NNET, CALLS]
GRAPH = ["pytensor.graph.basic", "pytensor.graph.traversal", "pytensor.graph"]
# Modules of Theano, and the modules that have their names; of equal names, the last one counts. A
# module that is not listed has the names of PyTensor's module of the same path.
SOURCES = {"theano": [*GRAPH, "pytensor.scan.views", "pytensor", CALLS]}
for paths, sources in [
    ("compat", ["logreg.legacy.compat"]),
    ("compile.nanguardmode", ["pytensor.compile.debug.nanguardmode"]),
    ("gof gof.graph gof.opt", [*GRAPH, CALLS]),
    ("gpuarray gpuarray.basic_ops gpuarray.dnn gpuarray.type", ["logreg.legacy.cuda"]),
    ("gradient", ["pytensor.gradient", CALLS]),
    ("ifelse", ["pytensor"]),  # `pytensor.ifelse` is the function
    ("sandbox version tensor.nnet.conv3d2d", []),  # with the names of `make_module` alone
    ("sandbox.linalg sandbox.linalg.ops tensor.nlinalg tensor.slinalg", ["pytensor.tensor.linalg"]),
    ("sandbox.rng_mrg tensor.shared_randomstreams", ["logreg.legacy.streams"]),
    ("scan_module", ["pytensor.scan"]),
    ("scan_module.scan_op", ["pytensor.scan.op"]),
    ("scan_module.scan_utils", ["pytensor.scan.utils"]),
    ("sparse", ["pytensor.sparse.variable", "pytensor.sparse.type", "pytensor.sparse", CALLS]),
    ("tensor tensor.basic", TENSOR),
    ("tensor.opt", ["pytensor.tensor.rewriting.basic", "pytensor.raise_op"]),
    ("tensor.nnet tensor.nnet.nnet tensor.nnet.sigm", [NNET, CALLS, WINDOWS]),
    ("tensor.nnet.bn", ["logreg.legacy.normalization"]),
    ("tensor.nnet.abstract_conv tensor.nnet.conv tensor.signal.pool", [WINDOWS]),
]:
    SOURCES.update({f"theano.{path}": sources for path in paths.split()})
# PyTensor's advice on how to write a scan today is of no use to old programs.
warnings.filterwarnings("ignore", "Scan return signature")


def _is_true(variable):
    """Count a variable as true, as Theano does: old programs ask ``if not input``."""
    if variable.dtype == "bool":
        raise TypeError("a symbolic comparison is neither true nor false: use T.switch")
    return True


for kind in (T.TensorVariable, T.TensorConstant, sharedvar.TensorSharedVariable):
    kind.__bool__ = _is_true


filter_variable = T.TensorType.filter_variable


def _filter_variable(tensor_type, other, allow_convert=True):
    """Accept an update whose static shape says more than that of its variable, as Theano does.

    For an update, PyTensor sets `allow_convert` to False. It is ignored: the default holds, True.
    """
    return filter_variable(tensor_type, other)


T.TensorType.filter_variable = _filter_variable


def make_module(path):
    """Make a module of Theano's, or raise an ImportError that says what to do."""
    sources = SOURCES.get(path, [path.replace("theano", "pytensor", 1)])
    try:
        modules = [importlib.import_module(source) for source in sources]
    except ImportError:
        raise ImportError(missing_message(path)) from None
    version = pytensor.__version__
    return Names(path, *modules, __version__=version, version=version)
