"""Cross-validation from the shell: each row is tested once, by a model that has not seen it."""

import os

import numpy
import pytest
from builders import save_table
from numpy.testing import assert_allclose, assert_array_equal

from logreg import Predictor, engine, fit_table
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.options import Preparation, TableOptions
from logreg.hyperparameters import choose_hyperparameters
from logreg.sgd import train_softmax

TRAIN = "train t.csv --folds 3 --n-epochs 3"


def test_each_row_is_in_one_test_set_and_classes_keep_their_shares():
    x, y = save_table(90)
    folds = list(make_folds(read_dataset("t.csv"), 5))
    every_row = sorted(x.astype("float64").tolist())
    assert sorted(numpy.concatenate([data.test[0] for data in folds]).tolist()) == every_row
    for data in folds:
        assert data.facts.rows == [60, 12, 18]
        assert sorted(numpy.concatenate([x for x, _ in data]).tolist()) == every_row
        shares = numpy.bincount(data.test[1], minlength=3) - numpy.bincount(y) / 5
        assert abs(shares).max() <= 1
        assert_allclose(data.facts.preprocessing.means, data.train[0].mean(axis=0), rtol=1e-12)
    how = TableOptions(missing="mean"), Preparation(standardize=False, shuffle=False)
    in_order = list(make_folds(read_dataset("t.csv", *how), 5))
    assert not any(data.facts.feature_scales for data in in_order)
    assert_array_equal(in_order[1].test[0], x[18:36].astype("float64"))


@pytest.mark.parametrize("refit", [True, False])
def test_each_fold_is_trained_as_its_rows_alone_are(refit, cli):
    """And in the means, each row counts as much, though the folds are not of one size."""
    save_table(91)
    wrong, losses, others = [], [], []
    with engine.floatx("float32"):
        for fold in make_folds(read_dataset("t.csv", dtype="float32"), 3):
            settings = choose_hyperparameters(fold.facts, n_epochs=3)
            x, y = fold.test
            p = Predictor(train_softmax(fold, settings, None, refit=refit)).predict_proba(x)
            wrong.append(p.argmax(axis=1) != y)
            losses.extend(-numpy.log(p[numpy.arange(len(y)), y].astype("float64")))
            others.extend(y != numpy.bincount(fold.train[1]).argmax())
    done = cli(TRAIN, "--refit" if refit else "--no-refit")
    *_, last, mean, guess = done.out.splitlines()
    assert last.startswith(f"fold 3 of 3: test error: {wrong[2].sum()} of {len(wrong[2])} rows, ")
    of_all = numpy.concatenate(wrong)
    said = f"{of_all.sum()} of 91 rows, {100 * of_all.mean():.2f} % (95 % interval: "
    assert mean.startswith(f"mean of 3 folds: {said}")
    said = f"errs in {100 * numpy.mean(others):.2f} %; log loss {numpy.mean(losses):.6f}"
    assert guess.endswith(said)
    assert "the interval assumes independent rows" in done.err and "of the future" not in done.err
    assert "does not show the error of the future" in cli(TRAIN, "--no-shuffle").err
    assert os.listdir() == ["t.csv"]
    assert done.err.count("rows of each class: ") == 1
    model = fit_table("t.csv", path="m.pkl", folds=3, n_epochs=3, refit=refit)
    assert model.fold_errors == [each.mean() for each in wrong]
