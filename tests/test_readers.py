"""The readers of each format, against NumPy's own writers and bytes put together by hand.

Then damage: whatever bytes a file holds, reading it succeeds or ends in a DatasetError, and
memory follows what the file holds, not what it claims.
"""

import functools
import gzip
import io
import os
import re

import numpy
import pytest
from conftest import peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logreg.datasets.columns import delimiter_of
from logreg.datasets.formats import sniff
from logreg.datasets.tables import (
    FLOAT32_MAX,
    MAX_BLANK,
    MAX_COLUMNS,
    MAX_LABELS,
    csv_blocks,
    read_csv,
)
from logreg.errors import DatasetError
from logreg.prediction.inputs import Wanted

bounded = functools.partial(
    settings,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

DTYPES = ["u1", "i1", "<i2", ">i4", "<i8", ">u8", "<f2", "<f4", ">f4", "<f8", ">f8", "?"]


def same(found, wanted):
    assert found.dtype == wanted.dtype
    assert found.shape == wanted.shape
    assert found.tobytes() == wanted.tobytes()


def write(folder, data, name="file"):
    path = folder / name
    path.write_bytes(data)
    return path


arrays = st.sampled_from(DTYPES).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=4, max_side=5))
)


# CSV

cells = st.floats(-FLOAT32_MAX, FLOAT32_MAX)


@bounded(max_examples=40)
@given(
    data=st.data(),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 4)),
    delimiter=st.sampled_from(",;\t"),
    header=st.booleans(),
    newline=st.sampled_from(["\n", "\r\n"]),
    zipped=st.booleans(),
)
def test_csv_holds_what_was_written(tmp_path, data, shape, delimiter, header, newline, zipped):
    x = numpy.array(data.draw(st.lists(cells, min_size=shape[0] * shape[1], max_size=24)))
    x = x[: shape[0] * shape[1]].reshape(shape)
    labels = data.draw(st.lists(st.text("xyz ü", min_size=1), min_size=shape[0], max_size=9))
    column = data.draw(st.integers(0, shape[1]))
    lines = []
    for row, label in zip(x.tolist(), labels):
        lines.append([repr(value) for value in row])
        lines[-1].insert(column, '"%s"' % label)
    if header:
        names = ["f%d" % i for i in range(shape[1])]
        lines.insert(0, names[:column] + ["kind"] + names[column:])
    text = newline.join(delimiter.join(line) for line in lines).encode()
    path = write(tmp_path, gzip.compress(text) if zipped else text, "t.csv")
    table = read_csv(path, "kind" if header else str(column + 1))
    same(table.x, x)
    assert [table.labels[code] for code in table.codes] == [
        label.strip() for label in labels[: shape[0]]
    ]
    assert table.columns.names == (tuple(names) if header else None)


def test_csv_in_many_blocks(tmp_path):
    x = numpy.random.RandomState(1).randint(0, 256, (5000, 60))
    rows = numpy.column_stack([numpy.arange(5000) % 7, x])
    path = tmp_path / "t.csv"
    numpy.savetxt(path, rows, fmt="%d", delimiter=",")
    table = read_csv(path)
    assert (table.x == x).all()
    assert [int(table.labels[code]) for code in table.codes] == rows[:, 0].tolist()
    with open(path, "rb") as stream:
        blocks = list(csv_blocks(stream, wanted=Wanted(1)))
        assert not stream.closed
    assert len(blocks) > 2
    assert (numpy.concatenate([block.x for block in blocks]) == rows).all()
    assert [row for block in blocks for row in block.rows] == list(range(1, 5001))


