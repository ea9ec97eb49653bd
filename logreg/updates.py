r"""Update rules: functions from a cost and its parameters to a list of updates.

Each returns pairs (shared variable, symbolic expression of its new value), ready for
``theano.function(..., updates=...)``. They change nothing themselves. Rules with a memory make
shared variables of their own, at each call new ones.
:math:`\theta` is a parameter, :math:`g` the gradient of the cost, :math:`\eta` the learning rate.
Every rule takes `cost`, a symbolic scalar, `params`, a list of shared variables, and a learning
rate, a float or a symbolic scalar. The learning rate may be a shared variable that a callback sets.
A :class:`.Checkpoint`, the state of a run in a file, does not keep the value of such a variable:
when a run is resumed, the callback has to set it again.

Examples
--------
One step of gradient descent on the square of a number:

>>> import numpy
>>> from logreg.engine import theano
>>> number = theano.shared(numpy.asarray(3.0, theano.config.floatX))
>>> step = theano.function([], updates=sgd(number**2, [number], learning_rate=0.25))
>>> _ = step()
>>> float(number.get_value())
1.5
"""

from typing import Any, List, Tuple

import numpy

from logreg import engine
from logreg.engine import T, theano

Updates = List[Tuple[Any, Any]]  # of a shared variable and the expression of its new value


def sgd(cost: Any, params: List[Any], learning_rate: Any) -> Updates:
    r"""Gradient descent: :math:`\theta \leftarrow \theta - \eta g`.

    Examples
    --------
    >>> W = theano.shared(numpy.ones((2, 3), theano.config.floatX), name="W")
    >>> [(variable, _)] = sgd((W**2).sum(), [W], learning_rate=0.1)
    >>> variable
    W
    """
    pairs = zip(params, T.grad(cost, params))
    return [(p, p - _in_dtype_of(p, learning_rate) * g) for p, g in pairs]


def momentum(cost: Any, params: List[Any], learning_rate: Any, momentum: float = 0.9) -> Updates:
    r"""Gradient descent with classical momentum (Polyak, 1964).

    :math:`v \leftarrow \mu v - \eta g`, :math:`\theta \leftarrow \theta + v`, where `momentum`
    is :math:`\mu`, a float from 0 to below 1.

    Examples
    --------
    >>> W = theano.shared(numpy.ones((2, 3), theano.config.floatX))
    >>> len(momentum((W**2).sum(), [W], learning_rate=0.1))  # a velocity, and W
    2
    """
    updates = []
    for p, g, velocity in _with_memory(cost, params):
        v = _in_dtype_of(p, momentum) * velocity - _in_dtype_of(p, learning_rate) * g
        updates += [(velocity, v), (p, p + v)]
    return updates


def nesterov(cost: Any, params: List[Any], learning_rate: Any, momentum: float = 0.9) -> Updates:
    r"""Gradient descent with Nesterov's momentum.

    :math:`v \leftarrow \mu v - \eta g`, then, with the new :math:`v`,
    :math:`\theta \leftarrow \theta + \mu v - \eta g`: the form in which the gradient is taken at
    the current parameters (Bengio, Boulanger-Lewandowski and Pascanu, 2013, equation 7).
    `momentum` is :math:`\mu`, a float from 0 to below 1.

    Examples
    --------
    >>> W = theano.shared(numpy.ones((2, 3), theano.config.floatX))
    >>> len(nesterov((W**2).sum(), [W], learning_rate=0.1))  # a velocity, and W
    2
    """
    updates = []
    for p, g, velocity in _with_memory(cost, params):
        mu = _in_dtype_of(p, momentum)
        rate = _in_dtype_of(p, learning_rate)
        v = mu * velocity - rate * g
        updates += [(velocity, v), (p, p + mu * v - rate * g)]
    return updates


def adagrad(
    cost: Any, params: List[Any], learning_rate: Any = 1.0, epsilon: float = 1e-6
) -> Updates:
    r"""Adagrad (Duchi, Hazan and Singer, 2011).

    :math:`a \leftarrow a + g^2`, :math:`\theta \leftarrow \theta - \eta g / \sqrt{a + \epsilon}`;
    `epsilon` keeps the quotient finite.

    Examples
    --------
    >>> W = theano.shared(numpy.ones((2, 3), theano.config.floatX))
    >>> len(adagrad((W**2).sum(), [W]))  # the sum of squares, and W
    2
    """
    updates = []
    for p, g, accumulated in _with_memory(cost, params):
        a = accumulated + g**2
        step = _in_dtype_of(p, learning_rate) * g / T.sqrt(a + _in_dtype_of(p, epsilon))
        updates += [(accumulated, a), (p, p - step)]
    return updates


def adam(
    cost: Any,
    params: List[Any],
    learning_rate: Any = 0.001,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Updates:
    r"""Adam (Kingma and Ba, 2015, algorithm 1).

    :math:`m \leftarrow \beta_1 m + (1 - \beta_1) g`,
    :math:`v \leftarrow \beta_2 v + (1 - \beta_2) g^2`,
    :math:`\theta \leftarrow \theta - \eta \hat m / (\sqrt{\hat v} + \epsilon)` with
    :math:`\hat m = m / (1 - \beta_1^t)` and :math:`\hat v = v / (1 - \beta_2^t)` at step
    :math:`t`. `beta1` and `beta2` are floats from 0 to below 1.

    Examples
    --------
    >>> W = theano.shared(numpy.ones((2, 3), theano.config.floatX))
    >>> len(adam((W**2).sum(), [W]))  # the number of steps, a mean, a mean square, and W
    4
    """
    steps = theano.shared(numpy.zeros((), theano.config.floatX))
    t = steps + 1
    updates = [(steps, t)]
    for p, g, last_m, last_v in _with_memory(cost, params, n=2):
        m = _in_dtype_of(p, beta1) * last_m + _in_dtype_of(p, 1 - beta1) * g
        v = _in_dtype_of(p, beta2) * last_v + _in_dtype_of(p, 1 - beta2) * g**2
        m_hat = m / _in_dtype_of(p, 1 - beta1**t)
        v_hat = v / _in_dtype_of(p, 1 - beta2**t)
        step = m_hat / (T.sqrt(v_hat) + _in_dtype_of(p, epsilon))
        updates += [(last_m, m), (last_v, v), (p, p - _in_dtype_of(p, learning_rate) * step)]
    return updates


def _in_dtype_of(p, number):
    """Cast a number, symbolic or not, to a parameter's dtype, which its new value must have."""
    if not engine.is_symbolic(number):
        number = numpy.asarray(number, p.dtype)
    return T.cast(number, p.dtype)


def _with_memory(cost, params, n=1):
    """Yield each parameter p, its gradient g, and n new shared variables of zeros of its shape."""
    for p, g in zip(params, T.grad(cost, params)):
        zeros = numpy.zeros_like(p.get_value(borrow=True))
        yield (p, g, *(theano.shared(zeros) for _ in range(n)))  # each has its own copy of zeros
