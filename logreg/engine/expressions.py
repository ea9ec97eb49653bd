"""The symbolic expressions that a model is trained by, their check, and their sizes."""

from typing import Any, List, NamedTuple

from logreg.basics.errors import SettingError
from logreg.engine.kernel_graph import ancestors, find_params, is_shared, shared_floats
from logreg.engine.marks import marked_parts
from logreg.engine.sets import Minibatch


class Expressions(NamedTuple):
    """The symbolic expressions over a minibatch that are arguments of :func:`logreg.sgd.fit`."""

    minibatch: Minibatch
    cost: Any
    errors: Any
    loss: Any
    updates: List[Any]  # pairs of a shared variable and the expression of its new value


class ModelParts(NamedTuple):
    """What expressions are made of."""

    params: List[Any]  # the variables of the updates that the cost depends on
    statistics: List[Any]  # those that the errors or the loss depend on, and the cost does not
    n_in: int  # the numbers of columns and classes of the model, 0 where they are not known
    n_out: int


def is_symbolic(value):
    """Whether a value is a symbolic variable."""
    return all(hasattr(value, name) for name in ("owner", "ndim", "dtype", "tag"))


def check_expressions(expressions):
    """Check expressions that a user gave: return them, with a list of pairs as their updates."""
    minibatch, cost, errors, loss, _ = expressions
    x, y, weights = minibatch
    scalars = {"cost": cost, "errors": errors, "loss": loss}
    for name, value in {"x": x, "y": y, **scalars}.items():
        if not is_symbolic(value) or (name in scalars and value.ndim != 0):
            raise SettingError(
                f"{name} is {str(value)[:60]}: x and y must be symbolic variables, such as "
                f"T.matrix('x'), and {', '.join(scalars)} symbolic numbers for a minibatch, such "
                "as the T.mean of its rows; arrays are given as datasets"
            )
    variables = ancestors([cost, errors, loss])
    if x not in variables:
        raise SettingError(f"neither cost nor errors is made of {x}: give the x that they contain")
    if weights is not None and weights not in variables:
        raise SettingError(f"neither cost nor errors is made of the weights {weights}")
    updates = _checked_updates(expressions.updates)
    if not find_params(cost, updates):
        raise SettingError(
            "the cost depends on no variable of updates: give the shared variables that it contains"
        )
    return expressions._replace(updates=updates)


def _checked_updates(updates):
    """Make a list of pairs of updates, which may be a dict.

    A SettingError says that they are no updates, or which variable has two new values.
    """
    pairs = updates.items() if isinstance(updates, dict) else updates
    try:
        pairs = [(variable, new) for variable, new in pairs]
        are_pairs = all(is_shared(variable) and is_symbolic(new) for variable, new in pairs)
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


def find_parts(matcher, expressions):
    """Find the :class:`ModelParts` of expressions; the engine's GraphMatcher may be None."""
    minibatch, cost, errors, loss, updates = expressions
    params = find_params(cost, updates)
    variables = ancestors([cost, errors, loss])
    # Such as running means of batch normalization, which the errors read and the cost does not.
    statistics = [v for v, _ in updates if v in variables and v not in params]
    n_in = 0
    if matcher:
        for W in shared_floats(variables, 2):
            if matcher.find_same(variables, matcher.T.dot(minibatch.x, W)):
                n_in = _length(W, 0)
    n_out = 0
    for variable in variables:
        parts = marked_parts(variable, "cost") or marked_parts(variable, "errors")
        if parts:
            _, W, b, labels, _ = parts  # their order is that of engine.mark
            if labels is minibatch.y:
                n_out = max([n_out, *(_length(param, -1) for param in (W, b) if is_shared(param))])
    return ModelParts(params, statistics, n_in, n_out)


def _length(shared, axis):
    """The length of an axis of a shared variable."""
    return shared.get_value(borrow=True).shape[axis]
