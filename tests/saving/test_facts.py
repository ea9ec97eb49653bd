"""What a model file keeps: one door in, and what comes through it fits all who read it."""

import dataclasses
import json
import re

import numpy
import pytest
from builders import model_header, sealed, table_bytes, write

from logreg import load_model
from logreg.basics.errors import ModelFileError
from logreg.hyperparameters import DEFAULTS
from logreg.parts.options import NO_OPTIONS
from logreg.saving.facts import ModelFacts

W = numpy.array([[1.0, -1], [0.5, 0], [0, 2]], "float32")
TOLD = {
    "dataset": "t.csv",
    "criterion": "loss",
    "label_name": "kind",
    "n_train_batches": 2,
    "curve": [{"iter": 1, "cost": 0.5, "error": 0.25, "error_all_rows": 0.2, "loss": 0.7}],
    "columns": ["a", "b"],
    "categories": [None, ["x", "y"]],
    "class_labels": ["ant", "bee"],
    "split": [2, 1, 1],
    "feature_names": ["a", "b=x", "b=y"],
    "feature_means": [0, 1, 0],
}
VALUES = [
    *(None, True, 0, -1, 3, 10**30, 1.5, float("nan"), -1e308, "", "x", "\ud800\x1b[2J", {}),
    *([], [0], [None], [1, 2, 3], ["a"], ["a", "a"], [[1, 2], "b"], [[1, 2, 3, 4, 5]], {"a": [1]}),
]
# Of options and settings, the fields are keys.
KEYS = {f.name for f in dataclasses.fields(ModelFacts)} - {"options", "settings"}
KEYS |= {*vars(DEFAULTS), *vars(NO_OPTIONS), "a user's own"}


# Of 3 features, of 2 columns, and 2 classes: values of another type, and too few or too many.
REFUSED = {
    "class_labels": [["ant"], ["ant", 1], [1.5, 2]],
    "image_shape": [[2, 2]],
    "feature_names": [["a", "b"]],
    "class_counts": [[1, 2, 3]],
    "feature_means": [[0, 1], [0, 1, 2, 3]],
    "feature_scales": [[1, 1]],
    "x_range": [[1], [0, 1, 2]],
    "split": [[1, 2]],
    "categories": [[None, ["x"]], [["x", "y"], ["z", ""]]],
    "columns": [["a"], ["a", "b", "c"]],
    "kinds": [["n"]],
    "column_numbers": [[1]],
    "curve": [[[1, 0, 0, 0]], [{"iter": 1, "error": 0, "error_all_rows": None}]],
    "n_in": [4],
    "n_out": [3],
    "dtype": ["float64"],
    "test_error": [True, "x"],
    "epoch": [1.5, True],
    "refit": [1],
    "tested_probabilities": [[[1, 0]], numpy.eye(2), numpy.full((4, 2), numpy.nan)],
}


@pytest.fixture
def is_taken(cli):
    """Whether a file is read; if so, by all commands, and if not, by none of them."""
    write("rows.csv", b"a,b\n1,x\n2,y\n")
    write("t.csv", table_bytes(12).replace(b"a,kind,b", b"a,kind,c"))
    commands = ["predict rows.csv", "predict --info", "export --to json", "predict --evaluate"]

    def is_taken(header):
        write("best_model.pkl", sealed(json.dumps(header), W.tobytes() + bytes(8)))
        ends = [cli(command, code=None) for command in commands]
        try:
            load_model("best_model.pkl")
        except ModelFileError as error:
            said = f"error: {error}\n".replace("\x1b", "\\x1b")
            assert {(end.code, end.err) for end in ends} == {(1, said)}
            return False
        assert all(end.code in (0, 1) and "Traceback" not in end.err for end in ends)
        return True

    return is_taken


@pytest.mark.parametrize("key", sorted(KEYS))
def test_a_value_has_the_type_and_the_length_or_the_error_names_it(key):
    named = f"its ({key}|curve|columns|feature_means) is |: {key} (is|has) "
    for value in VALUES:
        try:
            ModelFacts.from_metadata({**TOLD, key: value}, W)
        except ModelFileError as error:
            assert re.search(named, str(error))
    for value in REFUSED.get(key, []):
        needed = {"n_in": "3, as of its W,", "epoch": r"Optional\[int\]"}.get(key, ".*")
        with pytest.raises(ModelFileError, match=f"^its {key} is .*: {needed} is needed$"):
            ModelFacts.from_metadata({**TOLD, key: value}, W)


def test_what_fits_is_kept():
    fits = {
        "class_labels": [0, -1],
        "class_counts": [3],
        "image_shape": [3, 1],
        "split": [3, 2, 1],
        "x_range": [1, 1],
    }
    facts = ModelFacts.from_metadata({**TOLD, **fits}, W)
    facts.metadata().clear()  # the caller's own
    assert fits.items() <= facts.metadata().items()


@pytest.mark.parametrize("value", VALUES)
def test_headers_of_any_kind_are_told(value, is_taken):
    for key in ("format", "arrays"):
        assert not is_taken({**model_header(TOLD), key: value})
    assert is_taken({**model_header(TOLD), "metadata": value}) == isinstance(value, dict)
    assert is_taken({**model_header(TOLD), "version": value}) == (value is True)  # which is 1
    for i in range(3):
        header = model_header(TOLD)
        header["arrays"][0][i] = value
        assert not is_taken(header)
    assert not is_taken([value])


@pytest.mark.parametrize("told", [{"feature_scales": [1, 1, 1]}, {"missing": "mean"}])
def test_scales_and_empty_cells_need_means(told, is_taken):
    assert is_taken(model_header({**TOLD, **told}))
    assert not is_taken(model_header({**TOLD, **told, "feature_means": None}))
