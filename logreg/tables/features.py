"""The features of a table as they are read: numbers at once, texts when all are known."""

import contextlib
import io
import itertools
import tempfile
from dataclasses import replace

import numpy

from logreg.datasets.options import NUMBER, TEXT, Columns
from logreg.datasets.pixels import image_shape, may_be_pixels
from logreg.datasets.preprocessing import FLOAT32_MAX, Moments, blocks, one_hot
from logreg.errors import DatasetError, listed
from logreg.tables.columns import NEW, Column

ROWS_OF_A_VALUE = 5  # on average at least, in a column that may tell the label
N_SAMPLED = 1000


class Features:
    """Gathers the cells of features, chunk by chunk, and tells what their columns are.

    `order` are the indices of the columns.
    """

    def __init__(self, head, order):
        self.head, known = head, head.known
        kinds = known.kinds or [TEXT if i in head.categorical else None for i in order]
        categories = known.categories or [None] * len(order)
        self.columns = [Column(head, *each) for each in zip(order, kinds, categories)]
        self.raw = {column.index for column in self.columns if column.kind == TEXT}
        self.n_rows, self.indices = 0, []  # of the chunks

    def add(self, frame):
        """Take in a chunk; return it as float64, of shape (n, columns), NaN where texts are."""
        kinds, x = [*frame.dtypes], numpy.full((len(frame), len(self.columns)), numpy.nan)
        is_number = [
            kinds[c.index].kind in "biuf" and (c.kind or NUMBER).startswith(NUMBER)
            for c in self.columns
        ]
        numbers = frame[[c.index for c in itertools.compress(self.columns, is_number)]]
        x[:, is_number] = numbers.to_numpy("float64", na_value=numpy.nan)
        is_bool = [kinds[c.index].kind == "b" for c in self.columns]
        x[numpy.isin(x, self.head.na) & ~numpy.array(is_bool)] = numpy.nan
        for row, j in numpy.argwhere(abs(x) > FLOAT32_MAX):
            raise DatasetError(
                f"row {frame.index[row]}, {self.columns[j].title} holds {x[row, j]:g}: numbers "
                "must be finite, and no larger than float32 can hold"
            )
        has_numbers = numpy.isfinite(x).any(axis=0).tolist()
        for column, is_one, has_some in zip(self.columns, is_number, has_numbers):
            column.has_numbers |= has_some
            if not is_one or (column.kind is None and not has_some):  # text may have empty chunks
                column.add(frame[column.index], self.n_rows)
        self.n_rows += len(frame)
        self.indices.append(frame.index)
        return x

    def rows(self):
        """The numbers of the rows."""
        return numpy.concatenate(self.indices)

    def fill(self, x):
        """Put numbers in place of all texts: see :meth:`.Column.values`.

        Returned is for the title of a column with a category that the model does not know, what is
        said of it.
        """
        doubts, new = {}, {}
        for j, column in enumerate(self.columns):
            if not column.chunks:
                column.kind = column.kind or NUMBER
                continue
            values = column.values(len(x))
            for start, _, codes in column.chunks:
                x[start : start + len(codes), j] = values[codes]
            for number, found in ((numpy.inf, doubts), (NEW, new)):
                texts = [*itertools.compress(column.numbers, values == number)]
                if texts:
                    found[column] = texts[:3]
        if doubts:
            raise DatasetError(_doubtful(doubts))
        return {column.title: column.held(texts[:1]) for column, texts in new.items()}

    def leave_out_constant(self, x):
        """Leave out columns with names whose cells are all alike, but if the rows are pictures."""
        moments = Moments(x)
        alike = ~(moments.high > moments.low)
        has_text = any(column.kind == TEXT for column in self.columns)
        ends = numpy.fmin.reduce(moments.low), numpy.fmax.reduce(moments.high)
        guess = not has_text and may_be_pixels(*ends)
        if image_shape((len(alike),), guess) or not self.head.names or alike.all():
            return
        for column, is_alike in zip(self.columns, alike.tolist()):
            column.is_left_out = is_alike

    def check_empty(self, x):
        """Refuse empty cells, which are counted, if no option tells what becomes of them.

        A column of empty cells alone is left out.
        """
        if self.head.options.missing:
            return
        n_empty = sum(numpy.isnan(block).sum(axis=0) for block in blocks(x))
        listing = [
            f"{n_empty[j]} in {column.title} (row {self.rows()[numpy.isnan(x[:, j])][0]})"
            for j, column in enumerate(self.columns)
            if n_empty[j] > 0 and not (column.is_left_out and n_empty[j] == len(x))
        ]
        if listing:
            raise DatasetError(
                f"empty or missing cells: {listed(listing)}; in training, `missing='mean'` fills "
                "them, and `drop` leaves columns out"
            )

    def encoded(self, x, scratch=None):
        """One-hot encode the columns of categories, and leave out those that are alike."""
        codes = [
            [] if c.is_left_out else c.categories and [*range(len(c.categories))]
            for c in self.columns
        ]
        if all(each is None for each in codes):
            return x
        with scratch_file(scratch) as file:
            for block in blocks(x):
                file.write(one_hot(block, codes))
            return rows_in(file, x.dtype, len(x))

    def described(self, label):
        """The :class:`Columns` of the table."""
        head, left = self.head, [column for column in self.columns if not column.is_left_out]
        group = None if head.group is None else head.name(head.group)  # wherever others have it
        return Columns(
            label,
            head.names[label] if head.names else None,
            tuple(head.names[column.index] for column in left) if head.names else None,
            tuple(column.categories for column in left),
            tuple(column.kind for column in left),
            replace(head.options, decimal=head.decimal, group=group),
            tuple(column.index + 1 for column in left),
        )

    def rules(self):
        """Tell what columns were taken for, where that is no matter of course."""
        encoded = [f"{c.title} of {len(c.categories)} texts" for c in self.columns if c.categories]
        for what, found in (
            ("one-hot encoded", encoded),
            ("read as numbers (`categorical`: as text)", [c.example() for c in self.columns]),
            ("left out, as all cells are alike", [c.title for c in self.columns if c.is_left_out]),
        ):
            if any(found):
                yield f"{what}: {listed([*filter(None, found)])}"
        if self.head.options.decimal is None and self.head.decimal == ",":
            yield "the decimal mark is a comma (`decimal='.'`: it is none)"


