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



def draw_values():
    random = numpy.random.RandomState(5)
    return {
        "x": random.randn(3, 4),
        "p": random.rand(3, 4) / 2 + 0.2,
        "v": random.randn(4),
        "t": random.randn(3, 4, 2),
    }


VALUES = draw_values()
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


def of_numpy(line, values):
    known = {**globals(), "np": numpy, "C": VALUES["x"], **values}
    return eval(line.split(" | ")[1], known)


def test_expressions_and_their_gradients(random):
    variables = {name: T.TensorType("float64", (False,) * a.ndim)() for name, a in VALUES.items()}
    wrt, outputs, lines = list(variables.values()), [], EXPRESSIONS.strip().splitlines()
    factors = [random.randn(*of_numpy(line, VALUES).shape) for line in lines]
    for line, factor in zip(lines, factors):
        value = eval(line.split(" | ")[0], {"T": T, "theano": theano, **variables})
        outputs += [value, *T.grad((value * factor).sum(), wrt, disconnected_inputs="ignore")]
    computed = iter(theano.function(wrt, outputs, mode="FAST_COMPILE")(*VALUES.values()))
    for line, factor in zip(lines, factors):
        assert_allclose(next(computed), of_numpy(line, VALUES), 1e-7, 1e-9, err_msg=line)
        for name, value in VALUES.items():  # the slope along a direction
            step = 1e-6 * random.randn(*value.shape)
            below, above = (
                of_numpy(line, {**VALUES, name: end}) for end in (value - step, value + step)
            )
            rise = ((above - below) * factor).sum() / 2
            assert_allclose((next(computed) * step).sum(), rise, 1e-4, 1e-11, err_msg=line)


def test_batch_normalization_keeps_running_statistics():
    x, v = T.dmatrix(), T.dvector()
    statistics = T.nnet.bn.batch_normalization_train(x, v, v, (0,), 0.5, 0.25, v, v * v)[1:]
    values, before = VALUES["x"], VALUES["v"]
    computed = theano.function([x, v], statistics, mode="FAST_COMPILE")(values, before)
    mean, var = values.mean(axis=0), values.var(axis=0)
    running = before * 0.75 + mean * 0.25, before**2 * 0.75 + var * 3 / 8  # of three rows
    assert_allclose(computed, [mean, 1 / numpy.sqrt(var + 0.5), *running])


@pytest.mark.parametrize("T", [T, engine.T], ids=["legacy", "without"])
@pytest.mark.parametrize("mode", ["FAST_RUN", "FAST_COMPILE"])
def test_a_probability_that_underflows_has_a_gradient(T, mode):
    """In the cross-entropy of probabilities and labels, as old programs write it."""
    x, y = T.fmatrix(), T.ivector()
    labels = T.arange(y.shape[0]), y
    p = LogisticRegression(x, 3, 3, W=numpy.eye(3)).p_y_given_x
    costs = [-T.mean(T.log(p)[labels]), -T.mean(T.log(p[labels]))]
    costs.append(T.mean(T.nnet.categorical_crossentropy(p, y)))
    if engine.NAME == "pytensor":  # Theano does not know these in all modes
        by_row = T.exp(x) / T.exp(x).sum(axis=1, keepdims=True)
        by_column = T.exp(x.T) / T.exp(x.T).sum(axis=0, keepdims=True)
        costs += [
            -T.mean(T.log(by_row[labels])),
            -T.mean(T.log(by_column)[y, T.arange(2)]),
            -T.mean([T.log(p[0])[y[0]], T.nnet.logsoftmax(x)[1, y[1]]]),
            T.mean(T.nnet.categorical_crossentropy(p, T.eye(3)[y])),
        ]
    outputs = [each for cost in costs for each in (cost, T.grad(cost, x))]
    scores = numpy.array([[0, 200, 1], [300, 0, 1]], "float32")
    computed = theano.function([x, y], outputs, mode=mode)(scores, [0, 2])
    assert computed[::2] == [249.5] * len(costs)  # the mean of 200 - 0 and 300 - 1
    for gradient in computed[1::2]:
        assert_allclose(gradient, [[-0.5, 0.5, 0], [0.5, 0, -0.5]], atol=1e-30)
