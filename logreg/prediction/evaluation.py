"""How well a model does on a test set: as a whole, class by class, pair by pair."""

import numpy

from logreg.datasets.statistics import wilson_interval
from logreg.errors import DatasetError, listed, quoted
from logreg.hyperparameters import DEFAULTS
from logreg.prediction.inputs import array_batches
from logreg.prediction.writers import shown

MAX_CLASSES = 50  # of a confusion matrix
N_WORST = 20  # classes and pairs in the text, if there are more classes than that
N_WORST_ROWS = 24
MIN_PROBAS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)  # at which an evaluation counts the answers
SCORES = ("precision", "recall", "f1")


def evaluate(predictor, data, min_proba=0.0):
    """Evaluate a model on the test set of a :class:`~logreg.datasets.dataset.DataSet`.

    The result is the dict that is written as JSON. Beside the error over all rows, it has the error
    over whole minibatches of training, as the tutorial counts; None if the best model went by the
    loss. Its scores are scikit-learn's:

    - Precision, recall and F1 of a class are 0 where they would be 0 / 0, but None if it is
      neither a label nor predicted; then the macro means leave it out.
    - The log-loss is the mean of -log p of the labels, p being at least the precision of its type.
    - In the confusion matrix, a row is a label, and a column is what was predicted. It is None if
      there are more than 50 classes.
    - `mistakes` are pairs of a label and what was predicted in its place, each with its number of
      rows, the most frequent first.
    - `classes` has those that are a label or predicted; of at most 50, all.
    - `rows_are` tells which rows of the data set these are.
    - `calibration` has, in bands of how probable the predictions are, their mean probability
      (forecast), the share that is right (happened) and the number of rows; and of all predictions
      from there on (answered) rows and errors. A `min_proba` makes one band more.
    - `wrong_rows` are the rows that are put into a wrong class, the most confidently first, as
      messages number them; and `worst_rows` the places of the first 24 among the rows here.

    A DatasetError names the labels that the model does not know.
    """
    x, y = data.test[0], _codes_of(predictor, data)
    predicted, (p_of_label, p_of_answer) = numpy.zeros(len(x), "int64"), numpy.zeros((2, len(x)))
    batches = array_batches(data.facts.dataset, x, predictor.facts)
    for batch, (classes, p) in predictor.predictions(data.facts.dataset, batches):
        rows = slice(batch.rows.start, batch.rows.stop)
        predicted[rows], p_of_answer[rows] = classes, p.max(axis=1)
        of_label = p[numpy.arange(len(p)), y[rows]]
        p_of_label[rows] = numpy.maximum(of_label, numpy.finfo(p.dtype).eps)
    labels = list(predictor.labels)
    pairs, counts = numpy.unique(y * len(labels) + predicted, return_counts=True)
    pairs = numpy.stack([*numpy.divmod(pairs, len(labels)), counts])
    classes = _by_class(labels, pairs)
    found = [entry for entry in classes if entry["f1"] is not None]
    is_wrong, settings = predicted != y, predictor.facts.settings
    order = numpy.argsort(numpy.where(is_wrong, -p_of_answer, 0), kind="stable")
    wrong = order[: is_wrong.sum()]
    numbers = numpy.arange(len(x)) if data.test_rows is None else data.test_rows
    batch_size = settings.get("batch_size", DEFAULTS.batch_size)
    n_used = len(x) // batch_size * batch_size
    whole = {"batch_size": batch_size, **_errors(n_used, is_wrong[:n_used].sum())}
    return {
        "dataset": data.facts.dataset,
        "rows_are": data.rows_are,
        **_errors(len(x), is_wrong.sum()),
        "macro": {key: float(numpy.mean([entry[key] for entry in found])) for key in SCORES},
        "log_loss": float(numpy.log(1 / p_of_label).mean()),
        "whole_minibatches": None if settings.get("criterion") == "loss" else whole,
        "classes": classes if len(labels) <= MAX_CLASSES else found,
        "confusion": _confusion(labels, pairs) if len(labels) <= MAX_CLASSES else None,
        "mistakes": _mistakes(labels, pairs),
        "calibration": [*_calibration(p_of_answer, is_wrong, min_proba)],
        "wrong_rows": numbers[wrong].tolist(),
        "worst_rows": wrong[:N_WORST_ROWS].tolist(),
    }


def _codes_of(predictor, data):
    """The labels of a test set as numbers of the model's classes, an array of shape (n,).

    A label may be text for one and an integer for the other.
    """
    known = {str(label): k for k, label in enumerate(predictor.labels)}
    found = [str(data.facts.class_labels[k]) for k in numpy.unique(data.test[1])]
    unknown = [quoted(label) for label in found if label not in known]
    if unknown:
        raise DatasetError(
            f"{data.facts.dataset}: the model does not know the labels {listed(unknown)}: leave "
            "their rows out, or train with them"
        )
    return numpy.array([known.get(str(label), -1) for label in data.facts.class_labels])[
        data.test[1]
    ]


