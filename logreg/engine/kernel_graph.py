"""What the native kernel can compute of a graph: softmax regression, its gradients, its descent.

:class:`logreg.model.LogisticRegression` marks the cost and the errors that it builds. What a graph
computes besides, such as a penalty, is a few operations on the parameters. The engine's
interpreter runs them, so nothing is compiled. With LOGREG_KERNEL=0, the engine computes all graphs.
"""

from typing import Any, List, NamedTuple, Tuple

from logreg.engine.marks import marked_parts


class Regression(NamedTuple):
    """Softmax regression on the features of a minibatch."""

    W: Any  # shared variables
    b: Any
    labels: Any  # expressions of the minibatch's labels and weights, and not of its features
    weights: Any = None  # None if all rows count alike

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


class Step(NamedTuple):
    """A step of descent of one parameter."""

    velocity: Any  # a shared variable, or None
    rate: float
    momentum: float

    @property
    def factors(self):
        return self.rate, self.momentum


class Replaced(NamedTuple):
    """Expressions in which inputs stand for all that depends on the rows of a minibatch."""

    outputs: List[Any]
    regression: Regression
    inputs: Tuple[Any, ...]  # the cost without penalties, and its gradients by W and b


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


def is_shared(variable):
    """Whether a variable is a shared one, which has a value."""
    return hasattr(variable, "get_value")


def shared_variables(outputs):
    """List the shared variables that expressions are made of."""
    return [variable for variable in ancestors(outputs) if is_shared(variable)]


def shared_floats(variables, ndim):
    """List the shared variables of `ndim` dimensions that hold floats."""
    return [
        variable
        for variable in variables
        if is_shared(variable)
        and getattr(variable, "ndim", None) == ndim  # a generator of random numbers has none
        and variable.dtype in ("float32", "float64")
    ]


def as_regression(parts, minibatch):
    """Make a :class:`Regression` of the parts of a mark; None if the kernel cannot compute it."""
    x, W, b, labels, weights = parts
    if x is not minibatch.x or x.ndim != 2 or "int" not in labels.dtype:
        return None
    if not (is_shared(W) and is_shared(b)) or W.dtype != b.dtype:
        return None
    # Labels and weights are computed of all rows at once, before a training.
    of_rows = [labels] if weights is None else [labels, weights]
    for variable in ancestors(of_rows):
        is_input = not (variable.owner or is_shared(variable) or hasattr(variable, "data"))
        if is_input and variable not in (minibatch.y, minibatch.weights):
            return None
    return Regression(W, b, labels, weights)


