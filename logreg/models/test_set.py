"""The rows of a data set on which a model is tested."""

from logreg.datasets.checks import check, read_through
from logreg.datasets.dataset import DataSet
from logreg.datasets.header import Columns
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.sources import locate, read
from logreg.datasets.splits import split_off
from logreg.terminal.notes import note


def read_test_set(dataset, metadata, options=NO_OPTIONS, dtype=None):
    """Read the rows of a data set on which a model is to be tested, as a DataSet.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if these are the data that it was trained on, as their SHA-256
    tells; otherwise all rows. `metadata` is that of the model's file. A table is read as the
    model's was where `options` do not say otherwise; with a header it gives the features that the
    model knows by name.
    """
    name, source = locate(dataset)
    if isinstance(source, DataSet):
        return source
    raw = read(source, options.completed(metadata), dtype, Columns.from_metadata(metadata))
    if metadata.get("scale_all"):
        raw = raw._replace(pixel_scale=metadata["pixel_scale"])
    sets, facts = check(name, raw, dtype)
    test = sets["test"] if "test" in sets else _of_one_set(name, raw, sets, metadata, dtype)
    read_through(name, raw, {"test": test}, dtype)
    return DataSet(**facts, test=test)


def _of_one_set(name, raw, sets, metadata, dtype):
    """The test rows of a data set without a test set."""
    split, rows = metadata.get("split"), sets["train"]
    if split and sum(split) == len(rows[1]):
        seeds = metadata.get("shuffle"), split, False, metadata.get("split_seed")
        parts, _ = split_off(sets, name, *seeds)
        standardized = bool(metadata.get("feature_scales"))
        _, digest = read_through(name, raw, parts, dtype, standardize=standardized)
        if digest == metadata.get("dataset_sha256"):
            return parts["test"]
    note(
        f"note: {name}: all {len(rows[1])} rows are the test set, as the model was trained on "
        "other data; if it has seen some of them, the error is too small"
    )
    return rows
