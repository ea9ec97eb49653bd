"""Sections of a model's page as HTML. Every text that comes from a file is escaped."""

import math

import numpy

from logreg.parts.statistics import with_interval
from logreg.prediction.summary import percent, tables
from logreg.report import markup, plots
from logreg.report.plots import short

N_BARS = 12  # bars that are shown of a class
MANY_CLASSES = 30  # if there are more, the weights of so many are shown, in a folded part
N_LARGE_PICTURES = 20  # if there are more, the pictures of weights are smaller


def scores(facts, evaluation):
    r"""The numbers at the top: the error over all test rows, and the error as the tutorial counts.

    Examples
    --------
    >>> from logreg.saving.facts import ModelFacts
    >>> facts = ModelFacts(test_error=0.0, test_error_all_rows=0.25)
    >>> print(scores(facts, None).replace("</div>", "\n"))
    <div><strong>25.00 %</strong> test error over all rows<small>from the model file</small>
    <div><strong>0.00 %</strong> as the tutorial counts<small>over whole minibatches</small>
    <BLANKLINE>
    >>> evaluation = {"dataset": "<b>.csv", "rows_are": "all rows", "rows": 50}
    >>> evaluation.update(error_percent=20.0, weight=None)
    >>> evaluation["whole_minibatches"] = {"error_percent": 2.5, "rows": 40}
    >>> print(scores(facts, evaluation).replace("<small>", "\n").replace("</div>", "\n"))
    <div><strong>20.00 %</strong> test error over all rows
    &lt;b&gt;.csv: 10 of 50 rows, 20.00 % (95 % interval: 11.24 to 33.04 %); all rows</small>
    <div><strong>2.50 %</strong> as the tutorial counts
    over whole minibatches</small>
    <BLANKLINE>
    >>> evaluation["whole_minibatches"] = {"error_percent": None, "rows": 0}
    >>> scores(facts, evaluation).count("<div>")
    1
    >>> scores(ModelFacts(test_error=0.0, settings={"criterion": "loss"}), None)
    ''
    """
    error = facts.test_error_all_rows
    source = "from the model file"
    error_whole_minibatches = facts.test_error
    if evaluation:
        error = evaluation["error_percent"] / 100
        rows = with_interval(error, evaluation["rows"], evaluation["weight"] is not None)
        source = f"{markup.escaped(evaluation['dataset'])}: {rows}; {evaluation['rows_are']}"
        counts = evaluation["whole_minibatches"]
        error_whole_minibatches = None
        if counts and counts["rows"]:
            error_whole_minibatches = counts["error_percent"] / 100
    name = "test error over all rows"
    if facts.options.weight_column is not None:
        name = "test error by the weights of the rows"
    figures = [(error, name, source)]
    if facts.criterion != "loss":
        figures.append(
            (error_whole_minibatches, "as the tutorial counts", "over whole minibatches")
        )
    found = "".join(
        f"<div><strong>{percent(error)}</strong> {name}<small>{source}</small></div>"
        for error, name, source in figures
        if error is not None
    )
    auc = evaluation.get("auc") if evaluation else None
    if auc is not None:
        found += f"<div><strong>{auc:.4f}</strong> AUC<small>of the two classes</small></div>"
    return found


