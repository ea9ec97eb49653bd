"""Writes the page of the tutorial: text, formulas, pictures and what to play with, in one file."""

import base64
import csv
import importlib
import io
import re
from datetime import datetime, timezone
from html import escape
from pathlib import Path

import numpy

from logreg.console import warning
from logreg.datasets.dataset import read_dataset
from logreg.errors import DatasetError, needing
from logreg.hyperparameters import DATASET, Hyperparameters
from logreg.page.sections import base64_of
from logreg.page.writing import PAD, filled
from logreg.saving.model_file import save
from logreg.sgd import sgd_optimization
from logreg.tutorial import text

LIBRARIES = ("markdown_it", "mdit_py_plugins", "latex2mathml", "pygments", "PIL")
PACKAGES = ("markdown-it-py", "mdit-py-plugins", "latex2mathml", "Pygments", "pillow")
HERE = Path(__file__).parent
N_DIGITS = 1000  # in the page, the first training rows; the last 200 of them validate
CENTRES = ((-1, -0.6), (1, -0.6), (0, 1))  # of the points on the plane
SPREAD = 0.6
# What GitHub's Markdown has a form of its own for, or the text marks by a comment.
FORMS = {
    r"(?s)<!-- notebook\n.*?-->\n": "",
    r"```math\n([^`]*)```": r"$$\n\1$$",
    r"<!-- source: ([\w.]+).*?-->": r'<p class="source"><code>\1</code></p>\n',
    r"<!-- play: (\w+) -->\n(.*)": r'<section class="play" id="\1">\n\n\2\n\n</section>',
}


def require_extra():
    """Raise an ExtraError if a library that makes HTML of the text is not there."""
    with needing("the page", "tutorial", *PACKAGES):
        for name in LIBRARIES:
            importlib.import_module(name)


def write_page(path, home=None):
    """Train on MNIST, or on its sample where it cannot be had, and write the page.

    Parameters
    ----------
    path : str or path-like
        It is written whole or not at all.
    home : str, optional
        Address of the project's files, such as ``https://github.com/someone/logreg/blob/main``.
        The links to them lead there; without it, they are text.

    Raises
    ------
    ExtraError
        If a library of the extra ``tutorial`` is not installed.
    ModelFileError
        If the page cannot be written.
    """
    require_extra()
    save(path, page(*train(), home).encode("utf-8"))


def train():
    """Train the tutorial's model; give the DataSet and the Run."""
    hyperparameters = Hyperparameters()
    try:
        data = read_dataset(DATASET)
    except DatasetError as error:
        warning(f"the page shows a run on mnist_sample, of 5,000 rows: {error}")
        data = read_dataset("mnist_sample")
        hyperparameters = Hyperparameters(batch_size=100)
    return data, sgd_optimization(data, hyperparameters, output=None)


def page(data, run, home=None):
    """Make the page of the text, of a data set of digits and of a run on it, as a str."""
    markdown = text.TEXT.read_text(encoding="utf-8")
    body = to_html(markdown, home)
    headings = re.findall(r'<h[12] id="(.*?)">(.*?)</h[12]>', body)
    dataset = (
        "MNIST" if data.facts.dataset == DATASET else "mnist_sample, as MNIST could not be had"
    )
    error = f"{100 * run.best_validation.test_error_all_rows:.2f} %"
    return filled(
        HERE / "page.html",
        [PAD, HERE / "tutorial.js"],
        facts(data, *run.best_values),
        title=headings[0][1],
        description=" ".join(re.search(r"(?s)\*\*(.+?)\*\*", markdown).group(1).split()),
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        home=f'<a href="{escape(home)}">logreg</a>' if home else "logreg",
        contents="".join(f'<li><a href="#{name}">{title}</a>' for name, title in headings[1:]),
        text=body,
        full_run=f"{data.facts.rows[0]:,} rows of {dataset}; test error {error}",
        run=dataset,
    )


def to_html(markdown, home=None):
    """Make HTML of Markdown as GitHub knows it: with tables, formulas, and ids of headings."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.anchors import anchors_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": True, "highlight": highlighted}).enable("table")
    parser.use(anchors_plugin).use(dollarmath_plugin, renderer=mathml)
    parser.validateLink = lambda url: True  # the pictures are data; the text is ours
    markdown = text.with_pictures_in_line(text.with_links_to(home, markdown))
    for pattern, replacement in FORMS.items():
        markdown = re.sub(pattern, replacement, markdown)
    tables = {"<table>": '<div class="table"><table>', "</table>": "</table></div>"}
    return re.sub("</?table>", lambda tag: tables[tag.group()], parser.render(markdown))


def mathml(formula, options):
    """A formula of LaTeX as MathML."""
    from latex2mathml.converter import convert

    return convert(formula.strip(), display="block" if options["display_mode"] else "inline")


def highlighted(code, language, attributes):
    """Code as HTML, its parts in elements with Pygments' short class names."""
    from pygments import formatters, highlight, lexers

    def coloured(code, language):
        lexer = lexers.get_lexer_by_name(language)
        return highlight(code, lexer, formatters.HtmlFormatter(nowrap=True))

    if language != "pycon":
        return coloured(code, language)
    lines = []
    for example in text.examples(code):
        source = coloured(example.source, "python").splitlines()
        prompts = ["&gt;&gt;&gt; ", *["... "] * (len(source) - 1)]
        lines += [f'<span class="gp">{p}</span>{line}' for p, line in zip(prompts, source)]
        lines += [f'<span class="go">{escape(line)}</span>' for line in example.want.splitlines()]
    return "\n".join(lines) + "\n"


def facts(data, W, b):
    """What there is to play with: the model, a thousand digits, points, the recorded run."""
    from PIL import Image

    x, y = (numpy.asarray(array[:N_DIGITS]) for array in data.train)
    pixels = x if x.dtype == numpy.uint8 else numpy.rint(256 * x)  # of the tutorial's pickle
    points, labels = map(numpy.concatenate, zip(plane(), plane(seed=4)))
    digits = io.BytesIO()
    Image.fromarray(pixels.astype("uint8")).save(digits, "png", optimize=True)  # a line for each
    return {
        "W": base64_of(W),
        "b": base64_of(b),
        "digits": "data:image/png;base64," + base64.b64encode(digits.getvalue()).decode(),
        "labels": y.tolist(),
        "plane": {"x": points.ravel().tolist(), "y": labels.tolist()},
        "validations": validations(),
    }


def plane(seed=3):
    """Sixty points of three classes that overlap: x, of shape (60, 2), and y, of shape (60,)."""
    labels = numpy.repeat([0, 1, 2], 20)
    points = numpy.array(CENTRES)[labels] + SPREAD * numpy.random.RandomState(seed).randn(60, 2)
    order = numpy.arange(60).reshape(3, 20).T.ravel()
    return points[order], labels[order]


def validations():
    """The validation errors, of 9,600 rows, of a run of 250 epochs of MNIST without patience."""
    with open(HERE / "validations.csv", newline="", encoding="utf-8") as file:
        return [int(row["validation_errors_of_9600"]) for row in csv.DictReader(file)]
