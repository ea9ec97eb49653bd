"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import os
from typing import Optional

from logreg import engine
from logreg.basics.console import warning
from logreg.basics.errors import ModelFileError, SettingError
from logreg.basics.files import AnyPath
from logreg.callbacks.base import FileCallback
from logreg.run import Run, Validation
from logreg.saving.model_file import DTYPES, dumps, read
from logreg.saving.variables import provenance

# May differ on resuming: n_epochs only decides when a run ends, not its bits until then; and the
# same data may be found by another path.
FREE = {"n_epochs", "dataset"}


class Checkpoint(FileCallback):
    """Keeps the state of a run at its last validation in a file.

    A run that is resumed from it arrives at the same bits, if its update rule is the same and no
    layer draws random numbers, as dropout does. The state has ``run.variables`` only. If a callback
    sets another variable, such as a learning rate, it must set it in `on_train_begin` as well, to
    what belongs to ``run.epoch``. Of several ranks, the first one reads and writes; all of them
    begin with its state.

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
        if not self.resume:
            return
        state = engine.ranks.compute_on_first(self._read)  # the first rank reads for all
        if state is None:
            warning(f"there is no {self.path} to go on from: the run begins anew")
            return
        header, arrays = state
        try:
            identity = {**header["run"]}
            run.iter = int(header["progress"]["iter"])
            run.seconds = float(header["progress"]["seconds"])
            run.validations[:] = map(Validation.from_dict, header["validations"])
            run.compute_stopping()
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise ModelFileError(
                f"{self.path} cannot be resumed from: its run, its progress or its validations "
                "are not what a run writes"
            ) from error
        fault = _find_fault(identity, run)
        if fault:
            raise ModelFileError(f"{self.path} cannot be resumed from: {fault}")
        values = _arrays_of_kind(arrays, "variable")
        best_values = _arrays_of_kind(arrays, "best")
        initial_values = _arrays_of_kind(arrays, "start")
        best_variables = run.model_variables if run.best_validation else []
        found = [*values, *best_values, *initial_values]
        variables = [*run.variables, *best_variables, *run.variables]  # one for each value found
        types = [(array.dtype, array.shape) for array in found]
        if types != [(v.dtype, engine.value(v).shape) for v in variables]:
            raise ModelFileError(
                f"{self.path} cannot be resumed from: it is of another model, whose parameters "
                "have other shapes or types"
            )
        engine.set_values(run.variables, values)
        run.best_values = best_values or None
        run.initial_values = initial_values

    def check(self, run: Run) -> None:
        """Check that the file can be written, and can hold all that training changes."""
        super().check(run)
        if run.n_folds:
            raise SettingError(
                f"{self.path} cannot hold the state of {run.n_folds} folds: give `folds=0`, which "
                "trains by one split into three sets"
            )
        for i, variable in enumerate(run.variables):
            dtype = getattr(variable, "dtype", "no array")
            if dtype not in DTYPES:
                raise ModelFileError(
                    f"{self.path} cannot hold the state: variable {i} is {dtype}: a file holds "
                    f"{', '.join(DTYPES)}; `updates` must change variables of such types only"
                )

    def _read(self):
        return read(self.path, "checkpoint") if os.path.lexists(self.path) else None

    def on_validation(self, run: Run, validation: Validation) -> None:
        """Take the state."""
        progress = {"iter": run.iter, "seconds": run.seconds}
        # A copy: at its end, a run adds the test errors of its best model.
        self._state = _name_arrays(run), progress, [*run.validations]
        super().on_validation(run, validation)

    def content(self, run: Run) -> Optional[bytes]:
        if self._state is None:
            return None
        arrays, progress, validations = self._state
        validations = [validation.as_dict() for validation in validations]
        state = {"run": run.identity(), "progress": progress, "validations": validations}
        return dumps("checkpoint", arrays, **state, **provenance())


def _name_arrays(run):
    """Make a dict of the arrays of a state: those of a kind are "best 0", "best 1" and so on."""
    values = {
        "variable": engine.copy_values(run.variables),
        "best": run.best_values or [],
        "start": run.initial_values,
    }
    arrays = {}
    for kind in values:
        for i, array in enumerate(values[kind]):
            arrays[f"{kind} {i}"] = array
    return arrays


def _arrays_of_kind(arrays, kind):
    """List the arrays of a kind, in their order."""
    return [array for name, array in arrays.items() if name.startswith(f"{kind} ")]


def _find_fault(then, run):
    """Say why the identity in a state is not that of a run; None if it is."""
    now = run.identity()
    differences = [
        f"{name} was {then.get(name)} and is {now[name]}"
        for name in sorted(now.keys() - FREE)
        if then.get(name) != now[name]
    ]
    if differences:
        return (
            f"it is of another run: {'; '.join(differences)}. "
            "Resume with the same settings and data, or start a new run"
        )
    epoch = run.epoch
    n_epochs = run.hyperparameters.n_epochs
    if n_epochs < epoch:
        return f"the run is in epoch {epoch}, and n_epochs is {n_epochs}: give {epoch} or more"
    return None
