"""The tutorial's lines, and why a run ended."""

import os
import sys

from logreg.callbacks.base import Callback
from logreg.run import wilson_interval
from logreg.terminal.notes import in_notebook, note, say


class PrintLog(Callback):
    """Prints the tutorial's lines to stdout; what the tutorial does not say goes to stderr."""

    is_for_first = True

    def on_train_begin(self, run):
        say("... training the model")

    def on_validation(self, run, validation):
        source = "epoch %i, minibatch %i/%i" % (run.epoch, run.minibatch, run.n_train_batches)
        say("%s, validation error %f %%" % (source, validation.error * 100.0))
        if validation.test_error is not None:
            error = validation.test_error * 100.0
            say("     %s, test error of best model %f %%" % (source, error))

    def on_train_end(self, run):
        best = run.best_validation
        if run.reason == "interrupted" or best is None:
            return
        say(
            "Optimization complete with best validation score of %f %%, "
            "with test performance %f %%" % (best.error * 100.0, best.test_error * 100.0)
        )
        rate = run.epoch / run.seconds
        say("The code run for %d epochs, with %f epochs/sec" % (run.epoch, rate))
        program = os.path.basename(sys.argv[0])
        program = " for file " + (program if program.endswith(".py") else "train.py")
        note("The code%s ran for %.1fs" % ("" if in_notebook() else program, run.seconds))
        note(_why(run))


class TableLog(Callback):
    """Prints what a run on a table came to, in a few lines, and none at a validation."""

    is_for_first = True

    def __init__(self, data):
        self.n_rows = n_train, n_valid, n_test = data.sizes()
        label, error = data.most_frequent_class
        self.guess = f"always guessing {repr(label)[:60]}: a test error of {100 * error:.2f} %"
        order = "in their order" if data.split_seed is None else "split at random"
        how = f" ({order})" if data.split else ""
        self.lines = [
            f"{data.name}: {sum(self.n_rows)} rows, {data.n_in} features, {data.n_out} classes",
            f"{n_train} rows to train on, {n_valid} to validate, {n_test} to test{how}",
        ]

    def on_train_begin(self, run):
        say("\n".join([*self.lines, "... training the model"]))

    def on_train_end(self, run):
        best, (_, n_valid, n_test) = run.best_validation, self.n_rows
        if run.reason == "interrupted" or best is None:
            return
        epoch, by = run.epoch_of(best.iter), run.hyperparameters.criterion
        ended = {"patience": "patience ran out", "n_epochs": "all epochs run"}
        n_wrong = round(best.error_all_rows * n_valid)
        n_wrong_of_test = round(best.test_error_all_rows * n_test)
        error = 100 * n_wrong_of_test / n_test
        low, high = (100 * edge for edge in wilson_interval(n_wrong_of_test, n_test))
        for line in (
            f"best model: epoch {epoch} of {run.epoch} ({ended.get(run.reason, run.reason)}), "
            f"by the validation {by} ({getattr(best, by):.6g})",
            f"validation error: {n_wrong} of {n_valid} rows",
            f"test error: {n_wrong_of_test} of {n_test} rows, {error:.2f} % "
            f"(95 % interval: {low:.2f} to {high:.2f} %)",
            f"accuracy: {100 - error:.2f} % of the test rows",
            self.guess,
        ):
            say(line)
        note(_why(run))


def _why(run):
    """Say why a run ended."""
    if run.reason == "diverged":
        return (
            f"warning: the run diverged in epoch {run.epoch}, where it stopped: its parameters are "
            "not finite. The best model is from before that; give a lower learning rate"
        )
    if run.reason == "patience":
        at = f"at iteration {run.iter}: the last significant gain"
        return f"stopped by patience {at} was at iteration {run.stopping.significant_iter}"
    if run.reason == "n_epochs":
        return f"stopped after {run.epoch} of {run.epoch} epochs"
    return f"stopped: {run.reason}"
