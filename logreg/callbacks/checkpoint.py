"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import math
import os

from logreg import engine
from logreg.callbacks.base import Callback
from logreg.errors import ModelFileError
from logreg.run import Validation
from logreg.saving.format import dumps, loads, read, save
from logreg.saving.metadata import provenance
from logreg.shell import ranks
from logreg.shell.console import warning


class Checkpoint(Callback):
    """Writes the state of a run at each validation, and may begin with one.

    Of several ranks, the first one reads and writes; all of them begin with its state.

    Parameters
    ----------
    path : str or path-like
    settings : dict of str to str, int or float
        What must be the same when the run is resumed: hyperparameters, floatX, data set. Only
        the number of epochs may differ; it must not be below the epoch reached.
    resume : bool
        Go on from the state in the file, if it is there.

    Raises
    ------
    ModelFileError
        If the file is there and not to be resumed from, or cannot be loaded.
    """

    def __init__(self, path, settings, resume=False):
        self.path = path
        self.files = [] if ranks.rank else [path]
        self.settings = settings
        self._saved = ranks.from_first(lambda: _saved_state(path, resume))

    def on_train_begin(self, run):
        """Bring the run back to where the file has it.

        A ModelFileError says that the file is of a run with other settings or other data, or is
        further than the last epoch of this one.
        """
        run.is_checkpointed = True
        if self._saved is None:
            return
        header, arrays = self._saved
        values = [array for name, array in arrays.items() if name.startswith("variable ")]
        fault = _fault(header, values, self.settings, run)
        if fault:
            raise ModelFileError(f"{self.path} cannot be resumed from: {fault}")
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        run.iter, run.seconds = header["progress"]["iter"], header["progress"]["seconds"]
        run.validations[:], run.best_values = _validations(header), _best_values(arrays)
        for validation in run.validations:  # early stopping comes to be where it was
            loss = getattr(validation, run.hyperparameters.criterion)
            run.stopping.update(validation.iter, math.nan if loss is None else loss)
        there, here = _where(header), _where({**provenance(), "n_ranks": ranks.size})
        if there != here:
            warning(
                f"the run began on {there} and goes on on {here}: the last digits may come out "
                "different"
            )

    def on_validation(self, run, validation):
        """Write the state."""
        if ranks.rank:
            return
        arrays = {f"variable {i}": engine.value(v) for i, v in enumerate(run.variables)}
        arrays.update((f"best {i}", value) for i, value in enumerate(run.best_values or []))
        content = {
            "run": self.settings,
            "progress": {"iter": run.iter, "seconds": run.seconds},
            "validations": [validation.plain() for validation in run.validations],
            "n_ranks": ranks.size,
        }
        save(self.path, dumps("checkpoint", arrays, **content, **provenance()))


def _saved_state(path, resume):
    """The state to go on from; None if a run is to begin."""
    if not os.path.lexists(path):
        if resume:
            warning(f"there is no {path} to go on from: the run begins anew")
        return None
    if not resume:
        raise ModelFileError(
            f"{path} is there already: if it holds the state of a run, give --resume to go on "
            "from it; else give another name, or remove it"
        )
    return read(path, "checkpoint")


def _where(header):
    """An engine, and its ranks."""
    n_ranks = header.get("n_ranks", 1)
    return header["engine"] + (f" on {n_ranks} ranks" if n_ranks > 1 else "")


def _fault(header, values, settings, run):
    """Say why a run cannot go on from a state; None if it can."""
    differences = list(_differences(header["run"], settings))
    if differences:
        return (
            f"it is of another run: {'; '.join(differences)}. "
            "Resume with the same settings and data, or start a new run"
        )
    there = [(value.dtype, value.shape) for value in values]
    if there != [(v.dtype, engine.value(v).shape) for v in run.variables]:
        return "it is of another model, whose parameters have other shapes or types"
    n_run, n_epochs = (
        header["progress"]["iter"] // run.n_train_batches + 1,
        run.hyperparameters.n_epochs,
    )
    if n_epochs < n_run:
        return f"the run is in epoch {n_run}, and n_epochs is {n_epochs}: give {n_run} or more"
    return None


def _differences(then, now):
    """What is not the same in two runs' settings, in words.

    The same data may be found by another path: their digest decides. The number of epochs may be
    another, as the bits are the same until the run ends.
    """
    then = {"criterion": "error", **then}  # older states went by it
    if then.get("ties") == "later":
        yield "it keeps the later of two models with one validation error, as logreg no longer does"
    for name in sorted(set(now) - {"dataset", "n_epochs"}):
        if then.get(name) != now[name] and name == "dataset_sha256":
            yield (
                f"the data set was {then['dataset']} (SHA-256 {then[name][:12]}...) "
                f"and is {now['dataset']} ({now[name][:12]}...)"
            )
        elif then.get(name) != now[name]:
            yield f"{name} was {then.get(name)} and is {now[name]}"


def _best_values(arrays):
    """The parameters of the best model; an older state has the bytes of its file."""
    if "best" in arrays:
        arrays = loads(arrays["best"].tobytes())[1] if arrays["best"].size else {}
        return [*arrays.values()] or None
    return [array for name, array in arrays.items() if name.startswith("best ")] or None


def _validations(header):
    """The validations up to a state; an older one has a curve, and all errors of the best one."""
    if "validations" in header:
        return [Validation(*values) for values in header["validations"]]
    told, best_iter = header["progress"], header["stopping"]["best_iter"]
    all_rows = {name: told[name] for name in ("error_all_rows", "test_error_all_rows")}
    validations = (
        Validation(iter, cost, error, None, test_error=test_error)
        for iter, cost, error, test_error in header["curve"]
    )
    return [v._replace(**all_rows) if v.iter == best_iter else v for v in validations]
