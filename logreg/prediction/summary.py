"""An evaluation for people to read: as tables, and as a text."""

from logreg.basics.errors import listed, printable
from logreg.parts.statistics import wilson_interval
from logreg.prediction.evaluation import MAX_CLASSES, SCORES
from logreg.prediction.writers import align


def tables(evaluation):
    """Three tables of what :func:`.evaluate` gave: each a title, a head, and rows.

    They are about each class, about pairs of classes, and about calibration. If there are many
    classes, the first two have the worst only.
    """
    if evaluation["confusion"]:
        pairs = _confusion_table(evaluation["confusion"])
    else:
        mistakes = evaluation["mistakes"][:MAX_CLASSES]
        pairs = "The most frequent mistakes", ("class", "taken for", "rows"), mistakes
    return _class_table(evaluation), pairs, _calibration_table(evaluation["calibration"])


def _class_table(evaluation):
    entries = evaluation["classes"]
    title = "Classes"
    if not evaluation["confusion"]:  # there are more than MAX_CLASSES
        entries = sorted(entries, key=lambda entry: -entry["errors"])[:MAX_CLASSES]
        title = (
            f"The {len(entries)} classes of most errors (predict --evaluate --format json has all)"
        )
    head = ("class", "rows", "errors", "error", "precision", "recall", "F1")
    rows = [[entry["label"], *_count_cells(entry), *_score_cells(entry)] for entry in entries]
    return title, head, [*rows, ["macro mean", "", "", "", *_score_cells(evaluation["macro"])]]


def _confusion_table(confusion):
    title = "Confusion matrix: a row for each class, a column for what it is taken for"
    labels = confusion["labels"]
    rows = [[label, *counts] for label, counts in zip(labels, confusion["counts"])]
    return title, ["", *labels], rows


def _calibration_table(bands):
    title = "Calibration, and the error if only predictions at least this sure are kept"
    head = ["probability", "mean probability", "share correct"]
    head += ["rows", "rows at least this sure", "error"]
    rows = []
    for band in bands:
        shares = percent(band["forecast"]), percent(band["happened"])
        n_above, _, error = _count_cells(band["answered"])
        rows.append([f"from {band['min_proba']}", *shares, band["rows"], n_above, error])
    return title, head, rows


def describe_evaluation(evaluation):
    r"""What :func:`.evaluate` gave, for people to read.

    Examples
    --------
    >>> import numpy
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> from logreg.prediction.evaluation import evaluate
    >>> from logreg.prediction.held_out import read_test_set
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=2, n_out=2)
    >>> engine.set_value(classifier.W, [[3, 0], [0, 3]])
    >>> save_model(classifier, "model.pkl", class_labels=["left", "right"], batch_size=2)
    >>> numpy.savez("d.npz", x=[[0.5, 0], [0, 0.9], [0.1, 0]], y=["left", "right", "right"])
    >>> predictor = Predictor("model.pkl")
    >>> found = evaluate(predictor, read_test_set(predictor.facts, "d.npz"))
    >>> print(describe_evaluation(found))
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

    >>> describe_evaluation({**found, "wrong_rows": ["a\x1b.png"]}).splitlines()[-1]
    'wrong rows, the most confident mistakes first: a\\x1b.png'
    """
    lines = [f"Test set of {printable(evaluation['dataset'])}: {evaluation['rows_are']}"]
    if evaluation["weight"] is None:
        low, high = wilson_interval(evaluation["errors"], evaluation["rows"])
        interval = f"95 % interval: {100 * low:.2f} to {percent(high)}"
        lines.append(f"error over all rows: {_error_text(evaluation)}, {interval}")
    else:
        lines.append(f"error by the weights of the rows: {_error_text(evaluation)}")
        lines.append(
            "all rates go by the weights; numbers of rows and of errors count each row once"
        )
    whole = evaluation["whole_minibatches"]
    if whole and 0 < whole["rows"] < evaluation["rows"]:
        size = whole["batch_size"]
        name = f"error as the tutorial counts, in whole minibatches of {size}"
        lines.append(f"{name}: {_error_text(whole)}")
    auc = "" if evaluation["auc"] is None else f", AUC {evaluation['auc']:.4f}"
    lines.append(f"log-loss {evaluation['log_loss']:.6f}{auc}\n")
    lines += [f"{title}\n{align([head, *rows])}" for title, head, rows in tables(evaluation)]
    wrong = listed([*map(printable, evaluation["wrong_rows"])]) or "none"
    return "\n".join([*lines, f"wrong rows, the most confident mistakes first: {wrong}\n"])


def percent(share):
    """A share as people read it; None is that of no rows."""
    return "-" if share is None else f"{100 * share:.2f} %"


def _count_cells(entry):
    error = entry["error_percent"]
    return entry["rows"], entry["errors"], percent(None if error is None else error / 100)


def _error_text(entry):
    error = entry["error_percent"]
    shown = "-" if error is None else f"{error:f} %"  # None: all rows weigh 0
    return f"{shown} ({entry['errors']} of {entry['rows']} rows)"


def _score_cells(entry):
    return [f"{entry[key]:.4f}" for key in SCORES]
