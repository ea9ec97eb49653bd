"""Tables: the rules of headers, labels and columns; what is read, and what is refused how."""

import gzip
import json
import re
from types import SimpleNamespace

import numpy
import pandas
import pytest
from builders import csv_text, save, table_bytes, write
from conftest import peak_memory
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from logreg import Predictor, load_data
from logreg.datasets import frames
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.facts import of_columns
from logreg.datasets.formats import sniff
from logreg.datasets.header import Columns
from logreg.datasets.options import NA, NO_OPTIONS, Preparation, TableOptions
from logreg.datasets.tables import read_table, table_batches
from logreg.errors import DatasetError, SettingError
from logreg.saving.facts import ModelFacts


def put(text, name="t.csv"):
    return write(name, text if isinstance(text, bytes) else text.encode())


def read(source, options=NO_OPTIONS, **given):
    """The rows of a table, and what is known of its columns."""
    part, columns = read_table(source, options, **given)
    return SimpleNamespace(columns=columns, **part._asdict())


def table(text, **options):
    return read(put(text), TableOptions(**options))


def labels_of(found):
    return [found.labels[code] for code in found.codes]


def batches(text, n_in, size=1000, feature_names=None, label_name=None, label=None, **options):
    categories = options.pop("categories", [None] * n_in)
    kinds = options.pop("kinds", ["number" if texts is None else "text" for texts in categories])
    known = Columns(label, label_name, feature_names, categories, kinds)
    found = [x for x, *_ in table_batches(put(text), TableOptions(**options), size, known)]
    assert all(0 < len(x) <= size and x.dtype == float for x in found)
    return numpy.concatenate(found).tolist()


cells = st.floats(-1e38, 1e38).map(lambda x: x / 3)  # of as many digits as there may be


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(
            st.tuples(st.text("xyz ü,;", min_size=1), *[cells] * width), min_size=2, max_size=6
        )
    ),
    delimiter=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n", "\n\n", "\r"]),
    has_header=st.booleans(),
)
def test_a_table_holds_what_was_written(rows, delimiter, newline, has_header):
    labels, *columns = zip(*rows)
    assume(all(len({*column}) > 1 for column in columns))  # else it is left out
    names = ["kind", *(f"f{i}" for i in range(len(columns)))]
    lines = [[f'"x{label}"', *map(repr, cells)] for label, *cells in rows]
    lines = [names, *lines] if has_header else lines
    found = table(newline.join(map(delimiter.join, lines)), decimal=".", label_column="1")
    assert found.x.T.tolist() == [[*column] for column in columns]
    assert labels_of(found) == [f"x{label}".strip() for label in labels]
    assert found.columns[:3] == (0, *(("kind", tuple(names[1:])) if has_header else (None, None)))


RULES = [
    # A text cell over a number; all cells are text; a cell called label, class or target.
    ("a,7,kind\n1,2,x\n", True, 2, ("a", "7")),
    ("1,CLASS\n0.5,dog\n", True, 1, ("1",)),
    (",a,kind\n0,x,dog\n", True, 2, ("a",)),
    ("Unnamed: 0,a,,kind\n0,5,1,x\n", True, 3, ("a", "")),
    # The columns are counted from 0, as by pandas.
    ("0,1,2\n5,6,7\n", True, 2, ("0", "1")),
    (",0,1,2\n7,5,6,7\n", True, 3, ("0", "1")),
    # Otherwise it is data.
    ("0,5;1,5;ant\n0,7;2,5;bee\n", False, 2, None),  # no text, but with a decimal comma
    ("species,7157,672\na,1,2\n", False, 2, None),
    ("1,,2\n1,2,5\n", False, 2, None),
    # A cell called y may be an answer.
    ("1,y\n2,n\n", False, 1, None),
    # The label: the column called label, class, target or y, else the last that has a name.
    ("y,kind,a\n1,dog,2\n", True, 0, ("kind", "a")),
    ("a,Y,b\nx,1,2\n", True, 1, ("a", "b")),
    ("kind,a,b\ndog,1,2\n", True, 2, ("kind", "a")),
    ("a,kind,\n1,dog,\n", True, 1, ("a",)),
    ("a,kind,\n1,dog\n", True, 1, ("a",)),
    ("a,kind,\n1,dog,x\n", True, 2, ("a", "kind")),  # it has a cell
]


@pytest.mark.parametrize("text, header, label, names", RULES)
def test_the_rules(text, header, label, names):
    found = table(text, missing="mean")
    assert (found.columns.label, found.columns.names) == (label, names)
    assert len(found.codes) == text.count("\n") - header
    assert found.first_rows[0] == 1 + header


