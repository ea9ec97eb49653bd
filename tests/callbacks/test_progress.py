"""The line of progress on a terminal."""

import io
import os
import struct
import sys

import pytest
from builders import new_run, table_bytes, write

from logreg.callbacks.progress import Progress
from logreg.run import Validation

# At each minibatch, however fast the machine is; and nothing is said of how slow it is.
TRAIN = """
from logreg import run
from logreg.callbacks import progress
from logreg.train import main
run.MINIBATCHES_AT_ONCE = 1
progress.INTERVAL = 1e-9
progress.console.SLOW_AFTER = 1e6
raise SystemExit(main())
"""


@pytest.fixture
def on_terminal(start):
    """Train with stderr on a terminal of so many columns; what comes there, and on stdout."""

    pty = pytest.importorskip("pty", reason="there is none on Windows")
    import fcntl
    import termios

    def on_terminal(*options, columns=0, env=None):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
        process = start("-c", TRAIN, *options, stderr=theirs, env=env)
        os.close(theirs)
        err = b""  # read while the program writes: a terminal holds little
        try:
            while True:
                err += os.read(ours, 1 << 16)
        except OSError:  # Linux's end of a terminal
            os.close(ours)
        out, _ = process.communicate()
        assert process.returncode == 0, err
        return err.decode(), out

    return on_terminal


def screen(text):
    """The lines that stand on a terminal at the end."""
    for line in text.split("\r\n"):
        shown = ""
        for state in line.split("\r"):
            shown = state + shown[len(state) :]
        yield shown.rstrip()


def test_a_table_shows_that_it_lives_and_then_leaves_what_a_pipe_gets(on_terminal, run):
    write("t.csv", table_bytes(90))
    options = "--dataset", "t.csv", "--label-column", "kind", "--n-epochs", "60"
    err, out = on_terminal(*options)
    first, *_, last = [state.strip() for state in err.split("\r") if "epochs/s" in state]
    assert first.startswith("epoch 1 (") and first.endswith(" epochs/s")  # there is no best yet
    assert last.startswith("training anew: epoch ")
    assert any(", best loss 0." in s and ", patience left " in s for s in err.split("\r"))
    piped = run("-c", TRAIN, *options)
    assert list(screen(err)) == piped.stderr.split("\n") and out == piped.stdout


@pytest.mark.parametrize(
    "options, env, columns, longest",
    [
        ([], {}, 30, 29),
        (["--folds", "2"], {}, 0, 79),  # the terminal does not tell its width
        (["--quiet"], {}, 0, 0),
        ([], {"JPY_PARENT_PID": "1"}, 0, 0),  # as in a cell of a notebook
    ],
)
def test_where_there_is_a_line(options, env, columns, longest, on_terminal):
    write("t.csv", table_bytes(90))
    err, out = on_terminal("t.csv", "--label-column", "kind", *options, columns=columns, env=env)
    sizes = [len(state) for state in err.split("\r") if state.startswith("epoch ")]
    assert longest - 25 < max(sizes, default=0) <= longest and "\r" not in out


def test_the_speed_is_that_of_the_whole_run_even_if_it_was_resumed(monkeypatch):
    now, terminal, line = 100.0, io.StringIO(), Progress()
    terminal.isatty = lambda: True
    monkeypatch.setattr("timeit.default_timer", lambda: now)
    monkeypatch.setattr(sys, "stderr", terminal)
    # 3 minibatches an epoch
    run = new_run(iter=299, seconds=7.0, validations=[Validation(2, 0.5, 0.25, 0.3)])
    line.on_train_begin(run)
    line.on_minibatch_end(run)
    for now, run.iter in ((102.0, 305), (102.09, 306)):  # noqa: B007
        line.on_minibatch_end(run)  # soon after a line there is no other
    line.on_train_end(run)
    # 100 epochs in 7 seconds, then 102 in 9.
    assert [state for state in terminal.getvalue().split("\r") if state.strip()] == [
        "epoch 100 (3/3), 14.3 epochs/s, best error 0.2500, patience left 4701",
        "epoch 102 (3/3), 11.3 epochs/s, best error 0.2500, patience left 4695",
    ]
    assert run.read_clock() == pytest.approx(9.09)
