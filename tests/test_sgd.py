"""Whole runs against NumPy, what `fit` takes and refuses, and what a run keeps."""

import functools
import gc
import inspect
import weakref

import numpy
import pytest
from builders import arguments, cost_and_gradients, make_pairs, probabilities

from logreg import (
    LogisticRegression,
    Predictor,
    engine,
    load_model,
    load_params,
    sgd_optimization_mnist,
)
from logreg.callbacks import BestModel, Callback, Checkpoint, History, StopTraining
from logreg.datasets.dataset import read_dataset
from logreg.engine import T, theano
from logreg.errors import LogRegError, ModelFileError, SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.sgd import fit, sgd_optimization
from logreg.updates import momentum, sgd


@pytest.mark.parametrize("criterion", ["error", "loss"])
def test_a_model_whose_loss_is_not_finite_is_no_model(criterion, working_folder):
    """Its parameters are finite here; its scores are not, and it predicts one class or another."""
    with engine.floatx("float32"):
        pairs = [(1000 * x, y) for x, y in make_pairs((60, 60, 60))]
        settings = Hyperparameters(batch_size=60, n_epochs=1, criterion=criterion)
        classifier = LogisticRegression(T.matrix("x"), 4, 3)
        rule = functools.partial(sgd, learning_rate=1e35)
        given = arguments(classifier, rule, datasets=pairs, hyperparameters=settings)
        callbacks = [BestModel("best.pkl", classifier)]
        with pytest.raises(SettingError, match="diverged in epoch 1: its parameters became"):
            fit(**given, loss=given["cost"], callbacks=callbacks)
    assert numpy.isfinite(engine.value(classifier.W)).all()
    assert list(working_folder.iterdir()) == []


class Teller(Callback):
    """Appends what it is told to a list that it shares with others."""

    def __init__(self, name, told):
        for event in ("train_begin", "validation", "train_end"):
            setattr(self, f"on_{event}", lambda *args, event=event: told.append(name + event))


class Stop(Callback):
    """Stops at the eighth minibatch."""

    def on_minibatch_end(self, run):
        if run.iter == 7:
            raise StopTraining("patience")


def test_callbacks_are_called_in_order():
    told = []
    run = fit(**arguments(), callbacks=[Teller("A ", told), Stop(), Teller("B ", told)])
    assert ", ".join(told) == (
        "A train_begin, B train_begin, A validation, B validation, A train_end, B train_end"
    )
    assert (run.epoch, run.minibatch) == (2, 2)  # 6 make an epoch
    assert (run.reason, run.message) == ("stopped", "patience")  # which is not early stopping's
    assert repr(run).endswith("stopped: patience)")


