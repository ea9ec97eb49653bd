"""The tutorial's page in a browser: NumPy, early stopping and the recorded log are its oracles."""

import base64
import codeop
import io
import json
import math
import re
import shutil
import subprocess
import tarfile
from itertools import zip_longest
from pathlib import Path
from typing import Callable, NamedTuple

import numpy
import pytest
from builders import (
    OUT_OF_REACH,
    SAMPLE,
    cost_and_gradients,
    draw,
    is_red_for_and_blue_against,
    press,
    probabilities,
    sample,
    tutorial_log,
)
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from logreg.basics.errors import DownloadError
from logreg.datasets.mnist import FILES
from logreg.early_stopping import EarlyStopping
from logreg.tutorial import text, toy_data
from logreg.tutorial.__main__ import main

pytestmark = pytest.mark.once
FRAMES = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
SPACE, LEFT, DOWN = "\ue00d\ue012\ue015"
# The models are a promise that the page keeps once it has drawn.
MODEL = """const [name, done] = arguments; (function look() {
  const trainer = tutorial[name];
  if (!trainer) return requestAnimationFrame(look);
  const { W, b, V = [] } = trainer.model;
  done([[...W], [...b], trainer.history, [...V]]);
})();"""
SET = """const [input, value] = arguments;
input.value = value;
for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));"""
SAYS = "(node.ariaLabel || node.textContent).replaceAll('−', '-')"
PRESS = "for (const button of arguments) button.click()"  # faster than a hand
OPEN = "for (const node of document.querySelectorAll('main details')) node.open = true"
BAR = "[parseFloat(node.style.width), parseFloat(node.style.left) || 0]"


@pytest.fixture(scope="module")
def page(tmp_path_factory, cli):
    """The page as it is written where there is no network, and no MNIST."""

    def fetch():
        raise DownloadError("there is no network")

    folder = tmp_path_factory.mktemp("tutorial")
    shutil.copy(SAMPLE, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("logreg.datasets.mnist.search_folders", lambda: [folder])
        patch.setattr("logreg.datasets.mnist.fetch", fetch)
        done = cli("tutorial.__main__", "--output", folder / "tutorial.html")
        assert "mnist_sample, of 5,000 rows: " in done.err
        cli("tutorial.__main__", "--mnist", "--output", folder / "mnist.html", code=1)
    return folder / "tutorial.html"


@pytest.fixture
def browser(open_page, page):
    """The page with all chapters at once."""
    return open_page(page, "?all")


def find(browser, selector):
    return browser.find_element("css selector", selector)


def shown(browser, selector, what="node.textContent"):
    """What JavaScript tells of each node that a selector finds."""
    nodes = f"[...document.querySelectorAll(`{selector}`)]"
    return browser.execute_script(f"return {nodes}.map((node) => {what})")


def wait(browser, until):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 600, 0.1).until(lambda _: until())


def numbers_in(text):
    """The numbers of a text, in which commas group digits."""
    found = re.findall(r"-?\d+(?:\.\d+)?", text.replace("−", "-").replace(",", ""))
    return [*map(float, found)]


def full_run(browser):
    """The weights and the bias of the full run, which the page has."""
    facts = json.loads(find(browser, "#facts").get_property("textContent"))
    W, b = (numpy.frombuffer(base64.b64decode(facts[name]), "float32") for name in "Wb")
    return W.reshape(784, 10).astype(float), b.astype(float)


def digits(n):
    """The first n digits of the page, and the 200 that validate: x and y of each."""
    x, y = sample()["x_train"][:1000].reshape(-1, 784) / 256, sample()["y_train"][:1000]
    return (x[:n], y[:n]), (x[800:], y[800:])


class Toy:
    """A thing to play with in the page."""

    def __init__(self, browser, name):
        self.browser = browser
        self.name = name

    def find(self, selector):
        return find(self.browser, f"#play-{self.name} {selector}")

    def said(self, selector="output"):
        return self.find(selector).get_property("textContent")

    def press(self, action):
        """Press a button, and wait for the end of a run."""
        press(self.find(f"[data-do={action}]"))
        self.browser.execute_async_script(FRAMES)
        wait(self.browser, lambda: "Pause" not in self.shown(".main"))

    def choose(self, name, value):
        press(self.find(f"[name={self.name}-{name}][value='{value}']"))

    def model(self):
        """W, b, the progress, the losses and the error so far of what it trains; V of a net."""
        W, b, history, V = self.browser.execute_async_script(MODEL, self.name)
        return numpy.reshape(W, (-1, len(b))), b, history, V

    def shown(self, selector, what="node.textContent"):
        """What JavaScript tells of each node of the toy that a selector finds."""
        return shown(self.browser, f"#play-{self.name} :is({selector})", what)

    def check_texts(self, expected):
        """Compare the texts of the nodes that selectors find."""
        for selector, texts in expected.items():
            assert self.shown(selector, SAYS) == texts, selector

    def pictures(self, selector):
        """The pixels of canvases: red, green, blue, and how opaque they are."""
        urls = self.shown(selector, "node.toDataURL().split(',')[1]")
        images = [Image.open(io.BytesIO(base64.b64decode(url))).convert("RGBA") for url in urls]
        return numpy.array([numpy.reshape(image, (-1, 4)) for image in images], int)

    def check_bars(self, selector, lengths, starts=0):
        """Compare bars with percentages of their place."""
        expected = numpy.transpose([lengths, starts + 0 * lengths])
        assert_allclose(self.shown(selector, BAR), expected, atol=1e-3)

    def colours(self, selector):
        """Red, green and blue of the backgrounds of nodes."""
        colours = self.shown(selector, "getComputedStyle(node).backgroundColor")
        return [[*map(int, re.findall(r"\d+", colour))] for colour in colours]

    def check_signed(self, selector, values):
        """Compare the signs in pictures with those of numbers, a column each."""
        for picture, column in zip(self.pictures(selector), values.T):
            assert is_red_for_and_blue_against(picture, column)

    def check_chart(self, selector, curves, scale=numpy.array):
        """Compare a chart's curves with points, by what stands at its ticks."""
        lines = []
        for anchor, key, by in ("middle", "x", numpy.array), ("end", "y", scale):
            what = f"[node.textContent.replace(/[ ,%]/g, ''), node.{key}.baseVal[0].value]"
            ticks = self.shown(f"{selector} [text-anchor={anchor}]", what)
            values, at = numpy.array(ticks, float).T
            lines.append(numpy.poly1d(numpy.polyfit(by(values), at, 1)))
        what = "node.getAttribute('transform') || node.getAttribute('d')"
        paths = self.shown(f"{selector} :is(.curve, .remaining, .spot)", what)
        for path, (x, y) in zip_longest(paths, map(numpy.transpose, curves)):
            expected = numpy.transpose([lines[0](x), lines[1](scale(y)) - 4]).ravel()
            assert_allclose([*map(float, re.findall(r"[\d.]+", path))], expected, atol=0.2)


