"""The command line of training, as a user meets it."""

import os
import signal
from pathlib import Path

import numpy
import pytest
from builders import make_pairs, save_pairs, save_table, write
from sklearn import datasets
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from logreg import Predictor
from logreg.callbacks import History
from logreg.datasets.dataset import read_dataset
from logreg.parts.options import Preparation


# Of the second run, the parameters are finite, and too large to compute with; of the third, NaN.
@pytest.mark.parametrize(
    "rate, l2, last, code", [("1", "1.6", 14, 0), ("1e30", "0", 0, 1), ("1e39", "0", 0, 1)]
)
def test_a_run_that_diverges_keeps_the_last_good_model(rate, l2, last, code, cli):
    pairs = make_pairs((200, 50, 50), seed=5)
    pairs[1][1][5:] = 0  # what NaN predicts is often right
    save_pairs("d.npz", pairs)
    write("best_model.pkl", b"of an earlier run")
    command = f"train d.npz --batch-size 50 --learning-rate {rate} --l2 {l2} --checkpoint run.state"
    for given in (command, f"{command} --resume"):
        done = cli(given, code=code)
        kind = "error" if code else "warning"
        assert done.err.count(f"{kind}: the run diverged in epoch {last + 1}: its param") == 1
        assert f"epoch {last + 1}, " not in done.out
    if code:
        assert Path("best_model.pkl").read_bytes() == b"of an earlier run"
    else:
        model = Predictor("best_model.pkl")
        assert numpy.isfinite(model.W).all() and model.metadata["epoch"] <= last


@pytest.mark.skipif(os.name != "posix", reason="processes get no such signals here")
def test_an_interrupted_run_says_how_to_go_on(monkeypatch, cli):
    save_table(60)
    command = "train t.csv --folds=0 --class-weight=balanced --n-epochs=4 --history=run.csv"
    command += " --checkpoint=run.state"
    monkeypatch.setattr("logreg.run.MINIBATCHES_AT_ONCE", 1)
    for when, number, model in (
        ("on_train_begin", signal.SIGINT, "no model yet"),
        ("on_validation", signal.SIGTERM, "the best model is in best_model.pkl"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(History, when, lambda *_, number=number: os.kill(os.getpid(), number))
            done = cli(command, code=128 + number)
        assert "best model" not in done.out
        said = f"interrupted in epoch 1: {model}; a run with --checkpoint can --resume"
        assert done.err.splitlines()[-1] == said
    cli(f"{command} --resume")
    epochs = [row.split(b",")[0] for row in Path("run.csv").read_bytes().splitlines()]
    assert epochs == [b"epoch", b"1", b"2", b"3", b"4"]


def test_folds_that_are_interrupted_leave_a_model(monkeypatch, cli):
    save_table(60)
    monkeypatch.setattr(History, "on_validation", lambda *_: os.kill(os.getpid(), signal.SIGINT))
    done = cli("train t.csv --history=run.csv", code=130)
    said = "the best model is in best_model.pkl; it is trained on all rows, for the best number of"
    assert done.err.splitlines()[-1].startswith(f"interrupted in epoch 1: {said}")
    assert Predictor("best_model.pkl").facts.n_folds == 5


# ---- what only a process of its own can show


def test_a_reader_that_has_gone_ends_the_run_and_the_best_model_is_kept(start):
    # More lines than fit into a pipe: it cannot end before the pipe is closed.
    options = "mnist_sample", "--n-epochs=5000", "--patience=1000000"
    process = start("-m", "logreg.train", *options)
    for _ in range(30):
        process.stdout.readline()
    process.stdout.close()  # as `head -30` does
    err = process.stderr.read()
    assert process.wait(timeout=600) == 141
    assert err.splitlines()[-1].startswith("interrupted in epoch ")
    assert Predictor("best_model.pkl").metadata["reason"] == "interrupted"


@pytest.mark.parametrize("name", ["wine", "breast_cancer", "iris", "digits"])
def test_tables_need_no_options(name, cli):
    """As good as scikit-learn's classifier behind its StandardScaler, on the same rows."""
    getattr(datasets, f"load_{name}")(as_frame=True).frame.to_csv("t.csv", index=False)
    excess = []  # of our error over theirs
    for seed in (11, 12):
        cli("train t.csv --split-seed", seed)
        error = Predictor("best_model.pkl").metadata["test_error_all_rows"]
        data = read_dataset("t.csv", preparation=Preparation(split_seed=seed))
        peer = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(*data.train)
        excess.append(error - (1 - peer.score(*data.test)))
    assert numpy.mean(excess) < 0.02
