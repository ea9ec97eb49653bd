"""What PyTensor is told beyond Theano's names: the results stay those of NumPy."""

import os
import shutil
import warnings

import numpy
import pytest

from logreg import engine
from logreg.engine import T, theano
from logreg.engine.pytensor_backend import compiled
from logreg.model import LogisticRegression

pytestmark = pytest.mark.skipif(engine.NAME != "pytensor", reason="about PyTensor")


@pytest.fixture(autouse=True)
def float32():
    with engine.floatx("float32"):
        yield


@pytest.fixture(params=["cvm", "numba"])
def linker(request):
    """Compile through C, and through Numba."""
    if request.param == "cvm" and not shutil.which("g++"):
        pytest.skip("needs a C++ compiler")
    with theano.config.change_flags(linker=request.param):
        yield request.param


def operations(function):
    return [type(node.op).__name__ for node in function.maker.fgraph.toposort()]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8"])
def test_the_argmax_is_numpys(linker, dtype):
    x = T.matrix("x", dtype=dtype)
    function = compiled([x], T.argmax(x, axis=1))
    assert ("Argmax" in operations(function)) == (linker == "cvm")
    rows = [[1, 3, 2], [3, 1, 3], [2, 2, 2], [-5, -5, -4]]
    if dtype != "int8":
        nan, inf = numpy.nan, numpy.inf
        rows += [[nan, 1, nan], [1, nan, inf], [-inf, -inf, -inf], [inf, 1, inf]]
    value = numpy.array(rows, dtype)
    found = function(value)
    assert found.dtype == "int64" and found.tolist() == value.argmax(axis=1).tolist()


def test_the_argmax_over_other_axes_is_left_alone():
    x = T.matrix("x")
    value = numpy.random.RandomState(1).rand(4, 3).astype("f4")
    with theano.config.change_flags(linker="numba"):
        for axis in (0, None):
            function = compiled([x], T.argmax(x, axis=axis))
            assert function(value).tolist() == value.argmax(axis=axis).tolist()


ROWS = numpy.arange(3)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int32", "int64", "uint64"])
def test_what_is_read_by_labels_is_numpys(linker, dtype):
    # More classes than an int8 counts, and what must not spread from one to another.
    value = numpy.random.RandomState(1).normal(size=(3, 300)).astype("f4")
    value[:, 5], value[:, 6] = numpy.nan, numpy.inf
    labels = numpy.array([7, 127, 6] if dtype == "int8" else [7, 200, 6], dtype)
    x, y = T.matrix("x"), T.vector("y", dtype=dtype)
    three = T.specify_shape(y, (3,))
    for of, by in (
        (x, three),
        (T.specify_shape(x, (3, 300)), three),
        (T.specify_shape(x, (3, None)), three),
        (T.specify_shape(x, (3, 300)), y),
    ):
        function = compiled([x, y], of[ROWS, by])
        is_rewritten = of is not x and by is three
        assert ("AdvancedSubtensor" in operations(function)) != is_rewritten
        found = function(value, labels)
        assert found.dtype == "float32" and found.tolist() == value[ROWS, labels].tolist()


@pytest.mark.parametrize("values", [2.0, [2.0, -1.0, 0.5], [2.0]])
@pytest.mark.parametrize("set_or_inc", ["set", "inc"])
def test_what_is_written_by_labels_is_numpys(linker, values, set_or_inc):
    values, labels = numpy.asarray(values, "f4"), numpy.array([2, 0, -1], "i4")
    y = T.ivector("y")
    entries = T.zeros((3, 4), dtype="float32")[ROWS, T.specify_shape(y, (3,))]
    function = compiled([y], getattr(entries, set_or_inc)(values))
    assert "AdvancedIncSubtensor" not in operations(function)
    expected = numpy.zeros((3, 4), "f4")
    expected[ROWS, labels] = values
    found = function(labels)
    assert found.dtype == "float32" and found.tolist() == expected.tolist()


@pytest.mark.parametrize("label", [4, -5])
def test_a_label_that_is_no_class_is_an_error(linker, label):
    x, y = T.matrix("x"), T.ivector("y")
    three = T.specify_shape(y, (3,))
    read = compiled([x, y], T.specify_shape(x, (3, 4))[ROWS, three])
    written = compiled([y], T.zeros((3, 4))[ROWS, three].inc(1.0))
    labels = numpy.array([0, label, 1], "i4")
    for function, arguments in ((read, [numpy.zeros((3, 4), "f4")]), (written, [])):
        with pytest.raises(AssertionError, match="a label is no class"):
            function(*arguments, labels)


