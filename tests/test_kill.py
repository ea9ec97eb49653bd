"""A run that is killed at random moments, over and over.

This file is both the test and, run as a program, the process that trains and kills: it
compiles once and forks a trainer for each attempt, so that 50 attempts take seconds.
"""

import contextlib
import dataclasses
import io
import os
import random
import signal
import sys
import time
import traceback

import numpy
import pytest

KILLS = 50
N_IN, N_OUT, BATCH_SIZE = 4, 3, 10


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process cannot be forked here")
def test_a_run_killed_50_times_ends_like_an_undisturbed_one(run, working_folder):
    # One thread: a process that has more cannot be forked safely.
    threads = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    done = run(__file__, env=threads, cwd=str(working_folder))
    assert done.returncode == 0, done.stderr
    kills, states = map(int, done.stdout.split())
    assert kills >= KILLS
    # The moments were spread over the run, and not all before its first validation.
    assert states >= 10


def main():
    from logreg import engine
    from logreg.datasets import read_dataset
    from logreg.hyperparameters import Hyperparameters

    engine.set_floatx("float32")
    data = read_dataset(make_pairs())
    hyperparameters = Hyperparameters(
        learning_rate=0.002, n_epochs=600, batch_size=BATCH_SIZE, patience=10000
    )
    compile_once(data, hyperparameters)

    os.mkdir("undisturbed")
    begin = time.monotonic()
    assert wait(start("undisturbed", data, hyperparameters)) == 0
    duration = time.monotonic() - begin
    expected = outcome("undisturbed")

    moments = random.Random(20081206)
    kills, states, folders, is_over = 0, set(), [], True
    while kills < KILLS or not is_over:
        if is_over:
            folders.append(f"round{len(folders)}")
            os.mkdir(folders[-1])
        pid = start(folders[-1], data, hyperparameters)
        if kills < KILLS:
            time.sleep(moments.uniform(0, duration / 10))
            os.kill(pid, signal.SIGKILL)
        status = wait(pid)
        assert status in (0, -signal.SIGKILL), status
        is_over = status == 0
        kills += not is_over
        states.add((folders[-1], check_what_is_there(folders[-1])))
    for folder in folders:
        assert outcome(folder) == expected, folder
        check_lines(folder)
    print(kills, len(states))


def make_pairs():
    rng = numpy.random.RandomState(1)
    weights = rng.normal(size=(N_IN, N_OUT))
    for n in (5 * BATCH_SIZE, 40 * BATCH_SIZE, 4 * BATCH_SIZE):
        x = rng.normal(size=(n, N_IN))
        y = (x @ weights + rng.normal(size=(n, N_OUT))).argmax(axis=1)
        yield x, y


def compile_once(data, hyperparameters):
    """Let `optimize` find its classifier and its functions made."""
    from logreg import sgd, tutorial

    tutorial.LogisticRegression = once(tutorial.LogisticRegression)
    sgd.compile_functions = once(sgd.compile_functions)
    with contextlib.redirect_stdout(io.StringIO()):
        tutorial.optimize(data, dataclasses.replace(hyperparameters, n_epochs=1), "model.pkl")
    for param in tutorial.LogisticRegression().params:
        param.set_value(numpy.zeros_like(param.get_value()))


def once(function):
    made = []

    def remembered(*args, **kwargs):
        if not made:
            made.append(function(*args, **kwargs))
        return made[0]

    return remembered


def start(folder, data, hyperparameters):
    """Fork a process that goes on with the run in `folder`; its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        from logreg.checkpoint import Checkpoint, History
        from logreg.tutorial import optimize

        os.chdir(folder)
        log = os.open(f"log{len(os.listdir('.')):03d}", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.dup2(log, sys.stdout.fileno())
        checkpoint = Checkpoint("run.state", resume=True)
        history = History("run.csv")
        optimize(data, hyperparameters, "model.pkl", checkpoint=checkpoint, history=history)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def wait(pid):
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def check_what_is_there(folder):
    """Load the model and the checkpoint, if there are any; the iteration reached."""
    from logreg.saving import load, load_model

    model, state = (os.path.join(folder, name) for name in ("model.pkl", "run.state"))
    if os.path.exists(model):
        load_model(model)
    if not os.path.exists(state):
        return -1
    assert os.path.exists(model)
    return load(state)["header"]["progress"]["iter"]


def outcome(folder):
    """All that must be the same, however often the run was killed."""
    from logreg.saving import load_model

    model = load_model(os.path.join(folder, "model.pkl"))
    history = [line.rsplit(",", 1)[0] for line in read_lines(folder, "run.csv")]
    final = [line for line in read_lines(folder, logs(folder)[-1]) if "Optimization" in line]
    metadata = {name: x for name, x in model.metadata.items() if name != "date"}
    return [param.get_value().tobytes() for param in model.params], history, final, metadata


def check_lines(folder):
    """Each attempt's lines are a stretch of those of the undisturbed run."""
    expected = validations("undisturbed", logs("undisturbed")[0])
    assert len(expected) > 100
    for log in logs(folder):
        lines = validations(folder, log)
        if lines:
            at = expected.index(lines[0])
            assert expected[at : at + len(lines)] == lines, log


def validations(folder, log):
    # The last line may be cut by the kill.
    return [
        line
        for line in read_lines(folder, log)
        if line.strip().startswith("epoch") and line.endswith("%")
    ]


def logs(folder):
    return sorted(name for name in os.listdir(folder) if name.startswith("log"))


def read_lines(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read().splitlines()


if __name__ == "__main__":
    main()
