"""What `fit` takes and refuses, and what a run keeps.

The numbers of whole runs are in test_differential_training.
"""

import functools
import gc
import weakref

import numpy
import pytest
from builders import arguments, cost_and_gradients, make_pairs, new_run, probabilities

from logreg import (
    LogisticRegression,
    Predictor,
    engine,
    load_model,
    load_params,
    sgd_optimization_mnist,
)
from logreg.basics.errors import LogRegError, SettingError
from logreg.callbacks import BestModel, Callback, History
from logreg.engine import T, theano
from logreg.hyperparameters import Hyperparameters
from logreg.sgd import fit
from logreg.updates import momentum, sgd

OF_LINEAR = Hyperparameters(n_epochs=2, batch_size=10, criterion="loss")


def linear_regression(random):
    """The arguments of `fit` for linear regression, and its weights."""
    sets = [(x, x @ [1, 2, 3, 4]) for x in random.normal(size=(3, 40, 4))]
    x, y, w = T.matrix("x"), T.vector("y"), theano.shared(numpy.zeros((4, 1)), name="w")
    residual = (T.dot(x, w) + theano.shared(numpy.zeros(1)))[:, 0] - y  # a regression's shapes
    cost = T.mean(residual**2)
    step = dict(momentum(cost, [w], 0.02))  # as other libraries have updates
    return (x, y, cost, T.mean(T.gt(abs(residual), 0.1)), step, sets), w


def test_any_cost_can_be_minimized(random):
    given, w = linear_regression(random)
    *_, sets = given
    run = fit(*given, OF_LINEAR, [BestModel("w.pkl")])
    assert run.params == [w] and len(run.variables) == 2
    load_params([w], "w.pkl")  # a file of parameters has no velocity
    value = velocity = numpy.zeros(4)
    for x, y in 2 * [*zip(*(numpy.split(array, 4) for array in sets[0]))]:
        velocity = 0.9 * velocity - 0.02 * 2 * x.T @ (x @ value - y) / 10
        value = value + velocity
    numpy.testing.assert_allclose(engine.value(w)[:, 0], value)
    x, y = sets[1]  # the loss is the cost, as none is given
    assert run.validations[-1].loss == pytest.approx(((x @ value - y) ** 2).mean())


def test_a_loss_that_decides_must_be_finite(random):
    given, _ = linear_regression(random)
    _, _, cost, *_ = given
    with pytest.raises(SettingError, match="epoch 2: no validation loss is finite"):
        fit(*given, OF_LINEAR, loss=T.log(-cost), refit=True)


def test_an_autoencoder_has_no_labels(random):
    """Neither cost nor errors are made of y."""
    x, W = T.matrix("x"), theano.shared(random.normal(size=(4, 2)))
    cost = T.mean((T.dot(T.dot(x, W), W.T) - x) ** 2)
    run = fit(**arguments(x=x, cost=cost, errors=cost, updates=sgd(cost, [W], 0.01)))
    (rows, _), value = make_pairs(dtype="float64")[1], engine.value(W)
    expected = ((rows @ value @ value.T - rows) ** 2).mean()
    assert run.validations[-1].error == pytest.approx(expected)


def test_a_net_over_sequences(random):
    """The mean over 5 steps of what a layer makes of each; the columns are the last axis."""
    x, V = T.dtensor3("x"), theano.shared(random.normal(size=(4, 2)))
    classifier = LogisticRegression(T.dot(x, V).mean(axis=1), 2, 3)
    pairs = [(random.normal(size=(len(y), 5, 4)), y) for _, y in make_pairs()]
    run = fit(**arguments(classifier, x=x, datasets=pairs))
    rows, labels = pairs[1]
    W, b = (engine.value(param) for param in classifier.params)
    wrong = probabilities((rows @ engine.value(V)).mean(axis=1), W, b).argmax(axis=1) != labels
    assert run.validations[-1].error_all_rows == wrong.mean()
    narrow = [(rows[..., :3], labels) for rows, labels in pairs]
    with pytest.raises(SettingError, match=r"shape \(60, 5, 3\), .* takes 3 dimensions and 4 co"):
        fit(**arguments(classifier, x=x, datasets=narrow))


def test_bytes_are_pixels_and_settings_of_another_rule_are_not_told():
    pairs = [(numpy.abs(40 * x).astype("uint8"), y) for x, y in make_pairs()]
    classifier = LogisticRegression(T.matrix("x"), 4, 3)
    run = fit(**arguments(classifier, datasets=pairs), callbacks=[BestModel("m.pkl", classifier)])
    model = Predictor("m.pkl")
    x, y = pairs[1]
    assert (model.predict(x) != y).mean() == run.best_validation.error_all_rows
    told = vars(run.hyperparameters).keys() & model.metadata.keys()
    of_a_run = {"n_epochs", "batch_size", "patience", "patience_increase", "improvement_threshold"}
    assert told == of_a_run | {"criterion"}


PAIRS = make_pairs((20, 10, 20), dtype="float64")
X, Y = PAIRS[0]
SHARED = theano.shared(Y.astype("float64"))
W = theano.shared(numpy.zeros((4, 3)), name="W")


