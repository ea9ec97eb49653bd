"""The tutorial's own run on the whole of MNIST, line for line."""

import pytest

from logreg import engine, load_model
from logreg.callbacks import read_reference
from logreg.datasets import read_dataset, scaled


def expected_lines():
    yield from ("... loading data", "... building the model", "... training the model")
    for epoch, (valid, test) in read_reference().items():
        yield f"epoch {epoch}, minibatch 83/83, validation error {valid} %"
        if test:
            yield f"     epoch {epoch}, minibatch 83/83, test error of best model {test} %"
    yield (
        "Optimization complete with best validation score of 7.500000 %, "
        "with test performance 7.489583 %"
    )


@pytest.fixture(scope="module", params=[("float32", 2), ("float64", 1)], ids=str)
def trained(request, run, mnist_folder, tmp_path_factory):
    """The folder in which the tutorial's run has left its model."""
    floatx, threads = request.param
    env = {
        "LOGREG_DATA": str(mnist_folder),
        "OMP_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": str(threads),
    }
    folder = tmp_path_factory.mktemp("tutorial")
    options = ["--check-reference", "--floatx", floatx]
    done = run("-m", "logreg.train", *options, env=env, cwd=folder, timeout=900)
    return folder, done


def test_the_log_line_for_line(trained):
    _, done = trained
    assert done.returncode == 0, done.stderr
    *lines, speed = done.stdout.splitlines()
    assert lines == list(expected_lines())
    assert speed.startswith("The code run for 74 epochs, with ")
    assert "stopped by patience at iteration 6140" in done.stderr
    assert "all figures agree with the tutorial's" in done.stderr


def test_the_best_model_predicts(run, trained, mnist_folder):
    folder, _ = trained
    done = run("-m", "logreg.predict", env={"LOGREG_DATA": str(mnist_folder)}, cwd=folder)
    assert done.stdout == (
        "Predicted values for the first 10 examples in test set:\n[7 2 1 0 4 1 4 9 6 9]\n"
    )
    model = load_model(folder / "best_model.pkl")
    assert model.metadata["validation_error_all_rows"] == pytest.approx(743 / 10000)
    assert model.metadata["test_error_all_rows"] == pytest.approx(775 / 10000)
    x, y = read_dataset(mnist_folder).test
    predict = engine.function([model.input], model.y_pred)
    assert (predict(scaled(x, model.W.dtype)) != y).sum() == 775
