"""What the kernel computes of a set: steps of plain descent, and which rows are misclassified."""

import operator

import numpy

from logreg.engine.kernel_graph import ancestors
from logreg.kernel import as_labels, classes, descend, lay_out

ROWS_AT_A_TIME = 1 << 14  # that are classified in one call, if they have few features
VALUES_AT_A_TIME = 1 << 23  # at the most: they may have to be cast first


def labels_of(labels, function):
    """A function of the labels of a set, which an engine's `function` compiles if it must.

    They are int32. It returns the same array as long as the arrays are the same of which they are
    made.
    """
    shared = [variable for variable in ancestors([labels]) if hasattr(variable, "get_value")]
    compute = None if hasattr(labels, "get_value") else function([], labels)
    kept = [[], None]

    def current():
        arrays = [variable.get_value(borrow=True) for variable in shared]
        if not _are_same(arrays, kept[0]):
            kept[:] = arrays, as_labels(compute() if compute else arrays[0], 2**31 - 1)
        return kept[1]

    return current


class Laid:
    """Rows and labels as the kernel lays them out, from the second time on that they come.

    Other arrays are laid out anew; one that is changed in place is not looked at again.
    """

    def __init__(self):
        self._arrays, self._sizes, self._n_calls, self._layout = [], (), 0, None

    def __call__(self, rows, scale, labels, *sizes):
        if not _are_same([rows, labels], self._arrays):
            self._arrays, self._sizes = [rows, labels], sizes
            self._n_calls, self._layout = 0, None
        if sizes != self._sizes:  # a last block that is smaller
            return None
        self._n_calls += 1
        if self._n_calls == 2:
            self._layout = lay_out(rows, scale, labels, *sizes)
        return self._layout


def _are_same(arrays, others):
    return len(arrays) == len(others) and all(map(operator.is_, arrays, others))


class Descent:
    """Steps on the minibatches of a set; it lives as long as the `train_model` that calls it.

    `params` are W and b, `labels` a function, and `dtype` is that of a minibatch's floats.
    """

    def __init__(self, params, weights, rate, features, labels, dtype, batch_size):
        self.params, self.weights, self.rate = params, weights, rate
        self.features, self.labels, self.dtype = features, labels, dtype
        self.batch_size, self._laid = batch_size, Laid()
        # Rows that become floats first do so a minibatch at a time.
        self.at_once = not features.prepare and features.shared.dtype in ("uint8", dtype)

    def __call__(self, indices):
        """Take the steps on these minibatches; return their costs."""
        starts = [index * self.batch_size for index in indices]
        costs, *new = self._descend(starts, self.batch_size, self.rate)
        for param, value in zip(self.params, new):
            param.set_value(value, borrow=True)
        return costs

    def of_rows(self, start, stop):
        """The cost of some rows, and its gradients by W and b."""
        (cost,), *gradients = self._descend([start], stop - start, 0.0)
        return [cost, *gradients]

    def _descend(self, starts, n, rate):
        params, labels = [param.get_value(borrow=True) for param in self.params], self.labels()
        scale, costs = self.features.scale, []
        rows, layout = self.features.shared.get_value(borrow=True), None
        if self.at_once and rows.flags.c_contiguous:  # else the kernel would copy them all
            if not any(start % n for start in starts):
                layout = self._laid(rows, scale, labels, n, params[1].size)
            return descend(rows, scale, *params, labels, starts, n, rate, self.weights, layout)
        for start in starts:
            rows = self.features.rows(start, start + n, self.dtype)
            data = rows, scale, *params, labels[start : start + n]
            some, *params = descend(*data, [0], n, rate, self.weights)
            costs.extend(some)
        return [costs, *params]


class Errors:
    """Counts the misclassified rows of a set between each two of the `edges`."""

    def __init__(self, params, features, labels, dtype, edges):
        self.params, self.features, self.labels = params, features, labels
        self.dtype, self.edges, self._laid = dtype, edges, Laid()

    def __call__(self):
        W, b = (param.get_value(borrow=True) for param in self.params)
        rows, scale = self.features.shared.get_value(borrow=True), self.features.scale
        n, parts = self.edges[-1], []
        at_a_time = max(1, min(ROWS_AT_A_TIME, VALUES_AT_A_TIME // len(W)))
        can_be_laid = len(rows) == n and not self.features.prepare
        layout = self._laid(rows, scale, None, n, W.shape[1]) if can_be_laid else None
        at_a_time = n if layout else at_a_time
        for start in range(0, n, at_a_time):
            rows = self.features.rows(start, min(start + at_a_time, n), self.dtype)
            parts.append(classes(rows, scale, W, b, layout))
        is_wrong = numpy.concatenate(parts) != self.labels()[:n]
        return numpy.add.reduceat(is_wrong, self.edges[:-1], dtype="int64")
