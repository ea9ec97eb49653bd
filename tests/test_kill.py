"""A run that is killed at random moments, over and over.

This file is both the test and, run as a program, the process that trains and kills: it
starts the engine once and forks a trainer for each attempt, so that 50 attempts take seconds.
"""

import multiprocessing
import os
import random
import signal
import time
import timeit
from pathlib import Path

import pytest
from builders import make_pairs, outcome

from logreg import engine, load_model
from logreg.callbacks import History
from logreg.callbacks.checkpoint import Checkpoint
from logreg.datasets.dataset import read_dataset
from logreg.hyperparameters import Hyperparameters
from logreg.saving.model_file import read
from logreg.sgd import train_softmax

KILLS = 50
MODEL, STATE, HISTORY = "model.pkl", "run.state", "run.csv"


@pytest.mark.once
@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process cannot be forked here")
def test_a_run_killed_50_times_ends_like_an_undisturbed_one(run):
    # One thread: a process that has more cannot be forked safely.
    threads = dict.fromkeys(["OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"], "1")
    run(__file__, env=threads)


def main():
    engine.theano.config.floatX = "float32"
    # By this clock, a second has passed at each validation, and all files are due.
    timeit.default_timer = lambda: 1e5 * time.perf_counter()
    assert goes_on("undisturbed")
    expected = outcome("undisturbed")
    assert len(expected[1]) > 100
    moments = random.Random(20081206)
    kills = 0
    while kills < KILLS:
        folder = f"from{kills}"
        while not goes_on(folder, moments):
            kills += 1
            if Path(folder, STATE).exists():  # then the model is there as well, and both are whole
                load_model(Path(folder, MODEL))
                read(Path(folder, STATE), "checkpoint")
        assert outcome(folder) == expected, folder


def goes_on(folder, moments=None):
    """Go on with the run in a folder, in a process that may be killed; whether it ended."""
    os.makedirs(folder, exist_ok=True)
    process = multiprocessing.get_context("fork").Process(target=train, args=[folder])
    process.start()
    if moments:
        goal = n_validations(folder) + moments.randrange(5)
        while process.is_alive() and (n_validations(folder) < goal or moments.random() > 0.05):
            time.sleep(0.0005)
        process.kill()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL)
    return process.exitcode == 0


def train(folder):
    os.chdir(folder)
    data = read_dataset(make_pairs((50, 400, 40), seed=1))
    hyperparameters = Hyperparameters(0.002, n_epochs=120, batch_size=10, patience=10000)
    callbacks = [Checkpoint(STATE, resume=True), History(HISTORY)]
    train_softmax(data, hyperparameters, MODEL, callbacks)


def n_validations(folder):
    """How many a run has written."""
    history = Path(folder, HISTORY)
    return history.read_bytes().count(b"\n") if history.exists() else 0


if __name__ == "__main__":
    main()
