"""The model's expressions against NumPy and finite differences."""

import numpy
import pytest

from logreg import engine
from logreg.engine import T, theano
from logreg.model import LogisticRegression

N, N_IN, N_OUT = 7, 5, 4
LABELS = ["int8", "int16", "int32", "int64", "uint8", "uint16"]


@pytest.fixture(params=["float32", "float64"])
def floatx(request):
    with engine.floatx(request.param):
        yield request.param


def softmax(z):
    """Row by row, in float64."""
    z = numpy.asarray(z, "float64")
    e = numpy.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def log_likelihoods(z, y):
    z = numpy.asarray(z, "float64")
    largest = z.max(axis=1)
    log_sum = largest + numpy.log(numpy.exp(z - largest[:, None]).sum(axis=1))
    return z[numpy.arange(len(y)), y] - log_sum


class Case:
    """A model with random parameters over a variable or over a hidden layer, and its data."""

    def __init__(self, floatx, hidden, scale=1.0):
        rng = numpy.random.RandomState(3)
        self.x = rng.uniform(-1, 1, (N, N_IN)).astype(floatx)
        self.y = rng.randint(0, N_OUT, N).astype("int32")
        self.W = (scale * rng.uniform(-1, 1, (N_IN, N_OUT))).astype(floatx)
        self.b = rng.uniform(-1, 1, N_OUT).astype(floatx)
        self.V = rng.uniform(-1, 1, (N_IN, N_IN)).astype(floatx) if hidden else None

        self.input = T.matrix("x")
        self.labels = T.ivector("y")
        layer = self.input
        self.hidden = None
        if hidden:
            self.hidden = theano.shared(self.V, name="V")
            layer = T.tanh(T.dot(self.input, self.hidden))
        self.classifier = LogisticRegression(layer, N_IN, N_OUT)
        self.classifier.W.set_value(self.W)
        self.classifier.b.set_value(self.b)

    def logits(self, W=None, b=None, V=None):
        """The oracle's logits, in float64, with some parameters replaced."""
        W, b, V = (
            numpy.asarray(own if other is None else other, "float64")
            for own, other in ((self.W, W), (self.b, b), (self.V, V))
        )
        x = self.x.astype("float64")
        return (x if self.hidden is None else numpy.tanh(x @ V)) @ W + b

    def compute(self, *outputs):
        function = theano.function(
            [self.input, self.labels], list(outputs), on_unused_input="ignore"
        )
        return function(self.x, self.y)


@pytest.fixture(params=[False, True], ids=["input is a variable", "input is a hidden layer"])
def case(request, floatx):
    return Case(floatx, request.param)


def test_parameters_start_as_named_zeros_of_floatx(floatx):
    classifier = LogisticRegression(T.matrix("x"), N_IN, N_OUT)
    assert [param.name for param in classifier.params] == ["W", "b"]
    assert classifier.params[0] is classifier.W and classifier.params[1] is classifier.b
    for param, shape in zip(classifier.params, [(N_IN, N_OUT), (N_OUT,)]):
        value = param.get_value()
        assert value.shape == shape and value.dtype == floatx and not value.any()


def test_input_is_kept_as_given():
    x = T.matrix("x")
    assert LogisticRegression(x, N_IN, N_OUT).input is x
    assert LogisticRegression(input=x, n_in=N_IN, n_out=N_OUT).input is x


def test_probabilities_and_predictions(case, floatx):
    p, y_pred = case.compute(case.classifier.p_y_given_x, case.classifier.y_pred)
    expected = softmax(case.logits())
    assert p.dtype == floatx
    numpy.testing.assert_allclose(p, expected, rtol=2e-5 if floatx == "float32" else 1e-12)
    numpy.testing.assert_array_equal(y_pred, expected.argmax(axis=1))


def test_cost_is_the_mean_negative_log_likelihood(case, floatx):
    cost = case.classifier.negative_log_likelihood(case.labels)
    assert cost.ndim == 0 and cost.dtype == floatx
    expected = -log_likelihoods(case.logits(), case.y).mean()
    tolerance = 1e-5 if floatx == "float32" else 1e-12
    assert case.compute(cost)[0] == pytest.approx(expected, rel=tolerance)


