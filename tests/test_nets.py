"""LogisticRegression on top of other layers, trained by the same code as the tutorial's model."""

import numpy
import pytest

from logreg import engine, sgd, train, tutorial, updates
from logreg.datasets import read_dataset, share
from logreg.engine import T, theano
from logreg.hyperparameters import Hyperparameters
from logreg.model import LogisticRegression
from logreg.saving import load_model

DEPTHS = pytest.mark.parametrize("sizes", [(5, 4, 3), (5, 4, 6, 3)], ids=["one", "two"])
LINEAR = (5, 3)
PENALTIES = {"l1": 0.01, "l2": 0.02}


@pytest.fixture(autouse=True)
def float64():
    with engine.floatx("float64"):
        yield


class Net:
    """Tanh layers of the given sizes under a LogisticRegression."""

    def __init__(self, sizes, seed=1):
        rng = numpy.random.RandomState(seed)
        self.x, self.y = T.matrix("x"), T.ivector("y")
        self.layer, self.params, floatx = self.x, [], theano.config.floatX
        for n_in, n_out in zip(sizes, sizes[1:-1]):
            bound = numpy.sqrt(6 / (n_in + n_out))
            W = theano.shared(rng.uniform(-bound, bound, (n_in, n_out)).astype(floatx), name="W")
            b = theano.shared(numpy.zeros(n_out, dtype=floatx), name="b")
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
        return [param.get_value() for param in self.params]

    def randomize(self):
        """Give each parameter a value that is not 0, so that no gradient vanishes."""
        rng = numpy.random.RandomState(2)
        for param in self.params:
            param.set_value(rng.uniform(-1, 1, param.get_value().shape))


class Oracle:
    """The same net in NumPy."""

    def __init__(self, values, l1=0.0, l2=0.0):
        self.params = [value.copy() for value in values]
        self.velocities = [numpy.zeros_like(value) for value in values]
        self.l1, self.l2 = l1, l2

    def layers(self, x):
        """What each layer computes, the input first; the last are the logits."""
        layers = [x]
        for W, b in zip(self.params[::2], self.params[1::2]):
            layers.append(numpy.tanh(layers[-1] @ W + b))
        return layers[:-1] + [layers[-2] @ self.params[-2] + self.params[-1]]

    def cost(self, x, y):
        z = self.layers(x)[-1]
        weights = self.params[::2]
        log_p = z - numpy.log(numpy.exp(z).sum(axis=1, keepdims=True))
        penalty = sum(self.l1 * abs(W).sum() + self.l2 * (W * W).sum() for W in weights)
        return penalty - log_p[range(len(y)), y].mean()

    def errors(self, x, y):
        return (self.layers(x)[-1].argmax(axis=1) != y).mean()

    def differences(self, x, y, step=1e-6):
        """The gradient by central differences, one number after the other."""
        gradients = []
        for param in self.params:
            gradient = numpy.zeros_like(param)
            for i in numpy.ndindex(param.shape):
                kept, sides = param[i], []
                for param[i] in (kept + step, kept - step):
                    sides.append(self.cost(x, y))
                param[i] = kept
                gradient[i] = (sides[0] - sides[1]) / (2 * step)
            gradients.append(gradient)
        return gradients

    def gradients(self, x, y):
        """The gradient by the chain rule."""
        *layers, z = self.layers(x)
        p = numpy.exp(z)
        p /= p.sum(axis=1, keepdims=True)
        below = (p - numpy.eye(p.shape[1])[y]) / len(y)
        gradients = []
        for layer, W in zip(layers[::-1], self.params[-2::-2]):
            gradients[:0] = [
                layer.T @ below + self.l1 * numpy.sign(W) + 2 * self.l2 * W,
                below.sum(axis=0),
            ]
            below = below @ W.T * (1 - layer**2)
        return gradients

    def epoch(self, x, y, batch_size, learning_rate, momentum=0.0):
        for start in range(0, len(y) - batch_size + 1, batch_size):
            rows = slice(start, start + batch_size)
            gradients = self.gradients(x[rows], y[rows])
            for param, v, gradient in zip(self.params, self.velocities, gradients):
                v *= momentum
                v -= learning_rate * gradient
                param += v


def make_rows(n, seed):
    rng = numpy.random.RandomState(seed)
    x = rng.normal(size=(n, 5))
    y = (x[:, :3] ** 2).argmax(axis=1).astype("int32")
    y[:3] = range(3)
    return x, y


def make_data():
    """Training, validation and test set; a few rows are left over of each."""
    return [make_rows(n, seed) for n, seed in ((33, 4), (24, 5), (25, 6))]


def assert_close(found, expected, rtol=1e-9):
    assert len(found) == len(expected)
    for one, other in zip(found, expected):
        numpy.testing.assert_allclose(one, other, rtol=rtol, atol=1e-9)


@DEPTHS
@pytest.mark.parametrize("penalties", [{}, PENALTIES], ids=["plain", "penalties"])
def test_the_gradient_of_every_parameter(sizes, penalties):
    net = Net(sizes)
    net.randomize()
    rows = make_rows(7, 0)
    cost = net.cost(**penalties)
    compute = theano.function([net.x, net.y], [cost, *T.grad(cost, net.params)])
    oracle = Oracle(net.values(), **penalties)
    found = compute(*rows)
    assert found[0] == pytest.approx(oracle.cost(*rows), rel=1e-12)
    assert all(abs(gradient).max() > 1e-3 for gradient in found[1:])
    assert_close(found[1:], oracle.differences(*rows), rtol=1e-6)
    # The oracle of the tests below.
    assert_close(oracle.gradients(*rows), oracle.differences(*rows), rtol=1e-6)


