"""What listens to a run, told of runs that nobody trains."""

import dataclasses
import math
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
import pytest
from builders import new_run, save, write

from logreg import LogisticRegression, load_model
from logreg.basics.errors import LogRegError, ModelFileError
from logreg.callbacks import BestModel, History, Interruption, PrintLog, StopTraining
from logreg.engine import T
from logreg.parts.facts import Facts
from logreg.run import Validation

BEST = Validation(3, 0.7, 0.125, 0.2, None, 0.11111111, 0.3)
STOPPED = {"reason": "stopped", "message": "patience"}  # which is no end by patience


# ---- the tutorial's lines


ENDED = "stopped after all 3 epochs; the last validation was the best: more `n_epochs` may help\n"


VALIDATED = "epoch 2, minibatch 2/3, validation error 12.500000 %\n"
VALIDATED += "     epoch 2, minibatch 2/3, test error of best model 0.000000 %\n"
LINES = "Optimization complete with best validation score of 12.500000 %, "
LINES += "with test performance 11.111111 %\nThe code run for 3 epochs, with 2.000000 epochs/sec\n"


@pytest.mark.parametrize(
    "program, ended, said",
    [
        ("/usr/bin/pytest.exe", {}, f"The code ran for 1.5s\n{ENDED}"),
        ("code/mine.py", STOPPED, "The code for file mine.py ran for 1.5s\nstopped: patience\n"),
        ("notebook.py", {}, f"The code ran for 1.5s\n{ENDED}"),  # it is Jupyter's
        ("a.py", {"reason": "interrupted"}, ""),  # it has no result
        ("a.py", {"validations": [BEST._replace(test_error=None)]}, ""),  # its test failed
    ],
)
def test_what_is_said_beside_the_tutorials_lines(program, ended, said, capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", [program])
    monkeypatch.setattr("logreg.callbacks.log.in_notebook", lambda: program == "notebook.py")
    state = {"validations": [BEST], "seconds": 1.5, "reason": "n_epochs", **ended}
    PrintLog(validations=False).on_validation(new_run(), BEST)
    PrintLog().on_validation(new_run(iter=4), BEST._replace(test_error=0.0))
    PrintLog().on_train_end(new_run(iter=8, **state))
    assert capsys.readouterr() == (VALIDATED + (LINES if said else ""), said)


# ---- files


def test_a_classifier_that_is_not_trained_or_sits_on_a_layer_is_refused():
    layer = LogisticRegression(T.tanh(T.matrix("x")), 4, 2)
    best_model = BestModel("m.pkl", LogisticRegression(T.matrix("x"), 4, 3))
    W, _ = best_model.classifier.params
    run = new_run(params=[W], best_values=[numpy.eye(4, 3)])  # b stays
    best_model.on_train_begin(run)
    assert (load_model("m.pkl").W.get_value() == numpy.eye(4, 3)).all()  # at once, if resumed
    with pytest.raises(LogRegError, match="is not the one in the cost"):
        best_model.on_train_begin(new_run(params=layer.params))
    with pytest.raises(KeyError), run.at_its_best():
        raise KeyError
    assert not W.get_value().any()
    run.best_values = None
    with pytest.raises(ModelFileError, match="class_labels"):  # now, not when there is a best
        BestModel("m.pkl", best_model.classifier, class_labels=["a"]).on_train_begin(run)
    with pytest.raises(LogRegError, match=r"sits on a layer.*save_params .* BestModel\(path\)"):
        BestModel("m.pkl", layer)


def test_a_model_of_other_data_is_not_replaced_without_a_word(stderr):
    run = new_run()
    run.data = dataclasses.replace(run.data, facts=Facts("birds.csv"))
    best_model = BestModel("m.pkl", LogisticRegression(T.matrix("x"), 4, 3))
    of_fish = "note: m.pkl is a model of fish.csv, made on 2026-11-30: this run replaces it\n"
    for dataset, said in (("fish.csv", of_fish), ("birds.csv", ""), (None, "")):
        save("m.pkl", numpy.eye(4, 3), dataset=dataset, date="2026-11-30")
        best_model.check(run)
        assert stderr() == said
    write("m.pkl", b"no model")
    best_model.check(run)
    assert stderr() == ""


HEADER = "epoch,iteration,training_cost,validation_error_percent,validation_loss,"
HEADER += "test_error_percent,seconds\n"
VALIDATIONS = [
    BEST._replace(cost=0.123456789123, seconds=1.5),
    Validation(4, math.inf, 0.125, 0.2, 0.0625),
    BEST._replace(iter=5, test_error=0.0),
]
ROWS = ["2,3,0.123456789,12.5,,11.111111,1.5\n", "2,4,,12.5,0.0625,,0\n", "2,5,0.7,12.5,,0,0\n"]


def test_a_history_is_written_once_a_second_and_at_the_end(monkeypatch):
    now, history, run = 0.0, History("run.csv"), new_run()
    monkeypatch.setattr("timeit.default_timer", lambda: now)
    history.on_train_begin(run)
    assert os.listdir() == []
    for now, validation, n_rows in zip((0.0, 1.0, 1.5), VALIDATIONS, (1, 2, 2)):  # noqa: B007
        run.validations.append(validation)
        history.on_validation(run, validation)
        assert Path("run.csv").read_text() == HEADER + "".join(ROWS[:n_rows])
    history.on_train_end(run)
    assert Path("run.csv").read_text() == HEADER + "".join(ROWS)
    del run.validations[1:]
    History("run.csv").on_train_begin(run)  # as of a resumed run: later rows will come again
    assert Path("run.csv").read_text() == HEADER + ROWS[0]


def test_another_table_is_not_taken_for_a_history():
    write("run.csv", b"epoch,loss\n\xff\xfe")
    with pytest.raises(ModelFileError, match=r"run\.csv is no history of a run: give another name"):
        History("run.csv").check(new_run(iter=3))


# ---- signals


@pytest.fixture
def handler():
    """The signals that a handler received, which was there before the run."""
    received = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(n, lambda number, _: received.append(number)) for n in numbers]
    yield received
    for number, handler in zip(numbers, before):
        signal.signal(number, handler)


def test_the_first_signal_ends_the_run_and_the_second_the_process(handler):
    """Of the first one's exit code, and what is said, test_train has more."""
    with Interruption() as interruption:
        interruption.on_train_begin(new_run())
        interruption.on_minibatch_end(new_run())
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(StopTraining):
            interruption.on_minibatch_end(new_run())
        assert handler == []
        signal.raise_signal(signal.SIGINT)
        assert handler == [signal.SIGINT]
    signal.raise_signal(signal.SIGTERM)  # after the block, all is as before
    assert handler == [signal.SIGINT, signal.SIGTERM]


def test_a_signal_that_the_shell_ignores_stays_ignored(handler):
    """As of a program that was started by nohup, or in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Interruption() as interruption:
        interruption.on_train_begin(new_run())
        signal.raise_signal(signal.SIGINT)
    assert interruption.received is None


def test_a_run_in_a_thread_leaves_signals_alone(handler):
    with ThreadPoolExecutor(1) as threads, Interruption() as interruption:
        threads.submit(interruption.on_train_begin, new_run()).result()
        signal.raise_signal(signal.SIGTERM)
    assert (handler, interruption.received) == ([signal.SIGTERM], None)
