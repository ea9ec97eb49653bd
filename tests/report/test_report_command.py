"""Pages as commands write them; what a browser makes of one is tested in tests/report/."""

import os
import re
from pathlib import Path

import pytest
from builders import save_digits_model

from logreg import load_model, report, train

pytest.importorskip("matplotlib")
OPTIONS = ["--dataset", "mnist_sample", "--batch-size", "100"]


def test_training_writes_a_page_and_keeps_the_curve(working_folder, capfd):
    assert train.main([*OPTIONS, "--n-epochs", "3", "--report", "p.html", "--quiet"]) == 0
    out, err = capfd.readouterr()
    assert err == ""
    curve = load_model("best_model.pkl").metadata["curve"]
    told = [f"{100 * error:f}" for _, _, error, _ in curve]
    assert told == re.findall(r"validation error (\S+) %", out) and len(told) == 3
    assert sorted(os.listdir(".")) == ["best_model.pkl", "p.html"]
    page = Path("p.html").read_text(encoding="utf-8")
    assert "all epochs had been run" in page and "over all rows" in page
    assert "in 3 validations" in page and len(page) < 2_000_000

    # The command finds the data set and writes the same page.
    assert report.main(["--output", "q.html"]) == 0
    assert Path("q.html").read_text(encoding="utf-8") == page


def test_what_a_user_can_mend(working_folder, capsys):
    save_digits_model(dataset="lost.npz")
    assert report.main([]) == 0
    assert "note: the page is without the errors on a test set" in capsys.readouterr().err
    for options, message in (
        (["--dataset", "lost.npz"], "data set 'lost.npz' not found"),
        (["--output", "best_model.pkl"], "best_model.pkl would overwrite what is read"),
        (["nothing.pkl"], "nothing.pkl cannot be loaded"),
        (["--output", "nowhere/p.html"], "nowhere/p.html cannot be written"),
    ):
        assert report.main(options) == 1
        assert f"error: {message}" in capsys.readouterr().err
    for options in (["--report", "best_model.pkl"], ["--report", "a/p.html"]):
        assert train.main([*OPTIONS, *options]) == 1
