"""Data sets, on one way in: sources finds and reads them, checks checks them, splits splits them,
learning learns what is done to features, and sharing puts them into shared variables.

Each kind of file has its reader: formats (npy, npz, IDX, pickles), mnist, pictures, and for tables
frames, header, tables and labels. Only sharing needs an engine; nothing here knows of models.
"""

from dataclasses import dataclass, replace
from typing import Optional

import numpy

from logreg.datasets.checks import check
from logreg.datasets.learning import Learnt, learn
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.parts import About
from logreg.datasets.sources import read
from logreg.datasets.splits import Split, check_seed, split, split_off
from logreg.errors import DatasetError, SettingError
from logreg.files.writing import refuse_overwriting


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set that was checked, as NumPy arrays.

    Attributes
    ----------
    about : About
        Its name, its files, the columns of a table, the shape of images.
    class_labels : list of int or of str
        The label of each class as the data give it.
    n_in, n_out : int
        The number of features and of classes.
    sizes : tuple of int
        The rows of the three sets, if all are there.
    train, valid, test : tuple of (numpy.ndarray, numpy.ndarray) or None
        Pairs (x, y): x of shape (n, n_in), of the dtype in which it is stored; y of shape
        (n,), int32, in 0 .. n_out - 1. Of a data set that a model is to be tested on, `test` alone
        is there.
    split : Split or None
        How sets that were not given were taken from the training rows.
    learnt : Learnt or None
        What one pass over the rows told. It is None, as `split` is, if a model is to be tested on
        the data.
    test_rows : numpy.ndarray or None
        If a model is to be tested on the data, the numbers that the test rows have in their file.
    """

    about: About
    class_labels: list
    train: Optional[tuple] = None
    valid: Optional[tuple] = None
    test: Optional[tuple] = None
    split: Optional[Split] = None
    learnt: Optional[Learnt] = None
    test_rows: Optional[numpy.ndarray] = None

    @property
    def name(self):
        return self.about.name

    @property
    def n_in(self):
        return self.learnt.n_in if self.learnt else self.test[0].shape[1]

    @property
    def sizes(self):
        return self.learnt.sizes

    @property
    def n_out(self):
        return len(self.class_labels)

    @property
    def is_table(self):
        return self.about.is_table

    def check_outputs(self, *paths):
        """Raise a SettingError if one of the paths is a file that the data were read from."""
        refuse_overwriting(paths, self.about.files)


def read_dataset(
    dataset, options=NO_OPTIONS, shuffle=None, announce=False, dtype=None, pixel_scale=None,
    split_seed=0, standardize=None,
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
    shuffle : bool, optional
        Whether the training rows are shuffled, with all classes in proportion, before sets that are
        not given are split off. If None, those of tables are, and those of one array.
    announce : bool
        Whether the tutorial's ``... loading data`` is printed, once the data are found.
    dtype : {'float32', 'float64'}, optional
        What wider features become.
    pixel_scale : float, optional
        What x is multiplied by, whatever its type: its values are pixels, integers from 0 to
        255. If not given, uint8 is multiplied by 1/256, and all else taken as it is.
    split_seed : int
        Seed of the shuffling.
    standardize : bool, optional
        Whether training is to standardize features. If None, those of tables that are no pixels.

    Returns
    -------
    DataSet

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    SettingError
        If `split_seed` is no seed, or if a DataSet is given with options.

    Examples
    --------
    >>> data = read_dataset("mnist_sample")
    >>> data.train[0].shape, data.train[1].shape, data.n_out
    ((5000, 784), (5000,), 10)
    """
    if isinstance(dataset, DataSet):
        how = options, shuffle, pixel_scale, split_seed, standardize
        if how != (NO_OPTIONS, None, None, 0, None):
            raise SettingError("a DataSet is read already: give its options to `read_dataset`")
        return dataset
    check_seed(split_seed)
    parts, about = read(dataset, options, dtype, pixel_scale, announce)
    sets, about, class_labels = check(parts, about, dtype)
    sets, how = split(sets, about, shuffle, split_seed)
    learnt = learn(parts, sets, about, class_labels, dtype, standardize)
    return DataSet(about, class_labels, **sets, split=how, learnt=learnt)


def make_folds(data, n_folds):
    """Yield a DataSet for each fold of one table or array, which is its test set.

    Of the other rows, a sixth validates. The rows are those of the DataSet in their order, so if
    that was split at random, each fold has all classes in proportion.
    """
    if not data.split.sizes:
        raise DatasetError(f"{data.name} has a test set: folds are made of one table or array")
    x, y = map(numpy.concatenate, zip(data.train, data.valid, data.test))
    if not 2 <= n_folds <= len(y) // 3:
        raise SettingError(f"`folds` is {n_folds}: of {len(y)} rows, 2 to {len(y) // 3} are made")
    folds = numpy.array_split(numpy.arange(len(y)), n_folds)
    is_standardized = data.learnt.preprocessing.scales is not None
    for i, fold in enumerate(folds):
        rest = numpy.concatenate(folds[:i] + folds[i + 1 :])
        sets = split_off({"train": (x[rest], y[rest]), "test": (x[fold], y[fold])})
        learnt = learn({}, sets, data.about, data.class_labels, standardize=is_standardized)
        yield replace(data, **sets, learnt=learnt)
