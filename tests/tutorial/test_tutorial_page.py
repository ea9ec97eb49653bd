"""The tutorial's page in a browser: NumPy, early stopping and the recorded log are its oracles."""

import base64
import codeop
import dataclasses
import io
import itertools
import json
import math
import re
import shutil
import string
import subprocess
import tarfile

import numpy
import pytest
from builders import SAMPLE, cost_and_gradients, draw, probabilities, sample, tutorial_log

from logreg.callbacks.reference import read_reference
from logreg.datasets.dataset import read_dataset
from logreg.datasets.mnist import FILES
from logreg.early_stopping import EarlyStopping
from logreg.errors import DownloadError
from logreg.hyperparameters import Hyperparameters
from logreg.sgd import sgd_optimization
from logreg.tutorial import text, writing
from logreg.tutorial.__main__ import main

pytestmark = pytest.mark.once
FRAMES = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
SPACE, ENTER, END, HOME, LEFT, RIGHT, DOWN = "\ue00d\ue007\ue010\ue011\ue012\ue014\ue015"
PLAYS = ("sums", "softmax", "plane", "training", "heart", "patience", "mnist-run", "pad-raw")
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
        assert main(["--mnist", "--output", str(folder / "mnist.html")]) == 1
    return folder / "tutorial.html"


@pytest.fixture(scope="module")
def mnist_page(mnist_folder, tmp_path_factory):
    """The page with MNIST's files in it."""
    path = tmp_path_factory.mktemp("mnist") / "page.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOGREG_DATA", str(mnist_folder))
        assert main(["--mnist", "--output", str(path)]) == 0
    return path


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
    _, dW, db = cost_and_gradients(x, y, W, b)
    return W - rate * (dW + 2 * decay * W), b - rate * db


def check(told, x, y, tested, W, b):
    """Compare a model of the page, its cost and its errors on `tested` with NumPy's."""
    numpy.testing.assert_allclose(told[0], W, rtol=0, atol=1e-6)
    numpy.testing.assert_allclose(told[1], b, rtol=0, atol=1e-6)
    for (rows, labels), cost in zip(((x, y), tested), told[2:]):
        assert cost == pytest.approx(cost_and_gradients(rows, labels, W, b)[0], abs=1e-6)
    assert told[4] == (probabilities(rows, W, b).argmax(axis=1) != labels).sum()


def wait(browser, until):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 600, 0.1).until(lambda _: until())


def decoded(text, dtype):
    return numpy.frombuffer(base64.b64decode(text), dtype)


def said(browser, name, selector="output"):
    return find(browser, f"#play-{name} {selector}").get_property("textContent")


def digits(n):
    """The first n digits of the page, and the 200 that validate: x and y of each."""
    x, y = sample()["x_train"][:1000].reshape(-1, 784) / 256, sample()["y_train"][:1000]
    return x[:n], y[:n], (x[800:], y[800:]), numpy.zeros((784, 10)), numpy.zeros(10)


PALE = """const canvas = document.querySelector("#play-mnist-run .here canvas");
return [...canvas.getContext("2d").getImageData(3, 3, 1, 1).data];"""


def test_the_page_is_one_file_and_tells_of_the_sample(browser, page):
    assert page.stat().st_size < 1.05e6
    assert "5,000 rows of mnist_sample, as MNIST" in said(browser, "sums", ".toy > small")
    for name in PLAYS:  # nothing is answered yet
        answers = browser.find_elements("css selector", f"#play-{name} .verdict")
        assert [answer.text for answer in answers] == [""] * (name != "sums")
    model(browser, "heart")
    assert min(browser.execute_script(PALE)) > 240  # of weights that are all 0
    chapters = [h2.get_attribute("id") for h2 in browser.find_elements("css selector", "h2")]
    for links, n in ("#contents a", 16), ("main .table a", 14):  # the second are the text's own
        found = browser.find_elements("css selector", links)
        assert [link.get_attribute("hash")[1:] for link in found] == chapters[:n]


