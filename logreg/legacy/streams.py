"""Theano's streams of random numbers on PyTensor.

A seed gives the numbers that it gives on Theano, but for the normal numbers and the permutations of
:class:`RandomStreams`. The methods accept Theano's `ndim`, which is needed only for a symbolic size
of unknown length. Without a `dtype`, numbers are of floatX, or int64 where they are counts.
"""

import functools

import numpy
import pytensor
from pytensor.gradient import disconnected_grad
from pytensor.tensor import random
from pytensor.tensor.random.variable import (  # noqa: F401
    RandomGeneratorSharedVariable as RandomStateSharedVariable,
)

from logreg.engine import T
from logreg.engine.compat import missing_message

# The generator MRG31k3p (L'Ecuyer and Touzin, 2000) has two recurrences. Each makes the next number
# from the three before it, by these factors.
FACTORS = numpy.array([[0, 1 << 22, 129], [1 << 15, 0, 32769]])
MODULI = numpy.array([2147483647, 2147462579])[:, None, None]
# A step as a matrix for each recurrence: it makes the next number, and keeps the last two. Python's
# integers do not overflow.
MATRICES = numpy.array([[row, [1, 0, 0], [0, 1, 0]] for row in FACTORS], object)
MOST_STREAMS = 60 * 256


@functools.lru_cache(maxsize=None)
def _matrices_of_steps(exponent):
    """Compute the matrices that take 2 ** exponent steps at once."""
    matrices = MATRICES
    for _ in range(exponent):
        matrices = matrices @ matrices % MODULI
    return matrices


class _Streams:
    """What both kinds of streams share: the states, and how they change."""

    def __init__(self, seed=None, **_):
        self.state_updates = []
        self._seed = seed
        self._start(seed)

    def __getattr__(self, name):
        raise AttributeError(missing_message(f"{type(self).__name__}.{name}"))

    def seed(self, seed=None):
        """Start again from a seed; None is the first one."""
        self._start(self._seed if seed is None else seed)
        for state, _ in self.state_updates:  # in the order in which they were made
            state.set_value(self._next_state(state.tag.n_streams), borrow=True)

    def updates(self):
        """List the states and their updates; functions that draw make these updates anyway."""
        return list(self.state_updates)

    def _add_state(self, state, update, n_streams):
        state.default_update = update
        state.tag.n_streams = n_streams
        self.state_updates.append((state, update))


class RandomStreams(_Streams):
    """Makes symbolic random numbers: each call of a function draws new ones.

    It stands in for ``theano.tensor.shared_randomstreams.RandomStreams``, and draws by NumPy's
    Mersenne Twister. Normal numbers and permutations are not Theano's, but the same in each run.
    """

    def _start(self, seed):
        self._seeds = numpy.random.RandomState(seed)

    def _next_state(self, n_streams=1):
        """Seed another generator, which is always a single stream."""
        seeded = numpy.random.RandomState(int(self._seeds.randint(1 << 30)))
        twister = numpy.random.MT19937()
        twister.state = seeded.get_state(legacy=False)
        return numpy.random.Generator(twister)

    def _draw(self, name, size, dtype, *parameters):
        state = pytensor.shared(self._next_state(), borrow=True)
        drawn = getattr(random, name)(*parameters, size=size, rng=state)
        next_state = drawn.owner.outputs[0]
        self._add_state(state, next_state, n_streams=1)
        drawn = T.cast(drawn, dtype or "floatX")
        drawn.rng = state
        return drawn

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None):
        """Draw evenly from `low` to `high`."""
        return self._draw("uniform", size, dtype, low, high)

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Draw from the normal distribution with a mean and a standard deviation."""
        return self._draw("normal", size, dtype, avg, std)

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64"):
        """Count the successes of `n` trials, each with probability `p`."""
        return self._draw("binomial", size, dtype, n, p)

    def multinomial(self, size=None, n=1, pvals=(0.5, 0.5), ndim=None, dtype="int64"):
        """Count each outcome of `n` trials; `pvals` are the outcomes' probabilities."""
        pvals = T.cast(pvals, "float64")  # NumPy refuses a sum that rounding has made larger than 1
        return self._draw("multinomial", size, dtype, n, pvals / pvals.sum(-1, keepdims=True))

    def permutation(self, size=None, n=1, ndim=None, dtype="int64"):
        """Draw orders of 0 .. n - 1, along a last dimension."""
        if size is None:
            size = ()
        elif isinstance(size, int):
            size = (size,)
        drawn = self._draw("uniform", (*size, n), "float64", 0, 1)
        return T.cast(T.argsort(drawn, axis=-1), dtype)


