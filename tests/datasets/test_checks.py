"""Checks of arrays: what any shape and dtype becomes, and what is refused how."""

import re

import numpy
import pytest
from builders import make_pairs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logreg.datasets import read_dataset
from logreg.errors import DatasetError, LogRegError

pytestmark = pytest.mark.engine_free


def bounded(max_examples):
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )


def pair(n=12, d=5, k=3, dtype="f4"):
    x = (numpy.arange(n * d).reshape(n, d) % 97).astype(dtype)
    return x, numpy.arange(n) % k


def triple(**changes):
    """Three good pairs, with the training set's x or y replaced."""
    x, y = pair()
    return (changes.get("x", x), changes.get("y", y)), pair(), pair()


@bounded(60)
@given(
    shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=4),
    n=st.integers(3, 9),
    x_dtype=st.sampled_from(["u1", "i2", ">i4", "u8", "?", "f2", "<f4", ">f8"]),
    y_dtype=st.sampled_from(["u1", "i1", ">i2", "i4", "i8", ">u8", "f4", ">f8"]),
    classes=st.lists(st.integers(0, 127), min_size=1, max_size=5, unique=True),
    fortran=st.booleans(),
)
def test_any_shape_and_dtype(shape, n, x_dtype, y_dtype, classes, fortran):
    random = numpy.random.RandomState(n)
    x = random.randint(0, 2, (n, *shape)).astype(x_dtype)
    y = numpy.array([classes[i % len(classes)] for i in range(n)]).astype(y_dtype)
    given = numpy.asfortranarray(x) if fortran else x
    data = read_dataset(((given, y), (x, y), (x, y.reshape(-1, 1))))
    flat = x.reshape(n, -1)
    for found_x, found_y in (data.train, data.valid, data.test):
        assert found_x.shape == flat.shape and (found_x == flat).all()
        assert found_x.dtype == x.dtype and found_y.dtype == numpy.int32
        assert [data.class_labels[i] for i in found_y] == y.tolist()
    assert data.class_labels == sorted(set(y.astype(int).tolist()))
    assert all(type(label) is int for label in data.class_labels)


@bounded(60)
@given(
    x=hnp.arrays(st.sampled_from(["f4", "f8", "i8"]), hnp.array_shapes(max_dims=3, max_side=4)),
    y=hnp.arrays(
        st.sampled_from(["i8", "u8", "f8", "?", "U2", "S2", "M8[s]", "c8"]),
        hnp.array_shapes(max_dims=2, max_side=4),
    ),
)
def test_labels_are_in_range_or_refused(x, y):
    try:
        data = read_dataset(((x, y), (x, y)))
    except LogRegError:
        return
    for found_x, found_y in (data.train, data.valid, data.test):
        assert len(found_x) == len(found_y) > 0
        assert numpy.isfinite(found_x).all()
        assert set(found_y.tolist()) <= set(range(data.n_out))


def test_mapped_arrays_are_not_copied(tmp_path):
    x, y = pair()
    numpy.save(tmp_path / "x.npy", x)
    mapped = numpy.load(tmp_path / "x.npy", mmap_mode="r")
    data = read_dataset(((mapped, y), (x, y), (x, y)))
    assert numpy.shares_memory(data.train[0], mapped)


def test_lists_are_arrays_too():
    rows = ([[0.5, 1], [2, 3]], ["no", "yes"])
    data = read_dataset((rows, rows, rows))
    assert data.train[0].tolist() == rows[0]
    assert (data.train[1].tolist(), data.class_labels) == ([0, 1], ["no", "yes"])


@pytest.mark.parametrize(
    "y, class_labels",
    [
        ([3, 7, 3], [3, 7]),
        ([True, False, True], [0, 1]),
        ([1.0, 0.0, 2.0], [0, 1, 2]),
        (["a", "ä", "b"], ["a", "b", "ä"]),
        ([b"\xe9", b"\xe8", "ä".encode()], ["\\xe8", "\\xe9", "ä"]),
    ],
)
def test_class_labels(y, class_labels):
    x = numpy.zeros((3, 2))
    assert read_dataset(((x, numpy.array(y)), (x, numpy.array(y)))).class_labels == class_labels


