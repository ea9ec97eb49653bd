"""The command line of prediction: ``python -m logreg.predict`` or ``logreg-predict``."""

import argparse
import sys

import numpy

from logreg import __version__
from logreg.console import command, while_slow
from logreg.errors import DatasetError, SettingError
from logreg.hyperparameters import BEST_MODEL, DATASET

N_EXAMPLES = 10


def parser():
    """The options of prediction."""
    parser = argparse.ArgumentParser(
        prog="logreg-predict",
        description="Predict the classes of the first examples of a test set.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--model", metavar="FILE", default=BEST_MODEL, help="model file")
    add("--dataset", metavar="PATH", default=DATASET, help="data set: a file, folder or name")
    add("-n", metavar="N", type=int, default=N_EXAMPLES, help="how many examples")
    add("--version", action="version", version=f"logreg {__version__}")
    return parser


def predict(model=BEST_MODEL, dataset=DATASET, n=N_EXAMPLES):
    """Print what the best model predicts for the first examples of the test set.

    Parameters
    ----------
    model : str or path-like
        A model file.
    dataset : str, path-like or sequence of pairs
        As for :func:`logreg.load_data`.
    n : int
        How many examples.
    """
    if n < 1:
        raise SettingError(f"-n is {n}: it must be 1 or more")
    with while_slow("starting the engine: the first time on a machine, this takes a while"):
        from logreg.data import read_dataset, scaled
        from logreg.engine import theano
        from logreg.saving import load_model

    classifier = load_model(model)
    x, _ = read_dataset(dataset).test
    n_in = classifier.W.get_value(borrow=True).shape[0]
    if x.shape[1] != n_in:
        raise DatasetError(f"the model expects {n_in} features, got {x.shape}")
    with while_slow("compiling: the first time on a machine, this takes a few seconds"):
        predict_model = theano.function([classifier.input], classifier.y_pred)
    predicted = predict_model(scaled(x[:n], classifier.W.dtype))
    labels = numpy.asarray(classifier.metadata["class_labels"])
    print(f"Predicted values for the first {len(predicted)} examples in test set:")
    print(labels[predicted], flush=True)


@command
def main(argv=None):
    """Predict as the options say; see :func:`logreg.console.command` for the exit code."""
    args = parser().parse_args(argv)
    predict(args.model, args.dataset, args.n)


if __name__ == "__main__":
    sys.exit(main())
