"""Checks of arrays: what any shape and dtype becomes, and what is refused how."""

import numpy
import pytest
from builders import write

from logreg.basics.errors import DatasetError
from logreg.datasets.dataset import read_dataset
from logreg.datasets.options import Preparation


def pair(n=12, d=5, k=3, dtype="f4"):
    x = (numpy.arange(n * d).reshape(n, d) % 97).astype(dtype)
    return x, numpy.arange(n) % k


@pytest.mark.parametrize("x_dtype", ["u1", "i2", ">i4", "u8", "?", "f2", "<f4", ">f8"])
@pytest.mark.parametrize("y_dtype", ["u1", "i1", ">i2", "i8", ">u8", "f4", ">f8"])
def test_any_dtype(x_dtype, y_dtype, random):
    x = random.randint(0, 2, (9, 3, 2)).astype(x_dtype)
    y = (numpy.arange(9) % 3 * 50).astype(y_dtype)
    pairs = (x, y), (numpy.asfortranarray(x), y), (x, y.reshape(9, 1))
    data = read_dataset(pairs, dtype="float32")
    for found_x, found_y in data:
        assert found_x.shape == (9, 6) and (found_x == x.reshape(9, 6)).all()
        assert found_x.dtype == ("float32" if x.itemsize > 4 else x.dtype)
        assert found_y.dtype == "int32" and found_y.tolist() == [0, 1, 2] * 3
    assert data.facts.class_labels == [0, 50, 100] and data.facts.image_shape == (3, 2)
    assert all(type(label) is int for label in data.facts.class_labels)


INF = numpy.zeros((106000, 5))
LARGE = pair(dtype="f8")[0]  # the first is looked at in three blocks
INF[105999, 2] = numpy.inf
LARGE[5, 0] = -1e39
Y = pair()[1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place, n_sets", [(0, 3), (1, 3), (2, 3), (0, 2)])
@pytest.mark.parametrize(
    "changes, said",
    [
        ({"y": Y + numpy.eye(12)[4] / 2}, r"y holds the label 1\.5 in row 4 .*whole"),
        ({"y": numpy.eye(12)}, r"y has shape \(12, 12\) .*one-hot, numpy\.argmax\(y, axis=1\)"),
        ({"y": Y[:-1]}, r"shape \(11,\) .*, x has 12 rows: each needs an integer"),
        ({"y": Y.astype("M8[s]")}, r"datetime64\[s\], .*: each needs .*y\.astype\('int64'\)"),
        ({"y": Y.astype(object)}, r"object array.*y\.astype\(str\)"),
        ({"y": numpy.array(["a", " ", "b"] * 4)}, "the label ' ' in row 1.*neither empty"),
        ({"y": numpy.array(["a", "NaN"] * 6)}, "the label 'NaN' in row 1.*neither empty"),
        ({"y": numpy.array(["a", "b"] * 6)}, "some labels are integers and others are text"),
        ({"y": Y + 1e15}, r"the label 1000000000000000\.0 in row 0 .*give labels as text"),
        (
            {"x": pair(99)[0], "y": range(99)},
            r"there are 99 classes in 1\d+ rows, 0, 1, \.\.\.: that",
        ),
        ({"x": INF, "y": INF[:, 0]}, r"x holds inf in row 105999, column 2 \(counted from 0"),
        ({"x": LARGE}, r"holds -1e\+39 in row 5, column 0.*larger than float32"),
        (
            {"x": pair(d=4)[0]},
            "x has 4 (features )?of float32.*: every set needs the same features",
        ),
        ({"x": pair(dtype="u1")[0]}, "x has 5 (features )?of uint8.*, is for all sets or for none"),
        ({"x": pair()[0][:, 0]}, r"shape \(12,\) .*: rows and columns of numbers"),
        ({"x": pair()[0][:, :0]}, r"x has shape \(12, 0\)"),
        ({"y": numpy.full(12, -1, "i4").view("U1")}, "cannot be read: cut off or damaged"),
        ({"x": [[1, 2], [3]], "y": [0, 1]}, "object array .*make every row as long"),
        ({"x": numpy.ma.zeros((12, 5))}, "masked array: fill it"),
        ({"x": [["a"] * 5] * 12}, "dtype <U1: rows and columns of numbers"),
    ],
)
def test_refused_in_whichever_set_it_is(changes, said, place, n_sets):
    sets = [pair() for _ in range(n_sets)]
    sets[place] = tuple({"x": pair()[0], "y": Y, **changes}.values())
    with pytest.raises(DatasetError, match=said):
        read_dataset(sets, dtype="float32")  # in which 1e39 is infinite


@pytest.mark.parametrize(
    "labels, class_labels",
    [
        ([True, False, True], [0, 1]),
        ([10**15 - 1, 1 - 10**15, 1], [1 - 10**15, 1, 10**15 - 1]),
        (["b", "a", "ä"], ["a", "b", "ä"]),  # a list is an array, too
        # In tables
        ("-1.0 +1 -1", [-1, 1]),
        ("True False True", ["False", "True"]),
        ("01 1.0 10", ["01", "1.0", "10"]),
        ("1000000000000000 1 10", ["1", "10", "1000000000000000"]),
        ("1 2 999999999999999", [1, 2, 10**15 - 1]),
    ],
)
def test_class_labels(labels, class_labels, stderr):
    source = [(numpy.eye(3), labels)] * 2
    if isinstance(labels, str):
        labels = labels.split()
        rows = "".join(f"{(i + 1) // 2},{label}\n" for i, label in enumerate(labels * 4))
        source = write("t.csv", f"a,label\n{rows}")
    data = read_dataset(source, preparation=Preparation(shuffle=False))
    assert data.facts.class_labels == class_labels
    told = stderr()
    assert " same as " not in told  # no row is twice
    assert len(data.facts.class_counts) == len(class_labels)  # some may be in no training row
    wanted = [label if isinstance(class_labels[0], str) else float(label) for label in labels]
    assert [class_labels[i] for i in data.train[1][: len(labels)]] == wanted[: len(data.train[1])]


NEW = f"11 of the 13 classes in the {{}} set are in no training row {(*range(2, 12),)}"


@pytest.mark.parametrize(
    "train, valid, said",
    [
        ([0, 1] * 9, [*range(13)], NEW),
        ("aab", "bb", "every row of the {} set has the label 'b'"),
        ([0, 1] * 5, [0, 1], None),
    ],
)
def test_data_that_teach_or_tell_nothing_are_warned_of(train, valid, said, stderr):
    train, valid = ((numpy.zeros((len(y), 2)), list(y)) for y in (train, valid))
    advice = "; if the rows are sorted by class, shuffle them: `shuffle=True`"
    for shuffle, more in ((None, advice), (True, "")):
        for name, sets in (("validation", (train, valid, train)), ("test", (train, train, valid))):
            read_dataset(sets, preparation=Preparation(shuffle=shuffle))
            wanted = f"warning: {said}: the result is likely to be useless{more}\n" if said else ""
            assert stderr() == wanted.format(name)


@pytest.mark.parametrize("largest, dtype, is_told", [(255, int, 1), (254, int, 0), (255, "u1", 0)])
def test_pixels_that_are_not_taken_for_pixels_are_told(largest, dtype, is_told, stderr):
    one = numpy.array([[0], [largest]], dtype), [0, 1]
    read_dataset((one, one, one))
    said = "note: the given arrays: x goes from 0 to 255 and is not taken for pixels"
    assert stderr().count(said) == is_told
