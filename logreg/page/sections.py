"""The parts of the page of a model, as HTML; every text of a file is escaped."""

import base64
from html import escape

import numpy

from logreg import plots
from logreg.datasets.statistics import wilson_interval
from logreg.errors import SettingError
from logreg.plots import short

N_CELLS = 12  # of a wrong row of a table
N_ROWS = 100  # of a table of classes or mistakes
MAX_CLASSES = 100  # of which weights are drawn
MANY_CLASSES = 30  # with more, the errors come before the weights, which are folded
REASONS = {"patience": "patience ran out", "n_epochs": "all epochs had been run"}


def escaped(value, n=60):
    return escape(short(value, n))


def _percent(error):
    return "-" if error is None else f"{100 * error:.2f} %"


def scores(facts, evaluation):
    """The figures at the top: the error over all test rows, and the tutorial's."""
    error, source = facts.test_error_all_rows, "from the model file"
    figures = []
    if facts.settings.get("criterion") != "loss":
        figures = [(facts.test_error, "as the tutorial counts", "over whole minibatches")]
    if evaluation is not None:
        error, source = evaluation["errors"] / evaluation["rows"], evaluation["dataset"]
        interval = wilson_interval(evaluation["errors"], evaluation["rows"])
        source += ", 95 % interval {} to {}".format(*map(_percent, interval))
    return "".join(
        f"<div><strong>{_percent(error)}</strong> {name}<small>{escaped(source)}</small></div>"
        for error, name, source in [(error, "test error over all rows", source), *figures]
        if error is not None
    )


def run(facts):
    """The run as a list of terms and their values."""
    settings = [
        f"{name.replace('n_epochs', 'epochs at most').replace('_', ' ')} {value}"
        for name, value in {**facts.settings, "missing": facts.options.missing}.items()
        if value is not None
    ]
    settings += ["standardized"] if facts.feature_scales else []
    is_last = facts.curve and facts.epoch == facts.curve[-1][0] // (facts.n_train_batches or 1) + 1
    anew = ", the last one that was validated" if is_last else ""
    anew += f", then trained anew on {facts.n_refit_rows} rows" if facts.refit else ""
    rows = {
        "Data set": facts.dataset,
        "Model": f"{facts.n_in} features, {facts.n_out} classes, {facts.dtype}",
        "Settings": ", ".join(settings),
        "Why it stopped": REASONS.get(facts.reason, facts.reason),
        "Best model": f"of epoch {facts.epoch}{anew}" if facts.epoch else None,
        "Validation error": _percent(facts.validation_error),
        "Made by": f"logreg {facts.logreg} on {facts.engine}, Python {facts.python}",
        "Date": (facts.date or "").replace("T", " ").replace("+00:00", " UTC"),
    }
    known = {name: text or "not known" for name, text in rows.items()}
    return "".join(f"<dt>{name}</dt><dd>{escaped(text, 200)}</dd>" for name, text in known.items())


def curve(facts):
    """The learning curve, or why there is none."""
    try:
        points, stopping, gains = plots.replay(facts)
    except SettingError as error:
        return f"<p>{escape(str(error)).capitalize()}.</p>"
    n_batches = facts.n_train_batches or 1
    unit = "epoch" if n_batches > 1 else "minibatch"
    best, end = ((i + 1) / n_batches for i in (stopping.best_iter, stopping.patience))
    name, first, least = "error", *map(_percent, (points[0][2], stopping.best_loss))
    if facts.settings.get("criterion") == "loss":
        name, first, least = "loss", f"{points[0][4]:.4f}", f"{stopping.best_loss:.4f}"
    alt = (
        f"The validation {name} begins at {first}; its best is {least}, at {unit} {best:.0f}, "
        f"in {len(points)} validations."
    )
    gained = f"Significant gains: {len(gains)}; patience runs to {unit} {end:.0f}."
    return _plot(plots.plot_curve, facts, (5.8, 3.7), alt, f"{alt} {gained}")


def _plot(plot, subject, size, alt, caption):
    figure, caption = plots.svg(plot, subject, size=size, alt=alt), escape(caption)
    caption = f"<figcaption>{caption}</figcaption>"
    return f'<figure class="plot" tabindex="0">{figure}{caption}</figure>'


def weights(predictor):
    """What the model has learnt: a picture or bars for each class, folded if they are many."""
    facts, figures, top = predictor.facts, [], plots.colour_limit(predictor.W)
    shape, n_out, kind = facts.image, facts.n_out, "bars"
    if shape:
        kind = "pictures many" if n_out > 20 else "pictures"
    for k, (w, label) in enumerate(zip(predictor.W.T[:MAX_CLASSES], predictor.labels)):
        label = short(label)
        alt = f"weights of class {k}, {label}"
        if shape:
            drawn = plots.image(w.reshape(shape), alt, plots.DIVERGING, -top, top)
        else:
            drawn = plots.svg(plots.plot_bars, w, facts.names, size=(4, 3), alt=alt)
        figures.append(f"<figure>{drawn}<figcaption>{escape(label)}</figcaption></figure>")
    drawn = f'<div class="{kind}">{"".join(figures)}</div>'
    if n_out > MANY_CLASSES:
        drawn = f"<details><summary>{len(figures)} of {n_out} classes</summary>{drawn}</details>"
    return drawn


