"""Evaluation of a model on a test set, against counts by hand."""

import csv
import io
import json
import re

import numpy
import pytest
from builders import classes_of, sample, save, save_digits_model

from logreg import train
from logreg.predict import main


@pytest.fixture
def counts():
    """The confusion matrix of the digits model on the sample."""
    matrix = numpy.zeros((10, 10), int)
    for label, predicted in zip(sample()["y_test"], classes_of(sample()["x_test"])):
        matrix[label, predicted] += 1
    return matrix


def wrong(n):
    return int((classes_of(sample()["x_test"][:n]) != sample()["y_test"][:n]).sum())


@pytest.fixture
def small_model(tmp_path):
    """The path of a model of the classes 0, 1, 2 and the features a, b, c."""
    W = numpy.array([[2.0, -1, 0], [0, 1.5, -2], [-1, 0.25, 1]], numpy.float32)
    names = {"feature_names": ["a", "b", "c"], "label_name": "label"}
    return save(tmp_path / "small.pkl", W, numpy.zeros(3, numpy.float32), **names)


def test_text(counts, capsys):
    save_digits_model()  # trained, it says, in minibatches of 300
    assert main(["--evaluate", "--dataset", "mnist_sample"]) == 0
    said = capsys.readouterr()
    lines = said.out.splitlines()
    errors, used = wrong(1000), wrong(900)
    assert errors == 1000 - counts.trace() and 0 < used < errors
    assert lines[0] == "Test set of mnist_sample"
    assert lines[1] == f"error over all rows: {errors / 10:f} % ({errors} of 1000 rows)"
    assert lines[2] == (
        "error as the tutorial counts, in whole minibatches of 300: "
        f"{used / 9:f} % ({used} of 900 rows)"
    )
    for k in range(10):
        n, n_wrong = counts[k].sum(), counts[k].sum() - counts[k, k]
        assert lines[5 + k].split() == [
            *(str(k), str(n), str(n_wrong)),
            *(f"{100 * n_wrong / n:.2f}", "%"),
        ]
    assert [line.split()[1:] for line in lines[-10:]] == counts.astype(str).tolist()
    assert len({len(line) for line in lines[-11:]}) == 1
    assert said.err == ""


