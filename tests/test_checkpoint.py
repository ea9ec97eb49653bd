"""Runs that are interrupted and resumed, against the same run undisturbed."""

import contextlib
import copy
import csv
import functools
import math
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logreg import engine
from logreg.checkpoint import HISTORY_COLUMNS, Checkpoint, History
from logreg.datasets import read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.engine import T, theano
from logreg.errors import ModelFileError
from logreg.hyperparameters import Hyperparameters
from logreg.model import LogisticRegression
from logreg.saving import dump, dump_model, load, load_model
from logreg.train import main
from logreg.tutorial import optimize

ROOT = Path(__file__).resolve().parent.parent
N_IN, N_OUT = 4, 3
ERRORS = dict.fromkeys(["test_error", "error_all_rows", "test_error_all_rows"], 0.25)
# 6 minibatches an epoch; tried every 4; patience ends it in the middle of an epoch.
SETTINGS = {
    "learning_rate": 0.02,
    "n_epochs": 100,
    "batch_size": 10,
    "patience": 8,
    "patience_increase": 3,
    "improvement_threshold": 0.995,
}


def make_pairs(seed=0):
    rng = numpy.random.RandomState(seed)
    weights = rng.normal(size=(N_IN, N_OUT))
    pairs = []
    for n in (65, 207, 33):
        x = rng.normal(size=(n, N_IN))
        pairs.append((x, (x @ weights + rng.normal(size=(n, N_OUT))).argmax(axis=1)))
    return pairs


DATA = read_dataset(make_pairs())


class Stop:
    """Interrupts a run in the minibatch after `n` validations."""

    def __init__(self, n=math.inf, minibatches=0):
        self.n, self.minibatches = n, minibatches

    def __enter__(self):
        return self.is_time

    def __exit__(self, *exception):
        pass

    def validated(self, validation):
        self.n -= 1

    def is_time(self):
        self.minibatches -= self.n <= 0
        return self.n <= 0 and self.minibatches < 0


def train(folder, stop=None, resume=False, data=DATA, **changed):
    """Run in a folder, which comes to hold model.pkl, run.state and run.csv."""
    stop = stop or Stop()
    folder = Path(folder)
    folder.mkdir(exist_ok=True)
    return optimize(
        data,
        Hyperparameters(**{**SETTINGS, **changed}),
        folder / "model.pkl",
        checkpoint=Checkpoint(folder / "run.state", resume),
        history=History(folder / "run.csv"),
        on_validation=stop.validated,
        interruption=stop,
    )


def parameters(folder):
    return [param.get_value().tobytes() for param in load_model(Path(folder, "model.pkl")).params]


