"""The native kernel against NumPy in float64, and the graphs that it is put into."""

import itertools
import multiprocessing
import shutil
import signal
import subprocess
import sys
import sysconfig
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest.mock import Mock

import numpy
import pytest
from builders import cost_and_gradients, make_pairs
from conftest import ROOT
from numpy.testing import assert_allclose
from problems import KINDS, problem
from softmax import Softmax, steps_of_numpy

from logreg import LogisticRegression, engine, kernel, updates
from logreg.basics.errors import listed
from logreg.engine import T, theano
from logreg.kernel import Rows

pytestmark = pytest.mark.skipif(not kernel.is_built(), reason="no C compiler built the kernel")
# Rows of a minibatch, columns and classes.
SIZES = [(1500, 40, 26), (40, 8, 2), (1, 1, 2), (2, 3, 1), (2050, 1100, 3), (1100, 64, 7)]
SIZES += [(2, 784, 3), (90, 784, 90), (600, 20, 100), (20, 40, 1000), (20, 65536, 3)]
SETS = kernel.instruction_sets() if kernel.is_built() else []


# This test comes first: a thread that never ends would slow the others down.
FAILING = """
import ctypes, time, numpy
from logreg import kernel
memory = ctypes.CDLL(None)
random = numpy.random.RandomState(0)
labels, params = (random.randint(3, size=4000), None), (random.randn(300, 3), random.randn(3))
floats = random.randn(4000, 300)
for x in (floats, floats.clip(0, 1).astype("uint8"), floats.clip(0, 255).astype("uint8") * 9):
    rows = kernel.Rows(x)
    def compute():
        found = kernel.classes(kernel.lay_out(rows, None, len(x)) or rows, params)
        laid = kernel.lay_out(rows, labels[0], 1000) or rows
        kernel.lay_out(rows, labels[0], 2)  # of chunks that are too small to be kept
        try:  # an error gives back as much
            kernel.steps(rows, params, (labels[0] + 1, None), [0], 1000, 0.1)
        except ValueError:
            pass
        return [found, *kernel.steps(laid, params, labels, [1000, 3000], 1000, 0.1)]
    expected, n_errors = compute(), 0
    for n in range(1, 80):
        memory.fail_at(n)
        try:
            assert all(map(numpy.array_equal, expected, compute())), n
        except MemoryError:
            n_errors += 1
        memory.fail_at(0)
        for _ in range(1000):  # the last thread to leave gives the memory of all back
            if memory.taken():
                time.sleep(0.01)
        assert memory.taken() == 0, memory.taken()
    print(n_errors)
"""


def link(*words):
    """Make a shared library by gcc; skip where it makes none."""
    command = ["gcc", "-g", "-shared", "-fPIC", *map(str, words)]
    if not shutil.which("gcc") or subprocess.run(command, check=False).returncode:
        pytest.skip("there is no gcc, or it links no such library here")


@pytest.mark.once
def test_whichever_allocation_fails_rows_are_not_laid_out_or_it_is_a_memory_error(tmp_path, run):
    built, source = tmp_path / "failing.so", Path(__file__).with_name("failing_allocations.c")
    link("-o", built, "-fno-builtin", source, "-ldl", "-Wl,-z,defs")  # so only with glibc
    done = run("-c", FAILING, env={"LD_PRELOAD": str(built), "LOGREG_NUM_THREADS": "2"})
    assert (done.returncode, done.stderr) == (0, "")
    # The memory of a job, of the arrays for it, and of a layout as a whole; not of each minibatch.
    assert all(2 <= int(n_errors) <= 12 for n_errors in done.stdout.split())


