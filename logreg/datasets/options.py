"""How a table is read: what the options of training and prediction say of it."""

from typing import NamedTuple, Optional

from logreg.errors import SettingError

# What stands in cells that are empty, as pandas, R and databases write them.
NA = ("", "NA", "NaN", "nan", "<NA>", "N/A", "NULL", "null", "None", "?")
NA_OF_OLD_MODELS = NA[:4]  # of those whose file does not tell


class TableOptions(NamedTuple):
    """How a table is read; what is given overrules a rule."""

    label_column: Optional[str] = None  # a name in the header, or a number from 1 (-1: the last)
    header: Optional[bool] = None  # whether the first row names the columns
    decimal: Optional[str] = None  # "." or ","
    dropped: Optional[tuple] = None  # columns that are left out, each as `label_column`
    missing: Optional[str] = None  # 'mean': empty cells are filled
    na: tuple = NA  # what counts as an empty cell, in features

    def completed(self, metadata):
        """These options and, where none is given, those that a model was trained with."""
        told = {name: metadata.get(name) for name in self._fields}
        told["na"] = tuple(metadata["na"] or NA) if "na" in metadata else NA_OF_OLD_MODELS
        if metadata.get("columns"):  # by their names they are found in any order
            told["label_column"] = told["dropped"] = None
        defaults = NO_OPTIONS._asdict()
        given = {name: it for name, it in self._asdict().items() if it != defaults[name]}
        return TableOptions(**{**told, **given})


NO_OPTIONS = TableOptions()


def make_options(label_column=None, header=None, decimal=None, drop=None, missing=None, na=None):
    """The :class:`TableOptions` of options by their names; several columns or texts are a list.

    Examples
    --------
    >>> make_options(drop="id, name", na="-").dropped
    ('id', 'name')
    """
    if missing not in (None, "mean"):
        raise SettingError(f"missing is {missing!r}: give 'mean', or None to refuse empty cells")
    names = drop.split(",") if isinstance(drop, str) else drop
    dropped = tuple(str(name).strip() for name in names) if names else None
    more = (na,) if isinstance(na, str) else tuple(na or ())
    return TableOptions(label_column, header, decimal, dropped, missing, NA + more)
