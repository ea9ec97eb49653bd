"""A model file at work: rows of features in, classes and probabilities out."""

from typing import NamedTuple

import numpy

from logreg import engine
from logreg.console import note, starting, warning
from logreg.datasets import PIXEL_SCALE
from logreg.datasets.checks import image_shape
from logreg.errors import DatasetError, ModelFileError
from logreg.prediction.inputs import Wanted
from logreg.saving import load_model

UNIT = 1.5  # what goes from 0 to 1 has no larger value, and what goes to 255 does
FAR = 3  # times the width of the training data's range: so far outside it lies no like value


class Prediction(NamedTuple):
    """What a model says of some rows.

    Attributes
    ----------
    classes : numpy.ndarray, shape (n,)
        Indices into the model's class labels.
    probabilities : numpy.ndarray, shape (n, n_out)
    """

    classes: numpy.ndarray
    probabilities: numpy.ndarray


class Predictor:
    """The compiled function of a model file.

    Parameters
    ----------
    path : str or path-like
        The model file.

    Attributes
    ----------
    metadata : dict
        As in the file.
    labels : list of int or list of str
        The label of each class.
    wanted : Wanted
        What rows it takes.
    dtype : {'float32', 'float64'}
        Of its parameters, and of the features that it takes.
    """

    def __init__(self, path, device=None):
        classifier = load_model(path)
        if not all(numpy.isfinite(engine.value(param)).all() for param in classifier.params):
            raise ModelFileError(
                f"{path}: its parameters are not finite, as its training diverged; train again "
                "with a lower learning rate"
            )
        with engine.floatx(classifier.W.dtype):
            engine.use_device(device)
        self.metadata = classifier.metadata
        self.labels = self.metadata["class_labels"]
        n_in = self.metadata["n_in"]
        shape = self.metadata["image_shape"]
        self.is_of_images = shape is not None
        # Of a CSV file nobody knows whether its rows are images; a square may well be one.
        names, label_name = map(self.metadata.get, ("feature_names", "label_name"))
        self.wanted = Wanted(
            n_in,
            image_shape(tuple(shape or [n_in]), guess=True),
            names=tuple(names) if isinstance(names, list) and len(names) == n_in else None,
            label_name=label_name if isinstance(label_name, str) else None,
        )
        self.pixel_scale = self.metadata["pixel_scale"]
        self.x_range = self._x_range()
        self._is_guess = self.x_range is None
        transposed = self.metadata.get("transposed") is True
        self.wanted = self.wanted._replace(ground=self._ground(), transposed=transposed)
        if self.pixel_scale == 1 and (self._is_guess or self.x_range[1] <= UNIT):
            # What was trained on numbers from 0 to 1 takes pixels as training takes them.
            self.pixel_scale = PIXEL_SCALE
        self.dtype = classifier.W.dtype
        outputs = [classifier.y_pred, classifier.p_y_given_x]
        with starting("compiling: the first time on a machine, this takes a few seconds"):
            self._function = engine.function([classifier.input], outputs)

    def _x_range(self):
        """What the model was trained on: the smallest and the largest value; None if unknown."""
        if self.pixel_scale != 1:
            return 0, 255 * self.pixel_scale
        found = self.metadata.get("x_range")
        is_range = isinstance(found, list) and len(found) == 2
        return found if is_range and {type(value) for value in found} <= {int, float} else None

    def _ground(self):
        """Whether what the model was trained on has a dark or a light ground, or neither."""
        median = self.metadata.get("x_median")
        if self.x_range is None or type(median) not in (int, float):
            return "dark"  # as MNIST's
        least, most = self.x_range
        share = (median - least) / (most - least or 1)
        return "dark" if share < 1 / 3 else "light" if share > 2 / 3 else None

    def __call__(self, x):
        """Predict rows that :class:`Watch` has made ready.

        Parameters
        ----------
        x : numpy.ndarray, shape (n, n_in)

        Returns
        -------
        Prediction
        """
        return Prediction(*map(numpy.asarray, self._function(x)))

    def ready(self, x):
        """Make features the model's: of its dtype, pixels scaled."""
        if x.dtype == numpy.uint8 and self._is_guess:
            self._is_guess = False
            note(
                "note: the model was trained on numbers taken as they were, and does not tell "
                "their range: pixels are scaled by 1/256, as training scales them"
            )
        with numpy.errstate(all="ignore"):
            if x.dtype == numpy.uint8:
                return numpy.multiply(x, numpy.asarray(self.pixel_scale, self.dtype), order="C")
            return numpy.ascontiguousarray(x, dtype=self.dtype)


