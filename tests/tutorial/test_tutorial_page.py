"""The tutorial's page in a browser: NumPy, early stopping and the recorded log are its oracles."""

import base64
import codeop
import io
import itertools
import json
import math
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import numpy
import pytest
from builders import SAMPLE, cost_and_gradients, probabilities, sample, tutorial_log
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from logreg.basics.errors import DownloadError
from logreg.datasets.mnist import FILES
from logreg.early_stopping import EarlyStopping
from logreg.tutorial import text, toy_data
from logreg.tutorial.__main__ import main

pytestmark = pytest.mark.once
FRAMES = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
SPACE, ENTER, END, HOME, LEFT, RIGHT, DOWN = "\ue00d\ue007\ue010\ue011\ue012\ue014\ue015"
PLAYS = ("sums", "softmax", "plane", "training", "heart", "patience", "mnist-run", "pad-raw")
# The models are a promise that the page keeps once it has drawn.
MODEL = """const [name, done] = arguments; (function look() {
  const trainer = tutorial[name];
  if (!trainer) return requestAnimationFrame(look);
  done([[...trainer.model.W], [...trainer.model.b], trainer.history]);
})();"""


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
        assert (done.code, done.out) == (0, "") and "mnist_sample, of 5,000 rows: " in done.err
        cli("tutorial.__main__", "--mnist", "--output", folder / "mnist.html", code=1)
    return folder / "tutorial.html"


@pytest.fixture
def browser(open_page, page):
    """The page with all chapters at once."""
    return open_page(page, "?all")


def find(browser, selector):
    return browser.find_element("css selector", selector)


def model(browser, name):
    """A model that learns in the page: W, b, and its progress, costs and error so far."""
    W, b, history = map(numpy.array, browser.execute_async_script(MODEL, name))
    return W.reshape(-1, len(b)), b, history


def shown(browser, name, selector, what="node.textContent"):
    """What JavaScript tells of each node that a selector finds in a thing to play with."""
    nodes = f"[...document.querySelectorAll(`#play-{name} {selector}`)]"
    return browser.execute_script(f"return {nodes}.map((node) => {what})")


def pictures(browser, name, selector):
    """The pixels of canvases: red, green, blue, and how opaque they are."""
    urls = shown(browser, name, selector, "node.toDataURL().split(',')[1]")
    images = [Image.open(io.BytesIO(base64.b64decode(url))).convert("RGBA") for url in urls]
    return numpy.array([numpy.reshape(image, (-1, 4)) for image in images], int)


def check_signed(seen, values):
    """Compare the blue in pictures with numbers, a column for each: those for a class have less."""
    shares = values.T[: len(seen)] / (abs(values).max() or 1)
    blue = numpy.interp(shares, (-1, -0.5, 0, 0.5, 1), (97, 195, 247, 77, 31))
    assert_allclose(seen[:, :, 2], blue, atol=4)


def check_regions(picture, *models):
    """Compare the plane's green with the class that leads, and its lines with the borders.

    The last model is that of now. The borders of the one before are drawn, too.
    """
    at = (numpy.arange(400) + 0.5) / 200 * 2.6 - 2.6
    x = numpy.stack(numpy.meshgrid(at, 0.2 - at), axis=-1).reshape(-1, 2)
    x = numpy.c_[x, x.prod(axis=1)]
    classes = numpy.array([(x[:, : len(W)] @ W + b).argmax(axis=1) for W, b in models])
    is_line = picture[:, 3] > 28
    is_tint = abs(picture[:, 1] - numpy.take((111, 86, 127), classes[-1])) < 6
    assert (is_line | is_tint).mean() > 0.9999 and is_line.mean() < 0.1
    changes = numpy.diff(classes.reshape(2, 400, 400)).any(axis=0)
    assert is_line.reshape(400, 400)[:, 1:][changes].mean() > 0.99


def check_chart(browser, name, selector, texts, curves, scale=numpy.array):
    """Compare a chart's texts, and its curves with points, by what stands at its ticks."""
    assert " ".join(shown(browser, name, f"{selector} text")).startswith(texts)
    lines = []
    for anchor, key, by in ("middle", "x", numpy.array), ("end", "y", scale):
        told = f"[node.textContent.replace(/[ ,%]/g, ''), node.{key}.baseVal[0].value]"
        ticks = shown(browser, name, f"{selector} [text-anchor={anchor}]", told)
        values, at = numpy.array(ticks, float).T
        lines.append(numpy.poly1d(numpy.polyfit(by(values), at, 1)))
    told = "node.getAttribute('transform') || node.getAttribute('d')"
    paths = shown(browser, name, f"{selector} :is(.curve, .credit, .spot)", told)
    for path, (x, y) in itertools.zip_longest(paths, map(numpy.transpose, curves)):
        expected = numpy.transpose([lines[0](x), lines[1](scale(y)) - 4]).ravel()
        seen = numpy.array(re.findall(r"[\d.]+", path), float)
        assert_allclose(seen, expected, atol=0.2)


