"""What a column of a table holds: numbers, dates or categories, as all of its cells decide.

Each kind is a class. Its method `read` makes numbers of texts. A text that does not fit becomes
MISFIT, and the attribute `doubt` ends the sentence about it; of categories, it becomes UNKNOWN. The
attribute `saved_as` is how a model file describes a kind that fits: ``'number'``, ``'number $'`` if
cells have a unit, ``'date %d.%m.%Y'`` or ``'time %H:%M'`` in the format of the cells, or ``'text'``
of categories.
"""

import contextlib
import re
from datetime import datetime

import numpy

from logreg.basics.errors import quoted
from logreg.parts.labels import without_zero_fraction
from logreg.parts.options import DATE, NUMBER, TEXT, TIME
from logreg.tables.numerals import PLAIN_NUMBER, is_truth_value, parse_number
from logreg.tables.texts import Texts

MISFIT = numpy.inf  # what a text becomes that does not fit the kind of its column
UNKNOWN = -numpy.inf  # what a category becomes that the model does not know
# A column that no option calls categorical may have half as many categories as there are rows. It
# may always have FEW_CATEGORIES, and never more than MAX_CATEGORIES.
MAX_CATEGORIES = 100
FEW_CATEGORIES = 10
ISO = "ISO8601"  # pandas' name for dates like 2024-01-31, with a time or without
NUMERIC_DATES = ["%d/%m/%Y", "%m/%d/%Y", "%Y/%m/%d", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y.%m.%d"]
SHORT_YEARS = ["%d/%m/%y", "%m/%d/%y", "%d-%b-%y"]  # but not 1.2.30, which may be a version
SHORT_MONTHS = ["%d-%b-%Y", "%d/%b/%Y", "%b %d, %Y", "%b %d %Y", "%d %b %Y"]
LONG_MONTHS = ["%B %d, %Y", "%B %d %Y", "%d %B %Y"]
DATES = NUMERIC_DATES + SHORT_YEARS + SHORT_MONTHS + LONG_MONTHS
TIMES = ["%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p", "%I:%M%p"]
DATES_WITH_TIMES = [f"{date} {time}" for date in DATES for time in TIMES]


def count_days(texts, date_format):
    """Read dates as days since 1970-01-01, and times as parts of a day; NaN for what is neither.

    A date may have a time. Dates like 2024-01-31 are read, whatever the format of dates is.

    Examples
    --------
    >>> count_days(["2.1.1970", "1970-01-03 12:00", "soon"], "%d.%m.%Y").tolist()
    [1.0, 2.5, nan]
    >>> count_days(["6:00 PM"], "%I:%M %p").tolist()
    [0.75]
    """
    import pandas

    texts = pandas.Series(texts, dtype=object)
    dates = pandas.to_datetime(texts, format=date_format, errors="coerce", utc=True)
    first_day = "1900-01-01"  # which pandas gives to a time without a date
    if date_format not in TIMES:
        first_day = "1970-01-01"
        dates = pandas.to_datetime(texts, format=ISO, errors="coerce", utc=True).fillna(dates)
    days = (dates - pandas.Timestamp(first_day, tz="UTC")) / pandas.Timedelta(days=1)
    return numpy.array(days, "float64")


def date_formats(text):
    """Find the formats by which a text is a date: two if the day may be first, or the month.

    Examples
    --------
    >>> date_formats("03/04/2024"), date_formats("3.4.2024"), date_formats("2024-04-03")
    (['%d/%m/%Y', '%m/%d/%Y'], ['%d.%m.%Y'], ['ISO8601'])
    >>> date_formats("01/31/24 12:57 AM"), date_formats("12:57")
    (['%m/%d/%y %I:%M %p'], ['%H:%M'])
    """
    if re.match("[0-9]{4}-", text):
        return [ISO]
    has_time = re.search(":[0-9]{2}", text)  # 2:1 is a score
    formats = []
    for date_format in (TIMES + DATES_WITH_TIMES) if has_time else DATES:
        with contextlib.suppress(ValueError):
            datetime.strptime(text, date_format)
            formats.append(date_format)
    return formats


class Numbers:
    """Numbers of one unit, as $, or of none.

    `parse` makes a :class:`Number` of a text. The `na_numbers` stand for empty cells.
    """

    doubt = "among numbers (all in one currency or all in %, below 3e38; `decimal=','` reads 0,5)"

    def __init__(self, unit, parse, na_numbers):
        self.saved_as = f"{NUMBER} {unit}".strip()
        # A currency may be left out. But 7 may be 7 % or 700 %.
        self.units = {unit} if unit == "%" else {"", unit}
        self.parse = parse
        self.na_numbers = na_numbers

    def read(self, texts):
        values = numpy.full(len(texts), MISFIT)
        for i, text in enumerate(texts):
            number = self.parse(text)
            if not text:
                values[i] = numpy.nan
            elif number and number.unit in self.units:
                # With na=1, the truth value "true" still counts.
                is_na = number.value in self.na_numbers and not is_truth_value(text)
                values[i] = numpy.nan if is_na else number.value
        return values


class Dates:
    """Dates or times of one format, which become numbers by :func:`count_days`."""

    doubt = "among dates or times (2024-01-31 is a clear date)"

    def __init__(self, date_format):
        self.saved_as = f"{TIME if date_format in TIMES else DATE} {date_format}"
        self.date_format = date_format

    def read(self, texts):
        values = count_days(texts, self.date_format)
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


class Unclear:
    """Texts of which the rules make nothing, so that no text fits."""

    def __init__(self, doubt):
        self.doubt = doubt

    def read(self, texts):
        return numpy.full(len(texts), MISFIT)


class Column(Texts):
    """A column of features: the texts among its cells, and what it holds.

    Attributes
    ----------
    kind : Numbers, Dates, Categories, Unclear or None
        None as long as its cells are being read.
    has_numbers : bool
        Whether pandas made numbers of all cells of a chunk.
    is_left_out : bool
        Whether it makes no feature, because its cells are all alike.

    Those of :class:`.Texts` come with them.
    """

    # The file of a model describes the column by `saved_as` and `categories`.
    def __init__(self, header, index, saved_as=None, categories=None):
        super().__init__(header, index)
        self.is_categorical = index in header.categorical
        self.has_numbers = False
        self.is_left_out = False
        self.kind = None
        if categories is not None:
            self.kind = Categories(categories)
        elif saved_as:
            name, _, detail = saved_as.partition(" ")
            self.kind = Dates(detail) if name in (DATE, TIME) else self._numbers(detail)

    @property
    def categories(self):
        """The categories of a column of them, else None."""
        return self.kind.categories if isinstance(self.kind, Categories) else None

    @property
    def may_be_numbers(self):
        return isinstance(self.kind, Numbers) or (self.kind is None and not self.is_categorical)

    def read_texts(self):
        """Read each different text as a number, in the order of their codes; ``''`` comes last."""
        return self.kind.read([*self.text_codes, ""])

    def find_kind(self, n_rows):
        """Find the kind of the column by the cells of all `n_rows` rows.

        Words are texts that are no numbers. In a column that a data frame declares as text, plain
        numbers such as 7 are words, too, but $7 is a number. If more than half of the different
        texts are words, and no chunk was all numbers, the column holds dates or categories. Else
        words are misfits among numbers.
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
        if self.has_numbers or 2 * len(words) <= len(parsed):  # an empty column holds numbers, too
            units = (number.unit for number in parsed.values() if number and number.unit)
            return self._numbers(next(units, ""))
        dates = _find_dates(words)
        if dates is not None:
            return dates
        most = min(MAX_CATEGORIES, max(FEW_CATEGORIES, n_rows // 2))
        if len(parsed) > most:
            return Unclear(
                f"and more: {len(parsed)} different texts, too many for categories (at most {most})"
            )
        return self._find_categories()

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
        if self.header.decimal == ",":  # where another program may read another number
            return len(texts) > 0
        return not all(map(PLAIN_NUMBER.fullmatch, texts))


def _find_dates(words):
    """Find the kind of words of which half are dates by one format; None if there is no format.

    Three words show the formats. They have two numbers at least, so 1970 is no date.
    """
    samples = [text for text in words if re.search("[0-9][^0-9]+[0-9]", text)][:3]
    days = {}
    for date_format in sorted(set().union(*map(date_formats, samples))):
        days[date_format] = count_days(words, date_format)
    n_dates = {date_format: numpy.isfinite(found).sum() for date_format, found in days.items()}
    most = max(n_dates.values(), default=0)
    if 2 * most < len(words):
        return None
    likely = [date_format for date_format, n in n_dates.items() if n == most]
    if len({days[date_format].tobytes() for date_format in likely}) > 1:
        return Unclear(
            "in an unclear format: the day or the month may come first (2024-01-31 is clear), or "
            "only some times have seconds"
        )
    return Dates(likely[0])