class MRG_RandomStreams(_Streams):
    """Makes symbolic random numbers as ``theano.sandbox.rng_mrg.MRG_RandomStreams`` does.

    The numbers of an array come from several streams in turn, which start 2 ** 72 steps apart.
    The streams of the next array start 2 ** 134 steps later. States are arrays of shape
    (2 recurrences, their last 3 numbers, n_streams).
    """

    def _start(self, seed):
        seed = 12345 if seed is None else seed
        # One number stands for all six of a state; or the seed is a list of six.
        self._next_start = numpy.resize(numpy.array(seed, object), (2, 3, 1))
        if not self._next_start.any(axis=1).all():
            raise ValueError(f"seed is {seed}: a recurrence that starts with 0 alone stays there")

    def _next_state(self, n_streams):
        states = self._next_start
        matrices = _matrices_of_steps(72)
        while states.shape[2] < n_streams:  # twice as many streams each time
            states = numpy.concatenate([states, matrices @ states % MODULI], axis=2)
            matrices = matrices @ matrices % MODULI
        self._next_start = _matrices_of_steps(134) @ self._next_start % MODULI
        return states[..., :n_streams].astype("int64")

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None, nstreams=None):
        """Draw evenly from `low` to `high`."""
        if dtype in (None, "floatX"):
            dtype = pytensor.config.floatX
        shape = T.as_tensor_variable(size)
        n_streams = nstreams or MOST_STREAMS
        if not nstreams and hasattr(shape, "data"):  # the size is a constant
            n_numbers = int(numpy.prod(shape.data))
            # Theano's rule: as many streams as give six numbers each.
            n_streams = min(n_numbers // 6 if n_numbers > 6 else n_numbers, MOST_STREAMS)
        n = T.prod(shape, dtype="int64")
        value = self._next_state(n_streams)
        state = pytensor.shared(value, borrow=True, shape=value.shape)
        state.tag.is_rng = True  # as on Theano

        def step(start, states, n):
            """Draw a number from each stream. Streams whose number is not used do not move on."""
            new = T.sum(FACTORS[:, :, None] * states, axis=1, keepdims=True) % MODULI
            moved_on = T.concatenate([new, states[:, :2]], axis=1)
            difference = moved_on[0, 0] - moved_on[1, 0]
            next_states = T.switch(T.arange(n_streams) < n - start, moved_on, states)
            return next_states, difference + T.switch(difference <= 0, MODULI[0, 0, 0], 0)

        starts = T.arange(0, n, n_streams)
        # n may depend on an input of the function, so the scan must be given it.
        states, drawn = pytensor.scan(step, starts, [state, None], [n], return_updates=False)
        self._add_state(state, T.specify_shape(states[-1], value.shape), n_streams)
        # Numbers up to 2 ** 31 become fractions. In float32, the factor is a little smaller: no
        # fraction is rounded to 1.
        unit = numpy.asarray(4.6566126e-10 if dtype == "float32" else 2.0**-31, dtype)
        drawn = T.cast(disconnected_grad(drawn).flatten()[:n], dtype) * unit
        low = T.cast(low, dtype)
        high = T.cast(high, dtype)
        return drawn.reshape(size, ndim=ndim) * (high - low) + low

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None):
        """Draw from the normal distribution with a mean and a standard deviation."""
        n = T.prod(T.as_tensor_variable(size), dtype="int64")
        pairs = self.uniform((n + n % 2,), dtype=dtype).reshape((2, -1))
        radius = T.sqrt(-2 * T.log(pairs[0]))
        angle = T.cast(2 * numpy.pi, pairs.dtype) * pairs[1]
        drawn = T.concatenate([radius * T.cos(angle), radius * T.sin(angle)])[:n]
        return drawn.reshape(size, ndim=ndim) * T.cast(std, drawn.dtype) + T.cast(avg, drawn.dtype)

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64"):
        """Draw whether a trial succeeds, with probability `p`."""
        if n != 1:
            raise NotImplementedError(f"n is {n}: MRG_RandomStreams.binomial has one trial")
        return T.cast(self.uniform(size, ndim=ndim) < p, dtype)

    def multinomial(self, size=None, n=1, pvals=None, ndim=None, dtype="int64"):
        """Count each outcome of `n` trials; rows of `pvals` are probabilities."""
        pvals = T.as_tensor_variable(pvals)
        drawn = self.uniform((n * pvals.shape[0],)).reshape((n, -1, 1))
        chosen = T.sum(T.cumsum(pvals, axis=1) <= drawn, axis=2, keepdims=True)
        return T.cast(T.eq(chosen, T.arange(pvals.shape[1])).sum(axis=0), dtype)
