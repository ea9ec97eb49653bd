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


def predict_digits(x):
    return Prediction(classes_of(x), None)


def predict_given(x):
    """The class of a row is its only value."""
    return Prediction(x[:, 0].astype(int), None)


def evaluation_of(y, predicted, data_labels, model_labels, batch_size=600):
    test = numpy.array(predicted)[:, None], numpy.array(y)
    data = types.SimpleNamespace(test=test, class_labels=data_labels, name="toy")
    return evaluate(predict_given, data, model_labels, 2, batch_size)


@pytest.fixture(scope="module")
def digits():
    """The evaluation of the digits model on the sample, in minibatches of 300."""
    x, y = sample()["x_test"], sample()["y_test"]
    data = types.SimpleNamespace(test=(x, y), class_labels=list(range(10)), name="mnist_sample")
    return evaluate(predict_digits, data, list(range(10)), 77, 300)


@pytest.fixture(scope="module")
def counts():
    """The confusion matrix of the digits model on the sample."""
    matrix = numpy.zeros((10, 10), int)
    for label, predicted in zip(sample()["y_test"], classes_of(sample()["x_test"])):
        matrix[label, predicted] += 1
    return matrix


def wrong(n):
    return int((classes_of(sample()["x_test"][:n]) != sample()["y_test"][:n]).sum())


def test_text(digits, counts):
    lines = format_evaluation(digits, "text").splitlines()
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
        expected = [str(k), str(n), str(n_wrong), f"{100 * n_wrong / n:.2f}", "%"]
        assert lines[5 + k].split() == expected
    assert [line.split()[1:] for line in lines[-10:]] == counts.astype(str).tolist()
    assert len({len(line) for line in lines[-11:]}) == 1


def test_json(digits, counts):
    found = json.loads(format_evaluation(digits, "json"))
    errors, used = wrong(1000), wrong(900)
    assert (found["rows"], found["errors"], found["error_percent"]) == (1000, errors, errors / 10)
    assert found["whole_minibatches"] == {
        "batch_size": 300,
        "rows": 900,
        "errors": used,
        "error_percent": pytest.approx(used / 9),
    }
    assert found["confusion"]["counts"] == counts.tolist()
    assert [entry["label"] for entry in found["classes"]] == list(range(10))


def test_csv(digits, counts):
    rows = list(csv.DictReader(io.StringIO(format_evaluation(digits, "csv"))))
    assert [row["part"] for row in rows] == ["all", "whole minibatches", *["class"] * 10]
    assert [int(rows[0][f"predicted_{k}"]) for k in range(10)] == counts.sum(axis=0).tolist()
    assert int(rows[0]["errors"]) == wrong(1000) and int(rows[1]["errors"]) == wrong(900)
    assert [[int(row[f"predicted_{k}"]) for k in range(10)] for row in rows[2:]] == counts.tolist()


@pytest.mark.parametrize("model_labels", [[3, 5, 9], ["3", "5", "9"]])
@pytest.mark.parametrize("data_labels", [[3, 5, 9], ["3", "5", "9"], [9, 3, 5]])
def test_classes_are_told_by_their_labels(capsys, model_labels, data_labels):
    y = [data_labels.index(type(data_labels[0])(label)) for label in (5, 9, 9)]
    found = evaluation_of(y, [1, 2, 0], data_labels, model_labels)
    assert found.labels == found.predictions == model_labels
    assert found.counts.tolist() == [[0, 0, 0], [0, 1, 0], [1, 0, 1]]
    assert found.classes() == [
        (model_labels[0], 0, 0),
        (model_labels[1], 1, 0),
        (model_labels[2], 2, 1),
    ]
    assert capsys.readouterr().err == ""
    assert format_evaluation(found, "text").splitlines()[5].split() == ["3", "0", "0", "-"]


def test_a_label_that_the_model_does_not_know_is_an_error(capsys):
    found = evaluation_of([1, 2, 2, 0], [1, 1, 2, 0], [3, 5, 7, 8], [3, 5, 9])
    said = capsys.readouterr().err
    assert said == ("warning: the model does not know the class '7': its 2 rows count as errors\n")
    assert (found.labels, found.predictions) == ([3, 5, 9, 7, 8], [3, 5, 9])
    assert found.counts.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 0], [0, 1, 1], [0, 0, 0]]
    assert found.summary()[0] == ("all", 4, 2)
    assert found.classes()[3:] == [(7, 2, 2), (8, 0, 0)]


def test_fewer_rows_than_a_minibatch():
    found = evaluation_of([0, 1, 2], [0, 1, 2], [0, 1, 2], [0, 1, 2])
    assert found.summary() == [("all", 3, 0), ("whole minibatches", 0, 0)]
    assert "whole minibatches of 600: no rows" in format_evaluation(found, "text")
    entry = json.loads(format_evaluation(found, "json"))["whole_minibatches"]
    assert entry == {"batch_size": 600, "rows": 0, "errors": 0, "error_percent": None}
