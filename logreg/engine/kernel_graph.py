"""The native kernel in place of what stands in graphs for softmax regression.

A graph of it and of a few operations on the parameters needs no compiling: the engine's own
interpreter runs it. LOGREG_KERNEL=0 leaves every graph alone.
"""

import itertools
from typing import Any, NamedTuple, Tuple

from logreg.kernel import rules

FLOATS = "float32", "float64"


class Tools(NamedTuple):
    """What the kernel needs of an engine's internals; `function` compiles nothing."""

    function: Any
    clone: Any
    equal_computations: Any


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
    momentum: float = 0.0
    velocity: Any = None


def make_tools(function, change_flags, Mode, Linker, *others):
    """Make the :class:`Tools`, of which `others` are all but the first."""
    linker = Linker(use_cloop=False, c_thunks=False, allow_gc=False)
    # Fused operations would run element by element.
    mode = Mode(linker, "fast_run").excluding("fusion")

    def uncompiled_function(*args, **options):
        with change_flags(cxx=""):  # C code would fold constants, or loop over operations
            return function(*args, mode=mode, **options)

    return Tools(uncompiled_function, *others)


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


def find_gradients(T, tools, cost, params, expressions):
    """Find the gradients of a cost in expressions: a dict from each gradient to its parameter.

    A gradient is any variable that equals one of ``T.grad(cost, params)``.
    """
    found = {}
    variables = ancestors(expressions)
    gradients = T.grad(cost, params, disconnected_inputs="ignore") if params else []
    for param, gradient in zip(params, gradients):
        found.update((v, param) for v in variables if is_same(tools, v, gradient))
    return found


def is_same(tools, variable, pattern):
    """Whether a variable is computed as a pattern is, of the same variables."""
    one = variable.owner
    other = pattern.owner
    may_be = one and other and one.op == other.op and variable.type == pattern.type
    return bool(may_be) and tools.equal_computations([variable], [pattern])


def shared_arrays(variables, ndim, dtypes=FLOATS):
    """List the shared variables of `ndim` dimensions and some dtypes."""
    shared = [v for v in variables if hasattr(v, "get_value") and getattr(v, "ndim", None) == ndim]
    return [variable for variable in shared if variable.dtype in dtypes]


def find_params(variables, x, y, dtypes=FLOATS):
    """List the pairs of a shared matrix and vector that may be W and b of a regression on x and y.

    They have some dtypes. The list is empty for rows or labels that the kernel does not take.
    """
    if x.ndim != 2 or "int" not in y.dtype:
        return []
    pairs = itertools.product(*(shared_arrays(variables, ndim, dtypes) for ndim in (2, 1)))
    return [(W, b) for W, b in pairs if n_elements(b) == W.get_value(borrow=True).shape[1]]


def n_elements(shared):
    """Count the elements of a shared vector, or the rows of a matrix."""
    return len(shared.get_value(borrow=True))


