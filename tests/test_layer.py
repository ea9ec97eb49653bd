"""The class in other people's programs: their names, their layers."""

import os
import shutil

import numpy
import pytest
from conftest import ROOT

from logreg import engine
from logreg.engine import T, theano

on_pytensor = pytest.mark.skipif(engine.NAME != "pytensor", reason="Theano has its own names")
OLD_PROGRAM = """
import numpy
from logistic_sgd import LogisticRegression, load_data, sgd_optimization_mnist, predict

(x, y), _, _ = load_data("mnist_sample")
print(type(x).__name__ == type(LogisticRegression(x, 784, 10).W).__name__)
sgd_optimization_mnist(n_epochs=1, dataset="mnist_sample")
predict(dataset="mnist_sample")
"""


@pytest.mark.parametrize("is_beside", [False, True])
def test_an_old_program_imports_from_logistic_sgd(run, working_folder, is_beside):
    (working_folder / "old.py").write_text(OLD_PROGRAM)
    path = ROOT / "scripts"
    if is_beside:
        shutil.copy(path / "logistic_sgd.py", "logistic_sgd.py")
        path = ROOT
    done = run("old.py", env={"PYTHONPATH": str(path)})
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["... loading data", "True"]
    assert lines[-2] == "Predicted values for the first 10 examples in test set:"
    assert os.path.exists("best_model.pkl")


def test_theano_has_the_names_that_the_series_uses():
    x = numpy.array([[-2.0, 0.5], [1.0, 3.0]])
    tensor, known = theano.tensor, {"sigmoid": 1 / (1 + numpy.exp(-x)), "relu": x * (x > 0)}
    known["softplus"] = numpy.log(1 + numpy.exp(x))
    known["softmax"] = numpy.exp(x) / numpy.exp(x).sum(axis=1, keepdims=True)
    v = tensor.dmatrix("v")
    for name, expected in known.items():
        found = theano.function([v], getattr(tensor.nnet, name)(v))(x)
        numpy.testing.assert_allclose(found, expected, rtol=1e-12)
    p = tensor.nnet.sigmoid(v)
    found = theano.function([v], tensor.nnet.binary_crossentropy(p, 0.25).sum())(x)
    s = known["sigmoid"]
    expected = -(0.25 * numpy.log(s) + 0.75 * numpy.log(1 - s)).sum()
    assert found == pytest.approx(expected)
    streams = tensor.shared_randomstreams.RandomStreams(3)
    mask = theano.function([], streams.binomial(n=1, p=0.5, size=(40, 50)))()
    assert 800 < mask.sum() < 1200 and set(mask.ravel()) == {0, 1}


@on_pytensor
def test_pytensor_stays_as_it_is_and_takes_the_settings():
    import pytensor

    assert theano is not pytensor and theano.tensor is T and not hasattr(pytensor.tensor, "nnet")
    theano.config.floatX = "float32"
    assert (pytensor.config.floatX, T.matrix().dtype) == ("float32", "float32")


@on_pytensor
@pytest.mark.parametrize(
    ("path", "instead"),
    [
        ("sandbox", "RandomStreams"),
        ("tensor.nnet.conv2d", "convolve2d"),
        ("tensor.signal.pool", "reshape"),
        ("tensor.batched_dot", "documentation"),
    ],
)
def test_what_theano_alone_has_is_named(path, instead):
    *above, name = path.split(".")
    module = theano
    for part in above:
        module = getattr(module, part)
    with pytest.raises(AttributeError, match=rf"has no theano\.{path}: use .*{instead}"):
        getattr(module, name)


@on_pytensor
def test_what_is_named_for_convolution_and_pooling_is_right():
    from scipy.signal import convolve2d

    random = numpy.random.RandomState(0)
    values, filters = random.randn(2, 3, 7, 8), random.randn(4, 3, 2, 3)
    x, W = T.dtensor4(), T.dtensor4()
    n, c, h, w = 2, 4, 6, 6
    convolved = T.signal.convolve2d(x[:, None], W[None], mode="valid").sum(axis=2)
    pooled = convolved.reshape((n, c, h // 2, 2, w // 2, 2)).max(axis=(3, 5))
    found = engine.function([x, W], [convolved, pooled])(values, filters)
    expected = [
        [sum(convolve2d(v[k], f[k], mode="valid") for k in range(3)) for f in filters]
        for v in values
    ]
    numpy.testing.assert_allclose(found[0], expected, rtol=1e-9)
    top = numpy.array(expected)
    corners = [top[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1)]
    numpy.testing.assert_allclose(found[1], numpy.max(corners, axis=0), rtol=1e-9)
