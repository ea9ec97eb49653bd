"""What a run keeps on the way: its state, to go on from, and its history."""

import csv
import io
import math
import os

import numpy

from logreg import engine
from logreg.console import warning
from logreg.errors import ModelFileError
from logreg.metadata import provenance
from logreg.saving import check_writable, dump, load, loads, save

PROGRESS = ("iter", "seconds", "test_error", "error_all_rows", "test_error_all_rows")
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
        check_writable(path)
        if not os.path.lexists(path):
            if resume:
                warning(f"there is no {path} to go on from: the run begins anew")
            return
        if not resume:
            raise ModelFileError(
                f"{path} is there already: if it holds the state of a run, give --resume to go on "
                "from it; else give another name, or remove it"
            )
        self._saved = load(path)
        if not isinstance(self._saved, dict):
            raise ModelFileError(f"{path} cannot be resumed from: it is a model, not a state")

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
        try:
            values, state, progress = _checked(self._saved, run, variables, stopping.STATE)
        except ModelFileError as error:
            raise ModelFileError(f"{self.path} cannot be resumed from: {error}") from error
        except (LookupError, TypeError, RecursionError) as error:
            raise ModelFileError(
                f"{self.path} cannot be resumed from: it is no state of a run ({error})"
            ) from error
        for variable, value in zip(variables, values):
            engine.set_value(variable, value)
        for name, value in state.items():
            setattr(stopping, name, value)
        began_on, goes_on = self._saved["header"].get("engine"), provenance()["engine"]
        if began_on != goes_on:
            warning(
                f"the run began on {ascii(began_on)[1:-1][:40]} and goes on on {goes_on}: "
                "the last digits may come out different"
            )
        return progress

    def keep(self, run, variables, stopping, progress):
        """Write the state; the arguments are those of `restore` and what that returns."""
        progress = dict(progress)
        arrays = {"best": numpy.frombuffer(progress.pop("best"), dtype="uint8")}
        arrays.update((f"variable {i}", engine.value(v)) for i, v in enumerate(variables))
        state = {name: getattr(stopping, name) for name in stopping.STATE}
        if stopping.best_iter is None:
            state["best_loss"] = None  # JSON has no infinity
        content = {"run": run, "stopping": state, "progress": progress, **provenance()}
        save(self.path, dump("checkpoint", arrays, **content))


def _checked(saved, run, variables, state_names):
    """What is in a checkpoint, if a run can go on from it: variables, stopping, progress."""
    header, arrays = saved["header"], saved["arrays"]
    differences = list(_differences(header["run"], run))
    if differences:
        raise ModelFileError(
            f"it is of another run: {'; '.join(differences)}. "
            "Resume with the same settings and data, or start a new run"
        )
    values = [arrays[f"variable {i}"] for i in range(len(variables))]
    state = {name: header["stopping"][name] for name in state_names}
    if state["best_loss"] is None:
        state["best_loss"] = math.inf
    progress = {name: header["progress"][name] for name in PROGRESS}
    best = arrays["best"].tobytes()
    if not (
        all(map(_fits, values, variables))
        and all(map(_is_number, [state["patience"], *progress.values()]))
        and (_is_number(state["best_loss"]) or state["best_loss"] == math.inf)
        and min(state["patience"], progress["iter"], progress["seconds"]) >= 0
        and type(progress["iter"]) is int
        and all(
            type(state[name]) in (int, type(None)) for name in ("best_iter", "significant_iter")
        )
    ):
        raise ModelFileError("its state is not of such a run")
    if best:
        loads(best)  # It is going to be the model file.
    return values, state, {**progress, "best": best}


def _differences(then, now):
    # The data's digest decides, and not by which path they were found.
    for name in sorted(set(now) - {"dataset"}):
        if then[name] != now[name]:
            if name == "dataset_sha256":
                yield (
                    f"the data set was {then['dataset']} (SHA-256 {str(then[name])[:12]}...) "
                    f"and is {now['dataset']} ({now[name][:12]}...)"
                )
            else:
                yield f"{name} was {then[name]} and is {now[name]}"


def _fits(value, variable):
    now = variable.get_value(borrow=True)
    return (value.dtype, value.shape) == (now.dtype, now.shape)


def _is_number(value):
    return type(value) in (int, float) and -1e30 < value < 1e30


class History:
    """A CSV file with a row for each validation.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    ModelFileError
        If it cannot be written.
    """

    def __init__(self, path):
        self.path = path
        check_writable(path)

    def begin(self, after):
        """Keep the rows up to minibatch `after` of the run; what comes later will come again."""
        rows = []
        try:
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            if rows[:1] != [list(HISTORY_COLUMNS)] and (rows or after >= 0):
                raise ValueError("it is another kind of table; give another name")
            rows = [row for row in rows if _is_before(row, after)]
        except FileNotFoundError:
            if after >= 0:
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
            raise ModelFileError(
                f"{self.path} cannot be written: {error.strerror}; its rows up to now are kept"
            ) from error


def _is_before(row, after):
    # A row that a killed process left unfinished comes after the last checkpoint.
    return len(row) == len(HISTORY_COLUMNS) and row[1].isdigit() and int(row[1]) <= after


def _line(row):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
