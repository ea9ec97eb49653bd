"""Data sets: found, read, checked, split, and put into shared variables."""

import hashlib
import numbers
import os
from dataclasses import dataclass
from typing import Optional

import numpy

from logreg.console import note, warning
from logreg.datasets import checks
from logreg.datasets.columns import Columns, check_alike
from logreg.datasets.formats import is_wider, narrowed
from logreg.datasets.locate import SPLITS, files_of, locate, of_pairs, read
from logreg.datasets.tables import Table
from logreg.errors import DatasetError, SettingError

MNIST_TRAINING_ROWS = 60000
VALIDATION_SHARE = 6  # without a validation set, one training row in so many becomes one
PERMUTED_BYTES = 2**22  # of the columns whose rows are permuted at once
MEDIAN_VALUES = 2**20  # of the rows that a median is taken of
PIXEL_SCALE = 1 / 256  # the tutorial's, and not 1/255


@dataclass(eq=False)
class DataSet:
    """A data set that was checked, as NumPy arrays.

    Attributes
    ----------
    train, valid, test : tuple of (numpy.ndarray, numpy.ndarray) or None
        Pairs (x, y): x of shape (n, n_in), of the dtype in which it is stored; y of shape
        (n,), int32, in 0 .. n_out - 1. None once :func:`share` has released them.
    n_in : int
        The number of features.
    name : str
        What it was asked for by.
    image_shape : tuple of int or None
        (height, width) or (height, width, channels) of a row, if it is an image.
    transposed : bool
        Whether the rows and columns of images are exchanged, as those of EMNIST are.
    scale : float
        What x is multiplied by before training: 1/256 for uint8 pixels, else 1.
    x_range : (float, float)
        The smallest and the largest value of the training features, scaled.
    x_median : float
        The median of training rows, a thousand at the most, drawn at random, scaled: of most
        images it is the ground.
    class_labels : list of int or list of str
        The label of each class as the data give it.
    shuffle : int or None
        The seed of the permutation of the rows before the split.
    files : list of path-like
        From which it was read.
    columns : Columns or None
        Of the training data, if it is a CSV file.
    """

    train: Optional[tuple]
    valid: Optional[tuple]
    test: Optional[tuple]
    n_in: int
    name: str
    image_shape: Optional[tuple]
    transposed: bool
    scale: float
    x_range: tuple
    x_median: float
    class_labels: list
    shuffle: Optional[int]
    files: list
    columns: Optional[Columns]

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

    def sha256(self, dtype=None):
        """Digest the contents: dtype, shape and bytes of the six arrays, in hexadecimal.

        Features that are wider than `dtype`, in which a model trains, are digested as such: then
        the digest does not tell how they were read.
        """
        digest = hashlib.sha256()
        for x, y in (self.train, self.valid, self.test):
            digested = numpy.dtype(dtype if is_wider(x.dtype, dtype) else x.dtype)
            for array, kind in ((x, digested), (y, y.dtype)):
                digest.update(f"{kind.str} {array.shape}\n".encode())
                for _, rows in checks.row_chunks(array):
                    digest.update(narrowed(rows, kind))
        return digest.hexdigest()


