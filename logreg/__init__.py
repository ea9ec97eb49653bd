"""The living edition of the Theano tutorial's logistic regression.

The public names are loaded when they are first used, so that what needs no engine
(``--help``, fetching MNIST) works without one and at once.
"""

import importlib
from typing import TYPE_CHECKING

from logreg.basics.version import __version__ as __version__

if TYPE_CHECKING:
    from logreg.basics.errors import DatasetError as DatasetError
    from logreg.basics.errors import EngineError as EngineError
    from logreg.basics.errors import LogRegError as LogRegError
    from logreg.basics.errors import LogRegWarning as LogRegWarning
    from logreg.basics.errors import ModelFileError as ModelFileError
    from logreg.basics.errors import SettingError as SettingError
    from logreg.datasets.shared_sets import load_data as load_data
    from logreg.estimator import SoftmaxClassifier as SoftmaxClassifier
    from logreg.fitting import fit_table as fit_table
    from logreg.hyperparameters import Hyperparameters as Hyperparameters
    from logreg.model import LogisticRegression as LogisticRegression
    from logreg.prediction.predictor import Predictor as Predictor
    from logreg.saving.variables import load_model as load_model
    from logreg.saving.variables import load_params as load_params
    from logreg.saving.variables import save_model as save_model
    from logreg.saving.variables import save_params as save_params
    from logreg.sgd import fit as fit
    from logreg.sgd import sgd_optimization_mnist as sgd_optimization_mnist
    from logreg.updates import adagrad as adagrad
    from logreg.updates import adam as adam
    from logreg.updates import momentum as momentum
    from logreg.updates import nesterov as nesterov

_MODULE_OF = {
    "DatasetError": "basics.errors",
    "EngineError": "basics.errors",
    "Hyperparameters": "hyperparameters",
    "LogRegError": "basics.errors",
    "LogRegWarning": "basics.errors",
    "LogisticRegression": "model",
    "ModelFileError": "basics.errors",
    "Predictor": "prediction.predictor",
    "SettingError": "basics.errors",
    "SoftmaxClassifier": "estimator",
    # The rule of plain descent is updates.sgd: logreg.sgd is the module of the training loop.
    "adagrad": "updates",
    "adam": "updates",
    "momentum": "updates",
    "nesterov": "updates",
    "fit": "sgd",
    "fit_table": "fitting",
    "load_data": "datasets.shared_sets",
    "load_model": "saving.variables",
    "load_params": "saving.variables",
    "save_model": "saving.variables",
    "save_params": "saving.variables",
    "sgd_optimization_mnist": "sgd",
}
# SoftmaxClassifier needs the extra `sklearn`, without which `from logreg import *` is to work.
__all__ = [name for name in _MODULE_OF if name != "SoftmaxClassifier"]
__all__ += ["__version__", "updates"]


def __getattr__(name):
    if name == "updates":
        return importlib.import_module("logreg.updates")
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"logreg.{_MODULE_OF[name]}"), name)


def __dir__():
    return {*globals(), *_MODULE_OF, "updates"}