@pytest.mark.parametrize("dtype, cell", KINDS)
def test_steps_and_classes_are_numpys_and_bits_the_same_in_all_ways(dtype, cell, monkeypatch):
    """On each set of instructions, by threads, in blocks, as rows come, laid out or not."""
    random = numpy.random.RandomState(1)
    tolerance = dict.fromkeys(["rtol", "atol"], 3e-5 if dtype == "float32" else 1e-11)
    drawn = [[int(top ** random.rand()) for top in (2500, 900, 50)] for _ in range(40)]
    for i, (n_rows, n_in, n_out) in enumerate(SIZES + drawn):
        x, scale, *params, y, weights = problem(dtype, cell, 2 * n_rows, n_in, n_out, seed=i)
        W, b = params
        if cell == "uint8":  # 1,024 rows are scored at once: the next ones have no blanks
            x[1024:1500] |= 1
        exact = x.astype(float) * scale
        z = exact @ W.astype(float) + b
        rule = (1 / (1 + (exact**2).sum(axis=1).mean()), 0.02 * (i % 2), 0.9 * (i % 3 == 2))
        if rule[2]:
            params += [random.randn(*param.shape).astype(dtype) for param in params]
        labels = y, weights
        starts = [n_rows, 0, n_rows]
        expected = steps_of_numpy((exact, *labels), params, starts, n_rows, *rule)
        ways = [Rows(x, scale), Rows((x * scale).astype(dtype)), Rows(x.astype(dtype), scale)]
        bits = {}
        for j, (name, way) in enumerate(itertools.product([*SETS, ""], ways)):
            monkeypatch.setenv("LOGREG_KERNEL_SET", name)
            monkeypatch.setenv("LOGREG_NUM_THREADS", "1238"[(i + j) % 4])
            assert kernel.has_fma() == ((name or SETS[0]) != "plain")
            laid = kernel.lay_out(way, y, n_rows)
            assert (laid is not None) == (cell == "uint8" and n_in < 65536)
            for rows, n in itertools.product(filter(None, [way, laid]), (1, 3)):
                found, *new = kernel.steps(rows, params, labels, starts[:n], n_rows, *rule)
                rest, *new = kernel.steps(rows, new, labels, starts[n:], n_rows, *rule)
                results = [numpy.append(found, rest), *new]
                found = [array.tobytes() for array in results]
                assert bits.setdefault(kernel.has_fma(), found) == found
            (cost,), *gradients = kernel.gradients(rows, (W, b), labels, 0, n_rows)
            results += [cost, *gradients]
            exact_gradients = cost_and_gradients(
                exact[:n_rows], y[:n_rows], W.astype(float), b, row_weights=weights[:n_rows]
            )
            for one, other in zip(results, [*expected, *exact_gradients]):
                assert_allclose(one, other, **tolerance)
                assert one.dtype == dtype
            for rows in filter(None, [way, kernel.lay_out(way, None, len(x))]):
                classes = kernel.classes(rows, (numpy.asfortranarray(W), b))
                is_best = z[range(len(x)), classes] >= z.max(axis=1) - tolerance["atol"]
                assert is_best.all() and (classes == z.argmax(axis=1)).mean() > 0.99
                first_of_ties = numpy.sign(b).argmax()
                assert (kernel.classes(rows, (0 * W, numpy.sign(b))) == first_of_ties).all()


def test_floats_are_laid_out_if_all_are_bytes():
    for cell, is_laid in [(255, True), (0, True), (1 / 256, False), (0.5, False), (256, False)]:
        for row in (0, -1):
            x = numpy.ones((1002, 1))
            x[row] = cell
            assert (kernel.lay_out(Rows(x), None, 1002) is not None) == is_laid


NO_SETTINGS = [("KERNEL_SET", "avx", f"one of {listed(SETS)}, or leave it unset")]
NO_SETTINGS += [("NUM_THREADS", wrong, "a number from 1 to 9999") for wrong in ("3,2", "0")]


@pytest.mark.parametrize("name, value, known", NO_SETTINGS)
def test_what_is_no_setting_is_refused(name, value, known, run):
    env = {f"LOGREG_{name}": value}
    done = run("-m", "logreg.train", "--dataset", "mnist_sample", env=env, code=1)
    said = f"error: LOGREG_{name} is {value!r}: set it to {known}\n"
    assert done.stderr == said


def large():
    """What is worth a thread of its own, and a step on it."""
    x, scale, W, b, y, _ = problem("float32", "uint8", 6000, 784, 10)
    return Rows(x, scale), (W, b), (y, None), [0], len(x), 0.1


