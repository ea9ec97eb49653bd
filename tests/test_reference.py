"""The tutorial's figures, and what is told of others."""

from logreg.callbacks.reference import LAST_EPOCH, ReferenceCheck, read_reference
from logreg.early_stopping import EarlyStopping
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run


def differences(log=None, n_epochs=1000, begin=1, epochs=LAST_EPOCH, final=(0.075, 0.07489583)):
    check = ReferenceCheck()
    run = Run([], Hyperparameters(n_epochs=n_epochs), EarlyStopping(), 83, iter=83 * epochs - 1)
    for epoch, (valid, test) in (log or read_reference()).items():
        if begin <= epoch <= min(epochs, n_epochs):
            test = float(test) / 100 if test else None
            run.curve.append([83 * epoch - 1, 1.0, float(valid) / 100, test])
    run.stopping.best_loss, run.test_error = final
    check.on_train_end(run)
    return check.differences


def test_the_tutorials_figures_agree_with_themselves():
    assert differences() == []
    assert differences(begin=30) == []  # resumed from an older version's checkpoint
    assert differences(n_epochs=1, epochs=1, final=(0.12458333, 0.12375)) == []


def test_other_figures_are_told():
    log = read_reference()
    log[2] = (log[2][0], "")
    log[3] = ("10.000000", log[3][1])
    del log[4]
    tutorial = read_reference()
    assert differences(log, epochs=73, final=(0.076, 0.074)) == [
        f"epoch 2, test error: no line, the tutorial has {tutorial[2][1]}",
        f"epoch 3, validation error: 10.000000, the tutorial has {tutorial[3][0]}",
        f"epoch 4, validation error: no line, the tutorial has {tutorial[4][0]}",
        f"epoch 4, test error: no line, the tutorial has {tutorial[4][1]}",
        "best validation score: 7.600000, the tutorial has 7.500000",
        "test performance: 7.400000, the tutorial has 7.489583",
        "epochs: 73, the tutorial has 74",
    ]
