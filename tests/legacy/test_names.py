"""What programs for Theano import and call, on whichever engine runs."""

import numpy
import pytest

import logreg.legacy  # noqa: F401
from logreg import engine

# isort: split
import theano
import theano.tensor as T
from theano.ifelse import ifelse
from theano.sandbox.rng_mrg import MRG_RandomStreams
from theano.tensor.shared_randomstreams import RandomStreams

on_pytensor = pytest.mark.skipif(engine.NAME != "pytensor", reason="Theano has its own names")
FAST = {"mode": "FAST_COMPILE"}
X = numpy.array([[-2.0, 0.5], [1.0, 3.0]])
BOTH = pytest.mark.parametrize("streams", [RandomStreams, MRG_RandomStreams])


def compute(inputs, outputs, *values, **options):
    return theano.function(inputs, outputs, **FAST, **options)(*values)


def test_the_functions_of_nets():
    s, e = 1 / (1 + numpy.exp(-X)), numpy.exp(X)
    p = e / e.sum(axis=1, keepdims=True)
    v, vector = T.dmatrix("v"), T.dvector("vector")
    nnet = T.nnet
    s_of_v, p_of_v = nnet.sigmoid(v), nnet.softmax(v)
    known = [
        (s_of_v, s),
        (nnet.relu(v), X * (X > 0)),
        (nnet.relu(v, 0.1), numpy.where(X > 0, X, 0.1 * X)),
        (T.grad(nnet.relu(v - v).sum(), v), 0 * X),
        (nnet.softplus(v), numpy.log(1 + e)),
        (nnet.hard_sigmoid(v), (0.2 * X + 0.5).clip(0, 1)),
        (p_of_v, p),
        (nnet.softmax(vector), p[:1]),
        (nnet.logsoftmax(v), numpy.log(p)),
        (nnet.binary_crossentropy(s_of_v, 0.25), -(numpy.log(s) + 3 * numpy.log(1 - s)) / 4),
        (nnet.categorical_crossentropy(p_of_v, s_of_v), -(s * numpy.log(p)).sum(axis=1)),
        (nnet.categorical_crossentropy(p_of_v, T.argmin(v, axis=1)), -numpy.log(p.min(axis=1))),
    ]
    computed = compute([v, vector], [expression for expression, _ in known], X, X[0])
    for value, (_, expected) in zip(computed, known):
        numpy.testing.assert_allclose(value, expected, rtol=1e-9, atol=1e-12)


def test_names_that_pytensor_has_no_more():
    assert T.matrix() and theano.shared(0.0)  # as Theano's variables count as true
    a, b = numpy.arange(12.0).reshape(2, 2, 3), numpy.arange(18.0).reshape(2, 3, 3)
    t, u = T.dtensor3(), T.dtensor3()
    outputs = [
        T.inv(t + 1),
        T.flatten(t, outdim=2),
        theano.clone(t * 2, {t: u}),
        theano.dot(t[0], u[0]),
    ]
    expected = [1 / (a + 1), a.reshape(2, 6), 2 * b, a[0] @ b[0]]
    for value, known in zip(compute([t, u], outputs, a, b), expected):
        numpy.testing.assert_allclose(value, known)


def test_branches_loops_and_updates():
    x, n = T.dscalar("x"), T.iscalar("n")
    count = theano.shared(0)
    powers, updates = theano.scan(
        lambda power, base: (power * base, {count: count + 1}),
        outputs_info=T.ones_like(x),
        non_sequences=x,
        n_steps=n,
    )
    assert isinstance(updates, dict)
    outputs = [powers, ifelse(T.gt(x, 2), powers[-1], -x)]
    assert compute([x, n], outputs, 3.0, 4, updates=updates)[1] == 81
    assert compute([x, n], outputs, 2.0, 3, updates=updates)[1] == -2
    assert count.get_value() == 7


