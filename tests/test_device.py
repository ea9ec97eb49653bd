"""Data and parameters on a device: PyTensor through JAX, Theano through pygpu."""

import os

import numpy
import pytest

from logreg import engine
from logreg.datasets import load_data, read_dataset
from logreg.engine import T, theano
from logreg.errors import EngineError, SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.model import LogisticRegression
from logreg.sgd import compile_functions
from logreg.tutorial import optimize
from logreg.updates import momentum, sgd

pytensor_only = pytest.mark.skipif(engine.NAME != "pytensor", reason="JAX is PyTensor's backend")
theano_only = pytest.mark.skipif(engine.NAME != "theano", reason="pygpu is Theano's backend")
SAMPLE = ["--dataset", "mnist_sample", "--batch-size", "100", "--n-epochs", "3"]


@pytest.fixture
def jax():
    """JAX on the CPU as the device, for one test."""
    if engine.NAME != "pytensor":
        pytest.skip("JAX is PyTensor's backend")
    jax = pytest.importorskip("jax")
    with engine.floatx("float32"):
        engine.use_device("jax:cpu")
        yield jax
        engine.use_device("cpu")


@pytest.mark.parametrize("name", ["gpu", "cuda-1", "cpu0", "", "cuda:0"])
def test_an_unknown_device(name):
    with pytest.raises(EngineError, match="give cpu, cuda, or cuda0, cuda1"):
        engine.use_device(name)


@theano_only
@pytest.mark.parametrize("options, flags", [(["--device", "cuda"], ""), ([], "device=cuda0")])
def test_theano_without_pygpu_does_not_go_on_on_the_cpu(run, working_folder, options, flags):
    try:
        import pygpu  # noqa: F401

        pytest.skip("pygpu is here")
    except ImportError:
        pass
    env = {"THEANO_FLAGS": flags}
    done = run("-m", "logreg.train", *SAMPLE, *options, env=env, cwd=str(working_folder))
    assert (done.returncode, done.stdout) == (1, "")
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: device 'cuda") and "pygpu is not installed" in error


@theano_only
def test_theano_on_a_device_that_does_not_answer(monkeypatch):
    import theano.gpuarray as gpuarray

    def use(name):
        raise RuntimeError("no CUDA-capable device is detected")

    monkeypatch.setattr(gpuarray, "pygpu", object())
    monkeypatch.setattr(gpuarray, "use", use)
    with pytest.raises(EngineError, match="no CUDA-capable device is detected"):
        engine.use_device("cuda")


@theano_only
def test_jax_is_not_theanos():
    with pytest.raises(EngineError, match="LOGREG_ENGINE=pytensor"):
        engine.use_device("jax:cpu")


@pytensor_only
def test_without_jax_the_error_names_the_extra(run, tmp_path, working_folder):
    (tmp_path / "jax.py").write_text("raise ImportError('No module named jax')\n")
    path = os.pathsep.join([str(tmp_path), os.path.dirname(os.path.dirname(__file__))])
    command = ["-m", "logreg.train", *SAMPLE, "--device", "cuda"]
    done = run(*command, env={"PYTHONPATH": path}, cwd=str(working_folder))
    assert (done.returncode, done.stdout) == (1, "")
    assert "pip install 'logreg[cuda]'" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_a_jax_that_sees_no_gpu(jax):
    if any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    with pytest.raises(EngineError) as raised:
        engine.use_device("cuda")
    assert "sees no cuda device, only cpu" in str(raised.value)


class Card:
    """Stands for a GPU that is not here."""

    platform, id, device_kind = "gpu", 0, "A Card"

    def __init__(self, limit=0, used=0):
        self.stats = {"bytes_limit": limit, "bytes_in_use": used}

    def memory_stats(self):
        return self.stats


def test_a_device_number_that_does_not_exist(jax, monkeypatch):
    monkeypatch.setattr(jax, "devices", lambda platform=None: [Card(), Card()])
    with pytest.raises(EngineError) as raised:
        engine.use_device("cuda2")
    assert "'cuda2' does not exist: JAX sees 2 cuda devices" in str(raised.value)


def test_too_little_memory_says_how_much_is_needed_and_free(jax, monkeypatch):
    monkeypatch.setattr(engine._device, "device", Card(limit=10**7, used=4 * 10**6))
    with pytest.raises(EngineError) as raised:
        load_data("mnist_sample")
    needed = 4 * 7000 * (784 + 1)
    assert f"{needed:,} bytes" in str(raised.value)
    assert "A Card's memory, of which 6,000,000 are free" in str(raised.value)