def test_errors_is_the_fraction_misclassified(case):
    expected = (softmax(case.logits()).argmax(axis=1) != case.y).mean()
    assert 0 < expected < 1
    (errors,) = case.compute(case.classifier.errors(case.labels))
    assert errors == pytest.approx(expected, abs=1e-7)


def finite_differences(case, name, step=1e-6):
    """Central differences of the oracle's cost, in float64."""
    at = numpy.asarray(getattr(case, name), "float64")
    gradient = numpy.zeros_like(at)
    for index in numpy.ndindex(at.shape):
        for sign in (1, -1):
            moved = at.copy()
            moved[index] += sign * step
            cost = -log_likelihoods(case.logits(**{name: moved}), case.y).mean()
            gradient[index] += sign * cost / (2 * step)
    return gradient


def test_gradients_against_finite_differences(case, floatx):
    cost = case.classifier.negative_log_likelihood(case.labels)
    wrt = {"W": case.classifier.W, "b": case.classifier.b}
    if case.hidden is not None:
        wrt["V"] = case.hidden
    gradients = case.compute(*T.grad(cost, list(wrt.values())))
    for name, gradient in zip(wrt, gradients):
        assert gradient.dtype == floatx
        tolerance = 1e-4 if floatx == "float32" else 1e-7
        numpy.testing.assert_allclose(
            gradient, finite_differences(case, name), rtol=tolerance, atol=tolerance / 10
        )


@pytest.mark.parametrize("hidden", [False, True])
def test_logits_up_to_1e4_keep_cost_and_gradient_finite(floatx, hidden):
    case = Case(floatx, hidden, scale=1e4)
    logits = case.logits()
    assert numpy.ptp(logits, axis=1).max() > 5e3  # probabilities do underflow
    cost = case.classifier.negative_log_likelihood(case.labels)
    value, *gradients = case.compute(cost, *T.grad(cost, case.classifier.params))
    expected = -log_likelihoods(logits, case.y).mean()
    assert value == pytest.approx(expected, rel=1e-3 if floatx == "float32" else 1e-9)
    onehot = numpy.eye(N_OUT)[case.y]
    numpy.testing.assert_allclose(
        gradients[1], (softmax(logits) - onehot).mean(axis=0), rtol=1e-2, atol=1e-5
    )
    assert all(numpy.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("dtype", LABELS)
def test_any_integer_type_will_do_for_labels(dtype):
    with engine.floatx("float64"):
        case = Case("float64", hidden=False)
        y = T.vector("y", dtype=dtype)
        outputs = [case.classifier.errors(y), case.classifier.negative_log_likelihood(y)]
        errors, cost = theano.function([case.input, y], outputs)(case.x, case.y.astype(dtype))
    assert errors == pytest.approx((softmax(case.logits()).argmax(axis=1) != case.y).mean())
    assert cost == pytest.approx(-log_likelihoods(case.logits(), case.y).mean())


@pytest.mark.parametrize("dtype", ["float32", "float64", "bool"])
def test_errors_refuses_labels_that_are_not_integers(dtype):
    classifier = LogisticRegression(T.matrix("x"), N_IN, N_OUT)
    with pytest.raises(NotImplementedError) as raised:
        classifier.errors(T.vector("y", dtype=dtype))
    for part in (dtype, "integer", "T.cast(y, 'int32')"):
        assert part in str(raised.value)


@pytest.mark.parametrize("make", [T.imatrix, T.lscalar], ids=["one-hot rows", "a scalar"])
def test_errors_refuses_labels_that_are_not_a_vector(make):
    classifier = LogisticRegression(T.matrix("x"), N_IN, N_OUT)
    with pytest.raises(TypeError) as raised:
        classifier.errors(make("y"))
    for part in (f"{make('y').ndim} dimensions", "vector", "argmax"):
        assert part in str(raised.value)
