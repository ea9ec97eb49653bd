"""Which rows train, validate and test, where a data set does not tell."""

import numpy

from logreg.basics.errors import DatasetError

SPLITS = {"train": "training", "valid": "validation", "test": "test"}
SHARE = 6  # one row in so many goes into a set that is not given


def set_name(name, split, is_alone=False):
    """How messages about a set begin: with 'a.npz: training' or, if it is alone, with 'a.npz:'."""
    return f"{name}:" if is_alone else f"{name}: {SPLITS[split]}"


def find_lacking(sets):
    """The names of the sets that are not given."""
    return [name for name in SPLITS if name not in sets]


def choose_rows(y, lacking, seed=None, groups=None):
    """Choose the rows of each set that is not given, among the training rows.

    Each set that is lacking gets a sixth, and the others stay. With a seed, the rows are put into a
    :func:`stratified_order` before. With `groups`, a number for each row, all rows of a group go
    into one set: see :func:`in_groups`.

    Parameters
    ----------
    y : numpy.ndarray
        The classes of the training rows.
    lacking : list of str
        See :func:`find_lacking`.
    seed : int, optional
    groups : numpy.ndarray, optional

    Returns
    -------
    dict
        The rows for 'train' and for each set that is lacking: an array of their numbers, or a slice
        if they stay in their order.

    Examples
    --------
    >>> choose_rows(numpy.zeros(13, int), ["valid", "test"])
    {'train': slice(0, 9, None), 'valid': slice(9, 11, None), 'test': slice(11, 13, None)}
    """
    if lacking == ["test"]:
        raise DatasetError("has a validation set, but no test set with labels: give both or none")
    n_part = max(1, len(y) // SHARE)
    sizes = [len(y) - n_part * len(lacking)] + [n_part] * len(lacking)
    if sizes[0] < 1:
        raise DatasetError(f"{len(y)} rows are too few to split: give more, or all sets")
    names = ["train", *lacking]
    if groups is not None and lacking:
        return dict(zip(names, in_groups(y, groups, sizes, seed)))
    ends = numpy.cumsum(sizes)
    if seed is not None:
        return dict(zip(names, numpy.split(stratified_order(y, seed), ends[:-1])))
    return {name: slice(end - size, end) for name, size, end in zip(names, sizes, ends.tolist())}


def take_rows(sets, rows):
    """Take the sets that are not given from the training rows, as :func:`choose_rows` says.

    `sets` are tuples of arrays by their splits. All three sets are returned.
    """
    taken = {**sets}
    for name, chosen in rows.items():
        taken[name] = tuple(array[chosen] for array in sets["train"])
    return {name: taken[name] for name in SPLITS}


def take_weights(parts, rows):
    """Take the weights of all three sets, as :func:`take_rows` takes them; None without any.

    `parts` is a dict of :class:`.Part`. Each row of a set that has no weights counts 1.
    """
    if parts["train"].weights is None:
        return None
    given = {}
    for name, part in parts.items():
        weights = numpy.ones(len(part.codes)) if part.weights is None else part.weights
        given[name] = (weights,)
    return {name: weights for name, (weights,) in take_rows(given, rows).items()}


def take_groups(parts, rows):
    """Take the groups of the training rows in the order of :func:`choose_rows`; None without any.

    So those that stay for training come first, then those of each set that was lacking.
    """
    groups = parts["train"].groups
    if groups is None:
        return None
    return numpy.concatenate([groups[chosen] for chosen in rows.values()])


def in_groups(y, groups, sizes, seed=None):
    """Choose the rows of sets of about these `sizes` that have whole groups: return a list of them.

    With a seed, the groups come in a :func:`stratified_order` by the classes of their first rows,
    and the rows of each set in a stratified order of their own. Without one, the groups come in the
    order of their first rows, and the rows of a group in their order.

    Examples
    --------
    >>> groups = numpy.array([9, 9, 7, 7, 7, 8, 6, 6, 6, 6, 5])
    >>> [rows.tolist() for rows in in_groups(numpy.zeros(11, int), groups, [4, 3, 4])]
    [[0, 1, 2, 3, 4], [5], [6, 7, 8, 9, 10]]
    """
    _, firsts, groups = numpy.unique(groups, return_index=True, return_inverse=True)
    if len(firsts) < len(sizes):
        raise DatasetError(
            f"{len(firsts)} groups cannot be split into {len(sizes)} sets: give more groups, or no "
            "`group`"
        )
    # Put whole groups one after another: `order` has their rows, and `ends` where each group ends.
    order_of_groups = numpy.argsort(firsts) if seed is None else stratified_order(y[firsts], seed)
    # Of a permutation, argsort is the inverse: of each group its place.
    ranks = numpy.argsort(order_of_groups)[groups]  # of each row, the place of its group
    order = numpy.argsort(ranks, kind="stable")
    ends = numpy.cumsum(numpy.bincount(ranks))
    # End each set with the group whose end is nearest to the end of the wanted size.
    n_taken = 0  # groups
    cuts = []
    for n_sets_so_far, wanted_end in enumerate(numpy.cumsum(sizes)[:-1], start=1):
        n_later_sets = len(sizes) - n_sets_so_far  # each of them needs a group, and this set, too
        possible_ends = ends[n_taken : len(ends) - n_later_sets]
        n_taken += abs(possible_ends - wanted_end).argmin() + 1
        cuts.append(ends[n_taken - 1])
    parts = numpy.split(order, cuts)
    if seed is None:
        return parts
    return [part[stratified_order(y[part], seed)] for part in parts]


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
    starts = numpy.cumsum(sizes) - sizes  # of each class, in `by_class`
    k = numpy.arange(len(y)) - numpy.repeat(starts, sizes)
    place = numpy.empty(len(y))
    place[by_class] = (k + 0.5) / numpy.repeat(sizes, sizes)
    # Rows of the same place stay in the random order.
    return order[numpy.argsort(place[order], kind="stable")]