def test_float64_on_a_gpu_is_allowed_with_a_warning(jax, monkeypatch, capsys):
    from logreg.engine.jax_backend import JaxDevice

    with engine.floatx("float64"):
        engine.use_device("jax:cpu")
        assert "float64" not in capsys.readouterr().err
        assert T.matrix().dtype == load_data("mnist_sample")[0][0].dtype == "float64"
        monkeypatch.setattr(JaxDevice, "_find", lambda self, name: Card())
        monkeypatch.setattr(jax.config, "update", lambda name, value: None)
        engine.use_device("cuda")
        assert "float32 gives the same log" in capsys.readouterr().err
    engine.use_device("cpu")


def is_on_device(variable, jax):
    return isinstance(variable.container.storage[0], jax.Array)


@pytest.mark.parametrize("rule", [sgd, momentum])
def test_data_and_parameters_stay_on_the_device(jax, rule):
    sets = load_data("mnist_sample")
    x, y = T.matrix("x"), T.ivector("y")
    classifier = LogisticRegression(x, 784, 10)
    cost = classifier.negative_log_likelihood(y)
    updates = rule(cost, classifier.params, 0.1)
    functions = compile_functions(x, y, cost, classifier.errors(y), updates, sets, 100)
    data = [v for _, y in sets for v in y.owner.inputs] + [shared_x for shared_x, _ in sets]
    variables = [variable for variable, _ in updates]
    assert len(data) == 6
    assert all(is_on_device(v, jax) for v in data + variables)
    buffers = [v.container.storage[0].unsafe_buffer_pointer() for v in data]

    functions.train_model(0, 50)  # compiles, and brings the constants to the device
    functions.validate_model()
    functions.test_model()
    with jax.transfer_guard("disallow"):
        with pytest.raises(Exception, match=r"[Dd]isallowed"):  # the guard guards
            jax.numpy.add(jax.numpy.zeros(3), numpy.ones(3)).block_until_ready()
        for first in (0, 7):
            assert len(functions.train_model(first, 50)) == 50
        functions.validate_model()
        functions.test_model()
    assert all(is_on_device(v, jax) for v in data + variables)
    assert [v.container.storage[0].unsafe_buffer_pointer() for v in data] == buffers


@pytensor_only
def test_rows_of_a_device_are_rows_without_one():
    from logreg.engine.jax_backend import Rows

    x, first = T.matrix("x"), T.lscalar("first")
    rows = Rows(2)(x, first)
    assert rows.type.shape == (2, None)
    value = numpy.arange(12.0).reshape(4, 3).astype(x.dtype)
    (found,) = engine.function([x, first], [rows])(value, 1)
    assert found.tolist() == value[1:3].tolist()
    # What works in place must not reach the data set.
    shared = theano.shared(value.copy(), shape=value.shape)
    function = theano.function([first], T.exp(Rows(2)(shared, first)) * 2 + 1, mode="FAST_RUN")
    numpy.testing.assert_allclose(function(1), numpy.exp(value[1:3]) * 2 + 1, rtol=1e-5)
    assert (shared.get_value() == value).all()


def test_what_is_compiled_stays_so(jax):
    """Parameters that came as NumPy arrays once would be another kind of input the next time."""
    compiled = []

    def listen(event, seconds, **details):
        if "backend_compile" in event:
            compiled.append(event)

    sets = load_data("mnist_sample")
    x, y = T.matrix("x"), T.ivector("y")
    classifier = LogisticRegression(x, 784, 10)
    cost = classifier.negative_log_likelihood(y)
    updates = momentum(cost, classifier.params, 0.1)
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        functions = compile_functions(x, y, cost, classifier.errors(y), updates, sets, 100)
        assert compiled
        compiled.clear()
        for _ in range(2):
            functions.train_model(0, 50)
            functions.validate_model()
            value = engine.value(classifier.W)
            assert type(value) is numpy.ndarray and value.any()
            engine.set_value(classifier.W, value / 2)  # as a resumed run does
        assert not compiled
    finally:
        jax.monitoring.clear_event_listeners()