def history(folder):
    """The rows of a history without the seconds, which nothing can repeat."""
    with open(os.path.join(folder, "run.csv"), newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert tuple(header) == HISTORY_COLUMNS
    seconds = [float(row[-1]) for row in rows]
    assert seconds == sorted(seconds)
    return [row[:-1] for row in rows]


def lines(out):
    return [line for line in out.splitlines() if re.match(r" *epoch|Optimization", line)]


@pytest.mark.parametrize("floatx, minibatches", [("float32", 0), ("float64", 3)])
def test_a_run_resumed_twice_ends_like_an_undisturbed_one(capfd, floatx, minibatches):
    with engine.floatx(floatx):
        whole = train("whole")
        out, err = capfd.readouterr()
        expected = lines(out)
        assert "stopped by patience" in err
        assert whole.end.epoch > 3 and (whole.end.iter + 1) % 6

        printed = []
        for n, resume in ((2, False), (3, True)):
            result = train("parts", Stop(n, minibatches), resume=resume)
            assert result.end.reason == "interrupted"
            printed += lines(capfd.readouterr().out)
            assert printed == expected[: len(printed)]
        assert len(history("parts")) == 5 < len(history("whole"))
        last = train("parts", resume=True)
        out, err = capfd.readouterr()
        assert printed + lines(out) == expected
        assert "stopped by patience" in err
        assert last[:3] == whole[:3]
        assert last.seconds > result.seconds
        assert parameters("parts") == parameters("whole")
        assert history("parts") == history("whole")

        # Resumed once more, it has nothing left to do and says the same at its end.
        assert train("parts", resume=True)[:3] == whole[:3]
        assert lines(capfd.readouterr().out) == expected[-1:]
        assert parameters("parts") == parameters("whole")
        assert history("parts") == history("whole")


def test_a_history_has_a_row_for_each_validation(working_folder):
    seen = []
    stop = Stop()
    stop.validated = seen.append
    train("run", stop)
    rows = history("run")
    assert [int(row[1]) for row in rows] == list(range(3, seen[-1].iter + 1, 4))
    best = math.inf
    for row, validation in zip(rows, seen):
        epoch, iteration, cost, error, test_error, patience = row
        assert int(epoch) == int(iteration) // 6 + 1 == validation.epoch
        assert float(cost) == pytest.approx(validation.cost, rel=1e-8)
        assert float(error) == pytest.approx(validation.errors[0] * 100, abs=1e-6)
        assert bool(test_error) == (validation.errors[0] < best)
        best = min(best, validation.errors[0])
        assert float(patience) >= 8
    assert len(rows) == len(seen)


def test_rows_after_the_last_checkpoint_are_not_repeated(working_folder, capfd):
    train("whole")
    train("run", Stop(2))
    with open("run/run.csv", "a", newline="", encoding="utf-8") as file:
        file.write("2,11,0.5,50.000000,,8,1.0\n2,15,0.4,4")  # killed in the middle of a row
    train("run", resume=True)
    assert history("run") == history("whole")


def test_a_history_that_is_lost_begins_anew(working_folder, capfd):
    train("whole")
    train("run", Stop(2))
    os.remove("run/run.csv")
    train("run", resume=True)
    assert history("run") == history("whole")[2:]
    assert "run.csv is not there: it begins with the resumption" in capfd.readouterr().err


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2\n", b"\xff\xfe", b"\0"])
def test_another_table_is_not_taken_for_a_history(working_folder, content):
    train("run", Stop(1))
    Path("run/run.csv").write_bytes(content)
    with pytest.raises(ModelFileError, match=r"run\.csv cannot be gone on with"):
        train("run", resume=True)
    assert Path("run/run.csv").read_bytes() == content


def test_a_model_that_is_lost_or_older_comes_back(working_folder):
    train("run", Stop(1))
    first = Path("run/model.pkl").read_bytes()
    train("run", Stop(2), resume=True)
    second = Path("run/model.pkl").read_bytes()
    assert first != second
    for lost in (first, b""):
        Path("run/model.pkl").write_bytes(lost)
        train("run", Stop(0), resume=True)
        assert Path("run/model.pkl").read_bytes() == second


@pytest.mark.parametrize(
    "name, value",
    [
        ("learning_rate", 0.03),
        ("n_epochs", 101),
        ("batch_size", 11),
        ("patience", 9),
        ("patience_increase", 4),
        ("improvement_threshold", 0.99),
    ],
)
def test_other_hyperparameters_are_named(working_folder, name, value):
    train("run", Stop(1))
    before = {path.name: path.read_bytes() for path in Path("run").iterdir()}
    changed = {name: value}
    with pytest.raises(ModelFileError, match=f"{name} was {SETTINGS[name]} and is {value}") as e:
        train("run", resume=True, **changed)
    assert "run.state" in str(e.value)
    assert re.findall(r"(\w+) was", str(e.value)) == [name]
    assert {path.name: path.read_bytes() for path in Path("run").iterdir()} == before


def test_all_differences_are_named(working_folder):
    with engine.floatx("float32"):
        train("run", Stop(1))
    other = read_dataset(make_pairs(seed=1))
    with engine.floatx("float64"), pytest.raises(ModelFileError) as error:
        train("run", resume=True, data=other, n_epochs=9, patience=20)
    for difference in (
        "floatX was float32 and is float64",
        "n_epochs was 100 and is 9",
        "patience was 8 and is 20",
        f"the data set was the given arrays (SHA-256 {DATA.sha256('float32')[:12]}...) and is "
        f"the given arrays ({other.sha256()[:12]}...)",
    ):
        assert difference in str(error.value)


def test_the_same_data_by_another_name_are_the_same(working_folder):
    train("run", Stop(1))
    (x, y), *others = make_pairs()
    names = [f"{key}_{split}" for split in ("train", "valid", "test") for key in "xy"]
    numpy.savez("same.npz", **dict(zip(names, [x, y, *others[0], *others[1]])))
    result = train("run", resume=True, data=read_dataset("same.npz"))
    assert result.end.reason == "patience"


def test_a_state_is_not_overwritten_unasked(working_folder):
    train("run", Stop(1))
    before = Path("run/run.state").read_bytes()
    with pytest.raises(ModelFileError, match=r"run\.state is there already: .*--resume"):
        train("run")
    assert Path("run/run.state").read_bytes() == before


def test_resuming_without_a_state_begins_and_says_so(working_folder, capfd):
    assert train("run", resume=True).end.reason == "patience"
    assert re.search(r"^warning: there is no run.run\.state", capfd.readouterr().err, re.M)


@pytest.mark.parametrize("content", [b"", b"state", None])
def test_what_is_no_state_is_not_resumed_from(working_folder, content):
    Path("run.state").write_bytes(content or dump_model(make_model()))
    with pytest.raises(ModelFileError, match=r"run\.state cannot be"):
        Checkpoint("run.state", resume=True)


def test_where_nothing_can_be_written_is_found_out_before(working_folder):
    with pytest.raises(ModelFileError, match="cannot be written"):
        Checkpoint("nowhere/run.state")
    with pytest.raises(ModelFileError, match="cannot be written"):
        History("nowhere/run.csv")


def test_on_a_full_disk_the_run_ends_with_an_error_and_can_be_resumed(
    working_folder, monkeypatch, capfd
):
    train("whole")
    done = 0

    def full(*args):
        nonlocal done
        done += 1
        if done > 13:
            raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(ModelFileError, match="cannot be written: No space left on device"):
            train("run")
    load_model("run/model.pkl")
    train("run", resume=True)
    assert parameters("run") == parameters("whole")
    assert history("run") == history("whole")


def make_model():
    return LogisticRegression(T.matrix("x"), N_IN, N_OUT)


# ---- states of a run that were forged

RUN = {"n_epochs": 3, "dataset": "d", "dataset_sha256": "0" * 64}
HEADER = {
    "run": RUN,
    "stopping": {"patience": 10, "best_loss": 0.5, "best_iter": 3, "significant_iter": 3},
    "progress": {"iter": 3, "seconds": 1.5, **ERRORS},
    "engine": "theano 1.0.5",
}


def restored(header, arrays):
    """What a checkpoint with such contents does to a run: the result and the variables."""
    Path("run.state").write_bytes(dump("checkpoint", arrays, **copy.deepcopy(header)))
    stopping = EarlyStopping(7)
    variables = [theano.shared(numpy.zeros((2, 2))), theano.shared(numpy.zeros(2))]
    progress = Checkpoint("run.state", resume=True).restore(RUN, variables, stopping)
    return progress, variables, stopping


@functools.lru_cache(maxsize=None)
def arrays():
    best = numpy.frombuffer(dump_model(make_model()), "uint8")
    return {"variable 0": numpy.eye(2), "variable 1": numpy.ones(2), "best": best}


def test_a_state_put_together_by_hand_is_restored(working_folder, capfd):
    progress, variables, stopping = restored(HEADER, arrays())
    assert progress == {**HEADER["progress"], "best": arrays()["best"].tobytes()}
    numpy.testing.assert_array_equal(variables[0].get_value(), numpy.eye(2))
    numpy.testing.assert_array_equal(variables[1].get_value(), numpy.ones(2))
    assert {name: getattr(stopping, name) for name in stopping.STATE} == HEADER["stopping"]
    warned = "warning: the run began on theano 1.0.5" in capfd.readouterr().err
    assert warned == (f"{engine.NAME} {engine.VERSION}" != HEADER["engine"])


def test_a_run_that_keeps_no_model_can_be_resumed(working_folder):
    variables = [theano.shared(numpy.eye(2))]
    stopping = EarlyStopping(10)
    stopping.update(3, 0.5)
    progress = {"iter": 3, "seconds": 1.5, **ERRORS, "best": b""}
    Checkpoint("run.state").keep(RUN, variables, stopping, progress)
    variables[0].set_value(numpy.zeros((2, 2)))
    assert Checkpoint("run.state", True).restore(RUN, variables, EarlyStopping(10)) == progress
    numpy.testing.assert_array_equal(variables[0].get_value(), numpy.eye(2))


@pytest.mark.parametrize(
    "name, value",
    [
        ("variable 0", numpy.ones((3, 3))),
        ("variable 0", numpy.ones(2)),
        ("variable 1", numpy.ones(2, "float32")),
        ("variable 1", None),
        ("best", numpy.frombuffer(b"cos\nsystem\n", "uint8")),
        ("best", None),
    ],
)
def test_forged_arrays_are_refused(working_folder, name, value):
    forged = {**arrays(), name: value}
    if value is None:
        del forged[name]
    with pytest.raises(ModelFileError, match=r"run\.state cannot be resumed from"):
        restored(HEADER, forged)


places = [(name,) for name in HEADER]
places += [(outer, name) for outer in ("run", "stopping", "progress") for name in HEADER[outer]]
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**400), 10**400) | st.text(max_size=3)
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda children: st.lists(children, max_size=2)
    | st.dictionaries(st.sampled_from(["iter", "patience", "n_epochs"]), children, max_size=2),
    max_leaves=3,
)  # fmt: skip


