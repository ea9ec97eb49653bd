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
# What is given for a parameter, of a shared variable; it is the last times the variable's value.
KINDS = {
    None: (lambda v: None, 0),
    "list": (lambda v: v.get_value().tolist(), 1),
    "array": (lambda v: numpy.asfortranarray(v.get_value()), 1),
    "shared": (lambda v: v, 1),
    "expression": (lambda v: -0.5 * v, -0.5),
}


@pytest.mark.parametrize(
    "kinds",
    [
        ("list", "array"),
        ("array", None),
        (None, "expression"),
        ("shared", "shared"),
        ("expression", "shared"),
        ("expression", "expression"),
    ],
)
def test_a_layer_takes_parameters_of_every_kind_and_training_reaches_them(kinds):
    """By one step on all rows, from what is given."""
    variables = [theano.shared(numpy.asfortranarray(W)), theano.shared(B.copy(), name="c")]
    given = [KINDS[kind][0](v) for kind, v in zip(kinds, variables)]
    classifier = LogisticRegression(T.dmatrix("x"), numpy.int64(4), 3, *given)
    both = classifier.W, classifier.b
    for i, (mine, one) in enumerate(zip(both, given)):
        assert mine is one or not hasattr(one, "owner")
        variables[i] = mine if hasattr(mine, "get_value") else variables[i]
    assert classifier.params == [mine for mine in both if mine in variables]
    factors = [KINDS[kind][1] for kind in kinds]
    values = [factor * value for factor, value in zip(factors, (W, B))]
    pairs = make_pairs((30, 30, 30), dtype="float64")
    fit(
        **arguments(
            classifier,
            lambda cost, _: sgd(cost, variables, 0.1),
            datasets=pairs,
            hyperparameters=Hyperparameters(batch_size=30, n_epochs=1),
        ),
        callbacks=[BestModel("best", classifier)],
    )
    _, *gradients = cost_and_gradients(*pairs[0], *values)
    for param, value, factor, gradient in zip(
        load_model("best").params, values, factors, gradients
    ):
        expected = value - 0.1 * (factor or 1) ** 2 * gradient
        numpy.testing.assert_allclose(param.get_value(), expected, rtol=1e-9)


def test_an_array_is_copied_and_cast():
    for given in (W, W.astype("float32"), numpy.asfortranarray(W.round().astype(int))):
        with engine.floatx("float32"):
            value = LogisticRegression(T.matrix("x"), 4, 3, W=given).W.get_value(borrow=True)
        assert value.dtype == "float32" and value.flags.c_contiguous
        assert (value == given.astype("float32")).all() and not numpy.shares_memory(value, given)
    # A file keeps each bit of two types.
    both = {"W": theano.shared(W.astype("float32")), "b": theano.shared(B / 3)}
    save_model(LogisticRegression(T.matrix("x"), 4, 3, **both), "model.pkl")
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