def test_an_option_overrules_the_rules(capsys):
    assert table("7,8,label\n5,6,cat\n", header=False).labels == ["label", "cat"]
    assert table("k,1\n2,3\n4,5\n", header=True, label_column="k").labels == ["2", "4"]
    found = table(",a,b\nx,5,1\nz,2,2\n", label_column="1")
    assert found.columns[:3] == (0, "", ("a", "b"))
    assert read("t.csv", known=found.columns).labels == ["x", "z"]  # as its model knows
    assert "left out" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "line", ["0;a;2", "0\ta, b; c|d\t2", "0|2|a, b", '0, "a,b",2', '0,"a;b|c\td",2', "0, 1,a b"]
)
def test_the_delimiter_is_that_of_most_rows(line):
    found = table(f"{line}\n{line}\n")
    assert len(found.columns.kinds) == 2 and found.x[0, 0] == 0
    assert table("-1,7;0,8;-1,3\n" * 2 + "0,4;1,8;2,0\n", decimal=",").x[0].tolist() == [-1.7, 0.8]
    assert table('"0,4","a;b",x\n"0,5","b;c",y\n', decimal=",").x[:, 0].tolist() == [0.4, 0.5]
    found = table('"0,4",a;b,x\n"0,5",c,y\n"0,6",c,y\n', decimal=",")  # one of another mark
    assert found.x[:, 0].tolist() == [0.4, 0.5, 0.6]
    found = table("a;kind\n1,234;x\n12,345;y\n")  # where both marks could make numbers
    assert found.x.tolist() == [[1.234], [12.345]]
    for name in ("price|net", "a;b", "a\tb"):
        found = table(f"{name},kind\n1,x\n2,y\n3,x\n")
        assert (found.columns.names, found.labels) == ((name,), ["x", "y"])


@pytest.mark.parametrize(
    "above, n", [("sep=;\r\n", 1), ("# of; all; of; 1970\n# b\n", 2), ("\n\n# \n", 1), ("", 0)]
)
def test_what_stands_above_a_table_is_left_out(above, n):
    found = table(above + "#;a;kind\n1;2;x\n3;4;y\n")
    assert (found.columns.names, found.labels) == (("#", "a"), ["x", "y"])
    assert (found.x.tolist(), found.first_rows) == ([[1, 2], [3, 4]], [n + 2, n + 3])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("is_given, is_gzipped", [(True, False), (False, True)])
def test_encodings(encoding, is_given, is_gzipped):
    mark = "\ufeff" * (encoding == "utf-16-be")  # Python writes none
    data = (mark + "größe;kind\n" + "1;süß\n2;é\n" * 20_000).encode(encoding)
    given = encoding if is_given or encoding == "latin-1" else None
    found = table(gzip.compress(data, 1) if is_gzipped else data, encoding=given)
    assert (found.columns.names, found.labels) == (("größe",), ["süß", "é"])
    assert found.x.ravel().tolist() == [1, 2] * 20_000 and sniff("t.csv") == "table"


def test_a_model_file_keeps_how_a_table_is_read():
    source = put(("a;kind\n" + "1,5;é\n2,5;è\n" * 20).encode("latin-1"))
    data = read_dataset(source, TableOptions(encoding="latin-1", na="-"))
    facts = ModelFacts.of(data.facts.as_dict())
    for options, mark in ((NO_OPTIONS, ","), (TableOptions(decimal="."), ".")):
        kept = facts.table_options(options)
        assert (kept.na, kept.encoding, kept.decimal) == ((*NA, "-"), "latin-1", mark)


SENSELESS = [
    *(("encoding", value, "one that Python knows") for value in ("klingon", "hex", 8)),
    *(("header", 0, "True or False"), ("missing", "median", "'mean'")),
    *(("label_column", True, "a name, or a number"), ("decimal", ";", "'.' or ','")),
    *(("size", 9, "a whole number from 10"), ("pixel_scale", 0, "a number above 0")),
    *(("split_seed", n, r"a whole .* 0 to 2\*\*32-1") for n in (1.5, "1", -1, 2**32, None)),
]


@pytest.mark.parametrize("name, value, needed", SENSELESS)
def test_senseless_options_are_refused_by_name(name, value, needed):
    with pytest.raises(SettingError, match=f"^`{name}` is .*: it must be {needed}"):
        load_data("t.csv", **{name: value})


KIND = {"label_column": "kind"}


