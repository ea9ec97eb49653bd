"""Softmax regression as a native function, on NumPy arrays. No engine comes in."""

from logreg.kernel.functions import Rows, as_labels, classes, gradients, is_built, is_off, is_wanted
from logreg.kernel.functions import lay_out, n_cores, n_threads, steps
