"""What is read of files that hold rows to predict, and what is refused."""

import gzip
import io
import re
import subprocess

import numpy
import pytest
from builders import csv_text, idx_bytes, read, sample, stdin_of, write
from conftest import peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from logreg.datasets import formats as readers
from logreg.datasets.tables import MAX_BLANK
from logreg.errors import DatasetError, LogRegError
from logreg.prediction.inputs import Wanted, batches

DIGITS = Wanted(784, (28, 28))


@pytest.fixture
def digits():
    return sample()["x_test"][:12]


def rows_of(path, wanted=DIGITS):
    found = list(batches(path, wanted))
    assert all(len(batch.x) <= wanted.batch_size for batch in found)
    return numpy.concatenate([batch.x for batch in found])


def test_array_files_of_every_kind(digits):
    flat = digits.reshape(12, 784)
    numpy.save("flat.npy", flat)
    numpy.save("images.npy", digits)
    numpy.save("fortran.npy", numpy.asfortranarray(digits))
    numpy.save("big_endian.npy", digits.astype(">f8"))
    numpy.savez("x.npz", y=numpy.arange(12), x=digits, x_test=digits[:3])
    numpy.savez("x_test.npz", x_test=digits, x_train=digits[:3])
    numpy.savez_compressed("only.npz", anything=digits)
    with open("images.npy", "rb") as file:
        write("images.npy.gz", gzip.compress(file.read()))
    write("t10k-images-idx3-ubyte", idx_bytes(digits))
    write("t10k-images-idx3-ubyte.gz", gzip.compress(idx_bytes(digits)))
    write("real.idx", idx_bytes(digits.astype(">f4"), 0x0D))
    write("plain.csv", csv_text(flat).encode())
    write("tabs.txt", csv_text(flat, delimiter="\t").encode())
    write("plain.csv.gz", gzip.compress(csv_text(flat).encode()))
    names = [f"pixel{i}" for i in range(784)]
    write("header.csv", csv_text(flat, names).encode())
    labelled = numpy.concatenate([numpy.arange(12)[:, None], flat], axis=1)
    for name in ("label", "Class", "y", "target"):
        write(f"{name}.csv", csv_text(labelled, [name, *names]).encode())
    for path in ("flat.npy", "images.npy", "fortran.npy", "big_endian.npy", "images.npy.gz"):
        assert (rows_of(path) == flat).all(), path
        assert (rows_of(path, DIGITS._replace(batch_size=5)) == flat).all(), path
    for path in ("x.npz", "x_test.npz", "only.npz", "real.idx"):
        assert (rows_of(path) == flat).all(), path
    for path in ("t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz"):
        for size in (1, 5, 12, 100):
            assert (rows_of(path, DIGITS._replace(batch_size=size)) == flat).all()
    for path in ("plain", "header", "label", "Class", "y", "target"):
        assert (rows_of(path + ".csv") == flat).all(), path
    assert (rows_of("tabs.txt") == flat).all() and (rows_of("plain.csv.gz") == flat).all()


def test_one_example_or_a_list_of_them(digits):
    flat = digits.reshape(12, 784)
    for x, is_single in (
        (flat[0], True),
        (digits[0], True),
        (digits[0][:, :, None], True),
        (flat[:1], False),
        (digits[:1], False),
        (digits[:, :, :, None], False),
    ):
        numpy.save("x.npy", x)
        write("x.idx", idx_bytes(x))
        write("x.idx.gz", gzip.compress(idx_bytes(x)))
        for path in ("x.npy", "x.idx", "x.idx.gz"):
            (batch,) = batches(path, DIGITS)
            assert batch.is_single == is_single
            assert (batch.x == flat[: len(batch.x)]).all()


