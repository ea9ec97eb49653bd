"""Softmax regression as an estimator for scikit-learn (extra `sklearn`)."""

import copy
import warnings
from dataclasses import dataclass, fields, make_dataclass
from numbers import Real
from typing import Any, Optional

import numpy

from logreg.basics.errors import DatasetError, SettingError, cut, needing, quoted
from logreg.datasets.dataset import DataSet
from logreg.hyperparameters import Hyperparameters, default_batch_size
from logreg.parts.facts import Facts
from logreg.parts.splits import stratified_order

with needing("SoftmaxClassifier", "sklearn", "scikit-learn"):
    from scipy.sparse import issparse
    from scipy.special import log_softmax, softmax
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_scalar
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_is_fitted,
        check_random_state,
    )
try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6
    validate_data = BaseEstimator._validate_data

MIN_VALIDATION_ROWS = 10
LARGE = 10  # a feature whose root mean square is above it slows the usual learning rate down
FLOATS = [numpy.float64, numpy.float32]
# The estimator has parameters of its own for these, or chooses them: its criterion is the loss.
OWN = ("criterion", "batch_size", "class_weight")
# All others are those of Hyperparameters, with the same defaults: a base class has them as fields.
_OTHERS = [field for field in fields(Hyperparameters) if field.name not in OWN]
_Settings: Any = make_dataclass(
    "_Settings",
    [(field.name, field.type, field.default) for field in _OTHERS],
    eq=False,
    repr=False,
)


