"""What a column of a table holds: numbers, dates or categories, as all of its cells decide.

Each kind is a class. Its method `read` makes numbers of texts. Its attribute `saved_as` is how a
model file describes it: ``'number'``, ``'number $'`` if cells have a unit, ``'date %d.%m.%Y'`` in
the format of the cells, or ``'text'`` of categories.
"""

import itertools
import re
import warnings
from typing import NamedTuple

import numpy

from logreg.basics.errors import quoted
from logreg.datasets.labels import without_zero_fraction
from logreg.datasets.options import DATE, NUMBER, TEXT
from logreg.datasets.preprocessing import FLOAT32_MAX
from logreg.tables.texts import Texts

MISFIT = numpy.inf  # a text becomes this number if it does not fit the kind of its column
UNKNOWN = -numpy.inf  # a category becomes this number if the model does not know it
# A column that no option calls categorical may have half as many categories as there are rows. It
# may always have FEW_CATEGORIES, and never more than MAX_CATEGORIES.
MAX_CATEGORIES = 100
FEW_CATEGORIES = 10
ISO = "ISO8601"  # pandas' name for dates like 2024-01-31, with a time or without
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
    """A number as people write it.

    It is truthy even if its value is 0, so ``if number`` means ``if number is not None``.
    """

    value: float
    unit: str  # as $ or %, '' if there is none


def parse_number(text, decimal="."):
    """Read a text as a :class:`Number`; None if it is none.

    Examples
    --------
    >>> for text in ("-$7,888.50", "45.2 %", "US$ 5e3", "EUR 7", "True"):
    ...     parse_number(text)
    Number(value=-7888.5, unit='$')
    Number(value=45.2, unit='%')
    Number(value=5000.0, unit='US$')
    Number(value=7.0, unit='EUR')
    Number(value=1.0, unit='')
    >>> parse_number("7.888,5 €", ",").value, parse_number("4x"), parse_number(".")
    (7888.5, None, None)
    """
    if text.lower() in ("true", "false"):
        return Number(float(text.lower() == "true"), "")
    if decimal == ",":
        text = text.translate(SWAPPED)
    found = NUMBER_PATTERN.fullmatch(text)
    if not found:
        return None
    try:
        value = float(found["sign"] + re.sub(r"[,'’\s]", "", found["number"]))
    except ValueError:  # a mark alone, or a sign at both places
        return None
    if abs(value) > FLOAT32_MAX:
        return None
    return Number(value, found["unit_before"] + found["unit_after"])


