"""Logistic regression by batch optimizers: conjugate gradient, as in the tutorial's footnote.

    python scripts/logistic_cg.py
    python scripts/logistic_cg.py --method l-bfgs

The same model and the same data as :mod:`logreg.train`. But where SGD takes a step after each
minibatch, these methods of SciPy take the cost and its gradient over the whole training set,
and choose the length of each step by a line search.

The tutorial's program has 11.531250 % and 11.635417 % after 10 iterations, and so has this one,
on both engines. After 50 it has 7.343750 % and 7.406250 %, in float32: as this one on Theano
through NumPy's BLAS, with two threads (THEANO_FLAGS=blas.ldflags=). By then the line search has
amplified how the sums are rounded, which is another with each BLAS and number of threads: seen
were 7.312500 % to 7.343750 % and 7.406250 % to 7.531250 %. In float64, both engines arrive at
7.312500 % and 7.416667 %.
"""

import argparse
import sys
import timeit
from pathlib import Path

import numpy
import scipy.optimize

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from logreg import engine
from logreg.console import command, note, starting
from logreg.datasets import read_dataset, share
from logreg.engine import T, theano
from logreg.errors import SettingError
from logreg.hyperparameters import DATASET
from logreg.model import LogisticRegression
from logreg.sgd import whole_batches

METHODS = {"cg": "CG", "l-bfgs": "L-BFGS-B"}
BATCH_SIZE = 600
# The tutorial's program after 50 iterations, in float32.
REFERENCE = ("7.343750", "7.406250")


class Objective:
    """Cost, gradient and errors of a logistic regression as functions of one vector theta.

    Parameters
    ----------
    data : DataSet
    """

    def __init__(self, data):
        datasets = share(data)
        counts = whole_batches([engine.n_rows(set_x) for set_x, _ in datasets], BATCH_SIZE)
        x, y = T.matrix("x"), T.ivector("y")
        self.classifier = LogisticRegression(x, data.n_in, data.n_out)
        cost = self.classifier.negative_log_likelihood(y)
        gradients = T.grad(cost, self.classifier.params)
        errors = self.classifier.errors(y)
        start = T.lscalar("start")
        rows = slice(start, start + BATCH_SIZE)

        def over_minibatches(outputs, dataset, n_batches):
            set_x, set_y = dataset
            function = theano.function([start], outputs, givens={x: set_x[rows], y: set_y[rows]})
            return lambda: (function(i * BATCH_SIZE) for i in range(n_batches))

        self.minibatches = over_minibatches([cost, *gradients], datasets[0], counts[0])
        self.validate, self.test = (
            over_minibatches(errors, dataset, n) for dataset, n in zip(datasets[1:], counts[1:])
        )

    @property
    def size(self):
        """Length of theta: the weights, row by row, and then the biases."""
        return sum(engine.value(param).size for param in self.classifier.params)

    def set_theta(self, theta):
        """Take theta apart and put it into W and b."""
        W, b = self.classifier.params
        n_out = engine.value(b).size
        engine.set_value(W, theta[:-n_out].reshape(-1, n_out))
        engine.set_value(b, theta[-n_out:])

    def __call__(self, theta):
        """Mean cost over the whole minibatches of the training set, and its gradient."""
        self.set_theta(theta)
        costs, total = [], 0.0
        for cost, gradient_W, gradient_b in self.minibatches():
            costs.append(cost)
            total = total + numpy.concatenate([gradient_W.ravel(), gradient_b])
        return numpy.mean(costs), (total / len(costs)).astype(theta.dtype)


def optimize(objective, method, n_iterations):
    """Minimize, print the validation error of each iteration, and return the best errors."""
    best = [numpy.inf, 0.0]

    def callback(theta):
        objective.set_theta(theta)
        error = numpy.mean(list(objective.validate()))
        print("validation error %f %%" % (error * 100.0), flush=True)
        if error < best[0]:
            best[:] = error, numpy.mean(list(objective.test()))

    # In float32, the largest step that SciPy would take overflows to infinity, and may.
    with numpy.errstate(over="ignore"):
        scipy.optimize.minimize(
            objective,
            # L-BFGS is Fortran in older versions of SciPy, and in double precision only.
            numpy.zeros(objective.size, theano.config.floatX if method == "cg" else "float64"),
            jac=True,
            method=METHODS[method],
            callback=callback,
            options={"maxiter": n_iterations},
        )
    return best


def parser():
    """The options."""
    parser = argparse.ArgumentParser(
        description="Train a logistic regression with a batch optimizer of SciPy.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", metavar="PATH", default=DATASET, help="data set: a file, folder or name")
    add("--method", choices=sorted(METHODS), default="cg", help="conjugate gradient or L-BFGS")
    add("--n-iterations", type=int, metavar="N", default=50, help="iterations at the most")
    add("--floatx", choices=("float32", "float64"), help="float type of data and parameters")
    add("--check-reference", action="store_true", help="compare with the tutorial's figures")
    return parser


@command
def main(argv=None):
    """Train as the options say; see :func:`logreg.console.command` for the exit code."""
    args = parser().parse_args(argv)
    if args.n_iterations < 1:
        raise SettingError(f"n_iterations is {args.n_iterations}: it must be 1 or more")
    engine.set_floatx(args.floatx)
    data = read_dataset(args.dataset, announce=True)
    print("... building the model", flush=True)
    with starting("compiling: the first time on a machine, this takes about 20 s"):
        objective = Objective(data)
    print(f"... optimizing with {METHODS[args.method]} of SciPy", flush=True)
    begin = timeit.default_timer()
    valid, test = (
        "%f" % (error * 100.0) for error in optimize(objective, args.method, args.n_iterations)
    )
    print(
        f"Optimization complete with best validation score of {valid} %, "
        f"with test performance {test} %"
    )
    note("The code for file logistic_cg.py ran for %.1fs" % (timeit.default_timer() - begin))
    if args.check_reference:
        note(f"the tutorial has {REFERENCE[0]} % and {REFERENCE[1]} % after 50 iterations")
        return 0 if (valid, test) == REFERENCE else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
