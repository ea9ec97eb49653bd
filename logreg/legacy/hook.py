"""The import hook: it finds what old programs import, on either engine.

The first import of `theano` loads the engine: until then a program may set THEANO_FLAGS.
"""

import collections.abc
import importlib.util
import inspect
import sys
import time
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

import numpy

# Modules that logreg has for both engines.
OURS = ("logistic_sgd", "theano.tensor.signal.downsample")


class _Cast(dict):
    """Functions that make arrays of a dtype, by the dtype."""

    def __missing__(self, dtype):
        return lambda array: numpy.asarray(array).astype(dtype)


ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def getargspec(function):
    """Tell the parameters of a function, as Python did before 3.11.

    Examples
    --------
    >>> getargspec(lambda a, b=2, *more: None)
    ArgSpec(args=['a', 'b'], varargs='more', keywords=None, defaults=(2,))
    """
    return ArgSpec(*inspect.getfullargspec(function)[:4])


# What Python and NumPy have no more, and programs of Theano's days look for.
GIVEN_BACK = [
    (collections, {name: getattr(collections.abc, name) for name in collections.abc.__all__}),
    (inspect, {"getargspec": getargspec}),
    (numpy, {kind.__name__: kind for kind in (bool, int, float, complex, object, str)}),
    (numpy, {"cast": _Cast(), "float_": numpy.float64, "Inf": numpy.inf, "NaN": numpy.nan}),
    (time, {"clock": time.perf_counter}),
]


class Finder(MetaPathFinder, Loader):
    """Finds `theano` with its modules, and `logistic_sgd`."""

    def find_spec(self, name, path=None, target=None):
        """Find a module; None leaves it to others."""
        if name in OURS:
            file = Path(__file__).with_name(name.split(".")[-1] + ".py")
            there = PathFinder.find_spec(name, path)
            return there or importlib.util.spec_from_file_location(name, file)
        if name.startswith("theano.sandbox.cuda"):
            raise ImportError(
                f"{name} is for GPUs of Theano 0.9 and before: take the line out, old programs "
                "run on the CPU"
            )
        engine = sys.modules.get("logreg.engine")
        is_theanos = engine is not None and getattr(engine, "NAME", "theano") == "theano"
        if name.split(".")[0] != "theano" or is_theanos:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec):
        """Take `theano` from the engine, or make a module of PyTensor's."""
        from logreg import engine

        if engine.NAME == "theano":
            return engine.theano
        from logreg.legacy.names import make_module

        return make_module(spec.name)

    def exec_module(self, module):
        """Add to `theano` on PyTensor what comes with it; Theano has done so."""
        names = sys.modules.get("logreg.legacy.names")
        if module.__name__ == "theano" and names:
            for name in names.SOURCES:
                importlib.import_module(name)
            module.theano = module


def install():
    """Let Python ask here for modules before it looks for them, and find what it has no more."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())
    for module, names in GIVEN_BACK:
        for name in names.keys() - vars(module).keys():
            setattr(module, name, names[name])
