"""The header of a table, and which of its columns is the label, the group or a feature.

Simple rules find them in the first rows. An option overrules its rule.
"""

import difflib
from collections import Counter
from typing import NamedTuple

from logreg.basics.errors import DatasetError, cut, listed, quoted
from logreg.parts.labels import without_zero_fraction
from logreg.parts.options import Columns, TableOptions
from logreg.tables.numerals import MARKS, decimal_mark, is_truth_value, parse_number

CLEAR_LABEL_NAMES = ("label", "class", "target")
LABEL_NAMES = (*CLEAR_LABEL_NAMES, "y")  # a cell y may also mean yes
INDEX_NAMES = ("", "Unnamed: 0", "rownames")  # how pandas and R call a first column of row names


def indices_of(names, n):
    """Find the index of what an option may call by name or by number; a name comes first.

    The numbers of the `n` things are from 1, or negative: the last one is -1.

    Examples
    --------
    >>> indices_of(["a", "1"], 2)
    {'1': 1, '-2': 0, '2': 1, '-1': 1, 'a': 0}
    """
    indices = {}
    for i in range(n):
        indices[str(i + 1)] = i
        indices[str(i - n)] = i
    indices.update(zip(names, range(n)))
    return indices


class Request(NamedTuple):
    """How a table is to be read: what the user and the model say, and its name in messages.

    In training there is no model, and `model_columns` are empty.
    """

    options: TableOptions
    model_columns: Columns  # of the model that is to predict the rows
    source: str


