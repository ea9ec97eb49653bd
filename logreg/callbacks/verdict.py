"""What is said of a run at its end: what came of it, and whether its model is of any use."""

import math

from logreg.callbacks.base import Callback
from logreg.errors import quoted
from logreg.run import with_interval
from logreg.terminal.notes import log, note, say, warning

FEW_ROWS = 100  # below it, a validation error says little
RARE = 0.02  # the share of a class that is


class Verdict(Callback):
    """Tells how rows were split, warns at the end of a run, and prints the result of a table.

    It warns of few validation rows, of a rare class, of a model that is no better on the test rows
    than always guessing one class, and of a training cost that has grown. `data` is the DataSet.
    With `prints_result`, it prints what the run came to; else the error of always guessing.
    """

    on_rank_0_only = True

    def __init__(self, data, prints_result=False):
        self.data, self.prints_result = data, prints_result
        label, self.error = data.learnt.most_frequent_class
        self.guess = f"always guessing {repr(label)[:60]}"

    def on_train_begin(self, run):
        data, (n_train, n_valid, n_test) = self.data, self.data.sizes
        order = "in their order" if data.split.seed is None else "split at random"
        how = f" ({order})" if data.split.taken else ""
        description = (
            f"{data.name}: {sum(data.sizes)} rows, {data.n_in} features, {data.n_out} classes\n"
            f"{n_train} rows to train on, {n_valid} to validate, {n_test} to test{how}"
        )
        if self.prints_result:
            log(f"{description}\n... training the model")
        elif data.split.taken:
            note(f"note: {description}")

    def on_train_end(self, run):
        best, n_valid = run.best_validation, self.data.sizes[1]
        if run.reason == "interrupted" or best is None:
            return
        if self.prints_result:
            self._print_result(run, best)
            note(run.ending)
        else:
            of = "the most frequent class of the training rows"
            note(f"{self.guess}, {of}, gives a test error of {100 * self.error:f} %")
        if n_valid < FEW_ROWS:
            wrong = _of_rows(best.error_all_rows, n_valid)
            note(f"note: {n_valid} validation rows tell little: {wrong}")
        if not run.hyperparameters.class_weight:
            self._note_a_rare_class()
        cost, initial_cost = run.validations[-1].cost, math.log(self.data.n_out)  # of zeros
        cost = math.nan if cost is None else cost  # as a state has what was not finite
        has_grown = not cost <= 1.01 * initial_cost
        advice = self._advice(run, has_grown)
        has_learned = best.test_error_all_rows < self.error
        if not has_learned and not run.hyperparameters.class_weight:  # which may cost errors
            warning(f"the best model is no better than {self.guess}: {advice}")
        elif has_grown:
            warning(f"the training cost has grown from {initial_cost:.6g} to {cost:.6g}: {advice}")

    def _note_a_rare_class(self):
        counts = self.data.learnt.class_counts
        share = min(counts) / sum(counts)
        if share < min(RARE, 0.5 / self.data.n_out):
            label = quoted(self.data.class_labels[counts.index(min(counts))])
            note(
                f"note: {100 * share:.1f} % of the training rows are {label}, for which an error "
                "costs little in all; `class_weight='balanced'` counts it in full"
            )

    def _print_result(self, run, best):
        _, n_valid, n_test = self.data.sizes
        epoch, by = run.epoch_of(best.iter), run.hyperparameters.criterion
        error, anew = 100 * best.test_error_all_rows, ""
        if run.n_refit_rows:
            anew = f"trained anew for its {best.iter + 1} minibatches on {run.n_refit_rows} rows, "
            anew += "with those of validation\n"
        say(
            f"best model: epoch {epoch} of {run.epoch}, by the validation {by} "
            f"({getattr(best, by):.6g})\n"
            f"validation error: {round(best.error_all_rows * n_valid)} of {n_valid} rows\n{anew}"
            f"test error: {_of_rows(best.test_error_all_rows, n_test)}\n"
            f"accuracy: {100 - error:.2f} % of the test rows\n"
            f"{self.guess}: a test error of {100 * self.error:.2f} %"
        )

    def _advice(self, run, has_grown):
        if has_grown:
            is_as_given = self.data.learnt.preprocessing.scales is None
            return "a lower learning rate" + " or standardized features" * is_as_given + " may help"
        if run.reason == "n_epochs" and run.stopping.best_iter >= 0.9 * run.iter:
            return "more epochs may help"
        return "the features may say nothing of the label"


def _of_rows(error, n):
    return with_interval(round(error * n), n)