@pytest.mark.parametrize(
    "text, said",
    [
        (
            "1.0,2.0,3.0,4.o\n0,1,2,3\n",
            "row 1, column 4 holds '4.o', where other columns hold numb",
        ),
        ("1.0,2.0,3.0,4.o\n", "row 1, column 4 holds '4.o', where"),
        ("0,NA,2.5,1\n0,1,2,3\n", "row 1, column 2 holds 'NA': every feature must be"),
        ("a,?,?\nb,1,2\n", r"row 1, column 2 holds '\?': every feature must be"),
        ("5,#N/A,2\n5,1,2\n", "row 1, column 2 holds '#N/A': every feature must be"),
        ("5,<NA>,2\n5,1,2\n", "row 1, column 2 holds '<NA>': every feature must be"),
        ("x,1.5,0.5,7\n0,1,2,3\n", r"row 1, column 1 holds 'x', where"),
        ("x,1.5\n0,1\n", r"row 1, column 1 holds 'x', where"),
        ("5,1_000,2,3\n5,1,2,3\n", r"row 1, column 2 holds '1_000', where"),
        ("region,2019,2020,name\n0,1,2,3\n", r"column 4 holds 'name', where .*--label-column NAME"),
    ],
)
def test_a_first_row_of_numbers_with_a_fault_is_not_lost_as_a_header(tmp_path, text, said):
    with pytest.raises(DatasetError, match=said):
        read_csv(write(tmp_path, text.encode(), "t.csv"))


def test_a_label_that_is_missing_tells_of_no_header(tmp_path):
    assert read_csv(write(tmp_path, b",1,2\n5,1,2\n", "t.csv")).labels == ["", "5"]
    assert read_csv(write(tmp_path, b"dog,1,2.5\n,1,2\n", "t.csv")).labels == ["dog", ""]


@pytest.mark.parametrize("label", ["0", "dog", "NA"])
@pytest.mark.parametrize(
    "head",
    [
        "a,b,c,d",
        "kind,0,1,2",
        "kind,1,2,3",
        "label,400.5,401,402.25",
        "label,4000,3998,3996",
        "label,Inf,a,b",
        "label,nan,inf,x",
        "label,1_0,2020-01,3",
        "Class,1e5,2e5,a",
    ],
)
def test_headers(tmp_path, capsys, head, label):
    if label == "dog" and head.startswith("kind"):
        return  # which may as well be another class
    text = f"{head}\n{label},7,8,9\n{label},8,8,9\n"
    table = read_csv(write(tmp_path, text.encode(), "t.csv"))
    assert table.columns.names == tuple(head.split(",")[1:])
    assert table.columns.label_name == head.split(",")[0]
    assert (len(table.x), table.labels) == (2, [label])
    is_unsure = label == "dog" and re.fullmatch(r"label[\d.,]+", head)
    said = "t.csv: row 1 is taken for a header, and not for data"
    assert (said in capsys.readouterr().err) == bool(is_unsure)


@pytest.mark.parametrize(
    "head, column",
    [("id,label,400.5,401", None), ("2000,2005,region", "region"), ("2000,region,x", "region")],
)
def test_a_header_that_has_the_labels_name(tmp_path, head, column):
    i = head.split(",").index(column or "label")
    row = ["7"] * len(head.split(","))
    for text in ("dog", "3"):
        row[i] = text
        table = read_csv(write(tmp_path, f"{head}\n{','.join(row)}\n".encode(), "t.csv"), column)
        assert (table.labels, table.columns.label) == ([text], i)


def test_rows_before_a_label_that_is_too_long(tmp_path):
    text = "".join(f"{i},{i}\n" for i in range(9)) + "x" * 300 + ",1\n"
    blocks, rows = csv_blocks(io.BytesIO(text.encode())), []
    with pytest.raises(DatasetError, match="the label in row 10 is longer than 200 characters"):
        for block in blocks:
            rows += block.labels
            assert len(block.labels) == len(block.x)
    assert rows == list("012345678")


def test_a_fault_in_the_second_row():
    blocks = csv_blocks(io.BytesIO(b"1,2,3\n4,5\n"))
    assert next(blocks).x.tolist() == [[2, 3]]
    with pytest.raises(DatasetError, match="row 2 has 2 columns"):
        next(blocks)
    with pytest.raises(DatasetError, match="row 2 has 2 columns"):
        next(csv_blocks(io.BytesIO(b"a,b,c\n4,5\n")))