def with_training_set(x, y):
    return {"datasets": [(x, y), *PAIRS[1:]]}


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"x": X}, r"^x is (.|\n)*symbolic variables, such as .* given as datasets"),
        (
            {"hyperparameters": Hyperparameters(criterion="loss"), "loss": T.vector("rows")},
            "^loss is rows: .* errors, loss sy",
        ),
        ({"x": T.matrix("other")}, "neither cost nor errors is made of other"),
        ({"updates": [(W, W + 1), (W, W + 1)]}, r"updates\[1\]: W has a new value already"),
        ({"updates": [W]}, r"updates is \[W\]: pairs \(shared variable, symbolic new value\) are"),
        ({"updates": [(W, W + 1)]}, "no variable of updates: give the shared variables"),
        (with_training_set(X, Y[:9]), r"training y has shape \(9,\) .*, x has 20 rows"),
        (with_training_set(X, Y - 1), "training y has labels from -1 to 1, .* from 0 to 2"),
        (
            with_training_set(X, T.cast(SHARED + 1, "int32")),
            "y has labels from 1 to 3, .* 3 classes",
        ),
        (with_training_set(X, Y + 0.5), "dtype float64, .* the symbolic y is int32"),
        (with_training_set(X, numpy.eye(3)[Y]), r"y has shape \(20, 3\) and dtype float64"),
        (with_training_set(X[:, :3], Y), r"shape \(20, 3\), .* takes 2 dimensions and 4 columns"),
        (with_training_set(X[:, None], Y), r"shape \(20, 1, 4\), and the model takes 2 dimen"),
        (with_training_set(X * numpy.nan, Y), "training x holds nan in row 0, column 0"),
        (
            with_training_set((40 * abs(X)).astype("uint8"), Y),
            r"training x is multiplied by 0.00\d+, and validation x by 1, ",
        ),
        ({"datasets": [*PAIRS[:2], (theano.shared(X[:0]), SHARED[:0])]}, "the test set has 0 rows"),
        ({"callbacks": [History("nowhere/file")]}, "nowhere.file cannot be written"),
    ],
)
def test_what_fit_cannot_train_with_is_refused_before_it_compiles(changed, message, monkeypatch):
    monkeypatch.setattr(engine, "compile_step", None)
    with pytest.raises(LogRegError, match=message):
        fit(**arguments(**changed))


def test_a_set_that_is_given_other_rows_during_a_run_must_keep_their_number():
    sets = [(theano.shared(x), theano.shared(y.astype("int32"))) for x, y in PAIRS]
    doubling = Callback()
    doubling.on_validation = lambda *_: [v.set_value(v.get_value().repeat(2, 0)) for v in sets[2]]
    with pytest.raises(SettingError, match=r"had \[20, 10, 20\] rows and have .*, 40\]: .* many$"):
        fit(**arguments(datasets=sets, callbacks=[doubling]))


@pytest.mark.parametrize("layer", [T.tanh, lambda x: x])
def test_a_run_keeps_no_data(layer, request):
    x = T.matrix("x")
    pairs = make_pairs(dtype="float64")
    given = arguments(LogisticRegression(layer(x), 4, 3), x=x, datasets=pairs)
    features = weakref.ref(pairs[0][0])
    request.addfinalizer(functools.partial(gc.set_threshold, *gc.get_threshold()))
    gc.set_threshold(0)  # by chance, Python would collect them
    fit(**given)
    del pairs, given
    assert features() is None


def test_there_is_no_best_before_the_first_validation():
    with pytest.raises(SettingError, match="the run has no best model: no validation"):
        new_run().load_best()


def test_the_tutorials_function():
    given = {"learning_rate": 0.5, "n_epochs": 2, "dataset": "mnist_sample", "batch_size": 300}
    assert sgd_optimization_mnist.__defaults__ == (0.13, 1000, "mnist.pkl.gz", 600)
    sgd_optimization_mnist(*given.values())
    assert given.items() <= load_model("best_model.pkl").metadata.items()


@pytest.mark.parametrize("criterion", ["error", "loss"])
def test_the_best_model_has_its_running_statistics(criterion):
    """A running mean, which errors and loss read: that of the best validation, not the last.

    And a number that the loss alone reads.
    """
    x, y = T.dmatrix("x"), T.ivector("y")
    mean = theano.shared(numpy.zeros(4), name="mean")
    offset = theano.shared(numpy.asarray(1.0), name="offset")
    in_training = LogisticRegression(x - x.mean(axis=0), 4, 3)
    model = LogisticRegression(x - mean, 4, 3, *in_training.params)
    cost = in_training.negative_log_likelihood(y)
    # The rate is so large that a validation in the middle is the best.
    rule = [*sgd(cost, model.params, 6.0), (mean, 0.5 * mean + x.mean(axis=0))]
    rule.append((offset, 0.9 * offset))
    pairs = [(rows + 1, labels) for rows, labels in make_pairs((60, 60, 40), dtype="float64")]
    settings = Hyperparameters(criterion=criterion, batch_size=10, n_epochs=4, patience=4)
    loss = model.negative_log_likelihood(y) + offset
    given = x, y, cost, model.errors(y), rule, pairs, settings, [BestModel("net.pkl")], loss
    run = fit(*given)
    assert run.statistics == [mean, offset] and run.validations[-1] is not run.best_validation
    run.load_best()
    W, b, best_mean = (engine.value(variable) for variable in (*model.params, mean))
    test_rows, labels = pairs[2]
    wrong = probabilities(test_rows - best_mean, W, b).argmax(axis=1) != labels
    assert run.best_validation.test_error_all_rows == wrong.mean()
    rows, labels = pairs[1]
    expected, *_ = cost_and_gradients(rows - best_mean, labels, W, b)
    if criterion == "loss":
        assert run.best_validation.loss == pytest.approx(expected + engine.value(offset))
    for variable in (*model.params, mean):
        variable.set_value(0 * variable.get_value())
    load_params(model.params, "net.pkl")
    assert (engine.value(model.W) == W).all() and not engine.value(mean).any()
    load_params([*model.params, mean, offset], "net.pkl")
    assert (engine.value(mean) == best_mean).all()
