"""What the C code computes, in NumPy: it stands in for it where no compiler built the kernel.

It is several times slower, and its bits depend on the machine. The engine would be as slow, and
would have to compile first.
"""

import numpy


def compute(rows, params, weighted_labels, starts, out, n_rows, n_threads, rates, velocities):
    """Classify rows, or take steps of descent: see :func:`.classes` and :func:`.steps`.

    Without labels, `out` gets the classes. With labels, it gets the costs, and the parameters and
    the velocities change. `rates` are the learning rate, the factor of the penalty and the
    momentum. If the learning rate is NaN, the gradients take the place of the parameters.
    """
    W, b = params
    y, weights = weighted_labels
    if y is None:
        out[:] = (_as_floats(rows.x, rows.scale, W.dtype) @ W + b).argmax(axis=1)
        return
    rate, l2, momentum = rates
    for i, start in enumerate(starts):
        some = slice(start, start + n_rows)
        some_weights = None if weights is None else weights[some]
        x = _as_floats(rows.x[some], rows.scale, W.dtype)
        out[i], *gradients = _cost_and_gradients(x, W, b, y[some], some_weights, start)
        if l2:
            out[i] += l2 * float((W.astype("float64") ** 2).sum())
            gradients[0] += 2 * l2 * W
        for param, gradient, velocity in zip(params, gradients, velocities):
            if numpy.isnan(rate):
                param[:] = gradient
            elif velocity is None:
                param -= rate * gradient
            else:
                velocity *= momentum
                velocity -= rate * gradient
                param += velocity


def _as_floats(x, scale, dtype):
    x = x.astype(dtype, copy=False)
    return x if scale == 1 else x * numpy.asarray(scale, dtype)


def _cost_and_gradients(x, W, b, y, weights, start):
    """The mean negative log-likelihood, and its gradients by W and b."""
    is_class = (y >= 0) & (y < len(b))
    if not is_class.all():
        row = is_class.argmin()
        raise ValueError(
            f"row {start + row} has the label {y[row]}: labels must be 0 to {len(b) - 1}"
        )
    numbers = numpy.arange(len(y))
    with numpy.errstate(all="ignore"):  # the parameters show later if it diverges
        scores = x @ W + b
        scores -= scores.max(axis=1, keepdims=True)
        p = numpy.exp(scores)
        sums = p.sum(axis=1)
        losses = numpy.log(sums) - scores[numbers, y]
        p /= sums[:, None]
        p[numbers, y] -= 1
        if weights is not None:
            losses *= weights
            p *= weights[:, None]
        p /= len(y)
        return losses.mean(dtype="float64"), x.T @ p, p.sum(axis=0)
