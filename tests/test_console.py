"""What commands share: the start, and the end."""

import gc
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import ROOT

from logreg.console import command, note, starting
from logreg.errors import SettingError

pytestmark = pytest.mark.engine_free


@pytest.mark.parametrize("seconds, said", [(0.5, "this takes a while\n"), (0, "")])
def test_a_slow_start_says_why(capsys, monkeypatch, seconds, said):
    monkeypatch.setattr("logreg.console.SLOW_AFTER", 0.2)
    with starting("this takes a while"):
        time.sleep(seconds)
    time.sleep(0.3)
    assert capsys.readouterr() == ("", said)


def test_what_a_terminal_would_obey_is_shown(capsys):
    note("odd\x1b[31m\tname ä\nof two lines")
    assert capsys.readouterr().err == "odd\\x1b[31m\\tname ä\nof two lines\n"


def test_a_start_collects_no_garbage_and_the_run_after_it_does():
    assert gc.isenabled()
    with pytest.raises(KeyError), starting("..."):
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
    gc.disable()
    try:
        with starting("..."):
            pass
        assert not gc.isenabled()  # the user's choice
    finally:
        gc.enable()


@pytest.mark.parametrize("returned, code", [(None, 0), (0, 0), (3, 3)])
def test_a_command_runs_in_a_thread_too(returned, code):
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(command(lambda argv: returned), []).result() == code


def raises(error):
    def main(argv):
        raise error

    return command(main)


def test_what_a_user_can_mend_is_told_and_a_fault_of_ours_keeps_its_traceback(capsys):
    assert raises(SettingError("the seed is -1"))([]) == 1
    assert capsys.readouterr() == ("", "error: the seed is -1\n")
    assert raises(KeyboardInterrupt())([]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")
    for error in (ValueError("x"), FileNotFoundError(2, "No such file", "x"), OSError(22, "x")):
        with pytest.raises(type(error)):
            raises(error)([])


# ---- programs, of which each is interrupted

START = """
import os, signal, sys
from logreg.console import starting_engine

if "ignored" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
with starting_engine():
    try:
        "late" in sys.argv or os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        pass  # as foreign code may do
    print("imported", flush=True)
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("ignored")
except KeyboardInterrupt:
    print("as ever")
"""
HALF_MADE = """
import os, signal
from logreg.console import command

class HalfMade:
    def __init__(self):
        os.kill(os.getpid(), signal.SIGINT)
        self.whole = True
    def __del__(self):
        self.whole

@command
def main(argv):
    HalfMade()

raise SystemExit(main())
"""
SWALLOWED = """
import os, signal
from logreg.console import command, starting

@command
def main(argv):
    with starting("compiling"):
        try:
            os.kill(os.getpid(), signal.SIGINT)
        except:
            print("swallowed")
            INSTEAD
    print("trained")

raise SystemExit(main())
"""


@pytest.mark.parametrize(
    "program, argument, expected",
    [
        (START, "", (130, "", "interrupted\n")),
        (START, "ignored", (0, "imported\nignored\n", "")),
        (START, "late", (0, "imported\nas ever\n", "")),
        (HALF_MADE, "", (130, "", "interrupted\n")),
        (SWALLOWED.replace("INSTEAD", "pass"), "", (130, "swallowed\n", "interrupted\n")),
        (SWALLOWED.replace("INSTEAD", "raise OSError"), "", (130, "swallowed\n", "interrupted\n")),
    ],
)
def test_ctrl_c_is_neither_lost_nor_a_complaint(run, program, argument, expected):
    done = run("-c", program, argument)
    assert (done.returncode, done.stdout, done.stderr) == expected


EXIT = """
import gc
from logreg.console import command

class Cycle:
    def __init__(self):
        self.self = self
    def __del__(self):
        print("collected")

@command
def main(argv):
    gc.collect()
    gc.disable()
    Cycle()

main()
main()
print("the end")
"""


def test_at_exit_a_command_looks_for_no_garbage(run):
    done = run("-c", EXIT)
    assert (done.returncode, done.stdout, done.stderr) == (0, "collected\nthe end\n", "")


@pytest.mark.parametrize("closed", ["", ">&-", "2>&-", ">&- 2>&-"])
def test_streams_that_the_shell_closed(working_folder, closed):
    code = """
import sys
from logreg.console import command, note
@command
def main(argv=None):
    print("a result", flush=True)
    note("a note")
sys.exit(main())
"""
    (working_folder / "main.py").write_text(code)
    shell = f"{sys.executable} main.py {closed}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(shell, shell=True, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert done.stdout == ("" if ">&-" in closed.split() else "a result\n")
    assert done.stderr == ("" if "2>&-" in closed else "a note\n")
