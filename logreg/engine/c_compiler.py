"""How an engine's C code is compiled, and linked: by the user's settings, in half the time."""

import configparser
import functools
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zlib

from logreg.files import replacing

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
        except OSError:  # none, or one that the user named and that does not start so
            return False
    return done.returncode == 0


def blas_flags(compiler):
    """The linker's and the compiler's flags for the fastest BLAS that links here.

    That is the OpenBLAS of `scipy_openblas32`, the system's, SciPy's, or none. SciPy, which both
    engines need anyway, brings one along, but an older one where it has to fit an old NumPy. The
    functions may have a prefix of SciPy's own, which the compiler can be told.
    """
    for library, prefix, folder in (
        *_openblas_in("scipy_openblas32", "scipy_openblas32", "lib"),
        ("openblas", "", None),
        *_openblas_in("scipy", "scipy.libs"),
    ):
        flags = [f"-L{folder}"] if folder else []
        flags.append(f"-l{library}")
        run_path = [f"-Wl,-rpath,{folder}"] if folder else []
        if _links(compiler, flags + run_path, f"{prefix}sgemm_"):
            renamed = [f"-D{f}_={prefix}{f}_" for f in BLAS_FUNCTIONS if prefix]
            return " ".join(flags), renamed
    return "", []  # they go through NumPy's BLAS then, with copies


def _openblas_in(package, *folders):
    """List the OpenBLAS libraries of an installed package: name, prefix of functions, folder."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        return
    folder = os.path.join(os.path.dirname(os.path.dirname(spec.origin)), *folders)
    # The engines take their flags apart at spaces, commas and quotes.
    if os.path.isdir(folder) and re.fullmatch(r"[\w./+-]+", folder):
        for name in sorted(os.listdir(folder)):
            match = re.fullmatch(r"lib((scipy_)?openblas[\w.-]*)\.so", name)
            if match:
                yield match.group(1), match.group(2) or "", folder


def spare_compiling(cmodule, version, cxxflags, headers):
    """Let g++ read but once the headers that each of an engine's modules begins with.

    They are nearly all of what it reads, and take half of the time. Nor need the engine try in
    each process, for the sake of GCC 4, whether programs for this processor run.

    Parameters
    ----------
    cmodule : module
        The engine's.
    version : str
        The engine's.
    cxxflags : str
        The user's and ours, which the engine adds to its own.
    headers : list of str
    """
    import numpy

    config = cmodule.config
    cmodule.try_march_flag = lambda flags: (True, True)  # compiles, runs
    compiler = shutil.which(config.cxx) or ""
    name = os.path.basename(compiler)
    if "g++" not in name or "clang" in name or sys.platform == "darwin":
        return
    folders = [f"-I{folder}" for folder in cmodule.std_include_dirs()]
    # A change of any of these makes another file; what does not fit, g++ would not use.
    told = [version, numpy.__version__, folders, cxxflags, compiler, os.stat(compiler).st_mtime_ns]
    name = f"logreg_headers_{zlib.crc32(repr(told).encode()):08x}.hpp"
    header = os.path.join(config.compiledir, name)
    compile_str = cmodule.GCC_compiler.compile_str

    @functools.lru_cache(maxsize=None)
    def precompile(flags):
        if not any(flag.startswith("-O") for flag in flags):
            return []  # the engine's own modules: the header would fit no other
        if not os.path.exists(header):
            with replacing(header) as file:
                file.writelines(b"#include <%s>\n" % name.encode() for name in headers)
        if not os.path.exists(f"{header}.gch"):
            command = [config.cxx, "-x", "c++-header", "-g", *flags, *folders]
            with tempfile.TemporaryDirectory() as folder:
                made = os.path.join(folder, "made")
                command += ["-fvisibility=hidden", header, "-o", made]
                quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                if subprocess.run(command, check=False, **quiet).returncode:
                    return []
                # Whole or not at all: of half a file, g++ makes a fatal error.
                with open(made, "rb") as source, replacing(f"{header}.gch") as file:
                    shutil.copyfileobj(source, file)
        return ["-include", header]

    def compile_with_headers(*args, preargs=None, **kwargs):
        flags = tuple(preargs or ())
        return compile_str(*args, preargs=[*flags, *precompile(flags)], **kwargs)

    cmodule.GCC_compiler.compile_str = staticmethod(compile_with_headers)
