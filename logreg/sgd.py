"""Minibatch stochastic gradient descent: the compiled functions, the loop, the tutorial's run.

:func:`compile_functions` and :func:`train` know nothing of the model: a cost, an error
expression and a list of updates are all they need. :func:`optimize` is a whole run, from the
data set to the model file.
"""

import contextlib
import sys
import timeit
from dataclasses import asdict
from typing import NamedTuple, Optional

import numpy

from logreg.console import note, while_slow
from logreg.data import read_dataset, shared_dataset
from logreg.early_stopping import EarlyStopping
from logreg.engine import T, theano
from logreg.errors import SettingError
from logreg.hyperparameters import BEST_MODEL, DATASET, DEFAULTS, Hyperparameters
from logreg.model import LogisticRegression
from logreg.saving import check_writable, dump_model, save

SPLITS = ("training", "validation", "test")
NEVER = contextlib.nullcontext(lambda: False)


def sgd(cost, params, learning_rate):
    r"""Updates of gradient descent: from :math:`\theta` to :math:`\theta - \eta \nabla c`.

    Parameters
    ----------
    cost : symbolic scalar
    params : list of shared variables
    learning_rate : float

    Returns
    -------
    list of (shared variable, symbolic expression)
    """
    gradients = T.grad(cost, params)
    return [(param, param - learning_rate * g) for param, g in zip(params, gradients)]


class Functions(NamedTuple):
    """The compiled functions of a training run.

    Attributes
    ----------
    train_model : callable
        ``train_model(i)`` takes one step on minibatch `i` of the training set and returns
        the cost before the step.
    validate_model, test_model : callable
        Each returns the error over the set's whole minibatches, as the tutorial counts, and
        over all of its rows.
    n_train_batches : int
        Whole minibatches in the training set.
    """

    train_model: object
    validate_model: object
    test_model: object
    n_train_batches: int


def whole_batches(n_rows, batch_size, split):
    """Count the whole minibatches in `n_rows`; the rows that are left over are not used.

    Raises
    ------
    SettingError
        If there is none.
    """
    if n_rows == 0:
        raise SettingError(f"the {split} set is empty: it needs a minibatch of rows at least")
    if n_rows < batch_size:
        raise SettingError(
            f"the batch size is {batch_size}, but the {split} set has {n_rows} rows: "
            f"give a batch size of {n_rows} or less"
        )
    return n_rows // batch_size


def compile_functions(x, y, cost, errors, updates, datasets, batch_size):
    """Compile a run's functions over the three sets.

    Parameters
    ----------
    x, y : symbolic variables
        The minibatch and its labels, of which `cost` and `errors` are made.
    cost, errors : symbolic scalars
        What to minimize, and what to report. Both are means over the minibatch, for any
        number of rows.
    updates : list of (shared variable, symbolic expression)
        The step, as :func:`sgd` makes it.
    datasets : list of (shared variable, symbolic vector)
        Training, validation and test set, as `load_data` returns them.
    batch_size : int
        Rows in a minibatch.

    Returns
    -------
    Functions

    Raises
    ------
    SettingError
        If a set has less than one minibatch. Nothing is compiled then.
    """
    sizes = [shared_x.get_value(borrow=True).shape[0] for shared_x, _ in datasets]
    counts = [whole_batches(n, batch_size, split) for n, split in zip(sizes, SPLITS)]
    start, stop = T.lscalars("start", "stop")

    def over_rows(output, dataset, updates=None):
        set_x, set_y = dataset
        givens = {x: set_x[start:stop], y: set_y[start:stop]}
        return theano.function([start, stop], output, updates=updates, givens=givens)

    train_set, *other_sets = datasets
    step = over_rows(cost, train_set, updates)
    return Functions(
        lambda i: step(i * batch_size, (i + 1) * batch_size),
        *(
            _error_function(over_rows(errors, dataset), count * batch_size, size, batch_size)
            for dataset, count, size in zip(other_sets, counts[1:], sizes[1:])
        ),
        counts[0],
    )


