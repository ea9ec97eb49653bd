"""What programs for Theano import and call, on whichever engine runs."""

import collections
import importlib
import time
from functools import partial

import numpy
import pytest
from builders import arguments, cost_and_gradients, make_pairs
from numpy.testing import assert_allclose, assert_array_equal

import logreg.legacy  # noqa: F401
from logreg import LogisticRegression, engine, fit
from logreg.updates import sgd

# isort: split
import theano
import theano.tensor as T
import theano.tensor.nnet.conv3d2d
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams

on_pytensor = pytest.mark.skipif(engine.NAME != "pytensor", reason="Theano has its own names")
FAST = {"mode": "FAST_COMPILE"}
X = numpy.array([[-2.0, 0.5], [1.0, 3.0]])
BOTH = pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams])


def compute(inputs, outputs, *values, **options):
    return theano.function(inputs, outputs, **FAST, **options)(*values)


def test_variables_count_as_true():
    x = T.dmatrix("x")
    kinds = [x, theano.shared(X), T.tanh(x), T.constant(0)]
    assert all(kinds) and all(isinstance(v, theano.Variable) for v in kinds)
    assert isinstance(kinds[2], T.TensorVariable)
    with pytest.raises(TypeError):
        bool(x > 0)


HELD = """compat.OrderedDict compat.ifilter compat.imap compat.izip compat.python2x.OrderedDict
compat.six.PY3 compat.six.moves.cPickle compat.six.moves.xrange compile.nanguardmode.NanGuardMode
gof.Variable gradient.disconnected_grad ifelse.ifelse pp sandbox.linalg.ops.matrix_inverse
scan_module.scan_op.Scan scan_module.scan_utils.until sparse.dot tensor.basic.as_tensor_variable
tensor.nlinalg.matrix_inverse tensor.nnet.sigm.sigmoid tensor.slinalg.cholesky
sandbox.linalg.matrix_inverse version.version"""


def test_other_names():
    from theano import theano as itself

    assert itself is theano
    assert T.wmatrix("w").dtype == "int16" and "float32" in T.float_dtypes
    kind = T.Tensor("int8", [True, True, False], "kind")
    assert (kind.name, kind.broadcastable) == ("kind", (True, True, False))
    assert not any(T.unbroadcast(kind(), 0, 1).broadcastable)
    assert isinstance((kind() * 2).owner.op, T.Elemwise) and not theano.OrderedUpdates()
    assert isinstance(T.nnet.softmax(T.dmatrix()).owner.op, T.nnet.Softmax)
    theano.config.dnn.enabled = theano.config.warn.subtensor_merge_bug = "False"
    assert issubclass(collections.OrderedDict, collections.Mapping) and time.clock() >= 0
    assert (numpy.int, numpy.object, numpy.float_) == (int, object, numpy.float64)
    assert numpy.Inf == float("inf") and numpy.isnan(numpy.NaN)
    assert numpy.cast["int32"]([1.7]).tolist() == [1]
    for path in HELD.split():
        module, _, name = f"theano.{path}".rpartition(".")
        assert hasattr(importlib.import_module(module), name), path


def test_the_inputs_of_graphs_are_in_theanos_order():
    a, b, c, d = T.dscalars("abcd")
    assert theano.gof.graph.inputs([(b + a) * b * c, d + c]) == [d, c, b, a]
    hidden = b * c
    assert theano.gof.graph.inputs([hidden + a], [hidden]) == [a]


class Twice(theano.gof.Op):
    """An Op as old programs have their own."""

    def make_node(self, x):
        return theano.gof.Apply(self, [x], [x.type()])

    def perform(self, node, inputs, outputs):
        outputs[0][0] = 2 * inputs[0]


def test_an_op_and_its_optimizer():
    @theano.tensor.opt.register_canonicalize
    @theano.gof.local_optimizer([Twice])
    def local_twice_of_a_vector(node):
        (x,) = node.inputs
        return [2.5 * x] if x.ndim == 1 else False

    for x in (T.dvector(), T.dmatrix()):
        function = theano.function([x], Twice()(x))
        (node,) = function.maker.fgraph.apply_nodes
        assert isinstance(node.op, Twice) == (x.ndim == 2)
        factor = function(numpy.ones([3] * x.ndim))
        assert (factor == (2.5 if x.ndim == 1 else 2)).all()


