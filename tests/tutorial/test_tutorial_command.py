"""The tutorial's own run on the whole of MNIST, line for line."""

import pytest
from builders import tutorial_log

from logreg import kernel, load_model

# floatX, threads, and whether the kernel is on.
RUNS = [("float32", 1, 1), ("float32", 2, 1), ("float32", 3, 1), ("float64", 2, 1)]
RUNS += [("float32", 2, 0), ("float64", 1, 0)]
bits = {}  # of the models, by floatX and whether the kernel was on


@pytest.fixture(scope="module", params=RUNS, ids=str)
def trained(request, run, mnist_folder, tmp_path_factory):
    """How the tutorial's run ended, the folder in which it left its model, and its engine."""
    floatx, threads, is_on = request.param
    if is_on and kernel.functions._kernel is None:
        pytest.skip("no C compiler built the kernel")
    env = {"LOGREG_DATA": str(mnist_folder), "LOGREG_KERNEL": str(is_on)}
    for pool in ("OMP", "OPENBLAS", "LOGREG"):
        env[f"{pool}_NUM_THREADS"] = str(threads)
    folder = tmp_path_factory.mktemp("tutorial")
    options = ["--check-reference", "--floatx", floatx]
    done = run("-m", "logreg.train", *options, env=env, cwd=folder, timeout=900)
    return done, folder, (floatx, is_on)


def test_the_log_line_for_line(trained):
    done, _, _ = trained
    assert done.returncode == 0, done.stderr
    *lines, speed = done.stdout.splitlines()
    assert lines == list(tutorial_log())
    assert speed.startswith("The code run for 74 epochs, with ")
    assert "stopped by patience at iteration 6140" in done.stderr
    assert "all figures agree with the tutorial's" in done.stderr


def test_the_best_model_predicts_and_no_number_of_threads_changes_it(run, trained, mnist_folder):
    _, folder, engine = trained
    where, predict = {"env": {"LOGREG_DATA": str(mnist_folder)}, "cwd": folder}, "logreg.predict"
    first = "Predicted values for the first 10 examples in test set:\n[7 2 1 0 4 1 4 9 6 9]\n"
    assert run("-m", predict, **where).stdout == first
    assert "(775 of 10000 rows)" in run("-m", predict, "--evaluate", **where).stdout
    model = load_model(folder / "best_model.pkl")
    of_model = b"".join(param.get_value().tobytes() for param in model.params)
    assert bits.setdefault(engine, of_model) == of_model
