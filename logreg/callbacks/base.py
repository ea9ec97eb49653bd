"""What every callback is, and how one ends a run."""

import contextlib
import os
import timeit
from typing import Optional

from logreg.errors import ModelFileError
from logreg.files import AnyPath, check_writable
from logreg.run import Run, Validation
from logreg.saving.model_file import save

SECONDS = 1.0  # at least, between two writings of a file


class StopTraining(Exception):
    """A callback raises it in `on_minibatch_end`, and the run ends after ``run.iter``.

    The run's `reason` is 'stopped' by ``StopTraining("why")``, which makes that its `message`, and
    'interrupted' without a text.
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


class Callback:
    """The base of callbacks: it does nothing.

    `run` is a :class:`logreg.run.Run` and `validation` a :class:`logreg.run.Validation`.

    Attributes
    ----------
    on_rank_0_only : bool
        Whether rank 0 alone calls it, as for printing and writing. It must not wait for others.
    reads_steps : bool
        True if `on_minibatch_end` must see each minibatch, as to read or change parameters: `fit`
        then trains one minibatch at a time, which is slower. By default, it is True if the class
        defines `on_minibatch_end`.
    """

    on_rank_0_only = False

    @property
    def reads_steps(self) -> bool:
        return type(self).on_minibatch_end is not Callback.on_minibatch_end

    def restore(self, run: Run) -> None:
        """Before all else: what keeps the state of an earlier run may bring `run` to it."""

    def check(self, run: Run) -> None:
        """Before anything is compiled: what cannot be done for `run` is an error now."""

    def on_train_begin(self, run: Run) -> None:
        """Before the first minibatch: a resumed `run` is where it was."""

    def on_validation(self, run: Run, validation: Validation) -> None:
        """After each validation, while the parameters are those that it was made with."""

    def on_minibatch_end(self, run: Run) -> None:
        """After each block of minibatches, of which ``run.iter`` is the last.

        If a callback `reads_steps`, each minibatch is a block. It may raise :class:`StopTraining`.
        """

    def on_train_end(self, run: Run) -> None:
        """After the last minibatch: ``run.reason`` says why it was the last."""


class FileCallback(Callback):
    """Keeps something of a run in a file: it is written at most once a second, and at the end."""

    on_rank_0_only = True
    replaces = True  # whether a new run replaces a file that is there, or is refused

    def __init__(self, path: AnyPath) -> None:
        self.path, self._written = path, -SECONDS

    def check(self, run: Run) -> None:
        check_writable(self.path)
        if run.iter < 0 and not self.replaces and os.path.lexists(self.path):
            raise ModelFileError(
                f"{self.path} is there already, of another run perhaps, which a new one does not "
                "replace: resume that run, give another name, or remove it"
            )

    def content(self, run: Run) -> Optional[bytes]:
        """What the file is to hold now, bytes; None if there is nothing yet."""

    def on_validation(self, run: Run, validation: Validation) -> None:
        if timeit.default_timer() - self._written >= SECONDS:
            self.write(run)

    def on_train_end(self, run: Run) -> None:
        self.write(run)

    def write(self, run: Run) -> None:
        """Write what the file is to hold, if there is something."""
        content = self.content(run)
        if content is not None:
            save(self.path, content)
            self._written = timeit.default_timer()
