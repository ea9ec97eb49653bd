"""Early stopping with patience: a run ends when nothing has improved for long."""

import math
from dataclasses import dataclass, field
from typing import List, Optional

from logreg.hyperparameters import DEFAULTS

EARLY_STOPPING_SETTINGS = ("patience", "patience_increase", "improvement_threshold", "criterion")


@dataclass(eq=False)
class EarlyStopping:
    """Patience counted in minibatches, as in the tutorial.

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
        Which number of a validation the losses are.

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
        """Take note of the loss on the validation set after minibatch `iter`.

        Parameters
        ----------
        iter : int
            Minibatches before this one, over the whole run.
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

    Each point has its `iter` and the number of the criterion. `settings` is a dict, of which the
    arguments of :class:`EarlyStopping` are taken.
    """
    rule = {name: settings[name] for name in EARLY_STOPPING_SETTINGS if name in settings}
    stopping = EarlyStopping(**rule)
    for point in points:
        loss = getattr(point, stopping.criterion)
        stopping.update(point.iter, math.nan if loss is None else loss)
    return stopping
