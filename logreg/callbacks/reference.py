"""The log of the tutorial's own program on Theano 1.0.5, and the comparison of a run with it.

The excerpt in the original tutorial's text is of another run. It has a line that the program does
not print, a test error of 7.510417 % in epoch 72. That epoch is no new best, as epoch 70 has the
same validation error.
"""

import csv
import os

LOG = os.path.join(os.path.dirname(__file__), "tutorial_log.csv")
# Early stopping ends the tutorial's run within this epoch, before its validation.
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


def as_logged(error):
    """A fraction as the tutorial prints it, in percent; '' for None."""
    return "" if error is None else "%f" % (error * 100.0)


def differences(run):
    """List, in words, where the errors that a run has printed are not the tutorial's."""
    last = min(run.hyperparameters.n_epochs, LAST_EPOCH)
    ours = {
        run.epoch_of(v.iter): _words(as_logged(v.error), as_logged(v.test_error))
        for v in run.validations
    }
    theirs = {epoch: _words(*e) for epoch, e in read_reference().items() if epoch <= last}
    found = []
    for epoch in sorted({*theirs, *ours}):
        our_errors = ours.get(epoch, "nothing")
        their_errors = theirs.get(epoch, "nothing")
        if our_errors != their_errors:
            found.append(f"epoch {epoch}: {our_errors}, and the tutorial has {their_errors}")
    if run.epoch != last:
        found.append(f"epochs: {run.epoch}, and the tutorial has {last}")
    return found


def _words(error, test_error):
    return f"{error} %" + (f", test error {test_error} %" if test_error else "")
