"""The native kernel in place of what stands in graphs for softmax regression.

A graph of it and of a few operations on the parameters needs no compiling: the engine's own
interpreter runs it. LOGREG_KERNEL=0 leaves every graph alone.
"""

from collections import namedtuple

from logreg.engine.kernel_ops import make_op
from logreg.kernel import MAX_CLASSES

# What the kernel needs of an engine's internals; `function` compiles nothing.
Tools = namedtuple("Tools", "function Op Apply DisconnectedType clone equal_computations")


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
    """Labels `y` as an expression that fails if one of them is no class of 0 .. n_out - 1."""
    are_classes = T.all(T.and_(T.ge(y, 0), T.lt(y, n_out)))
    said = "a label is not in 0 .. n_out - 1: number the classes from 0"
    return T.opt.Assert(said)(y, are_classes)


def ancestors(outputs, is_end=lambda variable: False):
    """All variables that expressions are made of, and of these themselves: the keys of a dict.

    What a variable is made of for which ``is_end(variable)`` is true is left out.
    """
    found, left = {}, list(outputs)
    while left:
        variable = left.pop()
        if variable not in found:
            found[variable] = None
            left += variable.owner.inputs if variable.owner and not is_end(variable) else []
    return found


def is_gradient(variable):
    """Whether :func:`logreg.engine.gradients` made it; a clone of what it made is another."""
    return getattr(variable.tag, "gradient_of", (None,))[-1] is variable


class Kernel:
    """Finds softmax regression in graphs; it knows the engine by the tools that it is given.

    A model's expressions have a tag of the input, W, b, labels and class weights of which they are
    made. A clone has the tag of what it was cloned from: so an expression counts only if it is
    also what is made of just these.
    """

    def __init__(self, T, tools):
        self.T = T
        self.tools = tools
        self.function = tools.function
        self.CrossEntropy = make_op(T, tools)

    def classifier(self, errors, x, y):
        """W and b of the classifier whose error rate on `x` and `y` an expression is; else None."""
        T, found = self.T, self._parts(errors, x, y)
        if found:
            W, b, _ = found
            classes = T.argmax(T.nnet.softmax(T.dot(x, W) + b), axis=1)
            if self._is_same(errors, T.mean(T.neq(classes, y))):
                return W, b
        return None

    def regression(self, cost, x, y):
        """W, b and class weights, a tuple or None, of a cost of softmax regression; else None."""
        T, found = self.T, self._parts(cost, x, y)
        if not found:
            return None
        W, b, weights = found
        labels = checked_labels(T, y, b.shape[0])  # which the kernel looks at itself
        p = T.nnet.softmax(T.dot(x, W) + b)
        terms = T.log(p)[T.arange(labels.shape[0]), labels]
        if weights is not None:
            values, of_b = getattr(weights, "data", None), b.get_value(borrow=True)
            if values is None or (values.dtype, values.shape) != (of_b.dtype, of_b.shape):
                return None
            terms, weights = weights[labels] * terms, tuple(values.tolist())
        return (W, b, weights) if self._is_same(cost, -T.mean(terms)) else None

    def _parts(self, expression, x, y):
        """W, b and class weights of an expression's tag, if the kernel takes them; else None."""
        of_x, W, b, of_y, weights = getattr(expression.tag, "softmax_regression", [None] * 5)
        if of_x is not x or of_y is not y or x.ndim != 2 or not y.dtype.startswith("int"):
            return None
        if not all(hasattr(param, "get_value") for param in (W, b)):
            return None
        is_small = W.get_value(borrow=True).shape[1] <= MAX_CLASSES
        return (W, b, weights) if x.dtype == W.dtype == b.dtype and is_small else None

    def descent(self, cost, updates, x, y):
        """W, b, class weights and rate, if the updates are plain steps by one rate; else None."""
        found = self.regression(cost, x, y)
        rates = {variable: self._rate(variable, new, cost) for variable, new in updates}
        rate = next(iter(rates.values()), None)
        if not found or not rate or rates != dict.fromkeys(found[:2], rate):
            return None
        return (*found, rate)

    def _rate(self, variable, new, cost):
        """The rate if `new` is a step of descent on a cost by a constant rate; else None."""
        found = ancestors([new], is_gradient)
        gradients = [v for v in found if is_gradient(v)]
        constants = [v for v in found if hasattr(v, "data")]
        if len(gradients) == len(constants) == 1 and constants[0].ndim == 0:
            of_cost, param, gradient = gradients[0].tag.gradient_of
            is_step = self._is_same(new, variable - constants[0] * gradient)
            if of_cost is cost and param is variable and is_step:
                return float(constants[0].data)
        return None

    def put_into(self, outputs, x, y, rows, scale):
        """Make graphs with the kernel on `rows`, a minibatch as it is stored, in place of `x`.

        `scale` is what rows are multiplied by. Costs of softmax regression become the kernel's,
        and so do the gradients of a cost that is made of such a one, as
        :func:`logreg.engine.gradients` makes them. Returned are the new outputs; None if there is
        no such cost, or if `x` is needed beside it.
        """
        variables, new = ancestors(outputs), {}
        for variable in variables:
            found = self.regression(variable, x, y)
            if found:
                op = self.CrossEntropy(scale, found[2])
                new[variable] = op.make_node(rows, *found[:2], y).outputs[0]
        if not new:
            return None
        gradients = [v for v in variables if is_gradient(v)]
        for cost in {v.tag.gradient_of[0] for v in gradients}:
            of_cost = [v for v in gradients if v.tag.gradient_of[0] is cost]
            params = [v.tag.gradient_of[1] for v in of_cost]
            new.update(zip(of_cost, self.T.grad(self.tools.clone(cost, new), params)))
        outputs = self.tools.clone(outputs, new)
        return None if x in ancestors(outputs) else outputs

    def _is_same(self, variable, pattern):
        return self.tools.equal_computations([variable], [pattern])
