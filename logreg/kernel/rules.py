"""The rule of a training: the version of the arithmetic, which decides the parameters' last bits.

Plain descent on arrays keeps its bits for good. The bits may change for data sets that are tables,
and for l1, l2 and momentum. Whoever changes them raises LATEST, and keeps the older arithmetic for
a `current()` below it. A model file keeps the rule that it was trained by, and ``--verify`` trains
by that rule.
"""

import contextlib
import contextvars

LATEST = 3
# The first rule by which the 0 or 1 of a category is divided by 0.5, not by its standard deviation.
ONE_HOT_SCALES = 2
# The first rule by which the native kernel takes steps with l2 or momentum, not the engine.
KERNEL_STEPS = 3


_current = contextvars.ContextVar("rule", default=LATEST)
# A function without arguments: the number of the rule that trainings go by now.
current = _current.get


@contextlib.contextmanager
def following(number):
    """Let trainings within the block go by a rule, as that of a model file.

    Examples
    --------
    >>> with following(1):
    ...     current()
    1
    """
    before = _current.set(number)
    try:
        yield
    finally:
        _current.reset(before)
