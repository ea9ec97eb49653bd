"""Pages as commands write them; what a browser makes of one is tested in test_page.py."""

import json
import re
from pathlib import Path

import numpy
import pytest
from builders import csv_text, probabilities, write

from logreg import Predictor

pytest.importorskip("matplotlib")
FIGURE = "<figure><dl>(.*?)</dl><figcaption>(.*?)</figcaption>"  # of the row or class of a table


def test_a_page_of_a_table_shows_what_was_hard_and_why(cli):
    random, header = numpy.random.RandomState(0), [*"abcdefghijkl", "health", "label"]
    y = random.randint(60, size=1200)
    x = random.randn(60, 12)[y] * numpy.linspace(5, 0.1, 60)[y, None] + random.randn(1200, 12)
    rows = zip(*x.round(4).T, random.choice(["good", "poor"], 1200), y + 7)
    write("t.csv", csv_text(numpy.array([*rows], object), header).encode())
    cli("train", "--dataset", "t.csv", "--n-epochs", 20)
    cli("report.__main__", "./best_model.pkl")
    page, lines = (Path(name).read_text("utf-8") for name in ("best_model.html", "t.csv"))
    found = re.findall(FIGURE, page)
    # Of the classes, those of most errors.
    predictor = Predictor("best_model.pkl")
    W, facts, labels = predictor.W, predictor.facts, [*map(str, predictor.labels)]
    told = json.loads(cli("predict", "--evaluate", "--format", "json").out)["classes"]
    errors, drawn = {str(c["label"]): c["errors"] for c in told}, {name for _, name in found[:30]}
    assert "30 of 60 classes, those of most errors" in page
    assert all(errors[label] <= min(map(errors.get, drawn)) for label in {*errors} - drawn)
    # Of the wrong rows, the columns that said most; and where they are in the file.
    assert [cells.count("<dt>") for cells, _ in found] == [12] * 30 + [8] * 24
    # Data of fewer classes have other numbers for them.
    fewer = re.sub(r"(?m)^.*,(7|10)\n", "", lines)
    write("fewer.csv", fewer.encode())
    named = "--model", "best_model.pkl"
    assert (
        cli("report.__main__", *named, "--dataset", "fewer.csv", "--output", "fewer.html").code == 0
    )
    cli("report.__main__", "best_model.pkl", *named, code=2)
    others = Path("fewer.html").read_text("utf-8")
    assert "<small>fewer.csv: " in others
    wrong = [(lines, *each) for each in found[30:]]
    wrong += [(fewer, *each) for each in re.findall(FIGURE, others)[30:]]
    for lines, cells, caption in wrong:
        n = re.search(r", row (\d+)$", caption)[1]
        row = lines.splitlines()[int(n) - 1].split(",")
        ready = numpy.array([*map(float, row[:12]), row[12] == "good", row[12] == "poor"])
        ready = (ready - facts.feature_means) / facts.feature_scales
        p = probabilities(ready[None], W, predictor.b)[0]
        first, second = numpy.argsort(-p)[:2]
        said = "".join(f"<b>{labels[k]}</b> {100 * p[k]:.1f} %<br>" for k in (first, second))
        assert caption == f"{said}is in fact <b>{row[13]}</b>, row {n}" and labels[first] != row[13]
        *shares, good, poor = ready * (W[:, first] - W.mean(axis=1))
        shares = numpy.array([*shares, good + poor])
        row = [*(f"{float(cell):g}" for cell in row[:12]), row[12]]
        order = numpy.argsort(-abs(shares))[:8]
        expected = [(header[i], row[i], f"{shares[i]:+.2f}".replace("-", "−")) for i in order]
        assert expected == re.findall(r"<dt>(\w+) <b>(\S+)</b></dt>.*?<b>(\S+)</b></dd>", cells)