@pytest.mark.parametrize(
    "n_rows, rows, base",
    [(4, ROWS, 0.0), (3, numpy.array([0, 0, 1]), 0.0), (3, ROWS, 1.0)],
)
def test_other_writing_is_left_alone(linker, n_rows, rows, base):
    values, labels = numpy.array([2.0, -1.0, 0.5], "f4"), numpy.array([2, 0, 1], "i4")
    expected = numpy.full((n_rows, 3), base, "f4")
    numpy.add.at(expected, (rows, labels), values)
    y = T.ivector("y")
    matrix = T.zeros((n_rows, 3), dtype="float32") + numpy.float32(base)
    found = compiled([y], matrix[rows, T.specify_shape(y, (3,))].inc(values))(labels)
    assert found.tolist() == expected.tolist()


def test_other_reading_is_left_alone(linker):
    value = numpy.arange(12.0, dtype="f4").reshape(3, 4)
    labels, mask = numpy.array([2, 0, 3], "i4"), numpy.array([True, False, True, True])
    several = numpy.array([[2, 0, 1], [1, 1, 3]], "i4")
    x, y = T.matrix("x"), T.ivector("y")
    known, three = T.specify_shape(x, (3, 4)), T.specify_shape(y, (3,))
    for rows in (numpy.array([0, 2, 2]), numpy.array([1, 0, 2]), slice(None), slice(1, None)):
        found = compiled([x, y], known[rows, three])(value, labels)
        assert found.tolist() == value[rows, labels].tolist()
    for columns, given in (
        (T.imatrix(), several),
        (T.ivector(), labels[:1]),
        (T.vector(dtype="bool"), mask),
    ):
        found = compiled([x, columns], known[ROWS, columns])(value, given)
        assert found.tolist() == value[ROWS, given].tolist()
    y = T.vector(dtype="bool")
    square = T.specify_shape(x, (3, 3))[ROWS, T.specify_shape(y, (3,))]
    found = compiled([x, y], square)(value[:, :3], mask[[0, 0, 0]])
    assert found.tolist() == value[ROWS, ROWS].tolist()


@pytest.mark.parametrize("dtype", ["int8", "bool", "float64"])
def test_what_is_read_keeps_its_dtype(linker, dtype):
    value = numpy.array([[0, 1, 1], [1, 0, 1]], dtype)
    x, y = T.matrix(dtype=dtype), T.ivector()
    function = compiled(
        [x, y], T.specify_shape(x, (2, 3))[numpy.arange(2), T.specify_shape(y, (2,))]
    )
    assert "AdvancedSubtensor" not in operations(function)
    found = function(value, numpy.array([1, 1], "i4"))
    assert found.dtype == dtype and found.tolist() == [1, 0]


@pytest.mark.parametrize("values", [1.0, [1.0, 2.0, 3.0]])
def test_several_entries_a_row_are_written(linker, values):
    labels = numpy.array([[2, 0, 1], [1, 1, 3]], "i4")
    y = T.imatrix("y")
    matrix = T.zeros((3, 4), dtype="float32")[ROWS, y].inc(numpy.asarray(values, "f4"))
    expected = numpy.zeros((3, 4))
    numpy.add.at(expected, (ROWS, labels), values)
    assert compiled([y], matrix)(labels).tolist() == expected.tolist()


def test_entries_of_more_axes_are_written(linker, capfd):
    labels = numpy.array([2, 0, 1], "i4")
    y = T.ivector("y")
    values = numpy.arange(9, dtype="f4").reshape(3, 3)
    for index, shape in (((ROWS, slice(None), y), (3, 3, 3)), ((ROWS, y), (3, 4, 3))):
        cube = T.zeros(shape, dtype="float32")[index].inc(values)
        expected = numpy.zeros(shape)
        numpy.add.at(expected, tuple(labels if i is y else i for i in index), values)
        assert compiled([y], cube)(labels).tolist() == expected.tolist()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    "dtype, shape", [("float32", (30, 20)), ("int8", (30, 20)), ("float32", (0, 16))]
)
def test_sums_of_all_entries_are_numpys(linker, dtype, shape):
    value = (numpy.random.RandomState(1).rand(*shape) * 100).astype(dtype)
    x = theano.shared(value)
    for axis in (None, (0, 1), (1, 0), 0, 1):
        function = compiled([], (x.astype("float32") ** 2).sum(axis=axis))
        n_sums = sum("Reduce" in name or name == "Sum" for name in operations(function))
        if linker == "cvm":
            assert n_sums == (1 if axis in (0, 1) else 2)
        found, expected = function(), (value.astype("float64") ** 2).sum(axis=axis)
        assert found.dtype == "float32"
        numpy.testing.assert_allclose(found, expected, rtol=1e-6)
    whole = compiled([], x.sum())
    expected = value.sum(dtype="float64" if dtype == "float32" else "int64")
    numpy.testing.assert_allclose(whole(), expected, rtol=1e-6)


