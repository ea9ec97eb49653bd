"""Tables: CSV and its kin through pandas, Parquet through pyarrow, in chunks of rows.

So memory holds numbers and no text. Rows and columns are counted from 1, and a header is row 1.
Blank lines do not count.
"""

import contextlib
import io
import tempfile

import numpy

from logreg.datasets.frames import name_of, open_table
from logreg.datasets.header import NUMBER, THOUSANDS, Columns, Table, cut, listed
from logreg.datasets.labels import LabelIndex
from logreg.datasets.preprocessing import blocks, one_hot
from logreg.errors import DatasetError
from logreg.shell.console import note, warning
from logreg.shell.options import NO_OPTIONS

FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)
BOOLEANS = {"true": 1.0, "false": 0.0}
EMPTY_LABELS = ("", "nan")  # NA may be one
MAX_CATEGORIES = 100  # of a column
MIN_ROWS = 10  # in fewer, a column may count them by chance
ID_NAMES = ("id", "Id", "ID", "index")
ROWS_A_TEXT = 5  # on average, of a column of text: else it is of dates, or of names


def read_table(path, options=NO_OPTIONS, dtype="float64", known=None, scratch=None):
    """Read a table with a label in each row: Parquet, or CSV, plain or gzip, zip, bzip2 or xz.

    The delimiter is a tab, ``;`` or ``|`` if the first line has one outside quotes, else a comma.
    The first row is a header if a text cell of it stands over a number, if all its cells are
    text, or if one of them is label, class or target. The label is the column called label,
    class or target; else the one text column; else the one called y; else, without a header,
    the first. Any other column whose first cell that is not empty holds text is one-hot encoded;
    true and false are 1 and 0; `options.na` are the texts of empty cells. In place of a path may
    be a pandas.DataFrame. With `known`, the :class:`Columns` of the training data, features
    and label are those that it has, by name if there is a header. With a folder `scratch`,
    features are mapped from a file in it, and may be larger than memory.
    """
    source, codes, n_rows = name_of(path), [], 0
    with open_table(path, options, known) as (frames, head), _scratch_file(scratch) as file:
        label = head.find_label()
        index = LabelIndex()
        features = _Features(head, label, frames)
        counting = [] if known else list(range(len(features.order)))  # columns of row numbers
        for frame in frames(label, features.text):
            x, i = features.numbers(frame), frame.index.to_numpy()
            counting = [j for j in counting if x[0, j] - i[0] in (0, 1)]
            counting = [j for j in counting if (x[:, j] - i == x[0, j] - i[0]).all()]
            n_rows += len(frame)
            if options.missing == "drop":
                lacks_label = frame[label].isna() | frame[label].isin(EMPTY_LABELS)
                is_whole = ~(numpy.isnan(x).any(axis=1) | lacks_label.to_numpy())
                x, frame = x[is_whole], frame[is_whole]
            places, found = _factorized(frame[label])
            first = numpy.unique(places, return_index=True)[1]
            codes.append(index.numbers(found, frame.index[first] + head.first_row)[places])
            file.write(x.astype(dtype, copy=False))
        features.check_empty(n_rows)
        codes = numpy.concatenate(codes)
        if n_rows > len(codes):
            left = f"{n_rows - len(codes)} of {n_rows} rows have empty cells and are left out"
            if not len(codes):
                raise DatasetError(f"{left}: none is left; --drop leaves out columns instead")
            note(f"note: {source}: {left}")
        if known is None or not known.names:
            head.say_rules(source, label)
        # An unnamed first one, as pandas and R write it, is no feature.
        has_index = 0 in counting and head.names[:1] == [""] and features.order[0] == 0
        if has_index:
            note(f"note: {source}: column 1, which has no name and counts the rows, is left out")
        features.tell(source, n_rows, counting[has_index:])
        x = _rows_in(file, dtype, len(codes))
    x, names, categories = features.encoded(x, int(has_index), scratch)
    features.warn_of_new(source)
    label_name = head.names[label] if head.names else None
    columns = Columns(label, label_name, names, categories)
    return Table(x, list(index), codes, index.first_rows, columns)


