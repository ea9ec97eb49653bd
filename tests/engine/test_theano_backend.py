"""What Theano 1.0.5 needs today before and after its import."""

import os
import shutil

import pytest
from builders import write

from logreg import engine

pytestmark = pytest.mark.skipif(engine.NAME != "theano", reason="about Theano")
needs_compiler = pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")


def config(run, option, **env):
    """An option as logreg sets it in a new process, and what was said.

    What the process starts has the user's flags, as before.
    """
    code = f"""
import os
before = os.environ.get("THEANO_FLAGS")
from logreg.engine import theano
print(theano.config.{option})
assert os.environ.get("THEANO_FLAGS") == before
"""
    done = run("-c", code, env={"THEANO_FLAGS": None, "THEANORC": os.devnull, **env})
    return done.stdout.strip(), done.stderr


def test_the_users_flags_are_kept(run):
    write("rc", "[blas]\nldflags = -lm -lc\n")
    assert config(run, "blas.ldflags", THEANORC="rc") == ("-lm -lc", "")
    assert config(run, "blas.ldflags", THEANO_FLAGS="blas.ldflags=") == ("", "")
    write("rc", "[gcc]\ncxxflags = -Wl,-z,now -DNAME=1\n")
    cxxflags, said = config(run, "gcc.cxxflags", THEANORC="rc")
    assert cxxflags.startswith("-Wl,-z,now -DNAME=1") and said == ""


def test_without_a_compiler_one_plain_warning(run):
    cxx, said = config(run, "cxx", PATH=".", THEANO_FLAGS="base_compiledir=.")
    assert cxx == "" and said.count("\n") == 1 and "Theano has no C compiler" in said
    assert config(run, "cxx", THEANO_FLAGS="cxx=") == ("", said)  # nor with one that is not wanted


@needs_compiler
def test_what_theano_does_not_need_is_imported_when_it_is_used(run):
    """SciPy and setuptools, which are large, and mpi4py, which would start MPI."""
    write("mpi4py.py", "print('MPI starts')\n")
    code = """
import os, sys, warnings
environ, finders = dict(os.environ), list(sys.meta_path)
from logreg.engine import T, theano
left_out = "scipy.linalg", "scipy.sparse", "scipy.special", "scipy.stats", "distutils", "setuptools"
print([name for name in left_out if name in sys.modules])
assert (os.environ, [f for f in sys.meta_path if f in finders]) == (environ, finders)
import six.moves.urllib.request  # by the finder of six, which Theano imports
x, k = T.dscalars("x", "k")
print(round(float(theano.function([x, k], T.chi2sf(x, k), mode="FAST_COMPILE")(1, 2)), 4))
from scipy import sparse
from theano.sparse import as_sparse_variable, dense_from_sparse
print(theano.function([], dense_from_sparse(as_sparse_variable(sparse.eye(1, format="csr"))))())
warnings.simplefilter("error")  # setuptools warns if there is another distutils than its own
import mpi4py, setuptools
"""
    done = run("-c", code)
    assert done.stderr == ""
    assert done.stdout.split("\n") == ["[]", "0.6065", "[[1.]]", "MPI starts", ""]


BLAS = """
import numpy
from logreg.engine import T, theano
rng = numpy.random.RandomState(0)
for dtype in ("float32", "float64"):
    A, B, v = (rng.normal(size=n).astype(dtype) for n in ((5, 4), (4, 3), (4,)))
    a, b, w = T.matrix(dtype=dtype), T.matrix(dtype=dtype), T.vector(dtype=dtype)
    outputs = [T.dot(a, b), T.dot(a, w), T.dot(w, w), T.outer(w, w) + b[0, 0]]
    found = theano.function([a, b, w], outputs)(A, B, v)
    for got, expected in zip(found, [A @ B, A @ v, v @ v, numpy.outer(v, v) + B[0, 0]]):
        numpy.testing.assert_allclose(got, expected, rtol=1e-5)
print(theano.config.blas.ldflags)
"""


@needs_compiler
def test_blas_computes_what_numpy_computes(run):
    pytest.importorskip("scipy_openblas32")
    flags = os.environ.get("THEANO_FLAGS", "") + ",gcc.cxxflags=-DMINE"
    done = run("-c", BLAS, env={"THEANO_FLAGS": flags, "THEANORC": os.devnull})
    assert done.stderr == "" and "-lscipy_openblas" in done.stdout


CASTS = """
import numpy
from logreg.engine import T, theano
pairs = [("bool", "float32"), ("uint8", "float64"), ("float64", "int32"), ("float32", "bool")]
for dtype, new in pairs:
    x = T.matrix(dtype=dtype)
    cast = theano.function([x], T.cast(x, new))
    values = numpy.array([[0, 1], [200.7, 3]]).astype(dtype)
    found = cast(values)
    assert found.dtype == new and (found == values.astype(new)).all(), (dtype, new)
    assert all(node.op.nfunc_spec for node in cast.maker.fgraph.toposort())
x = T.matrix()
fused = theano.function([x], T.exp(x) * 2 + 1)
print(len(fused.maker.fgraph.toposort()))
"""


def test_without_a_compiler_numpy_does_each_operation(run):
    """A function of NumPy a node; else, Python would loop over the numbers."""
    env = {"THEANO_FLAGS": "cxx=,base_compiledir=.", "THEANORC": os.devnull}
    assert int(run("-c", CASTS, env=env).stdout) == 3


@pytest.mark.parametrize("name, flags", [("cuda0", ""), (None, "device=cuda0")])
def test_a_gpu_is_pytensors(run, name, flags):
    code = f"from logreg.engine import use_device; use_device({name!r})"
    error = run("-c", code, env={"THEANO_FLAGS": flags}, code=1).stderr.splitlines()[-1]
    said = "is none that Theano reaches on today's machines: take PyTensor (Python 3.12 or later"
    assert f"device {name or 'cuda0'!r} {said}" in error
