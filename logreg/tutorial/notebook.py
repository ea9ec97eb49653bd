"""The text of the tutorial as a notebook: its examples are cells, and so are its exercises."""

import ast
import hashlib
import importlib
import os
import re
import sys
import tempfile

from logreg.errors import needing
from logreg.saving.model_file import save
from logreg.tutorial.text import blocks, examples, with_links_to, with_pictures_in_line

LIBRARIES = ("nbclient", "nbformat", "ipykernel", "matplotlib")
ANSWER = "<details><summary>Answer"
PARTS = rf"\n+(?=#+ |\*\*\d+\.\d\*\* |{ANSWER})|(?<=</details>)\n+"  # of Markdown
FOLDED = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
NO_HOME = 'raise ImportError("install the package first: its README says how")'


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
    save(path, nbformat.writes(whole).encode("utf-8"))


def _notebook(v4, home):
    """The text as a notebook without outputs, made by ``nbformat.v4``.

    A cell waits below each exercise. It compares what is found with the digest of what the answer
    prints. The cells of the answer come after it, and are folded.
    """
    install = f'%pip install --quiet "git+{home.split("/blob/")[0]}"' if home else NO_HOME
    cells, prose, folded, place = [], [], [], None

    def close():
        if prose:
            text = with_links_to(home, "\n\n".join(prose))
            cells.append(v4.new_markdown_cell(with_pictures_in_line(text)))
            prose.clear()

    for block in blocks():
        if block.kind == "pycon" and block.info:
            folded += examples(block.content)
        elif block.kind == "pycon":
            close()
            cells += _code_cells(v4, examples(block.content))
        elif block.kind == "notebook":
            close()
            cells.append(v4.new_code_cell(block.content.replace("INSTALL", install)))
        elif block.kind in ("markdown", "play"):
            for part in re.split(PARTS, block.content):
                if part.startswith(("#", "**", ANSWER)):
                    close()
                if part.startswith(ANSWER):
                    place = len(cells)
                prose.append(part)
                if part.endswith("</details>") and (folded or place):
                    close()
                    if place:
                        cells.insert(place, v4.new_code_cell(_exercise(folded)))
                    cells += _code_cells(v4, folded, **FOLDED)
                    folded, place = [], None
        elif block.kind == "math":
            prose.append(f"$$\n{block.content}\n$$")
        else:
            prose.append(f"```{block.kind}\n{block.content}\n```")
    close()
    python = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return v4.new_notebook(cells=cells, metadata={"kernelspec": python})


def _exercise(answer):
    """The cell of an exercise, whose answer has these examples."""
    printed = [example.want.strip() for example in answer]
    try:
        value = ast.literal_eval(printed[-1])
    except (IndexError, SyntaxError, ValueError):  # there is none, or it is an array, or a text
        return "# Your notes, and your code."
    digest = hashlib.sha256(repr(value).encode()).hexdigest()[:8]
    return f'found = ...\nassert is_right(found, "{digest}"), "not yet"'


def _code_cells(v4, examples, **metadata):
    """Cells of examples: a cell shows the value of its last line, so each output ends one."""
    cells, lines = [], ""
    for example in examples:
        lines += example.source
        if example.want:
            # A notebook that is run as a whole goes on after an error.
            tags = {"tags": ["raises-exception"]} if example.exc_msg else {}
            cells.append(v4.new_code_cell(lines.rstrip(), metadata={**tags, **metadata}))
            lines = ""
    return cells + ([v4.new_code_cell(lines.rstrip(), metadata=metadata)] if lines else [])