def test_modules_for_gpus_compute_on_the_cpu(stderr, random):
    from theano.sandbox import cuda
    from theano.sandbox.cuda import basic_ops, dnn

    assert not (cuda.cuda_available or theano.sandbox.cuda.cuda_enabled or dnn.dnn_available())
    assert cuda.float32_shared_constructor is theano.shared
    cuda.use("gpu1", force=True)
    assert stderr() == "note: the program asks for device gpu1: it runs on the CPU\n"
    x, w, images = T.dtensor4(), T.dtensor4(), random.rand(2, 2, 5, 6)
    options = {"border_mode": 1, "subsample": (2, 1)}
    outputs = [
        dnn.dnn_conv(basic_ops.gpu_contiguous(x), w, conv_mode="cross", **options),
        dnn.dnn_conv(x, w[:, :, ::-1, ::-1], **options),
        T.nnet.conv2d(x, w, filter_flip=False, **options),
        dnn.dnn_pool(x, (2, 3), pad=(1, 0)),
    ]
    function = theano.function([x, w], outputs)
    *correlated, expected, pooled = function(images, random.rand(3, 2, 3, 3))
    assert_allclose(correlated, [expected, expected])
    assert pooled.shape == (2, 2, 6, 4) and pooled[0, 0, 2, 2] == images[0, 0, 1:3, 2:5].max()
    for more in ({"dilation": (2, 2)}, {"num_groups": 2}):  # they would change the result
        with pytest.raises(NotImplementedError, match="has neither `dilation` nor `num_groups`"):
            dnn.dnn_conv(x, w, **more)


def test_an_update_may_have_a_static_shape():
    x = T.dmatrix()
    total = theano.shared(numpy.zeros(3))
    alias = theano.clone(total, share_inputs=False)
    assert alias is not total
    alias.default_update = alias + T.sum(x, axis=0) * numpy.ones(3)
    assert compute([x], x.sum() + 0 * alias.sum(), numpy.eye(3)) == 3
    assert total.get_value().tolist() == [1, 1, 1]


@BOTH
@pytest.mark.filterwarnings("error::FutureWarning")
def test_random_numbers(streams):
    stream = streams(3)
    size = (200, 100)
    drawn = [
        stream.normal(size=size, avg=2.0, std=0.5),
        stream.normal((2,), dtype="float32"),
        stream.binomial((2,), dtype="float32"),
    ]
    with engine.floatx("float32"):
        drawn += [stream.binomial((2,)), stream.uniform((2,))]
        drawn.append(stream.multinomial(pvals=T.eye(2, 3) * 1.000001))  # a sum that is rounded
    function = theano.function([], drawn, **FAST)
    values = normal, *_ = function()
    assert abs(normal.mean() - 2) < 0.02 and abs(normal.std() - 0.5) < 0.02
    assert [value.dtype for value in values] == ["f8", "f4", "f4", "i8", "f4", "i8"]
    assert len(stream.updates()) == len(drawn)
    stream.seed(5)
    of_five = compute([], streams(5).normal(size=size, avg=2.0, std=0.5))
    assert_array_equal(function()[0], of_five)
    stream.seed()
    for value, again in zip(values, function()):
        assert_array_equal(value, again)


def test_what_a_stream_draws_can_be_drawn_again():
    drawn = RandomStreams(3).uniform((9,))
    function = theano.function([], drawn, **FAST)
    before = drawn.rng.get_value()
    first = function()
    drawn.rng.set_value(before)
    assert (function() == first).all()
    orders, one = compute([], [RandomStreams(3).permutation(size, n=4) for size in [(50,), None]])
    assert (numpy.sort(orders) == range(4)).all() and sorted(one) == [0, 1, 2, 3]
    assert len({*map(tuple, orders.tolist())}) > 9


