"""Bits that were recorded once: plain descent on arrays keeps them for good.

The files in tests/golden were written at commit 2dfb453, before files told their rule.
"""

import shutil
import zlib

import numpy
import pytest
from builders import GOLDEN, PENGUINS, make_pairs

from logreg.kernel import has_fma, is_in_use
from logreg.saving import model_file

pytestmark = pytest.mark.skipif(
    not (is_in_use() and has_fma()), reason="bits are promised of the kernel with fma"
)
DIGITS = "mnist_sample --batch-size=100 --n-epochs=2"
TABLE = f"{PENGUINS} --label-column=species --missing=mean --n-epochs=40"
ARRAYS = "train --dataset arrays.npz --batch-size=10"


@pytest.fixture
def arrays():
    """The data of the files of arrays in tests/golden."""
    (x, y), (x_valid, y_valid), (x_test, y_test) = make_pairs((120, 40, 40))
    sets = {"x_valid": x_valid, "y_valid": y_valid, "x_test": x_test, "y_test": y_test}
    numpy.savez("arrays.npz", x_train=x, y_train=y, **sets)


@pytest.mark.parametrize(
    "options, recorded",
    [  # the options, and the CRC-32 of W and of b
        (f"{DIGITS} --floatx=float32", "ced101db e38c5308"),
        (f"{DIGITS} --floatx=float64", "da3f98e6 3be95a8b"),
        (f"{DIGITS} --floatx=float32 --pixel-scale=255", "5097a4b3 37a20247"),
        (f"{DIGITS} --floatx=float64 --pixel-scale=255", "9cdc1741 6b81947c"),
        # By rule 3, with which the kernel takes these steps.
        (f"{DIGITS} --l2=0.001 --momentum=0.9", "d0faa6cf c67182c6"),
        # By rule 2, which came with another rate of wide tables and another scale of categories.
        (TABLE, "8339c0bc d17cfa5e"),
    ],
)
def test_a_run_gives_the_recorded_parameters(options, recorded, cli):
    cli(f"train {options}")
    _, *parameters = model_file.read_model("best_model.pkl")
    found = " ".join(f"{zlib.crc32(array.tobytes()):08x}" for array in parameters)
    assert found == recorded


@pytest.mark.parametrize(
    "name, n, options",
    [
        ("plain.pkl", "15", []),
        # It has l2 and momentum, empty cells and categories, and was trained anew on more rows.
        ("penguins.pkl", "36", ["--dataset", PENGUINS]),
    ],
)
def test_a_model_is_verified_by_the_rule_of_its_file(name, n, options, cli, arrays):
    done = cli("train --verify", GOLDEN / name, *options)
    assert done.out.startswith(f"verified: the {n} parameters ar")


def test_a_state_is_resumed_to_the_bits_of_the_whole_run(cli, arrays):
    shutil.copy(GOLDEN / "plain.state", "run.state")
    resumed = cli(f"{ARRAYS} --n-epochs=20 --checkpoint=run.state --resume")
    assert "epoch 8," not in resumed.out and "epoch 9," in resumed.out
    (facts, *found), (facts_of_whole, *whole) = (
        model_file.read_model(path) for path in ("best_model.pkl", GOLDEN / "plain.pkl")
    )
    assert [array.tobytes() for array in found] == [array.tobytes() for array in whole]
    assert facts.curve == facts_of_whole.curve  # a run that begins anew gets there later
