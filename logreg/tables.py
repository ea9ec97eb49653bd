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

from logreg.console import note, warning
from logreg.errors import DatasetError
from logreg.readers import narrowed, open_bytes, reading

MAX_LINE = 4 << 20  # characters
MAX_BLANK = 1 << 16  # lines in a row
MAX_COLUMNS = 1 << 16  # a cell takes up to thirty times as much as text as in the file
FLOAT32_MAX = float(numpy.finfo(numpy.float32).max)
MAX_LABEL = 200  # characters
MAX_LABELS = 1 << 15  # different ones
BLOCK = 1 << 15  # cells
ROW = 8  # cells that a row takes as much memory as, beside its own
DELIMITERS = ",;\t"
LABEL_NAMES = ("label", "class", "target")
# Between semicolons or tabs: what a spreadsheet writes for 0.5 in much of the world.
DECIMAL_COMMA = r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?"


class Columns(NamedTuple):
    """What is known of a CSV file's columns.

    Attributes
    ----------
    label : int or None
        The label's, counted from 0; None if it was not asked for.
    label_name : str or None
        Its name, if the file has a header.
    names : tuple of str or None
        The others' names, if the file has a header.
    """

    label: Optional[int]
    label_name: Optional[str]
    names: Optional[tuple]

    def __str__(self):
        name = f" ({ascii(self.label_name)[1:-1][:60]})" if self.label_name else ""
        return f"column {self.label + 1}{name}"


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
    x = numpy.frombuffer(data, dtype).reshape(len(codes), -1)
    codes = numpy.frombuffer(codes, numpy.int64)
    return Table(x, list(index), codes, first_rows, block.columns)


def column_order(names, expected, where):
    """Tell how features are put in the order that a model expects.

    Parameters
    ----------
    names, expected : sequence of str or None
        Of the features as they are, and of those that the model was trained on.
    where : str
        How messages call the file.

    Returns
    -------
    list of int or None
        Their indices in that order; None if they stay as they are.
    """
    if not names or not expected or tuple(names) == tuple(expected):
        return None
    index = {name: i for i, name in enumerate(names)}
    if len(index) == len(names) and index.keys() == set(expected):
        note(
            f"note: {where}: its columns are taken by their names, as they are in another order "
            "than those that the model was trained on"
        )
        return [index[name] for name in expected]
    found, wanted = next(pair for pair in zip(names, expected) if pair[0] != pair[1])
    warning(
        f"{where}: a column is called {ascii(found)[:60]} where the model was trained on "
        f"{ascii(wanted)[:60]}: see that the features are the same, in the same order"
    )
    return None


def csv_blocks(source, label_column=None, labelled=True):
    """Read a CSV file block by block, however long it is; see :func:`read_csv`.

    Parameters
    ----------
    source, label_column
        As of :func:`read_csv`.
    labelled : bool
        Whether there is a label column; without one, all columns are features.

    Yields
    ------
    Block
    """
    with reading(_name(source)), contextlib.ExitStack() as stack:
        stream = stack.enter_context(open_bytes(source)) if _is_path(source) else source
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline=None)
        try:
            yield from _blocks(_rows(text), label_column, labelled)
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


def delimiter_of(line):
    """Which of `DELIMITERS` is between the cells of a line: the one that is most frequent there.

    What is quoted does not count, nor do commas within numbers.
    """
    line = re.sub('"[^"]*"', "", line)
    if ";" in line or "\t" in line:
        line = re.sub(rf"(?:(?<=[;\t])|^) *{DECIMAL_COMMA} *(?=[;\t\r\n]|$)", "", line)
    return max(DELIMITERS, key=line.count)


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
    n_cells = 0  # of the row that is read; a quoted cell may go over several lines

    def not_too_wide(lines):
        nonlocal n_cells
        for line in lines:
            n_cells += line.count(delimiter) + 1
            if n_cells > MAX_COLUMNS:
                raise DatasetError(
                    f"has a row of more than {MAX_COLUMNS} columns: is it a CSV file? Save so "
                    "wide a table as .npz or .npy"
                )
            yield line

    lines = not_too_wide(itertools.chain([first], lines))
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=True, strict=True)
    width = 0
    try:
        for cells in reader:
            n_cells = 0
            if len(cells) < 2 and not "".join(cells).strip():
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


