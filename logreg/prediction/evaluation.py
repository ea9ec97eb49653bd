"""How well a model does on a test set: as a whole, class by class, and what it takes for what."""

import csv
import io
import json

import numpy

from logreg.prediction.writers import shown
from logreg.shell.console import warning

MAX_DENSE = 50  # of more classes, the confusion matrix is not written as a matrix
SCORES = ("precision", "recall", "f1")


def evaluate(predict, data, class_labels, rows_at_a_time, batch_size):
    """Evaluate a model on the test set of a :class:`~logreg.datasets.DataSet`.

    `predict` makes a Prediction of so many rows at a time, `class_labels` are the model's, and
    `batch_size` is that of its training: the tutorial counts the rows in whole minibatches. The
    result is the dict that is written as JSON. Its scores are scikit-learn's:

    - Precision, recall and F1 of a class are 0 where they would be 0 / 0, but None if it is
      neither a label nor predicted; then the macro means leave it out.
    - The log-loss is the mean of -log p of the labels, p being at least the precision of its type.
    - Of two classes, the AUC is that of the second one against the first.
    - In the confusion matrix, a row is a label: one of the model's, then those that it does not
      know; a column is what was predicted. Of more than MAX_DENSE labels, `entries` lists
      [row, column, count] where the count is not 0: memory grows as rows and classes do.
    """
    x, y = data.test
    # The same label may be text for one and an integer for the other.
    known = set(map(str, class_labels))
    labels = [*class_labels, *(label for label in data.class_labels if str(label) not in known)]
    index = {str(label): i for i, label in enumerate(labels)}
    y = numpy.array([index[str(label)] for label in data.class_labels])[y]
    n_known, is_known = len(class_labels), y < len(class_labels)
    predicted = numpy.zeros(len(x), dtype="int64")
    p_of_label, p_of_last = numpy.zeros((2, len(x)))
    for start in range(0, len(x), rows_at_a_time):
        rows = slice(start, start + rows_at_a_time)
        predicted[rows], p = predict(x[rows])
        p_of_last[rows] = p[:, -1]
        of_label = p[numpy.arange(len(p)), numpy.minimum(y[rows], n_known - 1)]
        p_of_label[rows] = numpy.maximum(is_known[rows] * of_label, numpy.finfo(p.dtype).eps)
    classes = _by_class(labels, y, predicted)
    _warn_of_unknown([entry for entry in classes[n_known:] if entry["rows"]])
    is_wrong = predicted != y
    n_used = len(x) // batch_size * batch_size
    found = [entry for entry in classes if entry["f1"] is not None]
    return {
        "dataset": data.name,
        **_errors(len(x), is_wrong.sum()),
        "macro": {key: float(numpy.mean([entry[key] for entry in found])) for key in SCORES},
        "log_loss": float(numpy.log(1 / p_of_label).mean()),
        "auc": _auc(p_of_last[is_known], y[is_known]) if n_known == 2 else None,
        "whole_minibatches": {
            "batch_size": batch_size,
            **_errors(n_used, is_wrong[:n_used].sum()),
        },
        "classes": classes,
        "confusion": _confusion(labels, class_labels, y, predicted),
    }


def _errors(n, n_wrong):
    percent = 100.0 * int(n_wrong) / int(n) if n else None
    return {"rows": int(n), "errors": int(n_wrong), "error_percent": percent}


def _by_class(labels, y, predicted):
    """Errors, precision, recall and F1 of each class."""
    n = len(labels)
    rows, taken, right = (numpy.bincount(a, minlength=n) for a in (y, predicted, y[predicted == y]))
    with numpy.errstate(invalid="ignore"):  # 0 / 0: the class occurs nowhere
        f1 = (2 * right / (rows + taken)).tolist()
    precision, recall = right / numpy.maximum(taken, 1), right / numpy.maximum(rows, 1)
    scores = zip(precision.tolist(), recall.tolist(), f1)
    return [
        {
            "label": label,
            **_errors(n_rows, n_rows - n_right),
            **dict(zip(SCORES, three if n_rows + n_taken else [None] * 3)),
        }
        for label, n_rows, n_taken, n_right, three in zip(labels, rows, taken, right, scores)
    ]


