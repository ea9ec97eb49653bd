"""SoftmaxClassifier, as scikit-learn's own checks and its tools use it."""

import importlib
import pickle
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import Mock

import numpy
import pytest
from builders import make_pairs, probabilities, write
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import estimator_checks
from softmax import steps_of_numpy

from logreg import SoftmaxClassifier, sgd
from logreg.hyperparameters import Hyperparameters
from logreg.kernel import is_in_use

X, Y = make_pairs((120, 1, 1), dtype="float64")[0]
NAMES = numpy.array(["no", "so", "yes"])


pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.weekly
@pytest.mark.skipif(not is_in_use(), reason="without the kernel, hundreds of fits are compiled")
def test_the_conventions_of_scikit_learn():
    checks = {}
    if hasattr(estimator_checks, "check_sample_weight_equivalence_on_dense_data"):
        names = [f"check_sample_weight_equivalence_on_{x}_data" for x in ("dense", "sparse")]
        reason = "a row of weight 2 is no two rows, which may be in two minibatches"
        checks = {"expected_failed_checks": dict.fromkeys(names, reason)}
    estimator_checks.check_estimator(SoftmaxClassifier(), **checks)


CHECKS = "n_features_in dataframe_column_names_consistency estimators_unfitted classifiers_classes "
CHECKS += "n_features_in_after_fitting estimator_sparse_tag estimators_pickle"


@pytest.mark.parametrize("name", CHECKS.split())
def test_the_conventions_that_users_meet_first(name):
    check = getattr(estimator_checks, f"check_{name}", None) or pytest.skip("a later release's")
    check("SoftmaxClassifier", SoftmaxClassifier(n_epochs=9))


REFUSED = [
    ({}, X, ["so"] * 120, "y has one class only, 'so': at least two"),
    ({"learning_rate": 1e308, "l2": 9}, X, Y, "in epoch 1: its parameters became too"),
    ({}, X, X[:, 0], "continuous"),
    ({"validation_fraction": 1.0}, X, Y, "validation_fraction == 1.0, must be < 1"),
    ({"class_weight": {0: -1, 1: 2, 2: 2}}, X, Y, "class_weight is .* finite, 0 or more, and not"),
    ({"class_weight": {0: numpy.inf}}, X, Y, "class_weight is {0: inf}: weights must be finite"),
    ({"class_weight": dict.fromkeys(range(3), 0)}, X, Y, "class_weight is .* and not all 0"),
]


@pytest.mark.parametrize("options, x, y, message", REFUSED)
def test_what_makes_no_sense_is_refused(options, x, y, message):
    classifier = SoftmaxClassifier(n_epochs=2, **options)
    with numpy.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        classifier.fit(x, y)
    assert not [name for name in vars(classifier) if name.endswith("_")]  # it is as it was


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "logreg.estimator")
    with pytest.raises(ImportError, match=r"needs scikit-learn .*: pip install '.\[sklearn\]'"):
        importlib.import_module("logreg.estimator")
    exec("from logreg import *")


WEIGHTS = numpy.random.RandomState(0).choice([0, 0.5, 2], 75)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("class_weight", [None, "balanced", "given"])
@pytest.mark.parametrize("sample_weight", [None, WEIGHTS], ids=["", "weights"])
def test_steps_are_numpys(n_classes, class_weight, sample_weight):
    rows = numpy.flatnonzero(numpy.isin(Y, range(n_classes)))[:75]
    x, y = X[rows], Y[rows]  # of which the last 35 validate
    weights = numpy.ones(75) if sample_weight is None else sample_weight
    counted = weights / weights[:40].mean()
    if class_weight == "balanced":
        counted *= (75 / (n_classes * numpy.bincount(y)))[y]
    elif class_weight == "given":
        counted *= numpy.array([0.5, 2, 3])[y]
        class_weight = dict(zip(NAMES[:n_classes], [0.5, 2, 3]))
    options = {"class_weight": class_weight, "shuffle": False, "refit": False, "n_epochs": 1}
    classifier = SoftmaxClassifier(batch_size=30, validation_fraction=0.467, **options)
    classifier.fit(x, NAMES[y], sample_weight)
    zeros = numpy.zeros((4, n_classes)), numpy.zeros(n_classes)
    costs, W, b = steps_of_numpy((x, y, counted), zeros, [0], 30, rate=0.13)
    assert classifier.loss_curve_ == pytest.approx(costs)
    p, scores = probabilities(x, W, b), x @ W + b
    if n_classes == 2:  # the log-odds of the second class
        scores = scores[:, 1:] - scores[:, :1]
    assert_allclose(classifier.decision_function(x), scores.squeeze(), rtol=1e-9, atol=1e-12)
    best = p.argmax(axis=1)
    assert classifier.predict(x).tolist() == NAMES[best].tolist()
    score = numpy.average((best == y)[-35:], weights=weights[-35:])
    assert classifier.validation_scores_ == pytest.approx([score])
    for found in (numpy.exp(classifier.predict_log_proba(x)), classifier.predict_proba(x)):
        assert_allclose(found, p, rtol=1e-9)
    assert classifier.predict_proba(x.astype("float32")).dtype == "float32"  # as X is
    far = classifier.predict_log_proba(1e5 * x)
    assert numpy.isfinite(far).all() and far.min() < -1000  # whose probability underflows