class Header:
    """The columns of a table, as its first rows show them. Columns are counted from 0 here.

    Parameters
    ----------
    rows : list of lists of str
        The first rows; the first of them is perhaps a header.
    request : Request
        Its three parts become attributes, by the same names. A first row of just the names of the
        model's columns is a header.
    delimiter : str, optional
        What separates cells, in a text.
    first_row : int
        The number of the first of the rows, from 1; 0 of the names of a data frame's columns.

    Attributes
    ----------
    is_training : bool
        Whether there is no model yet.
    decimal : str
        The decimal mark: the option's, else that of the rows, else the model's.
    cells : list of str
        The first row.
    names : list of str
        The names of the columns; empty if there is no header.
    data : list of lists of str
        The rows below the header, or all rows.
    has_features_alone : bool
        Whether there are as many columns as the model has, so that none is the label.
    group, weight : int or None
        The columns that tell the group of each row, and how much it counts.
    categorical : set of int
        The columns that an option calls categorical.
    nameless : list of int
        The columns without a name of their own, which are left out.
    dropped, candidates : set of int, list of int
        The columns that are neither features nor the label, and those that may be.
    text_columns : set of int
        The columns that a data frame declares as text.
    na_numbers : list of float
        The numbers that stand for empty cells.
    warned : set of str
        The titles of columns of which a warning has told that the model does not know a category.
    """

    def __init__(self, rows, request, delimiter=None, first_row=1):
        self.cells = rows[0]
        options, model_columns, self.source = request
        self.options = options
        self.model_columns = model_columns
        self.is_training = not model_columns.n_columns
        mark_of_training = model_columns.options.decimal
        self.decimal = options.decimal or decimal_mark(rows, delimiter, mark_of_training)
        self.first_row = first_row
        self.text_columns = set()
        self.warned = set()
        self.names = []
        self.data = rows
        if self._has_header(rows):
            self.names = self.cells
            self.data = rows[1:]
        if not self.data:
            raise DatasetError(
                f"row {first_row} is taken for a header, and no row is below it (`header=False`: "
                "it is data)"
            )
        self.counts = Counter(self.names)
        n = len(self.cells)
        self.indices = indices_of(self.names, n)
        self.na_numbers = self._find_na_numbers()
        self.categorical = set()
        if self.is_training:
            self.categorical.update(self.find_columns(options.categorical, "categorical"))
        # Rows to predict may have the model's features alone: no group, no weight, nothing to drop.
        self.has_features_alone = n == model_columns.n_columns
        self.group = self._find_optional(options.group, "for the group")
        self.weight = self._find_optional(options.weight_column, "for the weight")
        self.nameless = self._find_nameless()
        self.dropped = {self.group, self.weight, *self.nameless} - {None}
        if not self.has_features_alone:
            self.dropped.update(self.find_columns(options.drop, "to drop"))
        self.candidates = [i for i in range(n) if i not in self.dropped]

    def _find_optional(self, wanted, purpose):
        """Find a column that an option names; None without an option.

        Rows to predict may lack the column.
        """
        if wanted is None or self.has_features_alone:
            return None
        if str(wanted) not in self.indices and not self.is_training:
            return None
        return self._find_column(wanted, purpose)

    def _has_header(self, rows):
        """Whether the first row names the columns."""
        if self.first_row == 0:
            return True
        if self.options.header is not None:
            return self.options.header
        label = self.options.label_column
        if isinstance(label, str) and label in self.cells and self.is_text(label):
            return True
        if tuple(self.cells) == self.model_columns.names:
            return True
        below = rows[1:] or rows  # a row without others below it is compared with itself
        columns = [*zip(self.cells, zip(*below))]  # each cell, and those below it
        for cell, cells_below in columns:
            if cell.lower() in CLEAR_LABEL_NAMES:
                return True
            first = cells_below[0]
            if self.is_text(cell) and first and not self.is_text(first):
                return True
        if self.cells[0] == "":  # above the names of rows
            columns = columns[1:]
        if all(self.is_text(cell) for cell, _ in columns):
            return True
        # It is a header, too, if each cell is a text that is not below it, or the number of its
        # column, counted from 0 as by pandas.
        is_name = [
            cell == str(i) or (self.is_text(cell) and cell not in cells_below)
            for i, (cell, cells_below) in enumerate(columns)
        ]
        return len(is_name) > 2 and all(is_name)  # fewer cells may be so by chance

    def _find_na_numbers(self):
        """Find the numbers of the option `na`, with the table's decimal mark or with a point.

        What has a unit, or is a truth value, is compared as a text alone.
        """
        found = []
        for text in self.options.na:
            number = parse_number(text, self.decimal) or parse_number(text)  # a tuple, or None
            if number and not number.unit and not is_truth_value(text):
                found.append(number.value)
        return found

    def _find_nameless(self):
        """Find the columns that nobody named: that of row names, and an empty last one.

        A column of row names is the first one, and not the label. The last column is empty if each
        row ends with a delimiter.
        """
        found = []
        if not self.names or self.has_features_alone:
            return found
        first = self.names[0]
        is_label = self.indices.get(str(self.options.label_column)) == 0
        if first in INDEX_NAMES and not is_label and first != self.model_columns.label_name:
            found.append(0)
        if self.names[-1] == "" and not any(row[-1] for row in self.data):
            found.append(len(self.names) - 1)
        return found

    def cell_text(self, cell):
        """The text of a cell, '' if it is empty."""
        text = str(cell).strip()
        is_empty = text in self.options.na or without_zero_fraction(text) in self.options.na
        return "" if is_empty else text

    def is_text(self, cell):
        """Whether a cell is neither empty nor a number, with a decimal point or a decimal comma."""
        return cell not in self.options.na and not any(parse_number(cell, mark) for mark in MARKS)

    def title(self, i):
        """A column as messages call it."""
        title = f"column {i + 1}"
        return f"{title} ({cut(self.names[i])})" if self.names else title

    def option_name(self, i):
        """A column as options call it; None if there is none."""
        if i is None:
            return None
        return self.names[i] if self.names and self.counts[self.names[i]] == 1 else str(i + 1)

    def _columns_hint(self, wanted=""):
        """Suggest the column whose name is most like a wrong one, and list all columns."""
        columns = [f"{i} ({cut(cell)})" for i, cell in enumerate(self.cells, 1)]
        # The wrong name itself is among the names if several columns have it.
        names = {name.lower(): cut(name) for name in self.names if name != wanted}
        similar = difflib.get_close_matches(wanted.lower(), names, 1, 0.75)
        suggestion = f"did you mean {names[similar[0]]}? " if similar else ""
        return f"{suggestion}its columns are {listed(columns)}"

    def notes(self, label, role="is the label"):
        """Yield what rules have chosen where no option has; `role` says what the label is for."""
        if self.options.header is None and self.first_row > 0:
            row = f"row {self.first_row} ({listed([*map(cut, self.cells)])})"
            if not self.names:
                yield f"{row} is taken for data (`header=True`: it is a header)"
            elif not self._is_clear_header():
                yield f"{row} is taken for a header (`header=False`: it is data)"
        for i in self.nameless:
            yield f"{self.title(i)}, which has no name of its own, is left out"
        if self.is_training and self.group is not None:
            yield f"rows with the same cell in {self.title(self.group)} stay in one set"
        if self.is_training and self.weight is not None:
            yield f"rows count as {self.title(self.weight)} says"
        if self.options.label_column is None and label is not None:
            yield f"{self.title(label)} {role} (`label_column` names another)"

    def _is_clear_header(self):
        """Whether the header is one beyond doubt: all its cells are texts, and below is a number.

        If the columns of the model have names, no number is needed.
        """
        has_number_below = any(cell and not self.is_text(cell) for cell in self.data[0])
        is_likely = has_number_below or self.model_columns.names
        return is_likely and all(map(self.is_text, self.names))

    def find_features(self, label):
        """Find the columns that are features, in the order of the model's, if there is one."""
        model_names = self.model_columns.names
        if self.names and model_names:
            for name in model_names:
                if self.counts[name] != 1:
                    raise DatasetError(
                        f"has no column {cut(name)} of the training data, or several; "
                        f"{self._columns_hint(name)}: name the columns as in training or, if they "
                        "are in the same order, leave out the header"
                    )
            return [self.indices[name] for name in model_names]
        features = [i for i in self.candidates if i != label]
        n_needed = self.model_columns.n_columns
        if not features or (n_needed and len(features) != n_needed):
            raise DatasetError(
                f"has {len(features)} columns beside the label: {n_needed or 1} are needed; cells "
                "are separated by commas, semicolons, tabs or |, and not by blanks"
            )
        if self.names and self.is_training:
            counts = Counter(self.names[i] for i in features)
            name, n = counts.most_common(1)[0]
            if n > 1:
                raise DatasetError(
                    f"several columns are called {quoted(name)}: name them apart, or `drop` one by "
                    "its number; if the header is data, give `header=False`"
                )
        return features

    def find_label(self):
        """Find the label: that of the option or of the model, or one of LABEL_NAMES.

        In training, and of a model that does not know the name of its label, it may be the last.
        """
        if self.options.label_column is not None:
            label = self._find_column(self.options.label_column, "for the label")
            if label in self.dropped and self.is_training:
                raise DatasetError(
                    f"{self.title(label)} is the label: `drop`, `group` and `weight_column` need "
                    "other columns"
                )
            return label
        model = self.model_columns
        candidates = self.candidates
        if self.names:
            candidates = [i for i in candidates if self.names[i] not in (model.names or ())]
            found = [i for i in candidates if self.names[i] == model.label_name]
            if len(found) != 1:
                found = [i for i in candidates if self.names[i].lower() in LABEL_NAMES]
        else:
            found = [i for i in candidates if i == model.label]
        is_label_named = self.names and model.label_name is not None  # then no other is taken
        if not found and not is_label_named:
            found = candidates[-1:]
        if len(found) != 1:
            hint = self._columns_hint(model.label_name or "")
            raise DatasetError(f"which column is the label? {hint}: give `label_column`")
        return found[0]

    def find_columns(self, wanted, purpose):
        """Find the columns that an option names, or numbers; none without an option."""
        return [self._find_column(name, purpose) for name in wanted or ()]

    def find_kept(self, wanted):
        """Find the columns that are to stand beside predictions: all of them by ``['all']``."""
        if [*wanted] == ["all"] and "all" not in self.indices:
            return [*range(len(self.cells))]
        return self.find_columns(wanted, "to keep")

    def _find_column(self, wanted, purpose):
        wanted = str(wanted)
        if wanted in self.indices and self.counts[wanted] < 2:
            return self.indices[wanted]
        as_data = ""
        if not self.names:
            as_data = f"; row {self.first_row} is taken for data: `header=True` makes it a header"
        raise DatasetError(
            f"has no column {cut(wanted)} {purpose}, or several; {self._columns_hint(wanted)}: "
            f"give a name from the header, or a number counted from 1 (-1: the last){as_data}"
        )
