"""PyTensor under Theano's names, whatever becomes of its internals."""

import numpy
import pytest

from logreg import engine, updates
from logreg.engine import T, theano

pytestmark = pytest.mark.skipif(engine.NAME != "pytensor", reason="about PyTensor")


def test_the_import_depends_on_no_internal_of_pytensor(run):
    """It may have another name in the next release. Nor is Numba imported before it is used."""
    code = """
import sys
import pytensor, pytensor.tensor
saved = dict(sys.modules)
for name in saved:
    if name.startswith("pytensor.") and name != "pytensor.tensor":
        sys.modules[name] = None
from logreg import engine
sys.modules.update(saved)
x = engine.T.dvector("x")
gradient = engine.T.grad((x**2).sum(), x)
function = engine.theano.function([x], gradient, mode="FAST_COMPILE")
print(function([1.0, 2.0]).tolist(), "numba" in sys.modules)
"""
    assert run("-c", code).stdout == "[2.0, 4.0] False\n"


def test_numba_compiles_nothing_in_a_step():
    """All that a layer below needs is compiled with the step: time is measured from the first."""
    event = pytest.importorskip("numba.core.event")
    x, y, W = T.dmatrix("x"), T.ivector("y"), theano.shared(numpy.ones((2, 3)))
    data = engine.shared_data(numpy.ones((4, 2))), theano.shared(numpy.zeros(4, "int32"))
    cost = (T.tanh(T.dot(x, W)).sum(axis=1) - y).mean()
    train_model = engine.compile_step(x, y, data, 2, cost, updates.sgd(cost, [W], 0.1), 9)
    with event.install_recorder("numba:compile") as recorder:
        train_model(0)
    assert [record.data["dispatcher"] for _, record in recorder.buffer] == []
    assert not (W.get_value() == 1).any()
