"""The module of the tutorial's program, for programs that import from it.

    from logistic_sgd import LogisticRegression, load_data, sgd_optimization_mnist, predict

works where this file lies beside the program, or its folder is on PYTHONPATH.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent))  # the clone, if this file is in it

from logreg import LogisticRegression as LogisticRegression
from logreg import load_data as load_data
from logreg import sgd_optimization_mnist
from logreg.predict import predict as predict

if __name__ == "__main__":
    sgd_optimization_mnist()
