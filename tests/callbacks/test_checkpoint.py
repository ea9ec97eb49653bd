"""Runs that are interrupted and resumed, against the same run undisturbed."""

import dataclasses
import functools
import json
import math
import re
from pathlib import Path

import numpy
import pytest
from builders import arguments, make_pairs, new_run, outcome, sealed, write

from logreg import engine, fit
from logreg.basics.errors import ModelFileError
from logreg.callbacks import Callback, History, StopTraining
from logreg.callbacks.checkpoint import Checkpoint
from logreg.datasets.dataset import read_dataset
from logreg.engine import theano
from logreg.hyperparameters import Hyperparameters
from logreg.run import Validation
from logreg.saving.model_file import read
from logreg.sgd import train_softmax

SETTINGS = Hyperparameters(0.05, n_epochs=12, batch_size=10, patience=9, momentum=0.5)


# 6 minibatches an epoch, of bytes.
DATA = read_dataset([((40 * abs(x)).astype("u1"), y) for x, y in make_pairs((65, 47, 33))])


class Stop(Callback):
    """Ends a run at a minibatch."""

    def __init__(self, at):
        self.at = at

    def on_minibatch_end(self, run):
        if run.iter == self.at:
            raise StopTraining


def train(folder, *more, resume=False, floatx="float32", **changed):
    """Run in a folder, which comes to hold model.pkl, run.state and run.csv."""
    hyperparameters = Hyperparameters(**{**vars(SETTINGS), **changed})
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    with engine.floatx(floatx):
        callbacks = [Checkpoint(folder / "run.state", resume), History(folder / "run.csv"), *more]
        return train_softmax(DATA, hyperparameters, folder / "model.pkl", callbacks)


def lines(out):
    return [line for line in out.splitlines() if re.match(r" *epoch|Optimization", line)]


@pytest.mark.parametrize(
    "settings, stops",
    [  # patience ends in the middle of an epoch, at a validation, and after some of each minibatch
        ({"patience_increase": 6.5}, (3, 11)),
        ({"patience_increase": 5, "floatx": "float64"}, (6, 14)),
        ({"patience": 3, "patience_increase": 5, "criterion": "loss"}, (0, 2)),
    ],
)
def test_a_run_resumed_twice_ends_like_an_undisturbed_one(capfd, settings, stops):
    run = functools.partial(train, **settings)
    assert run("whole").reason == "patience"
    expected = lines(capfd.readouterr().out)
    printed = []
    for at in stops:
        run("parts", Stop(at), resume=at == stops[1])
        printed += lines(capfd.readouterr().out)
        assert printed == expected[: len(printed)]
    run("parts", resume=True)
    assert printed + lines(capfd.readouterr().out) == expected
    # Resumed once more, for more epochs, it has nothing left to do and says the same at its end.
    run("parts", resume=True, n_epochs=100)
    assert lines(capfd.readouterr().out) == expected[-1:]
    assert outcome("parts") == outcome("whole")


# ---- states of runs that nobody trains


def run_of(shape=(2, 2), dtype="float64", of_data=(), **settings):
    """A run of 5 minibatches an epoch."""
    variables = [theano.shared(numpy.zeros(n, dtype)) for n in (shape, *[2] * 11)]
    data = read_dataset(make_pairs((100, 20, 20)))
    facts = {"dataset": "d", "dataset_sha256": "0", **dict(of_data)}
    data = dataclasses.replace(data, facts=dataclasses.replace(data.facts, **facts))
    return new_run(data, variables, settings={"n_epochs": 9, **settings}, is_tutorial_model=True)


def restore(run):
    Checkpoint("run.state", resume=True).restore(run)


def write_state(validations=(), **settings):
    run = run_of(**settings)
    run.iter, run.seconds, run.validations = 19, 7.5, list(validations)
    for i, variable in enumerate(run.variables):
        variable.set_value(variable.get_value() + i)
    Checkpoint("run.state").on_validation(run, None)


def test_each_setting_is_of_a_run():
    assert vars(SETTINGS).keys() <= run_of().identity().keys()