class Trained(NamedTuple):
    """What a toy that trains says and draws."""

    place: str  # of what says how far it is
    start: str  # before the first step
    text: str  # after it
    charts: list  # of each: place, and columns of the history
    scale: Callable = numpy.array  # of their heights
    n_out: int = 10
    size: int = 100
    rate: float = 0.13
    spacing: float = 0.5  # of the curves, in epochs or steps
    length: int = 40  # of a run


ON_POINTS = "loss {cost:.3f}, {own} of 60 wrong. Of 60 new points: loss {loss:.3f}, {new} wrong."
TRAINED = {
    "plane": Trained(
        "svg[role], .said",
        "No step yet, all scores are zero, and class 0 takes every point: loss 1.099, ",
        "Epoch {at}, step {n}: " + ON_POINTS,
        [(".chart", (2, 1))],
        numpy.log,
        n_out=3,
    ),
    "training": Trained(
        ".said",
        "no step yet, all weights are zero; cost 2.303; ",
        "epoch {at}, step {n}; cost {cost:.3f}; {new} of 200 wrong, {error:.1f} %",
        [(".cost", (1,)), (".error", (3,))],
    ),
    "heart": Trained(
        ".losses, .said",
        "Step 0: training loss 2.30, ",
        "Step {n}: training loss {cost:.2f}, validation loss {loss:.2f} "
        "(the lowest was {lowest:.2f}), {new} of 200 wrong.",
        [(".losses", (2, 1))],
        rate=0.5,
        spacing=5,
        length=300,
    ),
    "net": Trained(
        ".said",
        "Step 0: ",
        "Step {n}: " + ON_POINTS,
        charts=[],
        n_out=2,
        size=60,
        rate=0.5,
        spacing=400,
        length=400,
    ),
}


