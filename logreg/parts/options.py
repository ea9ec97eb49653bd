"""How data are read and prepared: each option once, for the shell, Python and model files."""

from dataclasses import dataclass, fields
from typing import NamedTuple, Optional, Tuple, Union

import numpy

from logreg.basics.settings import FROM_1, Range, check, setting

# What stands in cells that are empty, as pandas, R, databases and people write them. Words that may
# be a category stay out: none, Na, Nan, and -, which may be the opposite of +.
NOT_AVAILABLE = ("NA", "na", "N/A", "n/a", "N/a", "<NA>")
NA = ("", *NOT_AVAILABLE, "NaN", "nan", "NAN", "NULL", "null", "Null", "None", "?")
BOTH = (True, False)
SEED = Range("a whole number from 0 to 2**32-1", lambda value: 0 <= value < 2**32, is_whole=True)
SIDE = Range("a whole number from 10 to 1000", lambda value: 10 <= value <= 1000, is_whole=True)
# The first words of a column's kind, such as 'number $', 'date %d.%m.%Y' or 'time %H:%M'
NUMBER = "number"
DATE = "date"
TIME = "time"
TEXT = "text"
# Only training takes these options: it writes them into the model's file.
ONLY_IN_TRAINING = ("drop", "categorical", "group", "weight_column", "missing", "na")


# A message ends with the docstring of such a function: "... it must be a name, or a number from 1".
def _column(value):
    """a name, or a number from 1"""
    return isinstance(value, (str, int)) and not isinstance(value, bool)


def _texts(value):
    """a text, or a list of texts"""
    return True  # TableOptions makes texts of all values


def _encoding(value):
    """one that Python knows, as 'cp1252'"""
    try:
        return isinstance(value, str) and bool("x".encode(value))
    except (LookupError, ValueError):
        return False


def _as_texts(value):
    """A tuple of what may be one text or number, several, or None."""
    if value is None:
        return ()
    several = value if isinstance(value, (list, tuple)) else [value]
    return tuple(map(str, several))


@dataclass(frozen=True)
class TableOptions:
    """How a table is read; what is given overrules a rule.

    Raises
    ------
    SettingError
        If a value is none that the option takes.

    Examples
    --------
    >>> TableOptions(drop="id,, name,", na="-").drop
    ('id', 'name')
    """

    label_column: Union[str, int, None] = setting(
        _column,
        "the column of a table that holds the labels: its name, or its number from 1 (-1: the "
        "last). Default: the column called label, class, target or y, else the last one",
        metavar="NAME",
        aliases=["--target"],
    )
    sheet: Union[str, int, None] = setting(
        _column,
        "the sheet of an Excel file: its name, or its number from 1. Default: that of training, "
        "else the first one",
        metavar="NAME",
    )
    header: Optional[bool] = setting(
        BOTH,
        "row 1 of a table names the columns. Default: it does if a text stands above a number, if "
        "all its cells are texts or 0, 1, 2, ..., or if one is label, class, target or the label "
        "column's name",
        help_of_no="row 1 of a table is data",
    )
    decimal: Optional[str] = setting(
        (".", ","),
        "the decimal mark in a table. Default: the mark that its first rows show; if they show "
        "none, a comma between semicolons, else the mark of training",
        metavar="MARK",
    )
    encoding: Optional[str] = setting(
        _encoding,
        "the encoding of a table, such as cp1252. Default: UTF-8, or if that does not decode it, "
        "the encoding of training. A byte order mark comes first",
        metavar="NAME",
    )
    drop: Optional[Tuple[str, ...]] = setting(
        _texts,
        "columns of a table to leave out: names, or numbers from 1, separated by commas",
        metavar="NAMES",
    )
    categorical: Optional[Tuple[str, ...]] = setting(
        _texts,
        "columns that hold categories even if these look like numbers. Other columns hold numbers, "
        "such as 5 or $5, dates and times, which count days since 1970-01-01 or midnight, or "
        "texts: at most 100 different ones, and in a small table fewer",
        metavar="NAMES",
    )
    group: Union[str, int, None] = setting(
        _column,
        "a column that is no feature. Rows with the same value, such as those of a patient, stay "
        "in one set",
        metavar="NAME",
    )
    weight_column: Union[str, int, None] = setting(
        _column,
        "a column that is no feature. It says how much each row counts, as in a table of "
        "frequencies: in the cost, and in all rates and means of an evaluation. Numbers of rows "
        "count each row once",
        metavar="NAME",
    )
    missing: Optional[str] = setting(
        ("mean",),
        "fill an empty cell of a feature with the mean of its column, or in a column of texts with "
        "a category of its own. Default: an empty cell is an error. Rows without a label are left "
        "out in any case",
    )
    na: Tuple[str, ...] = setting(
        _texts,
        f"a text that counts as an empty cell, such as -, in addition to {', '.join(NA[1:])}; "
        "repeatable",
        NA,
        metavar="TEXT",
        action="append",
    )

    def __post_init__(self):
        for name in ("drop", "categorical"):
            value = getattr(self, name)
            value = value.split(",") if isinstance(value, str) else value
            names = filter(None, map(str.strip, _as_texts(value)))
            object.__setattr__(self, name, tuple(names) or None)
        object.__setattr__(self, "na", tuple(dict.fromkeys(NA + _as_texts(self.na))))
        check(self)

    def given(self):
        """The options that are not as they are by default, a dict."""
        return {k: value for k, value in vars(self).items() if value != getattr(TableOptions, k)}


