"""Where data sets are found, which files they consist of, and what makes none."""

import gzip
import io
import pickle

import numpy
import pandas
import pytest
from builders import idx_folder, make_pairs, npz_bytes, refused, save_pairs, table_bytes, write

from logreg.datasets import mnist
from logreg.datasets.dataset import read_dataset
from logreg.parts.names import find_sets
from logreg.parts.options import Preparation, TableOptions
from logreg.tables.reading import read_table

TRAIN, (X, Y), _ = make_pairs((12, 4, 4), 5)
KIND = TableOptions(label_column="kind")
MEAN = TableOptions(missing="mean")


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data lie around, and nothing can be fetched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist, "search_folders", lambda: [tmp_path / "data"])
    monkeypatch.setattr(mnist, "fetch", None)


# Folders


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_folder(tmp_path, zipped):
    folder = tmp_path / "f"
    images, labels = idx_folder(folder, 24, zipped)
    data = read_dataset(folder)
    assert (numpy.concatenate([data.train[0], data.valid[0]]) == images.reshape(24, 12)).all()
    assert (data.train[1] == labels[:20]).all() and data.facts.rows == [20, 4, 24]
    assert data.facts.image_shape == (3, 4)
    assert sorted(data.files) == sorted(folder.iterdir())
    with refused(f"{folder}: `drop`, `na`: that is for tables"):
        read_dataset(folder, TableOptions(drop="a", na="x"))
    data.files[0].unlink()
    for path in folder, data.files[1]:
        with refused(f"{path.name}: is no data set: .*four IDX files, t"):
            read_dataset(path)


def test_a_folder_of_tables(tmp_path):
    write("train.csv", table_bytes(12))
    write("train.parquet", b"")  # the text comes first
    with refused("is no data set"):
        read_dataset(tmp_path, KIND)
    write("test.csv.gz", gzip.compress(table_bytes(6)))
    data, in_order = (read_dataset(tmp_path, KIND, Preparation(shuffle=s)) for s in (None, False))
    assert data.facts.rows == in_order.facts.rows == [10, 2, 6]
    assert in_order.valid[0].tolist() == [[10, 100], [11, 121]] != data.valid[0].tolist()
    assert data.facts.split_seed == 0  # which everyone has got so far
    pandas.read_csv(io.BytesIO(table_bytes(5))).to_parquet("valid.parquet")
    facts = read_dataset(tmp_path, KIND).facts
    assert (facts.rows, facts.split, facts.split_seed) == ([12, 5, 6], None, None)


@pytest.mark.parametrize(
    "train, test, options, wanted",
    [
        (table_bytes(12), b"kind,id,b,a\nant,x,2,1\n", KIND, [[1, 2]]),
        (table_bytes(12), b"kind,id,b\nant,x,2\n", TableOptions("kind", drop="a"), [[2]]),
        (b"k,a,b\n" + b"x,1,9\ny,2,8\n" * 6, b"a,b,k\n3,7,x\n", TableOptions("1"), [[3, 7]]),
        # Without a header, by their numbers.
        (b"1,9,x\n2,8,y\n" * 6, b"3,7,x\n4,6,y\n", TableOptions(drop="2"), [[3], [4]]),
        # Text above a number in one of them: the header of both.
        (b"7,a,kind\n" + b"1,9,x\n2,8,y\n" * 6, b"7,a,kind\n3,,x\n", MEAN, [[3, numpy.nan]]),
        # A test row without a group.
        (
            b"g,a,k\n" + b"p,1,x\nq,2,y\nr,3,x\n" * 6,
            b"g,a,k\n,3,x\n",
            TableOptions(group="g"),
            [[3]],
        ),
        # Each row of a table without weights counts once.
        (
            b"n,a,k\n" + b"1,1,x\n2,2,y\n" * 6,
            b"a,b,k\n3,2,x\n",
            TableOptions(weight_column=1),
            [[3]],
        ),
    ],
)
def test_the_test_table_has_the_columns_of_the_training_table(train, test, options, wanted):
    write("train.csv", train)
    write("test.csv", test)
    data = read_dataset(".", options, Preparation(standardize=False))
    numpy.testing.assert_array_equal(data.test[0], wanted)
    assert data.weights is None or data.weights["test"] == [1]
    told = read_table("train.csv", options)[1]
    assert {name: getattr(data.facts, name) for name in told} == told
    assert [file.name for file in data.files] == ["train.csv", "test.csv"]


