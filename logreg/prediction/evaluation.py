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
        A row of `counts` each: the model's class labels, then those it does not know.
    predictions : list
        A column of `counts` each: the model's class labels.
    counts : numpy.ndarray, shape (len(labels), len(predictions))
        How many rows of each label were taken for what.
    errors : numpy.ndarray, shape (len(labels),)
        How many of them were taken for something else.
    batch_size : int
        Of the model's training.
    batch_rows, batch_errors : int
        Rows in whole minibatches of this size, which the tutorial counts, and errors there.
    """

    dataset: str
    labels: list
    predictions: list
    counts: numpy.ndarray
    errors: numpy.ndarray
    batch_size: int
    batch_rows: int
    batch_errors: int

    def summary(self):
        """What can be said of the whole: a list of (name, rows, errors)."""
        return [
            ("all", int(self.counts.sum()), int(self.errors.sum())),
            ("whole minibatches", self.batch_rows, self.batch_errors),
        ]

    def classes(self):
        """What can be said of each label: a list of (label, rows, errors)."""
        return list(zip(self.labels, self.counts.sum(axis=1).tolist(), self.errors.tolist()))


def evaluate(predict, data, class_labels, rows_at_a_time, batch_size):
    """Evaluate a model on the test set of a data set.

    Parameters
    ----------
    predict : callable
        From rows to a :class:`~logreg.prediction.predictor.Prediction`.
    data : DataSet
    class_labels : list
        The model's.
    rows_at_a_time : int
    batch_size : int
        The model's, by which the tutorial counts.

    Returns
    -------
    Evaluation
    """
    x, y = data.test
    # Labels that are text for one may be integers for the other, if there are others beside.
    known = set(map(str, class_labels))
    unknown = [label for label in data.class_labels if str(label) not in known]
    labels = [*class_labels, *unknown]
    index = {str(label): i for i, label in enumerate(labels)}
    y = numpy.array([index[str(label)] for label in data.class_labels])[y]
    starts = range(0, len(x), rows_at_a_time)
    predicted = [predict(x[i : i + rows_at_a_time]).classes for i in starts]
    predicted = numpy.concatenate(predicted)
    shape = len(labels), len(class_labels)
    counts = numpy.bincount(y * shape[1] + predicted, minlength=shape[0] * shape[1])
    counts = counts.reshape(shape)
    right = numpy.zeros(len(labels), dtype=counts.dtype)
    right[: len(class_labels)] = counts.diagonal()
    n_used = len(x) // batch_size * batch_size
    for label, n in zip(unknown, counts[len(class_labels) :].sum(axis=1)):
        if n:
            warning(
                f"the model does not know the class {shown(str(label))!r}: its {n} rows count as "
                "errors"
            )
    return Evaluation(
        data.name,
        labels,
        list(class_labels),
        counts,
        counts.sum(axis=1) - right,
        batch_size,
        n_used,
        int((predicted[:n_used] != y[:n_used]).sum()),
    )


def report(evaluation, form):
    """Write an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
    form : {'text', 'csv', 'json'}

    Returns
    -------
    str
    """
    return {"text": _text, "csv": _csv, "json": _json}[form](evaluation)


def _percent(rows, errors):
    return 100.0 * errors / rows if rows else None


def _in_text(rows, errors):
    return f"{_percent(rows, errors):f} % ({errors} of {rows} rows)" if rows else "no rows"


def _text(evaluation):
    whole, used = evaluation.summary()
    lines = [
        f"Test set of {shown(evaluation.dataset)}",
        f"error over all rows: {_in_text(*whole[1:])}",
        f"error as the tutorial counts, in whole minibatches of {evaluation.batch_size}: "
        f"{_in_text(*used[1:])}",
        "",
    ]
    table = [["class", "rows", "errors", "error"]]
    for label, rows, errors in evaluation.classes():
        percent = f"{_percent(rows, errors):.2f} %" if rows else "-"
        table.append([shown(str(label)), str(rows), str(errors), percent])
    lines += _aligned(table)
    lines += ["", "Confusion matrix: a row for each class, a column for what it is taken for"]
    table = [["", *(shown(str(label)) for label in evaluation.predictions)]]
    for label, row in zip(evaluation.labels, evaluation.counts.tolist()):
        table.append([shown(str(label)), *map(str, row)])
    lines += _aligned(table)
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

    whole, used = evaluation.summary()
    content = {
        "dataset": evaluation.dataset,
        **entry(*whole[1:]),
        "whole_minibatches": entry(*used[1:], batch_size=evaluation.batch_size),
        "classes": [entry(*rest, label=label) for label, *rest in evaluation.classes()],
        "confusion": {
            "labels": evaluation.labels,
            "predictions": evaluation.predictions,
            "counts": evaluation.counts.tolist(),
        },
    }
    return json.dumps(content, indent=2) + "\n"
