"""The tutorial's own run on the whole of MNIST, line for line."""

import pytest

from logreg import engine
from logreg.reference import read_log

TAIL = (
    "Optimization complete with best validation score of 7.500000 %, "
    "with test performance 7.489583 %"
)


def expected_lines():
    for epoch, (valid, test) in read_log().items():
        yield f"epoch {epoch}, minibatch 83/83, validation error {valid} %"
        if test:
            yield f"     epoch {epoch}, minibatch 83/83, test error of best model {test} %"
    yield TAIL


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return tmp_path_factory.mktemp("tutorial")


@pytest.mark.parametrize("floatx, threads", [("float64", 2), ("float32", 1), ("float32", 2)])
def test_the_log_line_for_line(run, mnist_folder, trained, floatx, threads):
    env = {
        "LOGREG_DATA": str(mnist_folder),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }
    options = ["--check-reference", "--floatx", floatx]
    done = run("-m", "logreg.train", *options, env=env, cwd=str(trained), timeout=900)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["... loading data", "... building the model", "... training the model"]
    assert lines[3:-1] == list(expected_lines())
    assert lines[-1].startswith("The code run for 74 epochs, with ")
    assert "stopped by patience at iteration 6140" in done.stderr
    assert "all figures agree with the tutorial's" in done.stderr


def test_the_best_model_predicts(run, mnist_folder, trained):
    if not (trained / "best_model.pkl").exists():
        pytest.skip("no model: the training test did not run")
    env = {"LOGREG_DATA": str(mnist_folder)}
    done = run("-m", "logreg.predict", env=env, cwd=str(trained))
    assert done.stdout == (
        "Predicted values for the first 10 examples in test set:\n[7 2 1 0 4 1 4 9 6 9]\n"
    )


def test_the_best_model_on_all_rows(mnist_folder, trained):
    from logreg.datasets import read_dataset, scaled
    from logreg.saving import load_model

    if not (trained / "best_model.pkl").exists():
        pytest.skip("no model: the training test did not run")
    model = load_model(trained / "best_model.pkl")
    assert model.metadata["validation_error_all_rows"] == pytest.approx(743 / 10000)
    assert model.metadata["test_error_all_rows"] == pytest.approx(775 / 10000)
    x, y = read_dataset(mnist_folder).test
    predict = engine.theano.function([model.input], model.y_pred)
    assert (predict(scaled(x, "float32")) != y).sum() == 775