@pytest.mark.parametrize("features", ["0.5", "0.1,0.9", "3,2,1", "0.5,0.1,0.9"])
def test_a_class_that_is_called_target_is_no_header(tmp_path, features):
    rows = "".join(f"{label},{features}\n" for label in ("target", "other", "other", "target"))
    table = read_csv(write(tmp_path, rows.encode(), "t.csv"))
    assert table.labels == ["target", "other"] and table.columns.names is None


def test_columns_that_numbers_name_in_no_order(tmp_path, capsys):
    genes = "label,7157,672,675\n"
    rows = "".join(f"{'abc'[i % 3]},{i},2,0\n" for i in range(20))
    for column in (None, "1"):
        table = read_csv(write(tmp_path, (genes + rows).encode(), "t.csv"), column)
        assert table.labels == ["a", "b", "c"] and table.columns.names == ("7157", "672", "675")
        assert "row 1 is taken for a header" in capsys.readouterr().err
    assert read_csv(tmp_path / "t.csv", "label").labels == ["a", "b", "c"]
    assert capsys.readouterr().err == ""  # as the name was given
    # Of so few rows the second may well hold another class.
    table = read_csv(write(tmp_path, (genes + rows[:24]).encode(), "t.csv"))
    assert table.labels == ["label", "a", "b", "c"]
    # Nothing but the label's name tells here.
    path = write(tmp_path, (genes.replace("label", "species") + rows).encode(), "t.csv")
    capsys.readouterr()
    for column, n_labels, is_said in ((None, 4, True), ("1", 4, True), ("species", 3, False)):
        assert len(read_csv(path, column).labels) == n_labels
        said = "the label 'species' is in row 1 and in no other"
        assert (said in capsys.readouterr().err) == is_said


@pytest.mark.parametrize(
    "labels, is_said", [("abbb", True), ("abab", False), ("abcd", False), ("7333", False)]
)
def test_a_label_in_the_first_row_only(tmp_path, capsys, labels, is_said):
    text = "".join(f"{label},{i}\n" for i, label in enumerate(labels))
    read_csv(write(tmp_path, text.encode(), "t.csv"))
    assert ("is in row 1 and in no other" in capsys.readouterr().err) == is_said


def test_a_label_name_that_a_model_knows(tmp_path):
    known = ("species", "label")
    path = write(tmp_path, b"species,7157,672,675\na,1,2,0\nb,2,2,0\n", "t.csv")
    assert read_csv(path, known).labels == ["a", "b"]
    # A number is none in a row of data.
    assert read_csv(write(tmp_path, b"0,5,3\n1,4,2\n", "t.csv"), ("0", "label")).labels == [
        "0",
        "1",
    ]


def test_a_feature_without_a_name_beside_a_label_with_one(tmp_path):
    table = read_csv(write(tmp_path, b"label,\ndog,2\ncat,7\n", "t.csv"))
    assert (table.labels, table.columns.names) == (["dog", "cat"], ("",))


def test_columns_are_counted_from_one(tmp_path):
    for text in (b"5.1,0,3.2,1\n4.1,1,3.2,0\n", b"0,0,3.2,1\n4.1,1,3.2,0\n"):
        path = write(tmp_path, text, "t.csv")
        with pytest.raises(DatasetError, match=r"no column '0' .* counted from 1"):
            read_csv(path, "0")
    path = write(tmp_path, b"0,1,2\na,1,2\na,4,5\n", "t.csv")
    assert read_csv(path, "0").columns == (0, "0", ("1", "2"))


@pytest.mark.parametrize("cell", ["5%", "unknown", "#N/A", "5 cm"])
def test_a_fault_below_a_header_is_told_of_where_it_is(tmp_path, cell):
    path = write(tmp_path, f"species,a,b\nx,{cell},{cell}\ny,1,2\n".encode(), "t.csv")
    with pytest.raises(DatasetError, match=rf"row 2, column 2 \(a\) holds '{cell}'"):
        read_csv(path)