def test_labels_are_text_if_one_of_any_set_is():
    write("train.csv", b"a,k\n" + b"1,0\n2,1.0\n" * 6)
    write("test.csv", b"a,k\n3,0\n4,1\n5,unknown\n")
    assert read_dataset(".").facts.class_labels == ["0", "1", "unknown"]
    write("test.csv", b"a,k\n3,0\n4,0.5\n")
    with refused(r"^\.: test label column holds .* 0\.5 in row 3: "):
        read_dataset(".")
    write("test.csv", b"a\n0\n1\n")  # without a label, the last feature is none
    with refused(r"which column is the label\? its columns are 1 \(a\):"):
        read_dataset(".")


@pytest.mark.parametrize("dataset", [3, [TRAIN] * 4, [(1, 2, 3)] * 3])
def test_what_is_no_pairs(dataset):
    with refused(r"three pairs \(x, y\) are needed"):
        read_dataset(dataset)


# Names


def test_names_in_the_search_folders(tmp_path, monkeypatch):
    idx_folder(tmp_path / "data")  # have a name of their own
    with refused(r"'mine' not found; looked in \., .*data: give"):
        read_dataset("mine")
    save_pairs("data/mine.npz", [TRAIN] * 3)
    assert read_dataset("mine").facts.dataset == "mine"
    monkeypatch.setenv("HOME", str(tmp_path / "data"))
    assert read_dataset("mine.npz").facts.n_in == read_dataset("~/mine.npz").facts.n_in == 5
    save_pairs("mine.npz", make_pairs())  # what is near comes first
    assert read_dataset("mine.npz").facts.n_in == 4
    with refused(r"'elsewhere/mine' not found; looked in \.: give"):
        read_dataset("elsewhere/mine")


def test_where_mnist_is_looked_for(tmp_path, monkeypatch):
    """A pickle comes before IDX files, and fetched ones are last."""
    monkeypatch.setattr(mnist, "fetch", lambda: tmp_path / "fetched")
    for folder, n, rows in (("fetched", 12, [10, 2, 12]), ("data", 24, [20, 4, 24])):
        idx_folder(tmp_path / folder, n)
        for name in ("mnist.pkl.gz", "mnist"):
            assert read_dataset(name).facts.rows == rows
    write("data/mnist.pkl.gz", gzip.compress(pickle.dumps([TRAIN] * 3, 2)))
    data = read_dataset("mnist.pkl.gz")
    assert (data.facts.pixel_scale, data.valid[0].tolist()) == (1, TRAIN[0].tolist())


# Names of arrays


@pytest.mark.parametrize(
    "splits, names",
    [
        ("train", "images labels"),
        ("train", "data_train target_train"),
        ("train test", "train_X train_y test_X test_y"),
        ("train valid", "data target data_val target_val"),
        ("train valid test", "x_train y_train x_valid y_valid x_test y_test"),
        ("train valid test", "X y valid_images valid_labels test_x test_y"),
        ("train valid", "train_x train_y val_data val_target x y"),  # these may be all rows
    ],
)
def test_what_the_arrays_of_an_npz_may_be_called(splits, names):
    names = names.split()
    pairs = zip(names[::2], names[1::2])
    assert find_sets(["more", *names]) == dict(zip(splits.split(), pairs))


@pytest.mark.parametrize("names", ["mine", "train_x", "x y val_x", "x_train y_train y_test"])
def test_an_array_alone_is_no_set(names):
    with refused(r"^has the arrays .*; a data set needs x_train and"):
        find_sets(names.split())


def test_a_file_of_arrays_without_a_test_set():
    """Of other arrays in it, nothing is read."""
    write("d.npz", npz_bytes(x=TRAIN[0], y=TRAIN[1], x_val=X, y_val=Y, more=numpy.array([None])))
    with refused(r"^d\.npz: has a validation set, but no test set"):
        read_dataset("d.npz")
