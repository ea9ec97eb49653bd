"""What is known of a training run, on the way and at its end."""

import math
import timeit
from dataclasses import dataclass, field
from typing import NamedTuple, Optional

from logreg.early_stopping import EarlyStopping
from logreg.hyperparameters import Hyperparameters

# The hyperparameters that a run goes by; the cost and the updates are made with the others.
OF_A_RUN = ("n_epochs", "batch_size", "patience", "patience_increase", "improvement_threshold")
OF_A_RUN += ("ties",)


class Validation(NamedTuple):
    """What is found when the validation set is tried; errors are fractions of rows.

    Attributes
    ----------
    iter : int
        The last minibatch trained on, counted from 0 over the whole run.
    cost : float
        Mean training cost of the minibatches since the last validation.
    error, error_all_rows : float
        Of the validation set: over its whole minibatches, and over all of its rows.
    loss : float or None
        Mean loss of the validation set, over all of its rows.
    test_error, test_error_all_rows : float or None
        As the errors above, of the test set: tried at a new best.
    """

    iter: int
    cost: float
    error: float
    error_all_rows: float
    loss: Optional[float] = None
    test_error: Optional[float] = None
    test_error_all_rows: Optional[float] = None


@dataclass(eq=False)
class Run:
    """A training run: what it was given, how far it is, and what was found on the way.

    Attributes
    ----------
    variables : list of shared variables
        All that training changes.
    params : list of shared variables
        Those of `variables` that the cost depends on: not what an update rule remembers.
    hyperparameters : Hyperparameters
    n_train_batches : int
        Minibatches in an epoch.
    pixel_scale : float
        What the features of the data sets are multiplied by before training.
    iter : int
        The last minibatch trained on, counted from 0 over the whole run; -1 before the first.
    seconds : float
        Time since the training began, and of the earlier parts of a resumed run.
    validations : list of Validation
    stopping : EarlyStopping
        The patience, and which validation is the best.
    best : bytes
        The file of the best model, if a callback keeps one.
    n_threads : int or None
        Threads that share a sum of the training step, if the bits depend on how many they are.
    reason : {None, 'patience', 'n_epochs', 'diverged', 'interrupted'}
        Why the run ended.
    """

    variables: list
    params: list
    hyperparameters: Hyperparameters
    n_train_batches: int
    pixel_scale: float = 1.0
    iter: int = -1
    seconds: float = 0.0
    validations: list = field(default_factory=list, repr=False)
    best: bytes = field(default=b"", repr=False)
    n_threads: Optional[int] = None
    reason: Optional[str] = None

    def __post_init__(self):
        self.stopping = EarlyStopping.of(self.hyperparameters)
        self.start_clock()

    def start_clock(self):
        """Count the seconds from now on, beside those that are counted already."""
        self._begin = timeit.default_timer() - self.seconds

    def read_clock(self):
        """Bring `seconds` up to date."""
        self.seconds = timeit.default_timer() - self._begin

    @property
    def epoch(self):
        """The epoch of the last minibatch, counted from 1."""
        return self.iter // self.n_train_batches + 1

    @property
    def minibatch(self):
        """The number of the last minibatch in its epoch, counted from 1."""
        return self.iter % self.n_train_batches + 1

    @property
    def validation_frequency(self):
        """Minibatches from one validation to the next."""
        return min(self.n_train_batches, self.hyperparameters.patience // 2)

    @property
    def best_validation(self):
        """The Validation of the best model; None if there is none."""
        best = (v for v in reversed(self.validations) if v.iter == self.stopping.best_iter)
        return next(best, None)

    @property
    def curve(self):
        """A list [iter, cost, error, test error] for each validation, as files have it."""
        return [
            # JSON has no infinity.
            [v.iter, v.cost if is_finite(v.cost) else None, v.error, v.test_error]
            for v in self.validations
        ]

    def metadata(self):
        """What the file of the best model tells of the run, as a dict."""
        best, names = self.best_validation, ("error", "error_all_rows")
        return {
            **{name: getattr(self.hyperparameters, name) for name in OF_A_RUN},
            "epoch": best.iter // self.n_train_batches + 1,
            "iteration": best.iter,
            "n_train_batches": self.n_train_batches,
            "pixel_scale": self.pixel_scale,
            "curve": self.curve,
            **{f"validation_{name}": getattr(best, name) for name in names},
            **{f"test_{name}": getattr(best, f"test_{name}") for name in names},
        }


def is_finite(cost):
    """Whether a cost is a number; None stands for one that was not, as JSON has it."""
    return cost is not None and math.isfinite(cost)
