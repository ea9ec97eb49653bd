"""Checks of data sets, on NumPy arrays, before an engine sees them.

The messages are the same on every engine. No engine gets a label out of range, with which some
would read memory that is not theirs. Rows and columns of arrays are counted from 0.
"""

import warnings
from dataclasses import replace
from typing import NamedTuple, Optional, Sequence

import numpy

from logreg.basics.errors import DatasetError
from logreg.parts.formats import find_usable_map, parsing
from logreg.parts.labels import number_classes
from logreg.parts.pixels import image_shape
from logreg.parts.splits import SPLITS


class Part(NamedTuple):
    """The rows of one set as they were read."""

    x: numpy.ndarray  # the features, of shape (n, ...)
    labels: list  # the different labels: texts, or the numbers of an array
    codes: numpy.ndarray  # of shape (n,): for each row the index of its label in `labels`
    rows: Sequence  # for each row its file, or its number in the table or in the array
    groups: Optional[numpy.ndarray] = None  # of shape (n,): the number of each row's group
    group_names: Sequence = ()  # as the cells have them
    weights: Optional[numpy.ndarray] = None  # of shape (n,): how much each row counts
    where: str = ""  # the name of the set in messages


def pairs_of(datasets, n_sets=(3,)):
    """Make a dict, by split, of a sequence of pairs (x, y); of two, the second is the test set.

    `n_sets` are the numbers of pairs that are allowed.
    """
    try:
        pairs = [*datasets]  # not cast: those of `load_data` are tuples with `.facts`
        are_pairs = all(len(pair) == 2 for pair in pairs)
    except TypeError:
        are_pairs = False
    if not are_pairs or len(pairs) not in n_sets:
        raise DatasetError(
            "three pairs (x, y) are needed, for training, validation and test (`load_data` takes a "
            f"path, too, or two pairs, for training and test); got {type(datasets).__name__}"
        )
    return dict(zip(SPLITS if len(pairs) == 3 else ("train", "test"), pairs))


def array_part(x, y, where):
    """Make the Part of two arrays; `where` is the name of the set in messages."""
    x = check_features(x, where)
    y = as_array(y, f"{where} y")
    if y.shape[1:] == (1,):
        y = y.reshape(-1)
    if y.shape != (len(x),) or y.dtype.kind not in "biufU":
        raise DatasetError(
            f"{where} y has shape {y.shape} and dtype {y.dtype}, x has {len(x)} rows: each needs "
            "an integer or a text, as of y.astype('int64'), y.astype(str) or, if one-hot, "
            "numpy.argmax(y, axis=1)"
        )
    labels, codes = numpy.unique(y, return_inverse=True)
    with parsing():  # in a damaged file, a text may have code points that are no characters
        labels = labels.tolist()
    return Part(x, labels, codes, range(len(x)), where=where)


def check_sets(parts, facts, dtype=None):
    """Check the :class:`Part` of each set, and number the classes.

    The values of x are checked later, in one pass: see
    :func:`logreg.datasets.learning.read_through`.

    Returns
    -------
    sets : dict of pairs
        (x, y) by their splits: each x of shape (n, n_in), and of `dtype` if it was wider, unless
        it is mapped from a file; each y int32, in 0 .. n_out - 1.
    facts : Facts
        With the shape of images and the labels of the classes.
    """
    xs = {split: _make_rows(part, facts.has_given_scale, dtype) for split, part in parts.items()}
    _check_same_features(xs, facts.dataset)
    class_labels, ys = number_classes(parts, facts.is_table)
    sets = {split: (xs[split], ys[split]) for split in parts}
    facts = replace(
        facts,
        n_in=xs["train"].shape[1],
        n_out=len(class_labels),
        class_labels=class_labels,
        image_shape=image_shape(parts["train"].x.shape[1:]),
    )
    return sets, facts


def _make_rows(part, has_given_scale, dtype):
    """Make each example of a set a row of features, and cast wider features to `dtype`."""
    x = part.x.reshape(len(part.x), -1)
    if has_given_scale:  # the user gave `pixel_scale`, so x of any dtype must be pixels
        x = _as_pixels(x, part.where)
    if find_usable_map(x) is not None:  # mapped rows that are aligned are trained on as they are
        return x
    with numpy.errstate(over="ignore"):  # what becomes infinite is refused later
        # Engines need aligned numbers. Those of a mapped IDX file may begin at any address.
        return numpy.require(x, narrower(x.dtype, dtype), "A")


def narrower(dtype, limit):
    """The dtype `limit` if numbers of `dtype` are wider than that, else `dtype`."""
    is_wider = limit and dtype.kind in "iuf" and dtype.itemsize > numpy.dtype(limit).itemsize
    return numpy.dtype(limit) if is_wider else dtype


def as_array(values, source):
    """Make an array of what a user gave; refuse what NumPy can only wrap as objects."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # older NumPy makes objects of ragged lists, and warns
            array = numpy.asarray(values)
    except (ValueError, TypeError, OverflowError):
        array = None
    if array is None or array.dtype.hasobject or isinstance(values, numpy.ma.MaskedArray):
        raise DatasetError(
            f"{source} is an object array or a masked array: fill it, make every row as long, and "
            "give x.astype('float32'), y.astype('int64') or y.astype(str)"
        )
    return array


def check_features(x, where):
    """Check that the features of a set are numbers, in rows; return them as an array."""
    x = as_array(x, f"{where} x")
    if x.dtype.kind not in "buif" or x.ndim < 2 or x.size == 0:
        raise DatasetError(
            f"{where} x has shape {x.shape} and dtype {x.dtype}: rows and columns of numbers are "
            "needed, as of x.reshape(n, -1) or x.astype('float32')"
        )
    return x


def _as_pixels(x, where):
    """Make uint8 of features that are pixels, of any type."""
    with numpy.errstate(all="ignore"):
        pixels = x.astype("uint8", copy=False)
    if not (pixels == x).all():
        raise DatasetError(
            f"{where} x holds {x[pixels != x][0]}: `pixel_scale` is for pixels, whole numbers from "
            "0 to 255; leave it out, or round these"
        )
    return pixels


def _check_same_features(xs, name):
    """Check that all sets have as many features, and that all or none are uint8.

    `xs` has the features of each set by its split.
    """
    x = xs["train"]
    for split, other in xs.items():
        if other.shape[1] != x.shape[1] or (other.dtype == "uint8") != (x.dtype == "uint8"):
            raise DatasetError(
                f"{name}: training x has {x.shape[1]} features of {x.dtype}, {SPLITS[split]} x has "
                f"{other.shape[1]} of {other.dtype}: every set needs the same features (is a "
                "column of labels missing?), and uint8, which is scaled by 1/256, is for all sets "
                "or for none"
            )