# The toys that train: what says how far they are, how it ends, and of each chart its texts, the
# columns of the history that are drawn, where it ends, and its scale.
TOYS = {
    "plane": (
        "svg[role], .said",
        "poch {at}, step {n}: loss {cost:.3f}, {own} of 60 wrong. "
        "Of 60 new points: loss {loss:.3f}, {new} wrong.",
        [(".chart", "loss by epoch, logarithmic", (2, 1), math.inf, numpy.log)],
    ),
    "training": (
        ".state",
        "poch {at}, step {n}; cost {cost:.3f}; {new} of 200 wrong, {error:.1f} %",
        [
            (".cost", "cost over the 800 rows by", (1,), 2.5, numpy.array),
            (".error", "validation error", (3,), 100, numpy.array),
        ],
    ),
    "heart": (
        ".losses, .said",
        "Step {n}: training loss {cost:.2f}, validation loss {loss:.2f} "
        "(the lowest was {lowest:.2f}), {new} of 200 wrong.",
        [(".losses", "loss by step", (2, 1), 1.5, numpy.array)],
    ),
}


class Learner:
    """Softmax regression in NumPy, which takes the steps that a toy takes."""

    def __init__(self, browser, name, train, tested, n_out):
        self.browser, self.name = browser, name
        self.train, self.tested = train, tested
        self.before, self.n = None, 0
        self.model = numpy.zeros((train[0].shape[1], n_out)), numpy.zeros(n_out)

    def step(self, first, size, rate, decay=0):
        W, b = self.before = self.model
        rows = [each[first : first + size] for each in self.train]
        _, dW, db = cost_and_gradients(*rows, W, b)
        self.model = W - rate * (dW + 2 * decay * W), b - rate * db
        self.n += 1

    def loss(self):
        return cost_and_gradients(*self.tested, *self.model)[0]

    def check(self):
        """Compare the model, the texts and the curves; return the history, and what is wrong."""
        *found, history = model(self.browser, self.name)
        for array, expected in zip(found, self.model):
            assert_allclose(array, expected, rtol=0, atol=1e-6)
        cost, _, _ = cost_and_gradients(*self.train, *self.model)
        sets = self.train, self.tested
        own, new = (probabilities(x, *self.model).argmax(axis=1) != y for x, y in sets)
        assert history[-1, 1:] == pytest.approx([cost, self.loss(), new.mean()])
        selector, text, charts = TOYS[self.name]
        numbers = {"n": self.n, "cost": cost, "own": own.sum(), "new": new.sum()}
        numbers.update(at=f"{history[-1, 0]:.1f}".replace(".0", ""), loss=self.loss())
        numbers.update(error=100 * new.mean(), lowest=history[:, 2].min())
        for seen in shown(self.browser, self.name, f":is({selector})", SAYS):
            assert seen.endswith(text.format(**numbers)) or not self.n
        history = history * (1, 1, 1, 100)
        for selector, title, columns, top, scale in charts:
            curves = [history[:, [0, column]].clip(max=(math.inf, top)) for column in columns]
            check_chart(self.browser, self.name, selector, title, curves, scale)
        return history, own, new


def wait(browser, until):
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 600, 0.1).until(lambda _: until())


def decoded(text, dtype):
    return numpy.frombuffer(base64.b64decode(text), dtype)


def full_run(browser):
    """What the page knows, and the weights and bias of the full run."""
    facts = json.loads(find(browser, "#facts").get_property("textContent"))
    W, b = (decoded(facts[name], "float32").astype(float) for name in "Wb")
    return facts, W.reshape(784, 10), b


def said(browser, name, selector="output"):
    return find(browser, f"#play-{name} {selector}").get_property("textContent")


def digits(n):
    """The first n digits of the page, and the 200 that validate: x and y of each."""
    x, y = sample()["x_train"][:1000].reshape(-1, 784) / 256, sample()["y_train"][:1000]
    return (x[:n], y[:n]), (x[800:], y[800:])


SET = """const [selector, value] = arguments, input = document.querySelector(selector);
input.value = value;
for (const name of ["input", "change"]) input.dispatchEvent(new Event(name, { bubbles: true }));"""
SAYS = "(node.ariaLabel || node.textContent).replaceAll('−', '-')"
PRESS = "for (const button of arguments) button.click()"
READY = "Ready to train on MNIST's 50,000 rows, 600 a step."
BAR = "[node.className === 'best', parseFloat(node.style.left) || 0, parseFloat(node.style.width)]"


def test_the_page_is_one_file_and_tells_of_the_sample(browser, page):
    assert page.stat().st_size < 1.05e6
    title = text.TEXT.read_text("utf-8").partition("\n")[0][2:]
    told = rf"{title}, of the Python package logreg .+ \d+-\d+-\d+ after a run on mnist_sample, "
    assert re.match(told, find(browser, "footer p").get_property("textContent"))
    told = "5,000 rows of mnist_sample, as MNIST could not be had; test error 10.90 %"
    assert told in said(browser, "sums", ".toy > small")
    chapters = [h2.get_attribute("id") for h2 in browser.find_elements("css selector", "h2")]
    for links, n in ("#contents a", 17), ("main .table a", 15), (".permalink", 17):
        found = browser.find_elements("css selector", links)
        assert [link.get_attribute("hash")[1:] for link in found] == chapters[:n]


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
    model(browser, "heart")
    charts = shown(browser, "plane", ".chart", "node.viewBox.baseVal.width / node.clientWidth")
    assert charts == [1]  # drawn anew
    for toy in browser.find_elements("css selector", ".toy, .question"):
        assert toy.size["height"] < 900 or width != 390
        # At 360 and 800 pixels, what is said after a step may take a line more than before.
        assert width in (360, 800) or browser.execute_async_script(USE, toy) == []


