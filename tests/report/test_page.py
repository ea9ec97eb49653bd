"""The page of a model in a browser, against what Python says of the same pixels and rows."""

import base64
import io
import re
from types import SimpleNamespace
from urllib.request import urlopen

import numpy
import pytest
from builders import classes_of, probabilities, sample, save, save_digits_model, weights
from PIL import Image

from logreg import report, train
from logreg.datasets.pictures import read_picture
from logreg.prediction.predictor import Predictor

pytestmark = pytest.mark.once
# Once the page has drawn: what its pad, its views and its bars show.
STATE = """const done = arguments[0], get = (id) => document.getElementById(id), all = document;
requestAnimationFrame(() => requestAnimationFrame(() => done({
  predicted: Number(get("class").dataset.index),
  probabilities: [...all.querySelectorAll(".bar")].map((bar) => Number(bar.dataset.probability)),
  pad: get("pad").toDataURL(), seen: get("seen").toDataURL(), evidence: get("evidence").toDataURL(),
})));"""
# Put pictures on the pad from the gallery, and collect what the page says of each.
LOAD = """const [pngs, done] = arguments, image = document.querySelector(".to-pad img"), said = [];
(async () => {
  for (const png of pngs) {
    image.src = "data:image/png;base64," + png;
    await image.decode();
    image.parentElement.click();
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    said.push(Number(document.getElementById("class").dataset.index));
  }
  done(said);
})();"""
HOSTILE = [
    "</script><script>hacked = 1</script>",
    '"><img src=x onerror="hacked = 1">',
    "$hash{{}}$x^",
]


@pytest.fixture
def state(chromium):
    """What the page shows, once it has drawn."""

    def state():
        told = chromium.execute_async_script(STATE)
        for canvas in ("pad", "seen", "evidence"):
            told[canvas] = numpy.array(Image.open(urlopen(told[canvas])).convert("RGB"))
        return SimpleNamespace(**told)

    return state


@pytest.fixture(scope="module")
def digits_page(tmp_path_factory):
    """The page of a model of digits."""
    folder = tmp_path_factory.mktemp("digits")
    model = save_digits_model(folder / "best_model.pkl", dataset="mnist_sample")
    assert report.main([model]) == 0
    return folder / "best_model.html"


def draw(browser, strokes):
    """Draw strokes on the pad with the mouse; without any, only clear it."""
    from selenium.webdriver.common.action_chains import ActionBuilder

    place = """document.getElementById("clear").click(); const pad = document.getElementById("pad");
    pad.scrollIntoView({behavior: "instant", block: "center"});
    const box = pad.getBoundingClientRect(); return [box.left, box.top, box.width / 280];"""
    left, top, scale = browser.execute_script(place)
    builder = ActionBuilder(browser, duration=0)
    for stroke in strokes:
        for i, (x, y) in enumerate(stroke):
            builder.pointer_action.move_to_location(int(left + scale * x), int(top + scale * y))
            if i == 0:
                builder.pointer_action.pointer_down()
        builder.pointer_action.pointer_up()
    builder.perform()


def test_strokes_are_put_into_the_class_that_python_gives_them(open_page, state, digits_page):
    browser, random = open_page(digits_page), numpy.random.RandomState(0)
    n_same, worst = 0, 0
    for i in range(40):
        if i == 20:  # from now on strokes that are so thin that they are widened
            browser.execute_script("for (i of '1234') document.getElementById('thinner').click()")
        left, right = numpy.sort(random.uniform(0, 280, 2))
        draw(browser, random.uniform((left, 20), (right, 260), (random.randint(1, 3), 5, 2)))
        shown = state()
        Image.fromarray(shown.pad).save("pad.png")
        pixels = read_picture("pad.png", (28, 28))
        worst = max(worst, abs(pixels - shown.seen[:, :, 0].astype(int)).max())
        n_same += shown.predicted == classes_of(pixels)[0]
        given = shown.seen[:, :, 0].reshape(1, -1) / numpy.float32(256)
        expected = probabilities(given, *weights())[0]
        numpy.testing.assert_allclose(shown.probabilities, expected, atol=1e-5)
    assert n_same >= 38
    assert worst <= 1  # Pillow before 13 rounds tall pictures otherwise


