"""How well a model does on a test set: as a whole, class by class, and what it takes for what."""

import csv
import io
import json
from typing import NamedTuple

import numpy

from logreg.console import warning
from logreg.prediction.writers import shown


class Evaluation(NamedTuple):
    """What a model makes of a test set."""

    dataset: str  # its name
    labels: list  # of the rows of `counts`: the model's class labels, then those it does not know
    predictions: list  # of the columns of `counts`: the model's class labels
    counts: numpy.ndarray  # the confusion matrix: how many rows of each label were taken for what
    batch_size: int  # rows in a minibatch of the model's training
    batch_rows: int  # rows in whole minibatches, which are what the tutorial counts
    batch_errors: int  # errors among them

    def all_rows(self):
        """How many rows the test set has, and how many of them are errors."""
        n_rows = int(self.counts.sum())
        return n_rows, n_rows - int(self.counts.trace())

    def classes(self):
        """The label, rows and errors of each class."""
        rows = self.counts.sum(axis=1)
        errors = rows.copy()
        errors[: len(self.predictions)] -= self.counts.diagonal()
        return list(zip(self.labels, rows.tolist(), errors.tolist()))


def evaluate(predict, data, class_labels, rows_at_a_time, batch_size):
    """Evaluate a model on the test set of a :class:`~logreg.datasets.DataSet`.

    `predict` makes a Prediction of so many rows at a time, `class_labels` are the model's, and
    `batch_size` is that of its training.
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
    for i in range(len(class_labels), len(labels)):
        if counts[i].any():
            warning(
                f"the model does not know the class {shown(str(labels[i]))!r}: its "
                f"{counts[i].sum()} rows count as errors"
            )
    n_used = len(x) // batch_size * batch_size
    n_wrong = int((predicted[:n_used] != y[:n_used]).sum())
    return Evaluation(data.name, labels, list(class_labels), counts, batch_size, n_used, n_wrong)


def format_evaluation(evaluation, form):
    """An evaluation as a string; `form` is 'text', 'csv' or 'json'.

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


def _text(evaluation):
    def error(rows, errors):
        return f"{_percent(rows, errors):f} % ({errors} of {rows} rows)" if rows else "no rows"

    classes = [["class", "rows", "errors", "error"]]
    for label, rows, errors in evaluation.classes():
        percent = f"{_percent(rows, errors):.2f} %" if rows else "-"
        classes.append([shown(str(label)), str(rows), str(errors), percent])
    confusion = [["", *(shown(str(label)) for label in evaluation.predictions)]]
    for label, row in zip(evaluation.labels, evaluation.counts.tolist()):
        confusion.append([shown(str(label)), *map(str, row)])
    lines = [
        f"Test set of {shown(evaluation.dataset)}",
        f"error over all rows: {error(*evaluation.all_rows())}",
        f"error as the tutorial counts, in whole minibatches of {evaluation.batch_size}: "
        f"{error(evaluation.batch_rows, evaluation.batch_errors)}",
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

    def write(part, label, rows, errors, counts):
        out.writerow([part, label, rows, errors, _percent(rows, errors), *counts])

    columns = [f"predicted_{label}" for label in evaluation.predictions]
    out.writerow(["part", "label", "rows", "errors", "error_percent", *columns])
    write("all", "", *evaluation.all_rows(), evaluation.counts.sum(axis=0))
    no_counts = [""] * len(columns)
    write("whole minibatches", "", evaluation.batch_rows, evaluation.batch_errors, no_counts)
    for entry, counts in zip(evaluation.classes(), evaluation.counts):
        write("class", *entry, counts)
    return text.getvalue()


def _json(evaluation):
    def error(rows, errors):
        return {"rows": rows, "errors": errors, "error_percent": _percent(rows, errors)}

    content = {
        "dataset": evaluation.dataset,
        **error(*evaluation.all_rows()),
        "whole_minibatches": {
            "batch_size": evaluation.batch_size,
            **error(evaluation.batch_rows, evaluation.batch_errors),
        },
        "classes": [{"label": label, **error(*rest)} for label, *rest in evaluation.classes()],
        "confusion": {
            "labels": evaluation.labels,
            "predictions": evaluation.predictions,
            "counts": evaluation.counts.tolist(),
        },
    }
    return json.dumps(content, indent=2) + "\n"
