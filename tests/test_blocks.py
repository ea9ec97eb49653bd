"""Blocks of minibatches: where they end, and what callbacks find there."""

import functools

import numpy
import pytest
from builders import arguments
from softmax import Softmax

from logreg import Hyperparameters, LogisticRegression, engine, fit
from logreg.callbacks import Callback
from logreg.engine import T
from logreg.updates import sgd


class Noter(Callback):
    """Notes the minibatches after which it is called; it promises not to look at parameters."""

    reads_steps = False

    def __init__(self):
        self.noted = []

    def on_minibatch_end(self, run):
        self.noted.append(run.iter)
        self.seconds = run.seconds


class Companion(Noter):
    """Takes NumPy's steps along, and sets W after one of them."""

    def __init__(self, softmax):
        super().__init__()
        self.softmax = softmax
        self.costs = []

    def on_minibatch_end(self, run):
        super().on_minibatch_end(run)
        self.costs.extend(self.softmax.step(i % 4) for i in range(len(self.costs), run.iter + 1))
        assert self.softmax.is_taken()
        if run.iter == 5:
            self.softmax.values[0] = numpy.ones((4, 3), "float32")
            engine.set_value(self.softmax.model.W, self.softmax.values[0])


class Reader(Companion):
    reads_steps = True


def fit_softmax(softmax, *callbacks, **settings):
    given = softmax.x, softmax.y, softmax.cost, softmax.errors, softmax.updates()
    return fit(*given, softmax.pairs, Hyperparameters(batch_size=10, **settings), callbacks)


@pytest.mark.parametrize(
    "kind, limits, ends",
    [  # of 4 minibatches an epoch, a validation each 3, and patience that ends at 6
        (Companion, {}, [2, 3, 5, 6]),
        (Companion, {"MINIBATCHES_AT_ONCE": 2}, [1, 2, 3, 5, 6]),
        (Companion, {"PRODUCTS_AT_ONCE": 2 * 15 * 10}, [1, 2, 3, 5, 6]),  # W and b have 15 elements
        (Companion, {"PRODUCTS_AT_ONCE": 1}, [0, 1, 2, 3, 4, 5, 6]),
        (Reader, {}, [0, 1, 2, 3, 4, 5, 6]),
    ],
)
def test_a_block_ends_where_something_else_is_to_be_done(kind, limits, ends, device, monkeypatch):
    for name, limit in limits.items():
        monkeypatch.setattr(f"logreg.run.{name}", limit)
    noter = kind(Softmax())
    run = fit_softmax(noter.softmax, noter, n_epochs=9, patience=6, improvement_threshold=1e-9)
    assert (noter.noted, run.reason) == (ends, "patience")
    expected = [numpy.mean(noter.costs[:3]), numpy.mean(noter.costs[3:6])]
    assert [v.cost for v in run.validations] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    "layer, most, ends",
    [  # the limit of a block, and its ends in the run and in the refit
        (lambda x: x, 2000, [5, 11, 7, 11]),
        (lambda x: x, 3, [2, 5, 8, 11, 2, 5, 7, 10, 11]),
        (T.tanh, 2000, [5, 11, 7, 11]),
    ],
)
def test_a_refit_goes_in_blocks_too_and_so_does_a_net(layer, most, ends, monkeypatch):
    """After two epochs of 6 minibatches, as many of 8 an epoch."""
    monkeypatch.setattr("logreg.run.MINIBATCHES_AT_ONCE", most)
    x = T.matrix("x")
    noter = Noter()
    given = arguments(
        LogisticRegression(layer(x), 4, 3),
        functools.partial(sgd, learning_rate=0.01),
        x=x,
        hyperparameters=Hyperparameters(batch_size=10, n_epochs=2, criterion="loss"),
    )
    run = fit(**given, callbacks=[noter], refit=True)
    assert (run.n_refit_rows, run.stopping.best_iter, noter.noted) == (80, 11, ends)
    assert run.seconds > noter.seconds == 0  # the refit has a clock of its own


# The calls of a callback in a run of two epochs, each of which is one block.
EPOCH = ["on_validation", "on_minibatch_end"]
EVENTS = ["restore", "check", "on_train_begin", *EPOCH, *EPOCH, "on_train_end"]


class Recorder(Callback):
    """Records its calls, and the seconds of the run then, in a list that others may share."""

    def __init__(self, name, calls):
        for event in EVENTS:
            setattr(self, event, functools.partial(self.record, calls, name, event))

    def record(self, calls, name, event, run, validation=None):
        assert validation is None or validation.seconds == run.seconds
        calls.append((name, event, run.seconds))


def test_callbacks_are_called_in_their_order_and_the_clock_of_the_run_stands_still(monkeypatch):
    calls = []
    monkeypatch.setattr("timeit.default_timer", lambda: len(calls))  # a second is a call
    fit_softmax(Softmax(), Recorder("a", calls), Recorder("b", calls), n_epochs=2)
    seconds = 5 * [0] + 2 * [4] + [8]
    expected = [(name, *at) for at in zip(EVENTS, seconds) for name in "ab"]
    assert calls == expected


class Failing(Callback):
    def __init__(self, name, ended):
        self.name = name
        self.ended = ended

    def on_train_end(self, run):
        self.ended.append(self.name)
        raise KeyError(self.name)


def test_all_callbacks_are_told_of_the_end_whatever_fails():
    ended = []
    with pytest.raises(KeyError, match="b"):
        fit_softmax(Softmax(), Failing("a", ended), Failing("b", ended), n_epochs=1)
    assert ended == ["a", "b"]
