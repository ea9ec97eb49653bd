"""Early stopping: which validation is the best, and how long a run goes on.

A validation measures the model's error and perhaps its loss. The criterion says which of the two
decides on the best model. The patience ends a run in which nothing has improved for long.
"""

import math
from dataclasses import dataclass, field
from typing import List, NamedTuple, Optional

from logreg.hyperparameters import DEFAULTS

EARLY_STOPPING_SETTINGS = ("patience", "patience_increase", "improvement_threshold", "criterion")
# The reasons for a normal end of a run, in words.
REASON_TEXTS = {"patience": "patience ran out", "n_epochs": "all epochs had been run"}
# The reasons that data and settings decide: a run that is repeated ends for the same one. An
# interruption is not among them. A run has 'diverged' if a parameter became NaN or too large.
REPEATABLE_REASONS = (*REASON_TEXTS, "diverged")


class Validation(NamedTuple):
    """What one evaluation of the validation set found; errors are fractions of rows.

    Attributes
    ----------
    iter : int
        The last minibatch trained on, counted from 0 over the whole run.
    cost : float
        Mean training cost of the minibatches since the last validation. Files leave out a cost
        that is not finite: in a Validation that was read from one, it is None.
    error, error_all_rows : float
        Two errors of the validation set. `error` is that of whole minibatches, as in the tutorial:
        the last rows, which fill none, are left out. `error_all_rows` is over all rows.
    loss : float or None
        Mean loss of the validation set, over all of its rows. It is None with criterion 'error',
        and in a Validation from a file if it was not finite.
    test_error, test_error_all_rows : float or None
        The same errors of the test set. With criterion 'error', each new best has them; with
        criterion 'loss', only the best of the whole run.
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

    def as_dict(self):
        """Make a dict for JSON, without numbers that are not known or not finite."""
        return {
            name: value
            for name, value in self._asdict().items()
            if value is not None and math.isfinite(value)
        }

    @classmethod
    def from_dict(cls, numbers):
        """Make a Validation of what :meth:`as_dict` gives. A TypeError tells of wrong names."""
        return cls(**{"cost": None, **numbers})

    def shown_errors(self, criterion):
        """The validation and the test error of a learning curve, the latter perhaps None.

        With the criterion 'loss', they are over all rows, else over whole minibatches.
        """
        if criterion == "loss":
            return self.error_all_rows, self.test_error_all_rows
        return self.error, self.test_error


@dataclass(eq=False)
class EarlyStopping:
    """Patience counted in minibatches, as in the tutorial.

    The value of a validation is its error, or with ``criterion='loss'`` its loss. Early stopping
    ends no run before `patience` minibatches. A new best value is significant if it is below
    `improvement_threshold` times the best before. With ``criterion='loss'``, it must be below this
    fraction of the last significant value, since a long fall may be made of small steps. A
    significant value extends the patience to ``iter * patience_increase``, if that is more.

    Parameters
    ----------
    patience : int
        Minibatches to run before early stopping may end the run.
    patience_increase : float
        Factor of the extension.
    improvement_threshold : float
        Fraction below which a new best is significant.
    criterion : {'error', 'loss'}
        Which number of a validation is its value.

    Attributes
    ----------
    patience : int or float
        As given at first, extended by significant improvements.
    best_value : float
        The lowest value so far, infinity before the first.
    best_iter : int or None
        The minibatch at which it was seen.
    gain_iters : list of int
        The minibatches of the significant improvements.
    significant_value : float
        The value at the last of them.

    Examples
    --------
    >>> stopping = EarlyStopping(patience=10, patience_increase=2)
    >>> [stopping.update(iter, value) for iter, value in ((4, 0.5), (9, 0.2), (14, 0.3))]
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
    best_value: float = math.inf
    best_iter: Optional[int] = None
    significant_value: float = math.inf
    gain_iters: List[int] = field(default_factory=list)

    def update(self, iter, value):
        """Take note of the value of a validation after minibatch `iter`.

        Parameters
        ----------
        iter : int
            The index of the minibatch, counted from 0 over the whole run.
        value : float
            The lower the better.

        Returns
        -------
        bool
            Whether it is a new best.
        """
        if not value < self.best_value:  # on a tie, the first stays the best; NaN is no best
            return False
        before = self.significant_value if self.criterion == "loss" else self.best_value
        if value < before * self.improvement_threshold:
            self.patience = max(self.patience, iter * self.patience_increase)
            self.gain_iters.append(iter)
            self.significant_value = value
        self.best_value = value
        self.best_iter = iter
        return True

    def is_over(self, iter):
        """Whether the run ends after minibatch `iter`.

        It is counted from 0, as in the tutorial. So one more minibatch runs than `patience` says.
        """
        return self.patience <= iter


def replay_validations(validations, settings):
    """Make the :class:`EarlyStopping` that a run has after the given validations.

    `validations` is a list of :class:`Validation`, in their order. `settings` is a dict, of which
    the arguments of :class:`EarlyStopping` are taken.
    """
    arguments = {name: settings[name] for name in EARLY_STOPPING_SETTINGS if name in settings}
    stopping = EarlyStopping(**arguments)
    for validation in validations:
        value = getattr(validation, stopping.criterion)  # each criterion is the name of a field
        if value is None:  # in a file, a loss that was not finite
            value = math.nan
        stopping.update(validation.iter, value)
    return stopping
