"""Pictures as people make them: what becomes of them, and what is refused."""

import builtins
import io
import struct
import zlib

import numpy
import pytest
from builders import classes_of, drawing, sample, save_digits_model
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from logreg.datasets import pictures as images
from logreg.datasets.pictures import read_picture
from logreg.errors import DatasetError
from logreg.predict import main

FIELD = (28, 28)
STYLES = [
    {},
    {"ink": (30, 40, 140), "paper": (245, 240, 230), "noise": 4},
    {"ink": (255, 230, 0)},
    {"ink": (220, 20, 30)},
    {"ink": (90, 90, 90), "paper": (235, 235, 225), "noise": 5, "shade": 0.4},
    {"ink": (255, 255, 255), "paper": (20, 60, 30)},
    {"ink": (120, 200, 120), "paper": (255, 250, 250)},
]


@pytest.fixture
def digit():
    return sample()["x_test"][0]


@pytest.fixture
def random():
    return numpy.random.RandomState(5)


def prepared(pixels, form="PNG", shape=FIELD, invert=None, ground="dark", **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    path = f"picture.{form.lower()}"
    image.save(path, form, **options)
    return read_picture(path, shape, invert, ground)


def apart(a, b):
    return abs(a.astype(float) - b).mean()


def mass_centre(field):
    total = field.sum(dtype=float)
    return [(field.sum(axis=1 - i) * numpy.arange(field.shape[i])).sum() / total for i in (0, 1)]


def test_drawn_digits_are_classified_as_their_pixels(random, capsys):
    save_digits_model()
    digits, names = sample()["x_test"][:200], []
    for i, digit in enumerate(digits):
        names.append(f"{i}.{'jpg' if i % 2 else 'png'}")
        picture = drawing(digit, random, **STYLES[i % len(STYLES)])
        Image.fromarray(picture).save(names[-1])
    assert main(names) == 0
    said = capsys.readouterr()
    predicted = [int(line.split(": ")[1]) for line in said.out.splitlines()]
    assert len(predicted) == 200
    agree = numpy.array(predicted) == classes_of(digits)
    assert agree.mean() >= 0.95
    for i in range(len(STYLES)):
        assert agree[i :: len(STYLES)].mean() >= 0.85, STYLES[i]
    (line,) = said.err.splitlines()
    assert line.startswith(
        "note: dark on light, so inverted (--no-invert keeps them): 0.png, 1.jpg"
    )
    assert line.endswith(" and 162 more")


def test_a_picture_like_mnists_keeps_its_pixels():
    for digit in sample()["x_test"][:20]:
        for pixels in (digit, numpy.stack([digit] * 3, axis=2)):
            picture = prepared(pixels)
            assert not picture.inverted
            assert picture.pixels.dtype == numpy.uint8
            assert (picture.pixels == digit).all()
        picture = prepared(255 - digit)
        assert picture.inverted
        assert (picture.pixels == digit).all()


def test_where_and_how_large_a_digit_stands_does_not_matter(digit):
    fields = []
    for side, top, left in ((140, 10, 5), (140, 300, 200), (280, 60, 90)):
        picture = numpy.full((500, 400), 255, numpy.uint8)
        large = Image.fromarray(digit).resize((side, side), Image.BICUBIC)
        picture[top : top + side, left : left + side] = 255 - numpy.asarray(large)
        fields.append(prepared(picture).pixels)
    assert (fields[0] == fields[1]).all()
    assert apart(fields[0], fields[2]) < 3
    assert apart(fields[0], digit) < 10


@pytest.mark.parametrize("shape", [(28, 28), (14, 14), (56, 28), (20, 40)])
@pytest.mark.parametrize("size", [(40, 300), (300, 40), (200, 200)])
def test_ink_fits_the_box_and_stands_by_its_mass(shape, size):
    picture = numpy.full((600, 700), 250, numpy.uint8)
    picture[100 : 100 + size[0], 300 : 300 + size[1]] = 10
    field = prepared(picture, shape=shape).pixels
    assert field.shape == shape
    scale = min(n * 20 / 28 / m for n, m in zip(shape, size))
    for axis in (0, 1):
        assert field.any(axis=1 - axis).sum() == max(1, round(size[axis] * scale))
    for centre, n in zip(mass_centre(field), shape):
        assert abs(centre - n / 2) <= 0.5 + 1e-9
    assert field.max() == 255


def test_a_camera_held_sideways(digit, random):
    upright = drawing(digit, random)
    expected = prepared(upright).pixels
    for orientation, turned in (
        (3, upright[::-1, ::-1]),
        (6, numpy.rot90(upright)),
        (8, numpy.rot90(upright, 3)),
    ):
        exif = Image.Exif()
        exif[images.EXIF_ORIENTATION] = orientation
        turned = numpy.ascontiguousarray(turned)
        found = prepared(turned, "JPEG", exif=exif.tobytes(), quality=95).pixels
        assert apart(found, expected) < 3
        assert apart(prepared(turned, "JPEG", quality=95).pixels, expected) > 20


def with_alpha(picture, ink):
    """The ink of a drawing in black on white, on nothing."""
    amount = 255 - picture[:, :, 0]
    colour = numpy.full((*amount.shape, 3), ink, numpy.uint8)
    return numpy.concatenate([colour, amount[:, :, None]], axis=2)


def test_transparency_is_paper(digit, random):
    picture = drawing(digit, random)
    expected = prepared(picture).pixels
    for ink in (0, 255):
        rgba = with_alpha(picture, ink)
        found = prepared(rgba)
        assert apart(found.pixels, expected) < 1
        assert found.inverted == (ink == 0)
        found = prepared(Image.fromarray(rgba).convert("LA")).pixels
        assert apart(found, expected) < 1
    palette = Image.fromarray((picture[:, :, 0] < 128).astype(numpy.uint8))
    palette.putpalette([200, 200, 200, 0, 0, 0])
    assert apart(prepared(palette, "GIF", transparency=0).pixels, expected) < 16


def test_modes_and_formats(digit, random):
    picture = drawing(digit, random)
    grey = Image.fromarray(picture).convert("L")
    expected = prepared(picture).pixels
    for form in ("PNG", "BMP", "TIFF", "PPM", "GIF"):
        assert apart(prepared(grey, form).pixels, expected) < 1
    assert apart(prepared(Image.fromarray(picture).convert("CMYK"), "JPEG").pixels, expected) < 4
    assert apart(prepared(grey.convert("1")).pixels, expected) < 25
    deep = (numpy.asarray(grey).astype(numpy.uint16)) * 257
    assert apart(prepared(deep).pixels, expected) < 1
    real = numpy.asarray(grey).astype(numpy.float32) / 255
    assert apart(prepared(real, "TIFF").pixels, expected) < 1


@pytest.mark.parametrize("ink", [(255, 255, 0), (255, 0, 0), (0, 255, 255), (255, 200, 200)])
def test_coloured_ink_is_as_good_as_black(digit, ink):
    random = numpy.random.RandomState(5)
    expected = prepared(drawing(digit, random)).pixels
    random.seed(5)
    found = prepared(drawing(digit, random, ink=ink))
    assert found.inverted
    assert apart(found.pixels, expected) < 6


def test_uneven_light_noise_and_specks(digit):
    random = numpy.random.RandomState(5)
    expected = prepared(drawing(digit, random)).pixels
    random.seed(5)
    picture = drawing(digit, random, ink=(60, 60, 60), shade=0.5, noise=5)
    picture[3:6, 3:6] = picture[-7:-4, -9:-6] = 0
    found = prepared(picture, "JPEG").pixels
    assert apart(found, expected) < 12
    assert classes_of(found) == classes_of(digit)


def test_a_thin_pen_does_not_fade():
    def seven(width):
        image = Image.new("L", (900, 900), 255)
        line = [(250, 200), (650, 200), (400, 750)]
        ImageDraw.Draw(image).line(line, fill=20, width=width)
        return prepared(image).pixels

    thin, thick = seven(2), seven(48)
    assert thin.max() > 200
    assert 0.5 < thin.sum(dtype=float) / thick.sum(dtype=float) < 1.5
    assert classes_of(thin) == classes_of(thick) == 7


def test_light_and_dark_as_asked(digit, random):
    dark = drawing(digit, random)
    light = 255 - dark
    expected = prepared(dark).pixels
    for picture, invert, inverted, result in (
        (dark, None, True, expected),
        (dark, True, True, expected),
        (dark, False, False, 255 - expected),
        (light, None, False, expected),
        (light, True, True, 255 - expected),
        (light, False, False, expected),
    ):
        found = prepared(picture, invert=invert)
        assert found.inverted == inverted
        assert apart(found.pixels, result) < 1
    for invert, result in ((None, digit), (True, 255 - digit), (False, digit)):
        assert (prepared(digit, invert=invert).pixels == result).all()
    assert (prepared(255 - digit, invert=False).pixels == 255 - digit).all()


@pytest.mark.parametrize("size", [(28, 28), (300, 200), (1, 1), (2, 50), (3000, 20)])
def test_a_blank_picture_is_blank(size):
    for level in (0, 128, 255):
        field = prepared(numpy.full(size, level, numpy.uint8)).pixels
        assert field.min() == field.max()
        assert field.shape == FIELD


def test_a_blank_picture_is_warned_of(capsys):
    save_digits_model()
    Image.new("RGB", (300, 200), "white").save("blank.png")
    assert main(["blank.png"]) == 0
    assert "warning: blank.png: is blank, or too faint" in capsys.readouterr().err


def test_a_model_of_colours_gets_the_picture_as_it_is():
    left_red = numpy.zeros((60, 80, 3), numpy.uint8)
    left_red[:, :40, 0], left_red[:, 40:, 2] = 200, 100
    found = prepared(left_red, shape=(6, 8, 3)).pixels
    assert found.shape == (6, 8, 3)
    assert (found[:, :2] == [200, 0, 0]).all() and (found[:, 6:] == [0, 0, 100]).all()
    found = prepared(left_red, shape=(6, 8, 3), invert=True)
    assert found.inverted and (found.pixels[:, :2] == [55, 255, 255]).all()
    clear = Image.new("RGBA", (60, 80), (0, 0, 0, 0))
    assert (prepared(clear, shape=(6, 8, 3)).pixels == 255).all()


@pytest.mark.parametrize("size", [28, 200])
def test_the_ground_is_that_of_the_models_pictures(digit, size):
    light_ink = numpy.asarray(Image.fromarray(digit).resize((size, size), Image.BICUBIC))
    pictures = {"dark": light_ink, "light": 255 - light_ink}
    wanted = prepared(light_ink)
    assert not wanted.inverted and classes_of(wanted.pixels) == classes_of(digit)
    for drawn, picture in pictures.items():
        for ground in pictures:
            found = prepared(picture, ground=ground)
            assert found.inverted == (drawn != ground)
            like = wanted.pixels if ground == "dark" else 255 - wanted.pixels
            assert apart(found.pixels, like) < 2
        kept = prepared(picture, ground=None)
        assert not kept.inverted
        assert apart(kept.pixels, prepared(picture, invert=False).pixels) == 0
        assert prepared(picture, invert=True, ground="light").inverted
    for white in (numpy.full((28, 28), 255, numpy.uint8), numpy.zeros((28, 28), numpy.uint8)):
        blank = prepared(white)
        assert blank.is_blank and not blank.inverted and (blank.pixels == white).all()
    blank = prepared(numpy.full((90, 70), 255, numpy.uint8), ground="light")
    assert blank.is_blank and (blank.pixels == 255).all()


def test_ink_that_fills_the_picture(random):
    ones = sample()["x_test"][sample()["y_test"] == 1][:40]
    n_right, n_told = 0, 0
    for one in ones:
        rows, columns = one.any(axis=1).nonzero()[0], one.any(axis=0).nonzero()[0]
        cropped = 255 - one[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        picture = prepared(cropped.repeat(8, axis=0).repeat(8, axis=1))
        assert picture.inverted and not picture.is_blank
        n_right += classes_of(picture.pixels)[0] == 1
        for is_light in (True, False):
            large = (cropped if is_light else 255 - cropped).repeat(8, axis=0).repeat(8, axis=1)
            told = prepared(large, invert=is_light)
            n_told += apart(told.pixels, picture.pixels) < 2
            other = prepared(large, invert=not is_light, ground="light")
            n_told += apart(other.pixels, 255 - picture.pixels) < 2
    assert n_right >= 38 and n_told >= 4 * 38
    paper = 200 + 20 * random.randn(100, 80, 1) - 40 * numpy.linspace(0, 1, 80)[None, :, None]
    assert prepared(paper.clip(0, 255).astype(numpy.uint8)[:, :, 0]).is_blank


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_scans_of_more_bits(digit, bits):
    large = digit.repeat(6, axis=0).repeat(6, axis=1)
    deep = ((255 - large.astype(numpy.uint32)) * (2**bits - 1) // 255).astype(numpy.uint16)
    assert apart(prepared(deep).pixels, prepared(255 - large).pixels) < 2


def test_a_tiff_that_promises_more_rows_is_refused(digit):
    large = digit.repeat(6, axis=0).repeat(6, axis=1).astype(numpy.uint16) * 257
    assert prepared(large, "TIFF").pixels.any()
    with open("picture.tiff", "rb") as file:
        data = file.read()
    for order in "<>":
        data = data.replace(
            struct.pack(f"{order}HHII", 257, 4, 1, 168), struct.pack(f"{order}HHII", 257, 4, 1, 900)
        )
        data = data.replace(
            struct.pack(f"{order}HHIHH", 257, 3, 1, 168, 0),
            struct.pack(f"{order}HHIHH", 257, 3, 1, 900, 0),
        )
    with open("picture.tiff", "wb") as file:
        file.write(data)
    with pytest.raises(DatasetError, match="its strips do not make 168 x 900 pixels"):
        read_picture("picture.tiff", FIELD)


def png(width, height, data):
    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def test_what_is_no_picture_is_refused(digit):
    stream = io.BytesIO()
    Image.fromarray(numpy.kron(digit, numpy.ones((9, 9), numpy.uint8))).save(stream, "PNG")
    whole = stream.getvalue()
    for content, said in (
        (png(20000, 20000, zlib.compress(b"\0" * 100)), "too many pixels"),
        (png(12000, 12000, zlib.compress(b"\0" * 100)), "too many pixels"),
        (png(100, 100, zlib.compress(b"\0" * 100)), "cut off or damaged"),
        (whole[: len(whole) // 2], "cut off or damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "none of PNG, JPEG"),
        (b"<svg></svg>", "none of PNG, JPEG"),
        (b"\0\1\2\3" * 100, "none of PNG, JPEG"),
    ):
        with open("bad.png", "wb") as file:
            file.write(content)
        with pytest.raises(DatasetError, match="bad.png: .*" + said):
            read_picture("bad.png", FIELD)
    with pytest.raises(DatasetError, match="No such file"):
        read_picture("nowhere.png", FIELD)


def test_a_size_that_is_a_lie_takes_no_memory():
    stream = io.BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "WEBP")
    lie = bytearray(stream.getvalue())
    assert lie[12:16] == b"VP8 "
    lie[26:30] = struct.pack("<HH", 9400, 9400)
    with open("lie.webp", "wb") as file:
        file.write(lie)
    with pytest.raises(DatasetError, match="so small a file has no 9400 x 9400 pixels"):
        read_picture("lie.webp", FIELD)


def test_without_pillow_the_extra_is_named(digit, monkeypatch):
    Image.fromarray(digit).save("digit.png")
    real_import = builtins.__import__

    def without_pillow(name, *args, **kwargs):
        if name.partition(".")[0] == "PIL":
            raise ImportError("No module named 'PIL'")
        return real_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pillow)
    with pytest.raises(DatasetError, match=r"digit.png: .*pip install 'logreg\[images\]'"):
        read_picture("digit.png", FIELD)


def encoded(form):
    stream = io.BytesIO()
    picture = drawing(sample()["x_test"][3], numpy.random.RandomState(1), size=60)
    Image.fromarray(picture).save(stream, form)
    return stream.getvalue()


@pytest.mark.parametrize("form", images.FORMATS)
def test_damaged_files_are_read_or_refused(form):
    try:
        whole = encoded(form)
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {form}")

    @settings(max_examples=150, deadline=None, derandomize=True)
    @given(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(0, 255)), max_size=8),
        st.one_of(st.just(len(whole)), st.integers(1, len(whole))),
        st.booleans(),
    )
    def check(changes, end, in_header):
        content = bytearray(whole)
        for place, value in changes:
            content[place % 200 if in_header else place] = value
        with open("damaged", "wb") as file:
            file.write(content[:end])
        try:
            picture = read_picture("damaged", FIELD)
        except DatasetError as error:
            assert str(error).startswith("damaged: ")
        else:
            assert picture.pixels.shape == FIELD and picture.pixels.dtype == numpy.uint8

    check()
