"""The command line of training, as a user meets it."""

import json
import os
import re
import signal
from pathlib import Path

import numpy
import pytest
from builders import csv_text, make_pairs, save_pairs, save_table, write
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from logreg import load_model, sgd
from logreg.callbacks import History
from logreg.datasets.dataset import read_dataset
from logreg.datasets.options import Preparation
from logreg.hyperparameters import EPOCHS_OF_A_TABLE, default_batch_size

OPTIONS = ["--dataset", "mnist_sample", "--batch-size", "100"]


def test_the_options_reach_the_run(cli):
    options = "--n-epochs 9 --learning-rate 0.5 --patience 60 --patience-increase 1.5 --l1 1e-5"
    options += " --improvement-threshold 0.5 --l2 1e-4 --momentum 0.25 --class-weight balanced"
    options += " --floatx float64 --shuffle --split-seed 3 --checkpoint run.state"
    options += " --history run.csv --output m.pkl"
    code, out, err = cli("train", *OPTIONS, *options.split())
    assert (code, len(out.splitlines())) == (0, 9)  # none of a run without --class-weight
    # Tried every 30 minibatches; nothing after the first is significant, so 60 it is.
    assert out.count("validation error") == 2 == len(Path("run.csv").read_bytes().splitlines()) - 1
    assert "stopped by patience at iteration 60" in err and "at iteration 29" in err
    model = load_model("m.pkl")
    assert model.W.dtype == "float64"
    expected = {"learning_rate": 0.5, "patience": 60, "improvement_threshold": 0.5, "split_seed": 3}
    expected.update(l1=1e-5, l2=1e-4, momentum=0.25, class_weight="balanced", patience_increase=1.5)
    assert expected.items() <= model.metadata.items()


# Of the second run, the parameters are finite, and too large to compute with.
@pytest.mark.parametrize("rate, l2, last, code", [("1", "1.6", 14, 0), ("1e30", "0", 0, 1)])
def test_a_run_that_diverges_keeps_the_last_good_model(rate, l2, last, code, cli):
    x, y = make_pairs([300], seed=5)[0]
    y[200:] = numpy.where(numpy.arange(100) % 8, 0, y[200:])  # what NaN predicts is often right
    save_pairs("d.npz", zip(*(numpy.split(array, [200, 250]) for array in (x, y))))
    Path("best_model.pkl").write_bytes(b"of an earlier run")
    options = ["--dataset", "d.npz", "--batch-size", "50", "--learning-rate", rate, "--l2", l2]
    for resume in ([], ["--resume"]):
        kept = ["--history", "run.csv", "--checkpoint", "run.state", *resume]
        ended, out, err = cli("train", *options, *kept)
        assert ended == code == ("Optimization" not in out) and f"epoch {last + 1}, " not in out
        diverged = f"{'error' if code else 'warning'}: the run diverged"
        (said,) = (line for line in err.splitlines() if line.startswith(diverged))
        assert f"epoch {last + 1}" in said
        assert not last or len(Path("run.csv").read_bytes().splitlines()) == 1 + last
    if code:
        assert Path("best_model.pkl").read_bytes() == b"of an earlier run"
    else:
        model = load_model("best_model.pkl")
        assert numpy.isfinite(model.W.get_value()).all() and model.metadata["epoch"] <= last


@pytest.mark.skipif(os.name != "posix", reason="processes get no such signals here")
def test_an_interrupted_run_says_how_to_go_on(monkeypatch, cli):
    save_pairs("my data.npz", make_pairs())
    kept = ["my data.npz", "--n-epochs=4", "--history=run.csv", "--checkpoint=run.state"]
    resumed = [*kept, "--resume"]
    there = "the best model is in best_model.pkl"
    for when, number, given, epoch, model in (
        ("on_train_begin", signal.SIGINT, kept, 1, "no model yet"),
        ("on_validation", signal.SIGTERM, kept, 1, there),
        ("on_validation", signal.SIGINT, resumed, 2, there),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(History, when, lambda *_, number=number: os.kill(os.getpid(), number))
            done = cli("train", *given)
        assert done.code == 128 + number and "Optimization" not in done.out
        said = f"interrupted in epoch {epoch}: {model}; a run with --checkpoint can --resume"
        assert done.err.splitlines()[-1] == said
    assert cli("train", *resumed).code == 0
    epochs = [row.split(b",")[0] for row in Path("run.csv").read_bytes().splitlines()]
    assert epochs == [b"epoch", b"1", b"2", b"3", b"4"]


@pytest.mark.parametrize("options", [["--class-weight", "balanced"], ["--folds", 3]], ids=str)
def test_a_run_that_is_interrupted_when_it_is_compared_is_no_success(options, monkeypatch, cli):
    save_table(90)
    original, calls = sgd.sgd_optimization, []

    def second_interrupted(*args):
        calls.append(args)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)
        return original(*args)

    monkeypatch.setattr(sgd, "sgd_optimization", second_interrupted)
    done = cli("train", "t.csv", "--n-epochs", 5, *options)
    assert (done.code, len(calls)) == (130, 2)
    assert not re.search("without --class-weight|^fold 2|^mean", done.out, re.M)


