"""What the project promises about itself."""

import ast
import doctest
import importlib
import inspect
import re

import pytest
from conftest import ROOT

import logreg
from logreg import early_stopping, updates

PACKAGE = ROOT / "logreg"
SOURCES = {
    ".".join(path.relative_to(ROOT).parts)[:-3].replace(".__init__", ""): path.read_text("utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = {*SOURCES, "logreg.kernel._kernel"}
# A module imports what is lower than itself. Within a room, imports make no circle.
LAYERS = """
basics < hyperparameters kernel < early_stopping parts
< engine tables < updates datasets < model < run saving
< callbacks prediction < retraining < sgd < cli < estimator fitting report < tutorial
< train predict export __main__ < legacy
"""


def test_the_public_names_have_examples():
    names = """Hyperparameters LogisticRegression Predictor __version__ fit fit_table adagrad adam
    momentum nesterov load_data sgd_optimization_mnist updates load_model load_params save_model
    save_params LogRegWarning LogRegError DatasetError EngineError ModelFileError SettingError"""
    assert {*logreg.__all__} == {*names.split()}
    assert {*logreg.__all__, "SoftmaxClassifier"} <= set(dir(logreg))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        logreg.nonsense  # noqa: B018
    public = [getattr(logreg, name) for name in {*logreg.__all__} - {"__version__"}]
    public += [logreg.SoftmaxClassifier, updates.sgd, early_stopping.EarlyStopping]
    for each in public:
        assert doctest.DocTestFinder(recurse=False).find(each)[0].examples, each


def test_a_docstring_describes_each_setting():
    documented = (logreg.Hyperparameters, "momentum"), (logreg.load_data, "pixel_scale")
    for each, option in documented:
        assert f"\n{option} : a number from " in inspect.getdoc(each)


class Checker(doctest.OutputChecker):
    """An example can't show what the tutorial prints after three dots: they would be code."""

    def check_output(self, want, got, optionflags):
        return super().check_output(want, re.sub(r"(?m)^\.\.\. .*\n", "", got), optionflags)


@pytest.mark.parametrize("name", [name for name, text in SOURCES.items() if ">>> " in text])
def test_the_examples_run(name):
    runner = doctest.DocTestRunner(Checker())
    for examples in doctest.DocTestFinder().find(importlib.import_module(name)):
        runner.run(examples)
    assert runner.tries and not runner.failures


def imports_of(module):
    """The modules of ours that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(SOURCES[module])):
        assert not getattr(node, "level", 0), "say where it comes from"
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            names = [start + alias.name for alias in node.names]
            ours = [name for name in names if name.split(".")[0] == "logreg"]
            yield from (name if name in MODULES else name.rpartition(".")[0] for name in ours)


def test_imports_point_one_way():
    level = {name: i for i, names in enumerate(LAYERS.split("<")) for name in names.split()}
    left = {module: {*imports_of(module)} for module in SOURCES}
    del left["logreg"]  # it hands public names on
    for module, imported in left.items():
        room = module.split(".")[1]
        assert not imported & {"logreg", f"logreg.{room}"}, f"{module}: they have modules"
        for other in {name.split(".")[1] for name in imported} - {room}:
            assert level[other] < level[room], f"{module} imports of {other}"
    while free := {module for module in left if not left[module] & {*left}}:
        left = {module: left[module] for module in {*left} - free}
    assert not left, "they make a circle"


OUR_PATH = re.compile(
    r"(?<![\w./-])(?:logreg|scripts|tests|data|\.ci|\.github)/(?:[\w./*-]|\[\w+\])*(?:\w|\[\w+\])"
)


@pytest.mark.parametrize("folder", [".github", ".ci", "Makefile", "README.md"])
def test_every_path_that_is_named_is_there(folder):
    """But the kernel, which is compiled, and MNIST, which is fetched."""
    files = [p for p in [ROOT / folder, *(ROOT / folder).rglob("*")] if p.is_file()]
    named = {name for path in files for name in OUR_PATH.findall(path.read_text("utf-8"))}
    assert named
    lacking = {name for name in named if not [*ROOT.glob(name)]}
    assert lacking <= {"logreg/kernel/*.so", "data/*-ubyte"}