@pytest.mark.parametrize("n_rows", [8, 600])
@pytest.mark.parametrize("kind", ["float32 C r", "uint8 F r", "uint8 C r", "uint8 C c"])
def test_rows_that_are_mapped_give_what_they_give_in_memory(kind, n_rows, monkeypatch):
    dtype, order, mode = kind.split()
    x, _, *params, y, _ = problem("float32", "uint8", 600, 784, 10)
    x = numpy.asarray(x, dtype, order)
    numpy.save("x.npy", x if mode == "r" else 0 * x)
    mapped = numpy.load("x.npy", mmap_mode=mode)
    if mode == "c":  # what is written stays in memory
        mapped[:] = x
    layouts = [kernel.lay_out(Rows(numpy.asarray(rows)), y, n_rows) for rows in (x, mapped)]
    starts = range(0, 600, n_rows)
    found, expected = (
        kernel.steps(laid, params, (y, None), starts, n_rows, 1e-4) for laid in layouts
    )
    assert all((rows == x).all() for rows in (mapped, layouts[0].x, layouts[1].x))
    assert all(map(numpy.array_equal, found, expected))
    monkeypatch.setattr(kernel.functions, "MAX_COPY_OF_MAP", x.nbytes - 1)
    assert kernel.lay_out(Rows(x), y, n_rows)
    assert kernel.lay_out(Rows(numpy.asarray(mapped)), y, n_rows) is None


def test_rows_beyond_4_gib_are_those_that_are_there():
    """Of a map of a file, nearly all of which is a hole."""
    some, _, *params, y, _ = problem("float32", "uint8", 50, 1 << 16, 2)
    x = numpy.memmap("x", "uint8", "w+", shape=(len(some) + (1 << 16), 1 << 16))
    x[-50:] = some
    many = numpy.append(numpy.zeros(1 << 16, "int32"), y)
    found = kernel.steps(Rows(x), params, (many, None), [1 << 16], 50, 1e-4)
    expected = kernel.steps(Rows(some), params, (y, None), [0], 50, 1e-4)
    assert all(map(numpy.array_equal, found, expected))


def test_callers_in_several_threads_and_in_a_forked_child(monkeypatch):
    monkeypatch.setenv("LOGREG_NUM_THREADS", "2")
    expected = kernel.steps(*large())[1].tobytes()
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda _: kernel.steps(*large())[1].tobytes(), range(40))
    assert set(found) == {expected}
    with multiprocessing.get_context("fork").Pool(1) as child:
        assert child.apply(kernel.steps, large())[1].tobytes() == expected
    # Of more threads than cores, some come late to a task: the next one is under way.
    x, scale, *params, y, _ = problem("float32", "uint8", 64, 784, 10)
    found = set()
    for n_threads in ("13", "1"):
        monkeypatch.setenv("LOGREG_NUM_THREADS", n_threads)
        steps = kernel.steps(Rows(x, scale), params, (y, None), [0] * 30000, 64, 1e-3)
        found.add(steps[1].tobytes())
    assert len(found) == 1


def test_a_call_keeps_nothing():
    """Neither a reference to what it is given, nor an array of its own."""
    x, scale, W, b, y, weights = problem("float32", "uint8", 2000, 50, 3)
    y, velocities = y.astype("int32"), (0 * W, 0 * b)
    arrays = x, W, b, y, weights, *velocities
    starts = numpy.zeros(20000, "int64")
    labels = y, weights

    def compute():
        kernel.steps(Rows(x, scale), (W, b, *velocities), labels, starts, 1, 0.1, 0.1, 0.9)
        kernel.classes(kernel.lay_out(Rows(x, scale), None, 2000), (W, b))
        kernel.lay_out(Rows(x, scale), y, 100)
        with pytest.raises(ValueError, match="do not go"):
            kernel.lay_out(Rows(x), y, 0)
        for wrong, n_rows in (labels, 0), ((y + 3, weights), 1):
            with pytest.raises(ValueError, match=r"do not go|has the label"):
                kernel.steps(Rows(x), (W, b), wrong, starts, n_rows, 0.1)

    compute()
    tracemalloc.start()
    before = [sys.getrefcount(array) for array in arrays]
    n_bytes, _ = tracemalloc.get_traced_memory()
    for _ in range(10):
        compute()
    assert [sys.getrefcount(array) for array in arrays] == before
    assert tracemalloc.get_traced_memory()[0] - n_bytes < starts.nbytes
    tracemalloc.stop()


