"""What is said of runs that nobody trained, at their ends."""

import dataclasses
import math

import pytest
from builders import make_pairs

from logreg.callbacks.verdict import Verdict
from logreg.datasets import read_dataset
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run, Validation

GUESS = "always guessing 'no'"
SAID = f"{GUESS}, the most frequent class of the training rows, gives a test error of 50.000000 %"
RATE = "a lower learning rate may help"
MAY_HELP = "a lower learning rate or standardized features may help"
NO_BETTER = f"the best model is no better than {GUESS}: "
QUESTION = "y has 8 different numbers in 39 rows: a quantity? logreg tells classes apart"


def ended(costs=(2, 1), error=0.49, reason="patience", **settings):
    """A run at its end."""
    run = Run([], [], Hyperparameters(**settings), 3, iter=8, reason=reason)
    run.validations = [Validation(3, cost, 0.5, 0.5, None, error, error) for cost in costs]
    run.stopping.best_iter = 3
    return run


def verdict_of(n_rows=(200, 100, 50), standardize=False, labels=None, **how):
    data = read_dataset(make_pairs(n_rows, n_out=8), standardize=standardize)
    learnt = data.learnt._replace(most_frequent_class=("no", 0.5))
    labels = labels or data.class_labels
    return Verdict(dataclasses.replace(data, class_labels=labels, learnt=learnt), **how)


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"costs": [2, 3, 2.08]}, None),
        ({"costs": [2, 1, 2.5]}, f"the training cost has grown from 2.07944 to 2.5: {MAY_HELP}"),
        ({"costs": [2, math.nan]}, f"the training cost has grown from 2.07944 to nan: {MAY_HELP}"),
        ({"costs": [2, None]}, f"the training cost has grown from 2.07944 to nan: {MAY_HELP}"),
        ({"error": 0.5}, f"{NO_BETTER}the features may say nothing of the label"),
        ({"error": 0.5, "class_weight": "balanced"}, None),
    ],
)
def test_what_a_run_is_worth(changed, said, capsys):
    verdict = verdict_of()
    verdict.on_train_begin(ended())
    verdict.on_train_end(ended(**changed))
    lines = capsys.readouterr().err.splitlines()
    assert lines == [SAID, *([f"warning: {said}"] if said else [])]


def test_nobody_is_told_to_standardize_what_is_standardized(capsys):
    verdict_of(standardize=True).on_train_end(ended(costs=[2, 5], error=0.5))
    assert capsys.readouterr().err.splitlines()[-1] == f"warning: {NO_BETTER}{RATE}"


@pytest.mark.parametrize(
    "n, labels, is_asked", [(19, None, True), (20, None, False), (19, list("abcdefgh"), False)]
)
def test_numbers_with_few_rows_each_may_be_a_quantity(n, labels, is_asked, capsys):
    verdict = verdict_of((n, 10, 10), labels=labels)
    capsys.readouterr()
    verdict.on_train_begin(ended())
    assert capsys.readouterr().err == f"warning: {QUESTION}\n" * is_asked
    verdict.on_train_end(ended(error=0.5))
    assert (f"{NO_BETTER}{QUESTION}" in capsys.readouterr().err) == is_asked


@pytest.mark.parametrize(
    "reason, why, criterion, value",
    [
        ("patience", "patience ran out", "error", "0.5"),
        ("n_epochs", "all epochs run", "loss", "0.75"),
        ("diverged", "diverged", "error", "0.5"),
        ("stopped", "enough", "loss", "0.75"),
    ],
)
def test_the_result_of_a_table(reason, why, criterion, value, capsys):
    run = ended(reason=reason, criterion=criterion)
    run.message = "enough" if reason == "stopped" else ""
    run.validations = [Validation(3, 1, 0.5, 0.25, 0.75, 0.3, 0.2)]
    verdict_of(prints_result=True).on_train_end(run)
    assert capsys.readouterr().out.splitlines() == [
        f"best model: epoch 2 of 3 ({why}), by the validation {criterion} ({value})",
        "validation error: 25 of 100 rows",
        # Wilson's interval, as tables of it have it.
        "test error: 10 of 50 rows, 20.00 % (95 % interval: 11.24 to 33.04 %)",
        "accuracy: 80.00 % of the test rows",
        "always guessing 'no': a test error of 50.00 %",
    ]


@pytest.mark.parametrize("n", [99, 100])
def test_few_validation_rows_are_told(n, capsys):
    verdict_of((200, n, 50)).on_train_end(ended())
    err = capsys.readouterr().err
    assert ("validation rows tell little" in err) == (n < 100)
    assert n == 100 or ("99 validation rows" in err and ": 50 wrong may stand for" in err)


def test_of_a_run_that_was_interrupted_nothing_is_said(capsys):
    verdict = verdict_of()
    capsys.readouterr()
    verdict.on_train_end(ended(reason="interrupted", costs=[1, 2]))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    "iter, reason, improves", [(8, "n_epochs", 1), (8, "patience", 1), (5, "n_epochs", 0)]
)
def test_a_run_that_ends_at_its_best_says_so(iter, reason, improves):
    run = ended(reason=reason)
    run.validations += [Validation(i, 1, 0.5, 0.5, None, 0.4, 0.4) for i in (5, 8)]
    run.stopping.best_iter = iter
    advice = f"the last validation was the best: more `{reason}` may help"
    assert run.ending.endswith(advice) == improves


def test_more_epochs_may_help_a_run_that_improved_to_its_end(capsys):
    for iter, advice in ((8, "more epochs may help"), (7, "the features may say nothing")):
        run = ended(error=0.5, reason="n_epochs")
        run.validations.append(run.validations[0]._replace(iter=iter))
        run.stopping.best_iter = iter
        verdict_of().on_train_end(run)
        assert f"{NO_BETTER}{advice}" in capsys.readouterr().err


@pytest.mark.parametrize("n, is_rare", [(3, True), (4, False)])
def test_a_rare_class_has_an_option(n, is_rare, capsys):
    counts = [100, n, *[16] * 6]  # of 200 rows
    data = read_dataset(make_pairs((200, 100, 50), n_out=8))
    learnt = data.learnt._replace(most_frequent_class=("no", 0.5), class_counts=counts)
    verdict = Verdict(dataclasses.replace(data, learnt=learnt))
    verdict.on_train_end(ended())
    note = "1.5 % of the training rows are 1, for which an error costs little in all; "
    note += "`class_weight='balanced'` counts it in full"
    assert (note in capsys.readouterr().err) == is_rare
    verdict.on_train_end(ended(class_weight="balanced"))
    assert "costs little" not in capsys.readouterr().err
    learnt = learnt._replace(class_counts=[2] * 100)  # each is rare, and none is the rarest
    verdict = Verdict(dataclasses.replace(data, learnt=learnt, class_labels=[*range(100)]))
    verdict.on_train_end(ended())
    assert "costs little" not in capsys.readouterr().err
