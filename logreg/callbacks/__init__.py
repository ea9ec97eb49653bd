"""Callbacks: the tutorial's lines, the best model, the history, checkpoints, signals.

:func:`logreg.sgd.fit` calls a list of them: `on_train_begin` from the last to the first, all else
from the first to the last. So a list has :class:`BestModel`, then :class:`History`, then
:class:`Checkpoint`, which restores a run before the others see it, and is written after the files
that it stands for. Here are classes of :class:`Callback`, each for one thing about a run.
"""

from logreg.callbacks.base import Callback as Callback
from logreg.callbacks.base import StopTraining as StopTraining
from logreg.callbacks.best_model import BestModel as BestModel
from logreg.callbacks.checkpoint import Checkpoint as Checkpoint
from logreg.callbacks.history import History as History
from logreg.callbacks.log import PrintLog as PrintLog
from logreg.callbacks.signals import Interruption as Interruption