@pytest.mark.parametrize("width", [360, 390, 800, 1600])
def test_it_fits_every_window(browser, emulate, width):
    emulate(width)
    wide = "return document.documentElement.scrollWidth - innerWidth"
    assert browser.execute_script(wide) <= 0
    model(browser, "heart")
    for toy in browser.find_elements("css selector", ".toy"):
        assert toy.is_displayed()
        assert toy.size["height"] < 900 or width != 390


# Use all that a thing has, one after the other; collect what has moved something.
USE = """const [play, done] = arguments, moved = [];
const places = () => [...play.querySelectorAll("button, label, input, canvas, svg")].map((node) => {
  const { left, top, width } = node.getBoundingClientRect();
  return [left, top + scrollY, width].map(Math.round);
}).join();
(async () => {
  const before = places();
  for (const node of play.querySelectorAll(":is(button, input:not([type=file]))")) {
    if (node.type === "range") node.value = node.max;
    if (node.type === "range") node.dispatchEvent(new Event("input"));
    else node.click();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    if (places() !== before) moved.push(node.outerHTML);
  }
  done(moved);
})();"""


@pytest.mark.parametrize("width", [390, 1200])
def test_nothing_moves_when_it_is_used(browser, emulate, width):
    emulate(width)
    model(browser, "heart")
    for play in browser.find_elements("css selector", ".toy, .question"):
        assert browser.execute_async_script(USE, play) == []


def test_on_paper_pictures_take_the_place_of_what_moves(browser, emulate):
    for medium, name in itertools.product(("screen", "print"), PLAYS):
        emulate(media=medium)
        picture, toy = (find(browser, f"#play-{name} {part}") for part in ("> p img", ".toy"))
        assert picture.is_displayed() == (medium == "print") != toy.is_displayed()
        assert picture.get_attribute("alt")
    hidden = "return getComputedStyle(document.querySelector('.is-answer')).display === 'none'"
    assert browser.execute_script(hidden)
    browser.execute_script("document.querySelector('main details').open = true")  # by its reader
    closed = "return document.querySelectorAll('main details:not([open])').length"
    n, event = browser.execute_script(closed), "dispatchEvent(new Event(arguments[0])); "
    found = [browser.execute_script(event + closed, f"{when}print") for when in ("before", "after")]
    assert found == [0, n] and n > 0


def test_formulas_have_a_font_of_their_own(browser):
    ttf = pytest.importorskip("fontTools.ttLib")
    loaded = "document.fonts.ready.then((fonts) => arguments[0]([...fonts].map((f) => f.status)))"
    assert browser.execute_async_script(loaded) == ["loaded"]
    style = find(browser, "style").get_property("textContent")
    woff = base64.b64decode(style.partition("font/woff;base64,")[2].partition(")")[0])
    font = ttf.TTFont(io.BytesIO(woff))
    assert len(woff) < 30_000 and "MATH" in font
    formulas = browser.find_elements("css selector", "math")
    letters = {*"".join(formula.get_property("textContent") for formula in formulas)}
    assert letters and letters <= {*map(chr, font.getBestCmap())}


ANOTHER = """history.replaceState = () => null; // or Chromium says that it was called too often
const another = document.querySelector("#play-sums [data-do=another]");
for (let i = 0; i < 200; i++) another.click();"""


def test_the_ten_sums_are_numpys_and_so_is_which_digits_speak_for_an_answer(browser):
    facts = json.loads(find(browser, "#facts").get_property("textContent"))
    W, b = (decoded(facts[name], "float32") for name in "Wb")
    W = W.reshape(784, 10)
    inks, y, (tested, labels), *_ = digits(1000)
    x = tested[labels == 3][0]
    model(browser, "training")  # the digits are read
    browser.execute_script(ANOTHER)  # as often as there are others: the same one comes again
    browser.execute_async_script(FRAMES)
    sums, total = x @ W + b, (x @ W)[4]
    assert total < 0
    assert find(browser, "#play-sums :checked").get_attribute("value") == str(sums.argmax())
    find(browser, "#play-sums [value='4']").send_keys(SPACE)
    numbers = browser.find_elements("css selector", "#play-sums .rows .number")
    expected = [f"{z:.1f}".replace("-", "−") for z in sums]
    assert [number.text for number in numbers[::2]] == expected
    assert f"add up to {total:.2f}".replace("-", "−") in said(browser, "sums", ".said")

    find(browser, "#play-sums [value='5']").send_keys(SPACE)
    shares = (inks @ x) * decoded(facts["A"], "int8").reshape(1000, 10)[:, 5] * facts["A_unit"]
    order = numpy.argsort(-shares, kind="stable")[[0, 1, 2, 3, 4, -1, -2, -3, -4, -5]]
    numbers = browser.find_elements("css selector", ".witnesses .number")
    expected = [f"{shares[i]:+.2f}".replace("-", "−") for i in order]
    assert [number.text for number in numbers] == expected
    told = find(browser, ".witnesses").get_attribute("aria-label")
    assert told.endswith(" and against it: {}, {}, {}, {}, {}.".format(*y[order[5:]]))
    assert {*y[order[:5]]} == {5}  # a digit speaks for its own label alone

    pad = find(browser, "#play-sums .pad")
    pad.send_keys(SPACE, DOWN * 12, SPACE)
    browser.execute_async_script(FRAMES)
    assert said(browser, "sums", ".said").endswith("so the answer is 1.")
    assert find(browser, "#play-sums [value='1']").is_selected()