def run(facts):
    r"""The training run as a list of terms and values.

    Examples
    --------
    >>> from logreg.saving.facts import ModelFacts
    >>> from logreg.parts.options import TableOptions
    >>> curve, options = [{"iter": 9}, {"iter": 14}], TableOptions(missing="mean")
    >>> metadata = {"dataset": "<b>.csv", "n_in": 2, "n_out": 3, "dtype": "float64", "epoch": 2}
    >>> metadata.update(n_train_batches=10, reason="patience", engine="theano 1.0.5", curve=curve)
    >>> metadata.update(logreg="1.0", python="3.11", refit=True, n_refit_rows=9)
    >>> metadata.update(validation_error=0.0, validation_error_all_rows=0.25, date="today")
    >>> settings = {"l2": 0.0, "class_weight": None, "criterion": "error"}
    >>> print(run(ModelFacts(**metadata, settings=settings)).replace("</dd>", "\n"))
    <dl><dt>Data set</dt><dd>&lt;b&gt;.csv
    <dt>Model</dt><dd>2 features, 3 classes, float64
    <dt>Settings</dt><dd>l2 0.0, criterion error
    <dt>Why it stopped</dt><dd>patience ran out
    <dt>Best model</dt><dd>of epoch 2, the last one that was validated, then trained anew on 9 rows
    <dt>Validation error</dt><dd>0.00 %
    <dt>Made by</dt><dd>logreg 1.0 on theano 1.0.5, Python 3.11
    <dt>Date</dt><dd>today
    </dl>
    >>> metadata.update(epoch=1, reason="diverged", refit=False, options=options)
    >>> metadata.update(settings={"criterion": "loss"}, feature_scales=[1, 2], date=None)
    >>> print(run(ModelFacts(**metadata)).replace("</dd>", "\n"))
    <dl><dt>Data set</dt><dd>&lt;b&gt;.csv
    <dt>Model</dt><dd>2 features, 3 classes, float64
    <dt>Settings</dt><dd>criterion loss, missing mean, standardize True
    <dt>Why it stopped</dt><dd>diverged
    <dt>Best model</dt><dd>of epoch 1
    <dt>Validation error</dt><dd>25.00 %
    <dt>Made by</dt><dd>logreg 1.0 on theano 1.0.5, Python 3.11
    <dt>Date</dt><dd>not known
    </dl>
    >>> run(ModelFacts()).count("<dd>not known</dd>")
    7
    >>> print(run(ModelFacts(reason="n_epochs")).split("<dt>")[4])
    Why it stopped</dt><dd>all epochs had been run</dd>
    """
    settings = {
        **facts.settings,
        "missing": facts.options.missing,
        "standardize": True if facts.feature_scales else None,
    }
    stated = [f"{name} {value}" for name, value in settings.items() if value is not None]
    best = f"of epoch {facts.epoch}"
    if facts.curve:
        last_iter = facts.curve[-1]["iter"]
        if facts.epoch == last_iter // (facts.n_train_batches or 1) + 1:
            best += ", the last one that was validated"
    if facts.refit:
        best += f", then trained anew on {facts.n_refit_rows} rows"
    if facts.n_folds and facts.rows:
        best += f" by {facts.n_folds} folds, then trained as long on all {facts.rows[0]} rows"
    error = facts.validation_error  # over whole minibatches
    if facts.criterion == "loss":
        error = facts.validation_error_all_rows
    made_by = f"logreg {facts.logreg} on {facts.engine}, Python {facts.python}"
    rows = {
        "Data set": facts.dataset,
        "Model": f"{facts.n_in} features, {facts.n_out} classes, {facts.dtype}",
        "Settings": ", ".join(stated),
        "Why it stopped": facts.reason_text,
        "Best model": best if facts.epoch else None,
        "Validation error": None if error is None else percent(error),
        "Made by": made_by if facts.logreg else None,
        "Date": facts.date,
    }
    return markup.definitions(
        (name, markup.escaped(text or "not known", 200)) for name, text in rows.items()
    )