@pytest.mark.parametrize(
    "now, message",
    [
        (
            {"l1": 0.5, "momentum": 0.4},
            "it is of another run: l1 was 0.0 and is 0.5; momentum was 0.0 and is 0.4",
        ),
        (
            {"of_data": {"dataset": "e", "dataset_sha256": "1"}},
            "another run: dataset_sha256 was 0 and",
        ),
        (
            {"of_data": {"pixel_scale": 0.5, "has_given_scale": True}},
            "pixel_scale was None and is 0.5",
        ),
        ({"n_epochs": 3}, "the run is in epoch 4, and n_epochs is 3: give 4 or more"),
        ({"shape": (3, 2)}, "it is of another model, whose parameters have other shapes"),
        ({"dtype": "float32"}, "parameters have other shapes or types"),
        ({}, "it is of another run: floatX was float64 and is float32"),
    ],
)
def test_what_a_run_is_not_resumed_from(now, message):
    write_state()
    said = rf"run\.state cannot be resumed from.*{message}"
    with engine.floatx("float64" if now else "float32"), pytest.raises(ModelFileError, match=said):
        restore(run_of(**now))


POINT = {"iter": 4, "cost": 0.5, "error": 0.25, "error_all_rows": 0.25, "seconds": 1.5}
FORGED = [
    {"run": []},
    {"progress": {"iter": 19}},
    {"progress": {"iter": 19, "seconds": "now"}},
    {"progress": {"iter": math.inf, "seconds": 7.5}},
    {"validations": [{**POINT, "more": 1}]},
    {"validations": [{**POINT, "iter": "4"}]},
    {"validations": [POINT]},  # the parameters of its best model lack
]


@pytest.mark.parametrize("told", FORGED)
def test_a_state_that_no_run_has_written_is_refused(told):
    write_state()
    run = run_of()
    run.params = run.variables[:1]
    restore(run)
    header, arrays = read("run.state", "checkpoint")
    data = b"".join(array.tobytes() for array in arrays.values())
    write("run.state", sealed(json.dumps({**header, **told}), data))
    fault = "another model" if told == FORGED[-1] else "not what a run writes"
    with pytest.raises(ModelFileError, match=f"^run.state cannot be resumed from: .* {fault}"):
        restore(run)


def test_a_run_without_a_best_yet_comes_back_whatever_the_data_are_called():
    write_state([Validation(4, math.inf, 0.25, 0.3, math.nan, None, None, 1.5)], criterion="loss")
    run = run_of(n_epochs=4, criterion="loss", of_data={"dataset": "e"})  # its last
    restore(run)
    assert (run.iter, run.seconds, run.best_values) == (19, 7.5, None)
    assert b'"numpy": "' in Path("run.state").read_bytes()  # it tells what wrote it
    assert [engine.value(variable).max() for variable in run.variables] == [*range(12)]
    assert run.validations == [(4, None, 0.25, 0.3, None, None, None, 1.5)]


def test_other_arrays_are_other_data():
    """Whichever set they are; test_dataset has what counts of a set."""
    first, other = make_pairs((20, 20))
    sets = 3 * [first], [other, first, first], [first, other, first], [first, first, other]
    runs = [fit(**arguments(datasets=each)) for each in sets]
    assert len({str(run.identity()["dataset_sha256"]) for run in runs}) == 4


def test_what_a_state_cannot_hold_is_refused():
    """By the check that comes before the training."""
    said = "^run.state cannot hold the state: variable 0 is int64: a file holds float32, float64, "
    with pytest.raises(ModelFileError, match=said):
        Checkpoint("run.state").check(run_of(dtype="int64"))


@pytest.mark.parametrize("lacking, there", [("run.csv", "run.state"), ("run.state", "run.csv")])
def test_a_new_run_replaces_nothing_of_another(lacking, there):
    train(".")
    Path(lacking).unlink()
    for resume in {False, there == "run.csv"}:  # without a state, it is new
        with pytest.raises(ModelFileError, match=f"{there} is there already, of another run perh"):
            train(".", n_epochs=13, resume=resume)