def test_weights_are_a_sum_of_training_digits_however_these_are_stored():
    data = read_dataset("mnist_sample")
    run = sgd_optimization(data, Hyperparameters(0.13, 20, 100), output=None)
    A, facts, (x, y) = writing.shares(data, run), writing.facts(data, run), data.train
    numpy.testing.assert_allclose((x.T / 256) @ A, run.best_values[0], atol=1e-5)
    told = decoded(facts["A"], "int8").reshape(1000, 10) * facts["A_unit"]
    numpy.testing.assert_allclose(told, A[:1000], atol=0.51 * facts["A_unit"])
    as_fractions = dataclasses.replace(data, train=(x / numpy.float32(256), y))
    assert writing.facts(as_fractions, run)["digits"] == facts["digits"]


def test_a_question_answers(browser):
    question = find(browser, ".question")
    for kind, begins in ("", "No."), ("[data-right]", "Yes."):
        question.find_element("css selector", f"label{kind} input").send_keys(SPACE)
        assert find(browser, ".question [role=status]").text.startswith(begins)


# Copy all examples, as if there were a clipboard.
COPY = """const copied = [];
navigator.clipboard.writeText = (text) => copied.push(text);
for (const code of document.querySelectorAll(".language-pycon")) {
  code.closest(".code").querySelector("button").click();
}
return copied;"""


def test_examples_are_copied_so_that_pythons_shell_takes_them(browser):
    blocks = [block.content for block in text.blocks() if block.kind == "pycon"]
    copied, compiling = browser.execute_script(COPY), codeop.CommandCompiler()
    assert len(copied) == len(blocks) > 60
    for example, block in zip(copied, blocks):
        source = "".join(each.source for each in text.examples(block))
        assert re.findall("(?m)^.*\\S$", example) == re.findall("(?m)^.*\\S$", source)
        typed = []
        for line in example.split("\n"):
            typed.append(line)
            if compiling("\n".join(typed)) is not None:  # a line that begins another statement
                typed = []  # within a block is a SyntaxError
        assert not typed, example


def test_the_address_opens_a_thing_at_a_setting(browser, emulate, page):
    emulate(prefers_reduced_motion="reduce")
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}#plane?rate=100&size=60&inputs=product")
    model(browser, "plane")
    find(browser, "#play-plane [name=plane-rate][value='100']:checked").send_keys(LEFT)
    assert browser.current_url.endswith("#plane?rate=10&size=60&points=clouds&inputs=product")
    for button, scores in ("more", "z0=3&z1=2&z2=1"), ("double", "z0=6&z1=4&z2=2"):
        find(browser, f"#play-softmax [data-do={button}]").send_keys(ENTER)
        assert browser.current_url.endswith(f"#softmax?truth=0&{scores}")
    hover = "arguments[0].dispatchEvent(new PointerEvent('pointerenter', { pointerType: 'mouse' }))"
    browser.execute_script(hover, find(browser, "#play-sums .row:nth-child(7)"))
    assert browser.current_url.endswith("#sums?digit=6")
    browser.get(f"{page.as_uri()}#8-patience")  # as the chapter was called once
    browser.execute_async_script(FRAMES)
    assert browser.current_url.endswith("#patience")
    assert browser.execute_script("return document.querySelector(':target').tagName") == "H2"