def _error_function(errors, n_used, n_rows, batch_size):
    """A function that returns the mean of `errors` over `n_used` and over `n_rows` rows."""

    def mean_errors():
        # The mean of the minibatches' means, as the tutorial has it: that it is rounded
        # differently from the mean over all rows decides a tie in its log, at epoch 62.
        starts = range(0, n_used, batch_size)
        used = numpy.mean([errors(start, start + batch_size) for start in starts])
        rest = errors(n_used, n_rows) if n_used < n_rows else 0.0
        everywhere = (used * n_used + rest * (n_rows - n_used)) / n_rows
        return float(used), float(everywhere)

    return mean_errors


class Validation(NamedTuple):
    """What is known at the end of a stretch of training, when the validation set was tried.

    Attributes
    ----------
    epoch, minibatch : int
        The last minibatch trained on, both counted from 1.
    n_train_batches : int
        Minibatches in an epoch.
    iter : int
        The same minibatch, counted from 0 over the whole run.
    cost : float
        Mean training cost of the minibatches since the last validation.
    errors : (float, float)
        Fraction of validation rows misclassified: in whole minibatches, and in all rows.
    test_errors : (float, float) or None
        The same for the test set, if this is a new best.
    """

    epoch: int
    minibatch: int
    n_train_batches: int
    iter: int
    cost: float
    errors: tuple
    test_errors: Optional[tuple]


class End(NamedTuple):
    """How a run ended: in which epoch, after which minibatch of the run, and why."""

    epoch: int
    iter: int
    reason: str  # 'patience', 'n_epochs' or 'interrupted'


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
        iter += 1
        epoch, minibatch_index = divmod(iter, n_train_batches)
        costs.append(functions.train_model(minibatch_index))
        if (iter + 1) % validation_frequency == 0:
            errors = functions.validate_model()
            is_best = stopping.update(iter, errors[0])
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


