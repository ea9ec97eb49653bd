"""The figures of the tutorial's log, and whether a run prints the same."""

import csv
import os

LOG = os.path.join(os.path.dirname(__file__), "tutorial_log.csv")
# Early stopping ends the tutorial's run in the epoch after the last validation.
LAST_EPOCH = 74


def read_log():
    """Read the tutorial's log.

    Returns
    -------
    dict of int to (str, str)
        Epoch to the validation error and the test error in percent, as they are printed; the
        test error is '' where there was no new best.
    """
    with open(LOG, newline="", encoding="utf-8") as file:
        return {
            int(row["epoch"]): (
                row["validation_error_percent"],
                row["test_error_of_best_percent"],
            )
            for row in csv.DictReader(file)
        }


class Reference:
    """Compares what a run prints with the tutorial's log.

    Attributes
    ----------
    differences : list of str
        What was printed otherwise, in words.
    """

    def __init__(self):
        self._log = read_log()
        self._seen = []
        self.differences = []

    def _compare(self, what, printed, expected):
        if printed != expected:
            self.differences.append(
                f"{what}: {printed or 'no line'}, the tutorial has {expected or 'no line'}"
            )

    def validation(self, validation):
        """Compare the lines of a validation."""
        epoch = validation.epoch
        valid, test = self._log.get(epoch, ("", ""))
        self._seen.append(epoch)
        self._compare(f"epoch {epoch}, validation error", percent(validation.errors[0]), valid)
        tested = percent(validation.test_errors[0]) if validation.test_errors else ""
        self._compare(f"epoch {epoch}, test error", tested, test)

    def result(self, result, n_epochs):
        """Compare the last lines of a run of `n_epochs` epochs at the most."""
        last = min(n_epochs, LAST_EPOCH)
        new_bests = [row for epoch, row in self._log.items() if epoch <= last and row[1]]
        valid, test = new_bests[-1]
        self._compare("best validation score", percent(result.best_error), valid)
        self._compare("test performance", percent(result.test_error), test)
        self._compare("epochs", str(result.end.epoch), str(last))
        expected = [e for e in self._log if self._seen and self._seen[0] <= e <= last]
        for epoch in sorted(set(expected) - set(self._seen)):
            self._compare(f"epoch {epoch}, validation error", "", self._log[epoch][0])


def percent(error):
    """A fraction as the tutorial prints it, in percent."""
    return "%f" % (error * 100.0)
