"""The features of a table: numbers are read chunk by chunk, texts once all of them are known."""

import contextlib
import io
import itertools
import tempfile
from dataclasses import replace

import numpy

from logreg.basics.console import warning
from logreg.basics.errors import DatasetError, listed
from logreg.parts.facts import name_features
from logreg.parts.options import NUMBER
from logreg.parts.pixels import image_shape, may_be_pixels
from logreg.parts.preprocessing import FLOAT32_MAX, blocks, ends_of
from logreg.tables.columns import MISFIT, UNKNOWN, Column

# In a column that may determine the label, each value has so many rows on average, or more.
ROWS_PER_VALUE = 5
N_SAMPLED = 1000  # columns are first checked for oddities on about so many rows
NINES = (-99, -999, -9999, -99999)  # as people write an empty cell among numbers
# For more misfits, or longer ones, `na` is not advised: they are hardly all empty cells.
MOST_NA_TEXTS = 3
LONGEST_NA_TEXT = 30


class Features:
    """Gathers the cells of features, chunk by chunk, and finds what their columns hold.

    `indices` are those of the columns in the table.
    """

    def __init__(self, header, indices):
        self.header = header
        model = header.model_columns  # in training, its kinds and its categories are ()
        columns = itertools.zip_longest(indices, model.kinds, model.categories)
        self.columns = [Column(header, *column) for column in columns]
        self.n_rows = 0
        self.row_numbers = []  # of each chunk

    def raw_columns(self):
        """The indices of the columns in which pandas must not make numbers of texts."""
        return {column.index for column in self.columns if not column.may_be_numbers}

    def read(self, frame):
        """Read the numbers of a chunk, and take in its texts.

        Returns
        -------
        numpy.ndarray
            Of shape (rows, columns), float64. It is NaN where a cell is empty or a text:
            :meth:`finish` puts numbers there.
        """
        dtypes = [*frame.dtypes]
        numeric = [
            j
            for j, column in enumerate(self.columns)
            if column.may_be_numbers and dtypes[column.index].kind in "iuf"
        ]
        numbers = frame[[self.columns[j].index for j in numeric]]
        x = numpy.full((len(frame), len(self.columns)), numpy.nan)
        x[:, numeric] = numbers.to_numpy("float64", na_value=numpy.nan)
        x[numpy.isin(x, self.header.na_numbers)] = numpy.nan
        # NaN for a column without a number
        largest = numpy.fmax.reduce(abs(x), axis=0, initial=numpy.nan)
        for column, size in zip(self.columns, largest.tolist()):
            if size <= FLOAT32_MAX:
                column.has_numbers = True
            else:  # texts, or empty cells; as texts, numbers that are too large become misfits
                column.add(frame, self.n_rows)
        self.n_rows += len(frame)
        self.row_numbers.append(frame.index)
        return x

    def finish(self, x):
        """Find what the columns hold, and put numbers in place of texts into all rows x.

        Misfits and empty cells are refused. In training, constant columns of a table with a header
        are marked as left out; without one, the columns of new rows could not be told apart. In
        prediction, a warning names a category that the model does not know, once for each column.
        """
        self._fill(x)
        if self.header.is_training and self.header.names:
            self._leave_out_constant(x)
        if not self.header.options.missing:
            self._check_empty(x)

    def rows(self):
        """The numbers of the rows."""
        return numpy.concatenate(self.row_numbers)

    def _fill(self, x):
        """Put numbers in place of all texts, see :meth:`.Column.read_texts`; refuse misfits."""
        misfits = {}
        for j, column in enumerate(self.columns):
            if column.kind is None:
                column.kind = column.find_kind(len(x))
            values = column.read_texts()
            for chunk in column.chunks:
                # The code of an empty cell is -1, and its value is the last one.
                x[chunk.n_above : chunk.n_above + len(chunk.codes), j] = values[chunk.codes]
            for text, value in zip(column.text_codes, values):
                if value == MISFIT:
                    misfits.setdefault(column, []).append(text)
                if value == UNKNOWN and column.title not in self.header.warned:
                    self.header.warned.add(column.title)
                    warning(
                        f"{self.header.source}: {column.where([text])}, no category that the model "
                        "knows"
                    )
        if misfits:
            raise DatasetError(_say_misfits(misfits))

    def _leave_out_constant(self, x):
        """Leave out each column that is constant; none if the rows are images, or all constant."""
        column_ends = numpy.array([numpy.fmin.reduce(x), numpy.fmax.reduce(x)])
        is_constant = ~(column_ends[1] > column_ends[0])  # also if both are NaN: it is empty
        has_text = any(column.categories is not None for column in self.columns)
        has_pixels = not has_text and may_be_pixels(*ends_of(column_ends, ignore_nan=True))
        are_images = has_pixels and image_shape((len(self.columns),), guess=True)
        if not are_images and not is_constant.all():
            for column, is_left_out in zip(self.columns, is_constant.tolist()):
                column.is_left_out = is_left_out

    def _check_empty(self, x):
        """Refuse empty cells; but a column that is left out may be empty as a whole."""
        n_empty = sum(numpy.isnan(block).sum(axis=0) for block in blocks(x))
        listing = []
        for column, values, n in zip(self.columns, x.T, n_empty):
            if n > 0 and not (column.is_left_out and n == len(x)):
                row = self.rows()[numpy.isnan(values)][0]
                listing.append(f"{n} in {column.title} (row {row})")
        if listing:
            raise DatasetError(
                f"empty or missing cells: {listed(listing)}; in training, `missing='mean'` fills "
                "them, and `drop` leaves columns out"
            )

    def encode(self, x, scratch=None):
        """One-hot encode the columns of categories, and leave out those that are constant.

        The result is x itself if there is nothing to do, else in a :func:`scratch_file` in the
        folder `scratch`.
        """
        if all(each.categories is None and not each.is_left_out for each in self.columns):
            return x
        with scratch_file(scratch) as file:
            for block in blocks(x):
                file.write(self._one_hot(block))
            return rows_in(file, x.dtype, len(x))

    def _one_hot(self, x):
        features = []
        for column, values in zip(self.columns, x.T):
            if column.is_left_out:
                continue
            if column.categories is None:
                features.append(values)
            else:
                features += [values == code for code in range(len(column.categories))]
        return numpy.column_stack(features).astype(x.dtype, copy=False)

    def describe(self, label):
        """The :class:`.TableFacts` of the table, as a dict."""
        header = self.header
        columns = [column for column in self.columns if not column.is_left_out]
        categories = tuple(column.categories for column in columns)
        facts = {
            "label_number": label + 1,
            "column_numbers": tuple(column.index + 1 for column in columns),
            "categories": categories if any(categories) else None,
            "kinds": tuple(column.kind.saved_as for column in columns),
            "options": replace(
                header.options,
                decimal=header.decimal,
                group=header.option_name(header.group),  # other files may have it elsewhere
                weight_column=header.option_name(header.weight),
            ),
        }
        if header.names:
            facts["label_name"] = header.names[label]
            facts["columns"] = tuple(header.names[column.index] for column in columns)
            facts["feature_names"] = name_features(facts["columns"], categories)
        return facts

    def notes(self):
        """Yield what columns were taken for, where one could think otherwise."""
        used = [column for column in self.columns if not column.is_left_out]
        encoded = [f"{c.title} of {len(c.categories)} texts" for c in used if c.categories]
        unusual = [column.title for column in used if column.has_unusual_numbers]
        left_out = [column.title for column in self.columns if column.is_left_out]
        if encoded:
            yield f"one-hot encoded: {listed(encoded)}"
        if unusual:
            yield f"read as numbers (`categorical`: as text): {listed(unusual)}"
        if left_out:
            yield f"the same in all rows (to 15 digits), so left out: {listed(left_out)}"
        if self.header.options.decimal is None and self.header.decimal == ",":
            yield "the decimal mark is a comma (`decimal='.'`: a point)"


