"""What is said of a run at its end: what came of it, and whether its model is of any use."""

import math

from logreg.callbacks.base import Callback
from logreg.errors import cut, quoted
from logreg.run import wilson_interval
from logreg.terminal.notes import log, note, say, warning

FEW_ROWS = 100  # below it, a validation error says little
ROWS_OF_A_CLASS = 5  # on average; of fewer, numbers may be a quantity
RARE = 0.02  # the share of a class that is
ENDS = {"patience": "patience ran out", "n_epochs": "all epochs run", "diverged": "diverged"}


class Verdict(Callback):
    """Asks at the beginning whether the labels are a quantity, and warns at the end.

    It warns of few validation rows, of a model that is no better on the test rows than always
    guessing one class, and of a training cost that has grown. `data` is the DataSet. With
    `prints_result`, it prints what the run came to, for a table; else the error of always guessing.
    """

    on_rank_0_only = True

    def __init__(self, data, prints_result=False):
        label, self.error = data.learnt.most_frequent_class
        self.guess, self.prints_result = f"always guessing {repr(label)[:60]}", prints_result
        self.n_rows = n_train, n_valid, n_test = data.sizes
        self.initial_cost = math.log(data.n_out)  # of a model of zeros
        is_as_given = data.learnt.preprocessing.scales is None
        rate = "a lower learning rate" + " or standardized features" * is_as_given
        self.advice, self.question = f"{rate} may help", ""
        counts = data.learnt.class_counts
        share = min(counts) / n_train
        self.rare = ""
        if share < min(RARE, 0.5 / data.n_out):
            label = quoted(data.class_labels[counts.index(min(counts))])
            self.rare = f"note: {100 * share:.1f} % of the training rows are {label}, for which an "
            self.rare += "error costs little in all; `class_weight='balanced'` counts it in full"
        n, is_number = sum(self.n_rows), type(data.class_labels[0]) is int
        if is_number and n < ROWS_OF_A_CLASS * data.n_out:
            name = cut((data.is_table and data.about.columns.label_name) or "y")
            self.question = (
                f"{name} has {data.n_out} different numbers in {n} rows: a quantity? logreg tells "
                "classes apart"
            )
        order = "in their order" if data.split.seed is None else "split at random"
        how = f" ({order})" if data.split.sizes else ""
        self.description = (
            f"{data.name}: {n} rows, {data.n_in} features, {data.n_out} classes\n"
            f"{n_train} rows to train on, {n_valid} to validate, {n_test} to test{how}"
        )

    def on_train_begin(self, run):
        if self.prints_result:
            log(f"{self.description}\n... training the model")
        if self.question:
            warning(self.question)

    def on_train_end(self, run):
        best, (_, n_valid, _) = run.best_validation, self.n_rows
        if run.reason == "interrupted" or best is None:
            return
        if self.prints_result:
            self._print_result(run, best)
            note(run.ending)
        else:
            of = "the most frequent class of the training rows"
            note(f"{self.guess}, {of}, gives a test error of {100 * self.error:f} %")
        if n_valid < FEW_ROWS:
            n_wrong, low, high = _interval(best.error_all_rows, n_valid)
            note(
                f"note: {n_valid} validation rows tell little: {n_wrong} wrong may stand for a "
                f"true error of {100 * low:.1f} to {100 * high:.1f} % (95 % interval), "
                f"{low * n_valid:.1f} to {high * n_valid:.1f} of as many rows"
            )
        if self.rare and not run.hyperparameters.class_weight:
            note(self.rare)
        cost = run.validations[-1].cost
        cost = math.nan if cost is None else cost  # as a state has what was not finite
        has_grown = not cost <= 1.01 * self.initial_cost
        has_learned = best.test_error_all_rows < self.error
        if not has_learned and not run.hyperparameters.class_weight:  # which may cost errors
            advice = self._advice(run, has_grown)
            warning(f"the best model is no better than {self.guess}: {advice}")
        elif has_grown:
            grown = f"the training cost has grown from {self.initial_cost:.6g} to {cost:.6g}"
            warning(f"{grown}: {self.advice}")

    def _print_result(self, run, best):
        _, n_valid, n_test = self.n_rows
        epoch, by = run.epoch_of(best.iter), run.hyperparameters.criterion
        n_wrong, low, high = _interval(best.test_error_all_rows, n_test)
        error, anew = 100 * n_wrong / n_test, ""
        if run.n_refit_rows:
            anew = f"trained anew for its {best.iter + 1} minibatches on {run.n_refit_rows} rows, "
            anew += "with those of validation\n"
        say(
            f"best model: epoch {epoch} of {run.epoch} ({ENDS.get(run.reason, run.message)}), "
            f"by the validation {by} ({getattr(best, by):.6g})\n"
            f"validation error: {round(best.error_all_rows * n_valid)} of {n_valid} rows\n{anew}"
            f"test error: {n_wrong} of {n_test} rows, {error:.2f} % "
            f"(95 % interval: {100 * low:.2f} to {100 * high:.2f} %)\n"
            f"accuracy: {100 - error:.2f} % of the test rows\n"
            f"{self.guess}: a test error of {100 * self.error:.2f} %"
        )

    def _advice(self, run, has_grown):
        if self.question:
            return self.question
        if has_grown:
            return self.advice
        if run.reason == "n_epochs" and run.stopping.best_iter >= 0.9 * run.iter:
            return "more epochs may help"
        return "the features may say nothing of the label"


def _interval(error, n):
    """How many of `n` rows are wrong, and the 95 % interval of the true error."""
    n_wrong = round(error * n)
    return (n_wrong, *wilson_interval(n_wrong, n))
