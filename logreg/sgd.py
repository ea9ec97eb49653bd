"""Minibatch stochastic gradient descent with early stopping: the tutorial's trainer.

What calls what:

    sgd_optimization_mnist          the tutorial's function: it reads MNIST
        train_softmax               the tutorial's model, on any DataSet: arrays or a table
            make_run, run_training
    fit                             any model: it checks what a user gives
        make_run                    the Run: the data, the settings and the state of a training
        run_training                the training itself, with its callbacks
            compile_functions       train_model, validate_model, test_model, by the tutorial's names
            descend                 the tutorial's loop
            refit_best              the best model anew, on training and validation rows

The data are a DataSet at first: NumPy arrays that were read, checked and split. Training takes
TrainingData, which has the same rows in shared variables. :func:`fit` makes it of what its user
gives: arrays, shared variables, or what :func:`logreg.load_data` returns, which is LoadedData.
"""

import contextlib
from typing import Any, Callable, NamedTuple, Sequence

import numpy

from logreg import engine
from logreg.basics.console import COMPILING, log, note, waiting_for_engine
from logreg.basics.errors import SettingError
from logreg.basics.files import BEST_MODEL, DATASET
from logreg.callbacks import BestModel, Callback, PrintLog
from logreg.callbacks.base import catching_stop, stopping_all_ranks
from logreg.datasets.dataset import read_dataset
from logreg.datasets.doubts import warn_of_doubtful_sets
from logreg.datasets.training_data import digest, share_dataset, share_given
from logreg.engine import Expressions, Minibatch
from logreg.hyperparameters import DEFAULTS, Hyperparameters
from logreg.model import tutorial_model
from logreg.parts.splits import SPLITS
from logreg.retraining.folds import FoldTraining
from logreg.retraining.refit import check_joinable, is_refit_by_default, refit_best
from logreg.run import Run, Validation


class TrainingFunctions(NamedTuple):
    """The functions that :func:`descend` calls, by the tutorial's names.

    ``train_model(first, last)`` takes the steps on the minibatches from `first` to `last` of an
    epoch, and returns their costs. ``validate_model()`` returns a dict: the errors and, if the
    criterion is 'loss', the loss, by their names in :class:`.Validation`. It returns None if the
    run has diverged. ``test_model()`` returns two errors of the test set: over its whole
    minibatches, as the tutorial counts, and over all its rows.
    """

    train_model: Callable
    validate_model: Callable
    test_model: Callable


def compile_functions(expressions, run, n_at_once=1):
    """Compile the :class:`TrainingFunctions` of a run.

    A call of ``train_model`` takes `n_at_once` steps at most.
    """
    minibatch = expressions.minibatch
    errors = expressions.errors
    data = run.data
    batch_size = run.hyperparameters.batch_size
    train_model = engine.compile_step(expressions, data.train, batch_size, n_at_once)
    compute_validation_errors = engine.compile_errors(minibatch, data.valid, batch_size, errors)
    test_model = engine.compile_errors(minibatch, data.test, batch_size, errors)
    mean_loss = None
    if run.criterion == "loss":
        mean_loss = engine.compile_mean(minibatch, data.valid, expressions.loss)

    def validate_model():
        # If parameters are NaN or scores overflow, the model predicts class 0 for every row. This
        # may give the lowest error so far.
        if engine.have_diverged(run.model_variables):
            return None
        error, error_all_rows = compute_validation_errors()
        measured = {"error": error, "error_all_rows": error_all_rows}
        if mean_loss:
            measured["loss"] = mean_loss()
        return measured

    return TrainingFunctions(train_model, validate_model, test_model)


