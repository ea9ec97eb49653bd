"""What the kernel computes of a set: steps of plain descent, and which rows are misclassified."""

import numpy

from logreg.kernel import classes, cross_entropy, descend

ROWS_AT_A_TIME = 1 << 14  # that are classified in one call, if they have few features
VALUES_AT_A_TIME = 1 << 23  # at the most: they may have to be cast first


def labels_of(labels, function):
    """A function of the labels of a set, which an engine's `function` compiles if it must."""
    if hasattr(labels, "get_value"):
        return lambda: labels.get_value(borrow=True)
    return function([], labels)


class Descent:
    """Steps on the minibatches of a set; it lives as long as the `train_model` that calls it.

    `params` are W and b, `labels` a function, and `dtype` is that of a minibatch's floats.
    """

    def __init__(self, params, weights, rate, features, labels, dtype, batch_size):
        self.params, self.weights, self.rate = params, weights, rate
        self.features, self.labels, self.dtype = features, labels, dtype
        self.batch_size = batch_size
        # Rows that become floats first do so a minibatch at a time.
        self.at_once = not features.prepare and features.shared.dtype in ("uint8", dtype)

    def __call__(self, indices):
        """Take the steps on these minibatches; return their costs."""
        new, labels = [param.get_value(borrow=True) for param in self.params], self.labels()
        starts, costs = [index * self.batch_size for index in indices], []
        blocks = [(0, len(labels), starts)]
        if not self.at_once:
            blocks = [(start, start + self.batch_size, [0]) for start in starts]
        for first, last, firsts in blocks:
            rows, y = self.features.rows(first, last, self.dtype), labels[first:last]
            data = rows, self.features.scale, *new, y
            some, *new = descend(*data, firsts, self.batch_size, self.rate, self.weights)
            costs.extend(some)
        for param, value in zip(self.params, new):
            param.set_value(value, borrow=True)
        return costs

    def of_rows(self, start, stop):
        """The cost of some rows, and its gradients by W and b."""
        values = [param.get_value(borrow=True) for param in self.params]
        rows, y = self.features.rows(start, stop, self.dtype), self.labels()[start:stop]
        return cross_entropy(rows, self.features.scale, *values, y, self.weights)


def count_errors(params, features, labels, dtype, edges):
    """Count the misclassified rows of a set between each two of the `edges`."""
    W, b = (param.get_value(borrow=True) for param in params)
    at_a_time = max(1, min(ROWS_AT_A_TIME, VALUES_AT_A_TIME // len(W)))
    parts = []
    for start in range(0, edges[-1], at_a_time):
        rows = features.rows(start, min(start + at_a_time, edges[-1]), dtype)
        parts.append(classes(rows, features.scale, W, b))
    is_wrong = numpy.concatenate(parts) != labels()[: edges[-1]]
    return numpy.add.reduceat(is_wrong, edges[:-1], dtype="int64")
