"""The base of callbacks, and the exception by which one ends a run."""

import contextlib
import math
import os
import timeit
from typing import Optional

from logreg.basics.errors import ModelFileError
from logreg.basics.files import AnyPath, check_writable, write_whole
from logreg.basics.ranks import ranks
from logreg.run import Run, Validation

SECONDS = 1.0  # at least, between two writings of a file


class StopTraining(Exception):
    """Raise it in `on_minibatch_end` to end the run after minibatch ``run.iter``.

    With a text, as in ``StopTraining("why")``, the run's `reason` is 'stopped' and the text is its
    `message`; without one, the reason is 'interrupted'.
    """


@contextlib.contextmanager
def catching_stop(run):
    """Let StopTraining end the block of code, and say so in ``run.reason``.

    A closed stdout, as by ``| head``, ends it as well: what was trained is kept.
    """
    try:
        yield
    except BrokenPipeError:
        run.reason = "interrupted"
    except StopTraining as stop:
        run.message = str(stop)
        run.reason = "stopped" if run.message else "interrupted"


@contextlib.contextmanager
def stopping_all_ranks():
    """Raise what stops training on one rank, in the block of code, on all ranks after the block."""
    stop = None
    try:
        yield
    except (StopTraining, BrokenPipeError) as error:
        stop = error
    for stop_of_rank in ranks.gather(stop):
        if stop_of_rank is not None:
            raise stop_of_rank


class Callback:
    """The base of callbacks: it does nothing.

    `run` is a :class:`logreg.run.Run` and `validation` a :class:`logreg.run.Validation`.

    Attributes
    ----------
    on_rank_0_only : bool
        Whether only the first of several processes, rank 0, calls it, because it prints or writes.
        Such a callback must not wait for the other processes, which do not call it.
    reads_steps : bool
        True if `on_minibatch_end` must see each minibatch, for example to change parameters: `fit`
        then trains one minibatch at a time, which is slower. By default, it is True if the class
        defines `on_minibatch_end`.
    """

    on_rank_0_only = False

    @property
    def reads_steps(self) -> bool:
        return type(self).on_minibatch_end is not Callback.on_minibatch_end

    def restore(self, run: Run) -> None:
        """Before all else: a callback that resumes a run gives `run` the state that it has kept."""

    def check(self, run: Run) -> None:
        """Before anything is compiled: raise an error if the callback cannot serve this `run`."""

    def on_train_begin(self, run: Run) -> None:
        """Before the first minibatch; a resumed `run` has its state."""

    def on_validation(self, run: Run, validation: Validation) -> None:
        """After each validation, while the parameters are those that it was made with."""

    def on_minibatch_end(self, run: Run) -> None:
        """After each block of minibatches, of which ``run.iter`` is the last.

        If a callback `reads_steps`, each minibatch is a block. It may raise :class:`StopTraining`.
        """

    def on_train_end(self, run: Run) -> None:
        """After the last minibatch; ``run.reason`` says why the run ended."""


class FileCallback(Callback):
    """Keeps a file up to date during a run: writes it at most once a second, and at the end."""

    on_rank_0_only = True
    replaces = True  # whether a new run may replace a file that is there

    def __init__(self, path: AnyPath) -> None:
        self.path = path
        self._written = -math.inf  # seconds on the clock: the first validation writes

    def check(self, run: Run) -> None:
        check_writable(self.path)
        is_resumed = run.iter >= 0  # a new run has -1
        if not (self.replaces or is_resumed) and os.path.lexists(self.path):
            raise ModelFileError(
                f"{self.path} is there already, of another run perhaps, which a new one does not "
                "replace: resume that run, give another name, or remove it"
            )

    def content(self, run: Run) -> Optional[bytes]:
        """Make the bytes of the file; None if there is nothing to write yet."""

    def on_validation(self, run: Run, validation: Validation) -> None:
        if timeit.default_timer() - self._written >= SECONDS:
            self.write(run)

    def on_train_end(self, run: Run) -> None:
        self.write(run)

    def write(self, run: Run) -> None:
        """Write the file, if there is something to write."""
        content = self.content(run)
        if content is not None:
            write_whole(self.path, content)
            self._written = timeit.default_timer()