def descend(functions, run, callbacks=(), n_at_once=1):
    """Train until 'patience' or 'n_epochs' run out: the tutorial's loop.

    `functions` are :class:`TrainingFunctions`. Where the tutorial trains on one minibatch, this
    loop trains on a block, of up to `n_at_once` minibatches, which ends where a validation is due.
    ``run.iter`` is the last minibatch trained on, counted from 0. It is -1 at first, and a resumed
    run goes on after it. Returns 'patience' or 'n_epochs', whichever ran out first; or 'diverged',
    if a validation finds a parameter that is too large or NaN.
    """
    last_of_all = run.hyperparameters.n_epochs * run.n_train_batches - 1
    costs = []  # since the last validation
    while not run.stopping.is_over(run.iter):
        if run.iter == last_of_all:
            return "n_epochs"
        costs.extend(run.train_on_block(functions.train_model, n_at_once, last_of_all))
        if (run.iter + 1) % run.validation_frequency == 0:
            measured = functions.validate_model()
            if measured is None:
                return "diverged"
            cost = float(numpy.mean(costs))
            costs.clear()
            validation = Validation(run.iter, cost, **measured, seconds=run.read_clock())
            run.validations.append(validation)
            is_new_best = run.stopping.update(run.iter, getattr(validation, run.criterion))
            if is_new_best:
                run.keep_best()
                # The tutorial tests each new best. With the loss, one test is made: at the end. The
                # validation is the same one, now with its test errors.
                if run.criterion == "error":
                    validation = run.add_test_errors(*functions.test_model())
            # Ranks are the processes that train together by MPI: if one is stopped, all are.
            with stopping_all_ranks():
                for callback in callbacks:
                    callback.on_validation(run, validation)
            run.check_row_counts()  # a callback may have given other rows
        with stopping_all_ranks():
            for callback in callbacks:
                callback.on_minibatch_end(run)  # the last one of the block
    return "patience"


def fit(
    x: Any, y: Any, cost: Any, errors: Any, updates: Any, datasets: Any,
    hyperparameters: Hyperparameters = DEFAULTS, callbacks: Sequence[Callback] = (),
    loss: Any = None, refit: bool = False, weights: Any = None,
) -> Run:  # fmt: skip
    """Train a model: any cost over a minibatch, by any rule of :mod:`logreg.updates`.

    Parameters
    ----------
    x, y : symbolic variables
        The minibatch and its labels, of which `cost` and `errors` are made.
    cost : symbolic scalar
        What to minimize: a mean over the minibatch, for any number of rows.
    errors : symbolic scalar
        The fraction of the minibatch that is misclassified.
    updates : list of (shared variable, symbolic expression)
        A step of descent. The variables keep their shapes.
    datasets : LoadedData or sequence of three pairs
        Training, validation and test set: what :func:`logreg.load_data` returns, or pairs (x, y) of
        shared variables, or of NumPy arrays, cast to the types of `x` and `y`; uint8 is divided by
        256. During the run, `set_value` of these shared variables may give other rows, as many as
        before. A change of an array in place may go unnoticed.
    hyperparameters : Hyperparameters
        `fit` reads the number of epochs, the batch size, and the settings of early stopping. The
        others, such as the learning rate, are not read: `cost` and `updates` contain their values.
    callbacks : sequence of Callback
        Objects whose methods are called during the run; see :mod:`logreg.callbacks`.
    loss : symbolic scalar, default: cost
        A mean over rows, such as the cost without penalties. With ``criterion='loss'``, it decides
        which model is the best.
    refit : bool
        Whether to train the best model anew at the end, on training and validation rows together.
    weights : symbolic vector, optional
        How much each row of the minibatch counts: `cost` and `errors` contain it. The rows of the
        data then need weights, as by ``load_data(..., weight_column="n")``. Within each set, they
        are divided by their mean.

    Returns
    -------
    Run

    Raises
    ------
    SettingError, DatasetError, ModelFileError
        Before anything is compiled, if an argument makes no sense, or a callback's file cannot be
        written. Later, if the run diverges before there is a model to keep.

    Examples
    --------
    >>> from logreg import Hyperparameters, LogisticRegression, fit, load_data, updates
    >>> from logreg.engine import T
    >>> x, y = T.matrix("x"), T.ivector("y")
    >>> classifier = LogisticRegression(input=x, n_in=784, n_out=10)
    >>> cost = classifier.negative_log_likelihood(y)
    >>> rule = updates.sgd(cost, classifier.params, learning_rate=0.13)
    >>> settings = Hyperparameters(batch_size=100, n_epochs=2)
    >>> run = fit(x, y, cost, classifier.errors(y), rule, load_data("mnist_sample"), settings)
    >>> run
    Run(epoch 2, 2 validations, best error 0.148000, n_epochs)
    """
    minibatch = Minibatch(x, y, weights)
    loss = cost if loss is None else loss
    expressions = engine.check_expressions(Expressions(minibatch, cost, errors, loss, updates))
    model_parts = engine.analyze(expressions)  # here for the numbers of columns and classes
    data = share_given(datasets, minibatch, model_parts)
    with engine.freeing_graphs(data.n_bytes):  # compiled graphs hold the data
        run = make_run(expressions, data, hyperparameters)
        return run_training(run, expressions, callbacks, refit)


