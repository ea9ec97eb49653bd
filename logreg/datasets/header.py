"""What the first two rows of a table tell: whether it has a header, and which column is the label.

Each rule fits into a sentence; an option overrules it.
"""

import re
from typing import NamedTuple, Optional

from logreg.console import note
from logreg.errors import DatasetError

LABEL_NAMES = ("label", "class", "target")
NUMBER = re.compile(r"[+-]?((\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?|nan|inf|infinity)", re.I | re.A)


class TableOptions(NamedTuple):
    """How a table is read; each option overrules a rule."""

    label_column: Optional[str] = None  # a name in the header, or a number from 1 (-1: the last)
    header: Optional[bool] = None  # whether the first row names the columns
    decimal: str = "."  # or ","


NO_OPTIONS = TableOptions()


class Columns(NamedTuple):
    """What is known of a table's columns; the names are None if there is no header."""

    label: Optional[int] = None  # index of the label's column
    label_name: Optional[str] = None
    names: Optional[tuple] = None  # of the features


def say_rules(name, columns, options, role="is the label"):
    """Say on stderr what the rules told of a table where no option did."""
    said = []
    if options.header is None and columns.names is None:
        said.append("row 1 is taken for data (--header: it is a header)")
    elif options.header is None:
        said.append("row 1 is taken for a header (--no-header: it is data)")
    if options.label_column is None and columns.label is not None:
        called = f" ({cut(columns.label_name)})" if columns.label_name else ""
        said.append(f"column {columns.label + 1}{called} {role} (--label-column names another)")
    if said:
        note(f"note: {name}: {', '.join(said)}")


def cut(name):
    """A name from a file as messages show it."""
    return ascii(name)[1:-1][:60]


def is_text(cell):
    """Whether a cell holds text: it is not empty, and no number with a point or a comma."""
    return bool(cell) and not NUMBER.fullmatch(cell)


class Header:
    """What the first rows of a table, two at the most, tell of it.

    `cells` is row 1, and `has_header` whether that names the columns. With `feature_names`, those
    of a model that is to predict the rows, a row 1 of just these is a header.
    """

    def __init__(self, rows, options, feature_names=None):
        self.cells, self.options, self.has_header = rows[0], options, options.header
        if self.has_header is None:
            over_number = (
                is_text(cell) and below and not is_text(below)
                for row in rows[1:]
                for cell, below in zip(rows[0], row)
            )
            self.has_header = (
                any(over_number)
                or all(map(is_text, rows[0]))
                or any(cell.lower() in LABEL_NAMES for cell in rows[0])
                or rows[0] == list(feature_names or ())
            )
        if self.has_header and len(rows) == 1:
            raise DatasetError(
                "no row is below row 1, which is taken for a header (--no-header: it is data)"
            )
        self.names = self.cells if self.has_header else []
        self.first_data = rows[self.has_header]

    def shown(self, i):
        """A column as messages call it."""
        return f"column {i + 1}" + (f" ({cut(self.names[i])})" if self.names else "")

    def shown_all(self):
        """All columns, or the first eight."""
        shown = ", ".join(f"{i} ({cut(cell)})" for i, cell in enumerate(self.cells[:8], 1))
        return f"its columns are {shown}" + (", ..." if len(self.cells) > 8 else "")

    def row_of(self, frame, i):
        """In which row of the file row `i` of a chunk is."""
        return int(frame.index[i]) + 1 + self.has_header

    def columns(self, label, order):
        """The :class:`Columns` with this label, and with these features."""
        if not self.names:
            return Columns(label)
        label_name = None if label is None else self.names[label]
        return Columns(label, label_name, tuple(self.names[i] for i in order))

    def features(self, label, expected):
        """The indices of the columns that are features, in the order that a model expects."""
        if not (self.names and expected):
            return [i for i in range(len(self.cells)) if i != label]
        for name in expected:
            if self.names.count(name) != 1:
                raise DatasetError(
                    f"has no column {cut(name)}, or several, which the model was trained on; "
                    f"{self.shown_all()}: name them as in training or, if they are in that order, "
                    "leave out the header"
                )
        return [self.names.index(name) for name in expected]

    def find_label(self, label_name=None):
        """Tell which column is the label, if no option does: that of a model, or by the rules."""
        if self.options.label_column is not None:
            return self._chosen(str(self.options.label_column))
        called = [i for i, name in enumerate(self.names) if name.lower() in LABEL_NAMES]
        rules = [[i for i, name in enumerate(self.names) if name == label_name], called]
        if not called:
            rules.append([i for i, cell in enumerate(self.first_data) if is_text(cell)])
            rules.append([i for i, name in enumerate(self.names) if name.lower() == "y"])
            rules.append([] if self.names else [0])
        for found in rules:
            if len(found) == 1:
                return found[0]
        raise DatasetError(
            "which column is the label? No single one is called label, class or target, holds "
            f"text, or is called y; {self.shown_all()}: give --label-column"
        )

    def _chosen(self, wanted):
        if self.names.count(wanted) == 1:
            return self.names.index(wanted)
        number = int(wanted) if re.fullmatch(r"[+-]?\d{1,9}", wanted) else 0
        if wanted not in self.names and 1 <= abs(number) <= len(self.cells):
            return number - 1 if number > 0 else number + len(self.cells)
        raise DatasetError(
            f"has no column {cut(wanted)} for the label, or several; {self.shown_all()}: give a "
            "name from the header, or a number counted from 1 (-1: the last)"
        )
