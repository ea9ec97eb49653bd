"""Checks a reader's answers to the exercises of the tutorial."""

import re

import numpy

from logreg.basics.errors import SettingError
from logreg.tutorial.text import TEXT

ANSWER = "<details><summary>Answer"
MINUS = "\N{MINUS SIGN}"
NUMBER = r"-?\d+(?:\.\d*)?(?:e[+-]?\d+)?"
# A number in a text, perhaps of percent; not a digit of a name, such as x2.
IN_TEXT = rf"(?<![\w.])({NUMBER})(\s*%)?"
# An exercise begins with its number in bold. Its answer begins with the numbers to find, in bold.
EXERCISE = (
    r"(?s)\*\*(?P<name>\d+\.\d)\*\* "
    r"(?P<question>(?:(?!\n<).)+)\n"  # up to a line that begins with a tag
    rf"{ANSWER}</summary>\n\n\*\*(?P<bold>.+?)\.\*\*"
)
MIN_TOLERANCE = 1e-6  # for the rounding of float32; relative, if a number is above 1


def is_right(found, exercise):
    """Whether a reader has found the numbers that an exercise of the text asks for.

    Parameters
    ----------
    found : number, text, mapping or iterable
        What :func:`numbers_in` can read.
    exercise : str
        The exercise's number, such as ``"2.1"``.

    Returns
    -------
    bool
        If the answer is a single number, whether there is a number in `found`, and all of them are
        right. If it is several, whether there are as many, and each is right. A number is right
        within the tolerance that the exercise names.

    Raises
    ------
    SettingError
        If there is no such exercise, or its answer begins with no bold number.

    Examples
    --------
    >>> is_right(numpy.log(10), "3.1"), is_right(2, "3.1"), is_right([], "3.1")
    (True, False, False)
    >>> is_right("90.1%, 23.6 %", "6.2"), is_right(2 / numpy.float32(0.2), "9.2")
    (True, True)
    >>> is_right(0.003, "4.4"), is_right(0.0036, "4.4")  # 0.002, to within 0.001
    (True, False)
    >>> is_right("many", "5.1"), is_right(None, "5.1")
    (False, False)
    >>> is_right(1, "1.2")
    Traceback (most recent call last):
    logreg.basics.errors.SettingError: the text has no exercise '1.2' that asks for numbers
    """
    right_answers = answers()
    if exercise not in right_answers:
        raise SettingError(f"the text has no exercise {exercise!r} that asks for numbers")
    right, tolerance = right_answers[exercise]
    numbers = numpy.array(numbers_in(found))
    if numbers.size == 0:
        return False
    if right.size > 1 and numbers.size != right.size:
        return False
    return bool((abs(numbers - right) <= tolerance).all())


def numbers_in(found):
    """List all numbers in what somebody found, one after the other, as floats.

    Parameters
    ----------
    found : number, text, mapping or iterable of these
        NumPy's arrays, shared variables and tensors of torch are read, too. Of a mapping, the
        values are read. In a text, words are passed over, and a number before ``%`` is divided by
        100.

    Returns
    -------
    list of float
        Empty if there is no number.

    Examples
    --------
    >>> numbers_in((0, numpy.ones(2))), numbers_in(n for n in (20, 40))
    ([0.0, 1.0, 1.0], [20.0, 40.0])
    >>> numbers_in("p = 0"), numbers_in("20 and 40"), numbers_in("x2: 50 %")
    ([0.0], [20.0, 40.0], [0.5])
    >>> numbers_in("\N{MINUS SIGN}0.999, -0.002, "), numbers_in({"W": 7840, "b": 10})
    ([-0.999, -0.002], [7840.0, 10.0])
    >>> from logreg.engine import theano
    >>> numbers_in(theano.shared(numpy.array([0.5])))
    [0.5]
    >>> from types import SimpleNamespace as Tensor  # as of torch
    >>> numbers_in(Tensor(tolist=lambda: [7850, 785]))
    [7850.0, 785.0]
    >>> numbers_in("many"), numbers_in(None), numbers_in(1j)
    ([], [], [])
    """
    if isinstance(found, str):
        matches = re.findall(IN_TEXT, found.replace(MINUS, "-"))
        return [float(number) / (100 if percent else 1) for number, percent in matches]
    if hasattr(found, "get_value"):
        found = found.get_value()
    if hasattr(found, "tolist"):
        found = found.tolist()
    elif hasattr(found, "__array__"):
        found = numpy.asarray(found).tolist()
    if hasattr(found, "values"):
        found = found.values()
    try:
        parts = iter(found)
    except TypeError:
        return _as_numbers(found)
    return [number for part in parts for number in numbers_in(part)]


def _as_numbers(found):
    """Return a list of one float, or an empty list if this is no number."""
    try:
        return [float(found)]
    except (OverflowError, TypeError, ValueError):
        return []


def answers():
    """Read the right answers: a dict from an exercise to its numbers and their tolerances.

    Examples
    --------
    >>> right_answers = answers()
    >>> len(right_answers) == TEXT.read_text("utf-8").count("<summary>Answer</summary>\\n\\n**")
    True
    >>> all(is_right(numbers, exercise) for exercise, (numbers, _) in right_answers.items())
    True
    """
    right_answers = {}
    for match in re.finditer(EXERCISE, TEXT.read_text("utf-8")):
        texts = re.findall(NUMBER, match["bold"].replace(MINUS, "-"))
        right = numpy.array(texts, float)
        tolerance = MIN_TOLERANCE * numpy.maximum(1, abs(right))
        within = re.search(rf"[Tt]o\s+within\s+({NUMBER})", match["question"])
        if within:
            # The text rounds the right number: allow half a unit of its last decimal.
            n_decimals = numpy.array([len(text.partition(".")[2]) for text in texts])
            rounding = numpy.where(n_decimals, 0.5 / 10.0**n_decimals, 0)
            tolerance = tolerance + float(within.group(1)) + rounding
        right_answers[match["name"]] = right, tolerance
    return right_answers
