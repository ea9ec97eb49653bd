"""The rows of a data set that were held out from training, on which a model is tested."""

from dataclasses import replace

import numpy

from logreg.console import note, warning
from logreg.datasets.arrays import check_sets
from logreg.datasets.dataset import DataSet
from logreg.datasets.learning import read_through
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.sources import read_parts
from logreg.datasets.splits import order_of, split_off
from logreg.errors import DatasetError
from logreg.hyperparameters import DATASET


def read_test_set(facts, dataset=None, options=NO_OPTIONS):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if these are the data that it was trained on, as their SHA-256
    tells; otherwise all rows, and `rows_are` says so. `facts` are the
    :class:`.ModelFacts` of the model; if `dataset` is None, it is the one that they name. A table
    is read as the model's was where `options` do not say otherwise; with a header it gives the
    features that the model knows by name.
    """
    own = facts.dataset or DATASET
    try:
        data = _read(own if dataset is None else dataset, facts, options)
    except DatasetError as error:
        if dataset is not None or own == DATASET:
            raise
        raise DatasetError(
            f"{error}. The model was trained on {own!a}; `dataset` names other data"
        ) from None
    if data.facts.n_in != facts.n_in:
        raise DatasetError(
            f"{data.facts.dataset}: the model expects {facts.expected}, got {data.test[0].shape}; "
            "give as `dataset` data like those that it was trained on"
        )
    return data


def _read(dataset, facts, options):
    layout = facts.pixels.layout if facts.pixels.takes_pictures else None
    options = facts.table_options(options)
    parts, found, files = read_parts(dataset, options, columns=facts.table, layout=layout)
    found = replace(found, pixel_scale=facts.pixel_scale, scale_all=bool(facts.scale_all))
    is_prepared = facts.feature_means is not None
    sets, found = check_sets(parts, found, None if is_prepared else facts.dtype)
    places, rows_are = slice(None), "its own test set"
    if "test" not in sets:
        places, rows_are = _of_one_set(parts, sets["train"], found, facts)
    split = "test" if "test" in sets else "train"
    x, y = sets[split]
    test, rows = (x[places], y[places]), numpy.array(parts[split].rows or range(len(y)))
    read_through(parts, {"test": test}, found, facts.dtype)
    return DataSet(found, test=test, files=files, rows_are=rows_are, test_rows=rows[places])


def _of_one_set(parts, rows, found, facts):
    """Which rows of a data set without a test set are tested, and what they are."""
    y, name = rows[1], found.dataset
    if facts.split and sum(facts.split) == len(y):
        sizes, order = order_of(y, facts.split_seed, parts["train"].groups)
        sets = split_off({"train": rows}, sizes or facts.split, order)
        is_standardized = facts.feature_scales is not None
        _, digest = read_through(parts, sets, found, facts.dtype, standardize=is_standardized)
        if digest == facts.dataset_sha256:
            places = numpy.arange(len(y)) if order is None else order
            return places[-facts.split[2] :], "those that training held out"
    if facts.split and name == facts.dataset:
        warning(
            f"{name} is not as it was when the model was trained on "
            f"{facts.n_refit_rows or facts.split[0]} of its {sum(facts.split)} rows: all {len(y)} "
            "rows of now are tested, most of which the model has seen; the error is too small"
        )
        return slice(None), "all rows of data that have changed since training"
    note(
        f"note: {name}: all {len(y)} rows are the test set, as the model was trained on other "
        "data; if it has seen some of them, the error is too small"
    )
    return slice(None), "all rows"
