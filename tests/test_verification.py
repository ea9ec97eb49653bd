"""``train --verify``: a model that was trained as its file says, and such as were not."""

import os
import re
from pathlib import Path

import numpy
import pytest
from builders import PENGUINS, make_pairs, save_table, write

from logreg import engine, load_model, save_model
from logreg.callbacks import Interruption
from logreg.saving import model_file

NOT_REPEATABLE = "the training cannot be repeated bit by bit"
DIVERGING = "--label-column=species --missing=mean --drop=year --n-epochs=40 --l2=1.2"


@pytest.fixture
def trained(cli):
    """A model that was trained, m.pkl, and its data set, arrays.npz."""
    (x, y), *_ = make_pairs((120, 1, 1))
    x[:, 3] = 0  # whose weights stay 0
    numpy.savez("arrays.npz", x=x, y=y)
    cli("train --dataset arrays.npz --output m.pkl")


@pytest.mark.parametrize(
    "n, options",
    [
        (
            "7,850",
            "mnist_sample --n-epochs=2 --floatx=float64 --pixel-scale=255 --shuffle --split-seed=7",
        ),
        ("33", f"{PENGUINS} --learning-rate=1 {DIVERGING}"),
    ],
    ids=["pixels", "a table"],
)
def test_a_model_of_each_kind_is_what_its_training_gives(n, options, cli):
    cli(f"train {options} --output m.pkl")
    before = Path("m.pkl").read_bytes()
    done = cli("train --verify m.pkl --quiet")
    said = f"verified: the {n} parameters are those of m.pkl, bit by bit, and its facts agree\n"
    assert done[:2] == (0, said)
    assert os.listdir() == ["m.pkl"] and Path("m.pkl").read_bytes() == before


def test_one_bit_of_one_parameter_is_found(cli, trained, monkeypatch):
    with engine.floatx("float32"):
        model = load_model("m.pkl")
    W = model.W.get_value()
    before = W[1, 2]
    W[1, 2] = numpy.nextafter(before, W.dtype.type(9))
    W[3, 0] = -W[3, 0]
    model.W.set_value(W)
    said = f"not verified: 2 of {W.size + 3} parameters differ, by {W[1, 2] - before:.3g} at the "
    said += f"most (the largest one is {abs(W).max():.3g})\n"
    save_model(model, "other.pkl", **model.metadata)
    for lacking in ("", "fma here", "the native kernel"):
        is_in_use = lacking != "the native kernel"
        monkeypatch.setattr("logreg.kernel.is_in_use", lambda is_in_use=is_in_use: is_in_use)
        monkeypatch.setattr("logreg.kernel.has_fma", lambda lacking=lacking: not lacking)
        done = cli("train --verify other.pkl", code=1)
        assert done.out == said
        assert re.findall(f"note: without (.*), {NOT_REPEATABLE}\n", done.err) == (
            [lacking] if lacking else []
        )
    # As by Ctrl-C: of a run that was ended, nothing is said.
    monkeypatch.setattr(Interruption, "on_train_begin", lambda self, run: self._receive(2, None))
    assert cli("train --verify other.pkl", code=130).out == ""


def test_data_that_have_moved_are_named_and_others_are_told(cli, trained):
    os.renames("arrays.npz", "there/arrays.npz")
    assert "data set 'arrays.npz' not found" in cli("train --verify m.pkl", code=1).err
    moved = cli("train --verify m.pkl --dataset there/arrays.npz")
    assert moved.out.startswith("verified:") and moved.err.endswith("training as m.pkl says\n")
    with numpy.load("there/arrays.npz") as there:
        numpy.savez("arrays.npz", x=there["x"] + 1e-3, y=there["y"])
    told = load_model("m.pkl").metadata["dataset_sha256"][:16]
    other = cli("train --verify m.pkl", code=1)
    assert "error: arrays.npz: these are other data: their SHA-256 is " in other.err
    assert f"..., and m.pkl was trained on {told}...; --dataset names others\n" in other.err


def rewrite(source, path, kind="model", key="metadata", **changed):
    """Write a file anew with other facts; those that are None are left out."""
    header, arrays = model_file.read(source, kind)
    for name in ("format", "version", "arrays"):
        del header[name]
    header[key].update(changed)
    for name, value in changed.items():
        if value is None:
            del header[key][name]
    write(path, model_file.dumps(kind, arrays, **header))


def verified_facts(cli, **changed):
    """What is said of the facts of m.pkl when some are changed in the file."""
    rewrite("m.pkl", "other.pkl", **changed)
    done = cli("train --verify other.pkl", code=None)
    assert done.code == bool(done.out.startswith("not verified: "))
    return re.findall(r"(?m)^not verified: its (\w+) is .*, and this training gives .*$", done.out)


def test_a_fact_that_the_training_does_not_give_is_named(cli, trained):
    labels = load_model("m.pkl").metadata["class_labels"][::-1]
    assert verified_facts(cli, class_labels=labels) == ["class_labels"]
    errors = {"test_error": 0.5, "validation_error_all_rows": 0.125}
    assert verified_facts(cli, **errors) == [*errors]
    assert verified_facts(cli, date="today", mine=1, baseline_error=None) == ["baseline_error"]


def test_names_that_a_table_has_no_more_are_named(cli):
    save_table(60)
    cli("train t.csv --folds=0 --n-epochs=2 --output=m.pkl --checkpoint=s")
    text = Path("t.csv").read_text("utf-8")
    write("t.csv", text.replace("a,b,c,d", "b,a,c,d"))
    assert verified_facts(cli) == ["columns", "feature_names"]
    resume = "train t.csv --folds=0 --n-epochs=3 --checkpoint=s --resume --output=r.pkl"
    assert "it is of another run: names_sha256 was " in cli(resume, code=1).err
    write("t.csv", text.replace(",2\n", ",7\n"))
    assert verified_facts(cli) == ["class_labels"]


def test_another_arithmetic_is_told_if_bits_differ_and_is_not_resumed(cli, trained, monkeypatch):
    cli("train --dataset arrays.npz --n-epochs=2 --checkpoint s --output=r.pkl")
    for module in ("logreg.run", "logreg.fitting"):
        monkeypatch.setattr(f"{module}.ARITHMETIC_VERSION", 7)
    said = "m.pkl is of version 1 of the arithmetic, and this logreg has version 7"
    assert said not in cli("train --verify m.pkl").out
    rewrite("m.pkl", "m.pkl", test_error=0.5)
    assert said in cli("train --verify m.pkl", code=1).out
    resume = "train arrays.npz --n-epochs=3 --checkpoint=s --resume --output=r.pkl"
    assert "another run: arithmetic was 1 and is 7." in cli(resume, code=1).err


def test_what_cannot_be_promised_is_said(cli, trained):
    for told, message in (
        ({"dataset": None, "device": None}, "its file does not tell dataset, device"),
        ({"reason": "interrupted"}, "it was ended (interrupted)"),
        ({"n_ranks": 2}, "2 ranks took part"),
        ({"device": "cuda"}, "it was on the device cuda"),
    ):
        rewrite("m.pkl", "s.pkl", **told)
        said = f"error: the training of s.pkl cannot be repeated bit by bit: {message}"
        assert said in cli("train --verify s.pkl", code=1).err
