"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import os
from typing import List, Optional, get_type_hints

from logreg import engine
from logreg.basics.console import warning
from logreg.basics.errors import ModelFileError
from logreg.basics.files import AnyPath
from logreg.callbacks.base import FileCallback
from logreg.hyperparameters import DEFAULTS
from logreg.run import Run, Validation
from logreg.saving.facts import has_type
from logreg.saving.model_file import DTYPES, dumps, read
from logreg.saving.variables import provenance

# May differ on resuming: n_epochs only decides when a run ends, not its bits until then; and the
# same data may be found by another path.
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
        if not self.resume:
            return
        header, arrays = engine.ranks.from_first(self._read)
        if header is None:
            warning(f"there is no {self.path} to go on from: the run begins anew")
            return
        fault = _fault(header, run)
        if fault:
            raise ModelFileError(f"{self.path} cannot be resumed from: {fault}")
        run.iter = header["progress"]["iter"]
        run.seconds = header["progress"]["seconds"]
        run.validations[:] = [Validation(*values) for values in header["validations"]]
        run.compute_stopping()
        values = _numbered(arrays, "variable")
        best_values = _numbered(arrays, "best")
        start = _numbered(arrays, "start") or run.start  # older states have none
        best_params = run.params if run.best_validation else []
        needed = [*run.variables, *best_params, *run.variables]  # for values, best_values, start
        types = [(value.dtype, value.shape) for value in [*values, *best_values, *start]]
        if types != [(v.dtype, engine.value(v).shape) for v in needed]:
            raise ModelFileError(
                f"{self.path} cannot be resumed from: it is of another model, whose parameters "
                "have other shapes or types"
            )
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        run.best_values = best_values or None
        run.start = start

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
        kinds = {"variable": values, "best": run.best_values or [], "start": run.start}
        arrays = {}
        for kind, values in kinds.items():
            for i, value in enumerate(values):
                arrays[f"{kind} {i}"] = value
        progress = {"iter": run.iter, "seconds": run.seconds}
        # A copy: at its end, a run adds the test errors of its best model.
        self._state = arrays, progress, [*run.validations]
        super().on_validation(run, validation)

    def content(self, run: Run) -> Optional[bytes]:
        if self._state is None:
            return None
        arrays, progress, validations = self._state
        validations = [validation.plain() for validation in validations]
        state = {"run": run.identity(), "progress": progress, "validations": validations}
        return dumps("checkpoint", arrays, **state, **provenance())


def _numbered(arrays, kind):
    """List the arrays of one kind: those that are named "best 0", "best 1" and so on."""
    return [array for name, array in arrays.items() if name.startswith(f"{kind} ")]


def _fault(header, run):
    """Say why a run cannot go on from a state; None if it can, by what the header says."""
    if not _is_well_formed(**header):
        return "its run, its progress or its validations are not what a run writes"
    now = run.identity()
    # An older state has no rule: it was rule 1. It has no digest of names: any names are accepted.
    then = {"rule": 1, "names_sha256": now["names_sha256"], **header["run"]}
    if "learning_rate" in then:
        # The state is of the tutorial's model. A setting that did not exist then had its default.
        then = {**vars(DEFAULTS), **then}
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
    epoch = run.epoch_of(header["progress"]["iter"])
    n_epochs = run.hyperparameters.n_epochs
    if n_epochs < epoch:
        return f"the run is in epoch {epoch}, and n_epochs is {n_epochs}: give {epoch} or more"
    return None


def _is_well_formed(run=None, progress=None, validations=None, **others):
    """Whether a header has what a run writes, with validations in their order."""
    if not (isinstance(run, dict) and isinstance(progress, dict)):
        return False
    iter = progress.get("iter")
    seconds = progress.get("seconds")
    if not (has_type(iter, int) and has_type(seconds, float) and has_type(validations, List[list])):
        return False
    kinds = get_type_hints(Validation).values()
    for row in validations:
        if len(row) != len(kinds) or not all(map(has_type, row, kinds)):
            return False
    iters = [row[0] for row in validations]
    steps = [0, *iters, iter]
    return seconds >= 0 and steps == sorted(steps) and len({*iters}) == len(iters)
