"""The native kernel in place of what stands in graphs for softmax regression.

A graph of it and of a few operations on the parameters needs no compiling: the engine's own
interpreter runs it. LOGREG_KERNEL=0 leaves every graph alone.
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


class Rule(NamedTuple):
    """How one parameter is updated."""

    rate: float
    momentum: Any = None  # None without
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
            left += variable.owner.inputs if variable.owner and not is_end(variable) else []
    return seen


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
    pairs = itertools.product(*(shared_arrays(variables, ndim, dtypes) for ndim in (2, 1)))
    vectors = itertools.product(*(shared_arrays(variables, 1, [t]) for t in ("int32", x.dtype)))
    of_rows = [pair for pair in vectors if len({*map(n_elements, pair)}) == 1]
    for W, b in pairs:
        n_out = n_elements(b)
        if n_out == W.get_value(borrow=True).shape[1]:
            yield Regression(W, b)
            for weights in constants(variables, 1):
                if (weights.dtype, len(weights.data)) == (W.dtype, n_out):
                    yield Regression(W, b, None, weights)
            for classes, weights in of_rows:
                yield Regression(W, b, classes, weights)


def n_elements(shared):
    """Count the elements of a shared vector, or the rows of a matrix."""
    return len(shared.get_value(borrow=True))


class Kernel:
    """Finds softmax regression in graphs, by some functions of an engine.

    Of the shared variables in a graph, each matrix and vector that fit may be W and b: from them,
    the expressions of a :class:`logreg.model.LogisticRegression` are made, and what equals them is
    found.
    """

    def __init__(self, T, function, clone, equal_computations):
        self.T = T
        self.function = function  # which compiles nothing
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

    def classifier(self, errors, x, y):
        """Find the :class:`Regression` whose error rate on x and y an expression is, or None."""
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

    def regression(self, variables, x, y):
        """Find a softmax regression: the variables that are its cost, and the Regression or None.

        One of several in a graph is found, and then the others make it the engine's.
        """
        T = self.T
        for found in candidates(variables, x, y, [x.dtype]):
            W, b, classes, weights = found
            rows = labels = checked_labels(T, y, b.shape[0])  # at which the kernel looks itself
            if classes is not None:
                rows = y
                labels = classes[y]
            log_p = T.log(T.nnet.softmax(T.dot(x, W) + b))
            log_likelihoods = log_p[T.arange(labels.shape[0]), labels]
            if weights is not None:
                log_likelihoods = weights[rows] * log_likelihoods
            cost = -T.mean(log_likelihoods)
            costs = [v for v in variables if self.is_same(v, cost)]
            if costs:
                return costs, found
        return [], None

    def descent(self, cost, updates, x, y):
        """Find the :class:`Descent` that updates are; None if they are another rule."""
        costs, regression = self.regression(ancestors([cost]), x, y)
        l2 = regression and self._penalty(cost, costs, regression.W)
        if l2 is None:
            return None
        params = regression[:2]
        new = dict(updates)
        gradients = self.find_gradients(cost, params, [*new.values()])
        W_rule, b_rule = (self._rule(param, new, gradients) for param in params)
        if not W_rule or not b_rule or W_rule[:2] != b_rule[:2]:
            return None
        rate, momentum, velocity = W_rule
        velocities = () if momentum is None else (velocity, b_rule.velocity)
        if new.keys() != {*params, *velocities}:
            return None
        if (l2 or velocities) and rules.current() < rules.KERNEL_STEPS:
            return None
        return Descent(regression, rate, l2, momentum or 0.0, velocities)

    def _penalty(self, cost, costs, W):
        """Find by what a cost has the sum of squares of W in it; None if it has another penalty."""
        if cost in costs:
            return 0.0
        squares = (W**2).sum()
        for l2, variable in itertools.product(constants(ancestors([cost])), costs):
            if cost.dtype == W.dtype and self.is_same(cost, variable + l2 * squares):
                return float(l2.data)
        return None

    def _rule(self, param, new, gradients):
        """Find the :class:`Rule` by which a parameter gets its new value; None if it is another."""
        if param not in new:
            return None
        for variable, value in new.items():
            made_of = ancestors([value], gradients.__contains__)
            gradient = next((v for v in made_of if gradients.get(v) is param), None)
            if gradient is None or variable.type != param.type:
                continue
            numbers = constants(made_of)
            for rate in numbers:
                if variable is param and self.is_same(value, param - rate * gradient):
                    return Rule(float(rate.data))
            if not self.is_same(new[param], param + value):
                continue
            for momentum, rate in itertools.product(numbers, repeat=2):
                if self.is_same(value, momentum * variable - rate * gradient):
                    return Rule(float(rate.data), float(momentum.data), variable)
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
        costs, regression = self.regression(ancestors(outputs), x, y)
        if regression is None:
            return outputs, None, ()
        inputs = T.scalar(dtype=x.dtype), regression.W.type(), regression.b.type()
        new = dict.fromkeys(costs, inputs[0])
        cost = self.clone(outputs[0], new)
        gradients = self.find_gradients(outputs[0], params, outputs[1:])
        slopes = dict(zip(regression[:2], inputs[1:]))
        in_cost = ancestors([cost])
        for gradient, param in gradients.items():
            terms = [T.grad(cost, param)] if param in in_cost else []
            if inputs[0] in in_cost and param in slopes:
                terms.append(T.grad(cost, inputs[0]) * slopes[param])
            # The cost may be of another dtype.
            new[gradient] = T.cast(sum(terms[1:], terms[0]), param.dtype)
        replaced = self.clone(outputs, new)
        if {x, y} & ancestors(replaced).keys():
            return outputs, None, ()
        return replaced, regression, inputs


def make_kernel(T, function, change_flags, Mode, Linker, *others):
    """Make the :class:`Kernel` with an interpreter of graphs, and `others` of its functions."""
    linker = Linker(use_cloop=False, c_thunks=False, allow_gc=False)
    # Fused operations would run element by element.
    mode = Mode(linker, "fast_run").excluding("fusion")

    def uncompiled_function(*args, **options):
        with change_flags(cxx=""):  # C code would fold constants, or loop over operations
            return function(*args, mode=mode, **options)

    return Kernel(T, uncompiled_function, *others)
