"""The native kernel on a data set: steps of descent, and sums over misclassified rows."""

import operator

import numpy

from logreg import kernel
from logreg.engine.kernel_graph import ancestors

# One call classifies so many rows and so many values at most: it may copy them as floats.
ROWS_AT_A_TIME = 1 << 14
VALUES_AT_A_TIME = 1 << 23


class KernelSet:
    """A data set as the kernel takes it.

    `features` are :class:`logreg.engine.backend.Stored`. `labels` are symbolic, and so are
    `weights`, those of the rows in the cost; the engine's `function` compiles them if needed.
    `dtype` is that of a minibatch's floats.
    """

    def __init__(self, features, labels, dtype, function, weights=None):
        self.features = features
        self.dtype = dtype
        self._compute_weights = None if weights is None else function([], weights)
        self.weights = None  # of all rows, as soon as the labels are computed
        self._label_variables = [v for v in ancestors([labels]) if hasattr(v, "get_value")]
        self._compute_labels = None if hasattr(labels, "get_value") else function([], labels)
        self._labels = None
        self._label_arrays = []  # the values of the variables that the labels were made of
        self._layout = None
        self._layout_inputs = ()  # x, y and n_rows of the last calls of `layout`
        self._n_calls = 0

    def x(self):
        """Get all rows as they are stored."""
        return self.features.shared.get_value(borrow=True)

    def labels(self):
        """Get the labels of all rows, int32: the same array until their variables change.

        If they change, the weights of the rows are computed anew, too.
        """
        arrays = [variable.get_value(borrow=True) for variable in self._label_variables]
        if not _are_same(arrays, self._label_arrays):
            self._label_arrays = arrays
            self._labels = kernel.as_labels(
                self._compute_labels() if self._compute_labels else arrays[0]
            )
            if self._compute_weights:
                self.weights = self._compute_weights()
        return self._labels

    def rows(self, start, stop):
        """Get some rows, prepared if there is a `prepare`."""
        return kernel.Rows(self.features.rows(start, stop, self.dtype), self.features.scale)

    def layout(self, y, n_rows):
        """Get the layout of all rows for calls with `n_rows` rows each, or None.

        It is made at the second call with the same arrays: for a single call, it would not pay. A
        change of an array in place goes unnoticed. Without labels, it is a layout to classify.
        """
        x = self.x()
        if not _are_same([x, y], self._layout_inputs[:2]):
            self._layout = None
            self._layout_inputs = (x, y, n_rows)
            self._n_calls = 0
        if n_rows != self._layout_inputs[2]:  # the last rows of a set may be fewer
            return None
        self._n_calls += 1
        if self._n_calls == 2:
            self._layout = kernel.lay_out(kernel.Rows(x, self.features.scale), y, n_rows)
        return self._layout

    def minibatches(self, starts, n_rows):
        """Yield rows, the pair of their labels and weights, and where minibatches start in them.

        If the kernel can read the rows as they are stored, all rows are yielded at once. Else they
        must become floats first, so the rows of one minibatch are yielded at a time.
        """
        x = self.x()
        y = self.labels()
        is_readable = not self.features.prepare and x.dtype in ("uint8", self.dtype)
        if is_readable and x.flags.c_contiguous:  # else the kernel would copy all
            layout = None if any(start % n_rows for start in starts) else self.layout(y, n_rows)
            yield layout or kernel.Rows(x, self.features.scale), (y, self.weights), starts
            return
        for start in starts:
            places = slice(start, start + n_rows)
            weights = None if self.weights is None else self.weights[places]
            yield self.rows(start, start + n_rows), (y[places], weights), [0]


def _are_same(arrays, others):
    return len(arrays) == len(others) and all(map(operator.is_, arrays, others))


class Steps:
    """The steps of a :class:`.Descent`, or the gradients of its regression, on a KernelSet."""

    def __init__(self, descent, dataset, batch_size=0):
        regression = descent.regression
        self.params = [regression.W, regression.b]
        self.descent = descent
        self.dataset = dataset
        self.batch_size = batch_size

    def take(self, first, last):
        """Take the steps on the minibatches from `first` to `last`; return their costs."""
        costs = []
        starts = range(first * self.batch_size, (last + 1) * self.batch_size, self.batch_size)
        _, rate, l2, momentum, velocities = self.descent
        variables = [*self.params, *velocities]
        values = [variable.get_value(borrow=True) for variable in variables]
        for rows, labels, places in self.dataset.minibatches(starts, self.batch_size):
            batches = labels, places, self.batch_size
            some_costs, *values = kernel.steps(rows, values, *batches, rate, l2, momentum)
            costs.extend(some_costs)
        for variable, value in zip(variables, values):
            variable.set_value(value, borrow=True)
        return costs

    def gradients(self, start, stop):
        """Compute the cost of some rows, and its gradients by W and b."""
        values = [param.get_value(borrow=True) for param in self.params]
        rows, labels, places = next(self.dataset.minibatches([start], stop - start))
        (cost,), *both = kernel.gradients(rows, values, labels, places[0], stop - start)
        return [cost, *both]


class Errors:
    """Counts the misclassified rows of a set, or adds their weights, between each two `edges`."""

    def __init__(self, params, dataset, edges):
        self.params = params
        self.dataset = dataset
        self.edges = edges

    def __call__(self):
        W, b = (param.get_value(borrow=True) for param in self.params)
        n_all = len(self.dataset.x())
        begin, *others = self.edges
        if not others:
            return []
        end = others[-1]
        at_a_time = max(1, min(ROWS_AT_A_TIME, VALUES_AT_A_TIME // len(W)))
        is_whole = (begin, end) == (0, n_all) and not self.dataset.features.prepare
        layout = self.dataset.layout(None, n_all) if is_whole else None
        starts = range(begin, end, at_a_time)
        pieces = (self.dataset.rows(start, min(start + at_a_time, end)) for start in starts)
        found = [kernel.classes(rows, (W, b)) for rows in ([layout] if layout else pieces)]
        is_wrong = numpy.concatenate(found) != self.dataset.labels()[begin:end]
        if self.dataset.weights is not None:
            is_wrong = is_wrong * self.dataset.weights[begin:end]
        return numpy.add.reduceat(is_wrong, numpy.subtract(self.edges[:-1], begin), dtype="float64")
