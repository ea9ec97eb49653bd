"""Data sets: how they are split and prepared, what a model file tells of them, what engines get."""

import glob
import hashlib
import itertools

import numpy
import pytest
from builders import csv_text, make_pairs, save, save_folder, write
from conftest import peak_memory

from logreg import engine
from logreg.datasets import preprocessing
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.formats import find_memory_map
from logreg.datasets.options import NA, NO_OPTIONS, Preparation, TableOptions
from logreg.datasets.preprocessing import Moments, Preprocessing
from logreg.datasets.shared_sets import (
    digest,
    load_data,
    share_as_floats,
    share_as_stored,
    share_given,
)
from logreg.datasets.splits import stratified_order
from logreg.errors import DatasetError, SettingError

PAIRS = make_pairs()


# What engines get


def test_bytes_that_a_model_takes_as_integers_are_not_scaled():
    x, y = numpy.arange(240).reshape(60, 4).astype("uint8"), PAIRS[0][1]
    as_integers, as_floats = (
        share_given([(x, y)] * 3, variable, engine.T.ivector(), (4, 3), 10).train[0]
        for variable in (engine.T.imatrix(), engine.T.matrix())
    )
    assert (engine.value(as_integers) == x).all() and as_floats.scale == 1 / 256


@pytest.mark.parametrize("option", [{"standardize": True}, {"drop": "a"}])
def test_what_was_read_takes_no_options(option):
    with pytest.raises(SettingError, match="a DataSet is read already: give its options to `load"):
        load_data(read_dataset(PAIRS), **option)


# Splitting


@pytest.mark.parametrize("n, n_valid", [(60, 10), (25, 4), (5, 1), (2, 1)])
def test_the_last_sixth_becomes_the_validation_set(n, n_valid):
    train, test = make_pairs((n, 7))
    data = read_dataset((train, test))
    assert (data.valid[0] == train[0][-n_valid:]).all()
    assert (data.train[0] == train[0][:-n_valid]).all() and (data.test[0] == test[0]).all()
    assert numpy.shares_memory(data.train[0], train[0])
    assert (data.facts.split, data.facts.split_seed, data.split_off) == (None, None, ("valid",))
    with pytest.raises(DatasetError, match=r"^the given arrays: 1 rows are too few to split: "):
        read_dataset(make_pairs((1, 7)))


