"""Settings of a run, a data set or a table: each has a range, and is an option of a command."""

import inspect
import numbers
import sys
from dataclasses import dataclass, field, fields
from typing import Any, Callable

from logreg.basics.errors import SettingError

LARGEST = sys.float_info.max  # beyond it are infinity, and whole numbers too large for a float


@dataclass(frozen=True)
class Range:
    """The numbers that a setting may be."""

    needed: str  # in words
    contains: Callable[[Any], bool]
    is_whole: bool = False

    def allows(self, value):
        """Whether a value is a number of this range."""
        kind = numbers.Integral if self.is_whole else numbers.Real
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        return is_number and abs(value) <= LARGEST and self.contains(value)


ABOVE_0 = Range("a number above 0", lambda value: value > 0)
FROM_0 = Range("a number from 0", lambda value: value >= 0)
FROM_0_BELOW_1 = Range("a number from 0, below 1", lambda value: 0 <= value < 1)
ABOVE_0_UP_TO_1 = Range("a number above 0, up to 1", lambda value: 0 < value <= 1)
FROM_1 = Range("a number from 1 to 1e9", lambda value: 1 <= value <= 1e9)
WHOLE_FROM_1 = Range("a whole number from 1 to 1e9", lambda value: 1 <= value <= 1e9, is_whole=True)
WHOLE_FROM_2 = Range("a whole number from 2", lambda value: value >= 2, is_whole=True)


def setting(allowed, meaning, default=None, help_of_no=None, aliases=(), **for_argparse):
    """Make a field of a dataclass of settings, each of which is an option on the command line, too.

    `allowed` is a :class:`Range`, a tuple of choices, or a function that says whether a value is
    allowed, with what is needed as its docstring. `meaning` is the option's help. With
    `help_of_no`, the help of its ``--no-`` form, the option is a switch. `aliases` are other names
    of the option. Further arguments are for argparse's ``add_argument``.
    """
    if isinstance(allowed, Range):
        needed = allowed.needed
    elif isinstance(allowed, tuple):
        needed = " or ".join(map(repr, allowed))
    else:
        needed = allowed.__doc__
    metadata = {
        "allowed": allowed,
        "needed": needed,
        "help": meaning,
        "help_of_no": help_of_no,
        "aliases": aliases,
        "for_argparse": for_argparse,
    }
    return field(default=default, metadata=metadata)


def check(settings):
    """Check each setting of a dataclass; NumPy's numbers become Python's.

    A setting whose default is None may be None.
    """
    for option in fields(settings):
        value = getattr(settings, option.name)
        if value is None and option.default is None:
            continue
        if isinstance(value, numbers.Real) and hasattr(value, "item"):
            value = value.item()  # NumPy's float64 would make float64 of float32 parameters
            object.__setattr__(settings, option.name, value)
        allowed = option.metadata["allowed"]
        if isinstance(allowed, Range):
            is_allowed = allowed.allows(value)
        elif isinstance(allowed, tuple):
            # 1 is refused where True is a choice, though they are equal.
            is_allowed = any(isinstance(value, type(each)) and value == each for each in allowed)
        else:
            is_allowed = allowed(value)
        if not is_allowed:
            needed = option.metadata["needed"]
            raise SettingError(f"`{option.name}` is {value!r:.99}: it must be {needed}")


def complete_docstring(documented, *classes):
    """Put a description of each setting of some dataclasses in place of ``{settings}``."""
    lines = []
    for cls in classes:
        for each in fields(cls):
            lines += [f"{each.name} : {each.metadata['needed']}", f"    {each.metadata['help']}"]
    # Python 3.13 has taken the indentation away already.
    docstring = inspect.cleandoc(documented.__doc__)
    documented.__doc__ = docstring.replace("{settings}", "\n".join(lines))
