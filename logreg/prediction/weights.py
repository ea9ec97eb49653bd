"""The weights of a model as odds: what one unit more of a feature does to the odds of a class."""

import numpy

from logreg.basics.errors import SettingError, printable
from logreg.prediction.writers import align

N_LARGEST = 50  # weights in the text


def compare_weights(predictor):
    """List what each feature does to the odds of each class, the largest effect first.

    The result is the dict that is written as JSON. Its `against` is the class that the others are
    compared with: that of most training rows, or the first one if these numbers are not known.
    Each of its `weights` is a dict:

    - `class` and `feature`.
    - `standardized`: the weight for the class, less that for the class `against`. It is None if the
      model standardizes nothing.
    - `per_unit`: the same for one unit of the feature in the user's data.
    - `odds_factor`: exp(`per_unit`). If all else stays equal, one unit more multiplies the odds of
      the class against that one by it. It is None if no float is so large.

    A SettingError says that there is no second class.
    """
    facts = predictor.facts
    labels = predictor.labels
    if len(labels) == 1:
        raise SettingError(f"the model knows one class only, {labels[0]}: it has no odds")
    names = facts.feature_titles
    base = 0
    if facts.class_counts:
        base = int(numpy.argmax(facts.class_counts))
    W = predictor.W.astype("float64")
    W = W - W[:, [base]]
    scales = numpy.reshape(facts.feature_scales or 1, (-1, 1))
    per_unit = W * facts.preprocessing.factor / scales
    with numpy.errstate(over="ignore"):
        factors = numpy.exp(per_unit)
    weights = []
    for place in sorted(numpy.ndindex(W.shape), key=lambda place: -abs(W[place])):
        j, k = place
        if k != base:
            entry = {
                "class": labels[k],
                "feature": names[j],
                "standardized": W[place] if facts.feature_scales else None,
                "per_unit": per_unit[place],
                "odds_factor": factors[place] if numpy.isfinite(factors[place]) else None,
            }
            weights.append(entry)
    return {"against": labels[base], "weights": weights}


def describe_weights(comparison):
    """The result of :func:`compare_weights` as text for people to read.

    Examples
    --------
    >>> mass = {"class": "left", "feature": "mass", "standardized": None, "per_unit": -0.5}
    >>> size = {"class": "left", "feature": "size", "standardized": 0.1, "per_unit": 999.5}
    >>> found = [{**mass, "odds_factor": 0.60653066}, {**size, "odds_factor": None}]
    >>> print(describe_weights({"against": "right", "weights": found}))
    Weights of each class against right: 2 of 2, the largest first
    class  feature  standardized  per unit  odds times
     left     mass             -      -0.5    0.606531
     left     size           0.1     999.5         inf
    <BLANKLINE>
    If mass is one larger, and all else stays equal, the odds of left against right
    become 0.606531 times as large. The other lines read likewise.
    <BLANKLINE>
    """
    against = printable(comparison["against"])
    weights = comparison["weights"]
    heading = ["class", "feature", "standardized", "per unit", "odds times"]
    rows = [_cells(weight) for weight in weights[:N_LARGEST]]
    label, name, _, _, factor = map(printable, rows[0])
    shown = f"{len(rows)} of {len(weights)}, the largest first"
    return f"""Weights of each class against {against}: {shown}
{align([heading, *rows])}
If {name} is one larger, and all else stays equal, the odds of {label} against {against}
become {factor} times as large. The other lines read likewise.
"""


def _cells(weight):
    standardized = weight["standardized"]
    factor = weight["odds_factor"]
    return [
        weight["class"],
        weight["feature"],
        "-" if standardized is None else f"{standardized:.4g}",
        f"{weight['per_unit']:.4g}",
        "inf" if factor is None else f"{factor:.6g}",
    ]
