"""Data sets as a training takes them: their rows in shared variables, as they are stored."""

import zlib
from dataclasses import dataclass, replace

import numpy

from logreg import engine
from logreg.basics.errors import DatasetError, SettingError
from logreg.datasets.shared_sets import LoadedData
from logreg.engine import RowSet
from logreg.parts.arrays import as_array, check_features, pairs_of
from logreg.parts.facts import Facts
from logreg.parts.formats import find_usable_map
from logreg.parts.preprocessing import PIXEL_SCALE, check_values
from logreg.parts.splits import SPLITS, set_name

GIVEN = "the given arrays"  # as messages call them
N_SAMPLED = 1000  # rows of a digest, of features that are mapped from a file


@dataclass(frozen=True, eq=False)
class TrainingData:
    """A data set as a training takes it: three :class:`logreg.engine.RowSet`, and their facts.

    Whoever made it has checked it.
    """

    facts: Facts
    train: RowSet
    valid: RowSet
    test: RowSet
    split_off: tuple = ()  # the names of the sets that were split off the training rows

    @property
    def sets(self):
        """The three sets, by their names."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    @property
    def n_bytes(self):
        """The size of the features as they are stored."""
        return sum(row_set.features.array.nbytes for row_set in self.sets.values())

    @property
    def is_weighted(self):
        """Whether rows count as their weights say."""
        return self.train.weights is not None


def share_dataset(data):
    """Make :class:`TrainingData` of a :class:`.DataSet`, whose features stay as they are stored.

    Pixels stay bytes, a quarter of the memory, features that are mapped stay in their files, and
    labels stay integers.
    """
    preprocessing = data.facts.preprocessing
    prepare = None if preprocessing.means is None else preprocessing.apply
    are_pixels = preprocessing.pixel_scale != 1 and prepare is None
    # Raw features become floats a minibatch at a time. A refit joins the training and the
    # validation set, so all are stored alike, as the training set is.
    is_stored_raw = are_pixels or data.is_mapped
    scale = preprocessing.factor
    if not is_stored_raw:  # they are prepared here
        prepare = None
        scale = 1.0
    # Where there is a `prepare`, it scales, too, and the engine does not.
    sets = {}
    for split, (x, y) in zip(SPLITS, data):
        if is_stored_raw:
            x = numpy.ascontiguousarray(x)
        else:
            x = preprocessing.apply(x, engine.theano.config.floatX)
        features = engine.stored(x, scale, prepare, data.is_mapped)
        weights = data.weights[split] if data.weights else None
        sets[split] = RowSet(features, engine.shared_data(y), weights)
    return TrainingData(data.facts, **sets, split_off=data.split_off)


def share_given(datasets, minibatch, sizes):
    """Make :class:`TrainingData` of what :func:`logreg.sgd.fit` is given as data.

    Parameters
    ----------
    datasets : LoadedData or sequence of three pairs
        Arrays are cast to the types of the symbolic variables; what is in shared variables stays
        there.
    minibatch : Minibatch
        The symbolic variables that the rows take the place of.
    sizes : ModelParts
        Its `n_in` and `n_out` are the numbers of columns and of classes of the model, or 0.

    Raises
    ------
    SettingError, DatasetError
        If they are no three pairs, or not of what the model takes.
    """
    if isinstance(datasets, LoadedData):
        data = share_loaded(datasets)
    else:
        data = _share_pairs(pairs_of(datasets), minibatch, sizes.n_out)
    if data.is_weighted and minibatch.weights is None:
        raise SettingError(
            "the rows of the data have weights, and the cost has none: give `weights`, a symbolic "
            "vector that cost and errors contain, as negative_log_likelihood(y, weights) does"
        )
    if minibatch.weights is not None and not data.is_weighted:
        raise SettingError("the cost has `weights`, and the data have none: give `weight_column`")
    for split, row_set in data.sets.items():
        where = set_name(data.facts.dataset or GIVEN, split)
        shape = row_set.features.array.shape
        # The last axis counts: a net over sequences takes x of shape (n, length, n_in).
        if len(shape) != minibatch.x.ndim or (sizes.n_in and shape[-1] != sizes.n_in):
            columns = f" and {sizes.n_in} columns" if sizes.n_in else ""
            raise SettingError(
                f"{where} x has shape {shape}, and the model takes {minibatch.x.ndim} dimensions"
                f"{columns}"
            )
    if data.facts.n_out and sizes.n_out and data.facts.n_out > sizes.n_out:
        raise SettingError(
            f"{data.facts.dataset} has {data.facts.n_out} classes, and the model {sizes.n_out}"
        )
    return data


def share_loaded(data):
    """Make :class:`TrainingData` of the shared variables of :func:`load_data`."""
    sets = {}
    for split, (features, labels) in zip(SPLITS, data):
        weights = data.weights[split] if data.weights else None
        sets[split] = RowSet(engine.Features(features), labels, weights)
    return TrainingData(data.facts, **sets, split_off=data.split_off)


def _share_pairs(pairs, minibatch, n_out):
    """Check the pairs that somebody made; put arrays into shared variables."""
    sets = {}
    for split, (x, y) in pairs.items():
        where = set_name(GIVEN, split)
        features = _share_features(minibatch.x, x, where)
        labels = _share_labels(minibatch.y, y, len(features.array), n_out, where)
        sets[split] = RowSet(features, labels)
        scale = sets["train"].features.scale  # a factor: 1 / `pixel_scale`
        if features.scale != scale:
            raise DatasetError(
                f"training x is multiplied by {scale:g}, and {SPLITS[split]} x by "
                f"{features.scale:g}, since uint8 is divided by 256: give uint8 to all sets or to "
                "none"
            )
    return TrainingData(_facts_of(pairs, sets["train"].features), **sets)


def _facts_of(pairs, features):
    """Find the facts of three pairs: those of the :func:`load_data` that made all of them."""
    all_facts = [getattr(pair, "facts", None) for pair in pairs.values()]
    if all_facts[0] and all_facts[0] is all_facts[1] is all_facts[2]:
        return all_facts[0]
    if any(facts and facts.feature_means is not None for facts in all_facts):
        raise SettingError(
            "some of the given sets were standardized or filled apart from the others: a model "
            "file could not tell how; give the three pairs that one `load_data` returned"
        )
    n_in = int(numpy.prod(features.array.shape[1:]))
    # The pairs were loaded apart, and their features have been scaled. Their facts may differ: the
    # model is for features like the training set's.
    if all_facts[0]:
        train = all_facts[0]
        return Facts(
            n_in=n_in, pixel_scale=train.pixel_scale, has_given_scale=train.has_given_scale
        )
    return Facts(n_in=n_in, pixel_scale=1 / features.scale)


def _share_features(symbolic_x, x, where):
    """Make :class:`logreg.engine.Features`; an array is cast to the type of the symbolic x."""
    if hasattr(x, "get_value"):
        return engine.Features(x)
    x = check_features(x, where)
    check_values(x, where)
    scale = 1.0
    dtype = symbolic_x.dtype
    if x.dtype == numpy.uint8 and dtype.startswith("float"):
        scale = 1 / PIXEL_SCALE
        dtype = x.dtype  # the bytes become floats a minibatch at a time
    x = numpy.ascontiguousarray(x, dtype)
    return engine.stored(x, scale, is_mapped=find_usable_map(x) is not None)


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
    is_class = n_out and values.size and symbolic_y.dtype.startswith(("int", "uint"))
    if is_class and not (values.min() >= 0 and values.max() < n_out):
        raise SettingError(
            f"{where} y has labels from {values.min():g} to {values.max():g}, and the model has "
            f"{n_out} classes: they must be numbered from 0 to {n_out - 1}"
        )
    return engine.shared_data(numpy.ascontiguousarray(cast)) if is_array else labels


def join_training_and_validation(data):
    """Make :class:`TrainingData` whose training set has both sets' rows, in a random order."""
    both = [data.train, data.valid]
    x = numpy.concatenate([row_set.features.array for row_set in both])
    y = numpy.concatenate([engine.value(row_set.labels) for row_set in both])
    order = numpy.random.RandomState(data.facts.split_seed or 0).permutation(len(y))
    weights = None
    if data.is_weighted:
        weights = numpy.concatenate([row_set.weights for row_set in both])[order]
    features = data.train.features
    features = engine.stored(x[order], features.scale, features.prepare)
    return replace(data, train=RowSet(features, engine.shared_data(y[order]), weights))


def digest(row_set):
    """Describe a set by its shape and a checksum of its rows and labels, to tell it from others.

    Of features that are mapped from a file, about a thousand rows are read.

    Examples
    --------
    >>> from logreg.engine import Features, theano
    >>> labels = theano.shared(numpy.array([0, 2, 1], "int32"))
    >>> digest(RowSet(Features(theano.shared(numpy.eye(3, 2))), labels))
    'float64 of shape (3, 2) with the sum 67c349cd'
    """
    rows = engine.value(row_set.features.shared)
    every = 1
    if row_set.features.is_mapped:
        every = len(rows) // N_SAMPLED or 1
    crc = zlib.crc32(numpy.ascontiguousarray(rows[::every]))
    crc = zlib.crc32(numpy.ascontiguousarray(engine.value(row_set.labels)), crc)
    return f"{rows.dtype} of shape {rows.shape} with the sum {crc:08x}"
