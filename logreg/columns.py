"""What the columns of a CSV file are: its delimiter, its header, and where the label is."""

import re
from typing import NamedTuple, Optional

from logreg.console import note, warning
from logreg.errors import DatasetError

DELIMITERS = ",;\t"
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


def find_columns(start, where, label_column=None, labelled=True):
    """Tell from a file's first two rows what its columns are.

    Parameters
    ----------
    start : list of (int, list of str)
        The rows' numbers and cells.
    where : str
        How notes call the file.
    label_column, labelled
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
    label = _label_index(head, second, label_column) if labelled else None
    if not _is_header(head, second, label):
        if len(head) > 2 and head == [str(i) for i in range(len(head))]:
            warning(
                f"{where}: row {start[0][0]} is 0, 1, 2, ... and is taken for data: if it numbers "
                "the columns, leave it out"
            )
        return Columns(label, None, None)
    remark = _check_header(head, label, start[0][0])
    if remark:
        note(f"note: {where}: {remark}")
    names = tuple(name for i, name in enumerate(head) if i != label)
    return Columns(label, head[label] if labelled else None, names)


def is_number(cell):
    """Whether a cell is a number with a decimal point, or none."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell  # which Python allows between digits


def _is_text(cell):
    return not is_number(cell) and not re.fullmatch(DECIMAL_COMMA, cell)


def _is_header(head, second, label):
    """Whether the first row names the columns; `second` is a list of the second row, if any."""
    is_text = [_is_text(cell) for cell in head]
    if not second:
        return any(is_text[i] and head[i] for i in range(len(head)) if i != label)
    is_text_below = [_is_text(cell) for cell in second[0]]
    if any(is_text[i] and not is_text_below[i] for i in range(len(head)) if head[i] or i == label):
        return True
    # "0,1,2,3", as pandas names columns, over a text label.
    numbered = [str(i) for i in range(len(head) + 1)]
    return label is not None and is_text_below[label] and head in (numbered[:-1], numbered[1:])


def _check_header(head, label, row):
    """Refuse what may as well be a row of data with a cell that is no number, lest it be lost.

    Returns
    -------
    str or None
        What is to be said of what is not refused.
    """
    cells = [(i, cell) for i, cell in enumerate(head) if i != label and cell]
    numbers = [cell for _, cell in cells if is_number(cell)]
    if not numbers:
        return None
    texts = [(i, cell) for i, cell in cells if _is_text(cell)]
    if texts:
        # Years, say, between names.
        is_plausible = [str(i + int(float(numbers[0]))) for i in range(len(numbers))] == numbers
    else:
        # Wavelengths, say, beside a label's name.
        values = [float(cell) for cell in numbers]
        is_plausible = all(a < b for a, b in zip(values, values[1:]))
        texts = [(label, head[label])]
    i, cell = texts[0]
    found = f"row {row}, column {i + 1} holds {ascii(cell)[:60]}, where other columns hold numbers"
    if not is_plausible:
        raise DatasetError(
            f"{found}: if it is a row of data, mend it or leave it out; if it names the columns, "
            "give all of them names that are no numbers"
        )
    return None if i == label else f"{found}: it is taken for a header"


def _label_index(head, second, label_column):
    if not isinstance(label_column, str):
        names = [name.lower() for name in head]
        for name in map(str.lower, label_column or LABEL_NAMES):
            if names.count(name) == 1 and _is_header(head, second, names.index(name)):
                return names.index(name)
        return 0
    wanted = str(label_column)
    number = int(wanted) if re.match(r"-?\d{1,9}\Z", wanted) else 0
    named = [i for i, name in enumerate(head) if name == wanted]
    # A number in a row of data is not a column's name.
    if named and (not number or _is_header(head, second, named[0])):
        if len(named) > 1:
            raise DatasetError(f"has more than one column {wanted!r}: which is the label?")
        return named[0]
    if 1 <= abs(number) <= len(head):
        return number - 1 if number > 0 else number + len(head)
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
