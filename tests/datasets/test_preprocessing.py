"""What is done to features before training: against plain NumPy and scikit-learn."""

import json

import numpy
import pytest
from builders import csv_text, make_pairs, npz_bytes, sample, write
from conftest import peak_memory

from logreg import engine
from logreg.datasets import preprocessing
from logreg.datasets.dataset import read_dataset
from logreg.datasets.options import NO_OPTIONS, Preparation, TableOptions
from logreg.datasets.preprocessing import Moments, Preprocessing
from logreg.datasets.splits import stratified_order
from logreg.datasets.variables import load_data, shared, stored

KIND = TableOptions(label_column="kind")


@pytest.mark.parametrize("block", [1, 7 * 5, 1 << 18])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_is_scikit_learns(block, dtype, monkeypatch):
    impute, scale = (pytest.importorskip(f"sklearn.{n}") for n in ("impute", "preprocessing"))
    monkeypatch.setattr(preprocessing, "BLOCK", block)
    random = numpy.random.RandomState(3)
    x = random.randn(60, 5) * [1, 1e-6, 1e6, 0, 1] + [0, 3, 1e7, 0.1, -5]  # of all scales
    x = x.astype(dtype)
    x[::7, 0] = x[1, 2] = x[2:9, 4] = numpy.nan
    fitted = Preprocessing.fit(Moments(x), missing="mean", standardize=True)
    filled = impute.SimpleImputer().fit_transform(x.astype("float64"))
    wanted = scale.StandardScaler().fit_transform(filled)
    found = fitted.apply(x, "float32")
    assert found.dtype == "float32" and found.flags.c_contiguous
    numpy.testing.assert_allclose(found, wanted, atol=2e-7, rtol=2e-6)
    numpy.testing.assert_allclose(fitted.scales[3], 1)  # a constant column
    only_filled = Preprocessing.fit(Moments(x), missing="mean")
    numpy.testing.assert_allclose(only_filled.apply(x, "float64"), filled, rtol=1e-12)


def test_a_column_that_is_empty_in_training_becomes_0():
    x = numpy.array([[1, numpy.nan], [3, numpy.nan]])
    fitted = Preprocessing.fit(Moments(x), missing="mean", standardize=True)
    assert fitted.apply(x, "float32").tolist() == [[-1, 0], [1, 0]]
    assert [m.tolist() for m in (Moments(x).means, Moments(x).deviations())] == [[2, 0], [1, 0]]


def test_float64_is_made_of_some_rows_at_a_time():
    x = numpy.zeros((20000, 200), "float32")
    fitted = Preprocessing(means=numpy.zeros(200), scales=numpy.ones(200))
    with peak_memory() as peak:
        Preprocessing.fit(Moments(x), standardize=True)
        fitted.apply(x, "float32")
    assert peak() < 1.6 * x.nbytes


# In a data set


def write_table(x, y):
    cells = numpy.column_stack([x.astype(str), numpy.array(["ant", "bee", "cat"])[y]])
    write("t.csv", csv_text(cells, ["a", "b", "c", "d", "kind"]).encode())


def test_tables_are_standardized_in_training_and_arrays_if_that_is_asked_for():
    x, y = make_pairs((60,))[0]
    write_table(x, y)
    write("d.npz", npz_bytes(x=x, y=y))
    for path, options, standardize in (("t.csv", KIND, None), ("d.npz", NO_OPTIONS, True)):
        data = read_dataset(path, options, Preparation(standardize), dtype="float32")
        wanted = (data.train[0] - data.train[0].mean(axis=0)) / data.train[0].std(axis=0)
        with engine.floatx("float32"):
            (found, _), *_ = shared(data)
        numpy.testing.assert_allclose(engine.value(found), wanted, atol=1e-5)
        numpy.testing.assert_allclose(data.facts.x_range, (wanted.min(), wanted.max()), atol=1e-5)
        plain = read_dataset(path, options, Preparation(standardize=False), dtype="float32")
        assert data.facts.dataset_sha256 != plain.facts.dataset_sha256
    assert read_dataset("d.npz").facts.preprocessing.scales is None
    (found, _), *_ = load_data("t.csv", label_column="kind")
    assert abs(engine.value(found).mean(axis=0)).max() < 1e-6


def test_pixels_that_are_standardized_are_no_longer_bytes():
    x, y = sample()["x_train"][:60], sample()["y_train"][:60]
    data = read_dataset([(x, y)] * 3, preparation=Preparation(standardize=True))
    (found, _), *_ = stored(data)
    scaled = x.reshape(60, -1) / 256
    deviations = numpy.where(scaled.std(axis=0) > 0, scaled.std(axis=0), 1)
    wanted = (scaled - scaled.mean(axis=0)) / deviations
    rows = found.rows(0, 60, "float32")  # as the engine prepares a minibatch
    numpy.testing.assert_allclose(rows, wanted, atol=1e-5)
    numpy.testing.assert_allclose(data.facts.x_range, (wanted.min(), wanted.max()))


@pytest.mark.parametrize("name", ["t.csv", "d.npz"])
def test_numbers_are_standardized_before_they_are_rounded(name, cli):
    """In float32, these stand 64 apart; the sign of their deviation is the label."""
    x = 1e9 + numpy.random.RandomState(0).randn(300, 1)
    y = (x[:, 0] > 1e9).astype(int)
    write("t.csv", csv_text(numpy.c_[x.astype(object), y]).encode())
    numpy.savez("d.npz", x=x, y=y)
    options = ("--standardize", "--n-epochs", 200, "--floatx", "float32")
    trained = cli("train", "--dataset", name, *options)
    assert trained.code == 0, trained.err
    found = json.loads(cli("predict", "--evaluate", "--format", "json").out)
    assert found["rows"] == 50 and found["errors"] <= 2
    said = [line.split()[-1] for line in cli("predict", name).out.splitlines()]
    assert (numpy.array(said) != y.astype(str)).mean() < 0.04  # prediction does the same


# The stratified split


def test_a_table_is_split_with_all_classes_in_proportion():
    y = numpy.repeat([0, 1, 2], [12, 168, 420])
    write_table(numpy.arange(2400).reshape(600, 4), y)
    data = read_dataset("t.csv", KIND)
    counts = numpy.bincount(y)
    assert (data.facts.split, data.facts.split_seed) == ([400, 100, 100], 0)
    for _, labels in data:
        found = numpy.bincount(labels, minlength=3)
        assert (abs(found - counts * len(labels) / 600) < 1.5).all()
    assert data.facts.class_counts == numpy.bincount(data.train[1]).tolist()
    rows = numpy.concatenate([x[:, 0] for x, _ in data]) / 4
    assert sorted(rows.tolist()) == list(range(600))
    # On every version of NumPy.
    assert stratified_order(y, 0)[:6].tolist() == [434, 122, 224, 479, 205, 162]
    other = read_dataset("t.csv", KIND, Preparation(split_seed=1))
    assert set(other.test[0][:, 0]) != set(data.test[0][:, 0])
