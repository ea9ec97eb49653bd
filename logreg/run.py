"""What is known of a training run, on the way and at its end."""

import math
import timeit
from dataclasses import dataclass, field
from typing import NamedTuple, Optional, Sequence

from logreg.early_stopping import EarlyStopping
from logreg.hyperparameters import Hyperparameters


class Validation(NamedTuple):
    """What is known when the validation set was tried; errors are fractions of rows.

    Attributes
    ----------
    epoch, minibatch : int
        The last minibatch trained on, both counted from 1.
    n_train_batches : int
        Minibatches in an epoch.
    iter : int
        The same minibatch, counted from 0 over the whole run.
    cost : float
        Mean training cost of the minibatches since the last validation.
    error, error_all_rows : float
        Of the validation set: over its whole minibatches, and over all of its rows.
    test_error, test_error_all_rows : float or None
        The same of the test set, if this is a new best.
    curve : list of [int, float or None, float, float or None]
        Iteration, cost, error and test error of the validations up to this one.
    """

    epoch: int
    minibatch: int
    n_train_batches: int
    iter: int
    cost: float
    error: float
    error_all_rows: float
    test_error: Optional[float] = None
    test_error_all_rows: Optional[float] = None
    curve: Sequence = ()

    def metadata(self):
        """What a model file tells of the validation at which it was kept, as a dict."""
        return {
            "epoch": self.epoch,
            "iteration": self.iter,
            "n_train_batches": self.n_train_batches,
            "curve": list(self.curve),
            "validation_error": self.error,
            "validation_error_all_rows": self.error_all_rows,
            "test_error": self.test_error,
            "test_error_all_rows": self.test_error_all_rows,
        }


@dataclass(eq=False)
class Run:
    """A training run: what it was given, how far it is, and what its best model does.

    Attributes
    ----------
    variables : list of shared variables
        All that training changes.
    hyperparameters : Hyperparameters
    stopping : EarlyStopping
        It knows the best validation error.
    n_train_batches : int
        Minibatches in an epoch.
    iter : int
        The last minibatch trained on, counted from 0 over the whole run; -1 before the first.
    seconds : float
        Time since the training began, and of the earlier parts of a resumed run.
    test_error, test_error_all_rows, error_all_rows : float
        Of the best model; see :class:`Validation`.
    best : bytes
        Its file, if a callback keeps one.
    n_threads : int or None
        Threads that share a sum of the training step, if the bits depend on how many they are.
    reason : {None, 'patience', 'n_epochs', 'diverged', 'interrupted'}
        Why the run ended.
    params : list of shared variables
        Those of `variables` that the cost depends on: not what an update rule remembers.
    curve : list of lists
        As :class:`Validation` has it.
    """

    variables: list
    hyperparameters: Hyperparameters
    stopping: EarlyStopping
    n_train_batches: int
    iter: int = -1
    seconds: float = 0.0
    test_error: float = 0.0
    test_error_all_rows: float = 0.0
    error_all_rows: float = 0.0
    best: bytes = field(default=b"", repr=False)
    n_threads: Optional[int] = None
    reason: Optional[str] = None
    params: list = field(default_factory=list)
    curve: list = field(default_factory=list, repr=False)

    def start_clock(self):
        """Count the seconds from now on, beside those that are counted already."""
        self._begin = timeit.default_timer() - self.seconds

    def read_clock(self):
        """Bring `seconds` up to date."""
        self.seconds = timeit.default_timer() - self._begin

    def update(self, validation):
        """Take note of a validation; its minibatch and its best loss are known already."""
        self.read_clock()
        cost = validation.cost if math.isfinite(validation.cost) else None  # for JSON
        self.curve.append([validation.iter, cost, validation.error, validation.test_error])
        if validation.test_error is not None:
            self.test_error = validation.test_error
            self.test_error_all_rows = validation.test_error_all_rows
            self.error_all_rows = validation.error_all_rows

    @property
    def epoch(self):
        """The epoch of the last minibatch, counted from 1."""
        return self.iter // self.n_train_batches + 1
