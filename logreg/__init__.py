"""The living edition of the Theano tutorial's logistic regression.

The public names are loaded when they are first used, so that what needs no engine
(``--help``, fetching MNIST) works without one and at once.
"""

import importlib

__version__ = "1.0.0"

_MODULE_OF = {
    "LogisticRegression": "model",
    "load_data": "datasets",
    "sgd_optimization_mnist": "sgd",
    "load_model": "saving",
    "save_model": "saving",
    "load_params": "saving",
    "save_params": "saving",
}
__all__ = [*_MODULE_OF, "__version__"]


def __getattr__(name):
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"logreg.{_MODULE_OF[name]}"), name)


def __dir__():
    return sorted({*globals(), *__all__})