def load_data(dataset, label_column=None, shuffle=None):
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : str, path-like or sequence of pairs
        As :func:`read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.
    label_column, shuffle
        As for :func:`read_dataset`.

    Returns
    -------
    list of (shared_x, y)
        For training, validation and test set: `shared_x` is a shared variable of floatX,
        shape (n, n_in); `y` an int32 expression over a shared variable of floatX, shape (n,).
        Labels other than 0 .. k - 1 are numbered so in their order, which is said on stderr;
        `class_labels` of :func:`read_dataset` tells them.

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    """
    from logreg import engine

    floatx = engine.theano.config.floatX
    data = read_dataset(dataset, label_column, shuffle, announce=True, dtype=floatx)
    if data.class_labels != list(range(data.n_out)):
        first = ", ".join(ascii(label)[:40] for label in data.class_labels[:3])
        more = ", ..." if data.n_out > 3 else ""
        note(f"note: {data.name}: the labels {first}{more} are numbered 0 to {data.n_out - 1}")
    return share(data, release=data is not dataset)


def share(data, release=False):
    """Put the three sets of a :class:`DataSet` into shared variables; see :func:`load_data`.

    With `release`, `data` lets go of each set's arrays once they are in there: pixels need not
    be held beside the floats that they became.
    """
    from logreg import engine

    n_values = sum(len(getattr(data, split)[1]) * (data.n_in + 1) for split in SPLITS)
    engine.require_memory(n_values * numpy.dtype(engine.theano.config.floatX).itemsize)
    shared = []
    for split in SPLITS:
        shared.append(shared_dataset(getattr(data, split)))
        if release:
            setattr(data, split, None)
    return shared


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


def read_dataset(
    dataset, label_column=None, shuffle=None, announce=False, dtype=None, trained_on=None
):
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, sequence of pairs or DataSet
        A path: the tutorial's pickle (three pairs of arrays, or training and test only); an
        ``.npz`` (``x_train, y_train, x_test, y_test``, perhaps ``x_valid, y_valid``; or ``x, y``);
        a CSV file; a folder of IDX files, or of ``train.csv`` and ``test.csv``. Or a name that is
        looked for in `mnist.search_folders`, as ``'mnist_sample'``; ``'mnist.pkl.gz'`` is also
        found there as IDX files, and fetched if it is nowhere. Or the pairs themselves.
    label_column : str or tuple of str, optional
        The label's column in CSV files; see :func:`logreg.datasets.tables.read_csv`.
    shuffle : int, optional
        Seed of a permutation of the training rows before a validation set is split off.
    announce : bool
        Whether the tutorial's ``... loading data`` is printed, once the data are found.
    dtype : {'float32', 'float64'}, optional
        What the features in CSV, npz and pickle become as they are read, if they are wider; so
        they never take more memory than they will in training.
    trained_on : str, optional
        Digest of the data set that a model was trained on, if one is to be tested: of one table
        with no test set, unless it is that one, all rows are the test set.

    Returns
    -------
    DataSet
    """
    if shuffle is not None:
        if not isinstance(shuffle, numbers.Integral) or not 0 <= shuffle < 2**32:
            raise SettingError(
                f"the seed of the shuffle is {shuffle}: give a whole number from 0 to 2**32 - 1"
            )
        shuffle = int(shuffle)
    is_path = isinstance(dataset, (str, os.PathLike))
    if isinstance(label_column, str) and not is_path:
        raise DatasetError("a label column can be chosen in CSV files only: give y in the pairs")
    path = locate(dataset) if is_path else None
    if announce:
        print("... loading data", flush=True)
    if isinstance(dataset, DataSet):
        return dataset
    name = str(dataset) if is_path else "the given arrays"
    raw = read(path, label_column, dtype) if is_path else of_pairs(dataset)
    columns = getattr(raw.splits["train"], "columns", None)
    if columns and not isinstance(label_column, str):
        note(f"note: {name}: {columns} is the label (--label-column names another)")
    return _assemble(raw, name, shuffle, files_of(path) if is_path else [], trained_on, dtype)


def _assemble(raw, name, shuffle, files, trained_on, dtype):
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
    if scale != 1 and ranges[0][1] <= 1:
        warning(
            f"{name}: x is uint8, and scaled by 1/256, but goes from 0 to {ranges[0][1]:.0f} only: "
            "save x.astype('float32') to have it taken as it is"
        )
    n_rows, width = xs["train"].shape
    n_drawn = min(1000, 1 + MEDIAN_VALUES // width)
    some_rows = numpy.random.RandomState(0).randint(n_rows, size=n_drawn)
    x_median = float(numpy.median(xs["train"][some_rows])) * scale
    class_labels, ys = checks.number_classes(labels)
    given = dict(zip(xs, zip(xs.values(), ys)))
    is_test = trained_on is not None
    if is_test and "test" not in given and len(given["train"][1]) < len(SPLITS):
        pairs, remark = dict.fromkeys(SPLITS, given["train"]), None  # too few to be trained on
    else:
        sets = dict(given)
        if shuffle is not None:
            x, y = given["train"]
            is_shared = any(
                numpy.may_share_memory(x, xs[split]) for split in xs if split != "train"
            )
            # Nobody else has what was read from files.
            is_free = files and not is_test and not is_shared
            order = numpy.random.RandomState(shuffle).permutation(len(x))
            sets["train"] = _permuted(x, order, is_free), y[order]
        pairs, remark = _split(sets, shuffle is not None, raw.is_idx, name)
    data = DataSet(
        **pairs,
        n_in=xs["train"].shape[1],
        name=name,
        image_shape=checks.image_shape(shapes[0], raw.squares or scale != 1),
        transposed=raw.transposed,
        scale=scale,
        x_range=tuple(float(value) * scale for value in ranges[0]),
        x_median=x_median,
        class_labels=class_labels,
        shuffle=shuffle,
        files=files,
        columns=getattr(raw.splits["train"], "columns", None),
    )
    if is_test and "test" not in given and data.sha256(dtype) != trained_on:
        data.test = given["train"]
        remark = (
            f"all {len(data.test[1])} rows are taken for the test set, as it is not the data set "
            "that the model was trained on; rows that both have would make the error too small"
        )
    if remark:
        note(f"note: {name}: {remark}")
    if not is_test:
        checks.warn_of_classes(data)
    return data


def _check_alike(raw, xs, name):
    """Check that the sets fit each other."""
    x = xs["train"]
    for split, other in xs.items():
        if other.shape[1] != x.shape[1]:
            lacks_label = isinstance(raw.splits[split], Table) and x.shape[1] == other.shape[1] + 1
            raise DatasetError(
                f"{name}: the training set has {x.shape[1]} features, the {SPLITS[split]} set "
                f"has {other.shape[1]}: they must have as many"
                + (f" (is there no label in the {SPLITS[split]} set?)" if lacks_label else "")
            )
        if scale_of(other) != scale_of(x):
            raise DatasetError(
                f"{name}: the training x is {x.dtype} and the {SPLITS[split]} x is {other.dtype}: "
                "uint8 pixels are scaled by 1/256 and other numbers are not; save both with the "
                "same dtype"
            )
    tables = [data for data in raw.splits.values() if isinstance(data, Table)]
    check_alike([table.columns for table in tables], name)


def _permuted(x, order, is_free):
    """Put rows in another order; where they are, some columns at a time, if `x` is free."""
    if not (is_free and x.flags.writeable):
        return x[order]
    n_columns = max(1, PERMUTED_BYTES // x[:, :1].nbytes)
    for first in range(0, x.shape[1], n_columns):
        columns = x[:, first : first + n_columns]
        columns[:] = columns[order]
    return x


def _split(pairs, is_shuffled, is_idx, name):
    """Split off the sets that are not given from the training rows.

    Returns
    -------
    pairs : dict of the three
    remark : str or None
        What is to be said of it.
    """
    x, y = pairs["train"]
    lacking = [split for split in ("valid", "test") if split not in pairs]
    n_part = max(1, len(x) // VALIDATION_SHARE)
    n_train = len(x) - n_part * len(lacking)
    if n_train < 1:
        sets = " and a ".join(f"{SPLITS[split]} set" for split in lacking)
        raise DatasetError(
            f"{name}: {len(x)} rows are too few to split a {sets} off: give more, or give these"
        )
    parts = {"train": (x[:n_train], y[:n_train])}
    for start, split in zip(range(n_train, len(x), n_part), lacking):
        parts[split] = x[start : start + n_part], y[start : start + n_part]
    remark = None
    if "test" in lacking:
        remark = (
            f"one table, split in {'shuffled' if is_shuffled else 'its own'} order "
            f"into {n_train} rows for training, {n_part} for validation and {n_part} for test"
        )
    elif lacking and not (is_idx and len(x) == MNIST_TRAINING_ROWS and not is_shuffled):
        remark = (
            f"no validation set given: the last {n_part} of the {len(x)}"
            f"{' shuffled' if is_shuffled else ''} training rows become it"
        )
    return {**pairs, **parts}, remark


def read_test_set(dataset, metadata, options=None, dtype=None):
    from logreg.datasets.columns import LABEL_NAMES, column_order

    label_name = metadata.get("label_name")
    label_column = options and options.label_column
    if label_column is None and label_name:
        label_column = (label_name, *LABEL_NAMES)
    data = read_dataset(dataset, label_column, metadata.get("shuffle"), dtype=dtype,
                        trained_on=metadata.get("dataset_sha256") or "")
    if data.columns and data.n_in == metadata["n_in"]:
        order = column_order(data.columns.names, metadata.get("feature_names"), data.name)
        if order:
            data.test = data.test[0][:, order], data.test[1]
    return data
