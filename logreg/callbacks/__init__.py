"""Callbacks: each does one thing at fixed moments of a run.

`log` prints lines, with what `verdict` says of a result, and `progress` the line at the bottom of a
terminal. `best_model`, `history` and `checkpoint` write files. `signals` handles Ctrl-C.
`reference` compares a run with the tutorial's log.

:func:`logreg.sgd.fit` calls them in their order. If one of them resumes a run, it does so in
`restore`, which is called before the other methods of all callbacks. So they get a resumed run in
the state that was restored.

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
