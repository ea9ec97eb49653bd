"""Checks a reader's answers to the exercises of the tutorial."""

import re
from typing import NamedTuple

import numpy

from logreg.basics.errors import SettingError
from logreg.tutorial.text import TEXT, blocks, examples

ANSWER = "<details><summary>Answer"
MINUS = "\N{MINUS SIGN}"
NUMBER = r"-?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?"
# A number in a text, perhaps of percent; not a digit of a name, such as x2.
IN_TEXT = rf"(?<![\w.])({NUMBER})(\s*%)?"
# What stands before an equals sign or a colon, as in "k=2: 20, k=3: 40".
LABEL = r"(?:(?!\band\b)[^,;\n])*[=:\N{ALMOST EQUAL TO}]"
# The readings of a comma between digits: patterns, and what stands for the comma.
COMMAS = (
    (r"(?<=\d),(?=\d)", ", "),  # it separates two numbers
    (r"(?<=\d),(?=\d{3}\b)", ""),  # it groups thousands
    (r"(?<=\d),(?=\d)", "."),  # it begins the decimals
)
# An exercise begins with its number in bold. Its answer begins with the numbers to find, in bold.
EXERCISE = (
    r"(?s)\*\*(?P<name>\d+\.\d)\*\* "
    r"(?P<question>(?:(?!\n<).)+)\n"  # up to a line that begins with a tag
    rf"{ANSWER}</summary>\n\n\*\*(?P<bold>.+?)\.\*\*(?P<rest>.*?)</details>"
)
SHARE = "error|share|probability"  # words of questions that ask for a number from 0 to 1
MIN_TOLERANCE = 1e-6  # for the rounding of float32; relative, if a number is above 1


class Answer(NamedTuple):
    """What the text answers to an exercise.

    Attributes
    ----------
    numbers, tolerance : array
        The numbers in bold, and how far off each may be.
    printed : list of float
        The numbers that the examples of the answer print.
    is_share : bool
        Whether the exercise asks for a share, such as an error.
    """

    numbers: numpy.ndarray
    tolerance: numpy.ndarray
    printed: list
    is_share: bool


def is_right(found, exercise):
    """Whether a reader has found the numbers that an exercise of the text asks for.

    Parameters
    ----------
    found : number, text, mapping or iterable
        What :func:`numbers_in` can read. A comma between digits may have any meaning.
    exercise : str
        The exercise's number, such as ``"2.1"``.

    Returns
    -------
    bool
        If the answer is a single number, whether there is a number in `found`, and all of them are
        right. If it is several, whether there are as many, and each is right. A number is right
        within the tolerance that the exercise names. The numbers that the answer's examples print
        are right, too; so are some of them in a row, if all of the answer's numbers are among them.

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
    >>> is_right("1 / (1 + exp(-2)) = 0,881", "2.1"), is_right("7,850 and 785", "5.1")
    (True, True)
    >>> is_right([(20, "8.23%"), (40, "7.80%"), (84, "7.43%")], "8.3")
    True
    >>> is_right("many", "5.1"), is_right(None, "5.1")
    (False, False)
    >>> is_right(1, "1.2")
    Traceback (most recent call last):
    logreg.basics.errors.SettingError: the text has no exercise '1.2' that asks for numbers
    """
    answer = _answer_to(exercise)
    return any(_is_right(numbers, answer) for numbers in _readings(found))


