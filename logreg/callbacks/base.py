"""What every callback is, and how one ends a run."""

SECONDS = 1.0  # at least, between two writings of a best model or a state


class StopTraining(Exception):
    """A callback raises it in `on_minibatch_end`, and the run ends after this minibatch.

    ``StopTraining("why")`` makes that the run's `reason`, which is 'interrupted' if none is given.
    """


class Callback:
    """The base of callbacks: it does nothing.

    `run` is a :class:`logreg.run.Run` and `validation` a :class:`logreg.run.Validation`.

    Attributes
    ----------
    files : sequence of str or path-like
        What it writes. During a run they belong to that run alone.
    is_for_first : bool
        Whether rank 0 alone calls it, as for printing and writing. It must not wait for others.
    reads_steps : bool
        True if `on_minibatch_end` reads or changes parameters: `fit` then trains one minibatch at
        a time, which is slower. By default, if the class defines `on_minibatch_end`.
    """

    files = ()
    is_for_first = False

    @property
    def reads_steps(self):
        return type(self).on_minibatch_end is not Callback.on_minibatch_end

    def on_train_begin(self, run):
        """Before the first minibatch: `run` may still be changed, as a resumption does."""

    def on_validation(self, run, validation):
        """After each validation, while the parameters are those that it was made with."""

    def on_minibatch_end(self, run):
        """After each minibatch; it may raise :class:`StopTraining`."""

    def on_train_end(self, run):
        """After the last minibatch: ``run.reason`` says why it was the last."""