def errors(evaluation):
    """The confusion matrix, or of many classes the mistakes; and the errors of each class."""
    pairs = evaluation["mistakes"]
    alt = "Confusion matrix. There is no mistake."
    if pairs:
        label, taken, n = pairs[0]
        alt = "Confusion matrix. The most frequent mistake: {} of class {} taken for {}."
        alt = alt.format(n, short(label), short(taken))
    if evaluation["confusion"]:
        side = min(4 + 0.25 * len(evaluation["classes"]), 8)
        first = _plot(plots.plot_confusion, evaluation, (side + 0.5, side), alt, alt)
    else:
        first = _table(
            "The most frequent mistakes.", ("class", "taken for", "rows"), pairs[:N_ROWS]
        )
    entries = [entry for entry in evaluation["classes"] if entry["rows"]]
    entries.sort(key=lambda entry: -entry["error_percent"])
    rows = [
        (entry["label"], entry["rows"], entry["errors"], f"{entry['error_percent']:.2f} %")
        for entry in entries[:N_ROWS]
    ]
    head = ("class", "rows", "errors", "error")
    return first + _table("Error a class, the worst first.", head, rows)


def _table(caption, head, rows):
    """A table, of whose rows the first cell is the head."""
    head = "".join(f'<th scope="col">{name}</th>' for name in head)
    body = ""
    for first, *cells in rows:
        body += f'<tr><th scope="row">{escaped(first, 24)}</th>'
        body += "".join(f"<td>{escaped(cell, 24)}</td>" for cell in cells) + "</tr>"
    head = f"<thead><tr>{head}</tr></thead>"
    return f"<table><caption>{caption}</caption>{head}<tbody>{body}</tbody></table>"


def gallery(predictor, data, rows):
    """The wrong rows of a test set: a picture or cells, and the two most probable classes."""
    if not rows:
        return "<p>No row is wrong.</p>"
    (x, y), facts, cards = data.test, predictor.facts, []
    least, most = (0, 255) if x.dtype == numpy.uint8 else (numpy.nanmin(x), numpy.nanmax(x))
    for row, p in zip(rows, predictor.predict_proba(x[rows])):
        label, two = data.facts.class_labels[y[row]], numpy.argsort(-p, kind="stable")[:2]
        names = [(escaped(facts.class_labels[k], 16), 100 * p[k]) for k in two]
        said = "<br>".join(f"<b>{name}</b> {percent:.1f} %" for name, percent in names)
        if facts.image:
            alt = f"test row {row}, of class {short(label, 16)}"
            shown = plots.image(x[row].reshape(facts.image), alt, "gray", least, most)
            shown = (
                f'<button type="button" class="to-pad" title="Put it on the pad">{shown}</button>'
            )
        else:
            cells = list(zip(facts.names, x[row]))[:N_CELLS]
            shown = "".join(f"<dt>{escaped(n, 24)}</dt><dd>{v:.6g}</dd>" for n, v in cells)
            shown = f"<dl>{shown}</dl>"
        truth = f"is in fact <b>{escaped(label, 16)}</b>"
        cards.append(f"<figure>{shown}<figcaption>{said}<br>{truth}</figcaption></figure>")
    kind = "pictures" if facts.image else "rows"
    return f'<div class="{kind}">{"".join(cards)}</div>'


def live(predictor, means):
    """The model as the script takes it; None if its images cannot be drawn.

    `means` of the features stand in for those that the model file lacks.
    """
    W, facts, columns = predictor.W, predictor.facts, predictor.facts.table
    if facts.image and not facts.takes_pictures:
        return None
    preprocessing, n_in = facts.preprocessing, len(W)
    scale, shifts, scales = preprocessing.pixel_scale, numpy.zeros(n_in), numpy.ones(n_in)
    if preprocessing.scales is not None:
        shifts, scales = preprocessing.means, preprocessing.scales
    if preprocessing.means is not None:
        means = preprocessing.means / scale
    names = columns.names or [f"column {i + 1}" for i in range(len(columns.categories))]
    return {
        "labels": [short(label, 40) for label in predictor.labels],
        "dtype": W.dtype.name,
        "W": base64_of(W),
        "b": base64_of(predictor.b),
        "columns": [short(name, 40) for name in names],
        "categories": [c and [short(text, 40) for text in c] for c in columns.categories],
        "means": means.tolist(),
        "scale": scale,  # a row x becomes (scale x - shifts) / scales
        "shifts": shifts.tolist(),
        "scales": scales.tolist(),
        "shape": facts.image,
        "range": facts.pixel_range or [0, 255],  # what black and white of the pad become
        "background": facts.background,
    }


def base64_of(array):
    """The bytes of an array, row by row and little-endian."""
    little_endian = array.astype(array.dtype.newbyteorder("<"), order="C")
    return base64.b64encode(little_endian.tobytes()).decode()
