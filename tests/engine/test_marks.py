"""What counts as softmax regression: what LogisticRegression has built of the given variables."""

import numpy
import pytest
from builders import cost_and_gradients, make_pairs
from softmax import Softmax

from logreg import LogisticRegression, engine, kernel, updates
from logreg.engine import T

clone = engine._cpu_backend.matcher.clone if engine._cpu_backend.matcher else None
pytestmark = pytest.mark.skipif(not engine._cpu_backend.has_kernel, reason="there is no kernel")


class Halved(LogisticRegression):
    """A classifier with other probabilities, as a user may write one."""

    def __init__(self, input, n_in, n_out):
        super().__init__(input, n_in, n_out)
        self.p_y_given_x = T.nnet.softmax(T.dot(input, self.W) / 2 + self.b)
        self.y_pred = T.argmin(self.p_y_given_x, axis=1)


def test_a_clone_of_a_cost_is_none_of_a_regression_on_x(monkeypatch):
    """Engines copy the tags of what they clone."""
    monkeypatch.setattr(kernel, "steps", None)
    softmax = Softmax()
    softmax.cost = clone(softmax.cost, {softmax.x: 2 * softmax.x})
    softmax.errors = clone(softmax.errors, {softmax.x: -softmax.x})
    train_model = softmax.compile(softmax.updates(), 1)
    expected, *_ = cost_and_gradients(2 * softmax.data_x[:10], softmax.data_y[:10], *softmax.values)
    error = engine.compile_errors(softmax.minibatch, softmax.row_set, 10, softmax.errors)
    scores = softmax.values[1] - softmax.data_x @ softmax.values[0]
    assert error()[1] == pytest.approx((scores.argmax(axis=1) != softmax.data_y).mean())
    assert train_model(0, 0) == pytest.approx([expected], rel=1e-5)


def test_a_subclass_may_have_other_probabilities_and_classes():
    softmax = Softmax()
    with engine.floatx("float32"):
        model = Halved(softmax.x, 4, 3)
    for param, value in zip(model.params, softmax.values):
        engine.set_value(param, value)
    W, b = softmax.values
    x, y = softmax.pairs[0]
    errors = model.errors(softmax.y)
    error = engine.compile_errors(softmax.minibatch, softmax.row_set, 10, errors)
    least = (x @ W / 2 + b).argmin(axis=1)
    assert error()[1] == pytest.approx((least != y).mean())
    cost = model.negative_log_likelihood(softmax.y)
    expected, *_ = cost_and_gradients(x / 2, y, W, b)
    mean = engine.compile_mean(softmax.minibatch, softmax.row_set, cost)
    assert mean() == pytest.approx(expected, rel=1e-5)


def test_the_input_may_be_another_than_x():
    softmax = Softmax()
    with engine.floatx("float32"):
        model = LogisticRegression(softmax.x**2, 4, 3)
    cost = model.negative_log_likelihood(softmax.y)
    mean = engine.compile_mean(softmax.minibatch, softmax.row_set, cost)
    assert mean() == pytest.approx(numpy.log(3), rel=1e-5)
    for param, value in zip(model.params, softmax.values):
        engine.set_value(param, value)
    x, y = softmax.pairs[0]
    expected, *_ = cost_and_gradients(x**2, y, *softmax.values)
    assert mean() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("has_weights", [False, True])
def test_labels_may_be_an_expression_of_y(has_weights, monkeypatch):
    """Here y are the numbers of rows. The kernel takes the steps, if no x is among them."""
    calls = []
    steps = kernel.steps
    monkeypatch.setattr(kernel, "steps", lambda *given: calls.append(given) or steps(*given))
    softmax = Softmax(make_pairs((40, 1, 1)))
    classes = engine.shared_data(softmax.data_y.astype("int32"))
    numbers = engine.shared_data(numpy.arange(40, dtype="int32"))
    softmax.row_set = softmax.row_set._replace(labels=numbers)
    weights = T.cast(classes[softmax.y], "float32") / 2 if has_weights else None
    softmax.cost = softmax.model.negative_log_likelihood(classes[softmax.y], weights)
    train_model = softmax.compile(updates.sgd(softmax.cost, softmax.model.params, 0.5), 1)
    rows = slice(10, 20)
    expected, *gradients = cost_and_gradients(
        softmax.data_x[rows],
        softmax.data_y[rows],
        *softmax.values,
        row_weights=0.5 * softmax.data_y[rows] if has_weights else None,
    )
    assert train_model(1, 1) == pytest.approx([expected], rel=1e-5) and calls
    softmax.values = [p - 0.5 * g for p, g in zip(softmax.values, gradients)]
    assert softmax.is_taken()
    softmax.cost = softmax.model.negative_log_likelihood(softmax.y, softmax.x[:, 0])
    mean = engine.compile_mean(
        softmax.minibatch, softmax.row_set._replace(labels=classes), softmax.cost
    )
    weights = softmax.data_x[:, 0]
    expected, *_ = cost_and_gradients(
        softmax.data_x, softmax.data_y, *softmax.values, row_weights=weights
    )
    assert mean() == pytest.approx(expected, rel=1e-4)
