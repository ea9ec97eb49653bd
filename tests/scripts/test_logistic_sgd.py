"""The program in one file knows nothing of logreg: it is the oracle of logreg's own training."""

import re

import pytest
from builders import tutorial_log
from conftest import ROOT

from logreg import load_model

TRAINING = """
import logistic_sgd, sys
logistic_sgd.sgd_optimization_mnist({})
print({{name.split('.')[0] for name in sys.modules}} & {{'logreg'}})
"""
PREDICTION = "import logistic_sgd; logistic_sgd.predict({})"  # in a process of its own
CHECKS = """
from logistic_sgd import LogisticRegression, T
errors = LogisticRegression(T.matrix(), 2, 3).errors
print(errors(T.ivector()).ndim)
for y in (T.imatrix(), T.vector()):
    try:
        errors(y)
    except (TypeError, NotImplementedError) as error:
        print(type(error).__name__, str(error))
"""


@pytest.fixture
def lines_of(run):
    """The lines that code prints beside the script, but the one that tells a speed."""

    def lines_of(code):
        done = run("-c", code, env={"PYTHONPATH": str(ROOT / "scripts")})
        return [line for line in done.stdout.splitlines() if "epochs/sec" not in line]

    return lines_of


def test_logreg_prints_the_same_lines_and_predicts_the_same(lines_of, cli):
    """And it reads the best model that the script has pickled, which is not the last one."""
    trained = cli("train mnist_sample --n-epochs 29 --output ours.pkl")
    predicted = cli("predict --dataset mnist_sample --model ours.pkl")
    expected = [*trained.out.splitlines(), *predicted.out.splitlines()]
    *log, imported = lines_of(TRAINING.format("n_epochs=29"))
    assert imported == "set()"
    found = log + lines_of(PREDICTION.format(""))
    assert found == [line for line in expected if "epochs/sec" not in line]
    params = zip(load_model("best_model.pkl").params, load_model("ours.pkl").params)
    for found, expected in params:
        assert found.get_value() == pytest.approx(expected.get_value(), abs=1e-5)


def test_errors_takes_whole_numbers_in_a_vector(lines_of):
    n_dimensions, of_matrix, of_floats = lines_of(CHECKS)
    assert n_dimensions == "0"
    assert of_matrix.startswith("TypeError y has 2 dimensions")
    assert of_floats.startswith("NotImplementedError y has the type float32")


@pytest.mark.weekly
def test_of_mnist_it_prints_the_tutorials_log(lines_of, mnist_folder):
    *log, _ = lines_of(TRAINING.format(repr(str(mnist_folder))))
    title, classes = lines_of(PREDICTION.format(repr(str(mnist_folder))))
    assert log == [*tutorial_log()] and "first 10" in title
    assert re.fullmatch(r"\[7 2 1 0 4 1 4 9 [56] 9\]", classes)  # of which two are hard
