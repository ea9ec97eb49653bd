"""Training the best model of a run anew, on training and validation rows together."""

import math

from logreg import engine
from logreg.basics.console import COMPILING, note, waiting_for_engine, warning
from logreg.basics.errors import SettingError
from logreg.callbacks.base import catching_stop
from logreg.datasets.training_data import join_training_and_validation


def is_refit_by_default(data):
    """Whether the best model of a DataSet is trained anew if nobody says whether.

    It is if the validation rows were split off a table, or off one array. Rows that are mapped from
    a file are left as they are: joined, they may not fit into memory. Several ranks, the processes
    that train together by MPI, do not train anew.
    """
    is_one_source = data.facts.is_table or data.facts.split  # `split`: three sets of one array
    if not is_one_source or "valid" not in data.split_off or data.is_mapped:
        return False
    if engine.ranks.size > 1:
        note(
            "note: with several ranks, the model is not trained anew on validation rows; a run in "
            "one process trains it anew"
        )
        return False
    return True


def check_joinable(data):
    """Raise a SettingError if training and validation set cannot become one."""
    if engine.ranks.size > 1:
        raise SettingError("several ranks share the rows of a set: give `refit=False`")
    train_type = data.train.features.shared.dtype
    valid_type = data.valid.features.shared.dtype
    if train_type != valid_type:
        raise SettingError(
            f"training and validation x are {train_type} and {valid_type}: give one type, or "
            "`refit=False`"
        )


def refit_best(run, expressions, validate_model, callbacks):
    """Train the best model of a run anew, for as many minibatches as it had, on more rows.

    The rows are those of the training and the validation set, in a random order. The result
    replaces ``run.best_values``. If the run was stopped or diverged, or if this training is stopped
    or diverges, the best model stays as it is.
    """
    if not run.is_complete or not run.best_values:  # stopped or diverged
        return
    data = join_training_and_validation(run.data)
    train_anew(run, expressions, data, run.stopping.best_iter, callbacks)
    if not run.is_complete:  # a callback stopped this second training
        return
    measured = validate_model()  # by rows that it has seen: it only shows whether it diverged
    has_diverged = measured is None
    if measured and "loss" in measured:  # there is none with criterion 'error'
        has_diverged = not math.isfinite(measured["loss"])
    if has_diverged:
        warning("trained anew on all rows, the model diverged: that of fewer rows is kept")
        return
    run.best_values = engine.copy_values(run.model_variables)
    run.n_refit_rows = data.train.n_rows


def train_anew(run, expressions, data, last, callbacks):
    """Train the model of a run on other TrainingData, from the first minibatch to the `last`.

    All variables that training changes, ``run.variables``, begin with ``run.initial_values``. Other
    shared variables, such as a learning rate that a callback has changed, stay as they are. The
    callbacks' `on_minibatch_end` gets a Run that counts the minibatches of this training. If a
    callback stops it, ``run.reason`` says so, and this training ends: the best model of the first
    training is kept. With folds, there is no other model of all rows: then this training goes on to
    its end, and from the stop on no callback is called.
    """
    second_run = run.copy_for(data, last)
    n_at_once = second_run.minibatches_at_once(callbacks)
    with waiting_for_engine(COMPILING):
        batch_size = run.hyperparameters.batch_size
        train_model = engine.compile_step(expressions, data.train, batch_size, n_at_once)
    engine.set_values(run.variables, run.initial_values)
    is_stopped = not run.is_complete  # a run with folds may have been stopped before
    while second_run.iter < last:
        second_run.train_on_block(train_model, n_at_once, last)
        if not is_stopped:
            with catching_stop(run):
                for callback in callbacks:
                    callback.on_minibatch_end(second_run)
            is_stopped = not run.is_complete
        if is_stopped and not run.n_folds:
            return
