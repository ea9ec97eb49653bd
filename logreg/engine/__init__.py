"""The engine: Theano, or PyTensor where Theano does not install; README.md is for who runs it.

Only this package knows which one runs: the others import `theano` and `T` from here. What it offers
stands in `interface`.
"""

from logreg.engine.expressions import is_symbolic as is_symbolic
from logreg.engine.interface import NAME as NAME
from logreg.engine.interface import VERSION as VERSION
from logreg.engine.interface import Stored as Stored
from logreg.engine.interface import T as T
from logreg.engine.interface import as_stored as as_stored
from logreg.engine.interface import check_expressions as check_expressions
from logreg.engine.interface import checked_labels as checked_labels
from logreg.engine.interface import compile_errors as compile_errors
from logreg.engine.interface import compile_mean as compile_mean
from logreg.engine.interface import compile_step as compile_step
from logreg.engine.interface import describe as describe
from logreg.engine.interface import digest as digest
from logreg.engine.interface import floatx as floatx
from logreg.engine.interface import largest as largest
from logreg.engine.interface import n_rows as n_rows
from logreg.engine.interface import n_rows_here as n_rows_here
from logreg.engine.interface import set_value as set_value
from logreg.engine.interface import settings as settings
from logreg.engine.interface import shared_data as shared_data
from logreg.engine.interface import stored as stored
from logreg.engine.interface import theano as theano
from logreg.engine.interface import use_device as use_device
from logreg.engine.interface import value as value
