"""CSV files, read in blocks of rows: memory holds the numbers and never the text.

Rows and columns are counted from 1 and the header is row 1, as a spreadsheet and an
editor show them.
"""

import array
import contextlib
import csv
import io
import itertools
import math
import os
from typing import NamedTuple, Optional

import numpy

from logreg.errors import DatasetError
from logreg.readers import open_bytes, reading

MAX_LINE = 4 << 20  # characters
MAX_LABEL = 200  # characters
BLOCK = 1 << 18  # characters
DELIMITERS = ",;\t"


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
    names : tuple of str or None
        The features' names, if the file has a header.
    """

    x: numpy.ndarray
    labels: Optional[list]
    rows: list
    names: Optional[tuple]


class Table(NamedTuple):
    """A CSV file with labels.

    Attributes
    ----------
    x : numpy.ndarray
        The features, float64 of shape (n, width).
    codes : numpy.ndarray
        For each row the index of its label in `labels`.
    labels : list of str
        The labels that occur, in the order in which they do.
    first_rows : list of int
        For each of `labels`, where in the file it occurs first.
    names : tuple of str or None
        The features' names, if the file has a header.
    """

    x: numpy.ndarray
    codes: numpy.ndarray
    labels: list
    first_rows: list
    names: Optional[tuple]


def read_csv(source, label_column=None):
    """Read a CSV file with a label in each row.

    Parameters
    ----------
    source : str or path-like or binary stream
        Comma, semicolon or tab between cells, with a header or without; gzipped or not.
    label_column : str, optional
        The label column's name in the header or, where no column is called so, its number,
        counted from 1 (-1: the last). The first column if not given.

    Returns
    -------
    Table

    Raises
    ------
    DatasetError
        If it cannot be read, is empty or ragged, or a feature is not a finite number.
    """
    data, codes, index, first_rows = bytearray(), array.array("q"), {}, []
    width, names = 0, None
    for block in csv_blocks(source, label_column):
        width, names = block.x.shape[1], block.names
        data += memoryview(block.x).cast("B")  # grows in place, unlike a list of blocks
        for label, row in zip(block.labels, block.rows):
            code = index.setdefault(label, len(index))
            if code == len(first_rows):
                first_rows.append(row)
            codes.append(code)
    x = numpy.frombuffer(data, numpy.float64).reshape(-1, width)
    return Table(x, numpy.frombuffer(codes, numpy.int64), list(index), first_rows, names)


def csv_blocks(source, label_column=None, labelled=True):
    """Read a CSV file block by block, however long it is.

    Parameters
    ----------
    source : str or path-like or binary stream
    label_column : str, optional
        As in :func:`read_csv`.
    labelled : bool
        Whether there is a label column; without one, all columns are features.

    Yields
    ------
    Block

    Raises
    ------
    DatasetError
        As :func:`read_csv`, once the reading comes to it.
    """
    is_path = isinstance(source, (str, os.PathLike))
    with reading(source if is_path else "standard input"), contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_bytes(source)) if is_path else source
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
        try:
            yield from _blocks(_lines(text), label_column, labelled)
        finally:
            text.detach()  # the stream is not ours to close


def _lines(text):
    """Yield the lines that are not blank, numbered."""
    for number in itertools.count(1):
        try:
            line = text.readline(MAX_LINE)
        except UnicodeDecodeError as error:
            raise DatasetError(
                "row %d or soon after is not UTF-8 text (%s): save the file as UTF-8"
                % (number, error.reason)
            ) from None
        if not line:
            return
        if len(line) == MAX_LINE:
            raise DatasetError(
                "row %d is longer than %d characters: is it a CSV file?" % (number, MAX_LINE)
            )
        if line.strip(" \r\n"):
            yield number, line.rstrip("\r\n")


def _blocks(lines, label_column, labelled):
    start = list(itertools.islice(lines, 2))
    if not start:
        raise DatasetError("is empty: it has no row")
    delimiter = next((d for d in DELIMITERS if d in start[0][1]), ",")
    head, *second = (_cells(number, line, delimiter) for number, line in start)
    label = _label_index(head, second, label_column) if labelled else None
    width = len(head)
    if width == 1 and labelled:
        raise DatasetError(
            "row %d has one column: a label and at least one feature are needed, "
            "with a comma, a semicolon or a tab between them" % start[0][0]
        )
    names = None
    if _is_header(head, second, label):
        names = tuple(name for i, name in enumerate(head) if i != label)
        start = start[1:]
    parse = _Parser(delimiter, width, label, names)
    rows, size = [], 0
    for row in itertools.chain(start, lines):
        rows.append(row)
        size += len(row[1])
        if size > BLOCK:
            yield parse(rows)
            rows, size = [], 0
    if rows:
        yield parse(rows)
    elif names and len(start) == 0:
        raise DatasetError("is empty: it has a header and no row of data")


def _cells(number, line, delimiter):
    if '"' not in line:
        return [cell.strip() for cell in line.split(delimiter)]
    try:
        (cells,) = csv.reader([line], delimiter=delimiter, skipinitialspace=True, strict=True)
    except (csv.Error, ValueError) as error:
        raise DatasetError(
            "row %d cannot be split into cells (%s): a quoted cell must end in its row"
            % (number, error)
        ) from None
    return [cell.strip() for cell in cells]


def _number(cell):
    """The cell's value; NaN if it is not a number (an underscore is Python's, not CSV's)."""
    try:
        return math.nan if "_" in cell else float(cell)
    except ValueError:
        return math.nan


