"""What a run keeps on the way: its state, to go on from, and its history."""

import csv
import io
import os

import numpy

from logreg.console import warning
from logreg.errors import ModelFileError
from logreg.saving import dump, load, provenance, save

HISTORY_COLUMNS = (
    "epoch",
    "iteration",
    "training_cost",
    "validation_error_percent",
    "test_error_percent",
    "patience",
    "seconds",
)


class Checkpoint:
    """The state of a run in a file, written anew at each validation.

    Parameters
    ----------
    path : str or path-like
    resume : bool
        Go on from the state in the file, if it is there.

    Raises
    ------
    ModelFileError
        If the file is there and not to be resumed from, or cannot be loaded.
    """

    def __init__(self, path, resume=False):
        self.path = path
        self._saved = None
        if not os.path.lexists(path):
            return
        if not resume:
            raise ModelFileError(
                f"{path} holds the state of another run: give --resume to go on from it, "
                "or another name, or remove it"
            )
        self._saved = load(path)
        if not isinstance(self._saved, dict):
            raise ModelFileError(f"{path} cannot be resumed from: it is a model file")

    def restore(self, run, variables, stopping):
        """Bring a run back to where the file has it.

        Parameters
        ----------
        run : dict of str to str, int or float
            What must be the same now as then: hyperparameters, floatX, data set.
        variables : list of shared variables
            All that training changes.
        stopping : EarlyStopping

        Returns
        -------
        dict or None
            The `progress` that `keep` was given, or None if there is nothing to go on from.

        Raises
        ------
        ModelFileError
            If the file is of a run with other settings or other data.
        """
        if self._saved is None:
            return None
        header, arrays = self._saved["header"], self._saved["arrays"]
        try:
            differences = [
                f"{name} was {header['run'][name]} and is {value}"
                for name, value in run.items()
                if header["run"][name] != value
            ]
            if differences:
                raise ModelFileError(
                    f"{self.path} is of another run: {'; '.join(differences)}. "
                    "Resume with the same settings and data, or start a new run"
                )
            for i, variable in enumerate(variables):
                variable.set_value(arrays[f"variable {i}"].copy())
            for name in stopping.STATE:
                setattr(stopping, name, header["stopping"][name])
            if header["engine"] != provenance()["engine"]:
                warning(
                    f"the run began on {header['engine']}: the last digits may come out different"
                )
            return {**header["progress"], "best": arrays["best"].tobytes()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(
                f"{self.path} lacks {error}: it cannot be resumed from"
            ) from error

    def keep(self, run, variables, stopping, progress):
        """Write the state; the arguments are those of `restore` and what that returns."""
        progress = dict(progress)
        arrays = {"best": numpy.frombuffer(progress.pop("best"), dtype="uint8")}
        arrays.update((f"variable {i}", v.get_value()) for i, v in enumerate(variables))
        state = {name: getattr(stopping, name) for name in stopping.STATE}
        content = {"run": run, "stopping": state, "progress": progress, **provenance()}
        save(self.path, dump("checkpoint", arrays, **content))


class History:
    """A CSV file with a row for each validation.

    Parameters
    ----------
    path : str or path-like
    """

    def __init__(self, path):
        self.path = path

    def begin(self, after):
        """Keep the rows up to minibatch `after` of the run; what comes later will come again."""
        rows = []
        if after >= 0:
            try:
                with open(self.path, newline="", encoding="utf-8") as file:
                    rows = [row for row in csv.reader(file) if _is_before(row, after)]
            except FileNotFoundError:
                warning(f"{self.path} is not there: it begins with the resumption")
            except (OSError, ValueError, csv.Error) as error:
                raise ModelFileError(f"{self.path} cannot be gone on with: {error}") from error
        save(self.path, "".join(_line(row) for row in [HISTORY_COLUMNS, *rows]).encode())

    def add(self, validation, patience, seconds):
        """Write the row of a validation, through to the disk."""
        row = [
            validation.epoch,
            validation.iter,
            f"{validation.cost:.9g}",
            f"{validation.errors[0] * 100:.6f}",
            f"{validation.test_errors[0] * 100:.6f}" if validation.test_errors else "",
            patience,
            f"{seconds:.3f}",
        ]
        try:
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ModelFileError(f"{self.path} cannot be written: {error.strerror}") from error


def _is_before(row, after):
    # A row that a killed process left unfinished comes after the last checkpoint.
    return len(row) == len(HISTORY_COLUMNS) and row[1].isdigit() and int(row[1]) <= after


def _line(row):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
