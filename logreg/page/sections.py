"""The parts of the page of a model, as HTML; every text of a file is escaped."""

import base64
from dataclasses import fields
from html import escape

import numpy

from logreg import plots
from logreg.datasets.preprocessing import Preprocessing
from logreg.errors import SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.plots import short
from logreg.run import wilson_interval

N_CELLS = 12  # of a wrong row of a table
SETTINGS = (*(field.name for field in fields(Hyperparameters)), "missing", "shuffle")
MANY_CLASSES = 30  # with more, the errors come before the weights, which are folded
REASONS = {
    "patience": "patience ran out, as there was no significant gain any more",
    "n_epochs": "all epochs had been run",
    "diverged": "it diverged: the best model is from before that",
    "interrupted": "it was interrupted",
    None: "not known: the file was written on the way, or is an older one",
}


def escaped(value, n=60):
    return escape(short(value, n))


def _percent(error):
    return "-" if error is None else f"{100 * error:.2f} %"


def scores(metadata, evaluation):
    """The figures at the top: the error over all test rows, the tutorial's, and a baseline."""
    error, source = metadata.get("test_error_all_rows"), "from the model file"
    figures = []
    if metadata.get("criterion") != "loss":
        figures = [(metadata.get("test_error"), "as the tutorial counts", "over whole minibatches")]
    if evaluation is not None:
        error, source = evaluation["errors"] / evaluation["rows"], evaluation["dataset"]
        interval = wilson_interval(evaluation["errors"], evaluation["rows"])
        source += ", 95 % interval {} to {}".format(*map(_percent, interval))
        classes = evaluation["classes"]
        counts = metadata.get("class_counts") or [entry["rows"] for entry in classes]
        most = classes[int(numpy.argmax(counts))]
        baseline = 1 - most["rows"] / evaluation["rows"]
        figures.append((baseline, "majority baseline", f"always “{short(most['label'], 20)}”"))
    return "".join(
        f"<div><strong>{_percent(error)}</strong> {name}<small>{escaped(source)}</small></div>"
        for error, name, source in [(error, "test error over all rows", source), *figures]
        if error is not None
    )


def run(metadata):
    """The run as a list of terms and their values."""
    known = metadata.get
    settings = [
        f"{name.replace('n_epochs', 'epochs at most').replace('_', ' ')} {known(name)}"
        for name in SETTINGS
        if known(name) is not None
    ]
    settings += ["standardized"] if known("feature_scales") else []
    rows = [
        ("Data set", known("dataset") or "not known"),
        ("Model", f"{known('n_in')} features, {known('n_out')} classes, {known('dtype')}"),
        ("Settings", ", ".join(settings) or "not known"),
        ("Why it stopped", REASONS.get(known("reason"), known("reason"))),
        ("Best model", f"of epoch {known('epoch')}" if known("epoch") else "not known"),
        ("Validation error", _percent(known("validation_error"))),
        ("Made by", f"logreg {known('logreg')} on {known('engine')}, Python {known('python')}"),
        ("Date", str(known("date")).replace("T", " ").replace("+00:00", " UTC")),
    ]
    return "".join(f"<dt>{name}</dt><dd>{escaped(text, 200)}</dd>" for name, text in rows)


def curve(metadata):
    """The learning curve, or why there is none."""
    try:
        points, stopping, gains = plots.replay(metadata)
    except SettingError as error:
        return f"<p>{escape(str(error)).capitalize()}.</p>"
    n_batches = metadata.get("n_train_batches") or 1
    unit = "epoch" if n_batches > 1 else "minibatch"
    best, end = ((i + 1) / n_batches for i in (stopping.best_iter, stopping.patience))
    name, first, least = "error", *map(_percent, (points[0][2], stopping.best_loss))
    if metadata.get("criterion") == "loss":
        name, first, least = "loss", f"{points[0][4]:.4f}", f"{stopping.best_loss:.4f}"
    alt = (
        f"The validation {name} begins at {first}; its best is {least}, at {unit} {best:.0f}, "
        f"in {len(points)} validations."
    )
    gained = f"Significant gains: {len(gains)}; patience runs to {unit} {end:.0f}."
    return _plot(plots.plot_curve, metadata, (5.8, 3.7), alt, f"{alt} {gained}")


def _plot(plot, subject, size, alt, caption):
    figure, caption = plots.svg(plot, subject, size=size, alt=alt), escape(caption)
    return f"<figure class=plot tabindex=0>{figure}<figcaption>{caption}</figcaption></figure>"


