"""Data sets in shared variables: what :func:`load_data` returns."""

from dataclasses import dataclass
from typing import Any, Dict, Optional

import numpy

from logreg import engine
from logreg.basics.settings import complete_docstring
from logreg.datasets.dataset import ThreeSets, read_dataset
from logreg.datasets.doubts import warn_of_doubtful_sets
from logreg.parts.facts import Facts
from logreg.parts.options import Preparation, TableOptions, split_options
from logreg.parts.splits import SPLITS


class LoadedSet(tuple):
    """A pair (shared_x, y) that :func:`load_data` returns; it knows the facts of its data set."""

    facts: Facts


@dataclass(frozen=True, eq=False, repr=False)
class LoadedData(ThreeSets):
    """A data set in shared variables, as :func:`load_data` returns it: a sequence of three pairs.

    Attributes
    ----------
    facts : Facts
        What is known of the data.
    train, valid, test : LoadedSet
        Pairs (shared_x, y): a shared variable of floatX, of shape (n, n_in), whose features are
        prepared; and an int32 expression of shape (n,).
    weights : dict or None
        How much each row counts: an array for each of 'train', 'valid' and 'test', if a column
        says so.
    split_off : tuple of str
        The names of the sets that were not given, but split off the training rows.
    """

    facts: Facts
    train: LoadedSet
    valid: LoadedSet
    test: LoadedSet
    weights: Optional[Dict[str, numpy.ndarray]] = None
    split_off: tuple = ()


def load_data(dataset: Any, label_column: Any = None, **options: Any) -> LoadedData:
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : str, path-like, pandas.DataFrame or sequence of pairs
        As :func:`.read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.
    {settings}

    Returns
    -------
    LoadedData
        A sequence of (shared_x, y) for training, validation and test set: `shared_x` is a shared
        variable of floatX, shape (n, n_in), prepared as `options` say; `y` an int32 expression
        over a shared variable of floatX, shape (n,). Labels other than 0 .. k - 1 are numbered so
        in their order, that of ``.facts.class_labels``. What is known of the data stays with the
        pairs, not with the variables: :func:`logreg.fit` hands it on to the model file.

    Raises
    ------
    DatasetError
        If it cannot be found or read, or training on it makes no sense.
    SettingError
        If an option has a value that it does not take.

    Examples
    --------
    >>> from logreg import load_data
    >>> (train_x, train_y), valid, (test_x, test_y) = load_data("mnist_sample")
    >>> train_x.get_value().shape, test_y.eval()[:4].tolist()
    ((5000, 784), [7, 2, 1, 0])
    """
    options["label_column"] = label_column
    table_options, preparation = split_options(options, TableOptions, Preparation)
    data = read_dataset(
        dataset,
        TableOptions(**table_options),
        Preparation(**preparation),
        dtype=engine.theano.config.floatX,
    )
    warn_of_doubtful_sets(data)
    return share_as_floats(data)


# Puts the options in place of {settings}.
complete_docstring(load_data, TableOptions, Preparation)


def share_as_floats(data):
    """Put the three sets of a :class:`.DataSet` into shared variables of floatX."""
    floatx = engine.theano.config.floatX
    pairs = {}
    for split, (x, y) in zip(SPLITS, data):
        features = engine.shared_data(data.facts.preprocessing.apply(x, floatx))
        # A GPU of the tutorial's day holds floats only.
        labels = engine.T.cast(engine.shared_data(y.astype(floatx)), "int32")
        pairs[split] = LoadedSet((features, labels))
        pairs[split].facts = data.facts
    return LoadedData(data.facts, **pairs, weights=data.weights, split_off=data.split_off)
