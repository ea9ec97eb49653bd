"""Reads a table in chunks of rows: CSV through pandas; JSON, Parquet, Excel and frames whole."""

import codecs
import contextlib
import csv
import io
import json
import re
import shutil
import sys
import tempfile
import warnings
from functools import partial

from logreg.basics.errors import DatasetError, cut, needing
from logreg.datasets.formats import CHUNK, PARQUET, ZIP, open_bytes, parsing, reading
from logreg.datasets.frames import FRAME, framed, is_frame
from logreg.datasets.options import Columns
from logreg.tables.columns import decimal_mark
from logreg.tables.header import Header
from logreg.tables.layout import find_layout, read_first_lines

CHUNK_CELLS = 1 << 19
# The byte order mark that begins a file, and the encoding that it shows.
ENCODINGS_BY_MARK = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}
TEXT_DTYPES = ("string", "categorical")
FIRST_ROWS = 100  # so many rows of a frame show its decimal mark and its label
JSON_ROWS = re.compile(r'\[\s*[{\]]|\{\s*["}]')  # how JSON of rows begins


def name_of(source):
    """How messages call a table: its path, ``'-'`` as standard input, or a data frame."""
    if is_frame(source):
        return FRAME
    return "standard input" if source == "-" else source


@contextlib.contextmanager
def open_table(path, options, model_columns):
    """Yield a function that reads a table in chunks, and the table's Header.

    `path` may be a pandas.DataFrame, too. `model_columns` are the :class:`Columns` of the model
    that is to predict the rows, None in training. The function takes the indices of the columns
    whose texts are to stay as they are and, if wanted, the most rows of a chunk. It yields data
    frames with columns 0, 1, ... The index of a frame holds the numbers of its rows.
    """
    model_columns = model_columns or Columns()
    with reading(name_of(path)), contextlib.ExitStack() as stack:
        with needing("a table", "tables", "pandas"), _quiet():
            import pandas
        frame = path if is_frame(path) else None
        is_sheet = False
        if frame is None:
            stream = stack.enter_context(_standard_input() if path == "-" else open_bytes(path))
            start = stream.read(len(PARQUET))
            stream.seek(0)
            is_sheet = start == ZIP
            if start == PARQUET:
                frame = _read_parquet(stream)
            elif is_sheet:
                frame = _read_sheet(pandas, stream, options)
            elif start[:1] in (b"[", b"{"):
                frame = _read_json(stream)
        if frame is not None:
            yield _open_frame(pandas, frame, options, model_columns, is_sheet)
        else:
            encoding = _find_encoding(stream, options, model_columns)
            stream.seek(0)
            text = io.TextIOWrapper(stream, encoding, newline="")
            yield _open_text(pandas, text, options, model_columns)


def _standard_input():
    """Copy what is piped into the command to a file: it may be larger than memory."""
    if sys.stdin is None:
        raise DatasetError("is closed: pipe a table into it")
    stream = tempfile.TemporaryFile()  # noqa: SIM115
    shutil.copyfileobj(sys.stdin.buffer, stream)
    stream.seek(0)
    return stream


def _read_parquet(stream):
    pyarrow = "'pyarrow<18'" if sys.version_info < (3, 12) else "pyarrow"  # for NumPy 1
    with needing("Parquet", "parquet", pyarrow), parsing():
        from pyarrow import parquet

        return parquet.read_table(stream).to_pandas(integer_object_nulls=True)


def _read_sheet(pandas, stream, options):
    """Read an Excel sheet as a data frame, whose index holds the numbers of its rows."""
    has_header = options.header is not False
    with needing("an Excel file", "excel", "openpyxl"), parsing(), _quiet():
        sheet = pandas.read_excel(
            stream,
            header=0 if has_header else None,
            keep_default_na=False,
            na_values=[""],
            dtype=object,
        ).dropna(how="all")
        sheet.index += 2 if has_header else 1
        # Whole numbers beside empty cells stay objects: as floats, they would look like fractions.
        return sheet.apply(lambda cells: cells if cells.hasnans else cells.infer_objects())


def _read_json(stream):
    """Read an array of objects, or an object a line, as a data frame; None if it is no JSON."""
    with contextlib.suppress(UnicodeDecodeError):
        text = stream.read().decode()
        if JSON_ROWS.match(text):
            return framed(_json_objects(text))
    return None


def _json_objects(text):
    """The objects of JSON, each of which is a row."""
    needed = "it needs an array of objects, or an object a line"
    if not text.startswith("["):
        lines = filter(str.strip, text.split("\n"))  # a text may hold other ends of lines
        text = f"[{','.join(lines)}]"
    try:
        rows = json.loads(text)
    except ValueError as error:
        raise DatasetError(f"cannot be read as JSON ({error}): {needed}") from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise DatasetError(f"has JSON without rows, or with other things beside them: {needed}")
    return rows


