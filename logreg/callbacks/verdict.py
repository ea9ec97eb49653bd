"""What is said of a run at its end: whether its model is of any use."""

import math

from logreg.callbacks.base import Callback
from logreg.run import wilson_interval
from logreg.shell.console import note, warning

FEW_ROWS = 100  # below it, a validation error says little
ROWS_OF_A_CLASS = 5  # on average; of fewer, numbers may be a quantity


class Verdict(Callback):
    """Asks at the beginning whether the labels are a quantity, and warns at the end.

    It warns of few validation rows, of a model that is no better on the test rows than always
    guessing one class, and of a training cost that was not finite or has grown. `data` is the
    DataSet. With `tells_guess`, it also prints the error of always guessing.
    """

    is_for_first = True

    def __init__(self, data, tells_guess=True):
        self.label, self.error = data.most_frequent_class
        self.tells_guess, self.n_valid = tells_guess, data.sizes()[1]
        self.initial_cost = math.log(data.n_out)  # of a model of zeros
        self.mend = "a lower learning rate may help"
        if data.preprocessing.scales is None:
            self.mend = "a lower learning rate or standardized features may help"
        n_rows, self.question = sum(data.sizes()), ""
        if type(data.class_labels[0]) is int and n_rows < ROWS_OF_A_CLASS * data.n_out:
            name = str(data.columns.label_name or "y")[:60]
            self.question = (
                f"{name} has {data.n_out} different numbers in {n_rows} rows: a quantity? logreg "
                "tells classes apart"
            )

    def on_train_begin(self, run):
        if self.question:
            warning(self.question)

    def on_train_end(self, run):
        if run.reason == "interrupted" or run.best_validation is None:
            return
        best = run.best_validation
        costs = [math.nan if v.cost is None else v.cost for v in run.validations]
        begin = min(self.initial_cost, costs[0])
        is_finite = all(map(math.isfinite, costs))
        has_grown = not costs[-1] <= 1.01 * begin or not is_finite
        guess = f"always guessing {repr(self.label)[:60]}"
        if self.tells_guess:
            source = "the most frequent class of the training rows"
            note("%s, %s, gives a test error of %f %%" % (guess, source, self.error * 100.0))
        if self.n_valid < FEW_ROWS:
            n_wrong = round(best.error_all_rows * self.n_valid)
            low, high = wilson_interval(n_wrong, self.n_valid)
            said = (
                f"note: {self.n_valid} validation rows tell little: {n_wrong} wrong may stand for "
            )
            said += "a true error of %.1f to %.1f %% (95 %% interval)" % (100 * low, 100 * high)
            rows = low * self.n_valid, high * self.n_valid
            note(said + ", %.1f to %.1f of as many rows" % rows)
        if best.test_error_all_rows >= self.error:
            warning(f"the best model is no better than {guess}: {self._mend(run, has_grown)}")
        if not is_finite:
            warning(f"the training cost was infinite or not a number: {self.mend}")
        elif has_grown:
            said = f"the training cost has grown from {begin:.6g} to {costs[-1]:.6g}"
            warning(f"{said}: {self.mend}")

    def _mend(self, run, has_grown):
        if self.question:
            return self.question
        if run.hyperparameters.class_weight:
            return "with balanced classes, see precision and recall (predict --evaluate)"
        if has_grown:
            return self.mend
        if run.reason == "n_epochs":
            return "more epochs may help"
        return "the features may say nothing of the label"
