"""Tables: the rules of headers, labels and delimiters; what is read, and what is refused how."""

import gzip
import re
from types import SimpleNamespace

import numpy
import pytest
from builders import csv_text, write
from conftest import peak_memory
from hypothesis import given, settings
from hypothesis import strategies as st

from logreg import load_data
from logreg.datasets import frames
from logreg.datasets.dataset import read_dataset
from logreg.datasets.facts import of_columns
from logreg.datasets.frames import CHUNK_CELLS
from logreg.datasets.header import Columns
from logreg.datasets.options import NA, NO_OPTIONS, TableOptions
from logreg.datasets.tables import FLOAT32_MAX, read_table, table_batches
from logreg.errors import DatasetError, SettingError
from logreg.saving.facts import ModelFacts


def put(text):
    return write("t.csv", text if isinstance(text, bytes) else text.encode())


def read(source, options=NO_OPTIONS, *args):
    """The rows of a table, and what is known of its columns."""
    part, columns = read_table(source, options, *args)
    return SimpleNamespace(columns=columns, **part._asdict())


def table(text, **options):
    return read(put(text), TableOptions(**options))


def labels_of(found):
    return [found.labels[code] for code in found.codes]


def batches(text, n_in, size=1000, feature_names=None, label_name=None, label=None, **options):
    categories = options.pop("categories", [None] * n_in)
    known = Columns(label, label_name, feature_names, categories)
    found = list(table_batches(put(text), TableOptions(**options), size, known))
    assert all(0 < len(x) <= size and x.dtype == float for x in found)
    return numpy.concatenate(found).tolist()


cells = st.floats(-FLOAT32_MAX, FLOAT32_MAX)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    data=st.data(),
    n=st.integers(2, 6),
    width=st.integers(1, 4),
    delimiter=st.sampled_from(",;\t|"),
    newline=st.sampled_from(["\n", "\r\n", "\n\n", "\r"]),
    has_header=st.booleans(),
)
def test_a_table_holds_what_was_written(data, n, width, delimiter, newline, has_header):
    x = data.draw(st.lists(st.lists(cells, min_size=width, max_size=width), min_size=n, max_size=n))
    labels = data.draw(st.lists(st.text("xyz ü,;", min_size=1), min_size=n, max_size=n))
    column = data.draw(st.integers(0, width))
    option = {"label_column": str(column + 1)} if column < width else {}
    lines = [[repr(value) for value in row] for row in x]
    for line, label in zip(lines, labels):
        line.insert(column, f'"x{label}"')
    names = [f"f{i}" for i in range(width)]
    if has_header:
        lines.insert(0, [*names[:column], "kind", *names[column:]])
    text = newline.join(delimiter.join(line) for line in lines)
    found = table(text, **option)
    assert found.x.tolist() == x
    assert labels_of(found) == [f"x{label}".strip() for label in labels]
    named = ("kind", tuple(names)) if has_header else (None, None)
    assert found.columns[:3] == (column, *named)


@pytest.mark.parametrize(
    "text, header, label, names",
    [
        # A text cell over a number; all cells are text; a cell called label, class or target.
        ("a,7,kind\n1,2,x\n", True, 2, ("a", "7")),
        ("0,1,2,target\n1,2,3,0\n", True, 3, ("0", "1", "2")),
        ("1,CLASS\n0.5,dog\n", True, 1, ("1",)),
        # Otherwise it is data.
        ("5.1,3.5,1.4,0.2,Iris-setosa\n4.9,3.0,1.4,0.2,Iris-setosa\n", False, 4, None),
        ("species,7157,672\na,1,2\n", False, 2, None),
        ("1,2,\n1,2,5\n", False, 2, None),
        # A cell called y may be an answer.
        ("1,y\n2,n\n", False, 1, None),
        # The label: the column called label, class, target or y, else the last.
        ("y,kind,a\n1,dog,2\n", True, 0, ("kind", "a")),
        ("a,Y,b\nx,1,2\n", True, 1, ("a", "b")),
        ("kind,a,b\ndog,1,2\n", True, 2, ("kind", "a")),
    ],
)
def test_the_rules(text, header, label, names):
    found = table(text)
    assert (found.columns.label, found.columns.names) == (label, names)
    assert len(found.codes) == text.count("\n") - header
    assert found.first_rows[0] == 1 + header


def test_a_header_that_an_option_tells():
    assert table("7,8,label\n5,6,cat\n", header=False).labels == ["label", "cat"]
    assert table("k,1\n2,3\n4,5\n", header=True, label_column="k").labels == ["2", "4"]


