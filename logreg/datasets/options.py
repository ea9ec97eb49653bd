"""How data are read and prepared: each option once, for the shell, Python and model files."""

import math
import numbers
from dataclasses import dataclass, field, fields
from typing import Optional, Tuple, Union

from logreg.errors import SettingError

# What stands in cells that are empty, as pandas, R and databases write them.
NA = ("", "NA", "NaN", "nan", "<NA>", "N/A", "NULL", "null", "None", "?")


def _option(meaning, needed, fits, default=None, **metadata):
    """An option: its help, what is needed and a check of that, and what a parser is to know.

    One that is `of_training` holds for a model: the file keeps it, and prediction does not ask.
    """
    known = {"help": meaning, "needed": needed, "fits": fits, **metadata}
    return field(default=default, metadata=known)


def _columns(meaning):
    """An option of training that takes columns."""
    return _option(
        meaning,
        "a text of names with commas between them, or a list of texts",
        lambda value: all(value),
        metavar="NAMES",
        of_training=True,
    )


def _texts(value):
    """A tuple of what may be one text or number, several, or None."""
    several = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    return tuple(map(str, several))


def _is_column(value):
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _is_encoding(name):
    try:
        return isinstance(name, str) and bool("x".encode(name))
    except (LookupError, ValueError):
        return False


def _check(options):
    for option in fields(options):
        value, known = getattr(options, option.name), option.metadata
        is_left = value is None and option.default is None
        if not is_left and not known["fits"](value):
            raise SettingError(f"`{option.name}` is {value!r}: give {known['needed']}")


@dataclass(frozen=True)
class TableOptions:
    """How a table is read; what is given overrules a rule.

    Raises
    ------
    SettingError
        If a value is none that the option takes.

    Examples
    --------
    >>> TableOptions(drop="id, name", na="-").drop
    ('id', 'name')
    """

    label_column: Union[str, int, None] = _option(
        "the column of a table that holds the labels: its name, or its number from 1 (-1: the "
        "last); else the one called label, class, target or y, else the last",
        "a name, or a number from 1",
        _is_column,
        metavar="NAME",
    )
    header: Optional[bool] = _option(
        "row 1 of a table names the columns (if neither is given: if it has text above a number, "
        "is text throughout, or 0, 1, 2, ..., or has label, class or target)",
        "True or False",
        lambda value: isinstance(value, bool),
        opposite="row 1 of a table is one of data",
    )
    decimal: Optional[str] = _option(
        "decimal mark in a table (default: what its first rows show; then that of training)",
        "'.' or ','",
        lambda value: value in (".", ","),
        metavar="MARK",
        choices=(".", ","),
    )
    encoding: Optional[str] = _option(
        "encoding of a table, as cp1252 (default: UTF-8, or UTF-16 if marked; then that of "
        "training)",
        "one that Python knows, as 'cp1252'",
        _is_encoding,
        metavar="NAME",
    )
    drop: Optional[Tuple[str, ...]] = _columns(
        "columns of a table to leave out: names or numbers from 1, with commas between them"
    )
    categorical: Optional[Tuple[str, ...]] = _columns(
        "columns whose texts are categories, numbers too; others hold numbers, as 5 or $5, dates, "
        "taken as days since 1970-01-01, or at most 100 categories"
    )
    group: Union[str, int, None] = _option(
        "a column that is no feature: rows that have it in common, as a patient's, are in one set",
        "a name, or a number from 1",
        _is_column,
        metavar="NAME",
        of_training=True,
    )
    missing: Optional[str] = _option(
        "fill empty cells with the mean of their column, or in text with a category of their own, "
        "and leave out rows without a label (default: these are errors)",
        "'mean', or None to refuse empty cells",
        lambda value: value == "mean",
        choices=("mean",),
        of_training=True,
    )
    na: Tuple[str, ...] = _option(
        f"one more text that counts as an empty cell, beside {', '.join(NA[1:])}; repeatable",
        "a text, or a list of texts",
        lambda value: True,
        default=NA,
        metavar="TEXT",
        action="append",
        of_training=True,
    )

    def __post_init__(self):
        for name in ("drop", "categorical"):
            value = getattr(self, name)
            value = value.split(",") if isinstance(value, str) else value
            object.__setattr__(self, name, tuple(map(str.strip, _texts(value))) or None)
        object.__setattr__(self, "na", tuple(dict.fromkeys(NA + _texts(self.na))))
        _check(self)

    def given(self):
        """The options that are not as they are by default, a dict."""
        return {
            option.name: getattr(self, option.name)
            for option in fields(self)
            if getattr(self, option.name) != option.default
        }


@dataclass(frozen=True)
class Preparation:
    """How rows become three sets that a model can be trained on.

    Raises
    ------
    SettingError
        If a value is none that the option takes.
    """

    standardize: Optional[bool] = _option(
        "give features mean 0 and deviation 1 over the training rows (default: in tables)",
        "True or False",
        lambda value: isinstance(value, bool),
        opposite="take the numbers in tables as they are",
    )
    shuffle: Optional[bool] = _option(
        "split rows at random, each set with its share of every class, and shuffle the training "
        "rows of data that have sets (default: only the former)",
        "True or False",
        lambda value: isinstance(value, bool),
        opposite="split rows in their order, as time series need it",
    )
    split_seed: int = _option(
        "seed of the random order (default: %(default)s)",
        "a number from 0 to 2**32-1",
        lambda value: isinstance(value, numbers.Integral) and 0 <= value < 2**32,
        default=0,
        metavar="N",
        type=int,
    )
    size: int = _option(
        "side in pixels of the pictures of a folder with a folder for each class (default: "
        "%(default)s)",
        "a number from 10 to 1000",
        lambda value: isinstance(value, numbers.Integral) and 10 <= value <= 1000,
        default=28,
        metavar="N",
        type=int,
    )
    pixel_scale: Optional[float] = _option(
        "what features are multiplied by, which are pixels, whole numbers from 0 to 255 (default: "
        "uint8 by 1/256, and nothing else)",
        "a number above 0",
        lambda value: isinstance(value, numbers.Real) and 0 < value < math.inf,
    )

    def __post_init__(self):
        _check(self)


def divided(options, *classes):
    """Divide what a function was given by name: for each of some dataclasses a dict of its fields.

    A TypeError names what none of them has.
    """
    known = {option.name: cls for cls in classes for option in fields(cls)}
    unknown = sorted(options.keys() - known.keys())
    if unknown:
        raise TypeError(f"there is no option {unknown[0]}: there are {', '.join(known)}")
    return [{k: v for k, v in options.items() if known[k] is cls} for cls in classes]


NO_OPTIONS, NO_PREPARATION = TableOptions(), Preparation()
