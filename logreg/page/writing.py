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

from logreg import __version__, plots
from logreg.callbacks import Callback
from logreg.errors import LogRegError
from logreg.page import sections
from logreg.prediction.evaluation import evaluate
from logreg.prediction.inputs import BATCH_SIZE, InputChecker
from logreg.saving import save
from logreg.shell.console import note, warning
from logreg.shell.files import check_writable

HERE = Path(__file__).parent
SECONDS = 10  # between two writings of a page during a run, at least
N_WRONG = 24  # rows in the gallery


class Report(Callback):
    """Writes the page of a run, at most every 10 seconds and at the end, and plots at the end.

    The file of the model is written before. Of the DataSet, the test set is kept; the rest may be
    released. `plot_paths` are those of the weights, the curve and the confusion matrix, or empty.
    """

    def __init__(self, model, data, page=None, plot_paths=()):
        plots.require_matplotlib()
        self.model, self.page, self.plots = model, page, plot_paths
        self.files = [path for path in (page, *plot_paths) if path]
        self._means = data.preprocessing.means
        if self._means is None and not data.image_shape:
            self._means = _mean(data.train[0])
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
            plots.save(plots.plot_weights, weights, predictor)
            plots.save(plots.plot_curve, curve, predictor)
            plots.save(plots.plot_confusion, confusion, _evaluate(predictor, self._data)[0])


def write_page(path, model, predictor, data=None, means=None):
    """Write the page of a model, whole or not at all.

    `data` is the DataSet of a test set; `means` has the training means of the features of a
    table, if `data` no longer holds the training rows.
    """
    _, metadata = plots.parameters(predictor)
    is_image = bool(metadata["image_shape"])
    if means is None and data is not None and not is_image:
        means = _mean((data.train or data.test)[0])
    facts, live_note = sections.facts(predictor, metadata, means)
    evaluation, errors, gallery = None, "", ""
    if data is not None:
        evaluation, wrong = _evaluate(predictor, data)
        errors = sections.errors(evaluation)
        gallery = sections.gallery(wrong, data.test[0], metadata, facts is not None)
    script = "".join((HERE / name).read_text(encoding="utf-8") for name in ("pad.js", "page.js"))
    page = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=sections.escaped(os.path.basename(model)),
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        # What the style shows and hides; see the template.
        kinds=f"{'of-images' if is_image else 'of-a-table'} {'is-live' if facts else 'is-still'} "
        f"{'tested' if evaluation else 'untested'}",
        scores=sections.scores(metadata, evaluation),
        run=sections.run(metadata),
        curve=sections.curve(metadata),
        weights=sections.weights(predictor, metadata),
        errors=errors,
        gallery=gallery,
        live_name="Draw" if is_image else "Try it",
        live_note=live_note,
        fields="" if is_image or not facts else sections.fields(metadata, facts["means"]),
        facts=json.dumps(facts).replace("<", "\\u003c"),
        script=script,
        version=__version__,
    )
    save(path, page.encode("utf-8", "replace"))


def _mean(x):
    return numpy.mean(x, axis=0, dtype=numpy.float64)


def _evaluate(predictor, data):
    """Evaluate a model; give that, and of the most confidently wrong rows what they are taken for.

    That is a list of (row, label, two classes, their probabilities).
    """
    checker, tops = InputChecker(predictor, data.name), []

    def predict(x):
        prediction = checker.predict(x)
        order = numpy.argsort(-prediction.probabilities, axis=1, kind="stable")[:, :2]
        tops.append((order, numpy.take_along_axis(prediction.probabilities, order, axis=1)))
        return prediction

    evaluation = evaluate(predict, data, predictor.labels, BATCH_SIZE, predictor.batch_size)
    classes, probabilities = map(numpy.concatenate, zip(*tops))
    labels = numpy.array(list(map(str, data.class_labels)))[data.test[1]]
    is_wrong = labels != numpy.array(list(map(str, predictor.labels)))[classes[:, 0]]
    rows = numpy.flatnonzero(is_wrong)
    rows = rows[numpy.argsort(-probabilities[rows, 0], kind="stable")][:N_WRONG]
    return evaluation, [(i, labels[i], classes[i], probabilities[i]) for i in rows]