def test_a_training_step_calls_no_python(linker, monkeypatch):
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
    updates = [(p, p - numpy.float32(0.1) * T.grad(cost, p)) for p in model.params]
    engine.compile_steps(x, y, (set_x, set_y), 5, cost, updates, 2)
    engine.compile_means(x, y, (set_x, set_y), 5, model.errors(y))
    assert len(made) == 3  # a step, the errors of a minibatch, and of the rest
    for function in made:
        names = operations(function)
        assert not {"AdvancedSubtensor", "AdvancedIncSubtensor", "Shape_i"} & set(names)
        if linker == "numba":  # which takes seconds to compile it
            assert "Argmax" not in names
        else:
            assert all(hasattr(thunk, "cthunk") for thunk in function.vm.thunks)
    if linker == "cvm":
        gemm = [node.op for node in made[0].maker.fgraph.toposort() if "Gemm" in str(node.op)]
        assert [op.inplace for op in gemm] == [True]


def test_shared_variables_are_updated_where_they_are(linker):
    W = theano.shared(numpy.ones((3, 2), "f4"), name="W")
    one = theano.shared(numpy.ones(1, "f4"))  # of an axis that might be broadcast
    x = T.matrix("x")
    function = compiled(
        [x], (T.dot(x, W) + one[0]).sum(), updates=[(W, W * 2), (one, one + W[0, :1])]
    )
    value = numpy.ones((4, 3), "f4")
    assert function(value) == 4 * 2 * (3 + 1)
    assert W.get_value().tolist() == [[2.0, 2.0]] * 3 and one.get_value().tolist() == [2.0]
    W.set_value(numpy.zeros((3, 2), "f4"))
    assert function(value) == 4 * 2 * 2


@pytest.mark.parametrize("shape", [(1, None), (None, 1), (None, None)])
def test_an_axis_declared_of_length_1_is_broadcast(linker, shape):
    value = numpy.full([n or 4 for n in shape], 2.0, "f4")
    r = theano.shared(value, shape=shape)
    x = T.matrix("x")
    assert compiled([x], (x * r).sum())(numpy.ones((4, 4), "f4")) == 32.0


def test_an_axis_that_happens_to_be_of_length_1_is_not(linker):
    b, x = theano.shared(numpy.ones(1, "f4")), T.vector("x")
    with pytest.raises(ValueError):
        compiled([x], x + b)(numpy.ones(3, "f4"))


def test_data_may_be_in_the_cost(linker):
    x, y = T.matrix("x"), T.ivector("y")
    set_x = theano.shared(numpy.arange(12, dtype="f4").reshape(6, 2))
    set_y = T.cast(theano.shared(numpy.zeros(6, "f4")), "int32")
    W = theano.shared(numpy.float32(0))
    cost = (x - set_x.mean(axis=0)).sum() + 0 * y.sum()
    steps = engine.compile_steps(x, y, (set_x, set_y), 3, cost, [(W, W + 1)], 2)
    assert steps(0, 2) == [-18, 18]


def test_what_updates_itself_does_so(linker):
    """As the state of a random stream, whose shape may depend on a minibatch."""
    x, y = T.matrix("x"), T.ivector("y")
    data = engine.shared_data(numpy.ones((12, 50), "f4")), engine.shared_data(numpy.zeros(12, "i4"))
    count = theano.shared(numpy.zeros(2, "f4"))
    with warnings.catch_warnings():  # of what will be made in another way
        warnings.simplefilter("ignore")
        from pytensor.tensor.random.utils import RandomStream

        count.default_update = count + 1
        kept = RandomStream(3).binomial(1, 0.5, size=x.shape).sum()
    W = theano.shared(numpy.ones((2, 2), "f4"))
    cost = kept + 0 * count.sum() + 0 * y.sum() + 0 * W.sum()
    steps = engine.compile_steps(x, y, data, 5, cost, [(W, W + 1)], 2)
    before = count.get_value()[0]
    costs = [float(cost) for cost in steps(0, 4)]
    assert len(set(costs)) > 1 and all(50 < cost < 200 for cost in costs)
    assert (count.get_value() == before + 4).all() and (W.get_value() == 5).all()


