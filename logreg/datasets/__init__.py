"""Data sets: located, read, checked, split, and shared with the engine, in this order."""

import os
from dataclasses import dataclass, field
from typing import Optional

import numpy

from logreg import ranks
from logreg.console import note
from logreg.datasets.checks import PIXEL_SCALE as PIXEL_SCALE
from logreg.datasets.checks import (
    SPLITS,
    check,
    check_ranges,
    check_values,
    warn_of_classes,
)
from logreg.datasets.folders import digest_arrays, mapping, progress
from logreg.datasets.header import NO_OPTIONS
from logreg.datasets.sources import locate, read
from logreg.datasets.splits import is_seed, split_off
from logreg.errors import SettingError

METADATA = ("image_shape", "transposed", "pixel_scale", "scale_all", "x_range", "x_median")
METADATA += ("class_labels", "class_counts", "label_name", "feature_names", "split")


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
    files: tuple  # from which it was read
    n_in: int
    class_labels: list  # of int or of str: the label of each class as the data give it
    pixel_scale: float  # what x is multiplied by before training: 1/256 for uint8 pixels, else 1
    scale_all: bool  # whether that is for x of every type, and not for uint8 alone
    x_range: tuple  # the smallest and the largest training feature, scaled
    x_median: float  # of some training rows, scaled: of most images it is the background
    image_shape: Optional[tuple]  # (height, width) or (height, width, channels) of a row
    transposed: bool  # whether rows and columns of images are exchanged, as those of EMNIST are
    label_name: Optional[str]  # the label's column, in a table with a header
    feature_names: Optional[tuple]  # the other columns
    shuffle: Optional[int]  # the seed of the permutation of the training rows
    split: Optional[list]  # the rows of the three sets, if they were split off one table
    class_counts: Optional[list] = None  # how many training rows each class has
    sizes: list = None  # the rows of each set, on all ranks together
    are_shares: bool = False  # whether the arrays hold the rows of one of several ranks only
    _known: dict = field(default_factory=dict, repr=False)

    def __post_init__(self):
        if self.sizes is None:
            pairs = (self.train, self.valid, self.test)
            self.sizes = [0 if pair is None else len(pair[1]) for pair in pairs]

    @property
    def n_out(self):
        return len(self.class_labels)

    def most_frequent_class(self):
        """The label that most training rows have, and the test error of always guessing it."""
        if "most frequent" not in self._known:
            most = int(numpy.argmax(self.class_counts))
            self._known["most frequent"] = most, float(numpy.mean(self.test[1] != most))
        most, error = self._known["most frequent"]
        return self.class_labels[most], error

    def metadata(self):
        """What a model file tells of the data that the model was trained on, as a dict."""
        return {name: getattr(self, name) for name in METADATA}

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

        Features that are wider than `dtype` are digested as such, however they were read. It is
        computed once, and can be had again after the arrays were released.
        """
        if dtype not in self._known:
            arrays = [array for pair in (self.train, self.valid, self.test) for array in pair]
            self._known[dtype] = digest_arrays(arrays, dtype)
        return self._known[dtype]


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
    with ranks.first_first():  # which fetches what is nowhere
        data = read_dataset(dataset, options, shuffle, announce=True, dtype=floatx)
    if data.class_labels != list(range(data.n_out)):
        first = ", ".join(ascii(label)[:40] for label in data.class_labels[:3])
        more = ", ..." if data.n_out > 3 else ""
        note(f"note: {data.name}: the labels {first}{more} are numbered 0 to {data.n_out - 1}")
    return share(data, release=data is not dataset)


def read_dataset(
    dataset, options=NO_OPTIONS, shuffle=None, announce=False, dtype=None, pixel_scale=None
):
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, sequence of pairs or DataSet
        A path: the tutorial's pickle (three pairs of arrays, or training and test only); an
        ``.npz`` (``x_train, y_train, x_test, y_test``, perhaps ``x_valid, y_valid``; or ``x, y``);
        a table, as CSV; a folder of IDX files, or of ``train.csv`` and ``test.csv``. Or a name
        that is looked for in `mnist.search_folders`, as ``'mnist_sample'``; ``'mnist.pkl.gz'`` is
        also found there as IDX files, and fetched if it is nowhere. Or the pairs themselves. A
        DataSet is returned as it is.
    options : TableOptions
        How tables are read.
    shuffle : int, optional
        Seed of a permutation of the training rows before a validation set is split off.
    announce : bool
        Whether the tutorial's ``... loading data`` is printed, once the data are found.
    dtype : {'float32', 'float64'}, optional
        What wider features become.
    pixel_scale : float, optional
        What x is multiplied by, whatever its type: its values are pixels, integers from 0 to
        255. If not given, uint8 is multiplied by 1/256, and all else taken as it is.

    Returns
    -------
    DataSet

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    SettingError
        If `shuffle` is no seed.

    Examples
    --------
    >>> from logreg.datasets import read_dataset
    >>> data = read_dataset("mnist_sample")
    >>> x, y = data.train
    >>> x.shape, y.shape, data.n_out
    ((5000, 784), (5000,), 10)
    """
    if not (shuffle is None or is_seed(shuffle)):
        raise SettingError(f"the seed of the shuffle is {shuffle}: give a number from 0 to 2**32-1")
    name, source = locate(dataset)
    if announce:
        print("... loading data", flush=True)
    if isinstance(source, DataSet):
        return source
    raw = read(source, options, dtype)._replace(pixel_scale=pixel_scale)
    sets, facts = check(name, raw, dtype)
    sets, split = split_off(sets, name, shuffle, is_mnist=raw.is_idx)
    warn_of_classes(sets, facts["class_labels"])
    digests = {}
    if facts["x_range"] is None:
        facts["x_range"], digests[dtype] = _read_through(sets, raw.splits, facts, dtype)
    shuffle = None if shuffle is None else int(shuffle)  # model files hold no NumPy integers
    counts = numpy.bincount(sets["train"][1], minlength=len(facts["class_labels"])).tolist()
    how = {"shuffle": shuffle, "split": split, "class_counts": counts, "_known": digests}
    return DataSet(**sets, **facts, **how)


