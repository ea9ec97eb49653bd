"""The answers of readers: right ones in many forms, and wrong ones."""

import itertools

import numpy
import pytest

from logreg.tutorial.answers import answers, is_right, numbers_in

ANSWERS = answers()


@pytest.mark.parametrize("exercise", ANSWERS)
def test_right_numbers_are_taken_in_any_form(exercise):
    numbers = ANSWERS[exercise][0].tolist()
    forms = (
        numbers,
        2 * numbers if len(numbers) == 1 else tuple(numbers),
        numpy.array(numbers, "float32") * numpy.float32(1 + 5e-7),  # with errors of rounding
        numpy.array(numbers)[:, None],
        dict(enumerate(numbers)),
        (number for number in numbers),
        ", ".join(map(str, numbers)),
        " and ".join(f"p = {number}" for number in numbers),
        "; ".join(f"{100 * number:.10f} %" for number in numbers),
        "[" + " ".join(f"{number:.6f}" for number in numbers) + "]",
    )
    for form in forms:
        assert is_right(form, exercise), form


def wrong_answers(numbers, tolerance):
    """More than ten wrong answers."""
    far = 2.5 * tolerance
    changes = (far, -far, far + 0.01, -far - 0.01, far + 0.05, far + 1, far + 10, -far - 1)
    yield from (numbers + change for change in changes)
    yield from ([], [*numbers, 7], "none of them", None, numpy.nan, numbers + 1j)
    if numbers.any():
        yield from (100 * numbers, -numbers)
    for order in itertools.permutations(numbers):
        if (abs(numpy.subtract(order, numbers)) > tolerance).any():
            yield order
    if len(numbers) > 1:
        yield numbers[:-1]


@pytest.mark.parametrize("exercise", ANSWERS)
def test_wrong_numbers_are_refused(exercise):
    numbers, tolerance = ANSWERS[exercise]
    found = list(wrong_answers(numbers, tolerance))
    assert len(found) > 10
    for wrong in found:
        assert not is_right(wrong, exercise), wrong


def test_what_was_read_can_be_told():
    assert numbers_in("90.1%, 23.6%") == pytest.approx([0.901, 0.236])
