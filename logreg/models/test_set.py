"""The rows of a data set on which a model is tested."""

import numpy

from logreg.datasets.checks import check
from logreg.datasets.dataset import DataSet
from logreg.datasets.learning import read_through
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.sources import read
from logreg.datasets.splits import split_off, stratified_order
from logreg.terminal.notes import note


def read_test_set(dataset, facts, options=NO_OPTIONS):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if these are the data that it was trained on, as their SHA-256
    tells; otherwise all rows. `facts` are the :class:`.Facts` of the model. A table is read as the
    model's was where `options` do not say otherwise; with a header it gives the features that the
    model knows by name.
    """
    if isinstance(dataset, DataSet):
        return dataset
    how, pixel_scale = facts.table_options(options), facts.pixel_scale if facts.scale_all else None
    parts, about = read(dataset, how, facts.dtype, pixel_scale, known=facts.table)
    sets, about, class_labels = check(parts, about, facts.dtype)
    test = sets["test"] if "test" in sets else _of_one_set(parts, sets["train"], about, facts)
    read_through(parts, {"test": test}, about, facts.dtype)
    return DataSet(about, class_labels, test[0].shape[1], test=test)


def _of_one_set(parts, rows, about, facts):
    """The test rows of a data set without a test set."""
    y = rows[1]
    if facts.split and sum(facts.split) == len(y):
        order = None
        if facts.shuffle is not None:  # as logreg shuffled before classes had their share
            order = numpy.random.RandomState(facts.shuffle).permutation(len(y))
        elif facts.split_seed is not None:
            order = stratified_order(y, facts.split_seed)
        sets = split_off({"train": rows}, facts.split, order)
        is_standardized = facts.feature_scales is not None
        _, digest = read_through(parts, sets, about, facts.dtype, standardize=is_standardized)
        if digest == facts.dataset_sha256:
            return sets["test"]
    note(
        f"note: {about.name}: all {len(y)} rows are the test set, as the model was trained on "
        "other data; if it has seen some of them, the error is too small"
    )
    return rows
