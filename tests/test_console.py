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


def test_a_slow_start_says_why(capsys, monkeypatch):
    monkeypatch.setattr("logreg.console.PATIENCE", 0.05)
    with starting("this takes a while"):
        time.sleep(0.5)
    assert capsys.readouterr() == ("", "this takes a while\n")


def test_a_quick_start_says_nothing(capsys, monkeypatch):
    monkeypatch.setattr("logreg.console.PATIENCE", 0.2)
    with starting("this takes a while"):
        pass
    time.sleep(0.4)
    assert capsys.readouterr() == ("", "")


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


def test_a_user_who_collects_no_garbage_is_left_alone():
    gc.disable()
    try:
        with starting("..."):
            assert not gc.isenabled()
        assert not gc.isenabled()
    finally:
        gc.enable()


INTERRUPT = """
import os, signal, sys
from logreg.console import starting_engine

if "ignored" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
with starting_engine():
    try:
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:
        pass  # as foreign code may do
    print("imported", flush=True)
try:
    os.kill(os.getpid(), signal.SIGINT)
    print("ignored")
except KeyboardInterrupt:
    print("as ever")
"""


def test_ctrl_c_is_not_lost_while_the_engine_starts(run):
    done = run("-c", INTERRUPT)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


def test_a_start_that_ignores_ctrl_c_goes_on_to(run):
    assert run("-c", INTERRUPT, "ignored").stdout == "imported\nignored\n"


def test_after_the_start_ctrl_c_is_an_exception_again(run):
    done = run("-c", INTERRUPT.replace("os.kill(os.getpid(), signal.SIGINT)", "pass", 1))
    assert (done.returncode, done.stdout) == (0, "imported\nas ever\n")


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


def test_what_an_interrupt_leaves_half_made_does_not_complain(run):
    done = run("-c", HALF_MADE)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")


SWALLOWED = """
import os, signal
from logreg.console import command, starting

def compile():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        print("not interrupted")
    except:
        print("swallowed")
        INSTEAD

@command
def main(argv):
    with starting("compiling"):
        compile()
    print("trained")

raise SystemExit(main())
"""


@pytest.mark.parametrize("instead", ["pass", "raise RuntimeError"])
def test_an_interrupt_that_an_engine_swallows_is_not_lost(run, instead):
    done = run("-c", SWALLOWED.replace("INSTEAD", instead))
    assert (done.returncode, done.stdout) == (130, "swallowed\n")
    assert done.stderr == "interrupted\n"


def test_a_command_runs_in_a_thread_too():
    with ThreadPoolExecutor(1) as threads:
        assert threads.submit(command(lambda argv: 3), []).result() == 3


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
def test_streams_that_the_shell_closed(tmp_path, closed):
    code = """
import sys
from logreg.console import command, note
@command
def main(argv=None):
    print("a result", flush=True)
    note("a note")
sys.exit(main())
"""
    (tmp_path / "main.py").write_text(code)
    command = f"{sys.executable} main.py {closed}"
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, shell=True, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert done.stdout == ("" if ">&-" in closed.split() else "a result\n")
    assert done.stderr == ("" if "2>&-" in closed else "a note\n")
