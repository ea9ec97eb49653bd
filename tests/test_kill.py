"""A run that is killed at random moments, over and over.

This file is both the test and, run as a program, the process that trains and kills: it
compiles once and forks a trainer for each attempt, so that 50 attempts take seconds.
"""

import contextlib
import io
import os
import random
import signal
import sys
import time
import traceback
from pathlib import Path

import pytest

KILLS = 50
MODEL, STATE, HISTORY = "model.pkl", "run.state", "run.csv"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process cannot be forked here")
def test_a_run_killed_50_times_ends_like_an_undisturbed_one(run, working_folder):
    # One thread: a process that has more cannot be forked safely.
    threads = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    done = run(__file__, env=threads)
    assert done.returncode == 0, done.stderr
    kills, states = map(int, done.stdout.split())
    assert kills >= KILLS
    # The moments were spread over the run, and not all before its first validation.
    assert states >= 10


def main():
    trainer = compile_once()
    begin = time.monotonic()
    assert wait(start("undisturbed", trainer)) == 0
    duration = time.monotonic() - begin
    expected = outcome("undisturbed")

    moments = random.Random(20081206)
    kills, states, folders, is_over = 0, set(), [], True
    while kills < KILLS or not is_over:
        if is_over:
            folders.append(f"round{len(folders)}")
        pid = start(folders[-1], trainer)
        if kills < KILLS:
            time.sleep(moments.uniform(0, duration / 10))
            os.kill(pid, signal.SIGKILL)
        status = wait(pid)
        assert status in (0, -signal.SIGKILL), status
        is_over = status == 0
        kills += not is_over
        states.add((folders[-1], iteration_reached(Path(folders[-1]))))
    for folder in folders:
        assert outcome(folder) == expected, folder
        check_lines(folder)
    print(kills, len(states))


def compile_once():
    """A function that trains, from the beginning or the checkpoint, in the working folder."""
    from builders import make_pairs

    from logreg import engine, sgd
    from logreg.callbacks import History
    from logreg.checkpoint import Checkpoint
    from logreg.datasets import read_dataset
    from logreg.hyperparameters import Hyperparameters

    engine.set_floatx("float32")
    data = read_dataset(make_pairs((50, 400, 40), seed=1))
    hyperparameters = Hyperparameters(
        learning_rate=0.002, n_epochs=200, batch_size=10, patience=10000
    )
    settings = sgd.run_settings(data, hyperparameters)

    # A process that is forked now finds the classifier and its functions made.
    sgd.LogisticRegression = once(sgd.LogisticRegression)
    sgd.compile_functions = once(sgd.compile_functions)

    def train(*callbacks):
        with contextlib.suppress(StopIteration):
            sgd.sgd_optimization(data, hyperparameters, MODEL, listeners=callbacks)

    class StopBefore:
        def on_train_begin(self, run):
            raise StopIteration

    with contextlib.redirect_stdout(io.StringIO()):
        train(StopBefore())
    return lambda: train(History(HISTORY), Checkpoint(STATE, settings, resume=True))


def once(function):
    made = []

    def remembered(*args, **kwargs):
        if not made:
            made.append(function(*args, **kwargs))
        return made[0]

    return remembered


def start(folder, trainer):
    """Fork a process that goes on with the run in `folder`; its id."""
    os.makedirs(folder, exist_ok=True)
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.chdir(folder)
        log = os.open(f"log{len(os.listdir('.')):03d}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.dup2(log, sys.stdout.fileno())
        trainer()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(pid):
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def iteration_reached(folder):
    """Load the model and the checkpoint, if they are there."""
    from logreg.saving import load, load_model

    if (folder / MODEL).exists():
        load_model(folder / MODEL)
    if not (folder / STATE).exists():
        return -1
    assert (folder / MODEL).exists()
    return load(folder / STATE)["header"]["progress"]["iter"]


def outcome(folder):
    """All that must be the same, however often the run was killed."""
    from logreg import engine, load_model

    folder = Path(folder)
    model = load_model(folder / MODEL)
    history = [row.rpartition(",")[0] for row in (folder / HISTORY).read_text().splitlines()]
    final = [line for line in logs(folder)[-1] if "Optimization" in line]
    metadata = {**model.metadata, "date": None}
    return [engine.value(param).tobytes() for param in model.params], history, final, metadata


def logs(folder):
    """The lines that each attempt printed."""
    return [path.read_text().splitlines() for path in sorted(Path(folder).glob("log*"))]


def check_lines(folder):
    """Each attempt's lines are a stretch of those of the undisturbed run."""
    expected = validations(logs("undisturbed")[0])
    assert len(expected) > 100
    for log in map(validations, logs(folder)):
        if log:
            at = expected.index(log[0])
            assert expected[at : at + len(log)] == log


def validations(log):
    # The last line may be cut by the kill.
    return [line for line in log if line.strip().startswith("epoch") and line.endswith("%")]


if __name__ == "__main__":
    main()
