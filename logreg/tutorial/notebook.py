"""The text of the tutorial as a notebook: its examples are cells, and so are its exercises."""

import importlib.util
import os
import re
import sys
import tempfile

import numpy

from logreg.errors import SettingError, needing
from logreg.saving.model_file import save
from logreg.tutorial.text import TEXT, blocks, examples, with_links_to, with_pictures_in_line

LIBRARIES = ("nbclient", "nbformat", "ipykernel", "matplotlib")
ANSWER = "<details><summary>Answer"
PARTS = rf"\n+(?=#+ |\*\*\d+\.\d\*\* |{ANSWER})|(?<=</details>)\n+"  # of Markdown
FOLDED = {"jupyter": {"source_hidden": True, "outputs_hidden": True}}
MINUS = "\N{MINUS SIGN}"
NUMBER = r"-?\d+(?:\.\d+)?"
# An exercise says to within what its numbers are asked for; they stand, bold, before its answer.
EXERCISE = rf"(?s)\*\*(\d+\.\d)\*\* ((?:(?!\n<).)+)\n{ANSWER}</summary>\n\n\*\*(.+?)\.\*\*"
# The cell that waits below an exercise.
CHECKED = 'found = ...\nassert found is ... or is_right(found, "NUMBER"), "not yet"'
UNCHECKED = "# Your notes, and your code."
NO_HOME = 'raise SystemExit("Upload the archive of logreg, and %pip install it: PyPI has another.")'


def is_right(found, exercise):
    """Whether a reader has found the numbers that an exercise of the text asks for.

    Parameters
    ----------
    found : number, text of numbers, or iterable of these
        Of any type: 1, 1.0, True and "1" are alike.
    exercise : str
        Its number.

    Returns
    -------
    bool
        True if as many were found as the answer has, each to within what the exercise says. If the
        answer is a single one, each that was found has to be it.

    Raises
    ------
    SettingError
        If the answer of this exercise begins with no bold number, or there is no such exercise.

    Examples
    --------
    >>> is_right(numpy.log(10), "3.1"), is_right(2, "3.1"), is_right([], "3.1")
    (True, False, False)

    Parts of unequal size, views, generators and texts are as good as lists.

    >>> is_right((0, numpy.zeros(784)), "4.1"), is_right((n for n in (20, 40, 84)), "8.3")
    (True, True)
    >>> is_right("\N{MINUS SIGN}0.999, -0.002, ", "5.2"), is_right("0.881,", "2.1")
    (True, True)
    >>> is_right((0.105, 0.105, 0.110), "7.1"), is_right((1, 0.3357), "2.2")
    (False, True)
    >>> is_right(0.880, "2.1"), is_right("(7850, 785)", "5.1"), is_right({1: 7850}.keys(), "5.1")
    (True, True, False)
    >>> is_right([0.9998, 0.785, 0.225], "6.3"), is_right((32, 49, 0.075), "10.3")
    (True, True)
    >>> from logreg.engine import theano
    >>> is_right(theano.shared(numpy.log(10)), "3.1")
    True
    >>> is_right(0.003, "4.4"), is_right(0.0036, "4.4")  # 0.002, to within 0.001
    (True, False)
    >>> from types import SimpleNamespace as Tensor  # as of torch
    >>> is_right(Tensor(tolist=lambda: [7850, 785]), "5.1")
    True
    >>> is_right("many", "5.1"), is_right(None, "5.1")
    (False, False)
    >>> is_right(1, "1.2")
    Traceback (most recent call last):
    logreg.errors.SettingError: the text has no exercise '1.2' that asks for numbers
    """
    checked = answers()
    if exercise not in checked:
        raise SettingError(f"the text has no exercise {exercise!r} that asks for numbers")
    right, within = checked[exercise]
    try:
        found = numpy.array(_numbers(found))
    except (OverflowError, TypeError, ValueError):
        return False
    are_all = found.size == right.size or right.size == 1 <= found.size
    return are_all and bool((abs(found - right) <= within).all())


def _numbers(found):
    """All numbers that somebody found, one after the other."""
    if isinstance(found, str):
        return [float(text) for text in re.findall(r"[^\s,;()\[\]]+", found.replace(MINUS, "-"))]
    found = found.get_value() if hasattr(found, "get_value") else found
    if hasattr(found, "tolist"):  # of torch too, whose numbers may have a gradient
        found = [found.tolist()]
    elif hasattr(found, "__array__"):
        found = numpy.ravel(found).tolist()
    try:
        return [number for part in found for number in _numbers(part)]
    except TypeError:  # it is no iterable
        return [float(found)]


def answers():
    """The numbers of each answer that is checked, and to within what they have to be right.

    Examples
    --------
    >>> checked = {exercise: numbers for exercise, (numbers, _) in answers().items()}
    >>> len(checked) == TEXT.read_text("utf-8").count("<summary>Answer</summary>\\n\\n**")
    True
    >>> all(is_right(numbers, exercise) for exercise, numbers in checked.items())
    True
    >>> any(is_right(numbers + 0.05, exercise) for exercise, numbers in checked.items())
    False
    >>> any(is_right(wrong, exercise) for wrong in ([], [7] * 5) for exercise in checked)
    False
    """
    found = {}
    for name, question, numbers in re.findall(EXERCISE, TEXT.read_text(encoding="utf-8")):
        right = re.findall(NUMBER, numbers.replace(MINUS, "-"))
        within = re.search(rf"[Tt]o\s+within\s+({NUMBER})", question)
        # The text's own numbers are rounded.
        rounding = [0.5 / 10 ** len(text.partition(".")[2]) * ("." in text) for text in right]
        least = float(within.group(1)) + numpy.array(rounding) if within else 0
        found[name] = numpy.array(right, float), least + 1e-9
    return found


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

    A cell waits below each exercise, and the cells of the answer come after it, folded.
    """
    install = NO_HOME
    if home:
        source = home.rstrip("/").replace("/-/", "/").replace("/blob/", "@")  # and its branch
        install = f'%pip install --quiet "git+{source}"\n    '
        install += "from logreg.tutorial.notebook import is_right"
    cells, prose, folded, exercise, checked = [], [], [], None, answers()

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
    """The heading of a chapter with the id that links to it have: not every reader gives it one."""
    title = heading[1]
    slug = re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
    return f'## <a id="{slug}"></a>{title}'


def _code_cells(v4, block):
    """Cells of examples: a cell shows the value of its last line, so each output ends one."""
    cells, lines = [], ""
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
    return cells + ([v4.new_code_cell(lines.rstrip(), metadata=metadata)] if lines else [])