def test_the_delimiter_of_a_header_with_as_many_commas(tmp_path):
    text = b"Label;Length, cm;Width, cm\n1;2;3\n0;4;5\n"
    for data in (text, text.replace(b";", b"\t")):
        table = read_csv(write(tmp_path, data, "t.csv"))
        assert table.columns.names == ("Length, cm", "Width, cm") and table.x.shape == (2, 2)


def test_an_empty_cell_of_one_column_is_no_blank_line():
    rows = csv_blocks(io.BytesIO(b'v\n1.0\n\n""\n3.0\n'), wanted=Wanted(1))
    assert next(rows).x.tolist() == [[1]]
    with pytest.raises(DatasetError, match=r"row 4, column 1 \(v\) is empty"):
        next(rows)


def test_names_that_a_model_knows_are_a_header(capsys):
    for head in (b"0,1,2\n", b"0.0,0.5,1.0\n", b"a,2,?\n", b"a,b,c\n"):
        names = tuple(head.decode().strip().split(","))
        stream = io.BytesIO(head + b"1,0,1\n0,2,1\n")
        (block,) = csv_blocks(stream, wanted=Wanted(3, names=names))
        assert block.x.tolist() == [[1, 0, 1], [0, 2, 1]] and block.columns.names == names
        said = "row 1 is taken for a header"  # not worth a word if it is clear
        assert (said in capsys.readouterr().err) == (b"a" not in head)
    for text, n in ((b"2,0,1\n1,1,1\n", 1), (b"2,0,1\n1,2,0\n", 2), (b"0,1,2\n0,1,2\n", 2)):
        (block,) = csv_blocks(io.BytesIO(text), wanted=Wanted(3, names=("0", "1", "2")))
        assert len(block.x) == n
    capsys.readouterr()
    header = b",".join(b"%d" % i for i in range(784))
    text = header + b"\n" + b",".join([b"7"] * 784)
    wanted = Wanted(784, names=tuple(header.decode().split(",")))
    (block,) = csv_blocks(io.BytesIO(text), wanted=wanted)
    assert (block.x == 7).all() and capsys.readouterr().err == ""


def test_a_row_that_may_number_the_columns_is_warned_of(tmp_path, capsys):
    table = read_csv(write(tmp_path, b"0,1,2\n1,5,6\n", "t.csv"))
    same(table.x, numpy.array([[1.0, 2], [5, 6]]))
    assert "t.csv: row 1 counts the columns and is taken for data" in capsys.readouterr().err


@pytest.mark.parametrize(
    "bad",
    [b"x,2\n", b"x,2\n1,2,3\n", b"1,2,3\n", b"1,\xff\n" + 9000 * b"1,1\n", b'1,"2\n', b"1_0,2\n"],
)
@pytest.mark.parametrize("max_rows", [3, 1000])
def test_the_rows_before_a_fault_are_given(bad, max_rows):
    good = b"".join(b"%d,%d\n" % (i, i * i) for i in range(3000))
    blocks, rows = csv_blocks(io.BytesIO(good + bad + b"5,6\n"), None, max_rows, Wanted(2)), []
    with pytest.raises(DatasetError, match=r"row 300[12]|not UTF-8"):
        for block in blocks:
            assert len(block.x) == len(block.rows) <= max_rows
            rows.extend(block.x[:, 0].tolist())
    # Text is decoded some thousands of bytes at a time.
    assert rows == list(range(len(rows))) and len(rows) >= (2250 if b"\xff" in bad else 3000)


