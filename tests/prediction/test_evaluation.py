"""Evaluation of a model on a test set, against counts by hand and scikit-learn's scores."""

import collections
import json

import numpy
import pytest
from builders import GivenModel, classes_of, probabilities, sample, save_digits_model, weights
from conftest import peak_memory
from scipy.stats import binomtest

from logreg.datasets.dataset import DataSet
from logreg.datasets.facts import Facts
from logreg.prediction.evaluation import as_text, evaluate, tables
from logreg.prediction.predictor import Predictor


def evaluation_of(y, predicted, data_labels, model_labels):
    """Evaluate a model of which the predictions are given, or the probabilities."""
    x = numpy.reshape(predicted, (len(y), -1))

    def predict(x):
        if x.shape[1] == 1:  # it is surer of none than of the other
            codes, x = x[:, 0], numpy.zeros((len(x), len(model_labels)), "float32")
            x[numpy.arange(len(x)), codes] = 1
        return x.argmax(axis=1), x

    data = DataSet(Facts("toy", class_labels=data_labels), test=(x, numpy.array(y)))
    return evaluate(GivenModel(model_labels, x.shape[1], predict), data)


def test_the_evaluation_of_the_sample():
    x, y = sample()["x_test"].reshape(1000, 784), sample()["y_test"]
    predicted, digits = classes_of(x), list(range(10))
    matrix = [[int(((y == i) & (predicted == j)).sum()) for j in digits] for i in digits]
    errors, used = (int((predicted[:n] != y[:n]).sum()) for n in (1000, 900))
    assert 0 < used < errors
    data = DataSet(Facts("mnist_sample", class_labels=digits), test=(x, y), rows_are="all rows")
    found = evaluate(Predictor(save_digits_model(batch_size=300)), data)
    told = json.loads(json.dumps(found))
    assert (told["rows"], told["errors"], told["error_percent"]) == (1000, errors, errors / 10)
    assert told["confusion"] == {"labels": digits, "counts": matrix}
    p = probabilities(x / numpy.float32(256), *weights()).max(axis=1)
    worst = sorted(numpy.flatnonzero(predicted != y), key=lambda row: -p[row])
    assert told["worst_rows"] == worst[:24] and told["wrong_rows"] == worst

    lines = as_text(found).splitlines()
    ends = [100 * end for end in binomtest(errors, 1000).proportion_ci(method="wilson")]
    interval = "95 % interval: {:.2f} to {:.2f} %".format(*ends)
    assert lines[:3] == [
        "Test set of mnist_sample: all rows",
        f"error over all rows: {errors / 10:f} % ({errors} of 1000 rows), {interval}",
        "error as the tutorial counts, in whole minibatches of 300: "
        f"{used / 9:f} % ({used} of 900 rows)",
    ]
    assert lines[-1].endswith(f": {', '.join(map(str, worst[:7]))}, ..., {worst[-1]}")
    for title, head, rows in tables(found):
        at = lines.index(title) + 1
        for line, cells in zip(lines[at:], [head, *rows]):
            assert line.split() == " ".join(map(str, cells)).split()
            assert len(line) == len(lines[at])  # below each other
    classes, confusion, _ = (rows for _, _, rows in tables(found))
    assert confusion == [[k, *row] for k, row in enumerate(matrix)]
    for cells, entry in zip(classes, [*told["classes"], {"label": "macro mean", **told["macro"]}]):
        assert cells[0] == entry["label"]
        assert cells[4:] == [f"{entry[key]:.4f}" for key in ("precision", "recall", "f1")]
    by_loss = Predictor(save_digits_model(batch_size=300, criterion="loss"))
    assert "minibatches" not in as_text(evaluate(by_loss, data))


@pytest.mark.parametrize("model_labels", [[3, 5, 9], ["3", "5", "9"]])
@pytest.mark.parametrize("data_labels", [["3", "5", "9"], [9, 3, 5]])
def test_classes_are_told_by_their_labels(model_labels, data_labels):
    y = [list(map(str, data_labels)).index(label) for label in "599"]
    found = evaluation_of(y, [1, 2, 0], data_labels, model_labels)
    assert found["confusion"]["labels"] == model_labels
    assert found["confusion"]["counts"] == [[0, 0, 0], [0, 1, 0], [1, 0, 1]]
    told = [(e["rows"], e["errors"], e["error_percent"]) for e in found["classes"]]
    assert told == [(0, 0, None), (1, 0, 0), (2, 1, 50)]
    assert as_text(found).splitlines()[6].split()[:4] == ["3", "0", "0", "-"]
    assert "whole minibatches" not in as_text(found)  # the rows fill none of 600


