"""The tutorial's page in a browser: NumPy, early stopping and the recorded log are its oracles."""

import base64
import dataclasses
import json
import math
import shutil
import subprocess
import tarfile
from urllib.request import urlopen

import numpy
import pytest
from builders import SAMPLE, probabilities, sample, weights
from PIL import Image

from logreg.callbacks.reference import read_reference
from logreg.datasets.dataset import read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.errors import DownloadError
from logreg.tutorial import writing
from logreg.tutorial.__main__ import main

pytestmark = pytest.mark.once
FRAMES = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
SPACE, ENTER, END, HOME, LEFT, RIGHT, DOWN = "\ue00d\ue007\ue010\ue011\ue012\ue014\ue015"
PLAYS = ("sums", "softmax", "plane", "training", "heart", "patience")
# The models are a promise that the page keeps once it has drawn.
MODEL = """const [name, done] = arguments; (function look() {
  const trainer = tutorial[name];
  if (!trainer) return requestAnimationFrame(look);
  done({ W: [...trainer.model.W], b: [...trainer.model.b], cost: trainer.cost,
         testCost: trainer.testCost, wrong: trainer.wrong.length, progress: trainer.progress });
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
    """A model that learns in the page: W, b, both costs, number of wrong rows, progress."""
    told = browser.execute_async_script(MODEL, name)
    W = numpy.reshape(told["W"], (-1, len(told["b"])))
    return W, *(told[key] for key in ("b", "cost", "testCost", "wrong", "progress"))


def descend(x, y, W, b, rate, decay=0):
    """A step of softmax regression in NumPy."""
    gradient = (probabilities(x, W, b) - numpy.eye(len(b))[y]) / len(x)
    return W - rate * (x.T @ gradient + 2 * decay * W), b - rate * gradient.sum(axis=0)


def check(told, x, y, tested, W, b):
    """Compare a model of the page, its cost and its errors on `tested` with NumPy's."""
    numpy.testing.assert_allclose(told[0], W, rtol=0, atol=1e-6)
    numpy.testing.assert_allclose(told[1], b, rtol=0, atol=1e-6)
    for (rows, labels), cost in zip(((x, y), tested), told[2:]):
        p = probabilities(rows, W, b)
        expected = -numpy.log(p[numpy.arange(len(labels)), labels]).mean()
        assert cost == pytest.approx(expected, abs=1e-6)
    assert told[4] == (p.argmax(axis=1) != labels).sum()


def said(browser, name, selector="output"):
    return find(browser, f"#{name} {selector}").get_property("textContent")


def test_the_page_is_one_file_and_tells_of_the_sample(browser, page):
    assert page.stat().st_size < 1e6
    run = "5,000 rows of mnist_sample, as MNIST could not be had"
    assert run in said(browser, "sums", "small")
    for name in PLAYS:
        # Something is said, and the picture is for paper; nothing is answered yet.
        picture = find(browser, f"#{name} > p img")
        assert not picture.is_displayed() and picture.get_attribute("alt")
        answers = browser.find_elements("css selector", f"#{name} .verdict")
        assert len(answers) == (name != "sums") and not any(answer.text for answer in answers)
    chapters = [h2.get_attribute("id") for h2 in browser.find_elements("css selector", "h2")]
    for links, n in ("#contents a", 16), ("main .table a", 14):  # the second are the text's own
        found = browser.find_elements("css selector", links)
        assert [link.get_attribute("hash")[1:] for link in found] == chapters[:n]
    assert len(browser.find_elements("css selector", "math")) > 0


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
    hidden = "return getComputedStyle(document.querySelector('.is-answer')).display === 'none'"
    assert browser.execute_script(hidden)