def _open_frame(pandas, frame, options, model_columns, is_sheet):
    """Find the Header of a pandas.DataFrame, and return a function that cuts the frame into chunks.

    The columns have names; an index with a name is a column, too. The texts of a sheet are read
    like those of CSV, and it may have no header.
    """
    if not len(frame):
        raise DatasetError("is empty: it has no row")
    index_names = [
        name for name in frame.index.names if name is not None and name not in frame.columns
    ]
    frame = frame.reset_index(level=index_names) if index_names else frame
    names = [*map(str, frame.columns)]
    frame = frame.set_axis(range(len(names)), axis=1)
    first = frame.iloc[:FIRST_ROWS].astype(object).to_numpy().tolist()
    rows = [["" if cell is None else str(cell).strip() for cell in row] for row in first]
    decimal = _find_decimal(rows, None, options, model_columns)
    if is_sheet and options.header is False:
        header = Header(rows, options, model_columns, decimal)
    else:
        header = Header([names, *rows], options, model_columns, decimal, has_frame_names=True)
    if not is_sheet:
        frame.index = range(1, len(frame) + 1)
        header.text_columns = {
            i for i in frame if pandas.api.types.infer_dtype(frame[i]) in TEXT_DTYPES
        }

    def frames(raw_columns, n_rows=None):
        # `raw_columns` matter for CSV alone: the cells of a frame are never converted.
        size = _chunk_rows(n_rows, header)
        for start in range(0, len(frame), size):
            yield frame.iloc[start : start + size]

    return frames, header


def _find_encoding(stream, options, model_columns):
    """Find the encoding of a text.

    A byte order mark decides first, then the option. Else it is UTF-8, or that of the training
    table if the text is no UTF-8.
    """
    stream.seek(0)
    start = stream.read(3)
    for mark, encoding in ENCODINGS_BY_MARK.items():
        if start.startswith(mark):
            return encoding
    if options.encoding:
        return options.encoding
    if model_columns.options.encoding and not _is_utf8(stream):
        return model_columns.options.encoding
    return "UTF-8"


def _is_utf8(stream):
    """Whether a stream is text in UTF-8. A zero byte is a sign of UTF-16."""
    stream.seek(0)
    bytes_read = iter(partial(stream.read, CHUNK), b"")
    try:
        return not any("\0" in text for text in codecs.iterdecode(bytes_read, "utf-8"))
    except UnicodeError:
        return False


def _open_text(pandas, stream, options, model_columns):
    """Find the Header of CSV and its kin, and return a function that reads it in chunks."""
    with _parsing(pandas, stream):
        text = read_first_lines(stream)
        layout = find_layout(text, options.decimal or model_columns.options.decimal)
    decimal = _find_decimal(layout.rows, layout.delimiter, options, model_columns)
    header = Header(layout.rows, options, model_columns, decimal, layout.first_row)
    columns = range(len(header.cells))
    arguments = {
        "sep": layout.delimiter,
        "skiprows": layout.n_lines_above,
        "header": 0 if header.names else None,
        "names": columns,
        "decimal": decimal,
        "skipinitialspace": True,
        "keep_default_na": False,
        "low_memory": False,
    }
    if tuple(map(int, pandas.__version__.split(".")[:2])) < (3, 1):  # later ones are always exact
        arguments["float_precision"] = "round_trip"

    def frames(raw_columns, n_rows=None):
        arguments["chunksize"] = _chunk_rows(n_rows, header)
        arguments["dtype"] = dict.fromkeys(raw_columns, str)
        arguments["na_values"] = {i: options.na for i in columns if i not in raw_columns}
        stream.seek(0)
        with _parsing(pandas, stream), pandas.read_csv(stream, **arguments) as chunks:
            for chunk in chunks:
                chunk.index += layout.first_row + bool(header.names)
                yield chunk

    return frames, header


def _find_decimal(rows, delimiter, options, model_columns):
    """Find the decimal mark of a table: the option's, else that of its rows, else the model's."""
    if options.decimal:
        return options.decimal
    return decimal_mark(rows, delimiter, model_columns.options.decimal or ".")


def _chunk_rows(n_rows, header):
    """The number of rows of a chunk: at most `n_rows` if given, and fewer in a wide table."""
    most = max(32, CHUNK_CELLS // len(header.cells))
    return min(n_rows or most, most)


@contextlib.contextmanager
def _parsing(pandas, stream):
    """Turn errors about text that is no table into a message that says what to do."""
    try:
        yield
    except UnicodeError as error:
        raise DatasetError(
            f"is not {stream.encoding} text ({error}): save the table as UTF-8, or give its "
            "encoding, which on Windows is `encoding='cp1252'`"
        ) from None
    except (csv.Error, pandas.errors.EmptyDataError, pandas.errors.ParserError) as error:
        raise DatasetError(
            f"{cut(str(error).strip(), 200)}: every row needs as many cells as row 1, and each "
            "opening quote needs a closing one"
        ) from None


@contextlib.contextmanager
def _quiet():
    """Hide the warnings of pandas, which are meant for programmers."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
