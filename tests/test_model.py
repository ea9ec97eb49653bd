"""The model's expressions against NumPy."""

import numpy
import pytest
from builders import cost_and_gradients, probabilities
from numpy.testing import assert_allclose

from logreg import LogisticRegression, engine
from logreg.engine import T, theano
from logreg.model import balanced_weights

N, N_IN, N_OUT = 7, 5, 4


@pytest.mark.parametrize(
    "floatx, has_weights, dtype_of_labels",
    [("float64", False, "uint8"), ("float32", True, "int64"), ("float32", True, "int32")],
)
def test_what_it_computes_is_what_numpy_computes(floatx, has_weights, dtype_of_labels, random):
    x = random.uniform(-1, 1, (N, N_IN)).astype(floatx)
    x[::2] *= 10000  # of which probabilities underflow
    y = random.randint(0, N_OUT, N).astype(dtype_of_labels)
    W, b = random.uniform(-1, 1, (N_IN, N_OUT)), random.uniform(-1, 1, N_OUT)
    weights = random.choice([0.25, 2, 0, 3], N) if has_weights else numpy.ones(N)
    with engine.floatx(floatx):
        inputs = [T.matrix(), T.vector(dtype=dtype_of_labels)]
        classifier = LogisticRegression(inputs[0], N_IN, N_OUT, W, b)
        of_rows = [inputs[1], T.constant(weights.astype(floatx))] if has_weights else [inputs[1]]
        cost = classifier.negative_log_likelihood(*of_rows)
        outputs = [classifier.y_pred, classifier.errors(*of_rows), classifier.p_y_given_x, cost]
        outputs += T.grad(cost, classifier.params)
        y_pred, errors, *found = theano.function(inputs, outputs)(x, y)
    p = probabilities(x.astype("float64"), W, b)
    expected = [p, *cost_and_gradients(x.astype("float64"), y, W, b, weights)]
    tolerance = 1e-4 if floatx == "float32" else 1e-10
    for one, value in zip(found, expected):
        assert one.dtype == floatx
        numpy.testing.assert_allclose(one, value, rtol=tolerance, atol=tolerance)
    assert (y_pred == p.argmax(axis=1)).all()
    assert errors > 0 and errors == pytest.approx((weights * (y_pred != y)).mean(), abs=1e-7)


@pytest.mark.filterwarnings("ignore:PyTensor could not link to a BLAS")
@pytest.mark.parametrize(
    "mode", [None, "FAST_COMPILE", *(["CVM"] if engine.NAME == "pytensor" else [])]
)
def test_a_label_that_is_no_class_ends_in_an_error(mode):
    """An engine would read foreign memory, or take a class from the end."""
    x, y = T.matrix("x"), T.ivector("y")
    classifier = LogisticRegression(x, N_IN, N_OUT)
    cost = classifier.negative_log_likelihood(y)
    rows = numpy.ones((2, N_IN))
    for outputs in ([cost], T.grad(cost, classifier.params)):
        function = theano.function([x, y], outputs, mode=mode)
        function(rows, numpy.array([0, N_OUT - 1], "int32"))
        for label in (N_OUT, -1):
            with pytest.raises(AssertionError, match=r"a label is not in 0 \.\. n_out - 1"):
                function(rows, numpy.array([0, label], "int32"))


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


def test_balanced_weights_give_each_class_the_same_influence():
    counts = [0.5, 6, 1.5]  # sums of weights of rows, which may be below 1
    assert_allclose(balanced_weights(counts) * counts, 8 / 3)