def test_a_seed_draws_theanos_numbers():
    stream = RandomStreams(5)
    seeds = numpy.random.RandomState(5)
    drawn = [
        stream.uniform((30, 2), low=-1, high=3),
        stream.binomial((200,), n=3, p=0.25),
        stream.multinomial(n=9, pvals=[0.5, 0.25, 0.25]),
    ]
    first, second, third = [numpy.random.RandomState(seeds.randint(1 << 30)) for _ in drawn]
    function = theano.function([], drawn, **FAST)
    for uniform, binomial, multinomial in [function(), function()]:
        assert_allclose(uniform, first.uniform(-1, 3, (30, 2)), 1e-15, 1e-15)
        assert (binomial == second.binomial(3, 0.25, 200)).all()
        assert (multinomial == third.multinomial(9, [0.5, 0.25, 0.25])).all()
    stream.seed(0)
    first = numpy.random.RandomState(numpy.random.RandomState(0).randint(1 << 30))
    assert_allclose(function()[0], first.uniform(-1, 3, (30, 2)), 1e-15, 1e-15)

    x, stream = T.tanh(T.dmatrix()), MRG_RandomStreams(123)  # a size may be of such a variable
    drawn = [
        stream.uniform((7, 5), low=-1, high=3),
        stream.uniform((300, x.shape[0])),
        stream.normal(size=(11, 3), avg=1.0, std=2.0),
        stream.normal(size=x.shape),
        stream.binomial(size=x.shape, p=0.3),
        stream.multinomial(pvals=x, n=3),
        stream.uniform((6, 1)),  # from as many streams, and from one for six numbers
        stream.uniform((7, 1)),
        stream.uniform((92166, 1)),  # more numbers than six for each of the streams that there are
        stream.uniform((9, 1), nstreams=4),
    ]
    function = theano.function([x], [T.sum(value, axis=0)[0] for value in drawn], **FAST)
    recorded = [  # on Theano
        [4.593525391072035, 150.22900765994564, 6.817357284154091, 1.5232198772219843, 20, 52]
        + [2.0237571536563337, 3.209525950718671, 46127.1683673081, 3.2767542637884617],
        [3.465182602405548, 142.94926975434646, 17.395135257559073, -23.523754599381107, 12, 61]
        + [4.147592522203922, 2.379515876993537, 45957.48972188542, 4.576477622613311],
    ]
    for sums in recorded:
        assert_allclose(function(numpy.full((60, 3), 1 / 3)), sums, rtol=1e-12)
    seeds = (), (12345,)  # Theano's default
    assert_array_equal(*compute([], [MRG_RandomStreams(*seed).uniform((9,)) for seed in seeds]))
    both = ("float32", 3), ("float64", 6 * [3])  # which is the same seed
    single, double = (
        compute([], MRG_RandomStreams(seed).uniform((999,), dtype=dtype)) for dtype, seed in both
    )
    # They are a little smaller, so that none is rounded to 1.
    assert (single / double).mean() == pytest.approx(2**31 * 4.6566126e-10, abs=4e-8)


def test_a_chain_draws_in_each_step_and_each_call():
    stream = RandomStreams(7)
    steps, updates = theano.scan(
        lambda state: state + stream.binomial(size=state.shape, n=1, p=0.5, dtype="float64"),
        outputs_info=T.zeros(1000, dtype="float64"),
        n_steps=10,
    )
    function = theano.function([], steps, updates=updates, **FAST)
    first, second = (numpy.diff(function(), axis=0) for _ in range(2))
    assert (abs(first.mean(axis=1) - 0.5) < 0.1).all()
    assert (first[0] != first[1]).any() and (first != second).any()


