"""When the steps are taken that `train_model` notes; and that no run leaves any behind."""

import functools

import numpy
import pytest
from softmax import Softmax

from logreg import Hyperparameters, engine, fit
from logreg.callbacks import Callback
from logreg.engine.steps import TrainModel


@pytest.mark.parametrize("seconds, expected", [(0.5, 7 * [1]), (0.03, [1, 3, 3]), (0, [1, 5, 1])])
def test_a_call_takes_the_steps_of_a_tenth_of_a_second(seconds, expected):
    """Of seven steps, with a block of five; the first call measures one."""
    taken = []
    train_model = TrainModel(
        lambda indices: taken.append(indices) or indices, 5, lambda: seconds * sum(map(len, taken))
    )
    for index in range(7):
        train_model(index)
    assert train_model.costs() == [*range(7)] and train_model.costs() == []
    assert [*map(len, taken)] == expected


class Looker(Callback):
    """Notes whether the steps up to a minibatch are taken after it, sets W, and raises."""

    def __init__(self, softmax, error=None):
        self.softmax, self.error, self.taken = softmax, error, []

    def on_minibatch_end(self, run):
        self.softmax.step(run.iter % 4)
        self.taken.append(self.softmax.is_taken())
        if run.iter == 5 and self.reads_steps:
            self.softmax.values[0] = numpy.ones((4, 3), "float32")
            engine.set_value(self.softmax.model.W, self.softmax.values[0])
        if run.iter == 6 and self.error:
            raise self.error


class Noter(Looker):
    """The same, and it promises not to look: steps may be noted."""

    reads_steps = False


def fit_softmax(softmax, *callbacks, n_epochs=3):
    arguments = softmax.x, softmax.y, softmax.cost, softmax.errors, softmax.updates()
    settings = Hyperparameters(batch_size=10, n_epochs=n_epochs)
    return fit(*arguments, softmax.pairs, settings, callbacks)


def test_a_callback_that_reads_parameters_finds_those_after_its_minibatch(device):
    softmax = Softmax()
    looker = Looker(softmax)
    fit_softmax(softmax, looker)
    assert looker.taken == [True] * 12 and softmax.is_taken()


def test_no_step_outlives_the_run_that_asked_for_it(device):
    softmax = Softmax()
    noter = Noter(softmax, KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        fit_softmax(softmax, noter)
    assert len(noter.taken) == 7 and softmax.is_taken()
    for param, value in zip(softmax.model.params, softmax.values):
        value[...] = 0
        engine.set_value(param, value)
    assert repr(softmax.model) and softmax.is_taken()
    again = fit_softmax(softmax, n_epochs=1)
    costs = [softmax.step(index) for index in range(4)]
    assert again.validations[0].cost == pytest.approx(numpy.mean(costs)) and softmax.is_taken()


def test_callbacks_are_called_in_their_order_and_at_the_end_whatever_fails(monkeypatch):
    told, seconds, callbacks = [], [], [Callback(), Callback()]
    monkeypatch.setattr("timeit.default_timer", lambda: len(told))  # a second is a call

    def note(name, event, run, validation=None):
        told.append((name, event))
        if event in ("on_validation", "on_train_end"):
            seconds.append((run.seconds, validation and validation.seconds))
        if event == "on_train_end":
            raise KeyError(name)

    begin, epoch = ["restore", "check", "on_train_begin"], 4 * ["on_minibatch_end"]
    epoch.insert(3, "on_validation")
    for name, callback in zip("ab", callbacks):
        for event in {*begin, *epoch, "on_train_end"}:
            setattr(callback, event, functools.partial(note, name, event))
    with pytest.raises(KeyError, match="b"):
        fit_softmax(Softmax(), *callbacks, n_epochs=2)
    events = [*begin, *epoch, *epoch, "on_train_end"]
    assert told == [(name, event) for event in events for name in "ab"]
    assert seconds[::2] == seconds[1::2] == [(6, 6), (16, 16), (20, None)]
