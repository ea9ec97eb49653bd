"""A table of a run's validations."""

import os
from pathlib import Path

from logreg.callbacks.base import Callback
from logreg.files.writing import explaining
from logreg.models.model_file import save


class History(Callback):
    """A CSV file with a row for each validation.

    Parameters
    ----------
    path : str or path-like
    """

    is_for_first = True
    # What a new best is told by: its test error; or the loss, where the best model goes by that.
    COLUMNS = "epoch,iteration,training_cost,validation_error_percent,{},patience,seconds"

    def __init__(self, path):
        self.path = path
        self.files = [path]

    def on_train_begin(self, run):
        """Keep the rows of a resumed run up to its last minibatch; later ones will come again."""
        told = {"error": "test_error_percent", "loss": "validation_loss"}
        self.header = self.COLUMNS.format(told[run.hyperparameters.criterion])
        rows = []
        if os.path.exists(self.path):
            faults = OSError, ValueError
            with explaining(self.path, "cannot be gone on with", advice="", of=faults):
                rows = Path(self.path).read_text(encoding="utf-8").splitlines()
                if rows and rows[0] != self.header:
                    raise ValueError("it is another kind of table; give another name")
        rows = [row for row in rows if self._is_before(row.split(","), run.iter)]
        save(self.path, "".join(f"{row}\n" for row in [self.header, *rows]).encode())

    def on_validation(self, run, validation):
        """Write the row of a validation, through to the disk."""
        v, kept = validation, "its rows up to now are kept"
        told = "" if v.test_error is None else f"{v.test_error * 100:.6f}"
        told = told if v.loss is None else f"{v.loss:.9g}"
        line = f"{run.epoch},{v.iter},{v.cost:.9g},{v.error * 100:.6f},{told},"
        line += f"{run.stopping.patience},{run.seconds:.3f}\n"
        with explaining(self.path, advice=kept), open(self.path, "ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())

    def _is_before(self, row, iter):
        # A row that a killed process left unfinished comes after the last checkpoint.
        return len(row) == self.COLUMNS.count(",") + 1 and row[1].isdigit() and int(row[1]) <= iter
