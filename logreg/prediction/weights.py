"""The weights of a model in words: what one unit more of a feature does to the odds of a class."""

import numpy

from logreg.errors import SettingError
from logreg.prediction.writers import aligned, shown

N_LARGEST = 50  # weights in the text


def weights_of(predictor):
    """List what each feature does to the odds of each class against one, the largest effect first.

    The result is the dict that is written as JSON. `against` is the class of most training rows, or
    the first one if their numbers are not known. Each of `weights` has the `class` and the
    `feature`; the weight for that class less the one for the other: `standardized`, None if the
    model standardizes nothing, and `per_unit`, for the feature as the user's data have it; and
    `odds_factor`, exp of the latter, by which one unit more multiplies the odds of the class
    against the other if all else stays equal, None if no float is so large. A SettingError says
    that there is no second class.
    """
    facts, labels, found = predictor.facts, predictor.labels, []
    if len(labels) == 1:
        raise SettingError(f"the model knows one class only, {labels[0]}: it has no odds")
    names = facts.names
    base = int(numpy.argmax(facts.class_counts or [1]))
    W = predictor.W.astype("float64")
    W -= W[:, [base]].copy()
    scales = numpy.reshape(facts.feature_scales or 1, (-1, 1))
    per_unit = W * facts.preprocessing.pixel_scale / scales
    with numpy.errstate(over="ignore"):
        factors = numpy.exp(per_unit)
    order = numpy.argsort(-abs(W), axis=None, kind="stable")
    for j, k in zip(*numpy.unravel_index(order, W.shape)):
        if k != base:
            entry = {"class": labels[k], "feature": names[j]}
            entry["standardized"] = W[j, k] if facts.feature_scales else None
            entry["per_unit"] = per_unit[j, k]
            entry["odds_factor"] = factors[j, k] if numpy.isfinite(factors[j, k]) else None
            found.append(entry)
    return {"against": labels[base], "weights": found}


def in_words(weights):
    """What :func:`weights_of` gave, for people to read.

    Examples
    --------
    >>> mass = {"class": "left", "feature": "mass", "standardized": None, "per_unit": -0.5}
    >>> size = {"class": "left", "feature": "size", "standardized": -0.1, "per_unit": 999.5}
    >>> found = [{**mass, "odds_factor": 0.606531}, {**size, "odds_factor": None}]
    >>> print(in_words({"against": "right", "weights": found}))
    Weights of each class against right: 2 of 2, the largest first
    class  feature  standardized  per unit  odds times
     left     mass             -      -0.5      0.6065
     left     size          -0.1     999.5         inf
    <BLANKLINE>
    One more in mass, all else being equal, makes the odds of left against right
    0.6065 times what they were; and so with the other lines.
    <BLANKLINE>
    """
    against, all_of = shown(weights["against"]), weights["weights"]
    table = [["class", "feature", "standardized", "per unit", "odds times"]]
    for label, name, *numbers, factor in map(dict.values, all_of[:N_LARGEST]):
        digits = 4 if factor is None or abs(factor - 1) > 0.001 else 8  # 1.00002 times is not 1
        texts = ["-" if n is None else f"{n:.4g}" for n in numbers]
        table.append([label, name, *texts, "inf" if factor is None else f"{factor:.{digits}g}"])
    label, name, *_, factor = map(shown, table[1])
    n = f"{len(table) - 1} of {len(all_of)}"
    return f"""Weights of each class against {against}: {n}, the largest first
{aligned(table)}
One more in {name}, all else being equal, makes the odds of {label} against {against}
{factor} times what they were; and so with the other lines.
"""
