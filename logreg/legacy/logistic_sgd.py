"""The module of the tutorial's program, for programs that import from it."""

from logreg.datasets.sharing import load_data as load_data
from logreg.model import LogisticRegression as LogisticRegression
from logreg.predict import predict as predict
from logreg.sgd import sgd_optimization_mnist as sgd_optimization_mnist
