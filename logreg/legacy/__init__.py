"""Programs that were written for Theano run as they are, on Theano 1.0.5 and on PyTensor.

    python -m logreg.legacy PROGRAM.py [ARGUMENTS]

In a notebook or a test, make ``import logreg.legacy`` the first line. From then on, `theano` and
its modules can be imported, and `logistic_sgd` is the tutorial's module, unless a file of that name
lies beside the program. A table in logreg/engine/README.md says what stands in for Theano's names.
"""

from logreg.legacy import hook as hook

hook.install()