@dataclass(eq=False, repr=False)
class SoftmaxClassifier(ClassifierMixin, BaseEstimator, _Settings):
    """Softmax regression, trained by minibatch SGD with early stopping, for scikit-learn.

    Features are not scaled: put a ``StandardScaler`` before it, or divide pixels by 256. The best
    parameters are those with the lowest loss on the validation rows.

    Parameters
    ----------
    learning_rate, n_epochs, patience, ...
        All settings of :class:`logreg.Hyperparameters` but the criterion, with the same defaults.
    class_weight : dict or 'balanced', optional
        The factor of a row's cost. A dict has a number from 0 for each label. 'balanced' stands for
        n / (n_classes * n_k), where n_k of the n rows have the label. The default is 1.
    batch_size : int, optional
        Rows in a minibatch. The default is 600. If a set has fewer rows, or the training set fewer
        than 5,000, the default is near a tenth of the training rows, and at most the rows of the
        smallest set.
    validation_fraction : float
        The fraction of the rows that is set aside to validate. If these are fewer than 10, the
        model is validated on the training rows. There is one such set, and not five folds as in
        :func:`logreg.fit_table`: these would make each fit of a search several times as long.
    shuffle : bool
        Whether the rows are shuffled, all classes in proportion, before the last ones are set
        aside.
    random_state : int, RandomState instance or None
        The seed of the shuffle.
    refit : bool
        Whether the model is trained again at the end, on all rows, for the number of minibatches
        that led to the best one.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (n_classes,)
    coef_ : numpy.ndarray, shape (n_classes, n_features), or (1, n_features) of two classes
        float32 if X is, else float64; `intercept_` is the same.
    intercept_ : numpy.ndarray, shape (n_classes,), or (1,) of two classes
    n_iter_ : numpy.ndarray, shape (1,)
        The number of epochs, in an array as in scikit-learn's LogisticRegression.
    loss_curve_ : list of float
        The mean training cost between one validation and the next, usually that of an epoch.
    validation_scores_ : list of float
        The accuracy on all validation rows, at each validation.
    n_features_in_ : int
    feature_names_in_ : numpy.ndarray
        The names of the columns, if X was a DataFrame.

    Examples
    --------
    >>> import numpy
    >>> from logreg import SoftmaxClassifier
    >>> X = numpy.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> classifier = SoftmaxClassifier(n_epochs=20).fit(X, ["no", "no", "yes", "yes"])
    >>> classifier.predict([[-3.0], [3.0]])
    array(['no', 'yes'], dtype='<U3')

    Its parameters may be searched for, behind a scaler:

    >>> from sklearn.datasets import load_wine
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> pipeline = make_pipeline(StandardScaler(), SoftmaxClassifier(n_epochs=100))
    >>> search = GridSearchCV(pipeline, {"softmaxclassifier__learning_rate": [1e-9, 0.1]}, cv=3)
    >>> search.fit(*load_wine(return_X_y=True)).best_params_
    {'softmaxclassifier__learning_rate': 0.1}
    >>> bool(search.best_score_ > 0.96)
    True
    """

    batch_size: Optional[int] = None
    validation_fraction: float = 1 / 6
    shuffle: bool = True
    random_state: Any = 0
    class_weight: Any = None
    refit: bool = True

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "SoftmaxClassifier":
        """Train on rows X, of shape (n, n_features), and their labels y, of any kind.

        A sparse X is made dense. The cost of a row is multiplied by its `sample_weight`, divided by
        the mean of the rows that train. A ValueError says what is wrong with the data, and
        the attributes of the last fit stay.

        There is no ``partial_fit`` and no ``warm_start``: early stopping needs a whole training.
        """
        # Imported here, because a fitted classifier predicts without an engine.
        from logreg import engine
        from logreg.datasets.training_data import share_dataset
        from logreg.model import softmax_regression
        from logreg.sgd import make_run, run_training

        fitted = copy.copy(self)  # gets all results: a fit that fails must not change `self`
        X, y = validate_data(fitted, X, y, accept_sparse="csr", dtype=FLOATS)
        X = X.toarray() if issparse(X) else X
        check_classification_targets(y)
        classes, codes = numpy.unique(y, return_inverse=True)
        if len(classes) < 2:
            only = quoted(classes.tolist()[0])
            raise DatasetError(f"y has one class only, {only}: at least two are needed")
        weights = compute_class_weight(self.class_weight, classes=classes, y=y)
        if not (weights.min() >= 0 and 0 < weights.sum() < numpy.inf):
            raise SettingError(
                f"class_weight is {cut(self.class_weight)}: weights must be finite, 0 or "
                "more, and not all 0"
            )
        train_rows, valid_rows = self._split(codes)
        labels = codes.astype("int32")
        train = X[train_rows], labels[train_rows]
        valid = X[valid_rows], labels[valid_rows]
        row_weights = None
        if sample_weight is not None:
            checked = _checked_sample_weight(sample_weight, X)
            row_weights = {"train": checked[train_rows], "valid": checked[valid_rows]}
            row_weights["test"] = row_weights["valid"]
        class_weights = None
        if self.class_weight is not None:
            class_weights = weights
        settings = self._hyperparameters(len(train_rows), len(valid_rows))
        has_own_validation = train_rows is not valid_rows
        refit = bool(self.refit) and has_own_validation
        with engine.floatx(X.dtype.name):
            # There is no test set: the validation set stands in for it.
            facts = Facts(n_in=X.shape[1], n_out=len(classes))
            data = share_dataset(DataSet(facts, train, valid, valid, weights=row_weights))
            _, expressions = softmax_regression(facts, settings, class_weights, data.is_weighted)
            with engine.freeing_graphs(data.n_bytes):
                run = make_run(expressions, data, settings)
                run_training(run, expressions, refit=refit)
        _warn_if_not_converged(run, train[0])
        fitted.classes_ = classes
        fitted.loss_curve_ = [v.cost for v in run.validations]
        fitted.validation_scores_ = [1 - v.error_all_rows for v in run.validations]
        fitted.n_iter_ = numpy.array([run.epoch], "int32")
        W, b = run.best_values
        if len(classes) == 2:  # the score of the second class, where that of the first is 0
            W, b = W[:, 1:] - W[:, :1], b[1:] - b[:1]
        fitted.coef_, fitted.intercept_ = W.T.copy(), b
        self.__dict__ = vars(fitted)
        return self

    def _split(self, codes):
        """Choose the rows for training and those for validation, which may be the same."""
        fraction = self.validation_fraction
        name = "validation_fraction"
        check_scalar(fraction, name, Real, min_val=0, max_val=1, include_boundaries="neither")
        order = numpy.arange(len(codes))
        if self.shuffle:
            order = stratified_order(codes, check_random_state(self.random_state).randint(2**31))
        n_valid = int(len(codes) * fraction)
        if n_valid < MIN_VALIDATION_ROWS:
            return order, order
        return order[:-n_valid], order[-n_valid:]

    def _hyperparameters(self, n_train, n_valid):
        batch_size = self.batch_size
        if batch_size is None:
            batch_size = default_batch_size([n_train], [n_valid])
        others = {field.name: getattr(self, field.name) for field in _OTHERS}
        return Hyperparameters(criterion="loss", batch_size=batch_size, **others)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _scores(self, X):
        """Compute the score of each class; of two classes, that of the first is 0."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=FLOATS, reset=False)
        scores = (X @ self.coef_.T + self.intercept_).astype(X.dtype, copy=False)
        return scores if scores.shape[1] > 1 else numpy.hstack([numpy.zeros_like(scores), scores])

    def decision_function(self, X: Any) -> numpy.ndarray:
        """Compute the score of each class, of shape (n, n_classes); of two classes, (n,).

        Of two classes it is the log-odds of the second.
        """
        scores = self._scores(X)
        return scores[:, 1] if len(self.classes_) == 2 else scores

    def predict_proba(self, X: Any) -> numpy.ndarray:
        """Compute the probability of each class, of shape (n, n_classes), in the dtype of X."""
        scores = self._scores(X)
        return softmax(scores.astype("float64"), axis=1).astype(scores.dtype)

    def predict_log_proba(self, X: Any) -> numpy.ndarray:
        """Compute the logarithm of what :meth:`predict_proba` gives, also where that is 0."""
        scores = self._scores(X)
        return log_softmax(scores.astype("float64"), axis=1).astype(scores.dtype)

    def predict(self, X: Any) -> numpy.ndarray:
        """Compute the most probable class of each row, as an array of labels."""
        scores = self._scores(X)  # first: it raises a NotFittedError
        return self.classes_[scores.argmax(axis=1)]


def _checked_sample_weight(sample_weight, X):
    """Check the weights of rows; return them as an array of float64."""
    weights = _check_sample_weight(sample_weight, X, dtype="float64")
    if weights.min() < 0 or not weights.sum() > 0:
        raise SettingError("sample_weight must be 0 or more for each row, and not all 0")
    return weights


def _warn_if_not_converged(run, x):
    """Warn of a run that was too short, and of features that are too large."""
    sizes = numpy.sqrt(numpy.einsum("ij,ij->j", x, x, dtype="float64") / len(x))
    doubts = []
    if sizes.max() > LARGE:
        doubts.append(
            f"the features are not scaled (the root mean square of column {sizes.argmax()} is "
            f"{sizes.max():.4g}): put a StandardScaler before, or divide pixels by 256"
        )
    if run.reason == "n_epochs" and run.validations[-1] is run.best_validation:
        doubts.append(f"the last of {run.epoch} epochs was the best: a larger n_epochs may help")
    for doubt in doubts:
        warnings.warn(f"SoftmaxClassifier has not converged: {doubt}", ConvergenceWarning, 3)
