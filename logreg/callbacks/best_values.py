"""The best parameters of a run, in memory."""

import numpy

from logreg import engine
from logreg.callbacks.base import Callback


class BestValues(Callback):
    """Keeps the values of parameters at the lowest validation error, the last of equal.

    Where the classes have weights, an error counts by the weight of its row's class.
    """

    def __init__(self, params, valid, weights):
        self.params, self.valid, self.weights = params, valid, weights
        self.error, self.values = numpy.inf, None

    def on_validation(self, run, validation):
        values, error = [engine.value(param) for param in self.params], validation.error
        if self.weights is not None:
            (x, y), (W, b) = self.valid, values
            error = self.weights[y] @ ((x @ W + b).argmax(axis=1) != y)
        if error <= self.error and engine.are_finite(self.params):
            self.error, self.values = error, [value.copy() for value in values]
