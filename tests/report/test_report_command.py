"""Pages as commands write them; what a browser makes of one is tested in tests/report/."""

import re
from pathlib import Path

import pytest
from builders import save_digits_model

from logreg import load_model

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
