"""Text, sheets, Parquet and data frames: delimiters, encodings, and what stands above a table."""

import gzip
from dataclasses import replace

import numpy
import pandas
import pyarrow
import pytest
from builders import refused
from conftest import peak_memory
from pyarrow import parquet
from reads import labels_of, put, read, read_to_predict, table

from logreg.parts.options import TableOptions
from logreg.tables import chunks, layout
from logreg.tables.reading import read_table


@pytest.mark.parametrize(
    "text, decimal, numbers",
    [
        ("0\ta, b; c|d\t2\n" * 2, None, [0, 0]),
        ('0, "a,b",2\n' * 2, None, [0, 0]),
        ("-1,7;0,8;-1,3\n" * 2 + "0,4;1,8;2,0\n", ",", [-1.7, -1.7, 0.4]),
        ('"0,4","a;b",x\n"0,5","b;c",y\n', ",", [0.4, 0.5]),
        ('"0,4",a;b,x\n"0,5",c,y\n"0,6",c,y\n', ",", [0.4, 0.5, 0.6]),  # one of ;
        ("1,5\t0,8,x\n\n2,5\t1,8,y\n\n", ",", [1.5, 2.5]),  # blank lines do not count
        # Where both marks could make numbers, and where the table itself names the delimiter.
        ("a;kind\n1,234;x\n12,345;y\n", None, [1.234, 12.345]),
        ("sep=|\n1,222,333,444|5|x\n", None, [1222333444]),
        *((f"a{mark}b,kind\n1,x\n2,y\n3,x\n", None, [1, 2, 3]) for mark in "|;\t"),
    ],
)
def test_the_delimiter_is_that_of_most_rows(text, decimal, numbers):
    assert table(text, decimal=decimal).x[:, 0].tolist() == numbers


@pytest.mark.parametrize(
    "above, n",
    [
        ("sep=;\r\n", 1),
        ("# of; all; of; 1970\n# b\n", 2),
        ("\n\n# \n", 1),
        ("\ufeff", 0),  # a byte order mark, which comes before the option
    ],
)
def test_what_stands_above_a_table_is_left_out(above, n):
    found = table(above + "#;a;kind\n1;2;x\n3;4;y\n", encoding="cp1252")
    assert (found.columns.names, found.labels) == (("#", "a"), ["x", "y"])
    assert (found.x.tolist(), [*found.rows]) == ([[1, 2], [3, 4]], [n + 2, n + 3])


# Training has read cp1252.
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "cp1252", "cp850"]
)
def test_a_model_reads_a_table_in_its_own_encoding(encoding):
    """Its last row alone shows what it is not. It may be gzipped, whatever it is called.

    Nothing shows one that is neither UTF-8 nor that of training: an option gives it.
    """
    text = "taste;kind\nsüß;x\nsauer;y\n"
    _, known = read_table(put(text.encode("cp1252")), TableOptions(encoding="cp1252"))
    mark = "\ufeff" if encoding == "utf-16-be" else ""  # Python writes none
    text = mark + "kind;taste\n" + "x;sauer\n" * 70_000 + "x;süß\n"
    put(gzip.compress(text.encode(encoding), 1))
    given = "cp850" if encoding == "cp850" else None
    x = read_to_predict("t.csv", 2, known, encoding=given)
    assert (x[:70_000] == [1, 0]).all() and x[70_000:].tolist() == [[0, 1]]


@pytest.mark.parametrize(
    "mark, given, text, wanted",
    [
        # The mark in training, the option; a table to predict, and what it means.
        (".", None, "a;b\n1,5;2\n1,500;3\n", [[1.5, 2], [1.5, 3]]),  # Excel's, in German
        (".", None, "a;b\n1,500;3\n", [[1.5, 3]]),  # no cell decides
        (",", None, 'a,b\n"1,500",3\n', [[1.5, 3]]),
        (".", None, 'a,b\n"1,500",3\n', [[1500, 3]]),
        (",", ".", "a;b\n1,500;3\n", [[1500, 3]]),
        (".", None, "a;b\n1.500;3\n", [[1.5, 3]]),  # no cell decides, and the point is in one
        (",", None, "a;b\n1.500;3\n", [[1500, 3]]),
    ],
)
def test_a_table_to_predict_has_its_own_decimal_mark(mark, given, text, wanted):
    _, known = read_table(put(f"a;b;label\n1{mark}5;2;x\n"), TableOptions("label"))
    assert read_to_predict(put(text), 2, known, decimal=given).tolist() == wanted


