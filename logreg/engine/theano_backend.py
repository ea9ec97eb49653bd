"""Theano 1.0.5 on today's Python and NumPy: what must be set before its import, and repaired."""

import importlib.util
import logging
import os
import re
import shlex
import shutil
import sys
import types
import warnings
import zlib

from logreg.basics.console import warning
from logreg.basics.errors import EngineError
from logreg.basics.flags import user_setting
from logreg.engine.backend import Backend
from logreg.engine.kernel_graph import GraphMatcher, make_interpreted_function

# SciPy's OpenBLAS has a prefix before the names of the functions that Theano's C code calls.
BLAS_FUNCTIONS = [p + name for p in "sd" for name in ("gemm", "gemv", "ger", "dot")]
SCIPY_PACKAGES = ["scipy.linalg", "scipy.sparse", "scipy.special", "scipy.stats"]
RENAMED = " ".join(f"-D{name}_=scipy_{name}_" for name in BLAS_FUNCTIONS)


class TheanoBackend(Backend):
    """Theano on the CPU."""

    def on_device(self, name):
        name = name or self.theano.config.device
        if name != "cpu":
            raise EngineError(
                f"device {name!r} is none that Theano reaches on today's machines: take PyTensor "
                "(Python 3.12 or later, or LOGREG_ENGINE=pytensor), or --device cpu"
            )
        return self

    def _make_mode(self):
        from logreg.engine.theano_math import make_mode  # few need it

        return make_mode()


def load():
    """Import Theano with the settings that it needs today; return its back end."""
    if "theano" not in sys.modules:
        _import()
    import theano

    return TheanoBackend(theano, theano.tensor, _make_matcher())


def _import():
    flags = _flags()
    # Importing SciPy would take 0.45 s of each start, and 100 MiB. Theano hardly calls it. So
    # placeholders hide it from Theano's import, and are removed afterwards: a call then imports
    # SciPy. Without a BLAS, Theano needs most of SciPy.
    hidden = SCIPY_PACKAGES if flags.get("blas.ldflags") else ["scipy.stats"]
    placeholders = {name: types.ModuleType(name) for name in hidden}
    # In sys.modules, an empty module lets an import pass, and None makes it fail. Theano does not
    # need scipy.signal. Importing mpi4py would start MPI. Importing lazylinker_c would compile
    # Theano's loop over operations, which is not needed where the kernel computes.
    placeholders.update(dict.fromkeys(["scipy.signal", "mpi4py", "theano.gof.lazylinker_c"]))
    for name in placeholders.keys() & sys.modules.keys():
        del placeholders[name]
    # Theano would warn that it has no BLAS, and of today's NumPy and SciPy.
    logging.getLogger("theano.tensor.blas").setLevel(logging.ERROR)
    settings = [f"{name}={shlex.quote(value)}" for name, value in flags.items()]
    environ = dict(os.environ)
    before = set(sys.modules)
    # Theano imports distutils. Python's own is enough: that of setuptools would take 0.2 s.
    setuptools_finders = [f for f in sys.meta_path if type(f).__name__ == "DistutilsMetaFinder"]
    sys.meta_path[:] = [finder for finder in sys.meta_path if finder not in setuptools_finders]
    try:
        os.environ["THEANO_FLAGS"] = ",".join([os.environ.get("THEANO_FLAGS", ""), *settings])
        sys.modules.update(placeholders)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import theano.gof.vm
    finally:
        sys.meta_path[:0] = setuptools_finders
        distutils = {name for name in sys.modules if name.partition(".")[0] == "distutils"}
        for name in placeholders.keys() | (distutils - before):
            del sys.modules[name]
        del os.environ["THEANO_FLAGS"]
        os.environ.update(environ)  # the user's flags, if there were any
    if not theano.config.cxx:
        # Without C code, a cast would loop over numbers in Python: here it is numpy.array, of one
        # input and one output.
        for cast in theano.tensor.basic._cast_mapping.values():
            cast.nfunc_spec = "array", 1, 1
    _keep_compiled_code()
    theano.gof.vm.CVM = _make_compiled_loop
    if sys.version_info >= (3, 11):  # the C code of a scan does not fit its headers
        sys.modules["theano.scan_module.scan_perform_ext"] = None


def _make_compiled_loop(*args, **options):
    """Make Theano's compiled loop over operations; its class is compiled at the first call."""
    from theano.gof import lazylinker_c, vm

    class CVM(lazylinker_c.CLazyLinker, vm.VM):
        def __init__(self, *args, **options):
            lazylinker_c.CLazyLinker.__init__(self, *args, **options)

    vm.CVM = CVM
    return CVM(*args, **options)


def _make_matcher():
    """Make the matcher with internals of Theano."""
    import theano
    from theano.compile.mode import Mode
    from theano.configparser import change_flags
    from theano.gof.vm import VM_Linker
    from theano.scan_module.scan_utils import equal_computations

    interpreted_function = make_interpreted_function(theano.function, change_flags, Mode, VM_Linker)
    return GraphMatcher(theano.tensor, interpreted_function, theano.clone, equal_computations)


def _flags():
    """Choose the flags that Theano 1.0.5 needs before its import, where the user set none."""
    flags = {}
    compiler = user_setting("theano", "cxx")
    if compiler is None:
        compiler = shutil.which("g++")
        if not compiler:
            flags["cxx"] = ""
    if not compiler:
        warning(
            "Theano has no C compiler, and runs nets as Python code, many times slower: install "
            "g++, and leave the flag cxx unset"
        )
        if user_setting("theano", "optimizer_excluding") is None:
            # Fused operations would loop, too; each by itself is a function of NumPy.
            flags["optimizer_excluding"] = "fusion"
    if user_setting("theano", "blas.ldflags") is None:
        # Left to itself, Theano asks numpy.distutils, which fails from NumPy 1.22 on.
        flags["blas.ldflags"] = ""
        spec = importlib.util.find_spec("scipy_openblas32")
        folder = os.path.join(os.path.dirname(spec.origin), "lib") if spec and spec.origin else ""
        # Theano takes its flags apart at spaces, commas and quotes.
        is_plain = re.fullmatch(r"[\w./+-]+", folder)
        if compiler and is_plain and os.path.isfile(folder + "/libscipy_openblas.so"):
            flags["blas.ldflags"] = f"-L{folder} -lscipy_openblas"
            cxxflags = user_setting("theano", "gcc.cxxflags") or ""
            flags["gcc.cxxflags"] = f"{cxxflags} {RENAMED}".strip()
    return flags


def _keep_compiled_code():
    """Keep Theano 1.0.5 from compiling in each process what it has compiled before.

    Two faults hide operations from its cache, half a second each: it takes an empty `__props__`
    for "has no version", and it makes the version of external C code from the hash of a string,
    which Python salts.
    """
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
