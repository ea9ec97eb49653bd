"""Which rows train, validate and test."""

import numpy
import pandas
import pytest
from builders import refused, write

from logreg.datasets.dataset import read_dataset
from logreg.datasets.folds import divide_into_folds
from logreg.parts.options import Preparation, TableOptions
from logreg.parts.splits import stratified_order

GROUPS = TableOptions("ill", group="p")


def test_a_stratified_order_is_the_same_on_every_numpy(random):
    """Python's sort is stable; NumPy's own depends on the processor, if many places are equal."""
    y = random.permutation(numpy.arange(3000) % 3)
    shuffled = numpy.random.RandomState(7).permutation(3000).tolist()
    places = {}
    for k in range(3):
        rows_of_class = [row for row in shuffled if y[row] == k]
        places.update({row: place for place, row in enumerate(rows_of_class)})
    assert stratified_order(y, seed=7).tolist() == sorted(shuffled, key=places.get)


@pytest.mark.parametrize("shuffle", [None, False])
def test_rows_of_a_group_stay_in_one_set(shuffle, random, stderr):
    patients = random.randint(40, size=600)
    frame = pandas.DataFrame({"p": patients, "b": patients + 0.25, "ill": patients % 3 == 0})
    data = read_dataset(frame, GROUPS, Preparation(shuffle=shuffle))
    assert "rows with the same cell in column 1 (p) stay in one set" in stderr()
    folds = [[fold.train, fold.test] for fold in divide_into_folds(data, 5).folds]
    for sets in ([*data], *folds):
        groups = [{*x[:, 0]} for x, _ in sets]  # b tells the patient
        assert sum(map(len, groups)) == len(set.union(*groups)) == 40
        assert sum(len(y) for _, y in sets) == 600 and min(map(len, groups)) > 3
        shares = [y.mean() for _, y in sets]
        assert shuffle is False or 0.15 < min(shares) < max(shares) < 0.6
        is_mixed = numpy.diff(sets[0][0][:, 0]).astype(bool).mean() > 0.9
        assert is_mixed == (shuffle is None)  # as minibatches should be


def test_large_groups_leave_room_for_others(random):
    groups = numpy.array([*range(200), *numpy.repeat([200, 201, 202, 203, 204], 40)])
    frame = pandas.DataFrame({"p": groups, "a": random.randn(400), "ill": groups >= 200})
    folds = divide_into_folds(read_dataset(frame, GROUPS), 5).folds
    assert [fold.test[1].sum() for fold in folds] == 5 * [40]  # a large group in each
    odd = frame[196:240].assign(ill=groups[196:240] % 2)
    three = read_dataset(odd, GROUPS, Preparation(shuffle=False))
    assert three.facts.rows == [3, 1, 40]  # no set is left without a group
    with refused("the data frame: 2 groups cannot be split into 3 sets"):
        read_dataset(frame[199:240], GROUPS)


def test_a_group_that_is_in_two_files(cli):
    write("train.csv", b"g,a,y\n7,1,0\n8,1,1\n8.0,2,1\n")
    write("test.csv", b"a,y,g\n1,0,7.0\n1,1,\n")  # as of whole numbers beside a gap
    done = cli("train . --group 1 --missing mean", code=1)
    said = "error: .: of 2 groups, 1 stand in several sets ('7'): move the rows of each into "
    assert done.err.splitlines()[-1] == said + "one set, or give no --group"