def test_threads_are_those_that_the_user_or_a_pool_of_processes_allows(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda process: {1, 4, 5, 6, 8}, raising=False)
    cases = ("16", "2", 16), ("", "12,2", 12), ("", "0", 5), ("", "", 5), ("", "12345", 5)
    for logreg, openmp, n in cases:
        monkeypatch.setenv("LOGREG_NUM_THREADS", logreg)
        monkeypatch.setenv("OMP_NUM_THREADS", openmp)
        assert kernel.n_threads() == n


def test_arrays_that_do_not_go_together_are_refused():
    """Of twenty rows, five columns and three classes."""
    x, _, W, b, y, weights = problem("float32", "uint8", 20, 5, 3)
    right = {"x": x, "W": W, "b": b, "y": y, "weights": weights, "starts": [0, 10], "n_rows": 10}
    parts = x, x[:10], x[:, 1:]
    layout, *of_others = (kernel.lay_out(Rows(x), y[: len(x)], 10).layout for x in parts)

    def steps(layout=None, velocities=(), **others):
        x, W, b, y, weights, starts, n_rows = {**right, **others}.values()
        params = (W, b, *velocities)
        kernel.steps(Rows(x, 1.0, layout), params, (y, weights), starts, n_rows, 0.1)

    cases = {
        "they must be of shapes": [{"x": x[:, :-1]}, {"b": b[:-1]}, {"b": b.astype("float64")}],
        "y has shape .*, and x has 20": [{"y": y[:-1]}, {"y": y[:, None]}],
        "labels are float64: integers are needed": [{"y": y + 0.5}],
        r"row 17 has the label -?\d+: labels must be 0 to 2": [
            {"y": numpy.where(numpy.arange(20) == 17, n, y)}
            for n in (-1, 3, 2**16, 2**31 - 1, 2**32, -(2**31))
        ],
        "do not go together": [
            *({"weights": wrong} for wrong in (weights[:-1], numpy.append(weights, 1))),
            *({"velocities": wrong} for wrong in ((W, b[1:]), (W[:, 1:], b), (b, W))),
            *({"n_rows": n} for n in (-1, 0, 21, 2**62)),
            *({"starts": [0, start]} for start in (11, -10, 2**62)),
            *({"layout": other} for other in of_others),
            *({"layout": layout, **wrong} for wrong in ({"n_rows": 5}, {"starts": [0, 5]})),
            {"layout": layout, "x": x.astype("float32")},
            {"x": x[:, :0], "W": W[:0]},
            {"x": x[:0], "y": y[:0], "weights": None},
            {"W": W[:, :0], "b": b[:0]},
        ],
    }
    for dtype in ("int32", ">f4"):
        cases["they must be of shapes"].append({"W": W.astype(dtype), "b": b.astype(dtype)})
    steps(y=y.astype("uint8"))
    steps(layout=layout)
    assert kernel.classes(Rows(x[:0]), (W, b)).shape == (0,)
    for message, wrongs in cases.items():
        for wrong in wrongs:
            with pytest.raises(ValueError, match=message):
                steps(**wrong)
    for labels, n in [(y, 0), (y, 21), (y, -1), (y[:7], 1), (y[:0], 1), (None, 7), (None, 2**62)]:
        with pytest.raises(ValueError, match="do not go together"):
            kernel.lay_out(Rows(x), labels, n)


