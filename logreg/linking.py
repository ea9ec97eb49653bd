"""What an engine's C code is compiled and linked with: the user's settings, and a BLAS."""

import configparser
import importlib.util
import os
import re
import shlex
import subprocess
import tempfile

# Those that the engines' C code calls.
BLAS_FUNCTIONS = [p + name for p in "sd" for name in ("gemm", "gemv", "ger", "dot")]


def user_setting(engine, option):
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


def _links(compiler, flags, sgemm="sgemm_"):
    """Whether a program that calls `sgemm` links here."""
    source = f'extern "C" void {sgemm}(); int main() {{ {sgemm}(); }}'
    with tempfile.TemporaryDirectory() as folder:
        command = [compiler, "-x", "c++", "-", *flags, "-o", os.path.join(folder, "a.out")]
        try:
            done = subprocess.run(
                command,
                input=source.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
            )
        except OSError:  # a compiler that the user named and that does not start so
            return False
    return done.returncode == 0


def blas_flags(compiler):
    """The linker's and the compiler's flags for the fastest BLAS that links here.

    That is the system's OpenBLAS, SciPy's, or none. SciPy, which both engines need anyway, brings
    an OpenBLAS along. Its functions have a prefix of SciPy's own in recent versions, which the
    compiler can be told.
    """
    if not compiler:
        return "", []
    if _links(compiler, ["-lopenblas"]):
        return "-lopenblas", []
    spec = importlib.util.find_spec("scipy")
    folder = os.path.join(os.path.dirname(os.path.dirname(spec.origin)), "scipy.libs")
    # The engines take their flags apart at spaces, commas and quotes.
    if os.path.isdir(folder) and re.fullmatch(r"[\w./+-]+", folder):
        for name in sorted(os.listdir(folder)):
            match = re.fullmatch(r"lib((scipy_)?openblas[\w.-]*)\.so", name)
            if not match:
                continue
            prefix = match.group(2) or ""
            flags = [f"-L{folder}", f"-l{match.group(1)}", f"-Wl,-rpath,{folder}"]
            if _links(compiler, flags, f"{prefix}sgemm_"):
                renamed = [f"-D{f}_={prefix}{f}_" for f in BLAS_FUNCTIONS if prefix]
                return " ".join(flags[:2]), renamed
    return "", []  # they go through NumPy's BLAS then, with copies
