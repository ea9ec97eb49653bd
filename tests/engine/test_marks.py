"""What counts as softmax regression: what LogisticRegression has built of the given variables."""

from unittest.mock import Mock

import numpy
import pytest
from builders import cost_and_gradients, make_pairs
from softmax import Softmax

from logreg import LogisticRegression, engine, kernel
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
    W, b = softmax.values
    wrong = (b - softmax.data_x @ W).argmax(axis=1) != softmax.data_y
    assert softmax.compile_errors()()[1] == pytest.approx(wrong.mean())
    softmax.data_x = 2 * softmax.data_x
    assert train_model(0, 0) == pytest.approx([softmax.step(0)], rel=1e-5)


@pytest.mark.parametrize(
    "make, seen, best",
    [
        (Halved, lambda x: x / 2, numpy.argmin),
        (lambda x, *sizes: LogisticRegression(x**2, *sizes), numpy.square, numpy.argmax),
    ],
)
def test_a_model_may_see_another_x_and_choose_other_classes(make, seen, best):
    softmax = Softmax(make=make)
    softmax.data_x = seen(softmax.data_x)
    W, b = softmax.values
    wrong = best(softmax.data_x @ W + b, axis=1) != softmax.data_y
    assert softmax.compile_errors()()[1] == pytest.approx(wrong.mean())
    assert softmax.compile_mean()() == pytest.approx(softmax.cost_of_all(), rel=1e-5)


@pytest.mark.parametrize("has_weights", [False, True])
def test_labels_may_be_an_expression_of_y(has_weights, monkeypatch):
    """Here y are the numbers of rows. The kernel takes the steps, if no x is among them."""
    steps = Mock(wraps=kernel.steps)
    monkeypatch.setattr(kernel, "steps", steps)
    softmax = Softmax(make_pairs((40, 1, 1)))
    classes = engine.shared_data(softmax.data_y.astype("int32"))
    numbers = engine.shared_data(numpy.arange(40, dtype="int32"))
    softmax.row_set = softmax.row_set._replace(labels=numbers)
    weights = T.cast(classes[softmax.y], "float32") / 2 if has_weights else None
    softmax.cost = softmax.model.negative_log_likelihood(classes[softmax.y], weights)
    train_model = softmax.compile(softmax.updates(), 1)
    weights_of_rows = softmax.data_y[10:20] / 2 if has_weights else None
    expected = softmax.step(1, weights_of_rows)
    assert train_model(1, 1) == pytest.approx([expected], rel=1e-5) and steps.called
    assert softmax.is_taken()
    softmax.cost = softmax.model.negative_log_likelihood(softmax.y, softmax.x[:, 0])
    softmax.row_set = softmax.row_set._replace(labels=classes)
    x = softmax.data_x
    expected, *_ = cost_and_gradients(x, softmax.data_y, *softmax.values, row_weights=x[:, 0])
    assert softmax.compile_mean()() == pytest.approx(expected, rel=1e-4)
