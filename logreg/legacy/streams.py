"""Theano's streams of random numbers on PyTensor: a seed gives the numbers that Theano draws.

`ndim` need not be told: it is taken for the sake of old programs. A `dtype` is floatX or int64 by
default.
"""

import functools

import numpy
import pytensor
from pytensor.gradient import disconnected_grad
from pytensor.tensor import random

from logreg.engine import T
from logreg.engine.compat import missing

# One step of the generator MRG31k3p (L'Ecuyer and Touzin, 2000): two recurrences of three numbers.
FIRST = numpy.array([[0, 1 << 22, 129], [1 << 15, 0, 32769]])
STEPS = numpy.array([[row, [1, 0, 0], [0, 1, 0]] for row in FIRST], object)  # Python's numbers
MODULI = numpy.array([2147483647, 2147462579])[:, None, None]
MOST_STREAMS = 60 * 256


@functools.lru_cache(maxsize=None)
def _ahead(exponent):
    """The matrices that go 2 ** exponent steps ahead."""
    powers = STEPS
    for _ in range(exponent):
        powers = powers @ powers % MODULI
    return powers


class _Streams:
    def __init__(self, seed=None, **_):
        self.state_updates, self._seed = [], seed
        self._begin(seed)

    def __getattr__(self, name):
        raise AttributeError(missing(f"{type(self).__name__}.{name}"))

    def seed(self, seed=None):
        """Begin anew, with all numbers that have been made."""
        self._begin(self._seed if seed is None else seed)
        for state, _ in self.state_updates:
            n_streams = getattr(state.type, "shape", ())[2:]  # of one stream, NumPy's, none
            state.set_value(self._next_state(*n_streams), borrow=True)

    def updates(self):
        """List what changes the state, though a function that draws does so by itself."""
        return list(self.state_updates)

    def _keep(self, state, after):
        state.default_update = after
        self.state_updates.append((state, after))


class RandomStreams(_Streams):
    """Makes symbolic random numbers, which are others whenever a function is called.

    It stands for ``theano.tensor.shared_randomstreams.RandomStreams``, and draws by NumPy's
    Mersenne Twister. Normal numbers and permutations are not Theano's, but the same in each run.
    """

    def _begin(self, seed):
        self._seeds = numpy.random.RandomState(seed)

    def _next_state(self):
        twister = numpy.random.MT19937()
        state = numpy.random.RandomState(int(self._seeds.randint(1 << 30)))
        twister.state = state.get_state(legacy=False)
        return numpy.random.Generator(twister)

    def _draw(self, name, size, dtype, *parameters):
        state = pytensor.shared(self._next_state(), borrow=True)
        drawn = getattr(random, name)(*parameters, size=size, rng=state)
        self._keep(state, drawn.owner.outputs[0])
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
        """Draw how many of `n` trials succeed, each with probability `p`."""
        return self._draw("binomial", size, dtype, n, p)

    def multinomial(self, size=None, n=1, pvals=(0.5, 0.5), ndim=None, dtype="int64"):
        """Draw how many of `n` trials have each outcome; `pvals` are their probabilities."""
        pvals = T.cast(pvals, "float64")  # NumPy takes no sum above 1, if only by its rounding
        return self._draw("multinomial", size, dtype, n, pvals / pvals.sum(-1, keepdims=True))

    def permutation(self, size=None, n=1, ndim=None, dtype="int64"):
        """Draw orders of 0 .. n - 1, along a last dimension."""
        size = () if size is None else (size,) if isinstance(size, int) else size
        drawn = self._draw("uniform", (*size, n), "float64", 0, 1)
        return T.cast(T.argsort(drawn, axis=-1), dtype)


class MRG_RandomStreams(_Streams):
    """Makes symbolic random numbers as ``theano.sandbox.rng_mrg.MRG_RandomStreams`` does.

    The numbers of an array come from several streams in turn, which begin 2 ** 72 steps apart;
    arrays begin 2 ** 134 steps apart.
    """

    def _begin(self, seed):
        seed = 12345 if seed is None else seed
        self._first = numpy.resize(numpy.array(seed, object), (2, 3, 1))

    def _next_state(self, n_streams):
        states, powers = self._first, _ahead(72)
        while states.shape[2] < n_streams:
            states = numpy.concatenate([states, powers @ states % MODULI], axis=2)
            powers = powers @ powers % MODULI
        self._first = _ahead(134) @ self._first % MODULI
        return states[..., :n_streams].astype("int64")

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None, nstreams=None):
        """Draw evenly from `low` to `high`."""
        dtype = pytensor.config.floatX if dtype in (None, "floatX") else dtype
        shape, n_streams = T.as_tensor_variable(size), nstreams or MOST_STREAMS
        if not nstreams and hasattr(shape, "data"):
            n = int(numpy.prod(shape.data))
            n_streams = min(n // 6 if n > 6 else n, MOST_STREAMS)
        n = T.prod(shape, dtype="int64")
        value = self._next_state(n_streams)
        state = pytensor.shared(value, borrow=True, shape=value.shape)

        def step(begin, states):
            first = T.sum(FIRST[:, :, None] * states, axis=1, keepdims=True) % MODULI
            after = T.concatenate([first, states[:, :2]], axis=1)
            drawn = after[0, 0] - after[1, 0]
            after = T.switch(T.arange(n_streams) < n - begin, after, states)
            return after, drawn + T.switch(drawn <= 0, MODULI[0, 0, 0], 0)

        begins = T.arange(0, n, n_streams)
        states, drawn = pytensor.scan(step, begins, [state, None], return_updates=False)
        self._keep(state, T.specify_shape(states[-1], value.shape))
        unit = numpy.asarray(4.6566126e-10 if dtype == "float32" else 2.0**-31, dtype)
        drawn = T.cast(disconnected_grad(drawn).flatten()[:n], dtype) * unit
        low, high = T.cast(low, dtype), T.cast(high, dtype)
        return drawn.reshape(size, ndim=ndim) * (high - low) + low

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None, nstreams=None):
        """Draw from the normal distribution with a mean and a standard deviation."""
        n = T.prod(T.as_tensor_variable(size), dtype="int64")
        pairs = self.uniform((n + n % 2,), 0, 1, 1, dtype, nstreams).reshape((2, (n + 1) // 2))
        radius, angle = T.sqrt(-2 * T.log(pairs[0])), T.cast(2 * numpy.pi, pairs.dtype) * pairs[1]
        drawn = T.concatenate([radius * T.cos(angle), radius * T.sin(angle)])[:n]
        return drawn.reshape(size, ndim=ndim) * T.cast(std, drawn.dtype) + T.cast(avg, drawn.dtype)

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64", nstreams=None):
        """Draw whether a trial succeeds, with probability `p`."""
        if n != 1:
            raise NotImplementedError(f"n is {n}: MRG_RandomStreams.binomial has one trial")
        return T.cast(self.uniform(size, ndim=ndim, nstreams=nstreams) < p, dtype)

    def multinomial(self, size=None, n=1, pvals=None, ndim=None, dtype="int64", nstreams=None):
        """Draw how many of `n` trials have each outcome; rows of `pvals` are probabilities."""
        pvals = T.as_tensor_variable(pvals)
        rows = pvals.shape[0]
        drawn = self.uniform((n * rows,), nstreams=nstreams).reshape((n, rows, 1))
        chosen = T.sum(T.cumsum(pvals, axis=1) <= drawn, axis=2, keepdims=True)
        return T.cast(T.eq(chosen, T.arange(pvals.shape[1])).sum(axis=0), dtype)
