"""The scripts that train other models, on the sample, and on MNIST where it can be had."""

import importlib.util
import re

import numpy
import pytest
from conftest import ROOT

from logreg import engine, load_params
from logreg.datasets import read_dataset
from logreg.engine import T, theano
from logreg.errors import ModelFileError

SAMPLE = ["--dataset", "mnist_sample"]
PERCENT = r"\d+\.\d{6} %"


def script(name):
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def mlp():
    return script("mlp")


@pytest.fixture(scope="module")
def logistic_cg():
    return script("logistic_cg")


def errors_in(text, kind):
    return [float(error) for error in re.findall(rf"{kind} error ([\d.]+) %", text)]


def numpy_mlp(params, x):
    """The classes that a net of these parameters sees."""
    W, b, V, c = (param.get_value().astype("float64") for param in params)
    return (numpy.tanh(x @ W + b) @ V + c).argmax(axis=1)


def test_the_mlp_trains_on_the_sample_and_keeps_its_best(mlp, capfd, working_folder):
    small = ["--n-epochs", "3", "--n-hidden", "30", "--learning-rate", "0.1"]
    assert mlp.main([*SAMPLE, *small, "--output", "net.pkl"]) == 0
    out, err = capfd.readouterr()
    lines = out.splitlines()
    assert lines[:3] == ["... loading data", "... building the model", "... training the model"]
    for epoch in (1, 2, 3):
        line = f"epoch {epoch}, minibatch 250/250, validation error {PERCENT}"
        assert any(re.fullmatch(line, other) for other in lines)
    assert "stopped: all 3 epochs run" in err
    assert [path.name for path in working_folder.iterdir()] == ["net.pkl"]
    errors = errors_in(out, "validation")
    assert errors[0] > errors[-1] < 15
    # A net of another seed becomes the one that was saved.
    net = mlp.MLP(numpy.random.RandomState(5), T.matrix("x"), 784, 30, 10)
    load_params(net.params, "net.pkl")
    x, y = read_dataset("mnist_sample").valid
    assert (numpy_mlp(net.params, x / 256) != y).mean() * 100 == pytest.approx(min(errors))
    larger = mlp.MLP(numpy.random.RandomState(5), T.matrix("x"), 784, 31, 10)
    with pytest.raises(ModelFileError, match="of another net"):
        load_params(larger.params, "net.pkl")


def test_the_mlp_begins_as_in_the_tutorial(mlp):
    args = mlp.parser().parse_args([])
    assert (args.n_hidden, args.learning_rate, args.batch_size) == (500, 0.01, 20)
    assert (args.l1, args.l2, args.patience, args.n_epochs) == (0.0, 0.0001, 10000, 1000)
    x = T.matrix("x")
    with engine.floatx("float64"):
        net = mlp.MLP(numpy.random.RandomState(1234), x, 784, 500, 10)
    W, b, V, c = (param.get_value() for param in net.params)
    rng = numpy.random.RandomState(1234)
    numpy.testing.assert_allclose(W, rng.uniform(-1, 1, (784, 500)) * (6 / 1284) ** 0.5)
    assert (b.shape, V.shape, c.shape) == ((500,), (500, 10), (10,))
    assert not (b.any() or V.any() or c.any())


def test_the_penalties_are_over_the_weights_of_both_layers(mlp):
    with engine.floatx("float64"):
        net = mlp.MLP(numpy.random.RandomState(0), T.matrix("x"), 4, 3, 2)
    rng = numpy.random.RandomState(1)
    for param in net.params:
        param.set_value(rng.normal(size=param.get_value().shape))
    weights = [net.params[i].get_value() for i in (0, 2)]
    l1, l2 = theano.function([], [net.L1, net.L2_sqr])()
    assert l1 == pytest.approx(sum(abs(W).sum() for W in weights))
    assert l2 == pytest.approx(sum((W * W).sum() for W in weights))


@pytest.mark.parametrize(
    "options, l1, l2",
    [([], 0, 0.0001), (["--l2", "0"], 0, 0), (["--l1", "0.01", "--l2", "0.1"], 0.01, 0.1)],
    ids=str,
)
def test_the_penalties_reach_the_run(mlp, monkeypatch, options, l1, l2):
    runs = []
    monkeypatch.setattr(mlp, "fit", lambda *args, **kwargs: runs.append(args))
    with engine.floatx("float64"):
        mlp.train_mlp(mlp.parser().parse_args([*SAMPLE, *options]))
    x, y, cost = runs[0][:3]
    W = numpy.random.RandomState(1234).uniform(-1, 1, (784, 500)) * (6 / 1284) ** 0.5
    found = cost.eval({x: numpy.ones((2, 784)), y: numpy.array([3, 5], "int32")})
    # With zeros for the weights of the upper layer, each class is as probable as another.
    assert found == pytest.approx(numpy.log(10) + l1 * abs(W).sum() + l2 * (W * W).sum())


@pytest.mark.parametrize("options", [[], ["--check-reference"]])
def test_the_mlp_of_the_sample_is_not_the_tutorials(mlp, options, capfd):
    argv = [*SAMPLE, "--n-epochs", "1", "--n-hidden", "5", *options]
    assert mlp.main(argv) == len(options)
    told = "the tutorial has ('9.620000', '10.090000')" in capfd.readouterr().err
    assert told == bool(options)


