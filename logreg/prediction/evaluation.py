"""How well a model does on a test set: as a whole, class by class, and what it takes for what."""

import numpy

from logreg.datasets.header import listed
from logreg.prediction.inputs import BATCH_SIZE, InputChecker
from logreg.prediction.writers import shown
from logreg.run import wilson_interval
from logreg.shell.console import progress, warning

MAX_DENSE = 50  # of more classes, the confusion matrix is not written as a matrix
SCORES = ("precision", "recall", "f1")


def evaluate(predictor, data):
    """Evaluate a model on the test set of a :class:`~logreg.datasets.DataSet`.

    The result is the dict that is written as JSON. Beside the error over all rows, it has the error
    over whole minibatches of training, as the tutorial counts; None if the best model went by the
    loss. Its scores are scikit-learn's:

    - Precision, recall and F1 of a class are 0 where they would be 0 / 0, but None if it is
      neither a label nor predicted; then the macro means leave it out.
    - The log-loss is the mean of -log p of the labels, p being at least the precision of its type.
    - In the confusion matrix, a row is a label: one of the model's, then those that it does not
      know; a column is what was predicted. Of more than MAX_DENSE labels, `entries` lists
      [row, column, count] where the count is not 0: memory grows as rows and classes do.
    """
    x, y = data.test
    # The same label may be text for one and an integer for the other.
    known = set(map(str, predictor.labels))
    unknown = [label for label in data.class_labels if str(label) not in known]
    labels, n_known = [*predictor.labels, *unknown], len(known)
    index = {str(label): i for i, label in enumerate(labels)}
    y = numpy.array([index[str(label)] for label in data.class_labels])[y]
    predicted, p_of_label = numpy.zeros(len(x), "int64"), numpy.zeros(len(x))
    checker = InputChecker(predictor, data.name)
    with progress(len(x), unit=" rows") as advance:
        for start in range(0, len(x), BATCH_SIZE):
            rows = slice(start, start + BATCH_SIZE)
            predicted[rows], p = checker.predict(x[rows])
            of_label = p[numpy.arange(len(p)), numpy.minimum(y[rows], n_known - 1)]
            of_label = numpy.where(y[rows] < n_known, of_label, 0)
            p_of_label[rows] = numpy.maximum(of_label, numpy.finfo(p.dtype).eps)
            advance(len(p))
    classes = _by_class(labels, y, predicted)
    _warn_of_unknown([entry for entry in classes[n_known:] if entry["rows"]])
    is_wrong, batch_size = predicted != y, predictor.batch_size
    n_used = len(x) // batch_size * batch_size
    whole = {"batch_size": batch_size, **_errors(n_used, is_wrong[:n_used].sum())}
    found = [entry for entry in classes if entry["f1"] is not None]
    return {
        "dataset": data.name,
        **_errors(len(x), is_wrong.sum()),
        "macro": {key: float(numpy.mean([entry[key] for entry in found])) for key in SCORES},
        "log_loss": float(numpy.log(1 / p_of_label).mean()),
        "whole_minibatches": None if predictor.metadata.get("criterion") == "loss" else whole,
        "classes": classes,
        "confusion": _confusion(labels, predictor.labels, y, predicted),
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
        names = listed([repr(shown(str(entry["label"]))[:40]) for entry in unknown])
        n_rows = sum(entry["rows"] for entry in unknown)
        warning(
            f"the model does not know {len(unknown)} of the classes ({names}): their "
            f"{n_rows} rows count as errors"
        )


def _confusion(labels, class_labels, y, predicted):
    n, cells = len(class_labels), y * len(class_labels) + predicted
    table = {"labels": labels, "predictions": list(class_labels)}
    if len(labels) <= MAX_DENSE:
        counts = numpy.bincount(cells, minlength=len(labels) * n)
        return {**table, "counts": counts.reshape(-1, n).tolist()}
    found, counts = numpy.unique(cells, return_counts=True)
    return {**table, "entries": numpy.stack([*numpy.divmod(found, n), counts], axis=1).tolist()}


def as_text(evaluation):
    """What :func:`evaluate` gave, for people to read."""
    whole, confusion = evaluation["whole_minibatches"], evaluation["confusion"]
    low, high = wilson_interval(evaluation["errors"], evaluation["rows"])
    classes = [["class", "rows", "errors", "error", "precision", "recall", "F1"]]
    for entry in evaluation["classes"]:
        percent = f"{entry['error_percent']:.2f} %" if entry["rows"] else "-"
        classes.append([entry["label"], entry["rows"], entry["errors"], percent, *_scores(entry)])
    classes.append(["macro mean", "", "", "", *_scores(evaluation["macro"])])
    matrix = "--format json gives the confusion matrix: there are more than 50 classes\n"
    if "counts" in confusion:
        rows = zip(confusion["labels"], confusion["counts"])
        matrix = "Confusion matrix: a row for each class, a column for what it is taken for\n"
        matrix += _aligned([["", *confusion["predictions"]], *([k, *row] for k, row in rows)])
    tutorial = ""
    if whole and whole["rows"] != evaluation["rows"]:
        tutorial = f"error as the tutorial counts, in whole minibatches of {whole['batch_size']}: "
        tutorial += f"{_error(whole)}\n"
    return f"""Test set of {shown(evaluation["dataset"])}
error over all rows: {_error(evaluation)}, 95 % interval: {100 * low:.2f} to {100 * high:.2f} %
{tutorial}log-loss {evaluation["log_loss"]:.6f}

{_aligned(classes)}
{matrix}"""


def _error(entry):
    if not entry["rows"]:
        return "no rows"
    return f"{entry['error_percent']:f} % ({entry['errors']} of {entry['rows']} rows)"


def _scores(entry):
    return ["-" if entry[key] is None else f"{entry[key]:.4f}" for key in SCORES]


def _aligned(table):
    table = [[shown(str(cell)) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = ("  ".join(cell.rjust(n) for cell, n in zip(row, widths)) for row in table)
    return "".join(line + "\n" for line in lines)