@BOTH
def test_random_numbers(streams, recwarn):
    stream = streams(3)
    p = numpy.array([[0.1, 0.9], [0.7, 0.3]], "float32")
    drawn = [
        stream.uniform((200, 100), low=-1, high=3),
        stream.normal(size=(200, 100), avg=2.0, std=0.5),
        stream.binomial(size=(200, 100), n=1, p=0.3, dtype="float32"),
        stream.multinomial(pvals=numpy.repeat(p, 1000, axis=0)),
    ]
    uniform, normal, binomial, multinomial = compute([], drawn)
    assert uniform.dtype == normal.dtype == theano.config.floatX
    assert uniform.min() >= -1 and uniform.max() <= 3 and abs(uniform.mean() - 1) < 0.05
    assert abs(normal.mean() - 2) < 0.02 and abs(normal.std() - 0.5) < 0.02
    assert binomial.dtype == "float32" and {*binomial.ravel()} == {0, 1}
    assert abs(binomial.mean() - 0.3) < 0.02
    assert (multinomial.sum(axis=1) == 1).all()
    assert abs(multinomial.reshape(2, 1000, 2).mean(axis=1) - p).max() < 0.06
    assert not [w for w in recwarn if issubclass(w.category, FutureWarning)]

    function = theano.function([], drawn[0], **FAST)
    other, again = streams(3).uniform((200, 100), low=-1, high=3), streams(4).uniform((200, 100))
    before = function()
    assert (function() != before).mean() > 0.99
    assert (compute([], other) == uniform).all() and (compute([], again) != uniform).any()


def test_a_chain_draws_in_each_step_and_each_call():
    stream = RandomStreams(7)
    steps, updates = theano.scan(
        lambda state: state + stream.binomial(size=state.shape, n=1, p=0.5, dtype="float64"),
        outputs_info=T.zeros(1000, dtype="float64"),
        n_steps=10,
    )
    function = theano.function([], steps, updates=updates, **FAST)
    first, second = function(), function()
    steps = numpy.diff(first, axis=0)
    assert first.shape == (10, 1000) and (first[-1] != second[-1]).any()
    assert (steps.mean(axis=1) < 0.6).all() and (steps[0] != steps[1]).any()
    assert abs(first[-1].mean() - 5) < 0.3


def test_settings():
    assert theano.config.device == "cpu"
    with pytest.raises(Exception, match=r"device|initialization"):
        theano.config.device = "gpu"
    theano.config.floatX = "float32"
    assert T.matrix().dtype == engine.T.matrix().dtype == "float32"


def test_inputs_with_defaults():
    a, b, c = T.dscalars("abc")
    inputs = [a, theano.In(b, value=2.5), theano.In(c, value=1.0, name="d")]
    function = theano.function(inputs, [a, b, c], **FAST)
    calls = [function(1), function(1, d=3.0), function(a=1, b=2.0), function(1, 2, 3)]
    assert calls == [[1, 2.5, 1], [1, 2.5, 3], [1, 2, 1], [1, 2, 3]]


@on_pytensor
def test_pytensor_stays_as_it_is():
    import pytensor

    assert theano is not pytensor and pytensor.function is not theano.function
    assert not hasattr(pytensor.tensor, "nnet") and not hasattr(pytensor.tensor, "inv")


@on_pytensor
@pytest.mark.parametrize(
    ("line", "path"),
    [
        ("theano.tensor.nnet.h_softmax", "tensor.nnet.h_softmax"),
        ("import theano.tensor.nnet.abstract_conv", "tensor.nnet.abstract_conv"),
        ("from theano.tensor.signal.pool import pool_3d", "tensor.signal.pool.pool_3d"),
    ],
)
def test_what_theano_alone_has_is_named(line, path):
    error = ImportError if "import" in line else AttributeError
    with pytest.raises(error, match=rf"has no theano\.{path}: use .*Python 3.8 to 3.11"):
        exec(line, {"theano": theano})
    with pytest.raises(ImportError, match=r"theano\.sandbox\.cuda .*GPU.*take the line out"):
        exec("import theano.sandbox.cuda.dnn")
