"""Training anew on training and validation rows: as a run on these rows."""

import dataclasses
import functools
from pathlib import Path

import numpy
import pytest
from builders import arguments, make_pairs, save_pairs, table_bytes

from logreg import LogisticRegression, Predictor, engine, fit
from logreg.callbacks import BestModel, Callback, Checkpoint, StopTraining
from logreg.engine import T, theano
from logreg.errors import SettingError
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


class Stop(Callback):
    """Stops at a minibatch of the refit, whose run has a clock, and more minibatches an epoch."""

    def __init__(self, at=None, why=""):
        self.at, self.why, self.seen = at, why, set()  # values of a weight

    def on_minibatch_end(self, run):
        assert run.read_clock() >= 0
        if run.n_train_batches == 8:
            self.seen.add(engine.value(run.params[0])[0, 0])
            if run.iter == self.at:
                raise StopTraining(self.why)


def test_it_is_a_run_on_both_sets_of_as_many_minibatches():
    """From a start of its own; test_differential_training has those from zero."""
    state = [lambda _: Checkpoint("run.state", resume=True)]
    run, alone = trained(callbacks=state, refit=True), trained()
    assert (run.n_refit_rows, alone.n_refit_rows) == (85, None)
    train, valid, test = make_pairs((60, 25, 20), dtype="float64")
    order = numpy.random.RandomState(0).permutation(85)
    x, y = (numpy.concatenate(arrays)[order] for arrays in zip(train, valid))
    stop = Stop(run.stopping.best_iter)
    patient = dataclasses.replace(SETTINGS, patience=1000)
    joined = trained([(x, y), valid, test], patient, [lambda _: stop])
    assert joined.iter == run.stopping.best_iter
    numpy.testing.assert_equal(run.best_values, [engine.value(param) for param in joined.params])
    tested, before = run.best_validation, alone.best_validation
    assert (tested.iter, tested.loss) == (before.iter, before.loss)
    resumed = trained(callbacks=state)
    assert [v[:-1] for v in resumed.validations] == [v[:-1] for v in alone.validations]


def test_a_resumed_refit_begins_where_the_first_run_began():
    state = [lambda _: Checkpoint("run.state", resume=True)]
    whole = trained(rule=DESCENT, refit=True)
    trained(rule=DESCENT, callbacks=state, refit=True)
    resumed = trained(rule=DESCENT, callbacks=state, refit=True, W=-START)
    numpy.testing.assert_equal(resumed.best_values, whole.best_values)


@pytest.mark.parametrize("why, reason", [("", "interrupted"), ("enough", "stopped")])
def test_a_refit_that_is_stopped_leaves_the_best_model(why, reason):
    alone, stop = trained(rule=DESCENT), Stop(11, why)
    callbacks = [lambda c: BestModel("best.pkl", c), lambda _: stop]
    run = trained(callbacks=callbacks, rule=DESCENT, refit=True)
    assert (run.reason, run.n_refit_rows, len(stop.seen)) == (reason, None, 12)
    facts = Predictor("best.pkl").facts
    assert (facts.refit, facts.reason) == (False, f"stopped: {why}" if why else "interrupted")
    numpy.testing.assert_equal(run.best_values, alone.best_values)


@pytest.mark.parametrize("factor, loss", [(numpy.nan, lambda cost: cost), (1e6, T.exp)])
def test_a_refit_that_diverges_leaves_the_best_model(factor, loss, capsys):
    class Spoil(Stop):
        def on_minibatch_end(self, run):
            if run.n_train_batches == 8:
                engine.set_value(run.params[0], factor * START)

    run = trained(callbacks=[lambda _: Spoil()], loss=loss, refit=True)
    assert run.n_refit_rows is None and abs(run.best_values[0]).max() < 100
    assert "trained anew on all rows, the model diverged" in capsys.readouterr().err


def test_sets_that_cannot_be_joined_are_refused():
    train, (x, y), test = make_pairs((60, 25, 20), dtype="float64")
    pixels = (x > 0).astype("uint8")  # in a shared variable, they are taken as they are
    pairs = [train, (theano.shared(pixels), y), test]
    with pytest.raises(SettingError, match="float64 and uint8: give one type, or"):
        trained(pairs, refit=True)


def test_the_command_refits_where_it_splits_validation_rows_off(cli):
    Path("table.csv").write_bytes(table_bytes(90))
    x, y = map(numpy.concatenate, zip(*make_pairs()))
    numpy.savez("one.npz", x=x, y=y)
    numpy.savez("two.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    save_pairs("three.npz", make_pairs())
    Path("mapped").mkdir()  # what stays in its files would be copied
    numpy.save("mapped/x.npy", x)
    numpy.save("mapped/y.npy", y)
    options = ("--n-epochs", 2, "--output", "m.pkl")
    Path("own").mkdir()
    for split in ("train", "valid", "test"):
        Path(f"own/{split}.csv").write_bytes(table_bytes(90))
    for name, switches, n_rows in (
        *(("table.csv", [], 75), ("table.csv", ["--no-refit"], None), ("one.npz", [], 84)),
        *(("mapped", [], None), ("two.npz", [], None), ("own", [], None)),
        *(("three.npz", [], None), ("three.npz", ["--refit"], 80)),
    ):
        label = ["--label-column", "kind"] if name in ("own", "table.csv") else []
        done = cli("train", "--dataset", name, *options, *switches, *label)
        assert done.code == 0, done.err
        facts = Predictor("m.pkl").facts
        assert (facts.refit, facts.n_refit_rows) == (n_rows is not None, n_rows), name
        said = done.out if label else done.err
        order = "split at random" if name in ("table.csv", "one.npz") else "in their order"
        assert (f"to test ({order})" in said) == (name not in ("three.npz", "own")), said
