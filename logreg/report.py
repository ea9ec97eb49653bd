"""What is known of a run, and the tutorial's lines that tell it."""

import os
import sys
from typing import NamedTuple, Optional

from logreg.console import note


class Validation(NamedTuple):
    """What is known at the end of a stretch of training, when the validation set was tried.

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
    errors : (float, float)
        Fraction of validation rows misclassified: in whole minibatches, and in all rows.
    test_errors : (float, float) or None
        The same for the test set, if this is a new best.
    """

    epoch: int
    minibatch: int
    n_train_batches: int
    iter: int
    cost: float
    errors: tuple
    test_errors: Optional[tuple]


class End(NamedTuple):
    """How a run ended: in which epoch, after which minibatch of the run, and why."""

    epoch: int
    iter: int
    reason: str  # 'patience', 'n_epochs' or 'interrupted'


class Progress(NamedTuple):
    """How far a run has come: last minibatch, seconds; errors and file of the best model."""

    iter: int = -1
    seconds: float = 0.0
    test_error: float = 0.0
    error_all_rows: float = 0.0
    test_error_all_rows: float = 0.0
    best: bytes = b""


class Result(NamedTuple):
    """What came of a run: its end, the errors of the best model as fractions, seconds."""

    end: End
    best_error: float
    test_error: float
    seconds: float


def print_validation(validation):
    """Print the tutorial's line of a validation, and of the test of a new best."""
    where = "epoch %i, minibatch %i/%i" % validation[:3]
    print("%s, validation error %f %%" % (where, validation.errors[0] * 100.0), flush=True)
    if validation.test_errors:
        error = validation.test_errors[0] * 100.0
        print("     %s, test error of best model %f %%" % (where, error), flush=True)


def print_result(result):
    """Print the tutorial's last lines, the last of them on stderr."""
    print(
        "Optimization complete with best validation score of %f %%, with test performance %f %%"
        % (result.best_error * 100.0, result.test_error * 100.0)
    )
    epochs = result.end.epoch
    print("The code run for %d epochs, with %f epochs/sec" % (epochs, epochs / result.seconds))
    sys.stdout.flush()
    program = os.path.basename(sys.argv[0])
    program = program if program.endswith(".py") else "train.py"
    note("The code for file %s ran for %.1fs" % (program, result.seconds))


def all_rows(progress, batch_size):
    """The errors of the best model over all rows, in words: the tutorial's lines leave some out."""
    return (
        f"over all rows, and not only whole minibatches of {batch_size}, the best model has a "
        "validation error of %f %% and a test error of %f %%"
        % (progress.error_all_rows * 100.0, progress.test_error_all_rows * 100.0)
    )


def why(end, stopping, n_epochs):
    """Say why a run ended."""
    if end.reason == "n_epochs":
        return f"stopped: {'all ' * (n_epochs > 1)}{n_epochs} epoch{'s' * (n_epochs > 1)} run"
    return (
        f"stopped by patience at iteration {end.iter}: the last significant gain (below "
        f"{stopping.improvement_threshold} of the best error before) was at iteration "
        f"{stopping.significant_iter}; patience, {stopping.patience_increase} times that "
        f"and {stopping.initial_patience} at least, ran out at {stopping.patience}"
    )
