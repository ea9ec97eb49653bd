"""The native kernel in place of what stands in graphs for softmax regression.

A graph of it and of a few operations on the parameters needs no compiling: the engine's own
interpreter runs it. LOGREG_KERNEL=0 leaves every graph alone.
"""

import itertools
from typing import Any, NamedTuple, Tuple

from logreg.kernel import rules


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
    rate: float = 0.0
    l2: float = 0.0
    momentum: float = 0.0
    velocities: Tuple[Any, ...] = ()  # shared variables: those of W and b

    def is_plain(self):
        """Whether the gradients of the regression alone make a step."""
        return not self.l2 and not self.velocities


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


def scalar_constants(outputs, is_end=lambda variable: False):
    """List the constant numbers among the :func:`ancestors`."""
    variables = ancestors(outputs, is_end)
    return [v for v in variables if hasattr(v, "data") and getattr(v, "ndim", None) == 0]


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


def find_params(variables, dtypes):
    """List the pairs of a shared matrix and vector, of some dtypes, that may be W and b."""
    shared = [v for v in variables if hasattr(v, "get_value")]
    shared = [v for v in shared if getattr(v, "dtype", None) in dtypes]
    shapes = {v: v.get_value(borrow=True).shape for v in shared}
    matrices = [W for W in shared if W.ndim == 2]
    return [(W, b) for W in matrices for b in shared if shapes[b] == shapes[W][1:]]


def find_classifier(T, tools, errors, x, y):
    """Find the :class:`Regression` whose error rate on `x` and `y` an expression is; or None."""
    variables = ancestors([errors])
    vectors = []
    if y.dtype.startswith("int"):  # they may be row numbers
        vectors = _vectors_of_rows(variables, x.dtype)
    for W, b in find_params(variables, ("float32", "float64")):
        predicted = T.argmax(T.nnet.softmax(T.dot(x, W) + b), axis=1)
        patterns = {Regression(W, b): T.mean(T.neq(predicted, y))}
        for classes, weights in vectors:
            is_wrong = T.neq(predicted, classes[y])
            patterns[Regression(W, b, classes, weights)] = T.mean(weights[y] * is_wrong)
        for regression, pattern in patterns.items():
            if is_same(tools, errors, pattern):
                return regression
    return None


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
        """Find the :class:`Regression` whose error rate on `x` and `y` an expression is."""
        found = find_classifier(self.T, self.tools, errors, x, y) if _is_taken(x, y) else None
        is_alike = found and found.W.dtype == found.b.dtype == x.dtype
        return found if is_alike else None

    def regressions(self, variables, x, y):
        """Find the costs of softmax regression among variables: a dict to :class:`Regression`."""
        T = self.T
        costs = {}
        constants = [v for v in variables if hasattr(v, "data") and getattr(v, "ndim", None) == 1]
        for W, b in find_params(variables, [x.dtype]) if _is_taken(x, y) else ():
            labels = checked_labels(T, y, b.shape[0])  # which the kernel looks at itself
            p = T.nnet.softmax(T.dot(x, W) + b)
            terms = T.log(p)[T.arange(labels.shape[0]), labels]
            patterns = {Regression(W, b): -T.mean(terms)}
            shape = b.get_value(borrow=True).shape
            for weights in constants:
                if (weights.dtype, weights.data.shape) == (b.dtype, shape):
                    weighted = Regression(W, b, None, weights)
                    patterns[weighted] = -T.mean(weights[labels] * terms)
            for classes, weights in _vectors_of_rows(variables, x.dtype):
                labels = classes[y]
                terms = T.log(p)[T.arange(labels.shape[0]), labels]
                weighted = Regression(W, b, classes, weights)
                patterns[weighted] = -T.mean(weights[y] * terms)
            for regression, cost in patterns.items():
                costs.update((v, regression) for v in variables if is_same(self.tools, v, cost))
        return costs

    def descent(self, cost, updates, x, y):
        """Find the :class:`Descent` that updates are; None if they are another rule."""
        regression, l2 = self._penalized_regression(cost, x, y)
        if regression is None:
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
        if not descent.is_plain() and rules.current() < rules.KERNEL_STEPS:
            return None
        return descent

    def _penalized_regression(self, cost, x, y):
        """Find the regression of a cost, and the factor of the sum of squares of W in it."""
        regressions = self.regressions(ancestors([cost]), x, y)
        if cost in regressions:
            return regressions[cost], 0.0
        for variable, regression in regressions.items():
            squares = (regression.W**2).sum()
            for l2 in scalar_constants([cost]) if cost.dtype == x.dtype else ():
                if is_same(self.tools, cost, variable + l2 * squares):
                    return regression, float(l2.data)
        return None, 0.0

    def _rule(self, param, new, gradients):
        """Find the :class:`Rule` by which a parameter gets its new value; None if it is another."""
        if param not in new:
            return None
        for variable, value in new.items():
            made_of = ancestors([value], gradients.__contains__)
            gradient = next((v for v in made_of if gradients.get(v) is param), None)
            if gradient is None or variable.type != param.type:
                continue
            constants = scalar_constants([value], gradients.__contains__)
            for rate in constants:
                if variable is param and is_same(self.tools, value, param - rate * gradient):
                    return Rule(float(rate.data))
            if not is_same(self.tools, new[param], param + value):
                continue
            for momentum, rate in itertools.product(constants, repeat=2):
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
        inputs : dict
            From each :class:`Regression` in them to three variables: its cost, and the gradients of
            that by W and b. If there is no regression, or the outputs also depend on rows in
            another way, the dict is empty and the outputs are unchanged.
        """
        T = self.T
        tools = self.tools
        costs = self.regressions(ancestors(outputs), x, y)
        if not costs:
            return outputs, {}
        inputs = {
            regression: (T.scalar(dtype=x.dtype), regression.W.type(), regression.b.type())
            for regression in costs.values()
        }
        new = {variable: inputs[regression][0] for variable, regression in costs.items()}
        cost = tools.clone(outputs[0], new)
        for gradient, param in find_gradients(T, tools, outputs[0], params, outputs[1:]).items():
            new[gradient] = self._by_chain_rule(cost, param, inputs)
        replaced = tools.clone(outputs, new)
        if {x, y} & ancestors(replaced).keys():
            return outputs, {}
        return replaced, inputs

    def _by_chain_rule(self, cost, param, inputs):
        """Make the gradient of a cost that is made of `inputs`, and maybe of the parameter."""
        in_cost = ancestors([cost])
        terms = [self.T.grad(cost, param)] if param in in_cost else []
        for regression, (regression_cost, dW, db) in inputs.items():
            slopes = {regression.W: dW, regression.b: db}
            if regression_cost in in_cost and param in slopes:
                terms.append(self.T.grad(cost, regression_cost) * slopes[param])
        return self.T.cast(sum(terms[1:], terms[0]), param.dtype)  # the cost may be of another


def _is_taken(x, y):
    """Whether the kernel takes such rows and labels."""
    return x.ndim == 2 and y.dtype.startswith("int")


def _shared_vectors(variables, dtype):
    shared = [v for v in variables if hasattr(v, "get_value") and getattr(v, "ndim", None) == 1]
    return [v for v in shared if v.dtype == dtype]


def _vectors_of_rows(variables, dtype):
    """List the pairs of shared vectors that may be the classes and the weights of all rows."""
    vectors = (_shared_vectors(variables, each) for each in ("int32", dtype))
    pairs = itertools.product(*vectors)
    return [pair for pair in pairs if len({len(v.get_value(borrow=True)) for v in pair}) == 1]
