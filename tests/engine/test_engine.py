"""Which engine is chosen, and the interface of its back ends: on the CPU, and on a device."""

import os

import numpy
import pytest
from builders import make_pairs, write
from softmax import Softmax

from logreg import engine
from logreg.basics.errors import SettingError
from logreg.engine import kernel_steps, theano

FLAGS = engine.NAME.upper() + "_FLAGS"
RC = engine.NAME.upper() + "RC"
FAILS = "{} fails to import (AttributeError: blas_opt_info)"


@pytest.mark.parametrize("wanted", [f" {engine.NAME.title()} ", ""])
def test_the_engine_that_is_asked_for_or_the_one_that_imports(run, wanted):
    code = "from logreg.engine import NAME, theano; print(NAME, theano.config.floatX)\n"
    code += "assert getattr(theano.config, 'generated_src_dir', None) != ''"  # no temporary files
    done = run("-c", code, env={"LOGREG_ENGINE": wanted, FLAGS: None, RC: os.devnull})
    # The import leaves floatX at both engines' own default.
    assert (done.stdout, done.stderr) == (f"{engine.NAME} float64\n", "")


@pytest.mark.parametrize(
    "wanted, flags, message",
    [
        ("a.b", "", "EngineError: no engine: a.b is not installed; set LOGREG_ENGINE to theano or"),
        ("", "", f"no engine: {FAILS.format('theano')}, {FAILS.format('pytensor')}; set LOGREG_"),
        # One that is asked for is not replaced by the other.
        (engine.NAME, "", f"no engine: {FAILS.format(engine.NAME)}; set LOGREG_ENGINE to theano"),
        (engine.NAME, "floatX='f", f'SettingError: {FLAGS} is "floatX=\'f": No closing quotation'),
    ],
)
def test_no_engine_says_what_to_do(run, wanted, flags, message):
    for name in ("theano", "pytensor"):
        write(f"{name}.py", "raise AttributeError('blas_opt_info')\n")
    done = run("-c", "import logreg.engine", env={"LOGREG_ENGINE": wanted, FLAGS: flags}, code=1)
    assert message in done.stderr.splitlines()[-1]


@pytest.mark.skipif(engine.NAME != "pytensor", reason="Theano's internals move no more")
def test_a_pytensor_whose_internals_have_moved_trains_without_the_kernel(run):
    code = """
import pytensor.link.vm
del pytensor.link.vm.VMLinker
from logreg.train import main
main(["mnist_sample", "--n-epochs", "1"])
"""
    done = run("-c", code, env={FLAGS: "mode=FAST_COMPILE"})
    assert (
        done.stderr.count("warning: logreg's kernel does not know this PyTensor (cannot imp") == 1
    )
    assert done.stdout.count("Optimization complete") == 1


RC_TEXT = "[global]\nfloatX = float64\n[blas]\nldflags = -lmine\n"


@pytest.mark.parametrize(
    "rc, flags, expected",
    [
        ("", None, "float32"),
        (RC_TEXT, None, "float64"),
        (RC_TEXT, "blas.ldflags='-L a,b=c'", "float64"),
        (RC_TEXT, "floatX=float64,blas.ldflags='-L a,b', floatX=float32", "float32"),
    ],
)
def test_a_command_uses_float32_unless_told(monkeypatch, tmp_path, rc, flags, expected):
    write(tmp_path / ("rc" if flags else f".{engine.NAME}rc"), rc)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in ((RC, f"~/none{os.pathsep}~/rc"), (FLAGS, flags)):
        monkeypatch.setenv(name, value) if flags else monkeypatch.delenv(name, raising=False)
    with pytest.raises(KeyError), engine.settings(None):
        assert theano.config.floatX == expected
        raise KeyError
    assert theano.config.floatX == "float64"
    with pytest.raises(SettingError, match="floatX is 'float16': logreg needs float32 or float64"):
        engine.settings("float16").__enter__()


@pytest.mark.parametrize("n, batch_size", [(47, 12), (47, 47), (1100, 500)])
def test_errors_and_means_are_over_whole_minibatches_and_all_rows(
    device, n, batch_size, monkeypatch
):
    """Of what is no count, test_sgd has an example."""
    monkeypatch.setattr(kernel_steps, "VALUES_AT_A_TIME", 36)  # 9 rows
    softmax = Softmax(make_pairs((n, 1, 1)))
    n_whole = n // batch_size * batch_size
    errors = softmax.compile_errors(batch_size)()
    assert errors == pytest.approx((softmax.error(n_whole), softmax.error()), abs=1e-15)
    for factor in (1, 3):
        softmax.cost *= factor
        mean = softmax.compile_mean()()
        expected = factor * softmax.cost_of_all()
        assert isinstance(mean, float) and mean == pytest.approx(expected, rel=1e-6)


def test_a_value_is_copied_and_its_memory_keeps_its_order(device):
    variable = theano.shared(numpy.zeros((2, 3), "float32", order="F"))
    new = numpy.arange(6, dtype="float32").reshape(2, 3)
    engine.set_value(variable, new)
    new[0] = 7
    value = engine.value(variable)
    assert type(value) is numpy.ndarray and value.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert device != "cpu" or value.flags.f_contiguous
    # Engines may write the new values of an update where the old ones are.
    assert not numpy.shares_memory(*engine.copy_values([variable]), value)
