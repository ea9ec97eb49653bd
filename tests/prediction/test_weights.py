"""Odds, against those of the probabilities that the model gives."""

import numpy
import pytest
from builders import save

from logreg.basics.errors import SettingError
from logreg.prediction.predictor import Predictor
from logreg.prediction.weights import compare_weights, describe_weights


def test_odds_may_be_too_large_for_a_number_and_names_hold_anything():
    W = numpy.full((60, 2), [0, 2e-5])  # as of an income
    W[0, 1] = 1e5
    save("p.pkl", W, class_labels=["\x1b", "\a"])
    found = compare_weights(Predictor("p.pkl"))
    assert [entry["odds_factor"] for entry in found["weights"][:2]] == [
        None,
        pytest.approx(1.00002),
    ]
    lines = describe_weights(found).split("\n")[:-1]
    assert all(map(str.isprintable, lines)) and lines[3].endswith(" 1.00002")
    assert lines[0].endswith(": 50 of 60, the largest first") and len(lines) == 2 + 50 + 3
    with pytest.raises(SettingError, match="model knows one class only, 0: it has no odds"):
        compare_weights(Predictor(save("one.pkl", numpy.ones((2, 1)))))


@pytest.mark.parametrize("divisor", [1, 255])
@pytest.mark.parametrize("scales", [None, [10.0, 2.0]])
def test_one_unit_more_multiplies_the_odds_as_the_weights_say(divisor, scales, random, cli):
    W = random.randn(2, 3)
    told = {
        "class_labels": [*"abc"],
        "class_counts": [5, 7, 6],
        "feature_names": ["mass", "bill"],
        "feature_means": scales and [0.0, 0.0],
        "feature_scales": scales,
        "pixel_scale": divisor,
        "has_given_scale": True,
    }
    predictor = Predictor(save("best_model.pkl", W, dtype="float64", **told))
    found = cli("predict --weights --format json").json
    assert found["against"] == "b"  # the most frequent class
    row = {"bill": 5, "mass": 45}
    for entry in found["weights"]:
        name, per_unit = entry["feature"], entry["per_unit"]
        p = predictor.predict_proba([row, {**row, name: row[name] + 1}])
        before, after = p[:, "abc".index(entry["class"])] / p[:, 1]
        assert after / before == pytest.approx(entry["odds_factor"])
        assert numpy.exp(per_unit) == pytest.approx(entry["odds_factor"])
        if scales:
            deviation = {"mass": 10, "bill": 2}[name] * divisor
            assert entry["standardized"] == pytest.approx(per_unit * deviation)
    sizes = [abs(entry["standardized"] or entry["per_unit"]) for entry in found["weights"]]
    assert len(sizes) == 4 and sizes == sorted(sizes, reverse=True)
    assert cli("predict --weights").out == describe_weights(found)
