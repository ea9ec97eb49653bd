"""Finds softmax regression in graphs, so that the native kernel can compute it.

If only a few operations on the parameters are left, the engine's interpreter runs them, and nothing
is compiled. With LOGREG_KERNEL=0, the engine computes all graphs.
"""

import itertools
from typing import Any, NamedTuple, Tuple

from logreg.kernel import rules

FLOATS = "float32", "float64"


class Regression(NamedTuple):
    """Softmax regression in a graph.

    W and b are shared variables. The labels y are classes, unless a shared vector has the `classes`
    of all rows: then they are row numbers. The weight of a row in the cost is the element of the
    vector `weights` at its label; without `weights`, all are 1.
    """

    W: Any
    b: Any
    classes: Any = None
    weights: Any = None


class Descent(NamedTuple):
    """Steps of descent on the cost of a regression, with a penalty and momentum."""

    regression: Regression
    rate: float
    l2: float
    momentum: float
    velocities: Tuple[Any, ...]  # shared variables: those of W and b


class ParameterUpdate(NamedTuple):
    """How one parameter is updated; `momentum` and its `velocity` are None in plain descent."""

    rate: float
    momentum: Any = None
    velocity: Any = None


def checked_labels(T, y, n_out):
    """Make an expression of labels `y` that raises an error unless all are in 0 .. n_out - 1."""
    are_classes = T.all(T.and_(T.ge(y, 0), T.lt(y, n_out)))
    message = "a label is not in 0 .. n_out - 1: number the classes from 0"
    return T.opt.Assert(message)(y, are_classes)


def ancestors(outputs, is_end=lambda variable: False):
    """Find all variables that expressions are made of, and these themselves: the keys of a dict.

    The search does not go beyond a variable for which ``is_end(variable)`` is true.
    """
    seen = {}
    left = list(outputs)
    while left:
        variable = left.pop()
        if variable not in seen:
            seen[variable] = None
            if variable.owner and not is_end(variable):
                left += variable.owner.inputs
    return seen


def find_params(cost, updates):
    """List the variables of the updates that a cost depends on: its parameters."""
    in_cost = ancestors([cost])
    return [variable for variable, _ in updates if variable in in_cost]


def constants(variables, ndim=0):
    """List the constants of `ndim` dimensions."""
    return [v for v in variables if hasattr(v, "data") and getattr(v, "ndim", None) == ndim]


def shared_arrays(variables, ndim, dtypes=FLOATS):
    """List the shared variables of `ndim` dimensions and some dtypes."""
    shared = [v for v in variables if hasattr(v, "get_value") and getattr(v, "ndim", None) == ndim]
    return [variable for variable in shared if variable.dtype in dtypes]


def candidates(variables, x, y, dtypes):
    """Yield what a regression on x and y may be, with parameters of some dtypes.

    There is none for rows or labels that the kernel does not take.
    """
    if x.ndim != 2 or "int" not in y.dtype:
        return
    matrices = shared_arrays(variables, 2, dtypes)
    vectors = shared_arrays(variables, 1, dtypes)
    classes_of_rows = shared_arrays(variables, 1, ["int32"])
    weights_of_rows = shared_arrays(variables, 1, [x.dtype])
    for W, b in itertools.product(matrices, vectors):
        n_out = n_elements(b)
        if n_out != W.get_value(borrow=True).shape[1]:
            continue
        yield Regression(W, b)
        for weights in constants(variables, 1):
            if weights.dtype == W.dtype and len(weights.data) == n_out:
                yield Regression(W, b, None, weights)
        for classes, weights in itertools.product(classes_of_rows, weights_of_rows):
            if n_elements(classes) == n_elements(weights):
                yield Regression(W, b, classes, weights)


def n_elements(shared):
    """Count the elements of a shared vector, or the rows of a matrix."""
    return len(shared.get_value(borrow=True))


