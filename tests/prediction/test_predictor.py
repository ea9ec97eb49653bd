"""A model file at work: scales, ranges and backgrounds, against a softmax in NumPy."""

import pickle

import numpy
import pandas
import pytest
from builders import arguments, new_run, probabilities, refused, sample, save, weights

from logreg import LogisticRegression, fit
from logreg.basics.errors import ModelFileError, SettingError
from logreg.callbacks import BestModel
from logreg.engine import T
from logreg.prediction.predictor import Predictor
from logreg.updates import sgd

X = sample()["x_test"][:12].reshape(12, 784)


def predictor_of(**metadata):
    return Predictor(save("model.pkl", *weights(), **{"image_shape": [28, 28], **metadata}))


def test_labels_and_probabilities_of_what_python_has(stderr):
    words = [f"digit {i}" for i in range(10)]
    predictor = pickle.loads(pickle.dumps(predictor_of(pixel_scale=256, class_labels=words)))
    expected = probabilities(X / numpy.float32(256), *weights())
    scaled = X / 256
    arrays = [X, scaled.tolist(), scaled.astype(">f2")]
    frames = [pandas.DataFrame(X), pandas.DataFrame(scaled, dtype="Float64")]
    for x in [*arrays, *frames]:
        assert predictor.predict(x).tolist() == [words[i] for i in expected.argmax(axis=1)]
        p = predictor.predict_proba(x)
        assert p.dtype == "float32" and p == pytest.approx(expected, rel=1e-3)
    assert predictor.predict(X > 9).tolist() == predictor.predict((X > 9) * 1.0).tolist()
    assert stderr() == ""


@pytest.mark.parametrize(
    "x, said",
    [
        (X[:0], r"^X: the model expects 784 features \(28 x 28\), got \(0, 784\)$"),
        (X.astype(str), "X: has dtype <U.: numbers are needed"),
        (X, "X: is uint8, and the model was trained on num"),
    ],
)
def test_what_the_model_does_not_take_is_refused(x, said):
    with refused(said):
        predictor_of().predict(x)


HALVES = {"feature_means": [0.0] * 784, "feature_scales": [0.5] * 784}


@pytest.mark.parametrize(
    "ends, told, value, said",
    [
        ([-1, 1], {}, 3.0, None),
        ([-1, 1], {}, -3.0, None),
        ([0, 1], {}, 2.01, "X: values from 0 to 2.01, and the model was trained on 0 to 1: in col"),
        ([-1, 1], {}, -3.01, "X: values from -3.01 to 0, and the model was trained on -1 to 1"),
        ([0, 16], {}, numpy.uint8(200), "from 0 to 200, and the model was trained on 0 to 16"),
        (
            [0, 3],
            HALVES,
            4.0,
            "X: standardized values from 0 to 8, and the model was trained on 0 to 3: in column "
            "301, column 501; scale them as the training data were; pixels that",
        ),
        (None, {}, 1e9, None),
    ],
)
def test_values_on_another_scale_are_warned_of(stderr, ends, told, value, said):
    x = numpy.zeros((2100, 784), numpy.asarray(value).dtype)  # three batches
    x[1500:, 300] = x[1501:, 500] = value
    predictor_of(pixel_scale=1, x_range=ends, **told).predict(x)
    err = stderr()
    assert (err == "") if said is None else (said in err)
    assert err.count("warning: X: ") == (said is not None)  # once is enough


@pytest.mark.parametrize("bad, found", [(numpy.nan, "nan"), (1e300, r"1e\+300"), (1e38, None)])
def test_values_that_cannot_be_computed_with_are_refused(bad, found):
    W, b = weights()
    x = numpy.tile(X / 256, (100, 1))
    x[1015, 400:500] = bad  # in the second batch
    said = rf"column 400 \(from 0\) holds {found}" if found else "the values are too large"
    with refused(rf"^X: row 1015, {said}: every value .* in float32$"):
        Predictor(save("model.pkl", numpy.sign(W) * 9, b)).predict(x)


@pytest.mark.parametrize("W, b", [(numpy.nan, 0), (0, numpy.inf)])
def test_parameters_that_are_not_finite_are_refused(W, b):
    save("model.pkl", numpy.full((1, 2), W), b)
    with pytest.raises(ModelFileError, match=r"model.pkl: its parameters are not finite, .*again"):
        Predictor("model.pkl")


@pytest.mark.parametrize("values", [None, [*weights(), *weights()]])
def test_a_run_needs_a_best_model_of_w_and_b(values):
    with pytest.raises(SettingError, match=r"^Run\(.*, not ended\) has no best W and b of"):
        Predictor(new_run(best_values=values))


@pytest.mark.parametrize("is_changed", [False, True])
@pytest.mark.parametrize("order", [1, -1, 2])
@pytest.mark.parametrize("factor", [None, -1, 0.1])
def test_a_run_predicts_if_its_errors_are_those_of_softmax_of_its_scores(is_changed, order, factor):
    x = T.matrix("x")
    classifier = LogisticRegression(1 - x if is_changed else x, 4, 3)
    # By 2: b stays as it is. At such a rate, the first model is the best one.
    given = arguments(classifier, lambda cost, params: sgd(cost, params[::order], 30), x=x)
    if factor:  # the probabilities are others
        scores = factor * (T.dot(classifier.input, classifier.W) + classifier.b)
        found = T.argmax(T.nnet.softmax(scores), axis=1)
        given["errors"] = T.mean(T.neq(found, given["y"]))
    if is_changed or factor:
        with pytest.raises(SettingError, match="has no best W and b of the features: give a run"):
            Predictor(fit(**given))
    else:
        run = fit(**given, callbacks=[BestModel("m.pkl", classifier)])
        rows, y = given["datasets"][2]
        for model in (run, "m.pkl"):
            predictor = Predictor(model)
            error = (predictor.predict(rows) != y).mean()
            assert error == run.best_validation.test_error_all_rows
            best_W = run.best_values[run.params.index(classifier.W)]
            assert (best_W == predictor.W).all()
