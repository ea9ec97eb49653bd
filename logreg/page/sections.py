"""The parts of the page of a model, as HTML; every text of a file is escaped."""

import base64
from html import escape

import numpy

from logreg import plots
from logreg.datasets.statistics import wilson_interval
from logreg.errors import SettingError
from logreg.plots import short

N_CELLS = 8  # of a wrong row of a table
N_BARS = 12  # of a class
N_ROWS = 100  # of a table of classes or mistakes
MANY_CLASSES = 30  # with more, the errors come first, and so many have their weights shown, folded
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
        error, source = evaluation["errors"] / evaluation["rows"], escaped(evaluation["dataset"])
        interval = wilson_interval(evaluation["errors"], evaluation["rows"])
        source += ", 95 % interval {} to {}".format(*map(_percent, interval))
        source += f"; {evaluation['rows_are']}"
    return "".join(
        f"<div><strong>{_percent(error)}</strong> {name}<small>{source}</small></div>"
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


def weights(predictor, evaluation=None):
    """What the model has learnt: a picture or bars for each class, or of many for some, folded.

    These are the ones that err most in the `evaluation`, if there is one.
    """
    facts, labels, n_out = predictor.facts, predictor.labels, len(predictor.labels)
    shape, top, figures = facts.image, plots.colour_limit(predictor.W), []
    kind = "bars" if not shape else "pictures many" if n_out > 20 else "pictures"
    chosen, which = range(n_out)[:MANY_CLASSES], "the first"
    if evaluation and n_out > MANY_CLASSES:
        worst = sorted(evaluation["classes"], key=lambda entry: -entry["errors"])
        chosen = [labels.index(entry["label"]) for entry in worst[:MANY_CLASSES]]
        which = "those of most errors"
    for k in chosen:
        w, label = predictor.W[:, k], short(labels[k])
        if shape:
            alt = f"weights of class {k}, {label}"
            drawn = plots.image(w.reshape(shape), alt, plots.DIVERGING, -top, top)
        else:
            order = numpy.argsort(-abs(w), kind="stable")[:N_BARS]
            drawn = _bars([(escaped(facts.names[i], 24), w[i]) for i in order])
        figures.append(f"<figure>{drawn}<figcaption>{escape(label)}</figcaption></figure>")
    drawn = f'<div class="{kind}">{"".join(figures)}</div>'
    if n_out > MANY_CLASSES:
        summary = f"{len(figures)} of {n_out} classes, {which}"
        drawn = f"<details><summary>{summary}</summary>{drawn}</details>"
    return drawn


def _bars(rows):
    """Terms and their values as bars, from the middle to the right for what is positive."""
    top, terms = max(abs(value) for _, value in rows) or 1, ""
    for term, value in rows:
        side, width = "for" if value > 0 else "against", 50 * abs(value) / top
        bar = f'<i class="{side}" style="width: {width:.1f}%"></i><b>{value:+.2f}</b>'
        terms += f'<dt>{term}</dt><dd class="share">{bar.replace("-", "−")}</dd>'
    return f"<dl>{terms}</dl>"


def errors(evaluation):
    """The confusion matrix, or of many classes the mistakes; calibration; and each class."""
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
    of_classes = _table("Error a class, the worst first.", head, rows)
    bands = [
        (f"from {100 * band['min_proba']:.0f} %", band["rows"], *map(_percent, shares))
        for band in evaluation["calibration"]
        for shares in [(band["forecast"], band["happened"])]
        if band["rows"]
    ]
    head = ("probability", "rows", "forecast", "happened")
    calibration = _table("How probable answers were, and how often they were right.", head, bands)
    return f"{first}<div>{calibration}{of_classes}</div>"


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
    """The wrong rows of a test set: what they look like, and the two most probable classes."""
    if not rows:
        return "<p>No row is wrong.</p>"
    (x, y), facts, cards = data.test, predictor.facts, []
    least, most = (0, 255) if x.dtype == numpy.uint8 else (numpy.nanmin(x), numpy.nanmax(x))
    for row, p in zip(rows, predictor.predict_proba(x[rows])):
        label, two = data.facts.class_labels[y[row]], numpy.argsort(-p, kind="stable")[:2]
        names = [(escaped(facts.class_labels[k], 16), 100 * p[k]) for k in two]
        said = "<br>".join(f"<b>{name}</b> {percent:.1f} %" for name, percent in names)
        said += f"<br>is in fact <b>{escaped(label, 16)}</b>"
        if facts.image:
            alt = f"test row {row}, of class {short(label, 16)}"
            shown = plots.image(x[row].reshape(facts.image), alt, "gray", least, most)
            shown = (
                f'<button type="button" class="to-pad" title="Put it on the pad">{shown}</button>'
            )
        else:
            shown = _bars(_reasons(predictor, x[row], two[0]))
            said += f", row {data.test_rows[row]}"
        cards.append(f"<figure>{shown}<figcaption>{said}</figcaption></figure>")
    kind = "pictures" if facts.image else "rows"
    return f'<div class="{kind}">{"".join(cards)}</div>'


def _reasons(predictor, x, k):
    """The columns of a row that spoke most for class `k` or against it, each with its cell.

    What a column says is what it adds to the score of the class, beside the mean of all classes.
    """
    ready = predictor.facts.preprocessing.apply(x[None], "float64")[0]
    W, found, first = predictor.W.astype("float64"), [], 0
    shares = ready * (W[:, k] - W.mean(axis=1))
    for name, texts in named_columns(predictor.facts):
        features = slice(first, first + len(texts or [None]))
        cell = x[first] if texts is None else dict(zip(x[features], texts)).get(1, "none of these")
        cell = cell if isinstance(cell, str) else f"{cell:.6g}"
        found.append((f"{escaped(name, 24)} <b>{escaped(cell, 24)}</b>", shares[features].sum()))
        first = features.stop
    return sorted(found, key=lambda reason: -abs(reason[1]))[:N_CELLS]


def named_columns(facts):
    """The name of each column, and its categories or None."""
    columns = facts.table
    names = columns.names or [f"column {i + 1}" for i in range(len(columns.categories))]
    return list(zip(names, columns.categories))


def live(predictor, means):
    """The model as the script takes it; None if its images cannot be drawn.

    `means` of the features stand in for those that the model file lacks.
    """
    W, facts = predictor.W, predictor.facts
    if facts.image and not facts.takes_pictures:
        return None
    preprocessing, n_in = facts.preprocessing, len(W)
    scale, shifts, scales = preprocessing.pixel_scale, numpy.zeros(n_in), numpy.ones(n_in)
    if preprocessing.scales is not None:
        shifts, scales = preprocessing.means, preprocessing.scales
    if preprocessing.means is not None:
        means = preprocessing.means / scale
    columns = named_columns(facts)
    return {
        "labels": [short(label, 40) for label in predictor.labels],
        "dtype": W.dtype.name,
        "W": base64_of(W),
        "b": base64_of(predictor.b),
        "columns": [short(name, 40) for name, _ in columns],
        "categories": [c and [short(text, 40) for text in c] for _, c in columns],
        "means": means.tolist(),
        "scale": scale,  # a row x becomes (scale x - shifts) / scales
        "shifts": shifts.tolist(),
        "scales": scales.tolist(),
        "shape": facts.image,
        "range": facts.layout.ends or [0, 255],  # what black and white of the pad become
        "background": facts.layout.background,
        "isCentred": facts.layout.is_centred,
    }


def base64_of(array):
    """The bytes of an array, row by row and little-endian."""
    little_endian = array.astype(array.dtype.newbyteorder("<"), order="C")
    return base64.b64encode(little_endian.tobytes()).decode()