def test_a_label_column_is_left_out(monkeypatch):
    wanted = Wanted(3)
    x = [[1.0, 2, 3], [4, 5, 6]]
    write("text.csv", b"p,q,label,r\n1,2,cat,3\n4,5,dog,6\n")
    assert rows_of("text.csv", wanted).tolist() == x
    write("named.csv", b"\xef\xbb\xbf\nkind;p;q;r\ncat;1;2;3\ndog;4;5;6\n")
    assert rows_of("named.csv", wanted._replace(label_column="kind")).tolist() == x
    write("last.csv", b"1,2,3,0\n4,5,6,0\n")
    assert rows_of("last.csv", wanted._replace(label_column="-1")).tolist() == x
    stdin_of(monkeypatch, "p,q,label,r\n1,2,cat,3\n4,5,dog,6\n")
    assert rows_of("-", wanted).tolist() == x
    with pytest.raises(DatasetError, match=r"got 4 columns; .* name it: --label-column"):
        rows_of("last.csv", wanted)
    # What is asked for is left out, and no feature, though one is then lacking.
    write("short.csv", b"kind,p,q\n0,1,2\n1,4,5\n")
    for column in ("kind", "1"):
        with pytest.raises(DatasetError, match=r"expects 3 features, got 2 columns$"):
            rows_of("short.csv", wanted._replace(label_column=column))
    assert rows_of("short.csv", wanted._replace(label_column="label")).tolist() == [
        [0, 1, 2],
        [1, 4, 5],
    ]
    # As many columns as features: none of them is a label, whatever it is called.
    write("features.csv", b"y,p,q\n1,2,3\n4,5,6\n")
    assert rows_of("features.csv", wanted).tolist() == x


def test_columns_are_taken_by_name(monkeypatch, capsys):
    wanted = Wanted(3, names=("p", "q", "r"), label_name="kind")
    write("same.csv", b"p,q,r\n1,2,3\n")
    write("other.csv", b"r,kind,p,q\n3,cat,1,2\n6,dog,4,5\n")
    assert rows_of("same.csv", wanted).tolist() == [[1, 2, 3]]
    assert capsys.readouterr().err == ""
    assert rows_of("other.csv", wanted).tolist() == [[1, 2, 3], [4, 5, 6]]
    said = capsys.readouterr().err
    assert said.startswith("note: other.csv: its columns are taken by their names") and (
        said.count("\n") == 1
    )
    stdin_of(monkeypatch, "p,s,r\n1,2,3\n")
    assert rows_of("-", wanted).tolist() == [[1, 2, 3]]
    assert "standard input: a column is called 's' where the model" in capsys.readouterr().err
    write("none.csv", b"1,2,3\n")
    assert rows_of("none.csv", wanted).tolist() == [[1, 2, 3]]
    assert capsys.readouterr().err == ""


def test_lines_of_blanks_are_not_kept(monkeypatch):
    blanks = gzip.compress((b" " * (1 << 20) + b"\n") * 50 + b"1,2,3\n")
    write("blank.csv", blanks)
    with peak_memory() as peak:
        assert rows_of("blank.csv", Wanted(3)).tolist() == [[1, 2, 3]]
    assert peak() < 30 << 20


@pytest.mark.parametrize("source", ["blank.csv", "-"])
def test_blank_lines_before_the_first(source, monkeypatch):
    for n in (1, 1000, MAX_BLANK - 1, MAX_BLANK + 1, 10**7):
        write("blank.csv", b"\n" * n + b"1,2,3\n")
        stdin_of(monkeypatch, "\n" * n + "1,2,3\n")
        if n <= MAX_BLANK:
            assert rows_of(source, Wanted(3)).tolist() == [[1, 2, 3]]
        else:
            with pytest.raises(DatasetError, match="more than 65536 blank lines"):
                rows_of(source, Wanted(3))


@pytest.mark.parametrize(
    ("x", "got"),
    [
        (numpy.zeros((3, 100)), r"\(3, 100\)"),
        (numpy.zeros((2, 392)), r"\(2, 392\)"),
        (numpy.zeros((14, 56)), r"\(14, 56\)"),
        (numpy.zeros((28, 27)), r"\(28, 27\)"),
        (numpy.zeros(785), r"\(785,\)"),
        (numpy.zeros(()), r"\(\)"),
        (numpy.zeros((784, 5)), r"\(784, 5\)"),
    ],
)
def test_another_number_of_features_is_refused(x, got):
    numpy.save("x.npy", x)
    said = r"x.npy: the model expects 784 features \(28 x 28\), got " + got
    with pytest.raises(DatasetError, match=said):
        rows_of("x.npy")
    if x.ndim:
        for name, content in (
            ("x.idx", idx_bytes(x, 0x0E)),
            ("x.gz", gzip.compress(idx_bytes(x, 0x0E))),
        ):
            write(name, content)
            with pytest.raises(DatasetError, match=r"the model expects 784 .* got " + got):
                rows_of(name)


