"""What commands share: the start, and the end."""

import gc
import time

import pytest

from logreg.console import starting


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
