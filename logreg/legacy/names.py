"""Modules of Theano made of PyTensor's, which stay as they are, and of logreg's own."""

import importlib
import warnings

import pytensor
from pytensor.tensor import sharedvar

from logreg.engine import T
from logreg.engine.compat import Names, missing

CALLS, NNET = "logreg.legacy.calls", "logreg.engine.nnet"
# Theano's `tensor` has the names of its modules.
TENSOR = [f"pytensor.tensor.{name}" for name in ("type", "elemwise", "subtensor", "basic", "math")]
TENSOR += ["pytensor.tensor.sharedvar", "pytensor.tensor", NNET, CALLS]
# Where the names of a module come from, the last one's first. Others have those of PyTensor's
# module of the same path.
SOURCES = {
    "theano": ["pytensor.graph", "pytensor.scan.views", "pytensor", CALLS],
    "theano.compile.nanguardmode": ["pytensor.compile.debug.nanguardmode"],
    "theano.gof": ["pytensor.graph"],
    "theano.gof.graph": ["pytensor.graph.basic", "pytensor.graph.traversal", CALLS],
    "theano.gradient": ["pytensor.gradient", CALLS],
    "theano.ifelse": ["pytensor"],
    "theano.sandbox": [],
    "theano.sandbox.linalg": ["pytensor.tensor.linalg"],
    "theano.sandbox.linalg.ops": ["pytensor.tensor.linalg"],
    "theano.sandbox.rng_mrg": ["logreg.legacy.streams"],
    "theano.scan_module": ["pytensor.scan"],
    "theano.scan_module.scan_op": ["pytensor.scan.op"],
    "theano.scan_module.scan_utils": ["pytensor.scan.utils"],
    "theano.sparse": ["pytensor.sparse.variable", "pytensor.sparse.type", "pytensor.sparse"],
    "theano.tensor": TENSOR,
    "theano.tensor.basic": TENSOR,
    "theano.tensor.nlinalg": ["pytensor.tensor.linalg"],
    "theano.tensor.nnet": [NNET, CALLS, "logreg.legacy.windows"],
    "theano.tensor.nnet.abstract_conv": ["logreg.legacy.windows"],
    "theano.tensor.nnet.bn": [CALLS],
    "theano.tensor.nnet.conv": ["logreg.legacy.windows"],
    "theano.tensor.nnet.nnet": [NNET, CALLS],
    "theano.tensor.nnet.sigm": [NNET],
    "theano.tensor.shared_randomstreams": ["logreg.legacy.streams"],
    "theano.tensor.signal.pool": ["logreg.legacy.windows"],
    "theano.tensor.slinalg": ["pytensor.tensor.linalg"],
    "theano.version": [],
}
# What PyTensor says of old ways is for who writes programs today.
for message in ("Scan return signature", "(sgn|Lop) is deprecated"):
    warnings.filterwarnings("ignore", message)


def _is_true(variable):
    """Count a variable as true, as Theano does: old programs ask ``if not input``."""
    if variable.dtype == "bool":
        raise TypeError("a symbolic comparison is neither true nor false: use T.switch")
    return True


for kind in (T.TensorVariable, T.TensorConstant, sharedvar.TensorSharedVariable):
    kind.__bool__ = _is_true


def make_module(path):
    """Make a module of Theano's, or raise an ImportError that says what to do."""
    sources = SOURCES.get(path, [path.replace("theano", "pytensor", 1)])
    try:
        modules = [importlib.import_module(source) for source in sources]
    except ImportError:
        raise ImportError(missing(path)) from None
    version = pytensor.__version__
    return Names(path, *modules, __version__=version, version=version)
