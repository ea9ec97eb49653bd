"""A model file at work: rows of features in, classes and probabilities out."""

from dataclasses import replace
from typing import NamedTuple

import numpy

from logreg import kernel
from logreg.datasets.checks import image_shape
from logreg.datasets.header import Columns
from logreg.datasets.options import NO_OPTIONS
from logreg.datasets.preprocessing import PIXEL_SCALE, Preprocessing
from logreg.errors import ModelFileError
from logreg.hyperparameters import DEFAULTS
from logreg.models import model_file
from logreg.models.inputs import MIN_SIDE, InputChecker, InputSpec, array_batches, rows_of


class Prediction(NamedTuple):
    """What a model says of some rows."""

    classes: numpy.ndarray  # of shape (n,): indices into the model's class labels
    probabilities: numpy.ndarray  # of shape (n, n_out)


class Predictor:
    """A model file at work. It needs no engine: the kernel or NumPy computes the scores.

    Parameters
    ----------
    path : str or path-like

    Attributes
    ----------
    classes_ : numpy.ndarray, shape (n_out,)
        The label of each class.
    metadata : dict
        The metadata of the model file.
    W, b : numpy.ndarray
        The parameters, of shapes (n_in, n_out) and (n_out,).
    dtype : {'float32', 'float64'}
        Of the parameters, and of the features that the model computes with.
    batch_size : int
        Rows of a minibatch in training; 600, the tutorial's, if the file has none.
    x_range : sequence of (float, float) or None
        The smallest and the largest value of the training features; None if unknown.
    pixel_scale : float
        What uint8 features are multiplied by: the scale of training; but 1/256 if that is 1 and
        the training data were numbers from 0 to 1 or of unknown range.

    Raises
    ------
    ModelFileError
        If the file cannot be loaded, or its parameters are not finite.

    Examples
    --------
    >>> from logreg import LogisticRegression, engine, save_model
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=2, n_out=2)
    >>> engine.set_value(classifier.W, [[1, 0], [0, 1]])
    >>> save_model(classifier, "identity.pkl", class_labels=["left", "right"])
    >>> predictor = Predictor("identity.pkl")
    >>> predictor.predict([[0, 3], [2, 1]])
    array(['right', 'left'], dtype='<U5')
    >>> predictor.predict_proba([[0, 3], [2, 1]]).shape
    (2, 2)
    """

    def __init__(self, path):
        header, arrays = model_file.read(path)
        self.W, self.b = arrays["W"], arrays["b"]
        self.metadata = metadata = header["metadata"]
        if not (numpy.isfinite(self.W).all() and numpy.isfinite(self.b).all()):
            raise ModelFileError(
                f"{path}: its parameters are not finite, as its training diverged; train again "
                "with a lower learning rate"
            )
        self.dtype = self.W.dtype.name
        self.labels = metadata["class_labels"]  # those of classes_, as a list
        self.classes_ = numpy.asarray(self.labels)
        self.batch_size = metadata.get("batch_size") or DEFAULTS.batch_size
        self.pixel_scale, self.x_range = metadata["pixel_scale"], metadata.get("x_range")
        if self.x_range is None and self.pixel_scale != 1:  # an older file
            self.x_range = 0.0, 255 * self.pixel_scale
        if self.pixel_scale == 1:
            least, most = self.x_range or (0, 1)
            self.pixel_scale = PIXEL_SCALE if least >= 0 and most <= 1 else 1
        self._preprocessing = replace(
            Preprocessing.from_metadata(metadata), pixel_scale=self.pixel_scale
        )
        n_in, median = metadata["n_in"], metadata.get("x_median")
        is_known = self.x_range and median is not None
        columns = Columns.from_metadata(metadata)
        # Rows of a CSV file have no shape; a square number of columns may be an image.
        may_be_image = not any(columns.categories)
        shape = image_shape(tuple(metadata.get("image_shape") or [n_in]), guess=may_be_image)
        is_of_bytes = metadata["pixel_scale"] != 1 and not metadata.get("scale_all")
        self.spec = InputSpec(
            n_in,
            shape,
            background="light" if is_known and 2 * median >= sum(self.x_range) else "dark",
            takes_pictures=shape is not None and min(shape) >= MIN_SIDE,
            pixel_range=None if is_of_bytes else metadata.get("raw_range"),
            columns=columns,
            options=NO_OPTIONS.completed(metadata),
        )

    def predict(self, X):
        """Compute the most probable class of each row.

        Parameters
        ----------
        X : array-like, shape (n, n_in) or (n, height, width), or DataFrame
            Rows of numbers as the model was trained on; uint8 pixels are scaled. Of a DataFrame
            the columns are taken by the names of the model's features, if it knows these.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Labels, as in `classes_`.

        Raises
        ------
        DatasetError
            If X is not what the model takes, or a value is not finite.
        """
        return self.classes_[self._predict(X).classes]

    def predict_proba(self, X):
        """Compute the probability of each class, of shape (n, n_out); X is as for `predict`."""
        return self._predict(X).probabilities

    def _predict(self, X):
        checker = InputChecker(self, "X")
        batches = array_batches("X", rows_of(X, self.spec), self.spec)
        found = [checker.predict(batch.x) for batch in batches]
        return Prediction(*map(numpy.concatenate, zip(*found)))

    def __call__(self, x):
        """Return the :class:`Prediction` of rows that :meth:`ready` has made."""
        with numpy.errstate(all="ignore"):  # InputChecker looks at what comes out
            scores = kernel.scores(x, 1, self.W, self.b)
            p = numpy.exp(scores - scores.max(axis=1, keepdims=True))
            return Prediction(scores.argmax(axis=1), p / p.sum(axis=1, keepdims=True))

    def ready(self, x):
        """Make of features what the model takes; see :class:`Preprocessing`."""
        return self._preprocessing.apply(x, self.dtype)