def curve(facts):
    r"""The learning curve, or why there is none.

    Examples
    --------
    >>> from logreg.saving.facts import ModelFacts
    >>> from logreg.run import Validation
    >>> found = [(0, 1, 0.5, 0.5, 0.9), (1, 1, 0.3, 0.3, 0.7), (2, 1, 0.2, 0.2, 0.8)]
    >>> points = [Validation(*numbers).as_dict() for numbers in found]
    >>> for name, n_batches in ("error", 2), ("loss", 1):
    ...     settings = {"criterion": name, "patience": 3, "patience_increase": 2}
    ...     drawn = curve(ModelFacts(curve=points, n_train_batches=n_batches, settings=settings))
    ...     print(drawn.partition("<figcaption>")[2].replace("; ", ";\n"))
    The validation error begins at 50.00 %;
    its best is 20.00 %, at epoch 2, in 3 validations. Significant gains: 3;
    patience runs to epoch 3.</figcaption></figure>
    The validation loss begins at 0.9000;
    its best is 0.7000, at minibatch 2, in 3 validations. Significant gains: 2;
    patience runs to minibatch 4.</figcaption></figure>
    >>> curve(ModelFacts())
    '<p>No curve is known: no validation was made.</p>'
    """
    if not facts.curve:
        return "<p>No curve is known: no validation was made.</p>"
    stopping = facts.stopping
    n_batches = facts.n_train_batches or 1
    # Count minibatches if an epoch has only one, or if the file does not say how many it has.
    unit = "epoch" if n_batches > 1 else "minibatch"
    best = stopping.best_iter // n_batches + 1
    end = (stopping.patience + 1) / n_batches
    criterion = facts.criterion
    shown = "{:.4f}".format if criterion == "loss" else percent
    first = getattr(facts.validations[0], criterion)
    text = (
        f"The validation {criterion} begins at {shown(first)}; its best is "
        f"{shown(stopping.best_value)}, at {unit} {best}, in {len(facts.curve)} validations. "
        f"Significant gains: {len(stopping.gain_iters)}; patience runs to {unit} {math.ceil(end)}."
    )
    return markup.plot_figure(plots.plot_curve, facts, (5.8, 3.7), text)


def weights(predictor, evaluation=None):
    r"""What the model has learnt: a picture of weights, or bars, for each class.

    Of many classes, only some are shown, folded away: those with most errors in the `evaluation`,
    if there is one.

    Examples
    --------
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=2, n_out=2)
    >>> engine.set_value(classifier.W, [[0.5, 0], [-1, 0]])
    >>> save_model(classifier, "model.pkl", class_labels=["<b>", "no"], feature_names=["u", "<i>"])
    >>> print(weights(Predictor("model.pkl")).replace("<figure>", "\n").replace("<dt>", "\n<dt>"))
    <div class="bars">
    <dl>
    <dt>&lt;i&gt;</dt><dd class="share"><i class="against" style="width: 50.0%"></i><b>−1.00</b></dd>
    <dt>u</dt><dd class="share"><i class="for" style="width: 25.0%"></i><b>+0.50</b></dd></dl><figcaption>&lt;b&gt;</figcaption></figure>
    <dl>
    <dt>u</dt><dd class="share"><i class="against" style="width: 0.0%"></i><b>+0.00</b></dd>
    <dt>&lt;i&gt;</dt><dd class="share"><i class="against" style="width: 0.0%"></i><b>+0.00</b></dd></dl><figcaption>no</figcaption></figure></div>
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=4, n_out=31)
    >>> save_model(classifier, "model.pkl", image_shape=[2, 2])
    >>> start, *figures = weights(Predictor("model.pkl")).split("<figure>")
    >>> start, len(figures)
    ('<details><summary>30 of 31 classes</summary><div class="pictures many">', 30)
    """  # noqa: E501
    facts = predictor.facts
    labels = predictor.labels
    W = predictor.W
    shape = facts.image_layout.shape
    is_shortened = len(labels) > MANY_CLASSES
    chosen = range(len(labels))
    if is_shortened:
        tested = evaluation["classes"] if evaluation else []
        n_wrong = {entry["label"]: entry["errors"] for entry in tested}
        chosen = sorted(chosen, key=lambda k: -n_wrong.get(labels[k], 0))[:MANY_CLASSES]
    limit = plots.colour_limit(W)
    names = facts.feature_titles
    figures = []
    for k in chosen:
        if shape:
            alt = f"weights of class {k}, {short(labels[k])}"
            drawn = plots.image(W[:, k].reshape(shape), alt, plots.DIVERGING, -limit, limit)
        else:
            largest = numpy.argsort(-abs(W[:, k]), kind="stable")[:N_BARS]
            drawn = markup.bars([(markup.escaped(names[i], 24), W[i, k]) for i in largest])
        figures.append((drawn, markup.escaped(labels[k], 24)))
    kind = "bars"
    if shape:
        kind = "pictures many" if len(labels) > N_LARGE_PICTURES else "pictures"
    drawn = markup.figures(kind, figures)
    if is_shortened:
        which = ", those of most errors" if evaluation else ""
        summary = f"<summary>{len(chosen)} of {len(labels)} classes{which}</summary>"
        drawn = f"<details>{summary}{drawn}</details>"
    return drawn


