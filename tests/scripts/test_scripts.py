"""The scripts that train other models, on the sample, and on MNIST where it can be had."""

import importlib
import re

import mlp
import numpy
import pytest
from builders import probabilities, sample
from conftest import ROOT

from logreg.saving import model_file

SAMPLE = ["--dataset", "mnist_sample"]


def test_the_mlp_trains_on_the_sample_and_keeps_its_best(cli):
    small = "--n-epochs 3 --n-hidden 30 --learning-rate 0.1 --output net.pkl"
    done = cli(mlp, *SAMPLE, *small.split())
    errors = [float(error) for error in re.findall(r"validation error ([\d.]+) %", done.out)]
    assert len(errors) == 3 and errors[0] > errors[-1] < 15
    W, b, V, c = model_file.read("net.pkl", "parameters")[1].values()
    x = sample()["x_valid"].reshape(-1, 784) / 256
    found = probabilities(numpy.tanh(x @ W + b), V, c).argmax(axis=1)
    assert (found != sample()["y_valid"]).mean() * 100 == pytest.approx(min(errors))


@pytest.mark.parametrize("line", ["mlp --n-epochs 1", "logistic_cg --n-iterations 10"])
def test_the_figures_of_mnist_are_the_tutorials(line, run, mnist_folder):
    (name, *options), env = line.split(), {"LOGREG_DATA": str(mnist_folder), "PYTHONPATH": None}
    run(ROOT / "scripts" / f"{name}.py", *options, "--check-reference", env=env)


@pytest.mark.parametrize(
    "line, message",
    [
        ("mlp --n-epochs 1 --n-hidden 5 --check-reference", "has 9.620000 % and 10.090000 %"),
        ("logistic_cg --n-iterations 10 --check-reference", "has 11.531250 % and 11.635417 %"),
        ("mlp --n-hidden 0", "error: n_hidden is 0: it must be 1 or more"),
        ("logistic_cg --n-iterations 7 --check-reference", "error: --check-reference needs --n-i"),
    ],
)
def test_other_figures_and_what_the_user_can_mend(line, message, cli):
    name, *options = line.split()
    done = cli(importlib.import_module(name), *SAMPLE, *options, code=1)
    assert message in done.err
    assert ("validation error" in done.out) == ("error: " not in message)
