"""Softmax regression as a native function, on NumPy arrays. No engine comes in."""

from logreg.kernel.functions import MAX_CLASSES, classes, cross_entropy, descend, is_wanted
from logreg.kernel.functions import n_cores, n_threads, scores
