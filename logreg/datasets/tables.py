"""Tables: CSV and its kin through pandas, Parquet through pyarrow, in chunks of rows.

So memory holds numbers and no text. Rows and columns are counted from 1, and a header is row 1.
Blank lines do not count.
"""

import contextlib
import io
import itertools
import re
import tempfile
from typing import NamedTuple

import numpy

from logreg.console import note, warning
from logreg.datasets.arrays import Part
from logreg.datasets.frames import name_of, open_table
from logreg.datasets.header import NUMBER, Columns
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.preprocessing import FLOAT32_MAX, blocks, one_hot
from logreg.errors import DatasetError, listed, quoted

BOOLEANS = {"true": 1.0, "false": 0.0}
MAX_CATEGORIES = 100  # of a column


def read_table(path, options=NO_OPTIONS, dtype="float64", known=None, scratch=None, where=None):
    """Read a table with a label in each row: Parquet, or CSV, gzipped or not.

    The rules of delimiter, header and label stand in :mod:`logreg.datasets.frames` and
    :mod:`logreg.datasets.header`. A column whose first cell that is not empty holds text is one-hot
    encoded; true and false are 1 and 0; `options.na` are the texts of empty cells.

    Parameters
    ----------
    path : str, path-like or pandas.DataFrame
    options : TableOptions
    dtype : str
        What the features become.
    known : Columns, optional
        Those of the training data. Features and label are then the same, found by their names
        if there is a header.
    scratch : path-like, optional
        A folder. Features are mapped from a file in it, and may be larger than memory.
    where : str, optional
        How messages call the set.

    Returns
    -------
    Part
        Its x is of shape (n, n_in), finite, or NaN where a cell is empty; its labels are texts, in
        the order in which they occur.
    Columns
    """
    source, codes, numbers, first_rows = name_of(path), [], {}, {}
    with open_table(path, options, known) as (frames, head), _scratch_file(scratch) as file:
        label = head.find_label()
        features = _Features(head, label, frames)
        for frame in frames(label, features.text):
            file.write(features.numbers(frame).astype(dtype, copy=False))
            places, texts = _factorized(frame[label])
            firsts = numpy.unique(places, return_index=True)[1]
            for text, row in zip(texts, frame.index[firsts]):
                numbers.setdefault(text, len(numbers))
                first_rows.setdefault(text, int(row) + head.first_row)
            codes.append(numpy.array([numbers[text] for text in texts], "int32")[places])
        features.check_numbers()
        features.check_empty(sum(map(len, codes)))
        codes = numpy.concatenate(codes)
        rules = [] if known and known.names else [*head.rules(label), *features.rules()]
        x = _rows_in(file, dtype, len(codes))
    x, names, categories = features.encoded(x, scratch)
    _say(source, rules, features.n_new)
    columns = Columns(label, head.names[label] if head.names else None, names, categories)
    where = f"{source}:" if where is None else where
    labels = list(numbers), codes, list(first_rows.values())
    return Part(x, *labels, where, range(head.first_row, head.first_row + len(x))), columns


class Rows(NamedTuple):
    """Some rows of a table that a model is to predict."""

    x: numpy.ndarray  # of shape (n, n_in), float64
    numbers: list  # of the n rows, as messages number them
    kept: list  # of the columns that are kept: pairs of a name and the texts of the n cells


def table_batches(path, options, batch_size, known, keep=()):
    """Read the rows of a table that a model is to predict; yield :class:`Rows`.

    The path ``'-'`` is standard input, and n at most `batch_size`. `known` are the
    :class:`Columns` of the training data. With a header, a model that knows their names takes
    the columns by these and leaves the others out; a first row of just these names is a header.
    In other tables, the columns are the features; of one more, the label is left out, which is
    told as for training, but without a header is where it was then. Empty cells are NaN if the
    model fills them, else an error. The columns `keep`, names or numbers, or all by ``['all']``,
    are kept as they stand in the file.
    """
    source = name_of(path)
    with open_table(path, options, known) as (frames, head):
        label, width = None, len(head.cells)
        if not (head.names and known.names):
            n = len(known.categories)
            if width not in (n, n + 1 + len(head.dropped)):
                raise DatasetError(f"the model expects {n} features, got {width} columns")
            label = None if width == n else head.find_label()
        is_sure = known.names and any(map(head.is_text, known.names))
        if label is not None or (head.names and not is_sure):
            _say(source, [*head.rules(label, "is left out as the label")])
        features, kept = _Features(head, label, frames), head.kept(keep)
        try:
            for frame in frames(label, features.text, batch_size, kept):
                x, *_ = features.encoded(features.numbers(frame, may_be_empty=False))
                texts = frame[kept].astype(object).where(frame[kept].notna(), "").astype(str)
                names = [head.names[i] if head.names else f"column {i + 1}" for i in kept]
                cells = [(name, texts[i].tolist()) for name, i in zip(names, kept)]
                yield Rows(x, (frame.index + head.first_row).tolist(), cells)
        finally:
            _say(source, (), features.n_new)


