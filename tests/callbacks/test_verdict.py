"""What is said at the ends of runs that nobody trained."""

import dataclasses

import pytest
from builders import make_pairs, new_run

from logreg.callbacks import PrintLog
from logreg.callbacks.reference import LAST_EPOCH, differences, read_reference
from logreg.callbacks.verdict import explain
from logreg.datasets.dataset import read_dataset
from logreg.run import Validation

LABEL = "of many words " * 9  # of which the first are told
GUESS = f"always guessing '{LABEL[:59]}"
SAID = f"{GUESS}, the most frequent class of the training rows, gives a test error of 50.000000 %"
NO_BETTER = f"warning: the best model is no better than {GUESS}: the features may say nothing of"
GROWN = "warning: the training cost has grown from 2.07944 to {}: a lower learning rate or standard"
FEW = "note: 99 validation rows tell little: 50 of 99 rows, 50.51 % (95 % interval: 40.82 to 60.15"


def data_of(n_valid=100, counts=None, **changed):
    """Data of 8 classes, of which the most frequent one, `LABEL`, is half of the test rows."""
    data = read_dataset(make_pairs((200, n_valid, 50), n_out=8))
    counts = counts or data.facts.class_counts
    labels = [f"k{i}" for i in range(len(counts))]
    labels[counts.index(max(counts))] = LABEL
    told = {"class_labels": labels, "class_counts": counts, "n_out": len(counts)}
    facts = dataclasses.replace(data.facts, baseline_error=0.5, **told, **changed)
    return dataclasses.replace(data, facts=facts)


def ended(costs=(2, 1), error=0.49, reason="patience", best=3, data=None, loss=None, **settings):
    """A run at its end, in its third epoch: the best validation, and that of its minibatch 8."""
    last_error = 0.6 if best == 8 else 0.7
    validations = [
        Validation(min(best, 7), costs[0], 0.7, 0.5, loss, 1, error),
        Validation(8, costs[1], last_error, 0.5, loss, 1, error),
    ]
    state = {"seconds": 1.0, "reason": reason, "validations": validations}
    settings = {"batch_size": 66, **settings}
    return new_run(data or data_of(), settings=settings, iter=8, is_tutorial_model=True, **state)


BAD = {"error": 0.5}
# Of classes of 100, 50 and 50 rows: -(log(1/2) / 2 + log(1/4) / 4 * 2) = 1.04.
WORSE = "warning: the best model has worse probabilities than a guess: its validation loss is 1.05"
CERTAIN = ", and that of always predicting the shares of the classes 0;"
UNEVEN = (
    f"note: the best model is right no more often than {GUESS}, and yet it has learnt something: "
)


@pytest.mark.parametrize(
    "run, data, said",
    [
        ({"costs": [3, 2.1]}, {}, []),
        ({**BAD, "costs": [1, 2.101]}, {}, [GROWN.format(2.101)]),
        ({"costs": [2, None]}, {}, [GROWN.format("nan")]),
        (BAD, {}, [NO_BETTER]),
        ({}, {"n_valid": 99}, [FEW]),
        ({"loss": 1.05}, {"counts": [100, 50, 50, 0]}, [WORSE]),
        ({"loss": 1.03}, {"counts": [100, 50, 50]}, []),
        ({"loss": 1.03}, {"counts": [102, 50, 48]}, []),
        ({"costs": [1, 0.5], "loss": 1.05}, {"counts": [200, 0]}, [WORSE + CERTAIN]),
        ({**BAD, "loss": 1.03}, {"counts": [100, 50, 50]}, [NO_BETTER]),
        ({**BAD, "loss": 1.03}, {"counts": [102, 50, 48]}, [UNEVEN]),
        ({**BAD, "loss": 1.05, "class_weight": "balanced"}, {"counts": [100, 50, 50]}, []),
    ],
)
def test_what_a_run_is_worth(run, data, said, stderr):
    run = ended(data=data_of(**data), **run)
    stderr()
    PrintLog().on_train_end(run)
    expected = ["The code ", explain(run), SAID, *said]
    lines = stderr().splitlines()
    assert len(lines) == len(expected) and all(map(str.startswith, lines, expected))


