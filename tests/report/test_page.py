"""The page of a model in a browser, against what Python says of the same pixels and rows."""

import re
from types import SimpleNamespace
from urllib.request import urlopen

import numpy
import pytest
from builders import (
    OUT_OF_REACH,
    draw,
    is_red_for_and_blue_against,
    press,
    probabilities,
    sample,
    save,
    save_digits_model,
    weights,
)
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from logreg import train
from logreg.datasets.pictures import read_picture
from logreg.parts.pixels import ImageLayout
from logreg.prediction.inputs import input_batches
from logreg.prediction.predictor import Predictor
from logreg.report.__main__ import main as report
from logreg.report.plots import short

pytest.importorskip("matplotlib")
pytestmark = pytest.mark.once
# Once the page has drawn: what its pad, its views and its bars show.
STATE = """const done = arguments[0], get = (id) => document.getElementById(id), all = document;
const bars = [...all.querySelectorAll(".bar")];
requestAnimationFrame(() => requestAnimationFrame(() => done({
  predicted: Number(get("class").dataset.index), said: get("class").textContent,
  probabilities: bars.map((bar) => Number(bar.dataset.probability)),
  names: bars.map((bar) => bar.querySelector(".name").textContent),
  bars: bars.map((bar) => bar.textContent),
  widths: bars.map((bar) => parseFloat(bar.querySelector("i").style.width)),
  of: [...all.querySelectorAll(".evidence-class")].map((name) => name.textContent),
  pad: get("pad").toDataURL(), seen: get("seen").toDataURL(), evidence: get("evidence").toDataURL(),
})));"""
BACKSPACE, ESCAPE = "\ue003\ue00c"
LEFT, UP, RIGHT, DOWN = "\ue012\ue013\ue014\ue015"
CANCEL = """addEventListener("pointerup", (event) => { event.stopPropagation();
  event.target.dispatchEvent(new Event("pointercancel")); }, true)"""
MNIST = ImageLayout((28, 28), is_centred=True)
HOSTILE = ["</script><script>hacked = 1</script>", '"><img src=x onerror="hacked = 1">']
HOSTILE += ["$hash{{}}$x^"]


def pixels_of(address):
    return numpy.array(Image.open(urlopen(address)).convert("RGB"))


def state_of(browser, pinned=None):
    """What the page shows, once it has drawn: a bar for each class, and why it is class k."""
    told = browser.execute_async_script(STATE)
    k = told["k"] = told["predicted"] if pinned is None else pinned
    if told["said"]:
        names, percents = told["names"], 100 * numpy.array(told["probabilities"])
        assert (told["said"], {*told["of"]}) == (names[told["predicted"]], {names[k]})
        assert told["bars"] == [f"{name}{number:.1f} %" for name, number in zip(names, percents)]
        assert_allclose(told["widths"], percents, atol=1e-3)
    for canvas in ("pad", "seen", "evidence"):
        told[canvas] = pixels_of(told[canvas])
    return SimpleNamespace(**told)


def texts(browser, selector):
    return [node.text for node in browser.find_elements("css selector", selector)]


def press_each(browser, *selectors):
    for selector in selectors:
        press(browser.find_element("css selector", selector))


@pytest.fixture(scope="module")
def digits_page(tmp_path_factory):
    """The page of a model of digits."""
    folder = tmp_path_factory.mktemp("digits")
    assert report([save_digits_model(folder / "best_model.pkl", dataset="mnist_sample")]) == 0
    return folder / "best_model.html"


def draw_anew(browser, strokes):
    """Clear the pad and draw strokes on it."""
    press_each(browser, "#clear")
    browser.execute_async_script(STATE)  # without an answer, the page is shorter
    draw(browser, browser.find_element("id", "pad"), strokes)


def is_seen_as_python_does(shown, layout):
    Image.fromarray(shown.pad).save("pad.png")
    return abs(read_picture("pad.png", layout) - shown.seen[:, :, 0].astype(int)).max() <= 1


