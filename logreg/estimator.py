"""Softmax regression as an estimator of scikit-learn's kind (extra `sklearn`)."""

import threading
import warnings
from dataclasses import fields

import numpy

from logreg import engine, plots
from logreg.callbacks import Callback
from logreg.datasets.splits import stratified_order
from logreg.errors import DatasetError, ExtraError, SettingError
from logreg.hyperparameters import DEFAULTS, Hyperparameters, default_batch_size
from logreg.objective import softmax_regression
from logreg.sgd import fit

try:
    from scipy.special import expit, softmax
    from sklearn.base import BaseEstimator, ClassifierMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, check_random_state
except ImportError as error:
    needed = f"SoftmaxClassifier needs scikit-learn ({error}): pip install '.[sklearn]'"
    raise ExtraError(needed) from None
try:
    from sklearn.utils.validation import validate_data
except ImportError:  # before scikit-learn 1.6
    validate_data = BaseEstimator._validate_data

MIN_VALIDATION_ROWS = 10
_one_at_a_time = threading.Lock()  # floatX is the whole process's, and engines are not for threads


class SoftmaxClassifier(ClassifierMixin, BaseEstimator):
    """Softmax regression, trained by minibatch SGD with early stopping, for scikit-learn.

    Features are taken as they are: put a ``StandardScaler`` before it, or divide pixels by 256.
    The parameters kept are those of the lowest validation error; of equal ones, the last.

    Parameters
    ----------
    learning_rate, n_epochs, patience, patience_increase, improvement_threshold, l1, l2, momentum
        As of :class:`logreg.Hyperparameters`, with the same defaults.
    batch_size : int, optional
        Rows in a minibatch. If not given: 600, or, where a set has fewer rows, a tenth of the
        training rows.
    validation_fraction : float
        The fraction of the rows that is set aside to validate. Where that is less than 10 rows,
        the training rows validate.
    shuffle : bool
        Whether the rows are shuffled, all classes in proportion, before the last ones are set
        aside.
    random_state : int, RandomState instance or None
        The seed of the shuffle.

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (n_classes,)
    coef_ : numpy.ndarray, shape (n_classes, n_features), or (1, n_features) of two classes
        Of X's dtype if that is float32, else float64; as is `intercept_`.
    intercept_ : numpy.ndarray, shape (n_classes,), or (1,) of two classes
    n_iter_ : int
        The epochs that were begun.
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
    """

    def __init__(
        self,
        learning_rate=DEFAULTS.learning_rate,
        n_epochs=DEFAULTS.n_epochs,
        batch_size=None,
        patience=DEFAULTS.patience,
        patience_increase=DEFAULTS.patience_increase,
        improvement_threshold=DEFAULTS.improvement_threshold,
        l1=DEFAULTS.l1,
        l2=DEFAULTS.l2,
        momentum=DEFAULTS.momentum,
        validation_fraction=1 / 6,
        shuffle=True,
        random_state=0,
    ):
        self.learning_rate = learning_rate
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.patience = patience
        self.patience_increase = patience_increase
        self.improvement_threshold = improvement_threshold
        self.l1 = l1
        self.l2 = l2
        self.momentum = momentum
        self.validation_fraction = validation_fraction
        self.shuffle = shuffle
        self.random_state = random_state

    def fit(self, X, y):
        """Train on rows X, of shape (n, n_features), and their labels y, of any kind.

        A ValueError says what cannot be trained on, a TypeError that X must not be sparse. A
        ConvergenceWarning tells of a model that is worse on its validation rows than always
        guessing the most frequent class of the training rows.
        """
        X, y = validate_data(self, X, y, dtype=[numpy.float64, numpy.float32])
        check_classification_targets(y)
        self.classes_, codes = numpy.unique(y, return_inverse=True)
        n_out = len(self.classes_)
        if n_out < 2:
            only = ascii(self.classes_.tolist()[0])[:60]
            raise DatasetError(f"y has one class only, {only}: at least two are needed")
        rows = self._split(codes)
        settings = self._hyperparameters(*map(len, rows))
        with _one_at_a_time, engine.floatx(X.dtype.name):
            classifier, expressions = softmax_regression(X.shape[1], n_out, settings)
            best = _Best(classifier.params)
            train, valid = ((X[part], codes[part]) for part in rows)
            run = fit(*expressions, [train, valid, valid], settings, [best])
        W, b = best.values
        predicted, guess = (valid[0] @ W + b).argmax(axis=1), numpy.bincount(train[1]).argmax()
        if (predicted == valid[1]).sum() < (valid[1] == guess).sum():
            warnings.warn(
                "the model is worse than always guessing the most frequent class: standardize X "
                "(StandardScaler), or give a lower learning_rate",
                ConvergenceWarning,
                stacklevel=2,
            )
        if n_out == 2:  # the score of the second class, where that of the first is 0
            W, b = W[:, 1:] - W[:, :1], b[1:] - b[:1]
        self.coef_, self.intercept_, self.n_iter_ = W.T.copy(), b, run.epoch
        return self

    def _repr_html_(self):
        fitted = hasattr(self, "coef_") and plots.repr_html(self)
        return fitted or super()._repr_html_()

    def _repr_mimebundle_(self, **kwargs):
        return {"text/plain": repr(self), "text/html": self._repr_html_()}

    def _split(self, codes):
        """Choose the rows for training and those for validation, perhaps the same."""
        n, fraction = len(codes), self.validation_fraction
        if not 0 < fraction < 1:
            raise SettingError(f"validation_fraction is {fraction!r}: it must be between 0 and 1")
        order = numpy.arange(n)
        if self.shuffle:
            order = stratified_order(codes, check_random_state(self.random_state).randint(2**31))
        n_train = n - int(n * fraction)
        if n - n_train < MIN_VALIDATION_ROWS:
            return order, order
        return order[:n_train], order[n_train:]

    def _hyperparameters(self, n_train, n_valid):
        names = {field.name for field in fields(Hyperparameters)} & {*self.get_params()}
        given = {name: getattr(self, name) for name in names}
        if self.batch_size is None:
            given["batch_size"] = default_batch_size([n_train, n_valid])
        return Hyperparameters(**given)

    def decision_function(self, X):
        """Compute the score of each class, of shape (n, n_classes); of two classes, (n,).

        Of two classes it is the log-odds of the second.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=[numpy.float64, numpy.float32], reset=False)
        scores = X @ self.coef_.T + self.intercept_
        return scores[:, 0] if len(self.classes_) == 2 else scores

    def predict_proba(self, X):
        """Compute the probability of each class, float64 of shape (n, n_classes)."""
        scores = self.decision_function(X).astype("float64")
        if scores.ndim == 1:
            return numpy.column_stack([expit(-scores), expit(scores)])
        return softmax(scores, axis=1)

    def predict(self, X):
        """Tell the most probable class of each row, as an array of labels."""
        scores = self.decision_function(X)
        return self.classes_[scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0).astype(int)]


class _Best(Callback):
    """Keeps the values of some parameters at the lowest validation error, the last of equal."""

    def __init__(self, params):
        self.params, self.values = params, None

    def on_validation(self, run, validation):
        if validation.error == run.stopping.best_loss and engine.are_finite(self.params):
            self.values = [engine.value(param).copy() for param in self.params]