class _Features:
    """Makes numbers of the features of a table, chunk by chunk."""

    def __init__(self, head, label, frames):
        self.head, self.order = head, head.features(label)
        if not self.order:
            raise DatasetError("row 1 has one column: a label and at least one feature are needed")
        self.is_known = bool(head.known.categories)
        categories = head.known.categories or self._first_categories(frames)
        # Of each column of text, the number of each text that is a category: NaN of empty cells.
        self.text = {
            i: {text: k if text else numpy.nan for k, text in enumerate(texts)}
            for i, texts in zip(self.order, categories)
            if texts is not None
        }
        self.n_empty = numpy.zeros(len(self.order), int)
        self.n_new = 0
        self.bad = {}  # of each column and text that is no number: the first row, and how often

    def _first_categories(self, frames):
        """() for a column whose first cell that is not empty holds text, None for others."""
        self._check_first_rows()
        first = dict.fromkeys(self.order, "")
        for columns in itertools.chain([[*zip(*self.head.data)]], frames(text=self.order)):
            for i in [i for i, cell in first.items() if not cell]:
                first[i] = next(filter(None, map(self.head.text_of, columns[i])), "")
            if all(first.values()):
                break
        is_text = [self.head.is_text(c) and c.lower() not in BOOLEANS for c in first.values()]
        return [() if it else None for it in is_text]

    def _check_first_rows(self):
        """Refuse a row of units, or a comment, above the numbers."""
        row, (cell, *others) = self.head.first_row, self.head.data[0]
        if cell.startswith(("#", "%", "//")) and others and not any(others):
            raise DatasetError(f"row {row} is a comment, {quoted(cell)}: leave such lines out")
        for i, cells in ((i, [cells[i] for cells in self.head.data]) for i in self.order):
            texts = [*filter(self.head.is_text, cells)]
            n_numbers = len([*filter(self.head.text_of, cells)]) - len(texts)
            if texts in (cells[:1], cells[:2]) and n_numbers > 2:
                raise DatasetError(
                    f"row {row}, {self.head.title(i)} holds {quoted(texts[0])}, and numbers are "
                    "below: leave the row out if it is one of units, or a comment; "
                    f"{_na_advice(texts)}"
                )

    def numbers(self, frame, may_be_empty=True):
        """A chunk as float64, of shape (n, columns): of a text its number, NaN if it is empty."""
        frame, decimal = frame[self.order], self.head.options.decimal
        if not self.text and all(dtype.kind in "biuf" for dtype in frame.dtypes):
            x = frame.to_numpy("float64", na_value=numpy.nan)  # at once, which is faster
        else:
            x = numpy.empty(frame.shape)
            for j, (i, column) in enumerate(frame.items()):
                if i in self.text:
                    x[:, j] = self._numbered(i, column)
                elif column.dtype.kind in "biuf":
                    x[:, j] = column.to_numpy("float64", na_value=numpy.nan)
                else:  # a cell is no number, or so long a one that pandas left it as text
                    x[:, j] = [_number(text, decimal) for text in map(self.head.text_of, column)]
        is_empty = numpy.isnan(x)
        is_good = is_empty | (abs(x) <= FLOAT32_MAX)
        if not is_good.all():
            self._count_bad(frame, ~is_good)
            if len(self.bad) > MAX_CATEGORIES or not may_be_empty:
                self.check_numbers(is_whole=False)
        if not may_be_empty and self.head.options.missing != "mean" and is_empty.any():
            row, j = numpy.argwhere(is_empty)[0]
            raise DatasetError(
                f"row {frame.index[row] + self.head.first_row}, {self.head.title(self.order[j])} "
                "is empty or missing: fill it in, or train the model with `missing='mean'`"
            )
        self.n_empty += is_empty.sum(axis=0)
        return numpy.ascontiguousarray(x)

    def _numbered(self, i, column):
        """The number of each text; -1 if it is none of the categories, NaN if it is empty."""
        codes, texts = _factorized(column)
        index, texts = self.text[i], list(map(self.head.text_of, texts))
        for text in () if self.is_known else texts:
            index.setdefault(text, len(index) if text else numpy.nan)
        if len(index) > MAX_CATEGORIES:
            others = [text for text in index if text and self.head.is_text(text)]
            advice = f"; nearly all are numbers: {_na_advice(others)}" * (len(others) <= 3)
            raise DatasetError(
                f"{self.head.title(i)} holds more than {MAX_CATEGORIES} different texts, which is "
                f"too many to make each a feature: leave the column out with `drop`{advice}"
            )
        # Where empty cells are filled, one is new if there was none in training.
        of_empty = -1 if self.head.options.missing == "mean" else numpy.nan
        numbers = numpy.array([index.get(text, -1 if text else of_empty) for text in texts])[codes]
        self.n_new += int((numbers == -1).sum())
        return numbers

    def _count_bad(self, frame, is_bad):
        for j in numpy.flatnonzero(is_bad.any(axis=0)):
            rows = numpy.flatnonzero(is_bad[:, j])
            for row, cell in zip(frame.index[rows], frame.iloc[rows, j]):
                place = self.order[j], self.head.text_of(cell)
                first, n = self.bad.get(place, (row + self.head.first_row, 0))
                self.bad[place] = first, n + 1

    def check_numbers(self, is_whole=True):
        """Refuse cells that are no numbers; they are counted if the table was read as a whole."""
        if not self.bad:
            return
        cells = sorted((-n, row, i, text) for (i, text), (row, n) in self.bad.items())
        listing = [
            f"row {row}, {self.head.title(i)} holds {quoted(text)}"
            + f" ({-n} rows)" * (is_whole and n < -1)
            for n, row, i, text in cells
        ]
        texts = [text for *_, text in cells]
        advice = "write it as a number, or leave out the row; if that column is the label, give "
        advice += "`label_column`; in training, `drop` leaves columns out"
        words = [text for text in texts if not re.search(r"\d", text)]
        if words:
            advice += f"; {_na_advice(words)}"
        if any("," in text and not self.head.is_text(text) for text in texts):
            advice = "decimal commas need `decimal=','`, and between thousands there must be none"
        raise DatasetError(
            f"{listed(listing)}: every feature must be a finite number, and no larger than float32 "
            f"can hold; {advice}"
        )

    def check_empty(self, n_rows):
        """Refuse empty cells, which are counted, if no option tells what becomes of them."""
        counts = sorted(zip(-self.n_empty, self.order))
        empty = [self.head.title(i) for n, i in counts if n == -n_rows]
        if empty and not self.is_known:
            raise DatasetError(f"all cells are empty in {listed(empty)}: `drop` them")
        listing = [f"{-n} in {self.head.title(i)}" for n, i in counts if n]
        if listing and self.head.options.missing != "mean":
            raise DatasetError(
                f"empty or missing cells: {listed(listing)}; `missing='mean'` fills them with the "
                "mean of their column, or makes them a category; `drop` leaves columns out"
            )

    def encoded(self, x, scratch=None):
        """One-hot encode; return x, the names of its columns before, and their categories."""
        indices = [self.text.get(i) for i in self.order]
        categories = tuple(index and sorted(index) for index in indices)
        codes = [texts and [k[text] for text in texts] for k, texts in zip(indices, categories)]
        names = tuple(self.head.names[i] for i in self.order) if self.head.names else None
        if self.text:
            with _scratch_file(scratch) as file:
                for block in blocks(x):
                    file.write(one_hot(block, codes))
                x = _rows_in(file, x.dtype, len(x))
        return x, names, categories

    def rules(self):
        """Tell which columns are one-hot encoded."""
        encoded = [f"{self.head.title(i)} of {len(texts)} texts" for i, texts in self.text.items()]
        if encoded and not self.is_known:
            yield f"one-hot encoded: {listed(encoded)}"