class Oracle:
    """The same run in NumPy."""

    def __init__(self, pairs, l1=0.0, l2=0.0, momentum=0.0, class_weight=None):
        self.pairs = pairs
        counts = numpy.bincount(pairs[0][1])
        self.weights = counts.sum() / (3 * counts) if class_weight else numpy.ones(3)
        self.l1, self.l2, self.momentum = l1, l2, momentum
        self.W, self.b = numpy.zeros((4, 3)), numpy.zeros(3)
        self.v = [numpy.zeros_like(self.W), numpy.zeros_like(self.b)]

    def step(self, i):
        x, y = (array[i * 10 : (i + 1) * 10] for array in self.pairs[0])
        cost, dW, db = cost_and_gradients(x, y, self.W, self.b, self.weights)
        cost += self.l1 * abs(self.W).sum() + self.l2 * (self.W**2).sum()
        dW += self.l1 * numpy.sign(self.W) + 2 * self.l2 * self.W
        for param, v, g in zip((self.W, self.b), self.v, (dW, db)):
            v[:] = self.momentum * v - 0.05 * g
            param += v
        return cost

    def loss(self, split):
        return cost_and_gradients(*self.pairs[split], self.W, self.b, self.weights)[0]

    def errors(self, split):
        x, y = self.pairs[split]
        wrong = probabilities(x, self.W, self.b).argmax(axis=1) != y
        return wrong[: len(y) // 10 * 10].mean(), wrong.mean()


@pytest.mark.parametrize(
    "options",
    [{}, {"l1": 0.02, "l2": 0.01, "momentum": 0.5}, {"class_weight": "balanced", "l2": 0.1}],
)
def test_a_run_computes_what_numpy_computes(options, working_folder):
    # 4 minibatches, 2 and 3; some rows are left over.
    pairs = make_pairs((47, 25, 33), dtype="float64", seed=3)
    oracle, best = Oracle(pairs, **options), 2.0
    settings = Hyperparameters(0.05, n_epochs=7, batch_size=10, patience=40, **options)
    run = sgd_optimization(read_dataset(pairs), settings)
    assert len(run.validations) == 7
    for epoch, validation in enumerate(run.validations):
        cost = numpy.mean([oracle.step(i) for i in range(4)])
        valid = oracle.errors(1)
        test = oracle.errors(2) if valid[0] < best else (None, None)
        best = min(best, valid[0])
        assert validation.iter == epoch * 4 + 3 and validation.loss is None
        assert validation[1:4] + validation[5:7] == pytest.approx((cost, *valid, *test))
    assert (run.epoch, run.iter, run.reason) == (7, 27, "n_epochs")
    assert run.stopping.best_loss == pytest.approx(best)
    assert [path.name for path in working_folder.iterdir()] == ["best_model.pkl"]
    metadata = load_model("best_model.pkl").metadata
    assert metadata["class_weight"] == options.get("class_weight")
    assert metadata["class_counts"] == numpy.bincount(pairs[0][1]).tolist()


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_by_the_loss_the_best_model_is_numpys(class_weight, capsys):
    pairs = make_pairs((47, 25, 33), dtype="float64", seed=5)
    pairs[1][1][:8] = (pairs[1][1][:8] + 1) % 3  # too much of the training rows is learned soon
    options = {"l2": 0.01, "momentum": 0.5, "class_weight": class_weight}
    oracle, losses, best = Oracle(pairs, **options), [], None
    settings = Hyperparameters(0.05, 30, batch_size=10, criterion="loss", **options)
    run = sgd_optimization(read_dataset(pairs), settings)
    for _ in range(30):
        for i in range(4):
            oracle.step(i)
        losses.append(oracle.loss(1))
        if losses[-1] == min(losses):
            best = oracle.W.copy(), oracle.b.copy(), oracle.errors(2)
    assert [v.loss for v in run.validations] == pytest.approx(losses)
    found, model = run.best_validation, load_model("best_model.pkl")
    assert found.iter == 4 * numpy.argmin(losses) + 3 < run.iter
    assert (found.test_error, found.test_error_all_rows) == pytest.approx(best[2])
    assert sum(v.test_error is not None for v in run.validations) == 1
    first = run.validations[0]
    assert run.curve[0] == [3, first.cost, first.error, None, first.loss]
    for param, last, value, of_run in zip(model.params, run.params, best, (oracle.W, oracle.b)):
        numpy.testing.assert_allclose(engine.value(param), value, rtol=1e-6)
        numpy.testing.assert_allclose(engine.value(last), of_run, rtol=1e-6)  # the last, not best
    assert model.metadata["test_error_all_rows"] == found.test_error_all_rows
    assert model.metadata["criterion"] == "loss"


def test_any_cost_can_be_minimized():
    """Linear regression."""
    random = numpy.random.RandomState(1)
    w_true = random.normal(size=4)
    sets = [random.normal(size=(n, 4)) for n in (40, 20, 20)]
    sets = [(x, x @ w_true) for x in sets]
    x, y, w = T.matrix("x"), T.vector("y"), theano.shared(numpy.zeros(4), name="w")
    residual = T.dot(x, w) - y
    step = momentum(T.mean(residual**2), [w], 0.02)
    settings = Hyperparameters(n_epochs=60, batch_size=10)
    given = x, y, T.mean(residual**2), T.mean(T.gt(abs(residual), 0.1)), step, sets, settings
    run = fit(*given)
    assert run.reason == "n_epochs" and run.params == [w]
    numpy.testing.assert_allclose(engine.value(w), w_true, atol=1e-3)
    settings = Hyperparameters(n_epochs=2, batch_size=10, criterion="loss")
    with pytest.raises(SettingError, match="epoch 2: no validation loss is finite"):
        fit(*given[:-1], settings, loss=T.mean(residual) / 0)


def test_the_best_parameters_can_be_loaded_and_the_rules_memory_is_not_among_them():
    given = arguments()
    given["updates"] = dict(given["updates"])  # as other libraries have them
    run = fit(**given, callbacks=[BestModel("net.pkl")])
    assert [str(param) for param in run.params] == ["W", "b"] and len(run.variables) == 7
    params = LogisticRegression(given["x"], 4, 3).params
    load_params(params, "net.pkl")
    x, y = given["datasets"][1]
    wrong = probabilities(x, *map(engine.value, params)).argmax(axis=1) != y
    assert wrong.mean() == run.best_validation.error_all_rows < run.validations[0].error_all_rows


def test_the_best_model_of_a_classifier_is_a_model_file():
    pairs = [(numpy.abs(40 * x).astype("uint8"), y) for x, y in make_pairs()]
    classifier = LogisticRegression(T.matrix("x"), 4, 3)
    best_model = BestModel("m.pkl", classifier, class_labels=["a", "b", "c"], reason="mine")
    run = fit(**arguments(classifier, datasets=pairs), callbacks=[best_model])
    model, (x, y), best = Predictor("m.pkl"), pairs[1], run.best_validation
    wrong = model.predict(x) != numpy.array(["a", "b", "c"])[y]
    assert wrong.mean() == best.error_all_rows == model.metadata["validation_error_all_rows"]
    expected = {"iteration": best.iter, "n_epochs": 3, "reason": "mine", "curve": run.curve}
    assert expected.items() <= model.metadata.items()
    assert len(run.curve) == 3 and "learning_rate" not in model.metadata
    assert model.metadata["pixel_scale"] == 1 / 256


PAIRS = make_pairs((20, 20, 20), dtype="float64")
X, Y = PAIRS[0]
SHARED = theano.shared(Y.astype("float64"))
W = theano.shared(numpy.zeros((4, 3)), name="W")
BY_LOSS = Hyperparameters(criterion="loss")


def with_training_set(x, y):
    return {"datasets": [(x, y), *PAIRS[1:]]}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": X}, r"^x is (.|\n)*symbolic variables, such as .* given as datasets"),
        ({"hyperparameters": BY_LOSS}, "^loss is None: .* errors, loss symbolic numbers"),
        ({"cost": T.vector("costs")}, r"^cost is costs: .* cost, errors symbolic numbers"),
        ({"x": T.matrix("other")}, "neither cost nor errors is made of other"),
        ({"updates": [(W, W + 1), (W, W + 1)]}, r"updates\[1\]: W has a new value already"),
        (with_training_set([[1.0] * 4, [1.0]] * 10, Y), "x is an object array .*every row as long"),
        ({"datasets": PAIRS[:2]}, r"three pairs \(x, y\) are needed, for training, valid"),
        (with_training_set(X, Y[:9]), r"training y has shape \(9,\) .*, x has 20 rows"),
        (with_training_set(theano.shared(X[:9]), T.cast(SHARED, "int32")), r"\(20,\) .* x has 9"),
        (with_training_set(X, Y + 1), "training y has labels from 1 to 3, .* from 0 to 2"),
        (with_training_set(X, Y + 0.5), "dtype float64, .* the symbolic y is int32"),
        (with_training_set(X, numpy.eye(3)[Y]), r"y has shape \(20, 3\) and dtype float64"),
        (with_training_set(X[:, :3], Y), r"shape \(20, 3\), and the model takes 4 columns"),
        (with_training_set(X * numpy.nan, Y), "training x holds nan in row 0, column 0"),
        ({"datasets": [*PAIRS[:2], (theano.shared(X[:0]), SHARED[:0])]}, "the test set has 0 rows"),
    ],
    ids=range(15),
)
def test_what_fit_cannot_train_with_is_refused_before_it_compiles(changed, message, monkeypatch):
    monkeypatch.setattr(engine, "compile_step", None)
    with pytest.raises(LogRegError, match=message):
        fit(**arguments(**changed))


