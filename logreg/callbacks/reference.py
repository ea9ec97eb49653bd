"""The tutorial's log, and the comparison of a run with it."""

import csv
import os

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


def _told(error, test_error):
    """The errors of an epoch, in words."""
    return f"{error} %" + (f", test error {test_error} %" if test_error else "")


def differences(run):
    """List, in words, where the errors that a run has printed are not the tutorial's."""
    last, here, there = min(run.hyperparameters.n_epochs, LAST_EPOCH), {}, {}
    for v in run.validations:
        here[f"epoch {run.epoch_of(v.iter)}"] = _told(percent(v.error), percent(v.test_error))
    for epoch, errors in read_reference().items():
        if epoch <= last:
            there[f"epoch {epoch}"] = _told(*errors)
    here["epochs"], there["epochs"] = run.epoch, last
    return [
        f"{name}: {here.get(name, 'nothing')}, and the tutorial has {there.get(name, 'nothing')}"
        for name in {**there, **here}
        if here.get(name) != there.get(name)
    ]