def test_json_and_csv(counts, capsys):
    save_digits_model()
    errors, used = wrong(1000), wrong(900)
    assert main(["--evaluate", "--dataset", "mnist_sample", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["rows"], found["errors"], found["error_percent"]) == (1000, errors, errors / 10)
    assert found["whole_minibatches"] == {
        "batch_size": 300,
        "rows": 900,
        "errors": used,
        "error_percent": pytest.approx(used / 9),
    }
    assert found["confusion"]["counts"] == counts.tolist()
    assert [entry["label"] for entry in found["classes"]] == list(range(10))
    assert main(["--evaluate", "--dataset", "mnist_sample", "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["part"] for row in rows] == ["all", "whole minibatches", *["class"] * 10]
    assert [int(rows[0][f"predicted_{k}"]) for k in range(10)] == counts.sum(axis=0).tolist()
    assert int(rows[1]["errors"]) == used
    assert [[int(row[f"predicted_{k}"]) for k in range(10)] for row in rows[2:]] == counts.tolist()


def test_the_size_of_batches_changes_nothing_and_output_is_a_file(capsys):
    save_digits_model()
    texts = []
    for size in ("1000", "77"):
        command = ["--evaluate", "--dataset", "mnist_sample", "--format", "csv"]
        assert main([*command, "--batch-size", size, "--output", "result.csv"]) == 0
        with open("result.csv", "rb") as file:
            texts.append(file.read())
    assert texts[0] == texts[1] != b""
    assert capsys.readouterr().out == ""


def identity_model(labels, **metadata):
    """It says of (1, 0, 0) that it is the first class, and so on."""
    W = 9 * numpy.eye(3)[:, : len(labels)]
    save("best_model.pkl", W, numpy.zeros(len(labels)), class_labels=labels, **metadata)


def data_set(labels, classes):
    x = numpy.eye(3, dtype="f4")[classes]
    y = numpy.array(labels)
    numpy.savez("new.npz", x_train=x, y_train=y, x_valid=x, y_valid=y, x_test=x, y_test=y)


def evaluation(capsys):
    assert main(["--evaluate", "--dataset", "new.npz", "--format", "json"]) == 0
    said = capsys.readouterr()
    return json.loads(said.out), said.err


def test_labels_are_matched_by_what_they_are(capsys):
    identity_model(["cat", "dog", "eel"], batch_size=2)
    # The data set has no eel, so that its own numbers are not the model's.
    data_set(["dog", "dog", "cat", "dog", "cat"], [1, 0, 0, 1, 2])
    found, _ = evaluation(capsys)
    assert found["confusion"]["labels"] == ["cat", "dog", "eel"]
    assert found["confusion"]["counts"] == [[1, 0, 1], [1, 2, 0], [0, 0, 0]]
    assert (found["rows"], found["errors"]) == (5, 2)
    assert found["whole_minibatches"]["rows"] == 4
    assert found["whole_minibatches"]["errors"] == 1
    assert found["classes"][2] == {"label": "eel", "rows": 0, "errors": 0, "error_percent": None}


@pytest.mark.parametrize("labels", [["01", "11", "12"], ["0", "11", "12"], [0, 11, 12]])
@pytest.mark.parametrize("kind", [str, int])
def test_labels_that_look_like_numbers(capsys, labels, kind):
    identity_model(labels, batch_size=2)
    data_set([kind(11), kind(12), kind(12)], [1, 2, 0])
    found, said = evaluation(capsys)
    assert "does not know" not in said
    assert found["confusion"]["labels"] == labels
    assert found["confusion"]["counts"] == [[0, 0, 0], [0, 1, 0], [1, 0, 1]]


def test_a_label_that_the_model_does_not_know_is_an_error(capsys):
    identity_model([3, 5, 9])
    data_set([5, 7, 7, 3], [1, 1, 2, 0])
    found, said = evaluation(capsys)
    assert "the model does not know the class '7': its 2 rows count as errors" in said
    assert found["confusion"]["labels"] == [3, 5, 9, 7]
    assert found["confusion"]["predictions"] == [3, 5, 9]
    assert found["confusion"]["counts"] == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 1]]
    assert (found["rows"], found["errors"]) == (4, 2)
    assert found["classes"][3]["error_percent"] == 100


def test_fewer_rows_than_a_minibatch(capsys):
    identity_model([0, 1, 2])  # the file tells no batch size: the tutorial's is taken
    data_set([0, 1, 2], [0, 1, 2])
    found, _ = evaluation(capsys)
    assert found["errors"] == 0
    assert found["whole_minibatches"] == {
        "batch_size": 600,
        "rows": 0,
        "errors": 0,
        "error_percent": None,
    }
    assert main(["--evaluate", "--dataset", "new.npz"]) == 0
    assert "whole minibatches of 600: no rows" in capsys.readouterr().out


def test_data_of_another_width_are_refused(capsys):
    identity_model([0, 1, 2])
    assert main(["--evaluate", "--dataset", "mnist_sample"]) == 1
    assert "mnist_sample: the model expects 3 features, got (1000, 784)" in capsys.readouterr().err


@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_a_table_is_split_as_for_training(tmp_path, capsys, floatx):
    rows = numpy.random.RandomState(5).rand(120, 4)
    path = str(tmp_path / "t.csv")
    numpy.savetxt(path, numpy.c_[rows[:, 0] > 0.5, rows], delimiter=",")
    options = ["--dataset", path, "--batch-size", "10", "--n-epochs", "3", "--floatx", floatx]
    for shuffled in ([], ["--shuffle", "1"]):
        assert train.main([*options, *shuffled]) == 0
        trained = capsys.readouterr()
        assert main(["--evaluate", "--dataset", path]) == 0
        evaluated = capsys.readouterr()
        assert "warning" not in evaluated.err
        assert ("split in shuffled order" in evaluated.err) == bool(shuffled)
        test_error = re.findall(r"with test performance (.+) %", trained.out)
        assert f"in whole minibatches of 10: {test_error[0]} %" in evaluated.out


def test_a_labelled_table_is_a_test_set(small_model, tmp_path, capsys):
    rows = "".join(f"{i % 3},{i % 2},{i % 5},{i}\n" for i in range(40))
    (tmp_path / "new.csv").write_text("label,c,a,b\n" + rows)
    assert main(["--evaluate", "--dataset", str(tmp_path / "new.csv"), "--model", small_model]) == 0
    said = capsys.readouterr()
    assert "of 40 rows)" in said.out.splitlines()[1]
    assert "all 40 rows are taken for the test set" in said.err


def test_the_label_is_found_by_its_name(tmp_path, capsys):
    rows = "".join(f"{i % 3},{i % 5},{'ab'[i % 2]}\n" for i in range(120))
    (tmp_path / "t.csv").write_text("x,target,kind\n" + rows)
    options = ["--dataset", str(tmp_path / "t.csv"), "--batch-size", "10", "--n-epochs", "1"]
    assert train.main([*options, "--label-column", "kind"]) == 0
    assert main(["--evaluate", "--dataset", str(tmp_path / "t.csv")]) == 0
    said = capsys.readouterr()
    assert "column 3 (kind) is the label" in said.err and "error over all rows" in said.out


def test_columns_are_taken_by_name(small_model, tmp_path, capsys):
    header, rows = "label,a,b,c", [[i % 3, i % 2, i % 5, i] for i in range(40)]
    order = [0, 3, 1, 2]
    errors = []
    for name in ("as_trained", "otherwise"):
        text = "\n".join([header, *(",".join(map(str, row)) for row in rows)])
        (tmp_path / f"{name}.csv").write_text(text)
        path = str(tmp_path / f"{name}.csv")
        assert main(["--evaluate", "--dataset", path, "--model", small_model]) == 0
        said = capsys.readouterr()
        errors.append(said.out.splitlines()[1:])
        assert ("taken by their names" in said.err) == (name == "otherwise")
        header = ",".join(header.split(",")[i] for i in order)
        rows = [[row[i] for i in order] for row in rows]
    assert errors[0] == errors[1]


def test_a_test_set_that_training_may_have_seen_is_warned_of(tmp_path, capsys):
    path = tmp_path / "t.csv"
    rows = [f"{i % 2},{i % 7},{i % 5}" for i in range(120)]
    path.write_text("\n".join(rows))
    options = ["--dataset", str(path), "--batch-size", "10", "--n-epochs", "1"]
    assert train.main(options) == 0
    path.write_text("\n".join(reversed(rows)))
    capsys.readouterr()
    assert main(["--evaluate", "--dataset", str(path)]) == 0
    assert "its test set may have rows that the model was trained on" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--proba"], ["--top", "3"]])
def test_options_of_prediction_are_refused(capsys, option):
    with pytest.raises(SystemExit) as ended:
        main(["--evaluate", *option])
    assert ended.value.code == 2
    assert "not for --evaluate" in capsys.readouterr().err
