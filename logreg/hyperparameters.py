"""What a training run can be told, with the tutorial's values as the defaults."""

import numbers
import sys
from dataclasses import dataclass, field, fields
from typing import Optional

from logreg.errors import SettingError

# The tutorial's names for what it reads and writes.
DATASET = "mnist.pkl.gz"
BEST_MODEL = "best_model.pkl"
EPOCHS_OF_A_TABLE = 5000

LARGEST = sys.float_info.max  # a whole number may be larger, and no float
RANGES = {
    "above 0": lambda value: 0 < value <= LARGEST,
    "0 or more": lambda value: 0 <= value <= LARGEST,
    "from 1 to 1e9": lambda value: 1 <= value <= 1e9,
    "2 or more": lambda value: 2 <= value <= LARGEST,
    "above 0, up to 1": lambda value: 0 < value <= 1,
    "0 or more, below 1": lambda value: 0 <= value < 1,
}


def _setting(default, allowed, meaning):
    """A setting with a name of RANGES, or the choices that there are."""
    return field(default=default, metadata={"allowed": allowed, "help": meaning})


@dataclass(frozen=True)
class Hyperparameters:
    """The settings that decide what a run computes.

    Parameters
    ----------
    {parameters}

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

    learning_rate: float = _setting(0.13, "above 0", "factor of the gradient in each step")
    n_epochs: int = _setting(1000, "from 1 to 1e9", "passes over the training set at the most")
    batch_size: int = _setting(600, "from 1 to 1e9", "rows in a minibatch")
    patience: int = _setting(  # validation happens every patience // 2 minibatches, or more often
        5000, "2 or more", "minibatches to run before early stopping may end the run"
    )
    patience_increase: float = _setting(
        2,
        "from 1 to 1e9",
        "after a significant gain at minibatch i, run on to i times this at least",
    )
    improvement_threshold: float = _setting(
        0.995,
        "above 0, up to 1",
        "a best below this fraction of the best before is significant; by the loss, of the last "
        "significant one",
    )
    l1: float = _setting(0.0, "0 or more", "factor of the sum of absolute weights in the cost")
    l2: float = _setting(0.0, "0 or more", "factor of the sum of squared weights in the cost")
    momentum: float = _setting(
        0.0, "0 or more, below 1", "fraction of the last step that is added to each"
    )
    class_weight: Optional[str] = _setting(
        None, (None, "balanced"), "balanced: all classes count the same, not all rows, in the cost"
    )
    criterion: str = _setting(
        "error",
        ("error", "loss"),
        "the best model, and patience, go by the error on whole validation minibatches, as in the "
        "tutorial, or by the mean negative log-likelihood",
    )

    def __post_init__(self):
        for setting in fields(self):
            value, allowed = getattr(self, setting.name), setting.metadata["allowed"]
            if isinstance(value, numbers.Real) and hasattr(value, "item"):
                value = value.item()  # NumPy's float64 would make float64 of float32 parameters
                object.__setattr__(self, setting.name, value)
            if allowed in RANGES:
                kind = numbers.Integral if setting.type is int else numbers.Real
                is_number = isinstance(value, kind) and not isinstance(value, bool)
                fits = is_number and RANGES[allowed](value)
            else:
                fits = value in allowed
            if not fits:
                needed, given = _allowed_text(setting), repr(value)[:60]
                raise SettingError(f"{setting.name} is {given}: it must be {needed}")


def _allowed_text(setting):
    allowed = setting.metadata["allowed"]
    if allowed not in RANGES:
        return " or ".join(map(repr, allowed))
    return f"{'a whole' if setting.type is int else 'a'} number, {allowed}"


def _documented(setting):
    meaning = setting.metadata["help"].capitalize()
    return f"{setting.name} : {_allowed_text(setting)}\n        {meaning}."


Hyperparameters.__doc__ = Hyperparameters.__doc__.replace(
    "{parameters}", "\n    ".join(map(_documented, fields(Hyperparameters)))
)
DEFAULTS = Hyperparameters()


# Defaults that the data decide, in words.
BY_DATA = {
    "batch_size": f"{DEFAULTS.batch_size}; a tenth of less than 5,000 rows",
    "criterion": "error; loss for tables, and for one array that is split",
    "n_epochs": f"{DEFAULTS.n_epochs:,}; {EPOCHS_OF_A_TABLE:,} for tables, whose epochs are short",
}


def for_data(facts, **given):
    """The hyperparameters of a run on some data, whose defaults are those that the data decide."""
    by_loss = facts.is_table or facts.split
    defaults = {
        "batch_size": default_batch_size(facts.rows),
        "criterion": "loss" if by_loss else DEFAULTS.criterion,
        "n_epochs": EPOCHS_OF_A_TABLE if facts.is_table else DEFAULTS.n_epochs,
    }
    return Hyperparameters(**{**defaults, **given})


def default_batch_size(n_rows):
    """The batch size for training, validation and test sets of `n_rows` rows.

    It is the tutorial's. Only if a set has fewer rows, or the training set fewer than 5,000, it is
    a tenth of the training rows, or as many as the smallest set has if that is less.
    """
    if min(n_rows) >= DEFAULTS.batch_size and n_rows[0] >= 5000:
        return DEFAULTS.batch_size
    return max(1, min(*n_rows, n_rows[0] // 10))