@pytest.mark.parametrize(
    "text, said",
    [
        ("1,2,3\n4,5,1_0\n", r"row 2, column 3 holds '1_0'"),
        ("a,b,c\n1,2,3\n4,x5,6\n", r"row 3, column 2 \(b\) holds 'x5'"),
        ("1,2,3\n4,5,\n", r"row 2, column 3 is empty"),
        ("1,2,3\n\n4,nan,6\n", r"row 3, column 2 holds 'nan'"),
        ("1,2,3\n4,5,inf\n", r"row 2, column 3 holds 'inf'"),
        ("1,2,3\n4,5\n", "row 2 has 2 columns, the first row has 3"),
        ("1\n2\n", "one column"),
        ("", "empty"),
        ("\n \n", "empty"),
        ("label,f\n", "no row of data"),
        ('1,2\n3,"4\n', "row 2 cannot be split"),
        ("1,2\n3,\xff\n".encode("latin1").decode("latin1"), "row 2, column 2 holds"),
        ("l" * 300 + ",2\n", "longer than 200"),
    ],
)
def test_csv_says_where_it_is_wrong(tmp_path, text, said):
    path = write(tmp_path, text.encode(), "t.csv")
    with pytest.raises(DatasetError, match=said) as error:
        read_csv(path)
    assert str(error.value).startswith(str(path))


def test_csv_that_is_not_utf8(tmp_path):
    with pytest.raises(DatasetError, match="UTF-8"):
        read_csv(write(tmp_path, b"1,2\n\xff,3\n"))


@pytest.mark.parametrize(
    "column, labels",
    [(None, ["1", "4"]), ("b", ["2", "5"]), ("3", ["3", "6"]), ("-1", ["3", "6"])],
)
def test_csv_label_column(tmp_path, column, labels):
    path = write(tmp_path, b"a,b,c\n1,2,3\n4,5,6\n", "t.csv")
    assert read_csv(path, column).labels == labels


@pytest.mark.parametrize("column", ["d", "0", "4", "-4", ""])
def test_csv_without_that_label_column(tmp_path, column):
    path = write(tmp_path, b"a,b,c\n1,2,3\n", "t.csv")
    with pytest.raises(DatasetError, match="its first row is: a, b, c"):
        read_csv(path, column)


@pytest.mark.parametrize(
    "line, delimiter",
    [
        ("1,2,3", ","),
        ("1;0,5", ";"),
        ("0,5;1,5;-2,5e3", ";"),
        ("0,5\t1,5", "\t"),
        ('"a";"length, cm, by hand";"c"', ";"),
        ("a; b,1,2", ","),
        ("1", ","),
    ],
)
def test_delimiters(line, delimiter):
    assert delimiter_of(line) == delimiter


def test_blank_lines(tmp_path):
    table = read_csv(write(tmp_path, b"\n" * 1000 + b"1,2\n" + b"\n" * 1000 + b"3,4\n"))
    assert (table.labels, table.first_rows) == (["1", "3"], [1001, 2002])
    for blank in (b"\n" * (MAX_BLANK + 1), b"0,1\n" + b"\n" * (MAX_BLANK + 1)):
        with pytest.raises(DatasetError, match="more than 65536 blank lines in a row"):
            read_csv(write(tmp_path, blank + b"1,2\n"))


def test_csv_header_of_numbers(tmp_path):
    table = read_csv(write(tmp_path, b"label,0,1\n3,5,6\n", "t.csv"))
    assert (table.labels, table.columns.names, table.x.tolist()) == (["3"], ("0", "1"), [[5, 6]])


# Damage

FORMATS = {
    "csv": (read_csv, b'kind,a,b\nx,1,2\n"y",3,4.5e3\n'),
}
FORMATS.update({name + ".gz": (r, gzip.compress(d)) for name, (r, d) in FORMATS.items()})


@st.composite
def damaged(draw, data):
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        # Headers are where damage does most, so half of it goes there.
        end = draw(st.sampled_from([min(len(data), 160), len(data)]))
        at = draw(st.integers(0, end))
        kind = draw(st.sampled_from(["set", "cut", "insert", "delete", "repeat"]))
        some = draw(st.one_of(st.binary(min_size=1, max_size=8), st.just(b"\xff" * 8)))
        if kind == "set":
            data[at : at + len(some)] = some
        elif kind == "cut":
            del data[at:]
        elif kind == "insert":
            data[at:at] = some
        elif kind == "delete":
            del data[at : at + len(some)]
        else:
            data[at:at] = data[max(0, at - 20) : at]
    return bytes(data)


