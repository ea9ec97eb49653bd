"""The import hook: it finds what old programs import, on either engine.

The first import of `theano` loads the engine: until then a program may set THEANO_FLAGS.
"""

import importlib.util
import sys
import types
from collections import OrderedDict
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import PathFinder
from pathlib import Path

OF_A_GPU = "is for GPUs of Theano 0.9 and before: take the line out, old programs run on the CPU"


def max_pool_2d(input, ds, ignore_border=False, st=None, padding=(0, 0), mode="max"):
    """Pool as ``theano.tensor.signal.downsample`` did, which Theano 1.0.5 has no more."""
    from theano.tensor.signal.pool import pool_2d

    return pool_2d(input, ds, bool(ignore_border), st, padding, mode)


# What neither engine has, but earlier versions of Theano had.
EARLIER = {
    "theano.compat.python2x": {"OrderedDict": OrderedDict},
    "theano.tensor.signal.downsample": {"max_pool_2d": max_pool_2d},
}


class Finder(MetaPathFinder, Loader):
    """Finds `theano` with its modules, and `logistic_sgd`."""

    def find_spec(self, name, path=None, target=None):
        """Find a module; None leaves it to others."""
        if name == "logistic_sgd":
            ours = Path(__file__).with_name("logistic_sgd.py")
            beside = PathFinder.find_spec(name)
            return beside or importlib.util.spec_from_file_location(name, ours)
        engine = sys.modules.get("logreg.engine")
        is_loading = engine is not None and not hasattr(engine, "theano")
        if name.split(".")[0] != "theano" or is_loading:
            return None
        if name.startswith("theano.sandbox.cuda"):
            raise ImportError(f"{name} {OF_A_GPU}")
        if engine is not None and engine.NAME == "theano" and name not in EARLIER:
            return None
        return importlib.util.spec_from_loader(name, self, is_package=True)

    def create_module(self, spec):
        """Take a module from the engine, or make it."""
        engine = importlib.import_module("logreg.engine")
        if engine.NAME == "pytensor":
            names = importlib.import_module("logreg.legacy.names")
            return names.make_module(spec.name, **EARLIER.get(spec.name, {}))
        if spec.name == "theano":
            spec.loader_state = engine.theano.__spec__
            return engine.theano
        module = types.ModuleType(spec.name)
        vars(module).update(EARLIER[spec.name])
        return module

    def exec_module(self, module):
        """Add the modules that come with `theano`; a module of Theano's own is left as it was."""
        spec = module.__spec__
        if spec.loader_state:
            module.__spec__ = spec.loader_state
        elif spec.name == "theano":
            for name in sys.modules["logreg.legacy.names"].OWN:
                importlib.import_module(name)


def install():
    """Let Python ask here for modules, before it looks for them; once is enough."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