def test_on_paper_pictures_take_the_place_of_what_moves(browser, emulate):
    for medium, name in itertools.product(("screen", "print"), PLAYS):
        emulate(media=medium)
        picture, toy = (find(browser, f"#play-{name} {part}") for part in ("> p img", ".toy"))
        assert picture.is_displayed() == (medium == "print") != toy.is_displayed()
    hidden = "return getComputedStyle(document.querySelector('.is-answer')).display === 'none'"
    assert browser.execute_script(hidden)
    browser.execute_script("document.querySelector('main details').open = true")  # by its reader
    closed = "return document.querySelectorAll('main details:not([open])').length"
    n, event = browser.execute_script(closed), "dispatchEvent(new Event(arguments[0])); "
    found = [browser.execute_script(event + closed, f"{when}print") for when in ("before", "after")]
    assert found == [0, n] and n > 0
    browser.execute_script("print = () => null")
    for name in "answers", "", "answers":
        browser.execute_script(f"document.querySelector('[data-print=\"{name}\"]').click()")
        assert bool(find(browser, "body").get_attribute("class")) == bool(name)


def test_formulas_have_a_font_of_their_own(browser):
    ttf = pytest.importorskip("fontTools.ttLib")
    loaded = "document.fonts.ready.then((fonts) => arguments[0]([...fonts].map((f) => f.status)))"
    assert browser.execute_async_script(loaded) == ["loaded"]
    style = find(browser, "style").get_property("textContent")
    woff = base64.b64decode(style.partition("font/woff;base64,")[2].partition(")")[0])
    font = ttf.TTFont(io.BytesIO(woff))
    assert len(woff) < 30_000 and "MATH" in font and "Open Font" in font["name"].getDebugName(13)
    formulas = browser.find_elements("css selector", "math")
    letters = {*"".join(formula.get_property("textContent") for formula in formulas)}
    assert letters and letters <= {*map(chr, font.getBestCmap())}


ANOTHER = """history.replaceState = () => null; // or Chromium says that it was called too often
const another = document.querySelector("#play-sums [data-do=another]");
for (let i = 0; i < arguments[0]; i++) another.click();"""


def test_the_ten_sums_are_numpys_and_so_is_which_digits_speak_for_an_answer(browser):
    facts, W, b = full_run(browser)
    A = decoded(facts["A"], "int8").reshape(1000, 10) * facts["A_unit"]
    (inks, y), (tested, labels) = digits(1000)
    first = int(numpy.argmax(labels == 3))
    model(browser, "training")  # the digits are read
    # As often as there are others, the same one comes again; and after the last comes the first.
    for n, row, k in (0, first, 5), (200, first, 4), (1, first + 1, 3), (199 - first, 0, 0):
        browser.execute_script(ANOTHER, n)
        browser.execute_async_script(FRAMES)
        x, best = tested[row], (tested[row] @ W + b).argmax()
        assert find(browser, "#play-sums :checked").get_attribute("value") == str(best)
        find(browser, f"#play-sums [value='{k}']").send_keys(SPACE)
        sums, p = x @ W + b, probabilities(x[None], W, b)[0]
        rows = [text for z, q in zip(sums, p) for text in (f"{z:.1f}", f"{100 * q:.0f} %")]
        assert shown(browser, "sums", ".rows .number", SAYS) == rows
        half, zero = 50 / max(6, abs(sums).max()) * sums, 0 * sums
        bars = [p == max(p), 50 + numpy.minimum(half, 0), abs(half), zero, zero, 100 * p]
        seen = numpy.reshape(shown(browser, "sums", ".rows i", BAR), (10, 6))
        assert_allclose(seen, numpy.transpose(bars), atol=1e-3)
        check_signed(pictures(browser, "sums", ".product"), numpy.roll(x[:, None] * W, -k, 1))
        told = f"For the answer {k}, the products add up to {x @ W[:, k]:.2f}, and with the bias "
        told += f"of {b[k]:.2f} to {sums[k]:.2f}."
        last = f"The largest of the ten sums is that of {best}, so the answer is {best}."
        seen = shown(browser, "sums", ":is(.of, .product, .said)", SAYS)
        assert seen == [f"{k}", f"Pixels times weights. {told}", f"{k}", f"{told} {last}"]
        shares = (inks @ x) * A[:, k]
        order = numpy.argsort(-shares, kind="stable")[[0, 1, 2, 3, 4, -1, -2, -3, -4, -5]]
        expected = [f"{shares[i]:+.2f}" for i in order]
        assert shown(browser, "sums", ".witnesses .number", SAYS) == expected
        seen = pictures(browser, "sums", ".witnesses canvas")[:, :, 0]
        assert_array_equal(seen, 255 - 256 * inks[order])
        named = re.findall(r"\d", find(browser, ".witnesses").get_attribute("aria-label"))
        assert [*map(int, named)] == [k, *y[order]]
    pad = find(browser, "#play-sums .pad")
    pad.send_keys("i", SPACE, DOWN * 12, SPACE, SPACE * 4)  # a line, and two dots
    for button, says in ("undo", "so the answer is 1."), ("clear", "An empty page: "):
        find(browser, f"#play-sums [data-do={button}]").send_keys(ENTER)
        browser.execute_async_script(FRAMES)
        assert says in said(browser, "sums", ".said")


ASK = """return [...document.querySelectorAll(".question label")].map((label) => {
  label.querySelector("input").click();
  const said = label.closest(".question").querySelector("[role=status]").textContent.trim();
  return [label.textContent, said.match(/^\\w+/)[0], label.hasAttribute("data-right")];
});"""


