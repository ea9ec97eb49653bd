"""The questions of the chapters as a quiz in GIFT, a format that Moodle imports."""

import re
from typing import List, NamedTuple

from logreg.basics.files import write_whole
from logreg.tutorial.text import TEXT

QUESTION = r"(?ms)^### Question\n\n\*\*(.+?)\*\*\n(.*?)(?=^### )"
CHOICE = r"(?s)<details><summary>[A-Z]\. (.+?)</summary>\s*(.+?)\s*</details>"


class Question(NamedTuple):
    """A question of a chapter, and its choices: triples of text, reason and whether it is right."""

    chapter: str
    text: str
    choices: List[tuple]


def questions():
    """Read the questions of the tutorial, one of each chapter that has one.

    Examples
    --------
    >>> first = questions()[0]
    >>> first.chapter, len(first.choices)
    ('1. Ten pictures', 3)
    >>> [is_right for _, _, is_right in first.choices].count(True)
    1
    """
    found = []
    for chapter in re.split("(?m)^## ", TEXT.read_text("utf-8"))[1:]:
        match = re.search(QUESTION, chapter)
        if match:
            # The reason of the right choice begins with Yes, that of any other with No.
            choices = [
                (text, reason, reason.startswith("Yes"))
                for text, reason in re.findall(CHOICE, match.group(2))
            ]
            found.append(Question(chapter.splitlines()[0], match.group(1), choices))
    return found


def as_gift(question):
    """Write a question in GIFT: each choice is followed by its reason.

    Examples
    --------
    >>> print(as_gift(Question("1. Sums", "What is {x}?", [("1", "No.", False), ("2", "Yes: it is.", True)])))
    ::1. Sums::[markdown]What is \\{x\\}? {
    ~1#No.
    =2#Yes\\: it is.
    }
    """  # noqa: E501
    lines = [f"::{_escaped(question.chapter)}::[markdown]{_escaped(question.text)} {{"]
    for text, reason, is_right in question.choices:
        mark = "=" if is_right else "~"
        lines.append(f"{mark}{_escaped(text)}#{_escaped(reason)}")
    return "\n".join([*lines, "}"])


def _escaped(text):
    """One line, with a backslash before what has a meaning in GIFT."""
    return re.sub(r"([\\~=#{}:])", r"\\\1", " ".join(text.split()))


def write(path):
    """Write all questions into a file, whole or not at all."""
    write_whole(path, ("\n\n".join(map(as_gift, questions())) + "\n").encode("utf-8"))
