"""What listens to a training run: the tutorial's lines, the best model, the history, signals.

:func:`logreg.sgd.fit` calls a callback's `on_train_begin`, `on_validation` and `on_train_end`,
and `on_minibatch_end` where it has one. A run begins with the last callback of the list, and
everything later is told to the first one first: so give :class:`BestModel`, then
:class:`History`, then :class:`~logreg.checkpoint.Checkpoint`. The checkpoint restores the run
before the others look at it, and it is written after the files that it stands for.
"""

import csv
import io
import math
import os
import signal
import sys
import threading

from logreg import ranks
from logreg.console import note, warning
from logreg.errors import ModelFileError
from logreg.saving import check_writable, save

LOG = os.path.join(os.path.dirname(__file__), "tutorial_log.csv")
# Early stopping ends the tutorial's run in the epoch after the last validation.
LAST_EPOCH = 74


class StopTraining(Exception):
    """A callback raises it in `on_minibatch_end`, and the run ends after this minibatch."""


class Callback:
    """The base of callbacks: it listens and does nothing.

    `run` is a :class:`logreg.run.Run` and `validation` a :class:`logreg.run.Validation`.
    """

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
    dump : callable
        Called with the :class:`~logreg.run.Validation` of a new best, it returns the bytes to
        keep, such as ``lambda validation: dumps_params(params)``.

    Raises
    ------
    ModelFileError
        If the file cannot be written.
    """

    def __init__(self, path, dump):
        self.path = path
        self.dump = dump
        check_writable(path)

    def on_train_begin(self, run):
        if run.best:  # the file of an interrupted run may be gone, or be another's
            save(self.path, run.best)

    def on_validation(self, run, validation):
        if validation.test_error is not None:
            run.best = self.dump(validation)
            save(self.path, run.best)


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

    COLUMNS = "epoch,iteration,training_cost,validation_error_percent,test_error_percent"
    COLUMNS = tuple(f"{COLUMNS},patience,seconds".split(","))

    def __init__(self, path):
        self.path = path
        check_writable(path)

    def on_train_begin(self, run):
        """Keep the rows of a resumed run up to its last minibatch; later ones will come again."""
        if ranks.rank:
            return
        rows = []
        try:
            with open(self.path, newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            if rows[:1] != [list(self.COLUMNS)] and (rows or run.iter >= 0):
                raise ValueError("it is another kind of table; give another name")
            rows = [row for row in rows if self._is_before(row, run.iter)]
        except FileNotFoundError:
            if run.iter >= 0:
                warning(f"{self.path} is not there: it begins with the resumption")
        except (OSError, ValueError, csv.Error) as error:
            raise ModelFileError(f"{self.path} cannot be gone on with: {error}") from error
        save(self.path, "".join(map(_line, [self.COLUMNS, *rows])).encode())

    def on_validation(self, run, validation):
        """Write the row of a validation, through to the disk."""
        if ranks.rank:
            return
        tested = validation.test_error is not None
        row = [
            validation.epoch,
            validation.iter,
            f"{validation.cost:.9g}",
            f"{validation.error * 100:.6f}",
            f"{validation.test_error * 100:.6f}" if tested else "",
            run.stopping.patience,
            f"{run.seconds:.3f}",
        ]
        try:
            with open(self.path, "a", newline="", encoding="utf-8") as file:
                file.write(_line(row))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise ModelFileError(
                f"{self.path} cannot be written: {error.strerror}; its rows up to now are kept"
            ) from error

    def _is_before(self, row, iter):
        # A row that a killed process left unfinished comes after the last checkpoint.
        return len(row) == len(self.COLUMNS) and row[1].isdigit() and int(row[1]) <= iter


def _line(row):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()


class ReferenceCheck(Callback):
    """Compares what a run prints with the tutorial's log.

    Attributes
    ----------
    differences : list of str
        What was printed otherwise, in words.
    """

    def __init__(self):
        self._log = read_reference()
        self._seen = []
        self.differences = []

    def _compare(self, what, printed, expected):
        if printed != expected:
            self.differences.append(
                f"{what}: {printed or 'no line'}, the tutorial has {expected or 'no line'}"
            )

    def on_validation(self, run, validation):
        epoch = validation.epoch
        valid, test = self._log.get(epoch, ("", ""))
        self._seen.append(epoch)
        self._compare(f"epoch {epoch}, validation error", percent(validation.error), valid)
        self._compare(f"epoch {epoch}, test error", percent(validation.test_error), test)

    def on_train_end(self, run):
        last = min(run.hyperparameters.n_epochs, LAST_EPOCH)
        valid, test = [row for epoch, row in self._log.items() if epoch <= last and row[1]][-1]
        self._compare("best validation score", percent(run.stopping.best_loss), valid)
        self._compare("test performance", percent(run.test_error), test)
        self._compare("epochs", str(run.epoch), str(last))
        expected = {e for e in self._log if self._seen and self._seen[0] <= e <= last}
        for epoch in sorted(expected - set(self._seen)):
            self._compare(f"epoch {epoch}, validation error", "", self._log[epoch][0])


def read_reference():
    """Read the tutorial's log: a dict of the epoch to its two errors in percent, as printed.

    The second is the test error, '' where there was no new best.
    """
    with open(LOG, newline="", encoding="utf-8") as file:
        return {
            int(row["epoch"]): (row["validation_error_percent"], row["test_error_of_best_percent"])
            for row in csv.DictReader(file)
        }


def percent(error):
    """A fraction as the tutorial prints it, in percent; '' for None."""
    return "" if error is None else "%f" % (error * 100.0)


class Interruption(Callback):
    """Lets Ctrl-C and SIGTERM end the run after a minibatch; given twice, they end the process.

    Of several ranks, all end after the same minibatch, whichever gets the signal.
    It is used in a ``with`` statement, after which signals are handled as before.
    """

    SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self):
        self.received = None
        self._handlers = {}

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def on_train_begin(self, run):
        if threading.current_thread() is not threading.main_thread():
            return  # Python lets the main thread alone handle signals
        for number in self.SIGNALS:
            # A script may have started us in the background, and told us to ignore them.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                self._handlers[number] = signal.signal(number, self._note)

    def _note(self, number, frame):
        self.received = number
        self.__exit__()

    def on_minibatch_end(self, run):
        # An exception from the handler itself could come between the updates of W and b.
        if ranks.anyone(self.received is not None):
            raise StopTraining

    def on_train_end(self, run):
        self.__exit__()
        self.received = ranks.largest(self.received or 0) or None

    @property
    def exit_code(self):
        """What a shell reports of a process that the signal ended: 130 or 143."""
        return 128 + self.received