def test_labels_with_gaps_are_numbered_over_all_sets():
    x = numpy.zeros((3, 2))
    data = read_dataset(((x, [3, 7, 3]), (x, [7, 7, 3]), (x, [3, 3, 12])))
    assert data.class_labels == [3, 7, 12]
    found = [y.tolist() for _, y in (data.train, data.valid, data.test)]
    assert found == [[0, 1, 0], [1, 1, 0], [0, 0, 2]]


@pytest.mark.parametrize(
    "shape, dtype, image_shape",
    [
        ((3, 4), "f4", (3, 4)),
        ((3, 4, 3), "u1", (3, 4, 3)),
        ((3, 4, 1), "f4", (3, 4)),
        ((1, 3, 4), "f4", (3, 4)),
        ((3, 4, 5), "f4", None),
        ((784,), "u1", (28, 28)),
        ((785,), "u1", None),
        ((4,), "u1", None),
        ((784,), "f4", None),
    ],
)
def test_image_shape(shape, dtype, image_shape):
    one = numpy.zeros((6, *shape), dtype), numpy.arange(6) % 2
    assert read_dataset((one, one, one)).image_shape == image_shape


NAN, INF, LARGE = (pair(dtype="f8")[0] for _ in range(3))
NAN[7, 2], INF[3, 4], LARGE[5, 0] = numpy.nan, -numpy.inf, 1e39
Y = pair()[1]


@pytest.mark.parametrize(
    "changes, said",
    [
        (
            {"y": Y - 1},
            r"training y holds the label -1 in row 0 \(counted from 0\).*negative; n",
        ),
        ({"y": Y + numpy.eye(12)[4] / 2}, r"the label 1\.5 in row 4.*fractional"),
        ({"y": numpy.where(Y == 2, numpy.nan, Y)}, r"the label nan in row 2.*NaN"),
        ({"y": numpy.where(Y == 2, numpy.inf, Y)}, r"the label inf in row 2.*infinite"),
        ({"y": numpy.eye(12)}, r"shape \(12, 12\) \(one-hot\?\).*argmax\(y, axis=1\)"),
        ({"y": numpy.int64(3)}, r"shape \(\): one integer a row is needed$"),
        ({"y": Y[:-1]}, "11 labels, x has 12 rows"),
        ({"y": Y.astype("M8[s]")}, r"datetime64\[s\]: classes are integers, e\.g\. y\.astype"),
        ({"y": Y.astype(complex)}, "dtype complex128"),
        ({"y": Y.astype(object)}, r"object array.*y\.astype\(str\)"),
        ({"y": numpy.array(["a", "NaN", "c"] * 4)}, "'NaN' in row 1 .*must not be NaN"),
        ({"y": numpy.array(["a", "", "b"] * 4)}, "the label '' in row 1.*empty; fill it in"),
        ({"y": numpy.array(["a", "b\ud800", "c"] * 4)}, "half of a character"),
        ({"y": numpy.array(["a", "b"] * 6)}, "some labels are integers and others are text"),
        ({"x": NAN}, r"training x holds nan in row 7, column 2 \(counted from 0\)"),
        ({"x": INF}, r"holds -inf in row 3, column 4"),
        ({"x": LARGE}, r"holds 1e\+39 in row 5, column 0.*larger than float32"),
        ({"x": pair(d=4)[0]}, "training set has 4 features, the validation set has 5"),
        ({"x": pair(dtype="u1")[0]}, "training x is uint8 and the validation x is float32"),
        ({"x": pair()[0][:, 0]}, r"shape \(12,\): rows and columns are needed"),
        ({"x": pair()[0][:0], "y": Y[:0]}, r"empty: its shape is \(0, 5\)"),
        ({"x": pair()[0][:, :0]}, r"empty: its shape is \(12, 0\)"),
        ({"x": pair()[0].astype(object)}, r"object array.*astype\('float32'\)"),
        ({"x": pair()[0].astype(complex)}, "dtype complex64|dtype complex128"),
        ({"x": [[1, 2], [3]], "y": [0, 1]}, "object array: its rows differ in length"),
        ({"x": numpy.ma.zeros((12, 5))}, "masked array"),
        ({"x": [["a"] * 5] * 12}, "dtype <U1: numbers are needed"),
        ({"x": None}, "object array"),
    ],
)
def test_refused(changes, said):
    with pytest.raises(DatasetError, match=said):
        read_dataset(triple(**changes))


