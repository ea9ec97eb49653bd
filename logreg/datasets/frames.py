"""The chunks of a table: CSV and its kin through pandas, Parquet and data frames whole."""

import codecs
import contextlib
import io
import re
import shutil
import sys
import tempfile
import warnings
from dataclasses import replace

from logreg.datasets.formats import PARQUET, open_bytes, parsing, reading
from logreg.datasets.header import Header
from logreg.errors import DatasetError, cut, needing

CHUNK_CELLS = 1 << 19
FIRST_ROWS = 100  # are looked at, if not more, to tell what the columns are
MAX_LINE = 1 << 26  # characters
FRAME = "the data frame"  # as messages call one


def is_frame(value):
    """Whether a value is a pandas.DataFrame, or one of its kind."""
    return hasattr(value, "columns") and hasattr(value, "iloc")


def framed(value):
    """Make a pandas.DataFrame of a dict of a row's cells, a list of these, or a polars frame.

    Anything else is returned as it is.
    """
    value = [value] if isinstance(value, dict) else value
    if hasattr(value, "to_dict") and not is_frame(value):
        value = value.to_dict(as_series=False)
    elif not (isinstance(value, list) and value and isinstance(value[0], dict)):
        return value
    with needing("a table", "tables", "pandas"):
        import pandas
    return pandas.DataFrame(value)


def name_of(source):
    """How messages call a table: its path, ``'-'`` as standard input, or a data frame."""
    if is_frame(source):
        return FRAME
    return "standard input" if source == "-" else source


@contextlib.contextmanager
def open_table(path, options, known=None):
    """Yield a function that reads a table in chunks, and its Header.

    In place of a path may be a pandas.DataFrame. The function is called with the index of the
    label, those of the columns of text, a number of rows and the columns whose texts are kept, and
    gives data frames whose columns are called 0, 1, ... and whose rows are numbered from 0.
    """
    name, frame = name_of(path), path if is_frame(path) else None
    with reading(name), contextlib.ExitStack() as stack:
        if frame is None:
            with needing("a table", "tables", "pandas"), _quiet():
                import pandas
            stream = stack.enter_context(open_bytes(path) if path != "-" else _standard_input())
            if stream.read(len(PARQUET)) == PARQUET:
                pyarrow = "'pyarrow<18'" if sys.version_info < (3, 12) else "pyarrow"  # NumPy 1
                with needing("Parquet", "parquet", pyarrow), parsing():
                    frame = pandas.read_parquet(stream)
        if frame is None:
            stream.seek(0)
            is_marked = stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
            encoding = options.encoding or ("UTF-16" if is_marked else "UTF-8")
            stream.seek(0)
            yield _csv(pandas, _Lines(stream, encoding, newline=""), options, known)
        else:
            yield _whole(frame, options, known)


@contextlib.contextmanager
def _standard_input():
    """What is piped into the command, as a file."""
    if sys.stdin is None:
        raise DatasetError("is closed: pipe a table into it")
    with tempfile.TemporaryFile() as stream:
        shutil.copyfileobj(sys.stdin.buffer, stream)
        stream.seek(0)
        yield stream


class _Lines(io.TextIOWrapper):
    """The text of a table, of which no line is longer than a table's can be."""

    n_since = 0  # characters since the last line's end

    def read(self, size=-1):
        text = super().read(size)
        end = max(text.rfind("\n"), text.rfind("\r"))
        self.n_since = len(text) - 1 - end if end >= 0 else self.n_since + len(text)
        if self.n_since > MAX_LINE:
            raise DatasetError(f"a line is longer than {MAX_LINE >> 20} MB: a row stands on a line")
        return text


def _csv(pandas, stream, options, known):
    how = {"keep_default_na": False, "low_memory": False, "skipinitialspace": True}

    @contextlib.contextmanager
    def parsing_csv():
        try:
            with _quiet():
                yield
        except UnicodeError as error:
            raise DatasetError(
                f"is not {stream.encoding} text ({error}): save the table as UTF-8, or give its "
                "encoding, as `encoding='latin-1'`"
            ) from None
        except (pandas.errors.EmptyDataError, pandas.errors.ParserError) as error:
            reason, needed = cut(str(error).strip(), 200), "as many cells as row 1"
            raise DatasetError(f"{reason}: every row needs {needed}, each quote its end") from None

    def read_csv(**more):
        stream.seek(0)
        with parsing_csv():
            return pandas.read_csv(stream, **how, **more)

    with parsing_csv():
        line = re.match(r"(?: *[\r\n])*([^\r\n]*)", stream.read(1 << 20)).group(1)
    line = re.sub('"[^"]*"', "", line)
    how["sep"] = next((mark for mark in "\t;|" if mark in line), ",")
    rows = read_csv(header=None, nrows=1 + FIRST_ROWS, dtype=str).fillna("").to_numpy().tolist()
    head = Header([[cell.strip() for cell in row] for row in rows], options, known)
    how["decimal"] = options.decimal or "."
    if tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1):  # then always exact
        how["float_precision"] = "round_trip"
    how.update(header=0 if head.has_header else None, names=range(len(head.cells)))

    def frames(label=None, text=(), n_rows=CHUNK_CELLS, kept=()):
        size = min(n_rows, max(32, CHUNK_CELLS // len(head.cells)))
        kinds = {i: str for i in (label, *text, *kept) if i is not None}
        empty = {i: options.na for i in range(len(head.cells)) if i not in (label, *kept)}
        with read_csv(chunksize=size, dtype=kinds, na_values=empty) as chunks:
            while True:
                with parsing_csv():
                    frame = next(chunks, None)
                if frame is None:
                    return
                yield frame

    return frames, head


def _whole(frame, options, known):
    """Read a pandas.DataFrame, whose columns have names."""
    names = [str(name) for name in frame.columns]
    if not len(frame):
        raise DatasetError("is empty: it has no row")
    frame = frame.reset_index(drop=True).set_axis(range(len(names)), axis=1)

    def frames(label=None, text=(), n_rows=CHUNK_CELLS, kept=()):
        size = min(n_rows, max(32, CHUNK_CELLS // len(names)))
        for start in range(0, len(frame), size):
            yield frame.iloc[start : start + size]

    first = frame.iloc[:FIRST_ROWS].astype(object).to_numpy().tolist()
    rows = [["" if cell is None else str(cell).strip() for cell in row] for row in first]
    head = Header([names, *rows], replace(options, header=True), known)
    head.first_row = 1
    return frames, head


@contextlib.contextmanager
def _quiet():
    """Keep off stderr what pandas warns of: that is meant for programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