@pytest.mark.parametrize("dtype, rtol", [("float32", 1e-6), ("float64", 1e-13)])
@pytest.mark.parametrize("instructions", SETS)
def test_nan_infinity_and_large_scores_are_as_in_the_graph(instructions, dtype, rtol, monkeypatch):
    monkeypatch.setenv("LOGREG_KERNEL_SET", instructions)
    for value in (numpy.nan, numpy.inf, -numpy.inf, 1e4, -1e4, *range(-750, -80)):
        x, y = numpy.eye(2, dtype=dtype), numpy.array([2, 0], "int32")
        W, b = numpy.array([[0, value, 1], [1, 2, 3]], dtype), numpy.zeros(3, dtype)
        with numpy.errstate(all="ignore"):
            expected, _, gradient = cost_and_gradients(x, y, W, b)
            classes = (x @ W).argmax(axis=1)
        (cost,), _, db = kernel.gradients(Rows(x), (W, b), (y, None), 0, 2)
        assert kernel.classes(Rows(x), (W, b)).tolist() == classes.tolist()
        assert_allclose([cost, *db], [expected, *gradient], rtol)


@pytest.mark.parametrize("dtype, digits", [("float32", 13), ("float64", 30)])
@pytest.mark.parametrize("instructions", SETS)
def test_a_product_is_rounded_before_it_is_added_only_without_fma(
    instructions, dtype, digits, monkeypatch
):
    monkeypatch.setenv("LOGREG_KERNEL_SET", instructions)
    number = numpy.array(1 + 2**-digits, dtype)
    x = numpy.array([[1, number]], dtype)
    W = numpy.array([[0, -(number**2)], [0, number]], dtype)  # the rest of the square, or a tie
    classes = kernel.classes(Rows(x), (W, numpy.zeros(2, dtype)))
    assert classes.tolist() == [kernel.has_fma()]


def by(step):
    """A rule that makes a step of a parameter and its gradient."""
    return lambda cost, params: list(map(step, params, T.grad(cost, params)))


# Updates of a cost and [W, b]. The kernel takes the steps of the first four itself.
RULES = {
    "sgd": lambda cost, params: updates.sgd(cost, params, 0.1),
    "the tutorial's own": by(lambda param, g: (param, param - 0.1 * g)),
    "of b first": lambda cost, params: updates.sgd(cost, params[::-1], 0.1),
    "momentum": lambda cost, params: updates.momentum(cost, params, 0.1),
    "nesterov": lambda cost, params: updates.nesterov(cost, params, 0.1),
    "two momenta": lambda cost, params: (
        updates.momentum(cost, params[:1], 0.1) + updates.momentum(cost, params[1:], 0.1, 0.5)
    ),
    "momentum of W": lambda cost, params: (
        updates.momentum(cost, params[:1], 0.1) + updates.sgd(cost, params[1:], 0.1)
    ),
    "of W": lambda cost, params: updates.sgd(cost, params[:1], 0.1),
    "three rates": by(lambda param, g: (param, param - numpy.float32([0.1, 0.2, 0.3]) * g)),
    "two rates": by(lambda param, g: (param, param - numpy.float32(param.ndim) * g)),
    "a variable": by(lambda param, g: (param, param - theano.shared(numpy.float32(0.1)) * g)),
    "and a count": lambda cost, params: RULES["sgd"](cost, params) + updates.adam(cost, params)[:1],
    "ascent": by(lambda param, g: (param, param + numpy.float32(0.1) * g)),
}
PENALTIES = [
    lambda cost, of: cost + 0.01 * (of.model.W**2).sum(),  # the kernel's steps have this one
    lambda cost, of: 2 * cost + 0.01 * (of.model.W**2).sum(),
    lambda cost, of: cost + numpy.float64(0.01) * (of.model.W**2).sum(),  # of another dtype than W
    # These are the engine's.
    lambda cost, of: 2 * cost + 0.01 * of.x.sum(),
    lambda cost, of: 2 * cost + 0.01 * of.y.sum(),
    lambda cost, of: cost + LogisticRegression(of.x, 4, 3).negative_log_likelihood(of.y),
]
CASES = [(rule, None) for rule in RULES]
CASES += [(rule, penalty) for rule in ("sgd", "momentum") for penalty in PENALTIES]