def test_softmax_by_keyboard(browser):
    scores = browser.find_elements("css selector", "#play-softmax [type=range]")
    scores[2].send_keys(RIGHT * 5)
    find(browser, "#play-softmax [data-do=more]").send_keys(ENTER)
    assert said(browser, "softmax", ".verdict").startswith("Nothing.")
    truths = browser.find_elements("css selector", "#play-softmax [name=truth]")
    for k, truth in enumerate(truths):
        truth.send_keys(SPACE)
        p = probabilities(numpy.array([[3.0, 2.0, 1.5]]), numpy.eye(3), 0)[0]
        assert said(browser, "softmax").endswith(f"{-math.log(p[k]):.3f}")
        shown = [n.text for n in browser.find_elements("css selector", "#play-softmax .number")]
        assert shown == [text for z, q in zip((3, 2, 1.5), p) for text in (f"{z:.1f}", f"{q:.3f}")]
    scores[0].send_keys(END, LEFT * 5)  # 19.5, which has no room for one more
    assert not find(browser, "#play-softmax [data-do=more]").is_enabled()


@pytest.mark.parametrize("size, points", [(1, "clouds"), (6, "either-or"), (60, "clouds")])
def test_the_plane_steps_as_numpy_does(browser, size, points):
    (x, y), (tested, labels) = writing.plane(), writing.plane(seed=4)
    chosen = [f"points][value={points}", f"size][value='{size}'", "rate][value='100'"]
    if points == "either-or":  # and the product is a third input
        chosen.append("inputs][value=product")
        x, tested = (numpy.c_[rows, rows.prod(axis=1)] for rows in (x, tested))
        y, labels = ((rows[:, 2] < 0).astype(int) for rows in (x, tested))
    for choice in chosen:
        find(browser, f"#play-plane [name=plane-{choice}]").send_keys(SPACE)
    W, b = numpy.zeros((x.shape[1], 3)), numpy.zeros(3)
    step, epoch = (find(browser, f"#play-plane [data-do={name}]") for name in ("step", "epoch"))
    for i in range(3):
        step.send_keys(ENTER)
        rows = slice(i * size % 60, i * size % 60 + size)
        W, b = descend(x[rows], y[rows], W, b, 100)
        check(model(browser, "plane"), x, y, (tested, labels), W, b)
    epoch.send_keys(SPACE)
    told = model(browser, "plane")
    assert told[5] == (1 if size < 60 else 4)
    assert f"loss {told[3]:.3f}, {told[4]} wrong" in said(browser, "plane", ".said")
    assert said(browser, "plane", ".verdict").startswith("It swings.")
    run, reset = (find(browser, f"#play-plane [data-do={name}]") for name in ("run", "reset"))
    browser.execute_script("arguments[0].click(); arguments[1].click()", run, reset)
    assert not browser.find_elements("css selector", "[aria-busy]") and run.text.startswith("Run")
    zeros = (*[pytest.approx(math.log(3))] * 2, (labels != 0).sum(), 0)
    assert model(browser, "plane")[2:] == zeros


RUN = """const done = arguments[0], play = document.getElementById("play-plane"), shown = [];
const said = play.querySelector(".said"), run = play.querySelector("[data-do=run]");
new MutationObserver(() => {
  shown.push(said.textContent);
  if (run.textContent !== "Pause") done(shown);
}).observe(said, { childList: true });
run.click();"""


@pytest.mark.parametrize("motion", ["no-preference", "reduce"])
def test_a_run_is_forty_epochs_and_without_motion_shows_its_end_only(browser, emulate, motion):
    emulate(prefers_reduced_motion=motion)
    find(browser, "#play-plane [name=plane-size]:checked").send_keys(RIGHT)
    *moved, end = browser.execute_async_script(RUN)
    assert end.startswith("Epoch 40, step 40: loss 0.")
    assert bool(moved) == (motion != "reduce")