def test_the_ten_sums_are_numpys(browser):
    facts = json.loads(find(browser, "#facts").get_property("textContent"))
    W, b = (numpy.frombuffer(base64.b64decode(facts[name]), "float32") for name in "Wb")
    W = W.reshape(784, 10)
    x = sample()["x_train"][800:1000].reshape(-1, 784) / 256
    i = sample()["y_train"][800:1000].tolist().index(3)
    find(browser, "#sums [value='8']").send_keys(SPACE)
    model(browser, "training")  # the digits are read
    sums, total = x[i] @ W + b, (x[i] @ W)[8]
    numbers = browser.find_elements("css selector", "#sums .number")
    expected = [f"{z:.1f}".replace("-", "−") for z in sums]
    assert [number.text for number in numbers[::2]] == expected
    assert f"add up to {total:.2f}".replace("-", "−") in said(browser, "sums", ".said")
    pad = find(browser, "#sums .pad")
    pad.send_keys("\ue00c")  # escape
    browser.execute_async_script(FRAMES)
    assert said(browser, "sums", ".said").startswith("An empty page")
    pad.send_keys(SPACE, DOWN * 12, SPACE)
    browser.execute_async_script(FRAMES)
    assert said(browser, "sums", ".said").endswith("so the answer is 1.")


def test_a_question_answers_and_an_example_is_copied(browser):
    first = find(browser, ".question")
    wrong, right = (
        first.find_element("css selector", f"label{kind} input") for kind in ("", "[data-right]")
    )
    for choice, begins in (wrong, "No."), (right, "Yes."):
        choice.send_keys(SPACE)
        assert find(browser, ".question [role=status]").text.startswith(begins)
    browser.execute_script("navigator.clipboard.writeText = (text) => { window.copied = text; }")
    find(browser, ".language-pycon").find_element("xpath", "../../button").send_keys(ENTER)
    lines = browser.execute_script("return copied").splitlines()
    assert lines[:2] == ["import numpy", "from logreg.datasets.dataset import read_dataset"]
    assert not [line for line in lines if line[:1] in ">.("]


def test_the_address_opens_a_thing_at_a_setting(browser, page):
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#plane?rate=100&size=60")
    model(browser, "plane")
    assert find(browser, "#plane [name=plane-rate]:checked").get_attribute("value") == "100"
    find(browser, "#plane [name=plane-rate]:checked").send_keys(LEFT)
    assert browser.current_url.endswith("#plane?rate=10&size=60")


def test_softmax_by_keyboard(browser):
    scores = browser.find_elements("css selector", "#softmax [type=range]")
    scores[2].send_keys(RIGHT * 5)
    find(browser, "#softmax [data-do=more]").send_keys(ENTER)
    assert said(browser, "softmax", ".verdict").startswith("Nothing.")
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
    find(browser, "#plane [name=plane-rate]:checked").send_keys(RIGHT, RIGHT)  # from 1 to 100
    step, epoch = (find(browser, f"#plane [data-do={name}]") for name in ("step", "epoch"))
    for i in range(3):
        step.send_keys(ENTER)
        rows = slice(i * size % 60, i * size % 60 + size)
        W, b = descend(x[rows], y[rows], W, b, 100)
        check(model(browser, "plane"), x, y, writing.plane(seed=4), W, b)
    epoch.send_keys(SPACE)
    told = model(browser, "plane")
    assert told[5] == (1 if size < 60 else 4)
    assert f"loss {told[3]:.3f}, {told[4]} wrong" in said(browser, "plane", ".said")
    assert said(browser, "plane", ".verdict").startswith("It swings.")
    find(browser, "#plane [data-do=reset]").send_keys(ENTER)
    assert model(browser, "plane")[2:] == (*[pytest.approx(math.log(3))] * 2, 40, 0)


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
    assert end.startswith("Epoch 40, step 40: loss 0.260, 7 of 60 wrong.")
    assert bool(moved) == (motion != "reduce")


