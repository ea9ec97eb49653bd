"""Writes the page of the tutorial: text, formulas, pictures and toys in one file."""

import base64
import importlib
import io
import re
from datetime import datetime, timezone
from html import escape, unescape
from pathlib import Path

from logreg import engine
from logreg.basics.console import warning
from logreg.basics.errors import DatasetError, needing
from logreg.basics.files import DATASET, write_whole
from logreg.datasets.dataset import read_dataset
from logreg.hyperparameters import Hyperparameters
from logreg.report.writing import SHARED, filled
from logreg.sgd import train_softmax
from logreg.tutorial import text, toy_data

PACKAGES = {  # by the names of their modules
    "markdown_it": "markdown-it-py",
    "mdit_py_plugins": "mdit-py-plugins",
    "latex2mathml": "latex2mathml",
    "ziamath": "ziamath",
    "fontTools": "fonttools",
    "pygments": "Pygments",
    "PIL": "pillow",
}
HERE = Path(__file__).parent
WITHOUT_HOME = (
    "the Python package logreg (in the folder with its source, <code>pip install .</code> "
    "installs it)"
)
# Names in `toys/`, in the order of loading: what the toys share, the toys, and the page around.
SCRIPTS = (
    *("parts", "trainer", "chart", "digits"),
    *("sums", "softmax", "training", "field", "plane", "patience", "mnist_run", "heart"),
    *("pad_raw", "net"),
    *("play", "reading", "chapters"),
)
UNCOLOURED_SPAN = r'<span class="(?:n|nb|nn|ne|bp|o|p|w)">([^<]*)</span>'
# Forms of GitHub's Markdown, and of the comments of the text, with their replacements.
FORMS = {
    r"(?s)<!-- notebook\n.*?-->\n": "",
    r"```math\n([^`]*)```": r"$$\n\1$$",
    r"<!-- source: ([\w./]+).*?-->": r'<p class="source"><code>\1</code></p>\n',
    r"<!-- play: ([\w-]+) -->\n(.*)": r'<section class="play" id="play-\1">\n\n\2\n\n</section>',
}


def write_page(path, home=None, with_mnist=False):
    """Train on MNIST, or on its sample where it cannot be had, and write the page.

    Parameters
    ----------
    path : str or path-like
        It is written whole or not at all.
    home : str, optional
        Address of the project's files, such as ``https://github.com/someone/logreg/blob/main``.
        The links to them lead there; without it, they are text.
    with_mnist : bool
        Whether the page contains MNIST's files, so that the browser can train on them. It then has
        16 MB.

    Raises
    ------
    ExtraError
        If a library of the extra ``tutorial`` is not installed.
    DatasetError
        If MNIST is to be in the page, and cannot be had.
    ModelFileError
        If the page cannot be written.
    """
    with needing("the page", "tutorial", *PACKAGES.values()):
        for name in PACKAGES:
            importlib.import_module(name)
    with engine.settings():  # float32, as logreg.train has it
        data, run = train(with_mnist)
        html = page(data, run, home, with_mnist)
    write_whole(path, html.encode("utf-8"))


def train(needs_mnist=False):
    """Train the tutorial's model, on the sample if MNIST cannot be had; return DataSet and Run."""
    hyperparameters = Hyperparameters()
    try:
        data = read_dataset(DATASET)
    except DatasetError as error:
        if needs_mnist:
            raise
        warning(f"the page shows a run on mnist_sample, of 5,000 rows: {error}")
        data = read_dataset("mnist_sample")
        hyperparameters = Hyperparameters(batch_size=100)
    return data, train_softmax(data, hyperparameters, output=None)


def page(data, run, home=None, with_mnist=False):
    """Make the page, as a str, of the text, a data set of digits and a run on it."""
    markdown = text.TEXT.read_text("utf-8")
    body = to_html(markdown, home)
    headings = re.findall(r'<h[12] id="(.*?)">(.*?)</h[12]>', body)
    dataset = (
        "MNIST" if data.facts.dataset == DATASET else "mnist_sample, as MNIST could not be had"
    )
    script_data = toy_data.script_data(data, run)
    n_train = data.facts.rows[0]
    error = f"{100 * run.best_validation.test_error_all_rows:.2f} %"
    return filled(
        HERE / "page.html",
        [*SHARED, HERE / "training.js", *(HERE / "toys" / f"{name}.js" for name in SCRIPTS)],
        {**script_data, "files": toy_data.idx_files(data) if with_mnist else None},
        title=headings[0][1],
        description=" ".join(re.search(r"(?s)\*\*(.+?)\*\*", markdown).group(1).split()),
        date=f"{datetime.now(timezone.utc):%Y-%m-%d}",
        home=f'<a href="{escape(home)}">logreg</a>' if home else WITHOUT_HOME,
        contents="".join(f'<li><a href="#{name}">{title}</a>' for name, title in headings[1:]),
        text=body,
        math_font=base64.b64encode(math_font(body)).decode(),
        full_run=f"{n_train:,} rows of {dataset}; test error {error}",
        dataset=dataset,
    )