def test_what_cannot_be_read_is_refused(digits, monkeypatch):
    numpy.save("text.npy", numpy.array([["a"] * 784]))
    numpy.save("complex.npy", numpy.zeros((1, 784), complex))
    numpy.savez("two.npz", a=digits, b=digits)
    numpy.savez("none.npz")
    write("cut.npy", read("text.npy")[:-5])
    write("cut.idx", idx_bytes(digits)[:-1])
    write("cut.idx.gz", gzip.compress(idx_bytes(digits)[:-1]))
    write("long.idx.gz", gzip.compress(idx_bytes(digits) + b"1"))
    write("model.pkl", b"\x80\x03(lp0\n.")
    write("empty", b"")
    write("ragged.csv", b"1,2,3\n4,5\n")
    for path, said in (
        ("text.npy", "has dtype <U1: numbers are needed"),
        ("complex.npy", "complex"),
        ("two.npz", "has the arrays a, b: which is it"),
        ("none.npz", "has the arrays none"),
        ("cut.npy", "cut off"),
        ("cut.idx", "cut off"),
        ("cut.idx.gz", "cut off"),
        ("long.idx.gz", "more bytes follow"),
        ("model.pkl", "is a pickle: a data set is given with --dataset"),
        ("empty", "is empty"),
        ("nowhere.npy", "there is no such file"),
        (".", "not a regular file"),
    ):
        with pytest.raises(DatasetError, match=rf"^{re.escape(path)}: .*{said}"):
            rows_of(path)
    with pytest.raises(DatasetError, match=r"^ragged.csv: row 2 has 2 columns"):
        rows_of("ragged.csv", Wanted(3))
    write("wide.csv", b"1,2,3,4,5\n")
    with pytest.raises(DatasetError, match=r"wide.csv: the model expects 3 .* got 5 columns$"):
        rows_of("wide.csv", Wanted(3))
    write("picture.bin", b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DatasetError, match="pictures are not what the model was trained on"):
        rows_of("picture.bin", Wanted(3))
    stdin_of(monkeypatch, "")
    with pytest.raises(DatasetError, match=r"^standard input: is empty"):
        rows_of("-", Wanted(3))


def test_inputs_are_read_as_far_as_needed(digits, monkeypatch):
    numpy.save("x.npy", numpy.repeat(digits, 50, axis=0))
    write("x.idx", idx_bytes(numpy.repeat(digits, 50, axis=0)))
    for path in ("x.npy", "x.idx"):
        batch = next(batches(path, DIGITS._replace(batch_size=7)))
        base = batch.x
        while not isinstance(base, numpy.memmap):
            base = base.base
    read = []
    real = readers.read_exactly
    monkeypatch.setattr(
        "logreg.datasets.formats.read_exactly",
        lambda s, n: read.append(n) or real(s, n),
        raising=True,
    )
    write("x.idx.gz", gzip.compress(idx_bytes(numpy.repeat(digits, 50, axis=0))))
    with open("x.npy", "rb") as file:
        write("x.npy.gz", gzip.compress(file.read()))
    numpy.savez("x.npz", x=numpy.repeat(digits, 50, axis=0))
    numpy.savez_compressed("y.npz", y=[1], x=numpy.repeat(digits, 50, axis=0))
    for path in ("x.idx.gz", "x.npy.gz", "x.npz", "y.npz"):
        read.clear()
        next(batches(path, DIGITS._replace(batch_size=7)))
        assert max(read) == 7 * 784, path


def test_compressed_arrays_in_any_order(digits):
    flat = digits.reshape(12, 784)
    for array in (digits, flat.astype(">f4"), numpy.asfortranarray(flat)):
        numpy.savez_compressed("x.npz", x=array)
        found = rows_of("x.npz", DIGITS._replace(batch_size=5))
        assert (found == flat).all()
    numpy.savez("one.npz", x=digits[3])
    (batch,) = batches("one.npz", DIGITS)
    assert batch.is_single and (batch.x == flat[3]).all()


def test_too_little_memory_is_no_damage(digits, monkeypatch):
    def fail(stream, size):
        raise MemoryError

    numpy.savez("x.npz", x=digits)
    monkeypatch.setattr("logreg.datasets.formats.read_exactly", fail)
    with pytest.raises(DatasetError, match=r"x.npz: array 'x': cannot be read: it needs"):
        rows_of("x.npz")


def test_rows_are_predicted_as_they_come(start):
    code = """
import sys
from logreg.prediction.inputs import Wanted, batches
for batch in batches("-", Wanted(3, batch_size=2)):
    print(len(batch.x), flush=True)
"""
    process = start("-c", code, stdin=subprocess.PIPE)
    for rows, n in (("1,2,3\n4,5,6\n", 2), ("1,2,3\n4,5,6\n", 2)):
        process.stdin.write(rows)
        process.stdin.flush()
        assert process.stdout.readline() == f"{n}\n"
    assert process.poll() is None


