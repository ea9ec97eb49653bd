"""How well a model does on a test set: as a whole, for each class, and for each pair of classes."""

from collections import Counter
from typing import NamedTuple

import numpy

from logreg.basics.errors import DatasetError, listed, quoted
from logreg.prediction.inputs import held_out_batches

MAX_CLASSES = 50  # of a confusion matrix, and in a table of classes or mistakes
N_WORST_ROWS = 24
MIN_PROBAS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # at which an evaluation counts the answers
SCORES = ("precision", "recall", "f1")


def evaluate(predictor, data, min_proba=0.0):
    """Evaluate a model on the test set of a :class:`~logreg.datasets.dataset.DataSet`.

    The result is the dict that is written as JSON. It has the error over all rows, and the error
    over whole minibatches, as the tutorial counts. The latter is None if the best model went by
    the loss. The scores are scikit-learn's:

    - Precision, recall and F1 of a class are 0 where they would be 0 / 0. `macro` has their means.
    - The log-loss is the mean of -log p of the labels, where p is at least the machine epsilon.
    - If rows have weights, all rates and means go by these. Numbers of rows and of errors count
      each row once. `weight` is the sum of the weights, or None.
    - `auc` is for models of two classes. Of all pairs of a row of the first class and a row of the
      second, it is the share in which the latter has the larger probability of the second class.
      Equal probabilities count half. It is None if a class has no row.
    - In the confusion matrix, a row is a label, and a column is what was predicted. It is None if
      there are more than 50 classes.
    - `mistakes` are pairs of a label and what was predicted in its place, each with its number of
      rows, the most frequent first.
    - `classes` has the classes that are a label of a row or predicted for one.
    - `rows_are` says in words which rows of the data set were tested, such as "all rows".
    - `calibration` has a dict for each band of probabilities of the predictions: their mean
      probability (forecast), the share of them that is right (happened) and the number of rows;
      and for all predictions of this band and above (answered), rows and errors. `min_proba` adds
      a band.
    - `wrong_rows` has the rows that are put into a wrong class, the most confident mistake first,
      by the numbers that messages use. `worst_rows` has the first 24 of them once more, by their
      positions among the tested rows, from 0.

    A DatasetError names the labels that the model does not know.
    """
    y = _label_codes(predictor, data)
    rows = _predict_rows(predictor, data, y)
    weights = data.weights["test"] if data.weights else numpy.ones(len(y))
    is_wrong = rows.predicted != y
    losses = numpy.log(1 / rows.p_of_label)  # of a probability of 1, -log would be -0.0
    wrong = numpy.flatnonzero(is_wrong)
    wrong = wrong[numpy.argsort(-rows.p_of_answer[wrong], kind="stable")]
    labels = predictor.labels
    classes = _score_classes(labels, y, rows.predicted, weights)
    return {
        "dataset": data.facts.dataset,
        "rows_are": data.rows_are,
        **_errors(is_wrong, weights),
        "weight": float(weights.sum()) if data.weights else None,
        "macro": {key: float(numpy.mean([entry[key] for entry in classes])) for key in SCORES},
        "log_loss": float(numpy.average(losses, weights=weights)),
        "auc": _auc(rows.p_of_last_class, y == 1, weights) if len(labels) == 2 else None,
        "whole_minibatches": _errors_in_whole_minibatches(predictor.facts, is_wrong, weights),
        "classes": classes,
        "confusion": _confusion(labels, y, rows.predicted),
        "mistakes": _mistakes(labels, y[wrong], rows.predicted[wrong]),
        "calibration": [*_calibration(rows.p_of_answer, is_wrong, weights, min_proba)],
        "wrong_rows": rows.numbers[wrong].tolist(),
        "worst_rows": wrong[:N_WORST_ROWS].tolist(),
    }


class _TestedRows(NamedTuple):
    """What a model says of the rows of a test set; each array has the shape (n,)."""

    predicted: numpy.ndarray  # codes of classes
    p_of_answer: numpy.ndarray  # the probability of the predicted class
    p_of_label: numpy.ndarray  # that of the right class
    p_of_last_class: numpy.ndarray  # that of the last class, which is the second one of two
    numbers: numpy.ndarray  # of the rows, as messages have them


def _predict_rows(predictor, data, y):
    """Predict the test rows of a data set, whose labels have the codes y."""
    batches = []
    n_before = 0
    for numbers, classes, p in _predictions(predictor, data):
        rows = numpy.arange(len(p))
        p_of_label = numpy.maximum(p[rows, y[n_before + rows]], numpy.finfo(p.dtype).eps)
        tested = _TestedRows(
            predicted=classes,
            p_of_answer=p[rows, classes],  # not float64: `min_proba` is compared in their type
            p_of_label=p_of_label.astype("float64"),
            p_of_last_class=p[:, -1].astype("float64"),
            numbers=numbers,
        )
        batches.append(tested)
        n_before += len(p)
    # Each field is joined over the batches.
    return _TestedRows(*map(numpy.concatenate, zip(*batches)))


