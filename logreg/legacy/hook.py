"""The import hook: it finds what old programs import, on either engine.

The first import of `theano` loads the engine: until then a program may set THEANO_FLAGS.
"""

import collections.abc
import importlib
import inspect
import os
import sys
import time
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location, spec_from_loader
from pathlib import Path

import numpy
import six

from logreg.basics.console import note
from logreg.basics.flags import user_setting

# Modules that neither engine has, and the file here for each.
FILES = {
    "logistic_sgd": "logistic_sgd.py",
    "theano.compat.python2x": "compat.py",
    "theano.tensor.signal.downsample": "downsample.py",
}
for module in ("", ".basic_ops", ".dnn", ".rng_curand", ".type", ".var"):
    FILES[f"theano.sandbox.cuda{module}"] = "cuda.py"


class _Cast(dict):
    """``numpy.cast``: functions that convert to a dtype, by the dtype."""

    def __missing__(self, dtype):
        return lambda array: numpy.asarray(array).astype(dtype)


ArgSpec = collections.namedtuple("ArgSpec", "args varargs keywords defaults")


def getargspec(function):
    """List the parameters of a function, as Python did before 3.11.

    Examples
    --------
    >>> getargspec(lambda a, b=2, *more: None)
    ArgSpec(args=['a', 'b'], varargs='more', keywords=None, defaults=(2,))
    """
    return ArgSpec(*inspect.getfullargspec(function)[:4])


# Names that Python and NumPy have dropped since, and that old programs use.
DROPPED = [
    (collections, {name: getattr(collections.abc, name) for name in collections.abc.__all__}),
    (inspect, {"getargspec": getargspec}),
    (numpy, {kind.__name__: kind for kind in (bool, int, float, complex, object, str)}),
    (numpy, {"cast": _Cast(), "float_": numpy.float64, "Inf": numpy.inf, "NaN": numpy.nan}),
    (time, {"clock": time.perf_counter}),
]


def choose_cpu():
    """Set Theano's device to the CPU, and say so where the user's flags or rc file name another."""
    device = user_setting("theano", "device") or "cpu"
    if device != "cpu":
        note(f"note: Theano's settings have device={device}: the program runs on the CPU")
        os.environ["THEANO_FLAGS"] = os.environ.get("THEANO_FLAGS", "") + ",device=cpu"


class Finder(MetaPathFinder, Loader):
    """Finds `theano` with its modules, and `logistic_sgd`."""

    def find_spec(self, name, path=None, target=None):
        """Find a module; None leaves it to others."""
        if name in ("theano", "logistic_sgd") and "logreg.engine" not in sys.modules:
            choose_cpu()  # before the engine reads Theano's settings
        if name == "logistic_sgd":
            own_file = PathFinder.find_spec(name, path)  # that of the program, on sys.path
            if own_file:
                return own_file
        if name in FILES:
            file = Path(__file__).with_name(FILES[name])
            # An empty list of places makes it a package, below which FILES has modules.
            return spec_from_file_location(name, file, submodule_search_locations=[])
        if name.split(".")[0] != "theano":
            return None
        engine = sys.modules.get("logreg.engine")
        # Python's own finders look for Theano where it is the engine. They also do while the engine
        # is loading, and has no NAME yet: it tries the real Theano.
        if engine and getattr(engine, "NAME", "theano") == "theano":
            return None
        return spec_from_loader(name, self, is_package=True)

    def create_module(self, spec):
        """Take `theano` from the engine, or make one of Theano's modules on PyTensor."""
        from logreg import engine

        if engine.NAME == "theano":
            return engine.theano
        from logreg.legacy.names import make_module

        return make_module(spec.name)

    def exec_module(self, module):
        """Add to `theano` the modules that come with it; other modules are complete."""
        if module.__name__ != "theano":
            return
        module.theano = module  # as Theano has it
        if sys.modules["logreg.engine"].NAME != "theano":  # create_module has imported it
            from logreg.legacy.names import SOURCES

            for path in SOURCES:
                importlib.import_module(path)
        importlib.import_module("theano.sandbox.cuda")


def install():
    """Put the finder before Python's own; restore `six` and the names in DROPPED."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    sys.meta_path.insert(0, Finder())
    sys.modules["theano.compat.six"] = six  # Theano had a copy
    sys.modules["theano.compat.six.moves"] = six.moves
    for module, names in DROPPED:
        for name in names.keys() - vars(module).keys():
            setattr(module, name, names[name])
