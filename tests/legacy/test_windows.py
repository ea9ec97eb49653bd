"""Convolution and pooling against loops over the windows, in NumPy and SciPy."""

import numpy
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose
from scipy import signal

import logreg.legacy  # noqa: F401

# isort: split
import theano
import theano.tensor as T
from theano.tensor.nnet import conv2d
from theano.tensor.signal import downsample, pool

IS_THEANO = theano.__version__ == "1.0.5"
# Theano compiles C for each kind, half a minute: it has some of the cases, to compare with.
FAST = {} if IS_THEANO else {"mode": "FAST_COMPILE"}


def convolved(x, w, margins, step, flip):
    """Convolve by SciPy, an image with a filter at a time."""
    x = numpy.pad(x, ((0, 0), (0, 0), *margins))
    if flip:
        w = w[:, :, ::-1, ::-1]
    maps = [[signal.correlate(image, each, "valid")[0] for each in w] for image in x]
    return numpy.array(maps)[:, :, :: step[0], :: step[1]]


CONVOLUTIONS = [
    # shape of the images, of the filters, border_mode, and the margins that it means, step, flip
    ((1, 2, 6, 5), (1, 2, 3, 3), "full", ((2, 2), (2, 2)), (1, 1), True),
    ((2, 2, 8, 9), (2, 2, 2, 4), 1, ((1, 1), (1, 1)), (3, 2), False),
    ((2, 1, 5, 6), (1, 1, 3, 2), (2, (0, 3)), ((2, 2), (0, 3)), (2, 1), False),
    ((1, 1, 6, 7), (2, 1, 2, 4), "half", ((1, 1), (2, 2)), (1, 1), True),
]


@pytest.mark.parametrize("case", CONVOLUTIONS[:: 3 if IS_THEANO else 1], ids=str)
def test_convolution_and_its_gradients(case, random):
    shape, filter_shape, border_mode, *how = case
    x, dx = random.randn(2, *shape)
    w, dw = random.randn(2, *filter_shape)
    options = {"border_mode": border_mode, "subsample": how[1], "filter_flip": how[2]}
    expected = convolved(x, w, *how)
    images, filters, factors = T.dtensor4(), T.dtensor4(), random.randn(*expected.shape)
    y = conv2d(images, filters, input_shape=shape, filter_shape=filter_shape, **options)
    of_y = T.as_tensor_variable(factors)
    transposed = T.nnet.abstract_conv.conv2d_grad_wrt_inputs
    outputs = [y, *T.grad(None, [images, filters], known_grads={y: of_y})]
    size = None, None, *shape[2:]  # the number of images, and of their channels
    outputs.append(transposed(of_y, filters, size, filter_shape, **options))
    function = theano.function([images, filters], outputs, **FAST)
    computed, of_x, of_w, again = function(x, w)
    assert_allclose(again, of_x)
    assert_allclose(computed, expected, atol=1e-10)
    # A convolution is linear in each: its slope along a direction is that direction's.
    slopes = [(convolved(*pair, *how) * factors).sum() for pair in [(dx, w), (x, dw)]]
    assert_allclose([(of_x * dx).sum(), (of_w * dw).sum()], slopes)


def pooled(x, size, step, pads, ignore_border, mode):
    """Pool in NumPy; what is no pixel, of the margin or beyond the border, is NaN."""
    margins = [(0, 0)]
    for n, k, s, p in zip(x.shape[1:], size, step, pads):
        beyond = 0 if ignore_border else max(min(k, s) - 1, k - n)
        margins.append((p, p + beyond))
    x = numpy.pad(x, margins, constant_values=numpy.nan)
    windows = sliding_window_view(x, size, axis=(1, 2))[:, :: step[0], :: step[1]]
    if mode == "average_inc_pad" and ignore_border:
        return numpy.nansum(windows, axis=(3, 4)) / numpy.prod(size)
    modes = {"max": numpy.nanmax, "sum": numpy.nansum}
    return modes.get(mode, numpy.nanmean)(windows, axis=(3, 4))


POOLS = [
    # image, window, step, margins, ignore_border, mode
    ((9, 9), (2, 3), (4, 5), (0, 0), False, "max"),
    ((7, 7), (3, 3), (2, 2), (1, 2), True, "max"),
    ((6, 1), (3, 2), (2, 1), (0, 0), False, "sum"),
    ((7, 5), (2, 2), None, (0, 0), False, "average_inc_pad"),
    ((7, 7), (3, 3), (2, 2), (1, 1), True, "average_exc_pad"),
    ((7, 6), (3, 2), None, (2, 1), True, "average_inc_pad"),
]


@pytest.mark.parametrize("case", POOLS[:3] if IS_THEANO else POOLS, ids=str)
def test_pooling_and_its_gradient(case, random):
    image, size, step, pads, ignore_border, mode = case
    x, dx = random.randn(2, 3, *image)
    how = size, step or size, pads, ignore_border, mode
    values = pooled(x, *how)
    images = T.dtensor3()
    factors = random.randn(*values.shape)
    y = pool.pool_2d(images, size, ignore_border, step, pads, mode)
    outputs = [y, T.grad((y * factors).sum(), images)]
    function = theano.function([images], outputs, **FAST)
    computed, gradient = function(x)
    assert_allclose(computed, values, atol=1e-12)
    slope = (pooled(x + 1e-6 * dx, *how) - pooled(x - 1e-6 * dx, *how)) / 2e-6
    assert_allclose((gradient * dx).sum(), (slope * factors).sum(), 1e-6)


def test_names_of_earlier_versions(random):
    images = T.dtensor4()
    options = {"ds": (2, 2), "st": (1, 1), "padding": (1, 0), "ignore_border": True, "mode": "sum"}
    sums = pool.pool_2d(images, (2, 2), True, (1, 1), (1, 0), "sum")
    maxima = pool.pool_2d(images, (2, 2), False)
    shapes = {"image_shape": (2, 1, 5, 5), "filter_shape": (2, 1, 5, 5)}
    old = [
        downsample.max_pool_2d(images, **options),
        pool.pool_2d(images, **options),
        downsample.DownsampleFactorMax((2, 2))(images),
        T.nnet.conv.conv2d(images, images, **shapes),
    ]
    new = [sums, sums, maxima, conv2d(images, images)]
    found = theano.function([images], [*old, *new], **FAST)(random.randn(2, 1, 5, 5))
    for one, other in zip(found[:4], found[4:]):
        assert_allclose(one, other)


def test_whole_numbers_and_equal_ones_are_pooled():
    below = T.constant(numpy.full((3, 3), -1, "int32"))
    pooled_below = pool.pool_2d(below, (2, 2)).eval()
    assert pooled_below.shape == (2, 2) and (pooled_below == -1).all()
    zeros = T.zeros((4, 4))
    cost = pool.pool_2d(zeros, (2, 2), ignore_border=True).sum()
    assert (T.grad(cost, zeros).eval() == 1).all()  # each of equal ones has its slope
