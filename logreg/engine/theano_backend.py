"""Theano 1.0.5 on today's Python and NumPy: what has to be set before its import, and mended."""

import contextlib
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

from logreg.engine.backend import Backend, user_setting
from logreg.engine.kernel_graph import make_tools
from logreg.errors import EngineError
from logreg.kernel import is_wanted
from logreg.shell.console import warning

# SciPy's OpenBLAS has a prefix before the names of the functions that Theano's C code calls.
BLAS_FUNCTIONS = [p + name for p in "sd" for name in ("gemm", "gemv", "ger", "dot")]
RENAMED = " ".join(f"-D{name}_=scipy_{name}_" for name in BLAS_FUNCTIONS)


class TheanoBackend(Backend):
    """Theano on the CPU, or on a GPU through pygpu."""

    def where(self):
        return self.theano.config.device

    def on_device(self, name):
        if name == "jax:cpu":
            raise EngineError("device 'jax:cpu' is PyTensor's: set LOGREG_ENGINE=pytensor")
        name = name or self.theano.config.device
        if name.startswith("cuda"):
            _use_gpu(name)
        return self


def _use_gpu(name):
    # Theano itself would log an error, go on on the CPU, and say that it is on the GPU.
    from theano import gpuarray

    if gpuarray.pygpu_activated:
        return
    try:
        if gpuarray.pygpu is None:
            raise ImportError("pygpu is not installed")
        gpuarray.use(name)
    except Exception as error:
        raise EngineError(
            f"device {name!r} cannot be used by Theano ({type(error).__name__}: {error}): it needs "
            "pygpu and libgpuarray (conda-forge has them for Python 3.7 to 3.10 and CUDA up to "
            "10). On newer machines take PyTensor on Python 3.12 or later, or --device cpu"
        ) from error


def load():
    """Import Theano with the settings that it needs today; return its back end."""
    if "theano" not in sys.modules:
        flags = [f"{name}={shlex.quote(value)}" for name, value in _flags().items()]
        flags = ",".join(filter(None, [os.environ.get("THEANO_FLAGS"), *flags]))
        # SciPy's statistics are half of Theano's import time and 48 MiB. It needs them for one
        # function, chi2sf, which gets them when it is called. And to import mpi4py starts MPI.
        placeholders = {"scipy.stats": types.ModuleType("scipy.stats"), "mpi4py": None}
        # It does without scipy.signal, 19 MiB. And it would compile its own loop over operations,
        # which the kernel's functions do not need.
        placeholders.update(dict.fromkeys(["scipy.signal", "theano.gof.lazylinker_c"]))
        # It would say that it has no BLAS, and warn of the NumPy and SciPy of its day.
        logging.getLogger("theano.tensor.blas").setLevel(logging.ERROR)
        with warnings.catch_warnings(), _changed(sys.modules, placeholders):
            warnings.simplefilter("ignore")
            with _changed(os.environ, {"THEANO_FLAGS": flags}):
                import theano.tensor
        _keep_compiled_code()
        theano.gof.vm.CVM = _compiled_loop
        if sys.version_info >= (3, 11):  # whose headers the C code of a scan does not know
            sys.modules["theano.scan_module.scan_perform_ext"] = None
    import theano

    return TheanoBackend(theano, theano.tensor, _tools())


def _compiled_loop(*args, **options):
    """Make Theano's compiled loop over operations: compile it, when the first function needs it."""
    from theano.gof import lazylinker_c, vm

    class CVM(lazylinker_c.CLazyLinker, vm.VM):
        def __init__(self, *args, **options):
            lazylinker_c.CLazyLinker.__init__(self, *args, **options)

    vm.CVM = CVM
    return CVM(*args, **options)


def _tools():
    """What the kernel needs of Theano's internals."""
    import theano
    from theano.compile.mode import Mode
    from theano.configparser import change_flags
    from theano.gof import Apply, Op
    from theano.gof.graph import ancestors
    from theano.gof.vm import VM_Linker
    from theano.gradient import DisconnectedType
    from theano.scan_module.scan_utils import equal_computations

    return make_tools(
        theano.function,
        change_flags,
        Mode,
        VM_Linker,
        Op=Op,
        Apply=Apply,
        DisconnectedType=DisconnectedType,
        ancestors=ancestors,
        equal_computations=equal_computations,
    )


@contextlib.contextmanager
def _changed(mapping, new):
    """Let some entries of a mapping be others in the block."""
    before = {name: mapping[name] for name in new if name in mapping}
    mapping.update(new)
    try:
        yield
    finally:
        for name in new:
            del mapping[name]
        mapping.update(before)


def _flags():
    """The flags that Theano 1.0.5 needs before its import and the user did not set."""
    flags = {}
    compiler = user_setting("theano", "cxx")
    if compiler is None:
        compiler = shutil.which("clang++" if sys.platform == "darwin" else "g++")
        if not compiler:
            flags["cxx"] = ""
    if not compiler:
        what = "nets" if is_wanted() else "everything"
        warning(
            f"no C++ compiler found: Theano runs {what} as Python code, many times slower; "
            "install g++"
        )
    if user_setting("theano", "blas.ldflags") is None:
        # Left to itself, Theano asks numpy.distutils, which fails from NumPy 1.22 on.
        flags["blas.ldflags"] = ""
        spec = importlib.util.find_spec("scipy_openblas32")
        folder = os.path.join(os.path.dirname(spec.origin), "lib") if spec and spec.origin else ""
        # Theano takes its flags apart at spaces, commas and quotes.
        is_plain = re.fullmatch(r"[\w./+-]+", folder)
        if compiler and is_plain and os.path.isfile(folder + "/libscipy_openblas.so"):
            flags["blas.ldflags"] = f"-L{folder} -lscipy_openblas"
            users = user_setting("theano", "gcc.cxxflags") or ""
            flags["gcc.cxxflags"] = f"{users} {RENAMED}".strip()
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
