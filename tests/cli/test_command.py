"""What commands share: how they end, and what of the process they leave as it was."""

import gc
import os
import signal
import subprocess
import sys
import warnings

import pytest
from builders import write
from conftest import ROOT

from logreg.basics import console
from logreg.basics.errors import SettingError
from logreg.cli.command import command


def raises(error):
    def main(argv):
        raise error

    return command(main)


@pytest.mark.parametrize(
    "error, code, err",
    [
        (SettingError("give `split_seed=3`"), 1, "error: give --split-seed 3\n"),
        (MemoryError(), 1, "error: there is not enough memory\n"),
        (OSError(28, "No space", "a file"), 1, "error: a file: No space\n"),
        (OSError("it is odd"), 1, "error: stdout or the working folder: it is odd\n"),
        (BrokenPipeError(), 141, ""),
        (KeyboardInterrupt(), 130, "interrupted\n"),
    ],
)
def test_what_a_user_can_mend_is_an_exit_code_and_a_line(error, code, err, capsys):
    assert raises(error)([]) == code
    assert capsys.readouterr() == ("", err)


def test_a_fault_of_ours_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        raises(ZeroDivisionError())([])


def test_the_process_is_as_it_was(monkeypatch, stderr):
    monkeypatch.setattr(sys, "stdout", None)

    @command
    def main(argv):
        console.set_quiet(True)
        print("to nobody")

    before = signal.getsignal(signal.SIGINT), gc.isenabled(), [*warnings.filters]
    assert main([]) == 0 and sys.stdout is None
    assert (signal.getsignal(signal.SIGINT), gc.isenabled(), warnings.filters) == before
    console.note("give `header=True`")
    assert stderr() == "give `header=True`\n"


HEAD = """
import gc, os, signal, sys, warnings
from logreg.cli.command import command
from logreg.basics.files import replacing
from logreg.basics.console import note, say, waiting_for_engine
"""
MAIN = """
@command
def main(argv=None):
    {}

sys.exit(main() + 9 * (not gc.isenabled()))
"""
INTERRUPTED = MAIN.format("""with waiting_for_engine("..."), replacing("output"):
        signal.raise_signal(signal.SIGINT)
        sys.stdin.read()""")
# Of a user, who calls it logreg-something.
SCRIPT = """
import logreg.train, logreg.predict, logreg.report.__main__, logreg.export
try:
    signal.raise_signal(signal.SIGINT)
    sys.stdin.read()
except KeyboardInterrupt:
    print("interrupted")
"""
PRINTING = MAIN.format("""with waiting_for_engine("..."):
        pass
    say("a result" if not gc.isenabled() else "garbage is collected")
    note("a note")""")
OVERFLOWING = MAIN.format("""warnings.warn("overflow encountered in multiply", RuntimeWarning)
    warnings.warn("of another kind")""")
FULL = "error: stdout or the working folder: No space left on device\n"
IGNORING = "signal.signal(signal.SIGINT, signal.SIG_IGN)"


@pytest.mark.parametrize(
    "program, shell, expected",
    [
        (INTERRUPTED, "", (130, "", "interrupted\n")),
        (INTERRUPTED.replace("SIGINT", "SIGTERM"), "", (143, "", "")),
        (IGNORING + INTERRUPTED, "</dev/null", (0, "", "")),
        ((IGNORING + INTERRUPTED).replace("SIGINT", "SIGTERM"), "</dev/null", (0, "", "")),
        (SCRIPT, "", (0, "interrupted\n", "")),
        (PRINTING, ">&-", (0, "", "a note\n")),
        (PRINTING, "2>&-", (0, "a result\n", "")),
        (MAIN.format("print('a result')"), ">/dev/full", (1, "", FULL)),
        (MAIN.format("print('a result')\n    return 5"), ">/dev/full", (5, "", FULL)),
        (PRINTING, "2>/dev/full", (0, "a result\n", "")),
        (OVERFLOWING, "2>&1 | grep -o 'Warning: .*'", (0, "Warning: of another kind\n", "")),
    ],
)
def test_how_a_program_ends(program, shell, expected, monkeypatch):
    write("logreg-main", HEAD + program)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)  # with it, nothing is left to flush
    shell = f"{sys.executable} logreg-main {shell}"
    done = subprocess.run(shell, shell=True, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == expected
    assert {*os.listdir()} <= {"logreg-main", "output"}
