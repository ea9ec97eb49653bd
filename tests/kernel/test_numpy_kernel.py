"""The stand-in of the kernel: what it computes is what the formulas say."""

import numpy
import pytest
from builders import cost_and_gradients
from numpy.testing import assert_allclose

from logreg import kernel
from logreg.kernel import functions, numpy_kernel


@pytest.fixture(autouse=True)
def without_a_compiler(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(functions, "_kernel", numpy_kernel)
        assert not kernel.is_built() and not kernel.is_in_use()
        assert kernel.lay_out(kernel.Rows(numpy.ones((4, 2), "uint8")), None, 4) is None
        yield patch


@pytest.mark.parametrize("momentum", [0, 0.5])
@pytest.mark.parametrize("is_weighted", [False, True])
@pytest.mark.parametrize("x_dtype, dtype", [("uint8", "float32"), ("float64", "float64")])
def test_steps_gradients_and_classes(x_dtype, dtype, is_weighted, momentum, random):
    raw = random.randint(256, size=(60, 5)).astype(x_dtype)
    y = random.randint(3, size=60)
    weights = random.rand(60).astype(dtype) if is_weighted else None
    rows = kernel.Rows(raw, 1 / 256)
    x = raw / 256.0
    W, b = random.randn(5, 3).astype(dtype), random.randn(3).astype(dtype)
    velocities = [0.1 * W, 0.1 * b] if momentum else []
    tolerance = {"rtol": 1e-4 if dtype == "float32" else 1e-10, "atol": 1e-6}
    found = kernel.gradients(rows, (W, b), (y, weights), 10, 20)
    some = slice(10, 30)
    some_weights = None if weights is None else weights[some]
    for one, other in zip(found, cost_and_gradients(x[some], y[some], W, b, some_weights)):
        assert_allclose(one, [other] if numpy.ndim(other) == 0 else other, **tolerance)
    costs, *params = kernel.steps(
        rows, [W, b, *velocities], (y, weights), [0, 20, 40], 20, 0.3, 0.01, momentum
    )
    expected = [W.astype("float64"), b.astype("float64")]
    v = [each.astype("float64") for each in velocities] or [0, 0]
    for k, start in enumerate((0, 20, 40)):
        some = slice(start, start + 20)
        some_weights = None if weights is None else weights[some]
        cost, dW, db = cost_and_gradients(x[some], y[some], *expected, some_weights)
        assert_allclose(costs[k], cost + 0.01 * (expected[0] ** 2).sum(), **tolerance)
        gradients = [dW + 0.02 * expected[0], db]
        v = [momentum * speed - 0.3 * slope for speed, slope in zip(v, gradients)]
        expected = [param + speed for param, speed in zip(expected, v)]
    for one, other in zip(params, [*expected, *(v if momentum else [])]):
        assert one.dtype == dtype
        assert_allclose(one, other, **tolerance)
    assert (kernel.classes(rows, params[:2]) == (x @ params[0] + params[1]).argmax(axis=1)).all()


def test_a_label_that_is_no_class_is_named():
    rows = kernel.Rows(numpy.ones((4, 2)))
    labels = numpy.array([0, 1, 2, 1])
    with pytest.raises(ValueError, match=r"^row 2 has the label 2: labels must be 0 to 1$"):
        kernel.steps(rows, (numpy.zeros((2, 2)), numpy.zeros(2)), (labels, None), [0, 2], 2, 0.1)


def test_a_training_without_a_compiler_gives_the_errors_of_one_with_it(cli, without_a_compiler):
    command = "train mnist_sample --n-epochs 2 --batch-size 100 -q -o"
    assert "several times as fast" in cli("train mnist_sample --n-epochs 1 -o a.pkl").err
    without = cli(f"{command} a.pkl").out
    without_a_compiler.undo()
    assert cli(f"{command} b.pkl").out == without