def optimize(
    data,
    hyperparameters=DEFAULTS,
    output=BEST_MODEL,
    checkpoint=None,
    history=None,
    on_validation=lambda validation: None,
    interruption=NEVER,
):
    """Train a logistic regression, print the tutorial's lines and keep the best model.

    Parameters
    ----------
    data : DataSet
        As :func:`logreg.data.read_dataset` returns it.
    hyperparameters : Hyperparameters
    output : str or path-like
        Where the model file goes at each new best.
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
    for split, (_, labels) in zip(SPLITS, (data.train, data.valid, data.test)):
        whole_batches(len(labels), hyperparameters.batch_size, split)
    check_writable(output)

    print("... building the model", flush=True)
    x = T.matrix("x")
    y = T.ivector("y")
    classifier = LogisticRegression(input=x, n_in=data.n_in, n_out=data.n_out)
    cost = classifier.negative_log_likelihood(y)
    updates = sgd(cost, classifier.params, hyperparameters.learning_rate)
    datasets = [shared_dataset(pair) for pair in (data.train, data.valid, data.test)]
    with while_slow("compiling: the first time on a machine, this takes about 20 s"):
        functions = compile_functions(
            x, y, cost, classifier.errors(y), updates, datasets, hyperparameters.batch_size
        )

    print("... training the model", flush=True)
    stopping = EarlyStopping(
        hyperparameters.patience,
        hyperparameters.patience_increase,
        hyperparameters.improvement_threshold,
    )
    # What must be the same when a run is resumed, and what the model file tells of it.
    run = {**asdict(hyperparameters), "floatX": theano.config.floatX}
    run.update(dataset=data.name, dataset_sha256=data.sha256())
    variables = [variable for variable, _ in updates]
    progress = Progress()
    if checkpoint:
        saved = checkpoint.restore(run, variables, stopping)
        progress = Progress(**saved) if saved else progress
    if history:
        history.begin(progress.iter)
    if progress.best:
        save(output, progress.best)
    begin = timeit.default_timer() - progress.seconds

    def validated(validation):
        nonlocal progress
        _print_validation(validation)
        test_error, best = progress.test_error, progress.best
        if validation.test_errors:
            test_error = validation.test_errors[0]
            best = dump_model(classifier, **run, **_describe(data, validation))
            save(output, best)
        seconds = timeit.default_timer() - begin
        progress = Progress(validation.iter, seconds, test_error, best)
        if history:
            history.add(validation, stopping.patience, seconds)
        if checkpoint:
            checkpoint.keep(run, variables, stopping, progress._asdict())
        on_validation(validation)

    n_epochs = hyperparameters.n_epochs
    with interruption as interrupted:
        end = train(functions, stopping, n_epochs, validated, progress.iter, interrupted)
    seconds = timeit.default_timer() - begin
    result = Result(end, stopping.best_loss, progress.test_error, seconds)
    if end.reason != "interrupted":
        _print_result(result)
        note(_why(end, stopping, hyperparameters))
    return result


def sgd_optimization_mnist(
    learning_rate=DEFAULTS.learning_rate,
    n_epochs=DEFAULTS.n_epochs,
    dataset=DATASET,
    batch_size=DEFAULTS.batch_size,
):
    """Train the tutorial's model on MNIST with SGD and early stopping.

    Prints the tutorial's lines and keeps the best model in ``best_model.pkl``.

    Parameters
    ----------
    learning_rate : float
        Factor of the gradient in each step.
    n_epochs : int
        Passes over the training set at the most.
    dataset : str, path-like or sequence of pairs
        As for :func:`logreg.load_data`.
    batch_size : int
        Rows in a minibatch.

    Raises
    ------
    DatasetError, SettingError, ModelFileError
        If the data cannot be had, a setting makes no sense, or the model cannot be written.
    """
    hyperparameters = Hyperparameters(
        learning_rate=learning_rate, n_epochs=n_epochs, batch_size=batch_size
    )
    optimize(read_dataset(dataset, announce=True), hyperparameters)


class Progress(NamedTuple):
    """How far a run has come: last minibatch, seconds, test error and file of the best model."""

    iter: int = -1
    seconds: float = 0.0
    test_error: float = 0.0
    best: bytes = b""


class Result(NamedTuple):
    """What came of a run: its end, the errors of the best model as fractions, seconds."""

    end: End
    best_error: float
    test_error: float
    seconds: float


def _describe(data, validation):
    """What a model file tells beside the settings of the run."""
    return {
        "image_shape": data.image_shape,
        "pixel_scale": data.scale,
        "class_labels": data.class_labels,
        "epoch": validation.epoch,
        "iteration": validation.iter,
        "validation_error": validation.errors[0],
        "validation_error_all_rows": validation.errors[1],
        "test_error": validation.test_errors[0],
        "test_error_all_rows": validation.test_errors[1],
    }


def _print_validation(validation):
    where = "epoch %i, minibatch %i/%i" % validation[:3]
    print("%s, validation error %f %%" % (where, validation.errors[0] * 100.0), flush=True)
    if validation.test_errors:
        error = validation.test_errors[0] * 100.0
        print("     %s, test error of best model %f %%" % (where, error), flush=True)


def _print_result(result):
    print(
        "Optimization complete with best validation score of %f %%, with test performance %f %%"
        % (result.best_error * 100.0, result.test_error * 100.0)
    )
    epochs = result.end.epoch
    print("The code run for %d epochs, with %f epochs/sec" % (epochs, epochs / result.seconds))
    sys.stdout.flush()
    note("The code for file train.py ran for %.1fs" % result.seconds)


def _why(end, stopping, hyperparameters):
    """Say why a run ended."""
    if end.reason == "n_epochs":
        return f"stopped: all {hyperparameters.n_epochs} epochs were run"
    factor, threshold = hyperparameters.patience_increase, hyperparameters.improvement_threshold
    return (
        f"stopped by patience at iteration {end.iter}: the last significant gain (below "
        f"{threshold} of the best error before it) was at iteration {stopping.significant_iter}, "
        f"and patience is the larger of {stopping.initial_patience} and {factor} times that"
    )
