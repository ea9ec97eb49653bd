"""Programs that were written for Theano run as they are, on Theano 1.0.5 and on PyTensor.

    python -m logreg.legacy PROGRAM.py [ARGUMENTS]

Or, in a notebook or a test, ``import logreg.legacy`` is the first line: from then on, `theano` and
its modules can be imported, and `logistic_sgd` is the tutorial's module, unless a file of that name
lies beside the program. What Theano calls, and where it is now: logreg/engine/README.md.
"""

from logreg.legacy import hook as hook

hook.install()
