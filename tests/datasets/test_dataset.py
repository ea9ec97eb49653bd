"""Data sets: how they are split and prepared, what a model file tells of them, what engines get."""

import glob
import hashlib
import itertools

import numpy
import pytest
from builders import csv_text, make_pairs, save_folder, write
from conftest import peak_memory
from numpy.testing import assert_allclose

from logreg import engine
from logreg.basics.errors import DatasetError, SettingError
from logreg.datasets import preprocessing
from logreg.datasets.dataset import read_dataset
from logreg.datasets.formats import find_usable_map
from logreg.datasets.options import NO_OPTIONS, Preparation
from logreg.datasets.shared_sets import (
    digest,
    load_data,
    share_as_floats,
    share_as_stored,
    share_given,
)

PAIRS = make_pairs()


# What engines get


def test_bytes_that_a_model_takes_as_integers_are_not_scaled():
    x = numpy.arange(240).reshape(60, 4).astype("uint8")
    y = PAIRS[0][1]
    for variable, scale in ((engine.T.imatrix(), 1), (engine.T.matrix(), 1 / 256)):
        found, _ = share_given([(x, y)] * 3, variable, engine.T.ivector(), (4, 3), 10).train
        assert (engine.as_stored(found).rows(0, 60, "float64") == x).all()
        assert engine.as_stored(found).scale == scale


@pytest.mark.parametrize("option", [{"standardize": True}, {"drop": "a"}])
def test_what_was_read_takes_no_options(option):
    with pytest.raises(SettingError, match="a DataSet is read already: give its options to `load"):
        load_data(read_dataset(PAIRS), **option)


# Splitting


@pytest.mark.parametrize("n, n_valid", [(60, 10), (5, 1), (2, 1)])
def test_the_last_sixth_becomes_the_validation_set(n, n_valid):
    train, test = make_pairs((n, 7))
    data = read_dataset((train, test))
    assert (data.valid[0] == train[0][-n_valid:]).all() and (data.test[0] == test[0]).all()
    assert (data.facts.rows, data.split_off) == ([n - n_valid, n_valid, 7], ("valid",))
    assert numpy.shares_memory(data.train[0], train[0])
    with pytest.raises(DatasetError, match=r"^the given arrays: 1 rows are too few to split: "):
        read_dataset(make_pairs((1, 7)))


