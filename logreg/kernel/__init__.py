"""Softmax regression as a native function, on NumPy arrays. No engine comes in."""

from logreg.kernel.functions import MAX_CLASSES as MAX_CLASSES
from logreg.kernel.functions import classes as classes
from logreg.kernel.functions import cross_entropy as cross_entropy
from logreg.kernel.functions import descend as descend
from logreg.kernel.functions import is_wanted as is_wanted
from logreg.kernel.functions import n_cores as n_cores
from logreg.kernel.functions import n_threads as n_threads
from logreg.kernel.functions import scores as scores