def test_questions_answer(browser):
    written = text.TEXT.read_text("utf-8")
    reasons = re.findall(r"<summary>([A-D])\. .+</summary>\n\n(\w+)", written)
    assert len(reasons) == 15 * 3 == 3 * [word for _, word in reasons].count("Yes")
    told = [(label[0], word, is_right) for label, word, is_right in browser.execute_script(ASK)]
    assert told == [(letter, word, word == "Yes") for letter, word in reasons]
    assert len(browser.find_elements("css selector", ".question :checked")) == 15


# Copy all examples, as if there were a clipboard.
COPY = """const copied = [];
navigator.clipboard.writeText = (text) => copied.push(text);
for (const code of document.querySelectorAll(".language-pycon")) {
  code.closest(".code").querySelector("button").click();
}
return [copied, [...document.querySelectorAll(".copy")].map((button) => button.textContent)];"""


def test_examples_are_copied_so_that_pythons_shell_takes_them(browser):
    blocks = [block.content for block in text.blocks() if block.kind == "pycon"]
    (copied, buttons), compiling = browser.execute_script(COPY), codeop.CommandCompiler()
    said = {"pycon": "Copied", "python": "Copy", "sh": "Copy"}  # what is printed is for no shell
    assert buttons == [said[block.kind] for block in text.blocks() if block.kind in said]
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
    browser.get("about:blank")
    browser.get(f"{page.as_uri()}?all&answers#patience")
    browser.execute_async_script(FRAMES)
    assert find(browser, "body").get_attribute("class") == "with-answers"
    assert find(browser, "#contents .now").get_property("textContent").startswith("8. ")
    browser.get(
        f"{page.as_uri()}?all&answers#plane?rate=100&size=60&inputs=product"
    )  # as a link does
    assert len(model(browser, "plane")[0]) == 3  # inputs
    assert shown(browser, "plane", ".toy", "node.getBoundingClientRect().bottom > 0") == [True]
    browser.execute_async_script(FRAMES)
    current = browser.find_elements("css selector", "#contents [aria-current]")
    assert [link.get_attribute("hash") for link in current] == ["#the-rate"]
    find(browser, "#play-plane [name=plane-rate][value='100']:checked").send_keys(LEFT)
    assert browser.current_url.endswith("#plane?rate=10&size=60&points=clouds&inputs=product")
    hover = "arguments[0].dispatchEvent(new PointerEvent('pointerenter', { pointerType: 'mouse' }))"
    browser.execute_script(hover, find(browser, "#play-sums .row:nth-child(7)"))
    assert browser.current_url.endswith("#sums?digit=6")
    browser.get(f"{page.as_uri()}?all&answers#pad-raw?prepared=yes")  # which is no reader's guess
    told = [said(browser, "pad-raw", part) for part in (".said", ".verdict")]
    assert told == ["The model says 3.", ""]


def titles_of_the_text():
    prose = re.sub("(?s)```.*?```|<!--.*?-->", "", text.TEXT.read_text("utf-8"))
    return re.findall(r"(?m)^##? (.+)", prose)


def headings(browser):
    """The titles of the chapters that are shown."""
    found = browser.find_elements("css selector", "main > h1, main > h2")
    return [node.text.rstrip("#") for node in found if node.is_displayed()]


# How wide the visible charts were when they were drawn, by how wide they are.
CHARTS = """return [...document.querySelectorAll(".chart")].filter((svg) => svg.clientWidth)
  .map((svg) => svg.viewBox.baseVal.width / svg.clientWidth);"""


def test_a_chapter_at_a_time(open_page, emulate, page):
    emulate(prefers_reduced_motion="reduce")  # else the driver scrolls to a link it presses, slowly
    browser = open_page(page)
    titles, charts = titles_of_the_text(), []
    for title, following in zip(titles, [*titles[1:], None]):
        assert headings(browser) == [title]
        charts += browser.execute_script(CHARTS)
        assert browser.execute_script("return document.documentElement.scrollTop") < 300
        current = browser.find_elements("css selector", "#contents [aria-current]")
        assert [link.text for link in current] == ([title] if title != titles[0] else [])
        forward = browser.find_elements("css selector", ".pager [rel=next]")
        assert [link.text for link in forward] == ([f"{following} →"] if following else [])
        if forward:
            forward[0].send_keys(ENTER)
            browser.execute_async_script(FRAMES)
    assert len(charts) >= 4 and {*charts} == {1}  # what was drawn unseen is drawn anew
    browser.back()
    browser.execute_async_script(FRAMES)
    assert headings(browser) == [titles[-2]]
    find(browser, ".pager [rel=prev]").send_keys(ENTER)
    browser.execute_async_script(FRAMES)
    assert headings(browser) == [titles[-3]]
    # A toy's address opens its chapter.
    browser.get(f"{page.as_uri()}#plane?rate=100")
    assert headings(browser)[0].startswith("7. ")
    emulate(media="print")
    assert headings(browser) == titles
    emulate()
    find(browser, ".pager a:last-child").send_keys(ENTER)
    browser.execute_async_script(FRAMES)
    assert headings(browser) == titles


def test_without_javascript_all_chapters_are_there(chromium, page):
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    chromium.get(page.as_uri())
    shown = headings(chromium)
    chromium.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
    assert shown == titles_of_the_text()


