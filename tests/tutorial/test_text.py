"""The text of the tutorial: its examples run, and what it says is true."""

import doctest
import importlib.util
import inspect
import pydoc
import re
import textwrap
from pathlib import Path

import numpy
import pytest
from builders import probabilities, tutorial_log
from conftest import ROOT

from logreg import Hyperparameters, engine
from logreg.datasets.dataset import read_dataset
from logreg.prediction.summary import percent
from logreg.sgd import train_softmax
from logreg.tutorial import notebook, text, writing
from logreg.tutorial.__main__ import main
from logreg.tutorial.answers import answers
from logreg.tutorial.notebook import FOLDED

FOLDER = ROOT / "logreg" / "tutorial"
README = (FOLDER / "README.md").read_text("utf-8")
CHAPTERS = re.split(r"(?m)^## ", README)
PROSE = re.sub(r"(?ms)^```.*?^```$", "", README)
TERM = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")


def anchor_of(title):
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def test_the_examples_run_in_order():
    """In one namespace, those of answers and of solutions, too, and print what stands there."""
    teaching = (FOLDER / "TEACHING.md").read_text("utf-8")
    found = [block for block in text.blocks() + text.blocks(teaching) if block.kind == "pycon"]
    kinds = {block.info for block in found} - {""}
    assert kinds == {"torch", "sklearn"}
    missing = {name for name in kinds if importlib.util.find_spec(name) is None}
    blocks = [block for block in found if block.info not in missing]
    examples = [example for block in blocks for example in text.examples(block.content)]
    test = doctest.DocTest(examples, {}, "tutorial", "README.md", 0, None)
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(test)
    assert runner.tries > 200 and not runner.failures
    assert {path.name for path in Path().iterdir()} == {"sample_model.pkl"}


@pytest.mark.parametrize("block", [block for block in text.blocks() if block.kind == "python"])
def test_shown_code_is_the_programs(block):
    """Line for line, but for docstrings and blank lines; or it is a part of a file."""
    if block.info.endswith(".py"):
        code = (ROOT / block.info).read_text("utf-8")
        depths = [" " * n for n in range(0, 24, 4)]
        assert any(f"\n{textwrap.indent(block.content, depth)}\n" in code for depth in depths)
        return
    code = textwrap.dedent(inspect.getsource(pydoc.locate(block.info)))
    code = re.sub(r'(?s) *""".*?"""\n', "", code)
    lines, shown = ([*filter(str.strip, c.splitlines())] for c in (code, block.content))
    assert lines == shown


def test_printed_lines_are_those_of_the_recorded_log():
    log = [*tutorial_log()]
    shown = [block.content.splitlines() for block in text.blocks() if block.kind == "text"]
    assert len(shown) == 2
    for lines in shown:
        places = [log.index(line) for line in lines if line != "..."]
        assert places == sorted(places)


def test_links_lead_somewhere():
    anchors = set(map(anchor_of, re.findall(r"(?m)^#+ (.+)$", PROSE)))
    for link in re.findall(r"\]\(([^)\s]+)\)", PROSE):
        path, _, anchor = link.partition("#")
        if not path.startswith("http"):
            assert not path or (FOLDER / path).exists(), link
            assert path or anchor in anchors, link


def test_the_glossary_has_the_words_that_the_text_marks():
    terms = re.findall(r"(?m)^- \[\*\*(.+)\*\*\]\(#.+?\): .+$", CHAPTERS[-1])
    marked = (TERM.findall(" ".join(part.split())) for part in PROSE.split("\n\n"))
    assert {*terms} == {term.lower() for found in marked for term in found}


def source(block):
    """What a cell has of a block: its examples without what they print, or all of it."""
    return "".join(example.source for example in text.examples(block.content)) or block.content


def words(sources):
    return " ".join(sources).split()


