"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import math
import os
import timeit

from logreg import engine
from logreg.callbacks.base import SECONDS, Callback
from logreg.errors import ModelFileError
from logreg.models.facts import provenance
from logreg.models.model_file import dumps, loads, read, save
from logreg.parallel import ranks
from logreg.run import Validation
from logreg.terminal.notes import warning


class Checkpoint(Callback):
    """Keeps the state of a run in a file, and may begin with one.

    The state is that at the last validation. It is written at most once a second, and at the end.
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
        self._state, self._written = None, -SECONDS

    def on_train_begin(self, run):
        """Bring the run back to where the file has it.

        A ModelFileError says that the file is of a run with other settings or other data, or is
        further than the last epoch of this one.
        """
        if self._saved is None:
            return
        header, arrays = _of_today(*self._saved)
        values, best_values = (
            [array for name, array in arrays.items() if name.startswith(kind)]
            for kind in ("variable ", "best ")
        )
        fault = _fault(header, values, self.settings, run)
        if fault:
            raise ModelFileError(f"{self.path} cannot be resumed from: {fault}")
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        run.iter, run.seconds = header["progress"]["iter"], header["progress"]["seconds"]
        run.best_values = best_values or None
        run.validations[:] = (Validation(*values) for values in header["validations"])
        for validation in run.validations:  # early stopping comes to be where it was
            loss = getattr(validation, run.hyperparameters.criterion)
            run.stopping.update(validation.iter, math.nan if loss is None else loss)

    def on_validation(self, run, validation):
        """Take the state; write it if the last one was written a second ago."""
        if ranks.rank:
            return
        arrays = {f"variable {i}": engine.value(v) for i, v in enumerate(run.variables)}
        arrays.update((f"best {i}", value) for i, value in enumerate(run.best_values or []))
        content = {
            "run": self.settings,
            "progress": {"iter": run.iter, "seconds": run.seconds},
            "validations": [validation.plain() for validation in run.validations],
        }
        self._state = dumps("checkpoint", arrays, **content, **provenance())
        if timeit.default_timer() - self._written >= SECONDS:
            self.on_train_end(run)

    def on_train_end(self, run):
        """Write the state that was taken last."""
        if self._state:
            save(self.path, self._state)
            self._state, self._written = None, timeit.default_timer()


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


def _of_today(header, arrays):
    """Give today's form to a state of the version before, which had a curve and a model file."""
    if "curve" not in header:
        return header, arrays
    told, best_iter = header["progress"], header["stopping"]["best_iter"]
    all_rows = {name: told[name] for name in ("error_all_rows", "test_error_all_rows")}
    validations = []
    for iter, cost, error, test_error in header["curve"]:
        validation = Validation(iter, cost, error, None, test_error=test_error)
        validations.append(validation._replace(**all_rows if iter == best_iter else {}))
    best = loads(arrays["best"].tobytes())[1] if arrays["best"].size else {}
    arrays = {**arrays, **{f"best {name}": value for name, value in best.items()}}
    settings = {"criterion": "error", **header["run"]}
    return {**header, "run": settings, "validations": validations}, arrays


def _fault(header, values, now, run):
    """Say why a run with the settings `now` cannot go on from a state; None if it can."""
    then = header["run"]
    if then.get("ties") == "later":
        return "it keeps the later of two models that are as good, as logreg no longer does"
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
