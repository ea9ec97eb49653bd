"""Data sets: found, read, checked, split, and put into shared variables."""

import hashlib
import os
from dataclasses import dataclass
from typing import Optional

import numpy

from logreg import checks
from logreg.console import note, warning
from logreg.datafiles import SPLITS, files_of, locate, of_pairs, read
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
    x_range : (float, float)
        The smallest and the largest value of the training features, scaled.
    class_labels : list of int or list of str
        The label of each class as the data give it.
    shuffle : int or None
        The seed of the permutation of the rows before the split.
    files : list of path-like
        From which it was read.
    """

    train: tuple
    valid: tuple
    test: tuple
    name: str
    image_shape: Optional[tuple]
    scale: float
    x_range: tuple
    class_labels: list
    shuffle: Optional[int]
    files: list

    @property
    def n_in(self):
        """The number of features."""
        return self.train[0].shape[1]

    @property
    def n_out(self):
        """The number of classes."""
        return len(self.class_labels)

    def check_outputs(self, *paths):
        """Raise a SettingError if one of the paths is a file that the data were read from."""
        read = {os.path.realpath(file) for file in self.files}
        for path in filter(None, paths):
            if os.path.realpath(path) in read:
                raise SettingError(
                    f"{path} is of the data set {self.name}: it would be overwritten; give "
                    "another name"
                )

    def sha256(self):
        """Digest the contents: dtype, shape and bytes of the six arrays, in hexadecimal."""
        digest = hashlib.sha256()
        for pair in (self.train, self.valid, self.test):
            for array in pair:
                digest.update(f"{array.dtype.str} {array.shape}\n".encode())
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
    from logreg import engine

    return share(read_dataset(dataset, announce=True, dtype=engine.theano.config.floatX))


def share(data):
    """Put the three sets of a :class:`DataSet` into shared variables; see :func:`load_data`."""
    from logreg import engine

    splits = (data.train, data.valid, data.test)
    n_values = sum(len(y) * (data.n_in + 1) for _, y in splits)
    engine.require_memory(n_values * numpy.dtype(engine.theano.config.floatX).itemsize)
    return [shared_dataset(pair) for pair in splits]


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
    """
    if scale_of(x) == 1:
        return numpy.ascontiguousarray(x, dtype=dtype)
    # A power of two: the product is exact in any float type.
    return numpy.multiply(x, numpy.asarray(scale_of(x), dtype), dtype=dtype, order="C")


