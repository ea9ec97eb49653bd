"""The rows of a data set on which a model is tested."""

from logreg.datasets.checks import check, read_through
from logreg.datasets.dataset import DataSet
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.sources import locate, read
from logreg.datasets.splits import split_off
from logreg.terminal.notes import note


def read_test_set(dataset, facts, options=NO_OPTIONS):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if these are the data that it was trained on, as their SHA-256
    tells; otherwise all rows. `facts` are the :class:`.Facts` of the model. A table is read as the
    model's was where `options` do not say otherwise; with a header it gives the features that the
    model knows by name.
    """
    name, source = locate(dataset)
    if isinstance(source, DataSet):
        return source
    raw = read(source, facts.table_options(options), facts.dtype, facts.table)
    if facts.scale_all:
        raw = raw._replace(pixel_scale=facts.pixel_scale)
    sets, found = check(name, raw, facts.dtype)
    test = sets["test"] if "test" in sets else _of_one_set(name, raw, sets, facts)
    read_through(name, raw, {"test": test}, facts.dtype)
    return DataSet(**found, test=test)


def _of_one_set(name, raw, sets, facts):
    """The test rows of a data set without a test set."""
    rows = sets["train"]
    if facts.split and sum(facts.split) == len(rows[1]):
        parts, _ = split_off(sets, name, facts.shuffle, facts.split, False, facts.split_seed)
        is_standardized = facts.feature_scales is not None
        _, digest = read_through(name, raw, parts, facts.dtype, standardize=is_standardized)
        if digest == facts.dataset_sha256:
            return parts["test"]
    note(
        f"note: {name}: all {len(rows[1])} rows are the test set, as the model was trained on "
        "other data; if it has seen some of them, the error is too small"
    )
    return rows
