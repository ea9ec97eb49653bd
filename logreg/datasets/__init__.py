"""Data sets: located, read, checked, split, and shared with the engine, in this order."""

import hashlib
import os
from dataclasses import dataclass
from typing import Optional

import numpy

from logreg.console import note, warning
from logreg.datasets import checks
from logreg.datasets.checks import PIXEL_SCALE as PIXEL_SCALE
from logreg.datasets.checks import SPLITS, scale_of
from logreg.datasets.header import NO_OPTIONS, Columns, say_rules
from logreg.datasets.sources import files_of, locate, of_pairs, read
from logreg.datasets.splits import fits, is_seed, split_off
from logreg.datasets.tables import Table
from logreg.errors import DatasetError, SettingError

MEDIAN_VALUES = 2**20  # about as many values as a median is taken of


@dataclass(eq=False)
class DataSet:
    """A data set that was checked, as NumPy arrays.

    Attributes
    ----------
    train, valid, test : tuple of (numpy.ndarray, numpy.ndarray) or None
        Pairs (x, y): x of shape (n, n_in), of the dtype in which it is stored; y of shape
        (n,), int32, in 0 .. n_out - 1. None once :func:`share` has released them.
    n_in, n_out : int
        The number of features and of classes.
    """

    train: Optional[tuple]
    valid: Optional[tuple]
    test: Optional[tuple]
    name: str  # what it was asked for by
    n_in: int
    class_labels: list  # of int or of str: the label of each class as the data give it
    scale: float  # what x is multiplied by before training: 1/256 for uint8 pixels, else 1
    x_range: tuple  # the smallest and the largest training feature, scaled
    x_median: float  # of some training rows, scaled: of most images it is the background
    image_shape: Optional[tuple]  # (height, width) or (height, width, channels) of a row
    transposed: bool  # whether rows and columns of images are exchanged, as those of EMNIST are
    columns: Optional[Columns]  # of the training data, if it is a table
    shuffle: Optional[int]  # the seed of the permutation of the training rows
    split: Optional[list]  # the rows of the three sets, if they were split off one table
    files: list  # from which it was read

    @property
    def n_out(self):
        return len(self.class_labels)

    def metadata(self):
        """What a model file tells of the data that the model was trained on, as a dict."""
        columns = self.columns or Columns(None, None, None)
        return {
            "image_shape": self.image_shape,
            "transposed": self.transposed,
            "pixel_scale": self.scale,
            "x_range": self.x_range,
            "x_median": self.x_median,
            "class_labels": self.class_labels,
            "label_name": columns.label_name,
            "feature_names": columns.names,
            "split": self.split,
        }

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
        """SHA-256 of the dtypes, shapes and bytes of the six arrays, in hexadecimal.

        Features that are wider than `dtype` are digested as such, however they were read.
        """
        digest = hashlib.sha256()
        for x, y in (self.train, self.valid, self.test):
            for array, kind in ((x, _narrower(x.dtype, dtype)), (y, y.dtype)):
                digest.update(f"{kind.str} {array.shape}\n".encode())
                for _, rows in checks.row_chunks(array):
                    digest.update(numpy.ascontiguousarray(rows, kind).data.cast("B"))
        return digest.hexdigest()


def _narrower(dtype, limit):
    """The dtype `limit` if numbers of `dtype` are wider than that, else `dtype`."""
    is_wider = limit and dtype.kind in "iuf" and dtype.itemsize > numpy.dtype(limit).itemsize
    return numpy.dtype(limit) if is_wider else dtype


