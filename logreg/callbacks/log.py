"""Prints a run: the tutorial's lines, or the result on a table or on pictures."""

import os
import sys
from typing import Optional

from logreg.basics.console import in_notebook, log, note, say
from logreg.callbacks import verdict
from logreg.callbacks.base import Callback
from logreg.run import Run, Validation


class PrintLog(Callback):
    """Prints the tutorial's lines to stdout, and other lines to stderr.

    For a table or pictures, it prints how the rows were split, and at the end the best model's
    errors over all rows in place of the tutorial's. At the end, notes and warnings say why a result
    is doubtful.

    Parameters
    ----------
    validations : bool, optional
        Whether to print a line at each validation. If None, unless the data are a table or
        pictures.
    """

    on_rank_0_only = True

    def __init__(self, validations: Optional[bool] = None) -> None:
        self.validations = validations

    def on_train_begin(self, run: Run) -> None:
        facts = run.data.facts
        if not verdict.has_tutorial_lines(facts):
            log(verdict.description(run.data))
        elif run.data.split_off:  # some sets were made of training rows
            note(f"note: {verdict.description(run.data)}", is_part_of_log=True)
        log("... training the model")

    def on_validation(self, run: Run, validation: Validation) -> None:
        has_lines = self.validations
        if has_lines is None:
            has_lines = verdict.has_tutorial_lines(run.data.facts)
        if not has_lines:
            return
        source = "epoch %i, minibatch %i/%i" % (run.epoch, run.minibatch, run.n_train_batches)
        log("%s, validation error %f %%" % (source, validation.error * 100.0))
        if validation.test_error is not None:
            error = validation.test_error * 100.0
            log("     %s, test error of best model %f %%" % (source, error))

    def on_train_end(self, run: Run) -> None:
        best = run.best_validation
        # Where the test of the best model failed, there is no test error; that failure is reported.
        if run.reason == "interrupted" or best is None or best.test_error is None:
            return
        if verdict.has_tutorial_lines(run.data.facts):
            _say_as_the_tutorial(run)
        else:
            say(verdict.result(run))
        note(verdict.explain(run), is_part_of_log=True)
        for doubt in verdict.doubts(run):
            note(doubt, is_part_of_log=True)


def _say_as_the_tutorial(run):
    best = run.best_validation
    # The result is printed even if the console is quiet; the lines of the log are not.
    say(
        "Optimization complete with best validation score of %f %%, "
        "with test performance %f %%" % (best.error * 100.0, best.test_error * 100.0)
    )
    rate = run.epoch / run.seconds
    log("The code run for %d epochs, with %f epochs/sec" % (run.epoch, rate))
    program = os.path.basename(sys.argv[0])
    is_file = program.endswith(".py") and not in_notebook()
    of_file = f" for file {program}" if is_file else ""
    note("The code%s ran for %.1fs" % (of_file, run.seconds), is_part_of_log=True)
