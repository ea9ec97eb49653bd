"""Softmax regression as a native function, on NumPy arrays. It knows no engine."""

from logreg.kernel.functions import Rows, as_labels, check_settings, classes, gradients, has_fma
from logreg.kernel.functions import instruction_sets, is_built, is_in_use, is_off, lay_out
from logreg.kernel.functions import n_threads, steps
