"""How a table is read: what the options of training and prediction say of it."""

from typing import NamedTuple, Optional

from logreg.errors import SettingError

# What stands in cells that are empty, as pandas, R and databases write them.
NA = ("", "NA", "NaN", "nan", "<NA>", "N/A", "NULL", "null", "None", "?")


class TableOptions(NamedTuple):
    """How a table is read; what is given overrules a rule."""

    label_column: Optional[str] = None  # a name in the header, or a number from 1 (-1: the last)
    header: Optional[bool] = None  # whether the first row names the columns
    decimal: Optional[str] = None  # "." or ","
    dropped: Optional[tuple] = None  # columns that are left out, each as `label_column`
    missing: Optional[str] = None  # 'mean': empty cells are filled
    na: tuple = NA  # what counts as an empty cell, in features
    encoding: Optional[str] = None  # of text; None: UTF-8, or UTF-16 by its mark


NO_OPTIONS = TableOptions()


def is_encoding(name):
    """Whether a text names an encoding that Python knows."""
    try:
        return isinstance(name, str) and bool("x".encode(name))
    except (LookupError, ValueError):
        return False


def make_options(
    label_column=None, header=None, decimal=None, drop=None, missing=None, na=None, encoding=None
):  # fmt: skip
    """The :class:`TableOptions` of options by their names; several columns or texts are a list.

    Examples
    --------
    >>> make_options(drop="id, name", na="-").dropped
    ('id', 'name')
    """
    if missing not in (None, "mean"):
        raise SettingError(f"missing is {missing!r}: give 'mean', or None to refuse empty cells")
    if encoding is not None and not is_encoding(encoding):
        raise SettingError(f"encoding is {encoding!r}: give one that Python knows, as 'latin-1'")
    names = drop.split(",") if isinstance(drop, str) else drop
    dropped = tuple(str(name).strip() for name in names) if names else None
    more = (na,) if isinstance(na, str) else tuple(na or ())
    return TableOptions(label_column, header, decimal, dropped, missing, NA + more, encoding)
