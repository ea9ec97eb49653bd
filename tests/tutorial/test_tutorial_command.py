"""The tutorial's own run on the whole of MNIST, line for line."""

import pytest
from builders import tutorial_log

from logreg import kernel, load_model

# floatX, threads, and whether the kernel is on.
RUNS = [("float32", 1, 1), ("float32", 2, 1), ("float32", 3, 1), ("float64", 2, 1)]
RUNS += [("float32", 2, 0), ("float64", 1, 0)]
bits = {}  # of the models, by floatX and whether the kernel was on


@pytest.mark.parametrize("floatx, threads, is_on", RUNS)
def test_the_log_line_for_line_and_the_model(run, mnist_folder, floatx, threads, is_on):
    """No number of threads changes the model."""
    if is_on and not kernel.is_built():
        pytest.skip("no C compiler built the kernel")
    env = {"LOGREG_DATA": str(mnist_folder), "LOGREG_KERNEL": str(is_on)}
    for pool in ("OMP", "OPENBLAS", "LOGREG"):
        env[f"{pool}_NUM_THREADS"] = str(threads)
    options = ["--check-reference", "--floatx", floatx]
    done = run("-m", "logreg.train", *options, env=env, timeout=900)
    *lines, speed = done.stdout.splitlines()
    assert lines == list(tutorial_log())
    assert speed.startswith("The code run for 74 epochs, with ")
    assert "stopped by patience at iteration 6140" in done.stderr
    assert "all figures agree with the tutorial's" in done.stderr
    first = "Predicted values for the first 10 examples in test set:\n[7 2 1 0 4 1 4 9 6 9]\n"
    assert run("-m", "logreg.predict", env=env).stdout == first
    assert "(775 of 10000 rows)" in run("-m", "logreg.predict", "--evaluate", env=env).stdout
    params = load_model("best_model.pkl").params
    found = b"".join(param.get_value().tobytes() for param in params)
    assert bits.setdefault((floatx, is_on), found) == found
