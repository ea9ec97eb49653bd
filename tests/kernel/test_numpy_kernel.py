"""The stand-in of the kernel: what it computes is what the formulas say."""

import numpy
import pytest
from builders import cost_and_gradients
from numpy.testing import assert_allclose
from problems import KINDS, problem
from softmax import steps_of_numpy

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
@pytest.mark.parametrize("dtype, cell", KINDS[1:3])
def test_steps_gradients_and_classes(dtype, cell, is_weighted, momentum):
    x, scale, *params, y, weights = problem(dtype, cell, 60, 5, 3)
    rows = kernel.Rows(x, scale)
    labels = y, weights if is_weighted else None
    if not is_weighted:
        weights[:] = 1
    x = x * scale
    W, b = params
    if momentum:
        params += [0.1 * W, 0.1 * b]
    rule = 0.3, 0.01, momentum
    found = kernel.gradients(rows, (W, b), labels, 10, 20)
    found += kernel.steps(rows, params, labels, [0, 20, 40], 20, *rule)
    cost, *expected = cost_and_gradients(x[10:30], y[10:30], W, b, weights[10:30])
    expected = [[cost], *expected]
    expected += steps_of_numpy((x, y, weights), params, [0, 20, 40], 20, *rule)
    for one, other in zip(found, expected):
        assert one.dtype == dtype
        assert_allclose(one, other, rtol=1e-4 if dtype == "float32" else 1e-10, atol=1e-6)
    assert (kernel.classes(rows, (W, b)) == (x @ W + b).argmax(axis=1)).all()


def test_a_label_that_is_no_class_is_named():
    rows = kernel.Rows(numpy.ones((4, 2)))
    labels = numpy.array([0, 1, 2, 1])
    with pytest.raises(ValueError, match=r"^row 2 has the label 2: labels must be 0 to 1$"):
        kernel.steps(rows, (numpy.zeros((2, 2)), numpy.zeros(2)), (labels, None), [0, 2], 2, 0.1)


def test_a_training_without_a_compiler_gives_the_errors_of_one_with_it(cli, without_a_compiler):
    command = "train mnist_sample --n-epochs 2 --batch-size 100 -q -o"
    without = cli(f"{command} a.pkl").out
    without_a_compiler.undo()
    assert cli(f"{command} b.pkl").out == without
