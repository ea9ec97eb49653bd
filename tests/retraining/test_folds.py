"""Tables that train by folds: each row is tested once, by a model that has not seen it."""

import dataclasses
import os
from pathlib import Path

import numpy
import pytest
from builders import probabilities, save_table, write
from numpy.testing import assert_allclose, assert_array_equal
from softmax import steps_of_numpy

from logreg import Hyperparameters, LogRegWarning, Predictor, engine, fit_table
from logreg.basics.errors import SettingError
from logreg.callbacks import Callback, StopTraining
from logreg.datasets.dataset import read_dataset
from logreg.datasets.folds import choose_n_folds, divide_into_folds
from logreg.hyperparameters import choose_hyperparameters
from logreg.parts.options import Preparation, TableOptions
from logreg.sgd import train_softmax

SETTINGS = Hyperparameters(
    learning_rate=1.0, batch_size=7, n_epochs=40, patience=60, criterion="loss"
)


def divided(name="t.csv", n_folds=4, **options):
    return divide_into_folds(read_dataset(name, TableOptions(**options), dtype="float64"), n_folds)


def test_each_row_is_in_one_fold_and_classes_keep_their_shares():
    x, y = save_table(90)
    data = divided(n_folds=5)
    every_row = sorted(x.astype("float64").tolist())
    assert sorted(data.train[0].tolist()) == every_row
    assert_array_equal(data.train[0][data.fold_rows[1]], data.folds[1].test[0])
    tested = [fold.test[0] for fold in data.folds]
    assert sorted(numpy.concatenate(tested).tolist()) == every_row
    assert_allclose(data.facts.preprocessing.scales, x.astype("float64").std(axis=0), rtol=1e-12)
    for fold in data.folds:
        assert fold.facts.rows == [72, 18, 18] and fold.valid[0] is not None
        assert sorted([*fold.train[0].tolist(), *fold.test[0].tolist()]) == every_row
        shares = numpy.bincount(fold.test[1], minlength=3) - numpy.bincount(y) / 5
        assert abs(shares).max() <= 1
        assert_allclose(fold.facts.preprocessing.means, fold.train[0].mean(axis=0), rtol=1e-12)