def test_the_mlp_of_mnist_is_the_tutorials(run, mnist_folder, working_folder):
    done = run(
        *(ROOT / "scripts" / "mlp.py", "--n-epochs", "1", "--check-reference"),
        env={"LOGREG_DATA": str(mnist_folder)},
        cwd=str(working_folder),
    )
    assert done.returncode == 0, done.stderr
    assert "epoch 1, minibatch 2500/2500, validation error 9.620000 %" in done.stdout
    assert "test error of best model 10.090000 %" in done.stdout
    assert "epoch 1 agrees with the tutorial's" in done.stderr


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("method", ["cg", "l-bfgs"])
def test_batch_optimizers_on_the_sample(logistic_cg, method, capfd, working_folder):
    assert logistic_cg.main([*SAMPLE, "--n-iterations", "15", "--method", method]) == 0
    lines = capfd.readouterr().out.splitlines()
    assert lines[:2] == ["... loading data", "... building the model"]
    assert re.fullmatch(r"\.\.\. optimizing with (CG|L-BFGS-B) of SciPy", lines[2])
    assert all(re.fullmatch(f"validation error {PERCENT}", line) for line in lines[3:-1])
    errors = errors_in("\n".join(lines), "validation")
    assert 5 <= len(errors) == len(lines) - 4 <= 15
    assert re.fullmatch(
        f"Optimization complete with best validation score of {min(errors):f} %, "
        f"with test performance {PERCENT}",
        lines[-1],
    )
    assert errors[0] > min(errors) < 14
    assert not list(working_folder.iterdir())


def test_the_objective_is_that_of_numpy(logistic_cg, capfd):
    data = read_dataset("mnist_sample")
    theta = numpy.random.RandomState(0).normal(scale=0.1, size=7850)
    with engine.floatx("float64"):
        objective = logistic_cg.Objective(data)
        assert objective.size == 7850
        cost, gradient = objective(theta)
        error = numpy.mean(list(objective.validate()))
    W, b = theta[:7840].reshape(784, 10), theta[7840:]
    x, y = data.train[0][:4800] / 256, data.train[1][:4800]  # whole minibatches of 600
    z = x @ W + b
    p = numpy.exp(z - numpy.log(numpy.exp(z).sum(axis=1, keepdims=True)))
    assert cost == pytest.approx(-numpy.log(p[range(4800), y]).mean())
    p[range(4800), y] -= 1
    expected = numpy.concatenate([(x.T @ p / 4800).ravel(), p.mean(axis=0)])
    numpy.testing.assert_allclose(gradient, expected, atol=1e-12)
    x, y = data.valid[0][:600] / 256, data.valid[1][:600]
    assert error == pytest.approx(((x @ W + b).argmax(axis=1) != y).mean())


def test_batch_optimizers_of_the_sample_are_not_the_tutorials(logistic_cg, capfd):
    assert logistic_cg.main([*SAMPLE, "--n-iterations", "1", "--check-reference"]) == 1
    assert "the tutorial has 7.343750 % and 7.406250 %" in capfd.readouterr().err


def test_conjugate_gradient_on_mnist(run, mnist_folder, working_folder):
    done = run(
        *(ROOT / "scripts" / "logistic_cg.py", "--n-iterations", "10"),
        env={"LOGREG_DATA": str(mnist_folder)},
        cwd=str(working_folder),
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == (
        "Optimization complete with best validation score of 11.531250 %, "
        "with test performance 11.635417 %"
    )


@pytest.mark.parametrize(
    "name, options, message",
    [
        ("mlp", ["--learning-rate", "-1"], "learning_rate is -1.0: it must be a number above 0"),
        ("mlp", ["--l1", "nan"], "l1 is nan: it must be 0 or more"),
        ("mlp", ["--l2", "-1"], "l2 is -1.0: it must be 0 or more"),
        ("mlp", ["--n-hidden", "0"], "n_hidden is 0: it must be 1 or more"),
        ("mlp", ["--n-epochs", "0"], "n_epochs is 0: it must be a whole number, 1 or more"),
        ("mlp", ["--batch-size", "1001"], "but the validation set has 1000 rows"),
        ("mlp", ["--patience", "1"], "patience is 1"),
        ("mlp", ["--output", "no/folder/net.pkl"], "no/folder/net.pkl cannot be written"),
        ("mlp", ["--dataset", "no_such_data"], "no_such_data"),
        ("mlp", ["--device", "nonsense"], "device 'nonsense' is not known"),
        ("logistic_cg", ["--n-iterations", "0"], "n_iterations is 0: it must be 1 or more"),
        ("logistic_cg", ["--dataset", "no_such_data"], "no_such_data"),
    ],
)
def test_what_the_user_can_mend(name, options, message, capfd, working_folder):
    assert script(name).main([*SAMPLE, *options]) == 1
    out, err = capfd.readouterr()
    assert "error: " in err and message in err
    assert "validation error" not in out
    assert not list(working_folder.iterdir())


@pytest.mark.parametrize(
    "name, options",
    [
        ("mlp", ["--n-epochs", "many"]),
        ("mlp", ["--floatx", "float16"]),
        ("logistic_cg", ["--method", "newton"]),
        ("logistic_cg", ["--n-iterations"]),
    ],
)
def test_wrong_usage(name, options, capsys):
    with pytest.raises(SystemExit) as raised:
        script(name).main(options)
    assert raised.value.code == 2
    assert "usage: " in capsys.readouterr().err


@pytest.mark.parametrize("name", ["mlp", "logistic_cg"])
def test_a_script_finds_the_package_of_its_clone(name, run, working_folder):
    path = ROOT / "scripts" / f"{name}.py"
    done = run(path, "--help", env={"PYTHONPATH": None}, cwd=str(working_folder))
    assert (done.returncode, done.stderr) == (0, "")
    module = script(name)
    for action in module.parser()._actions:
        assert action.help and action.option_strings[-1] in done.stdout
