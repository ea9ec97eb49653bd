"""Writes the page of a model, also during training."""

import base64
import dataclasses
import hashlib
import json
import os
import timeit
from pathlib import Path
from string import Template

import numpy

from logreg import __version__, figures, plots
from logreg.callbacks import Callback
from logreg.console import note, warning
from logreg.errors import LogRegError
from logreg.hyperparameters import DEFAULTS
from logreg.page import sections
from logreg.prediction.evaluation import evaluate
from logreg.prediction.inputs import BATCH_SIZE, InputChecker
from logreg.saving import check_writable, save

HERE = Path(__file__).parent
SECONDS = 10  # between two writings of a page during a run, at least
N_WRONG = 24  # rows in the gallery


class Report(Callback):
    """Writes the page of a run, at most every 10 seconds and at the end, and plots at the end.

    Parameters
    ----------
    model : str or path-like
        The model file, which is written before.
    data : DataSet
        Its test set is kept; the rest may be released.
    page : str or path-like, optional
    plot_paths : sequence of path-like
        Empty, or those of the weights, the curve and the confusion matrix.
    """

    def __init__(self, model, data, page=None, plot_paths=()):
        plots.require_matplotlib()
        self.model, self.page, self.plots = model, page, plot_paths
        self.files = [path for path in (page, *plot_paths) if path]
        self._means = None if data.image_shape else _mean(data.train[0])
        self._data = dataclasses.replace(data, train=None, valid=None)
        self._last = timeit.default_timer()
        for path in self.files:
            check_writable(path)

    def on_validation(self, run, validation):
        if self.page and run.best and timeit.default_timer() - self._last >= SECONDS:
            try:
                self._write(run)
            except LogRegError as error:  # the run goes on
                warning(f"the page is not up to date: {error}")
            self._last = timeit.default_timer()

    def on_train_end(self, run):
        if not run.best:
            return note("note: there is no model to report on")
        self._write(run, self.plots)

    def _write(self, run, plot_paths=()):
        from logreg.prediction.predictor import Predictor

        predictor = Predictor(self.model)
        predictor.metadata = {**predictor.metadata, "curve": list(run.curve)}
        if self.page:
            write_page(self.page, self.model, predictor, self._data, self._means)
        if plot_paths:
            weights, curve, confusion = plot_paths
            n_classes = min(len(predictor.labels), plots.MAX_CLASSES)
            size = (9, 4) if predictor.spec.image_shape else (18, 3 * -(-n_classes // 5))
            figures.save(plots.plot_weights, weights, predictor, n_axes=n_classes, size=size)
            figures.save(plots.plot_curve, curve, predictor)
            figures.save(plots.plot_confusion, confusion, evaluate_rows(predictor, self._data)[0])


def write_page(path, model, predictor, data=None, means=None):
    """Write the page of a model, whole or not at all; `data` is the DataSet of a test set."""
    _, metadata = plots.parameters(predictor)
    evaluation, wrong = evaluate_rows(predictor, data) if data is not None else (None, None)
    if means is None and not metadata["image_shape"] and data is not None:
        means = _mean((data.train or data.test)[0])
    facts, live_note = sections.facts(predictor, metadata, means)
    script = (HERE / "page.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    is_image, is_live = bool(metadata["image_shape"]), facts is not None
    n_out = len(predictor.labels)
    page = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=sections.escaped(os.path.basename(model)),
        hash=digest,
        scores=sections.scores(metadata, evaluation),
        run=sections.run(metadata),
        curve=sections.curve(metadata),
        weights="".join(figures.weights_html(predictor)),
        weights_note=sections.weights_note(metadata, is_image),
        top=f"{plots.largest(predictor.W):.2g}",
        colours="" if is_image else "hidden",
        name_width=f"{0.3 + 0.7 * min(max(map(len, map(str, predictor.labels))), 14):.1f}rem",
        weights_kind=("pictures many" if n_out > 20 else "pictures") if is_image else "bars",
        errors="" if evaluation is None else sections.errors(evaluation),
        wrong_kind="pictures" if is_image else "rows",
        wrong="" if wrong is None else sections.gallery(wrong, data, metadata, is_live),
        no_errors="" if evaluation is None else "hidden",
        has_errors="hidden" if evaluation is None else "",
        live_name="Draw" if is_image else "Try it",
        live_note=live_note,
        pad="" if is_live and is_image else "hidden",
        form="" if is_live and not is_image else "hidden",
        live="" if is_live else "hidden",
        fields=sections.fields(metadata, facts) if is_live and not is_image else "",
        facts=json.dumps(facts).replace("<", "\\u003c"),
        script=script,
        version=__version__,
    )
    save(path, page.encode("utf-8", "replace"))


def _mean(x):
    return numpy.nanmean(x, axis=0, dtype=numpy.float64)


def evaluate_rows(predictor, data):
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
