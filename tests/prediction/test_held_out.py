"""Which rows a model is tested on, against the rows that training left out."""

from dataclasses import replace

import pytest
from builders import table_bytes, write

from logreg.datasets.dataset import read_dataset
from logreg.parts.options import Preparation, TableOptions
from logreg.prediction.held_out import read_test_set
from logreg.saving.facts import ModelFacts


def facts_of(data):
    """What a model file keeps of the data set that the model was trained on."""
    return ModelFacts.from_metadata({**data.facts.as_dict(), "dtype": "float32"})


@pytest.mark.parametrize(
    "how",
    [
        {"group": 3, "drop": "n"},
        {"drop": "day", "missing": "mean", "weight_column": "n"},
    ],
)
@pytest.mark.parametrize("order", [{"shuffle": False}, {"split_seed": 1}])
@pytest.mark.parametrize("standardize", [True, False])
def test_the_rows_that_a_model_was_not_trained_on(order, standardize, how, stderr):
    """Whose numbers float32 tells apart only when they are standardized."""
    options = TableOptions("kind", **how)
    lines = [f"{2**25 + i},{'bee' if i % 2 else 'ant'},day {i // 8},{i + 1}" for i in range(60)]
    write("t.csv", "\n".join(["a,kind,day,n", *lines, ""]))
    trained = read_dataset("t.csv", options, Preparation(standardize, **order), dtype="float32")
    found = read_test_set(facts_of(trained), "t.csv", TableOptions(header=True))  # and the model's
    assert (found.test[0] == trained.test[0]).all() and (found.test[1] == trained.test[1]).all()
    if "weight_column" in how:
        assert (found.weights["test"] == trained.weights["test"]).all()
    assert found.rows_are == "those that training held out"
    assert "all 60 rows" not in stderr()
    arrays = read_test_set(facts_of(trained), [trained.train, trained.test])
    assert arrays.rows_are == "its own test set"  # the options of the model's table say nothing
    write("new.csv", b"more,a,kind\n9,5,bee\n")  # no day; the third column is another one
    new = read_test_set(facts_of(trained), "new.csv")
    assert (new.test[0].tolist(), new.facts.class_labels) == ([[5]], ["bee"])


def test_a_table_has_the_columns_that_a_model_knows(working_folder):
    trained = facts_of(read_dataset(write("t.csv", table_bytes(30)), TableOptions("kind")))
    assert read_test_set(replace(trained, split=None), "t.csv").rows_are == "all rows"
    (working_folder / "d").mkdir()
    write("d/train.csv", table_bytes(30))
    write("d/test.csv", b"kind,b,id,a\nbee,9,x7,3\n,1,x8,1\nant,16,x9,4\n")  # one is left out
    data = read_test_set(trained, "d", TableOptions(missing="mean"))
    assert data.test[0].tolist() == [[3, 9], [4, 16]] and data.test_rows.tolist() == [2, 4]
    assert [data.facts.class_labels[i] for i in data.test[1]] == ["bee", "ant"]
    write("mnist.pkl.gz", b"")  # of a name that is given, or known, nothing else is said
    for facts, given in ((replace(trained, dataset=None), None), (trained, "mnist.pkl.gz")):
        with pytest.raises(ValueError, match=r"^mnist.pkl.gz: is empty$"):
            read_test_set(facts, given)


@pytest.mark.parametrize("refit, n_seen", [("--folds=0", 50), ("--no-refit", 40)])
def test_data_that_have_changed_since_training_are_told(refit, n_seen, cli):
    """With --quiet, too: the model has seen most of the tested rows, so the error is too small."""
    write("t.csv", table_bytes(60))
    cli("train t.csv --label-column kind --n-epochs 2 --folds=0", refit)
    rows = table_bytes(60).replace(b"59,ant", b"58,ant")
    write("t.csv", rows)
    done = cli("predict --evaluate --format json --quiet")
    said = f"t.csv has changed since the model was trained on {n_seen} of its 60 rows: all 60 "
    assert said in done.err
    assert done.json["rows_are"] == "all rows of data that have changed since training"
    write("u.csv", rows + b"9,ant,99999\n")
    (line,) = cli("predict --evaluate u.csv --quiet").err.splitlines()  # and no note of other data
    assert line.endswith("in b; scale them as the training data were")
