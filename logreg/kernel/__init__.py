"""Softmax regression as a native function, on NumPy arrays. It knows no engine."""

from logreg.kernel.functions import Rows, as_labels, classes, gradients, has_fma, is_built, is_off
from logreg.kernel.functions import instruction_sets, is_in_use, lay_out, n_threads, steps
