"""SoftmaxClassifier, as scikit-learn's own checks and its tools use it."""

import gc
import importlib
import pickle
import sys
import warnings

import numpy
import pytest
from builders import make_pairs
from scipy import sparse
from sklearn.datasets import load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from logreg import SoftmaxClassifier, estimator
from logreg.errors import LogRegError
from logreg.kernel import is_wanted
from logreg.run import Run, Validation

X, Y = make_pairs((120, 1, 1), dtype="float64")[0]


@pytest.mark.skipif(not is_wanted(), reason="without the kernel, hundreds of fits are compiled")
def test_the_conventions_of_scikit_learn():
    check_estimator(SoftmaxClassifier(n_epochs=20))


def test_it_is_as_good_as_scikit_learns_own_and_works_in_its_tools():
    x, y = load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), SoftmaxClassifier(n_epochs=100))
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    expected = cross_val_score(
        make_pipeline(StandardScaler(), LogisticRegression()), x, y, cv=folds
    )
    assert cross_val_score(pipeline, x, y, cv=folds).mean() > expected.mean() - 0.02
    search = GridSearchCV(pipeline, {"softmaxclassifier__learning_rate": [1e-9, 0.1]}, cv=2)
    search.fit(x, y)
    assert search.best_params_ == {"softmaxclassifier__learning_rate": 0.1}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_it_computes_in_the_dtype_of_x(dtype, n_classes):
    rows = numpy.isin(Y, range(n_classes))
    x = X[rows].astype(dtype)
    rate = numpy.float64(0.1)  # as a grid of parameters has it
    classifier = SoftmaxClassifier(rate, n_epochs=20).fit(x, Y[rows])
    assert classifier.coef_.dtype == classifier.intercept_.dtype == dtype
    assert classifier.coef_.shape == (n_classes if n_classes > 2 else 1, 4)
    p = classifier.predict_proba(x)
    assert abs(p.sum(axis=1) - 1).max() < 1e-15
    assert p.argmax(axis=1).tolist() == classifier.predict(x).tolist()


def test_a_model_that_is_of_no_use_is_warned_of():
    noise = numpy.random.RandomState(0).randn(600, 5)
    y = noise[:, 0] + 0.5 * noise[:, 1] + 0.3 * noise[:, 2] ** 2 > 2
    with pytest.warns(ConvergenceWarning, match=r"worse than always guessing .*StandardScaler"):
        SoftmaxClassifier(n_epochs=50).fit(1e4 * noise, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SoftmaxClassifier(n_epochs=50).fit(noise, y)


def test_a_pickle_holds_no_engine():
    classifier = SoftmaxClassifier(n_epochs=5).fit(X, Y)
    data = pickle.dumps(classifier)
    assert not any(name in data for name in (b"theano", b"pytensor"))
    assert (pickle.loads(data).predict_proba(X) == classifier.predict_proba(X)).all()


@pytest.mark.parametrize(
    ("options", "x", "y", "message"),
    [
        ({}, X, [7] * 120, "y has one class only, 7"),
        ({"learning_rate": 1e308, "l2": 9}, X, Y, "the run diverged in epoch 1"),
        ({}, X * 1e300, Y, r"training set: x holds .*, column . .*float32"),
        ({"validation_fraction": 1.0}, X, Y, "validation_fraction is 1.0: it must be between"),
        ({"batch_size": 21}, X, Y, "the batch size is 21, but the validation set has 20 rows"),
        ({"momentum": 1}, X, Y, "momentum is 1: it must be"),
    ],
)
def test_what_makes_no_sense_is_refused(options, x, y, message):
    with numpy.errstate(all="ignore"), pytest.raises(LogRegError, match=message):
        SoftmaxClassifier(n_epochs=2, **options).fit(x, y)


def test_without_scikit_learn_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    monkeypatch.delitem(sys.modules, "logreg.estimator")
    with pytest.raises(ImportError, match=r"needs scikit-learn .*: pip install '.\[sklearn\]'"):
        importlib.import_module("logreg.estimator")
    exec("from logreg import *")


def test_sparse_input_is_refused():
    with pytest.raises(TypeError, match=r"[Ss]parse.*dense"):
        SoftmaxClassifier().fit(sparse.csr_matrix(X), Y)


def fitted_with(monkeypatch, x, y, validations=((1, 0.5),), **options):
    """Fit with a run that sees some validations: the value of each parameter, and the error."""
    told = []

    def fit(*args):
        (*_, updates, datasets, settings, callbacks) = args
        run = Run([], settings, type("Stopping", (), {"best_loss": 1.0}), 1, iter=3)
        for value, error in validations:
            for variable, _ in updates:
                variable.set_value(numpy.full_like(variable.get_value(), value))
            run.stopping.best_loss = min(run.stopping.best_loss, error)
            callbacks[0].on_validation(run, Validation(1, 1, 1, 0, 1.0, error, error))
        told.extend([settings.batch_size, *datasets])
        return run

    monkeypatch.setattr(estimator, "fit", fit)
    return SoftmaxClassifier(**options).fit(x, y), told


def test_which_rows_validate(monkeypatch):
    x, y = numpy.arange(66.0)[:, None], numpy.array([0] * 42 + [1] * 24)
    _, (batch_size, train, valid, test) = fitted_with(monkeypatch, x, y)
    assert (batch_size, train[0].dtype) == (5, "float64") and valid is test
    assert numpy.bincount(valid[1]).tolist() == [7, 4]
    assert sorted([*train[0][:, 0], *valid[0][:, 0]]) == list(range(66))
    _, (_, _, other, _) = fitted_with(monkeypatch, x, y, random_state=1)
    assert (other[0] != valid[0]).any()
    _, (_, train, valid, _) = fitted_with(monkeypatch, x, y, shuffle=False)
    assert valid[0][:, 0].tolist() == list(range(55, 66))
    _, (batch_size, train, valid, _) = fitted_with(monkeypatch, x[33:60], y[33:60])
    assert len(train[0]) == 27 and (train[0] == valid[0]).all() and batch_size == 2
    assert fitted_with(monkeypatch, numpy.ones((8000, 1)), [0, 1] * 4000)[1][0] == 600


def test_the_last_of_the_best_is_kept(monkeypatch):
    seen = [(1, 0.5), (2, 0.25), (3, 0.25), (numpy.nan, 0.25), (4, 0.5)]
    classifier, _ = fitted_with(monkeypatch, X, Y, seen)
    assert (classifier.coef_ == 3).all() and (classifier.intercept_ == 3).all()
    assert classifier.n_iter_ == 4


def test_fitting_again_and_again_keeps_nothing():
    counts = []
    for _ in range(2):
        for _ in range(8):
            SoftmaxClassifier(n_epochs=1).fit(X, Y)
        counts.append(len(gc.get_objects()))
    assert counts[1] < 1.3 * counts[0]
