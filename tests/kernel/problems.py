"""Minibatches for the kernel and its stand-in."""

import numpy

# Of parameters, and of what is stored.
KINDS = [("float32", "float32"), ("float32", "uint8"), ("float64", "float64"), ("float64", "uint8")]


def problem(dtype, cell, n_rows, n_in, n_out, seed=0):
    """x, scale, W, b, y and the weights of the rows of a minibatch."""
    random = numpy.random.RandomState(seed)
    if cell == "uint8":
        x, scale = random.randint(0, 256, (n_rows, n_in)).astype("uint8"), 1 / 256
        for edge in (x[:, : n_in // 3], x[:, n_in // 2 :], x[:, n_in // 3 : n_in // 2]):
            edge *= random.randint(2, size=(n_rows, 1), dtype="uint8")
    else:
        x, scale = random.randn(n_rows, n_in).astype(dtype), 1.0
    W, b = random.randn(n_in, n_out) / numpy.sqrt(n_in), random.randn(n_out)
    y, weights = random.randint(n_out, size=n_rows), random.rand(n_rows)
    return x, scale, W.astype(dtype), b.astype(dtype), y, weights.astype(dtype)
