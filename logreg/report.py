"""A page of pictures of a model: ``python -m logreg.report``, or ``--report`` of training.

The page is one HTML file, which needs no network and no server: the template page.html, the script
page.js, and what a model file and its test set tell.
"""

import argparse
import base64
import dataclasses
import hashlib
import json
import os
import sys
import timeit
import webbrowser
from html import escape
from pathlib import Path
from string import Template

import numpy

from logreg import __version__, plots
from logreg.callbacks import Callback
from logreg.console import command, note, starting_engine
from logreg.datasets import read_test_set
from logreg.errors import DatasetError, LogRegError, SettingError
from logreg.hyperparameters import BEST_MODEL, DATASET, DEFAULTS
from logreg.options import add_table_options, table_options
from logreg.plots import cut
from logreg.prediction.evaluation import evaluate
from logreg.prediction.inputs import BATCH_SIZE, InputChecker
from logreg.saving import check_writable, save

HERE = Path(__file__).parent
SECONDS = 10  # between two writings of a page during a run, at least
N_WRONG = 24  # rows in the gallery
N_CELLS = 12  # of such a row of a table
N_FIELDS = 40  # columns of a table that have a field
N_CLASSES = 30  # classes whose errors are listed
MAX_WEIGHTS = 1 << 20  # of which the page still holds a copy, about 5 MB
SETTINGS = ("learning_rate", "batch_size", "n_epochs", "patience", "patience_increase")
SETTINGS += ("improvement_threshold", "momentum", "l1", "l2", "class_weight", "shuffle")
REASONS = {
    "patience": "patience ran out, as there was no significant gain any more",
    "n_epochs": "all epochs had been run",
    "interrupted": "it was interrupted",
    None: "not known: the file was written on the way, or is an older one",
}


def parser():
    """The options of the report."""
    parser = argparse.ArgumentParser(
        prog="logreg-report",
        description="Write a page of pictures of a model, as one HTML file: how it was trained, "
        "what it has learnt, where it errs, and a pad to draw on or fields to fill in.",
        epilog="Without --dataset, the test set is that of the training data; if they are not to "
        "be found, the page is written without what comes of it.",
    )
    add = parser.add_argument
    add("model", nargs="?", metavar="MODEL", default=BEST_MODEL, help="default: %(default)s")
    add("--dataset", metavar="PATH", help="a file, folder or name, whose test set is used")
    add("--output", metavar="FILE", help="the page (default: MODEL with the suffix .html)")
    add("--open", action="store_true", help="open the page in the browser")
    add_table_options(parser)
    add("--version", action="version", version=f"logreg {__version__}")
    return parser


@command
def main(argv=None):
    """Write a page as the options say; see :func:`logreg.console.command` for the exit code."""
    args = parser().parse_args(argv)
    output = args.output or os.path.splitext(args.model)[0] + ".html"
    if os.path.realpath(output) == os.path.realpath(args.model):
        raise SettingError(f"the page would overwrite the model {output}: give --output FILE")
    plots.require_matplotlib()
    with starting_engine():
        from logreg.prediction.predictor import Predictor
    predictor = Predictor(args.model)
    check_writable(output)
    data = _test_data(predictor, args.dataset, table_options(args))
    if data is not None:
        data.check_outputs(output)
    write_page(output, args.model, predictor, data)
    note(f"the page is {output}")
    if args.open:
        webbrowser.open(Path(output).resolve().as_uri())


def _test_data(predictor, dataset, options):
    """Read the test set; None, with a note, if it is the training's and cannot be had."""
    trained_on = predictor.metadata.get("dataset")
    name = dataset or (trained_on if isinstance(trained_on, str) else DATASET)
    try:
        data = read_test_set(name, predictor.metadata, options, predictor.dtype)
        if data.n_in != predictor.spec.n_in:
            found = data.test[0].shape
            raise DatasetError(f"{data.name}: the model expects {predictor.spec}, got {found}")
        return data
    except LogRegError as error:
        if dataset:
            raise
        note(f"note: the page is without the errors on a test set (--dataset names one): {error}")
        return None


