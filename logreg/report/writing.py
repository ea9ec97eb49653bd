"""Writes the page of a model."""

import base64
import hashlib
import json
import os
from pathlib import Path
from string import Template

from logreg.basics.files import write_whole
from logreg.basics.version import __version__
from logreg.report import markup, plots, rows, sections

HERE = Path(__file__).parent
SHARED = [HERE / "model.js", HERE / "pad.js"]  # scripts that the page of the tutorial has, too


def write_page(path, model, predictor, data=None, evaluation=None):
    """Write the page of a model, whole or not at all.

    `model` is the path of its file, and `data` the DataSet of a test set, if there is one, with its
    `evaluation`.

    Examples
    --------
    >>> import re
    >>> from logreg import LogisticRegression, Predictor, engine, save_model
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=1, n_out=2)
    >>> save_model(classifier, "a & b.pkl")
    >>> write_page("page.html", os.path.abspath("a & b.pkl"), Predictor("a & b.pkl"))
    >>> page = Path("page.html").read_text("utf-8")
    >>> for line in re.findall('<title.*|<body.*|<h1>.*?/h1>|<section id="draw".*?/h2>', page):
    ...     print(line)
    <title>a &amp; b.pkl · logreg</title>
    <body class="of-a-table is-live untested of-few">
    <h1>a &amp; b.pkl</h1>
    <section id="draw"><h2>Try it</h2>
    >>> sections_linked = re.findall('href="#(.*?)"', page)
    >>> sections_linked == re.findall('<section id="(.*?)"', page)
    True
    """
    facts = predictor.facts
    script_data = rows.script_data(predictor, data)
    errors = ""
    gallery = ""
    if data:
        errors = sections.errors(evaluation)
        gallery = rows.gallery(predictor, data, evaluation)
    kinds = (
        "of-images" if facts.image_layout.shape else "of-a-table",
        "is-live" if script_data else "is-still",
        "tested" if data else "untested",
        "of-many" if facts.n_out > sections.MANY_CLASSES else "of-few",
    )
    page = filled(
        HERE / "page.html",
        [*SHARED, HERE / "page.js"],
        script_data,
        title=markup.escaped(os.path.basename(model)),
        kinds=" ".join(kinds),  # what the style shows and hides; see the template
        scores=sections.scores(facts, evaluation),
        run=sections.run(facts),
        curve=sections.curve(facts),
        weights=sections.weights(predictor, evaluation),
        colour_limit=f"{plots.colour_limit(predictor.W):.2g}",
        errors=errors,
        gallery=gallery,
        prepared="cropped, scaled, centred" if facts.image_layout.is_centred else "scaled",
        live_name="Draw" if facts.image_layout.shape else "Try it",
    )
    write_whole(path, page.encode("utf-8", "replace"))


def filled(template, scripts, script_data, **parts):
    """Fill a template with parts of HTML, scripts, and the data of these.

    The browser runs these scripts only, since the page's security policy has their hash.
    """
    script = "".join(path.read_text("utf-8") for path in scripts)
    return Template(template.read_text("utf-8")).substitute(
        parts,
        hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        script=script,
        script_data=json.dumps(script_data).replace("<", "\\u003c"),
        version=__version__,
    )
