"""One line of progress at the bottom of a terminal during a run."""

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
        in_cell = "JPY_PARENT_PID" in os.environ  # of a notebook, which would keep each state
        is_shown = sys.stderr.isatty() and not console.is_silent() and not in_cell
        self._next_time = 0.0 if is_shown else float("inf")
        self._main_run = run
        self._measured_run = None  # the main run or its refit, whose speed is measured

    def on_minibatch_end(self, run: Run) -> None:
        now = timeit.default_timer()
        if now < self._next_time:
            return
        self._next_time = now + INTERVAL
        if self._measured_run is not run:  # the speed of a resumed run is that of its new part
            self._measured_run = run
            self._begin_time = now
            self._begin_iter = run.iter
            return
        n_done = run.iter - self._begin_iter
        rate = n_done / run.n_train_batches / (now - self._begin_time)
        text = f"epoch {run.epoch} ({run.minibatch}/{run.n_train_batches}), {rate:.1f} epochs/s"
        stopping = run.stopping
        if run is not self._main_run:
            text = f"training anew: {text}"
        elif stopping.best_iter is not None:
            text += f", best {run.hyperparameters.criterion} {stopping.best_loss:.4f}"
            text += f", patience left {stopping.patience - run.iter:.0f}"
        console.show_status(text)

    def on_train_end(self, run: Run) -> None:
        console.show_status("")
