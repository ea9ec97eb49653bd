"""The class in other people's programs: their names, their layers."""

import numpy
import pytest
from builders import arguments, cost_and_gradients, make_pairs, probabilities

from logreg import Hyperparameters, LogisticRegression, engine, fit, load_model, save_model
from logreg.callbacks import BestModel
from logreg.engine import T, theano
from logreg.errors import SettingError
from logreg.updates import sgd

PAIRS = make_pairs((30, 30, 30), n_in=4, n_out=3, dtype="float64")
W, B = numpy.random.RandomState(1).randn(4, 3), numpy.array([0.5, 0.0, -0.5])
# What is given for a parameter, of a shared variable; it is the last times the variable's value.
KINDS = {
    None: (lambda v: None, 0),
    "list": (lambda v: v.get_value().tolist(), 1),
    "array": (lambda v: numpy.asfortranarray(v.get_value()), 1),
    "shared": (lambda v: v, 1),
    "expression": (lambda v: -0.5 * v, -0.5),
}
GIVEN = [("list", "array"), ("array", None), (None, "expression"), ("shared", "shared")]
GIVEN += [("expression", "shared"), ("expression", "expression")]


class Layer:
    """A LogisticRegression with some W and b, and the variables and factors that they are of."""

    def __init__(self, kinds):
        variables = theano.shared(numpy.asfortranarray(W)), theano.shared(B.copy(), name="c")
        self.given = [KINDS[kind][0](v) for kind, v in zip(kinds, variables)]
        self.classifier = LogisticRegression(T.dmatrix("x"), numpy.int64(4), 3, *self.given)
        self.both = self.classifier.W, self.classifier.b
        pairs = zip(self.both, variables)
        self.variables = [mine if hasattr(mine, "get_value") else v for mine, v in pairs]
        self.factors = [KINDS[kind][1] for kind in kinds]
        self.values = [factor * value for factor, value in zip(self.factors, (W, B))]


@pytest.fixture(params=GIVEN, ids=str)
def layer(request):
    return Layer(request.param)


def test_a_layer_takes_parameters_of_every_kind(layer):
    classifier = layer.classifier
    for mine, given in zip(layer.both, layer.given):
        assert mine is given or not hasattr(given, "owner")
    assert classifier.params == [v for v in layer.both if v in layer.variables]
    x = PAIRS[0][0]
    p = theano.function([classifier.input], classifier.p_y_given_x, mode="FAST_COMPILE")(x)
    numpy.testing.assert_allclose(p, probabilities(x, *layer.values), rtol=1e-9)


def test_training_reaches_what_the_parameters_are_made_of(layer):
    """By one step on all rows."""
    settings = {"datasets": PAIRS, "hyperparameters": Hyperparameters(batch_size=30, n_epochs=1)}
    given = arguments(layer.classifier, lambda cost, _: sgd(cost, layer.variables, 0.1), **settings)
    fit(**given, callbacks=[BestModel("best", layer.classifier)])
    _, *gradients = cost_and_gradients(*PAIRS[0], *layer.values)
    each = zip(load_model("best").params, layer.values, layer.factors, gradients)
    for param, value, factor, gradient in each:
        expected = value - 0.1 * (factor or 1) ** 2 * gradient
        numpy.testing.assert_allclose(param.get_value(), expected, rtol=1e-9)


def test_an_array_is_copied_and_cast():
    mine = W.astype("float32")
    for given in (W, mine, numpy.asfortranarray(W.round().astype(int))):
        with engine.floatx("float32"):
            value = LogisticRegression(T.matrix("x"), 4, 3, W=given).W.get_value(borrow=True)
        assert value.dtype == "float32" and value.flags.c_contiguous
        assert (value == given.astype("float32")).all() and not numpy.shares_memory(value, given)
    both = {"W": theano.shared(mine), "b": theano.shared(B / 3)}  # of which a file keeps each bit
    save_model(LogisticRegression(T.matrix("x"), 4, 3, **both), "model.pkl")
    assert load_model("model.pkl").b.get_value().tolist() == (B / 3).tolist()


REFUSED = [
    ({"W": W.T}, r"W is float64 of shape \(3, 4\): floats of shape \(4, 3\) are needed"),
    ({"n_in": 4.0}, r"W would have the shape \(4.0, 3\): n_in and n_out must be whole numbers"),
    ({"n_out": 0}, r"W would have the shape \(4, 0\): n_in and n_out must be whole numbers"),
    ({"b": B > 0}, r"b is bool of shape \(3,\): floats of shape \(3,\) are needed"),
    ({"b": theano.shared(numpy.arange(3))}, r"b is int64 of shape \(3,\): floats"),
    ({"W": T.dvector() * 2}, r"W is float64 of shape \('\?',\): floats of shape"),
]


@pytest.mark.parametrize("given, message", REFUSED)
def test_parameters_of_other_shapes_and_types_are_refused(given, message):
    with pytest.raises(SettingError, match=message):
        LogisticRegression(T.matrix("x"), **{"n_in": 4, "n_out": 3, **given})
