"""Softmax regression as a native function, on NumPy arrays. No engine comes in."""

from logreg.kernel.functions import classes, cross_entropy, descend, is_wanted, lay_out
from logreg.kernel.functions import n_cores, n_threads, scores
