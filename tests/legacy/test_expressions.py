"""Expressions of old programs against NumPy's, and their gradients against a slope of these."""

from functools import partial

import numpy
import pytest
from numpy.testing import assert_allclose
from scipy import special

import logreg.legacy  # noqa: F401
from logreg import engine
from logreg.model import LogisticRegression

# isort: split
import theano
import theano.tensor as T

RANDOM = numpy.random.RandomState(5)
VALUES = {
    "x": RANDOM.randn(3, 4),
    "p": RANDOM.rand(3, 4) / 2 + 0.2,
    "v": RANDOM.randn(4),
    "t": RANDOM.randn(3, 4, 2),
}
softmax, log_softmax = (partial(f, axis=1) for f in (special.softmax, special.log_softmax))
# In Theano, and in NumPy; of rows, `softmax` and `log_softmax`.
EXPRESSIONS = """
T.abs_(x) + T.sgn(x) + T.inv(p) | abs(x) + np.sign(x) + 1 / p
T.dot(x, v) - theano.dot(x, T.addbroadcast(v.dimshuffle(0, "x"), 1)).flatten() | 0 * (x @ v)
T.flatten(t)[:8] * T.flatten(t, 2)[1] + T.flatten(t, outdim=2)[2] | (t[0] * t[1] + t[2]).ravel()
T.batched_dot(t, t.dimshuffle(0, "x", 2, 1))[:, :, 0] | t @ t.transpose(0, 2, 1)
T.batched_dot(t, T.batched_dot(x, t)) | np.einsum("bij,bj->bi", t, np.einsum("bi,bij->bj", x, t))
T.batched_dot(t.dimshuffle(0, 1, "x", 2), t.dimshuffle(0, 2, 1))[:, :, 0] | t @ t.transpose(0, 2, 1)
T.batched_dot(v[:3], t) + T.batched_dot(t, v[:3]) | 2 * v[:3, None, None] * t
T.patternbroadcast(x[:, :1], (False, True)) * p | x[:, :1] * p
T.unbroadcast(v.dimshuffle("x", 0), 0) * 2 | v[None] * 2
T.split(t, [1, 2], 2)[1] * T.split(t, [1, 3], 2, axis=1)[1].sum() | t[1:] * t[:, 1:].sum()
theano.gradient.consider_constant(x) * p + 0 * x | C * p
T.stack(v, v * 2) * T.stack(tensors=[v, v], axis=1).T | np.c_[v, 2 * v].T * v
T.stack([v, v], 1).T + T.stack([v, v], axis=0) | np.c_[v, v].T * 2
theano.clone(x * p, replace={x: T.cast(T.sgn(p), "int8")}, strict=False) | p
T.Rop(T.sqr(x), [x, v], [p, v]) + T.Lop(T.sqr(x), x, p) | 4 * x * p
T.nnet.relu(x) + T.nnet.relu(x, 0.1) | np.where(x > 0, 2 * x, 0.1 * x)
theano.clone(T.grad(T.nnet.relu(x, 0.2).sum(), x), {x: 0 * x}) | 0 * x + 0.6
T.nnet.elu(x, 0.5) + T.nnet.elu(x) | np.where(x > 0, 2 * x, 1.5 * np.expm1(x))
T.nnet.selu(x) | 1.05070098 * np.where(x > 0, x, 1.67326324 * np.expm1(x))
T.nnet.nnet.softsign(x) * T.nnet.hard_sigmoid(x * 3) | x / (1 + abs(x)) * (0.6 * x + 0.5).clip(0, 1)
T.nnet.softmax(x) * p | softmax(x) * p
T.nnet.softmax(v) | softmax(v[None])
T.nnet.softmax_with_bias(x, v) + T.nnet.logsoftmax(x) * p | softmax(x + v) + log_softmax(x) * p
T.nnet.binary_crossentropy(T.nnet.sigmoid(x), p) - T.nnet.softplus(x) | -p * x
T.nnet.categorical_crossentropy(T.nnet.softmax(x), p) | -(p * log_softmax(x)).sum(axis=1)
T.nnet.bn.batch_normalization_train(x, v, -v)[0] | normalized(x, 0) * v - v
T.nnet.bn.batch_normalization_train(x, p[:1], p[1:2], axes=[0])[0] | normalized(x, 0) * p[0] + p[1]
T.nnet.bn.batch_normalization_train(t, v, v, "spatial")[0] | (normalized(t, (0, 2)) + 1) * np.c_[v]
T.nnet.bn.batch_normalization_test(x, v, -v, v, p[0]) | (x - v) * v / np.sqrt(p[0] + 1e-4) - v
T.nnet.bn.batch_normalization(x, v, -v, x.mean(0), x.std(0)) | (x - x.mean(0)) * v / x.std(0) - v
"""


