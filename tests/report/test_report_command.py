"""Pages as commands write them; what a browser makes of one is tested in test_page.py."""

import re
from pathlib import Path

import numpy
import pytest
from builders import probabilities, table_bytes, write

from logreg import Predictor
from logreg.prediction.held_out import read_test_set

pytest.importorskip("matplotlib")
pandas = pytest.importorskip("pandas")
FIGURE = "<figure><dl>(.*?)</dl><figcaption>(.*?)</figcaption>"  # of the row or class of a table


def test_a_page_of_a_table_shows_what_was_hard_and_why(cli):
    random = numpy.random.RandomState(0)
    y = random.randint(60, size=1200)
    x = random.randn(60, 12)[y] * numpy.linspace(5, 0.1, 60)[y, None] + random.randn(1200, 12)
    table = pandas.DataFrame(x.round(4), columns=[*"abcdefghijkl"])
    table = table.assign(health=random.choice(["good", "poor"], 1200), label=y + 7)
    table.to_csv("t.csv", index=False)
    cli("train", "--dataset", "t.csv", "--n-epochs", 20, "--folds", 0)
    cli("report.__main__", "./best_model.pkl")
    page = Path("best_model.html").read_text("utf-8")
    found = re.findall(FIGURE, page)
    # Of the classes, those of most errors.
    told = cli("predict --evaluate --format json").json["classes"]
    errors = {str(each["label"]): each["errors"] for each in told}
    drawn = {name for _, name in found[:30]}
    assert "30 of 60 classes, those of most errors" in page
    assert all(errors[label] <= min(map(errors.get, drawn)) for label in {*errors} - drawn)
    # Of the wrong rows, the columns that said most; and where they are in the file.
    assert [cells.count("<dt>") for cells, _ in found] == [12] * 30 + [8] * 24
    # Data of fewer classes have other numbers for them.
    fewer = table[~table["label"].isin([7, 10])]
    fewer.to_csv("fewer.csv", index=False)
    cli("report.__main__ --model best_model.pkl --dataset fewer.csv --output fewer.html")
    others = Path("fewer.html").read_text("utf-8")
    assert "<small>fewer.csv: " in others
    predictor = Predictor("best_model.pkl")
    facts, labels = predictor.facts, predictor.labels
    is_good = table["health"] == "good"
    x = numpy.column_stack([table[[*"abcdefghijkl"]], is_good, ~is_good])
    x = (x - facts.feature_means) / facts.feature_scales
    p = probabilities(x, predictor.W, predictor.b)
    centred = predictor.W - predictor.W.mean(axis=1, keepdims=True)
    for cells, caption in re.findall(FIGURE, others)[30:]:
        n = re.search(r", row (\d+)$", caption)[1]
        row = fewer.iloc[int(n) - 2]  # the header is row 1
        of_row = p[row.name]
        first, second = numpy.argsort(-of_row)[:2]
        said = "".join(f"<b>{labels[k]}</b> {100 * of_row[k]:.1f} %<br>" for k in (first, second))
        assert caption == f"{said}is in fact <b>{row['label']}</b>, row {n}"
        assert labels[first] != row["label"]
        shares = numpy.add.reduceat(x[row.name] * centred[:, first], range(13))  # two of health
        expected = [
            (table.columns[i], str(row.iloc[i]), f"{shares[i]:+.2f}".replace("-", "−"))
            for i in numpy.argsort(-abs(shares))[:8]
        ]
        assert expected == re.findall(r"<dt>(\w+) <b>(\S+)</b></dt>.*?<b>(\S+)</b></dd>", cells)


def test_the_figures_at_the_top_are_those_of_the_evaluation(cli):
    """Of two classes, and of rows that have weights; and the wrong rows, as folds tested them."""
    write("t.csv", table_bytes(60))
    cli("train t.csv --label-column kind --weight-column b --n-epochs 2")
    found = cli("predict --evaluate --format json").json
    cli("report.__main__")
    page = Path("best_model.html").read_text("utf-8")
    error = f"{found['error_percent']:.2f} %"
    name = "test error by the weights of the rows"
    assert [
        f"<strong>{error}</strong> {name}<small>t.csv: {error} by the weights of 60 rows; all r",
        f"<strong>{found['auc']:.4f}</strong> AUC",
    ] == re.findall("(<strong>.*?(?:; all r|AUC))", page)
    data = read_test_set(Predictor("best_model.pkl").facts)
    p = data.tested_probabilities
    of_answer = p.max(axis=1)[p.argmax(axis=1) != data.test[1]]
    expected = [f"{100 * share:.1f}" for share in sorted(of_answer, reverse=True)[:24]]
    assert re.findall(r"<figcaption><b>\w+</b> (\S+) %", page) == expected