WRONG = [
    (f"1,2\n\x1b[31m{'é' * 5000},3\n", {}, r"column 1 holds '\\x1b\[31mé{35,55}':.{,350}$"),
    ("1,2,3\n4,1e39,5\n", {}, r"row 2, column 2 holds 1e\+39: .* larger than float32"),
    ("1,2,3\n4,5,6,7\n7,8,9,0\n", {}, r"row 1 \(1,2,3\) fills columns: 3, and row 2: 4; le"),
    ("Q 1,,\na,b,kind\n1,2,x\n", {}, r"row 1 \(Q 1,,\) fills columns: 1, and row 2: 3"),
    ("1,2\n\n" * 2000 + "1,2,3\n", {}, r"row 1 \(1,2\) fills columns: 2, and row 2001: 3;"),
    ('1,2\n3,"4\n5,6\n', {}, "EOF inside string starting at row 1.* each quote its end"),
    ("1\n2\n", {}, "has 0 columns beside the label: 1 are needed"),
    ("label,f\n  \n", {}, "no row is below row 1, a header .`header=False`"),
    ("a,k\n1,Müller\n".encode("cp1252"), {}, "is not UTF-8.*`encoding='cp1252'`$"),
    ("a,t,k\n,1,x\n?,,k\n3,2,k\n", {}, r"2 in column 1 \(a\) \(row 2\), 1 in .*3\); .*`missing='"),
    ("a,kind\n1,\n2,NA\n", {"missing": "mean"}, "2 of 2 rows have no label, row 2 first"),
    ("a,kind\n1,x\n2,NA\n", {}, r"1 of 2 rows .* row 3 .* \(kind\): `missing='mean'` leaves"),
    ("g,a,k\n,2,x\n?,3,x\np,4,x\n", {"group": "g"}, r"2 of 3 rows have no group, row 2.* \(g"),
    ("Aircon,b,kind\n1,1,x\n", {"drop": "airco"}, "or several; did you mean Aircon. its col"),
    ("a,a,b,kind\n1,2,3,x\n", {}, "called 'a': .*; if row 1 is data, give `header=False`"),
    (gzip.compress(b"1,2,x\n3,4,y\n" * 999)[:-30], {}, "cannot be read: cut off or damaged"),
    # All doubtful columns at once.
    ("a,b,kind\n4x,N,x\n1,2,x\n3,4,y\n", {}, r"row 2, .*\(a\) holds '4x', row 2, .*\(b\) ho"),
    # Several columns are called so.
    ("label,a,target\n1,2,3\n", {}, r"which .*\? its columns are 1 \(label\), 2 \(a\)"),
]


@pytest.mark.parametrize("text, options, said", WRONG)
def test_what_is_wrong_is_said(text, options, said):
    with pytest.raises(DatasetError, match=r"^t\.csv: (?s:.*)" + said):
        table(text, **options)


DOUBTFUL = [
    ("1.5 0,5", ["0,5"]),
    ("$5 €6", ["€6"]),
    ("3A 4B 12", ["3A", "4B"]),
    ("2024-01-31 soon 2024-02-01", ["soon"]),
    ("31/01/2024 01/02/2024 1st", ["1st"]),
    ("03/04/2024 03/05/2024", ["03/04/2024", "03/05/2024"]),
    # Of 12 texts, one for each two rows, or not.
    (" ".join(f"t{i % 12}" for i in range(23)), ["t0", "t1", "t2"]),
    (" ".join(f"t{i % 12}" for i in range(24)), []),
    (" ".join(f"t{i % 101}" for i in range(500)), ["t0", "t1", "t2"]),
]


@pytest.mark.parametrize("column, doubtful", DOUBTFUL)
def test_cells_that_make_a_column_doubtful_are_named_with_all_ways_out(column, doubtful):
    cells = column.split()
    text = "n\ta\tkind\n" + "".join(f"{i}\t{cell}\tx\n" for i, cell in enumerate(cells))
    if doubtful:
        held = f"row {2 + cells.index(doubtful[0])}, column 2 (a) holds {str(doubtful)[1:-1]}: "
        na = " and ".join(f"`na='{text}'`" for text in doubtful)
        said = f"{re.escape(held)}.*{re.escape(na)} lets .*`categorical='a'` makes .*`drop='a'` l"
        with pytest.raises(DatasetError, match=said):
            table(text)
    categories = sorted({*cells})
    assert table(text, categorical="a").columns.categories == (None, categories)


# What a column is


DAY = 19753  # 2024-01-31, since 1970-01-01


COLUMNS = [
    (["$7,888.57", "-$950", "12"], "number $", [7888.57, -950, 12]),
    (["45.2%", "0 %", ""], "number %", [45.2, 0, numpy.nan]),
    (["7.888,57", "0,5", "1.000"], "number", [7888.57, 0.5, 1000]),
    (["1 234", "1'234.5", "1’234"], "number", [1234, 1234.5, 1234]),
    (["1,234", "12", "7"], "number", [1234, 12, 7]),
    (["007", "12"], "number", [7, 12]),
    (["2024-01-31", "2024-01-31 12:00", ""], "date ISO8601", [DAY, DAY + 0.5, numpy.nan]),
    (["01.02.2024", "02.02.2024"], "date %d.%m.%Y", [DAY + 1, DAY + 2]),
    (["01/31/2024", "02/01/2024"], "date %m/%d/%Y", [DAY, DAY + 1]),
    (["31/01/2024", "01/02/2024"], "date %d/%m/%Y", [DAY, DAY + 1]),
    (["Jan 31, 2024", "Feb 1, 2024"], "date %b %d, %Y", [DAY, DAY + 1]),
    (["18-24", "25-34"], "text", None),
    (["1990-1999", "2000-2009"], "text", None),
]


