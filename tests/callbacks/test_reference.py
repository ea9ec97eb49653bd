"""The tutorial's figures, and what is told of others."""

from builders import make_pairs, new_run

from logreg.callbacks.reference import LAST_EPOCH, differences, read_reference
from logreg.run import Validation

TUTORIAL = read_reference()


def differences_of(log, epochs=LAST_EPOCH, **settings):
    settings = {"batch_size": 1, **settings}
    run = new_run(make_pairs((83, 20, 20)), settings=settings, iter=83 * epochs - 1)
    for epoch, errors in list(log.items())[:epochs]:
        valid, test = (float(error) / 100 if error else None for error in errors)
        run.validations.append(Validation(83 * epoch - 1, 1.0, valid, valid, None, test, test))
    return differences(run)


def test_the_tutorials_figures_agree_with_themselves():
    assert differences_of(TUTORIAL) == differences_of(TUTORIAL, 1, n_epochs=1) == []


def test_other_figures_are_told():
    log = {**TUTORIAL, 2: (TUTORIAL[2][0], ""), 3: ("10.000000", "11.000000")}
    assert differences_of(log, epochs=72) == [
        "epoch 2: 11.010417 %, and the tutorial has 11.010417 %, test error 10.958333 %",
        "epoch 3: 10.000000 %, test error 11.000000 %, and the tutorial has "
        "10.312500 %, test error 10.312500 %",
        "epoch 73: nothing, and the tutorial has 7.500000 %, test error 7.489583 %",
        "epochs: 72, and the tutorial has 74",
    ]
