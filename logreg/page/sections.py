"""The parts of the page of a model, as HTML; every text of a file is escaped."""

import base64
from html import escape

import numpy

from logreg import figures, plots
from logreg.errors import SettingError
from logreg.plots import cut

N_CELLS = 12  # of such a row of a table
N_FIELDS = 40  # columns of a table that have a field
N_CLASSES = 30  # classes whose errors are listed
MAX_WEIGHTS = 1 << 20  # of which the page still holds a copy, about 5 MB
SETTINGS = ("learning_rate", "batch_size", "n_epochs", "patience", "patience_increase")
SETTINGS += ("improvement_threshold", "momentum", "l1", "l2", "class_weight", "shuffle")
REASONS = {
    "patience": "patience ran out, as there was no significant gain any more",
    "n_epochs": "all epochs had been run",
    "diverged": "it diverged: the best model is from before that",
    "interrupted": "it was interrupted",
    None: "not known: the file was written on the way, or is an older one",
}


def escaped(value, n=60):
    return escape(cut(value, n))


def _percent(error):
    is_number = isinstance(error, (int, float)) and not isinstance(error, bool)
    return f"{100 * error:.2f} %" if is_number else "-"


def scores(metadata, evaluation):
    """The figures at the top: the tutorial's score, the honest one, the baseline."""
    honest, source = metadata.get("test_error_all_rows"), "as the model file tells"
    figures = []
    if evaluation is not None:
        honest, source = evaluation["errors"] / evaluation["rows"], escaped(evaluation["dataset"])
    figures.append((_percent(honest), "test error over all rows", source))
    score = _percent(metadata.get("test_error"))
    figures.append((score, "as the tutorial counts", "over whole minibatches"))
    if evaluation is not None:
        rows = {str(entry["label"]): entry["rows"] for entry in evaluation["classes"]}
        counts = metadata.get("class_counts")
        labels = list(map(str, metadata["class_labels"]))
        if isinstance(counts, list) and len(counts) == len(labels):
            majority = labels[int(numpy.argmax(counts))]
        else:
            majority = max(rows, key=rows.get)
        baseline = 1 - rows[majority] / evaluation["rows"]
        figures.append(
            (_percent(baseline), "majority baseline", f"always “{escaped(majority, 20)}”")
        )
    return "".join(
        f"<div><strong>{figure}</strong> {name}<small>{source}</small></div>"
        for figure, name, source in figures
        if figure != "-"
    )


def run(metadata):
    told = metadata.get
    settings = [
        f"{name.replace('n_epochs', 'epochs at most').replace('_', ' ')} {told(name)}"
        for name in SETTINGS
        if told(name) or (name == "shuffle" and told(name) == 0)
    ]
    reason = told("reason") if isinstance(told("reason"), (str, type(None))) else None
    rows = [
        ("Data set", told("dataset") or "not known"),
        ("Model", f"{told('n_in')} features, {told('n_out')} classes, {told('dtype')}"),
        ("Settings", ", ".join(settings) or "not known"),
        ("Why it stopped", REASONS.get(reason, reason)),
        ("Best model", f"of epoch {told('epoch')}" if told("epoch") else "not known"),
        ("Validation error", _percent(told("validation_error"))),
        ("Made by", f"logreg {told('logreg')} on {told('engine')}, Python {told('python')}"),
        ("Date", str(told("date")).replace("T", " ").replace("+00:00", " UTC")),
    ]
    return "".join(f"<dt>{name}</dt><dd>{escaped(text, 200)}</dd>" for name, text in rows)


def curve(metadata):
    try:
        points, stopping, gains = plots.replay(metadata)
    except SettingError as error:
        return f"<p>{escape(str(error)).capitalize()}.</p>"
    n_batches = metadata.get("n_train_batches") or 1
    unit = "epoch" if n_batches > 1 else "minibatch"
    best, end = ((i + 1) / n_batches for i in (stopping.best_iter, stopping.patience))
    alt = (
        f"The validation error falls from {_percent(points[0][2])} to its best, "
        f"{_percent(stopping.best_loss)}, at {unit} {best:.0f}, in {len(points)} validations."
    )
    said = (
        f"{alt} {len(gains)} gains were significant; the last extends patience to {unit} {end:.0f}."
    )
    figure = figures.svg(plots.plot_curve, metadata, size=(5.8, 3.7), alt=alt)
    return f"<figure class=plot>{figure}<figcaption>{escape(said)}</figcaption></figure>"


def weights_note(metadata, is_image):
    n_more = len(metadata["class_labels"]) - plots.MAX_CLASSES
    text = (
        "One picture a class, on one scale: where a pixel is red, ink speaks for the class; where "
        "it is blue, ink speaks against it; where it is white, it does not matter."
        if is_image
        else "The largest weights of each class: orange bars speak for it, blue ones against it."
    )
    return text + (f" {n_more} more classes are left out." if n_more > 0 else "")