def test_pictures_are_told_from_csv(digits):
    Image.fromarray(digits[0]).save("digit.pgm")
    Image.fromarray(digits[0]).save("digit.gif")
    for path in ("digit.pgm", "digit.gif"):
        (batch,) = batches(path, DIGITS)
        assert batch.is_single and (batch.x == digits[0].reshape(1, 784)).all()
    grey = numpy.maximum(digits[0], 48)
    write("text.dat", b"P5\n28 28\n255\n" + grey.tobytes())
    assert readers.sniff("text.dat") == "csv"  # its bytes are those of text
    assert (rows_of("text.dat") == grey.reshape(1, 784)).all()
    for name in ("page.png", "drawing.svg"):
        write(name, b"<html>not found</html>")
        with pytest.raises(DatasetError, match="it is none of PNG"):
            rows_of(name)


# Whatever the bytes


ROWS = numpy.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]], numpy.uint8)


def npz_bytes():
    stream = io.BytesIO()
    numpy.savez_compressed(stream, x=ROWS)
    return stream.getvalue()


def npy_bytes():
    stream = io.BytesIO()
    numpy.save(stream, ROWS.astype("f4"))
    return stream.getvalue()


@pytest.mark.parametrize(
    "whole",
    [
        npy_bytes(),
        npz_bytes(),
        idx_bytes(ROWS),
        gzip.compress(idx_bytes(ROWS)),
        gzip.compress(npy_bytes()),
        b"label,a,b,c\nx,1,2,3\ny,4,5,6\n",
        b'"a";"b";"c"\n1;2;3\n',
    ],
    ids=["npy", "npz", "idx", "idx.gz", "npy.gz", "labelled csv", "csv"],
)
def test_damaged_files_are_read_or_refused(whole):
    @settings(
        max_examples=150,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=5),
        st.one_of(st.just(len(whole)), st.integers(1, len(whole))),
    )
    def check(changes, end):
        content = bytearray(whole)
        for place, value in changes:
            content[place] = value
        write("damaged", content[:end])
        with peak_memory() as peak:
            try:
                rows = rows_of("damaged", Wanted(3))
            except LogRegError as error:
                assert "damaged" in str(error)
            else:
                assert rows.shape[1] == 3 and rows.dtype.kind in "buif"
        assert peak() < 10 * len(whole) + 3e6

    check()


def test_a_standard_input_that_is_closed(monkeypatch):
    monkeypatch.setattr("sys.stdin", None)
    with pytest.raises(DatasetError, match="standard input is closed"):
        rows_of("-", Wanted(3))


def test_a_standard_input_that_is_no_text(monkeypatch):
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(b"1,2,3\n")))
    monkeypatch.setattr("sys.stdin", stdin)
    with pytest.raises(DatasetError, match=r"standard input: is not UTF-8 .*not compressed, or na"):
        rows_of("-", Wanted(3))


def test_a_header_of_numbers_that_the_model_knows():
    wanted = Wanted(3, names=("0.0", "0.5", "1.0"), label_name="label")
    write("x.csv", b"0.0,0.5,1.0\n1,0,1\n0,2,1\n")
    write("y.csv", b"label,0.0,0.5,1.0\na,1,0,1\nb,0,2,1\n")
    for path in ("x.csv", "y.csv"):
        assert rows_of(path, wanted).tolist() == [[1, 0, 1], [0, 2, 1]]


@pytest.mark.parametrize("label", ["y", "label", "class", "target"])
@pytest.mark.parametrize("is_last", [False, True])
def test_a_class_that_is_called_as_labels_are(label, is_last):
    rows = [[label, 0.4, 0.5, 0.6], ["n", 3.5, 3.4, 3.6], [label, 0.4, 0.4, 0.5]]
    rows = [row[1:] + row[:1] for row in rows] if is_last else rows
    write("x.csv", "".join(",".join(map(str, row)) + "\n" for row in rows).encode())
    for n in (1, 1000):  # rows that are asked for do not tell what the first one is
        with pytest.raises(DatasetError, match=r"row 1, column . holds .*--label-column"):
            rows_of("x.csv", Wanted(3, batch_size=n))
    wanted = Wanted(3, label_column="-1" if is_last else "1")
    assert rows_of("x.csv", wanted)[:, 0].tolist() == [0.4, 3.5, 0.4]