def test_strokes_are_prepared_as_python_prepares_a_picture(open_page, digits_page):
    browser, random = open_page(digits_page), numpy.random.RandomState(0)
    n_near = 0
    for i in range(40):
        if i == 20:  # from now on strokes that are so thin that they are widened
            press_each(browser, *["#thinner"] * 4)
        left, right = numpy.sort(random.uniform(0, 280, 2))
        strokes = random.uniform((left, 20), (right, 260), (random.randint(1, 3), 5, 2))
        if i % 5 == 0:
            strokes[:, 4] = strokes[:, 3] + (290, 0)  # beyond the border
        draw_anew(browser, strokes)
        shown = state_of(browser)
        x, y = strokes[:, :4].reshape(-1, 2).T.astype(int)
        assert (shown.pad[y, x, 0] < 128).all()  # where the mouse went
        n_near += is_seen_as_python_does(shown, MNIST)
    # Pillow 13 rounds tall pictures otherwise, by 1: then a centre of mass that lies between two
    # pixels may come to lie in the other.
    assert n_near >= 38
    # A speck beyond the border, at the other end of a row, and no line to it; a dash, much wider
    # than high; a dot, which is enlarged.
    dash = [(20, 140), (260, 150)], [(20, 260)]
    for strokes in ([(278, 20), (278, 260)], [(2, 140)]), dash, ([(9, 9)],):
        draw_anew(browser, strokes)
        shown = state_of(browser)
        assert is_seen_as_python_does(shown, MNIST) and shown.pad[170:260, 100:180].min() == 255
        browser.execute_script(CANCEL)  # from now on, the browser ends a stroke


PALE = {"pixel_scale": 1, "raw_range": [0, 1], "x_range": [0, 1], "image_shape": [14, 56]}
ROWS = [
    # what bytes are multiplied with, what the model file says, how near a picture comes
    (1, {"background": "light"}, 1e-5),
    (0.6 / 255, PALE, 0.02),  # a picture has bytes
]


