"""Writes the tutorial as a notebook: examples and exercises become cells."""

import importlib.util
import os
import re
import sys
import tempfile

from logreg.errors import needing
from logreg.saving.model_file import save
from logreg.tutorial.answers import ANSWER, answers
from logreg.tutorial.text import blocks, examples, with_links_to, with_pictures_in_line

LIBRARIES = ("nbclient", "nbformat", "ipykernel", "matplotlib")
PARTS = rf"\n+(?=#+ |\*\*\d+\.\d\*\* |{ANSWER})|(?<=</details>)\n+"  # of Markdown
FOLDED = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
# The cell that waits below an exercise.
CHECKED = """\
found = ...
assert found is ... or is_right(found, "NUMBER"), f"not yet: you found {numbers_in(found)}"
""".rstrip()
UNCHECKED = "# Your notes, and your code."
NO_HOME = 'raise SystemExit("Upload the archive of logreg, and %pip install it: PyPI has another.")'


def write(path, home=None):
    """Run the notebook from top to bottom, in a folder of its own, and write it with its outputs.

    Parameters
    ----------
    path : str or path-like
        It is written whole or not at all.
    home : str, optional
        As for :func:`logreg.tutorial.writing.write_page`; and from there, the first cell installs.

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
    save(path, nbformat.writes(whole).encode("utf-8"))


def _notebook(v4, home):
    """Make the notebook, without outputs, by ``nbformat.v4``.

    Below each exercise is a cell for the reader's answer. The cells of ours follow, folded.
    """
    install = NO_HOME
    if home:
        source = home.rstrip("/").replace("/-/", "/").replace("/blob/", "@")  # and its branch
        install = f'%pip install --quiet "git+{source}"\n    '
        install += "from logreg.tutorial.answers import is_right, numbers_in"
    cells = []
    prose = []
    folded = []
    exercise = None
    checked = answers()

    def close():
        if prose:
            text = re.sub("(?m)^## (.+)", _with_id, with_links_to(home, "\n\n".join(prose)))
            cells.append(v4.new_markdown_cell(with_pictures_in_line(text)))
            prose.clear()

    for block in blocks():
        if block.kind == "pycon" and block.info:
            folded += _code_cells(v4, block)
        elif block.kind == "pycon":
            close()
            cells += _code_cells(v4, block)
        elif block.kind == "notebook":
            close()
            cells.append(v4.new_code_cell(block.content.replace("INSTALL", install)))
        elif block.kind in ("markdown", "play"):
            for part in re.split(PARTS, block.content):
                if part.startswith(("#", "**", ANSWER)):
                    close()
                if part.startswith("**"):
                    exercise = part.split("**")[1]
                if part.startswith(ANSWER):
                    is_checked = exercise in checked
                    waiting = CHECKED.replace("NUMBER", exercise) if is_checked else UNCHECKED
                    cells.append(v4.new_code_cell(waiting))
                prose.append(part)
                if part.endswith("</details>") and folded:
                    close()
                    cells += folded
                    folded = []
        elif block.kind == "math":
            prose.append(f"$$\n{block.content}\n$$")
        else:
            prose.append(f"```{block.kind}\n{block.content}\n```")
    close()
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": python})


def _with_id(heading):
    """A chapter's heading with its id: not every program that shows notebooks gives it one."""
    title = heading[1]
    slug = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    return f'## <a id="{slug}"></a>{title}'


def _code_cells(v4, block):
    """Make cells of examples. A cell shows the value of its last line: each output ends one."""
    cells = []
    lines = ""
    metadata = FOLDED if block.info else {}
    if block.info not in ("", "answer") and importlib.util.find_spec(block.info) is None:
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