@settings(
    max_examples=200,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(st.tuples(st.sampled_from(places), values), min_size=1, max_size=2))
def test_forged_values_are_refused_or_harmless(working_folder, replacements):
    header = copy.deepcopy(HEADER)
    for (*outer, last), value in replacements:
        with contextlib.suppress(TypeError):  # replaced already
            functools.reduce(lambda holder, key: holder[key], outer, header)[last] = value
    try:
        progress, _, stopping = restored(header, arrays())
    except ModelFileError:
        return
    assert {**header["run"], "dataset": None} == {**RUN, "dataset": None}
    assert stopping.is_over(progress["iter"]) in (True, False)
    stopping.update(progress["iter"] + 1, 0.001)
    assert "%d %f %f" % (progress["iter"] + 1, progress["seconds"] + 0.5, progress["test_error"])
    assert "%f" % (stopping.best_loss * 100)


# ---- from the command line


class AtOnce:
    """An interruption that comes before the first minibatch."""

    exit_code = 130

    def __enter__(self):
        return lambda: True

    def __exit__(self, *exception):
        pass


def test_without_a_model_none_is_promised(capfd, monkeypatch):
    monkeypatch.setattr("logreg.train.Interruption", AtOnce)
    options = ["--dataset", "mnist_sample", "--batch-size", "100", "--checkpoint", "run.state"]
    assert main(options) == 130
    err = capfd.readouterr().err
    assert re.search(
        r"^interrupted in .*: there is no model yet; go on with: .*run\.state$", err, re.M
    )
    assert os.listdir(".") == []


