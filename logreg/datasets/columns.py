"""What the columns of a CSV file are: its delimiter, its header, and where the label is."""

import re
from typing import NamedTuple, Optional

from logreg.console import note, warning
from logreg.errors import DatasetError

DELIMITERS = ";\t,"
# What stands for no value.
MISSING = ("", "na", "n/a", "#n/a", "<na>", "null", "none", "?", "-", ".")
LABEL_NAMES = ("label", "class", "target")
Y = "y"  # the label beside features, if no feature is called x
SOME_ROWS = 10  # enough that a class should occur again
# Between semicolons or tabs: what a spreadsheet writes for 0.5 in much of the world.
DECIMAL_COMMA = r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?"


class Columns(NamedTuple):
    """What is known of a CSV file's columns.

    Attributes
    ----------
    label : int or None
        The label's, counted from 0; None if there is none.
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
    found = max(DELIMITERS, key=line.count)
    return found if found in line else ","


def find_columns(rows, where, label_column=None, wanted=None):
    """Tell from the first rows of a file what its columns are.

    Parameters
    ----------
    rows : list of (int, list of str)
        The rows' numbers and cells.
    where : str
        How notes call the file.
    label_column, wanted
        As of :func:`logreg.datasets.tables.csv_blocks`.

    Returns
    -------
    Columns
        With names if the first row is a header.

    Raises
    ------
    DatasetError
        If there is no such label column, or the first row may as well be one of data.
    """
    top = _Top(rows)
    if isinstance(label_column, str) and not (wanted and top.lacks(label_column, wanted.n_in)):
        label, is_header = top.column_chosen(label_column)
    elif wanted:
        label, is_header = top.column_too_many(wanted)
    else:
        label, is_header = top.column_called(label_column or LABEL_NAMES)
        label = label or 0
    names = tuple(cell for _, cell in top.features(label))
    is_header = is_header or (wanted and top.is_of(wanted.names, label)) or top.is_header(label)
    if is_header:
        columns = Columns(label, None if label is None else top.head[label], names)
        is_chosen = label is not None and isinstance(label_column, str)
        if top.may_be_data(label) and not (is_chosen and label_column == columns.label_name):
            note(f"note: {where}: row {top.row} is taken for a header, and not for data")
        if wanted and label is not None and not is_chosen and not top.has_label_name(wanted, label):
            note(f"note: {where}: {columns} is left out, as it is no feature of the model's")
        return columns
    if "0" in top.head[:2] and len(names) > 1 and (_is_counted(top.head) or _is_counted(names)):
        warning(
            f"{where}: row {top.row} counts the columns and is taken for data: if it is a header, "
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


def _is_value(cell):
    return not _is_text(cell) and re.search(r"\d", cell)  # as there is none in inf


def is_name(cell):
    """Whether a cell may name a column or a class: it is no number, nor in the place of one."""
    return _is_text(cell) and cell.lower() not in MISSING


def _is_counted(cells):
    """Whether cells are 0, 1, 2, ... or 1, 2, 3, ..., as pandas and R name columns."""
    numbers = [str(i) for i in range(len(cells) + 1)]
    return list(cells) in (numbers[:-1], numbers[1:])


class _Top:
    """The first row of a file, and those below it that tell whether it is a header."""

    def __init__(self, rows):
        self.row = rows[0][0]
        self.head, *self.below = ([cell.strip() for cell in cells] for _, cells in rows)

    def features(self, label):
        """The first row's cells, but for the label's, and where they are."""
        return [(i, cell) for i, cell in enumerate(self.head) if i != label]

    def is_header(self, label):
        """Whether the first row names the columns, as its cells and those below tell.

        A row of data with a cell that is no number is refused, lest it be lost as a header.
        """
        features = self.features(label)
        names = [i for i, cell in features if is_name(cell)]
        is_counted = _is_counted([cell for _, cell in features])
        if names:
            if not any(_is_value(cell) for _, cell in features):
                return True
            for i in names:
                if not (self.below and is_name(self.below[0][i])):
                    raise self._either(i)
        if label is None or not self.below:
            return False
        below = self.below[0][label]
        if is_name(self.head[label]) and not is_name(below):
            if not is_counted and not _is_text(below):
                raise self._either(label)
            return is_counted
        return _is_counted(self.head) and is_name(below)

    def _either(self, i):
        return DatasetError(
            f"row {self.row}, column {i + 1} holds {ascii(self.head[i])[:60]}, where other columns "
            "hold numbers: if it is a row of data, mend it or leave it out; if it names the "
            "columns, tell which is the label's (--label-column NAME), or give all of them names "
            "that are no numbers"
        )

    def may_be_data(self, label):
        """Whether the first row, taken for a header, would do for a row of data as well."""
        cells = [cell for _, cell in self.features(label)]
        if not all(map(is_number, cells)) or (_is_counted(cells) and len(cells) > 3):
            return False
        return label is None or bool(self.below and is_name(self.below[0][label]))

    def is_of(self, expected, label):
        """Whether the names of the columns are those that a model knows, in whatever order."""
        names = [cell for _, cell in self.features(label)]
        if not expected or sorted(names) != sorted(expected):
            return False
        below = [[cell for i, cell in enumerate(row) if i != label] for row in self.below]
        # If they are numbers, a row of data may look so; but then another may, too.
        if names == list(expected):
            return names not in below
        return sorted(names) not in map(sorted, below)

    def names_label(self, i):
        """Whether a cell that reads "label" is a name, and not that of a class called so."""
        if not self.below or not is_name(self.below[0][i]):
            return True
        others = [cell for _, cell in self.features(i)]
        if any(map(is_name, others)) or not any(map(_is_value, others)):
            return True
        if not all(map(is_number, others)) or any(cells[i] == self.head[i] for cells in self.below):
            return False
        numbers = [float(cell) for cell in others]  # such as wavelengths
        is_rising = all(a < b for a, b in zip(numbers, numbers[1:]))
        is_falling = all(a > b for a, b in zip(numbers, numbers[1:]))
        is_special = self.head[i].lower() not in (*LABEL_NAMES, Y)  # known from a model
        return is_rising or is_falling or is_special or len(self.below) >= SOME_ROWS

    def column_called(self, names):
        """Find the column that one of some names has; tell whether the first row is a header."""
        head = [cell.lower() for cell in self.head]
        for name in map(str.lower, filter(is_name, names)):
            if head.count(name) == 1 and self.names_label(head.index(name)):
                return head.index(name), True
        return None, False

    def column_chosen(self, wanted):
        """Find the column of a name or number; tell whether the first row must be a header then."""
        number = int(wanted) if re.match(r"-?\d{1,9}\Z", wanted) else None
        i = None
        if number and abs(number) <= len(self.head):
            i = number - 1 if number > 0 else number + len(self.head)
            if self.head[i].lower() in LABEL_NAMES and self.names_label(i):
                return i, True
        named = [i for i, name in enumerate(self.head) if name == wanted]
        # A number in a row of data is not a column's name.
        if named and (number is None or self.is_header(named[0])):
            if len(named) > 1:
                raise DatasetError(f"has more than one column {wanted!r}: which is the label?")
            return named[0], True
        if i is not None:
            return i, False
        shown = ", ".join(ascii(name)[1:-1] for name in self.head[:8])
        raise DatasetError(
            f"has no column {wanted!a} for the label; its first row is: {shown[:200]}"
            f"{', ...' if len(self.head) > 8 else ''}. Give a name from the header, or the number "
            "of a column, counted from 1 (-1: the last)"
        )

    def lacks(self, label_column, n_in):
        """Whether a file has the features that a model takes and no column that is so called.

        It may well stand beside others that have the label.
        """
        is_number = re.match(r"-?\d+\Z", label_column)
        return len(self.head) == n_in and label_column not in self.head and not is_number

    def has_label_name(self, wanted, i):
        """Whether a column is called as the label of the model's training data, or "label"."""
        return self.head[i] == wanted.label_name or self.head[i].lower() in LABEL_NAMES

    def column_too_many(self, wanted):
        """Find the one column that is not among the features that a model takes."""
        if len(self.head) != wanted.n_in + 1:
            return None, False
        others = [i for i, cell in enumerate(self.head) if cell not in (wanted.names or ())]
        if len(others) == 1 and self.is_of(wanted.names, others[0]):
            cell = self.head[others[0]]
            if cell == wanted.label_name or (is_name(cell) and not self.may_be_data(others[0])):
                return others[0], True
        names = LABEL_NAMES if "x" in self.head else (*LABEL_NAMES, Y)
        found = [i for i in others if self.head[i] == wanted.label_name and is_name(self.head[i])]
        found = found or [i for i in others if self.head[i].lower() in names]
        if len(found) != 1 or (wanted.names and self.may_be_data(found[0])):
            return None, False  # or numbers are names, but others than the model knows
        return (found[0], True) if self.names_label(found[0]) else (None, False)


def check_alike(files, where):
    """Check that the columns of the files of a data set fit each other; warn of odd features.

    Parameters
    ----------
    files : list of Columns
    where : str
        How messages call the data set.
    """
    if len({columns.label for columns in files}) > 1:
        found = ", ".join(map(str, files))
        raise DatasetError(
            f"{where}: the label's column is not the same in all files ({found}): name it, with "
            "--label-column, and give all files a header or none"
        )
    headers = {columns.names for columns in files} - {None}
    if len(headers) > 1:
        raise DatasetError(
            f"{where}: the headers of the CSV files differ: their columns must be the same, "
            "in the same order, and each file needs the label"
        )
    for i, column in enumerate(next(iter(headers), ())):
        if column.lower() in LABEL_NAMES:
            warning(
                f"{where}: column {column!a} is taken for a feature: if it tells the class, "
                "leave it out"
            )
        if not column or column.startswith("Unnamed:"):
            warning(
                f"{where}: feature {i + 1} has no name: if it numbers the rows, as pandas writes "
                "them, leave it out (index=False)"
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
