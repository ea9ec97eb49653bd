"""Bits that were recorded once: plain descent on arrays keeps them for good."""

import zlib

import numpy
import pytest
from builders import PENGUINS, make_pairs

from logreg.kernel import has_fma, is_in_use
from logreg.saving import model_file

pytestmark = pytest.mark.skipif(
    not (is_in_use() and has_fma()), reason="bits are promised of the kernel with fma"
)
DIGITS = "mnist_sample --batch-size=100 --n-epochs=2"
TABLE = f"{PENGUINS} --label-column=species --missing=mean --n-epochs=40"


@pytest.mark.parametrize(
    "options, recorded",
    [  # the options, and the CRC-32 of W and of b
        (f"{DIGITS} --floatx=float32", "ced101db e38c5308"),
        (f"{DIGITS} --floatx=float64", "da3f98e6 3be95a8b"),
        (f"{DIGITS} --floatx=float32 --pixel-scale=255", "5097a4b3 37a20247"),
        (f"{DIGITS} --floatx=float64 --pixel-scale=255", "9cdc1741 6b81947c"),
        ("arrays.npz --batch-size=10 --n-epochs=20", "15a42250 156a1f17"),
        # These bits may change; then ARITHMETIC_VERSION becomes larger.
        (f"{DIGITS} --l2=0.001 --momentum=0.9", "d0faa6cf c67182c6"),
        (TABLE, "547dbea0 345962a1"),
    ],
)
def test_a_run_gives_the_recorded_parameters(options, recorded, cli):
    (x, y), (x_valid, y_valid), (x_test, y_test) = make_pairs((120, 40, 40))
    sets = {"x_valid": x_valid, "y_valid": y_valid, "x_test": x_test, "y_test": y_test}
    numpy.savez("arrays.npz", x_train=x, y_train=y, **sets)
    cli(f"train {options}")
    _, *parameters = model_file.read_model("best_model.pkl")
    found = " ".join(f"{zlib.crc32(array.tobytes()):08x}" for array in parameters)
    assert found == recorded