@pytest.mark.parametrize("factor, told, tolerance", ROWS)
def test_wrong_pictures_are_on_the_pad_what_their_rows_are(open_page, factor, told, tolerance):
    """Bytes, and fractions that are paler than those of training were."""
    x, y = sample()["x_test"] * factor, sample()["y_test"]
    numpy.savez("d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert report([save_digits_model(**told, dataset="d.npz")]) == 0
    p = probabilities(x.reshape(-1, 784) / told.get("pixel_scale", 256), *weights())
    browser = open_page("best_model.html")
    pictures = browser.find_elements("css selector", ".to-pad img")
    told = [re.findall(r"\d+", image.get_attribute("alt")) for image in pictures]
    rows, labels = numpy.array(told, int).T
    assert len(rows) == 24 and (p.argmax(axis=1) != y)[rows].all() and (y[rows] == labels).all()
    for picture, expected in zip(pictures[:5], p[rows]):
        press(picture)
        assert_allclose(state_of(browser).probabilities, expected, atol=tolerance)


def test_the_pad_by_the_keyboard(open_page, digits_page):
    browser = open_page(digits_page)
    pad, answer, ask = (browser.find_element("id", name) for name in ("pad", "answer", "ask"))
    pen = browser.find_element("css selector", ".paper span")
    browser.execute_async_script(STATE)
    assert ask.is_displayed() and not (answer.is_displayed() or pen.is_displayed())
    assert pad.value_of_css_property("touch-action") == "none"  # a finger draws, and rolls no page
    pad.send_keys(" ", DOWN * 10, RIGHT * 5, " ")
    stroke = state_of(browser)
    assert "left: 62.5%; top: 75%" in pen.get_attribute("style") and pen.is_displayed()
    press = """const [keys, more] = arguments; return keys.map((key) => document.activeElement
    .dispatchEvent(new KeyboardEvent("keydown", {key, cancelable: true, ...more})))"""
    for more in {"altKey": True}, {"metaKey": True}, {"ctrlKey": True}, {}:  # the browser's are not
        assert browser.execute_script(press, ["Tab", "i"], more) == [True, bool(more)]
    assert (state_of(browser).seen == 255 - stroke.seen).all()
    pad.send_keys("i", " ", RIGHT)
    assert state_of(browser).pad.sum() < stroke.pad.sum()
    press_each(browser, "#undo")
    pad.send_keys(RIGHT)  # without the pen, which was down
    assert_array_equal(state_of(browser).pad, stroke.pad)
    pad.send_keys(" ")
    press_each(browser, ".to-pad")
    pad.send_keys(LEFT, RIGHT)  # with the pen, which the picture has lifted
    picture = state_of(browser)
    assert (picture.pad == picture.seen.repeat(10, axis=0).repeat(10, axis=1)).all()
    pad.send_keys(" ")
    assert (state_of(browser).pad < 128).mean() < 0.01  # a dot, in place of the picture
    press_each(browser, ".to-pad")
    for key, is_empty in (BACKSPACE, True), (LEFT, True), (" ", False), (ESCAPE, True):
        pad.send_keys(key)
        browser.execute_async_script(STATE)
        assert ask.is_displayed() == is_empty
    pad.send_keys(LEFT * 41 + UP * 41)
    assert "left: 0%; top: 0%" in pen.get_attribute("style")


def test_a_model_of_small_images_has_no_pad(open_page):
    model = save("s.pkl", numpy.zeros((64, 2)), image_shape=[8, 8])
    assert report([model]) == 0
    browser = open_page("s.html")
    said = browser.find_element("id", "draw").text
    assert said.startswith("Draw\nThere is no pad for this model: ") and said.count("\n") == 1


def hostile_table(pandas, unit):
    """Numbers, texts, dates and times, under names that are markup; and the dates themselves."""
    random = numpy.random.RandomState(2)
    lengths, widths = random.randn(2, 90) * 3 + 5
    lengths[::7] = numpy.nan
    minutes = random.choice(20 * 1440, 90)
    minutes[-1] = 1440  # one of the test rows is at midnight
    times = minutes.astype("datetime64[m]").astype(f"datetime64[{unit}]")
    columns = {
        "length": lengths,
        HOSTILE[1]: random.choice(["red", HOSTILE[1], "blue"], 90, p=[0.2, 0.2, 0.6]),
        HOSTILE[0]: widths,
        "since": times.astype(str),
        "at": ["06:15", "18:45"] * 45,
        "label": random.choice(HOSTILE, 90),
    }
    return pandas.DataFrame(columns), times


@pytest.mark.parametrize("scaling", ["--standardize", "--no-standardize"])
def test_a_table_has_fields_and_a_hostile_name_runs_nothing(open_page, scaling):
    pandas = pytest.importorskip("pandas")
    unit, since = ("m", "1970-02-03T06:30") if "no" in scaling else ("D", "1970-02-03")
    table, times = hostile_table(pandas, unit)
    table.to_csv("table.csv", index=False)
    options = f"--dataset table.csv --missing mean --no-shuffle --n-epochs 20 {scaling}"
    assert train.main(options.split()) == 0
    table.loc[::2, HOSTILE[1]] = "unheard of"
    table.to_csv("table.csv", index=False)
    assert report(["--output", "p.html"]) == 0
    predictor = Predictor("best_model.pkl")
    browser = open_page("p.html")
    pinned = None

    def check(row):
        frame = pandas.DataFrame([row], columns=table.columns[:5])
        shown = state_of(browser, pinned)
        assert_allclose(shown.probabilities, predictor.predict_proba(frame)[0], atol=1e-5)
        # What the columns contribute is what the score of the class has beside the mean of all.
        (batch,) = input_batches(frame, predictor.facts)
        (x,) = predictor.facts.preprocessing.apply(batch.x, "float64")
        evidence = x * (predictor.W[:, shown.k] - predictor.W.mean(axis=1))
        shares = numpy.add.reduceat(evidence, [0, 1, 4, 5, 6])  # the text has three features
        told = [float(text.replace("−", "-")) for text in texts(browser, "#fields .share b")]
        assert_allclose(told, shares, atol=0.011)

    fields = browser.find_elements("css selector", "#fields input, #fields select")
    # They hold the training means in the user's units, and the most frequent text.
    n_train = predictor.facts.rows[0]
    means = table[:n_train].mean(numeric_only=True).tolist()
    values = [field.get_property("value") for field in fields]
    mean = times[:n_train].astype("datetime64[us]").astype(float).mean().astype("datetime64[us]")
    day = str(mean.astype(times.dtype))
    assert values == [f"{means[0]:.6g}", "blue", f"{means[1]:.6g}", day, "12:30"]
    start = [means[0], "blue", means[1], str(mean), "12:30"]  # with more digits than are shown
    check(start)
    typed = "dispatchEvent(new Event('input', {bubbles: true}))"
    for field, text in zip(fields[3:], (since, "06:15")):
        browser.execute_script(f"arguments[0].value = '{text}'; arguments[0].{typed}", field)
    check([*start[:3], since, "06:15"])
    fields[0].clear()
    fields[0].send_keys("0.0")
    fields[1].send_keys(HOSTILE[1])
    check([0, HOSTILE[1], means[1], since, "06:15"])
    fields[0].send_keys(BACKSPACE * 3)
    row = [numpy.nan, HOSTILE[1], means[1], since, "06:15"]
    check(row)
    cells = {*texts(browser, ".rows dt")}
    assert {f"{short(HOSTILE[1])} none of these", "at 06:15", "at 18:45"} < cells
    assert sorted(state_of(browser).names) == sorted(HOSTILE)
    assert texts(browser, "#fields label > span:first-child") == [*table.columns[:5]]
    for pressed, k in (0, 0), (1, 1), (1, None):  # twice: it is the best one's again
        pinned = k
        press(browser.find_elements("class name", "bar")[pressed])
        check(row)
    press_each(browser, "#reset")
    assert [field.get_property("value") for field in fields] == values
    check(start)
    # An inline script that is not the page's own is not run, whatever brings it in.
    assert browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'hacked = 1';"
        "document.body.append(script); const found = (css) => [...document.querySelectorAll(css)];"
        "const ids = found('[id]').map((one) => one.id), refused = found('[onerror]');"
        "return [typeof hacked, refused, document.scripts.length, ids.length - new Set(ids).size]"
    ) == ["undefined", [], 3, 0]
    (refused,) = browser.get_log("browser")
    assert "Content Security Policy" in refused["message"]


