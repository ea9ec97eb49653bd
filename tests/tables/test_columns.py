"""What a column is: numbers, dates or categories."""

import re

import numpy
import pandas
import pytest
from builders import refused
from numpy.testing import assert_allclose, assert_array_equal
from reads import DAY, read, table

from logreg.parts.options import TableOptions


def text_of(cells):
    """A table whose column a has these cells."""
    return "n\ta\tkind\n" + "".join(f"{i}\t{cell}\tx\n" for i, cell in enumerate(cells))


EMPTY = numpy.nan


@pytest.mark.parametrize(
    "column, kind, values",
    [
        (["45.2%", "0 %", ""], "number %", [0.452, 0, EMPTY]),
        (["1.000", "0,500"], "number", [1000, 0.5]),  # no thousand begins with 0
        (["1 234", "1'234.5", "1’234"], "number", [1234, 1234.5, 1234]),
        (["007", "12"], "number", [7, 12]),
        (["2024/01/05", "2024/02/01"], "date %Y/%m/%d", [DAY - 26, DAY + 1]),
        (["01/31/2024", "02/01/2024"], "date %m/%d/%Y", [DAY, DAY + 1]),
        (["Jan 31, 2024", "Feb 1, 2024"], "date %b %d, %Y", [DAY, DAY + 1]),
        (["18:45", "0:00"], "time %H:%M", [0.78125, 0]),
        (["1.5", "2", "n/a", "NULL"], "number", [1.5, 2, EMPTY, EMPTY]),
        (["18-24", "25-34"], "text", None),
        (["1990-1999", "2000-2009"], "text", None),
        (["Golf", "90", "535i"], "text", None),  # most are words
        (["Golf", "Polo", "1/31/2024"], "text", None),
        (["2:1", "1:0"], "text", None),  # scores
        (["1.2.30", "1.10.24"], "text", None),  # versions
    ],
)
def test_what_cells_mean_is_found_and_noted(column, kind, values, stderr):
    found = table(text_of(column), missing="mean")
    assert found.columns.kinds == ("number", kind)
    told = stderr()
    if values is not None:
        assert_allclose(found.x[:, 1], values)
        is_said = "read as numbers (`categorical`: as text): column 2 (a)" in told
        assert is_said == (column[0] != "1.5")


def assert_are_categories(cells, **options):
    found = table(text_of(cells), **options)
    assert found.columns.categories[1] == sorted({*cells})


@pytest.mark.parametrize(
    "cells, doubtful",
    [
        (["1.5", "0,5"], ["0,5"]),
        (["1.5", "-"], ["-"]),  # which may be empty, 0 or, beside +, a category
        (["$5", "€6", "$4e38"], ["€6", "$4e38"]),
        (["soon", "2024-01-31", "2024-02-01"], ["soon"]),
        (["03/04/2024", "03/05/2024"], ["03/04/2024", "03/05/2024"]),
    ],
)
def test_cells_that_make_a_column_doubtful_are_named_with_all_ways_out(cells, doubtful):
    held = f"row {2 + cells.index(doubtful[0])}, column 2 (a) holds {str(doubtful)[1:-1]} "
    na = " and ".join(f"`na='{cell}'`" for cell in doubtful)
    said = f"{re.escape(held)}.*{re.escape(na)} makes .*`drop='a'` l.*`categorical='a'` makes"
    with refused(said):
        table(text_of(cells))
    assert_are_categories(cells, categorical="a")


def test_times_of_which_half_have_seconds_are_no_matter_of_day_and_month():
    said = "holds '18:45', '6:45:30' .* only some times have seconds"
    with refused(said):
        table(text_of(["18:45", "6:45:30"]))


# The number of texts, of rows, and of texts that such a column may have.
@pytest.mark.parametrize(
    "n, n_rows, most",
    [(10, 10, 10), (11, 21, 10), (11, 22, 11), (100, 200, 100), (101, 300, 100)],
)
def test_many_texts_are_categories_if_there_is_one_for_two_rows(n, n_rows, most):
    """Of ten, each row may have its own; and a hundred are the most."""
    cells = [f"t{i % n}" for i in range(n_rows)]
    cells[1::n] = ["2e7"] * len(cells[1::n])  # as a part of a number in base 16
    if n > most:
        said = f"and more: {n} different texts, too many for categories .at most {most}.. In "
        said += "training, `drop='a'` .* `categorical='a'`"
        with refused(said):
            table(text_of(cells))
    assert_are_categories(cells, categorical="a" if n > most else None)


def test_a_number_of_a_frame_has_no_comma_and_may_stand_for_empty():
    columns = {"a": [1.234, -999, "7,5"], "n": [3, 4, -999], "c": [1.125, "p", "q"]}
    frame = pandas.DataFrame({**columns, "kind": [*"xyx"]})
    frame.to_excel("t.xlsx", index=False)
    for source in (frame, "t.xlsx"):
        found = read(source, TableOptions("kind", na="-999", missing="mean", categorical="c"))
        assert_array_equal(found.x[:, :2], [[1.234, 3], [EMPTY, 4], [7.5, EMPTY]])
        assert found.columns.categories == (None, None, ["1.125", "p", "q"])


MONEY = "a;kind\n$9,5;x\n-99,90;y\n-1000;x\n"


@pytest.mark.parametrize(
    "text, na, wanted",
    [
        (MONEY, "-99.9", [[9.5], [EMPTY], [-1000]]),
        (MONEY, "-1.000", [[9.5], [-99.9], [EMPTY]]),
        # True and False are no numbers that stand for empty.
        ("a,n,kind\nTrue,0,x\nFalse,1,y\nTrue,2,y\n", "0", [[1, EMPTY], [0, 1], [1, 2]]),
        ("a,kind\nTRUE,x\nFALSE,y\n0,y\n", "FALSE", [[1], [EMPTY], [0]]),
        ("a,n,kind\n99 %,99,x\n5 %,1,y\n7 %,2,y\n", "99 %", [[EMPTY, 99], [0.05, 1], [0.07, 2]]),
    ],
)
def test_what_stands_for_empty_is_compared_as_a_number(text, na, wanted):
    assert_array_equal(table(text, na=na, missing="mean").x, wanted)
