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
        tuple(numbers),
        numpy.array(numbers, "float32")[:, None],
        dict(enumerate(numbers)),
        (number for number in numbers),
        ", ".join(map(str, numbers)),
        " and ".join(f"p = {number}" for number in numbers),
        "; ".join(f"{100 * number:.10f} %" for number in numbers),
        "[" + " ".join(f"{number:.6f}" for number in numbers) + "]",
    )
    for form in forms:
        assert is_right(form, exercise), form


@pytest.mark.parametrize("exercise", ANSWERS)
def test_wrong_numbers_are_refused(exercise):
    numbers, tolerance = ANSWERS[exercise]
    far = 2.5 * tolerance
    wrongs = [numbers + change for change in (far, -far, far + 0.01, far + 1, -far - 1)]
    wrongs += [[], [*numbers, 7], "none of them", None, numpy.nan, numbers + 1j, numbers[:-1]]
    wrongs += [100 * numbers, -numbers] if numbers.any() else []
    wrongs += [
        order
        for order in itertools.permutations(numbers)
        if (abs(numpy.subtract(order, numbers)) > tolerance).any()
    ]
    for wrong in wrongs:
        assert not is_right(wrong, exercise), wrong


def test_what_was_read_can_be_told():
    assert numbers_in("90.1%, 23.6%") == pytest.approx([0.901, 0.236])
