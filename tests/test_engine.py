"""Which engine is chosen, and what is set before it is imported."""

import os

import pytest

from logreg import engine
from logreg.engine.c_compiler import user_setting

REPORT = """
import logreg.engine as engine
config = engine.theano.config
print(engine.NAME, config.floatX, engine.NAME == "theano" and config.blas.ldflags)
"""
FLAGS = engine.NAME.upper() + "_FLAGS"
RC = engine.NAME.upper() + "RC"
theano_only = pytest.mark.skipif(engine.NAME != "theano", reason="about Theano's own settings")


def report(run, **env):
    """Name, floatX and BLAS flags of the engine in a new process."""
    done = run("-c", REPORT, env={FLAGS: None, RC: os.devnull, "LOGREG_ENGINE": None, **env})
    assert done.returncode == 0, done.stderr
    return done.stdout.split(), done.stderr


@pytest.fixture
def broken(tmp_path):
    """A folder of modules that stand for engines that do not import."""

    def broken(*names):
        for name in names:
            (tmp_path / f"{name}.py").write_text("raise AttributeError('blas_opt_info')\n")
        return os.pathsep.join([str(tmp_path), os.path.dirname(os.path.dirname(__file__))])

    return broken


@pytest.mark.parametrize("wanted", [engine.NAME, engine.NAME.title(), ""])
def test_the_engine_that_is_asked_for_or_the_one_that_imports(run, wanted):
    (name, *_), stderr = report(run, LOGREG_ENGINE=wanted)
    assert name == engine.NAME
    assert stderr == ""


