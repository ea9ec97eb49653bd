"""The tutorial's run: softmax regression, trained on a data set by :mod:`logreg.sgd`."""

from dataclasses import asdict

from logreg import engine, updates
from logreg.console import note
from logreg.datasets import read_dataset, share
from logreg.datasets.columns import Columns
from logreg.engine import T
from logreg.hyperparameters import BEST_MODEL, DATASET, DEFAULTS, Hyperparameters
from logreg.model import LogisticRegression
from logreg.saving import check_writable, dump_model
from logreg.sgd import fit, whole_batches


def optimize(data, hyperparameters=DEFAULTS, output=BEST_MODEL, release=False, **options):
    """Train the tutorial's model on a data set.

    Parameters
    ----------
    data : DataSet
        As :func:`logreg.datasets.read_dataset` returns it.
    hyperparameters : Hyperparameters
    output : str or path-like
        Where the model file goes at each new best.
    release : bool
        As for :func:`logreg.datasets.share`.
    **options
        `checkpoint`, `history`, `on_validation` and `interruption` of :func:`fit`.

    Returns
    -------
    Result
    """
    sizes = [len(labels) for _, labels in (data.train, data.valid, data.test)]
    whole_batches(sizes, hyperparameters.batch_size)
    check_writable(output)

    print("... building the model", flush=True)
    x = T.matrix("x")
    y = T.ivector("y")
    classifier = LogisticRegression(input=x, n_in=data.n_in, n_out=data.n_out)
    cost = classifier.negative_log_likelihood(y)
    if hyperparameters.l1:
        cost += hyperparameters.l1 * abs(classifier.W).sum()
    if hyperparameters.l2:
        cost += hyperparameters.l2 * (classifier.W**2).sum()
    rule = [hyperparameters.learning_rate]
    if hyperparameters.momentum:
        rule.append(hyperparameters.momentum)
    step = (updates.momentum if hyperparameters.momentum else updates.sgd)(
        cost, classifier.params, *rule
    )

    floatx = engine.theano.config.floatX
    run = {**asdict(hyperparameters), "floatX": floatx}
    run.update(dataset=data.name, dataset_sha256=data.sha256(floatx), shuffle=data.shuffle)
    datasets = share(data, release)
    note(engine.describe())
    return fit(
        x,
        y,
        cost,
        classifier.errors(y),
        step,
        datasets,
        hyperparameters,
        output,
        dump=lambda validation: dump_model(classifier, **run, **_describe(data, validation)),
        run=run,
        **options,
    )


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
    data = read_dataset(dataset, announce=True, dtype=engine.theano.config.floatX)
    optimize(data, hyperparameters, release=data is not dataset)


def _describe(data, validation):
    """What a model file tells beside the settings of the run."""
    columns = data.columns or Columns(None, None, None)
    return {
        "image_shape": data.image_shape,
        "transposed": data.transposed,
        "pixel_scale": data.scale,
        "x_range": data.x_range,
        "x_median": data.x_median,
        "class_labels": data.class_labels,
        "label_name": columns.label_name,
        "feature_names": columns.names,
        "epoch": validation.epoch,
        "iteration": validation.iter,
        "validation_error": validation.errors[0],
        "validation_error_all_rows": validation.errors[1],
        "test_error": validation.test_errors[0],
        "test_error_all_rows": validation.test_errors[1],
    }
