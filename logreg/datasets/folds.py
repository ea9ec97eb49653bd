"""Folds of a table: each is held out once, from a model that trains on all other rows."""

from dataclasses import replace
from numbers import Integral

import numpy

from logreg.basics.console import note
from logreg.basics.errors import DatasetError, SettingError
from logreg.datasets.doubts import check_weights
from logreg.datasets.learning import learn
from logreg.parts.splits import SPLITS, in_groups

N_FOLDS = 5
# Of so many rows, a sixth is enough to validate, and another sixth to test.
MANY_ROWS = 5000


def choose_n_folds(data, n_folds=None, n_ranks=1):
    """Choose the number of folds of a DataSet; 0 stands for one split into three sets.

    A number that is given must be possible. By default, there are 5 for a table of fewer than 5,000
    rows that was split at random, and is trained on by one process.
    """
    facts = data.facts
    if n_folds is None:
        is_small_table = facts.is_table and facts.split and sum(facts.split) < MANY_ROWS
        if not is_small_table or facts.split_seed is None or n_ranks > 1:
            return 0
        return min(N_FOLDS, _n_units(data))
    if n_folds == 0:
        return 0
    if not facts.split:
        raise DatasetError(f"{facts.dataset} has a test set: folds are made of one table or array")
    if n_ranks > 1:
        raise SettingError("several ranks share the rows of a set: give `folds=0`")
    if not isinstance(n_folds, Integral) or not 2 <= n_folds <= _n_units(data):
        what = "rows" if data.groups is None else "groups"
        raise SettingError(
            f"`folds` is {n_folds!r}: of {_n_units(data)} {what}, 2 to {_n_units(data)} folds are "
            "made; 0 stands for one split into three sets"
        )
    if facts.split_seed is None:
        note(
            "note: the rows are in their order, and each fold is tested by a model that has seen "
            "later rows: of a time series, this does not show the error of the future"
        )
    return n_folds


def _n_units(data):
    """The number of rows, or of groups, which no fold divides."""
    if data.groups is None:
        return sum(data.facts.split)
    return len(numpy.unique(data.groups))


def divide_into_folds(data, n_folds):
    """Make a DataSet of all rows of a DataSet that was split; its `folds` are of the same rows.

    All rows are its training, its validation and its test set. Each fold is a DataSet, too: the
    rows of the fold are its validation and its test set, and all others its training set, of which
    it has its own means and deviations. The rows are in the order of the split. If that was made at
    random, each fold has the classes in proportion; groups stay whole.

    Examples
    --------
    >>> from logreg.datasets.dataset import read_dataset
    >>> numpy.savez("d.npz", x=numpy.arange(12.0).reshape(12, 1), y=numpy.arange(12) % 2)
    >>> data = divide_into_folds(read_dataset("d.npz"), 4)
    >>> data.facts.rows, [fold.facts.rows for fold in data.folds]
    ([12, 12, 12], [[9, 3, 3], [9, 3, 3], [9, 3, 3], [9, 3, 3]])
    """
    x = numpy.concatenate([x for x, _ in data])
    y = numpy.concatenate([y for _, y in data])
    weights = None
    if data.weights:
        weights = numpy.concatenate([data.weights[split] for split in SPLITS])
    rows = numpy.arange(len(y))
    fold_rows = numpy.array_split(rows, n_folds)
    if data.groups is not None:
        sizes = [*map(len, fold_rows)]
        fold_rows = in_groups(y, data.groups, sizes, data.facts.split_seed)

    def take(training_rows, tested_rows):
        chosen = {"train": training_rows, "valid": tested_rows, "test": tested_rows}
        sets = {split: (x[some], y[some]) for split, some in chosen.items()}
        set_weights = None
        if weights is not None:
            set_weights = {split: weights[some] for split, some in chosen.items()}
            check_weights(data.facts, set_weights)
        is_standardized = data.facts.feature_scales is not None
        # It only measures: the features are still as they were read. There are no parts to check,
        # and the features have their dtype.
        facts = learn({}, sets, data.facts, None, is_standardized, set_weights)
        # The digest stays that of the split data: later readers compute that one.
        facts = replace(facts, dataset_sha256=data.facts.dataset_sha256, n_folds=n_folds)
        return replace(data, facts=facts, **sets, weights=set_weights, is_mapped=False)

    folds = [take(numpy.setdiff1d(rows, tested), tested) for tested in fold_rows]
    return replace(take(rows, rows), folds=folds, fold_rows=fold_rows)
