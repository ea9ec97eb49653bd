"""The columns of a table: its header, its label and its features, as its first rows tell them.

Each rule fits into a sentence, and an option overrules it.
"""

import difflib
from collections import Counter

from logreg.datasets.labels import without_zero_fraction
from logreg.datasets.options import Columns
from logreg.errors import DatasetError, cut, listed, quoted
from logreg.tables.columns import MARKS, as_number

LABEL_NAMES = ("label", "class", "target", "y")
ROW_NAMES = ("", "Unnamed: 0", "rownames")  # of a first column, as pandas and R write them


class Header:
    """What the first rows of a table tell of it.

    `cells` is the first of the rows, and `row` its number, 0 of a data frame: that has a header.
    `has_header` is whether it names the columns; `data` are the rows below, or all. With `known`,
    the :class:`Columns` of a model that is to predict the rows, a first row of just their names is
    a header. `decimal` is the decimal mark, and `texts` are the indices of columns that a data
    frame declares as text.
    """

    def __init__(self, rows, options, known=None, decimal=".", row=1):
        self.cells, self.options, self.decimal, self.row = rows[0], options, decimal, row
        self.known, self.texts = known or Columns(), ()
        self.has_header = options.header if row else True
        if self.has_header is None:
            self.has_header = self._is_header(rows[0], rows[1:] or rows)
        if self.has_header and len(rows) == 1:
            raise DatasetError("no row is below row 1, a header (`header=False`: it is data)")
        self.names, self.data = (self.cells, rows[1:]) if self.has_header else ([], rows)
        self.first_row = row + self.has_header  # the number of the first row of data
        self.counts, n = Counter(self.names), len(self.cells)
        self.places = {str(k): i for i in range(n) for k in (i + 1, i - n)}
        self.places.update((name, i) for i, name in enumerate(self.names))
        plain = [text for text in options.na if text.lower() not in ("true", "false")]
        numbers = (as_number(text, decimal) or as_number(text) for text in plain)
        self.na = [number for number, sign in filter(None, numbers) if not sign]
        self.group, self.categorical, self.dropped = None, set(), set()
        if not self.known.categories:
            self.categorical.update(self.chosen(options.categorical or (), "categorical"))
        # A model's rows may lack the group, and what is left out.
        if n != len(self.known.categories):
            if options.group is not None and (not known or str(options.group) in self.places):
                self.group = self._chosen(options.group, "for the group")
                self.dropped.add(self.group)
            self.dropped.update(self.chosen(options.drop or (), "to drop"), self._nameless())

    def _is_header(self, cells, below):
        """Whether the cells of row 1 name the columns of the rows below."""
        if cells == list(self.known.names or ()):
            return True
        label = self.options.label_column
        if isinstance(label, str) and label in cells and self.is_text(label):
            return True
        for cell, first in zip(cells, below[0]):
            # y is no sure name: it may be an answer, as n is.
            if cell.lower() in LABEL_NAMES[:-1]:
                return True
            if self.is_text(cell) and first and not self.is_text(first):
                return True
        columns = [*zip(*below)]
        if cells[0] == "":  # above the names of rows
            cells = cells[1:]
            columns = columns[1:]
        return all(map(self.is_text, cells)) or self._are_places(cells, columns)

    def _are_places(self, cells, columns):
        """Whether each cell is the number of its column from 0, as pandas has it, or a name.

        A text that stands in the column below, too, is no name.
        """
        for i, (cell, column) in enumerate(zip(cells, columns)):
            is_name = self.is_text(cell) and cell not in column
            if cell != str(i) and not is_name:
                return False
        return len(cells) > 2

    def _nameless(self):
        """The first column if it has no name, and the last if it has no cell either."""
        label, first = self.places.get(str(self.options.label_column)), self.names[:1]
        is_label = label == 0 or self.known.label_name in first
        if first and first[0] in ROW_NAMES and not is_label:
            yield 0
        if self.names[1:] and self.names[-1] == "" and not any(row[-1] for row in self.data):
            yield len(self.names) - 1

    def text_of(self, cell):
        """The text of a cell, '' if it is empty."""
        text, na = str(cell).strip(), self.options.na
        return "" if text in na or without_zero_fraction(text) in na else text

    def is_text(self, cell):
        """Whether a cell holds text: it is not empty, and no number with a point or a comma."""
        return cell not in self.options.na and not any(as_number(cell, mark) for mark in MARKS)

    def title(self, i):
        """A column as messages call it."""
        return f"column {i + 1}" + (f" ({cut(self.names[i])})" if self.names else "")

    def name(self, i):
        """A column as options call it."""
        return self.names[i] if self.names and self.counts[self.names[i]] == 1 else str(i + 1)

    def titles(self, wanted=""):
        """All columns, or the first seven and the last; and the one most like a name of none."""
        columns = [f"{i} ({cut(cell)})" for i, cell in enumerate(self.cells, 1)]
        names = {name.lower(): cut(name) for name in self.names if name != wanted}
        like = difflib.get_close_matches(wanted.lower(), names, 1, 0.75)
        meant = f"did you mean {names[like[0]]}? " if like else ""
        return f"{meant}its columns are {listed(columns)}"

    def rules(self, label, role="is the label"):
        """Tell what the rules chose where no option did."""
        row = f"row {self.row} ({listed([*map(cut, self.cells)])})"
        if self.options.header is None and not self.has_header:
            yield f"{row} is taken for data (`header=True`: it is a header)"
        elif self.options.header is None and self.row:
            yield f"{row} is taken for a header (`header=False`: it is data)"
        for i in self._nameless():
            yield f"{self.title(i)}, which has no name of its own, is left out"
        if self.options.label_column is None and label is not None:
            yield f"{self.title(label)} {role} (`label_column` names another)"

    def features(self, label):
        """The indices of the columns that are features, in the order that a model knows."""
        names, n = self.known.names, len(self.known.categories)
        if self.names and names:
            for name in names:
                if self.counts[name] != 1:
                    raise DatasetError(
                        f"has no column {cut(name)}, or several, which the training data have; "
                        f"{self.titles(name)}: name them so or, if in order, leave out row 1"
                    )
            return [self.places[name] for name in names]
        order = [i for i in range(len(self.cells)) if i != label and i not in self.dropped]
        if len(order) != (n or len(order) or 1):
            raise DatasetError(f"has {len(order)} columns beside the label: {n or 1} are needed")
        names = [self.names[i] for i in order if self.names and not n]
        if len({*names}) < len(names):
            name = quoted(max(names, key=Counter(names).get))
            raise DatasetError(
                f"several columns are called {name}: name them apart, or `drop` one by its number; "
                "if row 1 is data, give `header=False`"
            )
        return order

    def find_label(self):
        """Which column is the label: the option's, that of a model, one called so, or the last."""
        if self.options.label_column is not None:
            label = self._chosen(self.options.label_column, "for the label")
            if label in self.dropped and not self.known.categories:
                raise DatasetError(
                    f"{self.title(label)} is the label: let `drop` and `group` name others"
                )
            return label
        features = {*(self.known.names or ())}
        taken = self.dropped | {i for i, name in enumerate(self.names) if name in features}
        left = [i for i in range(len(self.cells)) if i not in taken]
        names, of_model = self.names, self.known.label_name
        if not names:
            names, of_model = range(len(self.cells)), self.known.label
        known = [i for i in left if names[i] == of_model]
        called = [i for i in left if str(names[i]).lower() in LABEL_NAMES]
        found = known if len(known) == 1 else called or left[-1:]
        if len(found) != 1:
            raise DatasetError(f"which column is the label? {self.titles()}: give `label_column`")
        return found[0]

    def chosen(self, wanted, purpose):
        """The columns that an option names, or numbers."""
        return [self._chosen(name, purpose) for name in wanted]

    def kept(self, wanted):
        """The columns that are to stand beside predictions: all by ``['all']``."""
        is_all = [*wanted] == ["all"] and "all" not in self.places
        return [*range(len(self.cells))] if is_all else self.chosen(wanted, "to keep")

    def _chosen(self, wanted, purpose):
        wanted = str(wanted)
        if wanted not in self.places or self.counts[wanted] > 1:
            as_data = ""
            if not self.has_header:
                as_data = "; row 1 is taken for data: `header=True` makes it a header"
            raise DatasetError(
                f"has no column {cut(wanted)} {purpose}, or several; {self.titles(wanted)}: give a "
                f"name from the header, or a number counted from 1 (-1: the last){as_data}"
            )
        return self.places[wanted]
