"""What the values in a model file must be: each kind in words, and as a check."""

from typing import Callable, NamedTuple

from logreg.datasets.options import is_encoding


class Kind(NamedTuple):
    """What a value must be."""

    needed: str
    fits: Callable


def _is_number(value):
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and abs(value) < 1e300


def _is_scale(value):
    return _is_number(value) and 1e-99 < value < 1e99


def _is_whole(value, least=1, end=1 << 62):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value < end


def _is_text(value):
    """Whether it is text that UTF-8 can hold, and no half of a character."""
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _all(check, n=None):
    return lambda value: (
        isinstance(value, list) and len(value) == (n or len(value)) and all(map(check, value))
    )


def _each_once(check):
    return lambda value: _all(check)(value) and 0 < len({*value}) == len(value)


_are_names = _each_once(_is_text)
_are_numbers = _each_once(lambda label: _is_whole(label, -(2**63), 2**63))


def _is_validation(value):
    """Whether it is a row as of :attr:`logreg.run.Run.curve`."""
    is_row = _all(lambda item: item is None or _is_number(item))(value) and len(value) >= 4
    return is_row and _is_whole(value[0], 0) and _is_number(value[2])


TEXT = Kind("text", _is_text)
PATH = Kind("text", lambda value: isinstance(value, str))  # which may be no UTF-8
COUNT = Kind("a whole number from 1 up", _is_whole)
SEED = Kind("a whole number from 0 to 2**32-1", lambda value: _is_whole(value, 0, 1 << 32))
NUMBER = Kind("a number", _is_number)
SCALE = Kind("a number above 0", _is_scale)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
MEAN = Kind("'mean'", lambda value: value == "mean")
MARK = Kind("'.' or ','", lambda value: value in (".", ","))
ENCODING = Kind("an encoding that Python knows", is_encoding)
COLUMN = Kind(
    "a column's name or number", lambda value: _is_text(value) or _is_whole(value, -(10**9))
)
TEXTS = Kind("a list of texts", _all(_is_text))
NAMES = Kind("a list of texts, each once", _are_names)
LABELS = Kind(
    "a list of whole numbers or of texts, each once",
    lambda value: _are_names(value) or _are_numbers(value),
)
SHAPE = Kind("a list of whole numbers from 1 up", _all(_is_whole))
SIZES = Kind("three whole numbers from 1 up", _all(_is_whole, 3))
RANGE = Kind(
    "two numbers, the smaller one first",
    lambda value: _all(_is_number, 2)(value) and value[0] <= value[1],
)
NUMBERS = Kind("a list of numbers", _all(_is_number))
SCALES = Kind("a list of numbers above 0", _all(_is_scale))
CATEGORIES = Kind(
    "a list of lists of texts, or of null",
    _all(lambda texts: texts is None or _all(_is_text)(texts)),
)
CURVE = Kind("a list of rows [iteration, cost, error, test error]", _all(_is_validation))
