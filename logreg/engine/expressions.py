"""Checks the symbolic expressions that :func:`logreg.sgd.fit` is given, and finds their sizes."""

from logreg.basics.errors import SettingError
from logreg.engine.kernel_graph import ancestors, find_params, n_elements, shared_arrays


def is_symbolic(value):
    """Whether a value is a symbolic variable."""
    return all(hasattr(value, name) for name in ("owner", "ndim", "dtype", "tag"))


def analyze_expressions(matcher, x, y, scalars, updates):
    """Do what :func:`logreg.engine.analyze_expressions` does, with a GraphMatcher or None."""
    for name, value in {"x": x, "y": y, **scalars}.items():
        if not is_symbolic(value) or (name in scalars and value.ndim != 0):
            raise SettingError(
                f"{name} is {str(value)[:60]}: x and y must be symbolic variables, such as "
                f"T.matrix('x'), and {', '.join(scalars)} symbolic numbers for a minibatch, such "
                "as the T.mean of its rows; arrays are given as datasets"
            )
    updates = _checked_updates(updates)
    variables = ancestors(scalars.values())
    if x not in variables:
        raise SettingError(f"neither cost nor errors is made of {x}: give the x that they contain")
    params = find_params(scalars["cost"], updates)
    if not params:
        raise SettingError(
            "the cost depends on no variable of updates: give the shared variables that it contains"
        )
    # Such as running means of batch normalization, which the errors read and the cost does not.
    statistics = [v for v, _ in updates if v in variables and v not in params]
    return updates, params, statistics, _sizes(matcher, x, y, variables)


def _checked_updates(updates):
    """Make a list of pairs of updates, which may be a dict.

    A SettingError says that they are no updates, or which variable has two new values.
    """
    pairs = updates.items() if isinstance(updates, dict) else updates
    try:
        pairs = [(variable, new) for variable, new in pairs]
        are_pairs = all(hasattr(v, "get_value") and is_symbolic(new) for v, new in pairs)
    except (TypeError, ValueError):
        are_pairs = False
    if not are_pairs:
        raise SettingError(
            f"updates is {str(updates)[:60]}: pairs (shared variable, symbolic new value) are "
            "needed"
        )
    updated = set()
    for i, (variable, _) in enumerate(pairs):
        if variable in updated:
            raise SettingError(f"updates[{i}]: {variable} has a new value already: give it one")
        updated.add(variable)
    return pairs


def _sizes(matcher, x, y, variables):
    """Find n_in and n_out, the numbers of columns and classes of a graph; 0 where one is not known.

    n_in is the number of rows of the shared matrix W in ``dot(x, W)``. n_out is the length of the
    shared vector b in ``lt(y, b.shape[0])``: this is a part of :func:`.checked_labels`, which
    :class:`logreg.model.LogisticRegression` puts into the cost, also on top of other layers.
    """
    n_in = 0
    n_out = 0
    if matcher:
        T = matcher.T
        for W in shared_arrays(variables, 2):
            if matcher.find_same(variables, T.dot(x, W)):
                n_in = max(n_in, n_elements(W))
        for b in shared_arrays(variables, 1):
            if matcher.find_same(variables, T.lt(y, b.shape[0])):
                n_out = max(n_out, n_elements(b))
    return n_in, n_out
