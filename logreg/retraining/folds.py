"""Training by folds, which choose the number of epochs and give the test error.

All rows are divided into folds. For each fold, there is a model that trains on the rows of the
other folds, and the rows of the fold validate it. All these models train side by side. The mean of
their validations decides when to stop, and which epoch is the best.

The rows of a fold are its test rows, too. Its model tests them with the parameters that it had in
the epoch that was the best of the *other* folds. So the test rows have no part in that choice.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Callable

import numpy

from logreg import engine
from logreg.basics.errors import SettingError
from logreg.datasets.training_data import share_dataset
from logreg.model import tutorial_model
from logreg.parts.statistics import softmax
from logreg.retraining.refit import train_anew


@dataclass(eq=False)
class _FoldModel:
    """The model that has not seen a fold, and its functions.

    `best_value` is the lowest mean over the other folds so far, of the error or of the loss, as the
    criterion says. `best_params` are what this model's `params` were at that validation.
    """

    params: list
    train_model: Callable
    mean_error: Callable
    mean_loss: Callable
    test_x: numpy.ndarray  # the rows of the fold, as the model takes them
    test_y: numpy.ndarray
    weight: float  # the number of the fold's rows, or the sum of their weights
    best_value: float = math.inf
    best_params: Any = None

    def probabilities(self):
        """The probability of each class, for each row of the fold."""
        W, b = self.best_params
        return softmax(self.test_x @ W + b)


class FoldTraining:
    """The trainings of a DataSet with `folds`: what `descend` calls, and what follows it.

    The methods `train_model`, `validate_model` and `test_model` are those of
    :class:`.TrainingFunctions`, for all folds together.

    Parameters
    ----------
    data : DataSet
    hyperparameters : Hyperparameters

    Attributes
    ----------
    whole : TrainingData
        Of all rows.
    run_data : TrainingData
        The same, but with the smallest of the folds' training sets. It only sets the length of an
        epoch: each of the models takes as many minibatches as this set has.
    """

    def __init__(self, data, hyperparameters):
        self._data = data
        self._hyperparameters = hyperparameters
        self._fold_data = [share_dataset(fold) for fold in data.folds]
        self._models = []
        self.whole = share_dataset(data)
        smallest = min(self._fold_data, key=lambda each: each.train.n_rows)
        self.run_data = replace(self.whole, train=smallest.train)

    def compile(self, n_at_once):
        """Compile the functions of all folds, with `n_at_once` steps at most."""
        for fold, shared in zip(self._data.folds, self._fold_data):
            self._models.append(self._compile(fold, shared, n_at_once))

    def _compile(self, fold, shared, n_at_once):
        classifier, expressions = tutorial_model(fold, self._hyperparameters)
        minibatch = expressions.minibatch
        x, y = fold.test  # the rows of the fold, before the preprocessing
        batch_size = self._hyperparameters.batch_size
        return _FoldModel(
            params=classifier.params,
            train_model=engine.compile_step(expressions, shared.train, batch_size, n_at_once),
            mean_error=engine.compile_mean(minibatch, shared.valid, expressions.errors),
            mean_loss=engine.compile_mean(minibatch, shared.valid, expressions.loss),
            test_x=fold.facts.preprocessing.apply(x, engine.theano.config.floatX),
            test_y=y,
            weight=float(fold.weights["test"].sum()) if fold.weights else len(y),
        )

    def train_model(self, first, last):
        """Take the steps of all models; return their costs, those of the first model first."""
        costs = []
        for model in self._models:
            costs.extend(model.train_model(first, last))
        return costs

    def validate_model(self):
        params = [param for model in self._models for param in model.params]
        if engine.have_diverged(params):
            return None
        # Plain floats: for a few numbers, they are many times as fast as arrays.
        error_sums = [model.mean_error() * model.weight for model in self._models]
        loss_sums = [model.mean_loss() * model.weight for model in self._models]
        total_weight = sum(model.weight for model in self._models)
        sums = error_sums
        if self._hyperparameters.criterion == "loss":
            sums = loss_sums
        total = sum(sums)
        for model, sum_of_fold in zip(self._models, sums):
            value_of_others = (total - sum_of_fold) / (total_weight - model.weight)
            if value_of_others < model.best_value:
                model.best_value = value_of_others
                model.best_params = engine.copy_values(model.params)
        error = sum(error_sums) / total_weight
        loss = sum(loss_sums) / total_weight
        return {"error": error, "error_all_rows": error, "loss": loss}

    def test_model(self):
        """Test each row by the model that has not seen it. There are no whole minibatches here."""
        n_wrong = 0.0
        for model, fold in zip(self._models, self._data.folds):
            is_wrong = model.probabilities().argmax(axis=1) != model.test_y
            weights = fold.weights["test"] if fold.weights else numpy.ones(len(is_wrong))
            n_wrong += float(weights @ is_wrong)
        error = n_wrong / float(sum(model.weight for model in self._models))
        return error, error

    def train_on_all_rows(self, run, expressions, callbacks):
        """Train the model of a run, for as many epochs as the folds had at their best validation.

        It is trained to the end even if a callback has stopped the run, or stops it now. A
        SettingError says that it diverged.
        """
        if run.best_validation is None:
            return
        n_epochs = (run.stopping.best_iter + 1) / run.n_train_batches
        n_batches = self.whole.train.n_rows // run.hyperparameters.batch_size
        last = round(n_epochs * n_batches) - 1
        train_anew(run, expressions, self.whole, last, callbacks)
        if engine.have_diverged(run.model_variables):
            raise SettingError(
                "trained on all rows, the model diverged: its parameters became too large; give a "
                "lower learning rate"
            )
        run.best_values = engine.copy_values(run.model_variables)
        run.tested_probabilities = self._probabilities()

    def _probabilities(self):
        """The probabilities of all rows, each by the model that has not seen it, in their order."""
        found = numpy.concatenate([model.probabilities() for model in self._models])
        in_order = numpy.empty_like(found)
        in_order[numpy.concatenate(self._data.fold_rows)] = found
        return in_order
