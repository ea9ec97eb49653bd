"""The native kernel on a data set: steps of descent, and sums over misclassified rows."""

import operator

import numpy

from logreg import kernel
from logreg.engine.kernel_graph import is_shared, shared_variables

# How many values of the features one call classifies: it may copy them as floats.
VALUES_AT_A_TIME = 1 << 23


class KernelSet:
    """A data set as the kernel takes it.

    `features` are :class:`.Features`. The symbolic `labels_and_weights` are those of all rows, or
    the labels alone if all rows count alike. The engine's `function` compiles them. `dtype` is that
    of a minibatch's floats.
    """

    def __init__(self, features, labels_and_weights, dtype, function):
        self.features = features
        self.dtype = dtype
        if all(map(is_shared, labels_and_weights)):
            variables = labels_and_weights
            self._compute = None  # no function is needed; a first one takes 0.06 s
        else:
            variables = shared_variables(labels_and_weights)
            self._compute = function([], labels_and_weights)
        self._variables = [features.shared, *variables]
        self._arrays = []  # the values of the variables, of which all that follows was made
        self._weighted_labels = None
        self._n_rows_of_layout = None
        self._n_calls_for_layout = 0
        self._laid_out = None

    def weighted_labels(self):
        """Get the pair of the labels of all rows, int32, and their weights or None.

        They are the same arrays until a variable of the set has another value.
        """
        arrays = [variable.get_value(borrow=True) for variable in self._variables]
        if not _are_same(arrays, self._arrays):
            self._arrays = arrays
            labels, *weights = self._compute() if self._compute else arrays[1:]
            self._weighted_labels = kernel.as_labels(labels), weights[0] if weights else None
            self._n_rows_of_layout = None
        return self._weighted_labels

    def rows(self, start=None, stop=None):
        """Get some rows, by default all, prepared if there is a `prepare`."""
        return kernel.Rows(self.features.rows(start, stop, self.dtype), self.features.scale)

    def laid_out_rows(self, y, n_rows):
        """Get all rows in the order and form that the C code reads fastest; None if it has none.

        This layout is for minibatches of `n_rows` or, with `y` None, for
        :func:`logreg.kernel.classes`. It is of the values that :meth:`weighted_labels`, which is
        called before, has seen. It is made at the second call for the same values, as it would not
        pay for a single one. A change of an array in place goes unnoticed.
        """
        if self._n_rows_of_layout is None:
            self._n_rows_of_layout = n_rows
            self._n_calls_for_layout = 0
            self._laid_out = None
        if n_rows != self._n_rows_of_layout:  # the last rows of a set may be fewer
            return None
        self._n_calls_for_layout += 1
        if self._n_calls_for_layout == 2:
            self._laid_out = kernel.lay_out(self.rows(), y, n_rows)
        return self._laid_out

    def minibatches(self, starts, n_rows):
        """Yield rows, the pair of their labels and weights, and where minibatches start in them.

        The minibatches follow each other: each one of `starts` is `n_rows` after the one before.
        If the kernel can read the rows as they are stored, all rows are yielded at once. Else they
        must become floats first, so the rows of one minibatch are yielded at a time.
        """
        x = self.features.array
        y, weights = self.weighted_labels()
        is_readable = not self.features.prepare and x.dtype in ("uint8", self.dtype)
        if is_readable and x.flags.c_contiguous:  # else the kernel would copy all
            are_aligned = starts[0] % n_rows == 0
            laid_out = self.laid_out_rows(y, n_rows) if are_aligned else None
            yield laid_out or kernel.Rows(x, self.features.scale), (y, weights), starts
            return
        for start in starts:
            places = slice(start, start + n_rows)
            some_weights = None if weights is None else weights[places]
            yield self.rows(start, start + n_rows), (y[places], some_weights), [0]

    def take_steps(self, descent, batch_size, first, last):
        """Take a Descent's steps on the minibatches from `first` to `last`; return their costs."""
        costs = []
        starts = range(first * batch_size, (last + 1) * batch_size, batch_size)
        regression, l2, velocities, rate, momentum = descent
        variables = [*regression.params, *velocities]
        values = [variable.get_value(borrow=True) for variable in variables]
        for rows, weighted_labels, starts_in_rows in self.minibatches(starts, batch_size):
            some_costs, *values = kernel.steps(
                rows, values, weighted_labels, starts_in_rows, batch_size, rate, l2, momentum
            )
            costs.extend(some_costs)
        for variable, value in zip(variables, values):
            # set_value would check the type: for few rows, this takes as long as the steps.
            variable.container.storage[0] = value
        return costs

    def gradients(self, regression, start, stop):
        """Compute the cost of some rows, and its gradients by W and b."""
        params = [param.get_value(borrow=True) for param in regression.params]
        n_rows = stop - start
        rows, weighted_labels, starts_in_rows = next(self.minibatches([start], n_rows))
        costs, *gradients = kernel.gradients(
            rows, params, weighted_labels, starts_in_rows[0], n_rows
        )
        return [costs[0], *gradients]

    def errors(self, regression, bounds):
        """Count the misclassified rows, or add their weights, between each two of the `bounds`."""
        if len(bounds) == 1:  # a rank without a block
            return []
        begin = bounds[0]
        end = bounds[-1]
        y, weights = self.weighted_labels()
        is_wrong = self._classes(regression.params, begin, end) != y[begin:end]
        errors = is_wrong.astype("float64")
        if weights is not None:
            errors *= weights[begin:end]
        return numpy.add.reduceat(errors, [start - begin for start in bounds[:-1]])

    def _classes(self, params, begin, end):
        """Classify the rows from `begin` to `end`."""
        params = [param.get_value(borrow=True) for param in params]
        laid_out = None
        if (begin, end) == (0, len(self.features.array)) and not self.features.prepare:
            laid_out = self.laid_out_rows(None, end)
        if laid_out:
            return kernel.classes(laid_out, params)
        at_a_time = max(1, VALUES_AT_A_TIME // len(params[0]))
        starts = range(begin, end, at_a_time)
        pieces = []
        for start in starts:
            # Prepared rows are copies: memory holds those of one piece.
            rows = self.rows(start, min(start + at_a_time, end))
            pieces.append(kernel.classes(rows, params))
        return pieces[0] if len(pieces) == 1 else numpy.concatenate(pieces)


def _are_same(arrays, others):
    return len(arrays) == len(others) and all(map(operator.is_, arrays, others))