@pytest.mark.parametrize("column, kind, values", COLUMNS)
def test_what_cells_mean_is_found_noted_kept_and_known_in_prediction(column, kind, values, capsys):
    text = "a\tn\tkind\n" + "".join(f"{cell}\t{i}\tx\n" for i, cell in enumerate(column))
    found = table(text, missing="mean")
    assert found.columns.kinds == (kind, "number")
    told = capsys.readouterr().err
    if values is not None:
        numpy.testing.assert_allclose(found.x[:, 0], values)
        assert f"column 1 (a), '{column[0]}' as {values[0]:.9g}" in told
    told = {**of_columns(found.columns), "options": None, "n_in": found.x.shape[1]}
    kept = ModelFacts.of(json.loads(json.dumps(told)))
    options = TableOptions(missing="mean", decimal=found.columns.options.decimal)
    ((x, *_),) = table_batches(put(text), options, 9, kept.table)
    numpy.testing.assert_array_equal(x, found.x)


def test_columns_that_an_option_calls_categorical():
    rows = "".join(f"{i % 12},{i % 150:05},{i % 7},{'ab'[i % 12 > 5]}\n" for i in range(900))
    found = table("month,zip,n,kind\n" + rows, categorical=["month", "zip"])
    months, zips = sorted(map(str, range(12))), [f"{i:05}" for i in range(150)]
    assert found.columns.categories == (months, zips, None)
    assert (found.x[:, 12:162].argmax(axis=1) == numpy.arange(900) % 150).all()
    known = {"feature_names": found.columns.names, "categories": found.columns.categories}
    (row,) = batches("kind,zip,n,month\na,00001,3,7.0\n", 3, **known)
    assert numpy.flatnonzero(row).tolist() == [months.index("7"), 12 + 1, 12 + 150]
    found = table("a,kind\n7,x\n7.0,y\n8,x\n", categorical="a")  # as a frame with gaps has it
    assert found.columns.categories == (["7", "8"],)


def test_a_frame_declares_columns_of_text():
    frame = pandas.DataFrame({"code": [f"101{i % 5}" for i in range(40)], "kind": ["x", "y"] * 20})
    frame["kept"] = pandas.Categorical([str(i % 3) for i in range(40)])
    frame["price"] = [f"${i + 1},000" for i in range(40)]
    frame["day"] = pandas.to_datetime(["2024-01-31", "2024-02-01"] * 20)
    frame.to_parquet("t.parquet")
    for source in (frame, "t.parquet"):
        found = read(source, TableOptions("kind"))
        assert found.columns.kinds == ("text", "text", "number $", "date ISO8601")
        assert found.columns.categories[:2] == ([f"101{i}" for i in range(5)], [*"012"])
        assert found.x[1, -2:].tolist() == [2000, DAY + 1]
    columns = {"a": [1.234, 2.0, "7,5"], "kind": [*"xyx"]}  # what is no text has no comma
    found = read(pandas.DataFrame(columns, dtype=object), TableOptions("kind", decimal=","))
    assert found.x[:, 0].tolist() == [1.234, 2, 7.5]


@pytest.mark.parametrize("cell", NA)
def test_what_counts_as_an_empty_cell(cell):
    """In features and in the label, whose row is then left out."""
    text = f"a,t,kind\n1,x,+\n{cell},{cell},-\n3,y,-\n4,y,{cell}\n"
    found = table(text, **KIND, missing="mean")
    assert numpy.isnan(found.x[1, 0]) and found.columns.categories == (None, ["", "x", "y"])
    assert (found.labels, len(found.x)) == (["+", "-"], 3)
    known = {"categories": found.columns.categories, "label_name": "kind"}
    rows = batches(text, 2, missing="mean", **known)
    numpy.testing.assert_array_equal(rows[:3], found.x)


def test_a_number_that_stands_for_empty_is_compared_as_a_number():
    x = numpy.where(numpy.arange(60) % 7, numpy.arange(60.0), -999)
    frame = pandas.DataFrame({"a": x, "n": x.astype(int), "kind": ["x", "y"] * 30})
    frame.to_csv("t.csv", index=False)
    options = TableOptions("kind", na="-999", missing="mean")
    for source in ("t.csv", frame):
        wanted = numpy.where(x == -999, numpy.nan, x)
        numpy.testing.assert_array_equal(read(source, options).x, numpy.c_[wanted, wanted])
    told = {"na": "-99", "missing": "mean", "categorical": "code"}
    found = table("a,code,kind\n$9.64,1,x\n-99.00,-99.0,y\n$2,3,x\n", **told)
    assert numpy.isnan(found.x[1, 0]) and found.columns.categories == (None, ["", "1", "3"])
    text = "a;kind\n$9,5;x\n-99,90;y\n-1000;x\n"
    for na, row in ("-99,9", 1), ("-99.9", 1), ("-1.000", 2):  # which is what stands there
        (rows,) = numpy.isnan(table(text, na=na, missing="mean").x[:, 0]).nonzero()
        assert rows.tolist() == [row]