def _blocks(rows, label_column, labelled):
    start = list(itertools.islice(rows, 2))
    if not start:
        raise DatasetError("is empty: it has no row")
    head, *second = ([cell.strip() for cell in cells] for _, cells in start)
    label = _label_index(head, second, label_column) if labelled else None
    if len(head) == 1 and labelled:
        raise DatasetError(
            f"row {start[0][0]} has one column: a label and at least one feature are needed, "
            "with a comma, a semicolon or a tab between them"
        )
    columns = Columns(label, None, None)
    if _is_header(head, second, label):
        names = tuple(name for i, name in enumerate(head) if i != label)
        columns = Columns(label, head[label] if labelled else None, names)
        del start[0]
        if not start:
            raise DatasetError(
                "has no row of data: its one row has text, and so is taken for a header"
            )
    n_rows = max(1, BLOCK // (len(head) + ROW))
    rows = itertools.chain(start, rows)
    del start, head, second
    for block in iter(lambda: list(itertools.islice(rows, n_rows)), []):
        yield _block(block, columns)


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def _is_text(cell):
    return _number(cell) is None and not re.fullmatch(DECIMAL_COMMA, cell)


def _is_header(head, second, label):
    """Whether the first row names the columns; `second` is a list of the second row, if any."""
    is_text = [_is_text(cell) for cell in head]
    if not second:
        return any(is_text[i] and head[i] for i in range(len(head)) if i != label)
    is_text_below = [_is_text(cell) for cell in second[0]]
    if any(is_text[i] and not is_text_below[i] for i in range(len(head)) if head[i] or i == label):
        return True
    # "0,1,2,3", as pandas names columns, over a text label.
    numbered = [str(i) for i in range(len(head) + 1)]
    return label is not None and is_text_below[label] and head in (numbered[:-1], numbered[1:])


def _label_index(head, second, label_column):
    if not isinstance(label_column, str):
        names = [name.lower() for name in head]
        for name in map(str.lower, label_column or LABEL_NAMES):
            if names.count(name) == 1 and _is_header(head, second, names.index(name)):
                return names.index(name)
        return 0
    wanted = str(label_column)
    number = int(wanted) if re.match(r"-?\d{1,9}\Z", wanted) else 0
    named = [i for i, name in enumerate(head) if name == wanted]
    # A number in a row of data is not a column's name.
    if named and (not number or _is_header(head, second, named[0])):
        if len(named) > 1:
            raise DatasetError(f"has more than one column {wanted!r}: which is the label?")
        return named[0]
    if 1 <= abs(number) <= len(head):
        return number - 1 if number > 0 else number + len(head)
    shown = ", ".join(ascii(name)[1:-1] for name in head[:8])
    raise DatasetError(
        f"has no column {wanted!a} for the label; its first row is: {shown[:200]}"
        f"{', ...' if len(head) > 8 else ''}. Give a name from the header, or the number of a "
        "column, counted from 1 (-1: the last)"
    )


def _block(rows, columns):
    numbers, table = [number for number, _ in rows], [cells for _, cells in rows]
    labels = None
    if columns.label is not None:
        labels = [cells.pop(columns.label).strip() for cells in table]
        for number, text in zip(numbers, labels):
            if len(text) > MAX_LABEL:
                raise DatasetError(
                    f"the label in row {number} is longer than {MAX_LABEL} characters"
                )
    x = numpy.empty((len(table), len(table[0])))
    try:
        for row, cells in zip(x, table):
            row[:] = cells
    except ValueError:
        x[:] = numpy.nan
    if not abs(x).max() <= FLOAT32_MAX:  # nor if it is NaN
        _complain(numbers, table, columns)
    return Block(x, labels, numbers, columns)


def _complain(numbers, table, columns):
    """Find the first cell that is no number, or none that float32 can hold."""
    for row, cells in zip(numbers, table):
        for i, cell in enumerate(cells):
            number = _number(cell)
            if number is None or not abs(number) <= FLOAT32_MAX:
                column = i + 1 + (columns.label is not None and i >= columns.label)
                name = f" ({ascii(columns.names[i])[1:-1][:60]})" if columns.names else ""
                found = f"holds {ascii(cell.strip())[:60]}" if cell.strip() else "is empty"
                mend = "fill in or leave out the row"
                if re.fullmatch(DECIMAL_COMMA, cell.strip()):
                    mend = "write 0.5, not 0,5: save the table with points for decimal commas"
                elif number is None and cell.strip():
                    mend += (
                        ", turn text into numbers or, if that column is the label, name it: "
                        "--label-column"
                    )
                elif number is None and i == len(cells) - 1:
                    mend += " or, if every row ends with a delimiter, remove these"
                raise DatasetError(
                    f"row {row}, column {column}{name} {found}: every feature must be a finite "
                    f"number, and no larger than float32 can hold; {mend}"
                )
