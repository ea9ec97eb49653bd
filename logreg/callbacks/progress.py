"""One line of progress at the bottom of a terminal during a run."""

import contextlib
import os
import sys
import timeit

from logreg import console
from logreg.callbacks.base import Callback

INTERVAL = 0.1  # seconds between two states of the line
STYLE = {"bar_format": "{desc} |{bar:20}| {rate_fmt}{postfix}", "mininterval": 0}
STYLE.update(unit=" epochs", leave=False, dynamic_ncols=True)


class Progress(Callback, contextlib.ExitStack):
    """Shows epoch, minibatch, best error, speed and patience left; used in a ``with`` statement.

    What is printed goes above the line. There is none where stderr is no terminal, where notes are
    not wanted, and without tqdm, the extra `progress`.
    """

    on_rank_0_only = True
    reads_steps = False

    def __init__(self):
        super().__init__()
        self._bar, self._n_epochs, self._next = None, 0.0, 0.0

    def on_train_begin(self, run):
        in_cell = "JPY_PARENT_PID" in os.environ  # of a notebook, which would keep each state
        if not sys.stderr.isatty() or console.is_quiet() or in_cell:
            self._next = float("inf")

    def on_minibatch_end(self, run):
        now = timeit.default_timer()
        if now < self._next:
            return
        self._next = now + INTERVAL
        stopping, n_batches = run.stopping, run.n_train_batches
        n_epochs = (run.iter + 1) / n_batches
        if self._bar is None:
            self._bar, self._n_epochs = self._open(n_epochs), n_epochs
        text = f"epoch {run.epoch}, minibatch {run.minibatch}/{n_batches}"
        if stopping.best_iter is not None:
            text += f", best {run.hyperparameters.criterion} {stopping.best_loss:.4f}"
        if self._bar is not None:
            most = (stopping.patience + 1) / n_batches
            self._bar.total = min(most, run.hyperparameters.n_epochs)
            self._bar.set_description_str(text, refresh=False)
            left = f"patience left {stopping.patience - run.iter:.0f}"
            self._bar.set_postfix_str(left, refresh=False)
            self._bar.update(n_epochs - self._n_epochs)
            self._n_epochs = n_epochs

    def _open(self, n_epochs):
        try:
            from tqdm import tqdm
            from tqdm.contrib import DummyTqdmFile
        except ImportError:
            self._next = float("inf")
            return None
        # A resumed run's speed is that of what is done now.
        bar = self.enter_context(tqdm(total=None, initial=n_epochs, **STYLE))
        self.enter_context(contextlib.redirect_stderr(DummyTqdmFile(sys.stderr)))
        if sys.stdout.isatty():
            self.enter_context(contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)))
        return bar

    def on_train_end(self, run):
        self.close()
