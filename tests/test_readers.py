"""The readers of each format, against NumPy's own writers and bytes put together by hand.

Then damage: whatever bytes a file holds, reading it succeeds or ends in a DatasetError, and
memory follows what the file holds, not what it claims.
"""

import functools
import gzip
import io
import os
import pickle
import re
import struct
import warnings
import zipfile
import zlib

import numpy
import pytest
from conftest import peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logreg.datasets.columns import delimiter_of
from logreg.datasets.formats import read_idx, read_npy, read_npz, sniff
from logreg.datasets.pickled import read_pickle
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

IDX_CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}
DTYPES = ["u1", "i1", "<i2", ">i4", "<i8", ">u8", "<f2", "<f4", ">f4", "<f8", ">f8", "?"]


def idx_bytes(array):
    """An IDX file's bytes, by the format's definition."""
    code = {numpy.dtype(name): code for name, code in IDX_CODES.items()}[array.dtype]
    header = struct.pack(">HBB", 0, code, array.ndim)
    return header + struct.pack(">%dI" % array.ndim, *array.shape) + array.tobytes()


def py2_string(data):
    """A `str` as Python 2 pickles it in protocol 2."""
    if len(data) < 256:
        return b"U" + struct.pack("B", len(data)) + data
    return b"T" + struct.pack("<i", len(data)) + data


def py2_array(array):
    """An array as Python 2 and the NumPy of its day pickle it in protocol 2."""
    shape = b"(" + b"".join(b"J" + struct.pack("<i", n) for n in array.shape) + b"t"
    dtype = b"cnumpy\ndtype\n" + py2_string(array.dtype.str[1:].encode()) + b"K\0K\x01\x87R"
    dtype += b"(K\x03" + py2_string(array.dtype.str[:1].encode())
    dtype += b"NNN" + b"J\xff\xff\xff\xff" * 2 + b"K\0tb"
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85" + py2_string(b"b")
    return made + b"\x87R(K\x01" + shape + dtype + b"\x89" + py2_string(array.tobytes()) + b"tb"


def py2_pickle(pairs):
    body = b"".join(py2_array(x) + py2_array(y) + b"\x86" for x, y in pairs)
    return b"\x80\x02" + body + {2: b"\x86", 3: b"\x87"}[len(pairs)] + b"."


def npy_bytes(array):
    stream = io.BytesIO()
    numpy.save(stream, array)
    return stream.getvalue()


def npz_bytes(**arrays):
    stream = io.BytesIO()
    numpy.savez_compressed(stream, **arrays)
    return stream.getvalue()


def some_pairs(n=7, d=6):
    random = numpy.random.RandomState(3)
    return [
        (random.rand(n, d).astype("f4"), random.randint(0, 3, n).astype("i8")) for _ in range(3)
    ]


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
idx_arrays = st.sampled_from(sorted(IDX_CODES)).flatmap(
    lambda dtype: hnp.arrays(dtype, hnp.array_shapes(max_dims=4, max_side=5))
)


@bounded(max_examples=40)
@given(array=idx_arrays, zipped=st.booleans())
def test_idx_holds_what_was_written(tmp_path, array, zipped):
    data = idx_bytes(array)
    path = write(tmp_path, gzip.compress(data) if zipped else data)
    assert sniff(path) == "idx"
    same(read_idx(path), array)


@bounded(max_examples=40)
@given(array=arrays, zipped=st.booleans(), fortran=st.booleans())
def test_npy_holds_what_numpy_saved(tmp_path, array, zipped, fortran):
    array = numpy.asfortranarray(array) if fortran else array
    data = npy_bytes(array)
    path = write(tmp_path, gzip.compress(data) if zipped else data)
    assert sniff(path) == "npy"
    same(read_npy(path), array)


def test_npy_is_mapped_not_read(tmp_path):
    path = write(tmp_path, npy_bytes(numpy.zeros((1000, 1000))))
    with peak_memory() as peak:
        assert read_npy(path)[999, 999] == 0
    assert peak() < 1e6