def test_a_row_with_a_cell_that_may_name_the_label_is_no_header():
    for rows, wanted in (
        (b"y,8,0\nn,8,8\n", Wanted(2, names=("a", "b"), label_name="y")),
        (b"1,0,n\n0,1,n\n", Wanted(2, label_name="0")),
        (b"n,0,1\ny,0,0\n", Wanted(2, names=("0", "1"), label_name="y")),
    ):
        write("x.csv", rows)
        with pytest.raises(DatasetError, match=r"row 1, column . holds '[yn]'"):
            rows_of("x.csv", wanted)
    write("x.csv", b"id,0,1\n7,4,5\n8,2,3\n")
    assert rows_of("x.csv", Wanted(2, names=("1", "0"))).tolist() == [[5, 4], [3, 2]]


def test_columns_that_numbers_name_in_another_order(capsys):
    wanted = Wanted(3, names=("400", "450", "500"), label_name="label")
    numbers = "0.42,0.76,3.84\n0.4,3.51,0.26\n"
    write("x.csv", b"500,450,400\n" + numbers.encode())
    labelled = "500,450,400,label\n" + numbers.replace("\n", ",one\n")
    write("y.csv", labelled.encode())
    for path, column in (("x.csv", None), ("x.csv", "label"), ("y.csv", None), ("y.csv", "4")):
        rows = rows_of(path, wanted._replace(label_column=column))
        assert rows.tolist() == [[3.84, 0.76, 0.42], [0.26, 3.51, 0.4]]
        said = capsys.readouterr().err
        assert "taken by their names" in said and "row 1 is taken for a header" in said


def test_the_column_that_is_left_out(capsys):
    rows = b"1,0.5,0.25\n2,3.5,3.25\n"
    write("x.csv", b"id,x,y\n" + rows)
    with pytest.raises(DatasetError, match="expects 2 features, got 3 columns; if one column is"):
        rows_of("x.csv", Wanted(2))
    assert rows_of("x.csv", Wanted(2, names=("x", "y"))).tolist() == [[0.5, 0.25], [3.5, 3.25]]
    assert "x.csv: column 1 (id) is left out" in capsys.readouterr().err
    assert rows_of("x.csv", Wanted(2, names=("y", "x"), label_name="id"))[0].tolist() == [0.25, 0.5]
    assert "left out" not in capsys.readouterr().err
    write("y.csv", b"a,b,y\n" + rows)
    assert rows_of("y.csv", Wanted(2)).tolist() == [[1, 0.5], [2, 3.5]]
    assert "y.csv: column 3 (y) is left out" in capsys.readouterr().err
    assert rows_of("y.csv", Wanted(2, label_column="3")).tolist() == [[1, 0.5], [2, 3.5]]
    assert capsys.readouterr().err == ""
    write("z.csv", b"1\n2\n")
    with pytest.raises(DatasetError, match="row 1 has one column: a label and at least one feat"):
        rows_of("z.csv", Wanted(2, label_column="1"))


def test_rows_before_the_end_of_a_file_that_is_cut_off():
    rows = b"".join(b"%d,%d,7\n" % (i, i * i) for i in range(5000))
    write("x.csv.gz", gzip.compress(rows)[:-2000])
    found = []
    with pytest.raises(DatasetError, match=r"x.csv.gz: cannot be read: cut off or damaged"):
        for batch in batches("x.csv.gz", Wanted(3)):
            found.extend(batch.x[:, 0].tolist())
    assert found == list(range(len(found))) and len(found) > 2500 and len(found) % 1000


@pytest.mark.parametrize("fortran", [False, True])
def test_bytes_after_an_array_are_noticed(digits, fortran):
    flat = digits.reshape(12, 784)
    numpy.save("x.npy", numpy.asfortranarray(flat) if fortran else flat)
    with open("x.npy", "rb") as file:
        write("x.npy.gz", gzip.compress(file.read() + b"more"))
    with pytest.raises(DatasetError, match="more bytes follow"):
        rows_of("x.npy.gz")


def test_pictures_for_a_model_of_images_that_are_not_square(digits):
    Image.fromarray(digits[0]).resize((20, 12)).save("digit.png")
    wanted = Wanted(240, (20, 12))
    (plain,) = batches("digit.png", Wanted(240, (12, 20)))
    (turned,) = batches("digit.png", wanted._replace(transposed=True))
    assert (turned.x.reshape(20, 12) == plain.x.reshape(12, 20).T).all()
