"""The engine: Theano, or PyTensor where Theano does not install; README.md is for who runs it.

Only this package knows which one runs: the others import `theano` and `T` from here. What it offers
stands in `interface`.
"""

from logreg.engine.expressions import is_symbolic
from logreg.engine.interface import NAME, VERSION, Stored, T as T, as_stored, check_expressions
from logreg.engine.interface import checked_labels, compile_errors, compile_mean, compile_step
from logreg.engine.interface import describe, digest, floatx, largest, n_rows
from logreg.engine.interface import set_value, settings, shared_data, stored, theano as theano
from logreg.engine.interface import use_device, value
