"""The text of the tutorial, README.md, as blocks; the program's code in it; its glossary.

The text is Markdown as GitHub shows it. Some comments in it mean something:

- ``<!-- source: logreg.sgd.train, from `for epoch` to `return` -->`` stands above a block of the
  program's own code. It names an object, and perhaps the lines that are shown: from the first that
  holds one thing to the next that holds another.
- ``<!-- play: softmax -->`` stands above the picture of something that the page lets one play with.

Between ``<!-- notebook`` and ``-->`` stands code that only the notebook has: it draws curves.
"""

import ast
import codeop
import doctest
import functools
import importlib
import inspect
import itertools
import posixpath
import re
import textwrap
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

HERE = Path(__file__).parent
TEXT = HERE / "README.md"
FENCE = re.compile(r"```(\w+)")
COMMENT = re.compile(r"<!-- (?:(source|play): (.+)|.+) -->")
DOTS = "\N{HORIZONTAL ELLIPSIS}"  # what a printed line begins with while doctest reads it
GLOSSARY = re.compile(r"(?s)(?<=<!-- glossary -->\n).*(?=<!-- end of the glossary -->)")
TERM = re.compile(r"(?<!\*)\*([^*]+)\*(?!\*)")
SHOWN_CODE = re.compile(r"(<!-- source: (.+) -->\n```python\n)((?:(?!```).*\n)*)(?=```)")


class Block(NamedTuple):
    """A part of the text.

    Attributes
    ----------
    kind : str
        ``'markdown'``; the language of a fenced block: ``'pycon'`` for examples, ``'python'`` for
        the program's own code, ``'text'`` for printed lines, ``'sh'`` for commands, ``'math'`` for
        formulas; ``'play'`` for a picture that the page replaces; or ``'notebook'`` for code that
        only the notebook has.
    content : str
        The lines, without the fence. Of ``'play'``, the Markdown of the picture.
    info : str
        Of ``'python'``, what its comment says after ``source:``; of ``'play'``, what is to play
        with; of ``'pycon'``, ``'answer'`` if it stands in the answer to an exercise.
    """

    kind: str
    content: str
    info: str = ""


def blocks(text=None):
    """List the blocks of the text, or of another of its kind.

    Examples
    --------
    >>> first, second = blocks("Two and two:\\n\\n```pycon\\n>>> 2 + 2\\n4\\n```\\n")
    >>> second
    Block(kind='pycon', content='>>> 2 + 2\\n4', info='')
    """
    lines = iter((TEXT.read_text(encoding="utf-8") if text is None else text).splitlines())
    found, prose, info, answer = [], [], "", ""

    def add(*block):
        markdown = "\n".join(prose).strip("\n")
        prose.clear()
        found.extend([Block("markdown", markdown)] if markdown else [])
        found.extend([Block(*block)] if block else [])

    for line in lines:
        fence, comment = FENCE.fullmatch(line), COMMENT.fullmatch(line)
        if fence:
            content = "\n".join(itertools.takewhile(lambda line: line != "```", lines))
            add(fence.group(1), content, answer if fence.group(1) == "pycon" else info)
            info = ""
        elif line == "<!-- notebook":
            add("notebook", "\n".join(itertools.takewhile(lambda line: line != "-->", lines)))
        elif comment and comment.group(1) == "play":
            add("play", next(lines), comment.group(2))
        elif comment:
            info = comment.group(2) or ""
        else:
            answer = "answer" if "<details>" in line else "" if "</details>" in line else answer
            prose.append(line)
    add()
    return found


def examples(content):
    """The examples of a ``'pycon'`` block, as doctest has them.

    Once a statement is whole, a line that begins with three dots is what it prints, as in Python's
    own shell: doctest alone would take it for more of the statement.

    Examples
    --------
    >>> [example] = examples(">>> read()\\n... loading data\\n")
    >>> example.source, example.want
    ('read()\\n', '... loading data\\n')
    """
    lines, statement = [], None
    for line in content.splitlines():
        is_more = line.startswith("...") and statement is not None
        if line.startswith(">>> "):
            statement = line[4:]
        elif is_more and codeop.compile_command(statement) is None:
            statement += "\n" + line[4:]
        else:
            line, statement = (DOTS + line[3:] if is_more else line), None
        lines.append(line)
    found = doctest.DocTestParser().get_examples("\n".join(lines))
    for example in found:
        example.want = example.want.replace(DOTS, "...", 1)
    return found


