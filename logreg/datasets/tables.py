"""Tables: CSV and its kin, read by pandas in chunks, so that memory holds numbers and no text.

Rows and columns are counted from 1, and the header is row 1. Blank lines do not count.
"""

import contextlib
import re
import shutil
import sys
import tempfile
import warnings
from typing import NamedTuple

import numpy

from logreg.datasets.formats import WithoutNul, open_bytes, reading
from logreg.datasets.header import NO_OPTIONS, NUMBER, Columns, Header, is_text, say_rules
from logreg.datasets.header import TableOptions as TableOptions
from logreg.errors import DatasetError

COMPRESSIONS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ": "xz", b"PK\x03\x04": "zip"}
FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)
CHUNK = 1 << 20  # cells
MAX_LABELS = 1 << 15  # different ones


class Table(NamedTuple):
    """A table with labels."""

    x: numpy.ndarray  # the features, of shape (n, d), all of them finite
    labels: list  # the texts that occur, in the order in which they do
    codes: numpy.ndarray  # of shape (n,): for each row the index of its label in `labels`
    first_rows: list  # for each of `labels` the row of the file in which it occurs first
    columns: Columns


def read_table(path, options=NO_OPTIONS, dtype="float64", feature_names=None, label_name=None):
    """Read a table with a label in each row, plain or compressed by gzip, zip, bzip2 or xz.

    The delimiter is a tab, ``;`` or ``|`` if the first line has one outside quotes, else a comma.
    The first row is a header if a text cell of it stands over a number, if all its cells are
    text, or if one of them is label, class or target. The label is the column called label,
    class or target; else the one text column; else the one called y; else, without a header,
    the first. With a header, a model that is to be tested takes the features and the label that
    it knows by name.
    """
    data, codes, index, first_rows = bytearray(), [], {}, []
    with _opened(path, options) as (read_csv, head):
        label = head.find_label(label_name)
        order = head.features(label, feature_names)
        if not order:
            raise DatasetError(
                "row 1 has one column: a label and at least one feature are needed, with a "
                "comma, a semicolon, a tab or | between them"
            )
        for frame in _frames(read_csv, head, dtype={label: str}):
            found_codes, found = frame[label].factorize()
            found = [text.strip() for text in found]
            for text, i in zip(found, numpy.unique(found_codes, return_index=True)[1]):
                if index.setdefault(text, len(index)) == len(first_rows):
                    first_rows.append(head.row_of(frame, i))
            if len(index) > MAX_LABELS:
                raise DatasetError(
                    f"{head.shown(label)} has more than {MAX_LABELS} different labels by row "
                    f"{first_rows[-1]}: that is too many; --label-column names another column"
                )
            codes.append(numpy.array([index[text] for text in found])[found_codes])
            # It grows in place, unlike a list of arrays that are joined.
            data += _numbers(frame[order], head).astype(dtype, copy=False).data.cast("B")
    codes = numpy.concatenate(codes)
    x = numpy.frombuffer(data, dtype).reshape(len(codes), -1)
    return Table(x, list(index), codes, first_rows, head.columns(label, order))


def table_batches(path, options, batch_size, n_in, feature_names=None, label_name=None):
    """Read the rows of a table that a model is to predict; yield x of shape (n, n_in), float64.

    The path ``'-'`` is standard input, and n at most `batch_size`. With a header, a model that
    knows its features' names takes the columns by these and leaves the others out; a first row of
    just these names is a header. In other tables, `n_in` columns are the features; of one more,
    the label is left out, which is told as for training.
    """
    with _opened(path, options, feature_names) as (read_csv, head):
        label, width = None, len(head.cells)
        if not (head.has_header and feature_names):
            if width not in (n_in, n_in + 1):
                raise DatasetError(f"the model expects {n_in} features, got {width} columns")
            label = None if width == n_in else head.find_label(label_name)
        order = head.features(label, feature_names)
        is_sure = feature_names and any(map(is_text, feature_names))
        if label is not None or (head.has_header and not is_sure):
            say_rules(_name(path), head.columns(label, order), options, "is left out as the label")
        for frame in _frames(read_csv, head, batch_size):
            yield _numbers(frame[order], head)


def read_header(path, options=NO_OPTIONS):
    """Read the first rows of a table, as a :class:`~logreg.datasets.header.Header`."""
    with _opened(path, options) as (_, head):
        return head


def _name(path):
    return "standard input" if path == "-" else path


