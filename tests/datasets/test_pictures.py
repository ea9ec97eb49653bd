"""Pictures as people make them: what becomes of them, and what is refused."""

import glob
import os
import shutil

import numpy
import pytest
from builders import classes_of, refused, sample, write
from conftest import peak_memory
from numpy.testing import assert_allclose
from PIL import Image
from scipy import ndimage

from logreg.datasets.dataset import read_dataset
from logreg.datasets.pictures import FORMATS, read_picture
from logreg.parts.options import Preparation
from logreg.parts.pixels import ImageLayout
from logreg.saving.facts import ModelFacts

FIELD = ImageLayout((28, 28), is_centred=True)


def prepared(pixels, form="PNG", invert=None, layout=FIELD, **options):
    """Save a picture and read it."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    path = f"picture.{form.lower()}"
    image.save(path, form, **options)
    return read_picture(path, layout, invert)


def apart(a, b):
    return abs(a.astype(float) - b).mean()


def extent(field):
    """How many rows and columns the ink takes."""
    return [numpy.ptp(places) + 1 for places in field.nonzero()]


def save_pictures(folder, pictures, classes):
    """Save pictures in a folder for each class."""
    for i, pixels in enumerate(pictures):
        name = classes[i % len(classes)]
        os.makedirs(f"{folder}/{name}", exist_ok=True)
        Image.fromarray(pixels).save(f"{folder}/{name}/{i}.PNG")


def enlarged(digits):
    """Digits of black ink on white paper, five times as large."""
    return 255 - numpy.kron(digits, numpy.ones((5, 5), "u1"))


@pytest.mark.parametrize("ink, paper, noise", [(228, 255, 0), (90, 230, 5), (255, 40, 0)])
def test_drawn_digits_are_classified_as_their_pixels(random, ink, paper, noise):
    digits = sample()["x_test"][:30]
    found = []
    for digit, form in zip(digits, FORMATS * 5):
        levels = ink + (paper - ink) * (enlarged(digit) / 255)
        levels += noise * random.randn(*levels.shape)
        found.append(prepared(levels.clip(0, 255).astype("u1"), form))
    assert (classes_of(found) == classes_of(digits)).mean() >= 0.9


@pytest.mark.parametrize("shape", [(28, 28), (20, 40)])
@pytest.mark.parametrize("size", [(40, 300), (300, 40), (480, 480)])
def test_ink_fits_the_box_and_stands_by_its_mass(shape, size):
    picture = numpy.full((600, 700), 250, numpy.uint8)
    picture[100 : 100 + size[0], 200 : 200 + size[1]] = 10
    field = prepared(picture, layout=FIELD._replace(shape=shape))
    assert field.shape == shape and field.max() == 255
    scale = numpy.divide(shape, size).min() * 20 / 28
    assert extent(field) == [max(1, round(n * scale)) for n in size]
    assert_allclose(ndimage.center_of_mass(field), numpy.divide(shape, 2), atol=0.5 + 1e-9)


def test_ink_whose_mass_is_near_an_edge_stays_whole():
    picture = numpy.full((600, 700), 250, numpy.uint8)
    picture[100:400, 200:210] = picture[100:110, 200:500] = 10
    assert extent(prepared(picture)) == [20, 20]


def stained(grey, by=0):
    grey = grey.copy()
    grey[3:6, 3:6] = grey[-7:-4, -9:-6] = by
    return grey


SIDEWAYS = Image.Exif()
SIDEWAYS[0x0112] = 6  # the orientation of the camera


@pytest.mark.parametrize(
    "change, form, limit, options",
    [
        (lambda grey: Image.fromarray(grey).convert("CMYK"), "JPEG", 4, {}),
        (lambda grey: grey.astype("u2") * 256, "PNG", 2, {}),
        (lambda grey: numpy.dstack([0 * grey] * 3 + [255 - grey]), "PNG", 1, {}),  # on nothing
        (lambda grey: numpy.rot90(grey).copy(), "JPEG", 3, {"exif": SIDEWAYS.tobytes()}),
        (lambda grey: grey, "JPEG", 3, {"exif": b"Exif\0\0senseless"}),
        (lambda grey: stained(grey // 2 + 127), "PNG", 8, {}),  # darker than the pencil
        (lambda grey: grey.astype("i4"), "TIFF", 1, {}),
        (lambda grey: stained(((grey - 9.0) / 246).astype("f4"), numpy.nan), "TIFF", 8, {}),
    ],
)
def test_how_a_picture_is_kept_does_not_matter(change, form, limit, options):
    picture = enlarged(sample()["x_test"][0])
    assert apart(prepared(change(picture), form, **options), prepared(picture)) < limit


def test_a_thin_pen_does_not_fade_and_paper_alone_is_blank(random):
    line = numpy.pad(numpy.zeros((300, 4), "u1"), (50, 198), constant_values=255)
    found = prepared(line, layout=FIELD._replace(shape=(280, 280)))
    assert extent(found) == [200, 15] and found.max() > 200  # 8 % of what was 300
    smooth = numpy.full((900, 20), 128, "u1")
    shaded = numpy.where(numpy.arange(900)[:, None] // 100 == 4, 145, smooth).astype("u1")
    for paper in (smooth, shaded, (smooth + 8 * random.randn(900, 20)).astype("u1")):
        for background, grey in (("dark", 0), ("light", 255)):
            layout = FIELD._replace(background=background)
            assert (prepared(paper, layout=layout) == grey).all()


@pytest.mark.parametrize("mode", ["L", "1", "P"])
def test_a_large_picture_is_reduced_before_ink_is_looked_for(mode):
    hair = numpy.full((3000, 600), 255, "u1")
    hair[1000:2000, 300] = 0  # of a width of one pixel
    picture = Image.fromarray(hair).convert(mode)
    with peak_memory() as peak:
        found = prepared(picture)
    assert extent(found)[0] == 20 and peak() < 10 * hair.size


# Of images: the grey levels of black and of white, their dtype, `pixel_scale`.
@pytest.mark.parametrize("is_centred", [False, True])
@pytest.mark.parametrize("background", ["dark", "light"])
@pytest.mark.parametrize("standardize", [None, True])
@pytest.mark.parametrize(
    "kind",
    [
        (0, 255, "u1", None),
        (0, 15, "i8", 15),
        (0, 255, "f4", None),
        (0, 1, "f4", None),
        (-1, 1, "f8", None),
    ],
)
def test_a_picture_of_a_training_image_is_that_image(kind, standardize, background, is_centred):
    low, high, dtype, scale = kind
    digits = sample()["x_train"][:300]
    y = sample()["y_train"][:300]
    digits = digits if is_centred else numpy.roll(digits, 6, axis=1)
    grey = 255 - digits if background == "light" else digits
    x = grey / 255 * (high - low) + low
    x = (x if dtype[0] == "f" else x.round()).astype(dtype)
    how = Preparation(standardize, pixel_scale=scale)
    facts = ModelFacts.from_metadata(read_dataset([(x, y)] * 3, preparation=how).facts.as_dict())
    layout = facts.image_layout
    assert (layout.background, layout.is_centred) == (background, is_centred)
    tolerance = 0.5 if dtype == "i8" else 1e-4
    for image in grey[:3]:
        for picture in (image, 255 - image):
            for invert, wanted in ((None, image), (True, 255 - picture), (False, picture)):
                found = prepared(picture, invert=invert, layout=layout)
                assert_allclose(found, wanted / 255 * (high - low) + low, atol=tolerance)


def test_images_that_are_not_laid_out_as_mnists_are_scaled_alone():
    digits = sample()["x_test"][:9]
    clothes = numpy.stack([numpy.roll(digit, 5, axis=1) for digit in digits])  # not in the middle
    for image in clothes:
        found = prepared(enlarged(image), layout=FIELD._replace(is_centred=False))
        assert apart(found, image) < 3 < apart(prepared(enlarged(image)), image)
    wide = numpy.pad(255 - clothes[0], ((0, 0), (14, 14)), constant_values=255)
    found = prepared(wide, layout=ImageLayout((40, 20)))  # its aspect is kept
    assert found.shape == (40, 20) and found.sum() == found[15:25].sum() > 0


CLASSES = ["no", "test", "valid"]  # which are no sets where none is called train


@pytest.mark.parametrize("times", [1, 3])
def test_a_folder_of_pictures_for_each_class_is_a_data_set(times, cli):
    """Whatever their background; and prediction reads them as training did."""
    digits = sample()["x_train"][:600].repeat(times, axis=1).repeat(times, axis=2)
    digits[::2] = 255 - digits[::2]
    save_pictures("pictures", digits, [CLASSES[y % 3] for y in sample()["y_train"][:600]])
    shutil.copytree("pictures/no", "pictures/.ipynb_checkpoints")
    write("pictures/no/._0.png", b"")  # as macOS has it
    cli("train --dataset pictures --size 20 --n-epochs 20")
    told = cli("predict --info").json
    assert (told["image_shape"], told["rows"]) == ([20, 20], [400, 100, 100])
    assert told["class_labels"] == CLASSES and told["centred"]
    found = cli("predict --evaluate pictures --format json").json
    assert found["rows_are"] == "those that training held out"
    assert found["errors"] == round(100 * told["test_error_all_rows"]) < 30
    done = cli("predict --format json", *sorted(found["wrong_rows"])).json
    assert all(entry["prediction"] not in entry["input"] for entry in done)


@pytest.mark.parametrize("option", ["", "--pixel-scale 255 --size 10", "--standardize"])
def test_grey_pictures_are_tested_as_they_were_trained_on(random, cli, option):
    """They have neither black nor white, and no paper at their edges."""
    smooth = numpy.kron(random.randint(40, 120, (40, 7, 7)), numpy.ones((1, 4, 4)))
    rough = random.randint(40, 120, (40, 28, 28))
    pictures = numpy.stack([smooth, rough], axis=1).reshape(80, 28, 28).astype("u1")
    save_pictures("pictures", pictures, "01")
    cli(f"train pictures --n-epochs 9 {option}")
    found = cli("predict --evaluate --format json").json
    assert found["rows_are"] == "those that training held out"  # by the SHA-256 of their pixels


def test_pictures_may_lie_in_a_folder_for_each_set(stderr):
    digits = sample()["x_train"]
    for split, pictures in (("train", digits[:12]), ("val", digits[:4]), ("test", 0 * digits[:2])):
        save_pictures(f"pictures/{split}", pictures, "ab")
    data = read_dataset("pictures")
    assert len(data.files) == 18
    assert (data.facts.rows, data.facts.class_labels) == ([12, 4, 2], ["a", "b"])
    names = sorted(glob.glob(os.path.join("pictures", "train", "*", "*")))
    order = numpy.random.RandomState(0).permutation(12)  # and not that of the classes
    assert [*data.files[:12]] == [names[i] for i in order]
    os.rename("pictures/val", "pictures/valid")  # is as good a name
    assert read_dataset("pictures").facts.dataset_sha256 == data.facts.dataset_sha256
    said = "warning: pictures: test 2 pictures are blank, or too faint, pictures"
    assert said in stderr()
    os.makedirs("more/test/a")  # of no pictures is no set
    os.rename("pictures/train", "more/train")
    assert read_dataset("more").facts.rows == [8, 2, 2]


@pytest.mark.parametrize(
    "content, reason",
    [
        (b"P5 12000 12000 255 ", "exceeds limit"),
        (b"P5 20 20 255 " + bytes(399), "(truncated|not large enough)"),
        (b"%!PS-Adobe-3.0\n%%BoundingBox: 0 0 9 9\n", "identify .*save it whole, as one of"),
    ],
)
def test_what_is_no_picture_is_refused(content, reason):
    write("bad.png", content)
    with refused("^bad.png: cannot be read as a picture: .*" + reason):
        read_picture("bad.png", FIELD)
