"""The command line of training, as a user meets it."""

import os
import re
import signal
from pathlib import Path

import numpy
import pytest
from builders import idx_bytes, sample

from logreg import train
from logreg.engine.threads import BusyCores
from logreg.hyperparameters import DEFAULTS
from logreg.saving import load_model

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = ["--dataset", "mnist_sample", "--batch-size", "100"]


def test_the_sample_trains_without_a_network(run, working_folder):
    done = run("-m", "logreg.train", *SAMPLE, "--n-epochs", "2", cwd=str(working_folder))
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[:3] == ["... loading data", "... building the model", "... training the model"]
    percent = r"\d+\.\d{6} %"
    for line, pattern in zip(
        lines[3:],
        [
            f"epoch 1, minibatch 50/50, validation error {percent}",
            f"     epoch 1, minibatch 50/50, test error of best model {percent}",
            f"epoch 2, minibatch 50/50, validation error {percent}",
            f"     epoch 2, minibatch 50/50, test error of best model {percent}",
            f"Optimization complete with best validation score of {percent}, "
            f"with test performance {percent}",
            r"The code run for 2 epochs, with \d+\.\d{6} epochs/sec",
        ],
    ):
        assert re.fullmatch(pattern, line), line
    assert len(lines) == 9
    assert re.search(r"^The code for file train\.py ran for \d+\.\ds$", done.stderr, re.M)
    assert "stopped: all 2 epochs run" in done.stderr
    assert [path.name for path in working_folder.iterdir()] == ["best_model.pkl"]
    # The default floatX of both engines is float64: the command line chose float32.
    assert load_model("best_model.pkl").W.dtype == "float32"

    predicted = run("-m", "logreg.predict", "--dataset", "mnist_sample", cwd=str(working_folder))
    assert predicted.returncode == 0, predicted.stderr
    first, second = predicted.stdout.splitlines()
    assert first == "Predicted values for the first 10 examples in test set:"
    assert re.fullmatch(r"\[\d( \d){9}\]", second)


def test_every_hyperparameter_is_an_option_with_the_tutorials_default():
    args = train.parser().parse_args([])
    for name in ("learning_rate", "n_epochs", "batch_size", "patience"):
        assert getattr(args, name) == getattr(DEFAULTS, name)
    assert (args.patience_increase, args.improvement_threshold) == (2, 0.995)
    assert (args.dataset, args.output, args.device) == ("mnist.pkl.gz", "best_model.pkl", None)


def test_the_options_reach_the_run(capfd, working_folder):
    code = train.main(
        [*SAMPLE, "--n-epochs", "9", "--learning-rate", "0.5", "--patience", "60"]
        + ["--patience-increase", "1.5", "--improvement-threshold", "0.5", "--output", "m.pkl"]
        + ["--floatx", "float64"]
    )
    assert code == 0
    out, err = capfd.readouterr()
    # Tried every 30 minibatches; nothing after the first is significant, so 60 it is.
    assert out.count("validation error") == 2
    assert "The code run for 2 epochs" in out
    assert "stopped by patience at iteration 60" in err and "at iteration 29" in err
    model = load_model("m.pkl")
    assert model.W.dtype == "float64"
    expected = {"learning_rate": 0.5, "patience": 60, "improvement_threshold": 0.5}
    expected.update(x_median=0.0, transposed=False)
    assert expected.items() <= model.metadata.items()


@pytest.mark.parametrize(
    "options, message",
    [
        (["--batch-size", "6000"], "the batch size is 6000, but the validation set has 1000 rows"),
        (["--batch-size", "0"], "batch_size is 0"),
        (["--n-epochs", "0"], "n_epochs is 0"),
        (["--learning-rate", "nan"], "learning_rate is nan"),
        (["--output", "nowhere/model.pkl"], "nowhere/model.pkl cannot be written"),
        (["--dataset", "nothing.npz"], "nothing.npz"),
        (["--resume"], "--resume needs --checkpoint"),
        (["--device", "abacus"], "abacus"),
        (["--patience-increase", "1e300"], "patience_increase is 1e+300"),
    ],
)
def test_what_a_user_can_mend_is_one_line_and_exit_code_1(options, message, capfd):
    assert train.main(["--dataset", "mnist_sample", *options]) == 1
    out, err = capfd.readouterr()
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1 and message in errors[0]
    assert "Traceback" not in err
    assert "epoch" not in out


@pytest.mark.parametrize("checkpoint", [[], ["--checkpoint", "run.state"]])
def test_busy_cores_are_left_alone_but_by_a_run_that_may_be_resumed(monkeypatch, capfd, checkpoint):
    monkeypatch.setattr(BusyCores, "leave", lambda self: "one core is busy")
    assert train.main([*SAMPLE, "--n-epochs", "1", *checkpoint]) == 0
    assert ("one core is busy" in capfd.readouterr().err) == (not checkpoint)


