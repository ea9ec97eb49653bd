"""The examples in the docstrings."""

import doctest
import importlib

import pytest
from conftest import ROOT

import logreg
from logreg import early_stopping, sgd, updates

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).replace(".__init__", "")
    for path in (ROOT / "logreg").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
NEED_AN_EXAMPLE = [
    *(getattr(logreg, name) for name in logreg.__all__ if name != "__version__"),
    *(updates.sgd, updates.momentum, updates.nesterov, updates.adagrad, updates.adam),
    *(early_stopping.EarlyStopping, sgd.fit),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried and not failed


@pytest.mark.parametrize("public", NEED_AN_EXAMPLE, ids=lambda public: public.__name__)
def test_public_names_have_an_example(public):
    assert doctest.DocTestFinder(recurse=False).find(public)[0].examples
