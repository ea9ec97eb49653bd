"""What a column of a table is, by all of its cells: numbers, dates or categories.

A kind is a text that a model file keeps: ``'number'``, ``'number $'`` if cells have a sign,
``'date %d.%m.%Y'`` in the format of their texts, or ``'text'`` of categories.
"""

import itertools
import re
import warnings
from numbers import Number

import numpy

from logreg.datasets.labels import without_zero_fraction
from logreg.datasets.options import DATE, NUMBER, TEXT
from logreg.datasets.preprocessing import FLOAT32_MAX
from logreg.errors import quoted

NEW = -numpy.inf  # the number of a category that a model does not know
MAX_CATEGORIES = 100  # of a column that no option calls categorical; of a small one, a text for
FEW_CATEGORIES = 10  # each two rows, or so many
ISO = "ISO8601"  # as pandas calls dates like 2024-01-31, with a time or without
SIGN = r"((?:[A-Z]{0,3}[$€£¥₹₩₽₺₫₴₪₱฿]|EUR|USD|GBP|CHF|JPY|%)?)"
# With a decimal point; a comma, an apostrophe or a blank may stand between thousands.
WRITTEN = re.compile(
    rf"([+-]?){SIGN}\s?([+-]?(?:[1-9][0-9]{{0,2}}(?:([,'’\s])[0-9]{{3}})(?:\4[0-9]{{3}})*|[0-9]*)"
    rf"(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?)\s?{SIGN}"
)
PLAIN = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?|true|false", re.I)  # if a number
MARKS = {".": ",", ",": "."}  # decimal marks, and the other one
SWAPPED = str.maketrans(MARKS)


def as_number(text, decimal="."):
    """The number that a text is as people write it, and its sign, as $; None if it is none.

    Examples
    --------
    >>> as_number("-$7,888.50"), as_number("45.2 %"), as_number("7.888,5 €", ","), as_number("4x")
    ((-7888.5, '$'), (45.2, '%'), (7888.5, '€'), None)
    >>> as_number("US$ 5e3"), as_number("EUR 7"), as_number("True"), as_number("-"), as_number(".")
    ((5000.0, 'US$'), (7.0, 'EUR'), (1.0, ''), None, None)
    """
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true"), ""
    found = WRITTEN.fullmatch(text if decimal == "." else text.translate(SWAPPED))
    try:
        value = float(found[1] + re.sub(r"[,'’\s]", "", found[3]))
    except (TypeError, ValueError):  # a match that is none, or one of a mark alone
        return None
    return (value, found[2] + found[5]) if abs(value) <= FLOAT32_MAX else None


def decimal_mark(rows, delimiter, default):
    """The decimal mark of a table.

    A cell shows it that is a number with one mark, and none with the other. If no cell does, a
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
        marks = [mark for mark in MARKS if as_number(cell, mark)]
        if len(marks) == 1:
            found.update(marks)
    if len(found) == 1:
        return found.pop()
    return "," if delimiter == ";" and not found else default


def days(texts, form):
    """Dates as days since 1970-01-01, with a fraction for the time; NaN of what is none.

    Dates like 2024-01-31 are read whatever their `form` is.

    Examples
    --------
    >>> days(["2.1.1970", "1970-01-03 12:00", "soon"], "%d.%m.%Y").tolist()
    [1.0, 2.5, nan]
    """
    import pandas

    texts = pandas.Series(texts, dtype=object)
    iso, found = (
        pandas.to_datetime(texts, format=each, errors="coerce", utc=True) for each in (ISO, form)
    )
    since = iso.fillna(found) - pandas.Timestamp("1970-01-01", tz="UTC")
    return (since / pandas.Timedelta(days=1)).to_numpy("float64", copy=True)


def date_formats(text):
    """The formats by which a text is a date: two if the day may be first, or the month.

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
    orders = [True] if "." in text else [False] if re.match("[0-9]{4}", text) else [True, False]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {guess_datetime_format(text, day_first) for day_first in orders} - {None}


