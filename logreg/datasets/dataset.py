"""The one way in for data sets, whatever they are made of.

:mod:`.sources` finds and reads a data set, :mod:`logreg.parts.arrays` checks it, and
:mod:`logreg.parts.splits` splits it. :mod:`.learning` measures what is to be done to the features,
which stay as they are, and :mod:`.shared_sets` does it when it puts them into shared variables.
Each kind of file has its reader: :mod:`logreg.parts.formats` (npy, npz, IDX),
:mod:`logreg.parts.pickles`, :mod:`.mnist`, :mod:`.pictures`, and the package :mod:`logreg.tables`.
Only shared_sets needs an engine; nothing here knows of models.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Dict, Optional

import numpy

from logreg.basics.files import AnyPath
from logreg.datasets.doubts import check_classes, check_weights, describe_labels
from logreg.datasets.learning import learn
from logreg.datasets.sources import find_places, read_parts, refuse_overwriting_data
from logreg.parts.arrays import check_sets
from logreg.parts.facts import Facts
from logreg.parts.formats import find_usable_map, reading
from logreg.parts.options import NO_OPTIONS, NO_PREPARATION
from logreg.parts.pixels import ImageLayout
from logreg.parts.splits import choose_rows, find_lacking, take_groups, take_rows, take_weights


class ThreeSets(Sequence):
    """The training, the validation and the test set, as a sequence; a subclass has them."""

    def __getitem__(self, index):
        return [self.train, self.valid, self.test][index]

    def __len__(self):
        return 3

    def __repr__(self):
        return f"{type(self).__name__}({self.facts.summary})"


@dataclass(frozen=True, eq=False, repr=False)
class DataSet(ThreeSets):
    """A data set of arrays that was checked, and what is known of it: three pairs (x, y).

    Attributes
    ----------
    facts : Facts
        What is known of the data.
    train, valid, test : tuple or None
        Pairs (x, y) of NumPy arrays: x of shape (n, n_in), of the dtype in which it is stored; y
        of shape (n,), int32, in 0 .. n_out - 1. Data that a model is to be tested on have `test`
        alone.
    files : tuple of path
        The files that it was read from.
    split_off : tuple of str
        The names of the sets that were not given, but split off the training rows.
    is_mapped : bool
        Whether the training rows stay in their file, which is mapped into memory.
    groups : numpy.ndarray or None
        The number of each row's group, if the user gave `group`. The training rows come
        first, then those of each set in `split_off`. Rows of sets that were given are left out.
    weights : dict or None
        How much each row counts: an array for each of 'train', 'valid' and 'test', if a column
        says so.
    rows_are : str
        If a model is to be tested on `test`: which rows these are, such as 'its own test set'.
    test_rows : numpy.ndarray or None
        The user's name of each row of `test`: its number in a table, where the header is row 1; its
        number in an array, from 0; or the file of a picture.
    tested_probabilities : numpy.ndarray or None
        Of the rows of `test`, if folds tested them: the probability of each class, of shape
        (n, n_out), by the model that had not seen the row.
    folds : sequence of DataSet
        See :func:`.divide_into_folds`.
    fold_rows : sequence of numpy.ndarray
        The rows of each fold among all rows.
    """

    facts: Facts
    train: Optional[tuple] = None
    valid: Optional[tuple] = None
    test: Optional[tuple] = None
    files: tuple = ()
    split_off: tuple = ()
    is_mapped: bool = False
    groups: Optional[numpy.ndarray] = None
    weights: Optional[Dict[str, numpy.ndarray]] = None
    rows_are: str = ""
    test_rows: Optional[numpy.ndarray] = None
    tested_probabilities: Optional[numpy.ndarray] = None
    folds: Sequence = ()
    fold_rows: Sequence = ()

    def refuse_overwriting_data(self, *paths: Optional[AnyPath]) -> None:
        """Raise a SettingError if a path is a file of these data, or would be read as one."""
        refuse_overwriting_data(paths, [*self.files, *find_places(self.facts.dataset)])


def read_dataset(dataset, options=NO_OPTIONS, preparation=NO_PREPARATION, dtype=None):
    """Find, read, check and split a data set.

    Parameters
    ----------
    dataset : str, path-like, pandas.DataFrame or sequence of pairs
        A path: the tutorial's pickle (three pairs of arrays, or training and test only); an
        ``.npz`` (``x_train, y_train, x_test, y_test``, perhaps ``x_valid, y_valid``; or ``x, y``);
        a table, CSV or Parquet; a folder of IDX files, or of ``train.csv`` and ``test.csv``. Or a
        name that is looked for in `mnist.search_folders`, as ``'mnist_sample'``; ``'mnist.pkl.gz'``
        is also found there as IDX files, and fetched if it is nowhere. Or the table or the pairs
        themselves.
    options : TableOptions
        How tables are read.
    preparation : Preparation
        How the rows are split, and what becomes of the features.
    dtype : {'float32', 'float64'}, optional
        What wider features are cast to: at once, or after they were filled or standardized.

    Returns
    -------
    DataSet
        Of NumPy arrays.

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.

    Examples
    --------
    >>> data = read_dataset("mnist_sample")
    >>> data.train[0].shape, data.train[1].shape, data.facts.n_out
    ((5000, 784), (5000,), 10)
    >>> data
    DataSet('mnist_sample', [5000, 1000, 1000] rows, 784 features)
    """
    # is_centred=None: the pictures show whether they are.
    layout = ImageLayout((preparation.size, preparation.size), is_centred=None)
    parts, facts, files = read_parts(dataset, options, layout=layout)
    scale = preparation.pixel_scale
    standardize = preparation.standardize
    if standardize is None:
        standardize = facts.is_table and scale is None
    facts = replace(facts, pixel_scale=scale, has_given_scale=scale is not None)
    # Rounded before it is filled or standardized, a large number would lose what tells rows apart.
    is_cast_later = standardize or options.missing
    sets, facts = check_sets(parts, facts, None if is_cast_later else dtype)
    is_mapped = find_usable_map(sets["train"][0]) is not None
    lacking = find_lacking(sets)
    if preparation.shuffle is not None:
        is_random = preparation.shuffle
    elif is_mapped:
        is_random = False  # what stays in its file stays in its order
    else:
        # The validation set of arrays is their last rows, as in the tutorial. Tables may be sorted.
        is_random = "test" in lacking or ("valid" in lacking and facts.is_table)
    seed = preparation.split_seed if is_random else None
    with reading(facts.dataset):  # errors of the split begin with the name of the data set
        rows = choose_rows(sets["train"][1], lacking, seed, parts["train"].groups)
    sets = take_rows(sets, rows)
    weights = take_weights(parts, rows)
    groups = take_groups(parts, rows)
    sizes = [len(y) for _, y in sets.values()] if "test" in lacking else None
    facts = replace(facts, split=sizes, split_seed=seed)
    check_classes(facts, sets, lacking)
    if weights:
        check_weights(facts, weights)
    if facts.is_table:
        describe_labels(facts, sets)
    # It only measures: the features stay raw, and each set as it is.
    facts = learn(parts, sets, facts, dtype, standardize, weights)
    return DataSet(
        facts,
        **sets,
        files=files,
        split_off=tuple(lacking),
        is_mapped=is_mapped and not is_random,
        groups=groups,
        weights=weights,
    )
