"""Runs that are interrupted and resumed, against the same run undisturbed."""

import functools
import itertools
import math
import re
from pathlib import Path

import numpy
import pytest
from builders import make_pairs

from logreg import engine, load_model
from logreg.callbacks import BestModel, Callback, History, PrintLog, StopTraining
from logreg.callbacks.checkpoint import Checkpoint, run_settings
from logreg.datasets.dataset import read_dataset
from logreg.engine import theano
from logreg.errors import ModelFileError
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run, Validation
from logreg.sgd import fit, softmax_regression

SETTINGS = Hyperparameters(learning_rate=0.05, n_epochs=12, batch_size=10, momentum=0.5)


# 6 minibatches an epoch, of bytes.
PAIRS = [((abs(x) * 40).astype("uint8"), y) for x, y in make_pairs((65, 47, 33))]
DATA = read_dataset(PAIRS)


class Stop(Callback):
    """Ends a run some minibatches after its n-th validation."""

    def __init__(self, n=math.inf, minibatches=0):
        self.n, self.minibatches = n, minibatches

    def on_validation(self, run, validation):
        self.n -= 1

    def on_minibatch_end(self, run):
        self.minibatches -= self.n <= 0
        if self.minibatches < 0:
            raise StopTraining


def train(folder, stop=None, resume=False, floatx="float32", **changed):
    """Run in a folder, which comes to hold model.pkl, run.state and run.csv."""
    hyperparameters = Hyperparameters(**{**vars(SETTINGS), **changed})
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    with engine.floatx(floatx):
        classifier, *expressions, _ = softmax_regression(4, 3, hyperparameters)
        checkpoint = Checkpoint(folder / "run.state", run_settings(DATA, hyperparameters))
        callbacks = [PrintLog(), BestModel(folder / "model.pkl", classifier), checkpoint]
        callbacks += [History(folder / "run.csv"), *([stop] if stop else [])]
        how = {"callbacks": callbacks, "resume": checkpoint if resume else None}
        return fit(*expressions, shared_datasets(DATA), hyperparameters, **how)


def outcome(folder):
    """The bits of the model, and the history without the seconds, which nothing can repeat."""
    model = load_model(Path(folder, "model.pkl"))
    rows = Path(folder, "run.csv").read_text().splitlines()
    seconds = [float(row.rpartition(",")[2]) for row in rows[1:]]
    assert seconds == sorted(seconds)
    history = [row.rpartition(",")[0] for row in rows]
    told = [model.metadata.get(name) for name in ("curve", "reason")]
    return [engine.value(param).tobytes() for param in model.params], history, told


def lines(out):
    return [line for line in out.splitlines() if re.match(r" *epoch|Optimization", line)]


# Validated every 4 minibatches, a run is stopped by patience in the middle of an epoch.
@pytest.mark.parametrize("floatx, minibatches", [("float32", 0), ("float64", 3)])
def test_a_run_resumed_twice_ends_like_an_undisturbed_one(capfd, floatx, minibatches):
    run = functools.partial(train, floatx=floatx, patience=8, patience_increase=6)
    whole = run("whole")
    expected = lines(capfd.readouterr().out)
    assert whole.reason == "patience" and whole.epoch > 3 and (whole.iter + 1) % 6

    printed = []
    for n, resume in ((1, False), (2, True)):
        part = run("parts", Stop(n, minibatches), resume=resume)
        assert part.reason == "interrupted"
        printed += lines(capfd.readouterr().out)
        assert printed == expected[: len(printed)]
    assert len(outcome("parts")[1]) == 1 + 3 < len(outcome("whole")[1])
    last = run("parts", resume=True)
    assert printed + lines(capfd.readouterr().out) == expected
    assert outcome("parts") == outcome("whole")
    # Resumed once more, for more epochs, it has nothing left to do and says the same at its end.
    again = run("parts", resume=True, n_epochs=100)
    assert lines(capfd.readouterr().out) == expected[-1:]
    assert outcome("parts") == outcome("whole")
    for other in (again, last):
        assert (other.reason, other.iter) == (whole.reason, whole.iter)
        assert [v[:-1] for v in other.validations] == [v[:-1] for v in whole.validations]


