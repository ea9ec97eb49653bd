"""Data sets in shared variables: a DataSet's, and pairs of arrays."""

from dataclasses import replace
from typing import Any, List, Optional, Union

import numpy

from logreg import engine
from logreg.datasets.checks import check_features, check_target
from logreg.datasets.dataset import read_dataset
from logreg.datasets.formats import mapping
from logreg.datasets.options import make_options
from logreg.datasets.parts import SPLITS, set_name
from logreg.datasets.preprocessing import PIXEL_SCALE, check_values, scaled
from logreg.errors import SettingError
from logreg.terminal.notes import note


class SharedSets(list):
    """Three pairs (x, y) of shared variables, and the DataSet that they are of, as `data`."""

    def __init__(self, data):
        super().__init__()
        self.data = replace(data, train=None, valid=None, test=None)


def load_data(
    dataset: Any, label_column: Union[str, int, None] = None, shuffle: Optional[bool] = None,
    split_seed: int = 0, standardize: Optional[bool] = None, missing: Optional[str] = None,
    drop: Union[str, List[str], None] = None, decimal: Optional[str] = None,
    na: Union[str, List[str], None] = None, header: Optional[bool] = None,
    encoding: Optional[str] = None,
) -> SharedSets:  # fmt: skip
    """Load a data set into shared variables.

    The options have the names and the meaning of those of ``python -m logreg.train``.

    Parameters
    ----------
    dataset : str, path-like, pandas.DataFrame or sequence of pairs
        As :func:`read_dataset` takes it. ``'mnist.pkl.gz'`` is fetched if it is nowhere.
    label_column : str or int, optional
        The label's column in a table: its name, or its number, counted from 1.
    shuffle : bool, optional
        Whether the training rows are shuffled before sets that are not given are split off. If
        None, those of tables are, and those of one array.
    split_seed : int
        Seed of the shuffling.
    standardize : bool, optional
        Whether each feature gets mean 0 and standard deviation 1 over the training rows. If None,
        those of tables do.
    missing : {None, 'mean'}
        Whether empty cells of a table get their column's mean; if not, they are an error.
    drop : str or list of str, optional
        Columns of a table that are left out: ``'id,name'``.
    decimal : {None, '.', ','}
        The decimal mark in a table.
    na : str or list of str, optional
        Texts that count as empty cells, beside ``NA``, ``?`` and the like.
    header : bool, optional
        Whether the first row of a table names the columns.
    encoding : str, optional
        That of a table's text. If None, it is UTF-8, or UTF-16 if the first bytes mark it.

    Returns
    -------
    SharedSets
        A list of (shared_x, y)
        for training, validation and test set: `shared_x` is a shared variable of floatX,
        shape (n, n_in); `y` an int32 expression over a shared variable of floatX, shape (n,).
        Labels other than 0 .. k - 1 are numbered so in their order, that of ``.data.class_labels``.
        With a list of these, :func:`logreg.fit` lets a model file know what was done to the data.

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
    floatx = engine.theano.config.floatX
    options = make_options(label_column, header, decimal, drop, missing, na, encoding)
    how = {"dtype": floatx, "split_seed": split_seed, "standardize": standardize}
    return shared_datasets(read_dataset(dataset, options, shuffle, announce=True, **how))


def shared_datasets(data, as_stored=False):
    """Put the three sets of a :class:`DataSet` into shared variables, as :func:`load_data` gives.

    With `as_stored`, pixels stay bytes, a quarter of the memory, features that are mapped stay in
    their files, and labels stay integers. That is for :func:`logreg.sgd.fit`: the first of a pair
    is then a :class:`logreg.engine.Stored`.
    """
    floatx, preprocessing = engine.theano.config.floatX, data.learnt.preprocessing
    prepare = None if preprocessing.means is None else preprocessing.apply
    are_pixels = preprocessing.pixel_scale != 1 and prepare is None
    shared = SharedSets(data)
    for x, y in (data.train, data.valid, data.test):
        # What stays as it is becomes floats a minibatch at a time.
        stays = as_stored and (are_pixels or mapping(x) is not None)
        x = numpy.ascontiguousarray(x) if stays else preprocessing.apply(x, floatx)
        if as_stored:
            how = (preprocessing.pixel_scale, prepare) if stays else ()
            features, labels = engine.stored(x, *how), engine.shared_data(y)
        else:  # a GPU of the tutorial's day holds floats only
            labels = engine.T.cast(engine.shared_data(y.astype(floatx)), "int32")
            features = engine.shared_data(x)
        shared.append((features, labels))
    return shared


def joined(first, second):
    """The rows of two sets, pairs of shared variables, as one such pair."""
    features, others = (engine.as_stored(x) for x, _ in (first, second))
    values = [x.shared.get_value(borrow=True) for x in (features, others)]
    labels = numpy.concatenate([engine.value(y) for _, y in (first, second)])
    x = engine.stored(numpy.concatenate(values), features.scale, features.prepare)
    return x, engine.shared_data(labels)


def shared_arrays(x, y, datasets, batch_size, n_in=0, n_out=0):
    """Check what :func:`logreg.sgd.fit` is given as data, and put arrays into variables.

    `datasets` are pairs for training, validation and test. Arrays are cast to the types of `x` and
    `y`, the symbolic variables of a minibatch; what is in shared variables stays there. If it is
    known that the model takes `n_in` columns, and has `n_out` classes, it must be so here.
    """
    datasets = list(datasets)
    are_pairs = all(isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in datasets)
    if len(datasets) != len(SPLITS) or not are_pairs:
        raise SettingError("datasets must be three pairs (x, y): for training, validation and test")
    shared = []
    for split, (features, labels) in zip(SPLITS, datasets):
        where = set_name("the given arrays", split)
        if not (isinstance(features, engine.Stored) or hasattr(features, "get_value")):
            features = _shared_features(x, features, where)
        shape = engine.as_stored(features).shared.get_value(borrow=True).shape
        if n_in and shape[1:] != (n_in,):
            raise SettingError(f"{where} x has shape {shape}, and the model takes {n_in} columns")
        shared.append((features, _shared_labels(y, labels, features, n_out, where)))
    n_rows = [engine.n_rows(features) for features, _ in shared]
    least, split = min(zip(n_rows, SPLITS.values()), key=lambda pair: pair[0])
    if least < batch_size:
        raise SettingError(f"the batch size is {batch_size}, but the {split} set has {least} rows")
    n_left = n_rows[0] % batch_size
    if 10 * n_left >= n_rows[0]:
        note(
            f"note: {n_left} of the {n_rows[0]} training rows are left over by minibatches of "
            f"{batch_size} rows, and never trained on: another batch size leaves fewer"
        )
    return shared


def _shared_features(x, features, where):
    features = check_features(features, where)
    check_values(features, where)
    if features.dtype == numpy.uint8 and x.dtype.startswith("float"):
        return engine.stored(numpy.ascontiguousarray(features), PIXEL_SCALE)
    return engine.shared_data(scaled(features, x.dtype))


def _shared_labels(y, labels, features, n_out, where):
    is_given = not engine.is_symbolic(labels)
    values = labels if is_given else engine.value(labels)
    values = check_target(values, engine.n_rows(features), where)
    if is_given:
        is_alike = values.dtype.kind in "biuf" and values.ndim == y.ndim
        with numpy.errstate(invalid="ignore"):  # as of NaN
            cast = values.astype(y.dtype) if is_alike else values
        if not (is_alike and (y.dtype.startswith("float") or (cast == values).all())):
            raise SettingError(
                f"{where} y is {values.dtype} of shape {values.shape}, and the symbolic y is "
                f"{y.dtype} of {y.ndim} dimensions: they must be alike, such as labels from 0 up"
            )
        labels = engine.shared_data(numpy.ascontiguousarray(cast))
    is_class = n_out and values.size and y.dtype.startswith(("int", "uint"))
    if is_class and not (values.min() >= 0 and values.max() < n_out):
        raise SettingError(
            f"{where} y has labels from {values.min():g} to {values.max():g}, and the model has "
            f"{n_out} classes: they must be numbered from 0 to {n_out - 1}"
        )
    return labels
