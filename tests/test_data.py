"""Data sets: what is found, how it is split and numbered, what is refused and how."""

import gzip
import hashlib
import os
import pickle
import re
import struct
from pathlib import Path

import numpy
import pytest
from conftest import peak_memory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from logreg import engine
from logreg.datasets import DataSet, load_data, mnist, read_dataset, scaled, share, shared_dataset
from logreg.engine import theano
from logreg.errors import DatasetError, LogRegError, SettingError

SAMPLE = Path(__file__).resolve().parent.parent / "data" / "mnist_sample.npz"


def bounded(max_examples):
    return settings(
        max_examples=max_examples,
        deadline=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


def pair(n=12, d=5, k=3, dtype="f4"):
    x = (numpy.arange(n * d).reshape(n, d) % 97).astype(dtype)
    return x, numpy.arange(n) % k


def triple(**changes):
    """Three good pairs, with the training set's x or y replaced."""
    x, y = pair()
    return (changes.get("x", x), changes.get("y", y)), pair(), pair()


def idx_bytes(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(">%dI" % array.ndim, *array.shape)
    return header + array.astype("u1").tobytes()


def idx_folder(folder, n=24, prefix="", test="t10k", labels=None, zipped=False):
    folder.mkdir(exist_ok=True)
    images = numpy.arange(n * 12).reshape(n, 3, 4) % 251
    labels = numpy.arange(n) % 3 if labels is None else labels
    for role in ("train", test):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            name = "%s%s-%s-ubyte" % (prefix, role, kind)
            data = idx_bytes(array)
            if zipped:
                name, data = name + ".gz", gzip.compress(data)
            (folder / name).write_bytes(data)
    return images, labels


@pytest.fixture(autouse=True)
def nowhere(tmp_path, monkeypatch):
    """No data lie around, and nothing can be fetched."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(mnist, "search_folders", lambda: [tmp_path / "data"])

    def fetch(*args, **kwargs):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(mnist, "fetch", fetch)


# The sample, and what load_data gives


def test_the_sample_is_the_beginning_of_mnist():
    data = read_dataset(SAMPLE)
    assert [len(y) for _, y in (data.train, data.valid, data.test)] == [5000, 1000, 1000]
    assert (data.n_in, data.n_out, data.image_shape) == (784, 10, (28, 28))
    assert (data.scale, data.class_labels) == (1 / 256, list(range(10)))
    assert data.train[0].dtype == numpy.uint8
    assert data.train[1][:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert data.test[1][:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    assert SAMPLE.stat().st_size < 2e6


def test_load_data_gives_shared_variables(capsys):
    (train_x, train_y), valid, test = load_data(str(SAMPLE))
    assert capsys.readouterr().out == "... loading data\n"
    floatx = theano.config.floatX
    assert train_x.get_value(borrow=True).dtype == floatx
    assert train_y.type.dtype == "int32"
    with numpy.load(SAMPLE) as raw:
        wanted = raw["x_train"].reshape(5000, 784).astype("f8") / 256
        labels = raw["y_train"]
    assert (train_x.get_value() == wanted).all()
    assert (train_y.eval() == labels).all()
    assert train_y.owner.inputs[0].get_value().dtype == floatx
    for (x, y), n in ((valid, 1000), (test, 1000)):
        assert x.get_value().shape == (n, 784)
        assert y.eval().shape == (n,)


def test_nothing_is_announced_before_the_data_are_found(capsys):
    with pytest.raises(DatasetError):
        load_data("nowhere.pkl.gz")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("floatx", ["float32", "float64"])
def test_shared_data_are_of_floatx(floatx, monkeypatch):
    monkeypatch.setattr(theano.config, "floatX", floatx)
    x, y = pair(dtype="f8")
    shared_x, shared_y = shared_dataset((x, y))
    assert shared_x.get_value().dtype == floatx
    assert (shared_y.eval() == y).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@bounded(25)
@given(
    x=st.sampled_from(["u1", "i1", ">i4", "u8", "?", "f2", ">f4", "f8"]).flatmap(
        lambda dtype: hnp.arrays(
            dtype,
            hnp.array_shapes(min_dims=2, max_dims=2),
            elements=hnp.from_dtype(
                numpy.dtype(dtype),
                allow_nan=False,
                allow_infinity=False,
                **({"min_value": -1e9, "max_value": 1e9} if dtype == "f8" else {}),
            ),
        )
    ),
    fortran=st.booleans(),
)
def test_scaled_is_the_plain_formula(dtype, x, fortran):
    found = scaled(numpy.asfortranarray(x) if fortran else x, dtype)
    wanted = x.astype(dtype) / dtype_of(dtype)(256 if x.dtype == "u1" else 1)
    assert found.dtype == dtype and found.dtype.isnative and found.flags.c_contiguous
    assert (found == wanted).all()


def dtype_of(name):
    return numpy.dtype(name).type


@pytest.mark.parametrize("dtype", ["u1", "i4", ">f8"])
def test_scaled_rows_lie_together(dtype):
    x = numpy.asfortranarray(numpy.arange(12).reshape(3, 4).astype(dtype))
    assert scaled(x, "float32").flags.c_contiguous


def test_scaled_copies_nothing_that_fits():
    x = pair()[0]
    assert numpy.shares_memory(scaled(x, "float32"), x)


# Arrays from Python


@bounded(60)
@given(
    shape=hnp.array_shapes(min_dims=1, max_dims=3, max_side=4),
    n=st.integers(3, 9),
    x_dtype=st.sampled_from(["u1", "i2", ">i4", "u8", "?", "f2", "<f4", ">f8"]),
    y_dtype=st.sampled_from(["u1", "i1", ">i2", "i4", "i8", ">u8", "f4", ">f8"]),
    classes=st.lists(st.integers(0, 127), min_size=1, max_size=5, unique=True),
    fortran=st.booleans(),
)
def test_any_shape_and_dtype(shape, n, x_dtype, y_dtype, classes, fortran):
    random = numpy.random.RandomState(n)
    x = random.randint(0, 2, (n, *shape)).astype(x_dtype)
    y = numpy.array([classes[i % len(classes)] for i in range(n)]).astype(y_dtype)
    given = numpy.asfortranarray(x) if fortran else x
    data = read_dataset(((given, y), (x, y), (x, y.reshape(-1, 1))))
    flat = x.reshape(n, -1)
    for found_x, found_y in (data.train, data.valid, data.test):
        assert found_x.shape == flat.shape and (found_x == flat).all()
        assert [data.class_labels[i] for i in found_y] == y.tolist()
        assert found_y.dtype == numpy.int32
    assert data.class_labels == sorted(set(y.astype(int).tolist()))
    assert all(type(label) is int for label in data.class_labels)
    assert (data.n_in, data.n_out) == (flat.shape[1], len(data.class_labels))
    assert data.scale == (1 / 256 if x_dtype == "u1" else 1)


def test_memory_mapped_arrays(tmp_path):
    x, y = pair()
    numpy.save(tmp_path / "x.npy", x)
    mapped = numpy.load(tmp_path / "x.npy", mmap_mode="r")
    data = read_dataset(((mapped, y), (x, y), (x, y)))
    assert numpy.shares_memory(data.train[0], mapped)
    assert (shared_dataset(data.train)[0].get_value() == x).all()


def test_bytes_that_are_no_text_stay_apart():
    x, _ = pair(4)
    y = numpy.array([b"\xe9", b"\xe8", b"a", "ä".encode()])
    assert read_dataset(((x, y), (x, y))).class_labels == ["\\xe8", "\\xe9", "a", "ä"]


def test_lists_are_arrays_too():
    rows = ([[0.5, 1], [2, 3]], ["no", "yes"])
    data = read_dataset((rows, rows, rows))
    assert data.train[0].tolist() == rows[0]
    assert (data.train[1].tolist(), data.class_labels) == ([0, 1], ["no", "yes"])


@pytest.mark.parametrize(
    "shape, dtype, image_shape",
    [
        ((3, 4), "f4", (3, 4)),
        ((3, 4, 3), "u1", (3, 4, 3)),
        ((3, 4, 1), "f4", (3, 4)),
        ((1, 3, 4), "f4", (3, 4)),
        ((784,), "u1", (28, 28)),
        ((785,), "u1", None),
        ((4,), "u1", None),
        ((784,), "f4", None),
    ],
)
def test_image_shape(shape, dtype, image_shape):
    one = numpy.zeros((6, *shape), dtype), numpy.arange(6) % 2
    assert read_dataset((one, one, one)).image_shape == image_shape


def test_labels_with_gaps_are_numbered_over_all_sets():
    x = numpy.zeros((3, 2))
    data = read_dataset(((x, [3, 7, 3]), (x, [7, 7, 3]), (x, [3, 3, 12])))
    assert data.class_labels == [3, 7, 12]
    assert [y.tolist() for _, y in (data.train, data.valid, data.test)] == [
        [0, 1, 0],
        [1, 1, 0],
        [0, 0, 2],
    ]


def test_a_class_that_training_lacks_is_warned_of(capsys):
    x = numpy.zeros((3, 2))
    read_dataset(((x, [0, 1, 0]), (x, [1, 0, 0]), (x, [0, 2, 2])))
    said = capsys.readouterr()
    assert said.out == ""
    assert re.match(r"warning: 1 of the 3 classes in the test set .*\(2\).*shuffle", said.err)


def test_pixels_that_are_not_uint8_are_noted(capsys):
    x, y = pair()
    x[0, 0] = 255
    assert read_dataset(((x, y), pair(), pair())).scale == 1
    assert "taken as it is" in capsys.readouterr().err


def test_bits_that_are_scaled_as_pixels_are_warned_of(capsys):
    x, y = pair(dtype="u1")
    read_dataset(((x % 2, y), (x, y)))
    assert "x is uint8, and scaled by 1/256, but goes from 0 to 1 only" in capsys.readouterr().err
    read_dataset(((x, y), (x % 2, y)))
    assert "1/256" not in capsys.readouterr().err


def test_a_data_set_that_is_given_is_not_emptied():
    data = read_dataset(triple())
    for _ in range(2):
        assert (load_data(data)[0][0].get_value() == pair()[0]).all()


def test_arrays_are_released_if_that_is_asked_for():
    data = read_dataset(triple())
    share(data)
    assert len(data.train[1]) == 12
    sets = share(data, release=True)
    assert (data.train, data.valid, data.test, data.n_in) == (None, None, None, 5)
    assert (sets[0][0].get_value() == pair()[0]).all()


# What is refused

NAN = pair()[0].copy()
NAN[7, 2] = numpy.nan
INF = pair(dtype="f8")[0].copy()
INF[3, 4] = -numpy.inf
LARGE = pair(dtype="f8")[0].copy()
LARGE[5, 0] = 1e39
Y = pair()[1]


@pytest.mark.parametrize(
    "changes, said",
    [
        ({"y": Y - 1}, r"training y holds the label -1 in row 0.*negative; number the classes"),
        ({"y": Y + numpy.eye(12)[4] / 2}, r"the label 1\.5 in row 4.*fractional"),
        ({"y": numpy.where(Y == 2, numpy.nan, Y)}, r"the label nan in row 2.*NaN"),
        ({"y": numpy.where(Y == 2, numpy.inf, Y)}, r"the label inf in row 2.*infinite"),
        ({"y": numpy.eye(12)}, r"shape \(12, 12\) \(one-hot\?\).*argmax\(y, axis=1\)"),
        ({"y": Y[:-1]}, "11 labels, x has 12 rows"),
        ({"y": Y.astype("M8[s]")}, r"datetime64\[s\]: classes are integers, e\.g\. y\.astype"),
        ({"y": numpy.int64(3)}, r"shape \(\): one integer a row is needed$"),
        ({"y": numpy.array(["a", "NaN", "c"] * 4)}, "'NaN' in row 1 .*must not be NaN"),
        ({"y": Y.astype(complex)}, "dtype complex128"),
        ({"y": Y.astype(object)}, "object array"),
        ({"y": Y.astype("M8[s]")}, "dtype datetime64"),
        ({"y": numpy.array(["a", "", "b"] * 4)}, "the label '' in row 1.*empty"),
        ({"y": numpy.array(["a", "b"] * 6)}, "some labels are integers and others are text"),
        ({"y": numpy.array(3)}, r"shape \(\)"),
        ({"x": NAN}, r"training x holds nan in row 7, column 2"),
        ({"x": INF}, r"holds -inf in row 3, column 4"),
        ({"x": LARGE}, r"holds 1e\+39 in row 5, column 0"),
        ({"x": pair(d=4)[0]}, "training set has 4 features, the validation set has 5"),
        ({"x": pair(dtype="u1")[0]}, "training x is uint8 and the validation x is float32"),
        ({"x": pair()[0][:, 0]}, r"shape \(12,\): rows and columns are needed"),
        ({"x": pair()[0][:0], "y": Y[:0]}, r"empty: its shape is \(0, 5\)"),
        ({"x": pair()[0][:, :0]}, r"empty: its shape is \(12, 0\)"),
        ({"x": pair()[0].astype(object)}, r"object array.*astype\('float32'\)"),
        ({"x": pair()[0].astype(complex)}, "dtype complex64|dtype complex128"),
        ({"x": [[1, 2], [3]], "y": [0, 1]}, "length"),
        ({"x": [[1, 2], [3]], "y": [0, 1]}, "object array: its rows differ in length"),
        ({"y": numpy.array(["a", "b\ud800", "c"] * 4)}, "half of a character"),
        ({"x": numpy.ma.zeros((12, 5))}, "masked array"),
        ({"x": [["a"] * 5] * 12}, "dtype <U1: numbers are needed"),
        ({"x": None}, "object array"),
    ],
)
def test_refused(changes, said):
    with pytest.raises(DatasetError, match=said):
        read_dataset(triple(**changes))


def test_a_bad_value_is_found_in_large_data():
    x = numpy.zeros((3000, 1000), "f4")
    x[2900, 17] = numpy.nan
    with pytest.raises(DatasetError, match="row 2900, column 17"):
        read_dataset(((x, numpy.zeros(3000, int)), (x, numpy.zeros(3000, int))))


@pytest.mark.parametrize(
    "dataset", [3, None, (), (pair(),), [pair()] * 4, (1, 2, 3), [(1, 2, 3)] * 3]
)
def test_what_is_no_data_set(dataset):
    with pytest.raises(DatasetError, match="three pairs of arrays"):
        read_dataset(dataset)


@bounded(60)
@given(
    x=hnp.arrays(st.sampled_from(["f4", "f8", "i8"]), hnp.array_shapes(max_dims=3, max_side=4)),
    y=hnp.arrays(
        st.sampled_from(["i8", "u8", "f8", "?", "U2", "S2", "M8[s]", "c8"]),
        hnp.array_shapes(max_dims=2, max_side=4),
    ),
)
def test_labels_are_in_range_or_refused(x, y):
    try:
        data = read_dataset(((x, y), (x, y)))
    except LogRegError:
        return
    for found_x, found_y in (data.train, data.valid, data.test):
        assert len(found_x) == len(found_y) > 0
        assert numpy.isfinite(found_x).all()
        assert set(found_y.tolist()) <= set(range(data.n_out))


# Splitting


@pytest.mark.parametrize("n, n_valid", [(60, 10), (25, 4), (5, 1), (2, 1)])
def test_the_last_sixth_becomes_the_validation_set(n, n_valid, capsys):
    x, y = pair(n)
    data = read_dataset(((x, y), (x, y)))
    assert (data.valid[0] == x[-n_valid:]).all() and (data.train[0] == x[:-n_valid]).all()
    assert (data.test[0] == x).all()
    assert "no validation set given: the last %d of the %d" % (n_valid, n) in (
        capsys.readouterr().err
    )


def test_too_few_rows_to_split():
    with pytest.raises(DatasetError, match="1 rows are too few"):
        read_dataset((pair(1), pair(1)))


def test_shuffle_permutes_rows_and_labels_together():
    x, y = numpy.arange(60.0).reshape(60, 1), numpy.arange(60) // 10
    data = read_dataset(((x, y), (x, y)), shuffle=5)
    order = numpy.random.RandomState(5).permutation(60)
    assert data.train[0][:, 0].tolist() == order[:50].tolist()
    assert data.valid[0][:, 0].tolist() == order[50:].tolist()
    assert data.valid[1].tolist() == (order[50:] // 10).tolist()
    assert (data.test[0] == x).all()
    with pytest.raises(SettingError, match="seed"):
        read_dataset(((x, y), (x, y)), shuffle=-1)


def test_rows_of_a_file_are_shuffled_where_they_are(monkeypatch, tmp_path):
    monkeypatch.setattr("logreg.datasets.PERMUTED_BYTES", 2**18)
    x, y = numpy.random.RandomState(1).rand(20000, 100).astype("float32"), numpy.arange(20000) % 3
    before, test = x.copy(), (x[:9].copy(), y[:9])
    numpy.savez(tmp_path / "x.npz", x_train=x, y_train=y, x_test=test[0], y_test=test[1])
    with peak_memory() as peak:
        data = read_dataset(tmp_path / "x.npz", shuffle=2)
    assert peak() < 1.3 * x.nbytes
    expected = read_dataset([(x, y), test], shuffle=2)
    assert (x == before).all()
    for split in ("train", "valid", "test"):
        for found, wanted in zip(getattr(data, split), getattr(expected, split)):
            assert (found == wanted).all()
    assert data.x_median == expected.x_median


def test_few_wide_rows_are_not_multiplied():
    x, y = numpy.random.RandomState(1).rand(30, 2**16), numpy.arange(30) % 3
    with peak_memory() as peak:
        data = read_dataset([(x, y), (x, y)])
    assert 0.4 < data.x_median < 0.6
    assert peak() < 4 * x.nbytes


def test_sets_that_are_one_array_are_not_shuffled_together(tmp_path):
    x, y = pair(50)
    sets = (x, y), (x, y), (x, y)
    (tmp_path / "one.pkl").write_bytes(pickle.dumps(sets))
    for dataset in (tmp_path / "one.pkl", sets):
        data = read_dataset(dataset, shuffle=2)
        assert (data.train[0] != x).any()
        assert (data.valid[0] == x).all() and (data.test[0] == x).all()


def test_a_given_validation_set_is_left_alone(capsys):
    x, y = pair()
    data = read_dataset(((x, y), (x[:4], y[:4]), (x, y)))
    assert (data.valid[0] == x[:4]).all()
    assert capsys.readouterr().err == ""


# Files and folders


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("prefix, test", [("", "t10k"), ("emnist-letters-", "test")])
def test_idx_folder(tmp_path, zipped, prefix, test, capsys):
    images, labels = idx_folder(tmp_path / "f", 24, prefix, test, zipped=zipped)
    for place in (tmp_path / "f", next((tmp_path / "f").glob("*train-images*"))):
        data = read_dataset(place)
        assert (data.train[0] == images[:20].reshape(20, 12)).all()
        assert (data.valid[0] == images[20:].reshape(4, 12)).all()
        assert (data.train[1] == labels[:20]).all()
        assert (data.image_shape, data.scale) == ((3, 4), 1 / 256)
        assert data.transposed == (prefix != "")
        assert numpy.shares_memory(data.train[0].base, data.valid[0].base)
    assert "last 4 of the 24" in capsys.readouterr().err


def test_mnist_split_needs_no_note(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(data_module, "MNIST_TRAINING_ROWS", 24)
    idx_folder(tmp_path / "f")
    read_dataset(tmp_path / "f")
    assert capsys.readouterr().err == ""


def test_emnist_letters_begin_at_1(tmp_path):
    idx_folder(tmp_path / "f", 52, labels=numpy.arange(52) % 26 + 1)
    data = read_dataset(tmp_path / "f", shuffle=1)
    assert data.class_labels == list(range(1, 27))


def test_several_emnist_splits_must_be_told_apart(tmp_path):
    for split in ("letters", "digits"):
        idx_folder(tmp_path / "f", 24, "emnist-%s-" % split, "test")
    with pytest.raises(DatasetError, match=r"more than one data set \(digits, letters\)"):
        read_dataset(tmp_path / "f")
    read_dataset(tmp_path / "f" / "emnist-digits-train-images-idx3-ubyte")


def test_incomplete_idx_folder(tmp_path):
    idx_folder(tmp_path / "f")
    (tmp_path / "f" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DatasetError, match=r"the test labels file .* is missing"):
        read_dataset(tmp_path / "f")


def test_plain_idx_files_are_preferred(tmp_path):
    idx_folder(tmp_path / "f")
    for path in list((tmp_path / "f").iterdir()):
        path.with_name(path.name + ".gz").write_bytes(b"damaged")
    read_dataset(tmp_path / "f")


def test_names_in_the_search_folders(tmp_path):
    with pytest.raises(DatasetError, match=r"'mine' not found; looked in \., .*data: give"):
        read_dataset("mine")
    (tmp_path / "data").mkdir()
    x, y = pair()
    numpy.savez(tmp_path / "data" / "mine.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    assert read_dataset("mine").name == "mine"
    assert read_dataset("mine.npz").n_in == 5
    with pytest.raises(DatasetError, match="not found"):
        read_dataset("elsewhere/mine")


@pytest.mark.parametrize("name", ["mnist.pkl.gz", "mnist"])
def test_mnist_is_found_as_idx_files_or_fetched(tmp_path, name, monkeypatch, capsys):
    def fetch():
        print("fetching", flush=True)
        idx_folder(tmp_path / "fetched")
        return tmp_path / "fetched"

    monkeypatch.setattr(mnist, "fetch", fetch)
    read_dataset(name, announce=True)
    assert capsys.readouterr().out == "fetching\n... loading data\n"
    idx_folder(tmp_path / "data")
    read_dataset(name, announce=True)
    assert capsys.readouterr().out == "... loading data\n"


def test_a_pickle_comes_before_idx_files(tmp_path):
    idx_folder(tmp_path / "data")
    one = pair(d=3)
    (tmp_path / "data" / "mnist.pkl.gz").write_bytes(gzip.compress(pickle.dumps([one] * 3, 2)))
    data = read_dataset("mnist.pkl.gz")
    assert (data.n_in, data.scale) == (3, 1)
    assert (data.valid[0] == one[0]).all()


def test_pickle_of_two_pairs_and_square_images(tmp_path):
    one = pair(12, 64)
    (tmp_path / "p.pkl").write_bytes(pickle.dumps([one] * 2, 2))
    data = read_dataset(tmp_path / "p.pkl")
    assert [len(y) for _, y in (data.train, data.valid, data.test)] == [10, 2, 12]
    assert data.image_shape == (8, 8)


def test_npz(tmp_path, capsys):
    x, y = pair()
    names = numpy.array(["ant", "bee", "cat"])
    arrays = {"x_train": x, "y_train": names[y], "x_test": x, "y_test": names[y]}
    numpy.savez(tmp_path / "d.npz", **arrays, x_valid=x[:6], y_valid=names[y[:6]], more=x)
    data = read_dataset(tmp_path / "d.npz")
    assert data.class_labels == ["ant", "bee", "cat"]
    assert (data.train[1] == y).all() and len(data.valid[1]) == 6
    assert capsys.readouterr().err == ""
    numpy.savez(tmp_path / "d.npz", **arrays, x_valid=x)
    with pytest.raises(DatasetError, match="one of x_valid and y_valid"):
        read_dataset(tmp_path / "d.npz")
    numpy.savez(tmp_path / "d.npz", x=x)
    with pytest.raises(DatasetError, match=r"has the arrays \['x'\]; a data set needs x_train"):
        read_dataset(tmp_path / "d.npz")


def csv_text(n, names=("ant", "bee")):
    lines = ["%d,%s,%d" % (i, names[i % len(names)], i * i) for i in range(n)]
    return "\n".join(["a,kind,b", *lines, ""])


def test_one_csv_file_is_split_in_three(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(csv_text(30))
    data = read_dataset(tmp_path / "t.csv", label_column="kind")
    assert [x[0, 0] for x, _ in (data.train, data.valid, data.test)] == [0, 20, 25]
    assert data.test[0][-1].tolist() == [29, 841]
    assert (data.class_labels, data.image_shape) == (["ant", "bee"], None)
    assert "20 rows for training, 5 for validation and 5 for test" in capsys.readouterr().err


def test_which_column_is_the_label_is_said(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("age,income,Label\n" + "30,5,0\n31,6,1\n" * 6)
    data = read_dataset(tmp_path / "t.csv")
    assert data.train[0].tolist()[:2] == [[30, 5], [31, 6]] and data.class_labels == [0, 1]
    assert (data.columns.label_name, data.columns.names) == ("Label", ("age", "income"))
    assert "t.csv: column 3 (Label) is the label (--label-column names" in capsys.readouterr().err
    data = read_dataset(tmp_path / "t.csv", label_column="1")
    assert data.class_labels == [30, 31] and data.columns.names == ("income", "Label")
    assert "is the label" not in capsys.readouterr().err
    for header in ("a,b,c", "species,x,y", "a,class,class"):  # of two nobody knows
        (tmp_path / "t.csv").write_text(header + "\n" + "3,5,0\n4,6,1\n" * 6)
        assert read_dataset(tmp_path / "t.csv").class_labels == [3, 4]
        said = f"column 1 ({header.split(',')[0]}) is the label"
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    "header, column",
    [("x,y,label", "3 (label)"), ("class,a,LABEL", "3 (LABEL)"), ("a,target,Class", "3 (Class)")],
)
def test_a_column_called_label_is_it(tmp_path, header, column, capsys):
    (tmp_path / "t.csv").write_text(header + "\n" + "3,5,0\n4,6,1\n" * 6)
    read_dataset(tmp_path / "t.csv")
    assert f"column {column} is the label" in capsys.readouterr().err


def test_the_label_is_in_the_same_column_of_all_files(tmp_path):
    (tmp_path / "train.csv").write_text("a,b,label\n" + "3,5,0\n4,6,1\n" * 6)
    (tmp_path / "test.csv").write_text("3,5,0\n4,6,1\n")
    with pytest.raises(DatasetError, match=r"not the same in all files \(column 3 \(label\), col"):
        read_dataset(tmp_path)
    assert read_dataset(tmp_path, label_column="3").class_labels == [0, 1]


def test_what_numbers_the_rows_is_warned_of(tmp_path, capsys):
    rows = "".join(f"{i},{i % 2},{i * i}\n" for i in range(30))
    for header in (",label,a\n", "Unnamed: 0,label,a\n"):
        (tmp_path / "t.csv").write_text(header + rows)
        read_dataset(tmp_path / "t.csv")
        assert "t.csv: feature 1 has no name: if it numbers the rows" in capsys.readouterr().err
    (tmp_path / "t.csv").write_text("id,kind,a\n" + rows)
    read_dataset(tmp_path / "t.csv")
    err = capsys.readouterr().err
    assert "warning: there are 30 classes in 20 training rows, 0, 1, ...: is that the label?" in err
    assert "has no name" not in err and "in no training row" not in err


def test_one_table_of_arrays(tmp_path, capsys):
    x, y = pair(30)
    numpy.savez(tmp_path / "d.npz", x=x, y=y)
    data = read_dataset(tmp_path / "d.npz")
    assert [len(y) for _, y in (data.train, data.valid, data.test)] == [20, 5, 5]
    assert "one table" in capsys.readouterr().err


def test_a_table_that_a_model_was_not_trained_on_is_a_test_set(tmp_path, capsys):
    (tmp_path / "t.csv").write_text(csv_text(30))
    digest = read_dataset(tmp_path / "t.csv", "kind").sha256()
    capsys.readouterr()
    data = read_dataset(tmp_path / "t.csv", "kind", trained_on=digest)
    assert len(data.test[1]) == 5
    assert "one table, split" in capsys.readouterr().err
    for seed in (None, 1):
        data = read_dataset(tmp_path / "t.csv", "kind", seed, trained_on="of another")
        assert data.test[0][:, 0].tolist() == list(range(30))
        assert capsys.readouterr().err.endswith("would make the error too small\n")
    for n in (1, 2):
        (tmp_path / "few.csv").write_text(csv_text(n))
        assert len(read_dataset(tmp_path / "few.csv", "kind", trained_on="").test[1]) == n
    sets = (pair(), pair(), pair(6))
    assert len(read_dataset(sets, trained_on="of another").test[1]) == 6


def test_csv_folder(tmp_path):
    (tmp_path / "train.csv").write_text(csv_text(12))
    (tmp_path / "test.csv").write_text(csv_text(6))
    data = read_dataset(tmp_path, label_column="kind")
    assert [len(y) for _, y in (data.train, data.valid, data.test)] == [10, 2, 6]
    (tmp_path / "valid.csv.gz").write_bytes(gzip.compress(csv_text(5).encode()))
    data = read_dataset(tmp_path, label_column="kind")
    assert [len(y) for _, y in (data.train, data.valid, data.test)] == [12, 5, 6]
    (tmp_path / "test.csv").write_text("a,other,b\nx,1,2\n")
    with pytest.raises(DatasetError, match="no column 'kind'"):
        read_dataset(tmp_path, label_column="kind")
    (tmp_path / "train.csv").write_text("label,a,b\n0,1,2\n1,2,3\n")
    (tmp_path / "test.csv").write_text("a,b,c\n1,2,3\n")
    (tmp_path / "valid.csv.gz").unlink()
    with pytest.raises(DatasetError, match="headers of the CSV files differ"):
        read_dataset(tmp_path)


@pytest.mark.parametrize(
    "labels, class_labels",
    [
        ("0 1 2", [0, 1, 2]),
        ("7 3 5", [3, 5, 7]),
        ("1.0 2 1", [1, 2]),
        ("1 a 1", ["1", "a"]),
        ("01 1 10", ["01", "1", "10"]),
        ("0.0 1e0 0.0", [0, 1]),
    ],
)
def test_csv_labels(tmp_path, labels, class_labels):
    rows = ["%s,%d" % (label, i) for i, label in enumerate(labels.split() * 4)]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    data = read_dataset(tmp_path / "t.csv")
    assert data.class_labels == class_labels
    is_text = isinstance(class_labels[0], str)
    wanted = [label if is_text else float(label) for label in labels.split()]
    assert [class_labels[i] for i in data.train[1][:3]] == wanted


@pytest.mark.parametrize(
    "label, said",
    [("-1", "negative"), ("0.5", "fractional.*--label-column"), ("nan", "NaN"), ("", "empty")],
)
def test_csv_labels_refused(tmp_path, label, said):
    rows = "0,1\n1,2\n%s,3\n" if label else "x,1\ny,2\n%s,3\n"
    (tmp_path / "t.csv").write_text(rows % label)
    with pytest.raises(DatasetError, match="column holds the label .* in row 3: .*" + said):
        read_dataset(tmp_path / "t.csv")


@pytest.mark.parametrize("dtype, stored", [("float32", "f4"), ("float64", "f8"), (None, "f8")])
def test_features_are_read_as_they_will_be_trained_on(tmp_path, dtype, stored):
    (tmp_path / "train.csv").write_text(csv_text(12))
    (tmp_path / "test.csv").write_text(csv_text(6))
    x, y = pair()
    x, y = x.astype(float) / 3, y + 2**24  # beyond what float32 tells apart
    numpy.savez(tmp_path / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    for path, label in ((tmp_path, "kind"), (tmp_path / "d.npz", None)):
        data = read_dataset(path, label, dtype=dtype)
        splits = (data.train, data.valid, data.test)
        assert [x.dtype.str[1:] for x, _ in splits] == [stored] * 3
        assert (data.test[0] == read_dataset(path, label).test[0].astype(stored)).all()
        assert data.class_labels == (["ant", "bee"] if label else [2**24 + i for i in range(3)])


@pytest.mark.parametrize("ending", ["csv", "npz"])
def test_what_float32_cannot_hold_is_refused_in_float32_as_in_float64(tmp_path, ending):
    x, y = pair()
    x = x.astype(float)
    x[1, 2] = 1e39
    path = tmp_path / f"d.{ending}"
    if ending == "csv":
        numpy.savetxt(path, numpy.c_[y, x], delimiter=",")
    else:
        numpy.savez(path, x_train=x, y_train=y, x_test=x, y_test=y)
    for dtype in ("float32", "float64"):
        with pytest.raises(DatasetError, match=r"and no larger than float32 can hold") as raised:
            read_dataset(path, dtype=dtype)
        where = "row 2, column 4 holds '9.99" if ending == "csv" else "in row 1, column 2 (counted"
        assert where in str(raised.value)


@pytest.mark.parametrize("first", ["6,1,3,2", "0,1,2,3", "1,2,3,4"])
def test_a_number_in_the_first_row_is_no_columns_name(tmp_path, first):
    (tmp_path / "t.csv").write_text(f"{first}\n" + "".join(f"{i},{i},1,2\n" for i in range(11)))
    data = read_dataset(tmp_path / "t.csv", label_column="3")
    assert data.class_labels == sorted({1, int(first[4])})
    assert len(data.train[1]) == 8


@pytest.mark.parametrize("first", [0, 1])
def test_columns_that_are_numbered_are_no_row(tmp_path, first):
    rows = [f"{i},{i},{'ab'[i % 2]}\n" for i in range(12)]
    header = ",".join(map(str, range(first, first + 3)))
    (tmp_path / "t.csv").write_text(f"{header}\n" + "".join(rows))
    data = read_dataset(tmp_path / "t.csv", label_column="-1")
    assert data.class_labels == ["a", "b"]
    assert data.train[0][:2].tolist() == [[0, 0], [1, 1]]
    by_name = read_dataset(tmp_path / "t.csv", label_column=str(first + 2))
    assert by_name.sha256() == data.sha256()


@pytest.mark.parametrize(
    "text, said",
    [
        ("0,1,dog\n1,2,cat\n", "row 1, column 3 holds 'dog'.*that column is the label"),
        ("a,b,kind\n1,2,dog\n3,4,cat\n", r"row 2, column 3 \(kind\) holds .*--label-column"),
        ("a,b,c\n1,,2\n", r"row 2, column 2 \(b\) is empty: .* fill in or leave out the row$"),
        ("a,b\n1,\n", r"row 2, column 2 \(b\) is empty: .* row or, if every row ends with a"),
        ("1;0,5;0,7\n2;1,5;1,2\n", r"row 1, column 2 holds '0,5': .* decimal commas"),
        ("s;a\n1;0,5\n", r"row 2, column 2 \(a\) holds '0,5': .* decimal commas"),
        ("0,1\n1,nan\n", "row 2, column 2 holds 'nan': .* fill in or leave out the row$"),
        ("0,1\n" * 200 + "1,\0\n", "NUL characters"),
        ("just a sentence\n", "one column"),
        ("some, words\n", "its one row has text, and so is taken for a header"),
    ],
)
def test_csv_refused(tmp_path, text, said):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(DatasetError, match=said):
        read_dataset(tmp_path / "t.csv")


def test_what_a_spreadsheet_calls_unicode_text(tmp_path):
    (tmp_path / "t.csv").write_text("0\t1\n1\t2\n", encoding="utf-16")
    with pytest.raises(DatasetError, match="save the file as UTF-8"):
        read_dataset(tmp_path / "t.csv")


def test_commas_within_cells_between_semicolons(tmp_path):
    (tmp_path / "t.csv").write_text('"kind, or so";a;b\n' + '"x, y";1;2\nz;3;4\n' * 4)
    data = read_dataset(tmp_path / "t.csv")
    assert data.class_labels == ["x, y", "z"]
    assert data.train[0][:2].tolist() == [[1, 2], [3, 4]]


def test_one_class_is_warned_of(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("7,1\n7,2\n" * 6)
    assert read_dataset(tmp_path / "t.csv").class_labels == [7]
    assert "warning: every row has the label 7: there is nothing" in capsys.readouterr().err


# What must not be overwritten


def test_the_files_that_are_read(tmp_path, monkeypatch):
    x, y = pair()
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    numpy.savez(folder / "d.npz", x_train=x, y_train=y, x_test=x, y_test=y)
    monkeypatch.setattr(mnist, "search_folders", lambda: [folder])
    data = read_dataset("d.npz")
    data.check_outputs(None, "d.npz", folder / "e.npz")
    with pytest.raises(SettingError, match=r"d\.npz is of the data set d\.npz: it would be ov"):
        data.check_outputs(None, folder / ".." / "elsewhere" / "d.npz")
    read_dataset(((x, y), (x, y))).check_outputs(folder / "d.npz")


@pytest.mark.parametrize("name", sorted(file.name for file in mnist.FILES.values()))
@pytest.mark.parametrize("given", ["", "train-images-idx3-ubyte"])
def test_none_of_the_idx_files_is_overwritten(tmp_path, name, given):
    idx_folder(tmp_path)
    with pytest.raises(SettingError, match="would be overwritten"):
        read_dataset(tmp_path / given).check_outputs(tmp_path / name)


@pytest.mark.parametrize("name", ["train.csv", "test.csv", "valid.csv.gz"])
def test_no_csv_file_of_a_folder_is_overwritten(tmp_path, name):
    (tmp_path / "train.csv").write_text(csv_text(12))
    (tmp_path / "test.csv").write_text(csv_text(6))
    (tmp_path / "valid.csv.gz").write_bytes(gzip.compress(csv_text(5).encode()))
    data = read_dataset(tmp_path, label_column="kind")
    data.check_outputs(tmp_path / "best_model.pkl")
    with pytest.raises(SettingError, match="would be overwritten"):
        data.check_outputs(tmp_path / name)


@pytest.mark.parametrize("seed", [1.5, "1", -1, 2**32])
def test_seeds_of_no_shuffle(seed):
    with pytest.raises(SettingError, match="whole number from 0"):
        read_dataset(triple(), shuffle=seed)
    assert type(read_dataset(triple(), shuffle=numpy.int64(3)).shuffle) is int


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_a_pipe_is_no_data_set(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DatasetError, match="pipe' is no regular file: save it in one"):
        read_dataset(tmp_path / "pipe")
    with pytest.raises(DatasetError, match=r"not found: give the path.*files, or take mnist\.pkl"):
        read_dataset(tmp_path / "nothing")


def test_a_test_csv_without_a_label(tmp_path):
    (tmp_path / "train.csv").write_text("label,a,b\n0,1,2\n1,2,3\n")
    (tmp_path / "test.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match=r"has 1: .*\(is there no label in the test set\?\)"):
        read_dataset(tmp_path)


def test_label_column_is_for_csv():
    with pytest.raises(DatasetError, match="in CSV files only"):
        read_dataset(SAMPLE, label_column="x")


def test_other_files_and_folders(tmp_path):
    numpy.save(tmp_path / "x.npy", pair()[0])
    (tmp_path / "i.png").write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")
    (tmp_path / "alone").write_bytes(idx_bytes(pair()[0]))
    (tmp_path / "empty").mkdir()
    for name, said in [
        ("x.npy", "one array makes no data set"),
        ("i.png", "an unknown format"),
        ("alone", "one IDX file makes no data set"),
        ("empty", "a folder without a data set"),
    ]:
        with pytest.raises(DatasetError, match=said):
            read_dataset(tmp_path / name)


# The digest


def test_sha256_tells_not_how_features_were_read(tmp_path):
    numpy.savez(tmp_path / "d.npz", x=numpy.random.RandomState(0).rand(30, 4), y=pair(30)[1])
    wide, narrow = (read_dataset(tmp_path / "d.npz", dtype=dtype) for dtype in (None, "float32"))
    assert wide.train[0].dtype == "float64" and narrow.train[0].dtype == "float32"
    assert wide.sha256("float32") == narrow.sha256("float32") == narrow.sha256()
    assert wide.sha256() == wide.sha256("float64") != narrow.sha256()
    assert len(read_dataset(tmp_path / "d.npz", trained_on=wide.sha256()).test[1]) == 5


def test_sha256_is_over_dtype_shape_and_bytes():
    x, y = pair()
    data = read_dataset(((numpy.asfortranarray(x), y), (x, y), (x, y)))
    digest = hashlib.sha256()
    for array in (x, y.astype("i4")) * 3:
        digest.update(("%s %s\n" % (array.dtype.str, array.shape)).encode())
        digest.update(array.tobytes())
    assert data.sha256() == digest.hexdigest()
    other = read_dataset(((x + 1, y), (x, y), (x, y)))
    assert other.sha256() != data.sha256()


def test_a_data_set_is_taken_as_it_is():
    data = read_dataset(triple())
    assert isinstance(data, DataSet)
    assert read_dataset(data) is data


def test_booleans_are_classes():
    pairs = [(x, y == 1) for x, y in triple()]
    data = read_dataset(pairs)
    assert data.class_labels == [0, 1]
    assert data.train[1].tolist() == (pair()[1] == 1).astype(int).tolist()


def test_what_labels_were_numbered_is_said(capsys):
    pairs = [(x, y * 2) for x, y in triple()]
    load_data(pairs)
    assert "the given arrays: the labels 0, 2, 4 are numbered 0 to 2\n" in capsys.readouterr().err
    load_data(triple())
    assert capsys.readouterr().err == ""


def test_a_csv_file_with_its_options_in_python(tmp_path):
    (tmp_path / "t.csv").write_text(csv_text(30))
    (x, y), *_ = load_data(tmp_path / "t.csv", label_column="kind", shuffle=3)
    expected = read_dataset(tmp_path / "t.csv", label_column="kind", shuffle=3).train
    assert engine.value(x).tolist() == expected[0].tolist() != sorted(expected[0].tolist())
    assert y.eval().tolist() == expected[1].tolist()


@pytest.mark.parametrize(
    "labels, is_said", [("0121x", True), ("01a", True), ("012", False), ("abc", False)]
)
def test_labels_of_numbers_and_text_are_warned_of(tmp_path, capsys, labels, is_said):
    text = "".join(f"{labels[i % len(labels)]},{i},1\n" for i in range(30))
    (tmp_path / "t.csv").write_text("label,a,b\n" + text)
    data = read_dataset(tmp_path / "t.csv")
    assert [str(label) for label in data.class_labels] == sorted(set(labels))
    said = f"'{labels[-1]}' in row {len(labels) + 1}): each is taken for the name of a class"
    assert (said in capsys.readouterr().err) == is_said


def test_a_second_column_that_may_be_the_label_is_warned_of(tmp_path, capsys):
    lines = ["label,a,target", *(f"{i % 2},{i},{i % 2}" for i in range(30))]
    (tmp_path / "t.csv").write_text("\n".join(lines))
    assert read_dataset(tmp_path / "t.csv").n_in == 2
    assert "column 'target' is taken for a feature" in capsys.readouterr().err


@pytest.mark.parametrize(
    "is_sorted, n_rows, is_said", [(True, 120, True), (False, 120, False), (True, 60, False)]
)
def test_a_validation_set_of_one_class_is_warned_of(capsys, is_sorted, n_rows, is_said):
    x = numpy.arange(float(n_rows))[:, None]
    y = numpy.arange(n_rows) * 3 // n_rows if is_sorted else numpy.arange(n_rows) % 3
    y[0] = 2  # which is in the training set then
    data = read_dataset([(x, y), (x, y)])
    assert len(data.valid[1]) == n_rows // 6
    said = "every row of the validation set has the label 2"
    assert (said in capsys.readouterr().err) == is_said


def test_the_median_tells_the_ground():
    x = numpy.full((5000, 4), 192, numpy.uint8)
    x[:1500] = 64
    y = numpy.arange(5000) % 2
    assert read_dataset([(x, y), (x, y)]).x_median == 0.75