def test_a_table_in_many_chunks(monkeypatch):
    """What a column is shows in the last of them."""
    monkeypatch.setattr(frames, "CHUNK_CELLS", 300)
    rows = [f"{'a' * (i > 500)},{i % 90},{i // 100}" for i in range(999)]
    text = "\n".join(["t,n,kind", *rows, 'b,"1,000",9\n'])
    found = table(text, **KIND, missing="mean")
    assert found.columns.categories == (["", "a", "b"], None)
    wanted = numpy.c_[numpy.eye(3).repeat([501, 498, 1], axis=0), [*numpy.arange(999) % 90, 1000]]
    assert (found.x == wanted).all()
    assert labels_of(found) == [str(i // 100) for i in range(1000)]
    assert found.first_rows == [*range(2, 1002, 100)]
    known = {"feature_names": ["t", "n"], "categories": found.columns.categories}
    assert (batches(text, 2, 150, **known, missing="mean") == wanted).all()
    with pytest.raises(DatasetError, match=r"row 902, column 1 \(a\) holds 'w'"):
        table("a,kind\n" + "1,k\n" * 900 + "w,k\n")  # among numbers of other chunks


def test_memory_is_at_most_twice_the_data():
    with open("t.csv", "w") as file:
        file.write(("0.5," * 500 + "x\n") * 12000)
    with peak_memory() as peak:
        x = read_table("t.csv", dtype="float32")[0].x
    assert x.dtype == "float32" and x.shape == (12000, 500) and (x == 0.5).all()
    assert peak() < 2 * x.nbytes


# Rows that are to be predicted


TAKEN = [
    ("y,target,q\n1,2,3\n", 3, {}, [[1, 2, 3]]),  # as many columns as features
    ("p,q,label,r\n1,2,cat,3\n", 3, {}, [[1, 2, 3]]),
    ("1,2,cat\n", 2, {}, [[1, 2]]),
    ("1,2,3\n", 2, {"label_column": "-2"}, [[1, 3]]),
    ("1,2,3\n", 2, {"label": 0}, [[2, 3]]),  # where it was in training
    ("k,a,b\n1,2,3\n", 2, {"label_name": "k"}, [[2, 3]]),
    # A model that knows the names
    ("id,b,a\nx,2,1\nz,4,3\n", 2, {"feature_names": ["a", "b"]}, [[1, 2], [3, 4]]),
    ("1,2\n3,4\n", 2, {"feature_names": ["a", "b"]}, [[1, 2], [3, 4]]),
    # A date may stand as 2024-01-31, whatever the format of training.
    ("31.01.2024\n2024-01-31\n", 1, {"kinds": ["date %d.%m.%Y"], "header": False}, [[DAY]] * 2),
    ("0,1\n3,4\n", 2, {"feature_names": ["0", "1"]}, [[3, 4]]),
    ("0,1\n3,4\n", 2, {"feature_names": ["0", "1"], "header": False}, [[0, 1], [3, 4]]),
]


@pytest.mark.parametrize("text, n_in, options, rows", TAKEN)
@pytest.mark.parametrize("size", [1, 1000])
def test_which_columns_are_taken(text, n_in, options, rows, size):
    assert batches(text, n_in, size, **options) == rows


A_B = {"feature_names": ["a", "b"]}


NOT_TAKEN = [
    ("1,2,3,4\n", 2, {}, "the model expects 2 features, got 4 columns"),
    ("b,a\n7,$2\n", 2, A_B, r"row 2, column 2 \(a\) holds '\$2'"),
    ("45322\n", 1, {"kinds": ["date ISO8601"]}, "row 1, column 1 holds '45322'"),  # of Excel
    ("1,2\n-,3\n4,.\n", 2, {}, "row 2, .* holds '-', row 3, .* '.': .*`na='-'` and `na='.'`"),
    # An empty cell of one column is no blank line.
    ('v\n1.0\n\n""\n', 1, {"size": 1}, r"empty .* 1 in column 1 \(v\) \(row 3\).*`missing='mean'`"),
]


@pytest.mark.parametrize("text, n_in, options, said", NOT_TAKEN)
def test_columns_that_a_model_does_not_take(text, n_in, options, said):
    with pytest.raises(DatasetError, match=said):
        batches(text, n_in, **options)


TOLD = [
    ("1,2,3\n", {}, r"row 1 \(1, 2, 3\) is taken for data .*, column 3 is left out as the"),
    ("a,b,y\n1,2,3\n", {}, r"row 1 .* is taken for a header .*, column 3 \(y\) is left out"),
    ("a,b,y\n1,2,3\n", {"header": True}, r"note: t.csv: column 3 \(y\) is left out"),
    ("a,b\n1,2\n", {}, r"is taken for a header \(`header=False`: it is data\)$"),
    ("a,b\n1,2\n", {"feature_names": ["a", "b"]}, "^$"),
    (",a,b,y\n7,1,2,3\n", {}, r"column 1 \(\), which has no name of its own, is left out"),
    ("Unnamed: 0,a,b\n7,1,2\n", {"label_column": "-3"}, "t.csv: row 1 .*: it is data.$"),
]


@pytest.mark.parametrize("text, options, said", TOLD)
def test_what_the_rules_tell_is_said(text, options, said, capsys):
    batches(text, 2, **options)
    assert re.search(said, capsys.readouterr().err.strip())


def test_what_is_new_to_a_model_is_told_once_with_its_column(cli, capsys):
    told = {"columns": ["island", "mass"], "categories": [["Biscoe", "Dream"], None]}
    told.update(feature_names=["island=Biscoe", "island=Dream", "mass"], x_range=[0, 60])
    save("m.pkl", numpy.eye(3, 2), numpy.zeros(2), **told)
    put("mass,island\n1,Dream\n2,Biscoe\n3,Torgersen\n4,Dream \n5,Bute\n6,Bute\n9000,Dream\n")
    done = cli("predict", "--model", "m.pkl", "t.csv")
    of_category, of_value = sorted(done.err.splitlines())
    new = "row 4, column 2 (island) holds 'Torgersen', no category that the model knows"
    assert of_category.endswith(new) and "in mass, as 9000 in row 8" in of_value
    known = Predictor("m.pkl").facts.table
    found = [x.tolist() for x, *_ in table_batches("t.csv", NO_OPTIONS, 1, known)]
    assert found[:4] == [[[0, 1, 1]], [[1, 0, 2]], [[0, 0, 3]], [[0, 1, 4]]]
    assert capsys.readouterr().err.count("no category") == 1


# Text, empty cells, columns that are left out


def test_text_is_one_hot_encoded_and_booleans_are_numbers():
    text = "id,island,mass,ok,sex,kind\n"
    text += "7,Dream,1.5,true,f,x\n5,Biscoe,NA,False,m,y\n3,,4.5,TRUE,f,x\n"
    found = table(text, **KIND, drop=("id",), missing="mean")
    wanted = [[0, 0, 1, 1.5, 1, 1, 0], [0, 1, 0, numpy.nan, 0, 0, 1], [1, 0, 0, 4.5, 1, 1, 0]]
    numpy.testing.assert_array_equal(found.x, wanted)
    # Only a column with empty cells has a category for them.
    assert found.columns.categories == (["", "Biscoe", "Dream"], None, None, ["f", "m"])
    names = ("island=", "island=Biscoe", "island=Dream", "mass", "ok", "sex=f", "sex=m")
    assert of_columns(found.columns)["feature_names"] == names
    found = table("a,b,a,kind\n1,2,3,x\n1,3,4,y\n", drop=("1",))  # of two with one name
    assert (found.x.tolist(), found.columns.names) == ([[2, 3], [3, 4]], ("b", "a"))


# A look before training


def test_a_look_before_training(capsys):
    n = 120
    frame = pandas.DataFrame({"same": [5] * n, "empty": [""] * n, "id": range(100, 100 + n)})
    frame["code"], frame["a"] = ["J", "j", "n"] * (n // 3), [i % 8 for i in range(n)]
    frame["far"] = [i % 3 + i / n - 1 / n for i in range(n)]
    frame["kind"] = ["Ja", "j a", "nein"] * (n // 3)
    assert read_dataset(frame).facts.columns == ("id", "code", "a", "far")
    data = read_dataset(frame.drop(columns=["id", "far"]))
    told = capsys.readouterr().err.splitlines()
    assert all(line.startswith("note: the data frame: ") for line in told) and len(told) == 10
    train, *others = (x.tolist() for x, _ in data)
    n_seen = sum(row in train for rows in others for row in rows)
    for said in (
        "left out, as all cells are alike: column 1 (same), column 2 (empty)",
        ": column 3 (code) tells the label by itself: is it known before the label is?",
        ": column 4 (code), column 6 (far) tells the label by itself",
        "rows of each class: 'Ja' 40, 'j a' 40, 'nein' 40",
        "labels that differ in case or blanks only: 'Ja' and 'j a'",
        f"{n_seen} of the 40 rows for validation and test are the same as training rows",
        ": column 3 (id) numbers the rows",
    ):
        assert any(said in line for line in told), said


def test_columns_without_names_are_called_by_their_numbers_in_the_file():
    rows = [f"{'ab'[i % 2]},9,{i},{'uv'[i % 3 == 0]}" for i in range(30)]
    put("\n".join(rows))
    data = read_dataset("t.csv", TableOptions(1, header=False, drop=[3]))
    assert data.facts.names == ("column 2", "column 4=u", "column 4=v")


def test_pictures_keep_columns_that_are_alike():
    rows = numpy.random.RandomState(0).randint(9, size=(30, 65))
    rows[:, :60] = 0
    found = table(csv_text(rows, [*map("p{}".format, range(64)), "label"]))
    assert found.x.shape == (30, 64)


LABELS = [
    (lambda i: "x", "error: t.csv: every row has the label 'x': give two at"),
    (lambda i: i // 4, "90 rows have 23 different numbers as labels: is that a quantity?"),
    (lambda i: i // 30, None),
    (lambda i: f"k{i * 46 // 90}", "46 classes in 90 rows, 'k0', 'k1', ...: that is no label"),
    (lambda i: i / 8, "holds the label 0.125 in row 3: labels are text, "),
]


@pytest.mark.parametrize("label, said", LABELS)
def test_what_makes_no_label(label, said, cli):
    put("a,label\n" + "".join(f"{i * i % 7},{label(i)}\n" for i in range(90)))
    err = cli("train", "t.csv", "--n-epochs", 2).err
    assert said in err if said else "quantity" not in err


# Groups


def test_rows_of_a_group_stay_in_one_set(cli):
    random = numpy.random.RandomState(0)
    patients = random.randint(40, size=600)
    ill = patients % 3 == 0
    columns = {"p": patients, "a": ill + random.randn(600), "b": patients + 0.25, "ill": ill}
    pandas.DataFrame(columns).to_csv("t.csv", index=False)
    options = TableOptions("ill", group="p")
    for shuffle in (None, False):
        data = read_dataset("t.csv", options, Preparation(shuffle=shuffle))
        for sets in (data, *make_folds(data, 5)):
            groups = [{*x[:, 1]} for x, _ in sets]  # b tells the patient
            assert sum(map(len, groups)) == len(set.union(*groups)) == 40
            assert sum(sets.facts.rows) == 600 and min(map(len, groups)) > 3
            shares = [y.mean() for _, y in sets]
            assert shuffle is False or 0.15 < min(shares) < max(shares) < 0.6
        assert (data.facts.n_in, data.facts.columns) == (2, ("a", "b"))
        ends = numpy.cumsum(data.facts.rows[:2])  # a sixth validates, and so many test
        assert abs(ends - [400, 500]).max() <= numpy.bincount(patients).max() / 2
        in_order = [*dict.fromkeys(data.train[0][:, 1])]  # of their first rows, if not shuffled
        assert (in_order == [*dict.fromkeys(patients + 0.25)][: len(in_order)]) == (
            shuffle is False
        )
        is_mixed = numpy.mean(numpy.diff(data.train[0][:, 1]) != 0) > 0.9  # as minibatches should
        assert is_mixed == (shuffle is None)
    done = cli("train", "t.csv", "--label-column", "ill", "--group", "p", "--n-epochs", 9)
    error = re.search(r"test error: (\d+ of \d+ rows)", done.out)[1]
    assert error in cli("predict", "--evaluate").out  # of the rows that were held out
    assert cli("predict", put("a,b,more\n1,2,3\n", "new.csv")).code == 0
    with pytest.raises(DatasetError, match="2 groups cannot be split into 3 sets: give more"):
        load_data(put("a,g,k\n" + "1,x,u\n2,y,v\n" * 9), group="g")
    text = "a,g,k\n" + "1,x,u\n2,y,v\n3,z,u\n4,w,v\n" * 9
    assert sorted(read_dataset(put(text), TableOptions(group="g")).facts.rows) == [9, 9, 18]


def test_a_group_that_is_in_two_files(cli, working_folder):
    (working_folder / "data").mkdir()
    put("g,a,y\n7,1,0\n8,1,1\n", "data/train.csv")
    put("g,a,y\n7.0,1,0\n,1,1\n", "data/test.csv")  # as of whole numbers beside a gap
    done = cli("train", "data", "--group", "g", "--missing", "mean")
    said = "error: data: of 2 groups, 1 stand in several sets ('7'): move the rows of each into "
    assert (done.code, done.err.splitlines()[-1]) == (1, said + "one set, or give no --group")


def test_a_row_without_a_label_takes_its_group_and_its_number_along():
    """And one without a group is a group of its own."""
    text = "g,a,kind\np,1,x\nq,2,\n,3,y\nNA,4,x\nq,5,x\np,6,y\n"
    found = table(text, group="g", missing="mean")
    assert (found.x.T.tolist(), found.rows) == ([[1, 3, 4, 5, 6]], [2, 4, 5, 6, 7])
    assert (found.labels, found.first_rows) == (["x", "y"], [2, 4])
    assert found.groups[0] == found.groups[4] and len({*found.groups}) == 4


# Files of other kinds


def test_excel_is_read(cli, working_folder):
    pytest.importorskip("openpyxl")
    put(table_bytes(60), "t.csv")
    pandas.read_csv("t.csv").to_excel("t.xlsx")
    assert cli("train", "t.xlsx", "--label-column", "kind", "--n-epochs", 2).code == 0
    piped = cli("predict", "-", stdin=(working_folder / "t.xlsx").read_bytes())
    assert len(piped.out.splitlines()) == 60
    # Text stays as it stands, n/a is no empty cell, and the header is row 1.
    columns = {"zip": ["01067", "007", "n/a"] * 4, "n": [*"123"] * 4, "kind": ["01", "1", "1"] * 4}
    pandas.DataFrame(columns).to_csv("t.csv", index=False)
    pandas.DataFrame(columns).to_excel("t.xlsx", index=False)
    options = TableOptions("kind", categorical="zip")
    wanted, found = read("t.csv", options), read("t.xlsx", options)
    assert found.columns == wanted.columns and (found.x == wanted.x).all()
    assert found.columns.categories == (["007", "01067", "n/a"], None)
    assert (found.labels, found.rows) == (["01", "1"], range(2, 14))
    # Of fractions, one is kept as text; the texts of another column have decimal commas.
    fractions, commas = [1.234, 1.111, "5"] * 4, ["2,5", "3,5", "4,5"] * 4
    columns = {"a": fractions, "b": commas, "kind": [*"xyz"] * 4}
    pandas.DataFrame(columns).to_excel("t.xlsx", index=False)
    found = read("t.xlsx", TableOptions("kind"))
    assert found.x[:3, 0].tolist() == [1.234, 1.111, 5]
    pandas.DataFrame(columns).to_excel("t.xlsx", index=False, header=False)
    found = read("t.xlsx", TableOptions(header=False))
    assert (found.columns.names, found.rows, len(found.x)) == (None, range(1, 13), 12)


@pytest.mark.parametrize("name", ["t.xlsx", "t.parquet"])
def test_whole_numbers_beside_empty_cells_stay_whole(name, cli):
    ids, rows = [None, *range(10**14, 10**14 + 59)], [*range(1, 61)]
    columns = {"id": ids, "a": [f"{i % 7}.5" for i in rows], "kind": [*"xy"] * 30}
    if name == "t.xlsx":
        pytest.importorskip("openpyxl")
        blank = {key: [*cells[:30], None, *cells[30:]] for key, cells in columns.items()}
        pandas.DataFrame(blank, dtype=object).to_excel(name, index=False)
        rows = [*range(2, 32), *range(33, 63)]  # what is blank does not count
    else:  # as others than pandas write it
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(pytest.importorskip("pyarrow").table(columns), name)
    assert [*read(name, TableOptions(group="id", missing="mean")).rows] == rows
    assert cli("train", name, "--group", "id", "--missing", "mean", "--n-epochs", 1).code == 0
    kept = [line.split(",")[1:3] for line in cli("predict", name, "--keep", "id").out.splitlines()]
    assert kept[1:] == [[str(row), str(id or "")] for row, id in zip(rows, ids)]


def test_a_data_frame_and_parquet_are_read_as_csv_is(capsys):
    """An index that has a name is a column, too."""
    columns = {"island": pandas.Categorical(["Dream", "Biscoe", None, "Biscoe"])}
    columns.update(mass=[1.5, None, 4.5, 2.5], n=pandas.array([1, 2, None, 4], "Int64"))
    columns.update(ok=[True, False, True, False], maybe=[True, None, False, True])
    columns.update(nothing=[None] * 4, kind=[0, 1, 0, 1])
    frame = pandas.DataFrame(columns, index=pandas.Index([4, 5, 7, 9], name="id"))
    options = TableOptions("kind", missing="mean")
    frame.to_csv("t.csv")
    frame.to_parquet("t.parquet")
    wanted = read("t.csv", options)
    assert wanted.columns.names == ("id", "island", "mass", "n", "ok", "maybe")
    assert "taken for a header" in capsys.readouterr().err
    for source, name in (("t.parquet", "t.parquet"), (frame, "the data frame")):
        found = read(source, options)
        assert "taken for" not in capsys.readouterr().err  # it has no header that could be data
        numpy.testing.assert_array_equal(found.x, wanted.x)
        assert found.labels == wanted.labels == ["0", "1"]
        assert found.columns == wanted.columns and (found.codes == wanted.codes).all()
        assert (found.first_rows, wanted.first_rows) == ([1, 2], [2, 3])
        xs = [x for x, *_ in table_batches(source, options, 3, found.columns)]
        assert [*map(len, xs)] == [3, 1]
        numpy.testing.assert_array_equal(numpy.concatenate(xs), found.x)
        with pytest.raises(DatasetError, match=f"^{name}: empty or missing cells: 1 in column 2"):
            read_table(source, TableOptions("kind"))