def make_run(expressions, data, hyperparameters, is_tutorial_model=False):
    """Make the Run of a model whose :class:`.Expressions` and :class:`.TrainingData` were checked.

    `is_tutorial_model` says that :func:`.tutorial_model` made the expressions: then a model file
    tells all hyperparameters, and not only those of the loop.
    """
    _check_batch_size(data, hyperparameters.batch_size)
    # All ranks must train with the same settings on the same data.
    engine.ranks.check_same("hyperparameters", lambda: hyperparameters)
    engine.ranks.check_same("the data", lambda: [*map(digest, data.sets.values())])
    model_parts = engine.analyze(expressions)
    return Run(
        data,
        hyperparameters,
        variables=[variable for variable, _ in expressions.updates],
        params=model_parts.params,
        statistics=model_parts.statistics,  # such as the running means of batch normalization
        # W and b, if the model is softmax regression and no deeper net.
        classifier_params=engine.find_classifier_params(expressions),
        is_tutorial_model=is_tutorial_model,
    )


def _check_batch_size(data, batch_size):
    """Check that each set has a whole minibatch; note that many training rows are left over."""
    for split, row_set in data.sets.items():
        if row_set.n_rows < batch_size:
            raise SettingError(
                f"the batch size is {batch_size}, but the {SPLITS[split]} set has "
                f"{row_set.n_rows} rows"
            )
    n_rows = data.train.n_rows
    n_left = n_rows % batch_size
    if 10 * n_left >= n_rows:
        note(
            f"note: {n_left} of the {n_rows} training rows are left over by minibatches of "
            f"{batch_size} rows, and never trained on: another batch size leaves fewer"
        )


def run_training(run, expressions, callbacks=(), refit=False, folds=None):
    """Train the model of a new Run, to the end; return the Run.

    A callback may first set the run's state to that of an earlier one, which then goes on. With
    `folds`, a :class:`.FoldTraining`, `descend` trains the models of the folds, and the run's own
    model is trained after that. The other arguments are those of :func:`fit`.
    """
    if refit:
        check_joinable(run.data)
    for callback in callbacks:  # on all ranks, so that all go on from the same state
        callback.restore(run)
    callbacks = [c for c in callbacks if engine.ranks.rank == 0 or not c.on_rank_0_only]
    for callback in callbacks:
        callback.check(run)
    # All ranks take the same blocks of minibatches, even if a callback is on one rank alone.
    n_at_once = min(engine.ranks.gather(run.minibatches_at_once(callbacks)))
    with waiting_for_engine(COMPILING):
        if folds:
            folds.compile(n_at_once)
            functions = folds  # its train_model, ... are of the models of all folds together
        else:
            functions = compile_functions(expressions, run, n_at_once)
    for callback in callbacks:
        callback.on_train_begin(run)
    run.start_clock()
    with catching_stop(run):  # it sets the reason if a callback stops the run
        run.reason = descend(functions, run, callbacks, n_at_once)
    run.read_clock()
    if folds:
        folds.train_on_all_rows(run, expressions, callbacks)
    elif refit:
        refit_best(run, expressions, functions.validate_model, callbacks)
    # Each callback's `on_train_end` is called, even if the test below or another callback fails.
    # The stack calls the last one first, so the callbacks are added backwards.
    with contextlib.ExitStack() as stack:
        for callback in reversed(callbacks):
            stack.callback(callback.on_train_end, run)
        _check_has_best(run)
        # With folds, their models are tested, each on its fold. The model of all rows cannot be: no
        # rows are left.
        _test_best(run, functions.test_model)
    return run


