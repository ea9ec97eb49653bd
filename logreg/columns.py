"""What the columns of a CSV file are: its delimiter, its header, and where the label is."""

import math
import re
from typing import NamedTuple, Optional

from logreg.console import note, warning
from logreg.errors import DatasetError

DELIMITERS = ",;\t"
MISSING = ("", "na", "n/a", "null", "none", "?", "-", ".")  # what stands for no value
LABEL_NAMES = ("label", "class", "target")
# Between semicolons or tabs: what a spreadsheet writes for 0.5 in much of the world.
DECIMAL_COMMA = r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?"


class Columns(NamedTuple):
    """What is known of a CSV file's columns.

    Attributes
    ----------
    label : int or None
        The label's, counted from 0; None if it was not asked for.
    label_name : str or None
        Its name, if the file has a header.
    names : tuple of str or None
        The others' names, if the file has a header.
    """

    label: Optional[int]
    label_name: Optional[str]
    names: Optional[tuple]

    def __str__(self):
        name = f" ({ascii(self.label_name)[1:-1][:60]})" if self.label_name else ""
        return f"column {self.label + 1}{name}"


def delimiter_of(line):
    """Which of `DELIMITERS` is between the cells of a line: the one that is most frequent there.

    What is quoted does not count, nor do commas within numbers.
    """
    line = re.sub('"[^"]*"', "", line)
    if ";" in line or "\t" in line:
        line = re.sub(rf"(?:(?<=[;\t])|^) *{DECIMAL_COMMA} *(?=[;\t\r\n]|$)", "", line)
    return max(DELIMITERS, key=line.count)


def find_columns(start, where, label_column=None, labelled=True, expected=None):
    """Tell from the first row of a file, and the second if there is one, what its columns are.

    Parameters
    ----------
    start : list of (int, list of str)
        The rows' numbers and cells.
    where : str
        How notes call the file.
    label_column, labelled, expected
        As of :func:`logreg.tables.csv_blocks`.

    Returns
    -------
    Columns
        With names if the first row is a header.

    Raises
    ------
    DatasetError
        If there is no such label column, or the first row may as well be one of data.
    """
    head, *second = ([cell.strip() for cell in cells] for _, cells in start)
    row = start[0][0]
    label, is_named = _label_index(head, second, label_column, row) if labelled else (None, False)
    names = tuple(cell for i, cell in enumerate(head) if i != label)
    is_expected = bool(expected) and names == tuple(expected)
    if is_named or is_expected or _is_header(head, second, label, row):
        return Columns(label, head[label] if labelled else None, names)
    if "0" in head[:2] and len(names) > 1 and (_is_counted(head) or _is_counted(names)):
        warning(
            f"{where}: row {row} counts the columns and is taken for data: if it is a header, "
            "leave it out, or give the columns names"
        )
    return Columns(label, None, None)


def is_number(cell):
    """Whether a cell is a number, with a point if it is no integer."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python allows between digits


def _is_text(cell):
    return not is_number(cell) and not re.fullmatch(DECIMAL_COMMA, cell)


def _is_name(cell):
    """Whether a cell may name a column: it is no number, nor in the place of one."""
    return _is_text(cell) and cell.lower() not in MISSING


def _is_counted(cells):
    """Whether cells are 0, 1, 2, ... or 1, 2, 3, ..., as pandas and R name columns."""
    numbers = [str(i) for i in range(len(cells) + 1)]
    return list(cells) in (numbers[:-1], numbers[1:])


def _is_header(head, second, label, row):
    """Whether the first row names the columns, as its cells and those below tell.

    A row of data with a cell that is no number is refused, lest it be lost as a header.
    """
    below = second[0] if second else None
    features = [i for i in range(len(head)) if i != label]
    names = [i for i in features if _is_name(head[i])]
    over_numbers = [i for i in names if not (below and _is_name(below[i]))]
    if over_numbers:
        if any(is_number(head[i]) and math.isfinite(float(head[i])) for i in features):
            raise _either(head, over_numbers[0], row)
        return True
    if label is None or below is None:
        return False
    if _is_name(head[label]) and not _is_name(below[label]):
        if names == features or _is_counted([head[i] for i in features]):
            return True
        if not _is_text(below[label]):
            raise _either(head, label, row)
        return False
    return _is_counted(head) and _is_name(below[label])


def _either(head, i, row):
    return DatasetError(
        f"row {row}, column {i + 1} holds {ascii(head[i])[:60]}, where other columns hold numbers: "
        "if it is a row of data, mend it or leave it out; if it names the columns, tell which is "
        "the label's (--label-column NAME), or give all of them names that are no numbers"
    )


def _names_label(head, second, i):
    """Whether a cell of the first row that reads "label" is a name, and not a class called so."""
    if not second or not _is_name(second[0][i]):
        return True
    others = head[:i] + head[i + 1 :]
    if any(map(_is_name, others)):
        return True
    # Such as wavelengths.
    numbers = [float(cell) for cell in others if is_number(cell)]
    is_rising = all(a < b for a, b in zip(numbers, numbers[1:]))
    is_falling = all(a > b for a, b in zip(numbers, numbers[1:]))
    return len(numbers) == len(others) and (is_rising or is_falling)


def _label_index(head, second, label_column, row):
    """Tell which column is the label's, and whether the first row has its name."""
    if not isinstance(label_column, str):
        names = [name.lower() for name in head]
        for name in map(str.lower, label_column or LABEL_NAMES):
            if names.count(name) == 1 and _names_label(head, second, names.index(name)):
                return names.index(name), True
        return 0, False
    wanted = str(label_column)
    number = int(wanted) if re.match(r"-?\d{1,9}\Z", wanted) else 0
    named = [i for i, name in enumerate(head) if name == wanted]
    # A number in a row of data is not a column's name.
    if named and (not number or _is_header(head, second, named[0], row)):
        if len(named) > 1:
            raise DatasetError(f"has more than one column {wanted!r}: which is the label?")
        return named[0], True
    if 1 <= abs(number) <= len(head):
        return number - 1 if number > 0 else number + len(head), False
    shown = ", ".join(ascii(name)[1:-1] for name in head[:8])
    raise DatasetError(
        f"has no column {wanted!a} for the label; its first row is: {shown[:200]}"
        f"{', ...' if len(head) > 8 else ''}. Give a name from the header, or the number of a "
        "column, counted from 1 (-1: the last)"
    )


def column_order(names, expected, where):
    """Tell how features are put in the order that a model expects.

    Parameters
    ----------
    names, expected : sequence of str or None
        Of the features as they are, and of those that the model was trained on.
    where : str
        How messages call the file.

    Returns
    -------
    list of int or None
        Their indices in that order; None if they stay as they are.
    """
    if not names or not expected or tuple(names) == tuple(expected):
        return None
    index = {name: i for i, name in enumerate(names)}
    if len(index) == len(names) and index.keys() == set(expected):
        note(
            f"note: {where}: its columns are taken by their names, as they are in another order "
            "than those that the model was trained on"
        )
        return [index[name] for name in expected]
    found, wanted = next(pair for pair in zip(names, expected) if pair[0] != pair[1])
    warning(
        f"{where}: a column is called {ascii(found)[:60]} where the model was trained on "
        f"{ascii(wanted)[:60]}: see that the features are the same, in the same order"
    )
    return None
