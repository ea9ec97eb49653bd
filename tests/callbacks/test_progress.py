"""The line of progress on a terminal."""

import io
import os
import re
import sys

import pytest
from builders import new_run

from logreg.callbacks.progress import Progress
from logreg.console import note

pytest.importorskip("tqdm")
TRAIN = ["-m", "logreg.train", "--dataset", "mnist_sample", "--batch-size", "100"]


@pytest.mark.parametrize("options, is_shown", [([], True), (["--quiet"], False)])
def test_a_terminal_shows_a_line_below_what_is_printed(options, is_shown, start):
    fcntl, pty, termios = map(pytest.importorskip, ("fcntl", "pty", "termios"))  # not of Windows
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, b"\x18\0\x78\0\0\0\0\0")  # 24 lines of 120
    process = start(*TRAIN, "--n-epochs", "30", *options, stderr=theirs)
    os.close(theirs)
    err = b""  # read while the program writes: a terminal holds little
    try:
        while True:
            err += os.read(ours, 1 << 16)
    except OSError:  # Linux's end of a terminal
        os.close(ours)
    out, _ = process.communicate()
    err = err.decode()
    assert process.returncode == 0
    assert ("epoch 30, minibatch 50/50, validation" in out) == is_shown and "\r" not in out
    assert ("patience left" in err and "epochs/s" in err) == is_shown
    assert (err == "") != is_shown


def test_the_bar_is_as_long_as_what_is_done_and_notes_stand_above_it(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sys.stderr.isatty = lambda: True
    run = new_run(settings={"batch_size": 60, "n_epochs": 10}, iter=4)  # the fifth epoch
    run.stopping.best_iter, run.stopping.best_loss = 2, 0.25
    with Progress() as line:
        line.on_train_begin(run)
        line.on_minibatch_end(run)
        note("a note")
        assert not line.reads_steps  # else each step would be taken by itself
    shown = f"epoch 5, minibatch 1/1, best error 0.2500 |{10 * '#'}{10 * ' '}|"
    said = sys.stderr.getvalue()
    assert shown in said and re.search(r"4996\r +\ra note\r*\n\repoch 5, ", said)