def hint(found, exercise):
    """Say what was read in an answer that is not right, and what kind of thing it lacks.

    The parameters, and the error, are those of :func:`is_right`.

    Examples
    --------
    >>> hint("many", "5.1")
    'not yet: I read no number; numbers asked for: 2'
    >>> hint([785, 7850], "5.1")
    'not yet: I read 785, 7850; another order is asked for'
    >>> hint(87.4, "1.1")
    'not yet: I read 87.4; a share lies between 0 and 1, unless % follows it'
    >>> hint(0.9, "1.1")
    'not yet: I read 0.9'
    """
    answer = _answer_to(exercise)
    right = answer.numbers
    # Of the readings, the first that has as many numbers as there should be.
    numbers = min(_readings(found), key=lambda numbers: numbers.size != right.size)
    read = ", ".join(f"{number:g}" for number in numbers[:8]) or "no number"
    said = f"not yet: I read {read}"
    if numbers.size != right.size:
        return f"{said}; numbers asked for: {right.size}"
    if (abs(numpy.sort(numbers) - numpy.sort(right)) <= answer.tolerance.min()).all():
        return f"{said}; another order is asked for"
    if answer.is_share and ((numbers > 1) & (right <= 1)).any():
        return f"{said}; a share lies between 0 and 1, unless % follows it"
    return said


def _answer_to(exercise):
    """Return the Answer to an exercise."""
    right_answers = answers()
    if exercise not in right_answers:
        raise SettingError(f"the text has no exercise {exercise!r} that asks for numbers")
    return right_answers[exercise]


def _readings(found):
    """List the arrays of numbers that somebody may have meant."""
    return [numpy.array(numbers_in(found, comma)) for comma in COMMAS]


def _is_right(numbers, answer):
    """Whether numbers are those of an answer, or a part of what it prints that has all of them."""
    right = answer.numbers
    tolerance = answer.tolerance
    if numbers.size < right.size:
        return False
    if right.size in (1, numbers.size) and (abs(numbers - right) <= tolerance).all():
        return True
    if not (abs(numbers[:, None] - right) <= tolerance).any(axis=0).all():
        return False
    starts = range(len(answer.printed) - numbers.size + 1)
    parts = [answer.printed[start : start + numbers.size] for start in starts]
    return any((abs(numbers - part) <= tolerance.min()).all() for part in parts)


def numbers_in(found, comma=COMMAS[0]):
    """List all numbers in what somebody found, one after the other, as floats.

    Parameters
    ----------
    found : number, text, mapping or iterable of these
        NumPy's arrays, shared variables and tensors of torch are read, too. Of a mapping, the
        values are read. In a text, words are passed over, and so is what stands before ``=`` or
        ``:``. A number before ``%`` is divided by 100.
    comma : tuple of str
        One of `COMMAS`: the reading of a comma between digits.

    Returns
    -------
    list of float
        Empty if there is no number.

    Examples
    --------
    >>> numbers_in((0, numpy.ones(2))), numbers_in(n for n in (20, 40))
    ([0.0, 1.0, 1.0], [20.0, 40.0])
    >>> numbers_in("p = 0"), numbers_in("k=2: 20, k=3: 40"), numbers_in("x2 or .5 or 50 %")
    ([0.0], [20.0, 40.0], [0.5, 0.5])
    >>> [numbers_in("7,850", comma) for comma in COMMAS]
    [[7.0, 850.0], [7850.0], [7.85]]
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
        text = re.sub(LABEL, "", re.sub(*comma, found.replace(MINUS, "-")))
        matches = re.findall(IN_TEXT, text)
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
    return [number for part in parts for number in numbers_in(part, comma)]


def _as_numbers(found):
    """Return a list of one float, or an empty list if this is no number."""
    try:
        return [float(found)]
    except (OverflowError, TypeError, ValueError):
        return []


def answers():
    """Read the right answers: a dict from an exercise to its Answer.

    Examples
    --------
    >>> right_answers = answers()
    >>> len(right_answers) == TEXT.read_text("utf-8").count("<summary>Answer</summary>\\n\\n**")
    True
    >>> all(is_right(answer.numbers, exercise) for exercise, answer in right_answers.items())
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
        code = [block.content for block in blocks(match["rest"]) if block.kind == "pycon"]
        printed = numbers_in(example.want for example in examples("\n".join(code)))
        is_share = re.search(SHARE, match["question"]) is not None
        right_answers[match["name"]] = Answer(right, tolerance, printed, is_share)
    return right_answers
