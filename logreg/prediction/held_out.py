"""The rows of a data set that were held out from training, on which a model is tested."""

from dataclasses import replace

import numpy

from logreg.basics.console import note, warning
from logreg.basics.errors import DatasetError
from logreg.basics.files import DATASET
from logreg.datasets.dataset import DataSet
from logreg.datasets.learning import read_through
from logreg.datasets.sources import read_parts
from logreg.parts.arrays import check_sets
from logreg.parts.options import NO_OPTIONS
from logreg.parts.splits import choose_rows, take_rows

OF_FOLDS = "all rows, each by a model of other folds, which had not seen it"


def read_test_set(facts, dataset=None, options=NO_OPTIONS):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, and the SHA-256 says that the model was
    trained on these data, they are the rows that training held out: with folds, all rows, and the
    DataSet has the probabilities that were found for them then. Otherwise they are all rows. The
    DataSet's `rows_are` says in words which rows they are.

    `facts` are the :class:`.ModelFacts` of the model. If `dataset` is None, they name the data
    set. A table is read as the model's was, where `options` do not say otherwise. If it has a
    header, the features are found by their names.
    """
    trained_on = facts.dataset or DATASET
    try:
        data = _read(trained_on if dataset is None else dataset, facts, options)
    except DatasetError as error:
        if dataset is not None or trained_on == DATASET:
            raise
        raise DatasetError(
            f"{error}. The model was trained on {trained_on!a}; `dataset` names other data"
        ) from None
    if data.facts.n_in != facts.n_in:
        raise DatasetError(
            f"{data.facts.dataset}: the model expects {facts.expected}, got {data.test[0].shape}; "
            "give as `dataset` data like those that it was trained on"
        )
    return data


def _read(dataset, model_facts, options):
    layout = model_facts.image_layout  # pictures are made like those of training
    parts, data_facts, files = read_parts(
        dataset,
        model_facts.table_options(options),
        columns=model_facts.table,
        layout=layout if layout.takes_pictures else None,
    )
    # The rows are scaled as those of training were.
    data_facts = replace(
        data_facts,
        pixel_scale=model_facts.pixel_scale,
        has_given_scale=bool(model_facts.has_given_scale),
    )
    # Features that the model fills or standardizes keep their type until it does so.
    dtype = model_facts.dtype if model_facts.feature_means is None else None
    sets, data_facts = check_sets(parts, data_facts, dtype)
    tested_probabilities = None
    if "test" in sets:
        set_name = "test"
        chosen = slice(None)
        rows_are = "its own test set"
    else:
        set_name = "train"
        chosen, rows_are = _find_rows_to_test(parts, sets["train"], data_facts, model_facts)
        if rows_are == OF_FOLDS:
            tested_probabilities = model_facts.tested_probabilities
    x, y = sets[set_name]
    numbers = numpy.array(parts[set_name].rows)
    weights = parts[set_name].weights
    if weights is not None:
        weights = {"test": weights[chosen]}
    return DataSet(
        data_facts,
        test=(x[chosen], y[chosen]),
        files=files,
        weights=weights,
        rows_are=rows_are,
        test_rows=numbers[chosen],
        tested_probabilities=tested_probabilities,
    )


def _find_rows_to_test(parts, x_and_y, data_facts, model_facts):
    """Find the rows to test of a data set without a test set; return them and what they are."""
    _, y = x_and_y
    name = data_facts.dataset
    if model_facts.split and sum(model_facts.split) == len(y):
        # Split the rows as training did. The digest tells whether they are the same rows.
        chosen = choose_rows(y, ["valid", "test"], model_facts.split_seed, parts["train"].groups)
        sets = take_rows({"train": x_and_y}, chosen)
        is_standardized = model_facts.feature_scales is not None
        # The digest also says whether the features were standardized.
        _, digest = read_through(
            parts, sets, data_facts, model_facts.dtype, standardize=is_standardized
        )
        if digest == model_facts.dataset_sha256:
            if model_facts.tested_probabilities is None:
                return chosen["test"], "those that training held out"
            numbers = numpy.arange(len(y))
            return numpy.concatenate([numbers[rows] for rows in chosen.values()]), OF_FOLDS
    if model_facts.split and name == model_facts.dataset:
        n_rows = sum(model_facts.split)
        n_trained = n_rows if model_facts.n_folds else model_facts.split[0]
        warning(
            f"{name} has changed since the model was trained on "
            f"{model_facts.n_refit_rows or n_trained} of its {n_rows} "
            f"rows: all {len(y)} rows are tested, and the model has seen most of them, so the "
            "error is too small"
        )
        return slice(None), "all rows of data that have changed since training"
    note(
        f"note: {name}: all {len(y)} rows are the test set, as the model was trained on other "
        "data; if the model has seen some of these rows, the error is too small"
    )
    return slice(None), "all rows"
