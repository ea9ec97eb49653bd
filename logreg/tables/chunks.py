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

from logreg.basics.console import note
from logreg.basics.errors import DatasetError, cut, listed, needing, quoted
from logreg.parts.formats import PARQUET, ZIP, open_bytes, parsing, reading
from logreg.parts.frames import FRAME, framed, is_frame
from logreg.parts.options import Columns
from logreg.tables.header import Header, Request, indices_of
from logreg.tables.layout import find_layout, read_first_lines, refuse_title

CHUNK_BYTES = 1 << 20
CHUNK_CELLS = 1 << 19
FIRST_ROWS = 100  # so many rows of a frame show its decimal mark and its label
JSON_ROWS = re.compile(rb'\[\s*[{\]]|\{\s*["}]')  # how JSON of rows begins


def name_of(path):
    """How messages call a table: by its path, or as standard input or the data frame."""
    if is_frame(path):
        return FRAME
    return "standard input" if path == "-" else path


@contextlib.contextmanager
def open_table(path, options, model_columns):
    """Yield a function that reads a table in chunks, and the table's Header.

    `path` may be a pandas.DataFrame, too. `model_columns` are the :class:`Columns` of the model
    that is to predict the rows, with the options of its training; None in training.

    The function takes the indices of the columns whose texts are to stay as they are. Its second
    argument, which may be left out, is the largest number of rows of a chunk. It yields data frames
    with columns 0, 1, ... The index of a frame holds the numbers of its rows.
    """
    request = Request(options, model_columns or Columns(), name_of(path))
    # `reading` begins errors with the name of the table.
    with reading(request.source), contextlib.ExitStack() as stack:
        with needing("a table", "tables", "pandas"), _quiet():
            import pandas
        frame = path if is_frame(path) else None
        is_sheet = False
        if frame is None:
            stream = stack.enter_context(_standard_input() if path == "-" else open_bytes(path))
            start = stream.peek(1)  # gives all bytes that are buffered, not one
            is_sheet = start.startswith(ZIP)
            if start.startswith(PARQUET):
                frame = _read_parquet(stream)
            elif is_sheet:
                frame = _read_sheet(pandas, stream, request)
            elif JSON_ROWS.match(start):
                frame = framed(_read_json(stream.read()))
        if frame is not None:
            yield _open_frame(pandas, frame, request, is_sheet)
        else:
            encoding = _find_encoding(stream, start, request)
            text = io.TextIOWrapper(stream, encoding, newline="")
            yield _open_text(pandas, text, request)


def _standard_input():
    """Copy what is piped into the command to a file: it may be larger than memory."""
    if sys.stdin is None:
        raise DatasetError("is closed: pipe a table into it")
    stream = tempfile.TemporaryFile()  # noqa: SIM115
    shutil.copyfileobj(sys.stdin.buffer, stream)
    stream.seek(0)
    return stream


def _read_parquet(stream):
    # Theano needs NumPy 1 and Python before 3.12; later versions of pyarrow need NumPy 2.
    pyarrow = "'pyarrow<18'" if sys.version_info < (3, 12) else "pyarrow"
    with needing("Parquet", "parquet", pyarrow), parsing():
        from pyarrow import parquet

        return parquet.read_table(stream).to_pandas(integer_object_nulls=True)


def _read_sheet(pandas, stream, request):
    """Read the rows of an Excel sheet as a data frame, whose index holds their numbers."""
    with needing("an Excel file", "excel", "openpyxl"), parsing(), _quiet():
        book = pandas.ExcelFile(stream)
        index = _find_sheet(book.sheet_names, request.options.sheet, request.source)
        sheet = pandas.read_excel(book, index, header=None, na_filter=False, dtype=object)
        sheet.index += 1
        return sheet[(sheet != "").any(axis=1)]


def _find_sheet(names, wanted, source):
    """Find the index of the sheet that an option calls; else that of the first, with a note."""
    listing = listed([*map(quoted, names)])
    if wanted is None:
        if len(names) > 1:
            note(f"note: {source}: of the sheets {listing}, the first is read (`sheet`: another)")
        return 0
    indices = indices_of(names, len(names))
    if str(wanted) not in indices:
        raise DatasetError(f"has no sheet {cut(wanted)}: `sheet` names one of {listing}")
    return indices[str(wanted)]


