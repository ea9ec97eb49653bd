"""CSV files, read in blocks of rows: memory holds the numbers and never all of the text.

Rows and columns are counted from 1 and the header is row 1, as a spreadsheet and an
editor show them.
"""

import array
import contextlib
import csv
import io
import itertools
import os
import re
from typing import NamedTuple, Optional

import numpy

from logreg.console import warning
from logreg.datasets.columns import (
    DECIMAL_COMMA,
    Columns,
    delimiter_of,
    find_columns,
    is_name,
    is_number,
)
from logreg.datasets.formats import FAULTS, narrowed, open_bytes, reading
from logreg.errors import DatasetError

MAX_LINE = 4 << 20  # characters
MAX_BLANK = 1 << 16  # lines in a row
MAX_COLUMNS = 1 << 16  # a cell takes up to thirty times as much as text as in the file
FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)
MAX_LABEL = 200  # characters
MAX_LABELS = 1 << 15  # different ones
BLOCK = 1 << 15  # cells
ROWS_AHEAD = 100  # by which the first is judged
ROW = 8  # cells that a row takes as much memory as, beside its own


class Block(NamedTuple):
    """Consecutive rows of a CSV file.

    Attributes
    ----------
    x : numpy.ndarray
        The features, float64 of shape (n, width), all of them finite.
    labels : list of str or None
        The label column's cells; None if it was not asked for.
    rows : list of int
        Where in the file the rows stand.
    columns : Columns
    """

    x: numpy.ndarray
    labels: Optional[list]
    rows: list
    columns: Columns


class Table(NamedTuple):
    """A CSV file with labels.

    Attributes
    ----------
    x, columns
        As in a :class:`Block`; `x` of another dtype, if that was asked for.
    labels : list of str
        The labels that occur, in the order in which they do.
    codes : numpy.ndarray
        For each row the index of its label in `labels`.
    first_rows : list of int
        For each of `labels`, where in the file it occurs first.
    """

    x: numpy.ndarray
    labels: list
    codes: numpy.ndarray
    first_rows: list
    columns: Columns


def read_csv(source, label_column=None, dtype="float64"):
    """Read a CSV file with a label in each row.

    Parameters
    ----------
    source : str or path-like or binary stream
        Comma, semicolon or tab between cells, with a header or without; gzipped or not.
    label_column : str or tuple of str, optional
        The label column's name in the header or, where no column is called so, its number,
        counted from 1 (-1: the last). Of a tuple of names, by default `LABEL_NAMES`, the first
        that one column has, in whatever case; if there is none, the first column.
    dtype : {'float64', 'float32'}
        Of the features.

    Returns
    -------
    Table

    Raises
    ------
    DatasetError
        If it cannot be read, is empty or ragged, or a feature is not a finite number.
    """
    data, codes, index, first_rows = bytearray(), array.array("q"), {}, []
    for block in csv_blocks(source, label_column):
        data += narrowed(block.x, dtype)  # grows in place, unlike a list of blocks
        for label, row in zip(block.labels, block.rows):
            code = index.setdefault(label, len(index))
            if code == len(first_rows):
                first_rows.append(row)
            codes.append(code)
        if len(index) > MAX_LABELS:
            raise DatasetError(
                f"{_name(source)}: has more than {MAX_LABELS} different labels, the last of them "
                f"{ascii(block.labels[-1])[:60]} in row {block.rows[-1]}: is {block.columns} the "
                "label's? --label-column names another"
            )
    first, has_header = next(iter(index)), block.columns.names is not None
    if not has_header and is_name(first) and codes.count(0) == 1 and len(codes) >= 2 * len(index):
        warning(
            f"{_name(source)}: the label {ascii(first)[:60]} is in row {first_rows[0]} and in no "
            "other: if that row is a header, say which column is the label by this name "
            "(--label-column)"
        )
    x = numpy.frombuffer(data, dtype).reshape(len(codes), -1)
    codes = numpy.frombuffer(codes, numpy.int64)
    return Table(x, list(index), codes, first_rows, block.columns)