def read_dataset(dataset, label_column=None, shuffle=None, announce=False, dtype=None):
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, sequence of pairs or DataSet
        A path: the tutorial's pickle (three pairs of arrays, or training and test only); an
        ``.npz`` (``x_train, y_train, x_test, y_test``, perhaps ``x_valid, y_valid``); a CSV
        file; a folder of IDX files, or of ``train.csv`` and ``test.csv``. Or a name that is
        looked for in `mnist.search_folders`, as ``'mnist_sample'``; ``'mnist.pkl.gz'`` is also
        found there as IDX files, and fetched if it is nowhere. Or the pairs themselves.
    label_column : str, optional
        The label's column in CSV files, by name or number; the first if not given.
    shuffle : int, optional
        Seed of a permutation of the training rows before a validation set is split off.
    announce : bool
        Whether the tutorial's ``... loading data`` is printed, once the data are found.
    dtype : {'float32', 'float64'}, optional
        What the features of CSV and npz files become as they are read, if they are wider; so
        they never take more memory than they will in training.

    Returns
    -------
    DataSet
    """
    if shuffle is not None and not 0 <= shuffle < 2**32:
        raise SettingError(f"the seed of the shuffle is {shuffle}: give 0 to 2**32 - 1")
    is_path = isinstance(dataset, (str, os.PathLike))
    path = locate(dataset) if is_path else None
    if announce:
        print("... loading data", flush=True)
    if isinstance(dataset, DataSet):
        return dataset
    name = str(dataset) if is_path else "the given arrays"
    raw = read(path, label_column, dtype) if is_path else of_pairs(dataset)
    return _assemble(raw, name, shuffle, files_of(path) if is_path else [])


def _assemble(raw, name, shuffle, files):
    """Check the sets, number the classes, and split off what is missing."""
    xs, labels, shapes, ranges = {}, [], [], []
    for split, data in raw.splits.items():
        x, y = (data.x, data) if isinstance(data, Table) else data
        where = f"{name}: {SPLITS[split]}" if len(raw.splits) > 1 else f"{name}:"
        xs[split], shape, value_range = checks.features(x, f"{where} x")
        labels.append(checks.labels(y, len(xs[split]), where))
        shapes.append(shape)
        ranges.append(value_range)
    _check_alike(raw, xs, name)
    scale = scale_of(xs["train"])
    if scale == 1 and min(low for low, _ in ranges) == 0 and ranges[0][1] == 255:
        note(
            "note: x goes from 0 to 255 and is taken as it is; if these are pixels, save them "
            "as uint8 to have them scaled by 1/256"
        )
    class_labels, ys = checks.number_classes(labels)
    pairs = _split(dict(zip(xs, zip(xs.values(), ys))), shuffle, raw.is_idx, name)
    _warn_of_classes(pairs, class_labels)
    return DataSet(
        **pairs,
        name=name,
        image_shape=checks.image_shape(shapes[0], raw.squares or scale != 1),
        scale=scale,
        x_range=tuple(float(value) * scale for value in ranges[0]),
        class_labels=class_labels,
        shuffle=shuffle,
        files=files,
    )


def _check_alike(raw, xs, name):
    """Check that the sets fit each other."""
    x = xs["train"]
    for split, other in xs.items():
        if other.shape[1] != x.shape[1]:
            raise DatasetError(
                f"{name}: the training set has {x.shape[1]} features, the {SPLITS[split]} set "
                f"has {other.shape[1]}: they must have as many"
            )
        if scale_of(other) != scale_of(x):
            raise DatasetError(
                f"{name}: the training x is {x.dtype} and the {SPLITS[split]} x is {other.dtype}: "
                "uint8 pixels are scaled by 1/256 and other numbers are not; save both with the "
                "same dtype"
            )
    headers = {data.names for data in raw.splits.values() if isinstance(data, Table)} - {None}
    if len(headers) > 1:
        raise DatasetError(
            f"{name}: the headers of the CSV files differ: their columns must be the same, "
            "in the same order, and each file needs the label"
        )


def _split(pairs, shuffle, is_idx, name):
    """Shuffle the training rows, and split off the sets that are not given."""
    x, y = pairs["train"]
    if shuffle is not None:
        order = numpy.random.RandomState(shuffle).permutation(len(x))
        x, y = x[order], y[order]
    lacking = [split for split in ("valid", "test") if split not in pairs]
    n_part = max(1, len(x) // VALIDATION_SHARE)
    n_train = len(x) - n_part * len(lacking)
    if n_train < 1:
        raise DatasetError(
            f"{name}: {len(x)} rows are too few to split a validation set off: give more, or "
            "give one"
        )
    parts = {"train": (x[:n_train], y[:n_train])}
    for start, split in zip(range(n_train, len(x), n_part), lacking):
        parts[split] = x[start : start + n_part], y[start : start + n_part]
    if "test" in lacking:
        note(
            f"note: one table, split in {'its own' if shuffle is None else 'shuffled'} order "
            f"into {n_train} rows for training, {n_part} for validation and {n_part} for test"
        )
    elif lacking and not (is_idx and len(x) == MNIST_TRAINING_ROWS and shuffle is None):
        note(
            f"note: no validation set given: the last {n_part} of the {len(x)}"
            f"{'' if shuffle is None else ' shuffled'} training rows become it"
        )
    return {**pairs, **parts}


def _warn_of_classes(pairs, class_labels):
    if len(class_labels) == 1:
        warning(
            f"every row has the label {ascii(class_labels[0])[:40]}: there is nothing to learn; "
            "is it the right column?"
        )
    for split in ("valid", "test"):
        lacking = numpy.setdiff1d(pairs[split][1], pairs["train"][1])
        if len(lacking):
            shown = ", ".join(ascii(class_labels[i])[:40] for i in lacking[:10])
            warning(
                f"{len(lacking)} of the {len(class_labels)} classes in the {SPLITS[split]} set "
                f"are in no training row ({shown}): the model cannot learn them; if the rows are "
                "sorted by class, shuffle them (--shuffle SEED)"
            )
