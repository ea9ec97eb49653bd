"""Which rows train, validate and test, where a data set does not tell."""

from dataclasses import replace

import numpy

from logreg.datasets.formats import reading
from logreg.errors import DatasetError

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
SHARE = 6  # one row in so many goes into a set that is not given


def set_name(name, split, is_alone=False):
    """How messages call a set of a data set, or its only one."""
    return f"{name}:" if is_alone else f"{name}: {SPLITS[split]}"


def find_lacking(sets):
    """The names of the sets that are not given."""
    return [name for name in SPLITS if name not in sets]


def split(sets, facts, shuffle=None, seed=0, groups=None):
    """Take the sets that are not given from the training rows.

    `sets` has arrays of rows, x and y first, for 'train' and perhaps for 'valid' and 'test'. With
    `shuffle`, the training rows are put into a :func:`stratified_order` before; if it is None, this
    is done to a table, and to one array. With `groups`, a number for each training row, all rows of
    a group go into one set: see :func:`in_groups`. Returned are all three sets; the facts, with the
    rows of each if the test set was one of those taken, and the seed of the order; and the groups
    in the order of the rows.
    """
    taken = find_lacking(sets)
    if shuffle is None:
        shuffle = taken and (facts.is_table or "test" in taken)
    seed = seed if shuffle else None
    with reading(facts.dataset):
        sizes, order = order_of(sets["train"][1], seed, groups, len(taken))
        sets = split_off(sets, sizes, order)
    sizes = [len(arrays[1]) for arrays in sets.values()] if "test" in taken else None
    groups = groups if order is None or groups is None else groups[order]
    return sets, replace(facts, split=sizes, split_seed=seed), groups


def order_of(y, seed, groups, n_taken=2):
    """Find the sizes of the sets and the order of the rows, before `n_taken` sets are taken off.

    The sizes are None if :func:`split_off` chooses them, and the order is None if the rows stay in
    theirs.
    """
    if groups is None or not n_taken:
        return None, None if seed is None else stratified_order(y, seed)
    n_part = max(1, len(y) // SHARE)
    return in_groups(y, groups, [len(y) - n_part * n_taken] + [n_part] * n_taken, seed)


def in_groups(y, groups, sizes, seed=None):
    """Order rows so that sets of about these `sizes` have whole groups; return sizes and order.

    Groups are in a :func:`stratified_order` by the classes of their first rows, and so are the rows
    of each set; without a seed, groups are in the order of these rows.

    Examples
    --------
    >>> groups = numpy.array([9, 9, 7, 7, 7, 8])
    >>> sizes, order = in_groups(numpy.zeros(6, int), groups, [2, 2, 2])
    >>> sizes, order.tolist()
    ([2, 3, 1], [0, 1, 2, 3, 4, 5])
    """
    _, firsts, groups = numpy.unique(groups, return_index=True, return_inverse=True)
    ranks = numpy.argsort(firsts) if seed is None else stratified_order(y[firsts], seed)
    ranks = numpy.argsort(ranks)
    order = numpy.argsort(ranks[groups], kind="stable")
    ends = numpy.cumsum(numpy.bincount(ranks[groups]))
    if len(firsts) < len(sizes):
        raise DatasetError(
            f"{len(firsts)} groups cannot be split into {len(sizes)} sets: give more groups, or no "
            "`group`"
        )
    n_taken = 0
    cuts = []
    for n_left, wanted in zip(range(len(sizes) - 1, -1, -1), numpy.cumsum(sizes)):
        free = ends[n_taken : len(ends) - n_left]  # of which each later set gets one at least
        n_taken += abs(free - wanted).argmin() + 1
        cuts.append(ends[n_taken - 1])
    sizes = numpy.diff([0, *cuts]).tolist()
    if seed is not None:
        parts = numpy.split(order, cuts[:-1])
        order = numpy.concatenate([part[stratified_order(y[part], seed)] for part in parts])
    return sizes, order


def split_off(sets, sizes=None, order=None):
    """Take the sets that are not given from the training rows, in the `order` of their numbers.

    `sizes` are the numbers of rows for training, validation and test. By default, each set that is
    not given gets a sixth. All three sets are returned.

    Examples
    --------
    >>> train = numpy.arange(13), numpy.zeros(13)
    >>> {name: x.tolist() for name, (x, _) in split_off({"train": train}).items()}
    {'train': [0, 1, 2, 3, 4, 5, 6, 7, 8], 'valid': [9, 10], 'test': [11, 12]}
    """
    train = sets["train"]
    lacking = find_lacking(sets)
    n_rows = len(train[1])
    n_part = max(1, n_rows // SHARE)
    sizes = sizes or [n_rows - n_part * len(lacking), n_part, n_part]
    if lacking == ["test"]:
        raise DatasetError("has a validation set, but no test set with labels: give both or none")
    if sizes[0] < 1:
        raise DatasetError(f"{n_rows} rows are too few to split: give more, or all sets")
    starts = numpy.cumsum([0, *sizes])
    for name, start, size in zip(["train", *lacking], starts, sizes):
        rows = slice(start, start + size) if order is None else order[start : start + size]
        sets = {**sets, name: tuple(array[rows] for array in train)}
    return {name: sets[name] for name in SPLITS}


def stratified_order(y, seed):
    """Order rows at random so that each class is spread evenly: any part has each class's share.

    Row k of the n rows of a class, in a random order, comes at (k + 1/2) / n of the whole. The
    order is the same on every version of NumPy.

    Examples
    --------
    >>> y = numpy.array([0, 0, 0, 0, 1, 1])
    >>> y[stratified_order(y, seed=0)].tolist()
    [0, 1, 0, 0, 1, 0]
    """
    order = numpy.random.RandomState(seed).permutation(len(y))
    by_class = order[numpy.argsort(y[order], kind="stable")]
    sizes = numpy.bincount(y)
    starts = numpy.repeat(numpy.cumsum(sizes) - sizes, sizes)
    place = numpy.empty(len(y))
    place[by_class] = (numpy.arange(len(y)) - starts + 0.5) / numpy.repeat(sizes, sizes)
    return order[numpy.argsort(place[order], kind="stable")]