def _say_misfits(misfits):
    """Say which texts do not fit their columns, and what can be done about them."""
    found = [f"{each.where(texts[:3])} {each.kind.doubt}" for each, texts in misfits.items()]
    names = ",".join(column.header.option_name(column.index) for column in misfits)
    texts = [*itertools.chain.from_iterable(misfits.values())]
    na_advice = ""
    if len(texts) <= MOST_NA_TEXTS and max(map(len, texts)) <= LONGEST_NA_TEXT:
        na = " and ".join(f"`na={text!r}`" for text in texts)
        na_advice = f"{na} makes empty cells of these, "
    return (
        f"{'; '.join(found)}. In training, {na_advice}`drop={names!r}` leaves out what is no "
        f"feature, such as names and sentences, and `categorical={names!r}` makes each text a "
        "category; or mend these cells"
    )


def oddities(x, label_codes, columns):
    """Yield what is odd about the columns of x, of shape (n, d)."""
    step = 1 + len(x) // N_SAMPLED
    numbering = []
    nines = []
    telling = []
    for column, values, low, high in zip(columns, x.T, numpy.fmin.reduce(x), numpy.fmax.reduce(x)):
        # Most columns fail on some rows, and need no check of all.
        if column.kind.saved_as == NUMBER:
            # Rows may have been shuffled. Then all numbers from the first to the last are there.
            is_consecutive = high - low == len(x) - 1  # unless a number is there twice
            numbers = numpy.sort(values) if is_consecutive else values
            if _is_increasing(numbers[::step]) and _is_increasing(numbers):
                numbering.append(column.title)
            if low in NINES:
                nines.append(f"the {low:.0f} in {column.title}")
        # A value may stand in one row of the sample, and in more of all rows.
        is_candidate = _determines_label(values[::step], label_codes[::step], rows_per_value=1)
        if is_candidate and _determines_label(values, label_codes, ROWS_PER_VALUE):
            telling.append(column.title)
    for found, what in (
        (numbering, "numbers the rows: `drop` leaves it out"),
        (nines, "may stand for an empty cell: if so, give it as `na`"),
        (
            telling,
            "tells the label by itself: is it known before the label is? `drop` leaves it out",
        ),
    ):
        if found:
            yield f"{listed(found)} {what}"


