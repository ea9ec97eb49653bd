"""The best model of a run, in a file."""

import numpy

from logreg import engine
from logreg.callbacks.base import Callback
from logreg.errors import ModelFileError
from logreg.model import LogisticRegression
from logreg.run import Validation
from logreg.saving import dumps_model, dumps_params, loads, save
from logreg.shell.files import check_writable


class BestModel(Callback):
    """Keeps the best model in a file, which is replaced at each new best.

    Parameters
    ----------
    path : str or path-like
    dump : callable, optional
        Called with the :class:`~logreg.run.Validation` of a new best, it returns the bytes to
        keep. If it is not given, the parameters are kept, for :func:`logreg.load_params`: the
        variables of `updates` that the cost depends on, in the order in which the update rule
        was given them. What a rule or a layer remembers beside them is not kept.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """

    is_for_first = True

    def __init__(self, path, dump=None):
        self.path = path
        self.files = [path]
        self.dump = dump
        check_writable(path)

    def on_train_begin(self, run):
        """Write the best model of a resumed run: its file may be gone, or be another's.

        A ModelFileError says that this run cannot have written it.
        """
        if run.best:
            now = Validation(0, 0, run.n_train_batches, run.iter, 0.0, 1.0, 1.0, 1.0, 1.0)
            if not _can_be_best(run.best, self._bytes(run, now)):
                raise ModelFileError(
                    f"{self.path} is not written: what the checkpoint has for the best model is "
                    "not of this model's kind, shapes and dtypes, or not finite"
                )
            save(self.path, run.best)

    def on_validation(self, run, validation):
        if validation.test_error is not None:
            run.best = self._bytes(run, validation)
            save(self.path, run.best)

    def on_train_end(self, run):
        """Write a model once more, with the whole curve and with why the run ended."""
        try:
            kept = loads(run.best)
        except ModelFileError:  # what `dump` makes may be no file of ours, or there is none
            return
        if isinstance(kept, LogisticRegression):
            told = {**kept.metadata, "curve": run.curve, "reason": run.reason}
            run.best = dumps_model(kept, **told)
            save(self.path, run.best)

    def _bytes(self, run, validation):
        return self.dump(validation) if self.dump else dumps_params(run.params)


def _can_be_best(best, now):
    """Whether one file's bytes hold arrays like those of another's, and all are finite."""
    best, now = map(_arrays, (best, now))
    kinds = [[(name, a.dtype, a.shape) for name, a in arrays.items()] for arrays in (best, now)]
    return kinds[0] == kinds[1] and all(numpy.isfinite(a).all() for a in best.values())


def _arrays(data):
    loaded = loads(data)
    if isinstance(loaded, LogisticRegression):
        return {param.name: engine.value(param) for param in loaded.params}
    return loaded["arrays"]
