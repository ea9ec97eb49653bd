"""Minibatch stochastic gradient descent with early stopping, for any model.

:func:`compile_functions`, :func:`train` and :func:`fit` know nothing of the model: a cost, an
error expression and a list of updates (see :mod:`logreg.updates`) are all they need.
"""

import contextlib
import math
import timeit
from typing import NamedTuple

import numpy

from logreg import engine
from logreg.console import note, starting, warning
from logreg.early_stopping import EarlyStopping
from logreg.engine.threads import BusyCores
from logreg.errors import SettingError
from logreg.hyperparameters import DEFAULTS
from logreg.report import (
    End,
    Progress,
    Result,
    Validation,
    all_rows,
    print_result,
    print_validation,
    why,
)
from logreg.saving import check_writable, save

SPLITS = ("training", "validation", "test")
NEVER = contextlib.nullcontext(lambda: False)


class Functions(NamedTuple):
    """The compiled functions of a training run.

    Attributes
    ----------
    train_model : callable
        ``train_model(first, count)`` takes `count` steps, on minibatch `first` of the training
        set and those that follow, and returns the cost before each step.
    validate_model, test_model : callable
        Each returns the error over the set's whole minibatches, as the tutorial counts, and
        over all of its rows.
    n_train_batches : int
        Whole minibatches in the training set.
    steps_per_call : int
        How many steps `train_model` had best take at once.
    """

    train_model: object
    validate_model: object
    test_model: object
    n_train_batches: int
    steps_per_call: int = 1