class Watch:
    """Checks an input as it is read, and warns once of what may not be meant.

    Parameters
    ----------
    predictor : Predictor
    name : str
        How messages call the input.
    is_right : bool
        Whether the user said that light and dark are right.

    Attributes
    ----------
    n_rows : int
        How many rows were predicted.
    """

    def __init__(self, predictor, name, is_right=False):
        self._predictor = predictor
        self._name = name
        self.n_rows = 0
        self._said = {"inverted"} if is_right else set()

    def predict(self, x, is_picture=False):
        """Predict the input's next rows.

        Parameters
        ----------
        x : numpy.ndarray, shape (n, n_in)
            As stored.
        is_picture : bool
            Whether it is a picture, made ready by :mod:`logreg.datasets.pictures`.

        Returns
        -------
        Prediction

        Raises
        ------
        DatasetError
            If a value is not a finite number, or is too large.
        """
        ready = self._predictor.ready(x)
        if not numpy.isfinite(ready).all():
            row, column = numpy.argwhere(~numpy.isfinite(ready))[0]
            self._refuse(row, f"column {column} holds {x[row, column]}", ready.dtype)
        self._warn(x, ready, is_picture)
        prediction = self._predictor(ready)
        if not numpy.isfinite(prediction.probabilities).all():
            row = numpy.argwhere(~numpy.isfinite(prediction.probabilities))[0, 0]
            self._refuse(row, "the values are too large", ready.dtype)
        self.n_rows += len(x)
        return prediction

    def _refuse(self, row, found, dtype):
        raise DatasetError(
            f"{self._name}: row {self.n_rows + row}, {found} (counted from 0): every value must "
            f"be finite, and small enough to compute with in {dtype}"
        )

    def _warn(self, x, ready, is_picture):
        is_pixels = x.dtype == numpy.uint8
        if self._predictor.x_range:
            self._warn_of_range(ready.min(), ready.max(), is_pixels)
        if is_pixels and self._predictor.pixel_scale != 1 and x.max() == 1:
            self._say(
                "bits",
                "uint8 of 0 and 1 are scaled as pixels of 0 to 255 are: save them as floats to "
                "have them taken as they are",
            )
        if not (
            self._predictor.wanted.image_shape and (self._predictor.is_of_images or is_picture)
        ):
            return
        is_blank = ready.min(axis=1) == ready.max(axis=1)
        if is_blank.any() and not is_picture:
            row, n = self.n_rows + is_blank.argmax(), is_blank.sum()
            more = f", as are {n - 1} more" if n > 1 else ""
            self._say("blank", f"row {row} is blank: all its values are equal{more}")
        if not is_blank.all():
            self._warn_of_inversion(ready[~is_blank])

    def _warn_of_range(self, low, high, is_pixels):
        least, most = self._predictor.x_range
        far = FAR * (most - least)
        known = f"values from {low:g} to {high:g}, and the model was trained on"
        is_image = self._predictor.wanted.image_shape is not None
        if least >= 0 and most <= UNIT and high > UNIT:
            mend = "divide pixels by 256, or save them as uint8"
            self._say("range", f"{known} 0 to 1: {mend}")
        elif (
            not least - far <= low <= high <= max(most + far, UNIT)
            or (is_image and 0 < high <= 1 and most > 100)
            or (is_pixels and least < 0)
        ):
            mend = "make them like the training data"
            self._say("range", f"{known} {least:g} to {most:g}: {mend}")

    def _warn_of_inversion(self, ready):
        ground = self._predictor.wanted.ground
        # What most pictures have in their corners is the ground.
        rows = ready.reshape(len(ready), *self._predictor.wanted.image_shape[:2], -1)
        top = 255 if ready.max() > UNIT else 1
        corners = rows[:, [0, 0, -1, -1], [0, -1, 0, -1]].mean() / top
        mean = rows.mean() / top
        if (ground == "dark" and min(corners, mean) > 0.5) or (
            ground == "light" and max(corners, mean) < 0.5
        ):
            takes = "light ink on a dark" if ground == "dark" else "dark ink on a light"
            self._say(
                "inverted",
                f"looks inverted (mean brightness {mean:.2f}): the model takes {takes} ground; "
                "give 1 - x (of uint8, 255 - x), or say that it is right: --no-invert",
            )

    def _say(self, what, message):
        if what not in self._said:
            self._said.add(what)
            warning(f"{self._name}: {message}")
