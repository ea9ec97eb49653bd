"""How well a model does on a test set: as a whole, class by class, pair by pair."""

import numpy

from logreg.criteria import find_criterion
from logreg.datasets.statistics import wilson_interval
from logreg.errors import DatasetError, listed, quoted
from logreg.hyperparameters import DEFAULTS
from logreg.prediction.inputs import held_out_batches
from logreg.prediction.writers import aligned, shown

MAX_CLASSES = 50  # of a confusion matrix, and in a table of classes or mistakes
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
    - `auc`, of a model of two classes, is the share of the pairs of a row of each class of which
      the row of the second class has the larger probability of it; equal ones count half. It is
      None if a class has no row.
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
    predicted = numpy.zeros(len(x), "int64")
    p_of_label, p_of_answer, p_of_last = numpy.zeros((3, len(x)))
    numbers = []
    for batch, (classes, p) in predictor.predictions(held_out_batches(data, predictor.facts)):
        rows = slice(len(numbers), len(numbers) + len(p))
        numbers += batch.rows
        predicted[rows] = classes
        p_of_answer[rows] = p[numpy.arange(len(p)), classes]
        p_of_last[rows] = p[:, -1]
        of_label = p[numpy.arange(len(p)), y[rows]]
        p_of_label[rows] = numpy.maximum(of_label, numpy.finfo(p.dtype).eps)
    labels, settings, is_wrong = list(predictor.labels), predictor.facts.settings, predicted != y
    classes = _by_class(labels, y, predicted)
    found = [entry for entry in classes if entry["f1"] is not None]
    order = numpy.argsort(numpy.where(is_wrong, -p_of_answer, 0), kind="stable")
    wrong = order[: is_wrong.sum()]
    batch_size = settings.get("batch_size", DEFAULTS.batch_size)
    n_used = len(x) // batch_size * batch_size
    whole = {"batch_size": batch_size, **_errors(n_used, is_wrong[:n_used].sum())}
    return {
        "dataset": data.facts.dataset,
        "rows_are": data.rows_are,
        **_errors(len(x), len(wrong)),
        "macro": {key: float(numpy.mean([entry[key] for entry in found])) for key in SCORES},
        "log_loss": float(numpy.log(1 / p_of_label).mean()),
        "auc": _auc(p_of_last, y == 1) if len(labels) == 2 else None,
        "whole_minibatches": None if find_criterion(settings).is_loss else whole,
        "classes": classes if len(labels) <= MAX_CLASSES else found,
        "confusion": _confusion(labels, y, predicted) if len(labels) <= MAX_CLASSES else None,
        "mistakes": _mistakes(labels, y[wrong], predicted[wrong]),
        "calibration": [*_calibration(p_of_answer, is_wrong, min_proba)],
        "wrong_rows": [numbers[i] for i in wrong],
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


def _auc(p, is_second):
    """The area under the ROC curve, by the ranks of the probabilities."""
    _, ranks = numpy.unique(p, return_inverse=True)
    n_first = numpy.bincount(ranks[~is_second], minlength=len(p))
    n_second = numpy.bincount(ranks[is_second], minlength=len(p))
    n_pairs = n_first.sum() * n_second.sum()
    n_below = n_first.cumsum() - n_first / 2
    return float((n_second * n_below).sum() / n_pairs) if n_pairs else None


def _calibration(p, is_wrong, min_proba):
    edges = sorted({0.0, min_proba, *MIN_PROBAS})
    for least, below in zip(edges, [*edges[1:], 2]):
        here, above = (least <= p) & (p < below), p >= least
        yield {
            "min_proba": least,
            "forecast": float(p[here].mean()) if here.any() else None,
            "happened": float((~is_wrong[here]).mean()) if here.any() else None,
            "rows": int(here.sum()),
            "answered": _errors(above.sum(), is_wrong[above].sum()),
        }


def _errors(n, n_wrong):
    n, n_wrong = int(n), int(n_wrong)
    return {"rows": n, "errors": n_wrong, "error_percent": 100.0 * n_wrong / n if n else None}


def _confusion(labels, y, predicted):
    counts = numpy.zeros((len(labels), len(labels)), "int64")
    numpy.add.at(counts, (y, predicted), 1)
    return {"labels": labels, "counts": counts.tolist()}


def _mistakes(labels, y, predicted):
    pairs, counts = numpy.unique(y * len(labels) + predicted, return_counts=True)
    order = numpy.argsort(-counts, kind="stable")
    i, j = numpy.divmod(pairs[order], len(labels))
    return [[labels[i], labels[j], n] for i, j, n in zip(i, j, counts[order].tolist())]


def _by_class(labels, y, predicted):
    """Errors, precision, recall and F1 of each class."""
    entries, each = [], (y, predicted, y[y == predicted])
    counts = (numpy.bincount(codes, minlength=len(labels)).tolist() for codes in each)
    for label, n, n_taken, n_right in zip(labels, *counts):
        scores = dict.fromkeys(SCORES)
        if n or n_taken:
            f1 = 2 * n_right / (n + n_taken)
            scores = dict(zip(SCORES, (n_right / max(n_taken, 1), n_right / max(n, 1), f1)))
        entries.append({"label": label, **_errors(n, n - n_right), **scores})
    return entries


def tables(evaluation):
    """Three tables of what :func:`evaluate` gave: each a title, a head, and rows.

    They tell of each class, of what is taken for what, and of calibration; of many classes, they
    have the worst.
    """
    confusion, entries, title = evaluation["confusion"], evaluation["classes"], "Classes"
    if confusion:
        where = "Confusion matrix: a row for each class, a column for what it is taken for"
        rows = zip(confusion["labels"], confusion["counts"])
        pairs = where, ["", *confusion["labels"]], [[label, *row] for label, row in rows]
    else:
        entries = sorted(entries, key=lambda entry: -entry["errors"])[:MAX_CLASSES]
        title = f"The {len(entries)} classes of most errors"
        title += " (predict --evaluate --format json has all)"
        mistakes = evaluation["mistakes"][:MAX_CLASSES]
        pairs = "The most frequent mistakes", ("class", "taken for", "rows"), mistakes
    head = ("class", "rows", "errors", "error", "precision", "recall", "F1")
    classes = [[entry["label"], *_counts(entry), *_scores(entry)] for entry in entries]
    classes.append(["macro mean", "", "", "", *_scores(evaluation["macro"])])
    what = "Calibration, and the error if only predictions at least this sure are kept"
    of_bands = (
        "probability",
        "mean probability",
        "share correct",
        "rows",
        "rows at least this sure",
        "error",
    )
    bands = []
    for entry in evaluation["calibration"]:
        shares = map(percent, (entry["forecast"], entry["happened"]))
        above, _, error = _counts(entry["answered"])
        bands.append([f"from {entry['min_proba']}", *shares, entry["rows"], above, error])
    return (title, head, classes), pairs, (what, of_bands, bands)


def as_text(evaluation):
    r"""What :func:`evaluate` gave, for people to read.

    Examples
    --------
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> from logreg.prediction.held_out import read_test_set
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=2, n_out=2)
    >>> engine.set_value(classifier.W, [[3, 0], [0, 3]])
    >>> save_model(classifier, "model.pkl", class_labels=["left", "right"], batch_size=2)
    >>> numpy.savez("d.npz", x=[[0.5, 0], [0, 0.9], [0.1, 0]], y=["left", "right", "right"])
    >>> predictor = Predictor("model.pkl")
    >>> found = evaluate(predictor, read_test_set(predictor.facts, "d.npz"))
    >>> print(as_text(found))
    Test set of d.npz: all rows
    error over all rows: 33.333333 % (1 of 3 rows), 95 % interval: 6.15 to 79.23 %
    error as the tutorial counts, in whole minibatches of 2: 0.000000 % (0 of 2 rows)
    log-loss 0.373604, AUC 1.0000
    <BLANKLINE>
    Classes
         class  rows  errors    error  precision  recall      F1
          left     1       0   0.00 %     0.5000  1.0000  0.6667
         right     2       1  50.00 %     1.0000  0.5000  0.6667
    macro mean                            0.7500  0.7500  0.6667
    <BLANKLINE>
    Confusion matrix: a row for each class, a column for what it is taken for
           left  right
     left     1      0
    right     1      1
    <BLANKLINE>
    Calibration, and the error if only predictions at least this sure are kept
    probability  mean probability  share correct  rows  rows at least this sure    error
       from 0.0                 -              -     0                        3  33.33 %
       from 0.5           57.44 %         0.00 %     1                        3  33.33 %
       from 0.6                 -              -     0                        2   0.00 %
       from 0.7                 -              -     0                        2   0.00 %
       from 0.8           81.76 %       100.00 %     1                        2   0.00 %
       from 0.9           93.70 %       100.00 %     1                        1   0.00 %
      from 0.95                 -              -     0                        0        -
      from 0.99                 -              -     0                        0        -
    <BLANKLINE>
    wrong rows, the most confident mistakes first: 2
    <BLANKLINE>

    Of pictures, rows are files, whose names may hold anything.

    >>> as_text({**found, "wrong_rows": ["a\x1b.png"]}).splitlines()[-1]
    'wrong rows, the most confident mistakes first: a\\x1b.png'
    """
    low, high = wilson_interval(evaluation["errors"], evaluation["rows"])
    lines = [
        f"Test set of {shown(evaluation['dataset'])}: {evaluation['rows_are']}",
        f"error over all rows: {_error(evaluation)}, "
        f"95 % interval: {100 * low:.2f} to {percent(high)}",
    ]
    whole = evaluation["whole_minibatches"]
    if whole and 0 < whole["rows"] < evaluation["rows"]:
        size = whole["batch_size"]
        lines.append(
            f"error as the tutorial counts, in whole minibatches of {size}: {_error(whole)}"
        )
    auc = "" if evaluation["auc"] is None else f", AUC {evaluation['auc']:.4f}"
    lines.append(f"log-loss {evaluation['log_loss']:.6f}{auc}\n")
    lines += [f"{title}\n{aligned([head, *rows])}" for title, head, rows in tables(evaluation)]
    wrong = listed([*map(shown, evaluation["wrong_rows"])]) or "none"
    return "\n".join([*lines, f"wrong rows, the most confident mistakes first: {wrong}\n"])


def percent(share):
    """A share as people read it; None is that of no rows."""
    return "-" if share is None else f"{100 * share:.2f} %"


def _counts(entry):
    rows, errors = entry["rows"], entry["errors"]
    return rows, errors, percent(errors / rows if rows else None)


def _error(entry):
    return f"{entry['error_percent']:f} % ({entry['errors']} of {entry['rows']} rows)"


def _scores(entry):
    return ["-" if entry[key] is None else f"{entry[key]:.4f}" for key in SCORES]
