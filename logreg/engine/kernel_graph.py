"""The native kernel in graphs, in place of what stands there for softmax regression.

A graph of it and of a few operations on the parameters needs no compiling: the engine's own
interpreter runs it. LOGREG_KERNEL=0 leaves every graph alone.
"""

import types

from logreg.engine.kernel_ops import make_ops, make_step
from logreg.kernel import MAX_CLASSES, is_wanted


def make_kernel(T, tools):
    """Make the :class:`Kernel` of an engine; None if it is not wanted or the tools are missing.

    Parameters
    ----------
    T : module
        The engine's tensor operations.
    tools : object
        What :func:`make_tools` makes.
    """
    return Kernel(T, tools) if tools is not None and is_wanted() else None


def make_tools(function, change_flags, Mode, Linker, **names):
    """Collect what the kernel needs of an engine's internals.

    `names` are its `Op`, `Apply`, `DisconnectedType`, `ancestors` and `equal_computations`. Added
    is `function`, which makes functions that run without being compiled.
    """
    linker = Linker(use_cloop=False, c_thunks=False, allow_gc=False)
    # Fused operations would run element by element.
    mode = Mode(linker, "fast_run").excluding("fusion")

    def uncompiled_function(*args, **options):
        with change_flags(cxx=""):  # C code would fold constants, or loop over operations
            return function(*args, mode=mode, **options)

    return types.SimpleNamespace(function=uncompiled_function, **names)


def checked_labels(T, y, n_out):
    """Labels `y` as an expression that fails if one of them is no class of 0 .. n_out - 1."""
    are_classes = T.all(T.and_(T.ge(y, 0), T.lt(y, n_out)))
    said = "a label is not in 0 .. n_out - 1: number the classes from 0"
    return T.opt.Assert(said)(y, are_classes)


def is_gradient(variable):
    """Whether :func:`logreg.engine.gradients` made it; a clone of what it made is another."""
    return getattr(variable.tag, "gradient_of", (None,))[-1] is variable


