"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import os
from dataclasses import asdict
from typing import Any, Dict

from logreg import engine
from logreg.callbacks.base import FileCallback
from logreg.errors import ModelFileError
from logreg.files.writing import AnyPath
from logreg.models.model_file import dumps, read
from logreg.parallel import ranks
from logreg.run import Validation
from logreg.saving import provenance
from logreg.terminal.notes import warning


class Checkpoint(FileCallback):
    """Keeps the state of a run in a file: that at the last validation.

    ``fit(..., resume=checkpoint)`` goes on from the state in the file. Of several ranks, the first
    one reads and writes; all of them begin with its state.

    Parameters
    ----------
    path : str or path-like
    settings : dict of str to str, int or float
        What must be the same when the run is resumed: hyperparameters, floatX, data set. Only
        the number of epochs may differ; it must not be below the epoch reached.

    Examples
    --------
    >>> from logreg.callbacks import Checkpoint
    >>> checkpoint = Checkpoint("run.state", {"learning_rate": 0.1, "data": "flowers"})
    """

    replaces = False

    def __init__(self, path: AnyPath, settings: Dict[str, Any]) -> None:
        super().__init__(path)
        self.settings, self._state = settings, None

    def restore(self, run):
        """Bring a run to where the file has it; say so if there is no file.

        A ModelFileError says that the file cannot be loaded, is of a run with other settings or
        other data, or is further than the last epoch of this one.
        """
        header, arrays = ranks.from_first(self._read)
        if header is None:
            return warning(f"there is no {self.path} to go on from: the run begins anew")
        values, best_values = (
            [array for name, array in arrays.items() if name.startswith(kind)]
            for kind in ("variable ", "best ")
        )
        reason = _mismatch(header, values, self.settings, run)
        if reason:
            raise ModelFileError(f"{self.path} cannot be resumed from: {reason}")
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        run.iter, run.seconds = header["progress"]["iter"], header["progress"]["seconds"]
        run.best_values = best_values or None
        run.validations[:] = (Validation(*values) for values in header["validations"])
        run.replay()

    def _read(self):
        return read(self.path, "checkpoint") if os.path.lexists(self.path) else (None, None)

    def on_validation(self, run, validation):
        """Take the state."""
        arrays = {f"variable {i}": engine.value(v) for i, v in enumerate(run.variables)}
        arrays.update((f"best {i}", value) for i, value in enumerate(run.best_values or []))
        content = {
            "run": self.settings,
            "progress": {"iter": run.iter, "seconds": run.seconds},
            "validations": [validation.plain() for validation in run.validations],
        }
        self._state = dumps("checkpoint", arrays, **content, **provenance())
        super().on_validation(run, validation)

    def content(self, run):
        return self._state


def run_settings(data, hyperparameters):
    """Collect what decides the bits of a run, and must be the same when it is resumed."""
    settings = {"floatX": engine.theano.config.floatX}
    if data.about.pixel_scale:
        settings["pixel_scale"] = data.about.pixel_scale
    of_data = {"dataset": data.name, "dataset_sha256": data.learnt.sha256}
    return {**asdict(hyperparameters), **settings, **of_data}


def _mismatch(header, values, now, run):
    """Say why a run with the settings `now` cannot go on from a state; None if it can."""
    then = header["run"]
    # The bits are the same until a run ends, and the same data may be found by another path.
    free = {"n_epochs"}
    if then.get("dataset_sha256") == now.get("dataset_sha256"):
        free.add("dataset")
    differences = [
        f"{name} was {then.get(name)} and is {now[name]}"
        for name in sorted({*now} - free)
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
