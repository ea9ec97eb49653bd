"""Training anew on training and validation rows: as a run on these rows."""

import dataclasses
import functools
from pathlib import Path

import numpy
import pytest
from builders import SPLITS, arguments, make_pairs, table_bytes, write
from numpy.testing import assert_equal

from logreg import LogisticRegression, Predictor, engine, fit
from logreg.basics.errors import SettingError
from logreg.callbacks import BestModel, Callback, Checkpoint, StopTraining
from logreg.engine import T, theano
from logreg.hyperparameters import Hyperparameters
from logreg.updates import momentum

SETTINGS = Hyperparameters(batch_size=10, n_epochs=12, patience=40, criterion="loss")
START = numpy.linspace(-1, 1, 12).reshape(4, 3)


def trained(pairs=None, settings=SETTINGS, callbacks=(), loss=lambda cost: cost, W=START, **how):
    """Train with momentum, which has variables beside the parameters."""
    pairs = pairs or make_pairs((60, 25, 20), dtype="float64")
    rule = functools.partial(momentum, learning_rate=0.5, momentum=0.9)
    with engine.floatx("float64"):
        classifier = LogisticRegression(T.matrix("x"), 4, 3, W=W)
        given = arguments(classifier, rule, datasets=pairs, hyperparameters=settings)
        callbacks = [make(classifier) for make in callbacks]
        return fit(**given, callbacks=callbacks, loss=loss(given["cost"]), **how)


class Disturb(Callback):
    """Does something at a minibatch of the refit, whose run has a clock, and 8 an epoch."""

    def __init__(self, disturb, iter=11):
        self.disturb = disturb
        self.iter = iter

    def on_minibatch_end(self, run):
        assert run.read_clock() >= 0
        if run.n_train_batches == 8 and run.iter == self.iter:
            self.disturb(run)


def stop(run):
    raise StopTraining("enough")


def spoil_by(factor):
    return lambda run: engine.set_value(run.params[0], factor * START)


def test_it_is_a_run_on_both_sets_from_the_start_of_the_first_run():
    """Which a resumed run knows; test_differential_training has runs from zero."""
    state = [lambda _: Checkpoint("run.state", resume=True)]
    runs = [trained(callbacks=state, refit=True, W=start) for start in (START, -START)]
    train, valid, test = make_pairs((60, 25, 20), dtype="float64")
    order = numpy.random.RandomState(0).permutation(85)
    x, y = (numpy.concatenate(arrays)[order] for arrays in zip(train, valid))
    ending = Disturb(stop, runs[0].stopping.best_iter)
    patient = dataclasses.replace(SETTINGS, patience=1000)
    joined = trained([(x, y), valid, test], patient, [lambda _: ending])
    expected = [engine.value(param) for param in joined.params]
    for run in runs:
        assert run.n_refit_rows == 85
        assert_equal(run.best_values, expected)


def test_the_test_error_is_that_of_the_new_model():
    pairs = make_pairs((60, 25, 400), dtype="float64")
    settings = dataclasses.replace(SETTINGS, criterion="error")  # which tests each new best
    run = trained(pairs, settings, refit=True)
    x, y = pairs[2]
    W, b = run.best_values
    is_wrong = (x @ W + b).argmax(axis=1) != y
    assert run.best_validation.test_error_all_rows == pytest.approx(is_wrong.mean())


DIVERGED = "warning: trained anew on all rows, the model diverged"


@pytest.mark.parametrize(
    "disturb, how, reason, said",
    [
        (stop, {}, "stopped: enough", ""),
        (spoil_by(numpy.nan), {}, "patience", DIVERGED),
        (spoil_by(1e6), {"loss": T.exp}, "patience", DIVERGED),
    ],
)
def test_a_refit_that_is_stopped_or_diverges_leaves_the_best_model(
    disturb, how, reason, said, stderr
):
    alone = trained(**how)
    callbacks = [lambda c: BestModel("best.pkl", c), lambda _: Disturb(disturb)]
    run = trained(callbacks=callbacks, refit=True, **how)
    facts = Predictor("best.pkl").facts
    found = run.ending, run.n_refit_rows, facts.reason, facts.refit
    assert found == (reason, None, reason, False)
    assert_equal(run.best_values, alone.best_values)
    assert said in stderr()


def test_sets_that_cannot_be_joined_are_refused():
    train, (x, y), test = make_pairs((60, 25, 20), dtype="float64")
    pixels = (x > 0).astype("uint8")  # in a shared variable, they are taken as they are
    pairs = [train, (theano.shared(pixels), y), test]
    with pytest.raises(SettingError, match="float64 and uint8: give one type, or"):
        trained(pairs, refit=True)


SPLIT = "to test (split at random)"
IN_ORDER = "to test (in their order)"


@pytest.mark.parametrize(
    "options, n_rows, said",
    [  # the rows of a refit, and what is said of the split
        ("table.csv --label-column kind --folds 0", 75, SPLIT),
        ("one.npz", 84, SPLIT),
        ("mapped", None, IN_ORDER),  # what stays in its files would be copied
        ("two.npz", None, IN_ORDER),
        ("pair --label-column kind", 90, SPLIT),  # tables to train on and to test on
        ("own --label-column kind", None, ""),  # with tables to validate on, too
    ],
)
def test_the_command_refits_where_it_splits_validation_rows_off(options, n_rows, said, cli):
    x, y = make_pairs((100,))[0]
    numpy.savez("one.npz", x=x, y=y)
    numpy.savez("two.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    for folder in ("mapped", "pair", "own"):
        Path(folder).mkdir()
    numpy.save("mapped/x.npy", x)
    numpy.save("mapped/y.npy", y)
    own = [f"own/{name}.csv" for name in SPLITS]
    for path in ("table.csv", "pair/train.csv", "pair/test.csv", *own):
        write(path, table_bytes(90))
    done = cli(f"train {options} --n-epochs 2 --output m.pkl")
    assert Predictor("m.pkl").facts.n_refit_rows == n_rows
    assert said in done.out + done.err
