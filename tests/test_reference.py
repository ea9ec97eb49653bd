"""The tutorial's figures, and what is told of others."""

from logreg.callbacks.reference import LAST_EPOCH, ReferenceCheck, read_reference
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run, Validation


def differences(log=None, n_epochs=1000, epochs=LAST_EPOCH):
    check = ReferenceCheck()
    run = Run([], [], Hyperparameters(n_epochs=n_epochs), 83, iter=83 * epochs - 1)
    for epoch, (valid, test) in (log or read_reference()).items():
        if epoch <= min(epochs, n_epochs):
            test = float(test) / 100 if test else None
            valid = float(valid) / 100
            run.validations.append(Validation(83 * epoch - 1, 1.0, valid, valid, None, test, test))
            run.stopping.best_iter = 83 * epoch - 1 if test else run.stopping.best_iter
    check.on_train_end(run)
    return check.differences


def test_the_tutorials_figures_agree_with_themselves():
    assert differences() == []
    assert differences(n_epochs=1, epochs=1) == []


def test_other_figures_are_told():
    log = read_reference()
    log[2] = (log[2][0], "")
    log[3] = ("10.000000", log[3][1])
    del log[4]
    log[73] = ("7.600000", "7.400000")
    tutorial = read_reference()
    assert differences(log, epochs=73) == [
        f"epoch 2, test error: no line, the tutorial has {tutorial[2][1]}",
        f"epoch 3, validation error: 10.000000, the tutorial has {tutorial[3][0]}",
        f"epoch 4, validation error: no line, the tutorial has {tutorial[4][0]}",
        f"epoch 4, test error: no line, the tutorial has {tutorial[4][1]}",
        "epoch 73, validation error: 7.600000, the tutorial has 7.500000",
        "epoch 73, test error: 7.400000, the tutorial has 7.489583",
        "best validation score: 7.600000, the tutorial has 7.500000",
        "test performance: 7.400000, the tutorial has 7.489583",
        "epochs: 73, the tutorial has 74",
    ]
