"""``theano.tensor.nnet.bn``: batch normalization by Theano's formulas."""

from logreg.engine import T


def batch_normalization(inputs, gamma, beta, mean, std, mode=None):
    """Normalize to a mean of 0 and a standard deviation of 1, then scale by gamma and add beta."""
    return (inputs - mean) * (gamma / std) + beta


def batch_normalization_train(
    inputs,
    gamma,
    beta,
    axes="per-activation",
    epsilon=1e-4,
    running_average_factor=0.1,
    running_mean=None,
    running_var=None,
):
    """Normalize inputs by their own mean and variance along some axes.

    `axes` are numbers, 'per-activation' for the first axis, or 'spatial' for all but the second.
    `gamma` and `beta` have the other axes only, or all axes, with the length 1 along `axes`.

    Returns the result, the mean, 1 / the standard deviation and, if `running_mean` and
    `running_var` are given, the new values of these two.
    """
    axes = _axis_numbers(axes, inputs.ndim)
    mean = inputs.mean(axes, keepdims=True)
    var = inputs.var(axes, keepdims=True)
    std = T.sqrt(var + epsilon)
    statistics = [mean, 1 / std]
    if running_mean is not None:
        unbiased = inputs.var(axes, ddof=1, keepdims=True)
        for running, current in [(running_mean, mean), (running_var, unbiased)]:
            running = _with_all_axes(running, axes, inputs.ndim) * (1 - running_average_factor)
            statistics.append(running + current * running_average_factor)
    if gamma.ndim < inputs.ndim:
        statistics = [T.squeeze(each, axes) for each in statistics]
    gamma, beta = [_with_all_axes(param, axes, inputs.ndim) for param in (gamma, beta)]
    return (batch_normalization(inputs, gamma, beta, mean, std), *statistics)


def batch_normalization_test(inputs, gamma, beta, mean, var, axes="per-activation", epsilon=1e-4):
    """Normalize inputs by a given mean and variance; :func:`batch_normalization_train` has more."""
    axes = _axis_numbers(axes, inputs.ndim)
    gamma, beta, mean, var = [
        _with_all_axes(param, axes, inputs.ndim) for param in (gamma, beta, mean, var)
    ]
    return batch_normalization(inputs, gamma, beta, mean, T.sqrt(var + epsilon))


def _axis_numbers(axes, n_axes):
    if axes == "per-activation":
        return (0,)
    if axes == "spatial":
        return (0, *range(2, n_axes))
    return tuple(axes)


def _with_all_axes(param, axes, n_axes):
    """Give a parameter all axes of the inputs, with the length 1 along `axes`."""
    param = T.as_tensor_variable(param)
    if param.ndim == n_axes:
        return T.specify_broadcastable(param, *axes)
    return T.expand_dims(param, axes)
