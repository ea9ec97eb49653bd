"""The criterion: by which number of its validations the best model of a run is chosen."""

from typing import NamedTuple, Optional, Tuple


class Point(NamedTuple):
    """A validation in a learning curve; the errors are those that go with the criterion."""

    iter: int
    cost: Optional[float]
    error: float
    test_error: Optional[float]
    loss: Optional[float] = None


class Criterion(NamedTuple):
    """A criterion; its name is that of the number that decides, in a validation and in a point."""

    name: str
    validation_fields: Tuple[str, ...]  # the fields of a Validation that make a point
    is_loss: bool  # so that errors are over all rows, and the test set is tried once, at the end


CRITERIA = {
    "error": Criterion("error", ("iter", "cost", "error", "test_error"), False),
    "loss": Criterion(
        "loss", ("iter", "cost", "error_all_rows", "test_error_all_rows", "loss"), True
    ),
}


def find_criterion(settings):
    """Find the criterion of a dict of hyperparameters; older models name none."""
    return CRITERIA[settings.get("criterion", "error")]