@pytest.mark.parametrize("n_out", [2, 5])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_scores_are_those_of_scikit_learn(n_out, dtype):
    """Ties, a class that is never predicted, one that never occurs, one in neither, and p = 0."""
    metrics = pytest.importorskip("sklearn.metrics")
    random = numpy.random.RandomState(n_out)
    y = random.randint(0, min(n_out, 3), size=300)
    p = random.randint(1, 4, (300, n_out)) * [1, 0.5, 1, 1, 0][:n_out]
    p[:, -2:] *= numpy.where(n_out > 2, [3, 0], 1)
    p = (p / p.sum(axis=1, keepdims=True)).astype(dtype)
    p[0] = numpy.eye(n_out)[(y[0] + 1) % n_out]
    labels = list(range(n_out))
    found = evaluation_of(y, p, labels, labels)
    taken = p.argmax(axis=1)
    assert len(set(taken)) < n_out or n_out == 2
    options = {"labels": labels, "zero_division": 0, "average": None}
    by_class = metrics.precision_recall_fscore_support(y, taken, **options)
    macro = metrics.precision_recall_fscore_support(y, taken, average="macro", zero_division=0)
    for key, expected, mean in zip(("precision", "recall", "f1"), by_class, macro):
        scores = [entry[key] for entry in found["classes"]]
        assert (None in scores) == (n_out > 2)
        assert [score or 0 for score in scores] == pytest.approx(list(expected))
        assert found["macro"][key] == pytest.approx(mean)
    assert found["log_loss"] == pytest.approx(metrics.log_loss(y, p, labels=labels), rel=1e-5)


def test_a_probability_on_an_edge_counts_from_there_on():
    p = [[0.5, 0.5], [0.75, 0.25], [1, 0]]
    *_, (_, _, bands) = tables(evaluation_of([0, 1, 0], p, ["a", "b"], ["a", "b"]))
    rows = {first: cells for first, *cells in bands}
    assert rows["from 0.5"] == ["50.00 %", "100.00 %", 1, 3, "33.33 %"]
    assert rows["from 0.6"] == ["-", "-", 0, 2, "50.00 %"]
    assert rows["from 0.7"] == ["75.00 %", "0.00 %", 1, 2, "50.00 %"]
    assert rows["from 0.99"] == ["100.00 %", "100.00 %", 1, 1, "0.00 %"]


@pytest.mark.parametrize("n_out", [50, 51, 10000])
def test_many_classes_are_told_by_what_occurs(n_out):
    labels = [f"c{k}" for k in range(n_out)]
    y = numpy.arange(1500) % min(n_out, 60)  # more than are predicted at a time
    is_wrong = (y < 5) & (numpy.arange(1500) > 1000 - 100 * y)  # the later ones more often
    predicted = numpy.where(is_wrong, (y + 1) % 5, y)
    predicted[5 * y < 7] = 3
    with peak_memory() as peak:
        found = evaluation_of(y, predicted, labels, labels)
    assert peak() < 1e6 + 9 * 1000 * n_out
    pairs = collections.Counter(zip(y.tolist(), predicted.tolist()))
    mistakes = {(labels[i], labels[j], n) for (i, j), n in pairs.items() if i != j}
    assert {*map(tuple, found["mistakes"])} == mistakes
    counts = [n for _, _, n in found["mistakes"]]
    assert counts == sorted(counts, reverse=True)
    assert (found["confusion"] is None) == (n_out > 50)
    assert {entry["label"] for entry in found["classes"]} == {labels[k] for k in {*y, *predicted}}
    title, _, rows = tables(found)[0]
    assert title.startswith("The 50 classes of most errors") == (n_out > 50)
    errors = [cells[2] for cells in rows[:-1]]
    assert len(errors) == 50 and (n_out == 50 or errors == sorted(errors, reverse=True))
