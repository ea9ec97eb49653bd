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
from dataclasses import fields, replace
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


from logreg import engine
from logreg.basics.console import log, note
from logreg.basics.errors import SettingError
from logreg.basics.files import DATASET
from logreg.callbacks import BestModel, PrintLog
from logreg.callbacks.reference import as_logged
from logreg.cli.command import command
from logreg.cli.options import add_file, add_settings
from logreg.datasets.dataset import read_dataset
from logreg.datasets.shared_sets import share_as_floats
from logreg.engine import T, theano
from logreg.hyperparameters import Hyperparameters
from logreg.model import LogisticRegression
from logreg.sgd import fit
from logreg.updates import sgd

TUTORIAL = Hyperparameters(learning_rate=0.01, batch_size=20, patience=10000, l2=0.0001)
OPTIONS = ("learning_rate", "n_epochs", "batch_size", "patience", "l1", "l2")
REFERENCE = ("9.620000", "10.090000")  # the tutorial's errors in percent after the first epoch


class HiddenLayer:
    r"""A fully connected layer: :math:`\mathrm{activation}(x W + b)`.

    The weights begin uniform within :math:`\pm\sqrt{6 / (n_{in} + n_{out})}`, which keeps the
    units of a tanh layer from saturating (Glorot and Bengio, 2010). `rng` is a
    :class:`numpy.random.RandomState`, and `input` a symbolic matrix of shape (n, n_in).
    """

    def __init__(self, rng, input, n_in, n_out, activation=T.tanh):
        bound = numpy.sqrt(6.0 / (n_in + n_out))
        W = rng.uniform(-bound, bound, size=(n_in, n_out))
        self.W = theano.shared(W.astype(theano.config.floatX), name="W")
        self.b = theano.shared(numpy.zeros(n_out, dtype=theano.config.floatX), name="b")
        self.output = activation(T.dot(input, self.W) + self.b)
        self.params = [self.W, self.b]


class MLP:
    """A hidden layer of `n_hidden` units and a logistic regression on top of it."""

    def __init__(self, rng, input, n_in, n_hidden, n_out):
        self.hidden = HiddenLayer(rng, input, n_in, n_hidden)
        self.classifier = LogisticRegression(self.hidden.output, n_hidden, n_out)
        self.params = self.hidden.params + self.classifier.params
        weights = [self.hidden.W, self.classifier.W]
        self.L1 = sum(abs(W).sum() for W in weights)
        self.L2_sqr = sum((W**2).sum() for W in weights)


def train_mlp(data, n_hidden, hyperparameters, output):
    """Train on a :class:`logreg.datasets.dataset.DataSet`, keep the best parameters in a file."""
    print("... building the model", flush=True)
    x = T.matrix("x")
    y = T.ivector("y")
    mlp = MLP(numpy.random.RandomState(1234), x, data.facts.n_in, n_hidden, data.facts.n_out)
    cost = mlp.classifier.negative_log_likelihood(y)
    if hyperparameters.l1:
        cost += hyperparameters.l1 * mlp.L1
    if hyperparameters.l2:
        cost += hyperparameters.l2 * mlp.L2_sqr
    rule = sgd(cost, mlp.params, hyperparameters.learning_rate)
    errors = mlp.classifier.errors(y)
    callbacks = [PrintLog(), BestModel(output)]
    return fit(x, y, cost, errors, rule, share_as_floats(data), hyperparameters, callbacks)


@command
def main(argv=None):
    """Train as the options say; see :mod:`logreg.cli.command` for the exit code."""
    parser = argparse.ArgumentParser(description="Train a multilayer perceptron.")
    default = " (default: %(default)s)"
    add = parser.add_argument
    path = f"a file, folder or name{default}"
    add_file(parser, "--dataset", metavar="PATH", default=DATASET, help=path)
    add("--n-hidden", type=int, metavar="N", default=500, help=f"hidden units{default}")
    settings = [setting for setting in fields(Hyperparameters) if setting.name in OPTIONS]
    add_settings(parser, settings, vars(TUTORIAL))
    output = f"where the parameters go{default}"
    add_file(parser, "--output", default="best_mlp.pkl", help=output)
    add("--floatx", choices=("float32", "float64"), help="float type of data and parameters")
    add("--device", metavar="NAME", help="where data and parameters live: cpu, cuda, ...")
    add("--check-reference", action="store_true", help="compare epoch 1 with the tutorial's")
    args = parser.parse_args(argv)
    given = {name: getattr(args, name) for name in OPTIONS if getattr(args, name) is not None}
    hyperparameters = replace(TUTORIAL, **given)
    if args.n_hidden < 1:
        raise SettingError(f"n_hidden is {args.n_hidden}: it must be 1 or more")
    with engine.settings(args.floatx, args.device):
        log("... loading data")
        data = read_dataset(args.dataset, dtype=theano.config.floatX)
        data.refuse_overwriting_data(args.output)
        run = train_mlp(data, args.n_hidden, hyperparameters, args.output)
    if args.check_reference:
        first = run.validations[0]
        note("the tutorial has %s %% and %s %% after epoch 1" % REFERENCE)
        return int((as_logged(first.error), as_logged(first.test_error)) != REFERENCE)


if __name__ == "__main__":
    sys.exit(main())
