"""A table of a run's validations."""

import os
from typing import Optional

from logreg.basics.errors import ModelFileError
from logreg.callbacks.base import FileCallback
from logreg.run import Run

COLUMNS = (
    "epoch,iteration,training_cost,validation_error_percent,validation_loss,test_error_percent,"
    "seconds\n"
)


class History(FileCallback):
    """Writes a CSV file with a row for each validation. A resumed run writes those before, too.

    A cell is empty if a number was not computed, or is not finite. The test error is computed at a
    new best only, and the loss only with criterion 'loss'.

    Parameters
    ----------
    path : str or path-like
    """

    replaces = False

    def check(self, run: Run) -> None:
        super().check(run)
        if os.path.exists(self.path):
            with open(self.path, "rb") as file:
                if file.read(16) != COLUMNS[:16].encode():
                    raise ModelFileError(f"{self.path} is no history of a run: give another name")

    def on_train_begin(self, run: Run) -> None:
        self.write(run)  # the validations of a resumed run; a new one has none yet

    def content(self, run: Run) -> Optional[bytes]:
        if not run.validations:
            return None
        lines = [COLUMNS]
        for v in run.validations:
            finite = v.as_dict()  # it leaves out what is not finite
            test_percent = None if v.test_error is None else 100 * v.test_error
            values = finite.get("cost"), 100 * v.error, finite.get("loss"), test_percent, v.seconds
            cells = ["" if value is None else f"{value:.9g}" for value in values]
            lines.append(f"{run.epoch_of(v.iter)},{v.iter},{','.join(cells)}\n")
        return "".join(lines).encode()