def _doubtful(doubts):
    """Say which texts make it doubtful what columns are, and what to do about them."""
    held = ", ".join(column.held(texts) for column, texts in doubts.items())
    names = ",".join(column.name for column in doubts)
    texts = [text[:30] for texts in doubts.values() for text in texts if "`" not in text]
    na = " and ".join(f"`na={text!r}`" for text in texts[:3]) or "`na`"
    return (
        f"{held}: a column holds numbers (of one currency, below 3e38), dates whose day is clear, "
        "or few texts. Mend these cells (2024-01-31 is clear, `decimal=','` reads 0,5); or, in "
        f"training, {na} lets them count as empty, `categorical={names!r}` makes each text a "
        f"category, `drop={names!r}` leaves the columns out"
    )


def oddities(x, codes, columns):
    """Yield what is odd about the columns of x, of shape (n, d), where `codes` has the labels."""
    step = 1 + len(x) // N_SAMPLED
    for is_odd, said in (
        (_numbers_rows, "numbers the rows: `drop` leaves it out"),
        (
            _tells,
            "tells the label by itself: is it known before the label is? `drop` leaves it out",
        ),
    ):
        found = [
            column.title
            for j, column in enumerate(columns)
            if is_odd(x[::step, j], codes[::step], column, 1)
            and is_odd(x[:, j], codes, column, ROWS_OF_A_VALUE)
        ]
        if found:
            yield f"{listed(found)} {said}"


def _numbers_rows(values, codes, column, n_rows):
    """Whether values are whole numbers, each larger than the one above."""
    is_whole = column.kind == NUMBER and len(values) > 2 and (values == values.round()).all()
    return is_whole and (numpy.diff(values) > 0).all()


def _tells(values, codes, column, n_rows):
    """Whether each value has one class, and so many rows on average, or each class one range."""
    values = numpy.unique(values, return_inverse=True)[1]
    n_values, n_classes = values.max() + 1, codes.max() + 1
    n_pairs = len(numpy.unique(values.astype("int64") * n_classes + codes))
    n_changes = numpy.count_nonzero(numpy.diff(codes[numpy.argsort(values)]))
    is_often = n_rows * n_values <= len(values) or n_changes == n_classes - 1
    return n_classes > 1 and n_pairs == n_values and is_often


def scratch_file(folder):
    """Open a file that is gone with its last map; without a folder, it is in memory.

    Both grow in place, unlike a list of arrays that are joined.
    """
    in_memory = contextlib.nullcontext(io.BytesIO())
    return in_memory if folder is None else tempfile.TemporaryFile(dir=folder)


def rows_in(file, dtype, n_rows):
    """What was written to a :func:`scratch_file`, as an array of that many rows."""
    in_memory = isinstance(file, io.BytesIO)
    x = numpy.frombuffer(file.getbuffer(), dtype) if in_memory else numpy.memmap(file, dtype, "r+")
    return x.reshape(n_rows, -1)
