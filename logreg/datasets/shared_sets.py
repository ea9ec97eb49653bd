"""Data sets in shared variables, as an engine takes them."""

import zlib
from dataclasses import replace
from typing import Any

import numpy

from logreg import engine
from logreg.basics.console import note
from logreg.basics.errors import DatasetError, SettingError
from logreg.datasets.arrays import as_array, check_features, pairs_of
from logreg.datasets.dataset import DataSet, read_dataset
from logreg.datasets.facts import Facts
from logreg.datasets.formats import find_usable_map
from logreg.datasets.options import Preparation, TableOptions, split_options
from logreg.datasets.preprocessing import PIXEL_SCALE, check_values
from logreg.datasets.splits import SPLITS, set_name
from logreg.hyperparameters import complete_docstring

N_SAMPLED = 1000  # rows of a digest, of features that are mapped from a file


def load_data(dataset: Any, label_column: Any = None, **options: Any) -> DataSet:
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : str, path-like, pandas.DataFrame or sequence of pairs
        As :func:`.read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.
    {settings}

    Returns
    -------
    DataSet
        A sequence of (shared_x, y) for training, validation and test set: `shared_x` is a shared
        variable of floatX, shape (n, n_in), prepared as `options` say; `y` an int32 expression
        over a shared variable of floatX, shape (n,). Labels other than 0 .. k - 1 are numbered so
        in their order, that of ``.facts.class_labels``. What is known of the data stays with the
        pairs: :func:`logreg.fit` hands it on to the model file.

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
    return share_as_floats(data)


complete_docstring(load_data, TableOptions, Preparation)


def share_as_floats(data):
    """Put the three sets of a :class:`DataSet` of arrays into shared variables of floatX."""
    floatx = engine.theano.config.floatX
    sets = {}
    for split, (x, y) in zip(SPLITS, data):
        prepared = data.facts.preprocessing.apply(x, floatx)
        features = engine.shared_data(prepared)
        features.tag.facts = data.facts
        # A GPU of the tutorial's day holds floats only.
        sets[split] = features, engine.T.cast(engine.shared_data(y.astype(floatx)), "int32")
    return replace(data, **sets)


def share_as_stored(data):
    """Put the three sets of a :class:`DataSet` of arrays into shared variables as they are stored.

    Pixels stay bytes, a quarter of the memory, features that are mapped stay in their files, and
    labels stay integers. The first of a pair is a :class:`logreg.engine.Stored`.
    """
    preprocessing = data.facts.preprocessing
    prepare = None if preprocessing.means is None else preprocessing.apply
    are_pixels = preprocessing.pixel_scale != 1 and prepare is None
    # Raw features become floats a minibatch at a time. A refit joins two sets, so all are stored
    # alike, as the training set is. A training set that was shuffled is in memory, even if the
    # others are mapped.
    is_stored_raw = are_pixels or find_usable_map(data.train[0]) is not None
    sets = {}
    for split, (x, y) in zip(SPLITS, data):
        if is_stored_raw:
            x = numpy.ascontiguousarray(x)
            features = engine.stored(x, preprocessing.pixel_scale, prepare)
        else:
            features = engine.stored(preprocessing.apply(x, engine.theano.config.floatX))
        sets[split] = features, engine.shared_data(y)
    return replace(data, **sets)


def share_given(datasets, symbolic_x, symbolic_y, n_in_and_n_out, batch_size):
    """Make a :class:`DataSet` of what :func:`logreg.sgd.fit` is given as data.

    Parameters
    ----------
    datasets : DataSet or sequence of three pairs
        Arrays are cast to the types of the symbolic variables; what is in shared variables stays
        there.
    symbolic_x, symbolic_y : symbolic variables
        The features and the labels of a minibatch.
    n_in_and_n_out : tuple of two int
        How many columns and classes the model has; 0 if that is not known.
    batch_size : int
        How many rows a minibatch has.

    Raises
    ------
    SettingError, DatasetError
        If they are no three pairs, or not of what the model takes.
    """
    n_in, n_out = n_in_and_n_out
    sets = {}
    for split, (features, labels) in pairs_of(datasets).items():
        where = set_name("the given arrays", split)
        features = _share_features(symbolic_x, features, where)
        shape = _values(features).shape
        sets[split] = features, _share_labels(symbolic_y, labels, shape[0], n_out, where)
        # The last axis: a net over sequences takes x of shape (n, length, n_in).
        if len(shape) != symbolic_x.ndim or (n_in and shape[-1] != n_in):
            columns = f"{n_in} columns" if n_in else "another number of columns"
            raise SettingError(
                f"{where} x has shape {shape}, and the model takes {symbolic_x.ndim} dimensions "
                f"and {columns}"
            )
        if shape[0] < batch_size:
            raise SettingError(
                f"the batch size is {batch_size}, but the {SPLITS[split]} set has {shape[0]} rows"
            )
        scale = sets["train"][0].scale
        if features.scale != scale:
            raise DatasetError(
                f"training x is multiplied by {scale:g}, and {SPLITS[split]} x by "
                f"{features.scale:g}, since uint8 is divided by 256: give uint8 to all sets or to "
                "none"
            )
    n_rows = len(_values(sets["train"][0]))
    n_left = n_rows % batch_size
    if 10 * n_left >= n_rows:
        note(
            f"note: {n_left} of the {n_rows} training rows are left over by minibatches of "
            f"{batch_size} rows, and never trained on: another batch size leaves fewer"
        )
    if isinstance(datasets, DataSet):
        return replace(datasets, **sets)
    return DataSet(_facts(sets), **sets)


def _share_features(symbolic_x, features, where):
    """Put features into a :class:`logreg.engine.Stored`; cast an array to `symbolic_x`'s type."""
    if isinstance(features, engine.Stored) or hasattr(features, "get_value"):
        return engine.as_stored(features)
    features = check_features(features, where)
    check_values(features, where)
    if features.dtype == numpy.uint8 and symbolic_x.dtype.startswith("float"):
        return engine.stored(numpy.ascontiguousarray(features), PIXEL_SCALE)
    return engine.as_stored(engine.shared_data(numpy.ascontiguousarray(features, symbolic_x.dtype)))


def _values(features):
    """The features of a set as they are stored."""
    return features.shared.get_value(borrow=True)


def _share_labels(symbolic_y, labels, n_rows, n_out, where):
    """Check labels; put an array into a shared variable, and cast it to `symbolic_y`'s type."""
    is_array = not engine.is_symbolic(labels)
    values = as_array(labels, f"{where} y") if is_array else engine.value(labels)
    cast = values
    if values.dtype.kind in "biuf":
        with numpy.errstate(invalid="ignore"):  # as of NaN
            cast = values.astype(symbolic_y.dtype)
    is_unchanged = symbolic_y.dtype.startswith("float") or (cast == values).all()
    has_type = cast.dtype == symbolic_y.dtype and cast.ndim == symbolic_y.ndim
    if not (is_unchanged and has_type and len(cast) == n_rows):
        raise SettingError(
            f"{where} y has shape {values.shape} and dtype {values.dtype}, x has {n_rows} rows, "
            f"and the symbolic y is {symbolic_y.dtype} of {symbolic_y.ndim} dimensions: each row "
            "needs such a label"
        )
    if is_array:
        labels = engine.shared_data(numpy.ascontiguousarray(cast))
    is_class = n_out and values.size and symbolic_y.dtype.startswith(("int", "uint"))
    if is_class and not (values.min() >= 0 and values.max() < n_out):
        raise SettingError(
            f"{where} y has labels from {values.min():g} to {values.max():g}, and the model has "
            f"{n_out} classes: they must be numbered from 0 to {n_out - 1}"
        )
    return labels


def _facts(sets):
    """Find the facts of three pairs: those of the :func:`load_data` that made all of them."""
    features = [pair[0] for pair in sets.values()]
    all_facts = [getattr(each.shared.tag, "facts", None) for each in features]
    if all_facts[0] and all_facts[0] is all_facts[1] is all_facts[2]:
        return all_facts[0]
    if any(facts and facts.feature_means is not None for facts in all_facts):
        raise SettingError(
            "some of the given sets were standardized or filled apart from the others: a model "
            "file could not tell how; give the three pairs that one `load_data` returned"
        )
    # The pairs were loaded apart: of all facts, only the scale holds for each of them.
    train = all_facts[0] or Facts(pixel_scale=features[0].scale)
    n_in = int(numpy.prod(_values(features[0]).shape[1:]))
    return Facts(n_in=n_in, pixel_scale=train.pixel_scale, scale_all=train.scale_all)


def join_training_and_validation(data):
    """Make a :class:`DataSet` whose training set has both sets' rows, in a random order."""
    xs, ys = zip(data.train, data.valid)
    x = numpy.concatenate([_values(features) for features in xs])
    y = numpy.concatenate([engine.value(labels) for labels in ys])
    order = numpy.random.RandomState(data.facts.split_seed or 0).permutation(len(y))
    features = engine.stored(x[order], xs[0].scale, xs[0].prepare)
    return replace(data, train=(features, engine.shared_data(y[order])))


def digest(features, labels):
    """Describe a set by its shape and a checksum of its rows and labels, to tell it from others.

    Of features that are mapped from a file, about a thousand rows are read.

    Examples
    --------
    >>> from logreg.engine import theano
    >>> digest(theano.shared(numpy.eye(3, 2)), theano.shared(numpy.array([0, 2, 1], "int32")))
    'float64 of shape (3, 2) with the sum 67c349cd'
    """
    rows = engine.value(engine.as_stored(features).shared)
    every = 1
    if find_usable_map(rows) is not None:
        every = len(rows) // N_SAMPLED or 1
    crc = zlib.crc32(numpy.ascontiguousarray(rows[::every]))
    crc = zlib.crc32(numpy.ascontiguousarray(engine.value(labels)), crc)
    return f"{rows.dtype} of shape {rows.shape} with the sum {crc:08x}"