@BOTH
def test_masks_of_fit_are_those_of_a_loop_by_hand(streams):
    x = T.matrix("x")
    masks, same = (streams(7).binomial(size=(10, 4), n=1, p=0.5) for _ in range(2))
    top = LogisticRegression(x * T.cast(masks, x.dtype), 4, 3)
    without = LogisticRegression(x, 4, 3, W=top.W, b=top.b)  # which takes any number of rows
    given = arguments(top, partial(sgd, learning_rate=0.1), x=x)
    fit(**{**given, "errors": without.errors(given["y"])})
    draw = theano.function([], same, **FAST)
    rows, labels = make_pairs(dtype="float64")[0]
    W, b = numpy.zeros((4, 3)), numpy.zeros(3)
    for batch, y in 3 * [*zip(rows.reshape(6, 10, 4), labels.reshape(6, 10))]:
        _, dW, db = cost_and_gradients(batch * draw(), y, W, b)
        W -= 0.1 * dW
        b -= 0.1 * db
    for param, value in zip(top.params, (W, b)):
        assert_allclose(engine.value(param), value)


@on_pytensor
def test_a_setting_without_effect_is_named_once(stderr):
    x = T.dscalar()
    theano.config.compute_test_value = "off"
    for _ in range(2):
        theano.config.compute_test_value = "warn"
        theano.function([x], x * 2, mode="DebugMode")
    first, second = stderr().splitlines()
    assert first == "note: compute_test_value=warn has no effect on PyTensor"
    assert second.startswith("note: DebugMode does not look for NaN on PyT")


def test_settings():
    assert theano.config.device == "cpu"
    theano.config.floatX = "float32"
    assert T.matrix().dtype == engine.T.matrix().dtype == "float32"


def test_inputs_with_defaults():
    a, b, c = T.dscalars("abc")
    inputs = [a, theano.Param(b, 2.5, "e"), theano.In(c, value=1.0, name="d")]
    function = theano.function(inputs, [a, b, c], **FAST)
    calls = [function(1), function(1, d=0.0), function(a=1, e=2.0), function(1, 2, 3)]
    assert calls == [[1, 2.5, 1], [1, 2.5, 0], [1, 2, 1], [1, 2, 3]]
    assert compute([a, theano.In(b, value=0)], a + b, 1) == 1
    outputs = {"sum": a + b, "difference": a - b}
    found = compute([a, theano.In(b, value=2)], outputs, 1)
    assert found == {"sum": 3, "difference": -1}


@on_pytensor
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("theano.tensor.nnet.h_softmax", "has no theano.tensor.nnet.h_softmax: use .* 3.8 to 3.11"),
        (
            "streams.random_integers((2,), 0, 9)",
            "has no RandomStreams.random_integers: use .* 3.8 to",
        ),
        ("theano.sandbox.rng_mrg.MRG_RandomStreams().binomial(n=2)", "n is 2: .* has one trial"),
        ("MRG_RandomStreams(0)", "seed is 0: "),
        (
            "c = theano.config; c.device = 'cpu'; c.device = 'gpu'",
            "device 'gpu' is not available: ",
        ),
        (
            "T.nnet.conv2d(x, x, border_mode='same')",
            "border_mode is 'same': give valid, full, half or",
        ),
        (
            "compute([x], T.nnet.conv2d(x[:, :, :1], x), X[None, None])",
            "images are smaller than a win",
        ),
        ("T.signal.pool.pool_2d(x, (2, 2), pad=(1, 1))", "pad needs ignore_border=True"),
        ("T.signal.pool.pool_2d(x, (2, 2), padd=(1, 1))", "unexpected keyword argument 'padd'"),
        ("T.signal.pool.pool_2d(x, (2, 2), mode='min')", "mode is 'min': give one of max, sum, av"),
        ("theano.In(x, value=0, update=x + 1)", "cannot have an update: make it a shared"),
        (
            "import theano.sandbox.cuda.fftconv",
            "has no theano.sandbox.cuda.fftconv: use .* 3.8 to 3",
        ),
    ],
)
def test_what_theano_alone_has_is_named(line, said):
    kinds = AttributeError, NotImplementedError, ValueError, TypeError, AssertionError
    with pytest.raises(ImportError if "import" in line else kinds, match=said):
        exec(line, {**globals(), "streams": RandomStreams(), "x": T.dtensor4()})