def _check_has_best(run):
    """Raise a SettingError if a run has no best model, and nobody stopped it: it diverged."""
    if run.best_validation is None and not run.is_stopped:
        what = "no validation loss is finite"
        if run.reason == "diverged":
            what = "its parameters became too large"
        raise SettingError(
            f"the run diverged in epoch {run.epoch}: {what}; give a lower learning rate"
        )


def _test_best(run, test_model):
    """Test the best model, if there is one that was not tested."""
    best = run.best_validation
    # After a refit, the best model's parameters are no longer those that were tested.
    if best and (best.test_error is None or run.n_refit_rows):
        with run.at_its_best():
            run.add_test_errors(*test_model())


def train_softmax(data, hyperparameters=DEFAULTS, output=BEST_MODEL, callbacks=(), refit=None):
    """Train the tutorial's model on a DataSet, print its lines, and keep the best model.

    `output` is the model file. Without one, no model is kept, and no lines are printed, unless
    there is a :class:`.PrintLog` among the `callbacks`, which always prints the lines. `refit` is
    that of :func:`fit`. By default, a run refits if validation rows were split off a table, or off
    one array in memory, unless it has several ranks (processes that train together by MPI). A
    DataSet that was divided into folds trains by them: see :mod:`logreg.retraining.folds`. Returns
    the Run.
    """
    if data.folds and refit is not None:
        raise SettingError(
            "`refit` is for one split into three sets: give `folds=0`, or leave it out, as folds "
            "train the model on all rows"
        )
    classifier, expressions = tutorial_model(data, hyperparameters)
    warn_of_doubtful_sets(data)
    if output:
        log("... building the model")
        note(engine.describe(), is_part_of_log=True)
        if not any(isinstance(callback, PrintLog) for callback in callbacks):
            callbacks = [PrintLog(), *callbacks]
        callbacks = [BestModel(output, classifier), *callbacks]
    if data.folds:
        folds = FoldTraining(data, hyperparameters)
        # Its training set, the smallest one of a fold, only gives the length of an epoch.
        training_data = folds.run_data
    else:
        folds = None
        training_data = share_dataset(data)
        if refit is None:
            refit = is_refit_by_default(data)
    with engine.freeing_graphs(training_data.n_bytes):
        run = make_run(expressions, training_data, hyperparameters, is_tutorial_model=True)
        return run_training(run, expressions, callbacks, refit, folds)


def sgd_optimization_mnist(
    learning_rate: float = DEFAULTS.learning_rate,
    n_epochs: int = DEFAULTS.n_epochs,
    dataset: Any = DATASET,
    batch_size: int = DEFAULTS.batch_size,
) -> None:
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

    Examples
    --------
    After the lines that begin with three dots, which are left out here:

    >>> sgd_optimization_mnist(n_epochs=1, dataset="mnist_sample")  # doctest: +ELLIPSIS
    epoch 1, minibatch 8/8, validation error ... %
         epoch 1, minibatch 8/8, test error of best model ... %
    Optimization complete with best validation score of ... %, with test performance ... %
    The code run for 1 epochs, with ... epochs/sec
    """
    hyperparameters = Hyperparameters(
        learning_rate=learning_rate, n_epochs=n_epochs, batch_size=batch_size
    )
    log("... loading data")
    data = read_dataset(dataset, dtype=engine.theano.config.floatX)
    train_softmax(data, hyperparameters)
