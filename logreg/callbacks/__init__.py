"""Callbacks: the tutorial's lines, the best model, the history, checkpoints, signals.

:func:`logreg.sgd.fit` calls a list of them: `on_train_begin` from the last to the first, all else
from the first to the last. So a list has :class:`BestModel`, then :class:`History`, then
:class:`Checkpoint`, which restores a run before the others see it, and is written after the files
that it stands for. Here are classes of :class:`Callback`, each for one thing about a run.

Examples
--------
A learning rate that is halved at each validation, in a shared variable:

>>> import numpy
>>> from logreg import Hyperparameters, LogisticRegression, fit, load_data, updates
>>> from logreg.engine import T, theano
>>> rate = theano.shared(numpy.asarray(0.2, theano.config.floatX))
>>> class Halve(Callback):
...     def on_validation(self, run, validation):
...         rate.set_value(rate.get_value() / 2)
>>> x, y = T.matrix("x"), T.ivector("y")
>>> classifier = LogisticRegression(x, n_in=784, n_out=10)
>>> cost = classifier.negative_log_likelihood(y)
>>> rule = updates.sgd(cost, classifier.params, rate)
>>> data, settings = load_data("mnist_sample"), Hyperparameters(batch_size=100, n_epochs=2)
>>> run = fit(x, y, cost, classifier.errors(y), rule, data, settings, [Halve()])
>>> round(float(rate.get_value()), 6)
0.05
"""

from logreg.callbacks.base import Callback as Callback
from logreg.callbacks.base import StopTraining as StopTraining
from logreg.callbacks.best_model import BestModel as BestModel
from logreg.callbacks.checkpoint import Checkpoint as Checkpoint
from logreg.callbacks.history import History as History
from logreg.callbacks.log import PrintLog as PrintLog
from logreg.callbacks.signals import Interruption as Interruption