def _warn_of_unknown(unknown):
    if unknown:
        names = ", ".join(repr(shown(str(entry["label"]))[:40]) for entry in unknown[:3])
        more = ", ..." if len(unknown) > 3 else ""
        n_rows = sum(entry["rows"] for entry in unknown)
        warning(
            f"the model does not know {len(unknown)} of the classes ({names}{more}): their "
            f"{n_rows} rows count as errors"
        )


def _auc(scores, y):
    """How often a row of class 1 has a larger score than one of class 0; half if they tie."""
    _, where, counts = numpy.unique(scores, return_inverse=True, return_counts=True)
    ranks = numpy.cumsum(counts) - (counts - 1) / 2
    n = int(y.sum())
    if n in (0, len(y)):
        return None
    return float((ranks[where][y == 1].sum() - n * (n + 1) / 2) / (n * (len(y) - n)))


def _confusion(labels, class_labels, y, predicted):
    n = len(class_labels)
    found, counts = numpy.unique(y * n + predicted, return_counts=True)
    table = {"labels": labels, "predictions": list(class_labels)}
    if len(labels) > MAX_DENSE:
        triples = numpy.stack([*numpy.divmod(found, n), counts], axis=1)
        return {**table, "entries": triples.tolist()}
    dense = numpy.zeros(len(labels) * n, dtype=numpy.int64)
    dense[found] = counts
    return {**table, "counts": dense.reshape(len(labels), n).tolist()}


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

    def decimals(value):
        return "-" if value is None else f"{value:.4f}"

    whole, confusion = evaluation["whole_minibatches"], evaluation["confusion"]
    classes = [["class", "rows", "errors", "error", "precision", "recall", "F1"]]
    for entry in evaluation["classes"]:
        percent = f"{entry['error_percent']:.2f} %" if entry["rows"] else "-"
        scores = [decimals(entry[key]) for key in SCORES]
        classes.append([entry["label"], entry["rows"], entry["errors"], percent, *scores])
    macro = [decimals(evaluation["macro"][key]) for key in SCORES]
    classes.append(["macro mean", "", "", "", *macro])
    auc = f", AUC {evaluation['auc']:.6f}" if evaluation["auc"] is not None else ""
    lines = [
        f"Test set of {shown(evaluation['dataset'])}",
        f"error over all rows: {error(evaluation)}",
        "error as the tutorial counts, in whole minibatches of "
        f"{whole['batch_size']}: {error(whole)}",
        f"log-loss {evaluation['log_loss']:.6f}{auc}",
        "",
        *_aligned(classes),
        "",
    ]
    if "counts" in confusion:
        matrix = [["", *confusion["predictions"]]]
        matrix += [[label, *row] for label, row in zip(confusion["labels"], confusion["counts"])]
        lines.append("Confusion matrix: a row for each class, a column for what it is taken for")
        lines += _aligned(matrix)
    else:
        lines.append(
            f"Confusion matrix: of more than {MAX_DENSE} classes, --format csv or json give it"
        )
    return "\n".join(lines) + "\n"


def _aligned(table):
    table = [[shown(str(cell)) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*table)]
    return ["  ".join(cell.rjust(n) for cell, n in zip(row, widths)) for row in table]


def _csv(evaluation):
    """A line for the whole, for each class, and for each entry of a sparse confusion matrix."""
    classes, confusion = evaluation["classes"], evaluation["confusion"]
    labels, predictions = (
        [shown(str(label)) for label in confusion[k]] for k in ("labels", "predictions")
    )
    columns, counts = ["predicted"], [[""]] * len(classes)
    if "counts" in confusion:
        columns, counts = [f"predicted_{label}" for label in predictions], confusion["counts"]
    empty = [""] * len(columns)
    sums = numpy.sum(counts, axis=0).tolist() if "counts" in confusion else empty
    fields = ["rows", "errors", "error_percent", *SCORES, "log_loss", "auc"]
    lines = [
        ("all", "", {**evaluation, **evaluation["macro"]}, sums),
        ("whole minibatches", "", evaluation["whole_minibatches"], empty),
        *(("class", label, entry, row) for label, entry, row in zip(labels, classes, counts)),
    ]
    for i, j, n in confusion.get("entries", ()):
        entry = {"rows": n, "errors": n if i != j else 0}
        lines.append(("confusion", labels[i], entry, [predictions[j]]))
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["part", "label", *fields, *columns])
    for part, label, entry, row in lines:
        out.writerow([part, label, *(entry.get(field) for field in fields), *row])
    return text.getvalue()