def errors(evaluation):
    r"""Confusion matrix, or the most frequent mistakes of many classes; calibration; each class.

    Examples
    --------
    >>> import re
    >>> scores = {"precision": 0.5, "recall": 1.0, "f1": 0.75}
    >>> found = [{"label": k, "rows": 8, "errors": k, **scores} for k in (1, 2)]
    >>> found[0]["error_percent"], found[1]["error_percent"] = 12.5, 25.0
    >>> answered = {"rows": 9, "errors": 3, "error_percent": 100 / 3}
    >>> band = {"min_proba": 0.5, "forecast": 0.625, "happened": None, "rows": 7}
    >>> evaluation = {"classes": found, "macro": scores, "mistakes": [[2, "<b>", 5], [1, 2, 1]]}
    >>> evaluation.update(confusion=None, calibration=[{**band, "answered": answered}])
    >>> for row in re.split("<table>|<tr>", errors(evaluation))[1:]:
    ...     print(*re.sub("<.*?>", " ", row).split())
    The most frequent mistakes
    class taken for rows
    2 &lt;b&gt; 5
    1 2 1
    Calibration, and the error if only predictions at least this sure are kept
    probability mean probability share correct rows rows at least this sure error
    from 0.5 62.50 % - 7 9 33.33 %
    The 2 classes of most errors (predict --evaluate --format json has all)
    class rows errors error precision recall F1
    2 8 2 25.00 % 0.5000 1.0000 0.7500
    1 8 1 12.50 % 0.5000 1.0000 0.7500
    macro mean 0.5000 1.0000 0.7500
    >>> evaluation["confusion"] = {"labels": [1, 2], "counts": [[7, 1], [5, 3]]}
    >>> print(errors(evaluation).split("figcaption>")[1])
    Confusion matrix. The most frequent mistake: 5 of class 2 taken for &lt;b&gt;.</
    >>> for found in re.findall('<figure.*?>|aria-label=".*?"|viewBox=".*?"', errors(evaluation)):
    ...     print(found)
    <figure class="plot" tabindex="0">
    aria-label="Confusion matrix. The most frequent mistake: 5 of class 2 taken for &lt;b&gt;."
    viewBox="0 0 360 324"
    >>> print(errors({**evaluation, "mistakes": []}).split("figcaption>")[1])
    Confusion matrix. </
    """
    classes, pairs, calibration = tables(evaluation)
    if evaluation["confusion"]:
        text = "Confusion matrix. "
        if evaluation["mistakes"]:
            label, taken, n = evaluation["mistakes"][0]
            text += "The most frequent mistake: "
            text += f"{n} of class {short(label)} taken for {short(taken)}."
        side = min(4 + 0.25 * len(evaluation["classes"]), 8)
        drawn = markup.plot_figure(plots.plot_confusion, evaluation, (side + 0.5, side), text)
    else:
        drawn = markup.table(*pairs)
    return f"{drawn}<div>{markup.table(*calibration)}{markup.table(*classes)}</div>"
