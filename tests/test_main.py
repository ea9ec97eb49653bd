"""The one command, which runs the others by their names."""

import pytest
from builders import write
from conftest import ROOT

import logreg

COMMANDS = [
    path.parent.name if path.stem == "__main__" else path.stem
    for path in (ROOT / "logreg").rglob("*.py")
    if "\n@command\n" in path.read_text("utf-8")
]


def test_one_command_runs_all(run):
    """Each by its name, and as a module; each tells its version, and does not warn."""
    done = run("-m", "logreg")
    assert done.stderr == "" and len(COMMANDS) == 5
    for name in COMMANDS:
        assert f"\n  logreg {name} " in done.stdout
        for module in (["logreg", name], [f"logreg.{name}"]):
            version = run("-W", "error", "-m", *module, "--version")
            assert (version.stdout, version.stderr) == (f"logreg {logreg.__version__}\n", "")


@pytest.mark.parametrize("name, code", [("--version", 0), ("--help", 0), ("trian", 2)])
def test_only_a_command_is_run(name, code, run):
    done = run("-m", "logreg", name, code=code)
    assert done.stderr.startswith(f"error: there is no command {name!r}: ") == (code == 2)


def test_one_command_passes_arguments_and_exit_codes_on(run):
    assert "none.pkl" in run("-m", "logreg", "predict", "--model", "none.pkl", code=1).stderr
    write("old.py", "import sys; print(sys.argv[1:]); sys.exit(5)")
    assert run("-m", "logreg", "legacy", "old.py", "--help", code=5).stdout == "['--help']\n"