def _predictions(predictor, data):
    """Yield the numbers of some rows, their classes and their probabilities."""
    p = data.tested_probabilities
    if p is not None:
        classes = predictor.choose_classes(p, p)  # the scores are not kept: p has the same order
        yield data.test_rows, classes, p
        return
    for batch, prediction in predictor.predict_batches(held_out_batches(data, predictor.facts)):
        yield (batch.numbers, *prediction)


def _label_codes(predictor, data):
    """The labels of a test set as numbers of the model's classes, an array of shape (n,).

    A label may be the text '7' in the data and the integer 7 in the model, or the reverse.
    """
    model_codes = {str(label): k for k, label in enumerate(predictor.labels)}
    labels = [str(label) for label in data.facts.class_labels]
    # What the model calls each class of the data; -1 stands for a class that it does not know.
    codes = numpy.array([model_codes.get(label, -1) for label in labels])
    data_y = data.test[1]
    y = codes[data_y]
    unknown = [quoted(labels[k]) for k in numpy.unique(data_y[y < 0])]
    if unknown:
        raise DatasetError(
            f"{data.facts.dataset}: the model does not know the labels {listed(unknown)}: leave "
            "their rows out, or train with them"
        )
    return y


def _errors_in_whole_minibatches(facts, is_wrong, weights):
    """The errors over whole minibatches, as the tutorial counts; None with the criterion loss.

    The tutorial leaves out the last rows if they fill no minibatch.
    """
    if facts.criterion == "loss":
        return None
    n_rows = len(is_wrong) // facts.batch_size * facts.batch_size
    return {"batch_size": facts.batch_size, **_errors(is_wrong[:n_rows], weights[:n_rows])}


def _auc(p, is_second, weights):
    """The area under the ROC curve, by the ranks of the probabilities."""
    _, ranks = numpy.unique(p, return_inverse=True)
    n_first = numpy.bincount(ranks, weights * ~is_second)
    n_second = numpy.bincount(ranks, weights * is_second)
    n_pairs = n_first.sum() * n_second.sum()
    n_below = n_first.cumsum() - n_first / 2  # rows of the same rank count half
    return float((n_second * n_below).sum() / n_pairs) if n_pairs else None


def _calibration(p, is_wrong, weights, min_proba):
    """Yield a dict for each band of probabilities; `p` are those of the predicted classes."""
    edges = sorted({0.0, min_proba, *MIN_PROBAS})
    for least, below in zip(edges, [*edges[1:], 2]):
        is_here = (least <= p) & (p < below)
        is_above = p >= least
        yield {
            "min_proba": least,
            "forecast": _mean(p[is_here], weights[is_here]),
            "happened": _mean(~is_wrong[is_here], weights[is_here]),
            "rows": int(is_here.sum()),
            "answered": _errors(is_wrong[is_above], weights[is_above]),
        }


def _mean(values, weights):
    """The mean of values by their weights; None if these are all 0, or there are none."""
    if not weights.any():
        return None
    return float(numpy.average(values.astype("float64"), weights=weights))


def _errors(is_wrong, weights):
    """Count rows, of which some are wrong; the percentage goes by their weights."""
    weight = weights.sum()
    return {
        "rows": len(is_wrong),
        "errors": int(is_wrong.sum()),
        "error_percent": float(100.0 * (weights @ is_wrong) / weight) if weight else None,
    }


def _confusion(labels, y, predicted):
    if len(labels) > MAX_CLASSES:
        return None
    counts = numpy.zeros((len(labels), len(labels)), "int64")
    numpy.add.at(counts, (y, predicted), 1)
    return {"labels": labels, "counts": counts.tolist()}


def _mistakes(labels, y, predicted):
    """Count the pairs of a label and what was predicted in its place, the most frequent first."""
    counts = Counter(zip(y.tolist(), predicted.tolist()))
    pairs = sorted(counts, key=lambda pair: (-counts[pair], pair))
    return [[labels[i], labels[j], counts[i, j]] for i, j in pairs]


def _score_classes(labels, y, predicted, weights):
    """Errors, precision, recall and F1 of each class that occurs."""
    n_out = len(labels)
    is_right = y == predicted
    of_label = numpy.bincount(y, weights, n_out)
    of_answer = numpy.bincount(predicted, weights, n_out)
    right = numpy.bincount(y, weights * is_right, n_out)
    n_rows = numpy.bincount(y, minlength=n_out)
    n_errors = numpy.bincount(y, ~is_right, n_out)
    n_predicted = numpy.bincount(predicted, minlength=n_out)
    entries = []
    for k in numpy.flatnonzero(n_rows + n_predicted):
        wrong = of_label[k] - right[k]
        entry = {
            "label": labels[k],
            "rows": int(n_rows[k]),
            "errors": int(n_errors[k]),
            "error_percent": float(100.0 * wrong / of_label[k]) if of_label[k] else None,
            "precision": _ratio(right[k], of_answer[k]),
            "recall": _ratio(right[k], of_label[k]),
            "f1": _ratio(2 * right[k], of_label[k] + of_answer[k]),
        }
        entries.append(entry)
    return entries


def _ratio(part, whole):
    """A part of a whole as a fraction; 0 if the whole is 0."""
    return float(part / whole) if whole else 0.0