@pytest.mark.parametrize(
    "line", ["0;a;2", "0\ta, b; c|d\t2", "0|2|a, b", '0, "a,b",2', '0,"a;b|c\td",2', "0, 1,a b"]
)
def test_delimiters(line):
    found = table(f"{line}\n{line}\n")
    assert found.x.shape == (2, 2) and found.x[0, 0] == 0


@pytest.mark.parametrize(
    "encoding, given",
    [
        *[("utf-8", None), ("utf-8", "UTF8"), ("utf-8-sig", None), ("utf-8-sig", "utf-8")],
        *[("utf-16", None), ("utf-16", "utf-16"), ("latin-1", "latin-1")],
    ],
)
@pytest.mark.parametrize("is_gzipped", [False, True])
def test_encodings(encoding, given, is_gzipped):
    text = "größe;kind\n" + "1;süß\n2;é\n" * 20_000
    data = text.encode(encoding)
    source = put(gzip.compress(data, 1) if is_gzipped else data)
    found = read(source, TableOptions(encoding=given))
    assert (found.columns.names, found.labels) == (("größe",), ["süß", "é"])
    assert found.x.ravel().tolist() == [1, 2] * 20_000


def test_a_model_file_keeps_the_encoding_and_what_is_empty():
    source = put(("a,kind\n" + "1,é\n2,è\n" * 20).encode("latin-1"))
    options = TableOptions(encoding="latin-1", na="-")
    kept = ModelFacts.of(read_dataset(source, options).facts.as_dict())
    assert kept.table_options() == TableOptions(na="-", encoding="latin-1")
    assert kept.table_options(TableOptions(encoding="utf-16")).encoding == "utf-16"
    for encoding in ("klingon", "hex", 8):
        with pytest.raises(SettingError, match=r"^`encoding` is .*: give one that Python knows"):
            load_data(source, encoding=encoding)


def test_a_compressed_table_that_is_cut_off():
    rows = gzip.compress(b"".join(b"%d,%d,x\n" % (i, i * i) for i in range(5000)))
    with pytest.raises(DatasetError, match=r"t.csv: cannot be read: cut off or damaged"):
        table(rows[:-30])


KIND = {"label_column": "kind"}


@pytest.mark.parametrize(
    "text, options, said",
    [
        ("1,2,3\n4,1_0,5\n", {}, "row 2, column 2 holds '1_0': .* write it as a number"),
        ("a,b,kind\n1,2,dog\n3,4x,cat\n", {}, r"row 3, column 2 \(b\) holds '4x'.*`label_column`"),
        ("1,2,3\n4,1e39,5\n", {}, r"row 2, column 2 holds '1e\+39': .* larger than float32"),
        ("label;a\nx;0,5\n", {}, r"row 2, column 2 \(a\) holds '0,5'.*`decimal=','`"),
        ('a,kind\n"-2,345,678",x\n', KIND, "row 2, .* holds '-2,345,678': .*between thousands"),
        ("1,2,3\n4,5,6,7\n", {}, "Expected 3 fields in line 2, saw 4: every row needs as many"),
        ("1,2\n\n" * 2000 + "1,2,3\n", {}, "in line 4001, saw 3: every row"),
        ('1,2\n3,"4\n5,6\n', {}, "EOF inside string starting at row 1.* each quote its end"),
        ("1\n2\n", {}, "row 1 has one column: a label and at least one feature"),
        ("label,f\n", {}, "no row is below row 1, a header .`header=False`"),
        (b"1,2\n\xff,3\n", {}, "is not UTF-8 text .*: save .*UTF-8, .*`encoding='latin-1'`"),
        (
            "a,b,kind\n1,2,x\n4x,3,x\nunknown,N.A.,y\nunknown,4,y\n",
            {},
            r"row 4, column 1 \(a\) holds 'unknown' \(2 rows\), row 3, column 1 \(a\) holds "
            r"'4x', row 4, column 2 \(b\) holds 'N\.A\.': .*with `na='unknown'` and `na='N\.A\.'`$",
        ),
        (
            "a,kind\n1x,x\nunknown,x\n" + "".join(f"{i},x\n" for i in range(101)),
            {"na": ("1x",)},
            "more than 100 .*`drop`; nearly all are numbers: .* with `na='unknown'`$",
        ),
        (
            "day,a,kind\n-,kg,-\nMo,1,x\nTu,2,x\nWe,3,y\n",
            {},
            r"row 2, column 2 \(a\) holds 'kg', and numbers are below: .*units.*`na='kg'`",
        ),
        ("a,b,kind\n# of 1970\n1,2,x\n", {}, "row 2 is a comment, '# of 1970': leave such"),
        (
            "a,t,kind\n,1,k\nNA,,k\n3,2,k\n",
            KIND,
            r"empty .* 2 in column 1 \(a\), 1 in column 2 \(t\); `missing='mean'` fills",
        ),
        ("a,b,kind\n1,1,x\n2,2,y\n", {"drop": ("q",)}, "has no column q to drop, or several"),
        ("a,a,b,kind\n1,2,3,x\n", {}, "called 'a': .*; if row 1 is no header, .* `header=False`"),
        # Several columns are called so.
        ("label,a,target\n1,2,3\n", {}, r"which .*\? its columns are 1 \(label\), 2 \(a\)"),
    ],
)
def test_what_is_wrong_is_said(text, options, said):
    with pytest.raises(DatasetError, match=r"^t\.csv: (?s:.*)" + said):
        table(text, **options)


