"""Theano 1.0.5 on today's Python and NumPy: what has to be set before its import, and mended."""

import contextlib
import logging
import os
import re
import shlex
import shutil
import sys
import types
import warnings
import zlib

from logreg.console import warning
from logreg.engine.c_compiler import blas_flags, spare_compiling, user_setting

# With which the C++ source of a module begins.
HEADERS = ["Python.h", "iostream", "theano_mod_helper.h", "math.h"]
HEADERS += ["numpy/arrayobject.h", "numpy/arrayscalars.h"]


def theano_flags():
    """The flags that Theano 1.0.5 needs before its import and the user did not set."""
    flags = {}
    compiler = user_setting("theano", "cxx")
    if compiler is None:
        compiler = shutil.which("clang++" if sys.platform == "darwin" else "g++") or ""
        if not compiler:
            flags["cxx"] = ""
    if not compiler:
        warning("no C++ compiler found: Theano runs as Python code, many times slower; install g++")
    # What Theano adds of its own is -g: a sixth of the time that compiling takes.
    cxxflags = ["-g0", user_setting("theano", "gcc.cxxflags") or ""]
    if user_setting("theano", "blas.ldflags") is None:
        # Left to itself, Theano asks numpy.distutils, which fails from NumPy 1.22 on.
        flags["blas.ldflags"], renamed = blas_flags(compiler)
        cxxflags += renamed
    if compiler:
        flags["gcc.cxxflags"] = " ".join(filter(None, cxxflags))
    return flags


def import_theano():
    """Import Theano with the settings that it needs today; return the module."""
    if "theano" in sys.modules:
        import theano

        return theano
    given = os.environ.get("THEANO_FLAGS")
    flags = [f"{name}={shlex.quote(value)}" for name, value in theano_flags().items()]
    os.environ["THEANO_FLAGS"] = ",".join(([given] if given else []) + flags)
    try:
        with warnings.catch_warnings():
            # What it warns of is the NumPy, SciPy and distutils of its day, and the
            # missing compiler, which theano_flags reports in plain words.
            warnings.simplefilter("ignore")
            blas_log = logging.getLogger("theano.tensor.blas")
            level = blas_log.level
            blas_log.setLevel(logging.ERROR)
            try:
                with _imports_in_vain_left_out():
                    import theano
                    import theano.tensor
            finally:
                blas_log.setLevel(level)
    finally:
        if given is None:
            del os.environ["THEANO_FLAGS"]
        else:
            os.environ["THEANO_FLAGS"] = given
    _keep_what_is_compiled()
    return theano


@contextlib.contextmanager
def _imports_in_vain_left_out():
    """Spare Theano what it imports and does not need: half of its time and of its memory.

    SciPy's statistics are for one function, chi2sf, which gets them when it is called. The names
    that Theano wants from scipy.signal are gone since SciPy 1.8, and it does without. And
    setuptools comes only to put its distutils in the place of the standard library's.
    """
    import scipy

    left_out = {"scipy.stats": types.ModuleType("scipy.stats"), "scipy.signal": None}
    for name in list(left_out):
        # From 1.9 on, SciPy imports a part of it when it is used.
        if name in sys.modules or not hasattr(scipy, "__getattr__"):
            del left_out[name]
    setuptools = [f for f in sys.meta_path if getattr(f, "__module__", "") == "_distutils_hack"]
    before = set(sys.modules)
    sys.modules.update(left_out)
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in setuptools]
    try:
        yield
    finally:
        sys.meta_path[:0] = setuptools
        # Who imports setuptools later on would be warned of a distutils that is there already.
        distutils = [name for name in sys.modules if re.match(r"distutils(\.|$)", name)]
        for name in {*left_out, *distutils} - before:
            del sys.modules[name]


def _keep_what_is_compiled():
    """Keep Theano 1.0.5 from compiling in each process what it has compiled or need not.

    Two faults hide operations from its cache, half a second each: an empty `__props__` is taken
    for "has no version", and external C code is versioned by the hash of a string, which Python
    salts.
    """
    import theano
    from theano.gof import cmodule
    from theano.gof.op import COp, Op

    def subclasses(cls):
        for sub in cls.__subclasses__():
            yield sub
            yield from subclasses(sub)

    for op in set(subclasses(Op)):
        if vars(op).get("__props__") == ():
            del op.__props__

    def c_code_cache_version(self):
        version = (zlib.crc32("".join(self.func_codes).encode()),)
        if hasattr(self, "params_type"):
            version += (self.params_type.c_code_cache_version(),)
        return version

    COp.c_code_cache_version = c_code_cache_version
    spare_compiling(cmodule, theano.__version__, cmodule.config.gcc.cxxflags, HEADERS)