def table_batches(path, options, batch_size, known):
    """Read the rows of a table that a model is to predict; yield x of shape (n, n_in), float64.

    The path ``'-'`` is standard input, and n at most `batch_size`. `known` are the
    :class:`Columns` of the training data. With a header, a model that knows their names takes
    the columns by these and leaves the others out; a first row of just these names is a header.
    In other tables, the columns are the features; of one more, the label is left out, which is
    told as for training, but without a header is where it was then. Empty cells are NaN if the
    model fills them, else an error.
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
            head.say_rules(source, label, "is left out as the label")
        features = _Features(head, label, frames)
        try:
            for frame in frames(label, features.text, batch_size):
                yield features.encoded(features.numbers(frame, may_be_empty=False))[0]
        finally:
            features.warn_of_new(source)


class _Features:
    """Makes numbers of the features of a table, chunk by chunk."""

    def __init__(self, head, label, frames):
        self.head, self.order = head, head.features(label)
        if not self.order:
            raise DatasetError(
                "row 1 has one column: a label and at least one feature are needed, with a "
                "comma, a semicolon, a tab or | between them"
            )
        self.is_known = bool(head.known.categories)
        self.categories = head.known.categories or self._first_categories(frames)
        # Of each column of text, the number of each text that is a category.
        self.text = {
            i: {text: k for k, text in enumerate(texts)}
            for i, texts in zip(self.order, self.categories)
            if texts is not None
        }
        self.n_empty = numpy.zeros(len(self.order), int)
        self.n_new = 0

    def _first_categories(self, frames):
        """() for a column whose first cell that is not empty holds text, None for others."""
        found = {}
        for frame in frames(text=self.order, n_rows=64):
            for i in set(self.order) - set(found):
                first = next(filter(None, map(self.head.text_of, frame[i])), None)
                found.update({} if first is None else {i: first})
            if len(found) == len(self.order):
                break
        firsts = [found.get(i, "") for i in self.order]
        return [() if self.head.is_text(c) and c.lower() not in BOOLEANS else None for c in firsts]

    def numbers(self, frame, may_be_empty=True):
        """A chunk as float64, of shape (n, columns): of a text its number, NaN if it is empty."""
        frame, decimal = frame[self.order], self.head.options.decimal
        if not self.text and all(dtype.kind in "biuf" for dtype in frame.dtypes):
            x = frame.to_numpy("float64", na_value=numpy.nan)
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
            self._refuse(frame, *numpy.argwhere(~is_good)[0])
        if not may_be_empty and self.head.options.missing != "mean" and is_empty.any():
            row, j = numpy.argwhere(is_empty)[0]
            raise DatasetError(
                f"row {frame.index[row] + self.head.first_row}, {self.head.shown(self.order[j])} "
                "is empty or missing: fill it in, or train the model with --missing mean"
            )
        self.n_empty += is_empty.sum(axis=0)
        return numpy.ascontiguousarray(x)

    def _numbered(self, i, column):
        """The number of each text; -1 if it is none of the categories, NaN if it is empty."""
        codes, texts = _factorized(column)
        index, numbers = self.text[i], []
        for text in map(self.head.text_of, texts):
            if text and not self.is_known:
                index.setdefault(text, len(index))
            numbers.append(index.get(text, -1) if text else numpy.nan)
        if len(index) > MAX_CATEGORIES:
            raise DatasetError(
                f"{self.head.shown(i)} holds more than {MAX_CATEGORIES} different texts, which is "
                "too many to make each a feature: leave the column out with --drop"
            )
        numbers = numpy.array(numbers)[codes]
        is_new = numbers == -1
        # Where empty cells are not filled, they are an error, or their rows are left out.
        if self.is_known and "" not in index and self.head.options.missing == "mean":
            is_new |= numpy.isnan(numbers)
        self.n_new += int(is_new.sum())
        return numbers

    def _refuse(self, frame, row, i):
        cell, mend = self.head.text_of(frame.iat[row, i]), "fill it in or leave out the row"
        if "," in cell and not self.head.is_text(cell):
            mend = "if that is a decimal comma, give --decimal ,"
            if THOUSANDS.fullmatch(cell):
                mend += "; if it is between thousands, write numbers without"
        elif self.head.is_text(cell):
            mend = "write it as a number or, if that column is the label, give --label-column"
            mend += "" if self.is_known else "; --drop leaves the column out"
        raise DatasetError(
            f"row {frame.index[row] + self.head.first_row}, "
            f"{self.head.shown(frame.columns[i])} holds {repr(cell)[:60]}: every feature must be "
            f"a finite number, and no larger than float32 can hold; {mend}"
        )

    def check_empty(self, n_rows):
        """Say of all empty cells, of which there may be some only if an option tells what then."""
        counts = sorted(zip(-self.n_empty, self.order))
        empty = [self.head.shown(i) for n, i in counts if n == -n_rows]
        if empty and not self.is_known:
            raise DatasetError(f"all cells are empty in {listed(empty)}: --drop them")
        shown = [f"{-n} in {self.head.shown(i)}" for n, i in counts if n]
        if shown and self.head.options.missing is None:
            raise DatasetError(
                f"empty or missing cells: {listed(shown)}; --missing mean fills them with the mean "
                "(in a column of text they are a category of its own), --missing drop leaves their "
                "rows out, and --drop leaves columns out"
            )

    def encoded(self, x, first=0, scratch=None):
        """One-hot encode, from column `first` on; return x, the names and the categories."""
        categories, codes = [], []
        for i, texts, n_empty in list(zip(self.order, self.categories, self.n_empty))[first:]:
            if i in self.text and not self.is_known:
                is_filled = n_empty and self.head.options.missing == "mean"
                texts = [""] * bool(is_filled) + sorted(self.text[i])
            categories.append(texts)
            codes.append(texts and [self.text[i][text] if text else numpy.nan for text in texts])
        names = [self.head.names[i] for i in self.order[first:]] if self.head.names else None
        x = x[:, first:]
        if any(codes_of is not None for codes_of in codes):
            with _scratch_file(scratch) as file:
                for block in blocks(x):
                    file.write(one_hot(block, codes))
                x = _rows_in(file, x.dtype, len(x))
        return x, names and tuple(names), tuple(categories)

    def tell(self, source, n_rows, counting):
        """Say which columns are one-hot encoded, and warn of those that are of no use."""
        if self.is_known:
            return
        told = [f"{self.head.shown(i)} of {len(texts)} texts" for i, texts in self.text.items()]
        if told:
            note(f"note: {source}: one-hot encoded: {listed(told)}")
        for j, i in enumerate(self.order):
            shown, texts, fault = self.head.shown(i), self.text.get(i, ()), None
            if n_rows < ROWS_A_TEXT * len(texts):
                fault = f"has {len(texts)} different texts in {n_rows} rows"
            elif j in counting:
                fault = "counts the rows"
            elif self.head.names and self.head.names[i] in ID_NAMES and not texts:
                fault = "is a row's name"
            if fault and n_rows >= MIN_ROWS:
                warning(f"{source}: {shown} {fault}, which says nothing of new ones: --drop it")
            if 2 * sum(map(bool, map(NUMBER.fullmatch, texts))) > len(texts):
                text = cut(next(iter(texts)))
                warning(
                    f"{source}: most texts of {shown} are numbers, and the first is {text}: if "
                    f"that is a missing one, give --na '{text}', and --missing"
                )

    def warn_of_new(self, source):
        """Warn of texts that are none of the categories that a model knows."""
        if self.n_new:
            warning(
                f"{source}: cells with a category that is new to the model: {self.n_new}; they "
                "count as none of the categories of their columns"
            )


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
    codes, found = column.factorize()
    return codes % (len(found) + 1), [*(str(text).strip() for text in found), ""]


def _number(text, decimal):
    """The number that a text is, NaN if it is empty, infinity if it is none."""
    other = "." if decimal == "," else ","
    if not text or text.lower() in BOOLEANS:
        return BOOLEANS.get(text.lower(), numpy.nan)
    is_number = NUMBER.fullmatch(text) and other not in text
    return float(text.replace(",", ".")) if is_number else numpy.inf
