"""Training anew on training and validation rows: as a run on these rows."""

import dataclasses
import functools
from pathlib import Path

import numpy
import pytest
from builders import arguments, make_pairs, save_folder, save_pairs, table_bytes, write
from numpy.testing import assert_equal

from logreg import LogisticRegression, Predictor, engine, fit
from logreg.basics.errors import SettingError
from logreg.callbacks import BestModel, Callback, Checkpoint, StopTraining
from logreg.engine import T, theano
from logreg.hyperparameters import Hyperparameters
from logreg.updates import momentum, sgd

SETTINGS = Hyperparameters(batch_size=10, n_epochs=12, patience=40, criterion="loss")
START = numpy.linspace(-1, 1, 12).reshape(4, 3)
RULE = functools.partial(momentum, learning_rate=0.5, momentum=0.9)
DESCENT = functools.partial(sgd, learning_rate=0.5)


def trained(
    pairs=None, settings=SETTINGS, callbacks=(), loss=lambda cost: cost, rule=RULE, W=START, **how
):
    """Train, by default with momentum, which has variables beside the parameters."""
    pairs = pairs or make_pairs((60, 25, 20), dtype="float64")
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


def stop(why, run):
    raise StopTraining(why)


def spoil(factor, run):
    engine.set_value(run.params[0], factor * START)


def test_it_is_a_run_on_both_sets_of_as_many_minibatches():
    """From a start of its own; test_differential_training has those from zero."""
    run = trained(refit=True)
    train, valid, test = make_pairs((60, 25, 20), dtype="float64")
    order = numpy.random.RandomState(0).permutation(85)
    x, y = (numpy.concatenate(arrays)[order] for arrays in zip(train, valid))
    last = run.stopping.best_iter
    ending = Disturb(functools.partial(stop, ""), last)
    patient = dataclasses.replace(SETTINGS, patience=1000)
    joined = trained([(x, y), valid, test], patient, [lambda _: ending])
    assert (joined.iter, run.n_refit_rows) == (last, 85)
    assert_equal(run.best_values, [engine.value(param) for param in joined.params])


def test_a_resumed_refit_begins_where_the_first_run_began():
    state = [lambda _: Checkpoint("run.state", resume=True)]
    whole = trained(rule=DESCENT, refit=True)
    trained(rule=DESCENT, callbacks=state, refit=True)
    resumed = trained(rule=DESCENT, callbacks=state, refit=True, W=-START)
    assert_equal(resumed.best_values, whole.best_values)


DIVERGED = "warning: trained anew on all rows, the model diverged"


@pytest.mark.parametrize(
    "disturb, value, how, reason, said",
    [
        (stop, "", {}, "interrupted", ""),
        (stop, "enough", {}, "stopped: enough", ""),
        (spoil, numpy.nan, {}, "n_epochs", DIVERGED),
        (spoil, 1e6, {"loss": T.exp}, "n_epochs", DIVERGED),
    ],
)
def test_a_refit_that_is_stopped_or_diverges_leaves_the_best_model(
    disturb, value, how, reason, said, stderr
):
    alone = trained(rule=DESCENT, **how)
    disturb = Disturb(functools.partial(disturb, value))
    callbacks = [lambda c: BestModel("best.pkl", c), lambda _: disturb]
    run = trained(callbacks=callbacks, rule=DESCENT, refit=True, **how)
    assert (run.ending, run.n_refit_rows) == (reason, None)
    facts = Predictor("best.pkl").facts
    assert (facts.refit, facts.reason) == (False, reason)
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
        ("table.csv --label-column kind", 75, SPLIT),
        ("table.csv --label-column kind --no-refit", None, SPLIT),
        ("one.npz", 84, SPLIT),
        ("mapped", None, IN_ORDER),  # what stays in its files would be copied
        ("two.npz", None, IN_ORDER),
        ("pair --label-column kind", 90, SPLIT),  # tables to train on and to test on
        ("own --label-column kind", None, ""),
        ("three.npz", None, ""),
        ("three.npz --refit", 80, ""),
        ("sets --refit --shuffle --standardize", 80, ""),  # shuffled rows stay in no file
    ],
)
def test_the_command_refits_where_it_splits_validation_rows_off(options, n_rows, said, cli):
    pairs = make_pairs()
    x, y = map(numpy.concatenate, zip(*pairs))
    numpy.savez("one.npz", x=x, y=y)
    numpy.savez("two.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    save_pairs("three.npz", pairs)
    save_folder(pairs, "sets")
    for folder in ("mapped", "own", "pair"):
        Path(folder).mkdir()
    numpy.save("mapped/x.npy", x)
    numpy.save("mapped/y.npy", y)
    own = [f"own/{name}.csv" for name in ("train", "valid", "test")]
    for path in ("table.csv", *own, "pair/train.csv", "pair/test.csv"):
        write(path, table_bytes(90))
    done = cli(f"train {options} --n-epochs 2 --output m.pkl")
    facts = Predictor("m.pkl").facts
    assert (facts.refit, facts.n_refit_rows) == (n_rows is not None, n_rows)
    assert said in done.out + done.err and bool(said) == (" to test (" in done.out + done.err)
