"""What commands share: the start, and the end."""

import gc
import os
import subprocess
import sys
import time

import pytest
from conftest import ROOT

from logreg.cli.command import command
from logreg.errors import SettingError
from logreg.terminal.notes import note, starting

pytestmark = pytest.mark.engine_free


def test_a_slow_start_says_why(capsys, monkeypatch):
    with starting("this takes a while"):
        pass
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr("logreg.terminal.notes.SLOW_AFTER", 0)
    with starting("this takes a while"):
        err = ""
        while not err:  # until it is slow enough
            time.sleep(0.01)
            err = capsys.readouterr().err
    assert err == "this takes a while\n"


def test_what_a_terminal_would_obey_is_shown(capsys):
    note("odd\x1b[31m\tname ä\nof two lines")
    assert capsys.readouterr().err == "odd\\x1b[31m\\tname ä\nof two lines\n"


def test_a_start_collects_no_garbage_and_the_run_after_it_does():
    n_frozen = gc.get_freeze_count()  # Python 3.12 begins with some
    with pytest.raises(KeyError), starting("..."):
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled() and gc.get_freeze_count() == n_frozen


def raises(error):
    def main(argv):
        raise error

    return command(main)


def test_what_a_user_can_mend_is_told_and_a_fault_of_ours_keeps_its_traceback(capsys):
    assert raises(SettingError("the seed is -1"))([]) == 1
    assert raises(MemoryError("Unable to allocate 8 GiB"))([]) == raises(MemoryError)([]) == 1
    said = "the seed is -1", "Unable to allocate 8 GiB", "there is not enough memory"
    expected = "".join(f"error: {line}\n" for line in said)
    assert capsys.readouterr() == ("", expected)
    assert raises(OSError(28, "No space", "a file"))([]) == raises(BrokenPipeError())([]) == 1
    assert capsys.readouterr().err == "error: a file: No space\n"
    assert raises(OSError("timed out"))([]) == 1
    assert capsys.readouterr().err == "error: stdout or the working folder: timed out\n"
    for error in (KeyboardInterrupt(), ValueError("x")):
        with pytest.raises(type(error)) as raised:
            raises(error)([])
        assert raised.value is error


HEAD = """
import gc, os, signal, sys
from logreg.cli.command import command
from logreg.terminal.notes import note, starting, starting_engine

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)
"""
START = """
from logreg.files.writing import owning, replacing

@command
def main(argv):
    try:
        with starting_engine(), owning(["output"]), replacing("output"):
            interrupt()
    except BaseException:
        pass  # as foreign code may do
    print("ignored")

sys.exit(main())
"""
CALLED = """
def main(argv):
    interrupt()

main.__module__ = "logreg.train"
try:
    command(main)()
except KeyboardInterrupt:
    print("as in any function")
"""
EXIT = """
class Cycle:
    def __init__(self):
        self.self = self
    def __del__(self):
        print("collected")

gc.disable()
command(lambda argv: print(bool(Cycle())))()
"""
PRINTING = """
@command
def main(argv):
    print("a result", flush=True)
    note("a note")

sys.exit(main())
"""
OVERFLOWING = """
import warnings

@command
def main(argv):
    warnings.warn("overflow encountered in multiply", RuntimeWarning)
    warnings.warn("of another kind")

sys.exit(main())
"""
GONE = """
@command
def main(argv):
    os.mkdir("gone")
    os.chdir("gone")
    os.rmdir("../gone")
    os.path.realpath("file")

sys.exit(main())
"""
IGNORING = "signal.signal(signal.SIGINT, signal.SIG_IGN)"
STDOUT = "error: stdout or the working folder: "


@pytest.mark.parametrize(
    "program, shell, expected",
    [
        (START, "", (130, "", "interrupted\n")),
        (IGNORING + START, "", (0, "ignored\n", "")),
        (CALLED, "", (0, "as in any function\n", "")),
        (EXIT, "", (0, "True\n", "")),  # at exit, nobody looks for garbage
        (PRINTING, "", (0, "a result\n", "a note\n")),
        (PRINTING, ">&-", (0, "", "a note\n")),
        (PRINTING, "2>&-", (0, "a result\n", "")),
        (PRINTING, ">/dev/full", (1, "", f"{STDOUT}No space left on device\n")),
        (PRINTING, "2>/dev/full", (0, "a result\n", "")),
        (OVERFLOWING, "2>&1 | grep -o Warning..of.*", (0, "Warning: of another kind\n", "")),
        (GONE, "", (1, "", f"{STDOUT}No such file or directory\n")),
    ],
)
def test_how_a_program_ends(working_folder, program, shell, expected):
    (working_folder / "main.py").write_text(HEAD + program)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    env.pop("PYTHONUNBUFFERED", None)  # with it, nothing is left to flush at exit
    shell = f"{sys.executable} main.py {shell}"
    done = subprocess.run(shell, shell=True, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == expected
    assert not [name for name in os.listdir(".") if name.startswith(".")]  # nothing unfinished


@pytest.mark.parametrize("module", ["train", "predict"])
def test_ctrl_c_among_the_first_imports(run, module, working_folder):
    """A module of the name of a later import sends it."""
    (working_folder / "argparse.py").write_text("import os\nos.kill(os.getpid(), 2)\n")
    done = run("-m", f"logreg.{module}", cwd=working_folder)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