class GraphMatcher:
    """Finds softmax regression in graphs, by some functions of an engine.

    A shared matrix and a shared vector of a graph may be W and b, if their shapes fit. With each
    such pair, the expressions of a :class:`logreg.model.LogisticRegression` are built; then equal
    ones are looked for in the graph.

    `interpreted_function` is like the engine's `function`, and compiles nothing.
    """

    def __init__(self, T, interpreted_function, clone, equal_computations):
        self.T = T
        self.interpreted_function = interpreted_function
        self.clone = clone
        self.equal_computations = equal_computations

    def is_same(self, variable, pattern):
        """Whether a variable is computed as a pattern is, of the same variables."""
        one = variable.owner
        other = pattern.owner
        may_be = one and other and one.op == other.op and variable.type == pattern.type
        return bool(may_be) and self.equal_computations([variable], [pattern])

    def find_gradients(self, cost, params, expressions):
        """Find the gradients of a cost in expressions: a dict from each gradient to its parameter.

        A gradient is any variable that equals one of ``T.grad(cost, params)``.
        """
        found = {}
        variables = ancestors(expressions)
        gradients = self.T.grad(cost, params, disconnected_inputs="ignore") if params else []
        for param, gradient in zip(params, gradients):
            found.update((v, param) for v in variables if self.is_same(v, gradient))
        return found

    def find_error_rate(self, errors, x, y):
        """Return the :class:`Regression` if `errors` is its error rate on x and y, else None."""
        T = self.T
        for found in candidates(ancestors([errors]), x, y, FLOATS):
            W, b, classes, weights = found
            labels = y if classes is None else classes[y]
            is_wrong = T.neq(T.argmax(T.nnet.softmax(T.dot(x, W) + b), axis=1), labels)
            if weights is not None:
                is_wrong = weights[y] * is_wrong
            if self.is_same(errors, T.mean(is_wrong)):
                return found
        return None

    def find_cost(self, variables, x, y):
        """Find a softmax regression: return the variables that are its cost, and the Regression.

        If there is none, they are [] and None. If a graph has several, only one is found. The rest
        still need x and y, so the engine computes the whole graph.
        """
        T = self.T
        for found in candidates(variables, x, y, [x.dtype]):
            W, b, classes, weights = found
            if classes is None:
                # The cost contains this check. The kernel also checks the labels itself.
                labels = checked_labels(T, y, b.shape[0])
                places_of_weights = labels
            else:
                labels = classes[y]
                places_of_weights = y
            log_p = T.log(T.nnet.softmax(T.dot(x, W) + b))
            log_likelihoods = log_p[T.arange(labels.shape[0]), labels]
            if weights is not None:
                log_likelihoods = weights[places_of_weights] * log_likelihoods
            cost = -T.mean(log_likelihoods)
            costs = [v for v in variables if self.is_same(v, cost)]
            if costs:
                return costs, found
        return [], None

    def find_descent(self, cost, updates, x, y):
        """Return the :class:`Descent` if `updates` are the steps of one on `cost`, else None."""
        costs, regression = self.find_cost(ancestors([cost]), x, y)
        if regression is None:
            return None
        l2 = self._find_l2(cost, costs, regression.W)
        if l2 is None:
            return None
        params = regression[:2]
        new = dict(updates)
        gradients = self.find_gradients(cost, params, [*new.values()])
        W_update, b_update = (self._find_update(param, new, gradients) for param in params)
        if not W_update or not b_update or W_update[:2] != b_update[:2]:
            return None
        rate, momentum, velocity = W_update
        velocities = () if momentum is None else (velocity, b_update.velocity)
        if new.keys() != {*params, *velocities}:
            return None
        # In the first versions of the arithmetic, the engine takes steps with l2 or momentum.
        if (l2 or velocities) and rules.current() < rules.KERNEL_STEPS:
            return None
        return Descent(regression, rate, l2, momentum or 0.0, velocities)

    def _find_l2(self, cost, costs, W):
        """Find the factor l2 of the penalty ``l2 * sum(W ** 2)`` in `cost`; None if it has another.

        `costs` are the variables that are the cost without a penalty.
        """
        if cost in costs:
            return 0.0
        squares = (W**2).sum()
        for l2, variable in itertools.product(constants(ancestors([cost])), costs):
            if cost.dtype == W.dtype and self.is_same(cost, variable + l2 * squares):
                return float(l2.data)
        return None

    def _find_update(self, param, new, gradients):
        """Find the :class:`ParameterUpdate` of a parameter; None if it is updated in another way.

        `new` is the dict of updates, and `gradients` that of :meth:`find_gradients`.
        """
        if param not in new:
            return None
        new_param = new[param]
        made_of = ancestors([new_param], gradients.__contains__)
        gradient = next((v for v in made_of if gradients.get(v) is param), None)
        if gradient is None:
            return None
        numbers = constants(made_of)
        for rate in numbers:
            if self.is_same(new_param, param - rate * gradient):
                return ParameterUpdate(float(rate.data))
        for velocity, step in new.items():
            if velocity.type != param.type or not self.is_same(new_param, param + step):
                continue
            for momentum, rate in itertools.product(numbers, repeat=2):
                if self.is_same(step, momentum * velocity - rate * gradient):
                    return ParameterUpdate(float(rate.data), float(momentum.data), velocity)
        return None

    def without_rows(self, outputs, params, x, y):
        """Replace what depends on rows in graphs by inputs that the kernel computes.

        The first output is a cost, and the others may be made of its gradients by `params`.

        Returns
        -------
        outputs : list
            The same expressions, made of `inputs`.
        regression : Regression or None
            None if there is none, or if the outputs also depend on rows in another way: then they
            are unchanged.
        inputs : tuple of three variables
            Its cost, and the gradients of that by W and b.
        """
        T = self.T
        costs, regression = self.find_cost(ancestors(outputs), x, y)
        if regression is None:
            return outputs, None, ()
        kernel_cost = T.scalar(dtype=x.dtype)
        inputs = kernel_cost, regression.W.type(), regression.b.type()
        new = dict.fromkeys(costs, kernel_cost)
        cost = self.clone(outputs[0], new)
        gradients = self.find_gradients(outputs[0], params, outputs[1:])
        kernel_gradients = dict(zip(regression[:2], inputs[1:]))
        in_cost = ancestors([cost])
        for gradient, param in gradients.items():
            # The chain rule: direct part + d cost / d kernel_cost * the kernel's gradient.
            terms = [T.grad(cost, param)] if param in in_cost else []
            if kernel_cost in in_cost and param in kernel_gradients:
                terms.append(T.grad(cost, kernel_cost) * kernel_gradients[param])
            # The cost may be of another dtype.
            new[gradient] = T.cast(sum(terms[1:], terms[0]), param.dtype)
        replaced = self.clone(outputs, new)
        if {x, y} & ancestors(replaced).keys():
            return outputs, None, ()
        return replaced, regression, inputs


def make_matcher(T, function, change_flags, Mode, Linker, clone, equal_computations):
    """Make the :class:`GraphMatcher` of an engine, with these of the engine's own names."""
    linker = Linker(use_cloop=False, c_thunks=False, allow_gc=False)
    # Fused operations would run element by element.
    mode = Mode(linker, "fast_run").excluding("fusion")

    def interpreted_function(*args, **options):
        with change_flags(cxx=""):  # C code would fold constants, or loop over operations
            return function(*args, mode=mode, **options)

    return GraphMatcher(T, interpreted_function, clone, equal_computations)
