"""Minibatch stochastic gradient descent with early stopping: the tutorial's trainer.

:func:`fit` trains any model: a cost, an error expression and a list of updates are all that it
knows of one. :func:`sgd_optimization_mnist` trains the tutorial's.
"""

import math
from dataclasses import asdict

import numpy

from logreg import engine
from logreg.arguments import check_arguments
from logreg.callbacks import BestModel, PrintLog, StopTraining
from logreg.callbacks.verdict import Verdict
from logreg.datasets import read_dataset, share
from logreg.datasets.checks import SPLITS
from logreg.early_stopping import EarlyStopping
from logreg.errors import SettingError
from logreg.hyperparameters import BEST_MODEL, DATASET, DEFAULTS, Hyperparameters
from logreg.objective import balanced_weights, softmax_regression
from logreg.run import Run, Validation
from logreg.saving import dumps_model
from logreg.shell import ranks
from logreg.shell.console import collecting, note, starting
from logreg.shell.files import owning


def whole_batches(n_rows, batch_size):
    """Count the whole minibatches in sets of `n_rows` rows: training, validation and test.

    The rows that are left over are not used. A set without a minibatch is a SettingError.
    """
    least, split = min(zip(n_rows, SPLITS.values()), key=lambda pair: pair[0])
    if least == 0:
        raise SettingError(f"the {split} set is empty: it needs a minibatch of rows at least")
    if least < batch_size:
        raise SettingError(
            f"the batch size is {batch_size}, but the {split} set has {least} rows: "
            f"give a batch size of {least} or less"
        )
    return [n // batch_size for n in n_rows]


def compile_functions(x, y, cost, errors, updates, datasets, hyperparameters=DEFAULTS):
    """Compile `train_model`, `validate_model` and `test_model`; count the training minibatches.

    ``train_model(i)`` takes a step on minibatch i, at once or later; ``train_model.costs()`` gives
    the costs of the steps since it was last asked. Each of the other two returns the error over
    its set's whole minibatches, as the tutorial counts, and over all of its rows.
    """
    batch_size = hyperparameters.batch_size
    sizes = [engine.n_rows(shared_x) for shared_x, _ in datasets]
    n_batches = whole_batches(sizes, batch_size)
    n_left = sizes[0] % batch_size
    if 10 * n_left >= sizes[0]:
        note(
            f"note: {n_left} of the {sizes[0]} training rows are left over by minibatches of "
            f"{batch_size} rows, and never trained on: another batch size leaves fewer"
        )
    validation_frequency = min(n_batches[0], hyperparameters.patience // 2)

    train_model = engine.compile_step(
        x, y, datasets[0], batch_size, cost, updates, block=validation_frequency
    )
    validate_model, test_model = (
        engine.compile_errors(x, y, dataset, batch_size, errors) for dataset in datasets[1:]
    )
    return train_model, validate_model, test_model, n_batches[0]


def train(functions, run, callbacks=()):
    """Train until 'patience' or 'n_epochs' run out: the tutorial's double loop.

    `functions` are those of :func:`compile_functions`. `run` may have begun already. Returned is
    what ran out, or 'diverged' if a variable of the run is no longer finite.
    """
    train_model, validate_model, test_model, n_train_batches = functions
    stopping = run.stopping
    validation_frequency = min(n_train_batches, stopping.initial_patience // 2)
    listeners = [callback for callback in callbacks if hasattr(callback, "on_minibatch_end")]
    if stopping.is_over(run.iter):  # a resumed run may be
        return "patience"
    for epoch in range(run.hyperparameters.n_epochs):
        for minibatch_index in range(n_train_batches):
            iter = epoch * n_train_batches + minibatch_index
            if iter <= run.iter:  # a resumed run has it behind it
                continue
            train_model(minibatch_index)
            run.iter = iter
            if (iter + 1) % validation_frequency == 0:
                minibatch = (epoch + 1, minibatch_index + 1, n_train_batches, iter)
                errors = validate_model()
                cost = float(numpy.mean(train_model.costs()))
                # A model that is not a number predicts class 0, which may well be right most often.
                is_suspect = errors[0] < stopping.best_loss or not math.isfinite(cost)
                if is_suspect and not engine.are_finite(run.variables):
                    return "diverged"
                is_best = stopping.update(iter, errors[0])
                test_errors = test_model() if is_best else (None, None)
                validation = Validation(*minibatch, cost, *errors, *test_errors, run.curve)
                run.update(validation)
                for callback in callbacks:
                    callback.on_validation(run, validation)
            if stopping.is_over(iter):
                return "patience"
            for callback in listeners:
                callback.on_minibatch_end(run)
    return "n_epochs"


@collecting()
def fit(x, y, cost, errors, updates, datasets, hyperparameters=DEFAULTS, callbacks=()):
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
    datasets : list of pairs
        Training, validation and test set: pairs (x, y) as :func:`logreg.load_data` returns them,
        or of NumPy arrays. These are cast to the types of `x` and `y`; uint8 is divided by 256.
    hyperparameters : Hyperparameters
        Of these, all but what `cost` and `updates` are made with.
    callbacks : sequence of Callback
        What listens to the run; see :mod:`logreg.callbacks`.

    Returns
    -------
    Run

    Raises
    ------
    SettingError, DatasetError
        If an argument makes no sense: then nothing is compiled. Or if the run diverges before
        there is a model to keep.
    ModelFileError
        If another run has a file that a callback writes.

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
    >>> run.epoch, run.reason
    (2, 'n_epochs')
    """
    hyperparameters = ranks.same_on_all(hyperparameters)
    callbacks = [c for c in callbacks if not (ranks.rank and getattr(c, "is_for_first", False))]
    updates, datasets, params = check_arguments(
        x, y, cost, errors, updates, datasets, hyperparameters
    )
    with owning(path for callback in callbacks for path in callback.files):
        with starting("compiling: the first time on a machine, this takes a while"):
            functions = compile_functions(x, y, cost, errors, updates, datasets, hyperparameters)
        train_model, _, _, n_train_batches = functions
        stopping = EarlyStopping(
            hyperparameters.patience,
            hyperparameters.patience_increase,
            hyperparameters.improvement_threshold,
            hyperparameters.ties,
        )
        run = Run([v for v, _ in updates], hyperparameters, stopping, n_train_batches)
        run.params, run.n_threads = params, train_model.n_threads
        for callback in reversed(callbacks):
            callback.on_train_begin(run)
        run.start_clock()
        try:
            run.reason = train(functions, run, callbacks)
        except StopTraining:
            run.reason = "interrupted"
        train_model.costs()  # a device computes what it has queued
        run.read_clock()
        if run.reason == "diverged" and stopping.best_iter is None:
            raise SettingError(
                f"the run diverged in epoch {run.epoch}: its parameters are not finite, and there "
                "is no model to keep; give a lower learning rate"
            )
        for callback in callbacks:
            callback.on_train_end(run)
        return run


def run_settings(data, hyperparameters):
    """Collect what decides the bits of a run, and must be the same when it is resumed."""
    floatx, scaling = engine.theano.config.floatX, data.preprocessing
    return {
        **asdict(hyperparameters),
        "floatX": floatx,
        "dataset": data.name,
        "dataset_sha256": data.sha256,
        "shuffle": data.shuffle,
        **({"pixel_scale": scaling.pixel_scale} if scaling.scale_all else {}),
    }


@collecting()
def sgd_optimization(
    data, hyperparameters=DEFAULTS, output=BEST_MODEL, release=False, listeners=()
):
    """Train the tutorial's model on a DataSet, print its lines, and keep the best model.

    `output` is the model file. `release` is that of :func:`logreg.datasets.share`, and `listeners`
    are callbacks beside those that print the lines and keep the model. The Run is returned.
    """
    whole_batches(data.sizes(), hyperparameters.batch_size)  # or an error, before all the work
    verdict = Verdict(*data.most_frequent_class, data.n_out)
    about = {**run_settings(data, hyperparameters), **data.metadata()}
    best_model = BestModel(output, lambda v: dumps_model(classifier, **about, **v.metadata()))

    print("... building the model", flush=True)
    weights = balanced_weights(data.class_counts) if hyperparameters.class_weight else None
    classifier, expressions = softmax_regression(data.n_in, data.n_out, hyperparameters, weights)
    datasets = share(data, release, as_stored=True)
    note(engine.describe())
    callbacks = [PrintLog(), verdict, best_model, *listeners]
    return fit(*expressions, datasets, hyperparameters, callbacks)


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

    Examples
    --------
    After the lines that begin with three dots:

    >>> sgd_optimization_mnist(n_epochs=1, dataset="mnist_sample")  # doctest: +ELLIPSIS
    epoch 1, minibatch 8/8, validation error ... %
         epoch 1, minibatch 8/8, test error of best model ... %
    Optimization complete with best validation score of ... %, with test performance ... %
    The code run for 1 epochs, with ... epochs/sec
    """
    hyperparameters = Hyperparameters(
        learning_rate=learning_rate, n_epochs=n_epochs, batch_size=batch_size
    )
    data = read_dataset(dataset, announce=True, dtype=engine.theano.config.floatX)
    sgd_optimization(data, hyperparameters, release=data is not dataset)