def test_what_was_found_is_cut_and_escaped():
    with pytest.raises(DatasetError) as raised:
        table("1,2\n\x1b[31m" + "é" * 5000 + ",3\n")
    assert "\\x1b[31mé" in str(raised.value) and len(str(raised.value)) < 350


def test_numbers_as_they_may_be_written():
    row = "+1,-.5,2.,1E5,12345678901234567890123, 7 ,0.30000000000000004,1e-400,True"
    x = table(f"{row},x\n{row},z\n").x
    expected = [1, -0.5, 2, 1e5, 12345678901234567890123.0, 7, 0.30000000000000004, 0, 1]
    assert x.tolist() == [expected] * 2


def test_labels_are_text_as_it_stands():
    found = table('label,a\n007,1\n 7 ,2\n7.0,3\n"a ""b""",4\nNA,5\n,6\n')
    assert found.labels == ["007", "7", "7.0", 'a "b"', "NA", ""]
    assert found.first_rows == [2, 3, 4, 5, 6, 7]
    assert labels_of(table("1,2,x\n3,4\n5,6,x\n")) == ["x", "", "x"]


def test_a_table_in_many_chunks():
    width, n = 700, 4000
    rows = numpy.random.RandomState(0).randint(-9, 9, (n, width))
    rows[:, 5] = numpy.arange(n) // 100
    assert n * width > 2 * CHUNK_CELLS
    text = csv_text(rows)
    found = table(text, label_column="6")
    assert (found.x == numpy.delete(rows, 5, axis=1)).all()
    assert labels_of(found) == [str(i // 100) for i in range(n)]
    assert found.first_rows == list(range(1, n, 100))
    numpy.testing.assert_array_equal(batches(text, width, 1500), rows)
    with pytest.raises(DatasetError, match="row 4001, column 2 holds 'x'"):
        table(text + "1,x" + ",1" * 698 + "\n")


def test_memory_is_at_most_twice_the_data():
    with open("t.csv", "w") as file:
        file.write(("0.5," * 500 + "x\n") * 12000)
    with peak_memory() as peak:
        x = read_table("t.csv", dtype="float32")[0].x
    assert x.dtype == "float32" and x.shape == (12000, 500) and (x == 0.5).all()
    assert peak() < 2 * x.nbytes


@pytest.mark.parametrize("place", ["header", "cell"])
def test_a_line_without_an_end_is_refused_before_it_is_held(place, monkeypatch):
    """A cell of 1 GB, say, of which gzip makes 1 MB."""
    monkeypatch.setattr(frames, "MAX_LINE", 1 << 20)
    assert len(table("a,label\r" + "1,x\r2,y\r" * 150_000).x) == 300_000
    line = b"5" * 20_000_000
    put(gzip.compress((b"a,label\n1,x\n" if place == "cell" else b"") + line + b",y\n"))
    with peak_memory() as peak, pytest.raises(DatasetError, match="a line is longer than 1 MB"):
        read_table("t.csv")
    assert peak() < len(line) / 2


# Rows that are to be predicted


@pytest.mark.parametrize(
    "text, n_in, options, rows",
    [
        ("y,target,q\n1,2,3\n", 3, {}, [[1, 2, 3]]),  # as many columns as features
        ("p,q,label,r\n1,2,cat,3\n", 3, {}, [[1, 2, 3]]),
        ("1,2,cat\n", 2, {}, [[1, 2]]),
        ("1,2,3\n", 2, {"label_column": "-2"}, [[1, 3]]),
        ("1,2,3\n", 2, {"label": 0}, [[2, 3]]),  # where it was in training
        ("k,a,b\n1,2,3\n", 2, {"label_name": "k"}, [[2, 3]]),
        ("1;2,5\n", 2, {"decimal": ","}, [[1, 2.5]]),
        # A model that knows the names
        ("id,b,a\nx,2,1\nz,4,3\n", 2, {"feature_names": ["a", "b"]}, [[1, 2], [3, 4]]),
        ("1,2\n3,4\n", 2, {"feature_names": ["a", "b"]}, [[1, 2], [3, 4]]),
        ("0,1\n3,4\n", 2, {"feature_names": ["0", "1"]}, [[3, 4]]),
        ("0,1\n3,4\n", 2, {"feature_names": ["0", "1"], "header": False}, [[0, 1], [3, 4]]),
    ],
)
@pytest.mark.parametrize("size", [1, 1000])
def test_which_columns_are_taken(text, n_in, options, rows, size):
    assert batches(text, n_in, size, **options) == rows


A_B = {"feature_names": ["a", "b"]}


@pytest.mark.parametrize(
    "text, n_in, options, said",
    [
        ("1,2,3,4\n", 2, {}, "the model expects 2 features, got 4 columns"),
        ("a,q\n1,2\n", 2, A_B, r"no column b, .* are 1 \(a\), 2 \(q\): n"),
        ("id,b,a\n7,2,1\n8,x,3\n", 2, A_B, r"row 3, column 2 \(b\) holds"),
        ("1,2\n-,3\n4,.\n", 2, {}, "row 2, .* holds '-', row 3, .* '.': .*`na='-'` and `na='.'`"),
        # An empty cell of one column is no blank line.
        ('v\n1.0\n\n""\n3.0\n', 1, {}, r"row 3, column 1 \(v\) is empty"),
    ],
)
def test_columns_that_a_model_does_not_take(text, n_in, options, said):
    with pytest.raises(DatasetError, match=said):
        batches(text, n_in, **options)


@pytest.mark.parametrize(
    "text, options, said",
    [
        ("1,2,3\n", {}, "row 1 is taken for data .*, column 3 is left out as the label"),
        ("a,b,y\n1,2,3\n", {}, r"row 1 is taken for a header .*, column 3 \(y\) is left out"),
        ("a,b,y\n1,2,3\n", {"header": True}, r"note: t.csv: column 3 \(y\) is left out"),
        ("a,b\n1,2\n", {}, r"row 1 is taken for a header \(`header=False`: it is data\)$"),
        ("a,b\n1,2\n", {"feature_names": ["a", "b"]}, "^$"),
    ],
)
def test_what_the_rules_tell_is_said(text, options, said, capsys):
    batches(text, 2, **options)
    assert re.search(said, capsys.readouterr().err.strip())


# Text, empty cells, columns that are left out


MIXED = """id,island,mass,ok,kind
7,Dream,1.5,true,x
5,Biscoe,NA,False,y
3,,4.5,TRUE,x
1,Biscoe,2.5,false,y
"""


def test_text_is_one_hot_encoded_and_booleans_are_numbers():
    found = table(MIXED, **KIND, drop=("id",), missing="mean")
    nan = numpy.nan
    wanted = [[0, 0, 1, 1.5, 1], [0, 1, 0, nan, 0], [1, 0, 0, 4.5, 1], [0, 1, 0, 2.5, 0]]
    numpy.testing.assert_array_equal(found.x, wanted)
    assert found.columns.names == ("island", "mass", "ok")
    assert found.columns.categories == (["", "Biscoe", "Dream"], None, None)
    names = ("island=", "island=Biscoe", "island=Dream", "mass", "ok")
    assert of_columns(found.columns)["feature_names"] == names
    found = table("a,b,a,kind\n1,2,3,x\n", drop=("1",))  # of two with one name
    assert (found.x.tolist(), found.columns.names) == ([[2, 3]], ("b", "a"))


def test_a_column_is_one_of_text_by_its_first_cell_wherever_that_is():
    text = "a,b,kind\n" + ",,x\n" * 250 + "late,1,x\n"
    found = table(text, **KIND, missing="mean")
    assert found.columns.categories == (["", "late"], None)
    with pytest.raises(SettingError, match="`missing` is 'median': give 'mean', or None"):
        load_data(put(text), label_column="kind", missing="median")


def test_a_category_that_is_new_is_none(capsys):
    known = Columns(None, "kind", ("island", "mass"), (["Biscoe", "Dream"], None))
    text = "mass,island\n1,Dream\n2,Biscoe\n3,Torgersen\n4,Dream \n5,Bute\n"
    (x,) = table_batches(put(text), TableOptions(), 9, known)
    assert x.tolist() == [[0, 1, 1], [1, 0, 2], [0, 0, 3], [0, 1, 4], [0, 0, 5]]
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    assert said[0].startswith("warning: t.csv: cells with a category that is new to the model: 2;")
    known = known._replace(categories=(["", "Biscoe"], None))
    text = put("mass,island\n1,\n2,Biscoe\n,Biscoe\n")
    (x,) = table_batches(text, TableOptions(missing="mean"), 9, known)
    numpy.testing.assert_array_equal(x, [[1, 0, 1], [0, 1, 2], [0, 1, numpy.nan]])
    with pytest.raises(DatasetError, match=r"row 2, column 2 \(island\) is empty.*fill it"):
        next(table_batches(text, TableOptions(), 9, known))


def test_a_first_column_without_a_name_is_left_out(capsys):
    found = table(",a,,kind\n1,5,1,x\n3,6,2,y\n")
    assert (found.x.tolist(), found.columns.names) == ([[5, 1], [6, 2]], ("a", ""))
    assert "data), column 1, which has no name, is left out, col" in capsys.readouterr().err
    found = table(",a,b\nx,5,1\nz,2,2\n", label_column="1")
    assert (found.x.tolist(), found.labels) == ([[5, 1], [2, 2]], ["x", "z"])
    assert "left out" not in capsys.readouterr().err
    with pytest.raises(DatasetError, match=r"all cells are empty in column 2 \(b\): `drop` them"):
        table("a,b,kind\n1,,x\n", missing="mean")


def test_a_column_of_text_stays_one_in_every_chunk():
    n = 2 * CHUNK_CELLS // 3
    cells = numpy.where(numpy.arange(n) < n // 2, "a", "007")
    text = "t,n,kind\n" + "".join(f"{cell},1,k\n" for cell in cells)
    found = table(text, **KIND)
    assert found.columns.categories == (["007", "a"], None)
    assert found.x[:, 0].sum() == n - n // 2


@pytest.mark.parametrize("cell", NA)
def test_what_counts_as_an_empty_cell(cell):
    """In features: a label may be called so."""
    text = f"a,t,kind\n1,x,{cell or '+'}\n{cell},{cell},-\n3,y,-\n"
    found = table(text, **KIND, missing="mean")
    assert numpy.isnan(found.x[1, 0]) and found.columns.categories == (None, ["", "x", "y"])
    assert found.labels == [cell or "+", "-"]
    known = {"categories": found.columns.categories, "label_name": "kind"}
    rows = batches(text, 2, missing="mean", **known)
    numpy.testing.assert_array_equal(rows, found.x)


# Parquet


@pytest.fixture
def frame():
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    return pandas.DataFrame(
        {
            "island": pandas.Categorical(["Dream", "Biscoe", None, "Biscoe"]),
            "mass": [1.5, None, 4.5, 2.5],
            "n": pandas.array([1, 2, None, 4], "Int64"),
            "ok": [True, False, True, False],
            "maybe": [True, None, False, True],
            "nothing": [None] * 4,
            "kind": [0, 1, 0, 1],
        },
        index=[4, 5, 7, 9],
    )


def test_a_data_frame_and_parquet_are_read_as_csv_is(frame):
    options = TableOptions("kind", drop=("nothing",), missing="mean")
    frame.to_csv("t.csv", index=False)
    frame.to_parquet("t.parquet")
    wanted = read("t.csv", options)
    for source in ("t.parquet", frame, frame.astype({"mass": object, "n": object, "kind": "Int8"})):
        found = read(source, options)
        numpy.testing.assert_array_equal(found.x, wanted.x)
        assert found.labels == wanted.labels == ["0", "1"]
        assert found.columns == wanted.columns and (found.codes == wanted.codes).all()
        assert (found.first_rows, wanted.first_rows) == ([1, 2], [2, 3])
    for source in ("t.csv", "t.parquet", frame, frame.iloc[:, ::-1].assign(more="x")):
        rows = list(table_batches(source, options, 3, found.columns))
        assert [len(x) for x in rows] == [3, 1]
        numpy.testing.assert_array_equal(numpy.concatenate(rows), found.x)
    for source, name in (("t.parquet", "t.parquet"), (frame, "the data frame")):
        with pytest.raises(DatasetError, match=f"^{name}: all cells are empty in column 6 .noth"):
            read_table(source, TableOptions("kind"))
