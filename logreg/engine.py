"""The engine: Theano, or PyTensor where Theano does not install.

The only module that knows which one runs. The others write ``theano.shared``,
``theano.function``, ``T.dot`` ... as the tutorial does, with the two names from here::

    from logreg.engine import T, theano

``LOGREG_ENGINE=theano`` or ``pytensor`` in the environment chooses; without it Theano is
taken where it imports, else PyTensor.
"""

import configparser
import contextlib
import importlib.util
import logging
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import types
import warnings
import zlib

from logreg.errors import EngineError, SettingError

ENGINES = ("theano", "pytensor")
INSTALL = (
    "install Theano (Python 3.8 to 3.11: pip install 'theano==1.0.5' 'numpy<1.24') "
    "or PyTensor (Python 3.12 and later: pip install pytensor)"
)


def _user_setting(engine, option):
    """What the user set for `option` in the engine's flags or its rc files, else None.

    Theano and PyTensor read the same syntax. It is read here as well because some settings
    must be made before the import, and neither engine tells a default from a wish.
    """
    flags = shlex.shlex(os.environ.get(engine.upper() + "_FLAGS", ""), posix=True)
    flags.whitespace, flags.whitespace_split = ",", True
    value = None
    for flag in flags:
        name, equals, text = flag.strip().partition("=")
        if equals and name == option:
            value = text
    if value is not None:
        return value
    rc_files = os.environ.get(engine.upper() + "RC", f"~/.{engine}rc")
    rc = configparser.RawConfigParser()
    try:
        rc.read([os.path.expanduser(path) for path in rc_files.split(os.pathsep)])
    except configparser.Error:
        return None  # the engine itself will say what is wrong with the file
    section, _, name = option.rpartition(".")
    return rc.get(section or "global", name, fallback=None)


def _links(compiler, library):
    """Whether a program that calls `library`'s sgemm links here."""
    source = 'extern "C" void sgemm_(); int main() { sgemm_(); }'
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, "-x", "c++", "-", library, "-o", os.path.join(folder, "a.out")]
        done = subprocess.run(
            command,
            input=source.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    return done.returncode == 0


def _theano_flags():
    """The flags that Theano 1.0.5 needs before its import and the user did not set."""
    flags = {}
    compiler = _user_setting("theano", "cxx")
    if compiler is None:
        compiler = shutil.which("clang++" if sys.platform == "darwin" else "g++") or ""
        if not compiler:
            flags["cxx"] = ""
    if not compiler:
        print(
            "warning: no C++ compiler found: Theano runs as Python code, many times slower; "
            "install g++",
            file=sys.stderr,
        )
    if _user_setting("theano", "blas.ldflags") is None:
        # Left to itself, Theano asks numpy.distutils, which fails from NumPy 1.22 on.
        # With an empty value it goes through NumPy's own BLAS.
        found = compiler and _links(compiler, "-lopenblas")
        flags["blas.ldflags"] = "-lopenblas" if found else ""
    return flags


def _import_theano():
    if "theano" in sys.modules:
        import theano

        return theano
    given = os.environ.get("THEANO_FLAGS")
    flags = ["{}={}".format(*flag) for flag in _theano_flags().items()]
    os.environ["THEANO_FLAGS"] = ",".join(([given] if given else []) + flags)
    try:
        with warnings.catch_warnings():
            # What it warns of is the NumPy, SciPy and distutils of its day, and the
            # missing compiler, which _theano_flags reports in plain words.
            warnings.simplefilter("ignore")
            blas_log = logging.getLogger("theano.tensor.blas")
            level = blas_log.level
            blas_log.setLevel(logging.ERROR)
            try:
                import theano
                import theano.tensor
            finally:
                blas_log.setLevel(level)
    finally:
        if given is None:
            del os.environ["THEANO_FLAGS"]
        else:
            os.environ["THEANO_FLAGS"] = given
    _mend_compile_cache(theano)
    return theano


def _mend_compile_cache(theano):
    """Let Theano 1.0.5 find in its cache what it has compiled in an earlier process.

    Two faults make it compile some operations anew in each process, half a second each:
    an empty `__props__` is taken for "has no version", and external C code is versioned
    by the hash of a string, which Python salts.
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


class _PyTensorTensor(types.ModuleType):
    """`pytensor.tensor` with the names that `theano.tensor` has for the same things."""

    def __init__(self, pytensor):
        super().__init__("logreg.engine.T")
        from pytensor.tensor.special import softmax

        self._tensor = pytensor.tensor
        self.grad = pytensor.grad
        self.nnet = types.SimpleNamespace(
            softmax=lambda x: softmax(x, axis=-1),
            sigmoid=pytensor.tensor.sigmoid,
        )

    def __getattr__(self, name):
        return getattr(self._tensor, name)


def _import_pytensor():
    import pytensor
    import pytensor.tensor

    return pytensor


def _load():
    wanted = os.environ.get("LOGREG_ENGINE", "").strip().lower()
    if wanted and wanted not in ENGINES:
        raise EngineError(
            f"LOGREG_ENGINE is {wanted!r}: set it to theano or pytensor, or leave it unset"
        )
    importers = {"theano": _import_theano, "pytensor": _import_pytensor}
    reasons = []
    for name in [wanted] if wanted else ENGINES:
        if importlib.util.find_spec(name) is None:
            reasons.append(f"{name} is not installed")
            continue
        try:
            return name, importers[name]()
        except Exception as error:  # an old Theano on a new Python fails in many ways
            reasons.append(f"{name} fails to import ({type(error).__name__}: {error})")
    raise EngineError("no engine: {}; {}".format(", ".join(reasons), INSTALL))


NAME, theano = _load()
T = theano.tensor if NAME == "theano" else _PyTensorTensor(theano)
VERSION = theano.__version__


def set_floatx(floatx=None):
    """Set the engine's floatX for a command: `floatx`, the user's own setting, or float32.

    Parameters
    ----------
    floatx : {'float32', 'float64'}, optional
    """
    floatx = floatx or _user_setting(NAME, "floatX") or "float32"
    if floatx not in ("float32", "float64"):
        raise SettingError(f"floatX is {floatx!r}: logreg needs float32 or float64")
    theano.config.floatX = floatx


def use_device(device):
    """Let data and parameters live on `device`.

    Parameters
    ----------
    device : str
        ``'cpu'``.

    Raises
    ------
    EngineError
        If the engine cannot use it.
    """
    if device != "cpu":
        raise EngineError(f"device {device!r} is not known: this version runs on 'cpu'")


@contextlib.contextmanager
def floatx(dtype):
    """Let the engine's floatX be `dtype` within the block."""
    before = theano.config.floatX
    theano.config.floatX = dtype
    try:
        yield
    finally:
        theano.config.floatX = before


def shared_data(array):
    """Put a data set's array into a shared variable, without a copy where that can be.

    Parameters
    ----------
    array : numpy.ndarray
        Of dtype floatX. It belongs to the shared variable from now on.

    Returns
    -------
    shared variable
    """
    return theano.shared(array, borrow=True)
