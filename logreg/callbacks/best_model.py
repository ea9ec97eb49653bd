"""The best model of a run, in a file."""

import timeit

from logreg.callbacks.base import SECONDS, Callback
from logreg.errors import SettingError
from logreg.model import LogisticRegression
from logreg.models.model_file import save
from logreg.saving import check_stands_alone, dumps_model, dumps_params


class BestModel(Callback):
    """Keeps the best model in a file, which is replaced at a new best.

    The file is written at most once a second, and at the end.

    Parameters
    ----------
    path : str or path-like
    classifier : LogisticRegression, optional
        If it is given, the file is a model file, which predict, report and
        :class:`logreg.Predictor` read. Its input must be a variable, and no layer's output. If it
        is not given, the parameters are kept, for :func:`logreg.load_params`: the variables of
        `updates` that the cost depends on, in the order in which the update rule was given them.
        What a rule or a layer remembers beside them is not kept.
    **metadata
        What the model file tells of the data, as of :func:`logreg.save_model`.

    Raises
    ------
    ModelFileError
        If the classifier sits on a layer.

    Examples
    --------
    >>> from logreg import LogisticRegression
    >>> from logreg.callbacks import BestModel
    >>> from logreg.engine import T
    >>> classifier = LogisticRegression(input=T.matrix("x"), n_in=4, n_out=2)
    >>> best_model = BestModel("flowers.pkl", classifier, class_labels=["iris", "rose"])
    """

    is_for_first = True

    def __init__(self, path, classifier=None, **metadata):
        if "dump" in metadata or not isinstance(classifier, (LogisticRegression, type(None))):
            raise SettingError(
                "BestModel takes a path, perhaps a LogisticRegression, and no function"
            )
        if classifier:
            check_stands_alone(classifier)
        self.path, self.classifier, self.metadata = path, classifier, metadata
        self.files = [path]
        self._is_due, self._written = False, -SECONDS

    def on_train_begin(self, run):
        """Write the best model of a resumed run: another run may have replaced it since.

        A SettingError says that the classifier is not what is trained.
        """
        if self.classifier and not {*self.classifier.params} <= {*run.params}:
            raise SettingError("the classifier given to BestModel is not the one that is trained")
        if run.best_values:
            self._write(run)

    def on_validation(self, run, validation):
        """Write a new best, but not within a second of the last writing."""
        self._is_due |= validation is run.best_validation
        if self._is_due and timeit.default_timer() - self._written >= SECONDS:
            self._write(run)

    def on_train_end(self, run):
        """Write the best once more, with the whole curve and with why the run ended."""
        if run.best_values:
            self._write(run)

    def _write(self, run):
        with run.at_its_best():
            if self.classifier:
                data = dumps_model(self.classifier, **{**run.metadata(), **self.metadata})
            else:
                data = dumps_params(run.params)
        save(self.path, data)
        self._is_due, self._written = False, timeit.default_timer()
