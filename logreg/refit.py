"""Training anew on training and validation rows, once early stopping has chosen for how long."""

import math
from dataclasses import replace

from logreg import engine
from logreg.callbacks.base import catching_stop, steps_at_once
from logreg.console import COMPILING, starting, warning
from logreg.datasets.variables import joined
from logreg.errors import SettingError
from logreg.parallel.ranks import ranks


def check_joinable(data):
    """Raise a SettingError if training and validation set cannot become one."""
    if ranks.size > 1:
        raise SettingError("several ranks share the rows of a set: give `refit=False`")
    stored = [engine.as_stored(features) for features, _ in data[:2]]
    if len({(s.shared.dtype, s.scale, s.prepare) for s in stored}) > 1:
        kinds = " and ".join(s.shared.dtype for s in stored)
        raise SettingError(
            f"training and validation x are {kinds}: give one type, or `refit=False`"
        )


def refit(run, start, expressions, validate_model, callbacks):
    """Train the best model of a run anew, for as many minibatches as it had, on more rows.

    These are the training and the validation rows together, in a random order. What comes of it
    takes the place of ``run.best_values``. Nothing is done if a callback has stopped the run, or it
    has diverged; if that happens here, the best model of the run stays. Each `on_minibatch_end`
    gets a Run that counts these minibatches; what callbacks have changed beside ``run.variables``
    stays changed.

    Parameters
    ----------
    run : Run
    start : list of numpy.ndarray
        What ``run.variables`` begin with.
    expressions : Expressions
    validate_model : callable
        As of :func:`logreg.sgd.compile_functions`.
    callbacks : list of Callback
    """
    if run.reason not in ("patience", "n_epochs") or not run.best_values:
        return
    data, batch_size = joined(run.data), run.hyperparameters.batch_size
    anew, block = replace(run, data=data), steps_at_once(run, callbacks)
    x, y, cost, _, updates, *_ = expressions
    with starting(COMPILING):
        train_model = engine.compile_step(x, y, data.train, batch_size, cost, updates, block)
    for variable, value in zip(run.variables, start):
        engine.set_value(variable, value)
    with catching_stop(run, train_model):
        for iter in range(run.stopping.best_iter + 1):
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
    run.n_refit_rows = engine.n_rows(data.train[0])
