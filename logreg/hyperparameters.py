"""What a training run can be told, with the tutorial's values as the defaults."""

import math
import numbers
from dataclasses import dataclass
from typing import Optional

from logreg.errors import SettingError

# The tutorial's names for what it reads and writes.
DATASET = "mnist.pkl.gz"
BEST_MODEL = "best_model.pkl"
TIES = ("first", "later")


@dataclass(frozen=True)
class Hyperparameters:
    """The settings that decide what a run computes.

    Parameters
    ----------
    learning_rate : float
        Factor of the gradient in each step of SGD.
    n_epochs : int
        Passes over the training set at the most.
    batch_size : int
        Rows in a minibatch.
    patience : int
        Minibatches to run before early stopping may end the run.
    patience_increase : float
        After a significant improvement at minibatch `iter`, run on until
        ``iter * patience_increase`` at least.
    improvement_threshold : float
        A new best validation error is significant if it is below this fraction of the last.
    l1, l2 : float
        Factors of the sum of the weights' absolute values, and of their squares, in the cost.
    momentum : float
        Fraction of the last step that is added to each; see :func:`logreg.updates.momentum`.
    ties : {'first', 'later'}
        Which of several models with the same validation error is the best: the first; or a later
        one, if it had `patience_increase` times as many minibatches. With few validation rows, a
        model may make no error on them before it has learned much.
    class_weight : {None, 'balanced'}
        What the cost of a row is multiplied by: 1, or with 'balanced' n / (n_out * n_k), of n
        training rows n_k of which are of the row's class.

    Raises
    ------
    SettingError
        If a value is out of its range.

    Examples
    --------
    >>> from logreg import Hyperparameters
    >>> Hyperparameters(batch_size=100, n_epochs=10).learning_rate
    0.13
    """

    learning_rate: float = 0.13
    n_epochs: int = 1000
    batch_size: int = 600
    patience: int = 5000
    patience_increase: float = 2
    improvement_threshold: float = 0.995
    l1: float = 0.0
    l2: float = 0.0
    momentum: float = 0.0
    class_weight: Optional[str] = None
    ties: str = "first"

    def __post_init__(self):
        self._require("learning_rate", lambda value: value > 0, "a number above 0")
        self._require("n_epochs", lambda value: value >= 1, "1 or more")
        self._require("batch_size", lambda value: value >= 1, "1 or more")
        # Validation happens every patience // 2 minibatches, or more often.
        self._require("patience", lambda value: value >= 2, "2 or more")
        self._require("patience_increase", lambda value: 1 <= value <= 1e9, "1 or more")
        self._require("improvement_threshold", lambda value: 0 < value <= 1, "above 0, up to 1")
        self._require("l1", lambda value: value >= 0, "0 or more")
        self._require("l2", lambda value: value >= 0, "0 or more")
        self._require("momentum", lambda value: 0 <= value < 1, "0 or more, below 1")
        if self.ties not in TIES:
            raise SettingError(f"ties is {self.ties!r}: it must be one of {', '.join(TIES)}")
        if self.class_weight not in (None, "balanced"):
            raise SettingError(f"class_weight is {self.class_weight!r}: give 'balanced' or None")

    def _require(self, name, in_range, needed):
        value = getattr(self, name)
        kind = numbers.Real
        if type(self).__annotations__[name] is int:
            kind, needed = numbers.Integral, "a whole number, " + needed
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        if not (is_number and math.isfinite(value) and in_range(value)):
            raise SettingError(f"{name} is {value!r}: it must be {needed}")
        if hasattr(value, "item"):  # NumPy's float64 would make float64 of float32 parameters
            object.__setattr__(self, name, value.item())


DEFAULTS = Hyperparameters()


def default_batch_size(n_rows):
    """The batch size for training, validation and test sets of `n_rows` rows.

    It is the tutorial's. Only if a set has fewer rows, or the training set fewer than 5,000, it is
    a tenth of the training rows, or as many as the smallest set has if that is less.
    """
    if min(n_rows) >= DEFAULTS.batch_size and n_rows[0] >= 5000:
        return DEFAULTS.batch_size
    return max(1, min(*n_rows, n_rows[0] // 10))
