"""One line of progress at the bottom of a terminal during a run."""

import contextlib
import timeit

from logreg.callbacks.base import Callback
from logreg.terminal.progress import progress

INTERVAL = 0.1  # seconds between two states of the line
STYLE = {"bar_format": "{desc} |{bar:20}| {rate_fmt}{postfix}", "mininterval": 0, "delay": 0}


class Progress(Callback, contextlib.ExitStack):
    """Shows epoch, minibatch, best error, speed and patience left; used in a ``with`` statement."""

    on_rank_0_only = True
    reads_steps = False

    def __init__(self):
        super().__init__()
        self._advance, self._n_epochs, self._next = None, 0.0, 0.0

    def on_minibatch_end(self, run):
        now = timeit.default_timer()
        if now < self._next:
            return
        stopping, n_batches = run.stopping, run.n_train_batches
        n_epochs = (run.iter + 1) / n_batches
        if self._advance is None:
            self._n_epochs = n_epochs  # a resumed run's speed is that of what is done now
            line = progress(None, unit=" epochs", initial=n_epochs, **STYLE)
            self._advance = self.enter_context(line)
        text = f"epoch {run.epoch}, minibatch {run.minibatch}/{n_batches}"
        if stopping.best_iter is not None:
            text += f", best {run.hyperparameters.criterion} {stopping.best_loss:.4f}"
        self._advance(
            n_epochs - self._n_epochs,
            total=min((stopping.patience + 1) / n_batches, run.hyperparameters.n_epochs),
            desc=text,
            postfix=f"patience left {stopping.patience - run.iter:.0f}",
        )
        self._n_epochs, self._next = n_epochs, now + INTERVAL

    def on_train_end(self, run):
        self.close()
