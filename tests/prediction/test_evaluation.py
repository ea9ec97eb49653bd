"""Evaluation of a model on a test set, against counts by hand."""

import csv
import io
import json
import types

import numpy
import pytest
from builders import classes_of, sample

from logreg.prediction.evaluation import evaluate, format_evaluation
from logreg.prediction.predictor import Prediction

pytestmark = pytest.mark.engine_free


def evaluation_of(y, predicted, data_labels, model_labels, batch_size=600):
    """Evaluate a model for which the class of a row is its only value."""
    test = numpy.array(predicted)[:, None], numpy.array(y)
    data = types.SimpleNamespace(test=test, class_labels=data_labels, name="toy")
    return evaluate(lambda x: Prediction(x[:, 0], None), data, model_labels, 2, batch_size)


def test_every_format_of_the_evaluation_of_the_sample():
    x, y = sample()["x_test"], sample()["y_test"]
    predicted, digits = classes_of(x), list(range(10))
    matrix = [[int(((y == i) & (predicted == j)).sum()) for j in digits] for i in digits]
    errors, used = (int((predicted[:n] != y[:n]).sum()) for n in (1000, 900))
    assert 0 < used < errors
    data = types.SimpleNamespace(test=(x, y), class_labels=digits, name="mnist_sample")
    found = evaluate(lambda x: Prediction(classes_of(x), None), data, digits, 77, 300)

    lines = format_evaluation(found, "text").splitlines()
    assert lines[:3] == [
        "Test set of mnist_sample",
        f"error over all rows: {errors / 10:f} % ({errors} of 1000 rows)",
        "error as the tutorial counts, in whole minibatches of 300: "
        f"{used / 9:f} % ({used} of 900 rows)",
    ]
    for k, row in enumerate(matrix):
        n, n_wrong = sum(row), sum(row) - row[k]
        expected = [str(k), str(n), str(n_wrong), f"{100 * n_wrong / n:.2f}", "%"]
        assert lines[5 + k].split() == expected
    assert [line.split()[1:] for line in lines[-10:]] == [list(map(str, row)) for row in matrix]
    assert len({len(line) for line in lines[-11:]}) == 1

    told = json.loads(format_evaluation(found, "json"))
    assert (told["rows"], told["errors"], told["error_percent"]) == (1000, errors, errors / 10)
    whole = {"batch_size": 300, "rows": 900, "errors": used}
    assert told["whole_minibatches"] == {**whole, "error_percent": pytest.approx(used / 9)}
    assert told["confusion"] == {"labels": digits, "predictions": digits, "counts": matrix}
    assert [entry["label"] for entry in told["classes"]] == digits

    rows = list(csv.DictReader(io.StringIO(format_evaluation(found, "csv"))))
    assert [row["part"] for row in rows] == ["all", "whole minibatches", *["class"] * 10]
    assert [row["label"] for row in rows] == ["", "", *map(str, digits)]
    assert [int(row["errors"]) for row in rows[:2]] == [errors, used]
    counts = [[row[f"predicted_{k}"] for k in digits] for row in rows]
    assert counts[0] == list(map(str, numpy.sum(matrix, axis=0)))
    assert counts[2:] == [list(map(str, row)) for row in matrix]


@pytest.mark.parametrize("model_labels", [[3, 5, 9], ["3", "5", "9"]])
@pytest.mark.parametrize("data_labels", [["3", "5", "9"], [9, 3, 5]])
def test_classes_are_told_by_their_labels(capsys, model_labels, data_labels):
    y = [list(map(str, data_labels)).index(label) for label in "599"]
    found = evaluation_of(y, [1, 2, 0], data_labels, model_labels)
    assert found["confusion"]["labels"] == found["confusion"]["predictions"] == model_labels
    assert found["confusion"]["counts"] == [[0, 0, 0], [0, 1, 0], [1, 0, 1]]
    told = [(entry["rows"], entry["errors"]) for entry in found["classes"]]
    assert told == [(0, 0), (1, 0), (2, 1)]
    assert capsys.readouterr().err == ""
    assert format_evaluation(found, "text").splitlines()[5].split() == ["3", "0", "0", "-"]


def test_a_label_that_the_model_does_not_know_is_an_error(capsys):
    found = evaluation_of([1, 2, 2, 0], [1, 1, 2, 0], [3, 5, 7, 8], [3, 5, 9])
    said = capsys.readouterr().err
    assert said == "warning: the model does not know the class '7': its 2 rows count as errors\n"
    assert found["confusion"] == {
        "labels": [3, 5, 9, 7, 8],
        "predictions": [3, 5, 9],
        "counts": [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]],
    }
    assert (found["rows"], found["errors"]) == (4, 2)


def test_fewer_rows_than_a_minibatch():
    found = evaluation_of([0, 1], [0, 1], [0, 1], [0, 1])
    nothing = {"batch_size": 600, "rows": 0, "errors": 0, "error_percent": None}
    assert found["whole_minibatches"] == nothing
    assert "whole minibatches of 600: no rows" in format_evaluation(found, "text")