@dataclass(frozen=True)
class Preparation:
    """How rows become three sets that a model can be trained on.

    Raises
    ------
    SettingError
        If a value is none that the option takes.
    """

    standardize: Optional[bool] = setting(
        BOTH,
        "give each number mean 0 and deviation 1 over the training rows (default: in tables)",
        help_of_no="take the numbers in tables as they are",
    )
    shuffle: Optional[bool] = setting(
        BOTH,
        "split the rows at random, so that each set has its share of every class. Where the data "
        "have sets, shuffle the training rows. Default: split at random, and shuffle no set",
        help_of_no="split the rows in their order, as time series need",
    )
    split_seed: int = setting(SEED, "seed of the random order", 0)
    size: int = setting(
        SIDE,
        "side in pixels to which the pictures of a folder are scaled",
        28,
    )
    pixel_scale: Optional[float] = setting(
        FROM_1,
        "the divisor of pixels, which are whole numbers from 0 to 255 (default: 256 if they are "
        "uint8, else 1)",
    )

    def __post_init__(self):
        check(self)


def split_options(options, *classes):
    """Sort keyword arguments by the dataclass that has such a field: return a dict for each class.

    A TypeError names an argument that no class has.

    Examples
    --------
    >>> split_options({"drop": "id", "shuffle": False}, TableOptions, Preparation)
    [{'drop': 'id'}, {'shuffle': False}]
    """
    class_of_option = {option.name: cls for cls in classes for option in fields(cls)}
    unknown = sorted(options.keys() - class_of_option.keys())
    if unknown:
        raise TypeError(f"there is no option {unknown[0]}: there are {', '.join(class_of_option)}")
    return [{k: v for k, v in options.items() if class_of_option[k] is cls} for cls in classes]


NO_OPTIONS = TableOptions()
NO_PREPARATION = Preparation()


class Columns(NamedTuple):
    """What is known of a table's columns; names are None if there is no header."""

    label: Optional[int] = None  # index of the label's column
    label_name: Optional[str] = None
    names: Optional[tuple] = None  # of the features' columns
    categories: tuple = ()  # for each of these columns: None if it holds numbers, else texts
    kinds: tuple = ()  # of each, see :mod:`logreg.tables.columns`
    options: TableOptions = NO_OPTIONS  # how it was read, with the rules' choices among them

    @property
    def n_columns(self):
        """The number of the features' columns; 0 in training, which reads by `Columns()`."""
        return len(self.categories)

    @property
    def feature_counts(self):
        """The number of features of each column: one, or one for each of its categories."""
        return [1 if texts is None else len(texts) for texts in self.categories]

    @property
    def one_hot_features(self):
        """The indices of the features that are categories of a column.

        Examples
        --------
        >>> Columns(categories=(None, ("f", "m"), None)).one_hot_features
        [1, 2]
        """
        is_category = [texts is not None for texts in self.categories]
        return numpy.flatnonzero(numpy.repeat(is_category, self.feature_counts)).tolist()