def test_data_that_change_are_seen(linker):
    x, y = T.matrix("x"), T.ivector("y")
    set_x, labels = engine.shared_data(numpy.ones((12, 2), "f4")), numpy.zeros(12, "f4")
    data = set_x, T.cast(engine.shared_data(labels), "int32")
    W = theano.shared(numpy.float32(0))
    steps = engine.compile_steps(x, y, data, 5, x.sum() + 0 * y.sum(), [(W, W + 1)], 2)
    means = engine.compile_means(x, y, data, 5, (x + y.dimshuffle(0, "x")).mean())
    for value in (1, 2):
        set_x.set_value(numpy.full((12, 2), value, "f4"))
        in_batches, in_the_rest = means()
        assert steps(0, 2) == [10 * value, 10 * value]
        assert [*in_batches, in_the_rest] == [value, value, value]


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
def test_both_backends_give_the_same_log(run, working_folder):
    sample = ["-m", "logreg.train", "--dataset", "mnist_sample", "--batch-size", "100"]

    def log(flags):
        done = run(*sample, "--n-epochs", "3", env={"PYTENSOR_FLAGS": flags}, cwd=working_folder)
        assert done.returncode == 0, done.stderr
        assert "BLAS" not in done.stderr  # PyTensor's warning that it found none
        return [line for line in done.stdout.splitlines() if "epochs/sec" not in line]

    assert log("linker=cvm") == log("linker=numba") == log("")


BACKEND = """
import sys
from logreg.engine import pytensor_backend as pytensor_import
from logreg.engine import T, theano
x = T.vector("x")
function = pytensor_import.compiled([x], (x + 1).sum())
assert function([1, 2]) == 5
print(type(function.maker.linker).__name__, "numba" in sys.modules)
"""


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
@pytest.mark.parametrize(
    "flags, lines, backend",
    [
        ("", "", "VMLinker False"),
        ("linker=numba", "", "NumbaLinker True"),
        ("mode=NUMBA", "", "NumbaLinker True"),
        ("cxx=", "", "NumbaLinker True"),
        ("cxx=,blas__ldflags=-lm", "", "NumbaLinker True"),
        ("blas__ldflags=", "", "NumbaLinker True"),
        ("", "pytensor_import.blas_flags = lambda compiler: ('', [])", "NumbaLinker True"),
        ("mode=FAST_COMPILE", "", "VMLinker False"),
        (
            "",
            "pytensor_import.sys = type(sys)('sys'); pytensor_import.sys.platform = 'darwin'",
            "NumbaLinker True",
        ),
    ],
)
def test_c_is_taken_where_it_is_fast(run, flags, lines, backend):
    code = BACKEND.replace("x = T.vector", f"{lines}\nx = T.vector")
    done = run("-c", code, env={"PYTENSOR_FLAGS": flags, "PYTENSORRC": os.devnull})
    assert (done.returncode, done.stdout.strip()) == (0, backend), done.stderr


@pytest.mark.skipif(not shutil.which("g++"), reason="needs a C++ compiler")
def test_a_compiler_that_makes_no_library_is_not_taken(run, tmp_path, fake_compiler):
    shared = "if '-shared' in sys.argv: sys.exit('no')"
    compiler = fake_compiler(shared, f"os.execv({shutil.which('g++')!r}, sys.argv)")
    flags = f"cxx={compiler},base_compiledir={tmp_path}"
    done = run("-c", BACKEND, env={"PYTENSOR_FLAGS": flags, "PYTENSORRC": os.devnull})
    assert (done.returncode, done.stdout) == (0, "NumbaLinker True\n"), done.stderr
    assert "Traceback" not in done.stderr


def test_blas_flags_set_in_code_are_kept(run):
    code = """
from logreg.engine import pytensor_backend as pytensor_import
from logreg.engine import theano
theano.config.blas__ldflags = "-lmine"
pytensor_import._mode()
print(theano.config.blas__ldflags)
print("renamed" if "scipy" in theano.config.gcc__cxxflags else "as it is")
"""
    env = {"PYTENSOR_FLAGS": "", "PYTENSORRC": os.devnull}
    assert run("-c", code, env=env).stdout == "-lmine\nas it is\n"


@pytest.mark.parametrize("is_in_file", [False, True])
@pytest.mark.parametrize("linker", ["auto", "cvm"])
def test_blas_flags_of_the_user_are_kept(run, tmp_path, is_in_file, linker):
    (tmp_path / "rc").write_text("[blas]\nldflags = -lmine\n" if is_in_file else "")
    flags = f"linker={linker}" + ("" if is_in_file else ",blas__ldflags=-lmine")
    code = """
from logreg.engine import pytensor_backend as pytensor_import
from logreg.engine import theano
pytensor_import._mode()
print(theano.config.blas__ldflags)
"""
    env = {"PYTENSOR_FLAGS": flags, "PYTENSORRC": str(tmp_path / "rc")}
    assert run("-c", code, env=env).stdout == "-lmine\n"
