"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import functools
import itertools
from typing import Callable, NamedTuple, Optional

import numpy

from logreg.engine.kernel_graph import shared_variables
from logreg.engine.kernel_steps import KernelSet
from logreg.kernel import is_built, is_in_use, is_off


class Stored(NamedTuple):
    """The features of a set as they are stored, and how a model's floats are made of them."""

    shared: object
    scale: float = 1.0
    prepare: Optional[Callable] = None  # (rows, dtype) -> rows as a model takes them

    @property
    def array(self):
        return self.shared.get_value(borrow=True)

    def rows(self, start, stop, dtype):
        """Get some rows, as they are stored, or prepared if there is a `prepare`."""
        rows = self.array[start:stop]
        return self.prepare(rows, dtype) if self.prepare else rows


class Givens(NamedTuple):
    """The symbolic variables of a minibatch, and the set whose rows take their place."""

    x: object
    y: object
    features: Stored
    labels: object  # a symbolic vector


class Backend:
    """An engine on the CPU; :mod:`logreg.engine` says what its methods do.

    `theano` is the module Theano or PyTensor, and `T` has the names of ``theano.tensor``.
    `matcher` is the :class:`.GraphMatcher` of the engine, None if this engine lacks what it needs.
    It also has the engine's interpreter, which runs a graph without compiling it.
    `has_kernel` is whether the native kernel computes what the matcher finds.
    """

    device = "cpu"

    def __init__(self, theano, T, matcher=None):
        self.theano = theano
        self.T = T
        self.matcher = matcher
        self.has_kernel = is_in_use() and matcher is not None

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

    def stored(self, array, scale, prepare):
        return Stored(self.shared_data(array), 1.0 if prepare else scale, prepare)

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

    def compile_step(self, givens, batch_size, cost, updates, n_at_once):
        if self.has_kernel:
            descent = self.matcher.find_descent(cost, updates, givens.x, givens.y)
            if descent:
                dataset = self._kernel_set(givens, descent.regression)
                # The function takes the first and the last minibatch, like the one below.
                return functools.partial(dataset.take_steps, descent, batch_size)
        step = self._function_of_rows(givens, [cost], updates)

        def train_model(first, last):
            starts = range(first * batch_size, (last + 1) * batch_size, batch_size)
            return [step(start, start + batch_size)[0] for start in starts]

        return train_model

    def compile_sums(self, givens, bounds, mean):
        # A sum for each block of rows, from one bound to the next.
        if self.has_kernel:
            regression = self.matcher.find_error_rate(mean, givens.x, givens.y)
            if regression and regression.W.dtype == regression.b.dtype == givens.x.dtype:
                dataset = self._kernel_set(givens, regression)
                return functools.partial(dataset.errors, regression, bounds)
        mean_of_rows = self._function_of_rows(givens, [mean])
        return lambda: [float(mean_of_rows(a, b)[0]) * (b - a) for a, b in zip(bounds, bounds[1:])]

    def _kernel_set(self, givens, regression):
        """Make the set as the kernel takes it, with the labels and weights of a regression."""
        labels = givens.labels
        weights = regression.weights
        if weights is not None:
            # A label outside of `weights` would be an error here. The kernel has a better message.
            weights = weights[self.T.clip(labels, 0, weights.shape[0] - 1)]
        if regression.classes is not None:
            labels = regression.classes[labels]  # each label is here the number of a row
        function = self.matcher.interpreted_function
        return KernelSet(givens.features, labels, weights, givens.x.dtype, function)

    def _function_of_rows(self, givens, outputs, updates=()):
        """Compile a function of the rows from `start` to `stop` of a set; it returns the outputs.

        The first output is a cost or another mean. Where the kernel can compute all that depends on
        the rows, it does so, and the engine's interpreter computes the rest.
        """
        expressions = [*outputs, *(new for _, new in updates)]
        regression = None
        if self.has_kernel:
            expressions, regression, inputs = self.matcher.without_rows(
                expressions, givens.x, givens.y
            )
        if not regression:
            return self._by_engine(givens, outputs, updates)
        outputs = expressions[: len(outputs)]
        updates = list(zip([variable for variable, _ in updates], expressions[len(outputs) :]))
        function = self.matcher.interpreted_function(
            inputs, outputs, updates=updates, on_unused_input="ignore"
        )
        function.trust_input = True
        dataset = self._kernel_set(givens, regression)

        def function_of_rows(start, stop):
            return function(*map(numpy.asarray, dataset.gradients(regression, start, stop)))

        return function_of_rows

    def _by_engine(self, givens, outputs, updates):
        x, y, features, labels = givens
        # The rows are an input: Numba never frees a graph, nor the data that were in it.
        type_of_rows = x.type if features.prepare else features.shared.type
        rows = type_of_rows("rows")
        start = self.T.lscalar("start")
        stop = self.T.lscalar("stop")
        as_x = as_features(self.T, rows, x.dtype, features.scale)
        function = self.theano.function(
            [start, stop, rows],
            outputs,
            updates=updates,
            givens={x: as_x, y: labels[start:stop]},
            on_unused_input="ignore",  # an autoencoder has no labels
        )
        function.trust_input = True  # it gets arrays as they are, and need not look

        def function_of_rows(start, stop):
            bounds = numpy.array(start, "int64"), numpy.array(stop, "int64")
            return function(*bounds, features.rows(start, stop, x.dtype))

        # A call also changes the generators of random numbers.
        may_change = shared_variables([*outputs, *itertools.chain(*updates)])
        # Two rows: for the product of one, Numba calls, and compiles, another function of BLAS.
        self._warm_up(lambda: function_of_rows(0, 2), may_change)
        return function_of_rows

    def compile_in_two(self, givens, cost, gradients, updates):
        """Compile a step in two functions, between which ranks sum.

        The first returns the cost and the gradients over the rows from `start` to `stop` of a set.
        The second takes the gradients and updates the variables. `gradients` is a dict from each
        gradient to its parameter.
        """
        gradients_of_rows = self._function_of_rows(givens, [cost, *gradients])
        sums = [gradient.type() for gradient in gradients]
        apply = self.matcher.interpreted_function(
            sums, [], updates=updates, givens=dict(zip(gradients, sums))
        )
        apply.trust_input = True
        return gradients_of_rows, apply

    def _warm_up(self, call, variables):
        """Call a function once if the engine compiles at the first call; restore the variables."""


def as_stored(features):
    """Make a :class:`Stored` of a set's features, which may be a shared variable."""
    return features if isinstance(features, Stored) else Stored(features)


def as_features(T, rows, dtype, scale):
    """Cast rows of a set's shared variable to `dtype`, and multiply them by `scale`."""
    rows = rows if rows.dtype == dtype else T.cast(rows, dtype)
    return rows if scale == 1 else rows * numpy.asarray(scale, dtype)


def n_bytes(features):
    """Count the bytes of a set's features as they are stored."""
    return as_stored(features).array.nbytes


def n_rows(features):
    """Count the rows of a set."""
    return len(as_stored(features).array)