def _say(source, rules, n_new=0):
    """Say what rules chose, and how many cells are none of the categories that a model knows."""
    if rules:
        note(f"note: {source}: {', '.join(rules)}")
    if n_new:
        new = "cells with a category that is new to the model"
        warning(f"{source}: {new}: {n_new}; they count as none of their column's categories")


def _na_advice(texts):
    """Say how the first three of some texts are told to be empty cells."""
    options = [f"`na={text[:30]!r}`" for text in dict.fromkeys(texts) if "`" not in text][:3]
    return f"if it is an empty cell, say so in training with {' and '.join(options) or '`na`'}"


def _scratch_file(folder):
    """Open a file that is gone with its last map; without a folder, it is in memory.

    Both grow in place, unlike a list of arrays that are joined.
    """
    in_memory = contextlib.nullcontext(io.BytesIO())
    return in_memory if folder is None else tempfile.TemporaryFile(dir=folder)


def _rows_in(file, dtype, n_rows):
    """What was written to a :func:`_scratch_file`, as an array of that many rows."""
    in_memory = isinstance(file, io.BytesIO)
    x = numpy.frombuffer(file.getbuffer(), dtype) if in_memory else numpy.memmap(file, dtype, "r")
    return x.reshape(n_rows, -1)


def _factorized(column):
    """For each cell the index of its text, and the texts that occur; a lacking cell is ''."""
    codes, occurring = column.factorize()
    texts = [*(str(text).strip() for text in occurring), *[""] * bool((codes < 0).any())]
    return codes % len(texts), texts


def _number(text, decimal):
    """The number that a text is, NaN if it is empty, infinity if it is none."""
    other = "." if decimal == "," else ","
    if not text or text.lower() in BOOLEANS:
        return BOOLEANS.get(text.lower(), numpy.nan)
    is_number = NUMBER.fullmatch(text) and other not in text
    return float(text.replace(",", ".")) if is_number else numpy.inf
