"""What the engines' C code is compiled with and linked with: the same for both."""

import importlib.util
import os
import shutil

import pytest

from logreg import engine
from logreg.engine.c_compiler import blas_flags

FLAGS = engine.NAME.upper() + "_FLAGS"
RC = engine.NAME.upper() + "RC"
pytestmark = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")

FUNCTION = """
import sys
import numpy
from logreg import engine
from logreg.engine import T, theano

def function(inputs, outputs):
    if engine.NAME == "theano":
        return theano.function(inputs, outputs)
    from logreg.engine.pytensor_backend import _mode
    mode = _mode()
    assert type(mode.linker).__name__ == "VMLinker", mode.linker
    return theano.function(inputs, outputs, mode=mode)
"""


@pytest.mark.parametrize(
    "links, expected",
    [
        ("True", "scipy_openblas32"),
        ("'scipy_openblas32' not in arguments", "-lopenblas"),
        ("'blas32' not in arguments and '-lopenblas' not in sys.argv", "scipy.libs"),
        ("False", ""),
    ],
)
def test_the_fastest_openblas_that_links_is_used(fake_compiler, links, expected):
    if expected == "scipy_openblas32":
        pytest.importorskip(expected)
    arguments = "arguments = ' '.join(sys.argv)"
    compiler = fake_compiler(arguments, f"sys.exit(not ({links}))")
    found, renamed = blas_flags(str(compiler))
    if expected.startswith("scipy"):
        folder, library = found.split()
        assert f"/{expected}" in folder
        assert os.path.isfile(os.path.join(folder[2:], f"lib{library[2:]}.so"))
        if "scipy_openblas" in library:
            assert "-Dsgemm_=scipy_sgemm_" in renamed
    else:
        assert (found, renamed) == (expected, [])


def test_without_a_compiler_there_is_no_blas():
    assert blas_flags("") == blas_flags("/nowhere/g++") == ("", [])


@pytest.mark.parametrize("hidden", ["scipy_openblas32", ""])
def test_blas_computes_what_numpy_computes(run, tmp_path, hidden):
    """With its functions' prefix, if it has one, and the user's own compiler flags."""
    if not hidden and importlib.util.find_spec("scipy_openblas32") is None:
        pytest.skip("the same as without it")
    code = f"""
{FUNCTION}
config = theano.config
rng = numpy.random.RandomState(0)
for dtype in ("float32", "float64"):
    A, B, v = (rng.normal(size=n).astype(dtype) for n in ((5, 4), (4, 3), (4,)))
    a, b, w = T.matrix(dtype=dtype), T.matrix(dtype=dtype), T.vector(dtype=dtype)
    f = function([a, b, w], [T.dot(a, b), T.dot(a, w), T.dot(w, w), T.outer(w, w) + b[0, 0]])
    for got, expected in zip(f(A, B, v), [A @ B, A @ v, v @ v, numpy.outer(v, v) + B[0, 0]]):
        numpy.testing.assert_allclose(got, expected, rtol=1e-5)
theanos = engine.NAME == "theano"
print((config.gcc.cxxflags if theanos else config.gcc__cxxflags).split())
print(config.blas.ldflags if theanos else config.blas__ldflags)
"""
    code = code.replace("import sys", f"import sys; sys.modules[{hidden or 'none'!r}] = None", 1)
    flags = f"base_compiledir={tmp_path},gcc.cxxflags=-DMINE"
    if engine.NAME == "pytensor":
        flags = flags.replace("gcc.", "gcc__")
    done = run("-c", code, env={FLAGS: flags, RC: os.devnull})
    assert done.returncode == 0, done.stderr
    cxxflags, ldflags = done.stdout.splitlines()
    assert "'-DMINE'" in cxxflags and "'-g0'" in cxxflags
    assert "WARNING" not in done.stderr
    if not hidden:
        assert "scipy_openblas32" in ldflags


