"""Training the best model of a run anew, on training and validation rows together."""

import math
from dataclasses import replace

from logreg import engine
from logreg.basics.console import COMPILING, waiting_for_engine, warning
from logreg.basics.errors import SettingError
from logreg.callbacks.base import catching_stop
from logreg.datasets.shared_sets import join_training_and_validation


def check_joinable(data):
    """Raise a SettingError if training and validation set cannot become one."""
    if engine.ranks.size > 1:
        raise SettingError("several ranks share the rows of a set: give `refit=False`")
    train_x, valid_x = [engine.as_stored(features) for features, _ in data[:2]]
    train_type = train_x.shared.dtype
    valid_type = valid_x.shared.dtype
    # `prepare` makes floats of stored rows: both sets need the same one. Their scales are the same,
    # as was checked before.
    if train_type != valid_type or train_x.prepare != valid_x.prepare:
        raise SettingError(
            f"training and validation x are {train_type} and {valid_type}: give one type, or "
            "`refit=False`"
        )


def train_anew(run, expressions, validate_model, callbacks):
    """Train the best model of a run anew, for as many minibatches as it had, on more rows.

    The rows are those of the training and the validation set, in a random order. The variables
    begin with ``run.start``; others, which callbacks may have changed, stay as they are. The result
    replaces ``run.best_values``, unless the run or this training was stopped or diverged. The
    callbacks' `on_minibatch_end` gets a Run that counts the minibatches of this training.
    """
    if not run.is_complete or not run.best_values:
        return
    data = join_training_and_validation(run.data)
    batch_size = run.hyperparameters.batch_size
    # A copy that counts its own minibatches and seconds.
    second_run = replace(run, data=data, iter=-1, seconds=0.0)
    n_at_once = second_run.minibatches_at_once(callbacks)
    x, y, cost, _, updates, *_ = expressions
    with waiting_for_engine(COMPILING):
        train_model = engine.compile_step(x, y, data.train, batch_size, cost, updates, n_at_once)
    engine.set_values(run.variables, run.start)
    best_iter = run.stopping.best_iter
    with catching_stop(run):
        while second_run.iter < best_iter:
            first = (second_run.iter + 1) % second_run.n_train_batches
            n = min(n_at_once, second_run.n_train_batches - first, best_iter - second_run.iter)
            train_model(first, first + n - 1)
            second_run.iter += n
            for callback in callbacks:
                callback.on_minibatch_end(second_run)
    if not run.is_complete:  # this training was stopped, and `catching_stop` has set the reason
        return
    measured = validate_model()
    # The loss is None with the criterion 'error'.
    if measured is None or not math.isfinite(measured.loss or 0):
        warning("trained anew on all rows, the model diverged: that of fewer rows is kept")
        return
    run.best_values = engine.copy_values(run.model_variables)
    run.n_refit_rows = engine.n_rows(data.train[0])