@bounded(max_examples=30)
@given(x=arrays, y=arrays, text=st.lists(st.text("abcäß", min_size=1), min_size=1))
def test_npz_holds_what_numpy_saved(tmp_path, x, y, text):
    path = write(tmp_path, npz_bytes(x=x, y=y, text=numpy.array(text)))
    assert sniff(path) == "npz"
    found = read_npz(path)
    assert sorted(found) == ["text", "x", "y"]
    same(found["x"], x)
    same(found["y"], y)
    assert found["text"].tolist() == text
    assert list(read_npz(path, {"y", "z"})) == ["y"]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@bounded(max_examples=15)
@given(x=arrays, y=arrays, zipped=st.booleans(), fortran=st.booleans())
def test_pickle_of_this_numpy(tmp_path, protocol, x, y, zipped, fortran):
    x = numpy.asfortranarray(x) if fortran else x
    data = pickle.dumps([(x, y), (y, x), [x, x]], protocol)
    path = write(tmp_path, gzip.compress(data) if zipped else data)
    assert sniff(path) == "pickle"
    for found, wanted in zip(read_pickle(path), [(x, y), (y, x), (x, x)]):
        same(found[0], wanted[0])
        same(found[1], wanted[1])


@pytest.mark.parametrize("n_pairs", [2, 3])
def test_pickle_of_python_2(tmp_path, n_pairs):
    pairs = some_pairs(50)[:n_pairs]
    path = write(tmp_path, gzip.compress(py2_pickle(pairs)))
    assert sniff(path) == "pickle"
    oracle = pickle.loads(py2_pickle(pairs), encoding="latin1")
    for (x, y), (wanted_x, wanted_y), (oracle_x, _) in zip(read_pickle(path), pairs, oracle):
        same(x, wanted_x)
        same(x, oracle_x)
        same(y, wanted_y)


def test_pickle_of_python_2_protocol_0(tmp_path):
    x, y = some_pairs(2, 2)[0]

    def quoted(data):
        return b"S'" + b"".join(b"\\x%02x" % byte for byte in data) + b"'\n"

    def array(a):
        shape = b"(" + b"".join(b"I%d\n" % n for n in a.shape) + b"t"
        code = a.dtype.str[1:].encode()
        return (
            b"cnumpy.core.multiarray\n_reconstruct\np1\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"
            b"(I1\n" + shape + b"cnumpy\ndtype\n(S'" + code + b"'\nI0\nI1\ntR"
            b"(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbI00\n" + quoted(a.tobytes()) + b"tb"
        )

    data = b"((" + array(x) + array(y) + b"t(" + array(x) + array(y) + b"tt."
    path = write(tmp_path, data)
    assert sniff(path) == "pickle"
    for found in read_pickle(path):
        same(found[0], x)
        same(found[1], y)


class Hostile:
    def __reduce__(self):
        return os.system, ("echo pwned > pwned",)


def test_pickle_runs_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = write(tmp_path, pickle.dumps([(Hostile(), 1)] * 3, 2))
    with pytest.raises(DatasetError, match=r"asks for (posix|nt)\.system.*numpy\.asarray"):
        read_pickle(path)
    assert not os.path.exists("pwned")


@pytest.mark.parametrize(
    "value, said",
    [
        ([(numpy.zeros((2, 2)), [0, 1])] * 3, "must hold NumPy arrays; found a list of len"),
        ([1, 2, 3], "must be a pair"),
        ([(numpy.zeros(2), numpy.zeros(2))], "three pairs.*found a list of length 1"),
        (numpy.zeros(2), "three pairs.*found one array"),
        ([(numpy.array([None, {}]), numpy.zeros(2))] * 3, "object"),
        ([(numpy.zeros(2, "c8"), numpy.zeros(2))] * 3, "dtype"),
        ([(numpy.zeros(2, "i4,f4"), numpy.zeros(2))] * 3, "no NumPy array .pickle opcode"),
        ([(numpy.ma.zeros(2), numpy.zeros(2))] * 3, r"asks for numpy\.ma"),
        ([(numpy.zeros((0, 4)), numpy.zeros(0))] * 3, "empty"),
        ([list(range(20000))] * 3, "more than 20000 steps"),
        ({"x": 1}, "dictionary"),
        ([{1, 2}] * 3, "asks for .*set"),
        ([(1.5, 2.5)] * 3, "opcode"),
    ],
)
def test_pickle_of_something_else(tmp_path, value, said):
    path = write(tmp_path, pickle.dumps(value, 2))
    with pytest.raises(DatasetError, match=said):
        read_pickle(path)


