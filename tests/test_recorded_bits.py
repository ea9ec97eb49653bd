"""Bits that were recorded once: plain descent on arrays keeps them for good.

The files in tests/golden were written at commit 2dfb453, before files told their rule.
"""

import shutil
import zlib

import numpy
import pytest
from builders import GOLDEN, make_pairs
from conftest import ROOT

from logreg.kernel import has_fma, is_in_use
from logreg.saving import model_file

pytestmark = pytest.mark.skipif(
    not (is_in_use() and has_fma()), reason="bits are promised of the kernel with fma"
)
# The CRC-32 of W and of b, by floatX and by what the pixels are divided by.
RECORDED = {
    ("float32", 256): ("ced101db", "e38c5308"),
    ("float64", 256): ("da3f98e6", "3be95a8b"),
    ("float32", 255): ("5097a4b3", "37a20247"),
    ("float64", 255): ("9cdc1741", "6b81947c"),
}
ARRAYS = "train --dataset arrays.npz --batch-size=10"


@pytest.fixture
def arrays():
    """The data of the files of arrays in tests/golden."""
    (x, y), (x_valid, y_valid), (x_test, y_test) = make_pairs((120, 40, 40))
    sets = {"x_valid": x_valid, "y_valid": y_valid, "x_test": x_test, "y_test": y_test}
    numpy.savez("arrays.npz", x_train=x, y_train=y, **sets)


@pytest.mark.parametrize("floatx, divisor", RECORDED)
def test_digits_give_the_recorded_parameters(floatx, divisor, cli):
    options = ["--batch-size=100", "--n-epochs=2", f"--floatx={floatx}"]
    if divisor != 256:
        options.append(f"--pixel-scale={divisor}")
    assert cli("train", "mnist_sample", *options).code == 0
    _, *parameters = model_file.read_model("best_model.pkl")
    found = tuple(f"{zlib.crc32(array.tobytes()):08x}" for array in parameters)
    assert found == RECORDED[floatx, divisor]


def test_a_penalty_and_momentum_give_the_recorded_parameters(cli):
    """By rule 3, with which the kernel takes these steps."""
    rule = "--l2=0.001", "--momentum=0.9"
    assert cli("train", "mnist_sample", "--batch-size=100", "--n-epochs=2", *rule).code == 0
    _, *parameters = model_file.read_model("best_model.pkl")
    assert [f"{zlib.crc32(array.tobytes()):08x}" for array in parameters] == [
        "d0faa6cf",
        "c67182c6",
    ]


def test_a_table_gives_the_recorded_parameters(cli):
    """By rule 2, which came with another rate of wide tables and another scale of categories."""
    table = f"{ROOT}/data/penguins.csv"
    done = cli("train", table, "--label-column=species", "--missing=mean", "--n-epochs=40")
    assert done.code == 0
    _, *parameters = model_file.read_model("best_model.pkl")
    assert [f"{zlib.crc32(array.tobytes()):08x}" for array in parameters] == [
        "8339c0bc",
        "d17cfa5e",
    ]


def test_a_model_of_arrays_is_verified(cli, arrays):
    done = cli("train", "--verify", GOLDEN / "plain.pkl")
    assert (done.code, done.out[:30]) == (0, "verified: the 15 parameters ar")


def test_a_model_of_a_table_is_verified_by_the_rule_of_its_file(cli):
    """It has l2 and momentum, empty cells and categories, and was trained anew on more rows."""
    table = f"{ROOT}/data/penguins.csv"
    done = cli("train", "--verify", GOLDEN / "penguins.pkl", "--dataset", table)
    assert (done.code, done.out[:30]) == (0, "verified: the 36 parameters ar")


def test_a_state_is_resumed_to_the_bits_of_the_whole_run(cli, arrays):
    shutil.copy(GOLDEN / "plain.state", "run.state")
    resumed = cli(*ARRAYS.split(), "--n-epochs=20", "--checkpoint=run.state", "--resume")
    assert resumed.code == 0 and "epoch 8," not in resumed.out and "epoch 9," in resumed.out
    (facts, *found), (facts_of_whole, *whole) = (
        model_file.read_model(path) for path in ("best_model.pkl", GOLDEN / "plain.pkl")
    )
    assert [array.tobytes() for array in found] == [array.tobytes() for array in whole]
    assert facts.curve == facts_of_whole.curve  # a run that begins anew gets there later
