"""The kernel on a data set: steps of descent, and counts of misclassified rows."""

import operator

import numpy

from logreg import kernel
from logreg.engine.kernel_graph import ancestors

ROWS_AT_A_TIME = 1 << 14  # that are classified in one call, if they have few features
VALUES_AT_A_TIME = 1 << 23  # at the most: they may have to be cast first


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
        self._weights = None
        self._of_labels = [v for v in ancestors([labels]) if hasattr(v, "get_value")]
        self._compute = None if hasattr(labels, "get_value") else function([], labels)
        self._labels = None
        self._from = []  # the arrays that the labels were made of
        self._laid = None
        self._laid_of = ()  # the rows and labels that were laid out, and for how many rows a step
        self._n_calls = 0

    def x(self):
        """Get all rows as they are stored."""
        return self.features.shared.get_value(borrow=True)

    def labels(self):
        """Get the labels of all rows, int32; the same array until their variables change."""
        arrays = [variable.get_value(borrow=True) for variable in self._of_labels]
        if not _are_same(arrays, self._from):
            self._from = arrays
            self._labels = kernel.as_labels(self._compute() if self._compute else arrays[0])
            if self._compute_weights:
                self._weights = self._compute_weights()
        return self._labels

    def rows(self, start, stop):
        """Get some rows, prepared if there is a `prepare`."""
        return kernel.Rows(self.features.rows(start, stop, self.dtype), self.features.scale)

    def laid(self, y, n_rows):
        """Get the layout of all rows, which is made at the second call; None if there is none.

        Other arrays are laid out anew. A change of an array in place goes unnoticed.
        """
        x = self.x()
        if not _are_same([x, y], self._laid_of[:2]):
            self._laid = None
            self._laid_of = (x, y, n_rows)
            self._n_calls = 0
        if n_rows != self._laid_of[2]:  # the last block of rows is smaller
            return None
        self._n_calls += 1
        if self._n_calls == 2:
            self._laid = kernel.lay_out(kernel.Rows(x, self.features.scale), y, n_rows)
        return self._laid

    def minibatches(self, starts, n_rows):
        """Yield rows, their labels with their weights, and the places where minibatches start.

        All rows come at once, unless they must become floats: then a minibatch comes at a time.
        """
        x = self.x()
        y = self.labels()
        is_taken = not self.features.prepare and x.dtype in ("uint8", self.dtype)
        if is_taken and x.flags.c_contiguous:  # else the kernel would copy all
            laid = None if any(start % n_rows for start in starts) else self.laid(y, n_rows)
            yield laid or kernel.Rows(x, self.features.scale), (y, self._weights), starts
            return
        for start in starts:
            places = slice(start, start + n_rows)
            weights = None if self._weights is None else self._weights[places]
            yield self.rows(start, start + n_rows), (y[places], weights), [0]


def _are_same(arrays, others):
    return len(arrays) == len(others) and all(map(operator.is_, arrays, others))


class Steps:
    """The steps of a :class:`.Descent`, or the gradients of its regression, on a KernelSet."""

    def __init__(self, descent, dataset, batch_size=0):
        *self.params, self.class_weights, _ = descent.regression
        self._weights = None  # of the rows
        self._weights_for = None  # the labels that they were made of
        self.descent = descent
        self.dataset = dataset
        self.batch_size = batch_size

    def with_class_weights(self, labels):
        """Return labels, and the weight of each row in the cost; None if all are 1."""
        y, row_weights = labels
        if self.class_weights is None:
            return y, row_weights
        if self._weights_for is not y:
            class_weights = numpy.array(self.class_weights, self.dataset.dtype)
            # A label that is no class has any weight: the kernel refuses it.
            self._weights = numpy.take(class_weights, y, mode="clip")
            self._weights_for = y
        return y, self._weights

    def take(self, first, last):
        """Take the steps on the minibatches from `first` to `last`; return their costs."""
        costs = []
        starts = range(first * self.batch_size, (last + 1) * self.batch_size, self.batch_size)
        _, rate, l2, momentum, velocities = self.descent
        variables = [*self.params, *velocities]
        values = [variable.get_value(borrow=True) for variable in variables]
        for rows, labels, at in self.dataset.minibatches(starts, self.batch_size):
            batches = self.with_class_weights(labels), at, self.batch_size
            some, *values = kernel.steps(rows, values, *batches, rate, l2, momentum)
            costs.extend(some)
        for variable, value in zip(variables, values):
            variable.set_value(value, borrow=True)
        return costs

    def gradients(self, start, stop):
        """Compute the cost of some rows, and its gradients by W and b."""
        values = [param.get_value(borrow=True) for param in self.params]
        ((rows, labels, (at,)),) = self.dataset.minibatches([start], stop - start)
        labels = self.with_class_weights(labels)
        (cost,), *both = kernel.gradients(rows, values, labels, at, stop - start)
        return [cost, *both]

    def in_two(self, params):
        """Make two functions of a plain step: one of its cost and gradients, one by these."""
        order = [self.params.index(param) for param in params]

        def of_rows(start, stop):
            cost, *both = self.gradients(start, stop)
            return [cost, *(both[i] for i in order)]

        def apply(*values):
            for param, value in zip(params, values):
                # Not in place: the array may be the user's, or kept by a callback.
                new = param.get_value(borrow=True) - self.descent.rate * value
                param.set_value(new, borrow=True)

        return of_rows, apply


class Errors:
    """Counts the misclassified rows of a set between each two of the `edges`."""

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
        laid = self.dataset.laid(None, n_all) if is_whole else None
        starts = range(begin, end, at_a_time)
        pieces = (self.dataset.rows(start, min(start + at_a_time, end)) for start in starts)
        found = [kernel.classes(rows, (W, b)) for rows in ([laid] if laid else pieces)]
        is_wrong = numpy.concatenate(found) != self.dataset.labels()[begin:end]
        return numpy.add.reduceat(is_wrong, numpy.subtract(self.edges[:-1], begin), dtype="int64")
