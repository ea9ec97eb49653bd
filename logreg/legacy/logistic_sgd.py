"""The module of the tutorial's program, for programs that import from it."""

from logreg.basics.console import log
from logreg.datasets import shared_sets
from logreg.model import LogisticRegression as LogisticRegression
from logreg.predict import predict as predict
from logreg.sgd import sgd_optimization_mnist as sgd_optimization_mnist


def load_data(dataset):
    """Load a data set into shared variables, and say so as the tutorial's program does."""
    log("... loading data")
    return shared_sets.load_data(dataset)
