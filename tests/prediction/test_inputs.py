"""What is read of files that hold rows to predict; what is refused is in test_commands, too."""

import dataclasses
import gzip
import os

import numpy
import pytest
from builders import classes_of, csv_text, npy_bytes, npz_bytes, sample, save_digits_model, write
from PIL import Image

from logreg.parts.formats import find_usable_map
from logreg.prediction import inputs
from logreg.prediction.inputs import file_batches
from logreg.saving.facts import ModelFacts

DIGITS = ModelFacts(n_in=784, image_shape=[28, 28], pixel_scale=256)
IMAGES = sample()["x_test"][:12]
FLAT = IMAGES.reshape(12, 784)
FORMS = ["bmp", "gif", "jpeg", "jpg", "pbm", "pgm", "png", "pnm", "ppm", "tif", "tiff", "webp"]


def rows_of(path, facts=DIGITS, n=99):
    found = [*file_batches(path, facts, n=n)]
    numbers = [number for batch in found for number in batch.numbers]
    x = numpy.concatenate([batch.x for batch in found])
    first = 2 if "header" in path else 0  # as messages number them
    assert numbers[: len(x)] == [*range(first, first + len(x))]
    return x


def test_a_folder_stands_for_its_pictures():
    for name in ("photos[1]/one", "photos[1]/.hidden", "tables"):
        os.makedirs(name)
    for name in ("c.PNG", "a.jpg", ".d.png", "notes.txt", "one/b.pgm", ".hidden/e.png"):
        write(f"photos[1]/{name}", b"")
    found = [os.path.relpath(path, "photos[1]") for path in inputs.expand_folders(["photos[1]"])]
    assert found == ["a.jpg", "c.PNG", os.path.join("one", "b.pgm")]
    assert [*inputs.expand_folders(["x.csv", "tables"])] == ["x.csv", "tables"]
    pictures = [f"tables/{form}.{form}" for form in FORMS]
    for path in pictures:
        write(path, b"")
    assert [*inputs.expand_folders(["tables"])] == pictures


FILES = {
    "images.npy.gz": gzip.compress(npy_bytes(IMAGES)),
    "data.npz": npz_bytes(test_x=IMAGES[:3], target=FLAT, data=FLAT, more=numpy.array([None])),
    "header.csv": csv_text(FLAT, [f"pixel{i}" for i in range(784)]).encode(),
}


@pytest.mark.parametrize("name", FILES)
def test_rows_come_in_batches(name, monkeypatch):
    write(name, FILES[name])
    monkeypatch.setattr(inputs, "BATCH_SIZE", 5)
    assert [len(batch.x) for batch in file_batches(name, DIGITS)] == [5, 5, 2]
    for n in (1, 5, 7, 99):
        assert rows_of(name, n=n).tolist() == FLAT[:n].tolist()


def test_arrays_are_mapped_where_that_can_be():
    write("x.npy", npy_bytes(numpy.repeat(FLAT, 50, axis=0)))
    assert find_usable_map(next(file_batches("x.npy", DIGITS)).x) is not None


def test_pictures(stderr, cli):
    Image.fromarray(IMAGES[0]).save("unnamed", "png")
    (batch,) = file_batches("unnamed", DIGITS)
    assert batch.is_single and batch.x.tolist() == FLAT[:1].tolist()
    # Bytes of a picture that are those of text: its name tells what it is.
    write("text.PGM", b"P5\n28 28\n255\n" + numpy.maximum(IMAGES[0], 48).tobytes())
    assert (rows_of("text.PGM") == numpy.maximum(FLAT[0], 48)).all()
    Image.new("L", (40, 40), 200).save("blank.png")
    rows_of("blank.png", dataclasses.replace(DIGITS, background="light"))
    assert stderr() == "warning: blank.png: is blank, or too faint: no ink was found on it\n"
    save_digits_model()
    (k,) = classes_of(255 - FLAT[0])
    for pixels, option in ((IMAGES[0], "--invert"), (255 - IMAGES[0], "--no-invert")):
        Image.fromarray(pixels).save("digit.png")
        assert cli("predict digit.png", option).out == f"digit.png: {k}\n"
