"""Finds softmax regression in graphs, so that the native kernel can compute it.

What a graph computes besides, such as a penalty, is a few operations on the parameters. The
engine's interpreter runs them, so nothing is compiled. With LOGREG_KERNEL=0, the engine computes
all graphs.
"""

import itertools
from typing import Any, NamedTuple, Tuple

FLOATS = "float32", "float64"


class Regression(NamedTuple):
    """Softmax regression in a graph.

    W and b are shared variables. There are three kinds:

    - Without `classes` and `weights`, the labels y are classes, and all rows count alike.
    - With `weights` alone, a constant vector, a row counts as much as the weight of its class.
    - With both, shared vectors, y are row numbers: each row has its class and its weight there.
    """

    W: Any
    b: Any
    classes: Any = None
    weights: Any = None

    @property
    def params(self):
        return self.W, self.b


class Descent(NamedTuple):
    """Steps of descent on the cost of a regression, with a penalty and momentum."""

    regression: Regression
    l2: float
    velocities: Tuple[Any, ...]  # shared variables: those of W and b, or none
    rate: float
    momentum: float = 0.0


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


def shared_variables(outputs):
    """List the shared variables that expressions are made of."""
    return [variable for variable in ancestors(outputs) if hasattr(variable, "get_value")]


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
        if not variable.owner or not pattern.owner:
            return False
        is_alike = variable.owner.op == pattern.owner.op and variable.type == pattern.type
        return is_alike and self.equal_computations([variable], [pattern])

    def find_same(self, variables, pattern):
        """List the variables that are computed as a pattern is."""
        return [variable for variable in variables if self.is_same(variable, pattern)]

    def find_gradients(self, cost, params, expressions):
        """Find the gradients of a cost in expressions: a dict from each gradient to its parameter.

        A gradient is any variable that equals one of ``T.grad(cost, params)``.
        """
        found = {}
        variables = ancestors(expressions)
        gradients = self.T.grad(cost, params, disconnected_inputs="ignore")
        for param, gradient in zip(params, gradients):
            found.update(dict.fromkeys(self.find_same(variables, gradient), param))
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

        If there is none, they are [] and None. If a graph has several, only one is found. The
        others still need x and y, so the engine computes the whole graph.
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
            costs = self.find_same(variables, cost)
            if costs:
                return costs, found
        return [], None

    def find_descent(self, cost, updates, x, y):
        """Return the :class:`Descent` whose steps on `cost` are the `updates`, or None."""
        costs, regression = self.find_cost(ancestors([cost]), x, y)
        if regression is None or cost.dtype != x.dtype:
            return None
        l2 = [0.0]
        if cost not in costs:
            squares = (regression.W**2).sum()
            l2 = self._find_factors([cost], costs, 1, lambda factor: [costs[0] + factor * squares])
        steps = self._find_steps(cost, regression.params, dict(updates))
        if l2 is None or steps is None:
            return None
        return Descent(regression, *l2, *steps)

    def _find_steps(self, cost, params, new_values):
        """Find the velocities, the rate and, if there are velocities, the momentum of descent.

        `new_values` is the dict of updates. Returns None if they are no such descent.
        """
        gradients = self.find_gradients(cost, params, new_values.values())
        gradient_of = {param: gradient for gradient, param in gradients.items()}
        if not {*params} <= gradient_of.keys() & new_values.keys():
            return None
        # A variable is the velocity of a parameter that is updated by adding its new value.
        velocities = tuple(
            v
            for p, (v, new_velocity) in itertools.product(params, new_values.items())
            if v.type == p.type and self.is_same(new_values[p], p + new_velocity)
        )
        if new_values.keys() != {*params, *velocities}:
            return None

        def descend(rate):
            return [p - rate * gradient_of[p] for p in params]

        def descend_with_momentum(rate, momentum):
            return [momentum * v - rate * gradient_of[p] for p, v in zip(params, velocities)]

        if len(velocities) == len(params):  # a velocity of one alone is no descent of both
            changed = [new_values[v] for v in velocities]
            factors = self._find_factors(changed, gradients, 2, descend_with_momentum)
        else:
            changed = [new_values[p] for p in params]
            factors = self._find_factors(changed, gradients, 1, descend)
        if factors is None:
            return None
        return [velocities, *factors]

    def _find_factors(self, expressions, known, n, make_patterns):
        """Find `n` constants with which the expressions are ``make_patterns(*constants)``.

        They are not looked for inside the `known` variables. Returns None if there are none.
        """
        numbers = constants(ancestors(expressions, known.__contains__))
        for factors in itertools.product(numbers, repeat=n):
            if all(map(self.is_same, expressions, make_patterns(*factors))):
                return [float(factor.data) for factor in factors]
        return None

    def without_rows(self, outputs, x, y):
        """Replace what depends on the rows of x and y by inputs that the kernel computes.

        The first output is a cost, and the others may be made of its gradients.

        Returns
        -------
        outputs : list
            The same expressions, made of `inputs`.
        regression : Regression or None
            None if there is none, or if the outputs also depend on rows in another way: then they
            are unchanged.
        inputs : tuple of three variables
            The cost of the regression, without penalties, and its gradients by W and b.
        """
        T = self.T
        costs, regression = self.find_cost(ancestors(outputs), x, y)
        if regression is None:
            return outputs, None, ()
        W, b = regression.params
        kernel_cost = T.scalar(dtype=x.dtype)
        kernel_gradients = {W: W.type(), b: b.type()}
        replacements = dict.fromkeys(costs, kernel_cost)
        cost = self.clone(outputs[0], replacements)
        in_cost = ancestors([cost])
        gradients = self.find_gradients(outputs[0], regression.params, outputs[1:])
        for gradient, param in gradients.items():
            # The chain rule.
            factor = T.grad(cost, kernel_cost, disconnected_inputs="ignore")
            total = factor * kernel_gradients[param]
            if param in in_cost:  # a penalty
                total = T.grad(cost, param) + total
            replacements[gradient] = T.cast(total, param.dtype)  # the cost may be of another
        replaced = self.clone(outputs, replacements)
        if {x, y} & ancestors(replaced).keys():
            return outputs, None, ()
        return replaced, regression, (kernel_cost, *kernel_gradients.values())


def make_matcher(T, function, change_flags, Mode, Linker, clone, equal_computations):
    """Make the :class:`GraphMatcher` of an engine; the arguments are the engine's own."""
    linker = Linker(use_cloop=False, c_thunks=False, allow_gc=False)
    # Fused operations would run element by element.
    mode = Mode(linker, "fast_run").excluding("fusion")

    def interpreted_function(*args, **options):
        # With a compiler, the engine would compile C code to fold constants.
        with change_flags(cxx=""):
            return function(*args, mode=mode, **options)

    return GraphMatcher(T, interpreted_function, clone, equal_computations)
