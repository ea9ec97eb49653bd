"""What a reader gives: a part for each set of a data set, and what is known about all of them."""

from typing import NamedTuple, Optional

import numpy

from logreg.datasets.header import Columns
from logreg.datasets.options import NO_OPTIONS, TableOptions

SPLITS = {"train": "training", "valid": "validation", "test": "test"}


class Part(NamedTuple):
    """The rows of one set as they were read."""

    x: numpy.ndarray  # the features, of shape (n, ...)
    labels: list  # that occur: texts, numbers of an array
    codes: numpy.ndarray  # of shape (n,): for each row the index of its label in `labels`
    first_rows: list  # for each of `labels` the row in which it occurs first
    where: str  # how messages call the set


class About(NamedTuple):
    """What is known about the sets of a data set together."""

    name: str  # what it was asked for by
    files: tuple = ()  # from which it was read
    columns: Optional[Columns] = None  # of a table; None of arrays
    options: TableOptions = NO_OPTIONS  # by which it was read
    image_shape: Optional[tuple] = None  # (height, width) of a row, if it has these
    pixel_scale: Optional[float] = None  # what any x is multiplied by; None: uint8 alone, by 1/256
    is_mapped: bool = False  # whether the training features stay in their file

    @property
    def is_table(self):
        return self.columns is not None


def set_name(name, split, is_alone=False):
    """How messages call a set of a data set, or its only one."""
    return f"{name}:" if is_alone else f"{name}: {SPLITS[split]}"