def test_rows_of_a_class_without_weight_do_not_validate():
    is_such = (Y == 0) & (numpy.arange(120) >= 90)
    other = X * numpy.where(is_such, -100, 1)[:, None]
    options = {"class_weight": {0: 0, 1: 1, 2: 1}, "validation_fraction": 0.25}
    classifier = SoftmaxClassifier(n_epochs=9, shuffle=False, refit=False, **options)
    first, second = (classifier.fit(x, Y).coef_ for x in (X, other))
    assert (first == second).all()
    # Nor do rows without weight, even if no other row validates: then no error is known.
    assert {*classifier.fit(X, Y, numpy.arange(120) < 90).validation_scores_} == {1}


@pytest.mark.parametrize("weights", [numpy.linspace(-0.1, 2, 120), numpy.zeros(120)])
def test_weights_of_rows_are_checked(weights):
    with pytest.raises(ValueError, match=r"must (be 0 or more for each|contain at least one)"):
        SoftmaxClassifier(n_epochs=2).fit(X, Y, weights)


def test_a_fit_that_has_not_converged_warns():
    """And one that has says nothing."""
    with pytest.warns(ConvergenceWarning, match="the last of 2 epochs was the best: a larger n_ep"):
        SoftmaxClassifier(n_epochs=2).fit(X, Y)
    x = X * [1, 1, 900, 1]
    with pytest.warns(ConvergenceWarning, match=r"mean square of column 2 is .*StandardScaler"):
        SoftmaxClassifier(n_epochs=2).fit(x, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SoftmaxClassifier(100, n_epochs=2, batch_size=20, refit=False).fit(X, Y)
        patient = SoftmaxClassifier(patience=20, patience_increase=1, refit=False)
        assert patient.fit(X, Y).n_iter_ < 1000


def test_the_best_epoch_is_kept_and_the_last_one_counted():
    options = {"learning_rate": 100, "batch_size": 20, "patience": 12, "refit": False}
    long, short = (SoftmaxClassifier(n_epochs=n, **options).fit(X, Y) for n in (9, 1))
    assert (long.coef_ == short.coef_).all() and (long.n_iter_, len(long.loss_curve_)) == (3, 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.coo_matrix])
def test_a_sparse_x_gives_the_bits_of_a_dense_one(kind, dtype):
    x = numpy.where(abs(X) < 0.5, 0, X).astype(dtype)
    rate = numpy.float64(0.1)  # as a grid of parameters has it
    dense, other = (SoftmaxClassifier(rate, n_epochs=5).fit(each, Y) for each in (x, kind(x)))
    assert (other.coef_ == dense.coef_).all()
    found = other.predict_proba(kind(x))
    for array in (found, other.predict_log_proba(x), other.coef_):
        assert array.dtype == dtype
    assert_allclose(found, dense.predict_proba(x), rtol=1e-5)


def test_which_rows_validate(monkeypatch):
    fit = Mock(side_effect=KeyboardInterrupt)
    monkeypatch.setattr("logreg.sgd.run_training", fit)
    labels = numpy.array([0] * 42 + [1] * 24 + [0, 1] * 200)

    def given(first=0, end=66, **options):
        """Numbers of training and of validation rows, the settings, and whether all train anew."""
        numbers = numpy.arange(first, end)
        with pytest.raises(KeyboardInterrupt):
            SoftmaxClassifier(**options).fit(numbers[:, None], labels[numbers])
        (run, _), others = fit.call_args
        found = []
        for row_set in run.data.sets.values():
            rows = row_set.features.array[:, 0].astype(int)
            assert (row_set.labels.get_value() == labels[rows]).all()
            found.append(rows.tolist())
        train, valid, test = found
        assert valid == test
        return train, valid, run.hyperparameters, others["refit"]

    changed = {"learning_rate": 0.5, "batch_size": 3, "momentum": 0.7, "l2": 0.2}
    train, valid, settings, is_refit = given(**changed)
    assert is_refit and settings == Hyperparameters(criterion="loss", **changed)
    assert numpy.bincount(labels[valid]).tolist() == [7, 4]
    assert sorted(train + valid) == list(range(66))
    assert given(random_state=0)[1] == valid != given(random_state=1)[1]
    _, valid, _, is_refit = given(shuffle=False, random_state=1, refit=False)
    assert valid == [*range(55, 66)] and not is_refit
    train, valid, *_ = given(end=64)
    assert (len(train), len(valid)) == (54, 10)
    train, valid, settings, is_refit = given(33, 60)
    assert len(train) == 27 and train == valid
    assert (settings.batch_size, is_refit) == (3, False)
    _, _, settings, _ = given(66, 466, validation_fraction=0.05)
    assert settings.batch_size == 20


def test_threads_of_two_dtypes_fit_one_after_the_other(monkeypatch):
    real, both = sgd.run_training, threading.Barrier(2)

    def fit(*args, **options):
        with pytest.raises(threading.BrokenBarrierError):  # nobody comes here meanwhile
            both.wait(1)
        return real(*args, **options)

    monkeypatch.setattr("logreg.sgd.run_training", fit)
    with ThreadPoolExecutor(2) as threads:
        fits = [threads.submit(SoftmaxClassifier().fit, x, Y) for x in (X.astype("float32"), X)]
    assert [fit.result().coef_.dtype for fit in fits] == ["float32", "float64"]


def test_what_was_fitted_predicts_without_an_engine(run):
    classifier = SoftmaxClassifier(n_epochs=2).fit(X, Y)
    write("c.pkl", pickle.dumps(classifier))
    code = "import pickle, sys; print(pickle.load(open('c.pkl', 'rb')).predict_proba([[1] * 4]))\n"
    code += "print({'theano', 'pytensor'} & set(sys.modules))"
    assert run("-c", code).stdout == f"{classifier.predict_proba([[1] * 4])}\nset()\n"
