"""Update rules against their formulas in NumPy, over several steps.

Those that the command uses, sgd and momentum, are tested in test_differential_training.
"""

from collections import defaultdict

import numpy
import pytest

from logreg import engine, updates
from logreg.engine import T, theano

WB = numpy.array([[0.5, -1.0, 2.0, 0.7], [1.5, 0.1, -0.3, 0.7]])  # W, and b beside it
X = numpy.c_[numpy.random.RandomState(2).normal(size=(5, 3)), numpy.ones(5)]


# The rules, with a memory of the parameters, at step t.


def nesterov(p, g, memory, t, learning_rate, momentum=0.9):
    before = memory["v"]
    memory["v"] = momentum * before - learning_rate * g
    # The usual form, for parameters that are looked at after the step ahead.
    return p - momentum * before + (1 + momentum) * memory["v"]


def adagrad(p, g, memory, t, learning_rate=1.0, epsilon=1e-6):
    memory["a"] += g * g
    return p - learning_rate * g / numpy.sqrt(memory["a"] + epsilon)


def adam(p, g, memory, t, learning_rate=0.001, beta1=0.9, beta2=0.999, epsilon=1e-8):
    memory["m"] = beta1 * memory["m"] + (1 - beta1) * g
    memory["v"] = beta2 * memory["v"] + (1 - beta2) * g * g
    mean, mean_square = memory["m"] / (1 - beta1**t), memory["v"] / (1 - beta2**t)
    return p - learning_rate * mean / (numpy.sqrt(mean_square) + epsilon)


def oracle(rule, **options):
    """Parameters after each step, by the rule's formula, for half the sum of squares of W x + b."""
    both, memory = WB, defaultdict(float)
    for t, x in enumerate(X, start=1):
        both = rule(both, numpy.outer(both @ x, x), memory, t, **options)
        yield both


# Of parameters, of what else is made, and what numbers are: a rate may come of numpy.linspace.
@pytest.mark.parametrize(
    "dtype, floatx, number",
    [
        ("float64", "float64", float),
        ("float32", "float64", numpy.float64),
        ("float32", "float64", theano.shared),
    ],
)
@pytest.mark.parametrize(
    "rule, options",
    [
        (nesterov, {"learning_rate": 0.1, "momentum": 0.5}),
        (adagrad, {"learning_rate": 0.3, "epsilon": 0.01}),
        (adam, {"learning_rate": 0.05, "beta1": 0.5, "beta2": 0.9, "epsilon": 0.1}),
    ],
)
def test_the_rule_follows_its_formula(rule, options, dtype, floatx, number):
    tolerance = 2e-4 if dtype == "float32" else 1e-9
    ours = getattr(updates, rule.__name__)
    assert ours.__defaults__ == rule.__defaults__
    with engine.floatx(floatx):
        x = T.vector("x", dtype=dtype)
        W, b = (theano.shared(v.astype(dtype)) for v in (WB[:, :3], WB[:, 3]))
        cost = T.sum((T.dot(W, x) + b) ** 2) / numpy.asarray(2, dtype)
        given = {name: number(value) for name, value in options.items()}
        pairs = ours(cost, [W, b], **given)
        # The rules' expressions are tested, and not the engine, which would compile for long.
        step = theano.function([x], [], updates=pairs, mode="FAST_COMPILE")
    memory = [engine.value(variable) for variable, _ in pairs[1:3]]
    assert not numpy.shares_memory(*memory)  # an engine may write where a value is
    for row, expected in zip(X.astype(dtype), oracle(rule, **options)):
        step(row[:3])
        found = numpy.c_[W.get_value(), b.get_value()]
        assert found.dtype == dtype
        numpy.testing.assert_allclose(found, expected, rtol=tolerance)