def test_a_block_of_steps_is_the_steps_one_by_one(jax):
    def make():
        rng = numpy.random.RandomState(4)
        pairs = [(rng.normal(size=(n, 5)), rng.randint(0, 3, n)) for n in (47, 25, 33)]
        sets = load_data(pairs)
        x, y = T.matrix("x"), T.ivector("y")
        classifier = LogisticRegression(x, 5, 3)
        cost = classifier.negative_log_likelihood(y)
        updates = momentum(cost, classifier.params, 0.1)
        errors = classifier.errors(y)
        return classifier, compile_functions(x, y, cost, errors, updates, sets, 10)

    on_device, functions = make()
    assert functions.steps_per_call == functions.n_train_batches == 4
    costs = [
        *functions.train_model(0, 4),
        *functions.train_model(0, 3),
        *functions.train_model(3, 2),
    ]
    errors = functions.validate_model(), functions.test_model()
    values = [engine.value(param) for param in on_device.params]
    engine.use_device("cpu")
    on_cpu, functions = make()
    assert functions.steps_per_call == 1
    expected = [functions.train_model(i % 4, 1)[0] for i in range(9)]
    numpy.testing.assert_allclose(costs, expected, rtol=1e-5)
    assert errors == (functions.validate_model(), functions.test_model())
    for value, param in zip(values, on_cpu.params):
        numpy.testing.assert_allclose(value, param.get_value(), rtol=1e-4, atol=1e-6)


def test_the_model_file_needs_neither_gpu_nor_jax(jax, run, working_folder, tmp_path):
    optimize(read_dataset("mnist_sample"), Hyperparameters(batch_size=100, n_epochs=1))
    (tmp_path / "jax.py").write_text("raise ImportError('No module named jax')\n")
    path = os.pathsep.join([str(tmp_path), os.path.dirname(os.path.dirname(__file__))])
    command = ["-m", "logreg.predict", "--dataset", "mnist_sample"]
    done = run(*command, env={"PYTHONPATH": path}, cwd=str(working_folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Predicted values for the first 10 examples")
    on_device = run(*command, "--device", "jax:cpu", cwd=str(working_folder))
    assert on_device.stdout == done.stdout


def test_a_function_computes_on_the_device(jax):
    x = T.fmatrix("x")
    (twice,) = engine.function([x], [2 * x])(numpy.ones((2, 3), "float32"))
    assert isinstance(twice, jax.Array) and (numpy.asarray(twice) == 2).all()


def test_the_command_says_where_it_runs(jax, run, working_folder):
    command = ["-m", "logreg.train", *SAMPLE, "--device", "jax:cpu"]
    done = run(*command, cwd=str(working_folder))
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("pytensor ")]
    for part in ("float32", f"JAX {jax.__version__} on cpu:0", f"{4 * 7000 * 785:,} bytes"):
        assert part in line


def test_the_tutorials_log_line_for_line(jax, run, mnist_folder, working_folder):
    env = {"LOGREG_DATA": str(mnist_folder)}
    command = ["-m", "logreg.train", "--device", "jax:cpu", "--check-reference"]
    done = run(*command, env=env, cwd=str(working_folder), timeout=900)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("validation error") == 73
    assert "all figures agree with the tutorial's" in done.stderr


def test_a_run_on_the_device_is_resumed(jax, run, working_folder):
    command = ["-m", "logreg.train", *SAMPLE[:4], "--device", "jax:cpu", "--checkpoint", "state"]
    whole = run("-m", "logreg.train", *SAMPLE, "--device", "jax:cpu", cwd=str(working_folder))
    code = f"""
import sys
from logreg import sgd, train
def validated(validation, original=sgd.print_validation):
    original(validation)
    if validation.epoch == 2:
        raise KeyboardInterrupt
sgd.print_validation = validated
sys.exit(train.main({[*command[2:], "--n-epochs", "3"]!r}))
"""
    first = run("-c", code, cwd=str(working_folder))
    assert first.returncode == 130, first.stderr
    second = run(*command, "--n-epochs", "3", "--resume", cwd=str(working_folder))
    assert second.returncode == 0, second.stderr
    lines = [line for line in whole.stdout.splitlines() if "epoch 2" in line or "epoch 3" in line]
    assert [line for line in second.stdout.splitlines() if "minibatch" in line] == lines


def test_a_setting_that_makes_no_sense_is_refused_on_the_device_too(jax):
    with pytest.raises(SettingError, match="batch size"):
        optimize(read_dataset("mnist_sample"), Hyperparameters(batch_size=2000))


def test_the_engine_describes_itself():
    line = engine.describe()
    for part in (engine.NAME, engine.VERSION, theano.config.floatX, "cpu"):
        assert part in line
