"""Writes the page of a model."""

import base64
import hashlib
import json
import os
from pathlib import Path
from string import Template

import numpy

from logreg import __version__, plots
from logreg.page import sections
from logreg.prediction.evaluation import evaluate
from logreg.prediction.inputs import BATCH_SIZE
from logreg.saving.format import save

HERE = Path(__file__).parent
N_WRONG = 24  # rows in the gallery


def write_page(path, model, predictor, data=None):
    """Write the page of a model, whole or not at all.

    `model` is the path of its file, and `data` the DataSet of a test set, if there is one.
    """
    _, metadata = plots.parameters(predictor)
    is_image, means = bool(metadata["image_shape"]), numpy.zeros(predictor.spec.n_in)
    evaluation, errors, gallery = None, "", ""
    if data is not None:
        evaluation = evaluate(predictor, data)
        errors = sections.errors(evaluation)
        gallery = sections.gallery(most_wrong(predictor, data), data.test[0], metadata)
        if not is_image:
            means = data.test[0].mean(axis=0, dtype="float64")
    facts = sections.facts(predictor, metadata, means)
    script = "".join((HERE / name).read_text(encoding="utf-8") for name in ("pad.js", "page.js"))
    page = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        title=sections.escaped(os.path.basename(model)),
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        # What the style shows and hides; see the template.
        kinds=f"{'of-images' if is_image else 'of-a-table'} {'is-live' if facts else 'is-still'} "
        f"{'tested' if evaluation else 'untested'} "
        f"{'of-many' if len(predictor.labels) > sections.MANY_CLASSES else ''}",
        scores=sections.scores(metadata, evaluation),
        run=sections.run(metadata),
        curve=sections.curve(metadata),
        weights=sections.weights(predictor, metadata),
        errors=errors,
        gallery=gallery,
        live_name="Draw" if is_image else "Try it",
        live_note=predictor.spec.no_pictures,
        facts=json.dumps(facts).replace("<", "\\u003c"),
        script=script,
        version=__version__,
    )
    save(path, page.encode("utf-8", "replace"))


def most_wrong(predictor, data):
    """The test rows that are most confidently put into a wrong class.

    Each is a tuple: number of the row, its label, the two most probable classes, and their
    probabilities.
    """
    x, y = data.test
    labels, known = (numpy.array(list(map(str, k))) for k in (data.class_labels, predictor.labels))
    wrong = []  # of (-probability, row, probabilities of all classes)
    for start in range(0, len(x), BATCH_SIZE):
        rows = slice(start, start + BATCH_SIZE)
        classes, p = predictor(predictor.ready(x[rows]))
        for i in numpy.flatnonzero(labels[y[rows]] != known[classes]):
            wrong.append((-p[i, classes[i]], start + i, p[i]))
        wrong = sorted(wrong, key=lambda found: found[:2])[:N_WRONG]
    tops = [(row, numpy.argsort(-p, kind="stable")[:2], p) for _, row, p in wrong]
    return [(row, labels[y[row]], top, p[top]) for row, top, p in tops]
