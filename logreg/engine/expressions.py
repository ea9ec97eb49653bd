"""What is checked and found of the symbolic expressions that :func:`logreg.sgd.fit` is given."""

from logreg.engine.kernel_graph import ancestors, n_elements, shared_arrays
from logreg.errors import SettingError


def is_symbolic(value):
    """Whether a value is a symbolic variable."""
    return all(hasattr(value, name) for name in ("owner", "ndim", "dtype", "tag"))


def analyze_expressions(graph, x, y, numbers, updates):
    """Do what :func:`logreg.engine.analyze_expressions` does, with an engine's Kernel or None."""
    for name, value in {"x": x, "y": y, **numbers}.items():
        if not is_symbolic(value) or (name in numbers and value.ndim != 0):
            raise SettingError(
                f"{name} is {str(value)[:60]}: x and y must be symbolic variables, such as "
                f"T.matrix('x'), and {', '.join(numbers)} symbolic numbers for a minibatch, such "
                "as the T.mean of its rows; arrays are given as datasets"
            )
    updates = _checked_updates(updates)
    in_cost = ancestors([numbers["cost"]])
    in_both = ancestors([numbers["cost"], numbers["errors"]])
    if x not in in_both:
        raise SettingError(f"neither cost nor errors is made of {x}: give the x that they contain")
    params = [variable for variable, _ in updates if variable in in_cost]
    if not params:
        raise SettingError(
            "the cost depends on no variable of updates: give the shared variables that it contains"
        )
    return updates, params, _sizes(graph, x, y, in_both)


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


def _sizes(graph, x, y, variables):
    """Find how many columns of `x` and how many classes a graph takes; 0 where it is not known.

    The columns are the rows of the shared matrix by which the graph multiplies `x`. The classes are
    the elements of the shared vector with whose length it compares the labels, as
    :class:`logreg.model.LogisticRegression` does, on top of other layers, too.
    """

    def size(ndim, made_of):
        params = shared_arrays(variables, ndim)
        found = [p for p in params if any(graph.is_same(v, made_of(p)) for v in variables)]
        return max(map(n_elements, found), default=0)

    if not graph:
        return 0, 0
    T = graph.T
    return size(2, lambda W: T.dot(x, W)), size(1, lambda b: T.lt(y, b.shape[0]))
