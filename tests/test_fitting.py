"""One call from a table to a model file, against the command on the same rows."""

import functools
import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy
import pandas
import pytest

from logreg import Predictor, SoftmaxClassifier, fit_table, sgd
from logreg.basics.errors import DatasetError, ModelFileError, SettingError

SIZES = numpy.random.RandomState(0).randint(0, 100, 90)
FRAME = pandas.DataFrame({"id": range(90), "size": SIZES, "wing": ["a", "b", None] * 30})
FRAME["kind"] = numpy.where(SIZES + 20 * (FRAME.wing == "a") > 55, "bee", "ant")
OPTIONS = {"drop": "id", "missing": "mean", "n_epochs": 30, "batch_size": 9}


class Polars:
    """A frame that offers what one of polars does, and is none of pandas."""

    columns = tuple(FRAME)

    def to_dict(self, as_series=True):
        assert not as_series  # else polars' own columns
        return FRAME.to_dict("list")


@pytest.mark.parametrize(
    "table", [FRAME, Polars(), FRAME.to_dict("records"), FRAME.to_dict("list")]
)
def test_a_table_of_any_kind_gives_the_model_of_the_command(table, cli, capsys):
    found = fit_table(table, "kind", "one.pkl", **OPTIONS)
    told = capsys.readouterr()
    assert told.out == ""
    FRAME.to_csv("t.csv", index=False)
    train = "train --dataset t.csv --label-column kind --drop id --missing mean --n-epochs 30"
    done = cli(f"{train} --batch-size 9 --output two.pkl")
    notes = [line for line in done.err.splitlines() if line.startswith(("note: ", "warning: "))]
    assert told.err.replace(found.facts.dataset, "t.csv").splitlines() == notes
    expected = Predictor("two.pkl")
    assert (found.W == expected.W).all() and (found.b == expected.b).all()
    others = {"dataset": "t.csv", "date": expected.metadata["date"]}
    assert {**found.metadata, **others} == expected.metadata
    # And is taken for rows to predict.
    labels = found.predict(FRAME).tolist()
    assert found.predict(table).tolist() == labels
    held_out = found.metadata["test_error_all_rows"]
    assert found.score(FRAME) == pytest.approx(1 - held_out)
    assert found.score(FRAME[:40]) == (FRAME.kind == labels)[:40].mean()
    moved = {**FRAME, "size": FRAME["size"].set_axis(range(1, 91))}
    assert found.predict(moved).tolist() == labels  # whatever the columns' indices are
    assert found.predict(FRAME.iloc[1]).tolist() == labels[1:2]
    assert found.predict({"size": 99.0, "wing": "a", "more": None}).tolist() == ["bee"]


def test_what_makes_no_sense_is_told_before_the_training(monkeypatch):
    monkeypatch.setattr("logreg.fitting.train_softmax", None)
    with pytest.raises(TypeError, match="there is no option epochs: there are label_column, "):
        fit_table(FRAME, "kind", epochs=9)
    with pytest.raises(DatasetError, match="same length: every column needs as many cells"):
        fit_table({"size": [1, 2], "kind": ["ant"]}, "kind")
    FRAME.to_csv("t.csv", index=False)
    with pytest.raises(SettingError, match=r"t\.csv would overwrite what is read"):
        fit_table("t.csv", "kind", "t.csv", **OPTIONS)
    with pytest.raises(ModelFileError, match=r"nowhere/m\.pkl cannot be written: No such file"):
        fit_table(FRAME, "kind", "nowhere/m.pkl")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process cannot be forked here")
def test_a_process_that_is_forked_during_a_fit_can_fit(monkeypatch):
    is_within = threading.Event()
    real = sgd.run_training

    def run_training(*args, **options):
        is_within.set()
        time.sleep(0.2)  # the other thread forks now
        return real(*args, **options)

    monkeypatch.setattr(sgd, "run_training", run_training)
    fit = functools.partial(SoftmaxClassifier(n_epochs=1).fit, SIZES[:, None], FRAME["kind"])
    child = multiprocessing.get_context("fork").Process(target=fit)
    with ThreadPoolExecutor(1) as threads:
        of_thread = threads.submit(fit)
        is_within.wait()
        child.start()
        child.join(60)
        code = child.exitcode
        child.kill()
        of_thread.result()
    assert code == 0
