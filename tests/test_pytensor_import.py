"""What PyTensor is told beyond Theano's names: the results stay those of NumPy."""

import shutil

import numpy
import pytest

from logreg import engine
from logreg.engine import T, theano
from logreg.model import LogisticRegression
from logreg.pytensor_import import compiled

pytestmark = pytest.mark.skipif(engine.NAME != "pytensor", reason="about PyTensor")


@pytest.fixture(autouse=True)
def float32():
    with engine.floatx("float32"):
        yield


def operations(function):
    return [type(node.op).__name__ for node in function.maker.fgraph.toposort()]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_the_argmax_is_numpys(dtype):
    x = T.matrix("x", dtype=dtype)
    function = compiled([x], T.argmax(x, axis=1))
    assert "Argmax" not in operations(function)
    rows = [[1, 3, 2], [3, 1, 3], [2, 2, 2], [-5, -5, -4]]
    if dtype != "int8":
        nan, inf = numpy.nan, numpy.inf
        rows += [[nan, 1, nan], [1, nan, inf], [-inf, -inf, -inf], [inf, 1, inf]]
    value = numpy.array(rows, dtype)
    found = function(value)
    assert found.dtype == "int64" and found.tolist() == value.argmax(axis=1).tolist()


def test_other_axes_are_left_alone():
    x = T.matrix("x")
    value = numpy.random.RandomState(1).rand(4, 3).astype("f4")
    for axis in (0, None):
        function = compiled([x], T.argmax(x, axis=axis))
        assert function(value).tolist() == value.argmax(axis=axis).tolist()


def sums(n_rows, rows, labels, base=0.0, values=(2.0, -1.0, 0.5)):
    """What NumPy and PyTensor make of the sums of rows into which values are written."""
    expected = numpy.full((n_rows, 3), base, "f4")
    numpy.add.at(expected, (rows, labels), numpy.asarray(values, "f4"))
    y = T.ivector("y")
    matrix = T.zeros((n_rows, 3), dtype="float32") + numpy.float32(base)
    matrix = matrix[rows, y].inc(T.constant(numpy.asarray(values, "f4")))
    function = compiled([y], matrix.sum(axis=1))
    return function, function(numpy.asarray(labels, "i4")), expected.sum(axis=1)


def test_rows_with_one_entry_sum_to_it():
    function, found, expected = sums(3, numpy.arange(3), [2, 0, 1])
    assert "AdvancedIncSubtensor" not in operations(function)
    assert found.dtype == "float32" and found.tolist() == expected.tolist() == [2, -1, 0.5]


@pytest.mark.parametrize(
    "n_rows, rows, base",
    [(4, numpy.arange(3), 0.0), (3, numpy.array([0, 0, 1]), 0.0), (3, numpy.arange(3), 1.0)],
)
def test_other_sums_are_left_alone(n_rows, rows, base):
    _, found, expected = sums(n_rows, rows, [2, 0, 1], base)
    assert found.tolist() == expected.tolist()


@pytest.mark.parametrize("values", [1.0, [1.0, 2.0, 3.0]])
def test_several_entries_a_row_are_summed(values):
    labels = numpy.array([[2, 0, 1], [1, 1, 3]], "i4")
    y = T.imatrix("y")
    matrix = T.zeros((3, 4), dtype="float32")[numpy.arange(3), y].inc(numpy.asarray(values, "f4"))
    expected = numpy.zeros((3, 4))
    numpy.add.at(expected, (numpy.arange(3), labels), values)
    found = compiled([y], matrix.sum(axis=1))(labels)
    assert found.tolist() == expected.sum(axis=1).tolist()


def test_entries_of_more_axes_are_summed(capfd):
    rows, labels = numpy.arange(3), numpy.array([2, 0, 1], "i4")
    y = T.ivector("y")
    values = numpy.arange(9, dtype="f4").reshape(3, 3)
    for index, shape in (((rows, slice(None), y), (3, 3, 3)), ((rows, y), (3, 4, 3))):
        cube = T.zeros(shape, dtype="float32")[index].inc(values)
        expected = numpy.zeros(shape)
        numpy.add.at(expected, tuple(labels if i is y else i for i in index), values)
        found = compiled([y], cube.sum(axis=1))(labels)
        assert found.tolist() == expected.sum(axis=1).tolist()
    assert capfd.readouterr().err == ""


def test_a_training_step_has_neither(monkeypatch):
    x, y = T.matrix("x"), T.ivector("y")
    model = LogisticRegression(x, 5, 3)
    set_x = engine.shared_data(numpy.zeros((12, 5), "f4"))
    set_y = T.cast(engine.shared_data(numpy.zeros(12, "f4")), "int32")
    made = []

    def listening(*args, **kwargs):
        made.append(compiled(*args, **kwargs))
        return made[-1]

    monkeypatch.setattr(engine, "compiled", listening)
    cost = model.negative_log_likelihood(y)
    updates = list(zip(model.params, T.grad(cost, model.params)))
    engine.compile_steps(x, y, (set_x, set_y), 5, cost, updates, 2)
    engine.compile_means(x, y, (set_x, set_y), 5, model.errors(y))
    assert len(made) == 3  # a step, the errors of a minibatch, and of the rest
    assert not {"CAReduce", "Sum", "Argmax"} & {name for f in made for name in operations(f)}


def test_other_graphs_are_left_alone():
    x = T.matrix("x")
    assert "Argmax" in operations(theano.function([x], T.argmax(x, axis=1)))


def test_a_function_of_a_few_calls_needs_no_numba(run):
    code = """
import sys
import numpy
from logreg import engine
from logreg.model import LogisticRegression
model = LogisticRegression(engine.T.matrix("x"), 4, 3)
W = numpy.arange(12.0).reshape(4, 3) % 5
engine.set_value(model.W, W)
function = engine.function([model.input], [model.y_pred, model.p_y_given_x])
x = numpy.arange(8.0).reshape(2, 4) % 3
classes, p = function(x)
expected = numpy.exp(x @ W)
assert numpy.allclose(p, expected / expected.sum(axis=1, keepdims=True))
assert classes.tolist() == expected.argmax(axis=1).tolist()
print("numba" in sys.modules)
"""
    done = run("-c", code)
    assert (done.returncode, done.stdout, done.stderr) == (0, "False\n", "")


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_its_c_backend_gives_the_same_log(run, working_folder):
    sample = ["-m", "logreg.train", "--dataset", "mnist_sample", "--batch-size", "100"]

    def log(flags):
        done = run(*sample, "--n-epochs", "3", env={"PYTENSOR_FLAGS": flags}, cwd=working_folder)
        assert done.returncode == 0, done.stderr
        assert "BLAS" not in done.stderr  # PyTensor's warning that it found none
        return [line for line in done.stdout.splitlines() if "epochs/sec" not in line]

    assert log("linker=cvm") == log("linker=numba")


@pytest.mark.parametrize("is_in_file", [False, True])
def test_blas_flags_of_the_user_are_kept(run, tmp_path, is_in_file):
    (tmp_path / "rc").write_text("[blas]\nldflags = -lmine\n" if is_in_file else "")
    flags = "linker=cvm" if is_in_file else "linker=cvm,blas__ldflags=-lmine"
    code = "from logreg.engine import theano; print(theano.config.blas__ldflags)"
    env = {"PYTENSOR_FLAGS": flags, "PYTENSORRC": str(tmp_path / "rc")}
    assert run("-c", code, env=env).stdout == "-lmine\n"