def test_shuffle_permutes_rows_and_labels_together():
    x, y = numpy.arange(60.0).reshape(60, 1), numpy.arange(60) // 10
    how = Preparation(shuffle=True, split_seed=numpy.int64(5))
    data = read_dataset(((x, y), (x, y)), preparation=how)
    order = stratified_order(y, 5)
    assert order[:6].tolist() == [31, 42, 52, 19, 26, 3]  # on every version of NumPy
    for rows, (found, labels) in ((order[:50], data.train), (order[50:], data.valid)):
        assert (found[:, 0] == rows).all() and (labels == rows // 10).all()
    assert (data.facts.split, data.facts.split_seed) == (None, 5)
    assert (data.test[0] == x).all() and (x[:, 0] == numpy.arange(60)).all()


# What is told of a data set


def source_of(kind, has_gaps):
    """Data of a kind, how they are read, and what is told of them whatever their numbers are."""
    random = numpy.random.RandomState(0)
    x, y = random.randint(0, 17, (60, 100)), numpy.arange(60) % 3 + 7
    x[:, 30:70] //= 2  # which is not at the edges of images
    x[:, 5], x[0, 1] = 9, 16
    if kind in ("bytes", "floats", "folder"):
        x = x.reshape(60, 10, 10).astype("uint8" if kind == "bytes" else "float64")
        x = x if kind == "folder" else numpy.asfortranarray(x)
        pairs, told = [(x, y), (x[:30], y[:30]), (x[7:50] // 2, y[7:50])], {"image_shape": (10, 10)}
        source = save_folder(pairs) if kind == "folder" else pairs
        told.update(centred=False, dataset="data" if kind == "folder" else "the given arrays")
        return source, NO_OPTIONS, told
    if kind == "one array":
        return save_folder([(x[:, :6].astype("float64"), y)]), NO_OPTIONS, {"dataset": "data"}
    x = numpy.where(random.rand(60, 6) < 0.2 * has_gaps, "", x[:, :6].astype(object))
    write("t.csv", csv_text(numpy.c_[x, y], [*"abcdef", "y"]).encode())  # f is alike
    told = {"dataset": "t.csv", "label_name": "y", "label_number": 7, "columns": (*"abcde",)}
    told.update(column_numbers=(1, 2, 3, 4, 5), kinds=("number",) * 5, feature_names=(*"abcde",))
    return "t.csv", TableOptions(missing="mean"), {**told, "decimal": ".", "missing": "mean"}


def assert_told(data, told, is_standardized, pixel_scale, dtype):
    """What NumPy finds in the rows is told of them, and engines get them so."""
    (x, y), _, (_, y_test) = data
    scale = pixel_scale or (1 / 256 if x.dtype == "uint8" else 1)
    means = numpy.nanmean(x, axis=0, dtype=float) * scale
    scales = numpy.where(numpy.isnan(x), means, x * scale).std(axis=0)
    scales[scales == 0] = 1
    ready = [numpy.where(numpy.isnan(x), means, x * scale) for x, _ in data]
    ready = [(x - means) / scales if is_standardized else x for x in ready]
    floatx, is_plain = engine.theano.config.floatX, not is_standardized and "missing" not in told
    for make in (share_as_floats, share_as_stored):
        for (features, labels), (_, of_rows), wanted in zip(make(data), data, ready):
            found, kept = engine.as_stored(features), engine.value(labels)
            assert kept.dtype == "int32" and (kept == of_rows).all()
            assert make is share_as_stored or labels.owner.inputs[0].get_value().dtype == floatx
            are_bytes = make is share_as_stored and scale != 1 and is_plain
            assert found.shared.get_value().dtype == ("uint8" if are_bytes else floatx)
            rows = found.rows(0, len(wanted), "float64") * found.scale
            numpy.testing.assert_allclose(rows, wanted, atol=1e-6)
    is_narrow = is_plain and told["dataset"] != "data"  # what is mapped stays as it is
    assert x.dtype == ("uint8" if scale != 1 else "float32" if is_narrow else "float64")
    counts, some, ends = numpy.bincount(y), ready[0], [numpy.nanmin(x), numpy.nanmax(x)]
    if "image_shape" in told:
        images = some.reshape(-1, 10, 10)
        some = numpy.concatenate([images[:, [0, -1]], images[:, :, [0, -1]].swapaxes(1, 2)], 1)
    numbers = {"n_in": x.shape[1], "n_out": 3, "rows": [len(y) for _, y in data]}
    numbers.update(class_labels=[7, 8, 9], class_counts=counts, x_median=numpy.median(some))
    numbers.update(baseline_error=(y_test != counts.argmax()).mean(), raw_range=ends)
    numbers.update(x_range=[ready[0].min(), ready[0].max()], pixel_scale=scale)
    numbers.update({"feature_scales": scales} if is_standardized else {})
    numbers.update({} if is_plain else {"feature_means": means}, scale_all=bool(pixel_scale))
    found = {name: value for name, value in data.facts.as_dict().items() if value is not None}
    digest = hashlib.sha256()
    for array in itertools.chain(*data):
        array = array.astype(dtype) if array.dtype == "float64" else array
        digest.update(f"{array.dtype.str} {array.shape}\n".encode() + array.tobytes())
    digest.update(b"standardized" * is_standardized)
    assert found.pop("dataset_sha256") == digest.hexdigest()
    assert found.pop("na", None) == (NA if "columns" in told else None)
    for name, value in numbers.items():
        numpy.testing.assert_allclose(found.pop(name), value, rtol=1e-6, err_msg=name)
    assert found == told


@pytest.mark.parametrize("standardize", [None, True, False])
@pytest.mark.parametrize("pixel_scale", [None, 1 / 16])
@pytest.mark.parametrize("shuffle", [None, True, False])
@pytest.mark.parametrize("kind", ["bytes", "floats", "folder", "one array", "table"])
def test_what_is_told_of_data(kind, shuffle, pixel_scale, standardize, capsys, monkeypatch):
    monkeypatch.setattr(preprocessing, "BLOCK", 700)  # values, that are looked at together
    source, options, told = source_of(kind, has_gaps=pixel_scale is None)
    how = Preparation(standardize, shuffle, split_seed=3, pixel_scale=pixel_scale)
    data = read_dataset(source, options, how, dtype="float32")
    assert sorted(map(str, data.files)) == sorted(glob.glob("*.*") + glob.glob("data/*"))
    is_mapped = kind in ("folder", "one array") and not (shuffle or pixel_scale)
    assert (
        (find_memory_map(data.train[0]) is not None) == is_mapped != data.train[0].flags.writeable
    )
    is_alone = kind in ("one array", "table")
    by_default = kind == "table" or (is_alone and pixel_scale)  # what is mapped stays in order
    told.update({"split": [40, 10, 10]} if is_alone else {})
    told.update({"split_seed": 3} if (by_default if shuffle is None else shuffle) else {})
    is_standardized = kind == "table" and not pixel_scale if standardize is None else standardize
    assert_told(data, told, is_standardized, pixel_scale, "float32")
    if is_alone:
        capsys.readouterr()
        for n in (2, 7, 20):
            folds = [*make_folds(data, n)]
            assert sorted(len(fold.test[1]) for fold in folds)[:: n - 1] == [60 // n, -(-60 // n)]
            for fold in folds:
                assert_told(fold, told, is_standardized, pixel_scale, "float64")
        assert capsys.readouterr().err == ""  # of what was said of all rows


def test_a_digest_tells_every_label_and_row_from_another():
    found = set()
    for i in range(0, 3000, 500):
        x, y = numpy.zeros((3000, 2)), numpy.zeros(3000, "int32")
        found.add(digest(engine.shared_data(x), engine.shared_data(y)))
        x[i] = 1
        found.add(digest(engine.shared_data(x), engine.shared_data(y)))
        y[i + 1] = 1
        found.add(digest(engine.shared_data(x), engine.shared_data(y)))
    assert len(found) == 1 + 6 + 6


@pytest.mark.parametrize("bad", [1.5, -1, 256])
def test_what_is_no_pixel_is_refused_as_one(bad):
    x, y = PAIRS[0]
    with pytest.raises(DatasetError, match=f"test x holds {bad}.*: `pixel_scale` is for pix"):
        load_data([(0 * x, y), (numpy.where(x == x[3, 2], bad, 7), y)], pixel_scale=1)


# What is done to features before training: against plain NumPy and scikit-learn


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


def test_float64_is_made_of_some_rows_at_a_time():
    x = numpy.zeros((20000, 200), "float32")
    fitted = Preprocessing(means=numpy.zeros(200), scales=numpy.ones(200))
    with peak_memory() as peak:
        Preprocessing.fit(Moments(x), standardize=True)
        fitted.apply(x, "float32")
    assert peak() < 1.6 * x.nbytes


# In a data set


def test_numbers_are_standardized_before_they_are_rounded(cli):
    """In float32, these stand 64 apart; the sign of their deviation is the label."""
    x = 1e9 + numpy.random.RandomState(0).randn(300, 1)
    labels = (x > x[:200].mean()).astype(int)
    write("t.csv", csv_text(numpy.c_[x.astype(object), labels]).encode())
    data = read_dataset("t.csv", NO_OPTIONS, Preparation(shuffle=False), dtype="float32")
    save("m.pkl", numpy.array([[-1, 1]]), numpy.zeros(2), **data.facts.as_dict())
    done = cli("predict", "--model", "m.pkl", "t.csv")
    assert [int(line.split()[-1]) for line in done.out.splitlines()] == labels[:, 0].tolist()
