"""What :func:`logreg.sgd.fit` is given: checked and made ready before anything is compiled."""

import numpy

from logreg import engine
from logreg.datasets import PIXEL_SCALE, scaled
from logreg.datasets.checks import SPLITS, check_features, check_values
from logreg.errors import SettingError
from logreg.hyperparameters import Hyperparameters


def check_arguments(x, y, cost, errors, updates, datasets, hyperparameters):
    """Check the arguments of :func:`logreg.sgd.fit`.

    Returned are the updates as a list; the data sets in shared variables; and the parameters,
    which are the variables of the updates that the cost depends on.
    """
    if not isinstance(hyperparameters, Hyperparameters):
        kind = type(hyperparameters).__name__
        raise SettingError(f"hyperparameters is a {kind}: give a logreg.Hyperparameters(...)")
    for name, value in {"x": x, "y": y, "cost": cost, "errors": errors}.items():
        if not _is_symbolic(value):
            raise SettingError(
                f"{name} is a {type(value).__name__}: a symbolic variable is needed, such as "
                "T.matrix('x'); arrays are given as datasets"
            )
        if name in ("cost", "errors") and value.ndim != 0:
            raise SettingError(
                f"{name} has {value.ndim} dimensions: it must be one number for a minibatch, such "
                "as the T.mean of its rows"
            )
    updates = list(updates.items() if isinstance(updates, dict) else updates)
    for i, pair in enumerate(updates):
        _check_update(pair, f"updates[{i}]")
    of_cost = _ancestors([cost])
    both = of_cost | _ancestors([errors])
    if x not in both:
        raise SettingError(f"neither cost nor errors is made of {x}: give the x that they are of")
    # The number of classes is known if a LogisticRegression is in the graph.
    n_out = max((getattr(v.tag, "n_out", 0) for v in both), default=0)
    datasets = list(datasets)
    if len(datasets) != len(SPLITS) or any(len(pair) != 2 for pair in datasets):
        raise SettingError("datasets must be three pairs (x, y): for training, validation and test")
    datasets = [
        _ready(x, y, pair, f"the {split} set:", n_out)
        for split, pair in zip(SPLITS.values(), datasets)
    ]
    return updates, datasets, [variable for variable, _ in updates if variable in of_cost]


def _is_symbolic(value):
    return all(hasattr(value, name) for name in ("owner", "ndim", "dtype", "tag"))


def _ancestors(outputs):
    """The set of all variables that some expressions are made of, and of these themselves."""
    found, left = set(), list(outputs)
    while left:
        variable = left.pop()
        if variable not in found:
            found.add(variable)
            left += variable.owner.inputs if variable.owner else []
    return found


def _check_update(pair, source):
    is_pair = isinstance(pair, (tuple, list)) and len(pair) == 2
    if not (is_pair and hasattr(pair[0], "get_value") and _is_symbolic(pair[1])):
        raise SettingError(
            f"{source} must be a pair (shared variable, symbolic expression of its new value), as "
            "the rules of logreg.updates make them"
        )
    old, new = pair
    if (old.dtype, old.ndim) != (new.dtype, new.ndim):
        raise SettingError(
            f"{source}: {old} is {old.dtype} of {old.ndim} dimensions, and its new value is "
            f"{new.dtype} of {new.ndim}: they must be alike; T.cast changes a dtype"
        )


def _ready(x, y, pair, source, n_out):
    """Check a set, and put what of it is in NumPy arrays into shared variables."""
    features, labels = pair
    if not (isinstance(features, engine.Stored) or hasattr(features, "get_value")):
        features = _ready_features(x, features, source)
    values = _values(labels)
    n_rows = engine.n_rows_here(features)
    if values is not None and values.shape[:1] != (n_rows,):
        n = len(values) if values.ndim else "no"
        raise SettingError(f"{source} y has {n} rows, x has {n_rows}: each row needs its label")
    if not _is_symbolic(labels):
        labels = _ready_labels(y, values, source)
    is_class = n_out and values is not None and values.size and y.dtype.startswith(("int", "uint"))
    if is_class and not (values.min() >= 0 and values.max() < n_out):
        raise SettingError(
            f"{source} y has labels from {values.min():g} to {values.max():g}, and the model has "
            f"{n_out} classes: they must be numbered from 0 to {n_out - 1}"
        )
    return features, labels


def _ready_features(x, features, source):
    features = numpy.asarray(features)
    flat, _ = check_features(features, f"{source} x")
    check_values(flat, f"{source} x")
    if features.ndim != x.ndim:
        raise SettingError(
            f"{source} x has shape {features.shape}, and the symbolic x has {x.ndim} dimensions: "
            "they must be as many"
        )
    if features.dtype == numpy.uint8 and x.dtype.startswith("float"):
        return engine.stored(numpy.ascontiguousarray(features), PIXEL_SCALE)
    return engine.shared_data(scaled(features, x.dtype))


def _ready_labels(y, labels, source):
    is_alike = labels.dtype.kind in "biuf" and labels.ndim == y.ndim
    with numpy.errstate(invalid="ignore"):  # as of NaN
        ready = labels.astype(y.dtype) if is_alike else labels
    if not (is_alike and (y.dtype.startswith("float") or (ready == labels).all())):
        raise SettingError(
            f"{source} y is {labels.dtype} of shape {labels.shape}, and the symbolic y is "
            f"{y.dtype} of {y.ndim} dimensions: they must be alike, such as labels from 0 up"
        )
    return engine.shared_data(numpy.ascontiguousarray(ready))


def _values(labels):
    """Labels as a NumPy array: given as one, or in a shared variable; None if they are computed."""
    if _is_symbolic(labels) and labels.owner and "Cast" in str(labels.owner.op):
        labels = labels.owner.inputs[0]  # as load_data makes them
    if hasattr(labels, "get_value"):
        return engine.value(labels)
    return None if _is_symbolic(labels) else numpy.asarray(labels)
