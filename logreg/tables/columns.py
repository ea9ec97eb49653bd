"""What a column of a table holds: numbers, dates or categories, as all of its cells decide.

Each kind is a class with `read`, which makes numbers of texts, and a `text`, by which a model file
keeps it: ``'number'``, ``'number $'`` if cells have a sign, ``'date %d.%m.%Y'`` in the format of
the cells, or ``'text'`` of categories.
"""

import itertools
import re
import warnings
from numbers import Real
from typing import NamedTuple

import numpy

from logreg.datasets.frames import distinct
from logreg.datasets.labels import without_zero_fraction
from logreg.datasets.options import DATE, NUMBER, TEXT
from logreg.datasets.preprocessing import FLOAT32_MAX
from logreg.errors import quoted

MISFIT = numpy.inf  # a text becomes this number if it does not fit the kind of its column
UNKNOWN = -numpy.inf  # a category becomes this number if the model does not know it
MAX_CATEGORIES = 100  # of a column that no option calls categorical
FEW_CATEGORIES = 10  # a small column may have so many, a larger one half as many as it has rows
ISO = "ISO8601"  # pandas' name for dates like 2024-01-31, with a time or without
SIGN = r"((?:[A-Z]{0,3}[$€£¥₹₩₽₺₫₴₪₱฿]|EUR|USD|GBP|CHF|JPY|%)?)"
# With a decimal point; a comma, an apostrophe or a blank may stand between thousands.
WRITTEN = re.compile(
    rf"([+-]?){SIGN}\s?([+-]?(?:[1-9][0-9]{{0,2}}(?:([,'’\s])[0-9]{{3}})(?:\4[0-9]{{3}})*|[0-9]*)"
    rf"(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s?{SIGN}"
)
# A number, or a mark alone, without a sign and without marks between thousands.
PLAIN = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?|true|false", re.I)
MARKS = (".", ",")  # decimal marks
SWAPPED = str.maketrans(".,", ",.")


class Number(NamedTuple):
    """A number as people write it."""

    value: float
    sign: str  # as $ or %, '' if there is none


def parse_number(text, decimal="."):
    """Read a text as a :class:`Number`; None if it is none.

    Examples
    --------
    >>> for text in ("-$7,888.50", "45.2 %", "US$ 5e3", "EUR 7", "True"):
    ...     parse_number(text)
    Number(value=-7888.5, sign='$')
    Number(value=45.2, sign='%')
    Number(value=5000.0, sign='US$')
    Number(value=7.0, sign='EUR')
    Number(value=1.0, sign='')
    >>> parse_number("7.888,5 €", ",").value, parse_number("4x"), parse_number(".")
    (7888.5, None, None)
    """
    if text.lower() in ("true", "false"):
        return Number(float(text.lower() == "true"), "")
    if decimal == ",":
        text = text.translate(SWAPPED)
    found = WRITTEN.fullmatch(text)
    if not found:
        return None
    try:
        value = float(found[1] + re.sub(r"[,'’\s]", "", found[3]))
    except ValueError:  # of a mark alone
        return None
    if abs(value) > FLOAT32_MAX:
        return None
    return Number(value, found[2] + found[5])


def decimal_mark(rows, delimiter, default):
    """Find the decimal mark of a table.

    A cell shows it if it is a number with one mark and none with the other. If no cell does, a
    table with semicolons between its cells has decimal commas. The `default` holds for the rest.

    Examples
    --------
    >>> decimal_mark([["0,5", "1.234"]], ",", "."), decimal_mark([["0,5", "0.5"]], ";", ".")
    (',', '.')
    >>> decimal_mark([["1,234"]], ",", "."), decimal_mark([["1,234"]], ";", ".")
    ('.', ',')
    """
    found = set()
    for cell in itertools.chain.from_iterable(rows):
        marks = [mark for mark in MARKS if parse_number(cell, mark)]
        if len(marks) == 1:
            found.update(marks)
    if len(found) == 1:
        return found.pop()
    return "," if delimiter == ";" and not found else default


