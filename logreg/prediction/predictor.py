"""A model file at work: rows of features in, classes and probabilities out."""

from typing import Any, Dict, Iterable, Iterator, NamedTuple, Optional, Tuple

import numpy

from logreg.basics.console import warning
from logreg.basics.errors import DatasetError, ModelFileError, SettingError, listed
from logreg.basics.files import AnyPath
from logreg.datasets.sources import find_places, refuse_overwriting_data
from logreg.parts.frames import framed
from logreg.parts.statistics import softmax
from logreg.prediction.evaluation import evaluate
from logreg.prediction.held_out import read_test_set
from logreg.prediction.inputs import Batch, input_batches
from logreg.saving import model_file
from logreg.saving.facts import ModelFacts


class Prediction(NamedTuple):
    """What a model says of some rows."""

    classes: numpy.ndarray  # of shape (n,): indices into the model's class labels
    probabilities: numpy.ndarray  # of shape (n, n_out)


class Predictor:
    """A model file at work. It needs no engine.

    Parameters
    ----------
    model : str, path-like or Run
        The path of a model file. Or a Run that :func:`logreg.fit` returned, if its model is one
        layer on the features.
    threshold : float, optional
        For a model of two classes: a row is of the second class if that has this probability.
        Without it, the more probable class is taken.

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
    facts : logreg.saving.facts.ModelFacts
        The metadata, checked.

    Raises
    ------
    ModelFileError
        If the file cannot be loaded, or its parameters are not finite.
    SettingError
        If a run has no best model, or is one of a net or of features that its graph changes; or if
        there is a threshold, and not two classes.

    Examples
    --------
    >>> from logreg import LogisticRegression, engine, save_model
    >>> classifier = LogisticRegression(engine.T.matrix("x"), n_in=2, n_out=2)
    >>> engine.set_value(classifier.W, [[1, 0], [0, 1]])
    >>> save_model(classifier, "identity.pkl", class_labels=["left", "right"])
    >>> predictor = Predictor("identity.pkl")
    >>> predictor, predictor.classes_.tolist()
    (Predictor(2 features, 2 classes, float64), ['left', 'right'])
    >>> predictor.predict([[0, 3], [2, 1]])
    array(['right', 'left'], dtype='<U5')
    >>> predictor.predict_proba([[0, 3], [2, 1]]).shape
    (2, 2)
    """

    def __init__(self, model: Any, threshold: Optional[float] = None) -> None:
        if not hasattr(model, "best_values"):  # a Run has them; its class needs an engine
            facts, W, b = model_file.read_model(model)
        elif model.best_values and model.classifier_params:
            with model.at_its_best():
                W, b = (numpy.asarray(param.get_value()) for param in model.classifier_params)
            facts = ModelFacts.from_metadata(model.model_facts(), W)
        else:
            raise SettingError(
                f"{model} has no best W and b of the features: give a run "
                "whose errors are those of softmax(dot(x, W) + b), or use its own graph"
            )
        self.facts = facts
        self.W = W
        self.b = b
        if not (numpy.isfinite(W).all() and numpy.isfinite(b).all()):
            raise ModelFileError(
                f"{model}: its parameters are not finite, as its training diverged; train again "
                "with a lower learning rate"
            )
        self.labels = facts.class_labels  # those of classes_, as a list
        self.classes_ = numpy.asarray(self.labels)
        self.dtype: str = facts.dtype
        self.metadata: Dict[str, Any] = facts.metadata()
        self.threshold = threshold
        if threshold is not None and not (0 <= threshold <= 1 and len(self.labels) == 2):
            raise SettingError(
                f"`threshold` is {threshold}, and {model} has {len(self.labels)} classes: it is "
                "for two classes, and goes from 0 to 1"
            )

    def __repr__(self) -> str:
        n_in, n_out = self.W.shape
        return f"Predictor({n_in} features, {n_out} classes, {self.dtype})"

    def predict(self, X: Any) -> numpy.ndarray:
        """Compute the class of each row: the most probable one, or as `threshold` says.

        Parameters
        ----------
        X : array-like, shape (n, n_in) or (n, height, width), or a table
            Rows of numbers as the model was trained on; uint8 is divided by the scale of
            training. A table is a DataFrame of pandas or polars, a dict of columns, a Series or a
            dict of a row's cells, or a list of such dicts; its columns are taken by the names of
            the model's features, if it knows these.

        Returns
        -------
        numpy.ndarray, shape (n,)
            Labels, as in `classes_`.

        Raises
        ------
        DatasetError
            If X is not what the model takes, or a value is not finite; or if X is uint8, and the
            model was trained on numbers from 0 to 1, or of a range that its file does not tell.
        """
        return self.classes_[self._predict_all(X).classes]

    def predict_proba(self, X: Any) -> numpy.ndarray:
        """Compute the probability of each class, of shape (n, n_out); X is as for `predict`."""
        return self._predict_all(X).probabilities

    def score(self, dataset: Any) -> float:
        """Compute the accuracy: the fraction of rows whose class is right, by the rows' weights.

        Parameters
        ----------
        dataset : str, path-like, table or DataSet
            What :func:`logreg.load_data` takes. Of data that the model was trained on, the rows
            that were held out are tested, as by ``predict --evaluate``; if folds were, these are
            all rows, each tested by a model that had not seen it. Of other data, it is the test
            set, or all rows if there is none.

        Raises
        ------
        DatasetError
            If the data are not what the model takes, or have labels that it does not know.

        Examples
        --------
        >>> from logreg import fit_table
        >>> table = {"size": [*range(90)], "kind": ["ant"] * 45 + ["bee"] * 45}
        >>> round(fit_table(table, "kind", "insects.pkl", n_epochs=50).score(table), 2)
        1.0
        """
        found = evaluate(self, read_test_set(self.facts, framed(dataset)))
        return 1 - found["error_percent"] / 100

    def refuse_overwriting_data(self, output: Optional[AnyPath]) -> None:
        """Raise a SettingError if a file is one of the training data, or would be read as one."""
        if self.facts.dataset:
            refuse_overwriting_data([output], find_places(self.facts.dataset))

    def _predict_all(self, X):
        batches = input_batches(X, self.facts)
        predictions = [prediction for _, prediction in self.predict_batches(batches)]
        return Prediction(*map(numpy.concatenate, zip(*predictions)))

    def predict_batches(self, batches: Iterable[Batch]) -> Iterator[Tuple[Batch, Prediction]]:
        """Predict an input as it is read: yield each :class:`.Batch` and its :class:`Prediction`.

        A DatasetError names a value that is not finite, or a row whose values are too large. One
        warning names values that are farther outside the training range than it is wide.
        """
        has_warned = False
        for batch in batches:
            x = self.facts.preprocessing.apply(batch.x, self.dtype)
            with numpy.errstate(all="ignore"):  # the result is checked below
                scores = x @ self.W + self.b
            p = softmax(scores)
            self._check(batch, x, p)
            if self.facts.x_range and not has_warned:
                has_warned = self._warn_of_range(batch, x)
            yield batch, Prediction(self.choose_classes(scores, p), p)

    def choose_classes(self, scores: numpy.ndarray, p: numpy.ndarray) -> numpy.ndarray:
        """Choose the class of each row: that of the highest score, or as the threshold says."""
        classes = scores.argmax(axis=1)
        if self.threshold is not None:
            classes = (p[:, 1] >= self.threshold).astype(classes.dtype)
        return classes

    def _check(self, batch, x, p):
        """Raise a DatasetError if a probability is not finite."""
        is_good = numpy.isfinite(p).all(axis=1)
        if is_good.all():
            return
        row = is_good.argmin()  # the first bad one
        bad_columns = numpy.flatnonzero(~numpy.isfinite(x[row]))
        fault = "the values are too large"
        if len(bad_columns):
            column = bad_columns[0]
            fault = f"column {column} (from 0) holds {batch.x[row, column]}"
        raise DatasetError(
            f"{batch.name}: row {batch.numbers[row]}, {fault}: every value must be finite, and "
            f"small enough to compute with in {self.dtype}"
        )

    def _warn_of_range(self, batch, x):
        """Warn of values that are far outside the training range; return whether there are any.

        They are far if they lie farther outside than the range is wide.
        """
        least, most = self.facts.x_range
        width = most - least
        is_far = (x < least - width) | (x > most + width)
        if not is_far.any():
            return False
        names = self.facts.feature_titles
        columns = [names[k] for k in numpy.flatnonzero(is_far.any(axis=0))]
        values = "standardized values" if self.facts.feature_scales else "values"
        advice = "scale them as the training data were"
        if not self.facts.is_table:
            advice += "; pixels that are saved as uint8 are scaled as the model needs"
        warning(
            f"{batch.name}: {values} from {x.min():g} to {x.max():g}, and the model was trained on "
            f"{least:g} to {most:g}: in {listed(columns)}; {advice}"
        )
        return True