def test_pictures_on_the_pad_are_classified_as_predict_does(open_page, state, digits_page):
    browser = open_page(digits_page)
    pictures = browser.find_elements("css selector", ".to-pad img")
    rows = [int(re.search(r"row (\d+)", image.get_attribute("alt"))[1]) for image in pictures]
    p = probabilities(sample()["x_test"].reshape(-1, 784) / numpy.float32(256), *weights())
    confidence = p.max(axis=1) * (p.argmax(axis=1) != sample()["y_test"])
    most = numpy.sort(confidence)[::-1][:24]  # those that are most confidently wrong
    numpy.testing.assert_allclose(confidence[rows], most, rtol=1e-5)
    wrong = numpy.array(Image.open(urlopen(pictures[3].get_attribute("src"))).convert("RGB"))
    browser.execute_script("arguments[0].click()", pictures[3])
    numpy.testing.assert_array_equal(state().seen, wrong)
    pngs, digits = [], sample()["x_test"][:200]
    for digit in digits:
        stream = io.BytesIO()
        Image.fromarray(digit).save(stream, "png")
        pngs.append(base64.b64encode(stream.getvalue()).decode())
    said = browser.execute_async_script(LOAD, pngs)
    numpy.testing.assert_array_equal(said, classes_of(digits))
    numpy.testing.assert_array_equal(state().seen[:, :, 0], digits[-1])


def test_the_tools_of_the_pad(open_page, state, digits_page):
    browser = open_page(digits_page)
    draw(browser, [])
    assert numpy.ptp(state().pad) == 0
    answer, ask = (browser.find_element("id", name) for name in ("answer", "ask"))
    assert ask.is_displayed() and not answer.is_displayed()
    pad = browser.find_element("id", "pad")
    down, right = "\ue015", "\ue014"
    pad.send_keys(" ", down * 10, right * 5, " ")  # by the keyboard
    stroke = state()
    assert answer.is_displayed() and not ask.is_displayed()
    assert 500 < (stroke.pad[:, :, 0] == 0).sum() < 5000
    pad.send_keys("i")
    numpy.testing.assert_array_equal(state().seen, 255 - stroke.seen)
    pad.send_keys("i", "+", " ", right, " ")
    assert (state().pad[:, :, 0] == 0).sum() > (stroke.pad[:, :, 0] == 0).sum()
    browser.execute_script("document.getElementById('undo').click()")
    numpy.testing.assert_array_equal(state().pad, stroke.pad)
    browser.find_elements("css selector", ".bar")[4].click()  # whose evidence is then seen
    assert browser.find_element("css selector", ".image .evidence-class").text == "4"


@pytest.mark.parametrize("option", ["--standardize", "--no-standardize"])
def test_a_table_has_fields_and_a_hostile_name_runs_nothing(open_page, state, option):
    pandas = pytest.importorskip("pandas")
    random = numpy.random.RandomState(2)
    table = pandas.DataFrame(random.randn(90, 2) * 3 + 5, columns=["length", HOSTILE[0]])
    table.insert(1, HOSTILE[1], random.choice(["red", HOSTILE[1], "blue"], 90, p=[0.2, 0.2, 0.6]))
    table.loc[::7, "length"] = numpy.nan
    table["label"] = random.choice(HOSTILE, 90)
    table.to_csv("table.csv", index=False)
    options = ["--missing", "mean", "--no-shuffle", "--n-epochs", "20"]
    assert train.main(["--dataset", "table.csv", option, *options]) == 0
    assert report.main(["--output", "p.html"]) == 0
    predictor, browser = Predictor("best_model.pkl"), open_page("p.html")

    def check(*row):
        frame = pandas.DataFrame([row], columns=table.columns[:3])
        expected = predictor.predict_proba(frame)[0]
        numpy.testing.assert_allclose(state().probabilities, expected, atol=1e-5)

    fields = browser.find_elements("css selector", "#fields input, #fields select")
    assert [field.tag_name for field in fields] == ["input", "select", "input"]
    # They hold the training means in the user's units, and the most frequent text.
    means = table[: predictor.metadata["n_train_rows"]].mean(numeric_only=True).tolist()
    values = [field.get_property("value") for field in fields]
    assert values == [f"{means[0]:.6g}", "blue", f"{means[1]:.6g}"]
    check(float(values[0]), "blue", float(values[2]))
    fields[0].clear()
    check(numpy.nan, "blue", float(values[2]))
    fields[0].send_keys("2.5")
    fields[1].send_keys(HOSTILE[1])
    check(2.5, HOSTILE[1], float(values[2]))
    names = [bar.text for bar in browser.find_elements("css selector", ".bar .name")]
    assert sorted(names) == sorted(HOSTILE)
    # What the columns contribute is what the score of the class has beside the mean of all.
    shares = [share.text for share in browser.find_elements("css selector", ".share b")]
    logs, k = numpy.log(state().probabilities), state().predicted
    expected = logs[k] - logs.mean() - (predictor.b[k] - predictor.b.mean())
    assert sum(float(share.replace("−", "-")) for share in shares) == pytest.approx(
        expected, abs=0.02
    )
    browser.execute_script("document.getElementById('reset').click()")
    assert [field.get_property("value") for field in fields] == values
    check(float(values[0]), "blue", float(values[2]))
    # An inline script that is not the page's own is not run, whatever brings it in.
    assert browser.execute_script(
        "const script = document.createElement('script'); script.textContent = 'hacked = 1';"
        "document.body.append(script); const named = document.querySelectorAll('[onerror]');"
        "return [typeof hacked, named.length, document.scripts.length]"
    ) == ["undefined", 0, 3]
    (refused,) = browser.get_log("browser")
    assert "Content Security Policy" in refused["message"]


