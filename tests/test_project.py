"""What the project promises about itself."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest

import logreg

ROOT = Path(__file__).resolve().parent.parent


def test_the_public_names():
    assert sorted(logreg.__all__) == [
        "LogisticRegression",
        "__version__",
        "load_data",
        "load_model",
        "load_params",
        "save_model",
        "save_params",
        "sgd_optimization_mnist",
    ]
    assert set(logreg.__all__) <= set(dir(logreg))
    for name in logreg.__all__:
        assert getattr(logreg, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        logreg.nonsense  # noqa: B018


def test_the_tutorials_signatures():
    import inspect

    parameters = inspect.signature(logreg.sgd_optimization_mnist).parameters
    assert {name: parameter.default for name, parameter in parameters.items()} == {
        "learning_rate": 0.13,
        "n_epochs": 1000,
        "dataset": "mnist.pkl.gz",
        "batch_size": 600,
    }
    assert list(inspect.signature(logreg.LogisticRegression).parameters) == [
        "input",
        "n_in",
        "n_out",
    ]
    dataset, *options = inspect.signature(logreg.load_data).parameters.values()
    assert dataset.name == "dataset"
    assert all(option.default is None for option in options)


def test_load_data_returns_shared_variables_of_the_three_sets(capsys):
    sets = logreg.load_data("mnist_sample")
    assert capsys.readouterr().out == "... loading data\n"
    floatx = logreg.engine.theano.config.floatX
    assert len(sets) == 3
    for (shared_x, y), n in zip(sets, (5000, 1000, 1000)):
        x = shared_x.get_value(borrow=True)
        assert x.shape == (n, 784) and x.dtype == floatx
        assert x.min() >= 0 and x.max() == 255 / 256
        assert y.dtype == "int32" and y.ndim == 1
    assert list(sets[2][1][:10].eval()) == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]


def test_top_level():
    listed = subprocess.run(["git", "ls-files"], cwd=str(ROOT), stdout=subprocess.PIPE, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in listed.stdout.split()}
    assert {name for name in top if not name.startswith(".")} <= {
        *("logreg", "scripts", "data", "tests"),
        *("setup.py", "README.md", "Makefile", "LICENSE"),
    }


def test_every_target_of_the_makefile_is_phony():
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.+)$", text, re.M).group(1).split()
    targets = re.findall(r"^([a-z-]+):", text, re.M)
    assert {"train", "test", "lint", "data", "clean"} <= set(phony)
    assert set(targets) == set(phony)


def test_every_option_has_a_help_text():
    from logreg import predict, train

    for module in (predict, train):
        for action in module.parser()._actions:
            assert action.help, action.option_strings


def test_imports_point_one_way():
    """A module may import those below it only."""
    layers = [
        {"errors", "hyperparameters", "files", "reference", "threads"},
        {"console", "early_stopping", "c_compiler"},
        {"jax_device", "pytensor_import", "theano_import", "report"},
        {"engine"},
        {"model", "updates", "mnist", "readers", "metadata", "columns"},
        {"unpickling", "tables", "saving"},
        {"datafiles", "checkpoint", "params"},
        {"checks"},
        {"data"},
        {"sgd", "images", "inputs", "results", "predictor", "evaluate"},
        {"tutorial"},
        {"train", "predict"},
    ]
    level = {name: i for i, names in enumerate(layers) for name in names}
    for path in (ROOT / "logreg").glob("*.py"):
        if path.stem == "__init__":
            continue
        imported = re.findall(r"^\s*from logreg(?:\.(\w+))? import (.+)", path.read_text(), re.M)
        for module, names in imported:
            for name in [module] if module else re.findall(r"\w+", names):
                if name in level:
                    assert level[name] <= level[path.stem], f"{path.name} imports {name}"


def test_nothing_that_is_pickled_lives_in_a_command():
    model = logreg.LogisticRegression(logreg.engine.T.matrix("x"), 2, 2)
    assert type(model).__module__ == "logreg.model"
    assert type(pickle.loads(pickle.dumps(model))) is logreg.LogisticRegression


def test_python_m_does_not_warn(run):
    done = run("-W", "error", "-m", "logreg.train", "--help")
    assert (done.returncode, done.stderr) == (0, "")


def test_version(run):
    for module in ("logreg.train", "logreg.predict"):
        assert run("-m", module, "--version").stdout == f"logreg {logreg.__version__}\n"
    assert sys.version_info >= (3, 8)
