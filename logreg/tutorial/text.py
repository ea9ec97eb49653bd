"""Reads the text of the tutorial, README.md, as blocks.

The text is Markdown as GitHub shows it. Some comments in it mean something:

- ``<!-- source: logreg.early_stopping.EarlyStopping.update -->`` stands above a block of the
  program's own code. It names an object of the package, or a file of the project.
- ``<!-- play: softmax -->`` stands above a picture or a sentence; the page has a toy in its place.
- ``<!-- needs: torch -->`` stands above examples that run only where this library is installed.

Between ``<!-- notebook`` and ``-->`` stands code that only the notebook has: it draws pictures.
"""

import codeop
import doctest
import itertools
import posixpath
import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

HERE = Path(__file__).parent
TEXT = HERE / "README.md"
FENCE = re.compile(r"```(\w+)")
COMMENT = re.compile(r"<!-- (?:(?P<key>source|play|needs): (?P<value>.+)|.+) -->")
DOTS = "\0"  # stands for three dots that are printed, as doctest would take them for code


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
        with; of ``'pycon'``, the library that it needs.
    is_folded : bool
        Whether a fenced block is in a part that opens at a click.
    """

    kind: str
    content: str
    info: str = ""
    is_folded: bool = False


def blocks(text=None):
    """List the blocks of the text, or of another of its kind.

    Examples
    --------
    >>> first, second = blocks("Two and two:\\n\\n```pycon\\n>>> 2 + 2\\n4\\n```\\n")
    >>> second
    Block(kind='pycon', content='>>> 2 + 2\\n4', info='', is_folded=False)

    A comment holds for the next example only. A folded part holds until ``</details>``.

    >>> example = "```pycon\\n>>> 1\\n```\\n"
    >>> text = f"<!-- needs: torch -->\\n{example}<details>\\n{example}</details>\\n{example}"
    >>> [(block.info, block.is_folded) for block in blocks(text) if block.kind == "pycon"]
    [('torch', False), ('', True), ('', False)]
    """
    lines = iter((TEXT.read_text("utf-8") if text is None else text).splitlines())
    found = []
    prose = []
    info = ""
    is_folded = False

    def flush_prose():
        markdown = "\n".join(prose).strip("\n")
        prose.clear()
        if markdown:
            found.append(Block("markdown", markdown))

    def add(*block):
        flush_prose()
        found.append(Block(*block))

    def read_until(end):
        """Take lines from the iterator of the loop, which goes on behind them."""
        return "\n".join(itertools.takewhile(lambda line: line != end, lines))

    for line in lines:
        fence = FENCE.fullmatch(line)
        comment = COMMENT.fullmatch(line)
        if fence:
            add(fence.group(1), read_until("```"), info, is_folded)
            info = ""
        elif line == "<!-- notebook":
            add("notebook", read_until("-->"))
        elif comment and comment["key"] == "play":
            add("play", next(lines), comment["value"])
        elif comment:  # the source or the need of the block below, or a mere comment
            info = comment["value"] or ""
        else:
            if "<details>" in line:
                is_folded = True
            elif "</details>" in line:
                is_folded = False
            prose.append(line)
    flush_prose()
    return found


def examples(content):
    """Parse the examples of a ``'pycon'`` block, as doctest has them.

    After a complete statement, a line that begins with three dots is printed output, as in Python's
    shell. doctest alone would read it as a part of the statement.

    Examples
    --------
    >>> [example] = examples(">>> read()\\n... loading data\\n")
    >>> example.source, example.want
    ('read()\\n', '... loading data\\n')
    """
    lines = []
    statement = ""  # the lines of code so far; empty in the output, whose lines stay as they are
    for line in content.splitlines():
        if line.startswith(">>> "):
            statement = line[4:]
        elif not (statement and line.startswith("...")):
            statement = ""
        elif codeop.compile_command(statement) is None:  # it is incomplete
            statement += "\n" + line[4:]
        else:
            statement = ""
            line = DOTS + line[3:]
        lines.append(line)
    found = doctest.DocTestParser().get_examples("\n".join(lines))
    for example in found:
        example.want = example.want.replace(DOTS, "...", 1)
    return found


def with_pictures_in_line(markdown):
    """Put the SVG files of Markdown in line, as data addresses.

    Examples
    --------
    >>> drawn = with_pictures_in_line("![a hill](hill.svg)")
    >>> drawn[:43], "#" in drawn, " " in drawn[9:]
    ('![a hill](data:image/svg+xml,%3Csvg%20role=', False, False)
    >>> from urllib.parse import unquote
    >>> unquote(drawn[29:-1]) == " ".join((HERE / "hill.svg").read_text("utf-8").split())
    True
    """

    def in_line(match):
        drawing = (HERE / match.group(2)).read_text("utf-8")
        data = quote(" ".join(drawing.split()), safe="/:;,=+$&?@-_.~!'")
        return f"{match.group(1)}(data:image/svg+xml,{data})"

    return re.sub(r"(!\[[^]]*\])\((\w+\.svg)\)", in_line, markdown)


def with_links_to(home, markdown):
    """Let links of Markdown to the project's files lead to `home`; without one, they become text.

    Examples
    --------
    >>> markdown = "[train](../train.py), [here](#a), [there](https://a.b), ![drawn](hill.svg)"
    >>> with_links_to(None, markdown)
    'train, [here](#a), [there](https://a.b), ![drawn](hill.svg)'
    >>> with_links_to("https://x.y/blob/main/", markdown)[:45]
    '[train](https://x.y/blob/main/logreg/train.py'
    """

    def absolute(match):
        name, link = match.groups()
        path = posixpath.normpath(posixpath.join("logreg/tutorial", link))
        return f"[{name}]({home.rstrip('/')}/{path})" if home else name

    return re.sub(r"(?<!!)\[([^]]+)\]\((?!https?:|#|data:)([^)]*)\)", absolute, markdown)