@pytest.mark.parametrize("make", [BestModel, History, Checkpoint])
def test_a_file_that_cannot_be_written_is_refused_before_it_compiles(make, monkeypatch):
    monkeypatch.setattr(engine, "compile_step", None)
    with pytest.raises(ModelFileError, match=r"nowhere.file cannot be written"):
        fit(**arguments(), callbacks=[make("nowhere/file")])


@pytest.mark.parametrize("is_net", [True, False])
def test_a_run_keeps_no_data(is_net, capsys):
    x, pairs = T.matrix("x"), make_pairs(dtype=theano.config.floatX)
    given = arguments(LogisticRegression(T.tanh(x), 4, 3), x=x, datasets=pairs)
    data = read_dataset(pairs)
    features = weakref.ref(pairs[0][0] if is_net else data.train[0])
    before = gc.get_threshold()
    gc.set_threshold(0)  # by chance, Python would collect them
    try:
        if is_net:
            fit(**given)
        else:
            settings = Hyperparameters(batch_size=10, n_epochs=1, l1=0.1)
            sgd_optimization(data, settings)
        del pairs, data, given
        assert features() is None
    finally:
        gc.set_threshold(*before)


def test_the_tutorials_function(capsys):
    parameters = inspect.signature(sgd_optimization_mnist).parameters.values()
    assert [(p.name, p.default) for p in parameters] == [
        *(("learning_rate", 0.13), ("n_epochs", 1000)),
        *(("dataset", "mnist.pkl.gz"), ("batch_size", 600)),
    ]
    with pytest.raises(SettingError, match="the batch size is 1001, but the valid"):
        sgd_optimization_mnist(dataset="mnist_sample", batch_size=1001)
