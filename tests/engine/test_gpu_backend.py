"""Data and parameters on a device, by PyTensor's JAX backend; the CPU stands for a GPU."""

import pytest
from builders import make_pairs

from logreg import engine
from logreg.engine import T, theano
from logreg.errors import EngineError
from logreg.model import LogisticRegression
from logreg.updates import momentum

pytestmark = pytest.mark.skipif(engine.NAME != "pytensor", reason="JAX is PyTensor's backend")


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    with engine.floatx("float32"):
        engine.use_device("jax:cpu")
        yield jax
        engine.use_device("cpu")


def test_data_and_parameters_stay_on_the_device_and_nothing_is_compiled_anew(jax):
    (data_x, data_y), *_ = make_pairs((47, 1, 1))
    data = [engine.shared_data(data_x), engine.shared_data(data_y.astype("float32"))]
    assert f"JAX {jax.__version__} on cpu:0 (cpu)" in engine.describe()
    arguments = x, y, *_ = T.matrix("x"), T.ivector("y"), (data[0], T.cast(data[1], "int32")), 10
    model = LogisticRegression(x, 4, 3)
    cost = model.negative_log_likelihood(y, [1, 2, 3])
    updates = momentum(cost, model.params, 0.1)
    compiled = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda event, *args, **kwargs: compiled.append(event)
    )
    train_model = engine.compile_step(*arguments, cost, updates, 4)
    error = engine.compile_errors(*arguments, model.errors(y))
    variables = [*data, *(variable for variable, _ in updates)]

    def on_device():
        return [isinstance(variable.container.storage[0], jax.Array) for variable in variables]

    assert on_device() == [True] * 6
    assert any("backend_compile" in event for event in compiled)
    compiled.clear()
    train_model(0)  # brings the constants to the device
    assert len(train_model.costs()) == 1
    with jax.transfer_guard("disallow"):
        for index in (0, 1, 2, 3, 1):
            train_model(index)
        error()
        # As a resumed run does. A NumPy array in its place would be another kind of input.
        engine.set_value(model.W, engine.value(model.W) / 2)
        train_model(2)
        assert len(train_model.costs()) == 6
    assert not [event for event in compiled if "backend_compile" in event]
    jax.monitoring.clear_event_listeners()
    assert on_device() == [True] * 6


def test_settings_hold_for_a_block(jax):
    def now():
        return engine.describe(), theano.config.mode, jax.config.jax_enable_x64

    before = now()
    with pytest.raises(KeyError), engine.settings("float64", "cpu"):
        assert "float64, cpu" in engine.describe() and theano.config.mode != "JAX"
        with engine.settings("float64", "jax:cpu"):
            assert "float64, JAX" in engine.describe() and jax.config.jax_enable_x64
        assert "float64, cpu" in engine.describe() and theano.config.mode != "JAX"
        raise KeyError
    assert now() == before


def test_without_jax_the_error_names_the_extra(run):
    code = "import sys; sys.modules['jax'] = None\nfrom logreg.engine import use_device\n"
    error = run("-c", code + "use_device('cuda')").stderr.splitlines()[-1]
    assert "device 'cuda' needs JAX" in error and error.endswith(": pip install '.[cuda]'")


def test_a_device_that_is_not_there(jax):
    with pytest.raises(EngineError, match=r"'cuda2': JAX .* sees only cpu:0; .*'\.\[cuda\]'"):
        engine.use_device("cuda2")