def test_softmax_is_numpys_whatever_is_moved_and_comes_back_by_its_address(browser):
    random, start = numpy.random.RandomState(0), numpy.array([2.0, 1, 0])
    z, k = start.copy(), 0
    told = "node.textContent || parseFloat(node.style.width)"
    actions = ("z0", "z1", "z2", "truth", "more", "double", "reset")
    for action in ["z0", *random.choice(actions, 80)]:
        if action[0] == "z":
            value = random.randint(-90, 91) * random.choice([1, 5]) // 5 / 10
            z[int(action[1])] = min(max(value, -6), 6)  # the ends of the slider
            browser.execute_script(SET, f"#play-softmax [name={action}]", value)
        elif action == "truth":
            k = random.randint(3)
            find(browser, f"#play-softmax [name=truth][value='{k}']").send_keys(SPACE)
        elif find(browser, f"#play-softmax [data-do={action}]").is_enabled():
            find(browser, f"#play-softmax [data-do={action}]").send_keys(ENTER)
            k *= action != "reset"
            z = {"more": z + 1, "double": 2 * z, "reset": start.copy()}[action]
        p = probabilities(z[None], numpy.eye(3), 0)[0]
        widths = [pytest.approx(100 * q, abs=1e-3) for q in p]
        rows = [(f"{value:.1f}", w, f"{q:.3f}") for value, w, q in zip(z, widths, p)]
        given = (f"{p[k]:.3f}" if p[k] > 0.0005 else f"{p[k]:.1e}").replace("e-0", "e-")
        words = f"The truth is class {k}, which was given {given}. The loss is −log {given} = "
        assert shown(browser, "softmax", ".number, #play-softmax i", told) == [*sum(rows, ())]
        assert said(browser, "softmax") == f"{words}{-math.log(p[k]):.3f}"
        can = [max(z) <= 5, max(abs(z)) <= 3, True]
        assert shown(browser, "softmax", "[data-do]", "!node.disabled") == can
        state = {f"truth={k}", *(f"z{i}={value:g}" for i, value in enumerate(z))}
        assert {*browser.current_url.partition("#softmax?")[2].split("&")} == state
    address, state = browser.current_url, shown(browser, "softmax", ".row, #play-softmax output")
    browser.get("about:blank")
    browser.get(address)
    assert shown(browser, "softmax", ".row, #play-softmax output") == state
    guesses = ("label input", "You guessed “all grow”. "), ("[data-right] input", "You were right.")
    for guess, begins in (*guesses, ("[data-do=reset]", "Nothing. ")):
        for selector in "[data-do=reset]", guess, "[data-do=more]":
            find(browser, f"#play-softmax {selector}").send_keys(SPACE)
        assert said(browser, "softmax", ".verdict").startswith(begins)
        assert "guess" not in browser.current_url


@pytest.mark.parametrize("size, points", [(1, "clouds"), (6, "either-or"), (60, "clouds")])
def test_the_plane_steps_as_numpy_does(browser, size, points):
    (x, y), (tested, y_tested) = toy_data.plane(), toy_data.plane(seed=4)
    chosen = [f"points][value={points}", f"size][value='{size}'", "rate][value='100'"]
    if points == "either-or":  # and the product is a third input
        chosen.append("inputs][value=product")
        x, tested = (numpy.c_[rows, rows.prod(axis=1)] for rows in (x, tested))
        y, y_tested = ((rows[:, 2] < 0).astype(int) for rows in (x, tested))
    for choice in chosen:
        find(browser, f"#play-plane [name=plane-{choice}]").send_keys(SPACE)
    toy = browser, "plane", (x, y), (tested, y_tested), 3

    def check_all(learner, first=0):
        """Compare with NumPy what is said, the points, their regions and the curves."""
        history, own, _ = learner.check()
        verdict = "It swings." if history[-1, 0] >= 1 else ""
        assert said(browser, "plane", ".verdict")[:10] == verdict
        fills = [f"var(--class-{k})" for k in y_tested]
        fills += ["var(--card)" if wrong else f"var(--class-{k})" for k, wrong in zip(y, own)]
        told = "[node.getAttribute('fill'), node.nextSibling?.matches('.ring') || false]"
        expected = [[fill, first <= i < first + size] for i, fill in enumerate(fills, -60)]
        assert shown(browser, "plane", "[transform]", told) == expected
        told = "[...'ef'].map((it) => node.transform.baseVal[0].matrix[it])"
        places = 200 + (numpy.r_[tested, x][:, :2] - (0, 0.2)) * (200 / 2.6, -200 / 2.6)
        assert_allclose(shown(browser, "plane", "[transform]", told), places, 1e-5)
        (picture,) = pictures(browser, "plane", ".regions")
        if learner.before:
            check_regions(picture, learner.before, learner.model)
        else:
            assert not picture.any()

    learner = Learner(*toy)
    check_all(learner)
    assert said(browser, "plane", ".said").startswith(
        "No step yet, all scores are zero, and class 0"
    )
    step, epoch, run, _ = browser.find_elements("css selector", "#play-plane [data-do]")
    for n in range(3):
        step.send_keys(ENTER)
        learner.step(n * size % 60, size, 100)
        check_all(learner, n * size % 60)
    choices = browser.find_elements("css selector", "[name=plane-points]")
    browser.execute_script(PRESS, step, run, *sorted(choices, key=lambda it: it.is_selected()))
    assert not browser.find_elements("css selector", "[aria-busy]") and run.text.startswith("Run")
    browser.execute_script(PRESS, run, step)
    assert run.text == "Run 40 epochs"
    learner = Learner(*toy)
    learner.step(0, size, 100)
    check_all(learner)
    find(browser, "#play-plane [name=plane-size][value='6']").send_keys(SPACE)
    epoch.send_keys(SPACE)  # to its end, and if it has ended, another; fewer than six rows are left
    first, size, n_steps = size, 6, 9 if size == 6 else 10
    for _ in range(n_steps):
        first *= first + 6 <= 60
        learner.step(first, 6, 100)
        first += 6
    check_all(learner, first - 6)


