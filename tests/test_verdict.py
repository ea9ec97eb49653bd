"""What is said of runs that nobody trained, at their ends."""

import math

import pytest

from logreg.callbacks.verdict import Verdict
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run, Validation

GUESS = "always guessing 'no'"
SAID = f"{GUESS}, the most frequent class of the training rows, gives a test error of 50.000000 %"
MAY_HELP = "a lower learning rate or standardized features may help"
NOT_FINITE = "the training cost was infinite or not a number"
NO_BETTER = f"the best model is no better than {GUESS}: "


def end(costs=(2, 1), error=0.49, reason="patience", **settings):
    """Let a run come to its end."""
    run = Run([], [], Hyperparameters(**settings), 3, reason=reason)
    run.validations = [Validation(3, cost, 0.5, 0.5, None, error, error) for cost in costs]
    run.stopping.best_iter = 3
    Verdict("no", 0.5, 8).on_train_end(run)


@pytest.mark.parametrize(
    "changed, said",
    [
        ({"costs": [2, 3, 1]}, None),
        ({"costs": [2, 1, 2.5]}, f"the training cost has grown from 2 to 2.5: {MAY_HELP}"),
        ({"costs": [9, 5]}, f"the training cost has grown from 2.07944 to 5: {MAY_HELP}"),
        ({"costs": [2, math.inf, 1]}, f"{NOT_FINITE}: {MAY_HELP}"),
        ({"costs": [2, math.nan]}, f"{NOT_FINITE}: {MAY_HELP}"),
        ({"error": 0.5}, f"{NO_BETTER}{MAY_HELP}"),
        ({"error": 0.5, "reason": "n_epochs"}, f"{NO_BETTER}more epochs, {MAY_HELP}"),
        (
            {"error": 0.5, "class_weight": "balanced"},
            f"{NO_BETTER}with balanced classes, see precision and recall (predict --evaluate)",
        ),
    ],
)
def test_what_a_run_is_worth(changed, said, capsys):
    end(**changed)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [SAID, *([f"warning: {said}"] if said else [])]


def test_of_a_run_that_was_interrupted_nothing_is_said(capsys):
    end(reason="interrupted", costs=[1, 2])
    assert capsys.readouterr().err == ""
