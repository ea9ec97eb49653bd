"""Checks of arrays: what any shape and dtype becomes, and what is refused how."""

import numpy
import pytest
from builders import refused, write

from logreg.datasets.dataset import read_dataset
from logreg.datasets.doubts import warn_of_doubtful_sets
from logreg.parts.options import Preparation

X = numpy.arange(60, dtype="f4").reshape(12, 5)
Y = numpy.arange(12) % 3


@pytest.mark.parametrize("x_dtype", ["u1", "i2", ">i4", "u8", "?", "f2", "<f4", ">f8"])
@pytest.mark.parametrize("y_dtype", ["u1", "i1", ">i2", "i8", ">u8", "f4", ">f8"])
def test_any_dtype(x_dtype, y_dtype, random):
    x = random.randint(0, 2, (9, 3, 2)).astype(x_dtype)
    y = (numpy.arange(9) % 3 * 50).astype(y_dtype)
    pairs = (x, y), (numpy.asfortranarray(x), y), (x, y.reshape(9, 1))
    data = read_dataset(pairs, dtype="float32")
    for found_x, found_y in data:
        assert found_x.dtype == ("float32" if x.itemsize > 4 else x.dtype)
        assert found_x.tolist() == x.reshape(9, 6).tolist()
        assert found_y.dtype == "int32" and found_y.tolist() == [0, 1, 2] * 3
    assert repr(data.facts.class_labels) == "[0, 50, 100]"  # as Python's integers


INF = numpy.zeros((106000, 5))  # the values are looked at in three blocks
INF[105999, 2] = numpy.inf


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("place, n_sets", [(0, 3), (1, 3), (2, 3), (0, 2)])
@pytest.mark.parametrize(
    "x, y, said",
    [
        (X, Y / 2, r"y holds the label 0\.5 in row 1 .*whole"),
        (X, numpy.eye(12), r"y has shape \(12, 12\) .*one-hot, numpy\.argmax\(y, axis=1\)"),
        (X[1:], Y, r"shape \(12,\) .*, x has 11 rows: each needs an integer"),
        (X, Y.astype("M8[s]"), r"datetime64\[s\], .*: each needs .*y\.astype\('int64'\)"),
        (X[:2], ["a", " "], "the label ' ' in row 1.*neither empty"),
        (X[:2], ["a", "NaN"], "the label 'NaN' in row 1.*neither empty"),
        (X[:2], ["a", "b"], "some labels are integers and others are text"),
        (X, Y + 1e15, r"the label 1000000000000000\.0 in row 0 .*give labels as text"),
        (INF[:99], range(99), r"there are 99 classes in 1\d+ rows, 0, 1, \.\.\.: that"),
        (INF, INF[:, 0], r"x holds inf in row 105999, column 2 \(counted from 0"),
        (X.astype("f8") * -1e38, Y, r"holds -4e\+38 in row 0, column 4.*larger than float32"),
        (X[:, 1:], Y, "x has 4 (features )?of float32.*: every set needs the same features"),
        (X.astype("u1"), Y, "x has 5 (features )?of uint8.*, is for all sets or for none"),
        (X[:, 0], Y, r"shape \(12,\) .*: rows and columns of numbers"),
        (X[:, :0], Y, r"x has shape \(12, 0\)"),
        (X, numpy.full(12, -1, "i4").view("U1"), "cannot be read: cut off or damaged"),
        ([[1, 2], [3]], [0, 1], "object array .*make every row as long"),
        (numpy.ma.zeros((12, 5)), Y, "masked array: fill it"),
        (X.astype("U"), Y, "dtype <U32: rows and columns of numbers"),
    ],
)
def test_refused_in_whichever_set_it_is(x, y, said, place, n_sets):
    sets = [(X, Y)] * n_sets
    sets[place] = x, y
    with refused(said):
        read_dataset(sets, dtype="float32")


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
        rows = enumerate(labels.split() * 4, 1)
        lines = [f"{i // 2},{label}" for i, label in rows]  # some rows differ by their label alone
        source = write("t.csv", "\n".join(["a,label", *lines]))
    facts = read_dataset(source, preparation=Preparation(shuffle=False)).facts
    assert facts.class_labels == class_labels
    assert " same as " not in stderr()  # no row is twice
    assert len(facts.class_counts) == len(class_labels)  # some may be in no training row


NEW = f"11 of the 13 classes in the {{}} set are in no training row {(*range(2, 12),)}"


@pytest.mark.parametrize(
    "train, valid, said",
    [
        ([0, 1] * 9, [*range(13)], NEW),
        ("aab", "bb", "every row of the {} set has the label 'b'"),
    ],
)
def test_data_that_teach_or_tell_nothing_are_warned_of(train, valid, said, stderr):
    train, valid = ((numpy.zeros((len(y), 2)), list(y)) for y in (train, valid))
    for name, sets in (("validation", (train, valid, train)), ("test", (train, train, valid))):
        warn_of_doubtful_sets(read_dataset(sets))
        wanted = f"warning: {said}: the result is likely to be useless\n"
        assert stderr() == wanted.format(name)  # and nothing of the other set


@pytest.mark.parametrize("seed, n_advised", [(None, 1), (0, 0)])
def test_rows_in_the_order_of_their_classes_are_to_be_shuffled(seed, n_advised, stderr):
    y = numpy.repeat([0, 1], [30, 70])  # a sixth of the training rows validates: the last ones
    both = numpy.zeros((100, 2)), y
    shuffled = Preparation(shuffle=seed is not None, split_seed=seed or 0)
    warn_of_doubtful_sets(read_dataset((both, both), preparation=shuffled))
    advice = "useless; if the rows are sorted by class, shuffle them: `shuffle=True`\n"
    assert stderr().count(advice) == n_advised


@pytest.mark.parametrize("largest, dtype, is_told", [(255, int, 1), (254, int, 0), (255, "u1", 0)])
def test_pixels_that_are_not_taken_for_pixels_are_told(largest, dtype, is_told, stderr):
    one = numpy.array([[0], [largest]], dtype), [0, 1]
    read_dataset((one, one, one))
    said = "note: the given arrays: x goes from 0 to 255 and is not taken for pixels"
    assert stderr().count(said) == is_told
    read_dataset((one, one, one), preparation=Preparation(standardize=True))
    assert stderr() == ""  # whatever pixels are divided by
