"""A column that says how much each row counts, as if it stood in the table so often."""

import json

import numpy
import pandas
import pytest
from builders import write

from logreg import Predictor, engine, fit_table
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.options import TableOptions
from logreg.errors import DatasetError
from logreg.hyperparameters import choose_hyperparameters
from logreg.sgd import sgd_optimization

SETTINGS = {"standardize": False, "n_epochs": 30, "refit": False, "learning_rate": 0.2}


def frequencies(seed=0):
    """A table of 40 rows, each of which has been seen some times, or never."""
    random = numpy.random.RandomState(seed)
    frame = pandas.DataFrame(random.randn(40, 2), columns=["a", "b"])
    frame["n"] = random.randint(5, size=40)
    frame["kind"] = numpy.where(frame["a"] + random.randn(40) > 0, "x", "y")
    return frame


@pytest.mark.parametrize("more", [{}, {"l2": 0.01, "momentum": 0.5}, {"l1": 0.01}], ids=str)
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_a_weight_is_as_good_as_so_many_rows(class_weight, more, working_folder, cli):
    frame = frequencies()
    repeated = frame.loc[frame.index.repeat(frame["n"])]
    found = []
    for name, table, options in (
        ("weighted", frame, {"weight_column": "n"}),
        ("repeated", repeated, {"drop": "n"}),
    ):
        (working_folder / name).mkdir()
        for split in ("train", "valid", "test"):
            table.to_csv(f"{name}/{split}.csv", index=False)
        options = {**options, **more, "class_weight": class_weight, "batch_size": len(table)}
        fit_table(name, "kind", f"{name}.pkl", **options, **SETTINGS)
        command = ["predict", "--model", f"{name}.pkl", "--evaluate", "--format", "json"]
        found.append((Predictor(f"{name}.pkl"), json.loads(cli(*command).out)))
    (weighted, tested), (wanted, as_rows) = found
    numpy.testing.assert_allclose(weighted.W, wanted.W, rtol=1e-4, atol=1e-6)
    numpy.testing.assert_allclose(weighted.b, wanted.b, rtol=1e-4, atol=1e-6)
    costs = [[row[1] for row in model.metadata["curve"]] for model, _ in found]
    numpy.testing.assert_allclose(*costs, rtol=1e-5)
    assert as_rows["weighted"] is None
    for name, value in tested["weighted"].items():
        assert value == pytest.approx(as_rows[name], rel=1e-5)


def test_weights_go_with_their_rows(cli):
    frame = frequencies()
    frame["g"] = numpy.arange(40) // 2
    frame["n"] = frame["a"].abs()
    for group in (None, "g"):
        data = read_dataset(frame, TableOptions("kind", group=group, weight_column="n"))
        for each in (data, *make_folds(data, 3)):
            for split in ("train", "valid", "test"):
                x, _ = getattr(each, split)
                numpy.testing.assert_array_equal(each.weights[split], abs(x[:, 0]))
    frame.to_csv("t.csv", index=False)
    command = "train t.csv --label-column=kind --weight-column=n --n-epochs=2"
    assert "rows count as column 3 (n) says" in cli(*command.split()).err
    assert "error by the weights of the rows: " in cli("predict", "--evaluate").out
    told = cli(*command.split(), "--folds=3").out
    options = {"weight_column": "n", "n_epochs": 2, "folds": 3}
    errors = fit_table(frame, "kind", "folds.pkl", **options).fold_errors
    with engine.floatx("float32"):
        data = read_dataset(frame, TableOptions("kind", weight_column="n"), dtype="float32")
        for fold, error in zip(make_folds(data, 3), errors):
            run = sgd_optimization(fold, choose_hyperparameters(fold.facts, n_epochs=2), None)
            is_wrong = Predictor(run).predict_proba(fold.test[0]).argmax(1) != fold.test[1]
            wanted = is_wrong @ fold.weights["test"] / fold.weights["test"].sum()
            assert error == pytest.approx(wanted)
            assert f"error by the weights of the rows: {100 * wanted:.2f} %" in told
    assert cli("predict", write("new.csv", b"b,a,g\n1,2,0\n")).code == 0
    assert cli(*command.split(), "--folds=3").code == 0
    assert cli("train", "--verify", "best_model.pkl").code == 0
    frame.assign(n=1).to_csv("t.csv", index=False)
    assert "these are other data" in cli("train", "--verify", "best_model.pkl").err


WRONG = [
    ("-1", "1 of 3 rows have no weight in column 2"),
    ("", "1 of 3 rows have no weight"),
    ("many", "1 of 3 rows have no weight"),
]


@pytest.mark.parametrize("cell, said", WRONG)
def test_what_is_no_weight_is_refused(cell, said):
    write("t.csv", f"a,n,kind\n1,{cell},x\n2,1,y\n3,1,x\n".encode())
    with pytest.raises(DatasetError, match=said):
        fit_table("t.csv", "kind", weight_column="n")


def test_all_weights_of_a_set_are_0(cli):
    options = ["--label-column=kind", "--weight-column=n", "--n-epochs=2", "--no-shuffle"]
    frame = frequencies()
    frame.assign(n=numpy.arange(40) >= 28).to_csv("t.csv", index=False)
    done = cli("train", "t.csv", *options)
    assert done.code == 1 and "t.csv: all weights of the training rows are 0: some" in done.err
    frame.assign(n=numpy.arange(40) < 28).to_csv("t.csv", index=False)
    assert cli("train", "t.csv", *options).code == 0
    done = cli("predict", "--evaluate")
    assert done.code == 0 and "by the weights" not in done.out
