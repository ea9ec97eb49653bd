"""Softmax regression as a native function, on NumPy arrays. It knows no engine."""

from logreg.kernel.functions import Rows, as_labels, classes, gradients, has_fma, is_built, is_off
from logreg.kernel.functions import instruction_sets, is_in_use, lay_out, n_threads, steps

# The version of the arithmetic, which decides the last bits of parameters. Whoever changes bits
# raises it: model files and checkpoints keep it.
ARITHMETIC = 1
