"""The layout of a table in text: its delimiter, and where its first row is."""

import csv
import io
import re
from collections import Counter
from typing import NamedTuple

from logreg.basics.errors import DatasetError, cut

# These first characters show the layout, with the rest of their last line and two more lines.
FIRST_CHARACTERS = 1 << 16
LONGEST_LINE = 1 << 23  # characters


def read_first_lines(stream):
    """Read the first lines of a table, which show its layout."""
    text = stream.read(FIRST_CHARACTERS)
    for _ in range(3):
        line = stream.readline(LONGEST_LINE)
        if len(line) == LONGEST_LINE:
            raise DatasetError(f"has a line of more than {LONGEST_LINE:,} characters: is no table")
        text += line
    return text.lstrip("\ufeff")


class Layout(NamedTuple):
    """Where the cells of a text are."""

    delimiter: str
    n_lines_above: int  # the number of lines above the first row
    first_row: int  # its number in messages, from 1; comments above it count, blank lines do not
    rows: list  # the cells of the first rows, equally many in each


class MarkCount(NamedTuple):
    """How regularly a mark occurs in lines: the delimiter is the mark with the largest count.

    The first field decides, and between equal ones the next. Lines with equally many marks are a
    group: the count describes the largest group.
    """

    is_likely: bool  # the group has more than half of all lines; False for the decimal mark
    n_lines: int  # in that group
    n_marks: int  # in each line of that group


def find_layout(text, decimal):
    """Find the :class:`Layout` of a table in the first lines of a text, which must not be HTML.

    Above the first row, Excel's line "sep=;" may stand, and comments. A comment begins with # and
    has another number of delimiters than most lines.
    """
    if re.match(r"\s*<(!doctype html|html|table)\b", text, re.IGNORECASE):
        raise DatasetError(
            "is an HTML page, not a table: download the table itself, or save it as CSV"
        )
    lines = io.StringIO(text, newline="").readlines()
    sep_line = re.match(r"sep=(.)[\r\n]", text)
    without_quoted = re.sub('"[^"]*"', "", text)
    unquoted = [line for line in without_quoted.splitlines() if line]  # without blank lines
    if sep_line:
        delimiter = sep_line[1]
    else:
        # Of one column, where there is none, it is a tab.
        delimiter = max("\t;|,", key=lambda mark: _count_marks(unquoted, mark, decimal))
    n_marks = _count_marks(unquoted, delimiter, decimal).n_marks
    n_above = 1 if sep_line else 0
    n_blank = 0
    for line in lines[n_above:]:
        is_comment = line[0] == "#" and line.count(delimiter) != n_marks
        is_blank = not line.strip("\r\n")
        if not is_comment and not is_blank:
            break
        n_above += 1
        n_blank += is_blank
    reader = csv.reader(lines[n_above:], delimiter=delimiter, skipinitialspace=True)
    rows = [[cell.strip() for cell in cells] for cells in reader]
    rows = [cells for cells in rows if cells not in ([], [""])]  # pandas leaves out blanks, too
    if not rows:
        raise DatasetError("is empty: it has no row")
    first_row = 1 + n_above - n_blank
    refuse_title(rows, first_row)
    _check_widths(rows, first_row, delimiter)
    # A short row lacks its last cells: they are empty.
    rows = [cells + [""] * (len(rows[0]) - len(cells)) for cells in rows]
    return Layout(delimiter, n_above, first_row, rows)


def _count_marks(lines, mark, decimal):
    """Find the :class:`MarkCount` of a mark."""
    groups = Counter(line.count(mark) for line in lines if mark in line)
    counts = [
        MarkCount(mark != decimal and 2 * n_lines > len(lines), n_lines, n_marks)
        for n_marks, n_lines in groups.items()
    ]
    return max(counts, default=MarkCount(False, 0, 0))


def refuse_title(rows, first_row):
    """Refuse a title above the table: it fills one of several columns, and the row below it more.

    `first_row` is the number of the first row in messages.
    """
    n_filled, *below = [sum(map(bool, cells)) for cells in rows[:2]]
    if len(rows[0]) > 2 and n_filled == 1 and below and below[0] > 1:
        title = "".join(rows[0])
        raise DatasetError(
            f"row {first_row} ({cut(title)}) fills one column of {len(rows[0])}, and the row below "
            "it more: leave out a title above the table"
        )


def _check_widths(rows, first_row, delimiter):
    """Refuse rows that have more cells than the first one."""
    widths = [len(cells) for cells in rows]
    widest = widths.index(max(widths))
    if widest > 0:
        raise DatasetError(
            f"row {first_row} ({cut(delimiter.join(rows[0]))}) fills columns: {widths[0]}, and "
            f"row {first_row + widest}: {widths[widest]}; leave out a title above the table; if "
            f"all rows begin with a name or end with {delimiter!r}, the header must do so, too"
        )
