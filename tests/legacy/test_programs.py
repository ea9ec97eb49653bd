"""Programs that were written for Theano run as they are."""

import textwrap

import pytest

from logreg import engine

TUTORIAL = """
import pickle, sys
import numpy
import theano
import theano.tensor as T
from logistic_sgd import LogisticRegression, load_data, sgd_optimization_mnist, predict


class Kept(object):
    pass


(x, y), _, _ = load_data("mnist_sample")
print(type(x).__name__ == type(LogisticRegression(x, 784, 10).W).__name__)
sgd_optimization_mnist(n_epochs=1, dataset="mnist_sample")
predict(dataset="mnist_sample")
print(sys.argv[1:], __name__, type(pickle.loads(pickle.dumps(Kept()))).__name__)
"""
NET = """
import os
os.environ["THEANO_FLAGS"] = os.environ.get("THEANO_FLAGS", "") + ",floatX=float32"
import numpy
import theano
import theano.tensor as T
from theano.tensor.nnet import conv2d
from theano.tensor.signal import pool
from theano.tensor.shared_randomstreams import RandomStreams
from logistic_sgd import LogisticRegression, load_data

(x_train, y_train), _, _ = load_data("mnist_sample")
random = numpy.random.RandomState(23455)
W = theano.shared(random.uniform(-0.2, 0.2, (4, 1, 5, 5)).astype(theano.config.floatX))
b = theano.shared(numpy.zeros(4, dtype=theano.config.floatX))
index, x, y = T.lscalar(), T.matrix("x"), T.ivector("y")
maps = conv2d(input=x.reshape((100, 1, 28, 28)), filters=W, filter_shape=(4, 1, 5, 5))
layer = T.tanh(pool.pool_2d(maps, ds=(2, 2), ignore_border=True) + b.dimshuffle("x", 0, "x", "x"))
layer = layer.flatten(2)
kept = RandomStreams(1).binomial(size=layer.shape, n=1, p=0.9, dtype=theano.config.floatX)
top = LogisticRegression(input=layer * kept, n_in=4 * 12 * 12, n_out=10)
cost = top.negative_log_likelihood(y)
params = top.params + [W, b]
updates = [(p, p - 0.1 * g) for p, g in zip(params, T.grad(cost, params))]
rows = slice(index * 100, (index + 1) * 100)
batch = {x: x_train[rows], y: y_train[rows]}
train = theano.function([index], cost, updates=updates, givens=batch)
costs = [float(train(i % 8)) for i in range(40)]
print(theano.config.floatX, costs[-1] < 0.7 * costs[0])
"""


@pytest.fixture
def run_old(run, working_folder):
    """Run a program by the command; return the process when it has ended."""

    def run_old(code, *args, python=()):
        (working_folder / "old.py").write_text(textwrap.dedent(code))
        return run(*python, "-m", "logreg.legacy", "old.py", *args)

    return run_old


def test_the_tutorials_module_is_there(run_old):
    done = run_old(TUTORIAL, "7", "--seed=3", "-v")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["... loading data", "True"]
    assert lines[-3] == "Predicted values for the first 10 examples in test set:"
    assert lines[-1] == "['7', '--seed=3', '-v'] __main__ Kept"


@pytest.mark.weekly
def test_a_net_trains(run_old):
    done = run_old(NET, python=["-W", "error::FutureWarning:__main__"])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "float32 True"
    assert "Traceback" not in done.stderr  # which PyTensor prints, and goes on
    assert "Warning" not in done.stderr.replace("DEPRECATION", "") or engine.NAME == "theano"


def test_a_module_beside_the_program_wins(run_old, working_folder):
    (working_folder / "logistic_sgd.py").write_text("load_data = 'mine'\n")
    done = run_old("from logistic_sgd import load_data\nprint(load_data)\n")
    assert done.stdout == "mine\n"


def test_the_import_is_enough(run):
    line = "import logreg.legacy; from theano.tensor.signal import downsample; import logistic_sgd"
    done = run("-c", line + "; print(logistic_sgd.LogisticRegression.__module__)")
    assert done.stdout == "logreg.model\n"


def test_python_2_is_told(run_old, working_folder):
    (working_folder / "other.py").write_text("x = 1\nprint 'x', x\n")
    done = run_old("import other")
    assert done.returncode == 1
    assert "line 2, is no Python 3" in done.stderr and "2to3 -w " in done.stderr
    assert "other.py converts" in done.stderr and "Traceback" not in done.stderr


def test_how_a_program_ends_is_how_the_command_does(run_old, run):
    assert run_old("raise SystemExit(3)").returncode == 3
    done = run_old("x = 1\nassert x == 2, 'x is not 2'\n")
    assert done.returncode == 1
    assert 'File "old.py", line 2' in done.stderr and "AssertionError: x is not 2" in done.stderr
    done = run("-m", "logreg.legacy", "none.py")
    assert done.returncode == 1 and done.stderr == "error: none.py: there is no such file\n"
