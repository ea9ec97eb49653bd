"""Which rows train, validate and test, where a data set does not tell."""

import numbers

import numpy

from logreg.datasets.checks import SPLITS
from logreg.datasets.formats import mapping
from logreg.errors import DatasetError, SettingError
from logreg.terminal.notes import note

MNIST_TRAINING_ROWS = 60000
PART = 6  # one row in so many goes into a set that is not given


def check_seeds(**seeds):
    """Raise a SettingError if NumPy takes one of the values for no seed; None is left alone."""
    for name, seed in seeds.items():
        is_seed = isinstance(seed, numbers.Integral) and 0 <= seed < 2**32
        if not (seed is None or is_seed):
            raise SettingError(f"the seed of the {name} is {seed}: give a number from 0 to 2**32-1")


def split_off(sets, name, shuffle=None, sizes=None, is_mnist=False, split_seed=None):
    """Take the sets that are not given from the training rows.

    `sets` has a pair (x, y) for 'train' and perhaps for 'valid' and 'test'. `shuffle` is the seed
    of a permutation of the training rows before. `sizes` are the rows for training, validation
    and test; by default, each set that is not given gets a sixth. `split_seed` is the seed of a
    stratified split, if `shuffle` is not given. A note on stderr says what is split off, but for
    MNIST's 60,000 rows. Returned are all three sets and, if the test set was split off, the sizes.
    """
    x, y = sets["train"]
    n_rows, order = len(y), None
    shown = f"{n_rows} rows"
    if mapping(x) is not None and not is_mnist:
        split_seed = None  # the rows stay in their file, in its order
        if shuffle is not None:
            raise SettingError(
                f"{name} stays in its files, where rows are not shuffled: write a shuffled copy "
                "once, with python scripts/make_folder.py SOURCE FOLDER --shuffle SEED"
            )
    lacking = [split for split in ("valid", "test") if split not in sets]
    if lacking == ["test"]:
        raise DatasetError(
            f"{name}: has a validation set, but no test set with labels: give both or none"
        )
    if shuffle is not None:
        order = numpy.random.RandomState(shuffle).permutation(n_rows)
        shown = f"{n_rows} shuffled rows"
    elif split_seed is not None and lacking:
        order = stratified_order(y, split_seed)
        shown += f", shuffled and with all classes in proportion (--split-seed {split_seed}; "
        shown += "--no-shuffle keeps their order)"
    n_part = max(1, n_rows // PART)
    sizes = sizes or [n_rows - n_part * len(lacking), n_part, n_part]
    if sizes[0] < 1:
        raise DatasetError(f"{name}: {n_rows} rows are too few to split: give more, or all sets")
    starts = numpy.cumsum([0, *sizes])
    for split, start, size in zip(["train", *lacking], starts, sizes):
        rows = slice(start, start + size) if order is None else order[start : start + size]
        sets = {**sets, split: (x[rows], y[rows])}
    if "test" in lacking:
        note(
            f"note: {name}: one table: of its {shown}, the first {sizes[0]} are for training, "
            f"{sizes[1]} for validation and {sizes[2]} for test"
        )
    elif lacking and not (is_mnist and order is None and n_rows == MNIST_TRAINING_ROWS):
        note(f"note: {name}: no validation set given: it is the last {n_part} of the {shown}")
    sets = {split: sets[split] for split in SPLITS}
    return sets, list(sizes) if "test" in lacking else None


def stratified_order(y, seed):
    """Order rows at random so that each class is spread evenly: any part has all in proportion.

    Row k of the n rows of a class, in a random order, comes at (k + 1/2) / n of the whole. The
    order is the same on every version of NumPy.

    Examples
    --------
    >>> y = numpy.array([0, 0, 0, 0, 1, 1])
    >>> y[stratified_order(y, seed=0)].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    order = numpy.random.RandomState(seed).permutation(len(y))
    by_class = order[numpy.argsort(y[order], kind="stable")]
    sizes = numpy.bincount(y)
    starts = numpy.repeat(numpy.cumsum(sizes) - sizes, sizes)
    place = numpy.empty(len(y))
    place[by_class] = (numpy.arange(len(y)) - starts + 0.5) / numpy.repeat(sizes, sizes)
    return order[numpy.argsort(place[order], kind="stable")]
