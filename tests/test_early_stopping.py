"""Patience, with plain lists of losses."""

import csv
import math

import pytest

from logreg.early_stopping import EarlyStopping
from logreg.errors import SettingError
from logreg.hyperparameters import DEFAULTS, Hyperparameters
from logreg.reference import LOG


def stop_of(stopping, losses, frequency, limit=10**6):
    """The minibatch after which a run with these validation losses ends, and the new bests."""
    bests = []
    losses = iter(losses)
    for iter_ in range(limit):
        if (iter_ + 1) % frequency == 0 and stopping.update(iter_, next(losses)):
            bests.append(iter_)
        if stopping.is_over(iter_):
            return iter_, bests
    raise AssertionError("it did not end")


def test_the_tutorials_run():
    with open(LOG, newline="") as file:
        rows = list(csv.DictReader(file))
    # Errors of 16 minibatches are averaged: epoch 62 wins its tie by the rounding.
    losses = [float(row["validation_error_percent"]) / 100 for row in rows]
    losses[61] = math.nextafter(losses[61], 0) if hasattr(math, "nextafter") else losses[61] - 1e-15
    stopping = EarlyStopping()
    stop, bests = stop_of(stopping, losses, frequency=83)
    assert stop == 6140
    assert divmod(stop, 83) == (73, 81)  # epoch 74, minibatch 82 of 83
    assert [(i + 1) // 83 for i in bests] == [
        int(row["epoch"]) for row in rows if row["test_error_of_best_percent"]
    ]
    assert stopping.significant_iter == 37 * 83 - 1 == 3070
    assert stopping.patience == 2 * 3070
    assert stopping.best_iter == 73 * 83 - 1


def test_without_any_gain_the_first_patience_decides():
    stopping = EarlyStopping(patience=10)
    assert stop_of(stopping, [1.0] * 100, frequency=5) == (10, [4])


def test_a_significant_gain_extends_the_patience():
    stopping = EarlyStopping(patience=10, patience_increase=3, improvement_threshold=0.9)
    # At minibatches 4, 9, 14, ...: the gain at 9 is significant and gives 27.
    assert stop_of(stopping, [1.0, 0.5] + [0.6] * 100, frequency=5) == (27, [4, 9])
    assert stopping.significant_iter == 9


def test_a_small_gain_is_a_new_best_and_no_reason_to_go_on():
    stopping = EarlyStopping(patience=10, patience_increase=3, improvement_threshold=0.9)
    assert stop_of(stopping, [1.0, 0.95] + [2.0] * 100, frequency=5) == (12, [4, 9])
    assert (stopping.best_loss, stopping.significant_iter) == (0.95, 4)


def test_an_equal_loss_is_no_new_best():
    stopping = EarlyStopping()
    assert stopping.update(0, 0.5)
    assert not stopping.update(1, 0.5)
    assert stopping.best_iter == 0


def test_the_threshold_itself_is_not_significant():
    stopping = EarlyStopping(patience=1, patience_increase=100, improvement_threshold=0.5)
    stopping.update(1, 1.0)
    stopping.update(2, 0.5)
    assert stopping.significant_iter == 1
    stopping.update(3, 0.2499)
    assert stopping.significant_iter == 3


def test_patience_never_shrinks():
    stopping = EarlyStopping(patience=1000)
    stopping.update(3, 1.0)
    assert stopping.patience == 1000


def test_not_a_number_is_never_a_best():
    stopping = EarlyStopping()
    assert not stopping.update(0, math.nan)
    assert stopping.best_loss == math.inf


def test_defaults_are_the_tutorials():
    assert Hyperparameters(0.13, 1000, 600, 5000, 2, 0.995) == DEFAULTS
    assert EarlyStopping().initial_patience == 5000


@pytest.mark.parametrize(
    "name, value",
    [
        ("learning_rate", 0.0),
        ("learning_rate", -1.0),
        ("learning_rate", math.nan),
        ("learning_rate", math.inf),
        ("learning_rate", "0.1"),
        ("n_epochs", 0),
        ("n_epochs", 1.5),
        ("batch_size", 0),
        ("batch_size", True),
        ("patience", 1),
        ("patience_increase", 0.5),
        ("improvement_threshold", 0.0),
        ("improvement_threshold", 1.1),
        ("l1", -0.1),
        ("l2", math.inf),
        ("momentum", 1.0),
    ],
)
def test_senseless_settings_are_refused_by_name(name, value):
    with pytest.raises(SettingError) as raised:
        Hyperparameters(**{name: value})
    assert name in str(raised.value)
    assert repr(value) in str(raised.value)
