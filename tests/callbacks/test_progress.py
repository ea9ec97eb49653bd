"""The line of progress on a terminal."""

import io
import os
import re
import sys

import numpy
import pytest
from builders import sample, save_digits_model
from logreg.progress import progress

from logreg import predict
from logreg.callbacks.progress import Progress
from logreg.console import note
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run

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


def test_the_bar_is_as_long_as_what_is_done(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sys.stderr.isatty = lambda: True
    run = Run([], [], Hyperparameters(n_epochs=10), 1, iter=4)  # the fifth minibatch, and epoch
    run.stopping.best_iter, run.stopping.best_loss = 2, 0.25
    with Progress() as line:
        line.on_minibatch_end(run)
        assert not line.reads_steps  # else each step would be taken by itself
    shown = f"epoch 5, minibatch 1/1, best error 0.2500 |{10 * '#'}{10 * ' '}|"
    assert shown in sys.stderr.getvalue()


@pytest.mark.parametrize("quiet", [[], ["--quiet"]])
@pytest.mark.parametrize("inputs", [["--evaluate", "--dataset", "mnist_sample"], ["x.npy"]])
def test_long_inputs_have_one_as_well(inputs, quiet, monkeypatch, working_folder, capsys):
    monkeypatch.setattr("logreg.console.SLOW_AFTER", 0)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sys.stderr.isatty = lambda: True
    numpy.save("x.npy", sample()["x_test"])
    save_digits_model()
    assert predict.main([*inputs, *quiet]) == 0
    assert (" rows/s" in sys.stderr.getvalue()) != bool(quiet)
    assert "\r" not in capsys.readouterr().out


def test_what_is_said_meanwhile_has_a_line_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    sys.stderr.isatty = lambda: True
    with progress(10, "reading", delay=0) as advance:
        advance(3)
        note("a note")
    assert re.search(r"reading: .*B/s]\r +\ra note\r*\n\rreading: ", sys.stderr.getvalue())
