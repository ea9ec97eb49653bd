"""Convolution and pooling on PyTensor, which has neither, as Theano 1.0.5 computes them.

Both look at images through windows: a convolution multiplies what they show by filters, pooling
takes the largest of it, or the mean.
"""

import numpy

from logreg.engine import T


def _pair(value):
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _padded(images, widths, value=0):
    """Images with a margin of one value; `widths` are [(above, below), (left, right)]."""
    if all(width == (0, 0) for width in widths):
        return images
    (above, below), (left, right) = widths
    *others, rows, columns = [images.shape[i] for i in range(images.ndim)]
    frame = T.full((*others, rows + above + below, columns + left + right), value, images.dtype)
    return T.set_subtensor(frame[..., above : above + rows, left : left + columns], images)


def _windows(images, size, step):
    """Look at images, (n, channels, rows, columns), through windows of a size, a step apart.

    Returned is what they show: (pixels of a window and of all channels, down, across, n).
    """
    n, channels, rows, columns = [images.shape[i] for i in range(4)]
    down, across = rows - size[0] + 1, columns - size[1] + 1
    is_fit = T.opt.Assert("the images are smaller than a window: take a smaller one")
    down = is_fit(down, T.gt(T.minimum(down, across), 0))
    # Where the pixels of the first window lie in an image, and where the windows begin.
    places = T.arange(channels * rows * columns).reshape((channels, rows, columns))
    of_first = places[:, : size[0], : size[1]].flatten()
    begins = places[0, : down : step[0], : across : step[1]]
    # A row has one pixel of all images, which is copied as a whole.
    pixels = images.reshape((n, channels * rows * columns)).T
    shown = pixels[(of_first[:, None] + begins.flatten()).flatten()]
    return shown.reshape((of_first.size, begins.shape[0], begins.shape[1], n))


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
    n_out, _, *size = [filters.shape[i] for i in range(4)]
    margins = {"valid": (0, 0), "full": [k - 1 for k in size], "half": [k // 2 for k in size]}
    if isinstance(border_mode, str) and border_mode not in margins:
        raise ValueError(f"border_mode is {border_mode!r}: give {', '.join(margins)} or a width")
    margins = margins[border_mode] if isinstance(border_mode, str) else _pair(border_mode)
    if filter_flip:
        filters = filters[:, :, ::-1, ::-1]
    images = _padded(input, [_pair(margin) for margin in _pair(margins)])
    shown = _windows(images, size, _pair(subsample))
    channel_pixels, down, across, n = [shown.shape[i] for i in range(4)]
    sums = T.dot(filters.flatten(2), shown.reshape((channel_pixels, down * across * n)))
    return sums.reshape((n_out, down, across, n)).dimshuffle(3, 0, 1, 2)


def conv2d_grad_wrt_inputs(output_grad, filters, input_shape, filter_shape=None, **options):
    """Compute the gradient of :func:`conv2d` by its images: a transposed convolution.

    `output_grad` is the gradient by what it returns, `input_shape` that of the images.
    """
    images = T.zeros(input_shape, output_grad.dtype)
    convolved = conv2d(images, filters, **options)
    return T.grad(None, images, known_grads={convolved: output_grad})


def pool_2d(input, ws=None, ignore_border=None, stride=None, pad=(0, 0), mode="max", **older):
    """Pool the last two dimensions: by windows of `ws`, `stride` apart, `pad` pixels around.

    `mode` is 'max', 'sum', 'average_inc_pad' or 'average_exc_pad': a mean with or without the
    pixels around. Windows that reach over the border count unless `ignore_border`. `ds`, `st` and
    `padding` are older names of `ws`, `stride` and `pad`.
    """
    olds = [older.pop(name, None) for name in ("ds", "st", "padding")]
    if older:
        raise TypeError(f"pool_2d has no argument {', '.join(older)}")
    ws, stride, pad = (n if o is None else o for n, o in zip((ws, stride, pad), olds))
    if mode not in ("max", "sum", "average_inc_pad", "average_exc_pad"):
        raise ValueError(f"mode is {mode!r}: give max, sum, average_inc_pad or average_exc_pad")
    input, size, pads = T.as_tensor_variable(input), _pair(ws), _pair(pad)
    steps = size if stride is None else _pair(stride)
    if not ignore_border and pads != (0, 0):
        raise NotImplementedError("pad needs ignore_border=True")

    def beyond(n, k, s):  # pixels that the last window reaches over the border
        n_windows = (n - 1) // s + 1 if s >= k else T.maximum((n - 1 - k) // s + 1, 0) + 1
        return T.maximum((n_windows - 1) * s + k - n, 0)

    sizes = zip((input.shape[-2], input.shape[-1]), size, steps)
    margins = [_pair(p) for p in pads] if ignore_border else [(0, beyond(*each)) for each in sizes]
    others = [input.shape[i] for i in range(input.ndim - 2)]

    def windows(images, value=0):
        images = _padded(images, margins, value)
        shape = T.prod([1, *others]), 1, images.shape[-2], images.shape[-1]
        return _windows(images.reshape(shape), size, steps)

    if mode == "max":
        least = -numpy.inf if input.dtype.startswith("float") else numpy.iinfo(input.dtype).min
        pooled = windows(input, least).max(axis=0)
    else:
        pooled = windows(input).sum(axis=0)
    if mode.startswith("average"):
        is_inside = mode == "average_inc_pad" and bool(ignore_border)
        pooled /= windows(T.ones_like(input), int(is_inside)).sum(axis=0)
    return pooled.dimshuffle(2, 0, 1).reshape((*others, pooled.shape[0], pooled.shape[1]))
