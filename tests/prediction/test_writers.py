"""What is answered to rows; how that is written, the examples of the writers tell."""

import numpy
from builders import GivenModel

from logreg.prediction.inputs import Batch
from logreg.prediction.writers import answers


def test_of_equally_probable_classes_the_predicted_one_comes_first():
    p = numpy.array([[0.1, 0.7, 0.2], [0.25, 0.25, 0.5], [1 / 3, 1 / 3, 1 / 3]], "float32")
    model = GivenModel([*"abc"], 1, lambda p: (numpy.array([1, 2, 1]), p))
    batches = [Batch("one.png", p[:1], is_single=True), Batch("x.csv", p, range(5, 8))]
    found = [*answers(model, batches, top=9, min_proba=0.5)]  # as probable is enough
    told = [(each.name, each.row, each.is_single, each.label, *dict(each.top)) for each in found]
    assert told == [
        ("one.png", 0, True, "b", *"bca"),
        *[("x.csv", 5, False, "b", *"bca"), ("x.csv", 6, False, "c", *"cab")],
        ("x.csv", 7, False, None, *"bac"),
    ]