class Kernel:
    """Puts the kernel into graphs; it knows the engine by the tools that it is given."""

    def __init__(self, T, tools):
        self.T = T
        self.tools = tools
        self.function = tools.function
        self.ops = self.Scores, self.Classes, self.CrossEntropy = make_ops(T, tools)
        self.Step = make_step(tools)

    def put_into(self, outputs):
        """Put the kernel in place of what softmax regression is in the graphs of `outputs`.

        It is that over an input matrix, and not over a layer below, or of many classes: there, an
        engine's own compiler does better with the whole. The gradients of a cost in which it is
        found, as :func:`logreg.engine.gradients` makes them, become those that the kernel gives.

        Returns
        -------
        list or None
            The new outputs; None if nothing was found, or if they need the matrix elsewhere, too.
        """
        variables = list(self.tools.ancestors(outputs))
        found = [(v, self._replacement(v)) for v in variables]
        new = {v: replacement for v, replacement in found if replacement is not None}
        if not new:
            return None
        matrices = {v.tag.softmax_regression[0] for v in new}
        gradients = [v for v in variables if is_gradient(v)]
        for cost in {v.tag.gradient_of[0] for v in gradients}:
            of_cost = [v for v in gradients if v.tag.gradient_of[0] is cost]
            params = [v.tag.gradient_of[1] for v in of_cost]
            new.update(zip(of_cost, self._gradients(*_rebuild([cost], new), params)))
        outputs = _rebuild(outputs, new)
        made = {v for v in self.tools.ancestors(outputs) if v.owner and self._is_kernel(v.owner)}
        rest = self.tools.ancestors(outputs, made)
        return None if matrices.intersection(rest) else outputs

    def _gradients(self, cost, params):
        if cost.owner and isinstance(cost.owner.op, self.CrossEntropy):
            by = dict(zip(cost.owner.inputs[1:3], cost.owner.outputs[1:]))
            if by.keys() >= set(params):
                return [by[param] for param in params]
        return self.T.grad(cost, params)

    def _replacement(self, variable):
        """What takes the place of an expression of softmax regression; None if it is none.

        Its tag says of what the model made it. A clone has the tag of what it was cloned from: so
        it must also be what is made of just these.
        """
        T, tag = self.T, getattr(variable.tag, "softmax_regression", None)
        if tag is None or not self._is_taken(*tag[:3]):
            return None
        x, W, b, y, weights = tag
        p = T.nnet.softmax(T.dot(x, W) + b)
        if variable.ndim == 2:
            pattern, new = p, T.nnet.softmax(self.Scores()(x, W, b))
        elif variable.ndim == 1:
            pattern, new = T.argmax(p, axis=1), self.Classes()(x, W, b)
        else:
            labels = checked_labels(T, y, b.shape[0])  # which the kernel looks at itself
            terms = T.log(p)[T.arange(labels.shape[0]), labels]
            if weights is not None:
                of_b = b.get_value(borrow=True)
                data = getattr(weights, "data", of_b[:0])
                if (data.dtype, data.shape) != (of_b.dtype, of_b.shape):
                    return None
                terms, weights = weights[labels] * terms, tuple(data.tolist())
            pattern = -T.mean(terms)
            new = self.CrossEntropy(weights=weights)(x, W, b, y)[0]
        return new if self._is_same(variable, pattern) else None

    def _is_taken(self, x, W, b):
        """Whether the kernel takes them: no layer below, and not too many classes."""
        are_shared = all(hasattr(param, "get_value") for param in (W, b))
        is_input = x.owner is None and not hasattr(x, "get_value") and x.ndim == 2
        if not (are_shared and is_input and x.dtype == W.dtype == b.dtype):
            return False
        return W.get_value(borrow=True).shape[1] <= MAX_CLASSES

    def _is_same(self, variable, pattern):
        return self.tools.equal_computations([variable], [pattern])

    def _is_kernel(self, node):
        return isinstance(node.op, self.ops)

    def under_mean(self, output):
        """The vector whose mean `output` is, if the kernel can be put into it; else None."""
        for v in self.tools.ancestors([output]):
            if v.ndim == 1 and v.owner and self._is_same(output, self.T.mean(v)):
                return v if self.put_into([v]) else None
        return None

    def put_into_steps(self, outputs, updates):
        """Put one Op in place of the operations of each step of gradient descent.

        Where the gradients are the kernel's and no more, it takes the steps itself, and gives the
        cost that may be among the `outputs`. Returned are the new outputs and updates.
        """
        steps = {variable: self._step(variable, new) for variable, new in updates}
        nodes = {step and step[1].owner for step in steps.values()}
        rates = {step and self._number(*step) for step in steps.values()}
        if len(nodes) == len(rates) == 1 and None not in nodes | rates:
            (node,), (rate,) = nodes, rates
            is_all = steps.keys() == {*node.inputs[1:3]}
            if rate and is_all and isinstance(node.op, self.CrossEntropy):  # 0 stands for no step
                op = self.CrossEntropy(node.op.scale, node.op.weights, rate)
                new = dict(zip(node.outputs, op.make_node(*node.inputs).outputs))
                taken = [(variable, new[steps[variable][1]]) for variable, _ in updates]
                return _rebuild(outputs, new), taken
        made = [(v, self.Step()(v, *steps[v]) if steps[v] else new) for v, new in updates]
        return outputs, made

    def descent(self, gradients, updates):
        """A function of the gradients' values that takes the steps; None if they are not all so."""
        steps = [(variable, self._step(variable, new)) for variable, new in updates]
        by = {step[1]: (variable, self._number(*step)) for variable, step in steps if step}
        if len(by) < len(updates) or by.keys() != set(gradients):
            return None
        taken = [by[gradient] for gradient in gradients]
        if None in (rate for _, rate in taken):
            return None

        def descend(*values):
            for (variable, rate), value in zip(taken, values):
                # Not in place: the array may be the user's, or kept by a callback.
                variable.set_value(variable.get_value(borrow=True) - rate * value, borrow=True)

        return descend

    def _step(self, variable, new):
        """The rate and the gradient if `new` is a step of gradient descent; else None."""
        if not (new.owner and len(new.owner.inputs) == 2 and new.type == variable.type):
            return None
        product = new.owner.inputs[1]
        if not (product.owner and len(product.owner.inputs) == 2):
            return None
        rate, gradient = product.owner.inputs
        is_step = gradient.type == variable.type
        is_step = is_step and self._is_same(new, variable - rate * gradient)
        return (rate, gradient) if is_step else None

    def _number(self, rate, gradient):
        """The value of a rate that is a scalar constant, and multiplies a gradient; else None."""
        root, *more = (v for v in self.tools.ancestors([rate]) if v.owner is None)
        if more or root.ndim or not hasattr(root, "data"):
            return None
        is_plain = self._is_same(rate, (root * gradient).owner.inputs[0])
        return float(root.data) if is_plain else None

    def on_rows(self, outputs, x, y, features, scale, labels, start, stop):
        """Make graphs anew on the rows from `start` to `stop` of a set, in place of `x` and `y`.

        `features` is as it is stored, and multiplied by `scale`. The kernel takes its rows itself:
        that spares the interpreter some operations.
        """

        def clone(node, inputs):
            if not self._is_kernel(node):
                return node.clone_with_new_inputs(inputs)
            whole = [labels if old is y else new for old, new in zip(node.inputs, inputs)]
            return type(node.op)(scale, node.op.weights).make_node(*whole, start, stop)

        return _rebuild(outputs, {x: features, y: labels[start:stop]}, clone)


def _rebuild(outputs, new, clone=lambda node, inputs: node.clone_with_new_inputs(inputs)):
    """Make graphs anew with other variables in place of the keys of `new`."""
    made = dict(new)

    def make(variable):
        if variable not in made:
            node = variable.owner
            if node is None:
                return variable
            inputs = list(map(make, node.inputs))
            if any(a is not b for a, b in zip(inputs, node.inputs)):
                node = clone(node, inputs)
            made.update(zip(variable.owner.outputs, node.outputs))
        return made[variable]

    return list(map(make, outputs))
