"""The hyperparameters of a training run, with the tutorial's defaults."""

import math
from dataclasses import dataclass
from typing import Optional

from logreg.basics.settings import (
    ABOVE_0,
    ABOVE_0_UP_TO_1,
    FROM_0,
    FROM_0_BELOW_1,
    FROM_1,
    WHOLE_FROM_1,
    WHOLE_FROM_2,
    check,
    complete_docstring,
    setting,
)

EPOCHS_OF_A_TABLE = 5000  # the default if the data set is a table, such as a CSV file
ROWS_OF_FULL_BATCHES = 5000  # with fewer training rows, the default batches are smaller


@dataclass(frozen=True)
class Hyperparameters:
    """The settings that decide what a run computes.

    Parameters
    ----------
    {settings}

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

    learning_rate: float = setting(ABOVE_0, "what the gradient is multiplied by in each step", 0.13)
    n_epochs: int = setting(WHOLE_FROM_1, "most passes over the training set", 1000)
    batch_size: int = setting(WHOLE_FROM_1, "rows in a minibatch", 600)
    patience: int = setting(  # validation happens every patience // 2 minibatches, or more often
        WHOLE_FROM_2, "minibatches to run before early stopping may end the run", 5000
    )
    patience_increase: float = setting(
        FROM_1,
        "after a significant gain at minibatch i, the run goes on to minibatch i times this factor",
        2,
    )
    improvement_threshold: float = setting(
        ABOVE_0_UP_TO_1,
        "a new best is significant if it is below this fraction of the best before; with the "
        "criterion loss, of the last significant loss",
        0.995,
    )
    l1: float = setting(FROM_0, "factor of the penalty: the sum of the absolute weights", 0.0)
    l2: float = setting(FROM_0, "factor of the penalty: the sum of the squared weights", 0.0)
    momentum: float = setting(
        FROM_0_BELOW_1, "fraction of the last step that is added to each step", 0.0
    )
    class_weight: Optional[str] = setting(
        (None, "balanced"),
        "balanced: each class counts the same in the cost, however many rows it has",
        None,
    )
    criterion: str = setting(
        ("error", "loss"),
        "what decides on the best model and on patience: the error on whole validation "
        "minibatches, as in the tutorial, or the mean negative log-likelihood of the validation "
        "rows",
        "error",
    )

    def __post_init__(self):
        check(self)


# Puts the help of the second argument's fields in place of {settings} in the first one's docstring.
complete_docstring(Hyperparameters, Hyperparameters)
DEFAULTS = Hyperparameters()

# The defaults that depend on the data, as `logreg train --help` tells them.
DEFAULTS_BY_DATA = {
    "learning_rate": f"{DEFAULTS.learning_rate}; for standardized tables at most 4 / number of "
    "inputs",
    "batch_size": f"{DEFAULTS.batch_size}; about a tenth of the training rows if these are fewer "
    f"than {ROWS_OF_FULL_BATCHES:,}, or if validation or test rows are fewer than "
    f"{DEFAULTS.batch_size}; at most the rows of each set",
    "criterion": "error; loss for tables, and for an array that is split into sets",
    "n_epochs": f"{DEFAULTS.n_epochs:,}; {EPOCHS_OF_A_TABLE:,} for tables, whose epochs are short",
}


def choose_hyperparameters(facts, **given):
    """Make the hyperparameters of a run: some defaults depend on the facts of the data.

    Examples
    --------
    >>> from types import SimpleNamespace as Facts
    >>> for is_table, split in ((True, None), (False, [400, 50, 50]), (False, None)):
    ...     facts = Facts(is_table=is_table, split=split, rows=[400, 50, 50], n_folds=None)
    ...     facts.n_in, facts.feature_scales = 100, [0.5] * 100
    ...     found = choose_hyperparameters(facts, l2=0.1)
    ...     found.batch_size, found.criterion, found.n_epochs, found.learning_rate, found.l2
    (40, 'loss', 5000, 0.04, 0.1)
    (40, 'loss', 1000, 0.13, 0.1)
    (40, 'error', 1000, 0.13, 0.1)
    >>> choose_hyperparameters(facts, criterion="loss").criterion
    'loss'
    """
    n_train, *held_out_sizes = facts.rows
    training_sizes = [n_train]
    if facts.n_folds:
        # With folds, the last training is on all rows, and `n_train` counts these. The model of
        # each fold trains on all rows but the fold's, which are ceil(n_train / n_folds) at most.
        training_sizes.append(n_train - math.ceil(n_train / facts.n_folds))
        held_out_sizes = []  # folds are validated row by row, without minibatches
    defaults = {"batch_size": default_batch_size(training_sizes, held_out_sizes)}
    is_one_array = facts.split is not None  # of which all three sets were made
    if facts.is_table or is_one_array:
        defaults["criterion"] = "loss"
    if facts.is_table:
        defaults["n_epochs"] = EPOCHS_OF_A_TABLE
        is_standardized = facts.feature_scales is not None
        if is_standardized:
            # A row of n_in standardized features has a squared norm of about n_in. So the curvature
            # of the cost is at most n_in / 2, and descent is stable up to 2 / curvature.
            defaults["learning_rate"] = min(DEFAULTS.learning_rate, 4 / facts.n_in)
    return Hyperparameters(**{**defaults, **given})


def default_batch_size(training_sizes, held_out_sizes):
    """Choose the batch size from the numbers of rows of the trainings and of the held-out sets.

    It is the tutorial's, 600. If a held-out set has fewer rows, or a training fewer than 5,000, it
    is from a twelfth to an eighth of the rows of the smallest training: the size that leaves the
    fewest training rows over and, of several, that is nearest to a tenth. It is at most the rows
    of the smallest held-out set, even where these are fewer than a twelfth.

    Examples
    --------
    >>> default_batch_size([5000], [600, 600]), default_batch_size([4999], [600, 600])
    (600, 555)
    >>> default_batch_size([9000], [599, 600]), default_batch_size([9000], [600, 20])
    (599, 20)
    >>> default_batch_size([8], [2, 2]), default_batch_size([149, 119], [])
    (1, 9)
    """
    n_rows = min(training_sizes)
    have_full_batches = all(n >= DEFAULTS.batch_size for n in held_out_sizes)
    if n_rows >= ROWS_OF_FULL_BATCHES and have_full_batches:
        return DEFAULTS.batch_size
    largest = max(1, min([n_rows // 8, *held_out_sizes]))
    smallest = max(1, min(n_rows // 12, largest))

    def rank(batch_size):
        n_left_over = sum(n % batch_size for n in training_sizes)
        distance = abs(batch_size - n_rows // 10)
        return n_left_over, distance  # of equal numbers, the nearer size

    return min(range(smallest, largest + 1), key=rank)
