"""Reads a table in chunks of rows: CSV through pandas; Parquet, Excel and data frames whole."""

import codecs
import contextlib
import csv
import io
import itertools
import re
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from functools import partial

from logreg.datasets.formats import CHUNK, PARQUET, ZIP, open_bytes, parsing, reading
from logreg.datasets.frames import FRAME, is_frame
from logreg.errors import DatasetError, cut, needing
from logreg.tables.columns import decimal_mark
from logreg.tables.header import Header

CHUNK_CELLS = 1 << 19
FIRST_CHARACTERS = 1 << 16  # are looked at, to the end of their line
LONGEST_LINE = 1 << 23  # characters
# What begins a file in an encoding that it names so.
MARKED = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
FIRST_ROWS = 100  # of a frame are looked at


def name_of(source):
    """How messages call a table: its path, ``'-'`` as standard input, or a data frame."""
    if is_frame(source):
        return FRAME
    return "standard input" if source == "-" else source


@contextlib.contextmanager
def open_table(path, options, known=None):
    """Yield a function that reads a table in chunks, and its Header.

    In place of a path may be a pandas.DataFrame. The function is called with the indices of the
    columns whose texts are to stay as they are and a number of rows, and gives data frames whose
    columns are called 0, 1, ... and whose index are the numbers of the rows.
    """
    name, frame, is_sheet = name_of(path), path if is_frame(path) else None, False
    with reading(name), contextlib.ExitStack() as stack:
        with needing("a table", "tables", "pandas"), _quiet():
            import pandas
        if frame is None:
            stream = stack.enter_context(open_bytes(path) if path != "-" else _standard_input())
            start = stream.read(len(PARQUET))
            if start == PARQUET:
                pyarrow = "'pyarrow<18'" if sys.version_info < (3, 12) else "pyarrow"  # NumPy 1
                with needing("Parquet", "parquet", pyarrow), parsing():
                    from pyarrow import parquet

                    frame = parquet.read_table(stream).to_pandas(integer_object_nulls=True)
            elif start == ZIP:
                with needing("an Excel file", "excel", "openpyxl"), parsing(), _quiet():
                    how = {"keep_default_na": False, "na_values": [""], "dtype": object}
                    how["header"] = None if options.header is False else 0
                    frame = pandas.read_excel(stream, **how).dropna(how="all")
                    frame.index += 1 if options.header is False else 2
                    frame, is_sheet = frame.apply(partial(_as_numbers, pandas, options.na)), True
        if frame is None:
            encoding = _encoding(stream, options, known)
            stream.seek(0)
            text = io.TextIOWrapper(stream, encoding, newline="")
            yield _csv(pandas, text, options, known)
        else:
            yield _whole(pandas, frame, options, known, is_sheet)


def _as_numbers(pandas, na, column):
    """A sheet's column of fractions, of which some are kept as text, as numbers.

    Whole numbers beside empty cells stay objects: as floats, they would be others, or look so.
    """
    column = column.copy()
    column[column.isin(na)] = None
    if column.hasnans and pandas.api.types.infer_dtype(column) == "integer":
        return column
    with contextlib.suppress(TypeError, ValueError):
        if any(isinstance(cell, float) and cell % 1 > 0 for cell in column):
            return pandas.to_numeric(column)
    return column.infer_objects()


def _standard_input():
    """What is piped into the command, as a file: it may be larger than memory."""
    if sys.stdin is None:
        raise DatasetError("is closed: pipe a table into it")
    stream = tempfile.TemporaryFile()  # noqa: SIM115
    shutil.copyfileobj(sys.stdin.buffer, stream)
    stream.seek(0)
    return stream


def _encoding(stream, options, known):
    """The encoding of a text: that of its mark, else of the option, else UTF-8 or the model's."""
    stream.seek(0)
    start = stream.read(3)
    for mark, encoding in MARKED.items():
        if start.startswith(mark):
            return encoding
    if options.encoding or not known or not known.options.encoding:
        return options.encoding or "UTF-8"
    return "UTF-8" if _is_utf8(stream) else known.options.encoding