def _read_through(sets, given, facts, dtype):
    """Check the values of features that stay in files, in the pass that digests the sets.

    `given` are the sets that the files tell apart. Returned are the range of the training set's
    features, and the digest.
    """
    sources, rows, ranges, n_rows = {}, {}, {}, 0
    for split in SPLITS:
        of = split if split in given else "train"  # from which it was split off
        sources[split] = (
            f"{facts['name']}: {SPLITS[of]} x" if len(given) > 1 else facts["name"] + ": x"
        )
        rows[split] = n_rows if of == "train" else 0
        n_rows += len(sets[split][1]) * (of == "train")

    def look(number, block):
        split = list(SPLITS)[number // 2]
        if number % 2 == 0:
            low, high = check_values(block, sources[split], rows[split])
            least, most = ranges.get(split, (low, high))
            ranges[split] = min(least, low), max(most, high)
            rows[split] += len(block)
            advance(block.nbytes)

    with progress(sum(x.nbytes for x, _ in sets.values()), "checking") as advance:
        digest = digest_arrays([a for split in SPLITS for a in sets[split]], dtype, look)
    return check_ranges(facts["name"], ranges, facts["pixel_scale"]), digest


def read_test_set(dataset, metadata, options=NO_OPTIONS, dtype=None):
    """Read the rows of a data set on which a model is to be tested.

    They are the data set's own test set. If it has none, they are the test rows of the split that
    the model was trained with, if that is of as many rows; otherwise all rows. `metadata` is that
    of the model's file, of which an older one has no split: then a sixth of the rows is split off,
    as in training. A table with a header gives the features that the model knows by name.
    """
    name, source = locate(dataset)
    if isinstance(source, DataSet):
        return source
    names = metadata.get("feature_names")
    names = names if isinstance(names, (list, tuple)) else None
    raw = read(source, options, dtype, names, metadata.get("label_name"))
    if metadata.get("scale_all"):
        raw = raw._replace(pixel_scale=metadata["pixel_scale"])
    sets, facts = check(name, raw, dtype)
    shuffle, split = metadata.get("shuffle"), metadata.get("split")
    shuffle = shuffle if is_seed(shuffle) else None
    if "test" in sets:
        sets = {"valid": None, **sets}
    elif "split" not in metadata or sum(split or []) == len(sets["train"][1]):
        sets, split = split_off(sets, name, shuffle, split)
    else:
        sets = {"train": None, "valid": None, "test": sets["train"]}
        note(
            f"note: {name}: all {len(sets['test'][1])} rows are the test set, as the model was "
            "trained on other data; if it has seen some of them, the error is too small"
        )
    if facts["x_range"] is None:  # they are in files, of which no other rows are read
        check_values(sets["test"][0], f"{name}: test x")
    return DataSet(**sets, **facts, shuffle=shuffle, split=split)


def share(data, release=False, as_stored=False):
    """Put the three sets of a :class:`DataSet` into shared variables, as :func:`load_data` gives.

    With `release`, `data` lets go of each set once it is in there: pixels need not be held beside
    the floats that they became. With `as_stored`, pixels stay bytes, a quarter of the memory,
    features that are mapped stay in their files, and labels stay integers. That is for
    :func:`logreg.sgd.fit`: the first of a pair may then be :class:`logreg.engine.Stored`.
    """
    from logreg import engine

    floatx = engine.theano.config.floatX
    shared = []
    n_bytes = [
        x.size * (x.itemsize if as_stored and _stays(x) else numpy.dtype(floatx).itemsize)
        for x, _ in (getattr(data, split) for split in SPLITS)
    ]
    engine.require_memory(sum(n_bytes))
    for split, n_rows in zip(SPLITS, data.sizes):
        x, y = getattr(data, split)
        if release:
            setattr(data, split, None)
        if as_stored and (_stays(x) or data.are_shares):
            x = numpy.ascontiguousarray(x) if _stays(x) else scaled(x, floatx)
            features = engine.stored(x, data.pixel_scale, n_rows if data.are_shares else None)
        else:
            features = engine.shared_data(scaled(x, floatx, data.pixel_scale))
        if as_stored:
            labels = engine.shared_data(y)
        else:  # a GPU of the tutorial's day holds floats only
            labels = engine.T.cast(engine.shared_data(y.astype(floatx)), "int32")
        shared.append((features, labels))
    return shared


def _stays(x):
    return x.dtype == numpy.uint8 or mapping(x) is not None


def scaled(x, dtype, scale=PIXEL_SCALE):
    """Features as a model takes them: of its float `dtype`, C-ordered, uint8 pixels scaled."""
    if x.dtype != numpy.uint8:
        return numpy.ascontiguousarray(x, dtype=dtype)
    # By a power of two, the product is exact in any float type.
    return numpy.multiply(x, numpy.asarray(scale, dtype), dtype=dtype, order="C")
