"""The features of a table as they are read: numbers at once, texts when all are known."""

import contextlib
import io
import re
import tempfile
from collections import defaultdict
from dataclasses import replace

import numpy

from logreg.console import warning
from logreg.datasets import columns
from logreg.datasets.columns import TEXT, DoubtError
from logreg.datasets.facts import image_shape
from logreg.datasets.header import Columns
from logreg.datasets.preprocessing import FLOAT32_MAX, Moments, blocks, one_hot
from logreg.errors import DatasetError, listed, quoted


class Texts:
    """The texts of a column, each with its number; an empty cell has none, and the number -1."""

    def __init__(self, head):
        self.head, self.numbers, self.chunks = head, {}, []

    def add(self, cells, start=0):
        """Take in cells, of which `start` come before; return the number of each one's text."""
        codes, occurring = cells.factorize()
        texts = [*map(self.head.text_of, occurring), ""]
        for text in filter(None, texts):
            self.numbers.setdefault(text, len(self.numbers))
        codes = numpy.array([self.numbers.get(text, -1) for text in texts], "int32")[codes]
        self.chunks.append((start, codes))
        return codes

    def codes(self):
        """The number of each row's text."""
        return numpy.concatenate([codes for _, codes in self.chunks])


class Features:
    """Gathers the cells of features, chunk by chunk, and tells what their columns are.

    `order` are the indices of the columns. `new` gets what is none of the categories that a model
    knows: for a column a row, its text, and the number of such cells.
    """

    def __init__(self, head, order, new=None):
        self.head, self.order, self.new = head, order, {} if new is None else new
        self.titles = [head.title(i) for i in order]
        kinds = [TEXT if i in head.categorical else None for i in order]
        self.kinds = list(head.known.kinds) or kinds
        self.categories = list(head.known.categories) or [None] * len(order)
        self.raw = {i for i, kind in zip(order, self.kinds) if kind == TEXT}
        self.indices, self.n_rows, self.texts, self.examples = [], 0, {}, {}
        self.n_numbers = numpy.zeros(len(order), int)

    def add(self, frame):
        """Take in a chunk; return it as float64, of shape (n, columns), NaN where texts are."""
        kinds, x = [*frame.dtypes], numpy.full((len(frame), len(self.order)), numpy.nan)
        is_number = [kinds[i].kind in "biuf" and i not in self.raw for i in self.order]
        is_number = numpy.array(is_number)
        numbers = frame[numpy.array(self.order)[is_number]]
        x[:, is_number] = numbers.to_numpy("float64", na_value=numpy.nan)
        x[numpy.isin(x, self.head.na)] = numpy.nan
        for row, j in numpy.argwhere(abs(x) > FLOAT32_MAX):
            raise DatasetError(
                f"row {frame.index[row] + self.head.first_row}, {self.titles[j]} holds "
                f"{x[row, j]:g}: numbers must be finite, and no larger than float32 can hold"
            )
        for j in numpy.flatnonzero(~is_number):
            texts = self.texts.setdefault(j, Texts(self.head))
            texts.add(frame[self.order[j]], self.n_rows)
        self.n_numbers += numpy.isfinite(x).sum(axis=0)
        self.n_rows += len(frame)
        self.indices.append(frame.index)
        return x

    def numbers_of(self, places):
        """The numbers of rows in their file, of which those without a label may be left out."""
        return (numpy.concatenate(self.indices)[places] + self.head.first_row).tolist()

    def fill(self, x):
        """Put numbers in place of all texts: see :func:`.values_of`."""
        doubts = defaultdict(list)
        for j, texts in self.texts.items():
            try:
                values = self._values(j, [*texts.numbers, ""])
            except DoubtError as doubt:
                doubts[doubt.args[0]].append((j, doubt.args[1]))
                continue
            for start, codes in texts.chunks:
                x[start : start + len(codes), j] = values[codes]
        if doubts:
            raise DatasetError("; ".join(self._said(*each) for each in doubts.items()))
        self.kinds = [kind or columns.NUMBER for kind in self.kinds]

    def _values(self, j, texts):
        decimal = self.head.decimal
        if self.kinds[j] is None:
            is_text = self.order[j] in self.head.texts
            how = self.n_rows, self.n_numbers[j], decimal, is_text
            self.kinds[j] = columns.kind_of(texts[:-1], *how)
        if self.kinds[j] == TEXT and self.categories[j] is None:
            has_empty = self.head.options.missing and self._where(j, "").size
            found = texts if has_empty else texts[:-1]
            self.categories[j] = sorted({*map(columns.whole, found)})
        values = columns.values_of(self.kinds[j], texts, decimal, self.categories[j])
        misfits = [text for text, value in zip(texts, values) if value == numpy.inf]
        if misfits:
            raise columns.misfit(misfits, decimal)
        for text, value in zip(texts[:-1], values):
            if self.kinds[j] == TEXT and value == columns.NEW:
                rows = self._where(j, text)
                seen = self.new.setdefault(self.titles[j], [self.numbers_of(rows[0]), text, 0])
                seen[2] += len(rows)
            elif self.kinds[j] != TEXT and not (decimal == "." and columns.PLAIN.fullmatch(text)):
                self.examples.setdefault(j, (text, value))
        return values

    def _where(self, j, text):
        """The places of the rows in which a column holds a text."""
        number = self.texts[j].numbers.get(text, -1)
        places = (start + numpy.flatnonzero(c == number) for start, c in self.texts[j].chunks)
        return numpy.concatenate([*places])

    def _said(self, advice, doubts):
        """Name the columns that are in doubt, and say what to do."""
        phrases, words = [], [text for _, texts in doubts for text in texts[:3] if "`" not in text]
        for j, texts in doubts:
            rows = [self._where(j, text) for text in texts[:3]]
            held = zip(map(quoted, texts), map(len, rows))
            held = ", ".join(text + f" ({n} rows)" * (n > 1) for text, n in held)
            phrases.append(f"row {self.numbers_of(rows[0][0])}, {self.titles[j]} holds {held}")
        names = ",".join(self.head.name(self.order[j]) for j, _ in doubts)
        na = " and ".join(f"`na={text[:30]!r}`" for text in words[:3]) or "`na`"
        return f"{', '.join(phrases)}: {advice.format(names=names, na=na)}"

    def constant(self, x):
        """The places of columns to leave out: those with names, of cells that are all alike.

        Of pictures, none is.
        """
        moments = Moments(x)
        alike = ~(moments.high > moments.low)
        is_picture = image_shape((len(alike),), guess=TEXT not in self.kinds)
        is_kept = is_picture or not self.head.names or alike.all()
        return [] if is_kept else numpy.flatnonzero(alike).tolist()

    def check_empty(self, x, constant=()):
        """Refuse empty cells, which are counted, if no option tells what becomes of them.

        A column of empty cells alone is left out.
        """
        if self.head.options.missing == "mean":
            return
        n_empty = sum(numpy.isnan(block).sum(axis=0) for block in blocks(x))
        n_empty[[j for j in constant if n_empty[j] == len(x)]] = 0
        listing = [
            f"{n_empty[j]} in {self.titles[j]} (row {self.numbers_of(numpy.isnan(x[:, j]))[0]})"
            for j in numpy.argsort(-n_empty, kind="stable")[: numpy.count_nonzero(n_empty)]
        ]
        if listing:
            raise DatasetError(
                f"empty or missing cells: {listed(listing)}; in training, `missing='mean'` fills "
                "them, and `drop` leaves columns out"
            )

    def encoded(self, x, constant=(), scratch=None):
        """One-hot encode the columns of categories, and leave out those that are constant."""
        codes = [texts and [*range(len(texts))] for texts in self.categories]
        for j in constant:
            codes[j] = []
        if all(each is None for each in codes):
            return x
        with scratch_file(scratch) as file:
            for block in blocks(x):
                file.write(one_hot(block, codes))
            return rows_in(file, x.dtype, len(x))

    def described(self, label, constant):
        """The :class:`Columns` of the table."""
        head, left = self.head, [j for j in range(len(self.order)) if j not in constant]
        return Columns(
            label,
            head.names[label] if head.names else None,
            tuple(head.names[self.order[j]] for j in left) if head.names else None,
            tuple(self.categories[j] for j in left),
            tuple(self.kinds[j] for j in left),
            replace(head.options, decimal=head.decimal),
        )

    def rules(self, constant):
        """Tell what columns were taken for, where that is no matter of course."""
        for j, i in enumerate(self.order):
            codes = [row[i] for row in self.head.data if re.fullmatch("0[0-9]+", row[i])]
            if codes and self.kinds[j] == columns.NUMBER:  # as of places
                self.examples.setdefault(j, (codes[0], float(codes[0])))
        read = [(self.titles[j], quoted(text), x) for j, (text, x) in self.examples.items()]
        encoded = [f"{t} of {len(c)} texts" for t, c in zip(self.titles, self.categories) if c]
        for what, found in (
            ("one-hot encoded", encoded),
            (
                "read as numbers (`categorical`: as text)",
                [f"{t}, {c} as {x:.9g}" for t, c, x in read],
            ),
            ("left out, as all cells are alike", [self.titles[j] for j in constant]),
        ):
            if found:
                yield f"{what}: {listed(found)}"
        if self.head.options.decimal is None and self.head.decimal == ",":
            yield "the decimal mark is a comma (`decimal='.'`: it is none)"

    def warn_of_new(self, source):
        """Say which categories the model does not know."""
        for title, (row, text, n) in self.new.items():
            cell = f"{source}: row {row}, {title} holds {quoted(text)}"
            warning(f"{cell}, no category that the model knows; {n} such cells in all")


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