def test_labels_in_a_column_are_not_narrowed(tmp_path):
    y = numpy.arange(20240101, 20240105).reshape(4, 1)
    sets = [(numpy.zeros((4, 2)), y)] * 2
    for x, labels in read_pickle(write(tmp_path, pickle.dumps(sets, 4)), "float32"):
        assert x.dtype == "float32"
        same(labels, y)


def shared_bytes(again):
    """A pickle of two arrays, float64 and matrices, that are made of the same bytes."""
    array = numpy.ones((300, 10))
    one = pickle.dumps(array, 4)
    state = pickle.dumps(array.__reduce__()[2], 4)
    assert one and state
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
    dtype = b"cnumpy\ndtype\nX\x02\0\0\0f8K\0K\x01\x87R(K\x03X\x01\0\0\0<NNNJ\xff\xff\xff\xff"
    dtype += b"J\xff\xff\xff\xffK\0tb"
    data = b"B" + struct.pack("<I", array.nbytes) + array.tobytes() + b"q\x05"
    shapes = b"M\x2c\x01K\x0a\x86", again
    arrays = [
        made + b"(K\x01" + shape + dtype + b"\x89" + bytes_ + b"tb"
        for shape, bytes_ in zip(shapes, (data, b"h\x05"))
    ]
    return b"\x80\x03" + b"".join(arrays) + b"\x86\x85."


@pytest.mark.parametrize("again", [b"M\x2c\x01K\x0a\x86", b"M\xb8\x0b\x85"])
@pytest.mark.parametrize("narrow", [None, "float32"])
def test_arrays_of_the_same_bytes_end_in_one_line(tmp_path, again, narrow):
    path = write(tmp_path, shared_bytes(again))
    with pytest.raises(DatasetError, match="file: "):
        read_pickle(path, narrow)


def test_bytes_used_again_and_again_cost_no_memory(tmp_path):
    text = b"c_codecs\nencode\nX" + struct.pack("<I", 10**5) + b"a" * 10**5 + b"q\x05X"
    text += struct.pack("<I", 6) + b"latin1\x86Rq\x06"
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R"
    dtype = b"cnumpy\ndtype\nX\x02\0\0\0u1K\0K\x01\x87R(K\x03X\x01\0\0\0|NNNJ\xff\xff\xff\xff"
    dtype += b"J\xff\xff\xff\xffK\0tb"
    array = made + b"(K\x01J" + struct.pack("<i", 10**5) + b"\x85" + dtype + b"\x89h\x06tb"
    data = b"\x80\x03" + text + b"]" + (array + b"a") * 1000 + b"."
    path = write(tmp_path, data)
    with peak_memory() as peak, pytest.raises(DatasetError, match="more than 6 arrays"):
        read_pickle(path)
    assert peak() < 10 * len(data)


def test_object_arrays_are_refused(tmp_path):
    objects = numpy.array([1, "a", None], dtype=object)
    for read, data in [(read_npy, npy_bytes(objects)), (read_npz, npz_bytes(x=objects))]:
        with pytest.raises(DatasetError, match=r"object array.*astype"):
            read(write(tmp_path, data))


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
    "idx": (read_idx, idx_bytes(numpy.arange(60, dtype="u1").reshape(3, 4, 5))),
    "npy": (read_npy, npy_bytes(numpy.arange(12.0).reshape(3, 4))),
    "npz": (read_npz, npz_bytes(x_train=numpy.arange(12.0), y_train=numpy.arange(3))),
    "pickle2": (read_pickle, py2_pickle(some_pairs())),
    "pickle0": (read_pickle, pickle.dumps(some_pairs(), 0)),
    "pickle4": (read_pickle, pickle.dumps(some_pairs(), 4)),
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


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"csv", "csv.gz", "npz", "npz.gz"}))
def test_bytes_after_the_end_are_noticed(tmp_path, name):
    read, whole = FORMATS[name]
    tail = gzip.compress(b"more") if name.endswith(".gz") else b"more"
    with pytest.raises(DatasetError):
        read(write(tmp_path, whole + tail))


def npz_with_header(shape):
    header = "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }\n" % (shape,)
    npy = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + bytes(80)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy)
    return stream.getvalue()


def forged_array(shape):
    """A pickle whose array claims a shape that its bytes do not fill."""
    data = py2_pickle([(numpy.zeros(2), numpy.zeros(2))] * 2)
    return data.replace(b"(J" + struct.pack("<i", 2) + b"t", b"(" + shape + b"t")