class Kernel:
    """Finds softmax regression in graphs; it knows the engine by the tools that it is given.

    Of the shared variables in a graph, each matrix and vector that fit may be W and b: from them,
    the expressions of a :class:`logreg.model.LogisticRegression` are made, and what equals them is
    found.
    """

    def __init__(self, T, tools):
        self.T = T
        self.tools = tools
        self.function = tools.function

    def classifier(self, errors, x, y):
        """Find the :class:`Regression` whose error rate on x and y an expression is, or None."""
        T = self.T
        variables = ancestors([errors])
        for W, b in find_params(variables, x, y):
            predicted = T.argmax(T.nnet.softmax(T.dot(x, W) + b), axis=1)
            patterns = {Regression(W, b): T.mean(T.neq(predicted, y))}
            for classes, weights in _vectors_of_rows(variables, x.dtype):
                is_wrong = T.neq(predicted, classes[y])
                patterns[Regression(W, b, classes, weights)] = T.mean(weights[y] * is_wrong)
            for regression, pattern in patterns.items():
                if is_same(self.tools, errors, pattern):
                    return regression
        return None

    def regression(self, variables, x, y):
        """Find a softmax regression: the variables that are its cost, and the Regression or None.

        One of several in a graph is found, and then the others make it the engine's.
        """
        T = self.T
        for W, b in find_params(variables, x, y, [x.dtype]):
            p = T.nnet.softmax(T.dot(x, W) + b)
            for regression, labels, row_weights in self._candidates(variables, W, b, y):
                log_likelihoods = T.log(p)[T.arange(labels.shape[0]), labels]
                if row_weights is not None:
                    log_likelihoods = row_weights * log_likelihoods
                cost = -T.mean(log_likelihoods)
                costs = [v for v in variables if is_same(self.tools, v, cost)]
                if costs:
                    return costs, regression
        return [], None

    def _candidates(self, variables, W, b, y):
        """Yield what a regression may be, with its symbolic labels and weights of the rows."""
        labels = checked_labels(self.T, y, b.shape[0])  # which the kernel looks at itself
        yield Regression(W, b), labels, None
        for weights in constants(variables, 1):
            if (weights.dtype, len(weights.data)) == (W.dtype, n_elements(b)):
                yield Regression(W, b, None, weights), labels, weights[labels]
        for classes, weights in _vectors_of_rows(variables, W.dtype):
            yield Regression(W, b, classes, weights), classes[y], weights[y]

    def descent(self, cost, updates, x, y):
        """Find the :class:`Descent` that updates are; None if they are another rule."""
        costs, regression = self.regression(ancestors([cost]), x, y)
        l2 = regression and self._penalty(cost, costs, regression.W)
        if l2 is None:
            return None
        params = regression[:2]
        new = dict(updates)
        gradients = find_gradients(self.T, self.tools, cost, params, [*new.values()])
        W_rule, b_rule = (self._rule(param, new, gradients) for param in params)
        if not W_rule or not b_rule or W_rule[:2] != b_rule[:2]:
            return None
        velocities = ()
        if W_rule.velocity is not None and b_rule.velocity is not None:
            velocities = W_rule.velocity, b_rule.velocity
        if new.keys() != {*params, *velocities}:
            return None
        descent = Descent(regression, W_rule.rate, l2, W_rule.momentum, velocities)
        if (l2 or velocities) and rules.current() < rules.KERNEL_STEPS:
            return None
        return descent

    def _penalty(self, cost, costs, W):
        """Find by what a cost has the sum of squares of W in it; None if it has another penalty."""
        if cost in costs:
            return 0.0
        squares = (W**2).sum()
        for l2, variable in itertools.product(constants(ancestors([cost])), costs):
            if cost.dtype == W.dtype and is_same(self.tools, cost, variable + l2 * squares):
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
                if variable is param and is_same(self.tools, value, param - rate * gradient):
                    return Rule(float(rate.data))
            if not is_same(self.tools, new[param], param + value):
                continue
            for momentum, rate in itertools.product(numbers, repeat=2):
                if is_same(self.tools, value, momentum * variable - rate * gradient):
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
        tools = self.tools
        costs, regression = self.regression(ancestors(outputs), x, y)
        if regression is None:
            return outputs, None, ()
        inputs = T.scalar(dtype=x.dtype), regression.W.type(), regression.b.type()
        new = dict.fromkeys(costs, inputs[0])
        cost = tools.clone(outputs[0], new)
        gradients = find_gradients(T, tools, outputs[0], params, outputs[1:])
        slopes = dict(zip(regression[:2], inputs[1:]))
        in_cost = ancestors([cost])
        for gradient, param in gradients.items():
            terms = [T.grad(cost, param)] if param in in_cost else []
            if inputs[0] in in_cost and param in slopes:
                terms.append(T.grad(cost, inputs[0]) * slopes[param])
            # The cost may be of another dtype.
            new[gradient] = T.cast(sum(terms[1:], terms[0]), param.dtype)
        replaced = tools.clone(outputs, new)
        if {x, y} & ancestors(replaced).keys():
            return outputs, None, ()
        return replaced, regression, inputs


def _vectors_of_rows(variables, dtype):
    """List the pairs of shared vectors that may be the classes and the weights of all rows."""
    vectors = (shared_arrays(variables, 1, [each]) for each in ("int32", dtype))
    return [pair for pair in itertools.product(*vectors) if len({*map(n_elements, pair)}) == 1]
