"""The tutorial's page in a browser: NumPy, early stopping and the recorded log are its oracles."""

import dataclasses
import json
import math
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from urllib.request import urlopen

import numpy
import pytest
from builders import SAMPLE, probabilities, sample, save_digits_model
from PIL import Image

from logreg.callbacks.reference import read_reference
from logreg.datasets import read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.errors import DownloadError
from logreg.saving import load_model
from logreg.tutorial import text, writing
from logreg.tutorial.__main__ import main

SPACE, ENTER, END, HOME, LEFT, RIGHT, DOWN = "\ue00d\ue007\ue010\ue011\ue012\ue014\ue015"
PLAYS = ("softmax", "plane", "training", "patience")
# The models are a promise that the page keeps once it has drawn.
MODEL = """const [name, done] = arguments; (function look() {
  const trainer = tutorial[name];
  if (!trainer) return requestAnimationFrame(look);
  done({ W: [...trainer.model.W], b: [...trainer.model.b], cost: trainer.cost,
         wrong: trainer.wrong.length, epochs: trainer.epochs });
})();"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page as it is written where there is no network, and no MNIST."""

    def fetch():
        raise DownloadError("there is no network")

    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copy(SAMPLE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("logreg.datasets.mnist.search_folders", lambda: [folder])
        patch.setattr("logreg.datasets.mnist.fetch", fetch)
        assert main(["--output", str(folder / "tutorial.html")]) == 0
    return folder / "tutorial.html"


@pytest.fixture
def browser(open_page, page):
    return open_page(page)


def find(browser, selector):
    return browser.find_element("css selector", selector)


def model(browser, name):
    """W, b, cost, number of wrong rows and epochs of a model that learns in the page."""
    told = browser.execute_async_script(MODEL, name)
    W = numpy.reshape(told["W"], (-1, len(told["b"])))
    return W, told["b"], told["cost"], told["wrong"], told["epochs"]


def descend(x, y, W, b, rate):
    """A step of softmax regression in NumPy."""
    gradient = (probabilities(x, W, b) - numpy.eye(len(b))[y]) / len(x)
    return W - rate * x.T @ gradient, b - rate * gradient.sum(axis=0)


def check(told, x, y, tested, W, b):
    """Compare a model of the page, its cost and its errors on `tested` with NumPy's."""
    numpy.testing.assert_allclose(told[0], W, rtol=0, atol=1e-6)
    numpy.testing.assert_allclose(told[1], b, rtol=0, atol=1e-6)
    cost = -numpy.log(probabilities(x, W, b)[numpy.arange(len(y)), y]).mean()
    wrong = (probabilities(tested[0], W, b).argmax(axis=1) != tested[1]).sum()
    assert (told[2], told[3]) == (pytest.approx(cost, abs=1e-6), wrong)


def said(browser, name, selector="output"):
    return find(browser, f"#{name} {selector}").get_property("textContent")


def test_the_page_is_one_file_and_tells_of_the_sample(browser, page):
    assert page.stat().st_size < 1e6
    assert "5,000 rows of mnist_sample, as MNIST could not be had" in said(
        browser, "training", "h4 small"
    )
    for name in PLAYS:
        # Something is said, and the picture is for paper; nothing is answered yet.
        picture, answer = (find(browser, f"#{name} {part}") for part in ("> p img", ".answer"))
        assert not picture.is_displayed() and picture.get_attribute("alt")
        assert not answer.is_displayed()
    chapters = [h2.get_attribute("id") for h2 in browser.find_elements("css selector", "h2")]
    for links in ("#contents a", "main .table a"):  # the second are the text's own
        found = browser.find_elements("css selector", links)
        assert [link.get_attribute("hash")[1:] for link in found] == chapters
    assert len(browser.find_elements("css selector", "math")) > 0
    style = "return getComputedStyle(document.querySelector('.gp')).userSelect"
    assert browser.execute_script(style) == "none"


@pytest.mark.parametrize("width", [360, 800, 1600])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_every_window(browser, emulate, width, scheme):
    emulate(width, prefers_color_scheme=scheme)
    wide = "return document.documentElement.scrollWidth - innerWidth"
    assert browser.execute_script(wide) <= 0
    for name in PLAYS:
        assert find(browser, f"#{name} .toy").is_displayed()


def test_on_paper_pictures_take_the_place_of_what_moves(browser, emulate):
    emulate(media="print")
    for name in PLAYS:
        assert find(browser, f"#{name} > p img").is_displayed()
        assert not find(browser, f"#{name} .toy").is_displayed()


def test_softmax_by_keyboard(browser):
    scores = browser.find_elements("css selector", "#softmax [type=range]")
    scores[2].send_keys(RIGHT * 5)
    find(browser, "#softmax [data-do=more]").send_keys(ENTER)
    assert find(browser, "#softmax .answer").is_displayed()
    truths = browser.find_elements("css selector", "#softmax [name=truth]")
    for k, truth in enumerate(truths):
        truth.send_keys(SPACE)
        p = probabilities(numpy.array([[3.0, 2.0, 1.5]]), numpy.eye(3), 0)[0]
        assert said(browser, "softmax").endswith(f"{-math.log(p[k]):.3f}")
        shown = [n.text for n in browser.find_elements("css selector", "#softmax .number")]
        assert shown == [text for z, q in zip((3, 2, 1.5), p) for text in (f"{z:.1f}", f"{q:.3f}")]


@pytest.mark.parametrize("size, key", [(1, LEFT), (6, ""), (60, RIGHT)])
def test_the_plane_steps_as_numpy_does(browser, size, key):
    x, y = writing.plane()
    W, b = numpy.zeros((2, 3)), numpy.zeros(3)
    find(browser, "#plane [name=plane-size]:checked").send_keys(key)
    find(browser, "#plane [type=range]").send_keys(RIGHT)  # from 1 to 3
    step, epoch = (find(browser, f"#plane [data-do={name}]") for name in ("step", "epoch"))
    for i in range(3):
        step.send_keys(ENTER)
        rows = slice(i * size % 60, i * size % 60 + size)
        W, b = descend(x[rows], y[rows], W, b, 3)
        check(model(browser, "plane"), x, y, (x, y), W, b)
    epoch.send_keys(SPACE)
    told = model(browser, "plane")
    assert told[4] == (1 if size < 60 else 4)
    assert f"loss {told[2]:.3f}, {told[3]} of 60 wrong" in said(browser, "plane", ".said")
    assert find(browser, "#plane .answer").is_displayed()
    find(browser, "#plane [data-do=reset]").send_keys(ENTER)
    assert model(browser, "plane")[2:] == (pytest.approx(math.log(3)), 40, 0)


RUN = """const done = arguments[0], play = document.getElementById("plane"), shown = [];
const said = play.querySelector(".said"), run = play.querySelector("[data-do=run]");
new MutationObserver(() => {
  shown.push(said.textContent);
  if (run.textContent !== "Pause") done(shown);
}).observe(said, { childList: true });
run.click();"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_run_is_forty_epochs_and_without_motion_shows_its_end_only(browser, emulate, motion):
    emulate(prefers_reduced_motion=motion)
    find(browser, "#plane [name=plane-size]:checked").send_keys(RIGHT)
    *moved, end = browser.execute_async_script(RUN)
    assert end == "Epoch 40, step 40: loss 0.260, 7 of 60 wrong."
    assert bool(moved) == (motion != "reduce")


def test_training_steps_as_numpy_does(browser):
    x, y = sample()["x_train"][:1000].reshape(-1, 784) / 256, sample()["y_train"][:1000]
    (x, tested), (y, labels) = numpy.split(x, [800]), numpy.split(y, [800])
    W, b = numpy.zeros((784, 10)), numpy.zeros(10)
    assert model(browser, "training")[3] == (labels != 0).sum()
    for key in (ENTER, SPACE):
        find(browser, "#training [data-do=step]").send_keys(key)
        W, b = descend(x, y, W, b, 0.13)
        check(model(browser, "training"), x, y, (tested, labels), W, b)
    assert find(browser, "#training .answer").is_displayed()
    find(browser, "#training [name=training-size]:checked").send_keys(RIGHT)
    find(browser, "#training [data-do=epoch]").send_keys(ENTER)
    for i in range(0, 800, 100):
        W, b = descend(x[i : i + 100], y[i : i + 100], W, b, 0.13)
    check(model(browser, "training"), x, y, (tested, labels), W, b)
    # The digit on the pad is the first of those that validate.
    p = probabilities(tested[:1], W, b)[0]
    here = f"what was learnt here says {p.argmax()} ({100 * p.max():.0f} %)."
    wait = "const done = arguments[0]; requestAnimationFrame(() => requestAnimationFrame(done))"
    browser.execute_async_script(wait)
    assert here in said(browser, "training", ".said")
    pad = find(browser, "#training .pad")
    pad.send_keys("\ue00c")  # escape
    browser.execute_async_script(wait)
    assert said(browser, "training", ".said") == "Draw a digit."
    pad.send_keys(SPACE, DOWN * 12, SPACE)
    browser.execute_async_script(wait)
    assert said(browser, "training", ".said").startswith("The full run says 1 (")


def stop(patience, increase, threshold):
    """In which epoch early stopping ends the recorded run, or None; the best epoch and error."""
    stopping = EarlyStopping(patience, increase, threshold)
    validations = writing.validations()
    for iter in range(83 * len(validations)):
        if iter % 83 == 82:
            stopping.update(iter, validations[iter // 83] / 9600)
        if stopping.is_over(iter):
            break
    ended = iter // 83 + 1 if stopping.is_over(iter) else None
    return ended, stopping.best_iter // 83 + 1, f"{100 * stopping.best_loss:.2f} %"


SET = """const values = arguments[0];
for (const [name, value] of Object.entries(values)) {
  const input = document.querySelector(`#patience input[type=range][name=${name}]`);
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""
KNOWN = {
    (5000, 2, 0.995): (74, 73, "7.50 %"),
    (2000, 1.5, 0.995): (56, 54, "7.64 %"),
    (5000, 2, 0.9): (61, 59, "7.57 %"),
    (5000, 2, 1): (None, 229, "7.01 %"),
}


def test_patience_stops_where_early_stopping_does(browser):
    draw = numpy.random.RandomState(0).randint
    drawn = [(250 * int(draw(2, 81)), draw(10, 31) / 10, draw(180, 201) / 200) for _ in range(60)]
    for settings in [*KNOWN, *drawn]:
        epoch, best, error = stop(*settings)
        assert (epoch, best, error) == KNOWN.get(settings, (epoch, best, error))
        browser.execute_script(SET, dict(zip(("patience", "increase", "threshold"), settings)))
        told = said(browser, "patience")
        ends = f"Stops in epoch {epoch}, " if epoch else "Not stopped in 250 epochs; "
        assert told.startswith(ends), settings
        assert told.endswith(f", of epoch {best}, has a validation error of {error}."), settings


def test_patience_by_keyboard(browser):
    find(browser, "#patience [name=patience]").send_keys(HOME)
    assert said(browser, "patience").startswith("Stops in epoch 74, ")
    assert find(browser, "#patience .answer").is_displayed()
    find(browser, "#patience [name=increase]").send_keys(HOME)
    assert said(browser, "patience").startswith("Stops in epoch 7, ")
    find(browser, "#patience [name=threshold]").send_keys(END, LEFT)
    find(browser, "#patience [data-do=reset]").send_keys(ENTER)
    assert said(browser, "patience").startswith("Stops in epoch 74, after 6,141 minibatches")


def test_the_recorded_run_begins_with_the_tutorials_log():
    log = [round(96 * float(error)) for error, _ in read_reference().values()]
    assert (len(log), writing.validations()[:73]) == (73, log)
    assert len(writing.validations()) == 250


@pytest.fixture(scope="session")
def axe(tmp_path_factory):
    """The script of axe-core, which looks for what keeps people from using a page."""
    folder = tmp_path_factory.mktemp("axe")
    if not shutil.which("npm"):
        pytest.skip("there is no npm, which has axe-core")
    command = ["npm", "pack", "axe-core@4", "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, check=False, timeout=600)
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as tar:
            return tar.extractfile("package/axe.min.js").read().decode()
    pytest.skip(f"axe-core cannot be had: {done.stderr[-200:]}")


@pytest.mark.parametrize("scheme, width", [("light", 1200), ("dark", 360)])
def test_axe_finds_nothing_serious(browser, emulate, axe, scheme, width):
    emulate(width, prefers_color_scheme=scheme)
    for name in ("softmax [data-do=more]", "plane [data-do=step]", "training [data-do=step]"):
        find(browser, f"#{name}").send_keys(ENTER)
    find(browser, "#patience [name=patience]").send_keys(RIGHT)
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
    grave = [
        (v["id"], [node["target"] for node in v["nodes"]][:5])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_without_a_library_of_the_extra_an_error_names_it(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    assert main([]) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: the page needs markdown-it-py") and "'.[tutorial]'" in error


def test_a_notebook_is_written_alone_and_the_text_is_brought_up_to_date(
    working_folder, monkeypatch
):
    assert main(["--notebook", "tutorial.ipynb"]) == 0
    assert [path.name for path in working_folder.iterdir()] == ["tutorial.ipynb"]
    assert json.loads(Path("tutorial.ipynb").read_text(encoding="utf-8"))["nbformat"] == 4
    whole = text.TEXT.read_text(encoding="utf-8")
    old = Path("old.md")
    old.write_text(whole.replace("return self.patience <= iter", "return False"), encoding="utf-8")
    monkeypatch.setattr(text, "TEXT", old)
    assert main(["--update"]) == 0
    assert old.read_text(encoding="utf-8") == whole


def test_digits_are_the_same_whether_they_are_stored_as_bytes_or_as_fractions():
    classifier = load_model(save_digits_model())
    data = read_dataset("mnist_sample")
    x, y = data.train
    as_fractions = dataclasses.replace(data, train=(x / numpy.float32(256), y))
    digits = [writing.facts(d, classifier)["digits"] for d in (data, as_fractions)]
    pixels = numpy.array(Image.open(urlopen(digits[0])))
    numpy.testing.assert_array_equal(pixels, x[:1000])
    assert digits[1] == digits[0]
