"""Cross-validation from the shell: each row is tested once, by a model that has not seen it."""

import json
import os
import re
import signal

import numpy
import pytest
from builders import make_pairs, save_pairs

from logreg.callbacks import Interruption
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.options import Preparation
from logreg.errors import DatasetError, SettingError

TRAIN = ("train", "--dataset", "t.csv", "--folds", 3, "--n-epochs", 3)


def save_table(n=90):
    x, y = make_pairs((n,))[0]
    rows = [",".join([*map(str, row), "abc"[k]]) for row, k in zip(x.tolist(), y)]
    with open("t.csv", "w", encoding="utf-8") as file:
        file.write("\n".join(["a,b,c,d,label", *rows]))
    return x, y


def test_each_row_is_in_one_test_set_and_classes_keep_their_shares():
    x, y = save_table()
    folds = list(make_folds(read_dataset("t.csv"), 5))
    rows = numpy.concatenate([data.test[0] for data in folds])
    assert sorted(rows.tolist()) == sorted(x.astype("float64").tolist())
    for data in folds:
        assert data.facts.rows == [60, 12, 18]
        there = {tuple(row) for name in ("train", "valid") for row in getattr(data, name)[0]}
        assert len(there) == 72 and not there & {tuple(row) for row in data.test[0]}
        shares = numpy.bincount(data.test[1], minlength=3) - numpy.bincount(y) / 5
        assert abs(shares).max() <= 1
        means = data.facts.preprocessing.means
        numpy.testing.assert_allclose(means, data.train[0].mean(axis=0), rtol=1e-12)
    table = read_dataset("t.csv", preparation=Preparation(shuffle=False))
    in_order = list(make_folds(table, 5))
    numpy.testing.assert_array_equal(in_order[1].test[0], x[18:36].astype("float64"))


def test_the_command_prints_the_error_of_each_fold(cli, working_folder):
    save_table()
    done = cli(*TRAIN)
    assert done.code == 0, done.err
    folds = re.findall(r"^fold (\d) of 3: test error: (\d+) of 30 rows, .* %", done.out, re.M)
    assert [k for k, _ in folds] == ["1", "2", "3"]
    n_wrong = sum(int(n) for _, n in folds)
    mean = f"mean of 3 folds: {n_wrong} of 90 rows, {100 * n_wrong / 90:.2f} % (95 % interval: "
    assert done.out.splitlines()[-2].startswith(mean)
    told = json.loads(cli(*TRAIN, "--format", "json").out)
    assert [fold["errors"] for fold in told["folds"]] == [int(n) for _, n in folds]
    assert all(fold["rows"] == 30 for fold in told["folds"])
    losses, guesses = (
        [fold[k] for fold in told["folds"]] for k in ("log_loss", "baseline_percent")
    )
    mean = told["mean"]
    assert (mean["rows"], mean["errors"]) == (90, n_wrong)
    assert mean["error_percent"] == pytest.approx(100 * n_wrong / 90)
    assert mean["log_loss"] == pytest.approx(sum(losses) / 3)
    assert mean["baseline_percent"] == pytest.approx(sum(guesses) / 3)
    said = f"errs in {mean['baseline_percent']:.2f} %; log loss {mean['log_loss']:.6f}"
    assert done.out.splitlines()[-1].endswith(said)
    assert cli("train", "--dataset", "t.csv", "--format", "json").code == 1
    assert [path.name for path in working_folder.iterdir()] == ["t.csv"]


def test_what_makes_no_folds_is_refused(cli):
    save_table(12)
    save_pairs("d.npz", make_pairs())
    with pytest.raises(DatasetError, match="has a test set"):
        list(make_folds(read_dataset("d.npz"), 3))
    for n in (1, 5):
        with pytest.raises(SettingError, match=f"`folds` is {n}: of 12 rows, 2 to 4"):
            list(make_folds(read_dataset("t.csv"), n))
    for option in ("--history", "--checkpoint"):
        done = cli("train", "--dataset", "t.csv", "--folds", 3, option, "run")
        assert (done.code, done.out) == (1, "") and "--folds is without" in done.err


@pytest.mark.skipif(os.name != "posix", reason="processes get no such signals here")
def test_what_is_interrupted_has_no_mean(cli, monkeypatch):
    def interrupt(self, run, validation):
        os.kill(os.getpid(), signal.SIGINT)

    save_table()
    monkeypatch.setattr(Interruption, "on_validation", interrupt)
    done = cli("train", "--dataset", "t.csv", "--folds", 3)
    assert done.code == 130 and "fold" not in done.out
