r"""A multilayer perceptron: one hidden layer of tanh units under a logistic regression.

    python scripts/mlp.py --n-epochs 1 --check-reference

The hidden layer computes :math:`h(x) = \tanh(x W + b)`, and the classifier on top of it takes
:math:`h(x)` for its input. Both are trained together, by gradient descent on

.. math::

    -\frac{1}{n} \sum_i \log P(Y = y_i \mid x_i) + \lambda_1 \|W\|_1 + \lambda_2 \|W\|_2^2

with the weights of both layers in the penalties. Copy this file to begin a net of your own.
"""

import argparse
import sys
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from logreg import engine
from logreg.console import command, note
from logreg.datasets import read_dataset, share
from logreg.engine import T, theano
from logreg.errors import SettingError
from logreg.hyperparameters import DATASET, Hyperparameters
from logreg.model import LogisticRegression
from logreg.params import dump_params
from logreg.reference import percent
from logreg.sgd import fit
from logreg.updates import sgd

# The tutorial's validation and test error after the first epoch, in percent.
REFERENCE = ("9.620000", "10.090000")


class HiddenLayer:
    r"""A fully connected layer: :math:`\mathrm{activation}(x W + b)`.

    The weights begin uniform within :math:`\pm\sqrt{6 / (n_{in} + n_{out})}`, which keeps the
    units of a tanh layer from saturating (Glorot and Bengio, 2010).

    Parameters
    ----------
    rng : numpy.random.RandomState
    input : symbolic matrix, shape (n, n_in)
    n_in, n_out : int
        Units below, and in this layer.
    activation : callable
    """

    def __init__(self, rng, input, n_in, n_out, activation=T.tanh):
        bound = numpy.sqrt(6.0 / (n_in + n_out))
        W = rng.uniform(-bound, bound, size=(n_in, n_out))
        self.W = theano.shared(W.astype(theano.config.floatX), name="W")
        self.b = theano.shared(numpy.zeros(n_out, dtype=theano.config.floatX), name="b")
        self.output = activation(T.dot(input, self.W) + self.b)
        self.params = [self.W, self.b]


class MLP:
    """A hidden layer and a logistic regression on top of it.

    Parameters
    ----------
    rng : numpy.random.RandomState
    input : symbolic matrix, shape (n, n_in)
    n_in, n_hidden, n_out : int
        Features, hidden units, classes.
    """

    def __init__(self, rng, input, n_in, n_hidden, n_out):
        self.hidden = HiddenLayer(rng, input, n_in, n_hidden)
        self.classifier = LogisticRegression(self.hidden.output, n_hidden, n_out)
        self.params = self.hidden.params + self.classifier.params
        weights = [self.hidden.W, self.classifier.W]
        self.L1 = sum(abs(W).sum() for W in weights)
        self.L2_sqr = sum((W**2).sum() for W in weights)


def train_mlp(args):
    """Train on the data set that the options name; return the validations."""
    hyperparameters = Hyperparameters(
        learning_rate=args.learning_rate,
        n_epochs=args.n_epochs,
        batch_size=args.batch_size,
        patience=args.patience,
        l1=args.l1,
        l2=args.l2,
    )
    if args.n_hidden < 1:
        raise SettingError(f"n_hidden is {args.n_hidden}: it must be 1 or more")
    data = read_dataset(args.dataset, announce=True)
    data.check_outputs(args.output)

    print("... building the model", flush=True)
    x = T.matrix("x")
    y = T.ivector("y")
    mlp = MLP(numpy.random.RandomState(1234), x, data.n_in, args.n_hidden, data.n_out)
    cost = mlp.classifier.negative_log_likelihood(y)
    if args.l1:
        cost += args.l1 * mlp.L1
    if args.l2:
        cost += args.l2 * mlp.L2_sqr
    validations = []
    fit(
        x,
        y,
        cost,
        mlp.classifier.errors(y),
        sgd(cost, mlp.params, args.learning_rate),
        share(data),
        hyperparameters,
        args.output,
        dump=lambda validation: dump_params(mlp.params),
        on_validation=validations.append,
    )
    return validations


def parser():
    """The options, with the tutorial's values as defaults."""
    parser = argparse.ArgumentParser(
        description="Train a multilayer perceptron.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--dataset", metavar="PATH", default=DATASET, help="data set: a file, folder or name")
    add("--n-hidden", type=int, metavar="N", default=500, help="hidden units")
    add("--learning-rate", type=float, metavar="X", default=0.01, help="factor of the gradient")
    add("--l1", type=float, metavar="X", default=0.0, help="factor of the absolute weights")
    add("--l2", type=float, metavar="X", default=0.0001, help="factor of the squared weights")
    add("--n-epochs", type=int, metavar="N", default=1000, help="epochs at the most")
    add("--batch-size", type=int, metavar="N", default=20, help="rows in a minibatch")
    add("--patience", type=int, metavar="N", default=10000, help="minibatches to run in any case")
    add("--output", metavar="FILE", default="best_mlp.pkl", help="where the parameters go")
    add("--floatx", choices=("float32", "float64"), help="float type of data and parameters")
    add("--device", metavar="NAME", help="where data and parameters live: cpu, cuda, ...")
    add("--check-reference", action="store_true", help="compare epoch 1 with the tutorial's")
    return parser


@command
def main(argv=None):
    """Train as the options say; see :func:`logreg.console.command` for the exit code."""
    args = parser().parse_args(argv)
    engine.set_floatx(args.floatx)
    engine.use_device(args.device)
    first = train_mlp(args)[0]
    if not args.check_reference:
        return 0
    printed = percent(first.errors[0]), percent(first.test_errors[0])
    agrees = printed == REFERENCE
    note("epoch 1 agrees with the tutorial's" if agrees else f"the tutorial has {REFERENCE}")
    return 0 if agrees else 1


if __name__ == "__main__":
    sys.exit(main())