def whole_batches(n_rows, batch_size):
    """Count the whole minibatches in each set; the rows that are left over are not used.

    Parameters
    ----------
    n_rows : list of int
        Rows of the training, validation and test set.
    batch_size : int

    Returns
    -------
    list of int

    Raises
    ------
    SettingError
        If there is none in one of them.
    """
    least, split = min(zip(n_rows, SPLITS), key=lambda pair: pair[0])
    if least == 0:
        raise SettingError(f"the {split} set is empty: it needs a minibatch of rows at least")
    if least < batch_size:
        raise SettingError(
            f"the batch size is {batch_size}, but the {split} set has {least} rows: "
            f"give a batch size of {least} or less"
        )
    return [n // batch_size for n in n_rows]


def compile_functions(
    x, y, cost, errors, updates, datasets, batch_size, patience=DEFAULTS.patience
):
    """Compile a run's functions over the three sets.

    Parameters
    ----------
    x, y : symbolic variables
        The minibatch and its labels, of which `cost` and `errors` are made.
    cost, errors : symbolic scalars
        What to minimize, and what to report. Both are means over the minibatch, for any
        number of rows.
    updates : list of (shared variable, symbolic expression)
        A step of descent, as a rule of :mod:`logreg.updates` makes it.
    datasets : list of (shared variable, symbolic vector)
        Training, validation and test set, as `load_data` returns them.
    batch_size : int
        Rows in a minibatch.
    patience : int
        As for :class:`EarlyStopping`; it bounds how many steps are taken at once.

    Returns
    -------
    Functions

    Raises
    ------
    SettingError
        If a set has less than one minibatch. Nothing is compiled then.
    """
    sizes = [engine.n_rows(shared_x) for shared_x, _ in datasets]
    counts = whole_batches(sizes, batch_size)
    train_set, *other_sets = datasets
    block = min(counts[0], patience // 2)
    train_model = engine.compile_steps(x, y, train_set, batch_size, cost, updates, block)

    def compile_error(dataset, n_batches, n_rows):
        means = engine.compile_means(x, y, dataset, batch_size, errors)
        n_used = n_batches * batch_size

        def error():
            # The mean of the minibatches' means, as the tutorial has it: that it is rounded
            # differently from the mean over all rows decides a tie in its log, at epoch 62.
            in_batches, in_the_rest = means()
            used = float(numpy.mean(in_batches))
            return used, (used * n_used + in_the_rest * (n_rows - n_used)) / n_rows

        return error

    validate_model, test_model = map(compile_error, other_sets, counts[1:], sizes[1:])
    return Functions(
        train_model, validate_model, test_model, counts[0], engine.steps_per_call(block)
    )


def train(functions, stopping, n_epochs, on_validation, after=-1, interrupted=lambda: False):
    """Train until patience or the epochs run out.

    The validation set is tried every ``min(n_train_batches, patience // 2)`` minibatches, and
    the test set at each new best.

    Parameters
    ----------
    functions : Functions
    stopping : EarlyStopping
        It is updated at each validation.
    n_epochs : int
        Passes over the training set at the most.
    on_validation : callable
        Called with each :class:`Validation`, while the parameters are those it tells of.
    after : int
        Go on after this minibatch of the run, with `stopping` as it was then.
    interrupted : callable
        Asked after each minibatch whether to end the run.

    Returns
    -------
    End
    """
    n_train_batches = functions.n_train_batches
    validation_frequency = min(n_train_batches, stopping.initial_patience // 2)
    last = n_epochs * n_train_batches - 1
    iter, costs = after, []
    while iter < last and not stopping.is_over(iter) and not interrupted():
        # Patience ends a run after any minibatch, but changes only at a validation.
        next_validation = iter + validation_frequency - (iter + 1) % validation_frequency
        patience_ends = math.ceil(min(stopping.patience, last))
        count = min(next_validation, patience_ends, last, iter + functions.steps_per_call) - iter
        costs.extend(functions.train_model((iter + 1) % n_train_batches, count))
        iter += count
        if iter == next_validation:
            errors = functions.validate_model()
            is_best = stopping.update(iter, errors[0])
            epoch, minibatch_index = divmod(iter, n_train_batches)
            validation = Validation(
                epoch=epoch + 1,
                minibatch=minibatch_index + 1,
                n_train_batches=n_train_batches,
                iter=iter,
                cost=float(numpy.mean(costs)),
                errors=errors,
                test_errors=functions.test_model() if is_best else None,
            )
            on_validation(validation)
            costs = []
    reason = "n_epochs" if iter >= last else "interrupted"
    if stopping.is_over(iter):
        reason = "patience"
    return End(iter // n_train_batches + 1, iter, reason)


def fit(
    x,
    y,
    cost,
    errors,
    updates,
    datasets,
    hyperparameters=DEFAULTS,
    output=None,
    dump=None,
    run=None,
    checkpoint=None,
    history=None,
    on_validation=lambda validation: None,
    interruption=NEVER,
):
    """Train a model, print the tutorial's lines and keep the best.

    Parameters
    ----------
    x, y, cost, errors, updates, datasets
        As for :func:`compile_functions`.
    hyperparameters : Hyperparameters
        Of these, all but what `cost` and `updates` are made with.
    output : str or path-like, optional
        Where the best model goes.
    dump : callable
        With `output`: called with the :class:`Validation` of a new best, it returns the bytes
        to keep, such as ``lambda validation: dump_params(params)``.
    run : dict, optional
        With `checkpoint`: what must be the same when the run is resumed.
    checkpoint : Checkpoint, optional
        Keeps the state at each validation, and may hold one to go on from.
    history : History, optional
        Gets a row at each validation.
    on_validation : callable
        Called with each :class:`Validation`.
    interruption : context manager
        Gives a function that is asked after each minibatch whether to end the run.

    Returns
    -------
    Result
    """
    if output is not None:
        check_writable(output)
    busy_cores = BusyCores()
    with starting("compiling: the first time on a machine, this takes about 10 s"):
        functions = compile_functions(
            x,
            y,
            cost,
            errors,
            updates,
            datasets,
            hyperparameters.batch_size,
            hyperparameters.patience,
        )

    print("... training the model", flush=True)
    stopping = EarlyStopping(
        hyperparameters.patience,
        hyperparameters.patience_increase,
        hyperparameters.improvement_threshold,
    )
    variables = [variable for variable, _ in updates]
    progress = Progress()
    if checkpoint:
        saved = checkpoint.restore(run, variables, stopping)
        progress = Progress(**saved) if saved else progress
    if history:
        history.begin(progress.iter)
    if progress.best and output is not None:
        save(output, progress.best)
    begin = timeit.default_timer() - progress.seconds

    def leave_busy_cores():
        # With another number of threads, sums are rounded otherwise: a run that may be resumed
        # goes by the machine alone.
        change = None if checkpoint else busy_cores.leave()
        if change:
            note(change)

    def validated(validation):
        nonlocal progress
        print_validation(validation)
        if not math.isfinite(validation.cost):
            warning(
                f"the training cost is {validation.cost}: the run diverges; "
                "give a lower learning rate"
            )
        best = progress
        if validation.test_errors:
            best = progress._replace(
                test_error=validation.test_errors[0],
                error_all_rows=validation.errors[1],
                test_error_all_rows=validation.test_errors[1],
            )
            if output is not None:
                best = best._replace(best=dump(validation))
                save(output, best.best)
        seconds = timeit.default_timer() - begin
        progress = best._replace(iter=validation.iter, seconds=seconds)
        if history:
            history.add(validation, stopping.patience, seconds)
        if checkpoint:
            checkpoint.keep(run, variables, stopping, progress._asdict())
        on_validation(validation)
        leave_busy_cores()

    n_epochs = hyperparameters.n_epochs
    with busy_cores, interruption as interrupted:
        leave_busy_cores()
        end = train(functions, stopping, n_epochs, validated, progress.iter, interrupted)
    seconds = timeit.default_timer() - begin
    result = Result(end, stopping.best_loss, progress.test_error, seconds)
    if end.reason != "interrupted":
        print_result(result)
        note(all_rows(progress, hyperparameters.batch_size))
        note(why(end, stopping, n_epochs))
    return result