RUN = """const [stops, done] = arguments, play = document.getElementById("play-plane"), shown = [];
const said = play.querySelector(".said"), run = play.querySelector("[data-do=run]");
let now = 1e12; // a clock that no busy machine slows
window.requestAnimationFrame = (call) => setTimeout(() => call(now += 160));
const observer = new MutationObserver(() => {
  shown.push([said.textContent, run.textContent, play.ariaBusy]);
  if (run.textContent !== "Pause") { observer.disconnect(); done(shown); }
  else if (stops && said.textContent.startsWith("Epoch")) run.click();
});
observer.observe(said, { childList: true });
run.click();"""


def test_a_run_is_forty_epochs_and_can_be_stopped(browser):
    find(browser, "#play-plane [name=plane-size]:checked").send_keys(RIGHT)
    *_, (_, *busy), (stopped, *idle) = browser.execute_async_script(RUN, True)
    assert (busy, idle) == (["Pause", "true"], ["Run 40 epochs", None])
    browser.execute_async_script(FRAMES)
    assert said(browser, "plane", ".said") == stopped
    for n in 40, 80:
        *moved, (end, *idle) = browser.execute_async_script(RUN, False)
        assert end.startswith(f"Epoch {n}, step {n}: loss 0.") and idle == ["Run 40 epochs", None]
        assert moved
    assert said(browser, "plane", ".verdict") == ""  # at another rate than was asked for


def test_training_steps_as_numpy_does(browser, emulate):
    train, tested = digits(800)
    learner, ink = Learner(browser, "training", train, tested, 10), 256 / 255 * tested[0]

    def check_all():
        """Compare with NumPy what both boxes show; return what is said of the first step."""
        history, _, wrong = learner.check()
        check_signed(pictures(browser, "training", ".here canvas"), learner.model[0])
        green = numpy.where(wrong[:, None], 217 - 179 * ink, 241 - 213 * ink)
        green = green.reshape(8, 25, 28, 28).swapaxes(1, 2).ravel()
        seen = pictures(browser, "training", ".tested")[0, :, 1]
        assert_allclose(seen, green, atol=1)
        moves = f"while the cost hardly moves: from 2.303 to {history[-1, 1]:.3f}. "
        return f"It leaves {wrong.sum()} of 200 wrong, {moves}"

    model(browser, "training")
    check_signed(pictures(browser, "training", ".full canvas"), full_run(browser)[1])
    answers = []
    for box, key in (".reading", SPACE), (".learning", ENTER):
        assert said(browser, "training", ".verdict") == ""
        find(browser, f"{box} [data-do=step]").send_keys(key)
        learner.step(0, 800, 0.13)
        answers.append(check_all())
    assert said(browser, "training", ".verdict").startswith(answers[0])
    find(browser, "#play-training [name=training-size]:checked").send_keys(RIGHT)
    for first, end, button in (0, 100, "step"), (100, 800, "epoch"):
        find(browser, f"#play-training [data-do={button}]").send_keys(ENTER)
        for i in range(first, end, 100):
            learner.step(i, 100, 0.13)
        check_all()
    for first, last in ("learning", "reading"), ("reading", "learning"):  # one run for two boxes
        names = f".{first} [data-do=run]", f".{last} [data-do=reset]", f".{first} [data-do=step]"
        browser.execute_script(PRESS, *(find(browser, name) for name in names))
        assert find(browser, names[0]).text == "Train 40 epochs"
        assert said(browser, "training", ".verdict") == ""  # of a step on a hundred
    emulate(prefers_color_scheme="dark")
    browser.execute_async_script(FRAMES)
    assert pictures(browser, "training", ".tested")[0, 0, 0] < 128  # drawn anew


@pytest.mark.parametrize("n_rows, decay", [(100, 0), (100, 0.003), (200, 0)])
def test_what_is_learnt_by_heart_is_what_numpy_learns(browser, emulate, n_rows, decay):
    emulate(prefers_reduced_motion="reduce")
    model(browser, "heart")
    find(browser, f"#play-heart [name=heart-rows][value='{n_rows}']").send_keys(SPACE)
    find(browser, f"#play-heart [name=heart-decay][value='{decay}']").send_keys(SPACE)
    learner = Learner(browser, "heart", *digits(n_rows), 10)
    losses = [learner.loss()]
    for n in 300, 600:
        find(browser, "#play-heart [data-do=run]").send_keys(ENTER)
        wait(browser, lambda: find(browser, "#play-heart [data-do=run]").text != "Pause")
        for i in range(300):
            learner.step(100 * i % n_rows, 100, 0.5, decay)
            if i % 5 == 4:
                losses.append(learner.loss())
        history, *_ = learner.check()
        # The curve is the same however often the page was drawn.
        assert history[:, 0].tolist() == [*range(0, n + 1, 5)]
        assert_allclose(history[:, 2], losses, rtol=1e-5)
    assert bool(said(browser, "heart", ".verdict")) == (decay == 0 and n_rows == 100)
    find(browser, "#play-heart [name=heart-decay][value='0.01']").send_keys(SPACE)
    assert said(browser, "heart", ".said").startswith("Step 0: ")


