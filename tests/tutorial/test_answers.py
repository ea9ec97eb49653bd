"""The answers of readers: right ones in many forms, and wrong ones."""

import itertools

import numpy
import pytest

from logreg.tutorial.answers import answers, is_right

ANSWERS = answers()


@pytest.mark.parametrize("exercise", ANSWERS)
def test_right_numbers_are_taken_in_any_form(exercise):
    numbers = ANSWERS[exercise][0]
    forms = (
        numbers.tolist(),
        numbers.astype("float32")[:, None],
        "; ".join(f"{100 * number:.10f} %" for number in numbers),
    )
    for form in forms:
        assert is_right(form, exercise), form


@pytest.mark.parametrize("exercise", ANSWERS)
def test_wrong_numbers_are_refused(exercise):
    numbers, tolerance = ANSWERS[exercise]
    wrongs = [numbers + 2.5 * tolerance, numbers - 2.5 * tolerance]
    wrongs += [[], [*numbers, 7], "none of them", numpy.nan, numbers[:-1]]
    for order in itertools.permutations(numbers):
        if (abs(numpy.subtract(order, numbers)) > tolerance).any():
            wrongs.append(order)
    for wrong in wrongs:
        assert not is_right(wrong, exercise), wrong
