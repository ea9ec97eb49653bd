"""One line of progress at the bottom of a terminal, below what is printed."""

import contextlib
import sys
import timeit

from logreg.callbacks import Callback
from logreg.console import progress

INTERVAL = 0.1  # seconds between two states of the line

FORMAT = "{desc} |{bar:20}| {rate_fmt}{postfix}"


class Progress(Callback):
    """Shows epoch, minibatch, best error, speed and patience left; used in a ``with`` statement.

    In it, what goes to stdout and stderr is printed above the line.
    """

    def __init__(self):
        self._bar, self._next = None, 0.0
        self._streams = contextlib.ExitStack()  # stdout and stderr, while there is a line

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        if self._bar is not None:
            self._bar.close()
        self._bar = None
        self._streams.close()

    def on_minibatch_end(self, run):
        now = timeit.default_timer()
        if now < self._next:
            return
        self._next = now + INTERVAL
        done, stopping, n_batches = run.iter + 1, run.stopping, run.n_train_batches
        if self._bar is None:
            self._open(done / n_batches)
        if self._bar is None:
            self._next = float("inf")
            return
        end = min(stopping.patience + 1, run.hyperparameters.n_epochs * n_batches)
        best = "none yet" if stopping.best_iter is None else "%.2f %%" % (100 * stopping.best_loss)
        self._bar.n, self._bar.total = done / n_batches, end / n_batches
        self._bar.set_description_str(
            f"epoch {run.epoch}, minibatch {run.iter % n_batches + 1}/{n_batches}, best {best}",
            refresh=False,
        )
        self._bar.set_postfix_str(f"patience left {stopping.patience - run.iter:.0f}")

    def _open(self, n_epochs):
        self._bar = progress(None, " epochs", initial=n_epochs, bar_format=FORMAT)
        if self._bar is not None:
            enter = self._streams.enter_context
            enter(contextlib.redirect_stdout(_Above(self._bar, sys.stdout)))
            enter(contextlib.redirect_stderr(_Above(self._bar, sys.stderr)))

    def on_train_end(self, run):
        self.__exit__()


class _Above:
    """A stream whose lines are printed above a bar."""

    def __init__(self, bar, stream):
        self._bar, self._stream = bar, stream

    def write(self, text):
        self._bar.clear()
        self._stream.write(text)
        if text.endswith("\n"):
            self._stream.flush()
            self._bar.refresh()

    def __getattr__(self, name):
        return getattr(self._stream, name)
