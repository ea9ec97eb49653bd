"""How sure an error rate is: its 95 % interval."""

import math


def wilson_interval(n_wrong, n):
    """The 95 % interval of an error rate of which `n` rows showed `n_wrong` (Wilson, 1927).

    Examples
    --------
    >>> ["%.3f" % edge for edge in wilson_interval(0, 18)]
    ['0.000', '0.176']
    """
    z = 1.959964
    p = n_wrong / n
    centre = p + z * z / (2 * n)
    scale = 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + (z / (2 * n)) ** 2)
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def with_interval(n_wrong, n):
    """An error rate in words, with its 95 % interval.

    Examples
    --------
    >>> with_interval(10, 50)
    '10 of 50 rows, 20.00 % (95 % interval: 11.24 to 33.04 %)'
    """
    low, high = (100 * end for end in wilson_interval(n_wrong, n))
    share = f"{100 * n_wrong / n:.2f} % (95 % interval: {low:.2f} to {high:.2f} %)"
    return f"{n_wrong} of {n} rows, {share}"
