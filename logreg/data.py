"""Data sets: found, read, checked, split, and put into shared variables."""

import hashlib
import os
from dataclasses import dataclass
from typing import Optional

import numpy

from logreg import checks
from logreg.console import note, warning
from logreg.datafiles import SPLITS, locate, of_pairs, read
from logreg.errors import DatasetError, SettingError
from logreg.tables import Table

MNIST_TRAINING_ROWS = 60000
VALIDATION_SHARE = 6  # without a validation set, one training row in so many becomes one
PIXEL_SCALE = 1 / 256  # the tutorial's, and not 1/255


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set that was checked, as NumPy arrays.

    Attributes
    ----------
    train, valid, test : tuple of (numpy.ndarray, numpy.ndarray)
        Pairs (x, y): x of shape (n, n_in), of the dtype in which it is stored; y of shape
        (n,), int32, in 0 .. n_out - 1.
    name : str
        What it was asked for by.
    image_shape : tuple of int or None
        (height, width) or (height, width, channels) of a row, if it is an image.
    scale : float
        What x is multiplied by before training: 1/256 for uint8 pixels, else 1.
    class_labels : list of int or list of str
        The label of each class as the data give it.
    """

    train: tuple
    valid: tuple
    test: tuple
    name: str
    image_shape: Optional[tuple]
    scale: float
    class_labels: list

    @property
    def n_in(self):
        """The number of features."""
        return self.train[0].shape[1]

    @property
    def n_out(self):
        """The number of classes."""
        return len(self.class_labels)

    def sha256(self):
        """Digest the contents: dtype, shape and bytes of the six arrays.

        Returns
        -------
        str
            64 hexadecimal digits.
        """
        digest = hashlib.sha256()
        for pair in (self.train, self.valid, self.test):
            for array in pair:
                digest.update(("%s %s\n" % (array.dtype.str, array.shape)).encode())
                for _, rows in checks.row_chunks(array):
                    digest.update(numpy.ascontiguousarray(rows).data)
        return digest.hexdigest()


def load_data(dataset):
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : str, path-like or sequence of pairs
        As :func:`read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.

    Returns
    -------
    list of (shared_x, y)
        For training, validation and test set: `shared_x` is a shared variable of floatX,
        shape (n, n_in); `y` an int32 expression over a shared variable of floatX, shape (n,).

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    """
    data = read_dataset(dataset, announce=True)
    return [shared_dataset(pair) for pair in (data.train, data.valid, data.test)]


def shared_dataset(data_xy):
    """Put a set into shared variables, on a GPU into its memory.

    Parameters
    ----------
    data_xy : tuple of (numpy.ndarray, numpy.ndarray)
        A pair of a :class:`DataSet`; uint8 pixels are scaled by 1/256.

    Returns
    -------
    shared_x : shared variable
        Of floatX, shape (n, n_in).
    y : symbolic vector
        int32, shape (n,). What is stored is floatX, as a GPU of the tutorial's day needs it.
    """
    from logreg import engine

    data_x, data_y = data_xy
    floatx = engine.theano.config.floatX
    shared_x = engine.shared_data(scaled(data_x, floatx))
    shared_y = engine.shared_data(numpy.asarray(data_y, dtype=floatx))
    return shared_x, engine.T.cast(shared_y, "int32")


def scale_of(x):
    """What features of this dtype are multiplied by: 1/256 if uint8, else 1."""
    return PIXEL_SCALE if x.dtype == numpy.uint8 else 1.0


def scaled(x, dtype):
    """Make features ready for a model: of its dtype, C-ordered, pixels scaled.

    Parameters
    ----------
    x : numpy.ndarray
    dtype : dtype-like
        Of floats.

    Returns
    -------
    numpy.ndarray
        `x` itself if there is nothing to do.
    """
    if scale_of(x) == 1:
        return numpy.ascontiguousarray(x, dtype=dtype)
    # A power of two: the product is exact in any float type.
    return numpy.multiply(x, numpy.asarray(scale_of(x), dtype), dtype=dtype, order="C")


