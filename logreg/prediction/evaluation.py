"""How well a model does on a test set: as a whole, class by class, and what it takes for what."""

import csv
import io
import json

import numpy

from logreg.console import warning
from logreg.prediction.writers import shown


def evaluate(predict, data, class_labels, rows_at_a_time, batch_size):
    """Evaluate a model on the test set of a :class:`~logreg.datasets.DataSet`.

    `predict` makes a Prediction of so many rows at a time, `class_labels` are the model's, and
    `batch_size` is that of its training: the tutorial counts the rows in whole minibatches. The
    result is the dict that is written as JSON. In its confusion matrix, a row is a label: one of
    the model's, then those that it does not know; a column is what was predicted.
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
    is_wrong = predicted != y
    classes = [{"label": label, **_errors(is_wrong[y == i])} for i, label in enumerate(labels)]
    for entry in classes[len(class_labels) :]:
        if entry["rows"]:
            warning(
                f"the model does not know the class {shown(str(entry['label']))!r}: its "
                f"{entry['rows']} rows count as errors"
            )
    n_used = len(x) // batch_size * batch_size
    return {
        "dataset": data.name,
        **_errors(is_wrong),
        "whole_minibatches": {"batch_size": batch_size, **_errors(is_wrong[:n_used])},
        "classes": classes,
        "confusion": {
            "labels": labels,
            "predictions": list(class_labels),
            "counts": counts.tolist(),
        },
    }


def _errors(is_wrong):
    n, n_wrong = len(is_wrong), int(is_wrong.sum())
    return {"rows": n, "errors": n_wrong, "error_percent": 100.0 * n_wrong / n if n else None}


def format_evaluation(evaluation, form):
    """What :func:`evaluate` gave, as 'text', 'csv' or 'json'."""
    if form == "json":
        return json.dumps(evaluation, indent=2) + "\n"
    return _csv(evaluation) if form == "csv" else _text(evaluation)


def _text(evaluation):
    def error(entry):
        if not entry["rows"]:
            return "no rows"
        return f"{entry['error_percent']:f} % ({entry['errors']} of {entry['rows']} rows)"

    whole, confusion = evaluation["whole_minibatches"], evaluation["confusion"]
    classes = [["class", "rows", "errors", "error"]]
    for entry in evaluation["classes"]:
        percent = f"{entry['error_percent']:.2f} %" if entry["rows"] else "-"
        classes.append([entry["label"], entry["rows"], entry["errors"], percent])
    matrix = [["", *confusion["predictions"]]]
    matrix += [[label, *row] for label, row in zip(confusion["labels"], confusion["counts"])]
    lines = [
        f"Test set of {shown(evaluation['dataset'])}",
        f"error over all rows: {error(evaluation)}",
        "error as the tutorial counts, in whole minibatches of "
        f"{whole['batch_size']}: {error(whole)}",
        "",
        *_aligned(classes),
        "",
        "Confusion matrix: a row for each class, a column for what it is taken for",
        *_aligned(matrix),
    ]
    return "\n".join(lines) + "\n"


def _aligned(table):
    table = [[shown(str(cell)) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join(cell.rjust(n) for cell, n in zip(row, widths)) for row in table]


def _csv(evaluation):
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    predictions, counts = (evaluation["confusion"][key] for key in ("predictions", "counts"))
    columns = [f"predicted_{label}" for label in predictions]
    out.writerow(["part", "label", "rows", "errors", "error_percent", *columns])
    lines = [
        ("all", evaluation, numpy.sum(counts, axis=0)),
        ("whole minibatches", evaluation["whole_minibatches"], [""] * len(columns)),
        *(("class", entry, row) for entry, row in zip(evaluation["classes"], counts)),
    ]
    for part, entry, row in lines:
        errors = entry["rows"], entry["errors"], entry["error_percent"]
        out.writerow([part, entry.get("label", ""), *errors, *row])
    return text.getvalue()
