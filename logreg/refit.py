"""Training anew on training and validation rows, once early stopping has chosen for how long."""

import math
from dataclasses import replace

from logreg import engine
from logreg.callbacks.base import catching_stop
from logreg.console import COMPILING, starting, warning
from logreg.datasets.variables import joined
from logreg.errors import SettingError
from logreg.parallel.ranks import ranks


class Refit:
    """Trains a model anew, for as many minibatches as the best model of a run had, on more rows.

    These are the training and the validation rows together, in a random order. The variables begin
    with the values that they have when this is made.

    Parameters
    ----------
    run : Run
        It has not begun.

    Raises
    ------
    SettingError
        If the sets cannot be joined.
    """

    def __init__(self, run):
        if ranks.size > 1:
            raise SettingError("several ranks share the rows of a set: give `refit=False`")
        stored = [engine.as_stored(features) for features, _ in run.data[:2]]
        if len({(s.shared.dtype, s.scale, s.prepare) for s in stored}) > 1:
            kinds = " and ".join(s.shared.dtype for s in stored)
            raise SettingError(
                f"training and validation x are {kinds}: give one type, or `refit=False`"
            )
        self.run = run
        self.start = [engine.value(variable).copy() for variable in run.variables]

    def train(self, expressions, validate_model, callbacks, block):
        """Train anew, and let what comes of it take the place of ``run.best_values``.

        Nothing is done if a callback has stopped the run, or it has diverged. If that happens here,
        the best model of the run stays. Each `on_minibatch_end` gets a Run that counts these
        minibatches; what callbacks have changed beside ``run.variables`` stays changed.
        `validate_model` is that of :func:`logreg.sgd.compile_functions`.
        """
        run, batch_size = self.run, self.run.hyperparameters.batch_size
        if run.reason not in ("patience", "n_epochs") or not run.best_values:
            return
        n_steps, data = run.stopping.best_iter + 1, joined(run.data)
        n_rows = engine.n_rows(data.train[0])
        settings = replace(
            run.hyperparameters, n_epochs=math.ceil(n_steps / (n_rows // batch_size))
        )
        anew = replace(run, data=data, hyperparameters=settings)
        x, y, cost, _, updates, *_ = expressions
        with starting(COMPILING):
            train_model = engine.compile_step(x, y, data.train, batch_size, cost, updates, block)
        for variable, value in zip(run.variables, self.start):
            engine.set_value(variable, value)
        with catching_stop(run, train_model):
            for iter in range(n_steps):
                train_model(iter % anew.n_train_batches)
                anew.iter = iter
                for callback in callbacks:
                    callback.on_minibatch_end(anew)
        if run.reason in ("interrupted", "stopped"):
            return
        validation = validate_model()
        if validation is None or not math.isfinite(validation[-1] or 0):
            warning("trained anew on all rows, the model diverged: that of fewer rows is kept")
            return
        run.best_values = [engine.value(param).copy() for param in run.params]
        run.n_refit_rows = n_rows