def descend(x, y, n_epochs):
    """Yield W and b after each epoch of minibatches of 7, and the mean of its costs."""
    params = [numpy.zeros((x.shape[1], 3)), numpy.zeros(3)]
    starts = range(0, len(x) // 7 * 7, 7)
    for _ in range(n_epochs):
        costs, *params = steps_of_numpy((x, y, numpy.ones(len(y))), params, starts, 7, rate=1)
        yield *params, numpy.mean(costs)


def test_folds_choose_the_epoch_and_test_and_all_rows_train(stderr):
    save_table(93)
    data = divided()
    assert [len(rows) for rows in data.fold_rows] == [24, 23, 23, 23]
    # 6 leaves 3 of the 93 rows over, and 3 of the 69: of 5 to 8, each other size leaves more.
    assert choose_hyperparameters(data.facts).batch_size == 6
    # Of each fold, for each epoch: the probabilities and the losses of its rows, and the mean cost.
    found = []
    losses = []
    costs = []
    for rows in data.fold_rows:
        rest = numpy.setdiff1d(numpy.arange(93), rows)
        x, y = data.train
        mean, scale = x[rest].mean(axis=0), x[rest].std(axis=0)
        x = (x - mean) / scale
        # All folds take as many steps in an epoch as the smallest training: 69 // 7.
        epochs = [*descend(x[rest][: 69 // 7 * 7], y[rest][: 69 // 7 * 7], 40)]
        p = numpy.array([probabilities(x[rows], W, b) for W, b, _ in epochs])
        found.append(p)
        losses.append(-numpy.log(p[:, range(len(rows)), y[rows]]).sum(axis=1))
        costs.append([cost for *_, cost in epochs])
    with engine.floatx("float64"):
        run = train_softmax(data, SETTINGS, None)
    n_validations = len(run.validations)
    losses = numpy.array(losses)[:, :n_validations]
    curve = losses.sum(axis=0) / 93
    expected = numpy.empty((93, 3))
    for rows, p, of_rows in zip(data.fold_rows, found, losses):
        expected[rows] = p[(93 * curve - of_rows).argmin()]
    n_epochs = curve.argmin() + 1
    assert 3 < n_epochs < n_validations < 40  # else this test shows little
    assert_allclose([each.loss for each in run.validations], curve)
    mean_costs = numpy.mean(costs, axis=0)[:n_validations]
    assert_allclose([each.cost for each in run.validations], mean_costs)
    assert run.epoch_of(run.best_validation.iter) == n_epochs
    assert_allclose(run.tested_probabilities, expected)
    error = (expected.argmax(axis=1) != data.train[1]).mean()
    assert run.best_validation.test_error_all_rows == pytest.approx(error)
    x, y = data.train
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    # As many epochs, of 13 minibatches and not 9: the best validation is the end of one.
    W, b, _ = [*descend(x, y, n_epochs)][-1]
    assert_allclose(run.best_values[0], W)
    assert_allclose(run.best_values[1], b)


class LastMinibatch(Callback):
    """Keeps the number of the last minibatch, counted from 0."""

    def on_minibatch_end(self, run):
        self.iter = run.iter


def test_a_part_of_an_epoch_is_trained_on_to_the_nearest_minibatch():
    save_table(93)
    last = LastMinibatch()
    settings = dataclasses.replace(SETTINGS, patience=8, n_epochs=1)
    run = train_softmax(divided(), settings, None, [last])
    n_epochs = (run.stopping.best_iter + 1) / 9  # the folds have 69 // 7 minibatches
    assert n_epochs in (4 / 9, 8 / 9)
    # All rows have 93 // 7 minibatches.
    assert abs((last.iter + 1) / 13 - n_epochs) < 0.5 / 13


def test_a_model_file_knows_how_each_row_was_tested(cli, stderr):
    save_table(60)
    done = cli("train t.csv --folds 3 --n-epochs 9 -o m.pkl")
    assert "60 rows, 4 features, 3 classes\n3 folds (split at random): each is test" in done.out
    predictor = Predictor("m.pkl")
    error = predictor.facts.test_error_all_rows
    assert f"test error: {round(60 * error)} of 60 rows" in done.out
    assert f"60 rows tell little: a test error of {round(60 * error)} of 60" in done.err
    evaluated = cli("predict --model m.pkl --evaluate").out
    assert "Test set of t.csv: all rows, each by a model of other folds" in evaluated
    assert f"({round(60 * error)} of 60 rows)" in evaluated
    assert predictor.score("t.csv") == pytest.approx(1 - error)
    of_file = predictor.facts.tested_probabilities
    order = divided(n_folds=3).train[0]
    seen = predictor.predict_proba(order)
    assert of_file.shape == seen.shape and abs(of_file - seen).max() > 1e-3
    os.rename("t.csv", "moved.csv")
    assert cli("train --verify m.pkl --dataset moved.csv").out.startswith("verified: the 15 par")
    # Other rows have no tested probabilities.
    write("t.csv", Path("moved.csv").read_bytes() + b"1,2,3,4,0\n")
    stderr()
    assert Predictor("m.pkl").score("t.csv") != pytest.approx(1 - error)
    assert "trained on 60 of its 60 rows: all 61 rows are tested" in stderr()


def test_a_threshold_holds_for_the_tested_probabilities(cli):
    """A third of the rows are of the second class, and nothing tells which."""
    rows = "".join(f"{i},{int(i % 3 == 0)}\n" for i in range(60))
    write("t.csv", f"x,label\n{rows}".encode())
    p = fit_table("t.csv", "label", "m.pkl", n_epochs=5).facts.tested_probabilities[:, 1]
    y = divided(n_folds=5).train[1]
    found = cli("predict --model m.pkl --evaluate --threshold 0.3 --format json").json
    assert found["errors"] == ((p >= 0.3) != y).sum() != ((p >= 0.5) != y).sum()


class StopAt(Callback):
    def __init__(self, iter, n_batches):
        self.at = iter, n_batches

    def on_minibatch_end(self, run):
        if run.n_train_batches == self.at[1] and run.iter >= self.at[0]:
            raise StopTraining


def test_a_stopped_run_trains_the_model_for_the_best_epoch_so_far():
    save_table(91)
    data = divided()
    with engine.floatx("float64"):
        stopped = train_softmax(data, SETTINGS, None, [StopAt(4 * 9, 9)])
        expected = train_softmax(data, dataclasses.replace(SETTINGS, n_epochs=4), None)
        # Stopped while all rows train, it goes on to the end.
        whole = train_softmax(data, SETTINGS, None)
        late = train_softmax(data, SETTINGS, None, [StopAt(13, 13)])
    assert stopped.reason == late.reason == "interrupted"
    for run, other in ((stopped, expected), (late, whole)):
        assert_array_equal(run.best_values[0], other.best_values[0])
        assert_array_equal(run.tested_probabilities, other.tested_probabilities)


def test_how_many_folds_there_are():
    def n_folds(n_rows, given=None, shuffle=None, n_ranks=1):
        rows = "".join(f"{i},{i % 2}\n" for i in range(n_rows))
        write("t.csv", f"x,label\n{rows}")
        data = read_dataset("t.csv", preparation=Preparation(shuffle=shuffle))
        return choose_n_folds(data, given, n_ranks)

    assert [n_folds(n) for n in (4, 5, 4999, 5000)] == [4, 5, 5, 0]
    assert n_folds(50, shuffle=False) == n_folds(50, n_ranks=2) == n_folds(50, given=0) == 0
    assert n_folds(5000, given=2) == 2 and n_folds(50, given=50) == 50
    for given in (-1, 1, 51, 2.5, "5"):
        with pytest.raises(SettingError, match=f"`folds` is {given!r}: of 50 rows, 2 to 50 folds"):
            n_folds(50, given)
    with pytest.raises(SettingError, match="several ranks"):
        n_folds(50, 2, n_ranks=2)
    write("g.csv", b"x,g,label\n" + b"".join(b"%d,%d,%d\n" % (i, i % 3, i % 2) for i in range(30)))
    data = read_dataset("g.csv", TableOptions(group="g"))
    assert choose_n_folds(data) == 3
    with pytest.raises(SettingError, match="`folds` is 4: of 3 groups, 2 to 3 folds"):
        choose_n_folds(data, 4)


def test_folds_in_order_say_so(stderr):
    save_table(40)
    data = read_dataset("t.csv", preparation=Preparation(shuffle=False))
    assert choose_n_folds(data, 4) == 4
    assert "does not show the error of the future" in stderr()
    in_order = divide_into_folds(data, 4)
    assert_array_equal(in_order.fold_rows, numpy.arange(40).reshape(4, 10))


def test_a_fold_may_lack_a_class_and_a_text():
    rows = "".join(f"{i},{'uv'[i % 2]},{'ab'[i // 30]}\n" for i in range(60))
    write("t.csv", f"x,text,class\n{rows}0,w,c\n".encode())
    model = fit_table("t.csv", "class", "m.pkl", n_epochs=20)
    assert model.facts.n_folds == 5 and model.classes_.tolist() == ["a", "b", "c"]
    order = divided().train[1]
    p = model.facts.tested_probabilities
    assert (p[order == 2, 2] < 0.3).all()  # the model that tested it has never seen the class
    assert model.predict({"x": 0, "text": "w"}).tolist() != ["b"]


def test_rows_count_by_their_weights_and_groups_stay_whole():
    """A row of weight 3 is tested as three rows of the same group are; groups mix the rows."""
    x = numpy.random.RandomState(3).randn(40, 2).round(3)
    y = (x[:, 0] + x[:, 1] > 0.3).astype(int)
    rows = [f"{a},{b},{k},{1 + i % 3},{i % 9}\n" for i, ((a, b), k) in enumerate(zip(x, y))]
    write("t.csv", ("a,b,class,n,g\n" + "".join(rows)).encode())
    data = divided(weight_column="n", group="g")
    groups = [set(data.groups[part]) for part in data.fold_rows]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 9
    with engine.floatx("float64"):
        run = train_softmax(data, dataclasses.replace(SETTINGS, n_epochs=3), None)
    wrong = run.tested_probabilities.argmax(axis=1) != data.train[1]
    weights = data.weights["train"]
    assert wrong.sum() > 0 and len(set(weights)) == 3
    best = run.best_validation
    assert best.test_error_all_rows == pytest.approx(numpy.average(wrong, weights=weights))
    counts = numpy.bincount(data.train[1], weights)
    assert data.facts.class_counts == counts.tolist()
    assert data.facts.baseline_error == pytest.approx(counts.min() / counts.sum())


def test_a_model_that_diverges_on_all_rows_is_an_error():
    save_table(60)
    huge = dataclasses.replace(SETTINGS, learning_rate=1e30)
    with pytest.raises((SettingError, LogRegWarning), match="give a lower learning rate"):
        train_softmax(divided(), huge, None)