@pytest.mark.parametrize(
    "text",
    [
        '[{"mass": 1, "sex": "f", "kind": "x"},\n {"sex": "m", "kind": "y\u2028z", "mass": 2.5}]',
        '{"mass": 1, "sex": "f", "kind": "x"}\n\n{"sex": "m", "kind": "y\u2028z", "mass": 2.5}\n',
        '{"mass": [1, 2.5], "sex": ["f", "m"],\n "kind": ["x", "y\u2028z"]}',
        '{"mass": {"0": 1, "1": 2.5}, "sex": {"0": "f", "1": "m"},'
        '"kind": {"0": "x", "1": "y\u2028z"}}\n',
    ],
)
def test_json_is_a_table(text):
    found = table(text)
    assert (found.columns.names, labels_of(found)) == (("mass", "sex"), ["x", "y\u2028z"])
    assert found.x.tolist() == [[1, 1, 0], [2.5, 0, 1]]


def test_csv_may_begin_like_json():
    assert table("[a],kind\n1,x\n2,y\n").columns.names == ("[a]",)


@pytest.mark.parametrize("sheet, value", [(None, 1), (2, 1), ("Data", 7), ("1", 5), (3, 5)])
def test_an_option_chooses_a_sheet(sheet, value, stderr):
    with pandas.ExcelWriter("t.xlsx") as book:
        for name, cell in (("2", 1), ("Data", 7), ("1", 5)):
            frame = pandas.DataFrame({"a": [cell, 3], "kind": ["x", "y"]})
            frame.to_excel(book, sheet_name=name, index=False)
    part, known = read_table("t.xlsx", TableOptions(sheet=sheet))
    said = "note: t.xlsx: of the sheets '2', 'Data', '1', the first is read (`sheet`: another)\n"
    assert (said in stderr()) == (sheet is None)
    assert part.x[0] == read_to_predict("t.xlsx", 1, known)[0] == [value]
    with refused("has no sheet 4: `sheet` names one of '2', 'Data', '1'"):
        read("t.xlsx", TableOptions(sheet=4))


def test_a_sheet_may_have_no_header():
    """It is found by the rules of CSV, and blank rows count."""
    cells = [[None, None], [5.5, "x"], [None, None], [7, "y"]]
    pandas.DataFrame(cells).to_excel("t.xlsx", header=False, index=False)
    found = read("t.xlsx")
    assert (found.x.tolist(), labels_of(found), [*found.rows]) == ([[5.5], [7]], ["x", "y"], [2, 4])


def test_a_title_above_a_sheet_is_refused():
    cells = [[None] * 3, ["Sales", None, None], [None] * 3, ["a", "b", "kind"], [1, 2, "x"]]
    pandas.DataFrame(cells).to_excel("t.xlsx", header=False, index=False)
    with refused(r"^t\.xlsx: row 2 \(Sales\) fills one column of 3, and"):
        read("t.xlsx")


@pytest.mark.parametrize(
    "text, said",
    [
        ('[{"a": 1, "kind": "x"}', "as JSON .Expecting ',' delimiter: line 2 column 1"),
        ('{"a": 1, "kind": "x"}\n{"a": 2, "kind"}', "as JSON .Expecting ':' delimiter"),
        ('[{"a":' + "[" * 50_000, "cannot be read as JSON .maximum recursion depth"),
        ("[]", "has JSON without rows, or with other things beside them: it needs"),
        ('[{"a": 1}, 2]', "has JSON without rows, or with other things beside them: it needs"),
        ('[{"a": 1, "b": [2], "kind": "x"}]', r"column 2 \(b\) holds a list or an object"),
        ('{"a": [1, 2], "kind": ["x"]}', "every column needs as many cells"),
    ],
)
def test_json_without_rows_of_cells_is_refused(text, said):
    with refused(said):
        table(text + "\n")


def test_an_endless_line_is_refused():
    data = gzip.compress(b"a" * 50_000_000, 1)
    said = "a line of more than 8,388,608 characters"
    with peak_memory() as peak, refused(said):
        table(data)
    assert peak() < 60_000_000


