"""Modules of Theano made of PyTensor's, which stay as they are, and of logreg's own."""

import importlib
import warnings

import pytensor

from logreg.engine.compat import Names, missing

# Where the names of a module come from, the last one's first. Others have those of PyTensor's
# module of the same path.
SOURCES = {
    "theano": ["pytensor.graph", "pytensor.scan.views", "pytensor", "logreg.legacy.calls"],
    "theano.gof": ["pytensor.graph"],
    "theano.ifelse": ["pytensor"],
    "theano.sandbox": [],
    "theano.sandbox.rng_mrg": ["logreg.legacy.streams"],
    "theano.scan_module": ["pytensor.scan"],
    "theano.tensor": ["pytensor.tensor", "logreg.legacy.calls"],
    "theano.tensor.nnet": ["logreg.legacy.calls", "logreg.legacy.windows"],
    "theano.tensor.nnet.conv": ["logreg.legacy.windows"],
    "theano.tensor.nnet.nnet": ["logreg.legacy.calls"],
    "theano.tensor.nnet.sigm": ["logreg.legacy.calls"],
    "theano.tensor.shared_randomstreams": ["logreg.legacy.streams"],
    "theano.tensor.signal.pool": ["logreg.legacy.windows"],
}
# What PyTensor says of old ways is for who writes programs today.
for message in ("Scan return signature", "Numba will use object mode"):
    warnings.filterwarnings("ignore", message)


def make_module(path):
    """Make a module of Theano's, or raise an ImportError that says what to do."""
    sources = SOURCES.get(path, [path.replace("theano", "pytensor", 1)])
    try:
        modules = [importlib.import_module(source) for source in sources]
    except ImportError:
        raise ImportError(missing(path)) from None
    return Names(path, *modules, __version__=pytensor.__version__)
