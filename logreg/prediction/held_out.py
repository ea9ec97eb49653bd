"""The rows of a data set that were held out from training, on which a model is tested."""

from dataclasses import replace

import numpy

from logreg.console import note, warning
from logreg.datasets.arrays import check_sets
from logreg.datasets.dataset import DataSet
from logreg.datasets.learning import read_through
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.sources import read_parts
from logreg.datasets.splits import choose_rows, take_rows
from logreg.errors import DatasetError
from logreg.hyperparameters import DATASET


def read_test_set(facts, dataset=None, options=NO_OPTIONS):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, and the SHA-256 says that the model was
    trained on these data, they are the rows that training held out. Otherwise they are all rows.
    The DataSet's `rows_are` says which.

    `facts` are the :class:`.ModelFacts` of the model. If `dataset` is None, they name the data
    set. A table is read as the model's was, where `options` do not say otherwise. If it has a
    header, the features are found by their names.
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
    layout = facts.image_layout if facts.image_layout.takes_pictures else None
    options = facts.table_options(options)
    parts, found, files = read_parts(dataset, options, columns=facts.table, layout=layout)
    found = replace(found, pixel_scale=facts.pixel_scale, scale_all=bool(facts.scale_all))
    is_cast_later = facts.feature_means is not None
    sets, found = check_sets(parts, found, None if is_cast_later else facts.dtype)
    if "test" in sets:
        split = "test"
        chosen = slice(None)
        rows_are = "its own test set"
    else:
        split = "train"
        chosen, rows_are = _choose_rows(parts, sets["train"], found, facts)
    x, y = sets[split]
    test = x[chosen], y[chosen]
    read_through(parts, {"test": test}, found, facts.dtype)
    numbers = numpy.array(parts[split].rows or range(len(y)))
    weights = parts[split].weights
    if weights is not None:
        weights = {"test": weights[chosen]}
    return DataSet(
        found,
        test=test,
        files=files,
        weights=weights,
        rows_are=rows_are,
        test_rows=numbers[chosen],
    )


def _choose_rows(parts, rows, found, facts):
    """Choose the rows to test of a data set without a test set; return them and their name."""
    y = rows[1]
    name = found.dataset
    if facts.split and sum(facts.split) == len(y):
        chosen = choose_rows(y, ["valid", "test"], facts.split_seed, parts["train"].groups)
        sets = take_rows({"train": rows}, chosen)
        is_standardized = facts.feature_scales is not None
        _, digest = read_through(parts, sets, found, facts.dtype, standardize=is_standardized)
        if digest == facts.dataset_sha256:
            return chosen["test"], "those that training held out"
    if facts.split and name == facts.dataset:
        warning(
            f"{name} has changed since the model was trained on "
            f"{facts.n_refit_rows or facts.split[0]} of its {sum(facts.split)} rows: all {len(y)} "
            "rows are tested, and the model has seen most of them, so the error is too small"
        )
        return slice(None), "all rows of data that have changed since training"
    note(
        f"note: {name}: all {len(y)} rows are the test set, as the model was trained on other "
        "data; if the model has seen some of these rows, the error is too small"
    )
    return slice(None), "all rows"
