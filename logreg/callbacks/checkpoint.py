"""The state of a run in a file, from which a later run goes on and arrives at the same bits."""

import math
import os

import numpy

from logreg import engine
from logreg.callbacks.base import Callback
from logreg.errors import ModelFileError
from logreg.saving import dumps, loads, save
from logreg.saving.format import read
from logreg.saving.metadata import is_point, number, or_none, provenance, whole
from logreg.shell import ranks
from logreg.shell.console import warning
from logreg.shell.files import check_writable

# What a checkpoint holds of the run and of its early stopping, beside the variables.
ERRORS = ("test_error", "error_all_rows", "test_error_all_rows")
PROGRESS = {"iter": whole(), "seconds": number(-1), **dict.fromkeys(ERRORS, number())}
STOPPING = {"patience": number(0), "best_loss": or_none(number())}
STOPPING.update(dict.fromkeys(("best_iter", "significant_iter"), or_none(whole())))


class Checkpoint(Callback):
    """Writes the state of a run at each validation, and may begin with one.

    Parameters
    ----------
    path : str or path-like
    settings : dict of str to str, int or float
        What must be the same when the run is resumed: hyperparameters, floatX, data set. The
        number of epochs alone may be another, if not less than what has been run.
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
        if self._saved is None:
            return
        try:
            values, stopping, progress = _checked(self._saved, self.settings, run)
        except (LookupError, TypeError, ValueError, RecursionError) as error:
            is_told = isinstance(error, ModelFileError)
            reason = error if is_told else f"it is no state of a run ({error})"
            raise ModelFileError(f"{self.path} cannot be resumed from: {reason}") from error
        for variable, value in zip(run.variables, values):
            engine.set_value(variable, value)
        for name, value in stopping.items():
            setattr(run.stopping, name, value)
        for name, value in progress.items():
            setattr(run, name, value)
        here = {**provenance(), "n_threads": run.n_threads, "n_ranks": ranks.size}
        there = {**here, **self._saved["header"]}
        if _where(there) != _where(here):
            warning(
                f"the run began on {_where(there)} and goes on on {_where(here)}: "
                "the last digits may come out different"
            )

    def on_validation(self, run, validation):
        """Write the state."""
        if ranks.rank:
            return
        arrays = {"best": numpy.frombuffer(run.best, dtype="uint8")}
        arrays.update((f"variable {i}", engine.value(v)) for i, v in enumerate(run.variables))
        stopping = {name: getattr(run.stopping, name) for name in STOPPING}
        if run.stopping.best_iter is None:
            stopping["best_loss"] = None  # JSON has no infinity
        content = {
            "run": self.settings,
            "stopping": stopping,
            "progress": {name: getattr(run, name) for name in PROGRESS},
            "curve": run.curve,
            "n_threads": run.n_threads,
            "n_ranks": ranks.size,
        }
        save(self.path, dumps("checkpoint", arrays, **content, **provenance()))


def _saved_state(path, resume):
    """The state to go on from; None if a run is to begin."""
    check_writable(path)
    if not os.path.lexists(path):
        if resume:
            warning(f"there is no {path} to go on from: the run begins anew")
        return None
    if not resume:
        raise ModelFileError(
            f"{path} is there already: if it holds the state of a run, give --resume to go on "
            "from it; else give another name, or remove it"
        )
    header, arrays = read(path, "checkpoint")
    return {"header": header, "arrays": arrays}


def _where(header):
    """An engine, its threads where their number decides the last digits, and its ranks."""
    engine, n_threads, n_ranks = (header[name] for name in ("engine", "n_threads", "n_ranks"))
    with_threads = "" if n_threads is None else f" with {ascii(n_threads)[:20]} thread(s)"
    on_ranks = "" if n_ranks == 1 else f" on {ascii(n_ranks)[:20]} ranks"
    return ascii(engine)[1:-1][:40] + with_threads + on_ranks


def _checked(saved, settings, run):
    """What a checkpoint holds, if a run can go on from it: variables, stopping, progress."""
    header, arrays = saved["header"], saved["arrays"]
    differences = list(_differences(header["run"], settings))
    if differences:
        raise ModelFileError(
            f"it is of another run: {'; '.join(differences)}. "
            "Resume with the same settings and data, or start a new run"
        )
    values = [arrays[f"variable {i}"] for i in range(len(run.variables))]
    stopping = {name: header["stopping"][name] for name in STOPPING}
    progress = {name: header["progress"][name] for name in PROGRESS}
    best, curve = arrays["best"].tobytes(), header.get("curve", [])  # older ones have none
    if not (
        all(map(_fits, values, run.variables))
        and all(check(stopping[name]) for name, check in STOPPING.items())
        and all(check(progress[name]) for name, check in PROGRESS.items())
        and all(map(is_point, curve))
    ):
        raise ModelFileError("its state is not of such a run")
    if stopping["best_loss"] is None:
        stopping["best_loss"] = math.inf
    n_run, n_epochs = progress["iter"] // run.n_train_batches + 1, run.hyperparameters.n_epochs
    if n_epochs < n_run:
        raise ModelFileError(
            f"the run is in epoch {n_run}, and n_epochs is {n_epochs}: give {n_run} or more"
        )
    if best:
        loads(best)  # it is going to be the model file
    return values, stopping, {**progress, "best": best, "curve": curve}


def _differences(then, now):
    """What is not the same in two runs' settings, in words.

    The same data may be found by another path: their digest decides. The number of epochs may be
    another, as the bits are the same until the run ends.
    """
    then = {"class_weight": None, "ties": "first", **then}  # older files do not tell them
    for name in sorted(set(now) - {"dataset", "n_epochs"}):
        if then[name] != now[name] and name == "dataset_sha256":
            yield (
                f"the data set was {then['dataset']} (SHA-256 {str(then[name])[:12]}...) "
                f"and is {now['dataset']} ({now[name][:12]}...)"
            )
        elif then[name] != now[name]:
            yield f"{name} was {then[name]} and is {now[name]}"


def _fits(value, variable):
    now = variable.get_value(borrow=True)
    return (value.dtype, value.shape) == (now.dtype, now.shape)
