"""Programs that were written for Theano run as they are."""

import re

import pytest
from builders import sample, write

from logreg import Predictor

TUTORIAL = """
import os, pickle, sys
os.environ["THEANO_FLAGS"] = os.environ.get("THEANO_FLAGS", "") + ",floatX=float32"
import numpy
import theano
import theano.tensor as T
from logistic_sgd import LogisticRegression, load_data, sgd_optimization_mnist, predict

class Kept(object): pass

(x, y), _, _ = load_data("mnist_sample")
print(T.matrix().dtype, type(x) is type(LogisticRegression(x, 784, 10).W))
sgd_optimization_mnist(n_epochs=1, dataset="mnist_sample")
predict(dataset="mnist_sample")
print(sys.argv, __name__, type(pickle.loads(pickle.dumps(Kept()))).__name__)
"""


@pytest.fixture
def run_old(run):
    """Run a program by the command; return the process when it has ended."""

    def run_old(program, *args, **options):
        write("old.py", program)
        return run("-m", "logreg.legacy", "old.py", *args, **options)

    return run_old


def test_the_tutorials_module_is_there(run_old):
    done = run_old(TUTORIAL, "7", "--seed=3", "-v")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["... loading data", "float32 True"]
    assert lines[-3] == "Predicted values for the first 10 examples in test set:"
    assert lines[-1] == "['old.py', '7', '--seed=3', '-v'] __main__ Kept"


@pytest.mark.parametrize("module", ["theano", "logistic_sgd"])
def test_a_gpu_is_read_as_the_cpu(run_old, module):
    flags = "device=gpu0,floatX=float32,mode=FAST_COMPILE"
    program = f"import os\nos.environ['THEANO_FLAGS'] = '{flags}'\n"
    program += f"import {module}\nfrom theano import config\n"
    done = run_old(program + "print(config.device, config.floatX, config.mode)\n")
    assert done.stdout == "cpu float32 FAST_COMPILE\n"
    assert done.stderr == "note: Theano's settings have device=gpu0: the program runs on the CPU\n"


PREDICT = """
import pickle
import theano
from logistic_sgd import load_data

def predict():
    # The tutorial's last section: a file is loaded, and its graph is compiled.
    with open("best_model.pkl", "rb") as file:
        classifier = pickle.load(file)
    predict_model = theano.function(inputs=[classifier.input], outputs=classifier.y_pred)
    _, _, (test_set_x, test_set_y) = load_data("mnist_sample")
    print(predict_model(test_set_x.get_value()[:10]).tolist(), classifier.W.dtype)

predict()
"""


@pytest.mark.parametrize("trained, floatx", [("float32", "float64"), ("float64", "float32")])
def test_a_model_of_the_command_predicts_as_in_the_tutorial(trained, floatx, run_old, cli):
    cli(f"train mnist_sample --batch-size=100 --n-epochs=2 --floatx={trained}")
    flags = "import os\nos.environ['THEANO_FLAGS'] = os.environ.get('THEANO_FLAGS', '') "
    done = run_old(f"{flags}+ ',floatX={floatx}'\n" + PREDICT)
    classes = Predictor("best_model.pkl").predict(sample()["x_test"][:10])
    assert done.stdout == f"... loading data\n{classes.tolist()} {floatx}\n"
    assert ("its parameters are rounded" in done.stderr) == (floatx == "float32")


def test_a_module_beside_the_program_wins(run, working_folder):
    folder = working_folder / "programs"
    folder.mkdir()
    write(folder / "logistic_sgd.py", "import sys\nprint(sys.path[0])\n")
    write(folder / "old.py", "import logistic_sgd\n")
    assert run("-m", "logreg.legacy", "programs/old.py").stdout == f"{folder.resolve()}\n"


def test_python_2_is_told(run_old, working_folder):
    path = working_folder / "other.py"
    path.write_text("x = 1\nprint 'x', x\n")
    done = run_old("import other", code=1)
    said = rf"error: {path}, line 2, is no Python 3 \(Missing .*\): if it is Python 2, "
    said += rf"2to3 -w {path} converts it \(Python up to 3\.12 has 2to3\)\n"
    assert re.fullmatch(said, done.stderr)


def test_how_a_program_ends_is_how_the_command_does(run_old, run):
    run_old("raise SystemExit(3)", code=3)
    assert 'File "old.py", line 1' in run_old("eval('1 +')", code=1).stderr
    done = run("-m", "logreg.legacy", "none.py", code=1)
    assert done.stderr == "error: none.py: there is no such file\n"