def test_training_steps_as_numpy_does(browser):
    x, y, tested, W, b = digits(800)
    assert model(browser, "training")[4] == (tested[1] != 0).sum()
    for box, key in (".learning", ENTER), (".reading", SPACE):
        find(browser, f"{box} [data-do=step]").send_keys(key)
        W, b = descend(x, y, W, b, 0.13)
        check(model(browser, "training"), x, y, tested, W, b)
    assert said(browser, "training", ".verdict").startswith("It leaves ")
    find(browser, "#play-training [name=training-size]:checked").send_keys(RIGHT)
    find(browser, "#play-training [data-do=epoch]").send_keys(ENTER)
    for i in range(0, 800, 100):
        W, b = descend(x[i : i + 100], y[i : i + 100], W, b, 0.13)
    check(model(browser, "training"), x, y, tested, W, b)


@pytest.mark.parametrize("decay", [0, 0.003])
def test_what_is_learnt_by_heart_is_what_numpy_learns(browser, emulate, decay):
    emulate(prefers_reduced_motion="reduce")
    model(browser, "heart")
    find(browser, "#play-heart [name=heart-rows][value='100']").send_keys(SPACE)
    find(browser, f"#play-heart [name=heart-decay][value='{decay}']").send_keys(SPACE)
    find(browser, "#play-heart [data-do=run]").send_keys(ENTER)
    wait(browser, lambda: find(browser, "#play-heart [data-do=run]").text != "Pause")
    x, y, tested, W, b = digits(100)
    for _ in range(300):
        W, b = descend(x, y, W, b, 0.5, decay)
    check(model(browser, "heart"), x, y, tested, W, b)
    assert bool(said(browser, "heart", ".verdict")) == (decay == 0)


