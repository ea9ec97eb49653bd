"""Which rows train, validate and test, where a data set does not tell."""

import numbers

import numpy

from logreg.console import note
from logreg.datasets.checks import SPLITS
from logreg.errors import DatasetError

MNIST_TRAINING_ROWS = 60000
SHARE = 6  # one row in so many goes into a set that is not given


def is_seed(value):
    """Whether NumPy takes a value for the seed of a permutation."""
    return isinstance(value, numbers.Integral) and 0 <= value < 2**32


def fits(sizes, n_rows):
    """Whether something that a model file tells is a split of so many rows in three sets."""
    is_plain = isinstance(sizes, (list, tuple)) and len(sizes) == len(SPLITS)
    return is_plain and all(type(n) is int and n > 0 for n in sizes) and sum(sizes) == n_rows


def split_off(data, sizes=None, is_mnist=False):
    """Shuffle the training rows, and split off them the sets that are not given.

    Parameters
    ----------
    data : DataSet
        Whose `shuffle` is the seed of the permutation. Its sets and `split` are changed.
    sizes : sequence of int, optional
        Rows for training, validation and test, by default four, one and one sixth.
    is_mnist : bool
        Whether 60,000 rows are MNIST's, of which nothing need be said.

    Raises
    ------
    DatasetError
        If there are too few rows.
    """
    x, y = data.train
    n_rows, how = len(y), ""
    if data.shuffle is not None:
        order = numpy.random.RandomState(data.shuffle).permutation(n_rows)
        x, y, how = x[order], y[order], " shuffled"
    lacking = [split for split in ("valid", "test") if getattr(data, split) is None]
    n_part = max(1, n_rows // SHARE)
    sizes = sizes or [n_rows - n_part * len(lacking), n_part, n_part]
    if sizes[0] < 1:
        wanted = " and a ".join(f"{SPLITS[split]} set" for split in lacking)
        raise DatasetError(
            f"{data.name}: {n_rows} rows are too few to split a {wanted} off: give more, or give "
            "these"
        )
    starts = numpy.cumsum(sizes)
    data.train = x[: starts[0]], y[: starts[0]]
    for split, start, size in zip(lacking, starts, sizes[1:]):
        setattr(data, split, (x[start : start + size], y[start : start + size]))
    if "test" in lacking:
        data.split = list(sizes)
        note(
            f"note: {data.name}: one table: of its {n_rows}{how} rows, the first {sizes[0]} are "
            f"for training, {sizes[1]} for validation and {sizes[2]} for test"
        )
    elif lacking and not (is_mnist and not how and n_rows == MNIST_TRAINING_ROWS):
        note(
            f"note: {data.name}: no validation set given: the last {n_part} of the {n_rows}{how} "
            "training rows become it"
        )
