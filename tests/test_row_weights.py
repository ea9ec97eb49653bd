"""A column that says how much each row counts, as if it stood in the table so often."""

import math

import numpy
import pandas
import pytest
from builders import SPLITS, write
from numpy.testing import assert_array_equal

from logreg import Predictor, fit_table
from logreg.basics.errors import DatasetError
from logreg.datasets.dataset import read_dataset
from logreg.datasets.folds import divide_into_folds
from logreg.datasets.training_data import join_training_and_validation, share_dataset
from logreg.parts.options import Preparation, TableOptions

SETTINGS = "train --no-standardize --no-refit --n-epochs=30 --learning-rate=0.2 --target=kind"


def frequencies():
    """A table of 40 rows, each of which has been seen some times, or never."""
    random = numpy.random.RandomState(0)
    frame = pandas.DataFrame(random.randn(40, 2), columns=["a", "b"])
    frame["n"] = random.randint(5, size=40)
    frame["kind"] = numpy.where(frame["a"] + random.randn(40) > 0, "x", "y")
    return frame


def test_a_weight_is_as_good_as_so_many_rows(working_folder, cli):
    """Of each class, of the guess, of tests; test_differential_training has the training."""
    frame = frequencies()
    repeated = frame.loc[frame.index.repeat(frame["n"])]
    told = []
    figures = []
    for option, table, unit_of_train, weight in (
        ("--weight-column=n", frame, 64, len(repeated) / 16),
        ("--drop=n", repeated, 1, None),
    ):
        folder = working_folder / option
        folder.mkdir()
        for split, unit in (("train", 64), ("valid", 8), ("test", 16)):  # of the weights of a set
            table.assign(n=table["n"] / unit).to_csv(folder / f"{split}.csv", index=False)
        done = cli(f"{SETTINGS} {option} --batch-size={len(table)}", folder)
        model = Predictor("best_model.pkl")
        counts = [unit_of_train * n for n in model.metadata["class_counts"]]
        told.append([done.out.splitlines()[-1], counts])
        tested = cli("predict --evaluate --format=json").json
        assert tested["weight"] == weight
        figures.append([model.score(folder), *rates(tested)])
    assert told[0] == told[1]
    assert figures[0] == pytest.approx(figures[1], rel=1e-5, nan_ok=True)


def rates(evaluation):
    """All rates and means of an evaluation, which go by the weights of the rows."""
    found = [evaluation[name] for name in ("error_percent", "log_loss", "auc")]
    for entry in [*evaluation["classes"], evaluation["macro"]]:
        found += [entry.get(name, 0) for name in ("error_percent", "precision", "recall", "f1")]
    for band in evaluation["calibration"]:
        found += [band["forecast"], band["happened"], band["answered"]["error_percent"]]
    return [math.nan if rate is None else rate for rate in found]


def test_weights_go_with_their_rows(cli):
    frame = frequencies()
    frame["g"] = numpy.arange(40) // 2
    frame["n"] = frame["a"].abs()
    for group in ("g", None):
        options = TableOptions("kind", group=group, weight_column="n")
        data = read_dataset(frame, options, Preparation(standardize=False), dtype="float64")
        for each in (data, *divide_into_folds(data, 13).folds):
            for split in SPLITS:
                x, _ = getattr(each, split)
                assert_array_equal(each.weights[split], abs(x[:, 0]))
        joined = join_training_and_validation(share_dataset(data)).train
        assert_array_equal(joined.weights, abs(joined.features.array[:, 0]))
    frame.to_csv("t.csv", index=False)
    command = "train t.csv --label-column=kind --weight-column=3 --n-epochs=2"
    done = cli(command)
    assert "rows count as column 3 (n) says" in done.err
    # In another table, the column may be elsewhere.
    assert Predictor("best_model.pkl").facts.table.options.weight_column == "n"
    assert " % by the weights of 40 rows\n" in done.out
    assert "error by the weights of the rows: " in cli("predict --evaluate").out
    write("new.csv", b"b,a,g,more\n1,2,0,3\n")  # without weights
    assert "count as" not in cli("predict new.csv").err + cli("predict t.csv").err


def test_other_weights_are_other_data():
    frame = frequencies()
    digests = set()
    for row in (None, 0, 30, 39):  # of each set, in their order
        changed = frame.assign(n=frame["n"] + (frame.index == row))
        options = TableOptions("kind", weight_column="n"), Preparation(shuffle=False)
        digests.add(read_dataset(changed, *options).facts.dataset_sha256)
    assert len(digests) == 4


@pytest.mark.parametrize("cell", ["-1", "", "many", "0"])
def test_what_is_no_weight_is_refused(cell):
    write("t.csv", f"a,n,kind\n1,{cell},x\n2,0,y\n3,0,x\n")
    doubt = "all 3 rows have the weight 0" if cell == "0" else "1 of 3 rows have no weight"
    with pytest.raises(DatasetError, match=rf"t\.csv: {doubt} in column 2"):
        fit_table("t.csv", "kind", weight_column="n")


def test_weights_of_a_set_that_are_all_0_are_refused():
    frame = frequencies()
    frame["n"] = (frame.index < 34).astype(int)
    with pytest.raises(DatasetError, match="all weights of the test rows are 0: some"):
        fit_table(frame, "kind", weight_column="n", shuffle=False)


def test_whole_minibatches_whose_rows_all_weigh_0_have_no_error(cli):
    frame = frequencies()
    frame.to_csv("t.csv", index=False)
    options = "--target=kind --weight-column=n --folds=0 --criterion=error --batch-size=6"
    cli(f"train t.csv --n-epochs=1 {options}")
    frame["n"] = (frame.index >= 6).astype(int)
    frame[:8].to_csv("new.csv", index=False)
    text = "error as the tutorial counts, in whole minibatches of 6: - ("
    assert text in cli("predict --evaluate new.csv").out
