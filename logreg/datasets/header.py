"""The columns of a table: its header, its label and its features, as its first two rows tell them.

Each rule fits into a sentence, and an option overrules it.
"""

import re
from collections import Counter
from typing import NamedTuple, Optional

from logreg.errors import DatasetError, cut, listed, quoted

LABEL_NAMES = ("label", "class", "target", "y")
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.A)
NUMBER = re.compile(r"[+-]?((\d+[.,]?\d*|[.,]\d+)(e[+-]?\d+)?|nan|inf|infinity)", re.I | re.A)


class Columns(NamedTuple):
    """What is known of a table's columns; names are None if there is no header."""

    label: Optional[int] = None  # index of the label's column
    label_name: Optional[str] = None
    names: Optional[tuple] = None  # of the features' columns
    categories: tuple = ()  # for each of these columns: None if it holds numbers, else texts


class Header:
    """What the first rows of a table tell of it.

    `cells` is row 1, and `has_header` whether that names the columns; `data` are the rows below, or
    all. With `known`, the :class:`Columns` of a model that is to predict the rows, a row 1 of just
    their names is a header.
    """

    def __init__(self, rows, options, known=None):
        self.cells, self.options, self.has_header = rows[0], options, options.header
        self.known = known or Columns()
        if self.has_header is None:
            self.has_header = (
                all(map(self.is_text, rows[0]))
                or rows[0] == list(self.known.names or ())
                or any(
                    # y is no sure name: it may be an answer, as n is.
                    cell.lower() in LABEL_NAMES[:-1]
                    or (self.is_text(cell) and below and not self.is_text(below))
                    for cell, below in zip(rows[0], rows[:2][-1])
                )
            )
        if self.has_header and len(rows) == 1:
            raise DatasetError("no row is below row 1, a header (`header=False`: it is data)")
        self.names, self.data = (self.cells, rows[1:]) if self.has_header else ([], rows)
        self.first_row = 1 + self.has_header  # the number of the first row of data
        self.dropped = set()
        if len(self.cells) != len(self.known.categories):  # else these are left out already
            self.dropped = {self._chosen(name, "to drop") for name in options.drop or ()}
            is_label = str(options.label_column) == "1" or self.known.label_name == ""
            if self.names[:1] == [""] and not is_label:  # row names, as pandas and R write them
                self.dropped.add(0)

    def text_of(self, cell):
        """The text of a cell, '' if it is empty."""
        text = "" if cell is None else str(cell).strip()
        return "" if text in self.options.na else text

    def is_text(self, cell):
        """Whether a cell holds text: it is not empty, and no number with a point or a comma."""
        is_number = NUMBER.fullmatch(cell) or THOUSANDS.fullmatch(cell)
        return cell not in self.options.na and not is_number

    def title(self, i):
        """A column as messages call it."""
        return f"column {i + 1}" + (f" ({cut(self.names[i])})" if self.names else "")

    def titles(self):
        """All columns, or the first seven and the last."""
        columns = [f"{i} ({cut(cell)})" for i, cell in enumerate(self.cells, 1)]
        return f"its columns are {listed(columns)}"

    def rules(self, label, role="is the label"):
        """Tell what the rules chose where no option did."""
        if self.options.header is None and self.has_header:
            yield "row 1 is taken for a header (`header=False`: it is data)"
        elif self.options.header is None:
            yield "row 1 is taken for data (`header=True`: it is a header)"
        if 0 in self.dropped and self.names[:1] == [""]:
            yield "column 1, which has no name, is left out"
        if self.options.label_column is None and label is not None:
            yield f"{self.title(label)} {role} (`label_column` names another)"

    def features(self, label):
        """The indices of the columns that are features, in the order that a model knows."""
        names, n = self.known.names, len(self.known.categories)
        if not (self.names and names):
            order = [i for i in range(len(self.cells)) if i != label and i not in self.dropped]
            if n and len(order) != n:
                raise DatasetError(
                    f"has {len(order)} columns beside the label, and the training data {n}: it "
                    "must have as many"
                )
            counts = Counter(self.names[i] for i in order if self.names)
            for name, count in counts.most_common(not n):
                if count > 1:
                    raise DatasetError(
                        f"several columns are called {quoted(name)}: name them apart, or `drop` "
                        "one by its number; if row 1 is no header, but data, give `header=False`"
                    )
            return order
        for name in names:
            if self.names.count(name) != 1:
                raise DatasetError(
                    f"has no column {cut(name)}, or several, which the training data have; "
                    f"{self.titles()}: name them as in training or, if they are in that order, "
                    "leave out the header"
                )
        return [self.names.index(name) for name in names]

    def find_label(self):
        """Which column is the label: the option's, that of a model, one called so, or the last."""
        if self.options.label_column is not None:
            return self._chosen(str(self.options.label_column), "for the label")
        kept = [i for i in range(len(self.cells)) if i not in self.dropped]
        if self.names:
            of_model = [i for i in kept if self.names[i] == self.known.label_name]
            called = [i for i in kept if self.names[i].lower() in LABEL_NAMES]
        else:
            of_model, called = [i for i in kept if i == self.known.label], []
        chosen = of_model if len(of_model) == 1 else called or kept[-1:]
        if len(chosen) == 1:
            return chosen[0]
        raise DatasetError(f"which column is the label? {self.titles()}: give `label_column`")

    def kept(self, wanted):
        """The indices of the columns that are to stand beside predictions."""
        if [*wanted] == ["all"]:
            return [*range(len(self.cells))]
        return [self._chosen(name, "to keep") for name in wanted]

    def _chosen(self, wanted, purpose):
        """The column that an option names, or numbers."""
        if self.names.count(wanted) == 1:
            return self.names.index(wanted)
        number = int(wanted) if re.fullmatch(r"[+-]?\d{1,9}", wanted) else 0
        if wanted not in self.names and 1 <= abs(number) <= len(self.cells):
            return number - 1 if number > 0 else number + len(self.cells)
        raise DatasetError(
            f"has no column {cut(wanted)} {purpose}, or several; {self.titles()}: give a "
            "name from the header, or a number counted from 1 (-1: the last)"
        )
