"""What features are as pixels, by what a model file or the images tell."""

import numpy
import pytest
from builders import sample, weights

from logreg.parts.pixels import are_centred
from logreg.saving.facts import ModelFacts

BYTES = {"pixel_scale": 256, "centred": False}


@pytest.mark.parametrize(
    "told, name, expected",
    [
        ({"image_shape": None, "raw_range": [-2, 99]}, "shape", (28, 28)),
        ({"image_shape": None, "categories": [["a", "b"]] + 782 * [None]}, "shape", None),
        ({"x_range": [0, 1.001]}, "takes_bytes", True),
        ({"x_range": [-0.001, 1]}, "takes_bytes", True),
        ({"x_range": [0, 1]}, "takes_bytes", False),
        ({"x_range": [0, 1], "has_given_scale": True}, "takes_bytes", True),
        ({"x_median": 0.9}, "background", "dark"),
        ({"x_range": [-1, 1], "x_median": -0.01}, "background", "dark"),
        ({"x_range": [-1, 1], "x_median": 0.0}, "background", "light"),
        # Of bytes, dark and light are those of pictures, whatever the brightest pixel is.
        ({**BYTES, "x_range": [0, 0.5], "x_median": 0.3}, "background", "dark"),
        ({**BYTES, "x_range": [0, 0.6], "x_median": 0.5}, "background", "light"),
        ({"image_shape": None, "label_number": 9, "raw_range": [0, 99]}, "shape", (28, 28)),
        ({"image_shape": None, "label_number": 9, "raw_range": [-2, 99]}, "shape", None),
        ({}, "takes_pictures", False),
        ({}, "is_centred", True),  # as pictures of digits mostly are
        ({"raw_range": [0, 16], "image_shape": [112, 7]}, "takes_pictures", False),
    ],
)
def test_what_a_model_takes_by_what_its_file_tells(told, name, expected):
    facts = ModelFacts.from_metadata({"image_shape": [28, 28], **told}, weights()[0])
    assert getattr(facts.image_layout, name) == expected


def test_images_are_centred_if_nearly_all_are_laid_out_as_mnists():
    digits = sample()["x_test"][:200]
    shifted = numpy.roll(digits, 3, axis=2)  # and still within the field
    corner = numpy.pad([[1]], (2, 25))  # a faint pixel there does not count
    large = numpy.pad(digits, ((0, 0), (4, 4), (4, 4)))[:, 8:-8, 8:-8]  # fill the field
    for images in (digits, 1 - digits / 255, digits | 50 * corner):
        assert are_centred(images)
    for images in (shifted, large, digits | 60 * corner):
        assert not are_centred(images)
    assert are_centred(numpy.concatenate([digits, shifted[:9]]))