@pytest.mark.parametrize(
    "options",
    [
        ["--output", "a", "--checkpoint", "a"],
        ["--output", "a", "--history", os.path.join(".", "a")],
        ["--checkpoint", "a", "--history", "a"],
    ],
)
def test_each_file_needs_a_name_of_its_own(capfd, options):
    assert main(options) == 1
    assert "error: --output, --checkpoint and --history must name" in capfd.readouterr().err


@pytest.fixture
def start(working_folder):
    processes = []

    def start(*command):
        process = subprocess.Popen(
            command,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def signalled(process, number):
    """Send a signal once an epoch is over; the epochs printed, and all of stderr."""
    for line in process.stdout:
        if line.startswith("epoch"):
            break
    process.send_signal(number)
    rest, err = process.communicate(timeout=120)
    epochs = re.findall(r"^epoch (\d+),", line + rest, re.M)
    return [int(epoch) for epoch in epochs], err


@pytest.mark.skipif(os.name != "posix", reason="processes get no such signals here")
def test_signals_end_a_run_that_says_how_to_go_on(start):
    names = [f"{key}_{split}" for split in ("train", "valid", "test") for key in "xy"]
    arrays = [array for pair in make_pairs() for array in pair]
    numpy.savez("my data.npz", **dict(zip(names, arrays)))
    options = ["--dataset", "my data.npz", "--batch-size", "10", "--n-epochs", "1000000"]
    options += ["--patience", "10000000", "--checkpoint", "run.state", "--history", "run.csv"]
    command = [sys.executable, "-m", "logreg.train", *options]
    reached = 0
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGTERM, 143)):
        process = start(*command)
        epochs, err = signalled(process, number)
        assert process.returncode == code, err
        assert "Traceback" not in err
        (how_to_go_on,) = re.findall(r"^interrupted .*", err, re.M)
        assert "the best model is in best_model.pkl" in how_to_go_on
        assert epochs == list(range(reached + 1, reached + len(epochs) + 1))
        reached = epochs[-1]
        load_model("best_model.pkl")
        assert load("run.state")["header"]["progress"]["iter"] == reached * 6 - 1
        command = shlex.split(how_to_go_on.partition("go on with: ")[2])
        assert command == [sys.executable, "-m", "logreg.train", *options, "--resume"]
    assert [row[0] for row in history(".")] == [str(i + 1) for i in range(reached)]
