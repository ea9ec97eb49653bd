"""The answers of readers: right ones in many forms, and wrong ones."""

import itertools
import re

import numpy
import pytest

from logreg.tutorial.answers import answers, hint, is_right

ANSWERS = answers()
FORMS = [
    ("8.3", [(20, "8.23%"), (40, "7.80%"), (84, "7.43%")]),
    ("8.3", "k=2: 20, k=3: 40, k=5: 84"),
    ("8.3", "k = 2: 20 and k = 3: 40 and k = 5: 84"),
    ("8.3", "20,40,84"),
    ("8.3", {2: 20, 3: 40, 5: 84}),
    ("5.1", "7,850 and 785"),
    ("3.3", "1,000"),
    ("2.1", ".881"),
    ("2.1", "0,881"),
    ("2.1", [0.8808, 0.1192]),
    ("2.1", "1/(1+exp(-2)) = 0.881"),
]


@pytest.mark.parametrize("exercise, found", FORMS)
def test_forms_of_readers_are_taken(exercise, found):
    assert is_right(found, exercise)


@pytest.mark.parametrize("exercise", ANSWERS)
def test_right_numbers_are_taken_in_any_form(exercise):
    numbers = ANSWERS[exercise].numbers
    forms = (
        numbers.tolist(),
        numbers.astype("float32")[:, None],
        "; ".join(f"{100 * number:.10f} %" for number in numbers),
        " and ".join(f"x = {number:,.10f}" for number in numbers),
    )
    for form in forms:
        assert is_right(form, exercise), form


@pytest.mark.parametrize("exercise", ANSWERS)
def test_wrong_numbers_are_refused_with_a_hint_that_tells_none(exercise):
    numbers, tolerance, *_ = ANSWERS[exercise]
    wrongs = [numbers + 2.5 * tolerance, numbers - 2.5 * tolerance, 1000 * numbers + 13]
    wrongs += [[], [*numbers, 7], "none of them", numpy.nan, numbers[:-1], range(1000)]
    for order in itertools.permutations(numbers):
        if (abs(numpy.subtract(order, numbers)) > tolerance).any():
            wrongs.append(order)
    for wrong in wrongs:
        assert not is_right(wrong, exercise), wrong
    said = [hint(wrong, exercise) for wrong in (13.25, [13.25] * numbers.size, "many")]
    told = re.findall(r"[\d.]+", " ".join(said))
    assert {*told} <= {"13.25", "0", "1", str(numbers.size)}
