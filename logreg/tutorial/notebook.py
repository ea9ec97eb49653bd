"""Writes the tutorial as a notebook: examples and exercises become cells."""

import importlib.util
import os
import re
import sys
import tempfile

from logreg.basics.errors import needing
from logreg.basics.files import write_whole
from logreg.tutorial.answers import ANSWER, answers
from logreg.tutorial.text import blocks, examples, with_links_to, with_pictures_in_line

LIBRARIES = ("nbclient", "nbformat", "ipykernel", "matplotlib")
# Markdown is split before a heading, an exercise and an answer, and after a folded part.
PARTS = rf"\n+(?=#+ |\*\*\d+\.\d\*\* |{ANSWER})|(?<=</details>)\n+"
FOLDED = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
# The cell that waits below an exercise.
CELL_WITH_CHECK = """\
found = ...
assert found is ... or is_right(found, "NUMBER"), hint(found, "NUMBER")
""".rstrip()
CELL_WITHOUT_CHECK = "# Your notes, and your code."
# PyPI has another package of the name logreg.
NO_HOME = 'raise SystemExit("Upload the archive of logreg, and %pip install it: not that of PyPI.")'


def write(path, home=None):
    """Run the notebook from top to bottom, in a folder of its own, and write it with its outputs.

    Parameters
    ----------
    path : str or path-like
        It is written whole or not at all.
    home : str, optional
        As for :func:`logreg.tutorial.writing.write_page`. The first cell installs the package from
        there.

    Raises
    ------
    ExtraError
        If a library of the extra ``notebook`` is not installed.
    ModelFileError
        If the notebook cannot be written.
    """
    with needing("the notebook", "notebook", *LIBRARIES):
        nbclient, nbformat, *_ = map(importlib.import_module, LIBRARIES)
    whole = _notebook(nbformat.v4, home)
    with tempfile.TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        client = nbclient.NotebookClient(whole, resources=where, record_timing=False)
        client.execute(env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
    for cell in whole.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                # Its frames name files of this machine.
                output.traceback = [f"{output.ename}: {output.evalue}"]
    write_whole(path, nbformat.writes(whole).encode("utf-8"))


def _notebook(v4, home):
    """Make the notebook, without outputs, by ``nbformat.v4``.

    Below each exercise is a cell for the reader's answer: that of a ``notebook`` block of the text,
    or else one that is made here. Then comes the text's answer, with the cells of its examples
    below it, folded.
    """
    install = NO_HOME
    if home:
        # The address is REPOSITORY/blob/BRANCH on GitHub, and REPOSITORY/-/blob/BRANCH on GitLab.
        source = home.rstrip("/").replace("/-/", "/").replace("/blob/", "@")
        # The text has INSTALL in an indented line.
        install = f'%pip install --quiet "git+{source}"\n    '
        install += "from logreg.tutorial.answers import hint, is_right"
    cells = []
    prose = []  # Markdown that becomes the next cell
    folded = []  # cells of an answer, which come after its Markdown
    exercise = None  # the one that has no cell yet
    checked = answers()

    def flush_prose():
        if prose:
            text = re.sub("(?m)^## (.+)", _with_id, with_links_to(home, "\n\n".join(prose)))
            cells.append(v4.new_markdown_cell(with_pictures_in_line(text)))
            prose.clear()

    for block in blocks():
        if block.kind == "pycon" and block.is_folded:
            folded += _code_cells(v4, block)
        elif block.kind == "pycon":
            flush_prose()
            cells += _code_cells(v4, block)
        elif block.kind == "notebook":
            flush_prose()
            cells.append(v4.new_code_cell(block.content.replace("INSTALL", install)))
            exercise = None  # this block takes the place of a cell for it
        elif block.kind in ("markdown", "play"):
            for part in re.split(PARTS, block.content):
                if part.startswith(("#", "**", ANSWER)):
                    flush_prose()
                if part.startswith("**"):
                    exercise = part.split("**")[1]
                if part.startswith(ANSWER) and exercise:
                    waiting = CELL_WITHOUT_CHECK
                    if exercise in checked:
                        waiting = CELL_WITH_CHECK.replace("NUMBER", exercise)
                    cells.append(v4.new_code_cell(waiting))
                    exercise = None
                prose.append(part)
                if part.endswith("</details>") and folded:
                    flush_prose()
                    cells += folded
                    folded = []
        elif block.kind == "math":
            prose.append(f"$$\n{block.content}\n$$")
        else:
            prose.append(f"```{block.kind}\n{block.content}\n```")
    flush_prose()
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": python})


def _with_id(match):
    """A chapter's heading with its id: not every program that shows notebooks gives it one."""
    title = match[1]
    slug = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    return f'## <a id="{slug}"></a>{title}'


def _code_cells(v4, block):
    """Make cells of examples. A cell ends after each output, since it shows its last value only."""
    cells = []
    lines = ""
    metadata = FOLDED if block.is_folded else {}
    # The info of a block names a library that its examples need.
    if block.info and importlib.util.find_spec(block.info) is None:
        metadata = {**metadata, "tags": ["skip-execution"]}
    for example in examples(block.content):
        lines += example.source
        if example.want:
            # A notebook that is run as a whole goes on after an error.
            tags = {"tags": ["raises-exception"]} if example.exc_msg else {}
            cells.append(v4.new_code_cell(lines.rstrip(), metadata={**tags, **metadata}))
            lines = ""
    if lines:
        cells.append(v4.new_code_cell(lines.rstrip(), metadata=metadata))
    return cells
