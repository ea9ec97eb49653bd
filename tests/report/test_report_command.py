"""Pages as commands write them; what a browser makes of one is tested in tests/report/."""

import json
import re
from pathlib import Path

import numpy
import pytest
from builders import csv_text, make_pairs, save_digits_model, save_folder, write

from logreg import Predictor
from logreg.prediction.evaluation import tables

pytest.importorskip("matplotlib")
FIGURE = "<figure><dl>(.*?)</dl><figcaption>(.*?)</figcaption>"  # of the row or class of a table


@pytest.mark.parametrize("rate, is_last", [("0.01", True), ("1 --momentum 0.9", False)])
def test_a_page_tells_what_the_model_file_and_an_evaluation_do(rate, is_last, cli):
    x, y = make_pairs((120,))[0]
    y[::4] = 0
    write("t.csv", csv_text(numpy.c_[x, y], [*"abcd", "class"]).encode())
    options = ["--n-epochs", 9, "--batch-size", 8, "--learning-rate", *rate.split()]
    done = cli("train", "--dataset", "t.csv", *options)
    assert cli("report").code == 0
    page = Path("best_model.html").read_text(encoding="utf-8")
    facts = Predictor("best_model.pkl").facts
    told = json.loads(cli("predict", "--evaluate", "--format", "json").out)
    terms = dict(re.findall("<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    last = ", the last one that was validated" * is_last
    anew = f"{last}, then trained anew on {facts.n_refit_rows} rows"
    assert terms["Why it stopped"] == "all epochs had been run"
    assert terms["Best model"] == f"of epoch {facts.epoch}{anew}"
    wrong, rows = map(int, re.search(r"validation error: (\d+) of (\d+) rows", done.out).groups())
    assert terms["Validation error"] == f"{100 * wrong / rows:.2f} %"  # of all rows
    figures = re.findall("<strong>(.*?)</strong> (.*?)<small>", page)  # one: it goes by the loss
    assert figures == [(f"{told['error_percent']:.2f} %", "test error over all rows")]
    losses = [row[4] for row in facts.curve]
    said = f"The validation loss begins at {losses[0]:.4f}; its best is {min(losses):.4f}, at epoch"
    assert f"{said} {facts.epoch}, in 9 validations." in page
    classes, _, bands = (rows for _, _, rows in tables(told))
    for first, *cells in [*classes, *bands]:
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        assert f'<th scope="row">{first}</th>{row}</tr>' in page
    assert "; those that training held out<" in page
    folder = save_folder(make_pairs())
    found = cli("report", "--dataset", folder, "--output", f"{folder}/x_test.npy")
    assert (found.code, Path(folder, "x_test.npy").read_bytes()[:6]) == (1, b"\x93NUMPY")


def test_a_form_begins_with_the_means_of_scaled_features(cli):
    pixels = numpy.random.RandomState(0).randint(256, size=(90, 3))
    write("t.csv", csv_text(numpy.c_[pixels, pixels[:, 0] > 127], [*"abc", "class"]).encode())
    options = ["--pixel-scale", 255, "--standardize", "--no-shuffle", "--n-epochs", 1]
    assert cli("train", "--dataset", "t.csv", *options).code == cli("report").code == 0
    page, n = Path("best_model.html").read_text("utf-8"), Predictor("best_model.pkl").facts.rows[0]
    live = json.loads(re.search('id="model">(.*?)</script>', page)[1])
    numpy.testing.assert_allclose(live["means"], pixels[:n].mean(axis=0))


def test_a_page_of_a_table_shows_what_was_hard_and_why(cli):
    random, header = numpy.random.RandomState(0), [*"abcde", "health", "label"]
    y = random.randint(40, size=1200)
    x = random.randn(40, 5)[y] * numpy.linspace(9, 0.1, 40)[y, None] + random.randn(1200, 5)
    rows = zip(*x.round(2).T, random.choice(["good", "poor"], 1200), y)
    write("t.csv", csv_text(numpy.array([*rows], object), header).encode())
    cli("train", "--dataset", "t.csv", "--n-epochs", 20)
    assert cli("report", "./best_model.pkl").code == 0
    page, lines = (Path(name).read_text("utf-8") for name in ("best_model.html", "t.csv"))
    found = re.findall(FIGURE, page)
    # Of the classes, those of most errors.
    told = json.loads(cli("predict", "--evaluate", "--format", "json").out)["classes"]
    errors, drawn = {str(c["label"]): c["errors"] for c in told}, {name for _, name in found[:30]}
    assert "30 of 40 classes, those of most errors" in page and len(drawn) == 30
    assert all(errors[label] <= min(map(errors.get, drawn)) for label in {*errors} - drawn)
    # Of the wrong rows, all columns, that which said most first; and where they are in the file.
    predictor = Predictor("best_model.pkl")
    W, facts, labels = predictor.W, predictor.facts, [*map(str, predictor.labels)]
    assert len(found) == 30 + 24
    # Data of fewer classes have other numbers for them.
    fewer = re.sub(r"(?m)^.*,[03]\n", "", lines)
    write("fewer.csv", fewer.encode())
    assert cli("report", "--dataset", "fewer.csv", "--output", "fewer.html").code == 0
    others = re.findall(FIGURE, Path("fewer.html").read_text("utf-8"))
    wrong = [(lines, *each) for each in found[30:]] + [(fewer, *each) for each in others[30:]]
    for lines, cells, caption in wrong:
        guess, truth = re.findall("<b>(.*?)</b>", caption)[::2]
        row = lines.splitlines()[int(re.search(r", row (\d+)$", caption)[1]) - 1].split(",")
        assert row[-1] == truth != guess
        ready = numpy.array([*map(float, row[:5]), row[5] == "good", row[5] == "poor"])
        ready = (ready - facts.feature_means) / facts.feature_scales
        *shares, good, poor = ready * (W[:, labels.index(guess)] - W.mean(axis=1))
        shares = numpy.array([*shares, good + poor])
        order = numpy.argsort(-abs(shares))
        row = [*(f"{float(cell):g}" for cell in row[:5]), row[5]]
        expected = [(header[i], row[i], f"{shares[i]:+.2f}".replace("-", "−")) for i in order]
        assert expected == re.findall(r"<dt>(\w+) <b>(\S+)</b></dt>.*?<b>(\S+)</b></dd>", cells)


def test_a_page_has_its_own_style_whatever_matplotlibrc_says(run, working_folder):
    save_digits_model(dataset="mnist_sample")
    for name, style in ("a.html", ""), ("b.html", "image.origin: lower\nlines.linewidth: 9\n"):
        write("matplotlibrc", style.encode())
        assert run("-m", "logreg.report", "--output", name).returncode == 0
    assert Path("a.html").read_bytes() == Path("b.html").read_bytes()


def test_other_data_have_their_own_figures_and_a_new_class_leaves_none(cli):
    for name, seed in ("t.csv", 0), ("other.csv", 1):
        (x, y), *_ = make_pairs((250, 5, 5), seed=seed)
        write(name, csv_text(numpy.c_[x, y], [*"abcd", "class"]).encode())
    options = ["--criterion", "error", "--batch-size", 30, "--patience", 5]
    assert cli("train", "--dataset", "t.csv", *options).code == 0
    assert cli("report", "--dataset", "other.csv").code == 0
    page = Path("best_model.html").read_text("utf-8")
    whole = json.loads(cli("predict", "--evaluate", "other.csv", "--format", "json").out)
    whole, figures = whole["whole_minibatches"], re.findall("<strong>(.*?)</strong>", page)
    assert whole["rows"] == 240 and figures[1] == f"{whole['error_percent']:.2f} %"
    curve = Predictor("best_model.pkl").metadata["curve"]
    assert f"patience runs to epoch {curve[-1][0] // 5 + 1}." in page  # where the run ended
    write("t.csv", Path("t.csv").read_bytes() + b"1,2,3,4,new\n")
    done = cli("report")
    assert done.code == 0 and "without the errors on a test set" in done.err
    assert len(re.findall("<strong>", Path("best_model.html").read_text("utf-8"))) == 2
