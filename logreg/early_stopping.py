"""Early stopping: which validation is the best, and how long a run goes on.

The criterion is the number of a validation by which the best model is chosen. The patience ends a
run in which nothing has improved for long.
"""

import math
from dataclasses import dataclass, field
from typing import List, NamedTuple, Optional, Tuple

from logreg.hyperparameters import DEFAULTS

EARLY_STOPPING_SETTINGS = ("patience", "patience_increase", "improvement_threshold", "criterion")
# The reasons for which a complete run ends, in words.
REASON_TEXTS = {"patience": "patience ran out", "n_epochs": "all epochs had been run"}
# A run ends for one of these reasons again if it is repeated with the same data and settings.
REPEATABLE = (*REASON_TEXTS, "diverged")


class Measures(NamedTuple):
    """What `validate_model` measures on the validation set: errors are fractions of rows."""

    error: float  # over the whole minibatches, as the tutorial counts
    error_all_rows: float
    loss: Optional[float]  # mean over all rows; None with criterion 'error'


class Validation(NamedTuple):
    """What one evaluation of the validation set found; errors are fractions of rows.

    Attributes
    ----------
    iter : int
        The last minibatch trained on, counted from 0 over the whole run.
    cost : float
        Mean training cost of the minibatches since the last validation. A cost that is not finite
        becomes None in a file, and stays None in a run that is resumed from the file.
    error, error_all_rows : float
        The errors of the validation set: over its whole minibatches, and over all of its rows.
    loss : float or None
        Mean loss of the validation set, over all of its rows, with criterion 'loss'.
    test_error, test_error_all_rows : float or None
        The same errors of the test set. They are computed at each new best; with criterion 'loss',
        only once, at the end.
    seconds : float
        Time from the beginning of the training.
    """

    iter: int
    cost: Optional[float]
    error: float
    error_all_rows: float
    loss: Optional[float] = None
    test_error: Optional[float] = None
    test_error_all_rows: Optional[float] = None
    seconds: float = 0.0

    def plain(self):
        """Make a Validation for JSON, with None in place of numbers that are not finite."""
        return self._make(
            None if value is None or not math.isfinite(value) else value for value in self
        )


class Point(NamedTuple):
    """A validation in a learning curve.

    With the criterion 'loss', it has a loss, and its errors are over all rows. With the criterion
    'error', it has no loss, and its errors are over whole minibatches.
    """

    iter: int
    cost: Optional[float]
    error: float
    test_error: Optional[float]
    loss: Optional[float] = None


class Criterion(NamedTuple):
    """What decides on the best model.

    Attributes
    ----------
    name : {'error', 'loss'}
        Also the field of a Validation, and of a Point, that decides.
    point_fields : tuple of str
        The fields of a Validation that make a Point, in the order of its fields.
    is_loss : bool
        If so, errors are over all rows, and the test set is tried once, at the end.
    """

    name: str
    point_fields: Tuple[str, ...]
    is_loss: bool


CRITERIA = {
    "error": Criterion("error", ("iter", "cost", "error", "test_error"), False),
    "loss": Criterion(
        "loss", ("iter", "cost", "error_all_rows", "test_error_all_rows", "loss"), True
    ),
}


@dataclass(eq=False)
class EarlyStopping:
    """Patience counted in minibatches, as in the tutorial.

    A loss is here the number that decides: the validation loss with ``criterion='loss'``, otherwise
    the validation error.

    The run goes on for `patience` minibatches at least. A new best loss is significant if it is
    below `improvement_threshold` times the best before. With ``criterion='loss'``, it must be below
    this fraction of the last significant loss, since a long fall may be made of small steps. A
    significant loss extends the patience to ``iter * patience_increase``, if that is more.

    Parameters
    ----------
    patience : int
        Minibatches to run in any case.
    patience_increase : float
        Factor of the extension.
    improvement_threshold : float
        Fraction below which a new best is significant.
    criterion : {'error', 'loss'}
        Whether the losses are validation errors or validation losses.

    Attributes
    ----------
    patience : int or float
        As given at first, extended by significant improvements.
    best_loss : float
        The lowest loss so far, infinity before the first.
    best_iter : int or None
        The minibatch at which it was seen.
    gains : list of int
        The minibatches of the significant improvements.
    significant_loss : float
        The loss at the last of them.

    Examples
    --------
    >>> stopping = EarlyStopping(patience=10, patience_increase=2)
    >>> [stopping.update(iter, loss) for iter, loss in ((4, 0.5), (9, 0.2), (14, 0.3))]
    [True, True, False]
    >>> stopping.patience
    18
    >>> stopping.is_over(17), stopping.is_over(18)
    (False, True)
    """

    patience: float = DEFAULTS.patience
    patience_increase: float = DEFAULTS.patience_increase
    improvement_threshold: float = DEFAULTS.improvement_threshold
    criterion: str = DEFAULTS.criterion
    best_loss: float = math.inf
    best_iter: Optional[int] = None
    significant_loss: float = math.inf
    gains: List[int] = field(default_factory=list)

    def update(self, iter, loss):
        """Take note of the validation loss or error after minibatch `iter`.

        Parameters
        ----------
        iter : int
            The index of the minibatch, counted from 0 over the whole run.
        loss : float
            The lower the better.

        Returns
        -------
        bool
            Whether `loss` is a new best.
        """
        if not loss < self.best_loss:  # on a tie, the first stays the best
            return False
        before = self.significant_loss if self.criterion == "loss" else self.best_loss
        if loss < before * self.improvement_threshold:
            self.patience = max(self.patience, iter * self.patience_increase)
            self.gains.append(iter)
            self.significant_loss = loss
        self.best_loss = loss
        self.best_iter = iter
        return True

    def is_over(self, iter):
        """Whether the run ends after minibatch `iter`."""
        return self.patience <= iter


def replay(points, settings):
    """Follow the validations of a run; return the EarlyStopping after them.

    The points are Validations or Points: both have a field with the name of the criterion.
    `settings` is a dict, of which the arguments of :class:`EarlyStopping` are taken.
    """
    rule = {name: settings[name] for name in EARLY_STOPPING_SETTINGS if name in settings}
    stopping = EarlyStopping(**rule)
    for point in points:
        value = getattr(point, stopping.criterion)
        stopping.update(point.iter, math.nan if value is None else value)
    return stopping
