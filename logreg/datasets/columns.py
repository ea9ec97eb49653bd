"""What a column of a table is, by all of its cells: numbers, dates or categories.

A kind is a text that a model file keeps: ``'number'``, ``'number $'`` if cells have a sign,
``'date %d.%m.%Y'`` in the format of their texts, or ``'text'`` of categories.
"""

import re
import warnings

import numpy

from logreg.datasets.preprocessing import FLOAT32_MAX

NUMBER, DATE, TEXT = "number", "date", "text"
NEW = -1  # the number of a category that a model does not know
MAX_CATEGORIES = 100  # of a column that no option calls categorical; of a small one, a text for
FEW_CATEGORIES = 10  # each two rows, or so many
ISO = "ISO8601"  # as pandas calls dates like 2024-01-31, with a time or without
SIGN = r"((?:[A-Z]{0,3}[$€£¥₹₩₽₺₫₴₪₱฿]|EUR|USD|GBP|CHF|JPY|%)?)"
WRITTEN = re.compile(rf"([+-]?){SIGN}\s?([+-]?[0-9.,].*?)\s?{SIGN}")
MARKS = {".": ",", ",": "."}  # decimal marks, and what may stand between thousands then
FORMS = {
    mark: re.compile(
        rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:([{other}'’\s])[0-9]{{3}})(?:\1[0-9]{{3}})*|[0-9]*)"
        rf"(?:\{mark}[0-9]*)?(?:[eE][+-]?[0-9]+)?"
    )
    for mark, other in MARKS.items()
}
PLAIN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]+)?|true|false", re.I)

# What to do about a column in doubt.
OTHER_MARK = "for another decimal mark give `decimal={mark!r}`"
ONE_SIGN = "the numbers of a column need the same sign, or none"
WHICH_DAY = "is the day or the month first? Write dates as 2024-01-31, or `drop={names!r}`"
TOO_MANY = (
    "texts that differ too much for categories: `drop={names!r}` leaves such columns out, "
    "`categorical={names!r}` makes each text a category"
)
MIXED = (
    "among numbers (that float32 can hold) or dates, each cell must be one: mend it; or, in "
    "training, let it count as empty by {na}, or each text be a category by `categorical={names!r}`"
)


class DoubtError(Exception):
    """A doubt about what a column is: what to do about it, and the texts that make it."""


def as_number(text, decimal="."):
    """The number that a text is as people write it, and its sign, as $; None if it is none.

    Examples
    --------
    >>> as_number("-$7,888.50"), as_number("45.2 %"), as_number("7.888,5 €", ","), as_number("4x")
    ((-7888.5, '$'), (45.2, '%'), (7888.5, '€'), None)
    """
    if text.lower() in ("true", "false"):
        return float(text.lower() == "true"), ""
    written = WRITTEN.fullmatch(text)
    form = written and FORMS[decimal].fullmatch(written[3])
    if not form:
        return None
    digits = written[3].replace(form[1], "") if form[1] else written[3]
    try:
        value = float(written[1] + digits.replace(decimal, "."))
    except ValueError:  # as of a mark alone
        return None
    return (value, written[2] + written[4]) if abs(value) <= FLOAT32_MAX else None


def decimal_mark(rows, delimiter):
    """The decimal mark of a table, as cells show it that are a number with one mark alone.

    If none does, it is a comma where semicolons stand between cells: they do so for its sake.
    """
    cells = {cell for row in rows for cell in row if "." in cell or "," in cell}
    found = {tuple(as_number(cell, mark) is not None for mark in MARKS) for cell in cells}
    has_comma = (False, True) in found or (delimiter == ";" and (True, True) in found)
    return "," if has_comma and (True, False) not in found else "."


def days(texts, form):
    """Dates as days since 1970-01-01, with a fraction for the time; NaN of what is none.

    Dates like 2024-01-31 are read whatever their `form` is.
    """
    import pandas

    texts = pandas.Series(texts, dtype=object)
    iso, found = (
        pandas.to_datetime(texts, format=each, errors="coerce", utc=True) for each in (ISO, form)
    )
    since = iso.fillna(found) - pandas.Timestamp("1970-01-01", tz="UTC")
    return (since / pandas.Timedelta(days=1)).to_numpy("float64", copy=True)


def date_formats(text):
    """The formats by which a text is a date: two if the day may be first, or the month."""
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


def kind_of(texts, n_cells, n_numbers, decimal, is_text=False):
    """The kind of a column of so many cells and numbers, and of some texts, none of them empty.

    If a frame declares it as one of text, plain numbers are texts, too. A DoubtError has what to
    do, and texts.
    """
    found = {text: as_number(text, decimal) for text in texts}
    words = [t for t in texts if found[t] is None or (is_text and PLAIN.fullmatch(t))]
    signs = {found[text][1]: text for text in texts if found[text]}
    signs.pop("", None)
    if not words and len(signs) > 1:
        raise DoubtError(ONE_SIGN, [*signs.values()])
    if not words:
        return " ".join([NUMBER, *signs])
    is_mixed = n_numbers or len(words) < len(texts)
    forms = set().union(*map(date_formats, words[:3])) if not is_mixed else ()
    slips = {f: [t for t, day in zip(words, days(words, f)) if numpy.isnan(day)] for f in forms}
    fitting = [form for form in slips if not slips[form]]
    if len(fitting) == 1:
        return f"{DATE} {fitting[0]}"
    if fitting:
        raise DoubtError(WHICH_DAY, words)
    if len(words) > min(MAX_CATEGORIES, max(FEW_CATEGORIES, n_cells / 2)) and not slips:
        raise misfit(words, decimal, TOO_MANY)
    if is_mixed or slips:
        raise misfit(min(slips.values(), key=len, default=words), decimal)
    return TEXT


def misfit(texts, decimal, advice=MIXED):
    """The error of texts that do not fit: they may be numbers with another decimal mark."""
    mark = MARKS[decimal]
    numbers = [as_number(t, mark) is not None and as_number(t, decimal) is None for t in texts]
    return DoubtError(OTHER_MARK.format(mark=mark) if any(numbers) else advice, texts)


def values_of(kind, texts, decimal, categories=None):
    """The numbers of the texts of a column, NaN if empty, infinity of what does not fit its kind.

    That of a category is its place in `categories`, and -1 of a new one.
    """
    name, _, form = kind.partition(" ")
    if name == TEXT:
        index = {whole(text): k for k, text in enumerate(categories)}
        return numpy.array([index.get(whole(t), NEW if t else numpy.nan) for t in texts])
    if name == DATE:
        values = days(texts, form)
        values[numpy.isnan(values)] = numpy.inf
    else:
        found = [as_number(text, decimal) or (numpy.inf, "") for text in texts]
        values = numpy.array([x if sign in ("", form) else numpy.inf for x, sign in found])
    values[[not text for text in texts]] = numpy.nan
    return values


def whole(text):
    """A text; of a whole number that is written as 7.0, as by frames, 7."""
    return re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text)