def _calibration(p, is_wrong, min_proba):
    edges = sorted({0.0, min_proba, *MIN_PROBAS})
    for least, below in zip(edges, [*edges[1:], 2]):
        here, above = (least <= p) & (p < below), p >= least
        yield {
            "min_proba": least,
            "forecast": float(p[here].mean()) if here.any() else None,
            "happened": float((~is_wrong[here]).mean()) if here.any() else None,
            "rows": int(here.sum()),
            "answered": _errors(int(above.sum()), is_wrong[above].sum()),
        }


def _errors(n, n_wrong):
    n_wrong = int(n_wrong)
    return {"rows": n, "errors": n_wrong, "error_percent": 100.0 * n_wrong / n if n else None}


def _confusion(labels, pairs):
    i, j, counts = pairs
    matrix = numpy.zeros((len(labels), len(labels)), "int64")
    matrix[i, j] = counts
    return {"labels": labels, "counts": matrix.tolist()}


def _mistakes(labels, pairs):
    wrong = pairs[:, pairs[0] != pairs[1]]
    order = numpy.argsort(-wrong[2], kind="stable")
    return [[labels[i], labels[j], n] for i, j, n in wrong[:, order].T.tolist()]


def _by_class(labels, pairs):
    """Errors, precision, recall and F1 of each class."""
    i, j, counts = pairs
    rows, taken, right = (
        numpy.bincount(of, counts * which, len(labels)).astype("int64").tolist()
        for of, which in ((i, 1), (j, 1), (i, i == j))
    )
    entries = []
    for label, n, n_taken, n_right in zip(labels, rows, taken, right):
        scores = dict.fromkeys(SCORES)
        if n or n_taken:
            f1 = 2 * n_right / (n + n_taken)
            scores = dict(zip(SCORES, (n_right / max(n_taken, 1), n_right / max(n, 1), f1)))
        entries.append({"label": label, **_errors(n, n - n_right), **scores})
    return entries


def as_text(evaluation):
    """What :func:`evaluate` gave, for people to read."""
    whole, confusion = evaluation["whole_minibatches"], evaluation["confusion"]
    low, high = wilson_interval(evaluation["errors"], evaluation["rows"])
    classes = [["class", "rows", "errors", "error", "precision", "recall", "F1"]]
    if confusion:
        entries, title = evaluation["classes"], ""
        rows = zip(confusion["labels"], confusion["counts"])
        below = "Confusion matrix: a row for each class, a column for what it is taken for\n"
        below += aligned([["", *confusion["labels"]], *([k, *row] for k, row in rows)])
    else:
        entries = sorted(evaluation["classes"], key=lambda entry: -entry["errors"])[:N_WORST]
        title = f"The {len(entries)} classes of most errors; --format json has all\n"
        below = "The most frequent mistakes\n"
        below += aligned([["class", "taken for", "rows"], *evaluation["mistakes"][:N_WORST]])
    for entry in entries:
        percent = f"{entry['error_percent']:.2f} %" if entry["rows"] else "-"
        classes.append([entry["label"], entry["rows"], entry["errors"], percent, *_scores(entry)])
    classes.append(["macro mean", "", "", "", *_scores(evaluation["macro"])])
    tutorial = ""
    if whole and 0 < whole["rows"] < evaluation["rows"]:
        tutorial = f"error as the tutorial counts, in whole minibatches of {whole['batch_size']}: "
        tutorial += f"{_error(whole)}\n"
    calibration = [["probability", "forecast", "happened", "rows", "so probable", "error"]]
    for entry in evaluation["calibration"]:
        shares, above = map(_percent, (entry["forecast"], entry["happened"])), entry["answered"]
        error = above["error_percent"]
        cells = [entry["rows"], above["rows"], _percent(error and error / 100)]
        calibration.append([f"from {entry['min_proba']}", *shares, *cells])
    wrong = listed([*map(str, evaluation["wrong_rows"])]) or "none"
    return f"""Test set of {shown(evaluation["dataset"])}: {evaluation["rows_are"]}
error over all rows: {_error(evaluation)}, 95 % interval: {100 * low:.2f} to {100 * high:.2f} %
{tutorial}log-loss {evaluation["log_loss"]:.6f}

{title}{aligned(classes)}
{below}
How probable predictions were, how often right; and how many are so probable or more, their error
{aligned(calibration)}
wrong rows, the most confident mistakes first: {wrong}
"""


def _percent(share):
    return "-" if share is None else f"{100 * share:.2f} %"


def _error(entry):
    return f"{entry['error_percent']:f} % ({entry['errors']} of {entry['rows']} rows)"


def _scores(entry):
    return ["-" if entry[key] is None else f"{entry[key]:.4f}" for key in SCORES]


def aligned(table):
    """Lines of text of a table, its columns below each other."""
    table = [[shown(str(cell)) for cell in row] for row in table]
    widths = [max(map(len, column)) for column in zip(*table)]
    lines = ("  ".join(cell.rjust(n) for cell, n in zip(row, widths)) for row in table)
    return "".join(line + "\n" for line in lines)
