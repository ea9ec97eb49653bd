"""exp, log, tanh and sigmoid in graphs of nets: NumPy's functions compute them."""

import numpy
import pytest
from softmax import Softmax

from logreg import LogisticRegression, engine
from logreg.engine import T, theano

if engine.NAME == "theano":
    from logreg.engine.theano_math import make_mode
else:
    from logreg.engine.pytensor_math import make_mode

VALUES = [-numpy.inf, -200, -90, -1.5, -1e-3, -0.0, 0, 1e-30, 0.5, 3, 90, numpy.nan, numpy.inf, 1]


def sigmoid(x):
    return 1 / (1 + numpy.exp(-x))


def ops_of(function):
    return [type(node.op).__name__ for node in function.maker.fgraph.toposort()]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_are_numpys_for_arrays_of_any_layout(dtype):
    x = T.matrix(dtype=dtype)
    outputs = [T.exp(x), T.log(x), T.tanh(x), T.nnet.sigmoid(x)]
    function = theano.function([x], outputs, mode=make_mode())
    assert ops_of(function).count("NumPyFunction") == 4
    rows = numpy.resize(VALUES, (6, 5)).astype(dtype)
    limits = numpy.finfo(dtype)
    for given in (rows, rows.T, rows[::2, ::-1], numpy.asfortranarray(rows), rows[:1], rows[:0]):
        before = given.copy()
        found = function(given)
        numpy.testing.assert_array_equal(given, before)
        exact = given.astype("longdouble")  # whose functions in NumPy are other ones
        with numpy.errstate(all="ignore"):
            expected = [numpy.exp(exact), numpy.log(exact), numpy.tanh(exact), sigmoid(exact)]
            expected = [values.astype(dtype) for values in expected]
        for got, values in zip(found, expected):
            assert got.dtype == dtype
            numpy.testing.assert_allclose(got, values, rtol=4 * limits.eps, atol=limits.tiny)


@pytest.mark.parametrize("switch, linker", [("", None), ("0", None), ("", "py")])
def test_they_are_used_in_nets_on_the_cpu_unless_the_user_chose(
    device, switch, linker, monkeypatch
):
    monkeypatch.setenv("LOGREG_FAST_MATH", switch)
    if linker:
        monkeypatch.setattr(theano.config, "linker", linker)
    compiled = []
    compile_function = theano.function

    def function(*args, **options):
        compiled.append(compile_function(*args, **options))
        return compiled[-1]

    monkeypatch.setattr(theano, "function", function)
    softmax = Softmax(make=lambda x, *sizes: LogisticRegression(T.tanh(x), *sizes))
    softmax.compile(softmax.updates(), 1)(0, 0)
    is_used = any("NumPyFunction" in ops_of(each) for each in compiled)
    assert compiled and is_used == ((device, switch, linker) == ("cpu", "", None))


@pytest.mark.skipif(engine.NAME != "pytensor", reason="Theano calls NumPy through Python")
@pytest.mark.parametrize("name", ["an array", "cbrt"])
def test_a_numpy_with_other_loops_leaves_the_functions_to_the_engine(name, monkeypatch):
    """Another structure, and a loop that calls a function for each number."""
    special = pytest.importorskip("scipy.special")

    class Array(numpy.ndarray):
        types = ("d->d",)

    # Read as a ufunc's structure, its length would be a loop, and its stride, 0, that loop's data.
    array = numpy.broadcast_to(0.0, 3).view(Array)
    other = {"an array": array, "cbrt": special.cbrt}[name]
    monkeypatch.setattr(numpy, "tanh", other)
    x = T.dvector()
    function = theano.function([x], T.tanh(x), mode=make_mode())
    assert ops_of(function) == ["Elemwise"]
