"""The model's expressions against NumPy."""

import numpy
import pytest
from builders import cost_and_gradients, probabilities

from logreg import LogisticRegression, engine
from logreg.basics.errors import SettingError
from logreg.engine import T, theano

N, N_IN, N_OUT = 7, 5, 4


class Case:
    """A model, random parameters for it, and a function of all it computes."""

    def __init__(self, floatx, make_weights, dtype_of_labels):
        random = numpy.random.RandomState(3)
        self.weights = numpy.array([0.25, 2, 0, 3] if make_weights else N_OUT * [1])
        self.x = random.uniform(-1, 1, (N, N_IN)).astype(floatx)
        self.y = random.randint(0, N_OUT, N).astype(dtype_of_labels)
        self.W = random.uniform(-1, 1, (N_IN, N_OUT)).astype(floatx)
        self.b = random.uniform(-1, 1, N_OUT).astype(floatx)
        self.input, y = x, _ = T.matrix("x"), T.vector("y", dtype=dtype_of_labels)
        self.classifier = classifier = LogisticRegression(x, N_IN, N_OUT)
        weights = make_weights and make_weights(self.weights)
        cost = classifier.negative_log_likelihood(y, weights)
        outputs = [classifier.p_y_given_x, classifier.y_pred, cost, classifier.errors(y)]
        self.function = theano.function([x, y], outputs + T.grad(cost, classifier.params))


@pytest.fixture(
    scope="module",
    params=[
        ("float32", None, "int32"),
        ("float64", None, "uint8"),
        ("float32", list, "int64"),
        ("float32", T.constant, "int32"),
    ],
)
def case(request):
    with engine.floatx(request.param[0]):
        return Case(*request.param)


@pytest.mark.parametrize("factor", [1, 10000])  # of large weights, probabilities underflow
def test_what_it_computes_is_what_numpy_computes(case, factor):
    values = factor * case.W, case.b
    for variable, value in zip(case.classifier.params, values):
        engine.set_value(variable, value)
    p, y_pred, cost, errors, *gradients = case.function(case.x, case.y)
    W, b = (value.astype("float64") for value in values)
    expected_p = probabilities(case.x, W, b)
    expected = cost_and_gradients(case.x, case.y, W, b, case.weights[case.y])
    tolerance = (2e-5 if p.dtype == "float32" else 1e-12) * (50 if factor > 1 else 1)
    for found, value in zip((p, cost, *gradients), (expected_p, *expected)):
        assert found.dtype == case.x.dtype
        numpy.testing.assert_allclose(found, value, rtol=10 * tolerance, atol=tolerance)
    numpy.testing.assert_array_equal(y_pred, expected_p.argmax(axis=1))
    wrong = (y_pred != case.y).mean()
    assert 0 < wrong < 1 and errors == pytest.approx(wrong, abs=1e-7)


@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS")
@pytest.mark.parametrize(
    "mode", [None, "FAST_COMPILE", *(["CVM"] if engine.NAME == "pytensor" else [])]
)
def test_a_label_that_is_no_class_ends_in_an_error(case, mode):
    """An engine would read foreign memory, or take a class from the end."""
    y = T.ivector("y")
    cost = case.classifier.negative_log_likelihood(y)
    outputs = [[cost], T.grad(cost, case.classifier.params)]
    for function in (theano.function([case.input, y], output, mode=mode) for output in outputs):
        function(case.x[:2], numpy.array([0, N_OUT - 1], "int32"))
        for label in (N_OUT, 100, -1, -N_OUT, 2**31 - 1):
            with pytest.raises(AssertionError, match=r"a label is not in 0 \.\. n_out - 1"):
                function(case.x[:2], numpy.array([0, label], "int32"))


@pytest.mark.parametrize(
    "y, error, said",
    [
        (
            T.vector(dtype="bool"),
            NotImplementedError,
            r"bool, .* integer type; pass T.cast\(y, 'int",
        ),
        (T.imatrix(), TypeError, r"2 dimensions .* a vector .* T.argmax\(y, axis=1\)"),
    ],
)
def test_errors_refuses_other_labels_and_says_what_to_do(y, error, said):
    with pytest.raises(error, match=said):
        LogisticRegression(T.matrix("x"), N_IN, N_OUT).errors(y)


@pytest.mark.parametrize(
    "weights",
    [[1, 2, 3, numpy.inf], [1, 2, 3, -1], 1, theano.shared(numpy.ones(5)), T.dmatrix()],
)
def test_weights_that_are_not_a_number_from_0_for_each_class_are_refused(weights):
    classifier = LogisticRegression(T.matrix("x"), N_IN, N_OUT)
    with pytest.raises(SettingError, match=r"^weights is .*: a vector of .* of the 4 classes"):
        classifier.negative_log_likelihood(T.ivector("y"), weights)
