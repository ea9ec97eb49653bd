"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import os

from logreg import engine
from logreg.callbacks.base import FileCallback
from logreg.console import warning
from logreg.errors import ModelFileError
from logreg.files import AnyPath
from logreg.parallel.ranks import ranks
from logreg.run import Validation
from logreg.saving.model_file import dumps, read
from logreg.saving.variables import provenance

# To change: until a run ends, its bits are the same; and data may be found by another path.
FREE = {"n_epochs", "dataset"}


class Checkpoint(FileCallback):
    """Keeps the state of a run in a file: that at the last validation.

    A run that goes on from it arrives at the same bits, if the rule of its updates is the same, and
    no layer draws random numbers, as dropout does. What a callback sets beside ``run.variables``,
    as a learning rate, is not kept: let it do so in `on_train_begin`, too, by ``run.epoch``. Of
    several ranks, the first one reads and writes; all of them begin with its state.

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
        self.resume, self._state = resume, None

    def restore(self, run):
        """Bring a run to where the file has it; say so if there is no file.

        A ModelFileError says that the file cannot be loaded, is of a run with other settings or
        other data, or is further than the last epoch of this one.
        """
        header, arrays = ranks.from_first(self._read) if self.resume else (None, None)
        if header is None:
            if self.resume:
                warning(f"there is no {self.path} to go on from: the run begins anew")
            return
        values, best_values = (
            [array for name, array in arrays.items() if name.startswith(kind)]
            for kind in ("variable ", "best ")
        )
        reason = _mismatch(header, values, run)
        if reason:
            raise ModelFileError(f"{self.path} cannot be resumed from: {reason}")
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        run.iter, run.seconds = header["progress"]["iter"], header["progress"]["seconds"]
        run.best_values = best_values or None
        validations = [Validation(*values) for values in header["validations"]]
        if run.hyperparameters.criterion == "loss":  # older states have the test at that run's end
            untested = {"test_error": None, "test_error_all_rows": None}
            validations = [validation._replace(**untested) for validation in validations]
        run.validations[:] = validations
        run.replay()

    def _read(self):
        return read(self.path, "checkpoint") if os.path.lexists(self.path) else (None, None)

    def on_validation(self, run, validation):
        """Take the state."""
        arrays = {f"variable {i}": engine.value(v).copy() for i, v in enumerate(run.variables)}
        arrays.update((f"best {i}", value) for i, value in enumerate(run.best_values or []))
        progress = {"iter": run.iter, "seconds": run.seconds}
        # As they are now: at its end, a run tests its last model, which may be trained anew.
        self._state = arrays, progress, [*run.validations]
        super().on_validation(run, validation)

    def content(self, run):
        if self._state is None:
            return None
        arrays, progress, validations = self._state
        validations = [validation.plain() for validation in validations]
        known = {"run": run.settings(), "progress": progress, "validations": validations}
        return dumps("checkpoint", arrays, **known, **provenance())


def _mismatch(header, values, run):
    """Say why a run cannot go on from a state; None if it can."""
    then, now = header["run"], run.settings()
    differences = [
        f"{name} was {then.get(name)} and is {now[name]}"
        for name in sorted({*now} - FREE)
        if then.get(name) != now[name]
    ]
    if differences:
        return (
            f"it is of another run: {'; '.join(differences)}. "
            "Resume with the same settings and data, or start a new run"
        )
    there = [(value.dtype, value.shape) for value in values]
    if there != [(v.dtype, engine.value(v).shape) for v in run.variables]:
        return "it is of another model, whose parameters have other shapes or types"
    epoch, n_epochs = run.epoch_of(header["progress"]["iter"]), run.hyperparameters.n_epochs
    if n_epochs < epoch:
        return f"the run is in epoch {epoch}, and n_epochs is {n_epochs}: give {epoch} or more"
    return None
