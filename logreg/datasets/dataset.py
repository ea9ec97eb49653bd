"""Data sets, on one way in: sources locates and reads them, checks checks them, splits splits them,
preprocessing learns what is done to features, and sharing puts them into shared variables.

Each kind of file has its reader: formats (npy, npz, IDX, pickles), mnist, pictures, and for tables
frames, header, tables and labels. Only sharing needs an engine; nothing here knows of models.
"""

from dataclasses import dataclass
from typing import Optional

import numpy

from logreg.datasets.checks import check, check_classes, read_through, say_of_range
from logreg.datasets.header import Columns
from logreg.datasets.options import NO_OPTIONS, TableOptions
from logreg.datasets.preprocessing import Moments, Preprocessing, scale_of
from logreg.datasets.sources import locate, read
from logreg.datasets.splits import check_seeds, split_off
from logreg.errors import SettingError
from logreg.files.writing import refuse_overwriting
from logreg.terminal.notes import say

SAMPLE_VALUES = 1 << 19  # about as many values as a median is taken of


@dataclass(eq=False)
class DataSet:
    """A data set that was checked, as NumPy arrays.

    Attributes
    ----------
    train, valid, test : tuple of (numpy.ndarray, numpy.ndarray) or None
        Pairs (x, y): x of shape (n, n_in), of the dtype in which it is stored; y of shape
        (n,), int32, in 0 .. n_out - 1. None once :func:`shared_datasets` has released them; of
        a data set that a model is to be tested on, `test` alone is there.
    n_in, n_out : int
        The number of features and of classes.
    """

    name: str  # what it was asked for by
    files: tuple  # from which it was read
    n_in: int
    class_labels: list  # of int or of str: the label of each class as the data give it
    image_shape: Optional[tuple]  # (height, width) of a row
    columns: Columns  # of a table
    options: TableOptions  # by which it was read
    train: Optional[tuple] = None
    valid: Optional[tuple] = None
    test: Optional[tuple] = None
    preprocessing: Preprocessing = None  # what is done to x before training
    shuffle: Optional[int] = None  # the seed of the permutation of the training rows
    split: Optional[list] = None  # the rows of the three sets, if they were split off one table
    split_seed: Optional[int] = None  # of a random split; None: in the order of the file
    # The smallest and the largest training feature, as the data have it and as a model takes it.
    raw_range: Optional[tuple] = None
    x_range: Optional[tuple] = None
    x_median: Optional[float] = None  # of some training rows: of most images it is the background
    class_counts: Optional[list] = None  # how many training rows each class has
    # The label that most training rows have, and the test error of always guessing it.
    most_frequent_class: Optional[tuple] = None
    sha256: Optional[str] = None  # of the six arrays; see :func:`.checks.read_through`
    rows: list = None  # of each set on all ranks, if the arrays are the part of one rank

    @property
    def n_out(self):
        return len(self.class_labels)

    def sizes(self):
        """How many rows the three sets have: on all ranks together, if this is the part of one."""
        return self.rows or [len(y) for _, y in (self.train, self.valid, self.test)]

    def check_outputs(self, *paths):
        """Raise a SettingError if one of the paths is a file that the data were read from."""
        refuse_overwriting(paths, self.files)


def read_dataset(
    dataset, options=NO_OPTIONS, shuffle=None, announce=False, dtype=None, pixel_scale=None,
    split_seed=0, standardize=False,
):  # fmt: skip
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, pandas.DataFrame, sequence of pairs or DataSet
        A path: the tutorial's pickle (three pairs of arrays, or training and test only); an
        ``.npz`` (``x_train, y_train, x_test, y_test``, perhaps ``x_valid, y_valid``; or ``x, y``);
        a table, CSV or Parquet; a folder of IDX files, or of ``train.csv`` and ``test.csv``. Or a
        name that is looked for in `mnist.search_folders`, as ``'mnist_sample'``; ``'mnist.pkl.gz'``
        is also found there as IDX files, and fetched if it is nowhere. Or the table or the pairs
        themselves. A DataSet is returned as it is.
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
    split_seed : int or None
        Seed of the stratified split of tables, or of one array; None splits in the file's order.
    standardize : bool or None
        Whether training is to standardize features; None: those of tables that are no pixels.

    Returns
    -------
    DataSet

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    SettingError
        If `shuffle` or `split_seed` is no seed.

    Examples
    --------
    >>> data = read_dataset("mnist_sample")
    >>> data.train[0].shape, data.train[1].shape, data.n_out
    ((5000, 784), (5000,), 10)
    """
    if isinstance(dataset, DataSet):
        how = options, shuffle, pixel_scale, split_seed, standardize
        if how != (NO_OPTIONS, None, None, 0, False):
            raise SettingError("a DataSet is read already: give its options to `read_dataset`")
        return dataset
    check_seeds(shuffle=shuffle, split=split_seed)
    name, source = locate(dataset)
    if announce:
        say("... loading data")
    raw = read(source, options, dtype)._replace(pixel_scale=pixel_scale)
    sets, facts = check(name, raw, dtype)
    is_table = bool(facts["columns"].categories)
    seed = split_seed if is_table or "test" not in sets else None
    sets, split = split_off(sets, name, shuffle, is_mnist=raw.is_idx, split_seed=seed)
    check_classes(name, sets, facts["class_labels"])
    if standardize is None:
        standardize = is_table and pixel_scale is None
    counts = numpy.bincount(sets["train"][1], minlength=len(facts["class_labels"]))
    most = int(counts.argmax())
    return DataSet(
        **sets,
        **facts,
        **_learn(name, raw, sets, dtype, standardize),
        # Model files hold no NumPy integers.
        shuffle=None if shuffle is None else int(shuffle),
        split=split,
        split_seed=None if split is None or shuffle is not None else split_seed,
        class_counts=counts.tolist(),
        most_frequent_class=(facts["class_labels"][most], float((sets["test"][1] != most).mean())),
    )


def _learn(name, raw, sets, dtype, standardize):
    """Go through the data once; return what is known of features then, fields of a DataSet."""
    x, missing, pixel_scale = sets["train"][0], raw.options.missing, raw.pixel_scale
    moments = Moments() if standardize or missing else None
    raw_range, digest = read_through(name, raw, sets, dtype, moments, standardize)
    scale = scale_of(x, pixel_scale)
    say_of_range(name, raw_range, scale, pixel_scale)
    preprocessing = Preprocessing.fit(moments, scale, bool(pixel_scale), missing, standardize)
    x_range = tuple(end * scale for end in raw_range)
    some = x[:: 1 + x.size // SAMPLE_VALUES]
    return {
        "preprocessing": preprocessing,
        "raw_range": raw_range,
        "x_range": preprocessing.range_of(moments) if standardize else x_range,
        "x_median": float(numpy.median(preprocessing.apply(some, "float64"))),
        "sha256": digest,
    }
