"""Convolution and pooling on PyTensor, which has neither, as Theano 1.0.5 computes them.

Both look at images through windows: a convolution multiplies what they show by filters, pooling
takes the largest of it, or the mean. The two operations here are each the gradient of the other.
"""

import itertools

import numpy
from pytensor.gradient import DisconnectedType
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from logreg.engine import T


def _views(images, size, step):
    """For each pixel of a window: a view of what it shows while the window goes over images."""
    if any(n < k for n, k in zip(images.shape[-2:], size)):
        raise ValueError(f"the images, {images.shape[-2:]}, are smaller than a window, {size}")
    rows, columns = ((n - k) // s * s + 1 for n, k, s in zip(images.shape[-2:], size, step))
    for i, j in itertools.product(*map(range, size)):
        yield images[..., i : i + rows : step[0], j : j + columns : step[1]]


class _Windowed(Op):
    """An operation of an array and a size; its gradient is another of these."""

    __props__ = ("step",)

    def __init__(self, step):
        self.step = step

    def make_node(self, array, height, width):
        inputs = [T.as_tensor_variable(value) for value in (array, height, width)]
        ndim = inputs[0].ndim + self.more_dimensions
        return Apply(self, inputs, [T.TensorType(inputs[0].dtype, (None,) * ndim)()])

    def connection_pattern(self, node):
        return [[True], [False], [False]]

    def pullback(self, inputs, outputs, gradients):
        size = [inputs[0].shape[i] for i in self.size_at]
        gradient = self.adjoint(self.step)(gradients[0], *size)
        return [gradient, DisconnectedType()(), DisconnectedType()()]

    L_op = pullback  # as PyTensor before 3.1 calls it


class Windows(_Windowed):
    """Images through windows, of shape (height, width, ..., number down, number across)."""

    more_dimensions, size_at = 2, (-2, -1)

    def perform(self, node, inputs, outputs):
        images, *size = inputs
        size = tuple(map(int, size))
        parts = numpy.stack(list(_views(images, size, self.step)))
        outputs[0][0] = parts.reshape(*size, *parts.shape[1:])


class Overlap(_Windowed):
    """Images of a size, which are the sums of what windows show of them."""

    more_dimensions, size_at, adjoint = -2, (0, 1), Windows

    def perform(self, node, inputs, outputs):
        parts, *size = inputs
        images = numpy.zeros((*parts.shape[2:-2], *map(int, size)), parts.dtype)
        views = _views(images, parts.shape[:2], self.step)
        for view, part in zip(views, parts.reshape(-1, *parts.shape[2:])):
            view += part
        outputs[0][0] = images


Windows.adjoint = Overlap


def _pair(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _padded(images, widths, value=0):
    """Images with a margin of one value; `widths` are ((above, below), (left, right))."""
    (above, below), (left, right) = widths = tuple(widths)
    if widths == ((0, 0), (0, 0)):
        return images
    *others, rows, columns = [images.shape[i] for i in range(images.ndim)]
    frame = T.full((*others, rows + above + below, columns + left + right), value, images.dtype)
    return T.set_subtensor(frame[..., above : above + rows, left : left + columns], images)


def conv2d(
    input,
    filters,
    input_shape=None,
    filter_shape=None,
    border_mode="valid",
    subsample=(1, 1),
    filter_flip=True,
    image_shape=None,
):
    """Convolve images, (n, channels, rows, columns), with filters, (n_out, channels, h, w).

    `border_mode` is 'valid', 'full', 'half', a width of zeros around the images, or a pair of such:
    down and across, each a number or a pair. `filter_flip` false correlates. The shapes need not
    be told: they are taken for the sake of old programs.
    """
    input, filters = T.as_tensor_variable(input), T.as_tensor_variable(filters)
    n_out, channels, *size = [filters.shape[i] for i in range(4)]
    margins = {"valid": (0, 0), "full": [k - 1 for k in size], "half": [k // 2 for k in size]}
    if isinstance(border_mode, str) and border_mode not in margins:
        raise ValueError(f"border_mode is {border_mode!r}: give {', '.join(margins)} or a width")
    margins = margins[border_mode] if isinstance(border_mode, str) else _pair(border_mode)
    if filter_flip:
        filters = filters[:, :, ::-1, ::-1]
    images = _padded(input, map(_pair, margins)).dimshuffle(1, 0, 2, 3)
    parts = Windows(_pair(subsample))(images, *size)
    n, down, across = [parts.shape[i] for i in (3, 4, 5)]
    weights = filters.dimshuffle(0, 2, 3, 1).reshape((n_out, size[0] * size[1] * channels))
    sums = T.dot(weights, parts.reshape((weights.shape[1], n * down * across)))
    return sums.reshape((n_out, n, down, across)).dimshuffle(1, 0, 2, 3)


def pool_2d(
    input,
    ws=None,
    ignore_border=None,
    stride=None,
    pad=(0, 0),
    mode="max",
    ds=None,
    st=None,
    padding=None,
):
    """Pool the last two dimensions: by windows of `ws`, `stride` apart, `pad` pixels around.

    `mode` is 'max', 'sum', 'average_inc_pad' or 'average_exc_pad': a mean with or without the
    pixels around. Windows that reach over the border count unless `ignore_border`. `ds`, `st` and
    `padding` are older names of `ws`, `stride` and `pad`.
    """
    if mode not in ("max", "sum", "average_inc_pad", "average_exc_pad"):
        raise ValueError(f"mode is {mode!r}: give max, sum, average_inc_pad or average_exc_pad")
    input, size = T.as_tensor_variable(input), _pair(ds if ws is None else ws)
    steps = _pair(next(value for value in (stride, st, size) if value is not None))
    pads = _pair(pad if padding is None else padding)
    if not ignore_border and pads != (0, 0):
        raise NotImplementedError("pad needs ignore_border=True")

    def beyond(n, k, s):  # pixels that the last window reaches over the border
        n_windows = (n - 1) // s + 1 if s >= k else T.maximum((n - 1 - k) // s + 1, 0) + 1
        return T.maximum((n_windows - 1) * s + k - n, 0)

    sizes = zip((input.shape[-2], input.shape[-1]), size, steps)
    margins = map(_pair, pads) if ignore_border else [(0, beyond(*each)) for each in sizes]
    margins = tuple(margins)

    def windows(images, value=0):
        return Windows(steps)(_padded(images, margins, value), *size)

    if mode == "max":
        least = -numpy.inf if input.dtype.startswith("float") else numpy.iinfo(input.dtype).min
        return windows(input, least).max(axis=(0, 1))
    sums = windows(input).sum(axis=(0, 1))
    if mode == "sum":
        return sums
    counts = windows(T.ones_like(input), int(ignore_border and mode == "average_inc_pad"))
    return sums / counts.sum(axis=(0, 1))