def errors(evaluation):
    confusion = evaluation["confusion"]
    counts, labels = plots.dense(confusion), confusion["labels"]
    known = {str(label): j for j, label in enumerate(confusion["predictions"])}
    off = counts.copy()
    for i, label in enumerate(labels):
        if str(label) in known:
            off[i, known[str(label)]] = 0
    i, j = numpy.unravel_index(off.argmax(), off.shape)
    alt = "Confusion matrix. " + (
        f"The most frequent mistake: {off[i, j]} rows of class {cut(labels[i])} are taken for "
        f"{cut(confusion['predictions'][j])}."
        if off.any()
        else "There is no mistake."
    )
    side = min(4 + 0.25 * len(labels), 8)
    figure = figures.svg(plots.plot_confusion, evaluation, size=(side + 0.5, side), alt=alt)
    entries = sorted(evaluation["classes"], key=lambda entry: -(entry["error_percent"] or 0))
    rows = "".join(
        f"<tr><th scope=row>{escaped(entry['label'], 24)}<td>{entry['rows']}<td>{entry['errors']}"
        f"<td>{entry['error_percent']:.2f} %"
        for entry in entries[:N_CLASSES]
        if entry["rows"]
    )
    more = " The worst are listed." if len(entries) > N_CLASSES else ""
    return (
        f"<figure class=plot>{figure}<figcaption>{escape(alt)}</figcaption></figure>"
        "<table><caption>Error a "
        f"class, the worst first.{more}</caption><thead><tr><th>class<th>rows<th>errors<th>error"
        f"<tbody>{rows}</table>"
    )


def gallery(wrong, data, metadata, is_live):
    x, cards = data.test[0], []
    least, most = (0, 255) if x.dtype == numpy.uint8 else (float(x.min()), float(x.max()))
    for row, label, classes, p in wrong:
        names = [escaped(metadata["class_labels"][k], 16) for k in classes]
        said = "<br>".join(f"<b>{name}</b> {100 * q:.1f} %" for name, q in zip(names, p))
        caption = f"<figcaption>{said}<br>is in fact <b>{escaped(label, 16)}</b></figcaption>"
        if metadata["image_shape"]:
            alt = f"test row {row}, of class {cut(label, 16)}"
            shown = figures.image(plots.picture(x[row], metadata), alt, "gray", least, most)
            if is_live:
                shown = (
                    f'<button type=button class=to-pad title="Put it on the pad">{shown}</button>'
                )
        else:
            cells = list(zip(metadata["feature_names"], x[row]))[:N_CELLS]
            shown = "".join(f"<dt>{escaped(n, 24)}</dt><dd>{v:.6g}</dd>" for n, v in cells)
            shown = f"<dl>{shown}</dl>"
        cards.append(f"<figure>{shown}{caption}</figure>")
    return "".join(cards) or "<p>No row is wrong.</p>"


def facts(predictor, metadata, means):
    """The model as the script takes it, or None; and what the page says of that."""
    W, shape = predictor.W, metadata["image_shape"]
    if W.size > MAX_WEIGHTS:
        return None, "The model is too large for a live copy of it in the page."
    if shape and len(shape) == 3:
        return None, "This is for models of grey images and of tables."
    n_in = len(W)
    shifts, scales = numpy.zeros(n_in), numpy.full(n_in, 1 / metadata["pixel_scale"])
    told = [metadata.get(name) for name in ("feature_means", "feature_scales")]
    is_told = [isinstance(values, list) and len(values) == n_in for values in told]
    if all(is_told):
        shifts, scales = told
    if not shape:
        means = told[0] if is_told[0] else numpy.zeros(n_in) if means is None else means
    facts = {
        "labels": [cut(label, 40) for label in predictor.labels],
        "dtype": W.dtype.name,
        "W": _base64(W),
        "b": _base64(predictor.b),
        "shape": None,
    }
    if not shape:
        means, shifts, scales = (numpy.asarray(v, float).tolist() for v in (means, shifts, scales))
        return {**facts, "means": means, "shifts": shifts, "scales": scales}, ""
    transposed = predictor.spec.transposed
    return {
        **facts,
        "shape": shape[::-1] if transposed else shape,
        "transposed": transposed,
        "scale": predictor.pixel_scale,
        "background": predictor.spec.background,
    }, ""


def _base64(array):
    little_endian = array.astype(array.dtype.newbyteorder("<"), order="C")
    return base64.b64encode(little_endian.tobytes()).decode()


def fields(metadata, facts):
    """The fields of a table: a number or a choice for each column."""
    means, names = facts["means"], metadata["feature_names"]
    columns, categories = metadata.get("columns"), metadata.get("categories")
    if not (isinstance(categories, list) and isinstance(columns, list)):
        columns, categories = names, [None] * len(names)
    fields, first = [], 0
    for name, choices in list(zip(columns, categories)):
        if choices:
            chosen = first + int(numpy.argmax(means[first : first + len(choices)]))
            options = "".join(
                f"<option{' selected' * (first + i == chosen)}>{escaped(choice, 40)}</option>"
                for i, choice in enumerate(choices)
            )
            field = f'<select data-feature="{first}">{options}</select>'
        else:
            field = (
                f'<input type=number step=any data-feature="{first}" value="{means[first]:.4g}">'
            )
        fields.append(f"<label><span>{escaped(name, 40)}</span>{field}</label>")
        first += len(choices) if choices else 1
    more = (
        ""
        if len(fields) <= N_FIELDS
        else f"<p>{len(fields) - N_FIELDS} more columns stay at their mean.</p>"
    )
    return "".join(fields[:N_FIELDS]) + more