def test_shuffle_permutes_rows_and_labels_together():
    x = numpy.arange(60).reshape(60, 1)
    y = numpy.arange(60) // 10
    data = read_dataset(((x, y), (x, y)), preparation=Preparation(shuffle=True, split_seed=5))
    rows, labels = map(numpy.concatenate, zip(data.train, data.valid))
    assert rows[:6, 0].tolist() == [31, 42, 52, 19, 26, 3]  # on every version of NumPy
    assert (numpy.sort(rows, axis=0) == x).all() and (labels == rows[:, 0] // 10).all()
    assert (data.test[0] == x).all()


# What is told of a data set


def source_of(kind):
    """Data of a kind, and what is told of them whatever their numbers are."""
    random = numpy.random.RandomState(0)
    x = random.randint(0, 17, (60, 100))
    y = numpy.arange(60) % 3 + 7
    x[:, 30:70] //= 2  # which is not at the edges of images
    x[:, 5] = 9
    x[0, 1] = 16
    if kind == "one array":
        return save_folder([(x[:, :6].astype("float64"), y)]), {"dataset": "data"}
    x = numpy.asfortranarray(x.reshape(60, 10, 10), kind)
    told = {"image_shape": (10, 10), "centred": False, "dataset": "the given arrays"}
    return [(x, y), (x[:30], y[:30]), (x[7:50] // 2, y[7:50])], told


def assert_told(data, told, is_standardized, pixel_scale):
    """What NumPy finds in the rows is told of them, and engines get them so."""
    (x, y), _, (_, y_test) = data
    scale = 1 / (pixel_scale or (256 if x.dtype == "uint8" else 1))
    means = 0
    scales = 1
    if is_standardized:
        means = x.mean(axis=0, dtype=float) * scale
        scales = (x * scale).std(axis=0)
        scales[scales == 0] = 1
    ready = [(x * scale - means) / scales for x, _ in data]
    floatx = engine.theano.config.floatX
    for make in (share_as_floats, share_as_stored):
        for (features, labels), (_, of_rows), wanted in zip(make(data), data, ready):
            found = engine.as_stored(features)
            kept = engine.value(labels)
            assert kept.dtype == "int32" and (kept == of_rows).all()
            assert make is share_as_stored or labels.owner.inputs[0].get_value().dtype == floatx
            are_bytes = make is share_as_stored and scale != 1 and not is_standardized
            assert found.shared.get_value().dtype == ("uint8" if are_bytes else floatx)
            rows = found.rows(0, len(wanted), "float64") * found.scale
            assert_allclose(rows, wanted, atol=1e-6)
    is_narrow = not is_standardized and told["dataset"] != "data"  # what is mapped stays as it is
    assert x.dtype == ("uint8" if scale != 1 else "float32" if is_narrow else "float64")
    counts = numpy.bincount(y)
    some = ready[0]
    if "image_shape" in told:
        images = some.reshape(-1, 10, 10)
        some = numpy.concatenate([images[:, [0, -1]], images[:, :, [0, -1]].swapaxes(1, 2)], 1)
    numbers = {
        "n_in": x.shape[1],
        "n_out": 3,
        "rows": [len(y) for _, y in data],
        "class_labels": [7, 8, 9],
        "class_counts": counts,
        "baseline_error": (y_test != counts.argmax()).mean(),
        "pixel_scale": scale,
        "scale_all": bool(pixel_scale),
        "raw_range": [x.min(), x.max()],
        "x_range": [ready[0].min(), ready[0].max()],
        "x_median": numpy.median(some),
    }
    if is_standardized:
        numbers.update(feature_means=means, feature_scales=scales)
    found = {name: value for name, value in data.facts.as_dict().items() if value is not None}
    digest = hashlib.sha256()
    for array in itertools.chain(*data):
        array = array.astype("float32") if array.dtype == "float64" else array
        digest.update(f"{array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    digest.update(b"standardized" * is_standardized)
    assert found.pop("dataset_sha256") == digest.hexdigest()
    for name, value in numbers.items():
        assert_allclose(found.pop(name), value, rtol=1e-6, err_msg=name)
    assert found == told


@pytest.mark.parametrize("standardize", [None, True, False])
@pytest.mark.parametrize("pixel_scale", [None, 16])
@pytest.mark.parametrize("shuffle", [None, True, False])
@pytest.mark.parametrize("kind", ["uint8", "float64", "one array"])
def test_what_is_told_of_data(kind, shuffle, pixel_scale, standardize, monkeypatch):
    """Of tables, test_differential_tables has the numbers."""
    monkeypatch.setattr(preprocessing, "BLOCK", 700)  # values, that are looked at together
    source, told = source_of(kind)
    how = Preparation(standardize, shuffle, split_seed=3, pixel_scale=pixel_scale)
    data = read_dataset(source, preparation=how, dtype="float32")
    assert sorted(map(str, data.files)) == sorted(glob.glob("data/*"))
    is_mapped = kind == "one array" and not (shuffle or pixel_scale)
    x = data.train[0]
    assert (find_usable_map(x) is not None) == is_mapped != x.flags.writeable
    if kind == "one array":
        told["split"] = [40, 10, 10]
        if shuffle is None:
            shuffle = not is_mapped  # what is mapped stays in order
    if shuffle:
        told["split_seed"] = 3
    assert_told(data, told, bool(standardize), pixel_scale)


def test_a_digest_tells_every_label_and_row_from_another():
    found = set()
    x = numpy.zeros((3000, 2))
    y = numpy.zeros(3000, "int32")
    for i in range(0, 3000, 500):
        for array in (x, y):
            array[i + 1] = 1
            found.add(digest(engine.shared_data(x), engine.shared_data(y)))
    assert len(found) == 6 + 6


@pytest.mark.parametrize("bad", [1.5, -1, 256])
def test_what_is_no_pixel_is_refused_as_one(bad):
    x, y = PAIRS[0]
    with pytest.raises(DatasetError, match=f"test x holds {bad}.*: `pixel_scale` is for pix"):
        load_data([(0 * x, y), (numpy.where(x == x[3, 2], bad, 7), y)], pixel_scale=1)


# What is done to features before training


def test_float64_is_made_of_some_rows_at_a_time():
    x = numpy.zeros((20000, 200), "float32")
    x[::2] = 1
    pairs = [(x, numpy.arange(20000) % 2)] * 3
    with peak_memory() as peak:
        data = read_dataset(pairs, preparation=Preparation(standardize=True))
        data.facts.preprocessing.apply(x, "float32")
    assert peak() < 1.6 * x.nbytes


# In a data set


def test_numbers_are_standardized_before_they_are_rounded(random):
    """In float32, these stand 64 apart; the sign of their deviation is the label."""
    x = 1e9 + random.randn(300, 1)
    labels = (x > x[:200].mean()).astype(int)
    write("t.csv", csv_text(numpy.c_[x.astype(object), labels]))
    data = read_dataset("t.csv", NO_OPTIONS, Preparation(shuffle=False), dtype="float32")
    for x, y in data:
        ready = data.facts.preprocessing.apply(x, "float32")
        assert ((ready[:, 0] > 0) == y).all()