def test_a_bad_value_is_found_in_large_data():
    x, y = numpy.zeros((3000, 1000), "f4"), numpy.zeros(3000, int)
    x[2900, 17] = numpy.nan
    with pytest.raises(DatasetError, match="row 2900, column 17"):
        read_dataset(((x, y), (x, y)))


def rows_of(labels):
    return "".join(f"{label},{i}\n" for i, label in enumerate(labels))


@pytest.mark.parametrize(
    "labels, class_labels",
    [
        ("0 1 2", [0, 1, 2]),
        ("7 3 5", [3, 5, 7]),
        ("1.0 2 1", [1, 2]),
        ("0.0 1e0 0.0", [0, 1]),
        ("1 a 1", ["1", "a"]),
        ("01 1 10", ["01", "1", "10"]),
        ("1_0 1 2", ["1", "1_0", "2"]),
    ],
)
def test_labels_of_tables(tmp_path, labels, class_labels):
    (tmp_path / "t.csv").write_text("label,a\n" + rows_of(labels.split() * 4))
    data = read_dataset(tmp_path / "t.csv")
    assert data.class_labels == class_labels
    is_text = isinstance(class_labels[0], str)
    wanted = [label if is_text else float(label) for label in labels.split()]
    assert [class_labels[i] for i in data.train[1][:3]] == wanted


@pytest.mark.parametrize(
    "labels, said",
    [
        ("0 1 -1", "negative; number the classes from 0; --label-column names another column"),
        ("0 1 0.5", "fractional"),
        ("0 1 nan", "NaN"),
        ("x y nan", "NaN; fill it in"),
        ("0 1 1e999", "NaN or infinite"),
        ("x y ", "empty"),
    ],
)
def test_labels_of_tables_that_are_refused(tmp_path, labels, said):
    (tmp_path / "t.csv").write_text("label,a\n" + rows_of(labels.split(" ")))
    with pytest.raises(DatasetError, match="label column holds the label .* in row 4: .*" + said):
        read_dataset(tmp_path / "t.csv")


def test_classes_that_teach_nothing_are_warned_of(capsys):
    x = numpy.zeros((12, 2))
    for y, said in (
        ([7] * 12, "warning: every row has the label 7: there is nothing to learn"),
        (range(12), "warning: there are 12 classes in 10 training rows, 0, 1, ...: is that the l"),
        ([0, 1] * 6, "^$"),
    ):
        (train, valid) = (x[:10], list(y)[:10]), (x[10:], list(y)[10:])
        read_dataset((train, valid, train))
        assert re.search(said, capsys.readouterr().err)


def test_a_class_that_training_lacks_is_warned_of(capsys):
    x = numpy.zeros((3, 2))
    read_dataset(((x, [0, 1, 0]), (x, [1, 0, 0]), (x, [0, 2, 2])))
    said = "warning: 1 of the 3 classes in the test set are in no training row (2): the model"
    assert capsys.readouterr().err.startswith(said)


def test_pixels_that_are_not_uint8_are_noted(capsys):
    x, y = make_pairs()[0]
    x = x - x.min()
    for top, is_said in ((255, True), (254, False)):
        sets = [(x * numpy.float32(top / x.max()), y), (x[:5] * 0, y[:5]), (x[:5] * 0, y[:5])]
        sets[0][0][sets[0][0].argmax() // 4, sets[0][0].argmax() % 4] = top
        assert read_dataset(sets).scale == 1
        assert ("from 0 to 255 and is taken as it is" in capsys.readouterr().err) == is_said


def test_bits_that_are_scaled_as_pixels_are_warned_of(capsys):
    x, y = pair(dtype="u1")
    read_dataset(((x % 2, y), (x, y)))
    assert "x is uint8, and scaled by 1/256, but goes from 0 to 1 only" in capsys.readouterr().err
    read_dataset(((x, y), (x % 2, y)))
    assert "1/256" not in capsys.readouterr().err
