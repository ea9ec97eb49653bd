"""Convolution and pooling as Theano 1.0.5 computes them; PyTensor has neither.

Both look at images through windows. A convolution multiplies the pixels of each window by filters.
Pooling takes their maximum, their sum or their mean.
"""

import numpy

from logreg.engine import T

MODES = ("max", "sum", "average_inc_pad", "average_exc_pad")


def _pair(value):
    """Return a pair as it is, and a number twice."""
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _pad(images, margins, value=0):
    """Put a margin of one value around images; `margins` are [(above, below), (left, right)]."""
    if all(margin == (0, 0) for margin in margins):
        return images
    (above, below), (left, right) = margins
    *others, n_rows, n_columns = images.shape
    shape = (*others, n_rows + above + below, n_columns + left + right)
    padded = T.full(shape, value, images.dtype)
    return T.set_subtensor(padded[..., above : above + n_rows, left : left + n_columns], images)


def _windows(images, size, step):
    """Copy what is seen of images, (n, channels, rows, columns), through windows.

    `size` is that of a window, and `step` how far apart windows are, each down and across. The
    result has the shape (pixels of a window in all channels, windows down, windows across, n).
    """
    n, channels, n_rows, n_columns = images.shape
    # The number of places of a window, down and across, at a step of 1.
    down = n_rows - size[0] + 1
    across = n_columns - size[1] + 1
    check = T.opt.Assert("the images are smaller than a window: take a smaller one")
    down = check(down, T.gt(T.minimum(down, across), 0))
    # Number the pixels of an image. To get those of a window, add the number of its corner, the
    # upper left pixel, to the numbers of the first window's pixels.
    numbers = T.arange(channels * n_rows * n_columns).reshape((channels, n_rows, n_columns))
    first_window = numbers[:, : size[0], : size[1]].flatten()
    corners = numbers[0, : down : step[0], : across : step[1]]
    # flatten(2) keeps the first dimension. Then a row of `pixels` has the same pixel of all images:
    # they are copied together.
    pixels = images.flatten(2).T
    seen = pixels[(first_window[:, None] + corners.flatten()).flatten()]
    return seen.reshape((first_window.size, *corners.shape, n))


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

    `border_mode` is 'valid', 'full', 'half', the width of a margin of zeros, or a pair of widths:
    down and across, each a number or a pair. With `filter_flip` false, images are correlated. The
    shapes are not needed: they are accepted for the sake of old programs.
    """
    input = T.as_tensor_variable(input)
    filters = T.as_tensor_variable(filters)
    n_out, _, *size = filters.shape
    named_margins = {"valid": (0, 0), "full": [k - 1 for k in size], "half": [k // 2 for k in size]}
    if not isinstance(border_mode, str):
        margins = _pair(border_mode)
    elif border_mode in named_margins:
        margins = named_margins[border_mode]
    else:
        raise ValueError(
            f"border_mode is {border_mode!r}: give {', '.join(named_margins)} or a width"
        )
    if filter_flip:
        filters = filters[:, :, ::-1, ::-1]
    seen = _windows(_pad(input, [_pair(margin) for margin in margins]), size, _pair(subsample))
    # A row for each filter, and a row for each pixel of a window.
    sums = T.dot(filters.flatten(2), seen.flatten(2))
    return sums.reshape((n_out, *seen.shape[1:])).dimshuffle(3, 0, 1, 2)


def conv2d_grad_wrt_inputs(output_grad, filters, input_shape, filter_shape=None, **options):
    """Compute the gradient of :func:`conv2d` with respect to its images: a transposed convolution.

    `output_grad` is the gradient with respect to its result, `input_shape` the images' shape. Its
    first two lengths may be None.
    """
    n, channels, *size = input_shape
    n = output_grad.shape[0] if n is None else n
    channels = filters.shape[1] if channels is None else channels
    # A convolution is linear: its gradient is the same for all images, and so for zeros.
    images = T.zeros((n, channels, *size), output_grad.dtype)
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
    """Pool the last two dimensions: windows of size `ws`, `stride` apart, with a margin of `pad`.

    `mode` is 'max', 'sum', 'average_inc_pad' or 'average_exc_pad': a mean with or without the
    margin. Windows that reach beyond the border count unless `ignore_border`. `ds`, `st` and
    `padding` are older names of `ws`, `stride` and `pad`.
    """
    input = T.as_tensor_variable(input)
    size = _pair(ds if ws is None else ws)
    step = _pair(stride or st or size)
    pad = _pair(padding or pad)
    if mode not in MODES:
        raise ValueError(f"mode is {mode!r}: give one of {', '.join(MODES)}")
    if not ignore_border and pad != (0, 0):
        raise NotImplementedError("pad needs ignore_border=True")
    *others, n_rows, n_columns = input.shape
    margins = [_pair(width) for width in pad]
    if not ignore_border:
        sizes = zip((n_rows, n_columns), size, step)
        margins = [(0, _beyond_border(*each)) for each in sizes]

    def windows(images, value=0):
        images = _pad(images, margins, value)
        return _windows(images.reshape((-1, 1, *images.shape[-2:])), size, step)

    if mode == "max":
        is_float = input.dtype.startswith("float")
        least = -numpy.inf if is_float else numpy.iinfo(input.dtype).min
        pooled = windows(input, least).max(axis=0)
    else:
        pooled = windows(input).sum(axis=0)
    if mode.startswith("average"):
        # Divide by the number of pixels, the sum of an image of ones. The margin counts if it was
        # asked for: without `ignore_border`, it only completes the windows at the border.
        counts_margin = mode == "average_inc_pad" and bool(ignore_border)
        pooled /= windows(T.ones_like(input), int(counts_margin)).sum(axis=0)
    # From (windows down, windows across, n) to one image after the other.
    return pooled.dimshuffle(2, 0, 1).reshape((*others, *pooled.shape[:2]))


def _beyond_border(n_pixels, size, step):
    """Count the pixels by which the last window reaches beyond the border."""
    if step >= size:
        # The windows that begin within the image.
        last_start = (n_pixels - 1) // step * step
    else:
        # Windows overlap, and end with the first one that reaches the last pixel. Of 6 pixels, with
        # size 3 and step 2, windows are the pixels 0 to 2, 2 to 4, and 4 to 6: 1 beyond.
        last_start = T.maximum((n_pixels - 1 - size) // step + 1, 0) * step
    return T.maximum(last_start + size - n_pixels, 0)