def load_data(dataset, label_column=None, shuffle=None):
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : str, path-like or sequence of pairs
        As :func:`read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.
    label_column : str or int, optional
        The label's column in a table: its name, or its number, counted from 1.
    shuffle : int, optional
        Seed of a permutation of the training rows before a validation set is split off.

    Returns
    -------
    list of (shared_x, y)
        For training, validation and test set: `shared_x` is a shared variable of floatX,
        shape (n, n_in); `y` an int32 expression over a shared variable of floatX, shape (n,).
        Labels other than 0 .. k - 1 are numbered so in their order, which stderr tells.

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.

    Examples
    --------
    >>> from logreg import load_data
    >>> (train_x, train_y), valid, (test_x, test_y) = load_data("mnist_sample")
    >>> train_x.get_value().shape, test_y.eval()[:4].tolist()
    ((5000, 784), [7, 2, 1, 0])
    """
    from logreg import engine

    floatx = engine.theano.config.floatX
    options = NO_OPTIONS._replace(label_column=label_column)
    data = read_dataset(dataset, options, shuffle, announce=True, dtype=floatx)
    if data.class_labels != list(range(data.n_out)):
        first = ", ".join(ascii(label)[:40] for label in data.class_labels[:3])
        more = ", ..." if data.n_out > 3 else ""
        note(f"note: {data.name}: the labels {first}{more} are numbered 0 to {data.n_out - 1}")
    return share(data, release=data is not dataset)


def share(data, release=False):
    """Put the three sets of a :class:`DataSet` into shared variables, as :func:`load_data` gives.

    With `release`, `data` lets go of each set once it is in there: pixels need not be held beside
    the floats that they became.
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
    """Put a pair (x, y) of a :class:`DataSet` into shared variables, on a GPU into its memory.

    Returns
    -------
    shared_x : shared variable
        Of floatX, shape (n, n_in); uint8 pixels are scaled by 1/256.
    y : symbolic vector
        int32, shape (n,). What is stored is floatX, as a GPU of the tutorial's day needs it.
    """
    from logreg import engine

    data_x, data_y = data_xy
    floatx = engine.theano.config.floatX
    shared_x = engine.shared_data(scaled(data_x, floatx))
    shared_y = engine.shared_data(numpy.asarray(data_y, dtype=floatx))
    return shared_x, engine.T.cast(shared_y, "int32")


def scaled(x, dtype):
    """Features as a model takes them: of its float `dtype`, C-ordered, uint8 pixels scaled."""
    if scale_of(x) == 1:
        return numpy.ascontiguousarray(x, dtype=dtype)
    # A power of two: the product is exact in any float type.
    return numpy.multiply(x, numpy.asarray(scale_of(x), dtype), dtype=dtype, order="C")


def read_dataset(dataset, options=NO_OPTIONS, shuffle=None, announce=False, dtype=None):
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, sequence of pairs or DataSet
        A path: the tutorial's pickle (three pairs of arrays, or training and test only); an
        ``.npz`` (``x_train, y_train, x_test, y_test``, perhaps ``x_valid, y_valid``; or ``x, y``);
        a table, as CSV; a folder of IDX files, or of ``train.csv`` and ``test.csv``. Or a name
        that is looked for in `mnist.search_folders`, as ``'mnist_sample'``; ``'mnist.pkl.gz'`` is
        also found there as IDX files, and fetched if it is nowhere. Or the pairs themselves.
    options : TableOptions
        How tables are read.
    shuffle : int, optional
        Seed of a permutation of the training rows before a validation set is split off.
    announce : bool
        Whether the tutorial's ``... loading data`` is printed, once the data are found.
    dtype : {'float32', 'float64'}, optional
        What wider features become.

    Returns
    -------
    DataSet

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    SettingError
        If `shuffle` is no seed.
    """
    if not (shuffle is None or is_seed(shuffle)):
        raise SettingError(f"the seed of the shuffle is {shuffle}: give a number from 0 to 2**32-1")
    data, raw = _read(dataset, options, dtype, announce)
    if raw is None:
        return data
    data.shuffle = None if shuffle is None else int(shuffle)
    split_off(data, is_mnist=raw.is_idx)
    checks.warn_of_classes(data)
    return data


def read_test_set(dataset, metadata, options=NO_OPTIONS, dtype=None):
    """Read the rows of a data set on which a model is to be tested.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if that is of as many rows; otherwise all rows.

    Parameters
    ----------
    dataset, options, dtype
        As of :func:`read_dataset`.
    metadata : dict
        Of the model's file. An older one has no split: then a sixth of the rows is split off, as
        in training.

    Returns
    -------
    DataSet
        Of which only the test set counts. Of a table with a header, it has the features that the
        model knows by name.
    """
    names, label_name = metadata.get("feature_names"), metadata.get("label_name")
    known = {
        "feature_names": names if isinstance(names, (list, tuple)) else None,
        "label_name": label_name if isinstance(label_name, str) else None,
    }
    data, raw = _read(dataset, options, dtype, **known)
    if raw is None or "test" in raw.splits:
        return data
    shuffle, split = metadata.get("shuffle"), metadata.get("split")
    data.shuffle = shuffle if is_seed(shuffle) else None
    if "split" not in metadata or fits(split, len(data.train[1])):
        split_off(data, split)
    else:
        data.test = data.train
        note(
            f"note: {data.name}: all {len(data.test[1])} rows are the test set, as the model was "
            "trained on other data; if it has seen some of them, the error is too small"
        )
    return data


def _read(dataset, options, dtype, announce=False, **known):
    """Read and check the sets that a data set has; give a DataSet of them, and the RawDataset.

    A DataSet is given as it is, and None.
    """
    is_path = isinstance(dataset, (str, os.PathLike))
    if not is_path and options != NO_OPTIONS:
        raise DatasetError("a label column can be chosen in tables only: give y in the pairs")
    path = locate(dataset) if is_path else None
    if announce:
        print("... loading data", flush=True)
    if isinstance(dataset, DataSet):
        return dataset, None
    name = str(dataset) if is_path else "the given arrays"
    raw = read(path, options, dtype, **known) if is_path else of_pairs(dataset)
    xs, labels, shapes, ranges = {}, [], [], []
    for split, data in raw.splits.items():
        x, y = (data.x, data) if isinstance(data, Table) else data
        source = f"{name}: {SPLITS[split]}" if len(raw.splits) > 1 else f"{name}:"
        x, shape, value_range = checks.check_features(x, f"{source} x")
        labels.append(checks.check_labels(y, len(x), source))
        xs[split] = x.astype(_narrower(x.dtype, dtype), copy=False)
        shapes.append(shape)
        ranges.append(value_range)
    checks.check_alike(raw.splits, xs, name)
    columns = getattr(raw.splits["train"], "columns", None)
    if columns:
        say_rules(name, columns, options)
    x, scale = xs["train"], scale_of(xs["train"])
    if scale == 1 and min(low for low, _ in ranges) == 0 and ranges[0][1] == 255:
        note(
            f"note: {name}: x goes from 0 to 255 and is taken as it is; if these are pixels, save "
            "them as uint8 to have them scaled by 1/256"
        )
    if scale != 1 and ranges[0][1] <= 1:
        warning(
            f"{name}: x is uint8, and scaled by 1/256, but goes from 0 to {ranges[0][1]:.0f} only: "
            "save x.astype('float32') to have it taken as it is"
        )
    class_labels, ys = checks.number_classes(labels)
    sets = dict.fromkeys(SPLITS)
    sets.update(zip(xs, zip(xs.values(), ys)))
    data = DataSet(
        **sets,
        name=name,
        n_in=x.shape[1],
        class_labels=class_labels,
        scale=scale,
        x_range=tuple(float(value) * scale for value in ranges[0]),
        x_median=float(numpy.median(x[:: 1 + x.size // MEDIAN_VALUES])) * scale,
        image_shape=checks.image_shape(shapes[0], raw.guess_square_images or scale != 1),
        transposed=raw.transposed,
        columns=columns,
        shuffle=None,
        split=None,
        files=files_of(path) if is_path else [],
    )
    return data, raw