def csv_blocks(source, label_column=None, max_rows=BLOCK, wanted=None):
    """Read a CSV file block by block, however long it is; see :func:`read_csv`.

    Rows that come before one at fault are given before the error is raised.

    Parameters
    ----------
    source, label_column
        As of :func:`read_csv`.
    max_rows : int
        Rows in a block at the most.
    wanted : logreg.prediction.inputs.Wanted, optional
        What a model takes that is to predict the rows: there need be no label column then.

    Yields
    ------
    Block
    """
    with reading(_name(source)), contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_bytes(source)) if _is_path(source) else source
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
        try:
            yield from _blocks(_rows(text), _name(source), label_column, max_rows, wanted)
        except UnicodeDecodeError as error:
            mend = "save the file as UTF-8"
            if not _is_path(source):
                mend = "give it CSV as UTF-8 text, not compressed, or name a file"
            raise DatasetError(f"is not UTF-8 text ({error}): {mend}") from None
        finally:
            text.detach()  # the stream is not ours to close


def _is_path(source):
    return isinstance(source, (str, os.PathLike))


def _name(source):
    return source if _is_path(source) else "standard input"


def _lines(text):
    n_blank = 0
    for line in iter(lambda: text.readline(MAX_LINE), ""):
        n_blank = n_blank + 1 if len(line) < 2 else 0
        if n_blank > MAX_BLANK:
            raise DatasetError(f"has more than {MAX_BLANK} blank lines in a row: is it a CSV file?")
        if len(line) == MAX_LINE:
            raise DatasetError(f"has a line of {MAX_LINE} characters or more: is it a CSV file?")
        if "\0" in line:
            raise DatasetError("has NUL characters: it is damaged, or no CSV file")
        yield line


def _rows(text):
    """Yield (number, cells) of the rows that are not blank; all have as many cells."""
    lines, n_blank = _lines(text), 0
    for first in lines:
        if first.strip(" \n"):
            break
        n_blank += 1
    else:
        return
    delimiter = delimiter_of(first)
    n_cells, last = 0, ""  # of the row that is read; a quoted cell may go over several lines

    def not_too_wide(lines):
        nonlocal n_cells, last
        for last in lines:
            n_cells += last.count(delimiter) + 1
            if n_cells > MAX_COLUMNS:
                raise DatasetError(
                    f"has a row of more than {MAX_COLUMNS} columns: is it a CSV file? Save so "
                    "wide a table as .npz or .npy"
                )
            yield last

    lines = not_too_wide(itertools.chain([first], lines))
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    width = 0
    try:
        for cells in reader:
            n_cells = 0
            if len(cells) < 2 and not last.strip():
                continue
            width = width or len(cells)
            if len(cells) != width:
                raise DatasetError(
                    f"row {n_blank + reader.line_num} has {len(cells)} columns, the first row "
                    f"has {width}: every row needs as many"
                )
            yield n_blank + reader.line_num, cells
    except csv.Error as error:
        raise DatasetError(
            f"row {n_blank + reader.line_num} cannot be split into cells ({error}): is a quote "
            "missing?"
        ) from None


