"""Cross-validation from the shell: each row is tested once, by a model that has not seen it."""

import json
import re

import numpy
import pytest
from builders import save_table

from logreg import Predictor, engine, fit_table
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.options import Preparation, TableOptions
from logreg.hyperparameters import choose_hyperparameters
from logreg.sgd import sgd_optimization

TRAIN = ("train", "--dataset", "t.csv", "--folds", 3, "--n-epochs", 3)


def test_each_row_is_in_one_test_set_and_classes_keep_their_shares():
    x, y = save_table(90)
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
    how = TableOptions(missing="mean"), Preparation(standardize=False, shuffle=False)
    in_order = list(make_folds(read_dataset("t.csv", *how), 5))
    assert not any(data.facts.feature_scales for data in in_order)
    numpy.testing.assert_array_equal(in_order[1].test[0], x[18:36].astype("float64"))


def test_the_command_prints_the_error_of_each_fold(cli, working_folder):
    save_table(91)
    done, told = cli(*TRAIN), json.loads(cli(*TRAIN, "--format", "json").out)
    rows, errors = ([fold[key] for fold in told["folds"]] for key in ("rows", "errors"))
    folds = re.findall(r"^fold (\d) of 3: test error: (\d+) of (\d+) rows, .* %", done.out, re.M)
    assert [tuple(map(int, fold)) for fold in folds] == [*zip((1, 2, 3), errors, (31, 30, 30))]
    n_wrong, mean = sum(errors), told["mean"]
    said = f"mean of 3 folds: {n_wrong} of 91 rows, {100 * n_wrong / 91:.2f} % (95 % interval: "
    assert done.out.splitlines()[-2].startswith(said)
    assert (mean["rows"], mean["errors"]) == (sum(rows), n_wrong) == (91, n_wrong)
    for key in ("error_percent", "log_loss", "baseline_percent"):  # each row counts as much
        each = [fold[key] for fold in told["folds"]]
        assert mean[key] == pytest.approx(numpy.average(each, weights=rows)) != numpy.mean(each)
    said = f"errs in {mean['baseline_percent']:.2f} %; log loss {mean['log_loss']:.6f}"
    assert done.out.splitlines()[-1].endswith(said)
    assert "the interval assumes independent rows" in done.err and "of the future" not in done.err
    assert "does not show the error of the future" in cli(*TRAIN, "--no-shuffle").err
    assert [path.name for path in working_folder.iterdir()] == ["t.csv"]
    found = fit_table("t.csv", path="m.pkl", folds=3, n_epochs=3).fold_errors
    assert found == [wrong / n for wrong, n in zip(errors, rows)]
    assert fit_table("t.csv", path="m.pkl", n_epochs=3).fold_errors == []


@pytest.mark.parametrize("refit", [True, False])
def test_each_fold_is_trained_as_its_rows_alone_are(refit, cli):
    save_table(90)
    told = cli(*TRAIN, "--format", "json", "--refit" if refit else "--no-refit")
    with engine.floatx("float32"):
        folds = make_folds(read_dataset("t.csv", dtype="float32"), 3)
        for fold, found in zip(folds, json.loads(told.out)["folds"]):
            settings = choose_hyperparameters(fold.facts, n_epochs=3)
            run = sgd_optimization(fold, settings, None, refit=refit)
            x, y = fold.test
            p = Predictor(run).predict_proba(x)[numpy.arange(30), y]
            assert found["log_loss"] == pytest.approx(-numpy.log(p).mean(), rel=1e-5)
            is_other = y != numpy.bincount(fold.train[1]).argmax()
            assert found["baseline_percent"] == pytest.approx(100 * is_other.mean())