def weights(predictor, metadata):
    """What the model has learnt: a picture or bars for each class."""
    n_more, n_out, top = len(predictor.labels) - plots.MAX_CLASSES, len(predictor.labels), ""
    kind, said = (
        "bars",
        "The largest weights of each class: orange bars speak for it, blue against.",
    )
    if metadata["image_shape"]:
        kind = "pictures many" if n_out > 20 else "pictures"
        said = (
            "One picture a class, on one scale: where a pixel is red, ink speaks for the class; "
            "where it is blue, ink speaks against it; where it is white, it does not matter."
        )
        end, scale = f"{plots.largest(predictor.W):.2g}", "<span class=scale></span>"
        top = f"<div class=ends><span>−{end}</span>{scale}<span>+{end}</span></div>"
    more = f" {n_more} more classes are left out." if n_more > 0 else ""
    drawn = f'{top}<div class="{kind}">{plots.weights_html(predictor)}</div>'
    if n_out > MANY_CLASSES:
        drawn = f"<details><summary>{n_out} classes</summary>{drawn}</details>"
    return f"<p>{said}{more}</p>{drawn}"


def errors(evaluation):
    """The confusion matrix, and the errors of each class."""
    confusion = evaluation["confusion"]
    counts, labels = plots.dense(confusion), confusion["labels"]
    mistakes = counts.copy()
    numpy.fill_diagonal(mistakes, 0)
    i, j = numpy.unravel_index(mistakes.argmax(), mistakes.shape)
    alt = "Confusion matrix. " + (
        f"The most frequent mistake: {counts[i, j]} of class {short(labels[i])} taken for "
        f"{short(confusion['predictions'][j])}."
        if mistakes.any()
        else "There is no mistake."
    )
    side = min(4 + 0.25 * len(labels), 8)
    figure = _plot(plots.plot_confusion, evaluation, (side + 0.5, side), alt, alt)
    entries = [entry for entry in evaluation["classes"] if entry["rows"]]
    entries.sort(key=lambda entry: -entry["error_percent"])
    rows = "".join(
        f"<tr><th scope=row>{escaped(entry['label'], 24)}<td>{entry['rows']}<td>{entry['errors']}"
        f"<td>{entry['error_percent']:.2f} %"
        for entry in entries
    )
    return (
        f"{figure}<table><caption>Error a class, the worst first.</caption>"
        f"<thead><tr><th>class<th>rows<th>errors<th>error<tbody>{rows}</table>"
    )


def gallery(wrong, x, metadata):
    """The wrong rows of `x`: a picture or cells, and the two most probable classes."""
    cards = []
    least, most = (0, 255) if x.dtype == numpy.uint8 else (numpy.nanmin(x), numpy.nanmax(x))
    for row, label, classes, p in wrong:
        names = [escaped(metadata["class_labels"][k], 16) for k in classes]
        said = "<br>".join(f"<b>{name}</b> {100 * q:.1f} %" for name, q in zip(names, p))
        if metadata["image_shape"]:
            alt = f"test row {row}, of class {short(label, 16)}"
            shown = plots.image(plots.picture(x[row], metadata), alt, "gray", least, most)
            shown = f'<button class=to-pad title="Put it on the pad">{shown}</button>'
        else:
            cells = list(zip(metadata["feature_names"], x[row]))[:N_CELLS]
            shown = "".join(f"<dt>{escaped(n, 24)}</dt><dd>{v:.6g}</dd>" for n, v in cells)
            shown = f"<dl>{shown}</dl>"
        truth = f"is in fact <b>{escaped(label, 16)}</b>"
        cards.append(f"<figure>{shown}<figcaption>{said}<br>{truth}</figcaption></figure>")
    kind = "pictures" if metadata["image_shape"] else "rows"
    return f"<div class={kind}>{''.join(cards)}</div>" if cards else "<p>No row is wrong.</p>"


def facts(predictor, metadata, means):
    """The model as the script takes it; None if its images cannot be drawn.

    `means` of the features stand in for those that the model file lacks.
    """
    W, shape, spec = predictor.W, metadata["image_shape"], predictor.spec
    if shape and spec.no_pictures:
        return None
    preprocessing, n_in = Preprocessing.from_metadata(metadata), len(W)
    is_of_bytes = shape and not spec.pixel_range
    scale = predictor.pixel_scale if is_of_bytes else preprocessing.pixel_scale
    shifts, scales = numpy.zeros(n_in), numpy.ones(n_in)
    if preprocessing.scales is not None:
        shifts, scales = preprocessing.means, preprocessing.scales
    if preprocessing.means is not None:
        means = preprocessing.means / scale
    names = spec.columns.names or [f"column {i + 1}" for i in range(len(spec.columns.categories))]
    return {
        "labels": [short(label, 40) for label in predictor.labels],
        "dtype": W.dtype.name,
        "W": _base64(W),
        "b": _base64(predictor.b),
        "columns": [short(name, 40) for name in names],
        "categories": [c and [short(text, 40) for text in c] for c in spec.columns.categories],
        "means": means.tolist(),
        "scale": scale,  # a row x becomes (scale x - shifts) / scales
        "shifts": shifts.tolist(),
        "scales": scales.tolist(),
        "shape": shape,
        "range": spec.pixel_range or [0, 255],  # what black and white of the pad become
        "background": spec.background,
    }


def _base64(array):
    little_endian = array.astype(array.dtype.newbyteorder("<"), order="C")
    return base64.b64encode(little_endian.tobytes()).decode()
