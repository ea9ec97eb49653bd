"""A table of a run's validations."""

import os

from logreg.callbacks.base import FileCallback
from logreg.errors import ModelFileError

# The last but two tells of a new best: its test error; or the loss, where it goes by that.
COLUMNS = "epoch,iteration,training_cost,validation_error_percent,{},patience,seconds\n"
LAST = {"error": "test_error_percent", "loss": "validation_loss"}


class History(FileCallback):
    """A CSV file with a row for each validation, of a resumed run from its beginning.

    Parameters
    ----------
    path : str or path-like
    """

    replaces = False

    def on_train_begin(self, run):
        """Write the rows of a resumed run; a ModelFileError says that there is another table."""
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                if file.read(16) != COLUMNS[:16].encode():
                    raise ModelFileError(f"{self.path} is no history of a run: give another name")
        if run.validations:
            self.keep(lambda: self._table(run))

    def on_validation(self, run, validation):
        self.keep(lambda: self._table(run))

    def _table(self, run):
        criterion, (_, patiences) = run.hyperparameters.criterion, run.replay()
        lines = [COLUMNS.format(LAST[criterion])]
        for validation, patience in zip(run.validations, patiences):
            iter, cost, error, _, loss, test_error, _, seconds = validation.plain()
            cost = "" if cost is None else f"{cost:.9g}"  # it was not finite
            last = loss if criterion == "loss" else test_error and test_error * 100
            last = "" if last is None else f"{last:.9g}" if criterion == "loss" else f"{last:.6f}"
            line = f"{run.epoch_of(iter)},{iter},{cost},{error * 100:.6f},{last},"
            lines.append(f"{line}{patience},{seconds:.3f}\n")
        return "".join(lines).encode()
