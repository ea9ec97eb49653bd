"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import functools
import itertools
import os

import numpy

from logreg.engine.kernel_graph import shared_variables
from logreg.engine.kernel_steps import KernelSet
from logreg.engine.sets import Features
from logreg.kernel import check_settings, is_built, is_off

# The engines choose among these themselves. With any other, which may need C or JAX for each
# operation, the user has chosen a mode.
DEFAULT_LINKERS = "auto", "cvm", "vm"


class Backend:
    """An engine on the CPU; :mod:`logreg.engine` says what its methods do.

    A graph is computed in one of three ways: by the kernel alone (:class:`.KernelSet`); by the
    kernel and, for the rest of the graph, the interpreter; or by a function that the engine
    compiles.

    `theano` is the module Theano or PyTensor, and `T` has the names of ``theano.tensor``.
    `matcher` is the :class:`.GraphMatcher` of the engine, None if this engine lacks what it needs.
    The matcher also has the engine's interpreter, which runs a graph without compiling it.
    `has_kernel` is whether the kernel computes what the matcher finds, in C or, where no compiler
    built it, in NumPy.
    """

    device = "cpu"

    def __init__(self, theano, T, matcher=None):
        self.theano = theano
        self.T = T
        self.matcher = matcher
        check_settings()
        self.has_kernel = matcher is not None and not is_off()

    def on_device(self, name):
        """Return the back end for a device: this one, or another."""
        return self

    def release(self):
        """Restore the settings that the back end changed."""

    def where(self):
        """The device, in words."""
        if is_built() or is_off():  # who switched the kernel off needs no advice
            return "cpu"
        return (
            "cpu, without the native kernel, which is several times as fast: to build it, install "
            "a C compiler, and then logreg again"
        )

    def shared_data(self, array):
        return self.theano.shared(array, borrow=True)

    def stored(self, array, scale, prepare, is_mapped):
        return Features(self.shared_data(array), 1.0 if prepare else scale, prepare, is_mapped)

    def value(self, variable):
        if hasattr(variable, "get_value"):
            return variable.get_value(borrow=True)
        function = self.matcher.interpreted_function if self.matcher else self.theano.function
        return function([], variable)()

    def set_value(self, variable, new):
        # The order of the memory decides how sums are rounded: a resumed run needs the same.
        copy = numpy.empty_like(self.value(variable))
        copy[...] = new
        variable.set_value(copy, borrow=True)

    def compile_step(self, expressions, row_set, batch_size, n_at_once):
        minibatch = expressions.minibatch
        if self.has_kernel:
            descent = self.matcher.find_descent(expressions.cost, expressions.updates, minibatch)
            if descent:
                kernel_set = self._kernel_set(minibatch, row_set, descent.regression)
                # The function takes the first and the last minibatch, like the one below.
                return functools.partial(kernel_set.take_steps, descent, batch_size)
        step = self._compile_rows(minibatch, row_set, [expressions.cost], expressions.updates)

        def train_model(first, last):
            starts = range(first * batch_size, (last + 1) * batch_size, batch_size)
            return [step(start, start + batch_size)[0] for start in starts]

        return train_model

    def compile_sums(self, minibatch, row_set, bounds, mean):
        # A sum for each block of rows, from one bound to the next.
        if self.has_kernel:
            regression = self.matcher.find_error_rate(mean, minibatch)
            if regression and regression.W.dtype == regression.b.dtype == minibatch.x.dtype:
                kernel_set = self._kernel_set(minibatch, row_set, regression)
                return functools.partial(kernel_set.errors, regression, bounds)
        mean_of_rows = self._compile_rows(minibatch, row_set, [mean])
        return lambda: [float(mean_of_rows(a, b)[0]) * (b - a) for a, b in zip(bounds, bounds[1:])]

    def compile_in_two(self, minibatch, row_set, cost, gradients, updates):
        """Compile a step in two functions, between which ranks sum.

        The first returns the cost and the gradients over the rows from `start` to `stop` of a set.
        The second takes the gradients and updates the variables. `gradients` is a dict from each
        gradient to its parameter.
        """
        gradients_of_rows = self._compile_rows(minibatch, row_set, [cost, *gradients])
        sums = [gradient.type() for gradient in gradients]
        apply = self.matcher.interpreted_function(
            sums, [], updates=updates, givens=dict(zip(gradients, sums))
        )
        apply.trust_input = True
        return gradients_of_rows, apply

    def _compile_rows(self, minibatch, row_set, outputs, updates=()):
        """Compile a function of the rows from `start` to `stop` of a set; it returns the outputs.

        The first output is a cost or another mean. Where the kernel can compute all that depends on
        the rows, it does so, and the engine's interpreter computes the rest.
        """
        expressions = [*outputs, *(new for _, new in updates)]
        replaced = None
        if self.has_kernel:
            replaced = self.matcher.without_rows(expressions, minibatch)
        if not replaced:
            return self._compile_rows_by_engine(minibatch, row_set, outputs, updates)
        kernel_set = self._kernel_set(minibatch, row_set, replaced.regression)
        kernel_cost = replaced.inputs[0]
        if replaced.outputs == [kernel_cost]:  # the caller reads no gradients, which come after it
            return functools.partial(kernel_set.gradients, replaced.regression)
        new_values = replaced.outputs[len(outputs) :]
        variables = [variable for variable, _ in updates]
        compute_rest = self.matcher.interpreted_function(
            replaced.inputs,
            replaced.outputs[: len(outputs)],
            updates=list(zip(variables, new_values)),
            on_unused_input="ignore",
        )
        compute_rest.trust_input = True

        def function_of_rows(start, stop):
            cost_and_gradients = kernel_set.gradients(replaced.regression, start, stop)
            return compute_rest(*map(numpy.asarray, cost_and_gradients))

        return function_of_rows

    def _compile_rows_by_engine(self, minibatch, row_set, outputs, updates):
        x, y, weights = minibatch
        features = row_set.features
        # The rows are an input: Numba never frees a graph, nor the data that were in it.
        type_of_rows = x.type if features.prepare else features.shared.type
        rows = type_of_rows("rows")
        start = self.T.lscalar("start")
        stop = self.T.lscalar("stop")
        givens = {x: as_floats(self.T, rows, x.dtype, features.scale)}
        givens[y] = row_set.labels[start:stop]
        if weights is not None:
            givens[weights] = self._shared_weights(minibatch, row_set)[start:stop]
        function = self.theano.function(
            [start, stop, rows],
            outputs,
            updates=updates,
            givens=givens,
            on_unused_input="ignore",  # an autoencoder has no labels
            mode=self._mode(),
        )
        function.trust_input = True  # it gets arrays as they are, and need not look

        def function_of_rows(start, stop):
            bounds = numpy.array(start, "int64"), numpy.array(stop, "int64")
            return function(*bounds, features.rows(start, stop, x.dtype))

        # The call that warms up also changes the generators of random numbers.
        may_change = shared_variables([*outputs, *itertools.chain(*updates)])
        # Two rows: for a single row, Numba calls, and compiles, another function of BLAS.
        self._warm_up(lambda: function_of_rows(0, 2), may_change)
        return function_of_rows

    def _mode(self):
        """Make the mode that calls NumPy's functions.

        Returns None, which means the engine's default mode, if the user's settings ask for that.
        """
        config = self.theano.config
        is_default = config.mode in ("Mode", "FAST_RUN") and config.linker in DEFAULT_LINKERS
        if not is_default or os.environ.get("LOGREG_FAST_MATH") == "0":
            return None
        return self._make_mode()

    def _make_mode(self):
        """Make the engine's mode with the rewrite of :mod:`logreg.engine.vector_math`."""

    def _kernel_set(self, minibatch, row_set, regression):
        """Make the set as the kernel takes it, with the labels and weights of a regression."""
        givens = {minibatch.y: row_set.labels}
        if minibatch.weights is not None:
            givens[minibatch.weights] = self._shared_weights(minibatch, row_set)
        outputs = [regression.labels]
        if regression.weights is not None:
            outputs.append(regression.weights)
        outputs = self.matcher.clone(outputs, givens)
        function = self.matcher.interpreted_function
        return KernelSet(row_set.features, outputs, minibatch.x.dtype, function)

    def _shared_weights(self, minibatch, row_set):
        """Put the weights of a set into a shared variable of the type of a minibatch's weights."""
        return self.shared_data(row_set.relative_weights.astype(minibatch.weights.dtype))

    def _warm_up(self, call, variables):
        """Call a function once if the engine compiles at the first call; restore the variables."""


def as_floats(T, rows, dtype, scale):
    """Cast rows of a set's shared variable to `dtype`, and multiply them by `scale`."""
    rows = rows if rows.dtype == dtype else T.cast(rows, dtype)
    return rows if scale == 1 else rows * numpy.asarray(scale, dtype)