def test_a_second_process_compiles_nothing(run, tmp_path):
    code = f"""
{FUNCTION}
if engine.NAME == "theano":
    from theano.gof.cmodule import GCC_compiler
else:
    from pytensor.link.c.cmodule import GCC_compiler
compiled = []
compile_str = GCC_compiler.compile_str
def counting(*args, **kwargs):
    compiled.append(args)
    return compile_str(*args, **kwargs)
GCC_compiler.compile_str = staticmethod(counting)
GCC_compiler.try_compile_tmp = lambda *args, **kwargs: compiled.append(args)
from logreg.model import LogisticRegression
i, x, y = T.lscalar(), T.matrix(), T.ivector()
c = LogisticRegression(x, 3, 2)
function([i, x, y], T.grad(c.negative_log_likelihood(y[i:]), c.params))
print(len(compiled))
"""
    env = {FLAGS: f"base_compiledir={tmp_path},floatX=float32"}
    first, second = (int(run("-c", code, env=env).stdout) for _ in range(2))
    assert first > 0
    assert second == 0


@pytest.mark.parametrize("damage", [None, ".hpp", ".gch"])
def test_headers_are_precompiled_and_their_loss_does_no_harm(run, tmp_path, damage):
    code = f"""
{FUNCTION}
x = T.vector()
print(function([x], x * float(sys.argv[1]) + 1)([1.0, 2.0]).tolist())
"""
    env = {FLAGS: f"base_compiledir={tmp_path}", RC: os.devnull}
    done = run("-c", code, "2", env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[3.0, 5.0]\n", "")
    (header,) = tmp_path.glob("*/*.hpp")
    precompiled = header.with_name(header.name + ".gch")
    assert precompiled.stat().st_size > 1e6
    if damage:
        (header if damage == ".hpp" else precompiled).unlink()
    done = run("-c", code.replace("x * float(sys.argv[1]) + 1", "x**3 - x"), env=env)
    assert (done.returncode, done.stdout, done.stderr) == (0, "[0.0, 6.0]\n", "")
    assert header.exists() and precompiled.exists()


def test_precompiled_headers_are_used(run, tmp_path, fake_compiler):
    """By the modules of operations, whichever module of the engine's own came first."""
    log = tmp_path / "log"
    compiler = fake_compiler(
        f"done = subprocess.run([{shutil.which('g++')!r}, '-H', *sys.argv[1:]], stderr=-1)",
        f"open({str(log)!r}, 'ab').write(done.stderr)",
        "sys.exit(done.returncode)",
    )
    code = f"""
{FUNCTION}
x = T.vector()
function([x], T.exp(x).sum())
"""
    flags = f"cxx={compiler},base_compiledir={tmp_path}"
    done = run("-c", code, env={FLAGS: flags, RC: os.devnull})
    assert done.returncode == 0, done.stderr
    found = log.read_text()
    assert "\n! " in found and ".hpp.gch" in found
    assert "\nx " not in found  # a header that fits not


def test_headers_that_are_not_there_do_no_harm(run, tmp_path):
    code = f"""
from logreg import {engine.NAME}_backend as engine_import
engine_import.HEADERS.append("gone_with_the_last_version.h")
{FUNCTION}
x = T.vector()
print(function([x], x * 2)([1.0, 2.0]).tolist())
"""
    done = run("-c", code, env={FLAGS: f"base_compiledir={tmp_path}", RC: os.devnull})
    assert (done.returncode, done.stdout, done.stderr) == (0, "[2.0, 4.0]\n", "")


def test_headers_are_made_anew_for_another_version(run, tmp_path):
    env = {FLAGS: f"base_compiledir={tmp_path}", RC: os.devnull}
    for number, name in enumerate(("exp", "cos"), 1):
        code = f"""
from logreg import c_compiler, {engine.NAME}_backend as engine_import
spare = c_compiler.spare_compiling
engine_import.spare_compiling = lambda cmodule, version, *rest: spare(cmodule, "{number}", *rest)
{FUNCTION}
x = T.vector()
function([x], T.{name}(x))
"""
        assert run("-c", code, env=env).returncode == 0
        assert len(list(tmp_path.glob("*/*.hpp"))) == number