@pytest.mark.parametrize("criterion, value", [("error", "0.5"), ("loss", "0.75")])
@pytest.mark.parametrize("kind", [{"label_number": 1}, {"background": "dark"}])
def test_the_result_of_a_table_or_of_pictures(kind, criterion, value, capsys):
    run = ended(data=data_of(**kind), criterion=criterion)
    cost, run.is_tutorial_model = (1, True) if criterion == "error" else (9, False)
    run.validations = [Validation(3, cost, 0.5, 0.25, 0.75, 0.3, 0.2)]
    run.n_refit_rows = 300
    run.compute_stopping()
    capsys.readouterr()
    PrintLog().on_train_begin(run)
    PrintLog().on_train_end(run)
    out, err = capsys.readouterr()
    assert err == explain(run) + "\n"
    assert out.splitlines() == [
        f"{run.data.facts.dataset}: 350 rows, 4 features, 8 classes",
        "200 rows to train on, 100 to validate, 50 to test",
        "... training the model",
        f"best model: epoch 2 of 3, by the validation {criterion} ({value})",
        "validation error: 25 of 100 rows",
        "trained anew for its 4 minibatches on 300 rows, with those of validation",
        # Wilson's interval, as tables of it have it.
        "test error: 10 of 50 rows, 20.00 % (95 % interval: 11.24 to 33.04 %)",
        f"{GUESS}: a test error of 50.00 %",
    ]


GAIN = "stopped by patience at iteration 8: the last significant gain was at iteration 7"
ENDED = "stopped after all 3 epochs"
MORE = "; the last validation was the best: more `{}` may help"
SEPARABLE = "; no validation row is wrong: the weights of separable classes grow without end"
TABLE = {"label_number": 5}
ADVICE = "n_epochs`, or better a `momentum` of 0.9,"


@pytest.mark.parametrize(
    "reason, best, wrong, kind, momentum, said",
    [
        ("n_epochs", 3, 0, {}, 0.0, ENDED),
        ("n_epochs", 8, 0.01, {}, 0.0, ENDED + MORE.format("n_epochs")),
        ("n_epochs", 8, 0.01, TABLE, 0.0, ENDED + MORE.replace("{}`", ADVICE)),
        ("n_epochs", 8, 0.01, TABLE, 0.5, ENDED + MORE.format("n_epochs")),
        ("patience", 8, 0.01, {}, 0.0, GAIN + MORE.format("patience")),
        ("patience", 8, 0, {}, 0.0, GAIN + SEPARABLE),
    ],
)
def test_a_run_that_ends_at_its_best_says_so(reason, best, wrong, kind, momentum, said):
    settings = {"momentum": momentum, "improvement_threshold": 0.5}
    run = ended(reason=reason, best=best, data=data_of(**kind), **settings)
    run.validations[-1] = run.validations[-1]._replace(error_all_rows=wrong)
    assert explain(run) == said
    assert repr(run).endswith(f"2 validations, best error {run.best_validation.error:f}, {reason})")


# ---- the tutorial's figures

TUTORIAL = read_reference()


def differences_of(log, epochs=LAST_EPOCH, n_epochs=1000):
    settings = {"batch_size": 1, "n_epochs": n_epochs}
    run = new_run(make_pairs((83, 20, 20)), settings=settings, iter=83 * epochs - 1)
    for epoch, errors in list(log.items())[:epochs]:
        valid, test = (float(error) / 100 if error else None for error in errors)
        run.validations.append(Validation(83 * epoch - 1, 1.0, valid, valid, test_error=test))
    return differences(run)


def test_other_figures_than_the_tutorials_are_told():
    assert differences_of(TUTORIAL) == differences_of(TUTORIAL, 1, n_epochs=1) == []
    log = {**TUTORIAL, 2: (TUTORIAL[2][0], ""), 3: ("10.000000", "11.000000")}
    assert differences_of(log, epochs=72) == [
        "epoch 2: 11.010417 %, and the tutorial has 11.010417 %, test error 10.958333 %",
        "epoch 3: 10.000000 %, test error 11.000000 %, and the tutorial has "
        "10.312500 %, test error 10.312500 %",
        "epoch 73: nothing, and the tutorial has 7.500000 %, test error 7.489583 %",
        "epochs: 72, and the tutorial has 74",
    ]
    log = {**TUTORIAL, 74: ("7.000000", "")}
    longer = "epochs: 75, and the tutorial has 74"
    assert differences_of(log, 75) == ["epoch 74: 7.000000 %, and the tutorial has nothing", longer]
