"""The page of a model in a browser, against what Python says of the same pixels and rows."""

import base64
import io
import json
import os

import numpy
import pytest
from builders import classes_of, probabilities, sample, save, save_digits_model, weights
from PIL import Image

from logreg import report
from logreg.datasets.pictures import read_picture

# Strokes of the ten digits on a field of 100 x 100, as someone draws them.
DIGITS = [
    [[(50, 15), (28, 30), (25, 65), (45, 86), (68, 75), (74, 40), (62, 18), (48, 15)]],
    [[(40, 30), (54, 14), (52, 86)]],
    [[(28, 30), (45, 14), (68, 24), (66, 45), (30, 84), (76, 84)]],
    [[(30, 18), (66, 20), (46, 44), (70, 60), (62, 82), (30, 82)]],
    [[(34, 14), (28, 52), (72, 52)], [(64, 14), (62, 88)]],
    [[(70, 15), (36, 15), (33, 45), (62, 46), (70, 66), (56, 85), (28, 80)]],
    [[(62, 14), (36, 40), (29, 68), (46, 86), (68, 74), (60, 54), (32, 62)]],
    [[(26, 18), (74, 18), (44, 88)]],
    [[(62, 22), (40, 16), (36, 36), (64, 60), (60, 84), (36, 82), (38, 60), (66, 34), (60, 20)]],
    [[(66, 26), (46, 14), (34, 34), (48, 50), (66, 34), (66, 24), (62, 88)]],
]


@pytest.fixture(scope="module")
def digits_page(tmp_path_factory):
    """The page of a model of digits."""
    folder = tmp_path_factory.mktemp("digits")
    model = save_digits_model(folder / "best_model.pkl", dataset="mnist_sample")
    assert report.main([model]) == 0
    return folder / "best_model.html"


def draw(browser, strokes, to_pad):
    """Draw strokes with the mouse."""
    from selenium.webdriver.common.action_chains import ActionBuilder

    builder = ActionBuilder(browser, duration=0)
    for stroke in strokes:
        for i, point in enumerate(stroke):
            builder.pointer_action.move_to_location(*map(int, to_pad(*point)))
            if i == 0:
                builder.pointer_action.pointer_down()
        builder.pointer_action.pointer_up()
    builder.perform()


def test_strokes_are_put_into_the_class_that_python_gives_them(open_page, state, digits_page):
    browser, random = open_page(digits_page), numpy.random.RandomState(0)
    pad = browser.find_element("id", "pad")
    browser.execute_script("arguments[0].scrollIntoView({behavior: 'instant'})", pad)
    corner = browser.execute_script(
        "return Object.values(arguments[0].getBoundingClientRect().toJSON()).slice(0, 2)", pad
    )
    same, as_meant, worst = [], [], 0
    for i in range(100):
        size, turn = random.uniform(0.8, 2.2), random.uniform(-0.2, 0.2)
        left, top = random.uniform(0, 280 - 100 * size, 2)

        def to_pad(x, y, size=size, left=left, top=top, turn=turn):
            x, y = x + random.uniform(-3, 3) + turn * (50 - y), y + random.uniform(-3, 3)
            return corner[0] + left + size * x, corner[1] + top + size * y

        browser.execute_script("document.getElementById('clear').click()")
        draw(browser, DIGITS[i % 10], to_pad)
        shown = state()
        Image.fromarray(shown.pad).save("pad.png")
        pixels = read_picture("pad.png", (28, 28)).pixels
        assert numpy.ptp(shown.seen) > 100
        worst = max(worst, abs(pixels - shown.seen[:, :, 0].astype(int)).max())
        same.append(int(shown.class_) == classes_of(pixels)[0])
        as_meant.append(int(shown.class_) == i % 10)
        given = shown.seen[:, :, 0].reshape(1, -1) / numpy.float32(256)
        expected = probabilities(given, *weights())[0]
        numpy.testing.assert_allclose(numpy.array(shown.probabilities, float), expected, atol=1e-5)
    assert sum(same) >= 98
    assert worst <= 1  # Pillow before 13 rounds tall pictures otherwise
    assert sum(as_meant) >= 60  # what was drawn is what was meant to be drawn
