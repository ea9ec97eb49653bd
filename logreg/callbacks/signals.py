"""Signals that end a run after a block of minibatches."""

import contextlib
import signal
from typing import Any

from logreg.callbacks.base import Callback, StopTraining
from logreg.run import Run


class Interruption(Callback, contextlib.AbstractContextManager):
    """Lets Ctrl-C and SIGTERM end the run, within about 0.2 s; the second one ends the process.

    Of several ranks, all end after the same minibatch, whichever gets the signal.
    It is used in a ``with`` statement, after which signals are handled as before.

    Examples
    --------
    It reads no parameters, so the run is not slower.

    >>> with Interruption() as interruption:  # and a run in this block
    ...     interruption.reads_steps, interruption.exit_code
    (False, 0)
    """

    reads_steps = False

    def __init__(self) -> None:
        self.received = None
        self._undo = contextlib.ExitStack()  # its functions set the earlier handlers

    def __exit__(self, *error: Any) -> None:
        self._undo.close()

    def on_train_begin(self, run: Run) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            # A shell script that starts a process in the background lets it ignore these signals.
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                with contextlib.suppress(ValueError):  # only the main thread can set a handler
                    earlier_handler = signal.signal(number, self._receive)
                    self._undo.callback(signal.signal, number, earlier_handler)

    def _receive(self, number, frame):
        self.received = number
        self._undo.close()  # so the second one ends the process

    def on_minibatch_end(self, run: Run) -> None:
        # Not in the handler: its exception could come between the updates of W and b.
        if self.received is not None:
            raise StopTraining

    @property
    def exit_code(self) -> int:
        """The exit code after a signal, 130 or 143, as shells have it; else 0."""
        return 128 + self.received if self.received else 0
