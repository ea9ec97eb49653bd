"""What the project promises about itself."""

import ast
import inspect

import pytest
from conftest import ROOT

import logreg

PACKAGE = ROOT / "logreg"
SOURCES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path.read_text(encoding="utf-8")
    for path in sorted(PACKAGE.rglob("*.py"))
}
MODULES = {*SOURCES, "logreg.kernel._kernel"}
ROOMS = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
# A module imports what is lower than itself. Within a room, imports make no circle.
LAYERS = """
__init__ < errors version < console files hyperparameters < parallel < kernel early_stopping
< engine < updates datasets < model < run saving < callbacks prediction < plots < sgd < cli
< estimator fitting page < tutorial < train predict report export __main__ < legacy
"""


def test_the_public_names():
    """Each has an example, as test_doctests.py tells."""
    assert {*logreg.__all__} == {
        *("Hyperparameters", "LogisticRegression", "Predictor", "__version__", "fit", "fit_table"),
        *("adagrad", "adam", "momentum", "nesterov", "load_data", "sgd_optimization_mnist"),
        *("updates", "load_model", "load_params", "save_model", "save_params"),
    }
    assert {*logreg.__all__, "SoftmaxClassifier"} <= set(dir(logreg))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        logreg.nonsense  # noqa: B018
    parameters = inspect.signature(logreg.load_data).parameters.values()
    assert [each.name for each in parameters if each.default] == ["dataset", "na", "size"]


def imports_of(module):
    """The modules of ours that a module imports, wherever it does."""
    for node in ast.walk(ast.parse(SOURCES[module])):
        assert not getattr(node, "level", 0), "say where it comes from"
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.startswith("logreg"))
        elif isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "logreg":
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = inner in MODULES or f"{inner}.__init__" in MODULES
                yield inner if is_module else node.module


def test_imports_point_one_way():
    level = {name: i for i, names in enumerate(LAYERS.split("<")) for name in names.split()}
    for module in set(SOURCES) - {"logreg.__init__"}:  # it hands public names on
        room = module.split(".")[1]
        for imported in imports_of(module):
            assert imported != "logreg", f"{module} imports public names: they have modules"
            assert imported != f"logreg.{room}", f"{module} imports its own package"
            other = imported.split(".")[1]
            assert other == room or level[other] < level[room], f"{module} imports {imported}"


@pytest.mark.parametrize("room", ROOMS)
def test_the_modules_of_a_room_make_no_circle(room):
    left = {m: set(imports_of(m)) for m in SOURCES if m.startswith(f"logreg.{room}.")}
    while left:
        free = {module for module, imported in left.items() if not imported & set(left)}
        assert free, f"a circle: {sorted(left)}"
        left = {module: imported for module, imported in left.items() if module not in free}


def test_modules_and_functions_are_short():
    for module, source in SOURCES.items():
        assert len(source.splitlines()) <= 330, module
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef) and node.name != "parser":
                assert node.end_lineno - node.lineno < 80, f"{module}.{node.name}"


def test_the_package_says_which_commands_there_are(run):
    done = run("-m", "logreg")
    assert (done.returncode, done.stderr) == (0, "")
    for path in [*PACKAGE.glob("*.py"), PACKAGE / "tutorial"]:
        source = path / "__main__.py" if path.is_dir() else path
        is_command = "@command\ndef main(" in source.read_text(encoding="utf-8")
        assert (f"python -m logreg.{path.stem} " in done.stdout) == is_command


@pytest.mark.parametrize("module", ["train", "predict", "report", "export", "tutorial"])
def test_commands_tell_their_version_and_do_not_warn(run, module):
    done = run("-W", "error", "-m", f"logreg.{module}", "--version")
    assert (done.stdout, done.stderr) == (f"logreg {logreg.__version__}\n", "")
