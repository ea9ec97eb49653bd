"""Data and parameters on a device, by PyTensor's JAX backend; the CPU stands for a GPU."""

import pytest
from builders import make_pairs, save_folder
from numpy.testing import assert_allclose
from softmax import Softmax

from logreg import Predictor, engine
from logreg.basics.errors import EngineError
from logreg.engine import T, theano
from logreg.updates import momentum

pytestmark = pytest.mark.skipif(engine.NAME != "pytensor", reason="JAX is PyTensor's backend")


@pytest.fixture
def jax():
    jax = pytest.importorskip("jax")
    with engine.settings("float32", "jax:cpu"):
        yield jax


def test_data_and_parameters_stay_on_the_device(jax):
    assert f"JAX {jax.__version__} on cpu:0 (cpu)" in engine.describe()
    softmax = Softmax()
    features, labels, _ = softmax.row_set
    updates = momentum(softmax.cost, softmax.model.params, 0.1)
    variables = [features.shared, *labels.owner.inputs, *(variable for variable, _ in updates)]
    train_model = softmax.compile(updates, 4)
    assert len(train_model(0, 3)) == 4 and len(train_model(1, 1)) == 1
    softmax.compile_errors()()
    engine.set_value(variables[2], engine.value(variables[2]) / 2)  # as a resumed run does
    assert all(isinstance(variable.container.storage[0], jax.Array) for variable in variables)


@pytest.mark.parametrize(
    "options",
    [[], ["--standardize"], ["--class-weight", "balanced", "--momentum", 0.5, "--l1", 1e-3]],
)
def test_a_command_gives_the_model_of_the_cpu(options, jax, cli):
    folder = save_folder([((40 * x + 99).clip(0, 255).astype("u1"), y) for x, y in make_pairs()])
    models = []
    train = ("train", folder, "--n-epochs", 2, "--batch-size", 9, *options)
    for device in ("cpu", "jax:cpu"):
        done = cli(*train, "--device", device)
        assert ("JAX" in done.err) == (device != "cpu")
        models.append(Predictor("best_model.pkl"))
    curves = ([[*point.values()] for point in model.metadata["curve"]] for model in models)
    for points in zip(*curves):
        assert_allclose(*points, rtol=1e-5)
    assert_allclose(models[0].W, models[1].W, rtol=1e-4, atol=1e-6)


def test_settings_hold_for_a_block(jax):
    def state():
        names = "jax_enable_x64", "jax_default_matmul_precision"
        return engine.describe(), theano.config.mode, *(getattr(jax.config, n) for n in names)

    before = state()
    with pytest.raises(KeyError), engine.settings("float64", "cpu"):
        assert "float64, cpu" in engine.describe() and theano.config.mode != "JAX"
        assert state()[2:] == (False, None)  # as JAX has them by default
        with engine.settings("float64", "jax:cpu"):
            assert "float64, JAX" in engine.describe()
            assert state()[2:] == (True, "highest")  # else, a GPU multiplies float32 as TF32
            raise KeyError
    assert before == state()


def test_a_graph_that_draws_random_numbers_is_refused(jax):
    """The steps of one call would all have the same mask."""
    from pytensor.tensor.random.utils import RandomStream

    softmax = Softmax()
    mask = RandomStream(seed=1).bernoulli(0.5, size=())
    softmax.cost = softmax.cost * T.cast(mask, "float32")
    with pytest.raises(EngineError, match=r"'jax:cpu': the graph draws random numbers .* the CPU"):
        softmax.compile(softmax.updates(), 4)
    with pytest.raises(EngineError, match="the graph draws random numbers"):
        softmax.compile_mean()


def test_without_jax_the_error_names_the_extra(run):
    code = "import sys; sys.modules['jax'] = None\nfrom logreg.engine import use_device\n"
    error = run("-c", code + "use_device('cuda')", code=1).stderr.splitlines()[-1]
    assert "device 'cuda' needs JAX" in error and error.endswith(": pip install '.[cuda]'")


def test_a_device_that_is_not_there(jax):
    with pytest.raises(EngineError, match=r"'cuda12': JAX .* sees only cpu:0; .*'\.\[cuda\]'"):
        engine.use_device("cuda12")