@pytest.mark.parametrize("name", sorted(FORMATS))
@bounded(max_examples=int(os.environ.get("LOGREG_FUZZ", "60")))
@given(data=st.data())
def test_damaged_files_are_read_or_refused(tmp_path, name, data):
    read, whole = FORMATS[name]
    path = write(tmp_path, data.draw(damaged(whole)))
    for call in (sniff, read):
        with peak_memory() as peak:
            try:
                call(path)
            except DatasetError as error:
                assert str(error).startswith("%s: " % path)
        assert peak() < 10 * len(whole) + 3e6


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_cut_is_noticed(tmp_path, name):
    read, whole = FORMATS[name]
    for size in range(len(whole) - (0 if "csv" not in name else 1)):
        try:
            read(write(tmp_path, whole[:size]))
        except DatasetError:
            continue
        assert name == "csv", "cut to %d bytes" % size  # a shorter table is a table, too


CLAIMS = {
    "csv label": (read_csv, b"x" * 100000 + b",1\n"),
    "csv without a line": (read_csv, b"1," * (1 << 18)),
    "csv of many columns": (read_csv, b"12," * 10**6 + b"1\n"),
    "csv of many columns over many lines": (read_csv, b'"a\n",' * 10**5 + b"1\n"),
    "csv of many labels": (read_csv, b"".join(b"%d,1\n" % i for i in range(500000))),
}


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("name", sorted(CLAIMS))
def test_claims_cost_no_memory(tmp_path, name, zipped):
    read, data = CLAIMS[name]
    path = write(tmp_path, gzip.compress(data) if zipped else data)
    with peak_memory() as peak, pytest.raises(DatasetError):
        read(path)
    assert peak() < 10 * len(data) + 3e6


def test_the_widest_csv_and_the_most_labels(tmp_path):
    rows = [[i % 10] * MAX_COLUMNS for i in range(4)]
    wide = write(tmp_path, "".join(",".join(map(str, row)) + "\n" for row in rows).encode())
    with peak_memory() as peak:
        x = read_csv(wide).x
    assert (x == numpy.array(rows)[:, 1:]).all()
    assert peak() < 10 * os.path.getsize(wide) + 16e6
    many = read_csv(write(tmp_path, b"".join(b"c%d,1\n" % i for i in range(MAX_LABELS)) * 2))
    assert many.labels == [f"c{i}" for i in range(MAX_LABELS)]
    assert many.first_rows == list(range(1, MAX_LABELS + 1))
    assert (many.codes == numpy.tile(numpy.arange(MAX_LABELS), 2)).all()


def test_more_columns_or_labels_than_a_csv_may_have(tmp_path):
    with pytest.raises(DatasetError, match=r"more than 65536 columns.*as \.npz or \.npy"):
        read_csv(write(tmp_path, b"1," * MAX_COLUMNS + b"1\n"))
    rows = b"".join(b"%d,1\n" % i for i in range(MAX_LABELS + 1))
    with pytest.raises(DatasetError, match=r"more than 32768 different labels.*--label-column"):
        read_csv(write(tmp_path, rows))


def test_wide_numbers_never_take_their_own_memory(tmp_path):
    wide = numpy.random.RandomState(1).rand(2000, 500) * 1000
    path = tmp_path / "file"
    numpy.savetxt(path, numpy.c_[numpy.arange(2000) % 3, wide], delimiter=",", fmt="%.5f")
    with peak_memory() as peak:
        x = read_csv(path, dtype="float32").x
    assert x.dtype == numpy.dtype("float32") and x.flags.writeable
    assert numpy.allclose(x, wide.astype(float), rtol=1e-7, atol=1e-5)
    assert peak() < 1.2 * x.nbytes + 6e6  # and the cells of a block, if it is text