def normalized(x, axis):
    return (x - x.mean(axis, keepdims=True)) / numpy.sqrt(x.var(axis, keepdims=True) + 1e-4)


def test_expressions_and_their_gradients():
    variables = {name: T.TensorType("float64", (False,) * a.ndim)() for name, a in VALUES.items()}
    wrt, cases, outputs = list(variables.values()), [], []
    known = {**globals(), "np": numpy, "C": VALUES["x"]}
    for line in EXPRESSIONS.strip().splitlines():
        text, of_numpy = line.split(" | ")

        def expected(values, of_numpy=of_numpy):
            return eval(of_numpy, {**known, **values})

        factors = RANDOM.randn(*expected(VALUES).shape)
        value = eval(text, {"T": T, "theano": theano, **variables})
        cost = (value * factors).sum()
        outputs += [value, *T.grad(cost, wrt, disconnected_inputs="ignore")]
        cases.append((text, expected, factors))
    computed = iter(theano.function(wrt, outputs, mode="FAST_COMPILE")(*VALUES.values()))
    for text, expected, factors in cases:
        assert_allclose(next(computed), expected(VALUES), 1e-7, 1e-9, err_msg=text)
        for name, value in VALUES.items():  # the slope along a direction
            step = 1e-6 * RANDOM.randn(*value.shape)
            ends = [expected({**VALUES, name: end}) for end in (value + step, value - step)]
            rise = ((ends[0] - ends[1]) * factors).sum() / 2
            assert_allclose((next(computed) * step).sum(), rise, 1e-4, 1e-11, err_msg=text)


def test_batch_normalization_keeps_running_statistics():
    x = T.dmatrix()
    v = T.dvector()
    statistics = T.nnet.bn.batch_normalization_train(x, v, v, (0,), 0.5, 0.25, v, v * v)[1:]
    computed = theano.function([x, v], statistics, mode="FAST_COMPILE")(VALUES["x"], VALUES["v"])
    mean, var, before = VALUES["x"].mean(axis=0), VALUES["x"].var(axis=0), VALUES["v"]
    expected = [mean, 1 / numpy.sqrt(var + 0.5), before * 0.75 + mean * 0.25]
    expected.append(before**2 * 0.75 + var * 3 / 2 * 0.25)  # of three rows
    assert_allclose(computed, expected)


def costs_of(T, p, y):
    """Cross-entropies of probabilities and labels, as old programs write them."""
    return [
        -T.mean(T.log(p)[T.arange(y.shape[0]), y]),
        -T.mean(T.log(p[T.arange(y.shape[0]), y])),
        T.mean(theano.tensor.nnet.categorical_crossentropy(p, y)),
    ]


@pytest.mark.parametrize("T", [T, engine.T], ids=["legacy", "without"])
@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_a_probability_that_underflows_has_a_gradient(T, mode):
    x, y, scores = T.fmatrix(), T.ivector(), numpy.array([[0, 200, 1], [300, 0, 1]], "float32")
    by_hand = T.exp(x) / T.exp(x).sum(axis=1, keepdims=True)
    costs = costs_of(T, by_hand, y)
    if engine.NAME == "theano":  # which knows a softmax by hand in the first form only
        costs = costs[: mode == "FAST_RUN"]
    else:
        by_column = T.exp(x.T) / T.exp(x.T).sum(axis=0, keepdims=True)
        of_rows = T.nnet.categorical_crossentropy(T.nnet.softmax(x), T.eye(3)[y])
        picked = [T.log(T.nnet.softmax(x)[0])[y[0]], T.nnet.logsoftmax(x)[1, y[1]]]
        costs += [-T.mean(T.log(by_column)[y, T.arange(2)]), T.mean(of_rows), -T.mean(picked)]
    classifier = LogisticRegression(x, 3, 3, W=numpy.eye(3))
    for p in (T.nnet.softmax(x), classifier.p_y_given_x):
        costs += costs_of(T, p, y)
    outputs = costs + [T.grad(each, x) for each in costs]
    computed = theano.function([x, y], outputs, mode=mode)(scores, [0, 2])
    for value, gradient in zip(computed[: len(costs)], computed[len(costs) :]):
        assert value == 249.5  # the mean of 200 - 0 and 300 - 1
        assert_allclose(gradient, [[-0.5, 0.5, 0], [0.5, 0, -0.5]], atol=1e-30)
