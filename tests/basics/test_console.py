"""Lines on stdout and stderr."""

import contextlib
import gc
import io
import queue
import sys
import threading

import pytest
from builders import write

from logreg.basics.console import (
    note,
    printing,
    say,
    set_quiet,
    show_status,
    waiting_for_engine,
)


def test_a_slow_start_says_why(monkeypatch):
    said = queue.Queue()
    monkeypatch.setattr("logreg.basics.console.SLOW_AFTER", 0)
    monkeypatch.setattr("logreg.basics.console.note", said.put)
    with waiting_for_engine("this takes a while"):
        message = "this takes a while, which takes longest the first time on a machine"
        assert said.get(timeout=60) == message


def test_a_quick_start_says_nothing_even_if_it_fails():
    before = {*threading.enumerate()}
    with contextlib.suppress(OSError), waiting_for_engine("this takes a while"):
        (timer,) = {*threading.enumerate()} - before
        raise OSError
    assert gc.isenabled() and timer.finished.is_set()


LIBRARY = """
import logging, sys, warnings
from logreg import LogRegWarning, load_data
from logreg.cli.command import command
command(lambda argv: 0)([])
logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s", level="INFO")
load_data("t.csv", "kind", shuffle=False)
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    load_data("t.csv", "kind", shuffle=False)
print([(each.category.__mro__[:2] == (LogRegWarning, UserWarning), each.lineno) for each in caught])
warnings.simplefilter("error")
load_data("t.csv", "kind", shuffle=False)
"""


def test_a_program_gets_warnings_as_pythons_and_notes_from_the_logger(run, working_folder):
    write("p.py", LIBRARY)
    rows = [f"{size},{'ant' if 0 < size < 88 else 'bee'}" for size in range(90)]
    write("t.csv", "\n".join(["size,kind", *rows]))
    done = run(working_folder / "p.py", code=1)  # Python 3.8 would name it as given
    first, *_, last = done.stderr.splitlines()
    assert first.startswith(f"{working_folder}/p.py:7: LogRegWarning: every row of the validation")
    assert last.startswith(
        "logreg.basics.errors.LogRegWarning: every row of the validation set has the"
    )
    notes = [line for line in done.stdout.splitlines() if line.startswith("logreg INFO note: ")]
    assert len(notes) >= 3 and "(True, 10)" in done.stdout


def test_a_shorter_status_leaves_nothing_of_a_longer_one(capsys):
    show_status("epoch 99 (10 s)")
    show_status("done")
    shown = ""
    for written in capsys.readouterr().err.split("\r"):  # each begins at the left end of the line
        shown = written + shown[len(written) :]
    show_status("")
    assert shown.rstrip() == "done"


@pytest.mark.parametrize("quiet", [False, True])
@pytest.mark.parametrize("in_notebook", [False, True])
def test_where_a_message_goes(quiet, in_notebook, capsys, monkeypatch):
    """And what a terminal would obey."""
    monkeypatch.setattr("logreg.basics.console.in_notebook", lambda: in_notebook)
    with printing(names_options=True):
        set_quiet(quiet)
        for kind in ("note: ", "warning: ", "error: "):
            note(kind + "odd\x1b[31m\tname ä\nof `two_lines=3`")
    shown = "odd\\x1b[31m\\tname ä\nof --two-lines 3\n"
    printed = "" if quiet else f"note: {shown}"
    told = f"warning: {shown}error: {shown}"
    assert capsys.readouterr() == ((printed, told) if in_notebook else ("", printed + told))


@pytest.mark.parametrize("function, stream", [(say, "stdout"), (note, "stderr")])
def test_what_an_encoding_lacks_is_escaped(function, stream, monkeypatch):
    file = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    monkeypatch.setattr(sys, stream, file)
    function("é 日 \udcff")
    assert file.buffer.getvalue().rstrip() == b"\xe9 \\u65e5 \\udcff"
