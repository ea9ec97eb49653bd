"""Folders of arrays: mapped and not read, checked in one pass, written by make_folder."""

import os
import shutil
import sys
from functools import partial

import make_folder
import numpy
import pandas
import pytest
from builders import SAMPLE, make_pairs, npy_bytes, save_folder, write
from conftest import peak_memory

from logreg.datasets.dataset import read_dataset
from logreg.parts.options import Preparation, TableOptions
from logreg.tables import chunks

# ---- reading


def test_data_that_begin_at_an_odd_offset_are_read():
    """As other writers than NumPy may have them."""
    save_folder(make_pairs())
    x, _ = make_pairs()[0]
    data = npy_bytes(x)  # whose header becomes longer by a blank
    write("data/x_train.npy", data[:8] + bytes([119, 0]) + data[10:127] + b" " + data[127:])
    found, _ = read_dataset("data").train
    assert (found == x).all() and found.flags.aligned


@pytest.mark.once
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits memory as Linux does")
@pytest.mark.parametrize(
    "n_train, n_valid, option",
    [(100000, 1000, "--no-standardize"), (1000, 100000, "--standardize")],
)
def test_a_folder_larger_than_the_memory_that_may_be_used(n_train, n_valid, option, run):
    """320 MB of features where the process may have 314 MB."""
    import resource

    labels = [numpy.arange(n) % 10 for n in (n_train, n_valid, 1000)]
    save_folder([(numpy.eye(10, 800, dtype="float32")[y], y) for y in labels], "large")
    limit = partial(resource.setrlimit, resource.RLIMIT_DATA, (300 << 20, 300 << 20))
    options = {"env": {"LOGREG_NUM_THREADS": "1"}, "preexec_fn": limit}
    words = ["-m", "logreg.train", "large", "--batch-size=100", "--n-epochs=1", option]
    done = run(*words, **options)
    assert "with test performance 0.000000 %" in done.stdout
    shutil.rmtree("large")  # pytest keeps folders


# ---- make_folder


def test_make_folder_holds_no_table_in_memory(random, cli, monkeypatch):
    x = random.randint(0, 1 << 20, (30000, 100)).astype("float32")
    table = pandas.DataFrame(x.astype("int32")).add_prefix("c")
    table["y"] = x[:, 0] % 2 == 1
    table["kind"] = numpy.where(x[:, 1] % 2 == 1, "ant", "bee")
    table.to_csv("t.csv", index=False)
    monkeypatch.setattr(chunks, "CHUNK_CELLS", 1 << 16)
    monkeypatch.setattr(make_folder, "BUCKET", 1 << 18)
    with peak_memory() as peak:
        options = ["--shuffle", "--split-seed", 1, "--label-column", "y", "--drop", "c0,c7"]
        cli(make_folder, "t.csv", "folder", *options)
    assert peak() < x.nbytes / 2
    how = Preparation(split_seed=1, standardize=False)  # a folder is no table
    wanted = read_dataset("t.csv", TableOptions("y", drop="c0,c7"), how, dtype="float32").facts
    found = read_dataset("folder").facts
    assert found.dataset_sha256 == wanted.dataset_sha256
    assert found.class_labels == wanted.class_labels


@pytest.mark.parametrize("options", [[], ["--shuffle"]])
def test_make_folder_writes_what_training_would_take(options, cli):
    cli(make_folder, SAMPLE, "folder", *options)
    wanted = read_dataset(SAMPLE, preparation=Preparation(shuffle=bool(options))).facts
    found = read_dataset("folder").facts
    assert found.dataset_sha256 == wanted.dataset_sha256 and found.image_shape == (28, 28)


@pytest.mark.parametrize(
    "args, message",
    [
        ([SAMPLE, "data"], "data is there already: give the name of a new folder"),
        (["bad", "folder"], "bad: test x holds nan in row 2"),
        ([SAMPLE, "data/x_test.npy/folder"], "cannot be written: Not a directory"),
    ],
)
def test_make_folder_writes_the_folder_whole_or_not_at_all(args, message, cli):
    save_folder(make_pairs())
    bad = make_pairs()
    bad[2][0][2, 1] = numpy.nan
    save_folder(bad, "bad")
    before = sorted(os.listdir())
    assert message in cli(make_folder, *args, code=1).err
    assert sorted(os.listdir()) == before