def _is_number(cell):
    return not math.isnan(_number(cell)) or cell.lower().lstrip("+-") == "nan"


def _is_header(head, second, label):
    if any(cell and not _is_number(cell) for i, cell in enumerate(head) if i != label):
        return True
    # "label,0,1,2": columns may be named by numbers. The label's own name then tells.
    return bool(
        label is not None
        and second
        and len(second[0]) == len(head)
        and not _is_number(head[label])
        and _is_number(second[0][label])
    )


def _label_index(head, second, label_column):
    if label_column is None:
        return 0
    wanted = str(label_column)
    if wanted in head:
        if head.count(wanted) > 1:
            raise DatasetError("has more than one column %r: which is the label?" % wanted)
        return head.index(wanted)
    try:
        number = int(wanted)
    except ValueError:
        number = 0
    if 1 <= number <= len(head):
        return number - 1
    if -len(head) <= number < 0:
        return number + len(head)
    shown = ", ".join(ascii(name)[1:-1] for name in head[:8])
    raise DatasetError(
        "has no column %s for the label; its first row is: %s%s. Give a name from the header, "
        "or the number of a column, counted from 1 (-1: the last)"
        % (ascii(wanted), shown[:200], ", ..." if len(head) > 8 else "")
    )


class _Parser:
    """Makes blocks of lines; finds the cell that is wrong."""

    def __init__(self, delimiter, width, label, names):
        self.delimiter = delimiter
        self.width = width
        self.label = label
        self.names = names

    def __call__(self, rows):
        delimiter = self.delimiter  # float() does not mind blanks around a number
        table = [
            _cells(number, line, delimiter) if '"' in line else line.split(delimiter)
            for number, line in rows
        ]
        for (number, _), cells in zip(rows, table):
            if len(cells) != self.width:
                raise DatasetError(
                    "row %d has %d columns, the first row has %d: every row needs as many"
                    % (number, len(cells), self.width)
                )
        labels = None
        if self.label is not None:
            labels = [cells.pop(self.label).strip() for cells in table]
            for (number, _), label in zip(rows, labels):
                if len(label) > MAX_LABEL:
                    raise DatasetError(
                        "the label in row %d is longer than %d characters" % (number, MAX_LABEL)
                    )
        shape = (len(table), self.width - (labels is not None))
        flat = itertools.chain.from_iterable(table)
        try:
            x = numpy.fromiter(map(float, flat), numpy.float64, shape[0] * shape[1])
        except ValueError:
            x = numpy.array([math.nan])
        if not numpy.isfinite(x).all() or any("_" in line for _, line in rows):
            self.complain(rows, table)
        return Block(x.reshape(shape), labels, [number for number, _ in rows], self.names)

    def complain(self, rows, table):
        for (number, _), cells in zip(rows, table):
            for i, cell in enumerate(map(str.strip, cells)):
                if math.isfinite(_number(cell)):
                    continue
                column = i + 1 + (self.label is not None and i >= self.label)
                name = " (%s)" % ascii(self.names[i])[1:-1][:60] if self.names else ""
                found = "is empty" if not cell else "holds %s" % ascii(cell)[:60]
                raise DatasetError(
                    "row %d, column %d%s %s: every feature must be a finite number; fill in "
                    "or leave out the row, and turn text into numbers"
                    % (number, column, name, found)
                )
