"""The check of a reader's own training: it takes the text's, and refuses the usual mistakes."""

import numpy
import pytest
from builders import probabilities

from logreg.tutorial import text
from logreg.tutorial.functions import difference

SHOWN = "".join(
    example.source
    for block in text.blocks()
    if block.kind == "pycon"
    for example in text.examples(block.content)
    if example.source.startswith(("def take_step", "def learn_by_hand"))
)
MISTAKES = {
    "of the cost": ("numpy.log(P[numpy.arange(len(y)), y])", "numpy.log(P[:, y])", "cost"),
    "of the sum": (" / len(y)", "", "W"),
    "of the sign": ("b - rate", "b + rate", "b"),
    "of half the rows": ("range(0, len(x), size)", "range(0, len(x), 2 * size)", "cost"),
    "of one row for all": ("x[i : i + size], y[i : i + size]", "x[:size], y[:size]", "cost"),
    "of the shape": ("numpy.zeros(10)", "numpy.zeros((1, 10))", "shape"),
    "of the models": ("models.append((W, b))", "models = [(W, b)]", "2 epochs"),
    "of nan": ("for i in range", "W = W * numpy.nan\n        for i in range", "cost"),
}


def learnt(code):
    names = {"numpy": numpy, "softmax": lambda z: probabilities(z, numpy.eye(10), 0)}
    names.update(x_train=None, y_train=None)
    exec(code, names)
    return difference(names["learn_by_hand"])


def test_the_texts_own_training_is_right():
    assert SHOWN.count("def ") == 2 and learnt(SHOWN) == ""


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named(mistake):
    right, wrong, name = MISTAKES[mistake]
    assert SHOWN.count(right) == 1
    assert name in learnt(SHOWN.replace(right, wrong))