def stop(*settings):
    """In which epoch early stopping ends the recorded run, or None; the best epoch and error."""
    stopping, validations = EarlyStopping(*settings), writing.validations()
    for iter in range(83 * len(validations)):
        if iter % 83 == 82:
            stopping.update(iter, validations[iter // 83] / 9600)
        if stopping.is_over(iter):
            break
    ended = iter // 83 + 1 if stopping.is_over(iter) else None
    return ended, stopping.best_iter // 83 + 1, f"{100 * stopping.best_loss:.2f} %"


SET = """const values = arguments[0];
for (const [name, value] of Object.entries(values)) {
  const input = document.querySelector(`#play-patience input[name=patience-${name}]`);
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}"""


def test_patience_stops_where_early_stopping_does(browser):
    draw = numpy.random.RandomState(0).randint
    for _ in range(60):
        settings = 250 * int(draw(2, 81)), draw(10, 31) / 10, draw(180, 201) / 200
        epoch, best, error = stop(*settings)
        browser.execute_script(SET, dict(zip(("patience", "increase", "threshold"), settings)))
        told = said(browser, "patience")
        ends = f"Stops in epoch {epoch}, " if epoch else "Not stopped in 250 epochs; "
        assert told.startswith(ends), settings
        assert told.endswith(f", of epoch {best}, has a validation error of {error}."), settings
    find(browser, "#play-patience [data-do=reset]").send_keys(ENTER)
    assert said(browser, "patience").startswith("Stops in epoch 74, after 6,141 minibatches")
    find(browser, "#play-patience [name=patience-patience]").send_keys(HOME)
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
        find(browser, f"#play-{name}").send_keys(ENTER)
    find(browser, "#play-patience [name=patience-patience]").send_keys(RIGHT)
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
    assert [each for each in found if each["impact"] in ("serious", "critical")] == []


# Digits as somebody may draw them: the letters are places on a grid, four by seven.
DRAWN = "beiquzAxplhcb bz ebchkvyB abchkjktxAzy bmp,dB dbijopxAy cfiquzAxtsrq adz dcbejpxAzuqoh"
DRAWN += " hcbeijkhA"


def place(letter, left, top, height):
    """Where a letter is, in the pixels of a pad."""
    row, column = divmod(string.ascii_letters.index(letter), 4)
    return left + 0.7 * height * column / 3, top + height * row / 6


def test_a_pad_reads_drawn_digits_if_they_are_prepared(open_page, emulate, mnist_page):
    emulate(prefers_reduced_motion="reduce")  # else the page still scrolls while one draws
    browser, right = open_page(mnist_page), []
    model(browser, "heart")
    pad, clear = (find(browser, f"#play-pad-raw {name}") for name in (".pad", "[data-do=clear]"))
    for at in (80, 50, 180), (8, 8, 110):  # in the middle; small and in a corner
        for digit, drawn in enumerate(DRAWN.split()):
            clear.send_keys(ENTER)
            draw(browser, pad, [[place(k, *at) for k in stroke] for stroke in drawn.split(",")])
            for prepared in "yes", "no":
                find(browser, f"#play-pad-raw [value={prepared}]").send_keys(SPACE)
                browser.execute_async_script(FRAMES)
                right.append(said(browser, "pad-raw", ".said") == f"The model says {digit}.")
    assert "50,000 rows of MNIST; test error 7.75 %" in browser.page_source  # over all of them
    assert "Ready to train on MNIST's 50,000 rows" in said(browser, "mnist-run", ".said")
    prepared, raw = numpy.reshape(right, (2, 10, 2)).sum(axis=1).T
    assert prepared.tolist() == [10, 10]
    assert raw[1] <= 2 < raw[0] < 8
    assert said(browser, "pad-raw", ".verdict").startswith("No.")


PRINTED = """return [...document.querySelectorAll("#play-mnist-run .log div")].map(
  ({ children }) => [...children].map((cell) => cell.textContent));"""


def trained_in_the_page(browser, wanted):
    """What is printed, but the speed; beside each error stand the program's own and a mark."""
    run = find(browser, "#play-mnist-run [data-do=run]")
    wait(browser, lambda: wanted in said(browser, "mnist-run", ".said"))
    begin_anew = "arguments[0].click(); document.querySelector('#play-mnist-run [data-do=reset]')"
    browser.execute_script(f"{begin_anew}.click()", run)
    browser.execute_script("arguments[0].click(); arguments[0].click()", run)  # begin, and stop
    wait(browser, lambda: browser.execute_script(PRINTED))
    assert run.text == "Go on" and len(browser.execute_script(PRINTED)) <= 2
    run.send_keys(ENTER)
    wait(browser, lambda: run.text == "Done")
    *lines, (last,), (speed,) = browser.execute_script(PRINTED)
    for line, published, mark in lines:
        assert line.endswith(f" {published} %") and mark == "✓"
    assert speed.startswith("The code run for 74 epochs, with ")
    assert said(browser, "mnist-run", ".verdict").startswith("All.")
    return [*(line for line, *_ in lines), last]


def test_the_pages_own_digits_print_the_log_that_the_program_prints(browser):
    *told, last = trained_in_the_page(browser, "on 800 rows")
    begins, errors = zip(*(line.split(" validation error ") for line in told))
    assert [*begins] == [f"epoch {i}, minibatch 8/8," for i in range(1, 75)]
    assert last.endswith(f"best validation score of {min(errors, key=lambda it: float(it[:-2]))}")


DROP = """const data = new DataTransfer(), toy = document.querySelector("#play-mnist-run .toy");
data.items.add(new File([new Uint8Array([0x1f, 0x8b, 1])], "mine.gz"));
toy.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));"""
UNCHECKED = "Object.defineProperty(crypto, 'subtle', { value: undefined }); "
NAMED = "mine.gz is none of MNIST's four files: its bytes are others. To train on MNIST, "


def test_files_refused(browser):
    """A file that is none of MNIST's is named; none is taken where none can be checked."""
    model(browser, "heart")
    for before, told in ("", NAMED), (UNCHECKED, "only in a page of its own disk"):
        browser.execute_script(before + DROP)
        wait(browser, lambda told=told: told in said(browser, "mnist-run", ".said"))
    assert find(browser, "#play-mnist-run [data-do=run]").is_enabled()


def test_mnists_files_print_the_tutorials_log(browser, mnist_folder):
    model(browser, "heart")
    browser.execute_script(DROP)
    files = find(browser, "#play-mnist-run [type=file]")
    for name in FILES.values():
        files.send_keys(str(next(mnist_folder.glob(f"{name.name}*"))))
    assert trained_in_the_page(browser, "50,000 rows, 600 a step.") == [*tutorial_log()][3:]