@pytest.mark.parametrize("rule, penalty", CASES)
def test_steps_are_those_of_the_graph(rule, penalty, monkeypatch):
    """By every kind of update, a step with the kernel is one without."""
    found = []
    function = theano.function
    steps = Mock(wraps=kernel.steps)
    monkeypatch.setattr(kernel, "steps", steps)
    # Theano would go on with the first mode that it is asked for.
    monkeypatch.setattr(theano.compile.mode, "instantiated_default_mode", None, raising=False)
    monkeypatch.setattr(theano.config, "mode", "FAST_COMPILE")
    for put in (engine._cpu_backend.has_kernel, False):
        monkeypatch.setattr(engine._cpu_backend, "has_kernel", put)
        is_known = put and penalty not in PENALTIES[3:]
        monkeypatch.setattr(theano, "function", None if is_known else function)  # nothing compiles
        softmax = Softmax()
        with engine.floatx("float32"):
            cost = softmax.model.negative_log_likelihood(softmax.y)
            softmax.cost = penalty(cost, softmax) if penalty else cost
            pairs = RULES[rule](softmax.cost, softmax.model.params)
            train_model = softmax.compile(pairs, 3)
        costs = [*train_model(0, 2), *train_model(1, 1)]
        found.append([costs, *(engine.value(variable) for variable, _ in pairs)])
    for one, other in zip(*found):
        assert_allclose(one, other, rtol=2e-5, atol=1e-6)
    is_taken = rule in [*RULES][:4] and penalty in (None, PENALTIES[0])
    assert steps.called == is_taken


FEATURES = [("uint8", None), ("float64", None)]  # how they are stored, and prepared
FEATURES += [("uint8", lambda rows, dtype: numpy.divide(rows, 256, dtype=dtype))]


@pytest.mark.parametrize("cell, prepare", FEATURES, ids=["bytes", "float64", "prepared"])
@pytest.mark.parametrize("change", ["rows", "columns", "labels", "labels that are cast"])
def test_other_arrays_in_the_shared_variables_are_laid_out_anew(change, cell, prepare):
    softmax = Softmax(make_pairs((768, 1, 1)))
    features = engine.stored((abs(softmax.data_x) * 40).astype(cell), 1 / 256, prepare)
    dtype = "float32" if "cast" in change else "int32"  # the tutorial's, or the kernel's
    labels = theano.shared(softmax.data_y.astype(dtype))
    softmax.data_x = features.shared.get_value() / 256
    softmax.row_set = engine.RowSet(features, T.cast(labels, "int32"))
    train_model = softmax.compile(softmax.updates(), 1)
    error = softmax.compile_errors()
    loss = softmax.compile_mean()
    for _ in range(2):  # from the second time on, they are laid out
        for index in (0, 75, 5):  # the last, before 8 that are left over, and another
            costs = train_model(index, index)
            assert list(costs) == pytest.approx([softmax.step(index)], rel=1e-5)
            assert softmax.is_taken() and error()[1] == softmax.error()
            assert loss() == pytest.approx(softmax.cost_of_all(), rel=1e-5)
        if change in ("rows", "columns"):  # as they lie in memory
            cells = features.shared.get_value()[::-1]
            features.shared.set_value(numpy.array(cells, order="C" if change == "rows" else "F"))
            softmax.data_x = cells / 256
        else:
            softmax.data_y = (softmax.data_y + 1) % 3
            labels.set_value(softmax.data_y.astype(dtype))


@pytest.mark.parametrize("order", "CF")  # by columns, rows are copied a minibatch at a time
def test_rows_count_as_their_weights_say(order, monkeypatch):
    """Rows of no weight change nothing."""
    softmax = Softmax()
    weights = T.fvector("weights")
    softmax.minibatch = engine.Minibatch(softmax.x, softmax.y, weights)
    softmax.cost = softmax.model.negative_log_likelihood(softmax.y, weights)
    softmax.errors = softmax.model.errors(softmax.y, weights)
    features = engine.stored(numpy.array(softmax.data_x, order=order))
    labels = softmax.row_set.labels
    of_rows = numpy.repeat([7.0, 0], [10, 37])  # the first minibatch counts alone
    softmax.row_set = engine.RowSet(features, labels, of_rows)
    if engine._cpu_backend.has_kernel:
        monkeypatch.setattr(theano, "function", None)  # nothing compiles
    share = 47 / 10  # of the weight of a row in the mean weight of all
    assert softmax.compile_errors()()[1] == pytest.approx(softmax.error(10), rel=1e-5)
    train_model = softmax.compile(softmax.updates(), 1)
    expected = softmax.step(0, numpy.full(10, share))
    assert list(train_model(0, 0)) == pytest.approx([expected], rel=1e-5)
    assert list(train_model(1, 1)) == [0] and softmax.is_taken()