def _is_utf8(stream):
    """Whether a stream is text in UTF-8; that of UTF-16 has bytes of zero."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    stream.seek(0)
    try:
        for block in iter(partial(stream.read, CHUNK), b""):
            if "\0" in decoder.decode(block):
                return False
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def _first_lines(stream):
    """The text that shows the layout of a table, to the end of a line."""
    text = stream.read(FIRST_CHARACTERS)
    for _ in range(3):
        line = stream.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise DatasetError(f"has a line of more than {LONGEST_LINE:,} characters: is no table")
        text += line
    return text.lstrip("\ufeff")


def _csv(pandas, stream, options, known):
    with _parsing(pandas, stream):
        likely = options.decimal or (known and known.options.decimal)
        mark, n_lines, row, rows = _layout(_first_lines(stream), likely)
    head = Header(rows, options, known, _decimal(rows, mark, options, known), row)
    columns = range(len(head.cells))
    how = {"header": 0 if head.has_header else None, "names": columns, "skipinitialspace": True}
    how.update(sep=mark, skiprows=n_lines, decimal=head.decimal)
    how.update(keep_default_na=False, low_memory=False)
    if tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1):  # then always exact
        how["float_precision"] = "round_trip"

    def frames(raw=(), n_rows=CHUNK_CELLS):
        how["chunksize"] = _chunk_rows(n_rows, head)
        how["dtype"] = dict.fromkeys(raw, str)
        how["na_values"] = {i: options.na for i in columns if i not in raw}
        stream.seek(0)
        with _parsing(pandas, stream), pandas.read_csv(stream, **how) as chunks:
            for chunk in chunks:
                chunk.index += head.first_row
                yield chunk

    return frames, head


def _decimal(rows, delimiter, options, known):
    """The decimal mark of a table: the option's, or as its rows show; else the model's."""
    of_model = known and known.options.decimal
    return options.decimal or decimal_mark(rows, delimiter, of_model or ".")


def _chunk_rows(n_rows, head):
    """How many rows are read at a time, of up to `n_rows`."""
    return min(n_rows, max(32, CHUNK_CELLS // len(head.cells)))


@contextlib.contextmanager
def _parsing(pandas, stream):
    """Say what is to be done about text that is no table."""
    try:
        yield
    except UnicodeError as error:
        raise DatasetError(
            f"is not {stream.encoding} text ({error}): save the table as UTF-8, or give its "
            "encoding, which on Windows is `encoding='cp1252'`"
        ) from None
    except (csv.Error, pandas.errors.EmptyDataError, pandas.errors.ParserError) as error:
        reason, needed = cut(str(error).strip(), 200), "as many cells as row 1"
        raise DatasetError(f"{reason}: every row needs {needed}, each quote its end") from None


def _layout(text, decimal):
    """The delimiter of a table, how many lines are above its header, the row of that, and all rows.

    The delimiter is the one by which most rows have as many cells, two or more; it is the `decimal`
    mark only if no other is in most rows. What is above may be Excel's line sep=; and lines that
    begin with # and have another number of cells.
    """
    unquoted = re.sub('"[^"]*"', "", text).splitlines()

    def most_alike(mark):
        counts = Counter(line.count(mark) for line in unquoted if mark in line)
        found = ((mark != decimal and 2 * n > len(unquoted), n, k) for k, n in counts.items())
        return max(found, default=(False, 0, 0))

    given = re.match(r"sep=(.)[\r\n]", text)
    mark = given[1] if given else max("\t;|,", key=most_alike)
    n_marks, lines = most_alike(mark)[2], io.StringIO(text, newline="").readlines()
    above = itertools.takewhile(
        lambda line: not line.strip("\r\n") or (line[0] == "#" and line.count(mark) != n_marks),
        lines[1:] if given else lines,
    )
    above = [*lines[: bool(given)], *above]
    reader = csv.reader(lines[len(above) :], delimiter=mark, skipinitialspace=True)
    rows = [[cell.strip() for cell in cells] for cells in reader]
    rows = [cells for cells in rows if cells not in ([], [""])]  # as pandas does with blanks
    if not rows:
        raise DatasetError("is empty: it has no row")
    row = 1 + len([line for line in above if line.strip("\r\n")])
    sizes = [(len(cells), len([*filter(None, cells)])) for cells in rows]
    n_cells, n_filled = sizes[0]
    if n_cells < max(sizes)[0] or (n_cells > 2 and n_filled == 1 < sizes[:2][-1][1]):
        widest = sizes.index(max(sizes))
        raise DatasetError(
            f"row {row} ({cut(mark.join(rows[0]))}) fills columns: {n_filled}, and row "
            f"{row + widest}: {len(rows[widest])}; leave out a title above the table; if rows "
            f"begin with a name that has no title, or end with {mark!r}, row 1 must, too"
        )
    rows = [cells + [""] * (n_cells - len(cells)) for cells in rows]
    return mark, len(above), row, rows


def _whole(pandas, frame, options, known, is_sheet):
    """Read a pandas.DataFrame, whose columns have names; an index that has one is a column, too.

    The texts of a sheet are read as those of CSV, and its header may be left out.
    """
    if not len(frame):
        raise DatasetError("is empty: it has no row")
    named = [name for name in frame.index.names if name is not None and name not in frame.columns]
    frame = frame.reset_index(level=named) if named else frame
    names = [str(name) for name in frame.columns]
    frame = frame.set_axis(range(len(names)), axis=1)
    has_header = not is_sheet or options.header is not False
    if not is_sheet:
        frame.index = range(1, len(frame) + 1)
    first = frame.iloc[:FIRST_ROWS].astype(object).to_numpy().tolist()
    rows = [["" if cell is None else str(cell).strip() for cell in row] for row in first]
    decimal = _decimal(rows, ",", options, known)
    head = Header([names] * has_header + rows, options, known, decimal, int(not has_header))
    kind_of = pandas.api.types.infer_dtype
    if not is_sheet:
        kinds = [kind_of(frame[i]) for i in range(len(names))]
        head.texts = {i for i, kind in enumerate(kinds) if kind in ("string", "categorical")}

    def frames(raw=(), n_rows=CHUNK_CELLS):
        size = _chunk_rows(n_rows, head)
        for start in range(0, len(frame), size):
            yield frame.iloc[start : start + size]

    return frames, head


@contextlib.contextmanager
def _quiet():
    """Keep off stderr what pandas warns of: that is meant for programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
