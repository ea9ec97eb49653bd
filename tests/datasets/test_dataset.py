"""Data sets: how they are split and prepared, what a model file tells of them, what engines get."""

import glob

import numpy
import pytest
from builders import csv_text, make_pairs, refused, save_folder, write
from conftest import peak_memory
from numpy.testing import assert_allclose
from sklearn.preprocessing import StandardScaler

from logreg import engine
from logreg.datasets.dataset import read_dataset
from logreg.datasets.shared_sets import load_data
from logreg.datasets.training_data import digest, share_dataset, share_given
from logreg.engine.expressions import ModelParts
from logreg.parts import preprocessing
from logreg.parts.options import NO_OPTIONS, Preparation

PAIRS = make_pairs()


# What engines get


def test_bytes_that_a_model_takes_as_integers_are_not_scaled():
    x = numpy.arange(240).reshape(60, 4).astype("uint8")
    pairs = [(x, PAIRS[0][1])] * 3
    minibatch = engine.Minibatch(engine.T.imatrix(), engine.T.ivector())
    sizes = ModelParts([], [], n_in=4, n_out=3)
    found = share_given(pairs, minibatch, sizes).train.features
    assert found.scale == 1 and (found.rows(0, 60, "float64") == x).all()


# Splitting


def test_the_last_row_of_two_becomes_the_validation_set_and_one_cannot_be_split():
    train, test = make_pairs((2, 7))
    data = read_dataset((train, test))
    assert data.facts.rows == [1, 1, 7] and numpy.shares_memory(data.valid[0], train[0][1])
    with refused(r"^the given arrays: 1 rows are too few to split: "):
        read_dataset(make_pairs((1, 7)))


# What is told of a data set


@pytest.mark.parametrize("standardize", [None, True, False])
@pytest.mark.parametrize("pixel_scale", [None, 16])
@pytest.mark.parametrize("shuffle", [None, True, False])
@pytest.mark.parametrize("kind", ["uint8", "float64", "folder"])
def test_what_is_told_of_data(kind, shuffle, pixel_scale, standardize, random, monkeypatch):
    """Of tables, test_differential_tables has the numbers."""
    monkeypatch.setattr(
        preprocessing, "BLOCK", 70
    )  # values, that are looked at together: fewer than a row has
    x = random.randint(0, 17, (60, 10, 10)).astype("float64" if kind == "folder" else kind)
    x[:, 3:7] //= 2  # which is not at the edges of the images
    x[:, 0, 5] = 9
    y = numpy.arange(60) % 3 + 7
    source = [(numpy.asfortranarray(x), y), (x[:30], y[:30]), (x[7:50] + 1, y[7:50])]
    told = {"dataset": "the given arrays", "image_shape": (10, 10), "centred": False}
    is_mapped = kind == "folder" and not (shuffle or pixel_scale)
    if kind == "folder":
        source = save_folder([(x, y)])
        told.update(dataset="data", split=[40, 10, 10])
        is_shuffled = not is_mapped and shuffle is not False  # what is mapped stays in order
    else:
        is_shuffled = shuffle
    if is_shuffled:
        told["split_seed"] = 3
    how = Preparation(standardize, shuffle, split_seed=3, pixel_scale=pixel_scale)
    data = read_dataset(source, preparation=how, dtype="float32")
    assert sorted(map(str, data.files)) == sorted(glob.glob("data/*"))
    x, y = data.train
    assert data.is_mapped == is_mapped

    divisor = pixel_scale or (256 if kind == "uint8" else 1)
    scale = 1 / divisor
    scaler = StandardScaler(with_mean=bool(standardize), with_std=bool(standardize))
    scaler.fit(x * scale)
    ready = scaler.transform(x * scale)
    are_bytes = scale != 1 and not standardize
    stored = share_dataset(data).train.features.shared.get_value()
    assert stored.dtype == ("uint8" if are_bytes else engine.theano.config.floatX)
    images = ready.reshape(-1, 10, 10)
    told["class_labels"] = [7, 8, 9]
    numbers = {
        "n_in": 100,
        "n_out": 3,
        "rows": [len(y) for _, y in data],
        "class_counts": numpy.bincount(y),
        "pixel_scale": divisor,
        "has_given_scale": bool(pixel_scale),
        "raw_range": [x.min(), x.max()],
        "x_range": [ready.min(), ready.max()],
        "x_median": numpy.median([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]]),
    }
    if standardize:
        numbers.update(feature_means=scaler.mean_, feature_scales=scaler.scale_)
    found = {name: value for name, value in data.facts.as_dict().items() if value is not None}
    del found["dataset_sha256"]  # the files of test_recorded_bits have some
    del found["baseline_error"]  # test_folds has it
    for name, value in numbers.items():
        assert_allclose(found.pop(name), value, rtol=1e-6, err_msg=name)
    assert found == told


def test_a_digest_tells_every_label_and_row_from_another():
    found = set()
    x = numpy.zeros((3000, 2))
    y = numpy.zeros(3000, "int32")
    for i in range(0, 3000, 500):
        for array in (x, y):
            array[i + 1] = 1
            features = engine.Features(engine.shared_data(x))
            found.add(digest(engine.RowSet(features, engine.shared_data(y))))
    assert len(found) == 6 + 6


@pytest.mark.parametrize("bad", [1.5, -1, 256])
def test_what_is_no_pixel_is_refused_as_one(bad):
    x, y = PAIRS[0]
    with refused(f"test x holds {bad}.*: `pixel_scale` is for pix"):
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
