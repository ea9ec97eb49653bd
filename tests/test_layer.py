"""The class in other people's programs: their names, their layers."""

import numpy
import pytest
from builders import arguments, cost_and_gradients, make_pairs

from logreg import Hyperparameters, LogisticRegression, engine, fit, load_model, save_model
from logreg.basics.errors import SettingError
from logreg.callbacks import BestModel
from logreg.engine import T, theano
from logreg.updates import sgd

W = numpy.random.RandomState(1).randn(4, 3)
B = numpy.array([0.5, 0.0, -0.5])


@pytest.mark.parametrize("factors", [(1, 1), (1, -0.5), (-0.5, 1), (-0.5, -0.5)])
def test_training_reaches_the_variables_that_parameters_are_made_of(factors):
    """By one step on all rows. What is given is a shared variable, or an expression of it."""
    variables = [theano.shared(W), theano.shared(B, name="c")]
    given = [v if factor == 1 else factor * v for factor, v in zip(factors, variables)]
    classifier = LogisticRegression(T.dmatrix("x"), 4, 3, *given)
    assert [classifier.W, classifier.b] == given
    assert classifier.params == [mine for mine in given if mine in variables]
    values = [factor * value for factor, value in zip(factors, (W, B))]
    pairs = make_pairs((30, 30, 30), dtype="float64")
    once = Hyperparameters(batch_size=30, n_epochs=1)
    given = arguments(
        classifier,
        lambda cost, _: sgd(cost, variables, 0.1),
        datasets=pairs,
        hyperparameters=once,
    )
    fit(**given, callbacks=[BestModel("best", classifier)])
    _, *gradients = cost_and_gradients(*pairs[0], *values)
    found = load_model("best").params
    for param, value, factor, gradient in zip(found, values, factors, gradients):
        expected = value - 0.1 * factor**2 * gradient
        numpy.testing.assert_allclose(param.get_value(), expected, rtol=1e-9)


@pytest.mark.parametrize(
    "given", [W, W.tolist(), W.astype("float32"), numpy.asfortranarray(W.round().astype(int))]
)
def test_an_array_is_copied_and_cast(given):
    with engine.floatx("float32"):
        value = LogisticRegression(T.matrix("x"), numpy.int64(4), 3, given).W.get_value(borrow=True)
    assert value.dtype == "float32" and value.flags.c_contiguous
    assert (value == numpy.float32(given)).all() and not numpy.shares_memory(value, given)


def test_a_file_keeps_each_bit_of_two_types():
    both = theano.shared(W.astype("float32")), theano.shared(B / 3)
    save_model(LogisticRegression(T.matrix("x"), 4, 3, *both), "model.pkl")
    assert load_model("model.pkl").b.get_value().tolist() == (B / 3).tolist()


@pytest.mark.parametrize(
    "given, message",
    [
        ({"W": W.T}, r"W is float64 of shape \(3, 4\): floats of shape \(4, 3\) are needed"),
        ({"n_in": 4.0}, r"W would have the shape \(4.0, 3\): n_in and n_out must be whole numbers"),
        ({"n_out": 0}, r"W would have the shape \(4, 0\): n_in and n_out must be whole numbers"),
        ({"b": B > 0}, r"b is bool of shape \(3,\): floats of shape \(3,\) are needed"),
        ({"b": theano.shared(numpy.arange(3))}, r"b is int64 of shape \(3,\): floats"),
        ({"W": T.dvector() * 2}, r"W is .*float64.*: floats of shape \(4, 3\) are needed"),
    ],
)
def test_parameters_of_other_shapes_and_types_are_refused(given, message):
    with pytest.raises(SettingError, match=message):
        LogisticRegression(T.matrix("x"), **{"n_in": 4, "n_out": 3, **given})