def digits(n):
    """The first n digits of the page, and the 200 that validate: x and y of each."""
    x, y = sample()["x_train"][:1000].reshape(-1, 784) / 256, sample()["y_train"][:1000]
    return x[:n], y[:n], (x[800:], y[800:]), numpy.zeros((784, 10)), numpy.zeros(10)


def test_training_steps_as_numpy_does(browser):
    x, y, tested, W, b = digits(800)
    assert model(browser, "training")[4] == (tested[1] != 0).sum()
    for box, key in (".learning", ENTER), (".reading", SPACE):
        find(browser, f"{box} [data-do=step]").send_keys(key)
        W, b = descend(x, y, W, b, 0.13)
        check(model(browser, "training"), x, y, tested, W, b)
    assert said(browser, "training", ".verdict").startswith("It leaves ")
    find(browser, "#training [name=training-size]:checked").send_keys(RIGHT)
    find(browser, "#training [data-do=epoch]").send_keys(ENTER)
    for i in range(0, 800, 100):
        W, b = descend(x[i : i + 100], y[i : i + 100], W, b, 0.13)
    check(model(browser, "training"), x, y, tested, W, b)


@pytest.mark.parametrize("decay", [0, 0.003])
def test_what_is_learnt_by_heart_is_what_numpy_learns(browser, emulate, decay):
    emulate(prefers_reduced_motion="reduce")
    model(browser, "heart")
    find(browser, "#heart [name=heart-rows][value='100']").send_keys(SPACE)
    find(browser, f"#heart [name=heart-decay][value='{decay}']").send_keys(SPACE)
    find(browser, "#heart [data-do=run]").send_keys(ENTER)
    wait = "const done = arguments[0]; (function look() { tutorial.heart.steps < 300"
    browser.execute_async_script(f"{wait} ? setTimeout(look, 50) : setTimeout(done, 200); }})();")
    x, y, tested, W, b = digits(100)
    for _ in range(300):
        W, b = descend(x, y, W, b, 0.5, decay)
    check(model(browser, "heart"), x, y, tested, W, b)
    assert bool(said(browser, "heart", ".verdict")) == (decay == 0)


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
  const input = document.querySelector(`#patience input[name=patience-${name}]`);
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def test_patience_stops_where_early_stopping_does(browser):
    draw = numpy.random.RandomState(0).randint
    drawn = [(250 * int(draw(2, 81)), draw(10, 31) / 10, draw(180, 201) / 200) for _ in range(60)]
    for settings in [(5000, 2, 1), *drawn]:
        epoch, best, error = stop(*settings)
        browser.execute_script(SET, dict(zip(("patience", "increase", "threshold"), settings)))
        told = said(browser, "patience")
        ends = f"Stops in epoch {epoch}, " if epoch else "Not stopped in 250 epochs; "
        assert told.startswith(ends), settings
        assert told.endswith(f", of epoch {best}, has a validation error of {error}."), settings
    find(browser, "#patience [data-do=reset]").send_keys(ENTER)
    assert said(browser, "patience").startswith("Stops in epoch 74, after 6,141 minibatches")
    find(browser, "#patience [name=patience-patience]").send_keys(HOME)
    assert said(browser, "patience", ".verdict").startswith("No: ")


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
    find(browser, "#patience [name=patience-patience]").send_keys(RIGHT)
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
    grave = [
        (v["id"], [node["target"] for node in v["nodes"]][:5])
        for v in found
        if v["impact"] in ("serious", "critical")
    ]
    assert grave == []


def test_digits_are_the_same_whether_they_are_stored_as_bytes_or_as_fractions():
    data = read_dataset("mnist_sample")
    x, y = data.train
    as_fractions = dataclasses.replace(data, train=(x / numpy.float32(256), y))
    digits = [writing.facts(d, *weights())["digits"] for d in (data, as_fractions)]
    pixels = numpy.array(Image.open(urlopen(digits[0])))
    numpy.testing.assert_array_equal(pixels, x[:1000])
    assert digits[1] == digits[0]