def stop(*settings):
    """What is said of early stopping on the recorded run, and what both charts draw."""
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
    last, ends = math.ceil(stopping.patience), "Not stopped in 250 epochs; "
    if stopping.is_over(83 * 250 - 1):
        ends = f"Stops in epoch {last // 83 + 1}, after {last + 1:,} minibatches; "
        left.append((stopping.patience, 0))
    best, error = stopping.best_iter // 83 + 1, f"{stopping.best_loss:.2f} %"
    text = f"{ends}the best model, of epoch {best}, has a validation error of {error}."
    errors = [curve, curve[: (last + 1) // 83], *vain, *bought, [curve[best - 1]]]
    return text, errors, [[*left, (left[-1][0], 0), (0, 0)]]


def test_patience_stops_where_early_stopping_does(browser):
    draw = numpy.random.RandomState(0).randint
    for _ in range(40):
        settings = 250 * int(draw(2, 81)), draw(10, 31) / 10, draw(180, 201) / 200
        for name, value in zip(("patience", "increase", "threshold"), settings):
            browser.execute_script(SET, f"#play-patience [name=patience-{name}]", value)
        told, errors, left = stop(*settings)
        assert shown(browser, "patience", ":is(output, .errors)", SAYS) == [told, told], settings
        check_chart(browser, "patience", ".errors", "validation error by epoch 7 % 8 %", errors)
        check_chart(browser, "patience", ".left", "minibatches left, by minibatch 0", left)
        assert len(shown(browser, "patience", "path.limit")) == 1 + 2 * told.startswith("Stops")
        values = [f"{settings[0]:,}", f"{settings[1]:.1f}", f"{settings[2]:.3f}"]
        assert shown(browser, "patience", ".sliders b") == values
    assert said(browser, "patience", ".verdict") == ""
    find(browser, "#play-patience [data-do=reset]").send_keys(ENTER)
    assert said(browser, "patience") == stop(5000, 2, 0.995)[0]
    for key, begins in (LEFT, ""), (HOME, "No: "):
        find(browser, "#play-patience [name=patience-patience]").send_keys(key)
        assert said(browser, "patience", ".verdict")[:4] == begins


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


def test_a_pad_that_can_fail(browser):
    _, W, b = full_run(browser)
    for prepared, verdict in ("no", ""), ("yes", "No. The ink is"), ("no", ""):
        assert find(browser, "#play-pad-raw [value=no]").is_selected()
        # What the model says is hidden until it is guessed.
        assert shown(browser, "pad-raw", ".number") == ["?"] * 10
        assert shown(browser, "pad-raw", ".rows i", "node.offsetWidth") == [0] * 10
        assert said(browser, "pad-raw", ".said").startswith("Guess, or prepare")
        if prepared == "no":
            find(browser, "#play-pad-raw .predict input").send_keys(SPACE)
        find(browser, f"#play-pad-raw [value={prepared}]").send_keys(SPACE)
        p = probabilities(pictures(browser, "pad-raw", ".seen")[:, :, 0] / 256, W, b)[0]
        assert shown(browser, "pad-raw", ".number") == [f"{100 * q:.0f} %" for q in p]
        bars = numpy.transpose([p == max(p), 0 * p, 100 * p])
        assert_allclose(shown(browser, "pad-raw", ".rows i", BAR), bars, atol=1e-3)
        assert said(browser, "pad-raw", ".said") == f"The model says {p.argmax()}."
        assert (p.argmax() == 3) == (prepared == "yes")
        assert said(browser, "pad-raw", ".verdict")[:14] == verdict
        for button in ("undo", "reset", "clear", "reset"):
            find(browser, f"#play-pad-raw [data-do={button}]").send_keys(ENTER)
            browser.execute_async_script(FRAMES)
            is_empty = said(browser, "pad-raw", ".said") == "Draw a digit, anywhere, of any size."
            assert is_empty == (button != "reset")


PRINTED = """return [...document.querySelectorAll("#play-mnist-run .log div")].map(
  ({ children }) => [...children].map((cell) => cell.textContent));"""


def test_a_page_with_mnists_files_takes_them(open_page, mnist_folder, monkeypatch):
    monkeypatch.setenv("LOGREG_DATA", str(mnist_folder))
    assert main(["--mnist", "--home", "https://x.y/"]) == 0
    page = Path("tutorial_mnist.html")
    page.write_text(page.read_text("utf-8").replace("12.458333", "12.468750"), "utf-8")
    browser = open_page(page)
    wait(browser, lambda: said(browser, "mnist-run", ".said") == READY)
    told = ['href="https://x.y/logreg/train.py"', 'of <a href="https://x.y/">logreg</a>, version ']
    told += ["50,000 rows of MNIST; test error 7.75 %", "after a run on MNIST. "]  # of all rows
    assert [text for text in told if text not in browser.page_source] == []
    run = find(browser, "#play-mnist-run .main")
    browser.execute_script(PRESS, run, run)  # one epoch, whose first error is not the program's
    wait(browser, lambda: browser.execute_script(PRINTED))
    assert [mark for _, _, mark in browser.execute_script(PRINTED)] == ["✗", "✓"]
    assert said(browser, "mnist-run", ".said").startswith("1 of 2 errors are those of the program")
    assert pictures(browser, "mnist-run", ".here canvas")[:, :, 2].std(axis=1).min() > 9


def trained_in_the_page(browser):
    """What is printed; beside each error stand the program's own and a mark."""
    browser.execute_script("let now = 0; performance.now = () => (now += 1000)")  # a second each
    run = find(browser, "#play-mnist-run [data-do=run]")
    browser.execute_script(PRESS, run, run)  # begin, and stop
    wait(browser, lambda: browser.execute_script(PRINTED))
    assert run.text == "Go on" and len(browser.execute_script(PRINTED)) <= 2
    browser.execute_script(PRESS, run, run, run)  # the second epoch is under way at the third
    wait(browser, lambda: run.text == "Done")
    assert not run.is_enabled()
    *lines, (last,), (speed,) = browser.execute_script(PRINTED)
    for line, published, mark in lines:
        assert line.endswith(f" {published} %") and mark == "✓"
    assert speed == "The code run for 74 epochs, with 1.0 epochs/sec"
    assert said(browser, "mnist-run", ".verdict").startswith("All.")
    told = f"{len(lines)} of {len(lines)} errors are those of the program, to the last digit. "
    assert said(browser, "mnist-run", ".said") == f"{told}74 epochs, 1.0 a second."
    return [*(line for line, *_ in lines), last]


def test_the_pages_own_digits_print_the_log_that_the_program_prints(browser):
    wait(browser, lambda: said(browser, "mnist-run", ".said") == OWN)
    *told, last = trained_in_the_page(browser)
    assert pictures(browser, "mnist-run", ".here canvas")[:, :, 2].std(axis=1).min() > 9
    begins, errors = zip(*(line.split(" validation error ") for line in told))
    assert [*begins] == [f"epoch {i}, minibatch 8/8," for i in range(1, 75)]
    assert last.endswith(f"best validation score of {min(errors, key=lambda it: float(it[:-2]))}")
    change = "arguments[0].dispatchEvent(new Event('change'))"  # as of a dialog that was left
    browser.execute_script(change, find(browser, "#play-mnist-run [type=file]"))
    assert said(browser, "mnist-run", ".log")
    find(browser, "#play-mnist-run [data-do=reset]").send_keys(ENTER)
    assert find(browser, "#play-mnist-run [data-do=run]").text == "Train"
    assert said(browser, "mnist-run", ".log") == said(browser, "mnist-run", ".verdict") == ""
    assert said(browser, "mnist-run", ".said") == OWN
    check_signed(pictures(browser, "mnist-run", ".here canvas"), numpy.zeros((784, 10)))


DROP = """const data = new DataTransfer(), toy = document.querySelector("#play-mnist-run .toy");
data.items.add(new File([new Uint8Array([0x1f, 0x8b, 1])], "mine.gz"));
if (toy.dispatchEvent(new DragEvent("dragover", { cancelable: true }))) throw Error("not here");
toy.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true }));"""
UNCHECKED = "Object.defineProperty(crypto, 'subtle', { value: undefined }); "
OWN = "Ready to train on 800 rows of this page, 100 a step."
NAMED = "mine.gz is none of MNIST's four files: its bytes are others. To train on MNIST, "
NAMED += f"train-images-idx3-ubyte and train-labels-idx1-ubyte has to be there. {OWN}"


def test_files_refused(browser):
    """A file that is none of MNIST's is named; none is taken where none can be checked."""
    model(browser, "heart")
    for before, told in ("", NAMED), (UNCHECKED, "only in a page of its own disk"):
        browser.execute_script(before + DROP)
        wait(browser, lambda told=told: told in said(browser, "mnist-run", ".said"))
        assert said(browser, "mnist-run", ".said").endswith(OWN)
    assert find(browser, "#play-mnist-run [data-do=run]").is_enabled()
    plain = "unpacked(new Blob([new Uint8Array([1, 2])])).then((found) => arguments[0]([...found]))"
    assert browser.execute_async_script(plain) == [1, 2]


def test_mnists_files_print_the_tutorials_log(browser, mnist_folder):
    lacking = "To train on MNIST, train-labels-idx1-ubyte has to be there. "
    first = lacking.replace(", ", ", train-images-idx3-ubyte and ", 1)
    images, labels, *tests = (str(next(mnist_folder.glob(f"{it.name}*"))) for it in FILES.values())
    given = [(None, OWN), ([images, labels, tests[0]], f"{READY[:-1]}, without test files.")]
    given += [(None, OWN), (tests, first + OWN), ([images], lacking + OWN), ([labels], READY)]
    for paths, line in given:
        if paths:
            find(browser, "[type=file]").send_keys("\n".join(paths))
        else:
            browser.refresh()
        wait(browser, lambda line=line: said(browser, "mnist-run", ".said") == line)
        if paths == tests:  # on the page's own digits, of which none test
            find(browser, "#play-mnist-run .main").send_keys(ENTER)
            wait(browser, lambda: len(browser.execute_script(PRINTED)) > 2)
            assert "test error" not in said(browser, "mnist-run", ".log")
    assert trained_in_the_page(browser) == [*tutorial_log()][3:]
