"""Pages as commands write them; what a browser makes of one is tested in tests/report/."""

import json
import re
from pathlib import Path

import numpy
import pytest
from builders import csv_text, make_pairs, save_digits_model, write

from logreg import Predictor, load_model

pytest.importorskip("matplotlib")


def test_a_page_tells_of_the_run(cli):
    done = cli("train", "--dataset", "mnist_sample", "--batch-size", 100, "--n-epochs", 3)
    assert cli("report") == (0, "", "the page is best_model.html\n")
    curve = [
        f"{100 * error:f}" for _, _, error, _ in load_model("best_model.pkl").metadata["curve"]
    ]
    assert curve == re.findall(r"validation error (\S+) %", done.out) and len(curve) == 3
    page = Path("best_model.html").read_text(encoding="utf-8")
    assert "all epochs had been run" in page and "over all rows" in page
    assert "in 3 validations" in page and len(page) < 2_000_000


def test_a_page_without_a_test_set(cli):
    save_digits_model(dataset="lost.npz")
    assert "note: the page is without the errors on a test set" in cli("report").err


@pytest.mark.parametrize("rate, is_last", [("0.01", True), ("1 --momentum 0.9", False)])
def test_a_page_tells_what_the_model_file_and_an_evaluation_do(rate, is_last, cli):
    x, y = make_pairs((120,))[0]
    y[::4] = 0
    write("t.csv", csv_text(numpy.c_[x, y], [*"abcd", "class"]).encode())
    cli("train", "--dataset", "t.csv", "--n-epochs", 9, "--learning-rate", *rate.split())
    assert cli("report").code == 0
    page = Path("best_model.html").read_text(encoding="utf-8")
    facts = Predictor("best_model.pkl").facts
    told = json.loads(cli("predict", "--evaluate", "--format", "json").out)
    terms = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    last = ", the last one that was validated" * is_last
    anew = f"{last}, then trained anew on {facts.n_refit_rows} rows"
    assert terms["Best model"] == f"of epoch {facts.epoch}{anew}"
    figures = re.findall("<strong>(.*?)</strong> (.*?)<small>", page)  # one: it goes by the loss
    assert figures == [(f"{told['error_percent']:.2f} %", "test error over all rows")]
    losses = [row[4] for row in facts.curve]
    said = f"The validation loss begins at {losses[0]:.4f}; its best is {min(losses):.4f}, at epoch"
    assert f"{said} {facts.epoch}, in 9 validations." in page
    for entry in told["classes"]:
        cells = f"<td>{entry['rows']}</td><td>{entry['errors']}</td>"
        assert f'<th scope="row">{entry["label"]}</th>{cells}' in page
