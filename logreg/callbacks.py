"""What listens to a training run: the tutorial's lines, the best model, the history, signals.

:func:`logreg.sgd.fit` calls a callback's `on_train_begin`, `on_validation` and `on_train_end`,
and `on_minibatch_end` where it has one. A run begins with the last callback of the list, and
everything later is told to the first one first: so give :class:`BestModel`, then
:class:`History`, then :class:`~logreg.checkpoint.Checkpoint`. The checkpoint restores the run
before the others look at it, and it is written after the files that it stands for.
"""

import contextlib
import math
import os
import signal
import sys
import threading
from pathlib import Path

import numpy

from logreg import engine, ranks
from logreg.console import note, warning
from logreg.errors import ModelFileError
from logreg.files import check_writable, explaining
from logreg.model import LogisticRegression
from logreg.run import Validation
from logreg.saving import dumps_model, dumps_params, loads, save


class StopTraining(Exception):
    """A callback raises it in `on_minibatch_end`, and the run ends after this minibatch."""


class Callback:
    """The base of callbacks: it listens and does nothing.

    `run` is a :class:`logreg.run.Run` and `validation` a :class:`logreg.run.Validation`.

    Attributes
    ----------
    files : sequence of str or path-like
        What it writes. During a run they belong to that run alone.
    """

    files = ()

    def on_train_begin(self, run):
        """Before the first minibatch: `run` may still be changed, as a resumption does."""

    def on_validation(self, run, validation):
        """After each validation, while the parameters are those that it tells of."""

    def on_train_end(self, run):
        """After the last minibatch: ``run.reason`` says why it was the last."""


class PrintLog(Callback):
    """Prints the tutorial's lines to stdout; what the tutorial does not say goes to stderr."""

    def on_train_begin(self, run):
        print("... training the model", flush=True)

    def on_validation(self, run, validation):
        source = "epoch %i, minibatch %i/%i" % validation[:3]
        print("%s, validation error %f %%" % (source, validation.error * 100.0), flush=True)
        if validation.test_error is not None:
            error = validation.test_error * 100.0
            print("     %s, test error of best model %f %%" % (source, error), flush=True)
        if not math.isfinite(validation.cost):
            warning(
                f"the training cost is {validation.cost}: the run diverges; "
                "give a lower learning rate"
            )

    def on_train_end(self, run):
        if run.reason == "interrupted":
            return
        print(
            "Optimization complete with best validation score of %f %%, "
            "with test performance %f %%" % (run.stopping.best_loss * 100.0, run.test_error * 100.0)
        )
        print(
            "The code run for %d epochs, with %f epochs/sec" % (run.epoch, run.epoch / run.seconds),
            flush=True,
        )
        program = os.path.basename(sys.argv[0])
        program = program if program.endswith(".py") else "train.py"
        note("The code for file %s ran for %.1fs" % (program, run.seconds))
        note(
            f"over all rows, and not only whole minibatches of {run.hyperparameters.batch_size}, "
            "the best model has a validation error of %f %% and a test error of %f %%"
            % (run.error_all_rows * 100.0, run.test_error_all_rows * 100.0)
        )
        note(_why(run))


def _why(run):
    """Say why a run ended."""
    stopping, n_epochs = run.stopping, run.hyperparameters.n_epochs
    if run.reason == "diverged":
        return (
            f"warning: the run diverged in epoch {run.epoch}, where it stopped: its parameters are "
            "not finite. The best model is from before that; give a lower learning rate"
        )
    if run.reason == "n_epochs":
        return f"stopped: {'all ' * (n_epochs > 1)}{n_epochs} epoch{'s' * (n_epochs > 1)} run"
    return (
        f"stopped by patience at iteration {run.iter}: the last significant gain (below "
        f"{stopping.improvement_threshold} of the best error before) was at iteration "
        f"{stopping.significant_iter}; patience, {stopping.patience_increase} times that "
        f"and {stopping.initial_patience} at least, ran out at {stopping.patience}"
    )


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


class History(Callback):
    """A CSV file with a row for each validation.

    Parameters
    ----------
    path : str or path-like

    Raises
    ------
    ModelFileError
        If it cannot be written.
    """

    HEADER = (
        "epoch,iteration,training_cost,validation_error_percent,test_error_percent,patience,seconds"
    )

    def __init__(self, path):
        self.path = path
        self.files = [path]
        check_writable(path)

    def on_train_begin(self, run):
        """Keep the rows of a resumed run up to its last minibatch; later ones will come again."""
        rows, is_resumed = [], run.iter >= 0
        if os.path.exists(self.path):
            faults = OSError, ValueError
            with explaining(self.path, "cannot be gone on with", advice="", of=faults):
                rows = Path(self.path).read_text(encoding="utf-8").splitlines()
                if rows[:1] != [self.HEADER] and (rows or is_resumed):
                    raise ValueError("it is another kind of table; give another name")
        elif is_resumed:
            warning(f"{self.path} is not there: it begins with the resumption")
        rows = [row for row in rows if self._is_before(row.split(","), run.iter)]
        save(self.path, "".join(f"{row}\n" for row in [self.HEADER, *rows]).encode())

    def on_validation(self, run, validation):
        """Write the row of a validation, through to the disk."""
        v, kept = validation, "its rows up to now are kept"
        test_error = "" if v.test_error is None else f"{v.test_error * 100:.6f}"
        line = f"{v.epoch},{v.iter},{v.cost:.9g},{v.error * 100:.6f},{test_error},"
        line += f"{run.stopping.patience},{run.seconds:.3f}\n"
        with explaining(self.path, advice=kept), open(self.path, "ab") as file:
            is_removed = not file.tell()  # by somebody
            file.write((f"{self.HEADER}\n" * is_removed + line).encode())
            file.flush()
            os.fsync(file.fileno())

    def _is_before(self, row, iter):
        # A row that a killed process left unfinished comes after the last checkpoint.
        return len(row) == self.HEADER.count(",") + 1 and row[1].isdigit() and int(row[1]) <= iter


class Interruption(Callback, contextlib.ExitStack):
    """Lets Ctrl-C and SIGTERM end the run after a minibatch; given twice, they end the process.

    Of several ranks, all end after the same minibatch, whichever gets the signal.
    It is used in a ``with`` statement, after which signals are handled as before.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        super().__init__()
        self.received = None

    def on_train_begin(self, run):
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets the main thread alone handle signals
        for number in self.SIGNALS:
            # A script may have started us in the background, and told us to ignore them.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self.callback(signal.signal, number, signal.signal(number, self._receive))

    def _receive(self, number, frame):
        self.received = number
        self.close()  # the second one ends the process

    def on_minibatch_end(self, run):
        # An exception from the handler itself could come between the updates of W and b.
        if ranks.anyone(self.received is not None):
            raise StopTraining

    def on_train_end(self, run):
        self.close()
        self.received = ranks.largest(self.received or 0) or None

    @property
    def exit_code(self):
        """What a shell reports of a process that the signal ended: 130 or 143."""
        return 128 + self.received