# ---- what only a process of its own can show


def test_a_reader_that_has_gone_ends_the_run_and_the_best_model_is_kept(start):
    # More lines than fit into a pipe: it cannot end before the pipe is closed.
    process = start("-m", "logreg.train", *OPTIONS, "--n-epochs", 5000, "--patience", 1000000)
    seen = "".join(process.stdout.readline() for _ in range(30))
    process.stdout.close()  # as `head -30` does
    err = process.stderr.read()
    assert process.wait(timeout=600) == 141
    assert "Traceback" not in err and "Exception ignored" not in err
    assert err.splitlines()[-1].startswith("interrupted in epoch ")
    errors = [float(error) for error in re.findall(r"validation error ([\d.]+) %", seen)]
    assert 100 * load_model("best_model.pkl").metadata["validation_error"] <= min(errors) + 1e-6


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "iris", "digits"])
def test_tables_need_no_options(name, cli):
    """As good as scikit-learn's classifier behind its StandardScaler, on the same rows."""
    getattr(datasets, f"load_{name}")(as_frame=True).frame.to_csv("t.csv", index=False)
    errors, theirs = [], []
    for seed in ("11", "12"):
        assert cli("train", "--dataset", "t.csv", "--split-seed", seed).code == 0
        found = json.loads(cli("predict", "--evaluate", "--format", "json").out)
        errors.append(found["error_percent"])
        data = read_dataset("t.csv", preparation=Preparation(split_seed=int(seed)))
        peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*data.train)
        theirs.append(100 * (1 - peer.score(*data.test)))
    assert numpy.mean(errors) < numpy.mean(theirs) + 2


def test_the_batch_size_suits_the_data(cli):
    x, y = make_pairs((60,), n_in=2)[0]
    numpy.savez("d.npz", x=x, y=y)  # 40 rows are for training
    rows = [8, 2, 2], [4999, 600, 600], [5000, 600, 600], [9000, 599, 600], [9000, 600, 20]
    assert [*map(default_batch_size, rows)] == [1, 499, 600, 599, 20]
    write("t.csv", csv_text(numpy.c_[x, y], ["a", "b", "label"]).encode())
    for path, n in (("d.npz", 1000), ("t.csv", EPOCHS_OF_A_TABLE)):
        assert cli("train", path, "--patience", 9).code == 0
        expected = {"batch_size": 4, "criterion": "loss", "n_epochs": n}
        assert expected.items() <= load_model("best_model.pkl").metadata.items()


def test_the_price_of_class_weights_is_told(cli):
    random, told = numpy.random.RandomState(1), set()
    x = random.randn(600)
    kinds = numpy.where(x + random.randn(600) > 1, "yes", "no")
    write("t.csv", "\n".join(["x,kind", *map("{},{}".format, x, kinds)]).encode())
    for switch in ("--refit", "--no-refit"):
        train = "train", "--dataset", "t.csv", "--n-epochs", 50, switch
        plain = cli(*train)
        balanced = cli(*train, "--class-weight", "balanced", "--history", f"run{switch}")
        (error,) = re.findall(r"^test error(: .*)", plain.out, re.M)
        assert balanced.out.endswith(f"test error if trained without --class-weight{error}\n")
        assert f"test error{error}" not in balanced.out
        told.add(error)
    assert len(told) == 2  # of the two switches
