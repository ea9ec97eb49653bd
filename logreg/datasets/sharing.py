"""A data set's rows in shared variables; and on several ranks, each of which gets its share."""

import contextlib
import os
import zlib
from dataclasses import replace

import numpy

from logreg.datasets.checks import SPLITS
from logreg.datasets.formats import mapping
from logreg.shell import ranks
from logreg.shell.console import note


def distribute(data, batch_size):
    """Give each of several ranks its part of the rows of a DataSet, which rank 0 has.

    Rank 0 lets go of its arrays. What the DataSet that is returned tells of the data, such as
    `rows`, is of all ranks' rows. Features that are mapped from files stay whole: each rank maps
    them itself, where all can.
    """
    if ranks.size == 1:
        return data
    facts = places = None
    if data:
        facts = replace(data, train=None, valid=None, test=None, rows=data.sizes())
        if all(mapping(x) is not None for x, _ in data.sets):
            places = [(*_place(x), y) for x, y in data.sets]
    facts, places = ranks.same_on_all((facts, places))
    sets = _mapped(places)
    if ranks.largest(not sets):
        if places:
            note("note: not all ranks can read the files: rank 0 sends each its rows")
        sets = {split: _sent(data, split, batch_size) for split in SPLITS}
        return replace(facts, **sets, are_shares=True)
    note(f"note: each of the {ranks.size} ranks maps the features from their files itself")
    return replace(facts, **sets)


def _place(x):
    """Tell where a view of a mapped file lies in it, as numpy.memmap takes it; and its checksum."""
    whole = mapping(x)
    n_bytes = x.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    file, offset = os.path.abspath(whole.filename), whole.offset + n_bytes
    return {"filename": file, "dtype": x.dtype, "offset": offset, "shape": x.shape}, _checksum(x)


def _checksum(x):
    """The checksum of the first and the last row: on another machine, a file may be another."""
    return zlib.crc32(x[-1:].tobytes(), zlib.crc32(x[:1].tobytes()))


def _mapped(places):
    """The three sets, mapped from the places of their features; None if they cannot be."""
    with contextlib.suppress(OSError, ValueError, TypeError):  # TypeError: there are no places
        sets = [(numpy.memmap(**place, mode="r"), y) for place, _, y in places]
        if all(_checksum(x) == checksum for (x, _), (_, checksum, _) in zip(sets, places)):
            return dict(zip(SPLITS, sets))
    return None


def _sent(data, split, batch_size):
    """Send each rank its rows of a set; return this one's."""
    if not data:
        return ranks.receive()
    pair = getattr(data, split)
    setattr(data, split, None)
    for rank in range(ranks.size - 1, -1, -1):
        rows = tuple(_rows(array, split, batch_size, rank) for array in pair)
        if rank:
            ranks.send(rows, rank)
    return rows


def _rows(array, split, batch_size, rank):
    """A rank's rows of an array: some of each minibatch in training, and else of them all."""
    if split != "train":
        return array[slice(*ranks.part(len(array), rank))].copy()
    n_batches = len(array) // batch_size
    batches = array[: n_batches * batch_size].reshape(n_batches, batch_size, *array.shape[1:])
    mine = batches[:, slice(*ranks.part(batch_size, rank))]
    return mine.reshape(-1, *array.shape[1:])


def share(data, release=False, as_stored=False):
    """Put the three sets of a :class:`DataSet` into shared variables, as :func:`load_data` gives.

    With `release`, `data` lets go of each set once it is in there: pixels need not be held beside
    the floats that they became. With `as_stored`, pixels stay bytes, a quarter of the memory,
    features that are mapped stay in their files, and labels stay integers. That is for
    :func:`logreg.sgd.fit`: the first of a pair may then be :class:`logreg.engine.Stored`.
    """
    from logreg import engine

    floatx = engine.theano.config.floatX
    preprocessing = data.preprocessing
    prepare = None if preprocessing.means is None else preprocessing.apply

    def stays(x):
        is_pixels = preprocessing.pixel_scale != 1 and prepare is None
        return as_stored and (is_pixels or mapping(x) is not None)

    itemsize = numpy.dtype(floatx).itemsize
    n_bytes = (x.nbytes if stays(x) else x.size * itemsize for x, _ in data.sets)
    engine.require_memory(sum(n_bytes))
    shared = []
    for split, n_rows in zip(SPLITS, data.sizes()):
        x, y = getattr(data, split)
        if release:
            setattr(data, split, None)
        if as_stored and (stays(x) or data.are_shares):
            later = prepare if stays(x) else None  # a minibatch at a time
            x = numpy.ascontiguousarray(x) if stays(x) else preprocessing.apply(x, floatx)
            n_all = n_rows if data.are_shares else None
            features = engine.stored(x, preprocessing.pixel_scale, n_all, later)
        else:
            features = engine.shared_data(preprocessing.apply(x, floatx))
        if as_stored:
            labels = engine.shared_data(y)
        else:  # a GPU of the tutorial's day holds floats only
            labels = engine.T.cast(engine.shared_data(y.astype(floatx)), "int32")
        shared.append((features, labels))
    return shared
