"""PyTensor under Theano's names, whatever becomes of its internals."""

import pytest

from logreg import engine

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