def days_since_1970(texts, date_format):
    """Read dates as days since 1970-01-01, with a fraction for the time; NaN for what is no date.

    Dates like 2024-01-31 are read, whatever the format is.

    Examples
    --------
    >>> days_since_1970(["2.1.1970", "1970-01-03 12:00", "soon"], "%d.%m.%Y").tolist()
    [1.0, 2.5, nan]
    """
    import pandas

    texts = pandas.Series(texts, dtype=object)
    dates = pandas.to_datetime(texts, format=ISO, errors="coerce", utc=True)
    others = pandas.to_datetime(texts, format=date_format, errors="coerce", utc=True)
    since = dates.fillna(others) - pandas.Timestamp("1970-01-01", tz="UTC")
    return (since / pandas.Timedelta(days=1)).to_numpy("float64", copy=True)


def date_formats(text):
    """Find the formats by which a text is a date: two if the day may be first, or the month.

    Examples
    --------
    >>> sorted(date_formats("03/04/2024")), date_formats("3.4.2024"), date_formats("2024-04-03")
    (['%d/%m/%Y', '%m/%d/%Y'], {'%d.%m.%Y'}, {'ISO8601'})
    """
    try:
        from pandas.tseries.api import guess_datetime_format
    except ImportError:  # pandas 2.0, the last one for Python 3.8
        from pandas.core.tools.datetimes import guess_datetime_format

    if re.match("[0-9]{4}-", text):
        return {ISO}
    is_day_first = [True, False]
    if "." in text:
        is_day_first = [True]
    elif re.match("[0-9]{4}", text):
        is_day_first = [False]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {guess_datetime_format(text, is_first) for is_first in is_day_first} - {None}


class Numbers:
    """Numbers of one sign, as $, or of none. `parse` makes a :class:`Number` of a text."""

    def __init__(self, sign, parse, empty_numbers):
        self.text = f"{NUMBER} {sign}".strip()
        self.sign = sign
        self.parse = parse
        self.empty_numbers = empty_numbers

    def read(self, texts):
        values = numpy.full(len(texts), MISFIT)
        for i, text in enumerate(texts):
            number = self.parse(text)
            if not text:
                values[i] = numpy.nan
            elif number and number.sign in ("", self.sign):
                values[i] = number.value
        values[numpy.isin(values, self.empty_numbers)] = numpy.nan
        return values


class Dates:
    """Dates of one format, which become days since 1970-01-01."""

    def __init__(self, date_format):
        self.text = f"{DATE} {date_format}"
        self.date_format = date_format

    def read(self, texts):
        values = days_since_1970(texts, self.date_format)
        values[numpy.isnan(values)] = MISFIT
        values[[not text for text in texts]] = numpy.nan
        return values


class Categories:
    """Texts that are categories: each becomes its place among them."""

    text = TEXT

    def __init__(self, categories):
        self.categories = categories

    def read(self, texts):
        places = {without_zero_fraction(text): i for i, text in enumerate(self.categories)}
        places.setdefault("", numpy.nan)
        return numpy.array([places.get(without_zero_fraction(text), UNKNOWN) for text in texts])


class Texts:
    """The texts of a column, each with its number; an empty cell has the number -1.

    `numeric` are the texts of cells that are numbers themselves.
    """

    def __init__(self, header):
        self.header = header
        self.numbers = {}
        self.numeric = set()
        self.chunks = []

    def add(self, cells, start=0):
        """Take in cells, of which `start` come before; return the number of each one's text."""
        codes, occurring = distinct(cells, self.header.title(cells.name))
        numbers = []
        for cell in occurring:
            text = self.header.cell_text(cell)
            if isinstance(cell, Real):
                self.numeric.add(text)
            numbers.append(self.numbers.setdefault(text, len(self.numbers)) if text else -1)
        codes = numpy.array([*numbers, -1], "int32")[codes]  # a lacking cell has the code -1
        self.chunks.append((start, cells.index, codes))
        return codes

    def codes(self):
        """The number of each row's text."""
        return numpy.concatenate([codes for _, _, codes in self.chunks])

    def rows(self, text):
        """The numbers of the rows that hold a text."""
        number = self.numbers.get(text, -1)
        return numpy.concatenate([rows[codes == number] for _, rows, codes in self.chunks])


