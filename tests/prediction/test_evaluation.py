"""Evaluation of a model on a test set, against counts by pandas and scikit-learn's scores."""

import json

import numpy
import pandas
import pytest
from builders import GivenModel, save
from conftest import peak_memory
from sklearn import metrics

from logreg import Predictor
from logreg.datasets.dataset import DataSet
from logreg.parts.facts import Facts
from logreg.prediction.evaluation import evaluate
from logreg.prediction.inputs import held_out_batches
from logreg.prediction.summary import describe_evaluation, tables
from logreg.prediction.writers import answers
from logreg.saving.facts import ModelFacts

LOSS = {"criterion": "loss"}


def rounded(found):
    """What stands in JSON, its fractions to nine digits."""
    return json.loads(json.dumps(found), parse_float=lambda text: float(f"{float(text):.9g}"))


def mean(values):
    return float(values.mean()) if len(values) else None


def errors(rows):
    """The numbers of some rows of an account."""
    percent = mean(100 * rows.wrong)
    return {"rows": len(rows), "errors": int(rows.wrong.sum()), "error_percent": percent}


def scores(entry):
    """The scores in an entry of scikit-learn's report."""
    return {"precision": entry["precision"], "recall": entry["recall"], "f1": entry["f1-score"]}


def account(y, p, numbers, settings, min_proba):
    """What an evaluation has, by pandas and scikit-learn."""
    labels = [*range(p.shape[1])]
    n = len(y)
    rows = pandas.DataFrame({"y": y, "k": p.argmax(axis=1), "number": numbers})
    rows = rows.assign(p=p.max(axis=1).astype("float64"), wrong=rows.y != rows.k)
    wrong = rows[rows.wrong].sort_values("p", ascending=False, kind="stable")
    report = metrics.classification_report(y, rows.k, output_dict=True, zero_division=0)
    classes = [
        {"label": k, **errors(rows[rows.y == k]), **scores(report[str(k)])}
        for k in numpy.union1d(y, rows.k).tolist()
    ]
    of_pairs = wrong.groupby(["y", "k"]).size().sort_values(ascending=False, kind="stable")
    edges = sorted({0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99, min_proba})
    bands = []
    for low, high in zip(edges, [*edges[1:], 2]):
        here = rows[(rows.p >= low) & (rows.p < high)]
        band = {"min_proba": low, "forecast": mean(here.p), "happened": mean(~here.wrong)}
        bands.append({**band, "rows": len(here), "answered": errors(rows[rows.p >= low])})
    size = settings.get("batch_size", 600)
    whole = {"batch_size": size, **errors(rows[: n // size * size])}
    confusion = None
    if len(labels) <= 50:
        counts = metrics.confusion_matrix(y, rows.k, labels=labels).tolist()
        confusion = {"labels": labels, "counts": counts}
    of_labels = p[range(n), y].clip(numpy.finfo(p.dtype).eps).astype("float64")
    return {
        "dataset": "to\ty",
        "rows_are": "some",
        **errors(rows),
        "macro": scores(report["macro avg"]),
        "log_loss": -numpy.log(of_labels).mean(),
        "auc": None,
        "weight": None,
        "whole_minibatches": None if settings == LOSS else whole,
        "classes": classes,
        "confusion": confusion,
        "mistakes": [[i, j, count] for (i, j), count in of_pairs.items()],
        "calibration": bands,
        "wrong_rows": wrong.number.tolist(),
        "worst_rows": wrong.index[:24].tolist(),
    }


@pytest.mark.parametrize(
    "n_out, dtype, min_proba, settings",
    [
        (13, "float64", 0.75, {"batch_size": 130}),
        (50, "float32", 1.0, LOSS),
        (51, "float32", 0.04, {"batch_size": 300}),
        (10000, "float32", 0.0, {}),
    ],
)
def test_an_evaluation_is_what_others_count(n_out, dtype, min_proba, settings):
    """Ties, a class that is never predicted, one that never occurs, one in neither, and p = 0."""
    random = numpy.random.RandomState(n_out)
    y = random.randint(0, min(n_out, 60) - 9, size=1300)  # more than come at a time
    p = random.choice([1.0, 2, 3], (1300, n_out))
    p[:, 1] /= 2
    p[:, -2:] *= [3, 0]
    p = (p / p.sum(axis=1, keepdims=True)).astype(dtype)
    p[:9] = numpy.eye(n_out)[(y[:9] + 1) % n_out]
    numbers = random.permutation(5000)[:1300]
    # The data call the classes otherwise, in another order, and know one more.
    facts = Facts("to\ty", class_labels=[*map(str, reversed(range(n_out))), "unknown"])
    data = DataSet(facts, test=(p, n_out - 1 - y), rows_are="some", test_rows=numbers)
    model = GivenModel([*range(n_out)], n_out, lambda x: (x.argmax(axis=1), x))
    model.facts = ModelFacts(n_in=n_out, settings=settings)
    with peak_memory() as peak:
        found = evaluate(model, data, min_proba)
    assert peak() < 1e6 + 9 * 1000 * n_out
    expected = rounded(account(y, p, numbers, settings, min_proba))
    assert rounded(found) == expected

    (title, _, of_classes), of_pairs, _ = tables(found)
    if n_out > 50:
        worst = sorted(found["classes"], key=lambda each: -each["errors"])[:50]
        assert title.startswith(f"The {len(worst)} classes of most errors (predict --evaluate")
        assert [row[0] for row in of_classes[:-1]] == [each["label"] for each in worst]
        assert of_pairs[1:] == (("class", "taken for", "rows"), found["mistakes"][:50])
    lines = describe_evaluation(found).splitlines()
    assert lines[0] == r"Test set of to\ty: some"
    assert lines[2].startswith("log-loss ") == (n_out in (13, 50))  # nothing of minibatches


@pytest.mark.parametrize(
    "option, least",
    [  # and the least probability that gives a yes; 0.5 is reached exactly
        ("", 0.51),
        ("--threshold 0.3", 0.3),
        ("--threshold 0.5", 0.5),
    ],
)
def test_two_classes_have_an_auc_and_a_threshold(option, least, random, cli):
    x = random.randint(-4, 4, (90, 1)).astype("float32")  # whose probabilities have ties
    y = numpy.where(x[:, 0] + random.randn(90) > 1, "yes", "no")
    save("m.pkl", numpy.array([[0, 0.75]]), class_labels=["no", "yes"])
    numpy.savez("d.npz", x=x, y=y)
    numpy.save("x.npy", x)
    p = 1 / (1 + numpy.exp(-0.75 * x[:, 0]))
    answers = numpy.where(p >= least, "yes", "no")
    command = f"predict --model m.pkl --format json {option}"
    found = cli(command, "--evaluate", "d.npz").json
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(y, p))
    assert found["errors"] == (answers != y).sum()
    for sure in (0, 0.6):  # of the answer that is given, be it the less probable one
        found = cli(f"{command} --min-proba {sure} x.npy").json
        is_sure = numpy.where(answers == "yes", p, 1 - p) >= sure
        expected = [k if enough else None for k, enough in zip(answers, is_sure)]
        assert [row["prediction"] for row in found] == expected


def test_a_probability_reaches_what_is_written_of_it(random):
    """It is a float32, which may be less than the number that its digits are in float64."""
    save("m.pkl", numpy.array([[0, 1]]))
    predictor = Predictor("m.pkl")
    for x in random.rand(20, 1, 1):
        data = DataSet(Facts("d", class_labels=[0, 1]), test=(x, numpy.array([1])))
        ((_, p),) = predictor.predict_proba(x)
        least = float(str(p))
        (answer,) = answers(predictor, held_out_batches(data, predictor.facts), min_proba=least)
        assert answer.label == 1
        found = evaluate(predictor, data, least)
        (band,) = [band for band in found["calibration"] if band["min_proba"] == least]
        assert band["answered"]["rows"] == band["rows"] == 1
        assert Predictor("m.pkl", threshold=least).predict(x) == [1]