@pytest.mark.parametrize("option", ["--output", "--checkpoint", "--history"])
def test_the_data_are_not_overwritten(working_folder, option, capfd):
    sample = (ROOT / "data" / "mnist_sample.npz").read_bytes()
    (working_folder / "d.npz").write_bytes(sample)
    assert train.main(["--dataset", "d.npz", "--batch-size", "100", option, "./d.npz"]) == 1
    said = "error: ./d.npz is of the data set d.npz: it would be overwritten"
    assert said in capfd.readouterr().err
    assert (working_folder / "d.npz").read_bytes() == sample


@pytest.mark.parametrize("options", [["--n-epochs", "many"], ["--floatx", "float16"], ["x"]])
def test_wrong_usage_is_argparses_message_and_exit_code_2(options, capfd):
    with pytest.raises(SystemExit) as raised:
        train.main(options)
    assert raised.value.code == 2
    assert "usage: logreg-train" in capfd.readouterr().err


def test_check_reference_tells_another_run_from_the_tutorials(capfd):
    assert train.main([*SAMPLE, "--n-epochs", "1", "--check-reference"]) == 1
    out, err = capfd.readouterr()
    assert "The code run for 1 epochs" in out
    (printed,) = re.findall(r"epoch 1, minibatch 50/50, validation error (\S+) %", out)
    assert f"epoch 1, validation error: {printed}, the tutorial has 12.458333" in err
    assert "not the tutorial's figures" in err


def test_a_pipe_that_is_closed_ends_the_run_without_a_traceback(start, working_folder):
    process = start("-m", "logreg.train", *SAMPLE, "--n-epochs", "500", cwd=str(working_folder))
    assert process.stdout.readline() == "... loading data\n"
    process.stdout.close()  # as `head -1` does
    stderr = process.stderr.read()
    assert process.wait(timeout=120) == 1
    assert "Traceback" not in stderr and "Exception ignored" not in stderr


def test_ctrl_c_keeps_the_best_model(start, working_folder):
    process = start("-m", "logreg.train", *SAMPLE, "--n-epochs", "5000", cwd=str(working_folder))
    for line in process.stdout:
        if line.startswith("epoch 2"):
            break
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in stderr
    assert "the best model is in best_model.pkl" in stderr.splitlines()[-1]
    assert load_model("best_model.pkl").metadata["epoch"] >= 1


def test_ctrl_c_before_training_ends_without_a_traceback(start, working_folder):
    process = start("-m", "logreg.train", *SAMPLE, cwd=str(working_folder))
    assert process.stdout.readline() == "... loading data\n"
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in stderr


def test_a_run_that_diverges_is_warned_of(capfd):
    assert train.main([*SAMPLE, "--n-epochs", "1", "--learning-rate", "1e38"]) == 0
    assert "give a lower learning rate" in capfd.readouterr().err


def test_a_foreign_file_is_not_taken_for_a_history(capfd, working_folder):
    (working_folder / "mine.csv").write_text("a,b\n1,2\n")
    assert train.main([*SAMPLE, "--n-epochs", "1", "--history", "mine.csv"]) == 1
    assert "mine.csv" in capfd.readouterr().err.splitlines()[-1]
    assert (working_folder / "mine.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full here")
def test_stdout_that_cannot_be_written(start, working_folder):
    with open("/dev/full", "w") as full:
        process = start("-m", "logreg.train", *SAMPLE, cwd=str(working_folder), stdout=full)
        _, stderr = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "error: stdout cannot be written: No space left on device" in stderr
    assert "Traceback" not in stderr and "Exception ignored" not in stderr


def test_the_same_run_gives_the_same_parameters_to_the_last_bit(working_folder):
    for name in ("a.pkl", "b.pkl"):
        assert train.main([*SAMPLE, "--n-epochs", "2", "--output", name]) == 0
    a, b = load_model("a.pkl"), load_model("b.pkl")
    for first, second in zip(a.params, b.params):
        numpy.testing.assert_array_equal(first.get_value(), second.get_value())


def test_what_a_model_tells_of_its_images(working_folder):
    folder = working_folder / "letters"
    folder.mkdir()
    for role, n in (("train", 300), ("test", 100)):
        for kind, array in (
            ("images-idx3", 255 - sample()["x_train"][:n]),
            ("labels-idx1", sample()["y_train"][:n]),
        ):
            (folder / f"emnist-letters-{role}-{kind}-ubyte").write_bytes(idx_bytes(array))
    assert train.main(["--dataset", "letters", "--batch-size", "50", "--n-epochs", "1"]) == 0
    metadata = load_model("best_model.pkl").metadata
    assert metadata["transposed"] is True
    assert metadata["x_median"] == 255 / 256
