"""Numbers as people write them in cells: with units, and with marks between digits."""

import itertools
import re
from typing import NamedTuple

from logreg.parts.preprocessing import FLOAT32_MAX

UNIT = r"(?:[A-Z]{0,3}[$€£¥₹₩₽₺₫₴₪₱฿]|EUR|USD|GBP|CHF|JPY|%)?"
# A number with a decimal point. A comma, an apostrophe or a blank may stand between thousands.
NUMBER_PATTERN = re.compile(
    rf"""
    (?P<sign>[+-]?)  # as in -$5
    (?P<unit_before>{UNIT})
    \s?
    (?P<number>
        [+-]?  # as in $-5
        (?:[1-9][0-9]{{0,2}} (?P<mark>[,'’\s])[0-9]{{3}} (?:(?P=mark)[0-9]{{3}})* | [0-9]*)
        (?:\.[0-9]*)?
        (?:[eE][+-]?[0-9]+)?
    )
    \s?
    (?P<unit_after>{UNIT})
    """,
    re.VERBOSE,
)
# A number without a unit and without marks between thousands, or a truth value. The text '' and a
# lone decimal mark fit, too.
PLAIN_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?|true|false", re.I)
MARKS = (".", ",")  # decimal marks
SWAPPED = str.maketrans(".,", ",.")


class Number(NamedTuple):
    """A number as people write it; 45 % is 0.45, as spreadsheets store it.

    It is truthy even if its value is 0, so ``if number`` means ``if number is not None``.
    """

    value: float
    unit: str  # as $ or %, '' if there is none


def is_truth_value(text):
    return text.lower() in ("true", "false")


def parse_number(text, decimal="."):
    """Read a text as a :class:`Number`; None if it is none.

    Examples
    --------
    >>> for text in ("-$7,888.50", "45.2 %", "US$ 5e3", "EUR 7", "True"):
    ...     parse_number(text)
    Number(value=-7888.5, unit='$')
    Number(value=0.452, unit='%')
    Number(value=5000.0, unit='US$')
    Number(value=7.0, unit='EUR')
    Number(value=1.0, unit='')
    >>> parse_number("7.888,5 €", ",").value, parse_number("4x"), parse_number(".")
    (7888.5, None, None)
    """
    if is_truth_value(text):
        return Number(float(text.lower() == "true"), "")
    if decimal == ",":
        text = text.translate(SWAPPED)
    found = NUMBER_PATTERN.fullmatch(text)
    if not found:
        return None
    unit = found["unit_before"] + found["unit_after"]
    number = found["sign"] + re.sub(r"[,'’\s]", "", found["number"])
    try:
        value = float(number)
    except ValueError:  # a mark alone, or a sign at both places
        return None
    if unit == "%":
        value /= 100
    if abs(value) > FLOAT32_MAX:
        return None
    return Number(value, unit)


def decimal_mark(rows, delimiter, mark_of_training=None):
    """Find the decimal mark of a table.

    A cell shows it if it is a number by one decimal mark, and no number by the other. If no cell
    does, a table with semicolons between its cells has decimal commas, unless its numbers contain
    the mark of the training. In all other cases, the mark is that of the training, or a point.

    Examples
    --------
    >>> decimal_mark([["0,5", "1.234"]], ","), decimal_mark([["0,5", "0.5"]], ";")
    (',', '.')
    >>> decimal_mark([["1,234"]], ","), decimal_mark([["1,234"]], ";")
    ('.', ',')
    >>> decimal_mark([["1,234"]], ";", "."), decimal_mark([["1.234"]], ";", ".")
    (',', '.')
    """
    found = set()
    in_numbers = set()  # the characters of all numbers, among them the marks between thousands
    for cell in itertools.chain.from_iterable(rows):
        marks = [mark for mark in MARKS if parse_number(cell, mark)]
        if len(marks) == 1:
            found.update(marks)
        if marks:
            in_numbers.update(cell)
    if len(found) == 1:
        return found.pop()
    if not found and delimiter == ";" and mark_of_training not in in_numbers:
        return ","
    return mark_of_training or "."
