"""Odds, against those of the probabilities that the model gives."""

import json

import numpy
import pandas
import pytest
from builders import save

from logreg.errors import SettingError
from logreg.prediction.predictor import Predictor
from logreg.prediction.weights import compare_weights, describe_weights


def test_a_unit_of_pixels_is_a_grey_level_and_odds_may_be_too_large_for_a_number():
    save("p.pkl", numpy.array([[0, 1], [0, 1e5]]), numpy.zeros(2), "float64", pixel_scale=0.25)
    predictor = Predictor("p.pkl")
    largest, other = compare_weights(predictor)["weights"]
    kept = {"standardized": None, "per_unit": 1e5 / 4, "odds_factor": None}
    assert largest == {"class": 1, "feature": "column 2", **kept}
    p = predictor.predict_proba(numpy.array([[3, 0], [4, 0]], "uint8"))
    odds = p[:, 1] / p[:, 0]
    assert other["odds_factor"] == pytest.approx(odds[1] / odds[0], rel=1e-5)
    told = {"class_labels": ["\x1b", "\a"], "feature_names": ["\0", *map(str, range(59))]}
    save("p.pkl", numpy.array([[0, 2e-5]] * 60), numpy.zeros(2), **told)  # as of an income
    lines = describe_weights(compare_weights(Predictor("p.pkl"))).split("\n")[:-1]
    assert all(map(str.isprintable, lines))
    assert lines[0].endswith(": 50 of 60, the largest first") and len(lines) == 2 + 50 + 3
    assert lines[-1].startswith("become 1.00002 times as large")
    with pytest.raises(SettingError, match="model knows one class only, 0: it has no odds"):
        compare_weights(Predictor(save("one.pkl", numpy.ones((2, 1)), numpy.zeros(1))))


def test_one_unit_more_multiplies_the_odds_as_the_weights_say(cli):
    random = numpy.random.RandomState(0)
    frame = pandas.DataFrame(random.randint([30, 0], [60, 9], (300, 2)), columns=["mass", "bill"])
    frame["kind"] = numpy.where(frame.mass > 50, "c", numpy.where(frame.bill > 2, "b", "a"))
    frame.to_csv("t.csv", index=False)
    assert cli("train", "t.csv", "--n-epochs", 20, "--pixel-scale", 255, "--standardize").code == 0
    told = json.loads(cli("predict", "--weights", "--format", "json").out)
    predictor = Predictor("best_model.pkl")
    labels, counts = predictor.labels, predictor.metadata["class_counts"]
    base = counts.index(max(counts))
    assert told["against"] == labels[base]
    row = {"bill": 5, "mass": 45}  # numbers alone, which are taken by their names
    for entry in told["weights"]:
        name = entry["feature"]
        p = predictor.predict_proba([row, {**row, name: row[name] + 1}])
        odds = p[:, labels.index(entry["class"])] / p[:, base]
        assert odds[1] / odds[0] == pytest.approx(entry["odds_factor"], rel=1e-3)
        deviation = 255 * predictor.metadata["feature_scales"][name == "bill"]
        assert entry["standardized"] == pytest.approx(entry["per_unit"] * deviation)
    sizes = [abs(entry["standardized"]) for entry in told["weights"]]
    assert sizes == sorted(sizes, reverse=True)
    assert cli("predict", "--weights").out == describe_weights(told)
