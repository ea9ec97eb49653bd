"""What is known of data goes with them, through a user's Python, into the model file."""

import numpy
import pandas
import pytest
from builders import arguments, make_pairs

from logreg import LogisticRegression, Predictor, engine, fit, load_data, load_model, save_model
from logreg.basics.errors import ModelFileError, SettingError
from logreg.callbacks import BestModel
from logreg.engine import T
from logreg.hyperparameters import Hyperparameters


def trained(datasets, classifier=None, path="m.pkl", **metadata):
    """Fit as a user does, and keep the best model; return the run."""
    classifier = classifier or LogisticRegression(T.matrix("x"), 4, 3)
    settings = Hyperparameters(batch_size=10, n_epochs=20, criterion="loss")
    given = arguments(classifier, datasets=datasets, hyperparameters=settings)
    callbacks = [BestModel(path, classifier, **metadata)]
    return fit(**given, callbacks=callbacks, loss=given["cost"])


@pytest.fixture
def frame():
    """Rows of three kinds, whose columns differ in mean and scale."""
    x, y = make_pairs((120,), dtype="float64")[0]
    frame = pandas.DataFrame(x * [1e3, 1, 1e-3, 10] + [5e3, 0, 1, -50], columns=[*"abcd"])
    return frame.assign(kind=numpy.array(["ant", "bee", "cat"])[y])


@pytest.mark.parametrize("is_unpacked", [False, True])
def test_what_was_done_to_features_is_kept_however_the_sets_are_given(frame, is_unpacked):
    data = load_data(frame, label_column="kind", shuffle=False)
    _, y = data.train
    assert (y.dtype, y.owner.inputs[0].dtype) == ("int32", engine.theano.config.floatX)
    run = trained([*data] if is_unpacked else data)
    rows, found = frame[80:100], Predictor("m.pkl")  # the rows of validation, as they stand there
    error = (found.predict(rows) != rows["kind"]).mean()
    assert error == run.best_validation.error_all_rows < 0.2
    facts = found.facts
    assert (facts.dataset, facts.rows, facts.split) == ("the data frame", *2 * [[80, 20, 20]])
    numpy.testing.assert_allclose(facts.feature_means, frame.iloc[:80, :4].mean())


def test_standardized_sets_of_different_data_are_refused(frame):
    train, valid, test = load_data(frame, label_column="kind")
    _, other, last = load_data(frame, label_column="kind", split_seed=1)
    plain = load_data(frame, label_column="kind", standardize=False)
    gaps = frame.assign(a=frame["a"].where(frame.index % 9 > 0))
    filled, *_ = load_data(gaps, label_column="kind", standardize=False, missing="mean")
    for sets in (
        [train, other, test],
        [train, valid, last],
        [train, make_pairs()[1], test],
        [plain[0], other, test],
        [filled, *plain[1:]],
    ):
        with pytest.raises(SettingError, match=r"standardized or filled.*that one `load_data` ret"):
            trained(sets)


@pytest.mark.parametrize("dtype, how", [("uint8", {}), ("float64", {"pixel_scale": 256})])
def test_pixels_beside_ones_own_validation_set_keep_their_scale_alone(dtype, how):
    pairs = [((40 * x + 128).round().astype(dtype), y) for x, y in make_pairs(dtype="float64")]
    (x, y), (train, _, test) = pairs[1], load_data(pairs, **how)
    run = trained([train, (x / 256, y), test])
    facts = Predictor("m.pkl").facts
    assert (facts.dataset, facts.pixel_scale, facts.has_given_scale) == (None, 256, bool(how))
    assert (Predictor("m.pkl").predict(x) != y).mean() == run.best_validation.error_all_rows


def test_a_loaded_model_that_is_trained_on_other_data_tells_of_these(frame, cli):
    frame.to_csv("t.csv", index=False)
    cli("train t.csv --label-column kind --n-epochs 5 --floatx float64")
    classifier = load_model("best_model.pkl")
    pairs = make_pairs(dtype="float64")
    run = trained(pairs, classifier)
    found = Predictor("m.pkl")
    x, y = pairs[1]
    assert (found.predict(x) != y).mean() == run.best_validation.error_all_rows < 0.2
    assert not any(map(found.metadata.get, ["feature_means", "columns", "dataset", "split"]))
    # Nor does its last state, by save_model, if only b is another.
    classifier.W.set_value(classifier.loaded_W_and_b[0])
    with pytest.raises(
        ModelFileError, match=r"describe another training.*\*\*run\.model_facts\(\)"
    ):
        save_model(classifier, "last.pkl")
    save_model(classifier, "last.pkl", **run.model_facts())
    last = Predictor("last.pkl")
    assert not last.facts.feature_means and last.facts.curve == run.curve
    assert (last.b == engine.value(classifier.b)).all()
    save_model(classifier, "last.pkl", mine=1)
    assert "dataset" not in Predictor("last.pkl").metadata


def test_a_model_of_more_classes_than_the_data_have_needs_their_labels():
    data = load_data([(x, y + 7) for x, y in make_pairs(dtype="float64")])
    trained(data)
    assert Predictor("m.pkl").labels == [7, 8, 9]
    classifier = LogisticRegression(T.matrix("x"), 4, 5)
    with pytest.raises(ModelFileError, match=r"class_labels is .*: one for each of 5 classes is"):
        trained(data, classifier, "other.pkl")
    trained(data, classifier, "other.pkl", class_labels=[*"abcde"])
    assert Predictor("other.pkl").labels == [*"abcde"]