def test_a_table_in_many_chunks(monkeypatch):
    """What a column is shows in the last of them."""
    monkeypatch.setattr(chunks, "CHUNK_CELLS", 1)  # 32 rows
    monkeypatch.setattr(layout, "FIRST_CHARACTERS", 1)
    text = "t,n,kind\n" + "a,1,x\n" * 40 + ",2,y\n" * 40 + 'b,"1,000",x\n'
    found = table(text, missing="mean")
    assert found.x.tolist() == [[0, 1, 0, 1]] * 40 + [[1, 0, 0, 2]] * 40 + [[0, 0, 1, 1000]]
    with refused(r"cells: 40 in column 1 \(t\) \(row 42\); in"):
        table(text)
    with refused(r"row 66, column 1 \(a\) holds 'w'"):
        table("a,kind\n" + "1,k\n" * 64 + "w,k\n")  # among numbers of other chunks


@pytest.mark.parametrize("name, rows", [("t.xlsx", [3, 5, 6]), ("t.parquet", [2, 3, 4])])
def test_whole_numbers_beside_empty_cells_stay_whole(name, rows, stderr):
    ids = [None, 10**14, 10**14 + 1, 10**14 + 2]
    if name == "t.parquet":  # as others than pandas write it
        parquet.write_table(pyarrow.table({"a": [1, 2, 3, 4], "all": ids}), name)
    else:  # with a blank row
        cells = {"a": [1, 2, None, 3, 4], "all": [*ids[:2], None, *ids[2:]]}
        pandas.DataFrame(cells, dtype=object).to_excel(name, index=False)
    found = read(name, TableOptions("all", missing="mean"))
    assert ([*found.rows], found.labels) == (rows, [*map(str, ids[1:])])
    assert f"{name}: 1 of 4 rows have no label, row {rows[0] - 1} first" in stderr()


def test_a_data_frame_and_parquet_are_read_as_csv_is(stderr):
    """But they declare columns of text. An index that has a name is a column, too."""
    columns = {
        "island": pandas.Categorical(["Dream", "Biscoe", None, "Biscoe"]),
        "mass": [1.5, None, 4.5, 2.5],
        "n": pandas.array([1, 2, None, 4], "Int64"),
        "ok": [True, False, True, False],
        "maybe": [True, None, False, True],
        "nothing": [None] * 4,
        "code": ["1010", "1011", "1012", "1010"],
        "kept": pandas.Categorical(["0", "1", "2", "0"]),
        "price": ["$1,000", "$2,000", "$3,000", "$4,000"],
        "day": pandas.to_datetime(["2024-01-31", "2024-02-01"] * 2),
        "kind": [0, 1, 0, 1],
    }
    frame = pandas.DataFrame(columns, index=[4, 5, 7, 9]).rename_axis("id")
    options = TableOptions("kind", missing="mean")
    frame.to_csv("t.csv")
    frame.to_parquet("t.parquet")
    wanted = read("t.csv", replace(options, categorical="code,kept"))
    assert wanted.columns.names[0] == "id"
    stderr()
    for source, name in (("t.parquet", "t.parquet"), (frame, "the data frame")):
        found = read(source, replace(options, header=False), dtype="float32")  # theirs is no row
        assert "taken for" not in stderr()  # it has no header that could be data
        numpy.testing.assert_array_equal(found.x, wanted.x)
        assert (found.columns[:5], [*found.rows]) == (wanted.columns[:5], [1, 2, 3, 4])
        assert labels_of(found) == [*"0101"]
        with refused(f"^{name}: empty or missing cells: 1 in column 2"):
            read_table(source, TableOptions("kind"))
    assert read(frame.rename_axis("mass"), options).columns.names[0] == "island"
    with refused("the data frame: is empty"):
        read_table(frame[:0])


def test_per_cent_are_hundredths_and_durations_are_days():
    """A sheet stores both as numbers."""
    cells = {"share": [0.452, 0.07], "took": pandas.to_timedelta(["36h", "6h"]), "kind": [*"xy"]}
    frame = pandas.DataFrame(cells)
    frame.to_excel("t.xlsx", index=False)
    put("share,took,kind\n45.2 %,1.5,x\n7 %,0.25,y\n")
    wanted = [[0.452, 1.5], [0.07, 0.25]]
    assert read("t.xlsx").x.tolist() == read(frame).x.tolist() == wanted
    _, known = read_table("t.csv")
    assert known["kinds"] == ("number %", "number")
    for source in ("t.csv", "t.xlsx", frame):
        assert read_to_predict(source, 2, known).tolist() == wanted
    with refused(
        "row 3, column 1 .share. holds '7' among numbers .all in one currency or all in %"
    ):
        read_to_predict(put("share,took\n45 %,1\n7,1\n"), 2, known)
