"""LogisticRegression on top of other layers, trained by the same code as the tutorial's model."""

import numpy
import pytest
from builders import make_pairs
from rules import adagrad, adam, momentum, nesterov, sgd

from logreg import LogisticRegression, engine, updates
from logreg.callbacks import Callback
from logreg.engine import T, theano
from logreg.hyperparameters import Hyperparameters
from logreg.sgd import fit

PENALTIES = {"l1": 0.01, "l2": 0.02}
# A few rows are left over of each set.
PAIRS = make_pairs((33, 24, 25), n_in=5, n_out=3, dtype="float64")


@pytest.fixture(autouse=True)
def float64():
    with engine.floatx("float64"):
        yield


class Net:
    """Tanh layers of the given sizes under a LogisticRegression."""

    def __init__(self, sizes):
        rng = numpy.random.RandomState(1)
        self.x, self.y = T.matrix("x"), T.ivector("y")
        self.layer, self.params = self.x, []
        for n_in, n_out in zip(sizes, sizes[1:-1]):
            bound = numpy.sqrt(6 / (n_in + n_out))
            values = rng.uniform(-bound, bound, (n_in, n_out)), numpy.zeros(n_out)
            W, b = (theano.shared(value.astype(theano.config.floatX)) for value in values)
            self.layer = T.tanh(T.dot(self.layer, W) + b)
            self.params += [W, b]
        self.classifier = LogisticRegression(self.layer, *sizes[-2:])
        self.params += self.classifier.params

    def cost(self, l1=0.0, l2=0.0):
        weights = self.params[::2]
        return (
            self.classifier.negative_log_likelihood(self.y)
            + l1 * sum(abs(W).sum() for W in weights)
            + l2 * sum((W**2).sum() for W in weights)
        )

    def values(self):
        return [engine.value(param) for param in self.params]


RULES = {sgd: {}, momentum: {"momentum": 0.8}, nesterov: {"momentum": 0.8}, adagrad: {}, adam: {}}


class Oracle:
    """The same net in NumPy."""

    def __init__(self, values, l1=0.0, l2=0.0):
        self.params = [numpy.array(value) for value in values]
        self.memories = [{} for _ in values]
        self.n_steps, self.l1, self.l2 = 0, l1, l2

    def layers(self, x):
        """What each layer computes, the input first; the last are the logits."""
        layers = [x]
        for W, b in zip(self.params[::2], self.params[1::2]):
            layers.append(numpy.tanh(layers[-1] @ W + b))
        return layers[:-1] + [layers[-2] @ self.params[-2] + self.params[-1]]

    def errors(self, x, y):
        return (self.layers(x)[-1].argmax(axis=1) != y).mean()

    def gradients(self, x, y):
        """The gradient by the chain rule."""
        *layers, z = self.layers(x)
        p = numpy.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        below = (p - numpy.eye(p.shape[1])[y]) / len(y)
        gradients = []
        for layer, W in zip(layers[::-1], self.params[-2::-2]):
            of_W = layer.T @ below + self.l1 * numpy.sign(W) + 2 * self.l2 * W
            gradients[:0] = [of_W, below.sum(axis=0)]
            below = below @ W.T * (1 - layer**2)
        return gradients

    def epoch(self, x, y, rule):
        """Steps on minibatches of ten rows."""
        for start in range(0, len(y) - 9, 10):
            rows = slice(start, start + 10)
            gradients = self.gradients(x[rows], y[rows])
            self.n_steps += 1
            for param, memory, gradient in zip(self.params, self.memories, gradients):
                param[:] = rule(param, gradient, memory, self.n_steps, 0.2, **RULES[rule])


@pytest.mark.parametrize(
    "sizes, rule",
    [((5, 4, 3), rule) for rule in RULES] + [((5, 4, 6, 3), momentum)],
    ids=lambda value: value.__name__ if callable(value) else f"{len(value) - 2} hidden",
)
def test_fit_trains_a_net_as_numpy_does(sizes, rule):
    net, (train, (x, y), test) = Net(sizes), PAIRS
    oracle, iters = Oracle(net.values(), **PENALTIES), []

    class Comparison(Callback):
        """Lets the oracle train along, and compares what it has with the net."""

        def on_validation(self, run, validation):
            oracle.epoch(*train, rule)
            for found, value in zip(net.values(), oracle.params):
                numpy.testing.assert_allclose(found, value, rtol=1e-9, atol=1e-9)
            expected = oracle.errors(x[:20], y[:20]), oracle.errors(x, y)
            assert (validation.error, validation.error_all_rows) == pytest.approx(expected)
            if validation.test_error is not None:
                assert validation.test_error_all_rows == pytest.approx(oracle.errors(*test))
            iters.append(validation.iter)

    cost, errors = net.cost(**PENALTIES), net.classifier.errors(net.y)
    step = getattr(updates, rule.__name__)(cost, net.params, learning_rate=0.2, **RULES[rule])
    settings = Hyperparameters(batch_size=10, n_epochs=4)
    run = fit(net.x, net.y, cost, errors, step, PAIRS, settings, [Comparison()])
    assert iters == [2, 5, 8, 11]
    assert (run.epoch, run.reason) == (4, "n_epochs")
