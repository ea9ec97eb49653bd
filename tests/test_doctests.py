"""The examples in the docstrings."""

import doctest
import importlib
import re

import pytest
from conftest import ROOT

import logreg
from logreg import early_stopping, updates

MODULES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).replace(".__init__", "")
    for path in (ROOT / "logreg").rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)
NEED_AN_EXAMPLE = [
    *(getattr(logreg, name) for name in logreg.__all__ if name != "__version__"),
    *(logreg.SoftmaxClassifier, updates.sgd, early_stopping.EarlyStopping),
]


class Checker(doctest.OutputChecker):
    """An example can't show what the tutorial prints after three dots: they would be code."""

    def check_output(self, want, got, optionflags):
        return super().check_output(want, re.sub(r"(?m)^\.\.\. .*\n", "", got), optionflags)


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_run(name):
    runner = doctest.DocTestRunner(Checker())
    for examples in doctest.DocTestFinder().find(importlib.import_module(name)):
        runner.run(examples)
    assert runner.tries and not runner.failures


@pytest.mark.parametrize("public", NEED_AN_EXAMPLE, ids=lambda public: public.__name__)
def test_public_names_have_an_example(public):
    assert doctest.DocTestFinder(recurse=False).find(public)[0].examples