class TrainingToy(Toy):
    """A toy that trains, and softmax regression in NumPy that takes the same steps.

    Softmax regression takes x, or in the net the tanh units of x, whose weights are V.
    """

    def __init__(self, browser, name, settings):
        super().__init__(browser, name)
        self.model()  # it is ready
        self.toy = TRAINED[name]
        self.settings = {"size": self.toy.size, "decay": 0, "rate": self.toy.rate}
        for setting in settings.items():
            self.choose(*setting)
        self.sets = digits(settings.get("rows", 800))
        if name in ("plane", "net"):
            self.sets = toy_data.plane(), toy_data.plane(seed=4)
        if name == "net":  # one positive and one negative input
            self.sets = [(x, (x.prod(axis=1) < 0).astype(int)) for x, _ in self.sets]
        self.n_rows = len(self.sets[0][1])
        self.unit = 100 if name == "heart" else self.n_rows  # the progress counts steps, or epochs
        self.reset()

    def reset(self):
        n_in, n_out = self.sets[0][0].shape[1], self.toy.n_out
        self.V = numpy.zeros(0)
        if self.name == "net":
            n_in = self.settings["units"]
            angles = numpy.arange(n_in) * (self.settings["start"] == "different")
            self.V = numpy.stack([numpy.cos(angles), numpy.sin(angles), 0 * angles])
        self.params = numpy.zeros((n_in, n_out)), numpy.zeros(n_out)
        self.first = self.n = self.seen = 0
        self.points = {}
        self.measure()

    def taken(self, x):
        """What softmax regression takes of rows."""
        if self.name == "net":
            return numpy.tanh(numpy.c_[x, numpy.ones(len(x))] @ self.V)
        return x

    def scores(self, x):
        W, b = self.params
        return self.taken(x) @ W + b

    def is_wrong(self):
        """For each training row, and for each that tests."""
        return [self.scores(x).argmax(axis=1) != y for x, y in self.sets]

    def numbers(self):
        """Both losses, on rows to learn from and on others, and how many are wrong."""
        cost, loss = [cost_and_gradients(self.taken(x), y, *self.params)[0] for x, y in self.sets]
        own, new = self.is_wrong()
        error = 100 * new.mean()
        return {"cost": cost, "loss": loss, "error": error, "own": own.sum(), "new": new.sum()}

    def measure(self):
        self.points[self.seen / self.unit] = self.numbers()

    def step(self):
        size, rate, decay = (self.settings[name] for name in ("size", "rate", "decay"))
        if self.first + size > self.n_rows:
            self.first = 0
        x, y = (array[self.first : self.first + size] for array in self.sets[0])
        W, b = self.params
        taken = self.taken(x)
        _, dW, db = cost_and_gradients(taken, y, W, b)
        if self.name == "net":
            gap = probabilities(taken, W, b) - numpy.eye(2)[y]
            slopes = numpy.c_[x, numpy.ones(size)].T @ (gap @ W.T * (1 - taken**2))
            self.V = self.V - rate / size * slopes
        self.params = W - rate * (dW + 2 * decay * W), b - rate * db
        self.n += 1
        self.first += size
        self.seen += size
        if self.seen % (self.toy.spacing * self.unit) < size:
            self.measure()

    def choose(self, name, value):
        super().choose(name, value)
        self.settings[name] = value

    def press(self, action):
        """Press a button, and take the steps in NumPy."""
        super().press(action)
        if action == "reset":
            self.reset()
            return
        length = self.toy.length * self.unit
        rows = {"step": 1, "epoch": self.n_rows, "run": length}[action]
        end = (self.seen // rows + 1) * rows
        while self.seen < end:
            self.step()

    def check(self):
        """Compare the model, the texts and the curves with NumPy's."""
        *params, history, V = self.model()
        for array, expected in zip([*params, V], [*self.params, self.V.ravel()]):
            assert_allclose(array, expected, rtol=0, atol=1e-6)
        at = self.seen / self.unit
        numbers = self.numbers()
        points = {**self.points, at: numbers}
        columns = [[point[name] for point in points.values()] for name in ("cost", "loss", "error")]
        expected = numpy.transpose([[*points], *columns])
        assert_allclose(history * numpy.array([1, 1, 1, 100]), expected, rtol=1e-5)
        place, start, text, charts, scale, *_ = self.toy
        numbers.update(n=self.n, at=f"{at:.1f}".replace(".0", ""), lowest=min(columns[1]))
        for seen in self.shown(place, SAYS):
            assert (text.format(**numbers) if self.n else start) in seen
        for selector, columns in charts:
            curves = [expected[:, [0, column]] for column in columns]
            self.check_chart(selector, curves, scale)
        if self.name in ("plane", "net"):
            self.check_points()
            self.check_regions()
        if self.name == "training":
            self.check_digits()
        for path, (v, w, c) in zip_longest(self.shown(".unit", "node.getAttribute('d')"), self.V.T):
            ends = numpy.reshape(re.findall(r"[-\d.]+", path), (2, 2)).astype(float)
            places = (ends / 200 - 1) * (2.6, -2.6) + (0, 0.2)
            assert_allclose(places @ (v, w) + c, 0, atol=1e-4)  # there the unit is 0

    def check_points(self):
        """Where the points are, and that wrong ones are hollow."""
        (x, y), (tested, y_tested) = self.sets
        fills = [f"var(--class-{k})" for k in [*y_tested, *y]]
        for i in numpy.flatnonzero(self.is_wrong()[0]):
            fills[60 + i] = "var(--card)"
        assert self.shown("[transform]", "node.getAttribute('fill')") == fills
        what = "[...'ef'].map((it) => node.transform.baseVal[0].matrix[it])"
        places = 200 + (numpy.r_[tested, x] - (0, 0.2)) * (200 / 2.6, -200 / 2.6)
        assert_allclose(self.shown("[transform]", what), places, 1e-5)

    def check_regions(self):
        """The class that leads has its green, but for lines between the classes."""
        (picture,) = self.pictures(".regions")
        if not self.n:
            assert not picture.any()
            return
        side = math.isqrt(len(picture))
        at = ((numpy.arange(side) + 0.5) / side * 2 - 1) * 2.6
        x, y = numpy.meshgrid(at, 0.2 - at)
        classes = self.scores(numpy.c_[x.ravel(), y.ravel()]).argmax(axis=1)
        is_tint = abs(picture[:, 1] - numpy.take((70, 91, 124), classes)) < 6
        assert is_tint.mean() > 0.95

    def check_digits(self):
        """The weights, and the digits that validate: those that are wrong are inverted."""
        self.check_signed(".here canvas", self.params[0])
        red, *_ = numpy.moveaxis(self.pictures(".tested"), -1, 0).reshape(4, 8, 28, 25, 28)
        is_inverted = red.mean(axis=(1, 3)).ravel() < 128
        assert_array_equal(is_inverted, self.is_wrong()[1])


PLANE = ["step", "step", "step", "reset", "step", ("size", 6), "epoch"]
TRAININGS = [
    ("plane", {"size": 1, "rate": 100}, PLANE),
    ("training", {"size": 800}, ["step", "step", ("size", 100), "step", "epoch", "reset"]),
    ("heart", {"rows": 100, "decay": 0}, ["run", "run"]),
    ("heart", {"rows": 200, "decay": 0.003}, ["run"]),
    ("net", {"units": 1, "start": "equal"}, ["run"]),
    ("net", {"units": 4, "start": "different"}, ["run"]),
    ("net", {"units": 8, "start": "equal"}, ["run"]),
]


@pytest.mark.parametrize("name, settings, actions", TRAININGS)
def test_toys_train_as_numpy_does(browser, emulate, name, settings, actions):
    emulate(prefers_reduced_motion="reduce")  # a run shows its end
    toy = TrainingToy(browser, name, settings)
    toy.check()
    for action in actions:
        if isinstance(action, tuple):
            toy.choose(*action)
        else:
            toy.press(action)
        toy.check()


MAIN, RESET, EPOCH, STEP = ".main", "[data-do=reset]", "[data-do=epoch]", "[data-do=step]"
# With the numbers that the toy says.
FIRST_STEP = "It leaves {1} of 200 wrong, while the cost hardly moves: from 2.303 to {0}. "
# A toy; what brings the answer at once; what is used then, without an answer; what brings it
# again; how the answer begins.
ANSWERS = [
    ("softmax", [MAIN], [], [MAIN], "Nothing. "),
    ("plane", [MAIN], ["[value='1']", EPOCH, RESET], ["[value='100']", EPOCH], "It swings. "),
    ("training", [MAIN], ["[value='100']", STEP, RESET], ["[value='800']", STEP], FIRST_STEP),
    ("heart", [MAIN], ["[value='800']", MAIN], ["[value='100']", MAIN], "It falls fast, turns"),
    ("patience", ["[name$=-patience]"], ["[name$=-increase]"], ["[name$=-patience]"], "No: "),
    ("pad-raw", ["[value=yes]"], ["[value=no]"], ["[value=yes]"], "No. The ink is"),
    ("net", [MAIN], ["[value=different]", MAIN], ["[value=equal]", MAIN], "It stays straight. "),
    ("mnist-run", [MAIN], [], [MAIN], "All. "),
]


def use(node, by):
    """Use a control by keys, a mouse or a finger; patience goes to its least value."""
    is_slider = node.get_attribute("type") == "range"
    if by == "keys":  # a key that a control does not take scrolls the page, and a press may miss
        node.send_keys(LEFT * 18 if is_slider else SPACE)
    elif is_slider:
        press(node, by, 3 - node.rect["width"] // 2)
    else:
        press(node, by)


@pytest.mark.parametrize("name, asked, others, again, begins", ANSWERS)
def test_the_answer_comes_after_what_was_asked_for(
    browser, emulate, name, asked, others, again, begins
):
    emulate(390, prefers_reduced_motion="reduce")
    toy = Toy(browser, name)
    browser.execute_async_script(MODEL, "heart")

    def use_each(selectors, by):
        for selector in selectors:
            use(toy.find(f".toy > :not(.predict) {selector}, .toy > {selector}"), by)
            wait(browser, lambda: not browser.find_elements("css selector", "[aria-busy]"))

    def guess(kind, by):
        label = toy.find(f".predict label{kind}")
        use(label.find_element("css selector", "input"), by)
        assert toy.said(".verdict") == ""
        return label.text

    def check(words):
        wait(browser, lambda: toy.said(".verdict"))
        numbers = sum(re.findall(r"cost ([\d.]+); (\d+)", toy.said(".toy")), ())
        assert toy.said(".verdict").startswith(words + begins.format(*numbers))
        assert "guess" not in browser.current_url

    guess("[data-right]", "keys")
    use_each(asked, "keys")
    check("You were right. ")
    use_each([RESET, *others], "mouse")
    wrong = guess(":not([data-right])", "touch")
    use_each(again, "touch")
    check(f"You guessed “{wrong}”. ")


WATCH = """const play = document.getElementById("play-plane"), shown = [];
const said = play.querySelector(".said"), run = play.querySelector("[data-do=run]");
let now = 1e12; // a clock that no busy machine slows
window.requestAnimationFrame = (call) => setTimeout(() => call(now += 160));
window.ended = new Promise((done) => {
  const observer = new MutationObserver(() => {
    shown.push([said.textContent, run.textContent, play.ariaBusy]);
    if (run.textContent !== "Pause") { observer.disconnect(); done(shown); }
  });
  observer.observe(said, { childList: true });
});"""


def test_a_run_is_forty_epochs_that_one_sees(browser):
    toy = Toy(browser, "plane")
    toy.choose("size", 60)
    for n in 40, 80:
        browser.execute_script(WATCH)
        press(toy.find("[data-do=run]"))
        shown = browser.execute_async_script("ended.then(arguments[0])")
        *_, (_, *busy), (end, *idle) = shown
        assert (busy, idle) == (["Pause", "true"], ["Run 40 epochs", None])
        assert end.startswith(f"Epoch {n}, step {n}: loss ")


# The clock of the page stands still, so that a run takes no step and does not end.
STANDING = (
    "const call = requestAnimationFrame; requestAnimationFrame = (run) => call(() => run(1e12))"
)
# A toy; what is pressed while a run is under way, and what is said then.
STOPS = [
    ("plane", "[data-do=run]", "No step yet, "),
    ("training", "[data-do=step]", "epoch 1, step 1; "),
    ("net", "[value=different]", "Step 0: "),
]


@pytest.mark.parametrize("name, pressed, said", STOPS)
def test_what_else_is_pressed_stops_a_run(browser, name, pressed, said):
    toy = Toy(browser, name)
    toy.model()
    browser.execute_script(STANDING)
    run = toy.find("[data-do=run]")
    label = run.text
    press(run)
    assert run.text == "Pause"
    press(toy.find(pressed))
    assert run.text == label and toy.said(".said").startswith(said)


def stop(*settings):
    """The numbers that are said of early stopping on the recorded run, and what charts draw."""
    stopping = EarlyStopping(*settings)
    curve = [(n + 1, errors / 96) for n, errors in enumerate(toy_data.validations())]
    bought, vain, left = [], [], [(0, settings[0])]
    for epoch, error in curve:
        iter = 83 * epoch - 1
        if stopping.is_over(iter - 1):
            break
        before = stopping.patience
        left.append((iter, before - iter))
        if stopping.update(iter, error):
            (bought if stopping.patience > before else vain).append([(epoch, error)])
            left.append((iter, stopping.patience - iter))
    last = math.ceil(stopping.patience)
    ends = [250]
    if stopping.is_over(83 * 250 - 1):
        ends = [last // 83 + 1, last + 1]
        left.append((stopping.patience, 0))
    best = stopping.best_iter // 83 + 1
    errors = [curve, curve[: (last + 1) // 83], *vain, *bought, [curve[best - 1]]]
    return [*ends, best, stopping.best_value], errors, [[*left, (left[-1][0], 0), (0, 0)]]


def test_patience_stops_where_early_stopping_does(browser):
    toy, draw = Toy(browser, "patience"), numpy.random.RandomState(0).randint
    for _ in range(40):
        settings = 250 * int(draw(2, 81)), draw(10, 31) / 10, draw(180, 201) / 200
        for name, value in zip(("patience", "increase", "threshold"), settings):
            browser.execute_script(SET, toy.find(f"[name=patience-{name}]"), value)
        numbers, errors, left = stop(*settings)
        for says in toy.shown("output, .errors", SAYS):
            assert_allclose(numbers_in(says), numbers, atol=0.005)
        toy.check_chart(".errors", errors)
        toy.check_chart(".left", left)
    toy.press("reset")
    assert_allclose(numbers_in(toy.said()), stop(5000, 2, 0.995)[0], atol=0.005)


def test_softmax_is_numpys_whatever_is_moved_and_comes_back_by_its_address(browser, emulate):
    emulate(prefers_reduced_motion="reduce")  # or the page still scrolls when reset is pressed
    toy, random = Toy(browser, "softmax"), numpy.random.RandomState(0)

    def check(z):
        (p,) = probabilities(z[None], numpy.eye(3), 0)
        texts = [text for score, q in zip(z, p) for text in (f"{score:.1f}", f"{q:.3f}")]
        toy.check_texts({".number": texts})
        toy.check_bars("i", 100 * p)
        first, second, _ = numpy.argsort(-z, kind="stable")
        expected = [first, second, z[first] - z[second], p[first] / p[second]]
        assert_allclose(numbers_in(toy.said()), expected, rtol=5e-4, atol=1e-9)
        # No button moves a score beyond the end of its slider.
        is_enabled = toy.shown("[data-do=more], [data-do=double]", "!node.disabled")
        assert is_enabled == [max(z) <= 5, max(abs(z)) <= 3]

    for z in random.randint(-90, 91, (20, 3)) / 10:
        for k in range(3):
            browser.execute_script(SET, toy.find(f"[name=z{k}]"), z[k])
        check(z.clip(-6, 6))  # the ends of the slider
    toy.press("reset")
    for action, z in ("more", [3, 2, 1]), ("double", [6, 4, 2]):
        toy.press(action)
        check(numpy.array(z))
    address, state = browser.current_url, toy.shown(".row, output")
    browser.get("about:blank")
    browser.get(address)
    wait(browser, lambda: toy.shown("output"))  # a busy machine makes the toys later
    assert toy.shown(".row, output") == state
    toy.press("reset")
    check(numpy.array([2, 1, 0]))


ANOTHER = """history.replaceState = () => null; // or Chromium says that it was called too often
for (let i = 0; i < arguments[0]; i++) arguments[1].click(); // faster than a hand"""


def test_the_ten_sums_are_numpys(browser):
    toy = Toy(browser, "sums")
    Toy(browser, "training").model()  # the digits are read
    W, b = full_run(browser)
    _, (tested, labels) = digits(1000)
    first = int(numpy.argmax(labels == 3))
    for n, row, k in (0, first, 5), (199, first - 1, 0):  # after the last comes the first
        browser.execute_script(ANOTHER, n, toy.find("[data-do=another]"))
        browser.execute_async_script(FRAMES)
        x = tested[row]
        sums = x @ W + b
        best = sums.argmax()
        assert toy.find(":checked").get_attribute("value") == str(best)
        toy.choose("digit", k)
        half = 50 / max(6, abs(sums).max()) * sums
        toy.check_bars(".signed i", abs(half), 50 + numpy.minimum(half, 0))
        for (red, _, blue), z in zip(toy.colours(".signed i"), sums):
            assert (red > blue) == (z > 0)
        toy.check_signed(".product", (x * W[:, k])[:, None])
        expected = [k, x @ W[:, k], k, b[k], sums[k], best, best]
        assert_allclose(numbers_in(toy.said(".said")), expected, atol=0.00501)
        numbers = [f"{z:.1f}" for z in sums]
        toy.check_texts({".number": numbers, ".number.best": [numbers[best]]})


def test_a_drawn_digit_gets_an_answer(browser):
    toy = Toy(browser, "draw")
    Toy(browser, "training").model()  # the digits are read
    assert toy.said() == "3"
    for by in "keys", "mouse", "touch":
        if by == "keys":
            toy.find(".pad").send_keys(SPACE, DOWN * 12)
        else:
            draw(browser, toy.find(".pad"), [[(140, 30), (140, 250)]], by)
        browser.execute_async_script(FRAMES)
        assert toy.said() == "1"
        toy.press("undo")
        assert toy.said() == "?"


def test_a_pad_that_can_fail(browser):
    toy = Toy(browser, "pad-raw")
    W, b = full_run(browser)
    for prepared in "no", "yes", "no":
        # What the model says is hidden until it is guessed.
        hidden = "Guess, or prepare the three, to see what the model says."
        toy.check_texts({".number": ["?"] * 10, ".said": [hidden]})
        toy.check_bars("i", numpy.zeros(10))
        if prepared == "no":
            press(toy.find(".predict label"))
        toy.choose("prepared", prepared)
        (p,) = probabilities(toy.pictures(".seen")[:, :, 0] / 256, W, b)
        assert (p.argmax() == 3) == (prepared == "yes")
        toy.check_bars("i", 100 * p)
        texts = [f"{100 * q:.0f} %" for q in p]
        toy.check_texts({".number": texts, ".said": [f"The model says {p.argmax()}."]})
        toy.press("clear")
        assert toy.said(".said") == "Draw a digit, anywhere, of any size."
        toy.press("reset")


OWN = "Ready to train on 800 rows of this page, 100 a step."
READY = "Ready to train on MNIST's 50,000 rows, 600 a step."


class Log(Toy):
    """The toy that prints the program's log."""

    def __init__(self, browser):
        super().__init__(browser, "mnist-run")
        self.run = self.find("[data-do=run]")

    def lines(self):
        """What is printed: on a line the text, and the program's own error and a mark."""
        return self.shown(".log div", "[...node.children].map((cell) => cell.textContent)")

    def wait_for(self, line):
        wait(self.browser, lambda: self.said(".said") == line)

    def train(self):
        """Train to the end; return the lines, without the marks and the speed."""
        self.browser.execute_script(PRESS, self.run, self.run)  # begin, and stop
        wait(self.browser, self.lines)
        assert self.run.text == "Go on" and len(self.lines()) <= 2
        # The second epoch is under way at the third.
        self.browser.execute_script(PRESS, self.run, self.run, self.run)
        wait(self.browser, lambda: self.run.text == "Done")
        assert not self.run.is_enabled()
        *lines, (last,), (speed,) = self.lines()
        for line, published, mark in lines:
            assert line.endswith(f" {published} %") and mark == "✓"
        assert speed.startswith("The code run for 74 epochs, with ")
        assert numbers_in(self.said(".said"))[:3] == [len(lines), len(lines), 74]
        assert self.pictures(".here canvas")[:, :, 2].std(axis=1).min() > 9
        return [*(line for line, *_ in lines), last]


def test_the_pages_own_digits_print_the_log_that_the_program_prints(browser):
    toy = Log(browser)
    toy.wait_for(OWN)
    *lines, last = toy.train()
    begins, errors = zip(*(line.split(" validation error ") for line in lines))
    assert [*begins] == [f"epoch {i}, minibatch 8/8," for i in range(1, 75)]
    assert last.endswith(f"best validation score of {min(errors, key=lambda it: float(it[:-2]))}")
    toy.press("reset")
    toy.check_texts({".main": ["Train"], ".log div": [], ".verdict": [""], ".said": [OWN]})


DROP = """const data = new DataTransfer(), toy = document.querySelector("#play-mnist-run .toy");
data.items.add(new File([new Uint8Array([0x1f, 0x8b, 1])], "mine.gz"));
if (toy.dispatchEvent(new DragEvent("dragover", { cancelable: true }))) throw Error("not here");
toy.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));"""
UNCHECKED = "Object.defineProperty(crypto, 'subtle', { value: undefined }); "
NAMED = "mine.gz is none of MNIST's four files: its bytes are others. To train on MNIST, "
NAMED += f"train-images-idx3-ubyte and train-labels-idx1-ubyte has to be there. {OWN}"
ONLY = f"This browser checks files only in a page of its own disk or of an https address. {OWN}"


def test_files_refused(browser):
    """A file that is none of MNIST's is named; none is taken where none can be checked."""
    toy = Log(browser)
    toy.wait_for(OWN)
    for before, line in ("", NAMED), (UNCHECKED, ONLY):
        browser.execute_script(before + DROP)
        toy.wait_for(line)
    assert toy.run.is_enabled()


def test_mnists_files_print_the_tutorials_log(browser, mnist_folder):
    lacking = "To train on MNIST, train-labels-idx1-ubyte has to be there. "
    first = lacking.replace(", ", ", train-images-idx3-ubyte and ", 1)
    images, labels, *tests = (str(next(mnist_folder.glob(f"{it.name}*"))) for it in FILES.values())
    given = (tests, first + OWN), ([images], lacking + OWN), ([labels], READY)
    toy = Log(browser)
    toy.wait_for(OWN)
    for paths, line in given:
        toy.find("[type=file]").send_keys("\n".join(paths))
        toy.wait_for(line)
    assert toy.train() == [*tutorial_log()][3:]


def test_no_toy_has_a_term_before_the_text_explains_it(browser):
    prose = re.sub("(?s)```.*?```", "", text.TEXT.read_text("utf-8"))
    terms = {}
    for match in re.finditer(r"(?<![*\w])\*(\w[\w\s–-]*)\*(?![*\w])", prose):
        terms.setdefault(" ".join(match[1].lower().split()), match.start())
    assert len(terms) > 50
    for match in re.finditer(r"<!-- play: ([\w-]+) -->", prose):
        shown = Toy(browser, match[1]).said(".toy").lower()
        later = [term for term, at in terms.items() if at > match.start()]
        assert [term for term in later if re.search(rf"\b{term}(s|es)?\b", shown)] == [], match[1]


# What has a colour, and neither is a class, nor says for or against, nor that two lines are equal.
COLOURED = """const own = ".for, .against, .scale i, .field *, #play-softmax i, .equal, canvas";
return [...document.querySelectorAll(".toy *")].filter((node) => {
  const { color, backgroundColor, fill, stroke } = getComputedStyle(node);
  return !node.matches(own) && [color, backgroundColor, fill, stroke].some((colour) => {
    const [red, , blue] = colour.match(/[\\d.]+/g) || [0, 0, 0];
    return Math.abs(red - blue) > 12;
  });
}).map((node) => node.outerHTML);"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_colour_in_a_toy_is_a_class_or_for_or_against(browser, emulate, scheme):
    emulate(prefers_color_scheme=scheme)
    assert browser.execute_script(COLOURED) == []


def test_a_page_with_mnists_files_takes_them(open_page, mnist_folder, monkeypatch):
    monkeypatch.setenv("LOGREG_DATA", str(mnist_folder))
    assert main(["--mnist", "--home", "https://x.y/"]) == 0
    page = Path("tutorial_mnist.html")
    page.write_text(page.read_text("utf-8").replace("12.458333", "12.468750"), "utf-8")
    toy = Log(open_page(page))
    toy.wait_for(READY)
    for part in 'href="https://x.y/logreg/train.py"', "50,000 rows of MNIST; test error 7.75 %":
        assert part in toy.browser.page_source
    toy.browser.execute_script(PRESS, toy.run, toy.run)
    wait(toy.browser, toy.lines)  # one epoch, whose first error is not the program's
    assert [mark for _, _, mark in toy.lines()] == ["✗", "✓"]
    assert toy.said(".said").startswith("1 of 2 errors are those of the program")


def test_the_page_is_small_and_tells_of_the_sample(browser, page):
    assert page.stat().st_size < 1e6
    told = "5,000 rows of mnist_sample, as MNIST could not be had; test error 10.90 %"
    assert told in Toy(browser, "training").said(".toy")
    chapters = shown(browser, "h2", "'#' + node.id")
    assert shown(browser, "#contents a", "node.hash") == chapters
    loaded = "document.fonts.ready.then((fonts) => arguments[0]([...fonts].map((f) => f.status)))"
    assert browser.execute_async_script(loaded) == ["loaded"]  # the letters of the formulas


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


@pytest.mark.parametrize("width", [360, 390, 800, 1200])
def test_it_fits_every_window_and_nothing_moves_when_it_is_used(browser, emulate, width):
    emulate(width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert bool(find(browser, "#contents details").get_attribute("open")) == (width == 1200)
    Toy(browser, "heart").model()
    browser.execute_async_script(FRAMES)  # a page that has changed its width draws in the next one
    assert {*browser.execute_script(CHARTS)} == {1}  # drawn anew
    if width in (390, 1200):  # between, what is said after a step may take a line more than before
        for toy in browser.find_elements("css selector", ".toy, .question"):
            assert browser.execute_async_script(USE, toy) == []


def test_on_paper_pictures_take_the_place_of_what_moves(browser, emulate):
    for medium in "screen", "print":
        emulate(media=medium)
        for nodes, place in (".play > p", "print"), (".play .toy", "screen"):
            found = shown(browser, nodes, "node.checkVisibility()")
            assert len(found) >= 8 and {*found} == {medium == place}
    assert not find(browser, ".is-answer").is_displayed()
    browser.execute_script("document.querySelector('main details').open = true")  # by its reader
    closed = "return document.querySelectorAll('main details:not([open])').length"
    n = browser.execute_script(closed)
    event = f"dispatchEvent(new Event(arguments[0])); {closed}"
    assert browser.execute_script(event, "beforeprint") == 0
    assert browser.execute_script(event, "afterprint") == n > 0


def test_questions_answer(browser):
    written = text.TEXT.read_text("utf-8")
    reasons = re.findall(r"<summary>([A-D])\. .+</summary>\n\n(\w+)", written)
    assert len(reasons) == 14 * 3 == 3 * [word for _, word in reasons].count("Yes")
    told = []
    for question in browser.find_elements("css selector", ".question"):
        for label in question.find_elements("css selector", "label"):
            press(label)
            said = question.find_element("css selector", "[role=status]").text
            is_right = label.get_attribute("data-right") is not None
            told.append((label.text[0], re.match(r"\w+", said).group(), is_right))
    assert told == [(letter, word, word == "Yes") for letter, word in reasons]
    assert len(browser.find_elements("css selector", ".question :checked")) == 14


# As if there were a clipboard.
CLIPBOARD = "window.copied = []; navigator.clipboard.writeText = (text) => copied.push(text)"


def test_examples_are_copied_so_that_pythons_shell_takes_them(browser):
    blocks = [block.content for block in text.blocks() if block.kind == "pycon"]
    compiling = codeop.CommandCompiler()
    browser.execute_script(f"{OPEN}; {CLIPBOARD}")
    for button in browser.find_elements("css selector", ".code:has(.language-pycon) button"):
        press(button)
    copied = browser.execute_script("return copied")
    assert len(copied) == len(blocks)
    for example, block in zip(copied, blocks):
        source = "".join(each.source for each in text.examples(block))
        assert re.findall("(?m)^.*\\S$", example) == re.findall("(?m)^.*\\S$", source)
        typed = []
        for line in example.split("\n"):
            typed.append(line)
            if compiling("\n".join(typed)) is not None:  # a line that begins another statement
                typed = []  # within a block is a SyntaxError
        assert not typed and not re.search(r"(?m)^\S.*\n\n", example), example


def test_the_address_opens_a_thing_at_a_setting(browser, emulate, page):
    emulate(prefers_reduced_motion="reduce")
    address = f"{page.as_uri()}?all&answers"
    browser.get("about:blank")
    browser.get(f"{address}#net?units=2&start=different")
    assert find(browser, "body").get_attribute("class") == "with-answers"
    net = Toy(browser, "net")
    assert len(net.model()[0]) == 2  # units
    assert net.shown(".toy", "node.getBoundingClientRect().bottom > 0") == [True]
    browser.execute_async_script(FRAMES)
    assert shown(browser, CURRENT, "node.hash") == ["#one-layer-below"]
    net.find("[name=net-units][value='2']:checked").send_keys(LEFT)
    assert browser.current_url.endswith("#net?units=1&start=different")
    browser.get(f"{address}#pad-raw?prepared=yes")  # which is no reader's guess
    assert Toy(browser, "pad-raw").shown(".said, .verdict") == ["", "The model says 3."]


CURRENT = "#contents [aria-current]"  # the link to the chapter that is read


def titles_of_the_text():
    prose = re.sub("(?s)```.*?```|<!--.*?-->", "", text.TEXT.read_text("utf-8"))
    return re.findall(r"(?m)^##? (.+)", prose)


def headings(browser):
    """The titles of the chapters that are shown."""
    found = shown(browser, "main > h1, main > h2", "node.checkVisibility() && node.textContent")
    return [title.rstrip("#") for title in found if title]


# How wide the visible charts were when they were drawn, by how wide they are.
CHARTS = """return [...document.querySelectorAll(".chart")].filter((svg) => svg.clientWidth)
  .map((svg) => svg.viewBox.baseVal.width / svg.clientWidth);"""


@pytest.mark.parametrize("width", [390, 1280])
def test_a_chapter_at_a_time(open_page, emulate, page, width):
    emulate(width, prefers_reduced_motion="reduce")
    browser, titles = open_page(page), titles_of_the_text()
    browser.execute_script(OPEN)

    def follow(link):
        press(find(browser, link))
        browser.execute_async_script(FRAMES)

    def check(titles):
        """Just these chapters are shown, and a hand reaches every control."""
        assert headings(browser) == titles
        assert browser.execute_script(OUT_OF_REACH) == []

    charts, current, forward = [], [], []
    for title in titles:
        assert browser.execute_script("return document.documentElement.scrollTop") < 300
        charts += browser.execute_script(CHARTS)
        current += shown(browser, CURRENT)
        forward += shown(browser, ".pager [rel=next]")
        check([title])
        if title != titles[-1]:
            follow(".pager [rel=next]")
    assert {*charts} == {1}  # what was drawn unseen is drawn anew
    assert current == titles[1:]
    assert forward == [f"{title} →" for title in titles[1:]]
    follow(".pager [rel=prev]")
    browser.back()
    browser.execute_async_script(FRAMES)
    check(titles[-1:])
    if width == 390:  # else the contents stand at the side
        follow("#contents summary")
        assert browser.execute_script(OUT_OF_REACH, find(browser, "#contents")) == []
    follow("#contents [href='#loss']")
    check(["3. Loss"])
    browser.get(f"{page.as_uri()}#plane?rate=100")  # a toy's address opens its chapter
    assert headings(browser)[0].startswith("7. ")
    emulate(media="print")
    assert headings(browser) == titles
    emulate()
    follow(".pager a:last-child")
    check(titles)


def test_without_javascript_all_chapters_are_there(chromium, page):
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    chromium.get(page.as_uri())
    titles = headings(chromium)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert titles == titles_of_the_text()


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
    Toy(browser, "softmax").press("more")
    for name in "plane", "training", "net":
        Toy(browser, name).press("step")
    assert all(shown(browser, "canvas", "node.role && node.ariaLabel"))
    browser.execute_script(axe)
    found = browser.execute_async_script("axe.run().then(arguments[0])")["violations"]
    assert [each for each in found if each["impact"] in ("serious", "critical")] == []
