"""How well a model does on a test set: as a whole, class by class, and what it takes for what."""

import csv
import io
import json
from typing import NamedTuple

import numpy

from logreg.console import warning
from logreg.prediction.writers import shown


class Evaluation(NamedTuple):
    """What a model makes of a test set.

    Attributes
    ----------
    dataset : str
        The data set's name.
    labels : list
        The label of each row of `counts`: the model's class labels, then those it does not know.
    predictions : list
        The label of each column of `counts`: the model's class labels.
    counts : numpy.ndarray, shape (len(labels), len(predictions))
        The confusion matrix: how many rows of each label were taken for what.
    batch_size : int
        The rows in a minibatch of the model's training.
    batch_rows, batch_errors : int
        The rows in whole minibatches, which the tutorial counts, and the errors among them.
    """

    dataset: str
    labels: list
    predictions: list
    counts: numpy.ndarray
    batch_size: int
    batch_rows: int
    batch_errors: int

    def summary(self):
        """What can be said of the whole: a list of (name, rows, errors)."""
        n_rows = int(self.counts.sum())
        return [
            ("all", n_rows, n_rows - int(self.counts.trace())),
            ("whole minibatches", self.batch_rows, self.batch_errors),
        ]

    def classes(self):
        """What can be said of each label: a list of (label, rows, errors)."""
        rows = self.counts.sum(axis=1)
        errors = rows.copy()
        errors[: len(self.predictions)] -= self.counts.diagonal()
        return list(zip(self.labels, rows.tolist(), errors.tolist()))


def evaluate(predict, data, class_labels, rows_at_a_time, batch_size):
    """Evaluate a model on the test set of a data set.

    Parameters
    ----------
    predict : callable
        From rows to a :class:`~logreg.prediction.predictor.Prediction`.
    data : DataSet
        The data set; its `test`, `class_labels` and `name` are used.
    class_labels : list
        The model's class labels.
    rows_at_a_time : int
        How many rows `predict` gets.
    batch_size : int
        The rows in a minibatch of the model's training.

    Returns
    -------
    Evaluation
    """
    x, y = data.test
    # The same label may be text for one and an integer for the other.
    known = set(map(str, class_labels))
    labels = [*class_labels, *(label for label in data.class_labels if str(label) not in known)]
    index = {str(label): i for i, label in enumerate(labels)}
    y = numpy.array([index[str(label)] for label in data.class_labels])[y]
    starts = range(0, len(x), rows_at_a_time)
    predicted = numpy.concatenate([predict(x[i : i + rows_at_a_time]).classes for i in starts])
    counts = numpy.zeros((len(labels), len(class_labels)), dtype=numpy.int64)
    numpy.add.at(counts, (y, predicted), 1)
    for label, row in list(zip(labels, counts))[len(class_labels) :]:
        if row.any():
            warning(
                f"the model does not know the class {shown(str(label))!r}: its {row.sum()} rows "
                "count as errors"
            )
    n_used = len(x) // batch_size * batch_size
    n_wrong = int((predicted[:n_used] != y[:n_used]).sum())
    return Evaluation(data.name, labels, list(class_labels), counts, batch_size, n_used, n_wrong)


def format_evaluation(evaluation, form):
    """Write an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
    form : {'text', 'csv', 'json'}

    Returns
    -------
    str

    Examples
    --------
    >>> counts = numpy.array([[9, 1], [0, 10]])
    >>> evaluation = Evaluation("pets", ["cat", "dog"], ["cat", "dog"], counts, 16, 16, 1)
    >>> print(format_evaluation(evaluation, "csv"), end="")
    part,label,rows,errors,error_percent,predicted_cat,predicted_dog
    all,,20,1,5.0,9,11
    whole minibatches,,16,1,6.25,,
    class,cat,10,1,10.0,9,1
    class,dog,10,0,0.0,0,10
    """
    return {"text": _text, "csv": _csv, "json": _json}[form](evaluation)


def _percent(rows, errors):
    return 100.0 * errors / rows if rows else None


def _in_text(rows, errors):
    return f"{_percent(rows, errors):f} % ({errors} of {rows} rows)" if rows else "no rows"


def _text(evaluation):
    (_, *all_rows), (_, *used) = evaluation.summary()
    classes = [["class", "rows", "errors", "error"]]
    for label, rows, errors in evaluation.classes():
        percent = f"{_percent(rows, errors):.2f} %" if rows else "-"
        classes.append([shown(str(label)), str(rows), str(errors), percent])
    confusion = [["", *(shown(str(label)) for label in evaluation.predictions)]]
    for label, row in zip(evaluation.labels, evaluation.counts.tolist()):
        confusion.append([shown(str(label)), *map(str, row)])
    lines = [
        f"Test set of {shown(evaluation.dataset)}",
        f"error over all rows: {_in_text(*all_rows)}",
        f"error as the tutorial counts, in whole minibatches of {evaluation.batch_size}: "
        f"{_in_text(*used)}",
        "",
        *_aligned(classes),
        "",
        "Confusion matrix: a row for each class, a column for what it is taken for",
        *_aligned(confusion),
    ]
    return "\n".join(lines) + "\n"


def _aligned(table):
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join(cell.rjust(n) for cell, n in zip(row, widths)) for row in table]


def _csv(evaluation):
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    columns = [f"predicted_{label}" for label in evaluation.predictions]
    out.writerow(["part", "label", "rows", "errors", "error_percent", *columns])
    totals = evaluation.counts.sum(axis=0).tolist()
    for (name, rows, errors), counts in zip(evaluation.summary(), (totals, [""] * len(totals))):
        out.writerow([name, "", rows, errors, _percent(rows, errors), *counts])
    for (label, rows, errors), counts in zip(evaluation.classes(), evaluation.counts.tolist()):
        out.writerow(["class", label, rows, errors, _percent(rows, errors), *counts])
    return text.getvalue()


def _json(evaluation):
    def entry(rows, errors, **more):
        return {**more, "rows": rows, "errors": errors, "error_percent": _percent(rows, errors)}

    (_, *all_rows), (_, *used) = evaluation.summary()
    content = {
        "dataset": evaluation.dataset,
        **entry(*all_rows),
        "whole_minibatches": entry(*used, batch_size=evaluation.batch_size),
        "classes": [entry(*rest, label=label) for label, *rest in evaluation.classes()],
        "confusion": {
            "labels": evaluation.labels,
            "predictions": evaluation.predictions,
            "counts": evaluation.counts.tolist(),
        },
    }
    return json.dumps(content, indent=2) + "\n"