class Texts:
    """The texts of a column, each with its number; an empty cell has none, and the number -1."""

    def __init__(self, head):
        self.head, self.numbers, self.chunks = head, {}, []
        self.of_numbers = set()  # the texts of cells that are numbers themselves

    def add(self, cells, start=0):
        """Take in cells, of which `start` come before; return the number of each one's text."""
        codes, occurring = cells.factorize()
        texts = [*map(self.head.text_of, occurring), ""]
        self.of_numbers.update(t for t, cell in zip(texts, occurring) if isinstance(cell, Number))
        for text in filter(None, texts):
            self.numbers.setdefault(text, len(self.numbers))
        codes = numpy.array([self.numbers.get(text, -1) for text in texts], "int32")[codes]
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
    """A column of features: the texts among its cells, and what is known of it.

    Attributes
    ----------
    kind : str or None
        What it is, see :mod:`logreg.tables.columns`; None as long as its cells are being read.
    categories : list of str or None
        Of a column of categories.
    has_numbers : bool
        Whether some cells were read as numbers.
    is_left_out : bool
        Whether it makes no feature, as its cells are all alike.
    """

    def __init__(self, head, index, kind, categories):
        super().__init__(head)
        self.index, self.title, self.name = index, head.title(index), head.name(index)
        self.kind, self.categories = kind, categories
        self.has_numbers = self.is_left_out = False

    def values(self, n_rows):
        """The numbers of all texts and, last, of an empty cell: see :meth:`read`."""
        texts = [*self.numbers, ""]
        self.kind = self.kind or self._find_kind(n_rows)
        if self.kind is None:
            return numpy.full(len(texts), numpy.inf)
        if self.kind == TEXT and self.categories is None:
            has_empty = self.head.options.missing and self.rows("").size
            self.categories = sorted(
                {*map(without_zero_fraction, texts if has_empty else texts[:-1])}
            )
        return self.read(texts)

    def _find_kind(self, n_rows):
        """The kind of the column by all of its cells; a few may not fit it: :meth:`read` tells.

        If a frame declares it as one of text, plain numbers are texts, too. It is None if dates
        could begin with the day or the month, or texts differ too much for categories.
        """
        found = {text: self._number(text) for text in self.numbers}
        is_text = self.index in self.head.texts
        words = [t for t in found if found[t] is None or (is_text and PLAIN.fullmatch(t))]
        if self.has_numbers or len(words) < len(found) or not words:
            signs = [number[1] for number in found.values() if number and number[1]]
            return " ".join([NUMBER, *signs[:1]])
        dates = [text for text in words if not PLAIN.fullmatch(text)]  # perhaps
        forms = sorted(set().union(*map(date_formats, dates[:3])))
        n_misfits = {form: numpy.isnan(days(words, form)).sum() for form in forms}
        if min(n_misfits.values(), default=len(words)) < len(words):
            is_clear = [*n_misfits.values()].count(0) < 2
            return f"{DATE} {min(forms, key=n_misfits.get)}" if is_clear else None
        return TEXT if len(words) <= min(MAX_CATEGORIES, max(FEW_CATEGORIES, n_rows / 2)) else None

    def _number(self, text):
        return as_number(text, "." if text in self.of_numbers else self.head.decimal)

    def read(self, texts):
        """The numbers of texts, NaN if empty, infinity of what does not fit the column's kind.

        That of a category is its place in `categories`, and NEW of a new one.
        """
        name, _, form = self.kind.partition(" ")
        if name == TEXT:
            index = {without_zero_fraction(text): k for k, text in enumerate(self.categories)}
            return numpy.array(
                [index.get(without_zero_fraction(t), NEW if t else numpy.nan) for t in texts]
            )
        if name == DATE:
            values = days(texts, form)
            values[numpy.isnan(values)] = numpy.inf
        else:
            found = [self._number(text) or (numpy.inf, "") for text in texts]
            values = numpy.array([x if sign in ("", form) else numpy.inf for x, sign in found])
            values[numpy.isin(values, self.head.na)] = numpy.nan
        values[[not text for text in texts]] = numpy.nan
        return values

    def held(self, texts):
        """Say which texts it holds, and in which row the first of them."""
        held = ", ".join(map(quoted, texts))
        return f"row {self.rows(texts[0])[0]}, {self.title} holds {held}"

    def example(self):
        """Say what number a text became that is no plain number; '' if there is none."""
        codes = (self.head.text_of(row[self.index]) for row in self.head.data)  # as of places
        texts = [text for text in codes if re.fullmatch("0[0-9]+", text)]
        texts += [t for t in self.numbers if self.head.decimal == "," or not PLAIN.fullmatch(t)]
        if not texts or self.kind == TEXT:
            return ""
        return f"{self.title}, {quoted(texts[0])} as {self.read(texts[:1])[0]:.9g}"