def read_dataset(dataset, label_column=None, shuffle=None, announce=False):
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, sequence of pairs or DataSet
        A path to the tutorial's pickle (three pairs of arrays, or training and test only),
        to an ``.npz`` (``x_train, y_train, x_test, y_test``, with or without ``x_valid,
        y_valid``), to a CSV file, or to a folder of IDX files or of ``train.csv`` and
        ``test.csv``; or a name to be looked for in `mnist.search_folders`, as
        ``'mnist_sample'``. ``'mnist.pkl.gz'`` (or ``'mnist'``) is also found as IDX files
        there, and fetched if it is nowhere. Or, from Python, the pairs themselves:
        ``((x, y), (x, y), (x, y))``.
    label_column : str, optional
        The label's column in CSV files, by name or number; the first if not given.
    shuffle : int, optional
        Seed of a permutation of the training rows before a validation set is split off.
    announce : bool
        Whether the tutorial's ``... loading data`` is printed, once the data are found.

    Returns
    -------
    DataSet

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    """
    if shuffle is not None and not 0 <= shuffle < 2**32:
        raise SettingError("the seed of the shuffle is %s: give 0 to 2**32 - 1" % shuffle)
    is_path = isinstance(dataset, (str, os.PathLike))
    path = locate(dataset) if is_path else None
    if announce:
        print("... loading data", flush=True)
    if isinstance(dataset, DataSet):
        return dataset
    name = str(dataset) if is_path else "the given arrays"
    return _assemble(read(path, label_column) if is_path else of_pairs(dataset), name, shuffle)


def _assemble(raw, name, shuffle):
    """Check the sets, number the classes, and split off what is missing."""
    xs, labels, shapes, ranges = {}, {}, {}, []
    for split, data in raw.splits.items():
        where = "%s:" % name if split == "all" else "%s: %s" % (name, SPLITS[split])
        x = data.x if isinstance(data, Table) else data[0]
        xs[split], shapes[split], value_range = checks.features(x, where + " x")
        ranges.append(value_range)
        if isinstance(data, Table):
            labels[split] = checks.text_labels(
                data.labels, data.codes, data.first_rows, where + " label column"
            )
        else:
            labels[split] = checks.labels(data[1], len(xs[split]), where + " y")
    _check_alike(raw, xs, name)
    first = next(iter(xs))
    scale = scale_of(xs[first])
    if scale == 1 and min(low for low, _ in ranges) == 0 and ranges[0][1] == 255:
        note(
            "note: x goes from 0 to 255 and is taken as it is; if these are pixels, save them "
            "as uint8 to have them scaled by 1/256"
        )
    class_labels, ys = checks.number_classes(list(labels.values()))
    pairs = {split: (xs[split], y) for split, y in zip(xs, ys)}
    pairs = _split(pairs, shuffle, raw.is_idx, name)
    _warn_of_classes(pairs, class_labels)
    return DataSet(
        **pairs,
        name=name,
        image_shape=checks.image_shape(shapes[first], raw.squares or scale != 1),
        scale=scale,
        class_labels=class_labels,
    )


def _check_alike(raw, xs, name):
    """Check that the sets fit each other."""
    (first, x), *others = xs.items()
    for split, other in others:
        if other.shape[1] != x.shape[1]:
            raise DatasetError(
                "%s: the %s set has %d features, the %s set has %d: they must have as many"
                % (name, SPLITS[first], x.shape[1], SPLITS[split], other.shape[1])
            )
        if scale_of(other) != scale_of(x):
            raise DatasetError(
                "%s: the %s x is %s and the %s x is %s: uint8 pixels are scaled by 1/256 and "
                "other numbers are not; save both with the same dtype"
                % (name, SPLITS[first], x.dtype, SPLITS[split], other.dtype)
            )
    headers = {data.names for data in raw.splits.values() if isinstance(data, Table)} - {None}
    if len(headers) > 1:
        raise DatasetError(
            "%s: the headers of the CSV files differ: their columns must be the same, "
            "in the same order, and each file needs the label" % name
        )


def _split(pairs, shuffle, is_idx, name):
    """Shuffle the training rows, and split off the sets that are not given."""
    key = "all" if "all" in pairs else "train"
    x, y = pairs[key]
    if shuffle is not None:
        order = numpy.random.RandomState(shuffle).permutation(len(x))
        x, y = x[order], y[order]
    n_left, parts = len(x), {}
    wanted = [s for s in (("test", "valid") if key == "all" else ("valid",)) if s not in pairs]
    n_part = max(1, len(x) // VALIDATION_SHARE)
    if len(x) <= n_part * len(wanted):
        raise DatasetError(
            "%s: %d rows are too few to split a validation set off: give more, or give one"
            % (name, len(x))
        )
    for split in wanted:
        rows = slice(n_left - n_part, n_left)
        parts[split] = x[rows], y[rows]
        n_left -= n_part
    pairs = dict(pairs, train=(x[:n_left], y[:n_left]), **parts)
    pairs.pop("all", None)
    if key == "all":
        note(
            "note: one table, split in %s order into %d rows for training, %d for validation "
            "and %d for test"
            % ("its own" if shuffle is None else "shuffled", n_left, n_part, n_part)
        )
    elif wanted and not (is_idx and len(x) == MNIST_TRAINING_ROWS and shuffle is None):
        note(
            "note: no validation set given: the last %d of the %d%s training rows become it"
            % (n_part, len(x), "" if shuffle is None else " shuffled")
        )
    return pairs


def _warn_of_classes(pairs, class_labels):
    trained = set(numpy.unique(pairs["train"][1]).tolist())
    for split in ("valid", "test"):
        lacking = sorted(set(numpy.unique(pairs[split][1]).tolist()) - trained)
        if lacking:
            warning(
                "%d of the %d classes in the %s set are in no training row (%s): the model "
                "cannot learn them; if the rows are sorted by class, shuffle them "
                "(--shuffle SEED)"
                % (
                    len(lacking),
                    len(class_labels),
                    SPLITS[split],
                    ", ".join(ascii(class_labels[i])[:40] for i in lacking[:10]),
                )
            )