class GraphMatcher:
    """Finds softmax regression in graphs, by some functions of an engine.

    `interpreted_function` is that of :func:`make_interpreted_function`.
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

    def find_error_rate(self, errors, minibatch):
        """Return the :class:`Regression` whose error rate `errors` is, or None.

        It was marked, or somebody wrote it by hand.
        """
        parts = marked_parts(errors, "errors")
        if parts:
            return as_regression(parts, minibatch)
        x, y, _ = minibatch
        if x.ndim != 2 or "int" not in y.dtype:
            return None
        T = self.T
        variables = ancestors([errors])
        for W in shared_floats(variables, 2):
            for b in shared_floats(variables, 1):
                classes = T.argmax(T.nnet.softmax(T.dot(x, W) + b), axis=1)
                if self.is_same(errors, T.mean(T.neq(classes, y))):
                    return Regression(W, b, y)
        return None

    def find_costs(self, outputs, minibatch):
        """Find the variables that are marked as the cost of one regression; return both.

        If there are none, returns [] and None. If a graph has several regressions, only one is
        found. The others still need the minibatch, so the engine computes the whole graph.
        """
        costs = []
        regression = None
        for variable in ancestors(outputs):
            parts = marked_parts(variable, "cost")
            found = as_regression(parts, minibatch) if parts else None
            if found and found.W.dtype == minibatch.x.dtype and regression in (None, found):
                costs.append(variable)
                regression = found
        return costs, regression

    def find_descent(self, cost, updates, minibatch):
        """Return the :class:`Descent` whose steps on `cost` are the `updates`, or None."""
        costs, regression = self.find_costs([cost], minibatch)
        if regression is None or cost.dtype != minibatch.x.dtype:
            return None
        l2 = 0.0
        if cost not in costs:
            l2 = self._read_l2(cost, costs[0], regression.W)
        new_values = dict(updates)
        gradients = self.T.grad(cost, regression.params)
        steps = [
            self._read_step(param, gradient, new_values)
            for param, gradient in zip(regression.params, gradients)
        ]
        if l2 is None or None in steps:
            return None
        step_of_W, step_of_b = steps
        velocities = [step.velocity for step in steps if step.velocity is not None]
        has_others = {*new_values} != {*regression.params, *velocities}
        has_one_velocity = len(velocities) == 1  # the kernel takes those of both, or none
        is_alike = step_of_W.factors == step_of_b.factors and not has_one_velocity
        if has_others or not is_alike:
            return None
        return Descent(regression, l2, tuple(velocities), *step_of_W.factors)

    def _read_l2(self, cost, cost_without, W):
        """Read c of the cost ``cost_without + c * (W**2).sum()``; None if that is not the cost."""
        if not cost.owner or len(cost.owner.inputs) != 2:
            return None
        _, penalty = cost.owner.inputs
        if not self.is_same(cost, cost_without + penalty):
            return None
        return self._read_factor(penalty, (W**2).sum())

    def _read_step(self, param, gradient, new_values):
        """Read a :class:`Step` of a parameter; None if it is no step of descent.

        It is ``param - rate * gradient``. Or, with the new velocity ``momentum * velocity - rate *
        gradient``, it is ``param + new_velocity``.
        """
        if param not in new_values:
            return None
        velocity = None
        changed = new_values[param]
        for variable, new_value in new_values.items():
            if variable.type == param.type and self.is_same(new_values[param], param + new_value):
                velocity = variable
                changed = new_value
        if not changed.owner or len(changed.owner.inputs) != 2:
            return None
        # What is kept is the parameter or, with a velocity, momentum * velocity.
        kept, product = changed.owner.inputs
        rate = self._read_factor(product, gradient)
        if rate is None or not self.is_same(changed, kept - product):
            return None
        if velocity is None:
            return Step(None, rate, 0.0) if kept is param else None
        momentum = self._read_factor(kept, velocity)
        return None if momentum is None else Step(velocity, rate, momentum)

    def _read_factor(self, product, variable):
        """Read the number c of the product ``c * variable``; None if it is no such product."""
        if not product.owner:
            return None
        number = product.owner.inputs[0]
        while number.owner:  # it is broadcast to the dimensions of the variable
            number = number.owner.inputs[0]
        is_number = hasattr(number, "data") and number.ndim == 0
        if not is_number or not self.is_same(product, number * variable):
            return None
        return float(number.data)

    def without_rows(self, outputs, minibatch):
        """Replace what depends on the rows of a minibatch by inputs that the kernel computes.

        The first output is a cost, and the others may be made of its gradients. Returns the
        :class:`Replaced` expressions; None if there is no regression, or if the outputs also depend
        on rows in another way.
        """
        T = self.T
        costs, regression = self.find_costs(outputs, minibatch)
        if regression is None:
            return None
        W, b = regression.params
        kernel_cost = T.scalar(dtype=W.dtype)
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
        if not ancestors(replaced).keys().isdisjoint(minibatch):
            return None
        return Replaced(replaced, regression, (kernel_cost, *kernel_gradients.values()))


def make_interpreted_function(function, change_flags, Mode, Linker):
    """Make a function that is like an engine's `function`, but compiles nothing.

    The arguments are the engine's own.
    """
    linker = Linker(use_cloop=False, c_thunks=False, allow_gc=False)
    # Fused operations would run element by element.
    mode = Mode(linker, "fast_run").excluding("fusion")

    def interpreted_function(*args, **options):
        # With a compiler, the engine would compile C code to fold constants.
        with change_flags(cxx=""):
            return function(*args, mode=mode, **options)

    return interpreted_function
