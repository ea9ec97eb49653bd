"""The tutorial's lines."""

import os
import sys

from logreg.callbacks.base import Callback
from logreg.terminal.notes import in_notebook, log, note, say


class PrintLog(Callback):
    """Prints the tutorial's lines to stdout; what the tutorial does not say goes to stderr."""

    on_rank_0_only = True

    def on_train_begin(self, run):
        log("... training the model")

    def on_validation(self, run, validation):
        source = "epoch %i, minibatch %i/%i" % (run.epoch, run.minibatch, run.n_train_batches)
        log("%s, validation error %f %%" % (source, validation.error * 100.0))
        if validation.test_error is not None:
            error = validation.test_error * 100.0
            log("     %s, test error of best model %f %%" % (source, error))

    def on_train_end(self, run):
        best = run.best_validation
        if run.reason == "interrupted" or best is None:
            return
        say(
            "Optimization complete with best validation score of %f %%, "
            "with test performance %f %%" % (best.error * 100.0, best.test_error * 100.0)
        )
        rate = run.epoch / run.seconds
        log("The code run for %d epochs, with %f epochs/sec" % (run.epoch, rate))
        program = os.path.basename(sys.argv[0])
        program = " for file " + (program if program.endswith(".py") else "train.py")
        note("The code%s ran for %.1fs" % ("" if in_notebook() else program, run.seconds))
        note(run.ending)