def test_an_unknown_engine(run):
    done = run("-m", "logreg.train", env={"LOGREG_ENGINE": "tensorflow"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: LOGREG_ENGINE is 'tensorflow': set it to theano or pytensor, or leave it unset\n"
    )


def test_no_engine_says_what_to_install(run, broken):
    path = broken("theano", "pytensor")
    done = run("-m", "logreg.train", "--dataset", "mnist_sample", env={"PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1 and done.stderr.startswith("error: no engine: ")
    for part in ("theano fails to import (AttributeError: blas_opt_info)", "pip install"):
        assert part in done.stderr


def test_an_engine_that_is_asked_for_is_not_replaced_by_the_other(run, broken):
    path = broken(engine.NAME)
    done = run("-c", "import logreg.engine", env={"PYTHONPATH": path, "LOGREG_ENGINE": engine.NAME})
    assert done.returncode == 1
    assert f"no engine: {engine.NAME} fails to import" in done.stderr


@pytest.mark.skipif(engine.NAME != "pytensor", reason="needs PyTensor as the second choice")
def test_a_theano_that_does_not_import_gives_way_to_pytensor(run, broken):
    (name, *_), _ = report(run, PYTHONPATH=broken("theano"))
    assert name == "pytensor"


def test_help_and_usage_need_no_engine(run, broken):
    env = {"PYTHONPATH": broken("theano", "pytensor")}
    for command in ("logreg.train", "logreg.predict"):
        assert run("-m", command, "--help", env=env).returncode == 0
        assert run("-m", command, "--no-such-option", env=env).returncode == 2


def test_importing_logreg_leaves_floatx_alone(run):
    names = "LogisticRegression, load_data, sgd_optimization_mnist, load_model, save_model"
    code = f"from logreg import {names}\n{REPORT}"
    for floatx in ("float32", "float64"):
        done = run("-c", code, env={FLAGS: f"floatX={floatx}"})
        assert done.stdout.split()[1] == floatx
    done = run("-c", code, env={FLAGS: None, RC: os.devnull})
    assert done.stdout.split()[1] == "float64"  # both engines' own default


def test_the_users_setting_is_told_from_the_default(monkeypatch, tmp_path):
    monkeypatch.delenv(FLAGS, raising=False)
    rc = tmp_path / "rc"
    monkeypatch.setenv(RC, str(rc))
    assert user_setting(engine.NAME, "floatX") is None
    rc.write_text("[global]\nfloatX = float64\n[blas]\nldflags = -lmine\n")
    assert user_setting(engine.NAME, "floatX") == "float64"
    assert user_setting(engine.NAME, "blas.ldflags") == "-lmine"
    monkeypatch.setenv(FLAGS, "floatX=float32,blas.ldflags=")
    assert user_setting(engine.NAME, "floatX") == "float32"
    assert user_setting(engine.NAME, "blas.ldflags") == ""


def test_a_command_uses_float32_unless_told(monkeypatch):
    monkeypatch.setenv(RC, os.devnull)
    for flags, option, expected in [
        ("", None, "float32"),
        ("floatX=float64", None, "float64"),
        ("floatX=float64", "float32", "float32"),
        ("", "float64", "float64"),
    ]:
        monkeypatch.setenv(FLAGS, flags)
        with engine.floatx("float64"):
            engine.set_floatx(option)
            assert engine.theano.config.floatX == expected


@theano_only
def test_blas_flags_of_the_user_are_kept(run, tmp_path):
    assert report(run, THEANO_FLAGS="blas.ldflags=-lm")[0][2] == "-lm"
    rc = tmp_path / "rc"
    rc.write_text("[blas]\nldflags = -lm -lc\n")
    assert report(run, THEANORC=str(rc))[0][2:] == ["-lm", "-lc"]


@theano_only
def test_flags_are_not_left_behind_in_the_environment(run):
    code = "import os, logreg.engine; print(os.environ.get('THEANO_FLAGS'))"
    assert run("-c", code, env={"THEANO_FLAGS": None}).stdout == "None\n"
    flags = "floatX=float32"
    assert run("-c", code, env={"THEANO_FLAGS": flags}).stdout == flags + "\n"


@theano_only
def test_without_a_compiler_one_plain_warning(run, tmp_path):
    (tmp_path / "bin").mkdir()
    env = {"PATH": str(tmp_path / "bin"), "THEANO_FLAGS": f"base_compiledir={tmp_path}"}
    (name, *_), stderr = report(run, **env)
    assert name == "theano"
    assert stderr.count("\n") == 1 and stderr.startswith("warning: no C++ compiler")


@theano_only
def test_what_its_import_leaves_out_comes_when_it_is_used(run):
    code = """
import sys
from logreg.engine import T, theano
left_out = ["scipy.stats", "scipy.signal", "setuptools", "pkg_resources", "distutils"]
print([name for name in left_out if name in sys.modules])
x, k = T.dscalars("x", "k")
print(round(float(theano.function([x, k], T.chi2sf(x, k), mode="FAST_COMPILE")(1, 2)), 4))
import setuptools
from scipy.signal import convolve
from scipy.stats import norm
print(norm.cdf(0), convolve([1, 2], [1, 1]))
"""
    done = run("-c", code)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "[]\n0.6065\n0.5 [1 3 2]\n"


@theano_only
def test_what_the_user_imported_before_is_left_in_place(run):
    code = """
import sys
import setuptools, distutils, scipy.signal, scipy.stats
before = {name: sys.modules[name] for name in ("distutils", "scipy.signal", "scipy.stats")}
finders = list(sys.meta_path)
import logreg.engine
print(all(sys.modules[name] is module for name, module in before.items()))
print([f for f in sys.meta_path if f in finders] == finders)
"""
    done = run("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\nTrue\n", "")


@theano_only
def test_flags_of_the_user_with_commas(run, tmp_path):
    rc = tmp_path / "rc"
    rc.write_text("[gcc]\ncxxflags = -Wl,-z,now -DNAME=1\n")
    env = {"THEANO_FLAGS": f"base_compiledir={tmp_path}", "THEANORC": str(rc)}
    done = run("-c", "from logreg.engine import theano; print(theano.config.gcc.cxxflags)", env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("-g0 -Wl,-z,now -DNAME=1")


def test_a_folder_that_cannot_be_written_is_named(run, tmp_path, working_folder):
    (tmp_path / "file").write_text("")
    flags = {FLAGS: f"base_compiledir={tmp_path / 'file' / 'folder'}", RC: os.devnull}
    sample = ["--dataset", "mnist_sample", "--batch-size", "100", "--n-epochs", "1"]
    done = run("-m", "logreg.train", *sample, env=flags, cwd=working_folder)
    assert done.returncode == 1
    assert f"set {FLAGS}=base_compiledir=FOLDER" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
