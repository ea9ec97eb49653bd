"""The best model of a run, in a file."""

from typing import Any, Optional

from logreg.basics.console import note
from logreg.basics.errors import ModelFileError, SettingError
from logreg.basics.files import AnyPath
from logreg.callbacks.base import FileCallback
from logreg.model import LogisticRegression
from logreg.run import Run
from logreg.saving.model_file import read_model
from logreg.saving.variables import check_stands_alone, dumps_model, dumps_params


class BestModel(FileCallback):
    """Keeps the best model in a file, which is replaced as the run goes on.

    The file is written at most once a second, and at the end, with the whole curve.

    Parameters
    ----------
    path : str or path-like
    classifier : LogisticRegression, optional
        If it is given, the file is a model file, which predict, report and
        :class:`logreg.Predictor` read. Its input must be a variable, and no layer's output. If it
        is not given, the parameters are kept, for :func:`logreg.load_params`: the variables of
        `updates` that the cost depends on, in the order in which the update rule was given them.
        Behind them are the run's `statistics`, which only the errors or the loss depend on, such as
        running means. What a rule remembers is not kept.
    **metadata
        More facts for the model file, as of :func:`logreg.save_model`.

    Raises
    ------
    ModelFileError
        If the classifier has a layer below it, or does not fit the data.

    Examples
    --------
    >>> from logreg import LogisticRegression
    >>> from logreg.callbacks import BestModel
    >>> from logreg.engine import T
    >>> classifier = LogisticRegression(input=T.matrix("x"), n_in=4, n_out=2)
    >>> best_model = BestModel("flowers.pkl", classifier, class_labels=["iris", "rose"])
    """

    def __init__(
        self,
        path: AnyPath,
        classifier: Optional[LogisticRegression] = None,
        **metadata: Any,
    ) -> None:
        if classifier:
            check_stands_alone(classifier)
        super().__init__(path)
        self.classifier = classifier
        self.metadata = metadata

    def check(self, run: Run) -> None:
        """Check that the file can be written; tell of a model of other data that is there."""
        super().check(run)
        try:
            old_facts, _, _ = read_model(self.path)
        except ModelFileError:  # no model that the user may miss
            return
        if old_facts.dataset and old_facts.dataset != run.data.facts.dataset:
            note(
                f"note: {self.path} is a model of {old_facts.dataset}, made on {old_facts.date}: "
                "this run replaces it"
            )

    def on_train_begin(self, run: Run) -> None:
        """Write the best model of a resumed run, in case the file is lost or of another run by now.

        A SettingError says that the classifier is not what is trained.
        """
        if self.classifier:
            # A classifier has no params if its W and b are expressions. Training need not change
            # all of its params.
            params = self.classifier.params
            if params and {*params}.isdisjoint(run.params):
                raise SettingError("the classifier given to BestModel is not the one in the cost")
            self._dumps(run)  # an error in the metadata is raised now
        self.write(run)

    def _dumps(self, run):
        if self.classifier:
            return dumps_model(self.classifier, {**run.model_facts(), **self.metadata})
        return dumps_params(run.params, run.statistics)

    def content(self, run: Run) -> Optional[bytes]:
        if not run.best_values:
            return None
        with run.at_its_best():
            return self._dumps(run)