RANGES = {"raw_range": [-1, 1], "x_range": [-1, 1]}
MODELS = [
    # classes, shape of the images, dtype, what else the model file says
    (2, (28, 28), "float32", {}),
    (31, (20, 29), "float32", RANGES),
    (30, (20, 29), "float64", {"centred": False}),
    (3, (32, 28), "float64", {"background": "light"}),
]


@pytest.mark.parametrize("n_out, shape, dtype, told", MODELS)
def test_models_of_few_and_of_many_classes(open_page, n_out, shape, dtype, told):
    random, n_in = numpy.random.RandomState(n_out), numpy.prod(shape)
    W, b = random.randn(n_in, n_out) / 10 * (1, *[0.1] * (n_out - 1)), random.randn(n_out)
    if dtype == "float64":
        b -= 1000  # whose powers are 0
    means, scales = random.rand(2, n_in) + 0.1
    if told != RANGES:
        told = {**told, "pixel_scale": 256, "feature_means": means, "feature_scales": scales}
    model = save("any.pkl", W, b, dtype, image_shape=shape, dataset="nowhere.npz", **told)
    assert report([model, "--output", "any page.html"]) == 0
    browser = open_page("any page.html")
    for stroke in [(20, 20), (260, 40)], [(100, 60), (140, 200)]:
        draw_anew(browser, [stroke])
        shown = state_of(browser)
    background, is_centred = told.get("background", "dark"), told.get("centred", True)
    layout = ImageLayout(shape, background=background, is_centred=is_centred)
    assert is_seen_as_python_does(shown, layout)
    seen = shown.seen[:, :, 0].reshape(1, -1).astype(float)
    x = 2 * seen / 255 - 1 if told == RANGES else (seen / 256 - means) / scales
    x = x.astype(dtype)
    (expected,) = probabilities(x, W.astype(dtype), b.astype(dtype))
    assert_allclose(shown.probabilities, expected, atol=1e-5 if dtype == "float32" else 1e-10)
    assert shown.predicted == expected.argmax()
    # Red is for the class, beside the mean of all.
    evidence = x[0] * (W[:, shown.k] - W.mean(axis=1))
    assert is_red_for_and_blue_against(shown.evidence, evidence)
    figures = browser.find_elements("css selector", "#weights figure")
    assert figures[0].is_displayed() == (n_out <= 30)  # or folded
    picture = figures[-1].find_element("tag name", "img").get_attribute("src")
    assert is_red_for_and_blue_against(pixels_of(picture), W[:, len(figures) - 1])
    bars = [bar for bar in browser.find_elements("class name", "bar") if bar.is_displayed()]
    bars.sort(key=lambda bar: bar.location["y"])
    order = numpy.argsort(-expected, kind="stable")[:20] if n_out > 20 else range(n_out)
    assert [bar.find_element("class name", "name").text for bar in bars] == [*map(str, order)]
    untested = "Where it errs\nThe data set was not to be found when the page was written."
    assert texts(browser, "#errors") == [untested]
    press_each(browser, "#invert")
    assert (state_of(browser).seen == 255 - shown.seen).all()
    assert browser.find_elements("css selector", "#invert[aria-pressed=true]")


@pytest.mark.parametrize("by, width", [("touch", 390), ("mouse", 1280)])
def test_a_hand_reaches_every_control_in_a_window_of_any_width(
    open_page, emulate, digits_page, by, width
):
    emulate(width)

    def check_reach():
        assert browser.execute_script(OUT_OF_REACH) == []
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width

    browser = open_page(digits_page)
    # By mouse: after a stroke of chromedriver's finger, its taps end in no click, on any page.
    draw(browser, browser.find_element("id", "pad"), [[(140, 30), (140, 250)]])
    assert state_of(browser).said == "1"
    check_reach()
    press(browser.find_elements("class name", "bar")[4], by)
    state_of(browser, pinned=4)
    assert report([save("table.pkl", numpy.eye(3), n_in=3)]) == 0
    browser = open_page("table.html")
    assert_allclose(state_of(browser).probabilities, 1 / 3)
    check_reach()
