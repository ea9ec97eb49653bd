"""How sure an error rate is: its 95 % interval; and the probabilities of classes."""

import math

import numpy


def wilson_interval(n_wrong, n):
    """The 95 % interval of an error rate, where `n_wrong` of `n` rows are wrong (Wilson, 1927).

    Examples
    --------
    >>> ["%.3f" % edge for edge in wilson_interval(0, 18)]
    ['0.000', '0.176']
    """
    z = 1.959964
    p = n_wrong / n
    a = z * z / n
    centre = p + a / 2
    half = math.sqrt(a * (p * (1 - p) + a / 4))
    return max(0.0, (centre - half) / (1 + a)), min(1.0, (centre + half) / (1 + a))


def in_rows(error, n, is_weighted=False):
    """The error rate of n rows in words: how many are wrong, or their share if rows have weights.

    Examples
    --------
    >>> in_rows(0.29, 100)
    '29 of 100 rows'
    """
    if is_weighted:
        return f"{100 * error:.2f} % by the weights of {n} rows"
    return f"{round(error * n)} of {n} rows"


def with_interval(error, n, is_weighted=False):
    """The error rate of n rows in words, with its 95 % interval; without it if rows have weights.

    Examples
    --------
    >>> with_interval(0.29, 100)
    '29 of 100 rows, 29.00 % (95 % interval: 21.01 to 38.54 %)'
    >>> with_interval(0.2, 50, is_weighted=True)
    '20.00 % by the weights of 50 rows'
    """
    wrong_rows = in_rows(error, n, is_weighted)
    if is_weighted:
        return wrong_rows
    n_wrong = round(error * n)
    low, high = (100 * end for end in wilson_interval(n_wrong, n))
    share = f"{100 * n_wrong / n:.2f} % (95 % interval: {low:.2f} to {high:.2f} %)"
    return f"{wrong_rows}, {share}"


def softmax(scores):
    """The probabilities of classes, by their scores: an array of shape (n, n_out)."""
    with numpy.errstate(all="ignore"):  # callers check for scores that are not finite
        p = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
    return p
