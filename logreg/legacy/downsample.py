"""``theano.tensor.signal.downsample``, which Theano 1.0.5 has no more."""

from theano.tensor.signal.pool import pool_2d


def max_pool_2d(input, ds, ignore_border=False, st=None, padding=(0, 0), mode="max"):
    """Pool, as it was called in Theano 0.8 and before."""
    return pool_2d(input, ds, bool(ignore_border), st, padding, mode)
