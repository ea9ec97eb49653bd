"""Theano's streams of random numbers on PyTensor."""

import numpy
import pytensor
from pytensor.tensor import random

from logreg.engine import T


def _generator(seeds):
    twister, state = numpy.random.MT19937(), numpy.random.RandomState(int(seeds.randint(1 << 30)))
    twister.state = state.get_state(legacy=False)
    return numpy.random.Generator(twister)


class RandomStreams:
    """Makes symbolic random numbers, which are others whenever a function is called.

    It stands for ``theano.tensor.shared_randomstreams.RandomStreams`` and
    ``theano.sandbox.rng_mrg.MRG_RandomStreams``. A seed gives the numbers that Theano's
    `RandomStreams` draws by uniform, binomial and multinomial: it seeds NumPy's Mersenne Twister in
    the same way. Normal numbers, permutations and those of MRG are others, the same in each run.
    `dtype` is floatX or int64 by default; `ndim` and `nstreams` need not be told, and are taken for
    the sake of old programs.
    """

    def __init__(self, seed=None, **_):
        self.state_updates, self._seed = [], seed
        self._seeds = numpy.random.RandomState(seed)

    def seed(self, seed=None):
        """Begin anew, with all numbers that have been made."""
        seeds = numpy.random.RandomState(self._seed if seed is None else seed)
        for generator, _ in self.state_updates:
            generator.set_value(_generator(seeds), borrow=True)

    def updates(self):
        """List what changes the state, though a function that draws does so by itself."""
        return list(self.state_updates)

    def _draw(self, name, size, dtype, *parameters):
        generator = pytensor.shared(_generator(self._seeds), borrow=True)
        drawn = getattr(random, name)(*parameters, size=size, rng=generator)
        generator.default_update = drawn.owner.outputs[0]
        self.state_updates.append((generator, drawn.owner.outputs[0]))
        return T.cast(drawn, pytensor.config.floatX if dtype in (None, "floatX") else dtype)

    def uniform(self, size=None, low=0.0, high=1.0, ndim=None, dtype=None, nstreams=None):
        """Draw evenly from `low` to `high`."""
        return self._draw("uniform", size, dtype, low, high)

    def normal(self, size=None, avg=0.0, std=1.0, ndim=None, dtype=None, nstreams=None):
        """Draw from the normal distribution with a mean and a standard deviation."""
        return self._draw("normal", size, dtype, avg, std)

    def binomial(self, size=None, n=1, p=0.5, ndim=None, dtype="int64", nstreams=None):
        """Draw how many of `n` trials succeed, each with probability `p`."""
        return self._draw("binomial", size, dtype, n, p)

    def multinomial(
        self, size=None, n=1, pvals=(0.5, 0.5), ndim=None, dtype="int64", nstreams=None
    ):
        """Draw how many of `n` trials have each outcome; `pvals` are their probabilities."""
        pvals = T.cast(pvals, "float64")  # NumPy takes no sum above 1, if only by its rounding
        return self._draw("multinomial", size, dtype, n, pvals / pvals.sum(-1, keepdims=True))

    def permutation(self, size=None, n=1, ndim=None, dtype="int64"):
        """Draw orders of 0 .. n - 1, along a last dimension."""
        size = () if size is None else (size,) if isinstance(size, int) else size
        drawn = self._draw("uniform", (*size, n), "float64", 0, 1)
        return T.cast(T.argsort(drawn, axis=-1), dtype)


MRG_RandomStreams = RandomStreams