def test_the_notebook_has_the_text_and_a_cell_for_each_exercise(monkeypatch):
    v4, home = pytest.importorskip("nbformat.v4"), "https://example.org/x/-/blob/main/"
    whole = notebook._notebook(v4, home)
    install, *code = [cell for cell in whole.cells if cell.cell_type == "code"]
    _, *blocks = [block for block in text.blocks() if block.kind in ("pycon", "notebook")]
    # All examples, word for word, those of answers folded; before them comes what installs.
    waiting = "found", "# Your notes", "from logreg.tutorial.functions"
    for is_folded in True, False:
        cells = [c for c in code if (FOLDED.items() <= c.metadata.items()) == is_folded]
        shown = words(c.source for c in cells if not c.source.startswith(waiting))
        assert shown == words(
            source(block)
            for block in blocks
            if block.is_folded == is_folded and not block.content.startswith(waiting)
        )
    # A notebook goes on after the errors that it shows.
    raising = [c for c in code if "raises-exception" in c.metadata.get("tags", ())]
    assert len(raising) == README.count("\nTraceback (")
    # Where a library is not installed, its cells are not run.
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    bare = notebook._notebook(v4, None).cells
    skipped = [c.source for c in bare if "skip-execution" in c.metadata.get("tags", ())]
    assert words(skipped) == words(source(block) for block in blocks if block.info)
    assert notebook.NO_HOME in next(c.source for c in bare if c.cell_type == "code")
    prose = "".join(cell.source for cell in whole.cells if cell.cell_type == "markdown")
    assert prose.count("](data:image/svg+xml,") == len([*FOLDER.glob("*.svg")])
    shown = [block.content for block in text.blocks() if block.kind in ("text", "sh", "python")]
    assert [content for content in shown if f"\n{content}\n```" not in prose] == []
    assert "](https://example.org/x/-/blob/main/logreg/train.py)" in prose
    links, ids = re.findall(r"\]\(#(.+?)\)", prose), re.findall(r'## <a id="(.+?)"></a>\w', prose)
    assert {*links} <= {*ids}
    # A cell waits below each exercise, and refuses what is no answer.
    assert '%pip install --quiet "git+https://example.org/x@main"\n' in install.source
    namespace = {}
    exec(install.source.replace("%pip install --quiet", "assert"), namespace)
    first = next(c.source for c in code if c.source.startswith("found"))
    with pytest.raises(AssertionError, match="not yet"):
        exec(first.replace("= ...", "= 0.5"), namespace)
    asked = []
    for before, cell, after in zip(whole.cells, whole.cells[1:], whole.cells[2:]):
        if cell.source.startswith(waiting):
            exercise = before.source.split("**")[1]
            asked.append(exercise)
            assert (f'"{exercise}"' in cell.source) == (exercise in answers()), exercise
            assert after.source.startswith(notebook.ANSWER), exercise
    assert asked == re.findall(r"(?m)^\*\*(\d+\.\d)\*\*", README)


@pytest.mark.weekly
def test_the_notebook_is_run_as_it_is_written(working_folder):
    nbformat, *_ = map(pytest.importorskip, ("nbformat", "nbclient", "ipykernel", "matplotlib"))
    assert main(["--notebook", "tutorial.ipynb", "--home", "https://example.org/x/blob/main/"]) == 0
    assert [path.name for path in working_folder.iterdir()] == ["tutorial.ipynb"]
    whole = nbformat.read("tutorial.ipynb", as_version=4)
    nbformat.validate(whole)
    outputs = [output for cell in whole.cells for output in cell.get("outputs", ())]
    assert any("image/png" in output.get("data", {}) for output in outputs)


WRITTEN = {
    "": [("tutorial.html", None, False)],
    "--mnist --output p --home x": [("p", "x", True)],
    "--notebook n --home x": [("n", "x")],
    "--notebook n --mnist": [("n", None), ("tutorial_mnist.html", None, True)],
    "--notebook tutorial_mnist.html --mnist": [],  # they would be one file
    "--notebook n --output nowhere/p": [],
}


@pytest.mark.parametrize("options, expected", WRITTEN.items())
def test_what_the_options_write(options, expected, monkeypatch, capsys):
    written = []
    monkeypatch.setattr(writing, "write_page", lambda *arguments: written.append(arguments))
    monkeypatch.setattr(notebook, "write", lambda *arguments: written.append(arguments))
    assert main(options.split()) == (0 if expected else 1) and written == expected
    assert re.findall(r"(?m)^the .+ is (.+)", capsys.readouterr().err) == [it[0] for it in expected]


@pytest.mark.once
def test_figures_of_mnist_are_those_of_a_run(mnist_folder):
    """Some of each kind: the bits of these runs are recorded, so that figures stay."""
    mnist = read_dataset(str(mnist_folder))
    settings = {}, {"n_epochs": 250, "patience": 10**6}
    with engine.floatx("float32"):
        runs = [train_softmax(mnist, Hyperparameters(**each), output=None) for each in settings]
    W, b = runs[0].best_values
    best = runs[1].best_validation
    (x_train, y_train), (x, y) = mnist.train, mnist.test
    pictures = x.reshape(-1, 28, 28)

    def wrong(pixels, labels=y):
        return (pixels.reshape(-1, 784) / 256 @ W + b).argmax(axis=1) != labels

    def errors(*sets):
        return " | ".join(percent(wrong(pixels).mean()) for pixels in sets)

    is_wrong = wrong(x)
    zeros, fives = (f"{100 * is_wrong[y == k].mean():.1f} %" for k in (0, 5))
    sure = probabilities(x / 256, W, b).max(axis=1)
    figures = {
        1: [percent(numpy.mean(y != 1)), f"{(W[:, 3] > 0).sum()} pixels"],
        8: [
            f"the best model is that of epoch {(best.iter + 1) // 83}",
            f"error of {percent(best.error)} and a test error of {percent(best.test_error)}",
        ],
        10: [
            f"{zeros} of the zeros and {fives} of the fives",
            f"makes {is_wrong.sum()} mistakes",
            f"the test error counts {is_wrong[:9600].sum()}",
        ],
        11: [errors(*(numpy.roll(pictures, n, axis=2) for n in (0, 1, 2, 4))), errors(255 - x)],
        12: [percent(wrong(x_train, y_train).mean()), percent(best.test_error_all_rows)],
        13: [f"{sure.mean():.3f} on average"],
    }
    for chapter, texts in figures.items():
        words = " ".join(CHAPTERS[chapter].split())
        assert [figure for figure in texts if figure not in words] == []