def source(info):
    """The program's code that a ``source`` comment names, less all docstrings.

    Examples
    --------
    >>> print(source("logreg.early_stopping.EarlyStopping.is_over"))
    def is_over(self, iter):
        return self.patience <= iter
    """
    name, first, last = re.fullmatch(r"([\w.]+)(?:, from `(.+)` to `(.+)`)?", info).groups()
    parts = name.split(".")
    module = importlib.import_module(".".join(parts[:2]))
    code = inspect.getsource(functools.reduce(getattr, parts[2:], module))
    lines = _without_docstrings(textwrap.dedent(code))
    if first:
        start = next(i for i, line in enumerate(lines) if first in line)
        end = next(i for i, line in enumerate(lines) if last in line and i >= start)
        lines = textwrap.dedent("\n".join(lines[start : end + 1])).splitlines()
    return "\n".join(lines)


def _without_docstrings(code):
    lines = code.splitlines()
    for node in ast.walk(ast.parse(code)):
        is_documented = isinstance(node, (ast.ClassDef, ast.FunctionDef))
        if is_documented and ast.get_docstring(node) is not None:
            end = node.body[0].end_lineno
            end += not (lines[end : end + 1] or ["code"])[0].strip()  # the empty line after it
            lines[node.body[0].lineno - 1 : end] = [None] * (end - node.body[0].lineno + 1)
    return [line for line in lines if line is not None]


def updated(text=None):
    """The text with the program's code in it as the code is now, and with its glossary."""
    text = TEXT.read_text(encoding="utf-8") if text is None else text
    text = SHOWN_CODE.sub(lambda match: match.group(1) + source(match.group(2)) + "\n", text)
    return GLOSSARY.sub(lambda match: glossary(text), text)


def glossary(text):
    """A list of the terms, which stand between single stars, with the sentences that have them.

    Examples
    --------
    >>> print(glossary("## 1. Go\\n\\nSo far. (A *step* is small.)"))
    - [**step**](#1-go): A step is small.
    <BLANKLINE>
    """
    found = {}
    for chapter in re.split(r"(?m)^## ", re.sub(r"(?ms)^```.*?^```$", "", text))[1:]:
        title, _, rest = chapter.partition("\n")
        for paragraph in rest.split("\n\n"):
            sentences = re.split(r"(?<=[.!?)_*]) (?=[(“*A-Z])", " ".join(paragraph.split()))
            for sentence in sentences:
                for term in TERM.findall(sentence):
                    plain = TERM.sub(r"\1", sentence).strip("():")
                    found.setdefault(term.lower(), f"](#{anchor(title)}): {plain}")
    return "".join(f"- [**{term}**{rest}\n" for term, rest in sorted(found.items()))


def anchor(title):
    """What follows the # in a link to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def with_pictures_in_line(markdown):
    """Markdown with its SVG files as data addresses."""

    def in_line(match):
        drawing = (HERE / match.group(2)).read_text(encoding="utf-8")
        data = quote(" ".join(drawing.split()), safe="/:;,=+$&?@-_.~!'")
        return f"{match.group(1)}(data:image/svg+xml,{data})"

    return re.sub(r"(!\[[^]]*\])\((\w+\.svg)\)", in_line, markdown)


def with_links_to(home, markdown):
    """Markdown whose links to files of the project lead to `home`; without one, they are text."""

    def absolute(match):
        name, link = match.groups()
        path = posixpath.normpath(posixpath.join("logreg/tutorial", link))
        return f"[{name}]({home.rstrip('/')}/{path})" if home else name

    return re.sub(r"(?<!!)\[([^]]+)\]\((?!https?:|#|data:)([^)]*)\)", absolute, markdown)