HUGE = struct.pack("<q", 1 << 40)
CLAIMS = {
    "idx": (read_idx, struct.pack(">HBBIII", 0, 8, 3, 60000, 60000, 60000) + bytes(99)),
    "idx of no rows": (read_idx, struct.pack(">HBBIII", 0, 8, 3, 0, 60000, 60000)),
    "idx of many axes": (read_idx, bytes([0, 0, 8, 255]) + bytes([0, 0, 0, 1]) * 255 + b"\0"),
    "npy": (
        read_npy,
        npy_bytes(numpy.zeros(3)).replace(b"(3,), }" + b" " * 9, b"(3000000000000,)"),
    ),
    "npy header": (read_npy, b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + b" " * 99),
    "npy nested": (read_npy, b"\x93NUMPY\x01\x00" + struct.pack("<H", 9000) + b"(" * 9000),
    "npz": (read_npz, npz_with_header((10**12,))),
    "npz of many digits": (read_npz, npz_with_header("(%s,)" % ("9" * 5000))),
    "string": (read_pickle, b"\x80\x02T" + HUGE[:4] + b"\xff\xff\xff\x7f" + bytes(9)),
    "bytes": (read_pickle, b"\x80\x04\x8e" + HUGE + bytes(9)),
    "text": (read_pickle, b"\x80\x04\x8d" + HUGE + bytes(9)),
    "bytearray": (read_pickle, b"\x80\x05\x96" + HUGE + bytes(9)),
    "frame": (read_pickle, b"\x80\x04\x95" + HUGE + b"N."),
    "memo": (read_pickle, b"\x80\x02Nr\xff\xff\xff\x7f."),
    "memo in text": (read_pickle, b"Np9999999999999\n."),
    "memoize": (read_pickle, b"\x80\x04N" + b"\x94" * 100000 + b"."),
    "lists": (read_pickle, b"\x80\x02" + b"]" * 100000 + b"."),
    "nested": (read_pickle, b"\x80\x02" + b"(" * 100000),
    "tuples": (read_pickle, b"\x80\x02)" + b"2\x86" * 5000 + b"."),
    "digits": (read_pickle, b"I" + b"9" * 100000 + b"\n."),
    "long": (read_pickle, b"\x80\x02\x8b\xff\xff\xff\x7f" + bytes(9)),
    "shape": (read_pickle, forged_array(b"J\xff\xff\xff\x7f" * 2)),
    "negative shape": (read_pickle, forged_array(b"J\xfe\xff\xff\xff" * 2)),
    "encode": (
        read_pickle,
        b"\x80\x02c_codecs\nencode\nq\x00X"
        + struct.pack("<I", 10**5)
        + b"a" * 10**5
        + b"q\x01X\x06\x00\x00\x00latin1q\x02"
        + b"h\x00h\x01h\x02\x86R" * 1000
        + b".",
    ),
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


@pytest.mark.parametrize("name", ["idx", "npy", "npz", "pickle", "pickle2", "pickle4", "pickle5"])
def test_honest_files_cost_little_more_than_they_hold(tmp_path, name):
    x, y = numpy.zeros((1000, 2000), "f4"), numpy.arange(1000)
    read, data = {
        "idx": (read_idx, idx_bytes(x.astype(">f4"))),
        "npy": (read_npy, npy_bytes(x)),
        "npz": (read_npz, npz_bytes(x=x)),
        "pickle": (read_pickle, py2_pickle([(x, y), (y, y)])),
        "pickle2": (read_pickle, pickle.dumps([(x - 99, y), (y, y)], 2)),
        "pickle4": (read_pickle, pickle.dumps([(x, y), (y, y)], 4)),
        "pickle5": (read_pickle, pickle.dumps([(x, y), (y, y)], 5)),
    }[name]
    path = write(tmp_path, data if name == "npz" else gzip.compress(data, 1))
    with peak_memory() as peak:
        kept = read(path)
    assert kept is not None
    assert peak() < 1.5 * x.nbytes


@pytest.mark.parametrize("name", ["csv", "npz", "integers", "big-endian", "long double"])
def test_wide_numbers_never_take_their_own_memory(tmp_path, name):
    wide = numpy.random.RandomState(1).rand(2000, 500)
    wide = (wide * 1000).astype({"integers": "i8", "big-endian": ">f8"}.get(name, "f8"))
    wide = wide.astype("longdouble") if name == "long double" else wide
    path = tmp_path / "file"
    if name == "csv":
        numpy.savetxt(path, numpy.c_[numpy.arange(2000) % 3, wide], delimiter=",", fmt="%.5f")
    else:
        with open(path, "wb") as file:
            numpy.savez(file, x_train=wide, y_train=wide[:, 0])
    with peak_memory() as peak:
        if name == "csv":
            x = read_csv(path, dtype="float32").x
        else:
            x = read_npz(path, ["x_train"], {"x_train": "float32"})["x_train"]
    assert x.dtype == numpy.dtype("float32") and x.flags.writeable
    assert numpy.allclose(x, wide.astype(float), rtol=1e-7, atol=1e-5)
    assert peak() < 1.2 * x.nbytes + 6e6  # and the cells of a block, if it is text


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("dtype", ["f8", ">f8", "i8"])
def test_wide_numbers_in_pickles_are_narrowed_where_they_are(tmp_path, protocol, dtype):
    sets = []
    for seed in range(3):
        wide = numpy.random.RandomState(seed).rand(1000, 500) * 1000 - 500
        sets.append((wide.astype(dtype), numpy.arange(1000) + 2**40))
    sets[1] = numpy.asfortranarray(sets[1][0]), sets[1][1]
    path = write(tmp_path, pickle.dumps(sets, protocol))
    if protocol == 2:
        path = write(tmp_path, py2_pickle([(x.copy(), y) for x, y in sets]), "py2")
    with peak_memory() as peak:
        found = read_pickle(path, "float32")
    for (x, y), (wide, labels) in zip(found, sets):
        same(x, wide.astype("f4"))
        same(y, labels)
    # Two sets as they are in training, and the third as it is in the file.
    assert peak() < (2 + 2) * found[0][0].nbytes * 1.13 + 3e6


def test_only_what_is_wider_is_narrowed(tmp_path):
    arrays = {
        "x": numpy.array([[1, 200]], "u1"),
        "half": numpy.array([[0.5]], "f2"),
        "other": numpy.array([[0.1]]),
        "huge": numpy.array([[1e300, -1e300]]),
        "text": numpy.array(["a", "longer"]),
    }
    path = write(tmp_path, npz_bytes(**arrays))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = read_npz(path, narrow=dict.fromkeys(["x", "half", "huge", "text"], "float32"))
    for name in ("x", "half", "other", "text"):
        same(found[name], arrays[name])
    assert found["huge"].tolist() == [[numpy.inf, -numpy.inf]]
    same(read_npz(path, ["other"], {"other": "float64"})["other"], arrays["other"])


def test_a_forged_shape_is_told_from_its_bytes(tmp_path):
    path = write(tmp_path, forged_array(b"K\x03"))
    with pytest.raises(DatasetError, match=r"shape \(3,\) .* has 24 bytes, found 16"):
        read_pickle(path)


def test_gzip_checksum_is_checked(tmp_path):
    data = bytearray(gzip.compress(FORMATS["idx"][1]))
    data[-8:-4] = struct.pack("<I", zlib.crc32(b"other"))
    with pytest.raises(DatasetError, match="cut off or damaged"):
        read_idx(write(tmp_path, bytes(data)))


@pytest.mark.parametrize("call", [sniff, read_idx, read_npy, read_npz, read_pickle, read_csv])
def test_what_is_no_file(tmp_path, call):
    with pytest.raises(DatasetError, match="there is no such file"):
        call(tmp_path / "nothing")
    with pytest.raises(DatasetError, match="not a regular file"):
        call(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="not a regular file"):
        sniff(tmp_path / "pipe")


@pytest.mark.parametrize(
    "data, kind",
    [(b"\x89PNG\r\n\x1a\n\0\0\0", None), (b"\xff\xd8\xff\xe0\0\x10", None), (b"1,2\n", "csv")],
)
def test_sniff_knows_what_it_does_not_know(tmp_path, data, kind):
    assert sniff(write(tmp_path, data)) == kind


def test_sniff_of_an_empty_file(tmp_path):
    with pytest.raises(DatasetError, match="is empty"):
        sniff(write(tmp_path, b""))