@pytest.mark.parametrize("n_out, shape", [(2, [28, 28]), (100, [28, 28]), (3, None)])
def test_models_of_few_and_of_many_classes(open_page, state, n_out, shape):
    random = numpy.random.RandomState(n_out)
    n_in = 784 if shape else 4
    W, b = random.randn(n_in, n_out) / 10 * (1, *[0.1] * (n_out - 1)), random.randn(n_out)
    means, scales = random.rand(2, n_in) + 0.1 if n_out == 2 else (numpy.zeros(n_in), 1)
    told = {"feature_means": means, "feature_scales": scales, "pixel_scale": 1 / 256}
    told = told if n_out == 2 else {}
    told = {"raw_range": [-1, 1], "x_range": [-1, 1]} if n_out == 100 else told
    model = save("any.pkl", W, b, image_shape=shape, dataset="nowhere.npz", **told)
    assert report.main([model, "--output", "any page.html"]) == 0
    browser = open_page("any page.html")
    if shape:
        draw(browser, [[(100, 60), (140, 200)]])
    shown = state()
    seen = shown.seen[:, :, 0].reshape(1, -1).astype(float)
    x = (seen / 256 if n_out == 2 else 2 * seen / 255 - 1) if shape else numpy.zeros((1, 4))
    x = ((x - means) / scales).astype("float32")
    expected = probabilities(x, W.astype("float32"), b.astype("float32"))[0]
    numpy.testing.assert_allclose(shown.probabilities, expected, atol=1e-5)
    assert shown.predicted == expected.argmax()
    figures = browser.find_elements("css selector", "#weights figure")
    if shape:  # red is for the class, and blue against it
        evidence = x[0] * (W[:, shown.predicted] - W.mean(axis=1))
        red, _, blue = shown.evidence.reshape(-1, 3).T.astype(int)
        assert numpy.corrcoef(evidence, red - blue)[0, 1] > 0.9
    assert len(figures) == n_out and figures[0].is_displayed() == (n_out < 30)  # or folded
    visible = [bar for bar in browser.find_elements("class name", "bar") if bar.is_displayed()]
    assert len(visible) == min(n_out, 20)
    assert "was not to be found" in browser.find_element("id", "errors").text
    assert "No curve is known" in browser.find_element("id", "curve").text


@pytest.mark.parametrize("width", [390, 1200])
def test_the_page_is_no_wider_than_the_window(open_page, emulate, digits_page, width):
    emulate(width)
    browser = open_page(digits_page)
    wide = "return document.documentElement.scrollWidth - window.innerWidth"
    assert browser.execute_script(wide) <= 0
    lacking = "return document.querySelectorAll('img:not([alt]), svg:not([aria-label])').length"
    assert browser.execute_script(lacking) == 0
