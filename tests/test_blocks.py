"""Blocks of minibatches: where they end, and what callbacks find there."""

import functools

import numpy
import pytest
from builders import arguments, make_pairs
from softmax import Softmax

from logreg import Hyperparameters, LogisticRegression, engine, fit
from logreg.callbacks import Callback
from logreg.engine import T
from logreg.updates import sgd as descent


class Noter(Callback):
    """Notes the minibatches after which it is called; it promises not to look at parameters."""

    reads_steps = False

    def __init__(self):
        self.noted = []

    def on_minibatch_end(self, run):
        self.noted.append(run.iter)


class Reader(Noter):
    reads_steps = True


@pytest.mark.parametrize(
    "kind, limits, ends",
    [  # of 4 minibatches an epoch, a validation each 3, and patience that ends at 6
        (Noter, {}, [2, 3, 5, 6]),
        (Noter, {"MINIBATCHES_AT_ONCE": 2}, [1, 2, 3, 5, 6]),
        (Noter, {"PRODUCTS_AT_ONCE": 2 * 15 * 10}, [1, 2, 3, 5, 6]),  # W and b have 15 elements
        (Noter, {"PRODUCTS_AT_ONCE": 1}, [0, 1, 2, 3, 4, 5, 6]),
        (Reader, {}, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_block_ends_where_something_else_is_to_be_done(kind, limits, ends, device, monkeypatch):
    for name, limit in limits.items():
        monkeypatch.setattr(f"logreg.run.{name}", limit)
    noter = kind()
    oracle = Softmax()
    settings = Hyperparameters(batch_size=10, n_epochs=9, patience=6, improvement_threshold=1e-9)
    run = fit_softmax(oracle, noter, settings=settings)
    assert (noter.noted, run.reason, run.iter) == (ends, "patience", 6)
    costs = [oracle.step(i % 4) for i in range(7)]
    assert oracle.is_taken()
    expected = [numpy.mean(costs[:3]), numpy.mean(costs[3:6])]
    assert [v.cost for v in run.validations] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "layer, most, ends",
    [  # the limit of a block, and its ends in the run and in the refit
        (lambda x: x, 2000, [3, 7, 5, 7]),
        (lambda x: x, 3, [1, 3, 5, 7, 2, 5, 7]),
        (T.tanh, 2000, 2 * [*range(8)]),
    ],
)
def test_a_refit_goes_in_blocks_too_but_nets_do_not(layer, most, ends, monkeypatch):
    """After two epochs of 4 minibatches, as many of 6 an epoch."""
    monkeypatch.setattr("logreg.run.MINIBATCHES_AT_ONCE", most)
    x = T.matrix("x")
    noter = Noter()
    given = arguments(
        LogisticRegression(layer(x), 4, 3),
        functools.partial(descent, learning_rate=0.01),
        x=x,
        datasets=make_pairs((40, 20, 20), dtype=x.dtype),
        hyperparameters=Hyperparameters(batch_size=10, n_epochs=2, criterion="loss"),
    )
    run = fit(**given, callbacks=[noter], refit=True)
    assert (run.n_refit_rows, run.stopping.best_iter, noter.noted) == (60, 7, ends)


THREE_EPOCHS = Hyperparameters(batch_size=10, n_epochs=3)


class Looker(Callback):
    """Takes NumPy's steps along, and sets W after one of them."""

    def __init__(self, softmax):
        self.softmax = softmax

    def on_minibatch_end(self, run):
        self.softmax.step(run.iter % 4)
        assert self.softmax.is_taken()
        if run.iter == 5:
            self.softmax.values[0] = numpy.ones((4, 3), "float32")
            engine.set_value(self.softmax.model.W, self.softmax.values[0])


def fit_softmax(softmax, *callbacks, settings=THREE_EPOCHS):
    given = softmax.x, softmax.y, softmax.cost, softmax.errors, softmax.updates()
    return fit(*given, softmax.pairs, settings, callbacks)


def test_a_callback_that_reads_parameters_finds_those_after_its_minibatch(device):
    softmax = Softmax()
    assert fit_softmax(softmax, Looker(softmax)).iter == 11 and softmax.is_taken()


def test_callbacks_are_called_in_their_order_and_at_the_end_whatever_fails(monkeypatch):
    told, seconds, callbacks = [], [], [Callback(), Callback()]
    monkeypatch.setattr("timeit.default_timer", lambda: len(told))  # a second is a call

    def note(name, event, run, validation=None):
        told.append((name, event))
        if validation:
            seconds.append((run.seconds, validation.seconds))
        if event == "on_train_end":
            assert run.seconds == 8
            raise KeyError(name)

    of_an_epoch = ["on_validation", "on_minibatch_end"]  # which is one block
    events = ["restore", "check", "on_train_begin", *2 * of_an_epoch, "on_train_end"]
    for name, callback in zip("ab", callbacks):
        for event in events:
            setattr(callback, event, functools.partial(note, name, event))
    with pytest.raises(KeyError, match="b"):
        fit_softmax(Softmax(), *callbacks, settings=Hyperparameters(batch_size=10, n_epochs=2))
    assert told == [(name, event) for event in events for name in "ab"]
    assert seconds == [(0, 0), (0, 0), (4, 4), (4, 4)]