# Validated every 4 minibatches of 6 an epoch, the first part ends after the last checkpoint.
@pytest.mark.parametrize("n_epochs", [3, 4])
def test_a_finished_run_is_lengthened_to_the_bits_of_a_longer_one(capfd, n_epochs):
    long = functools.partial(train, n_epochs=7, patience=8, patience_increase=100)
    assert long("whole").reason == "n_epochs"
    expected = lines(capfd.readouterr().out)
    first = train("parts", n_epochs=n_epochs, patience=8, patience_increase=100)
    assert (first.epoch, first.reason) == (n_epochs, "n_epochs")
    printed = lines(capfd.readouterr().out)[:-1]
    last = long("parts", resume=True)
    assert printed + lines(capfd.readouterr().out) == expected
    assert (last.iter, last.reason) == (41, "n_epochs")
    assert outcome("parts") == outcome("whole")


def test_whichever_call_to_the_disk_fails_the_run_goes_on_to_the_same_end(failing_disk):
    """Each attempt fails one call later than the last, and goes on from what that left."""
    options = {"n_epochs": 4, "patience": 8, "patience_increase": 6}
    train("whole", **options)
    names = {path.name for path in Path("whole").iterdir()}
    for n in itertools.count(1):
        failing_disk(n)
        try:
            train("parts", resume=True, **options)
            break
        except ModelFileError as error:
            assert "No space left" in str(error)
        assert {path.name for path in Path("parts").iterdir()} <= names
    assert n > 3 * 3 and outcome("parts") == outcome("whole")  # three calls for each file


# ---- states of runs that nobody trains

RUN = {"batch_size": 20, "dataset": "d", "dataset_sha256": "0"}


def new_run(shape=(2, 2), dtype="float64", **settings):
    variables = [theano.shared(numpy.zeros(n, dtype)) for n in (shape, 2)]
    return Run(variables, [], Hyperparameters(**settings), 5)


def write_state(validations=(), **settings):
    run = new_run()
    run.iter, run.validations = 19, list(validations)
    Checkpoint("run.state", {**RUN, **settings}).on_validation(run, None)


def resumed(run, **settings):
    Checkpoint("run.state", {**RUN, **settings}).restore(run)
    return run


@pytest.mark.parametrize(
    "run, then, now, message",
    [
        ({}, {}, {"l1": 0.5, "momentum": 0.4}, "l1 was None and is 0.5; momentum was None and is"),
        ({}, {}, {"dataset": "e", "dataset_sha256": 1}, "dataset was d and is e; dataset_sha256"),
        ({"n_epochs": 3}, {}, {}, "the run is in epoch 4, and n_epochs is 3: give 4 or more"),
        ({"shape": (3, 2)}, {}, {}, "it is of another model, whose parameters have other shapes"),
        ({"dtype": "float32"}, {}, {}, "parameters have other shapes or types"),
    ],
)
def test_what_a_run_is_not_resumed_from(run, then, now, message, working_folder):
    write_state(**then)
    run = new_run(**run)
    with pytest.raises(ModelFileError, match=rf"run\.state cannot be resumed from.*{message}"):
        resumed(run, **now)
    assert run.iter == -1


def test_a_run_without_a_best_yet_comes_back_whatever_the_data_are_called(working_folder):
    validation = Validation(4, math.inf, 0.25, 0.3, 0.6, seconds=1.5)
    write_state([validation])
    run = resumed(new_run(n_epochs=4), dataset="e")  # the last epoch is reached
    assert (run.iter, run.best_values) == (19, None)
    assert run.validations == [validation._replace(cost=None)]


@pytest.mark.parametrize("name", ["run.state", "run.csv"])
def test_a_new_run_replaces_nothing_of_another(name, working_folder):
    train(".")
    before = Path(name).read_bytes()
    Path("run.state" if name == "run.csv" else "run.csv").unlink()
    with pytest.raises(ModelFileError, match=f"{name} is there already, of another run perhaps"):
        train(".", n_epochs=13)
    assert Path(name).read_bytes() == before
    # Who asks to go on may do so without a state, as after a kill before the first.
    Path("run.state").unlink(missing_ok=True)
    assert train(".", resume=True).epoch == 12
