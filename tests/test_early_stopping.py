"""Patience, with plain lists of losses; and which settings make sense."""

import math

import numpy
import pytest

from logreg.basics.errors import SettingError
from logreg.early_stopping import EarlyStopping
from logreg.hyperparameters import DEFAULTS, Hyperparameters
from logreg.parts.options import Preparation, TableOptions

SLOWLY = [1.0, 0.96, 0.92, 0.9]


@pytest.mark.parametrize(
    "increase, threshold, criterion, losses, bests, gains, patience",
    [
        (3, 0.5, "error", [1.0, 0.5], [4, 9], [4], 12),  # the threshold is not below itself
        (2, 0.9, "error", [1.0], [4], [4], 10),  # no gain shortens the patience
        (2, 0.9, "error", [math.nan], [], [], 10),  # not a number is never a best
        (4, 0.95, "error", SLOWLY, [4, 9, 14, 19], [4], 16),  # of the error, each gain is small
        (4, 0.95, "loss", SLOWLY, [4, 9, 14, 19], [4, 14], 56),  # and of the loss they add up
    ],
)
def test_what_a_gain_does(increase, threshold, criterion, losses, bests, gains, patience):
    """At minibatches 4, 9, 14, ...; test_differential_training has more."""
    stopping = EarlyStopping(10, increase, threshold, criterion)
    found = [iter for iter, loss in zip(range(4, 20, 5), losses) if stopping.update(iter, loss)]
    assert (found, stopping.gain_iters, stopping.patience) == (bests, gains, patience)


# What is needed of a setting, values that are taken, and values that are not. NumPy's numbers
# become Python's: its float64 would make float64 of float32 parameters, and no JSON.
SETTINGS = {
    "learning_rate": ("a number above 0", [1e-300, 9], [0.0, math.nan, math.inf, None]),
    "n_epochs": ("a whole number from 1 to 1e9", [1, 10**9], [0, 1.5, True, 10**9 + 1]),
    "patience": ("a whole number from 2", [numpy.int64(2), 10**12], [1]),
    "patience_increase": ("a number from 1 to 1e9", [numpy.float32(1), 1e9], [0.99, 1.1e9]),
    "improvement_threshold": ("a number above 0, up to 1", [1e-9, 1], [0, 1.01]),
    "l1": ("a number from 0", [0, numpy.float64(9)], [-1e-9, 10**309]),
    "momentum": ("a number from 0, below 1", [0, 0.999], [-0.1, 1]),
    "class_weight": ("None or 'balanced'", [None, "balanced"], [numpy.ones(2)]),
    "criterion": ("'error' or 'loss'", ["error", "loss"], ["cost"]),
    "split_seed": ("a whole number from 0 to 2**32-1", [0, 2**32 - 1], [-1, 2**32]),
    "size": ("a whole number from 10 to 1000", [10, 1000], [9, 1001]),
    "encoding": ("one that Python knows, as 'cp1252'", ["cp1252"], ["hex", "a\0", 8]),
    "header": ("True or False", [True, None], [0]),
    "missing": ("'mean'", ["mean"], ["median"]),
    "label_column": ("a name, or a number from 1", ["a", -1], [True]),
}
SETTINGS.update(batch_size=SETTINGS["n_epochs"], l2=SETTINGS["l1"])


@pytest.mark.parametrize("name", {**vars(DEFAULTS), **SETTINGS})
def test_senseless_settings_are_refused_by_name(name):
    needed, taken, refused = SETTINGS[name]  # a new setting needs a row there
    groups = Hyperparameters, Preparation, TableOptions
    (group,) = [group for group in groups if hasattr(group, name)]
    found = [getattr(group(**{name: value}), name) for value in taken]
    assert found == taken and {type(value).__module__ for value in found} == {"builtins"}
    for value in refused:
        with pytest.raises(SettingError) as raised:
            group(**{name: value})
        assert str(raised.value) == f"`{name}` is {value!r:.99}: it must be {needed}"