class Report(Callback):
    """Writes the page of a run, at most every 10 seconds and at the end, and plots at the end.

    Parameters
    ----------
    model : str or path-like
        The model file, which is written before.
    data : DataSet
        Its test set is kept; the rest may be released.
    page : str or path-like, optional
    plots : sequence of path-like
        None, or those of the weights, the curve and the confusion matrix.
    """

    def __init__(self, model, data, page=None, plot_paths=()):
        plots.require_matplotlib()
        self.model, self.page, self.plots = model, page, plot_paths
        self._means = None if data.image_shape else _mean(data.train[0])
        self._data = dataclasses.replace(data, train=None, valid=None)
        self._last = timeit.default_timer()
        for path in filter(None, (page, *plot_paths)):
            check_writable(path)

    def on_validation(self, run, validation):
        if self.page and run.best and timeit.default_timer() - self._last >= SECONDS:
            self._write(run)
            self._last = timeit.default_timer()

    def on_train_end(self, run):
        if not run.best:
            return note("note: there is no model to report on")
        self._write(run, self.plots)

    def _write(self, run, plot_paths=()):
        from logreg.prediction.predictor import Predictor

        predictor = Predictor(self.model)
        predictor.metadata = {**predictor.metadata, "curve": run.curve}
        if self.page:
            write_page(self.page, self.model, predictor, self._data, self._means)
        if plot_paths:
            weights, curve, confusion = plot_paths
            n_classes = min(len(predictor.labels), plots.MAX_CLASSES)
            size = (9, 4) if predictor.spec.image_shape else (18, 3 * -(-n_classes // 5))
            plots.save(plots.plot_weights, weights, predictor, n_axes=n_classes, size=size)
            plots.save(plots.plot_curve, curve, predictor)
            plots.save(plots.plot_confusion, confusion, _evaluate(predictor, self._data)[0])


def write_page(path, model, predictor, data=None, means=None):
    """Write the page of a model, whole or not at all; `data` is the DataSet of a test set."""
    _, metadata = plots.parameters(predictor)
    evaluation, wrong = _evaluate(predictor, data) if data is not None else (None, None)
    if means is None and not metadata["image_shape"] and data is not None:
        means = _mean((data.train or data.test)[0])
    facts, live_note = _facts(predictor, metadata, means)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    is_image, is_live = bool(metadata["image_shape"]), facts is not None
    page = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=_text(os.path.basename(model)),
        hash=digest,
        scores=_scores(metadata, evaluation),
        run=_run(metadata),
        curve=_curve(metadata),
        weights="".join(plots.weights_html(predictor)),
        weights_note=_weights_note(metadata, is_image),
        weights_kind="pictures" if is_image else "bars",
        errors="" if evaluation is None else _errors(evaluation),
        wrong="" if wrong is None else _gallery(wrong, data, metadata, is_live),
        no_errors="" if evaluation is None else "hidden",
        has_errors="hidden" if evaluation is None else "",
        live_name="Draw" if is_image else "Try it",
        live_note=live_note,
        pad="" if is_live and is_image else "hidden",
        form="" if is_live and not is_image else "hidden",
        live="" if is_live else "hidden",
        fields=_fields(metadata, facts) if is_live and not is_image else "",
        facts=json.dumps(facts).replace("<", "\\u003c"),
        script=script,
        version=__version__,
    )
    save(path, page.encode("utf-8", "replace"))


def _text(value, n=60):
    return escape(cut(value, n))


def _mean(x):
    return numpy.nanmean(x, axis=0, dtype=numpy.float64)


def _percent(error):
    is_number = isinstance(error, (int, float)) and not isinstance(error, bool)
    return f"{100 * error:.2f} %" if is_number else "-"


def _scores(metadata, evaluation):
    """The figures at the top: the tutorial's score, the honest one, the baseline."""
    honest, source = metadata.get("test_error_all_rows"), "as the model file tells"
    figures = []
    if evaluation is not None:
        honest, source = evaluation["errors"] / evaluation["rows"], _text(evaluation["dataset"])
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
        figures.append((_percent(baseline), "majority baseline", f"always “{_text(majority, 20)}”"))
    return "".join(
        f"<div><strong>{figure}</strong> {name}<small>{source}</small></div>"
        for figure, name, source in figures
    )


def _run(metadata):
    told = metadata.get
    settings = [
        f"{name.replace('_', ' ')} {told(name)}"
        for name in SETTINGS
        if told(name) not in (None, 0, 0.0) or name == "shuffle" and told(name) is not None
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
    return "".join(f"<dt>{name}</dt><dd>{_text(text, 200)}</dd>" for name, text in rows)


def _curve(metadata):
    try:
        points, stopping, gains = plots.replay(metadata)
    except SettingError as error:
        return f"<p>{escape(str(error))}.</p>"
    n_batches = metadata.get("n_train_batches") or 1
    unit = "epoch" if n_batches > 1 else "minibatch"
    best, end = ((i + 1) / n_batches for i in (stopping.best_iter, stopping.patience))
    alt = (
        f"The validation error falls from {_percent(points[0][2])} to its best, "
        f"{_percent(stopping.best_loss)}, at {unit} {best:.0f} of {len(points)} validations."
    )
    said = f"{alt} {len(gains)} gains were significant; the last lets patience run to {unit} {end:.0f}."
    figure = plots.svg(plots.plot_curve, metadata, size=(8, 3.8), alt=alt)
    return f"<figure>{figure}<figcaption>{escape(said)}</figcaption></figure>"


def _weights_note(metadata, is_image):
    n_more = len(metadata["class_labels"]) - plots.MAX_CLASSES
    text = (
        "One picture a class, on one scale: where a pixel is red, ink speaks for the class; where "
        "it is blue, ink speaks against it; where it is white, it does not matter."
        if is_image
        else "The largest weights of each class: orange bars speak for it, blue ones against it."
    )
    return text + (f" {n_more} more classes are left out." if n_more > 0 else "")


def _evaluate(predictor, data):
    """Evaluate a model; give that, and of the most confidently wrong rows what they are taken for.

    That is a list of (row, label, two classes, their probabilities).
    """
    checker, tops = InputChecker(predictor, data.name), []

    def predict_rows(x):
        prediction = checker.predict(x)
        p = prediction.probabilities
        p[numpy.arange(len(p)), prediction.classes] += (
            1  # of equal ones, the predicted one is first
        )
        order = numpy.argsort(-p, axis=1, kind="stable")[:, :2]
        p[numpy.arange(len(p)), prediction.classes] -= 1
        tops.append((order, numpy.take_along_axis(p, order, axis=1)))
        return prediction

    batch_size = predictor.metadata.get("batch_size")
    batch_size = batch_size if isinstance(batch_size, int) and batch_size > 0 else None
    batch_size = batch_size or DEFAULTS.batch_size
    evaluation = evaluate(predict_rows, data, predictor.labels, BATCH_SIZE, batch_size)
    classes, probabilities = map(numpy.concatenate, zip(*tops))
    labels = numpy.array(list(map(str, data.class_labels)))[data.test[1]]
    is_wrong = labels != numpy.array(list(map(str, predictor.labels)))[classes[:, 0]]
    rows = numpy.flatnonzero(is_wrong)
    rows = rows[numpy.argsort(-probabilities[rows, 0], kind="stable")][:N_WRONG]
    return evaluation, [(i, labels[i], classes[i], probabilities[i]) for i in rows]


def _errors(evaluation):
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
    figure = plots.svg(plots.plot_confusion, evaluation, size=(side + 0.5, side), alt=alt)
    entries = sorted(evaluation["classes"], key=lambda entry: -(entry["error_percent"] or 0))
    rows = "".join(
        f"<tr><th scope=row>{_text(entry['label'], 24)}<td>{entry['rows']}<td>{entry['errors']}"
        f"<td>{entry['error_percent']:.2f} %"
        for entry in entries[:N_CLASSES]
        if entry["rows"]
    )
    more = " The worst are listed." if len(entries) > N_CLASSES else ""
    return (
        f"<figure>{figure}<figcaption>{escape(alt)}</figcaption></figure><table><caption>Error a "
        f"class, the worst first.{more}</caption><thead><tr><th>class<th>rows<th>errors<th>error"
        f"<tbody>{rows}</table>"
    )


def _gallery(wrong, data, metadata, is_live):
    x, cards = data.test[0], []
    least, most = (0, 255) if x.dtype == numpy.uint8 else (float(x.min()), float(x.max()))
    for row, label, classes, p in wrong:
        names = [_text(metadata["class_labels"][k], 16) for k in classes]
        said = " or ".join(f"<b>{name}</b> {_percent(float(q))}" for name, q in zip(names, p))
        caption = f"<figcaption>{said}<br>is <b>{_text(label, 16)}</b></figcaption>"
        if metadata["image_shape"]:
            alt = f"test row {row}, of class {cut(label, 16)}"
            shown = plots.image(plots.picture(x[row], metadata), alt, "gray", least, most)
            if is_live:
                shown = (
                    f'<button type=button class=to-pad title="Put it on the pad">{shown}</button>'
                )
        else:
            cells = list(zip(metadata["feature_names"], x[row]))[:N_CELLS]
            shown = "".join(f"<dt>{_text(n, 24)}</dt><dd>{v:.6g}</dd>" for n, v in cells)
            shown = f"<dl>{shown}</dl>"
        cards.append(f"<figure>{shown}{caption}</figure>")
    return "".join(cards) or "<p>No row is wrong.</p>"


def _facts(predictor, metadata, means):
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


def _fields(metadata, facts):
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
                f"<option{' selected' * (first + i == chosen)}>{_text(choice, 40)}</option>"
                for i, choice in enumerate(choices)
            )
            field = f'<select data-feature="{first}">{options}</select>'
        else:
            field = (
                f'<input type=number step=any data-feature="{first}" value="{means[first]:.6g}">'
            )
        fields.append(f"<label><span>{_text(name, 40)}</span>{field}</label>")
        first += len(choices) if choices else 1
    more = (
        ""
        if len(fields) <= N_FIELDS
        else f"<p>{len(fields) - N_FIELDS} more columns stay at their mean.</p>"
    )
    return "".join(fields[:N_FIELDS]) + more


if __name__ == "__main__":
    sys.exit(main())
