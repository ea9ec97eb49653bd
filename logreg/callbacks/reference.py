"""The tutorial's log, and the comparison of a run with it."""

import csv
import os

from logreg.callbacks.base import Callback

LOG = os.path.join(os.path.dirname(__file__), "tutorial_log.csv")
# Early stopping ends the tutorial's run in the epoch after the last validation.
LAST_EPOCH = 74


def read_reference():
    """Read the tutorial's log: a dict of the epoch to its two errors in percent, as printed.

    The second is the test error, '' where there was no new best.
    """
    with open(LOG, newline="", encoding="utf-8") as file:
        return {
            int(row["epoch"]): (row["validation_error_percent"], row["test_error_of_best_percent"])
            for row in csv.DictReader(file)
        }


def percent(error):
    """A fraction as the tutorial prints it, in percent; '' for None."""
    return "" if error is None else "%f" % (error * 100.0)


class ReferenceCheck(Callback):
    """Compares what a run prints with the tutorial's log, and lists `differences` in words."""

    is_for_first = True

    def __init__(self):
        self.differences = []

    def on_train_end(self, run):
        here = {
            v.iter // run.n_train_batches + 1: (percent(v.error), percent(v.test_error))
            for v in run.validations
        }
        last = min(run.hyperparameters.n_epochs, LAST_EPOCH)
        log = {epoch: errors for epoch, errors in read_reference().items() if epoch <= last}
        best = [errors for errors in log.values() if errors[1]][-1]
        for epoch in sorted({*here, *log}):
            names = f"epoch {epoch}, validation error", f"epoch {epoch}, test error"
            self._compare(names, here.get(epoch, ("", "")), log.get(epoch, ("", "")))
        found = run.best_validation
        errors = percent(found and found.error), percent(found and found.test_error)
        self._compare(("best validation score", "test performance"), errors, best)
        self._compare(["epochs"], [str(run.epoch)], [str(last)])

    def _compare(self, names, printed, expected):
        for name, here, there in zip(names, printed, expected):
            if here != there:
                self.differences.append(
                    f"{name}: {here or 'no line'}, the tutorial has {there or 'no line'}"
                )