def decimal_mark(rows, delimiter, default):
    """Find the decimal mark of a table.

    A cell shows it if it is a number by one decimal mark, and no number by the other. If no cell
    does, a table with semicolons between its cells has decimal commas. In all other cases, the mark
    is the `default`.

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
    return numpy.array(since / pandas.Timedelta(days=1), "float64")


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
    orders = [True, False]  # whether the day comes before the month
    if "." in text:
        orders = [True]
    elif re.match("[0-9]{4}", text):
        orders = [False]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {guess_datetime_format(text, is_day_first) for is_day_first in orders} - {None}


class Numbers:
    """Numbers of one unit, as $, or of none.

    `parse` makes a :class:`Number` of a text. The `na_numbers` stand for empty cells.
    """

    def __init__(self, unit, parse, na_numbers):
        self.saved_as = f"{NUMBER} {unit}".strip()
        self.unit = unit
        self.parse = parse
        self.na_numbers = na_numbers

    def read(self, texts):
        values = numpy.full(len(texts), MISFIT)
        for i, text in enumerate(texts):
            number = self.parse(text)
            if not text:
                values[i] = numpy.nan
            elif number and number.unit in ("", self.unit):
                values[i] = number.value
        values[numpy.isin(values, self.na_numbers)] = numpy.nan
        return values


class Dates:
    """Dates of one format, which become days since 1970-01-01."""

    def __init__(self, date_format):
        self.saved_as = f"{DATE} {date_format}"
        self.date_format = date_format

    def read(self, texts):
        values = days_since_1970(texts, self.date_format)
        values[numpy.isnan(values)] = MISFIT
        values[[not text for text in texts]] = numpy.nan
        return values


class Categories:
    """Texts that are categories: each becomes its place among them."""

    saved_as = TEXT

    def __init__(self, categories):
        self.categories = categories

    def read(self, texts):
        places = {without_zero_fraction(text): i for i, text in enumerate(self.categories)}
        places.setdefault("", numpy.nan)  # an empty cell is missing, unless it is a category
        return numpy.array([places.get(without_zero_fraction(text), UNKNOWN) for text in texts])


class Column(Texts):
    """A column of features: the texts among its cells, and what it holds.

    Attributes
    ----------
    kind : Numbers, Dates, Categories or None
        None as long as its cells are being read.
    has_numbers : bool
        Whether pandas made numbers of some cells.
    is_left_out : bool
        Whether it makes no feature, because its cells are all alike.
    exceeded_limit : int or None
        The most categories that it may have, if it has more; else None.
    """

    # The file of a model describes the column by `saved_as` and `categories`.
    def __init__(self, header, index, saved_as=None, categories=None):
        super().__init__(header, index)
        self.is_categorical = index in header.categorical
        self.has_numbers = False
        self.is_left_out = False
        self.exceeded_limit = None
        self.kind = None
        if categories is not None:
            self.kind = Categories(categories)
        elif saved_as:
            name, _, detail = saved_as.partition(" ")
            self.kind = Dates(detail) if name == DATE else self._numbers(detail)

    @property
    def categories(self):
        """The categories of a column of them, else None."""
        return self.kind.categories if isinstance(self.kind, Categories) else None

    @property
    def may_be_numbers(self):
        return isinstance(self.kind, Numbers) or (self.kind is None and not self.is_categorical)

    def read_texts(self):
        """Read each different text as a number, in the order of their codes, and ``''`` at the end.

        Without a kind, all of them are misfits.
        """
        texts = [*self.text_codes, ""]
        if self.kind is None:
            return numpy.full(len(texts), MISFIT)
        return self.kind.read(texts)

    def find_kind(self, n_rows):
        """Find the kind of the column by the cells of all `n_rows` rows; a few may be misfits.

        In a column that a data frame declares as text, the text 7 is a word, and $7 is a number.
        The kind is None if dates could begin with the day or the month, or if there are too many
        texts.
        """
        if self.is_categorical:
            return self._find_categories()
        parsed = {text: self._parse(text) for text in self.text_codes}
        is_text = self.index in self.header.text_columns
        words = [
            text
            for text, number in parsed.items()
            if number is None or (is_text and PLAIN_NUMBER.fullmatch(text))
        ]
        has_number_texts = len(words) < len(parsed)
        # One number is enough: the words beside it are misfits. An empty column is one of numbers.
        if self.has_numbers or has_number_texts or not words:
            units = [number.unit for number in parsed.values() if number and number.unit]
            return self._numbers(units[0] if units else "")
        # Three words show the formats of dates. A plain number is no date: 1970 would be a year.
        samples = [text for text in words if not PLAIN_NUMBER.fullmatch(text)][:3]
        candidates = set().union(*map(date_formats, samples))
        n_dates = {}
        for date_format in sorted(candidates):
            n_dates[date_format] = numpy.isfinite(days_since_1970(words, date_format)).sum()
        if any(n_dates.values()):  # one date is enough, too
            n_formats_of_all = [*n_dates.values()].count(len(words))  # formats that read every word
            has_two_meanings = n_formats_of_all > 1
            return None if has_two_meanings else Dates(max(n_dates, key=n_dates.get))
        most = min(MAX_CATEGORIES, max(FEW_CATEGORIES, n_rows // 2))
        if len(words) <= most:
            return self._find_categories()
        self.exceeded_limit = most
        return None

    def _find_categories(self):
        texts = {*map(without_zero_fraction, self.text_codes)}
        if self.header.options.missing and self.rows("").size:
            texts.add("")  # empty cells are a category of their own
        return Categories(sorted(texts))

    def _numbers(self, unit):
        return Numbers(unit, self._parse, self.header.na_numbers)

    def _parse(self, text):
        return parse_number(text, "." if text in self.from_number_cells else self.header.decimal)

    def where(self, texts):
        """Say in which row the first of some texts stands, and list the texts."""
        listing = ", ".join(map(quoted, texts))
        return f"row {self.rows(texts[0])[0]}, {self.title} holds {listing}"

    @property
    def has_unusual_numbers(self):
        """Whether texts that are no plain numbers, such as 007, $5 or a date, became numbers."""
        if self.categories is not None:
            return False
        # In a chunk of numbers, 007 came as 7: the first rows of the table still have its text.
        if any(re.fullmatch("0[0-9]+", row[self.index]) for row in self.header.data):
            return True
        texts = self.text_codes.keys() - self.from_number_cells
        if self.header.decimal == ",":
            return len(texts) > 0
        return not all(map(PLAIN_NUMBER.fullmatch, texts))