@contextlib.contextmanager
def _opened(path, options, feature_names=None):
    """Yield pandas.read_csv with the arguments that a table needs, and its Header."""
    with reading(_name(path)), contextlib.ExitStack() as stack:
        try:
            with _quiet():
                import pandas
        except ImportError:
            raise DatasetError("pandas reads tables: pip install '.[tables]'") from None
        if path != "-":
            stream = stack.enter_context(open_bytes(path))
        elif sys.stdin is None:
            raise DatasetError("standard input is closed: pipe a table into it")
        else:
            stream = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(sys.stdin.buffer, stream)
            stream.seek(0)
        magic = stream.read(6)
        how = {"keep_default_na": False, "low_memory": False, "skipinitialspace": True}
        kinds = [kind for begin, kind in COMPRESSIONS.items() if magic.startswith(begin)]
        how["compression"] = kinds[0] if kinds else None
        stream = stream if kinds else stack.enter_context(WithoutNul(stream))

        def read_csv(**more):
            stream.seek(0)
            with _quiet():
                return pandas.read_csv(stream, **how, **more)

        try:
            # The first line as one cell: quotes are not heeded, and it has no unit separator.
            line = read_csv(sep="\x1f", quoting=3, header=None, nrows=1, dtype=str).iat[0, 0]
            line = re.sub('"[^"]*"', "", line)
            how["sep"] = next((c for c in "\t;|" if c in line), ",")
            rows = read_csv(header=None, nrows=2, dtype=str).to_numpy().tolist()
            rows = [[cell.strip() for cell in row] for row in rows]
            how["decimal"] = options.decimal
            if tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1):  # then always exact
                how["float_precision"] = "round_trip"
            yield read_csv, Header(rows, options, feature_names)
        except UnicodeDecodeError as error:
            raise DatasetError(f"is not UTF-8 text ({error}): save the table as UTF-8") from None
        except pandas.errors.EmptyDataError:
            raise DatasetError("is empty: it has no row") from None
        except pandas.errors.ParserError as error:
            said = ascii(str(error))[1:-1][:200]
            ragged = re.search(r"Expected (\d+) fields in line (\d+), saw (\d+)", said)
            quote = re.search(r"EOF inside string starting at row (\d+)", said)
            if ragged:
                said = "line {1} has {2} columns, row 1 has {0}: every row needs as many"
                said = said.format(*ragged.groups())
            elif quote:
                said = f"line {int(quote[1]) + 1} has a quote that is never closed: mend it"
            raise DatasetError(said) from None


@contextlib.contextmanager
def _quiet():
    """Keep off stderr what pandas warns of: that is meant for programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _frames(read_csv, head, n_rows=CHUNK, **how):
    """Read the rows of data in chunks, whose columns are called 0, 1, ..."""
    how.update(header=0 if head.has_header else None, names=range(len(head.cells)))
    with read_csv(chunksize=min(n_rows, max(32, CHUNK // len(head.cells))), **how) as frames:
        while True:
            with _quiet():
                frame = next(frames, None)
            if frame is None:
                return
            yield frame


def _numbers(frame, head):
    """The numbers in a chunk, as float64; raise a DatasetError at the first that is none."""
    if all(dtype.kind in "biuf" for dtype in frame.dtypes):
        x = frame.to_numpy("float64")
    else:  # a cell is no number, or so long a one that pandas left it as text
        x = numpy.empty(frame.shape)
        for i, (_, column) in enumerate(frame.items()):
            is_odd = column.dtype.kind not in "biuf"
            x[:, i] = [_number(cell, head.options.decimal) for cell in column] if is_odd else column
    is_good = abs(x) <= FLOAT32_MAX  # nor is NaN
    if is_good.all():
        return numpy.ascontiguousarray(x)
    row, i = numpy.argwhere(~is_good)[0]
    cell = str(frame.iat[row, i]).strip()
    mend = "fill it in or leave out the row"
    if "," in cell and not is_text(cell):
        mend = "if that is a decimal comma, give --decimal ,"
    elif is_text(cell):
        mend = "write it as a number or, if that column is the label, give --label-column"
    found = f"holds {ascii(cell)[:60]}" if cell else "is empty or missing"
    raise DatasetError(
        f"row {head.row_of(frame, row)}, {head.shown(frame.columns[i])} {found}: every feature "
        f"must be a finite number, and no larger than float32 can hold; {mend}"
    )


def _number(cell, decimal):
    text, other = str(cell).strip(), "," if decimal == "." else "."
    is_number = NUMBER.fullmatch(text) and other not in text
    return float(text.replace(",", ".")) if is_number else numpy.nan