def _blocks(rows, where, label_column, max_rows, wanted):
    start, fault_ahead = _taken(rows, 1)
    if not start:
        raise fault_ahead or DatasetError("is empty: it has no row")
    (row, head), *_ = start
    n_in_block = max(1, BLOCK // (len(head) + ROW))
    n_rows = min(n_in_block, max_rows)
    n_texts = sum(not is_number(cell) for cell in head)
    if wanted is None or n_texts == 1:  # that of a label, which may be its name or a class
        n_ahead = min(n_in_block, ROWS_AHEAD)
    else:  # who pipes rows in one by one is not to wait for the result of the first
        n_ahead = 1 if n_texts else n_rows - 1
    below, fault_ahead = _taken(rows, n_ahead)
    start += below
    columns = find_columns(start, where, label_column, wanted)
    if len(head) == 1 and columns.label is not None:
        raise DatasetError(
            f"row {row} has one column: a label and at least one feature are needed, "
            "with a comma, a semicolon or a tab between them"
        )
    if columns.names is not None:
        del start[0]
        if not start and fault_ahead is None:
            start, fault_ahead = _taken(rows, 1)
        if not start:
            raise fault_ahead or DatasetError(
                "has no row of data: its one row has text, and so is taken for a header"
            )
    rows = itertools.chain(_emptied(start), rows)
    del below
    while True:
        taken, fault = _taken(rows, n_rows)
        if taken:
            block, fault_in_block = _block(taken, columns)
            fault = fault_in_block or fault
            if len(block.x):
                yield block
        else:
            fault = fault or fault_ahead
            if fault is None:
                return
        if fault is not None:
            raise fault


def _emptied(rows):
    while rows:
        yield rows.pop(0)


def _taken(rows, n):
    """Take up to `n` rows; the second of the pair is what ended the reading before, if it did."""
    taken = []
    try:
        for row in itertools.islice(rows, n):
            taken.append(row)
    except (DatasetError, *FAULTS) as error:
        return taken, error
    return taken, None


def _block(rows, columns):
    """Make a block of the rows up to the first that is at fault; and tell of the fault."""
    numbers, table = [number for number, _ in rows], [cells for _, cells in rows]
    labels = None
    if columns.label is not None:
        labels = [cells.pop(columns.label).strip() for cells in table]
    x = numpy.empty((len(table), len(table[0])))
    n = 0
    try:
        for row, cells in zip(x, table):
            row[:] = cells
            if "_" in "".join(cells):  # which Python allows between digits
                break
            n += 1
    except ValueError:
        pass
    is_good = abs(x[:n]).max(axis=1) <= FLOAT32_MAX  # nor is NaN
    n = n if is_good.all() else int(is_good.argmin())
    fault = None if n == len(x) else _fault(numbers[n], table[n], columns)
    for i, label in enumerate((labels or [])[:n]):
        if len(label) > MAX_LABEL:
            n, found = i, f"the label in row {numbers[i]} is longer than {MAX_LABEL} characters"
            fault = DatasetError(f"{found}: --label-column names another column")
            break
    return Block(x[:n], labels and labels[:n], numbers[:n], columns), fault


def _fault(row, cells, columns):
    """What is to be said of a row's first cell that is no number, or none that float32 can hold."""
    for i, cell in enumerate(cells):
        if is_number(cell) and abs(float(cell)) <= FLOAT32_MAX:
            continue
        column = i + 1 + (columns.label is not None and i >= columns.label)
        name = f" ({ascii(columns.names[i])[1:-1][:60]})" if columns.names else ""
        found = f"holds {ascii(cell.strip())[:60]}" if cell.strip() else "is empty"
        mend = "fill in or leave out the row"
        if re.fullmatch(DECIMAL_COMMA, cell.strip()):
            mend = "write 0.5, not 0,5: save the table with points for decimal commas"
        elif not is_number(cell) and cell.strip():
            mend += (
                ", turn text into numbers or, if that column is the label, name it: --label-column"
            )
        elif not cell.strip() and i == len(cells) - 1:
            mend += " or, if every row ends with a delimiter, remove these"
        return DatasetError(
            f"row {row}, column {column}{name} {found}: every feature must be a finite "
            f"number, and no larger than float32 can hold; {mend}"
        )
    raise AssertionError(f"row {row} has no fault")


class TableOptions(NamedTuple):
    label_column: Optional[str] = None
    header: Optional[bool] = None
    decimal: str = "."


def table_batches(path, options, batch_size, n_in, feature_names=None, label_name=None):
    import sys
    import types

    from logreg.datasets.columns import column_order

    wanted = types.SimpleNamespace(n_in=n_in, names=feature_names, label_name=label_name)
    where = "standard input" if path == "-" else path
    if path == "-" and sys.stdin is None:
        raise DatasetError("standard input is closed")
    source = sys.stdin.buffer if path == "-" else path
    order = None
    for i, block in enumerate(csv_blocks(source, options.label_column, batch_size, wanted)):
        if block.x.shape[1] != n_in:
            raise DatasetError(
                f"{where}: the model expects {n_in} features, got {block.x.shape[1]} columns"
            )
        if i == 0:
            order = column_order(block.columns.names, feature_names, where)
        yield block.x if order is None else block.x[:, order]
