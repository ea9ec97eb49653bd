"""What listens to a training run: the tutorial's lines, the best model, the history, signals.

:func:`logreg.sgd.fit` calls a callback's `on_train_begin`, `on_validation` and `on_train_end`,
and `on_minibatch_end` where it has one. Before the first minibatch the list is called from its
end, afterwards from its beginning. So give :class:`BestModel`, then :class:`History`, then
:class:`Checkpoint`: a checkpoint restores the run before the others look at it, and is written
after the files that it stands for.
"""

from logreg.callbacks.base import Callback as Callback
from logreg.callbacks.base import StopTraining as StopTraining
from logreg.callbacks.best_model import BestModel as BestModel
from logreg.callbacks.checkpoint import Checkpoint as Checkpoint
from logreg.callbacks.history import History as History
from logreg.callbacks.log import PrintLog as PrintLog
from logreg.callbacks.signals import Interruption as Interruption
