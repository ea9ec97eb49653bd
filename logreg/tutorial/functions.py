"""Checks the functions that a reader has written for an exercise of the tutorial."""

import numpy
from scipy.special import log_softmax

N_ROWS, N_CLASSES, RATE = 30, 10, 0.5


def difference(learn_by_hand):
    """Say where a reader's training first differs from ours, on random rows.

    Parameters
    ----------
    learn_by_hand : callable
        It takes rate, size, n_epochs, x and y. It returns the mean cost of the steps of each epoch,
        and the model, a pair of W and b, after each epoch.

    Returns
    -------
    str
        Empty if nothing differs.

    Examples
    --------
    >>> difference(lambda rate, size, n_epochs, x, y: ([0.0], [(0.0, 0.0)]))
    'with 1 step an epoch, the cost of epoch 1 differs by up to 2.3'
    """
    random = numpy.random.RandomState(0)
    x, y = random.rand(N_ROWS, 784), random.randint(N_CLASSES, size=N_ROWS)
    for size, n_epochs, steps in ((N_ROWS, 1, "1 step"), (N_ROWS // 3, 2, "3 steps")):
        costs, models = learn_by_hand(RATE, size, n_epochs, x, y)
        if not len(costs) == len(models) == n_epochs:
            return f"of {n_epochs} epochs, there are {len(costs)} costs and {len(models)} models"
        for epoch, (cost, W, b) in enumerate(_epochs(size, n_epochs, x, y)):
            found_W, found_b = models[epoch]
            compared = ("cost", costs[epoch], cost), ("W", found_W, W), ("b", found_b, b)
            for name, found, right in compared:
                where = f"with {steps} an epoch, the {name} of epoch {epoch + 1}"
                if numpy.shape(found) != numpy.shape(right):
                    return f"{where} has the shape {numpy.shape(found)}, not {numpy.shape(right)}"
                gap = abs(numpy.subtract(found, right)).max()
                if not gap < 1e-6:  # it may be NaN
                    return f"{where} differs by up to {gap:.2g}"
    return ""


def _epochs(size, n_epochs, x, y):
    """Train, and give the mean cost, W and b of each epoch."""
    one_hot = numpy.eye(N_CLASSES)[y]
    W, b = numpy.zeros((x.shape[1], N_CLASSES)), numpy.zeros(N_CLASSES)
    for _ in range(n_epochs):
        costs = []
        for start in range(0, len(x), size):
            rows = slice(start, start + size)
            log_p = log_softmax(x[rows] @ W + b, axis=1)
            costs.append(-(one_hot[rows] * log_p).sum() / size)
            gap = (numpy.exp(log_p) - one_hot[rows]) / size
            W = W - RATE * x[rows].T @ gap
            b = b - RATE * gap.sum(axis=0)
        yield numpy.mean(costs), W, b
