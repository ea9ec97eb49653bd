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


def differences(run):
    """List, in words, where the errors that a run has printed are not the tutorial's."""
    last = min(run.hyperparameters.n_epochs, LAST_EPOCH)
    ours = {
        run.epoch_of(validation.iter): (percent(validation.error), percent(validation.test_error))
        for validation in run.validations
    }
    theirs = {epoch: errors for epoch, errors in read_reference().items() if epoch <= last}
    found = [
        f"epoch {epoch}: {_words(ours.get(epoch))}, and the tutorial has "
        f"{_words(theirs.get(epoch))}"
        for epoch in {**theirs, **ours}
        if ours.get(epoch) != theirs.get(epoch)
    ]
    if run.epoch != last:
        found.append(f"epochs: {run.epoch}, and the tutorial has {last}")
    return found


def _words(errors):
    if errors is None:
        return "nothing"
    return f"{errors[0]} %" + (f", test error {errors[1]} %" if errors[1] else "")