def to_html(markdown, home=None):
    r"""Convert Markdown to HTML as GitHub does: with tables, formulas and ids of headings.

    Examples
    --------
    >>> to_html("## 3. Up\n[3](#3-up)\n\n<!-- source: a.b -->")
    '<h2 id="up">3. Up</h2>\n<p><a href="#up">3</a></p>\n<p class="source"><code>a.b</code></p>\n'
    >>> html = to_html("```pycon\n>>> for c in '<>':\n...     print(c)\n<\n>\n```")
    >>> unescape(re.sub("<.*?>", "", html)).splitlines()
    [">>> for c in '<>':", '...     print(c)', '<', '>', '']
    """
    from markdown_it import MarkdownIt
    from mdit_py_plugins.anchors import anchors_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin

    parser = MarkdownIt("commonmark", {"html": True, "highlight": highlighted}).enable("table")
    parser.use(anchors_plugin).use(dollarmath_plugin, renderer=mathml)
    parser.validateLink = lambda url: True  # the pictures are data; the text is ours
    markdown = text.with_pictures_in_line(text.with_links_to(home, markdown))
    for pattern, replacement in FORMS.items():
        markdown = re.sub(pattern, replacement, markdown)
    html = parser.render(markdown)
    # On a narrow screen, a table is moved within its box.
    html = html.replace("<table>", '<div class="table"><table>')
    html = html.replace("</table>", "</table></div>")
    return re.sub(r'(<h2 id="|href="#)\d+-', r"\1", html)  # without the chapters' numbers


def mathml(formula, options):
    """Convert a formula of LaTeX to MathML.

    Examples
    --------
    >>> mathml(" x ", {"display_mode": False}).partition(">")[0]
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"'
    >>> "block" in mathml("x", {"display_mode": True})
    True
    """
    from latex2mathml.converter import convert

    return convert(formula.strip(), display="block" if options["display_mode"] else "inline")


def math_font(html):
    """A font for the letters of the formulas, as WOFF: a part of STIX Two Math."""
    import ziamath
    from fontTools import subset

    formulas = "".join(re.findall("(?s)<math.*?</math>", html))
    letters = unescape(re.sub("<.*?>", "", formulas))
    # Browsers show letters of formulas in italics, which are characters of their own.
    letters += "".join(map(chr, [0x210E, *range(0x1D434, 0x1D468)]))
    options = subset.Options(flavor="woff", hinting=False, name_IDs=[0, 1, 13])  # 13: the licence
    path = Path(ziamath.__file__).parent / "fonts" / "STIXTwoMath-Regular.ttf"
    with subset.load_font(path, options) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(text=letters)
        subsetter.subset(font)
        stream = io.BytesIO()
        subset.save_font(font, stream, options)
    return stream.getvalue()


def highlighted(code, language, attributes):
    """Convert code to HTML, with Pygments' short class names."""
    from pygments import formatters, highlight, lexers

    def coloured(code, language):
        lexer = lexers.get_lexer_by_name(language)
        html = highlight(code, lexer, formatters.HtmlFormatter(nowrap=True))
        return re.sub(UNCOLOURED_SPAN, r"\1", html)

    if language != "pycon":
        return coloured(code, language)
    lines = []
    for example in text.examples(code):
        source = coloured(example.source, "python").splitlines()
        prompts = ["&gt;&gt;&gt; ", *["... "] * (len(source) - 1)]
        lines += [f'<span class="gp">{p}</span>{line}' for p, line in zip(prompts, source)]
        lines += [f'<span class="go">{escape(line)}</span>' for line in example.want.splitlines()]
    return "\n".join(lines) + "\n"
