"""``theano.tensor.signal.downsample``, which Theano 1.0.5 does not have."""

from theano.tensor.signal.pool import pool_2d


def max_pool_2d(input, ds, ignore_border=False, st=None, padding=(0, 0), mode="max"):
    """Pool images, as it was called in Theano 0.8 and before."""
    return pool_2d(input, ds, bool(ignore_border), st, padding, mode)


def DownsampleFactorMax(*args, **options):
    """Make a function that pools images, with the arguments of :func:`max_pool_2d`."""
    return lambda input: max_pool_2d(input, *args, **options)
