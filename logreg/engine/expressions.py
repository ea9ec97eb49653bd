"""What is checked and found of the symbolic expressions that :func:`logreg.sgd.fit` is given."""

from logreg.basics.errors import SettingError
from logreg.engine.kernel_graph import ancestors, find_params, n_elements, shared_arrays


def is_symbolic(value):
    """Whether a value is a symbolic variable."""
    return all(hasattr(value, name) for name in ("owner", "ndim", "dtype", "tag"))


def analyze_expressions(matcher, x, y, numbers, updates):
    """Do what :func:`logreg.engine.analyze_expressions` does, with a GraphMatcher or None."""
    for name, value in {"x": x, "y": y, **numbers}.items():
        if not is_symbolic(value) or (name in numbers and value.ndim != 0):
            raise SettingError(
                f"{name} is {str(value)[:60]}: x and y must be symbolic variables, such as "
                f"T.matrix('x'), and {', '.join(numbers)} symbolic numbers for a minibatch, such "
                "as the T.mean of its rows; arrays are given as datasets"
            )
    updates = _checked_updates(updates)
    in_both = ancestors([numbers["cost"], numbers["errors"]])
    if x not in in_both:
        raise SettingError(f"neither cost nor errors is made of {x}: give the x that they contain")
    params = find_params(numbers["cost"], updates)
    if not params:
        raise SettingError(
            "the cost depends on no variable of updates: give the shared variables that it contains"
        )
    return updates, params, _sizes(matcher, x, y, in_both)


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
    for i, (variable, _) in enumerate(pairs):
        if any(variable is other for other, _ in pairs[:i]):
            raise SettingError(f"updates[{i}]: {variable} has a new value already: give it one")
    return pairs


def _sizes(matcher, x, y, variables):
    """Find n_in and n_out, the numbers of columns and classes of a graph; 0 where one is not known.

    n_in is the number of rows of the shared matrix W in ``dot(x, W)``. n_out is the length of the
    shared vector b in ``lt(y, b.shape[0])``: that is in the check of the labels that
    :class:`logreg.model.LogisticRegression` makes, also on top of other layers.
    """

    def size(ndim, make_pattern):
        params = shared_arrays(variables, ndim)
        found = [p for p in params if any(matcher.is_same(v, make_pattern(p)) for v in variables)]
        return max(map(n_elements, found), default=0)

    if not matcher:
        return 0, 0
    T = matcher.T
    return size(2, lambda W: T.dot(x, W)), size(1, lambda b: T.lt(y, b.shape[0]))
