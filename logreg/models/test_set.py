"""The rows of a data set on which a model is tested."""

import numpy

from logreg.datasets.checks import check
from logreg.datasets.dataset import DataSet
from logreg.datasets.learning import read_through
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.sources import read
from logreg.datasets.splits import split_off, stratified_order
from logreg.errors import DatasetError
from logreg.hyperparameters import DATASET
from logreg.terminal.notes import note


def read_test_set(facts, dataset=None, options=NO_OPTIONS):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if these are the data that it was trained on, as their SHA-256
    tells; otherwise all rows. `facts` are the :class:`.Facts` of the model; if `dataset` is None,
    it is the one that they name. A table is read as the model's was where `options` do not say
    otherwise; with a header it gives the features that the model knows by name.
    """
    own = facts.dataset or DATASET
    try:
        data = _read(dataset or own, facts, options)
    except DatasetError as error:
        if dataset is not None or own == DATASET:
            raise
        raise DatasetError(
            f"{error}. The model was trained on {own!a}; `dataset` names other data"
        ) from None
    if data.n_in != facts.n_in:
        raise DatasetError(
            f"{data.name}: the model expects {facts.expected}, got {data.test[0].shape}; "
            "give as `dataset` data like those that it was trained on"
        )
    return data


def _read(dataset, facts, options):
    how, pixel_scale = facts.table_options(options), facts.pixel_scale if facts.scale_all else None
    parts, about = read(dataset, how, facts.dtype, pixel_scale, known=facts.table)
    sets, about, class_labels = check(parts, about, facts.dtype)
    split = "test" if "test" in sets else "train"
    test, rows = sets[split], numpy.arange(len(sets[split][1]))
    if split == "train":
        test, rows = _of_one_set(parts, test, rows, about, facts)
    read_through(parts, {"test": test}, about, facts.dtype)
    first = min(parts[split].first_rows)  # 0 of arrays; rows of tables are counted from 1
    return DataSet(about, class_labels, test=test, test_rows=first + rows)


def _of_one_set(parts, train, rows, about, facts):
    """The test rows of a data set without a test set, and which of `rows` these are."""
    y = train[1]
    if facts.split and sum(facts.split) == len(y):
        seed = facts.split_seed
        order = None if seed is None else stratified_order(y, seed)
        sets = split_off({"train": train}, facts.split, order)
        is_standardized = facts.feature_scales is not None
        _, digest = read_through(parts, sets, about, facts.dtype, standardize=is_standardized)
        if digest == facts.dataset_sha256:
            return sets["test"], split_off({"train": (rows, rows)}, facts.split, order)["test"][0]
    note(
        f"note: {about.name}: all {len(y)} rows are the test set, as the model was trained on "
        "other data; if it has seen some of them, the error is too small"
    )
    return train, rows
