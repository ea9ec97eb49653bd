"""LogisticRegression on top of another layer, trained by the same code as the tutorial's model."""

import numpy
import pytest
from builders import make_pairs

from logreg import Hyperparameters, LogisticRegression, adam, engine, fit
from logreg.engine import T, theano

PAIRS = make_pairs((33, 24, 25), n_in=5, dtype="float64")  # a few rows are left over of each set


def net():
    """x, y, cost with penalties, errors and parameters of a net with a layer of 4 units."""
    x, y = T.dmatrix("x"), T.ivector("y")
    V = theano.shared(numpy.random.RandomState(1).uniform(-0.8, 0.8, (5, 4)), name="V")
    c = theano.shared(numpy.zeros(4), name="c")
    with engine.floatx("float64"):
        top = LogisticRegression(T.tanh(T.dot(x, V) + c), 4, 3)
    cost = top.negative_log_likelihood(y) + 0.01 * abs(V).sum() + 0.02 * (top.W**2).sum()
    return x, y, cost, top.errors(y), [V, c, *top.params]


def test_fit_trains_a_net_as_the_engine_alone_does():
    *given, params = net()
    settings = Hyperparameters(batch_size=10, n_epochs=4)
    run = fit(*given, adam(given[2], params, 0.2), PAIRS, settings)
    assert [validation.iter for validation in run.validations] == [2, 5, 8, 11]
    x, y, cost, errors, others = net()
    step = theano.function([x, y], cost, updates=adam(cost, others, 0.2), mode="FAST_COMPILE")
    wrong = theano.function([x, y], errors, mode="FAST_COMPILE")
    (train_x, train_y), (valid_x, valid_y), _ = ((x, y.astype("int32")) for x, y in PAIRS)
    for validation in run.validations:
        costs = [step(train_x[i : i + 10], train_y[i : i + 10]) for i in (0, 10, 20)]
        found = validation.cost, validation.error, validation.error_all_rows
        expected = numpy.mean(costs), wrong(valid_x[:20], valid_y[:20]), wrong(valid_x, valid_y)
        assert found == pytest.approx([float(value) for value in expected])
    for param, other in zip(params, others):
        numpy.testing.assert_allclose(engine.value(param), engine.value(other), rtol=1e-8)
