"""The program in one file knows nothing of logreg: it is the oracle of logreg's own training."""

import re

import pytest
from builders import tutorial_log
from conftest import ROOT

TRAINING = "import logistic_sgd, sys\nlogistic_sgd.sgd_optimization_mnist({})\n"
TRAINING += "print({{name.split('.')[0] for name in sys.modules}} & {{'logreg'}})"


def lines_of(run, arguments):
    """The lines that a training prints, but the one that tells its speed."""
    done = run("-c", TRAINING.format(arguments), env={"PYTHONPATH": str(ROOT / "scripts")})
    *lines, imported = done.stdout.splitlines()
    assert imported == "set()"
    return [line for line in lines if "epochs/sec" not in line]


def test_logreg_prints_the_same_lines_and_predicts_the_same(run, cli):
    trained = cli("train mnist_sample --n-epochs 30")
    predicted = cli("predict --dataset mnist_sample")
    expected = [*trained.out.splitlines(), *predicted.out.splitlines()]
    found = lines_of(run, "n_epochs=30")
    assert found == [line for line in expected if "epochs/sec" not in line]


@pytest.mark.weekly
def test_of_mnist_it_prints_the_tutorials_log(run, mnist_folder):
    *log, title, classes = lines_of(run, repr(str(mnist_folder)))
    assert log == [*tutorial_log()] and "first 10" in title
    assert re.fullmatch(r"\[7 2 1 0 4 1 4 9 [56] 9\]", classes)  # of which two are hard
