"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import os
from typing import List, Optional

from logreg import engine
from logreg.callbacks.base import FileCallback
from logreg.console import warning
from logreg.errors import ModelFileError, cut
from logreg.files import AnyPath
from logreg.hyperparameters import DEFAULTS, SETTINGS_IN_ALL_FILES
from logreg.run import Run, Validation
from logreg.saving.facts import has_type
from logreg.saving.model_file import DTYPES, dumps, read
from logreg.saving.variables import provenance

# To change: until a run ends, its bits are the same; and data may be found by another path.
FREE = {"n_epochs", "dataset"}


class Checkpoint(FileCallback):
    """Keeps the state of a run at its last validation in a file.

    A run that is resumed from it arrives at the same bits, if its update rule is the same and no
    layer draws random numbers, as dropout does. The state has ``run.variables`` only. If a callback
    sets others, such as a learning rate, let it set them in `on_train_begin`, too, by
    ``run.epoch``. Of several ranks, the first one reads and writes; all of them begin with its
    state.

    Parameters
    ----------
    path : str or path-like
    resume : bool
        Whether the run goes on from the state in the file, if there is one. Its settings and data
        must be those of the state; only the number of epochs may differ, and must not be below the
        epoch reached.

    Examples
    --------
    >>> from logreg.callbacks import Checkpoint
    >>> checkpoint = Checkpoint("run.state", resume=True)
    """

    replaces = False

    def __init__(self, path: AnyPath, resume: bool = False) -> None:
        super().__init__(path)
        self.resume = resume
        self._state = None

    def restore(self, run: Run) -> None:
        """Set a run to the state in the file; warn if there is no file.

        A ModelFileError says that the file cannot be loaded, is of a run with other settings or
        data, or has passed the last epoch of this one.
        """
        header, arrays = engine.ranks.from_first(self._read) if self.resume else (None, None)
        if header is None:
            if self.resume:
                warning(f"there is no {self.path} to go on from: the run begins anew")
            return
        values = _numbered(arrays, "variable")
        best_values = _numbered(arrays, "best")
        start = _numbered(arrays, "start") or run.start  # older states have none
        reason = _fault(header) or _mismatch(header, values, run)
        if reason:
            raise ModelFileError(f"{self.path} cannot be resumed from: {reason}")
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        run.iter = header["progress"]["iter"]
        run.seconds = header["progress"]["seconds"]
        run.best_values = best_values or None
        run.start = start
        run.validations[:] = [Validation(*values) for values in header["validations"]]
        run.compute_stopping()
        shapes = [value.shape for value in [*best_values, *start]]
        needed = [*run.params, *run.variables] if run.best_validation else run.variables
        expected = [engine.value(variable).shape for variable in needed]
        if shapes != expected:
            raise ModelFileError(
                f"{self.path} cannot be resumed from: the parameters of its best model and of its "
                f"start have the shapes {cut(shapes)}, and {cut(expected)} are needed"
            )

    def check(self, run: Run) -> None:
        """Check that the file can be written, and can hold all that training changes."""
        super().check(run)
        for i, variable in enumerate(run.variables):
            dtype = getattr(variable, "dtype", "no array")
            if dtype not in DTYPES:
                raise ModelFileError(
                    f"{self.path} cannot keep updates[{i}], {variable}, which is {dtype}: "
                    f"a state holds {', '.join(DTYPES)}; make it one of these"
                )

    def _read(self):
        return read(self.path, "checkpoint") if os.path.lexists(self.path) else (None, None)

    def on_validation(self, run: Run, validation: Validation) -> None:
        """Take the state."""
        values = [engine.value(variable).copy() for variable in run.variables]
        arrays = {f"variable {i}": value for i, value in enumerate(values)}
        arrays.update((f"best {i}", value) for i, value in enumerate(run.best_values or []))
        arrays.update((f"start {i}", value) for i, value in enumerate(run.start))
        progress = {"iter": run.iter, "seconds": run.seconds}
        # A copy: at its end, a run adds the test errors of its best model.
        self._state = arrays, progress, [*run.validations]
        super().on_validation(run, validation)

    def content(self, run: Run) -> Optional[bytes]:
        if self._state is None:
            return None
        arrays, progress, validations = self._state
        validations = [validation.plain() for validation in validations]
        state = {"run": run.settings(), "progress": progress, "validations": validations}
        return dumps("checkpoint", arrays, **state, **provenance())


def _numbered(arrays, kind):
    """List the arrays of one kind: those that are named "best 0", "best 1" and so on."""
    return [array for name, array in arrays.items() if name.startswith(f"{kind} ")]


def _fault(header):
    """Say which part of a state no run has written; None if there is none."""
    progress = header.get("progress")
    validations = header.get("validations")
    if not isinstance(header.get("run"), dict):
        return f"its run is {cut(header.get('run'))}: a dict is needed"
    if not isinstance(progress, dict) or not _is_progress(**progress):
        return f"its progress is {cut(progress)}: `iter` and `seconds` are needed, from 0"
    if not has_type(validations, List[List[Optional[float]]]):
        return f"its validations are {cut(validations)}: a list of lists of numbers is needed"
    last = -1
    for row in validations:
        is_whole = len(row) == len(Validation._fields) and None not in (row[2], row[3])
        if not (is_whole and has_type(row[0], int) and last < row[0] <= progress["iter"]):
            needed = f"{len(Validation._fields)} numbers are needed, after those before"
            return f"one of its validations is {cut(row)}: {needed}"
        last = row[0]
    return None


def _is_progress(iter=None, seconds=None, **others):
    return has_type(iter, int) and has_type(seconds, float) and min(iter, seconds) >= 0


def _mismatch(header, values, run):
    """Say why a run cannot go on from a state; None if it can."""
    # What an older state does not name had its default.
    added = [name for name in vars(DEFAULTS) if name not in SETTINGS_IN_ALL_FILES]
    defaults = {"rule": 1, **{name: getattr(DEFAULTS, name) for name in added}}
    then = {**defaults, **header["run"]}
    now = run.settings()
    names = {*now} - FREE
    if "names_sha256" not in then:
        names.discard("names_sha256")
    differences = [
        f"{name} was {then.get(name)} and is {now[name]}"
        for name in sorted(names)
        if then.get(name) != now[name]
    ]
    if differences:
        return (
            f"it is of another run: {'; '.join(differences)}. "
            "Resume with the same settings and data, or start a new run"
        )
    types = [(value.dtype, value.shape) for value in values]
    if types != [(v.dtype, engine.value(v).shape) for v in run.variables]:
        return "it is of another model, whose parameters have other shapes or types"
    epoch = run.epoch_of(header["progress"]["iter"])
    n_epochs = run.hyperparameters.n_epochs
    if n_epochs < epoch:
        return f"the run is in epoch {epoch}, and n_epochs is {n_epochs}: give {epoch} or more"
    return None
