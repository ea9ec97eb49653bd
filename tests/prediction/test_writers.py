"""Predictions in each format, read again by the readers of the standard library."""

import csv
import io
import json

import numpy
from builders import GivenModel

from logreg.prediction.inputs import Batch
from logreg.prediction.writers import WRITERS, answers, shown

LABELS = ["a", "b", "c"]
P = numpy.array([[0.1, 0.7, 0.2], [0.25, 0.25, 0.5], [1 / 3, 1 / 3, 1 / 3]], numpy.float32)


def written(form, labels=LABELS, name="x.csv", **how):
    """What is written of a picture, which is the first of three rows, and of the three."""
    stream, model = io.StringIO(), GivenModel(labels, 1, lambda p: (numpy.array([1, 2, 1]), p))
    batches = [Batch("one.png", P[:1], is_single=True), Batch(name, P, range(5, 8))]
    WRITERS[form](stream, answers(model, batches, **how))
    return stream.getvalue()


def test_the_most_probable_ones_and_those_that_are_probable_enough():
    rows = list(csv.DictReader(io.StringIO(written("csv", top=9))))
    assert list(rows[0])[3:] == [f"top_{i}{end}" for i in (1, 2, 3) for end in ("", "_probability")]
    assert [row["top_1"] + row["top_2"] for row in rows] == ["bc", "bc", "ca", "ba"]
    text = written("json", min_proba=0.5)
    assert len(text.splitlines()) == 2 + 4  # a line for each, between the brackets
    found = [entry["prediction"] for entry in json.loads(text)]
    assert found == ["b", "b", "c", None]  # as probable is enough
    assert [written(form)[:12] for form in ("text", "csv")] == ["one.png: b\nx", "input,row,pr"]


def test_labels_and_names_of_every_kind():
    told = {"labels": ["new\nline", "Füße", '"q",'], "name": "odd\nname.csv"}
    assert written("text", **told).splitlines()[1] == "odd\\nname.csv[5]: Füße"
    rows = list(csv.reader(io.StringIO(written("csv", **told))))
    assert rows[3] == ["odd\nname.csv", "6", '"q",']
    blanks = written("csv", ["New\xa0York", "b", "c"], "a\u3000\udcff.csv", proba=True)
    assert "probability_New\xa0York" in blanks and "a\u3000\\udcff.csv,7,b" in blanks
    assert json.loads(written("json", **told))[2]["prediction"] == '"q",'
    assert json.loads(written("json", labels=[7, 8, 9]))[0]["prediction"] == 8
    for form in ("text", "csv", "json"):  # what a terminal would obey
        assert "\x1b" not in written(form, proba=True, labels=["\x1b[2J", "b\x1b", "c"])
    assert shown("bell\a") == "bell\\x07" and shown("Füße") == "Füße"
