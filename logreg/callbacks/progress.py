"""One line of progress at the bottom of a terminal during a run."""

import math
import os
import sys
import timeit

from logreg.basics import console
from logreg.callbacks.base import Callback
from logreg.run import Run

INTERVAL = 0.1  # seconds between two states of the line


class Progress(Callback):
    """Shows epoch, minibatch, best error, speed and patience left, also during a refit.

    Other output goes above the line. If stderr is no terminal, or with ``--quiet``, there is none.

    Examples
    --------
    It reads no parameters, so the run is not slower.

    >>> Progress().reads_steps
    False
    """

    on_rank_0_only = True
    reads_steps = False

    def on_train_begin(self, run: Run) -> None:
        # In a cell of a notebook, a command like `!python ...` would leave each state of the line.
        in_cell = "JPY_PARENT_PID" in os.environ
        is_shown = sys.stderr.isatty() and not console.is_silent() and not in_cell
        self._next_time = 0.0 if is_shown else math.inf
        self._main_run = run

    def on_minibatch_end(self, run: Run) -> None:
        now = timeit.default_timer()
        if now < self._next_time:
            return
        self._next_time = now + INTERVAL
        rate = (run.iter + 1) / run.n_train_batches / run.read_clock()
        text = f"epoch {run.epoch} ({run.minibatch}/{run.n_train_batches}), {rate:.1f} epochs/s"
        stopping = run.stopping
        if run is not self._main_run:  # it is the Run of a refit
            text = f"training anew: {text}"
        elif stopping.best_iter is not None:
            text += f", best {run.criterion} {stopping.best_value:.4f}"
            text += f", patience left {stopping.patience - run.iter:.0f}"
        console.show_status(text)

    def on_train_end(self, run: Run) -> None:
        console.show_status("")