class Column(Texts):
    """A column of features: the texts among its cells, and what it holds.

    Attributes
    ----------
    kind : Numbers, Dates, Categories or None
        None as long as its cells are being read.
    has_numbers : bool
        Whether some cells were read as numbers.
    is_left_out : bool
        Whether it makes no feature, because its cells are all alike.
    max_categories : int or None
        How many categories it may have, if it has more texts, such as names or sentences.
    """

    def __init__(self, header, index, kind_text=None, categories=None):
        super().__init__(header)
        self.index = index
        self.title = header.title(index)
        self.is_categorical = index in header.categorical
        self.has_numbers = False
        self.is_left_out = False
        self.max_categories = None  # if there are more texts than that
        self.kind = None
        if categories is not None:
            self.kind = Categories(categories)
        elif kind_text:
            name, _, detail = kind_text.partition(" ")
            self.kind = Dates(detail) if name == DATE else self._numbers(detail)

    @property
    def categories(self):
        """The categories of a column of them, else None."""
        return self.kind.categories if isinstance(self.kind, Categories) else None

    @property
    def may_be_numbers(self):
        return isinstance(self.kind, Numbers) or (self.kind is None and not self.is_categorical)

    def read(self, n_rows):
        """Read all texts, in the order of their numbers, and last an empty cell, as numbers."""
        texts = [*self.numbers, ""]
        self.kind = self.kind or self._find_kind(n_rows)
        if self.kind is None:
            return numpy.full(len(texts), MISFIT)
        return self.kind.read(texts)

    def _find_kind(self, n_rows):
        """Find the kind of the column by all of its cells; a few may be misfits.

        Plain numbers are texts if a data frame declares the column as one of text. The kind is
        None if dates could begin with the day or the month, or if there are too many texts.
        """
        if self.is_categorical:
            return self._find_categories()
        parsed = {text: self._parse(text) for text in self.numbers}
        is_text = self.index in self.header.text_columns
        words = [t for t, n in parsed.items() if n is None or (is_text and PLAIN.fullmatch(t))]
        if self.has_numbers or len(words) < len(parsed) or not words:
            signs = [number.sign for number in parsed.values() if number and number.sign]
            return self._numbers(signs[0] if signs else "")
        some_dates = [text for text in words if not PLAIN.fullmatch(text)][:3]
        n_misfits = {}
        for each in sorted(set().union(*map(date_formats, some_dates))):
            n_misfits[each] = numpy.isnan(days_since_1970(words, each)).sum()
        if min(n_misfits.values(), default=len(words)) < len(words):
            has_two_meanings = [*n_misfits.values()].count(0) > 1
            return None if has_two_meanings else Dates(min(n_misfits, key=n_misfits.get))
        most = min(MAX_CATEGORIES, max(FEW_CATEGORIES, n_rows // 2))
        if len(words) <= most:
            return self._find_categories()
        self.max_categories = most
        return None

    def _find_categories(self):
        texts = {*map(without_zero_fraction, self.numbers)}
        if self.header.options.missing and self.rows("").size:
            texts.add("")
        return Categories(sorted(texts))

    def _numbers(self, sign):
        return Numbers(sign, self._parse, self.header.empty_numbers)

    def _parse(self, text):
        return parse_number(text, "." if text in self.numeric else self.header.decimal)

    def where(self, texts):
        """Say in which row the first of some texts stands, and which texts these are."""
        held = ", ".join(map(quoted, texts))
        return f"row {self.rows(texts[0])[0]}, {self.title} holds {held}"

    def example(self):
        """Say which number an unusual text became, as 007; '' if all are plain numbers."""
        if self.categories is not None:
            return ""
        first = [self.header.cell_text(row[self.index]) for row in self.header.data]
        texts = [text for text in first if re.fullmatch("0[0-9]+", text)]
        for text in self.numbers:
            if self.header.decimal == "," or not PLAIN.fullmatch(text):
                texts.append(text)
        if not texts:
            return ""
        return f"{self.title}, {quoted(texts[0])} as {self.kind.read(texts[:1])[0]:.9g}"
