"""A classifier whose steps NumPy takes along."""

import numpy
from builders import cost_and_gradients, make_pairs, probabilities

from logreg import LogisticRegression, engine, updates
from logreg.engine import Expressions, T


def steps_of_numpy(rows, params, starts, n_rows, rate, l2=0, momentum=0, l1=0):
    """Take steps in float64; return the cost before each, and the parameters.

    `rows` are x, y and the weights of all rows. With momentum, `params` are W and b, and the
    velocities after them.
    """
    W, b, *velocities = (param.astype(float) for param in params)
    costs = []
    for start in starts:
        x, y, weights = (array[start : start + n_rows] for array in rows)
        cost, dW, db = cost_and_gradients(x, y, W, b, row_weights=weights)
        costs.append(cost + l1 * abs(W).sum() + l2 * (W**2).sum())
        changes = [-rate * (dW + l1 * numpy.sign(W) + 2 * l2 * W), -rate * db]
        if velocities:
            changes = velocities = [momentum * v + c for v, c in zip(velocities, changes)]
        W, b = W + changes[0], b + changes[1]
    return [costs, W, b, *velocities]


class Softmax:
    """A classifier of 4 features and 3 classes, with random weights, and data.

    `make` makes it of the symbolic rows and the two numbers.
    """

    def __init__(self, pairs=None, make=LogisticRegression):
        self.pairs = pairs or make_pairs((47, 20, 20))
        self.data_x, self.data_y = self.pairs[0]
        self.x, self.y = T.fmatrix("x"), T.ivector("y")
        self.minibatch = engine.Minibatch(self.x, self.y)
        labels = T.cast(engine.shared_data(self.data_y.astype("float32")), "int32")
        self.row_set = engine.RowSet(engine.stored(self.data_x.copy()), labels)
        with engine.floatx("float32"):
            self.model = make(self.x, 4, 3)
        self.cost = self.model.negative_log_likelihood(self.y)
        self.errors = self.model.errors(self.y)
        random = numpy.random.RandomState(1)
        self.values = [random.randn(*shape).astype("float32") for shape in ((4, 3), (3,))]
        for param, value in zip(self.model.params, self.values):
            engine.set_value(param, value)

    def updates(self):
        return updates.sgd(self.cost, self.model.params, 0.5)

    def compile(self, updates, n_at_once):
        given = Expressions(self.minibatch, self.cost, self.errors, self.cost, updates)
        return engine.compile_step(given, self.row_set, 10, n_at_once)

    def compile_errors(self, batch_size=10):
        return engine.compile_errors(self.minibatch, self.row_set, batch_size, self.errors)

    def compile_mean(self):
        return engine.compile_mean(self.minibatch, self.row_set, self.cost)

    def cost_of_all(self):
        """The cost of all rows, by NumPy."""
        cost, *_ = cost_and_gradients(self.data_x, self.data_y, *self.values)
        return cost

    def step(self, index, row_weights=None):
        """Take a step of NumPy's on `values`; return the cost before it."""
        rows = slice(10 * index, 10 * index + 10)
        cost, *gradients = cost_and_gradients(
            self.data_x[rows], self.data_y[rows], *self.values, row_weights
        )
        self.values = [p - 0.5 * gradient for p, gradient in zip(self.values, gradients)]
        return cost

    def error(self, n_rows=None):
        """The fraction of the first rows that NumPy has wrong, by default of all."""
        found = probabilities(self.data_x[:n_rows], *self.values).argmax(axis=1)
        return (found != self.data_y[:n_rows]).mean()

    def is_taken(self):
        """Whether the parameters are where NumPy is."""
        found = zip([param.get_value() for param in self.model.params], self.values)
        return all(numpy.allclose(*pair, rtol=1e-4, atol=1e-5) for pair in found)
