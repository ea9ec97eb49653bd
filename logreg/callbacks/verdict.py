"""What is said of a run at its end: whether its model is of any use."""

import math

from logreg.callbacks.base import Callback
from logreg.run import wilson_interval
from logreg.terminal.notes import note, warning

FEW_ROWS = 100  # below it, a validation error says little
ROWS_OF_A_CLASS = 5  # on average; of fewer, numbers may be a quantity


class Verdict(Callback):
    """Asks at the beginning whether the labels are a quantity, and warns at the end.

    It warns of few validation rows, of a model that is no better on the test rows than always
    guessing one class, and of a training cost that has grown. `data` is the DataSet. With
    `tells_guess`, it also prints the error of always guessing.
    """

    is_for_first = True

    def __init__(self, data, tells_guess=True):
        self.label, self.error = data.most_frequent_class
        self.tells_guess, self.n_valid = tells_guess, data.sizes()[1]
        self.initial_cost = math.log(data.n_out)  # of a model of zeros
        is_as_given = data.preprocessing.scales is None
        mends = "a lower learning rate" + " or standardized features" * is_as_given
        self.mend, self.question = f"{mends} may help", ""
        n_rows, is_number = sum(data.sizes()), type(data.class_labels[0]) is int
        if is_number and n_rows < ROWS_OF_A_CLASS * data.n_out:
            name = str(data.columns.label_name or "y")[:60]
            self.question = (
                f"{name} has {data.n_out} different numbers in {n_rows} rows: a quantity? logreg "
                "tells classes apart"
            )

    def on_train_begin(self, run):
        if self.question:
            warning(self.question)

    def on_train_end(self, run):
        best = run.best_validation
        if run.reason == "interrupted" or best is None:
            return
        guess = f"always guessing {repr(self.label)[:60]}"
        if self.tells_guess:
            source = "the most frequent class of the training rows"
            note("%s, %s, gives a test error of %f %%" % (guess, source, self.error * 100.0))
        if self.n_valid < FEW_ROWS:
            self._tell_of_few_rows(round(best.error_all_rows * self.n_valid), self.n_valid)
        cost = run.validations[-1].cost
        cost = math.nan if cost is None else cost  # as a state has what was not finite
        has_grown = not cost <= 1.01 * self.initial_cost
        has_learned = best.test_error_all_rows < self.error
        if not has_learned and not run.hyperparameters.class_weight:  # which may cost errors
            warning(f"the best model is no better than {guess}: {self._advice(run, has_grown)}")
        elif has_grown:
            grown = f"the training cost has grown from {self.initial_cost:.6g} to {cost:.6g}"
            warning(f"{grown}: {self.mend}")

    def _tell_of_few_rows(self, n_wrong, n):
        low, high = wilson_interval(n_wrong, n)
        note(
            f"note: {n} validation rows tell little: {n_wrong} wrong may stand for a true error "
            f"of {100 * low:.1f} to {100 * high:.1f} % (95 % interval), "
            f"{low * n:.1f} to {high * n:.1f} of as many rows"
        )

    def _advice(self, run, has_grown):
        if self.question:
            return self.question
        if has_grown:
            return self.mend
        if run.reason == "n_epochs":
            return "more epochs may help"
        return "the features may say nothing of the label"
