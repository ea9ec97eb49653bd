"""Convolution and pooling on PyTensor, which has neither, as Theano 1.0.5 computes them.

Both look at images through windows: a convolution multiplies what they show by filters, pooling
takes the largest of it, or the mean.
"""

import numpy

from logreg.engine import T


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


def _windows(images, size, step):
    """Look at images, (n, channels, rows, columns), through windows of a size, a step apart.

    Returned is what they show: (height, width, channels, number down, number across, n).
    """
    n, channels, *shape = [images.shape[i] for i in range(4)]
    numbers = [(length - k) // s + 1 for length, k, s in zip(shape, size, step)]
    is_fit = T.opt.Assert("the images are smaller than a window: take a smaller one")
    numbers[0] = is_fit(numbers[0], T.gt(T.minimum(*numbers), 0))
    lengths = [*size, channels, *numbers]
    steps = [shape[1], 1, shape[0] * shape[1], step[0] * shape[1], step[1]]
    along = [T.arange(0, length * s, s) for length, s in zip(lengths, steps)]
    axes = [["x"] * i + [0] + ["x"] * (4 - i) for i in range(5)]
    # A bare sum makes a rewrite of PyTensor 3.3.8 fail, with a page of tracebacks.
    index = T.maximum(sum(places.dimshuffle(*each) for places, each in zip(along, axes)), 0)
    # A row has one pixel of all images, which is copied as a whole.
    pixels = images.reshape((n, channels * shape[0] * shape[1])).T
    return pixels[index.flatten()].reshape((*lengths, n))


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
    images = _padded(input, map(_pair, _pair(margins)))
    shown = _windows(images, size, _pair(subsample))
    down, across, n = [shown.shape[i] for i in (3, 4, 5)]
    weights = filters.dimshuffle(0, 2, 3, 1).reshape((n_out, size[0] * size[1] * channels))
    sums = T.dot(weights, shown.reshape((weights.shape[1], down * across * n)))
    return sums.reshape((n_out, down, across, n)).dimshuffle(3, 0, 1, 2)


def conv2d_grad_wrt_inputs(output_grad, filters, input_shape, filter_shape=None, **options):
    """Compute the gradient of :func:`conv2d` by its images: a transposed convolution.

    `output_grad` is the gradient by what it returns, `input_shape` that of the images.
    """
    images = T.zeros(input_shape, output_grad.dtype)
    convolved = conv2d(images, filters, **options)
    return T.grad(None, images, known_grads={convolved: output_grad})


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
    margins, others = tuple(margins), [input.shape[i] for i in range(input.ndim - 2)]

    def windows(images, value=0):
        images = _padded(images, margins, value)
        shape = T.prod(others), 1, images.shape[-2], images.shape[-1]
        return _windows(images.reshape(shape), size, steps)

    if mode == "max":
        least = -numpy.inf if input.dtype.startswith("float") else numpy.iinfo(input.dtype).min
        pooled = windows(input, least).max(axis=(0, 1))
    else:
        pooled = windows(input).sum(axis=(0, 1))
    if mode.startswith("average"):
        counts = windows(T.ones_like(input), int(ignore_border and mode == "average_inc_pad"))
        pooled /= counts.sum(axis=(0, 1))
    down, across = pooled.shape[1], pooled.shape[2]
    return pooled.dimshuffle(3, 0, 1, 2).reshape((*others, down, across))