def _is_increasing(values):
    """Whether values are whole numbers, each larger than the one above."""
    is_whole = len(values) > 2 and (values == values.round()).all()
    return is_whole and (numpy.diff(values) > 0).all()


def _determines_label(values, label_codes, rows_per_value):
    """Whether all rows with the same value have the same class.

    To exclude chance, there must be `rows_per_value` rows for each value on average, or each class
    must have a range of values of its own.
    """
    ranks = numpy.unique(values, return_inverse=True)[1]
    n_values = ranks.max() + 1
    n_classes = label_codes.max() + 1
    # If there are as many pairs (value, class) as values, each value has one class.
    n_pairs = len(numpy.unique(ranks.astype("int64") * n_classes + label_codes))
    if n_classes == 1 or n_pairs > n_values:
        return False
    # If each class has a range, rows sorted by value change the class once between two ranges.
    n_changes = numpy.count_nonzero(numpy.diff(label_codes[numpy.argsort(ranks)]))
    return rows_per_value * n_values <= len(values) or n_changes == n_classes - 1


def scratch_file(folder):
    """Open a temporary file in a folder, or in memory without one.

    A file grows in place; joining a list of arrays would take their memory twice. The file on disk
    lasts as long as an array is mapped from it.
    """
    if folder is None:
        return contextlib.nullcontext(io.BytesIO())
    return tempfile.TemporaryFile(dir=folder)


def rows_in(file, dtype, n_rows):
    """Take what was written to a :func:`scratch_file` as an array of that many rows."""
    if isinstance(file, io.BytesIO):
        x = numpy.frombuffer(file.getbuffer(), dtype)
    else:
        x = numpy.memmap(file, dtype, "r+")
    return x.reshape(n_rows, -1)