def _read_json(data):
    """Read JSON: an array of rows, a row a line, or an object of columns; a row is an object."""
    needed = "it needs an array of objects, an object a line, or an object of columns"
    try:
        try:
            found = json.loads(data)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":  # as an object below an object is
                raise
            found = json.loads(b"[%s]" % b",".join(filter(bytes.strip, data.splitlines())))
    except (ValueError, RecursionError) as error:  # the latter of JSON that is deeply nested
        raise DatasetError(f"cannot be read as JSON ({error}): {needed}") from None
    # An object is a row, or has columns: `framed` finds out.
    rows = [found] if isinstance(found, dict) else found
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise DatasetError(f"has JSON without rows, or with other things beside them: {needed}")
    return found


def _open_frame(pandas, frame, request, is_sheet):
    """Find the Header of a pandas.DataFrame, and return a function that cuts the frame into chunks.

    The columns have names; an index with a name is a column, too. But a sheet is read like CSV: its
    first row may be a header.
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
    if is_sheet:
        refuse_title(rows, frame.index[0])
        header = Header(rows, request, first_row=frame.index[0])
        if header.names:
            frame = frame.iloc[1:]
        frame = frame.infer_objects()
    else:
        header = Header([names, *rows], request, first_row=0)
        frame.index = range(1, len(frame) + 1)
        header.text_columns = {
            i for i in frame if pandas.api.types.infer_dtype(frame[i]) in ("string", "categorical")
        }
    for i, dtype in frame.dtypes.items():
        if dtype.kind == "m":  # durations become days, as times do
            frame[i] = frame[i] / pandas.Timedelta(days=1)

    def frames(raw_columns, n_rows=None):
        # `raw_columns` matter for CSV alone: the cells of a frame are never converted.
        size = _chunk_rows(n_rows, header)
        for start in range(0, len(frame), size):
            yield frame.iloc[start : start + size]

    return frames, header


def _find_encoding(stream, start, request):
    """Find the encoding of a text, which begins with the bytes `start`.

    A byte order mark decides first, then the option. Else it is UTF-8, or that of the training
    table if the text is no UTF-8.
    """
    if start.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "UTF-16"
    if request.options.encoding:
        return request.options.encoding
    encoding_of_training = request.model_columns.options.encoding
    if encoding_of_training and not _is_utf8(stream):
        return encoding_of_training
    return "UTF-8"


def _is_utf8(stream):
    """Whether a stream is text in UTF-8, to its end. A zero byte is a sign of UTF-16."""
    bytes_read = iter(partial(stream.read, CHUNK_BYTES), b"")
    try:
        return not any("\0" in text for text in codecs.iterdecode(bytes_read, "utf-8"))
    except UnicodeError:
        return False
    finally:
        stream.seek(0)


def _open_text(pandas, stream, request):
    """Find the Header of CSV and its kin, and return a function that reads it in chunks."""
    with _parsing_text(pandas, stream):
        text = read_first_lines(stream)
        # A mark that is known to be the decimal mark is rarely the delimiter, too.
        decimal = request.options.decimal or request.model_columns.options.decimal
        layout = find_layout(text, decimal)
    header = Header(layout.rows, request, layout.delimiter, layout.first_row)
    columns = range(len(header.cells))
    arguments = {
        "sep": layout.delimiter,
        "skiprows": layout.n_lines_above,
        "header": 0 if header.names else None,
        "names": columns,
        "decimal": header.decimal,
        "skipinitialspace": True,
        "keep_default_na": False,
        "low_memory": False,
    }
    if pandas.__version__ < "3.1":  # later ones are always exact
        arguments["float_precision"] = "round_trip"

    def frames(raw_columns, n_rows=None):
        arguments["chunksize"] = _chunk_rows(n_rows, header)
        arguments["dtype"] = dict.fromkeys(raw_columns, str)
        arguments["na_values"] = {i: request.options.na for i in columns if i not in raw_columns}
        stream.seek(0)
        with _parsing_text(pandas, stream), pandas.read_csv(stream, **arguments) as chunks:
            for chunk in chunks:
                chunk.index += layout.first_row + bool(header.names)
                yield chunk

    return frames, header


def _chunk_rows(n_rows, header):
    """The number of rows of a chunk: at most `n_rows` if given, and fewer in a wide table."""
    most = max(32, CHUNK_CELLS // len(header.cells))
    return min(n_rows or most, most)


@contextlib.contextmanager
def _parsing_text(pandas, stream):
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