@pytest.mark.parametrize("found", ["None", "types.ModuleType('of an older version')"])
def test_one_note_says_that_no_compiler_built_the_kernel(found, run):
    code = f"""
import sys, types
sys.modules["logreg.kernel._kernel"] = {found}  # the import of None fails
from logreg.train import main
main(["--dataset", "mnist_sample", "--n-epochs", "1", "--refit"])  # compiles twice
"""
    for is_wanted in (1, 0):
        env = {f"{engine.NAME.upper()}_FLAGS": "mode=FAST_COMPILE", "LOGREG_KERNEL": str(is_wanted)}
        done = run("-c", code, env=env)
        assert done.stderr.count("without the native kernel, which") == is_wanted
        assert done.returncode == 0


SANITIZED = """
import itertools, sys
from concurrent.futures import ThreadPoolExecutor
import numpy
import _kernel
sys.modules["logreg.kernel._kernel"] = _kernel
from logreg.kernel import Rows, classes, lay_out, steps
def compute(seed):
    random = numpy.random.RandomState(seed)
    cases = itertools.product("Bfd", (1, 17, 33), (1, 15, 33), (1, 3, 11))
    large = [("f", 4200, 300, 10), ("B", 2300, 40, 70), ("B", 1400, 64, 5)]
    for kind, n, k, m in [*large, *cases]:
        x = (random.randint(0, 255, (n, k)) * (random.rand(n, k) < 0.1)).astype(kind)
        y, half, rows = random.randint(m, size=n), (n + 1) // 2, Rows(x, 0.5)
        for real in ("f", "d") if kind == "B" else kind:
            params = random.randn(k, m).astype(real), random.randn(m).astype(real)
            for way in (rows, lay_out(rows, None, n)):
                classes(way, params)
            for way, start in ((rows, n - half), (lay_out(rows, y, half), 0)):
                steps(way, params, (y, random.rand(n)), [start, 0], half, 0.1)
                steps(way, params * 2, (y, None), [start, 0], half, 0.1, 0.1, 0.9)
with ThreadPoolExecutor(2) as threads:
    list(threads.map(compute, range(2)))
"""


@pytest.mark.once
@pytest.mark.parametrize("sanitizers, name", [("address,undefined", "asan"), ("thread", "tsan")])
def test_sanitizers_find_nothing(sanitizers, name, run):
    sources = (ROOT / "logreg" / "kernel").glob("*.c")
    flags = ["-O0", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=undefined"]
    flags += [f"-I{sysconfig.get_paths()['include']}", "-lm", "-lpthread"]
    flags += ["-include", Path(__file__).with_name("slow_stores.h")]
    link(*sources, *flags, "-o", f"_kernel{sysconfig.get_config_var('EXT_SUFFIX')}")
    preloaded = subprocess.getoutput(f"gcc -print-file-name=lib{name}.so")
    how = {"LOGREG_NUM_THREADS": "3", "ASAN_OPTIONS": "detect_leaks=0"}
    for instructions in SETS if name == "asan" else SETS[:1]:
        env = {"LD_PRELOAD": preloaded, "LOGREG_KERNEL_SET": instructions, **how}
        done = run("-c", SANITIZED, env=env, timeout=900)  # seconds: a hang is a failure
        if "unexpected memory mapping" in done.stderr:
            pytest.skip("this gcc's sanitizer of threads needs `sysctl vm.mmap_rnd_bits=28`")
        assert done.returncode == 0, done.stderr[:3000]