@DEPTHS
def test_the_input_may_be_what_a_layer_computes(sizes):
    net = Net(sizes)
    net.randomize()
    assert net.classifier.input is net.layer
    x, y = make_rows(9, 0)
    outputs = [net.classifier.p_y_given_x, net.classifier.errors(net.y)]
    p, error = theano.function([net.x, net.y], outputs)(x, y)
    oracle = Oracle(net.values())
    z = oracle.layers(x)[-1]
    assert_close(p, numpy.exp(z) / numpy.exp(z).sum(axis=1, keepdims=True))
    assert error == pytest.approx(oracle.errors(x, y))


@DEPTHS
def test_fit_trains_a_net_as_numpy_does(sizes, capsys):
    net = Net(sizes)
    oracle = Oracle(net.values(), **PENALTIES)
    pairs = make_data()
    cost = net.cost(**PENALTIES)
    seen = []

    def compare(validation):
        oracle.epoch(*pairs[0], batch_size=10, learning_rate=0.2, momentum=0.8)
        assert_close(net.values(), oracle.params)
        used = [array[:20] for array in pairs[1]]
        assert validation.errors == pytest.approx((oracle.errors(*used), oracle.errors(*pairs[1])))
        seen.append(validation)

    sgd.fit(
        net.x,
        net.y,
        cost,
        net.classifier.errors(net.y),
        updates.momentum(cost, net.params, 0.2, 0.8),
        share(read_dataset(pairs)),
        Hyperparameters(batch_size=10, n_epochs=4),
        on_validation=compare,
    )
    assert [validation.iter for validation in seen] == [2, 5, 8, 11]
    assert "The code run for 4 epochs" in capsys.readouterr().out


@pytest.mark.parametrize(
    "options",
    [{}, {"l1": 0.03}, {"l2": 0.05}, {"momentum": 0.7}, {"l1": 0.02, "l2": 0.01, "momentum": 0.5}],
    ids=str,
)
def test_the_options_of_the_command_reach_the_run(options, working_folder):
    pairs = make_data()
    names = ("x_train", "y_train", "x_valid", "y_valid", "x_test", "y_test")
    numpy.savez("data.npz", **dict(zip(names, (array for pair in pairs for array in pair))))
    argv = ["--dataset", "data.npz", "--floatx", "float64", "--batch-size", "10"]
    argv += ["--learning-rate", "0.4", "--n-epochs", "1"]
    for name, value in options.items():
        argv += [f"--{name}", str(value)]
    assert train.main(argv) == 0
    penalties = {name: value for name, value in options.items() if name != "momentum"}
    oracle = Oracle([numpy.zeros(LINEAR), numpy.zeros(LINEAR[1])], **penalties)
    oracle.epoch(*pairs[0], 10, 0.4, options.get("momentum", 0.0))
    model = load_model("best_model.pkl")
    assert_close([param.get_value() for param in model.params], oracle.params)
    assert {name: model.metadata[name] for name in options} == options


def test_by_default_the_graph_is_the_tutorials(monkeypatch, capsys):
    graphs = []

    def look(x, y, cost, errors, updates, *args, **options):
        graphs.append(text_of(cost, errors, updates))

    monkeypatch.setattr(tutorial, "fit", look)
    for options in ({}, {"l1": 0.1}, {"l2": 0.1}, {"momentum": 0.1}):
        tutorial.optimize(read_dataset(make_data()), Hyperparameters(batch_size=10, **options))
    net = Net(LINEAR)
    cost = net.classifier.negative_log_likelihood(net.y)
    step = [(p, p - 0.13 * g) for p, g in zip(net.params, T.grad(cost, net.params))]
    assert graphs[0] == text_of(cost, net.classifier.errors(net.y), step)
    assert len(set(graphs)) == 4


def text_of(cost, errors, updates):
    """The expressions of a run, written out."""
    outputs = [cost, errors, *(new for _, new in updates)]
    variables = [variable.name for variable, _ in updates]
    return f"{variables} {theano.printing.debugprint(outputs, file='str')}"


def best_error(sizes, data, rule, n_epochs, **options):
    """The best validation error of a net after a run."""
    net = Net(sizes)
    cost = net.cost()
    return sgd.fit(
        net.x,
        net.y,
        cost,
        net.classifier.errors(net.y),
        rule(cost, net.params, **options),
        data,
        Hyperparameters(batch_size=100, n_epochs=n_epochs),
    ).best_error


def test_hidden_layers_beat_the_linear_model():
    with engine.floatx("float32"):
        data = share(read_dataset("mnist_sample"))
        linear = min(
            best_error((784, 10), data, updates.momentum, 20, learning_rate=0.05),
            best_error((784, 10), data, updates.adam, 20),
        )
        one = best_error((784, 100, 10), data, updates.adam, 10, learning_rate=0.003)
        two = best_error((784, 100, 100, 10), data, updates.momentum, 10, learning_rate=0.1)
    # The linear model comes to 9.9 % of a thousand digits, and the nets to less than 8 %.
    assert max(one, two) < linear - 0.01
