"""The tutorial's lines, and why a run ended."""

import math
import os
import sys

from logreg.callbacks.base import Callback
from logreg.shell.console import note, warning


class PrintLog(Callback):
    """Prints the tutorial's lines to stdout; what the tutorial does not say goes to stderr."""

    is_for_first = True

    def on_train_begin(self, run):
        print("... training the model", flush=True)

    def on_validation(self, run, validation):
        source = "epoch %i, minibatch %i/%i" % (run.epoch, run.minibatch, run.n_train_batches)
        print("%s, validation error %f %%" % (source, validation.error * 100.0), flush=True)
        if validation.test_error is not None:
            error = validation.test_error * 100.0
            print("     %s, test error of best model %f %%" % (source, error), flush=True)
        if not math.isfinite(validation.cost):
            warning(
                f"the training cost is {validation.cost}: the run diverges; "
                "give a lower learning rate"
            )

    def on_train_end(self, run):
        if run.reason == "interrupted":
            return
        best = run.best_validation
        print(
            "Optimization complete with best validation score of %f %%, "
            "with test performance %f %%" % (best.error * 100.0, best.test_error * 100.0)
        )
        print(
            "The code run for %d epochs, with %f epochs/sec" % (run.epoch, run.epoch / run.seconds),
            flush=True,
        )
        program = os.path.basename(sys.argv[0])
        program = program if program.endswith(".py") else "train.py"
        note("The code for file %s ran for %.1fs" % (program, run.seconds))
        note(
            f"over all rows, and not only whole minibatches of {run.hyperparameters.batch_size}, "
            "the best model has a validation error of %f %% and a test error of %f %%"
            % (best.error_all_rows * 100.0, best.test_error_all_rows * 100.0)
        )
        note(_why(run))


def _why(run):
    """Say why a run ended."""
    stopping, n_epochs = run.stopping, run.hyperparameters.n_epochs
    if run.reason == "diverged":
        return (
            f"warning: the run diverged in epoch {run.epoch}, where it stopped: its parameters are "
            "not finite. The best model is from before that; give a lower learning rate"
        )
    if run.reason == "n_epochs":
        return f"stopped: {'all ' * (n_epochs > 1)}{n_epochs} epoch{'s' * (n_epochs > 1)} run"
    return (
        f"stopped by patience at iteration {run.iter}: the last significant gain (below "
        f"{stopping.improvement_threshold} of the best error before) was at iteration "
        f"{stopping.significant_iter}; patience, {stopping.patience_increase} times that "
        f"and {stopping.initial_patience} at least, ran out at {stopping.patience}"
    )
