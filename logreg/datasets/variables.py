"""Data sets in shared variables, as an engine takes them: read ones, and pairs that are given."""

import zlib
from dataclasses import fields, replace
from inspect import Parameter, Signature, signature
from typing import Any

import numpy

from logreg import engine
from logreg.console import note
from logreg.datasets.arrays import as_array, check_features, pairs_of
from logreg.datasets.dataset import DataSet, read_dataset
from logreg.datasets.facts import Facts
from logreg.datasets.formats import mapping
from logreg.datasets.options import Preparation, TableOptions, divided
from logreg.datasets.preprocessing import PIXEL_SCALE, check_values
from logreg.datasets.splits import SPLITS, set_name
from logreg.errors import DatasetError, SettingError

OPTIONS = TableOptions, Preparation  # of load_data
N_SAMPLED = 1000  # rows of a digest, of features that are mapped from a file


def load_data(dataset: Any, label_column: Any = None, **options: Any) -> DataSet:
    """Load a data set into shared variables.

    Parameters
    ----------
    dataset : str, path-like, pandas.DataFrame or sequence of pairs
        As :func:`.read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.
    {options}

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
    how = [cls(**given) for cls, given in zip(OPTIONS, divided(options, *OPTIONS))]
    return shared(read_dataset(dataset, *how, dtype=engine.theano.config.floatX))


_FIELDS = [option for cls in OPTIONS for option in fields(cls)]
_HELP = [f"{f.name} : {f.metadata['needed']}\n        {f.metadata['help']}" for f in _FIELDS]
load_data.__doc__ = load_data.__doc__.replace("{options}", "\n    ".join(_HELP))
load_data.__signature__ = Signature(
    [
        *list(signature(load_data).parameters.values())[:2],
        *(Parameter(f.name, Parameter.KEYWORD_ONLY, default=f.default) for f in _FIELDS[1:]),
    ]
)


def shared(data):
    """Put the three sets of a :class:`DataSet` of arrays into shared variables of floatX."""
    floatx, sets = engine.theano.config.floatX, {}
    for split, (x, y) in zip(SPLITS, data):
        prepared = data.facts.preprocessing.apply(x, floatx)
        features = engine.shared_data(prepared)
        features.tag.facts = data.facts
        # A GPU of the tutorial's day holds floats only.
        sets[split] = features, engine.T.cast(engine.shared_data(y.astype(floatx)), "int32")
    return replace(data, **sets)


def stored(data):
    """Put the three sets of a :class:`DataSet` of arrays into shared variables as they are stored.

    Pixels stay bytes, a quarter of the memory, features that are mapped stay in their files, and
    labels stay integers. The first of a pair is a :class:`logreg.engine.Stored`.
    """
    floatx, preprocessing = engine.theano.config.floatX, data.facts.preprocessing
    prepare = None if preprocessing.means is None else preprocessing.apply
    are_pixels, sets = preprocessing.pixel_scale != 1 and prepare is None, {}
    for split, (x, y) in zip(SPLITS, data):
        how = ()
        if are_pixels or mapping(x) is not None:  # becomes floats a minibatch at a time
            how = preprocessing.pixel_scale, prepare
        x = numpy.ascontiguousarray(x) if how else preprocessing.apply(x, floatx)
        sets[split] = engine.stored(x, *how), engine.shared_data(y)
    return replace(data, **sets)


def given(datasets, x, y, sizes, batch_size):
    """Make a :class:`DataSet` of what :func:`logreg.sgd.fit` is given as data.

    Parameters
    ----------
    datasets : DataSet or sequence of three pairs
        Arrays are cast to the types of `x` and `y`, the symbolic variables of a minibatch; what is
        in shared variables stays there.
    x, y : symbolic variables
    sizes : tuple of int
        How many columns and classes the model has; 0 if that is not known.
    batch_size : int
        How many rows a minibatch has.

    Raises
    ------
    SettingError, DatasetError
        If they are no three pairs, or not of what the model takes.
    """
    (n_in, n_out), sets = sizes, {}
    for split, (features, labels) in pairs_of(datasets).items():
        where = set_name("the given arrays", split)
        if not (isinstance(features, engine.Stored) or hasattr(features, "get_value")):
            features = _features(x, features, where)
        shape = _values(features).shape
        sets[split] = features, _labels(y, labels, shape[0], n_out, where)
        if n_in and shape[1:] != (n_in,):
            raise SettingError(f"{where} x has shape {shape}, and the model takes {n_in} columns")
        if shape[0] < batch_size:
            raise SettingError(
                f"the batch size is {batch_size}, but the {SPLITS[split]} set has {shape[0]} rows"
            )
    scales = {split: engine.as_stored(features).scale for split, (features, _) in sets.items()}
    for split, scale in scales.items():
        if scale != scales["train"]:
            raise DatasetError(
                f"training x is multiplied by {scales['train']:g}, and {SPLITS[split]} x by "
                f"{scale:g}, since uint8 is divided by 256: give uint8 to all sets or to none"
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


def _features(x, features, where):
    features = check_features(features, where)
    check_values(features, where)
    if features.dtype == numpy.uint8 and x.dtype.startswith("float"):
        return engine.stored(numpy.ascontiguousarray(features), PIXEL_SCALE)
    return engine.shared_data(numpy.ascontiguousarray(features, x.dtype))


def _values(features):
    """The features of a set as they are stored."""
    return engine.as_stored(features).shared.get_value(borrow=True)


def _labels(y, labels, n_rows, n_out, where):
    """Check labels, and put them into a shared variable, if they are not in one."""
    is_given = not engine.is_symbolic(labels)
    values = as_array(labels, f"{where} y") if is_given else engine.value(labels)
    is_alike = values.shape[:1] == (n_rows,)
    if is_given:
        with numpy.errstate(invalid="ignore"):  # as of NaN
            cast = values.astype(y.dtype) if values.dtype.kind in "biuf" else values
        is_kept = y.dtype.startswith("float") or (cast == values).all()
        is_alike = is_alike and is_kept and (cast.dtype, cast.ndim) == (y.dtype, y.ndim)
    if not is_alike:
        raise SettingError(
            f"{where} y has shape {values.shape} and dtype {values.dtype}, x has {n_rows} rows, "
            f"and the symbolic y is {y.dtype} of {y.ndim} dimensions: each row needs such a label"
        )
    if is_given:
        labels = engine.shared_data(numpy.ascontiguousarray(cast))
    is_class = n_out and values.size and y.dtype.startswith(("int", "uint"))
    if is_class and not (values.min() >= 0 and values.max() < n_out):
        raise SettingError(
            f"{where} y has labels from {values.min():g} to {values.max():g}, and the model has "
            f"{n_out} classes: they must be numbered from 0 to {n_out - 1}"
        )
    return labels


def _facts(sets):
    """What is known of three pairs: all of it if they are of one :func:`load_data`."""
    features = [engine.as_stored(pair[0]) for pair in sets.values()]
    known = [getattr(each.shared.tag, "facts", None) for each in features]
    if known[0] and known[0] is known[1] is known[2]:
        return known[0]
    if any(facts and facts.feature_means is not None for facts in known):
        raise SettingError(
            "some of the given sets are standardized or filled, and by themselves: a model file "
            "could not tell how; give the three pairs that one `load_data` returned"
        )
    train = known[0] or Facts(pixel_scale=features[0].scale)
    n_in = int(numpy.prod(_values(features[0]).shape[1:]))
    return Facts(n_in=n_in, pixel_scale=train.pixel_scale, scale_all=train.scale_all)


def joined(data):
    """A :class:`DataSet` that trains on the training and the validation rows, in a random order."""
    xs, ys = zip(data.train, data.valid)
    x, y = numpy.concatenate([*map(_values, xs)]), numpy.concatenate([*map(engine.value, ys)])
    order = numpy.random.RandomState(data.facts.split_seed or 0).permutation(len(y))
    of_train = engine.as_stored(xs[0])
    features = engine.stored(x[order], of_train.scale, of_train.prepare)
    return replace(data, train=(features, engine.shared_data(y[order])))


def digest(features, labels):
    """What tells a set from another: its shape, and a checksum of its rows and its labels.

    Of features that are mapped from a file, about a thousand rows are read.

    Examples
    --------
    >>> from logreg.engine import theano
    >>> digest(theano.shared(numpy.eye(3, 2)), theano.shared(numpy.array([0, 2, 1], "int32")))
    'float64 of shape (3, 2) with the sum 67c349cd'
    """
    rows = engine.value(engine.as_stored(features).shared)
    every = 1
    if mapping(rows) is not None:
        every = len(rows) // N_SAMPLED or 1
    crc = zlib.crc32(numpy.ascontiguousarray(rows[::every]))
    crc = zlib.crc32(numpy.ascontiguousarray(engine.value(labels)), crc)
    return f"{rows.dtype} of shape {rows.shape} with the sum {crc:08x}"
