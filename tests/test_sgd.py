"""Whole runs against NumPy, what `fit` takes and refuses, and what a run keeps."""

import gc
import weakref

import numpy
import pytest
from builders import arguments, cost_and_gradients, make_pairs, new_run, probabilities

from logreg import LogisticRegression, Predictor, engine, load_model, sgd_optimization_mnist
from logreg.callbacks import BestModel, Callback, History
from logreg.datasets.dataset import read_dataset
from logreg.engine import T, theano
from logreg.errors import LogRegError, SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.sgd import fit, sgd_optimization
from logreg.updates import momentum, sgd


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


OPTIONS = [
    {},
    {"l1": 0.02, "l2": 0.01, "momentum": 0.5},
    {"class_weight": "balanced", "l2": 0.01, "momentum": 0.5},
]


@pytest.mark.parametrize("criterion", ["error", "loss"])
@pytest.mark.parametrize("options", OPTIONS)
def test_a_run_computes_what_numpy_computes(criterion, options, working_folder):
    # 4 minibatches, 2 and 3; some rows are left over.
    pairs = make_pairs((47, 25, 33), dtype="float64", seed=5)
    pairs[1][1][:8] = (pairs[1][1][:8] + 1) % 3  # too much of the training rows is learned soon
    oracle, least, by_loss = Oracle(pairs, **options), 2.0, criterion == "loss"
    settings = Hyperparameters(0.05, 30, batch_size=10, criterion=criterion, **options)
    run = sgd_optimization(read_dataset(pairs), settings)
    for epoch, validation in enumerate(run.validations):
        cost = numpy.mean([oracle.step(i) for i in range(4)])
        errors, loss, tested = oracle.errors(1), oracle.loss(1), (None, None)
        decisive = loss if by_loss else errors[0]
        if decisive < least:
            least = decisive
            best = oracle.W.copy(), oracle.b.copy(), oracle.errors(2), validation.iter
            tested = best[2]
        if by_loss and validation is not run.best_validation:
            tested = None, None
        assert validation[:4] == pytest.approx((epoch * 4 + 3, cost, *errors))
        assert validation.loss == (pytest.approx(loss) if by_loss else None)
        assert validation[5:7] == pytest.approx(tested)
        error, test_error = validation[2 + by_loss], validation[5 + by_loss]  # of all rows by loss
        row = [*validation[:2], error, test_error, validation.loss]
        assert run.curve[epoch] == row[: 4 + by_loss]
    assert run.best_validation.iter == best[3] < run.iter
    assert [path.name for path in working_folder.iterdir()] == ["best_model.pkl"]
    model = load_model("best_model.pkl")
    for param, last, value, of_run in zip(model.params, run.params, best, (oracle.W, oracle.b)):
        numpy.testing.assert_allclose(engine.value(param), value, rtol=1e-6)
        numpy.testing.assert_allclose(engine.value(last), of_run, rtol=1e-6)  # the last, not best
    told = {
        **vars(settings),
        "n_ranks": 1,
        "refit": False,
        "n_refit_rows": None,
        "curve": run.curve,
    }
    told.update(reason="n_epochs", epoch=best[3] // 4 + 1, iteration=best[3], n_train_batches=4)
    told.update(class_counts=numpy.bincount(pairs[0][1]).tolist())
    best = run.best_validation
    for name in ("error", "error_all_rows"):
        told[f"validation_{name}"] = getattr(best, name)
        told[f"test_{name}"] = getattr(best, f"test_{name}")
    assert told.items() <= model.metadata.items()


def test_any_cost_can_be_minimized():
    """Linear regression."""
    random = numpy.random.RandomState(1)
    w_true = random.normal(size=4)
    sets = [random.normal(size=(n, 4)) for n in (40, 20, 20)]
    sets = [(x, x @ w_true) for x in sets]
    x, y, w = T.matrix("x"), T.vector("y"), theano.shared(numpy.zeros(4), name="w")
    residual = T.dot(x, w) - y
    step = dict(momentum(T.mean(residual**2), [w], 0.02))  # as other libraries have updates
    given = x, y, T.mean(residual**2), T.mean(T.gt(abs(residual), 0.1)), step, sets
    run = fit(*given, Hyperparameters(n_epochs=60, batch_size=10))
    assert run.reason == "n_epochs" and run.params == [w] and len(run.variables) == 2
    numpy.testing.assert_allclose(engine.value(w), w_true, atol=1e-3)
    settings = Hyperparameters(n_epochs=2, batch_size=10, criterion="loss")
    run = fit(*given, settings)  # the cost, as no loss is given
    x, y = sets[1]
    assert run.validations[-1].loss == pytest.approx(((x @ engine.value(w) - y) ** 2).mean())
    with pytest.raises(SettingError, match="epoch 2: no validation loss is finite"):
        fit(*given, settings, loss=T.mean(residual) / 0)


def test_an_autoencoder_has_no_labels_and_errors_that_are_no_counts():
    """Neither cost nor errors are made of y; the errors are squares, far below 1 / n."""
    x = T.matrix("x")
    W = theano.shared(numpy.random.RandomState(0).normal(size=(4, 2)).astype(x.dtype))
    cost = T.mean((T.dot(T.dot(x, W), W.T) - x) ** 2) / 1000
    given = {"x": x, "cost": cost, "errors": cost, "updates": sgd(cost, [W], 0.1)}
    run = fit(**arguments(**given))
    (rows, _), value = make_pairs(dtype="float64")[1], engine.value(W)
    expected = ((rows @ value @ value.T - rows) ** 2).mean() / 1000
    assert run.validations[-1].error == pytest.approx(expected, rel=1e-5)


def test_bytes_are_pixels_and_settings_of_another_rule_are_not_told():
    pairs = [(numpy.abs(40 * x).astype("uint8"), y) for x, y in make_pairs()]
    classifier = LogisticRegression(T.matrix("x"), 4, 3)
    run = fit(**arguments(classifier, datasets=pairs), callbacks=[BestModel("m.pkl", classifier)])
    model, (x, y) = Predictor("m.pkl"), pairs[1]
    assert (model.predict(x) != y).mean() == run.best_validation.error_all_rows
    told = vars(run.hyperparameters).keys() & model.metadata.keys()
    of_a_run = {"n_epochs", "batch_size", "patience", "patience_increase", "improvement_threshold"}
    assert told == of_a_run | {"criterion"}


PAIRS = make_pairs((20, 20, 20), dtype="float64")
X, Y = PAIRS[0]
SHARED = theano.shared(Y.astype("float64"))
W = theano.shared(numpy.zeros((4, 3)), name="W")
BY_LOSS = Hyperparameters(criterion="loss")


PIXELS = (40 * abs(X)).astype("uint8")


def with_training_set(x, y):
    return {"datasets": [(x, y), *PAIRS[1:]]}


REFUSED = [
    ({"x": X}, r"^x is (.|\n)*symbolic variables, such as .* given as datasets"),
    ({"hyperparameters": BY_LOSS, "loss": T.vector("rows")}, "^loss is rows: .* errors, loss sy"),
    ({"cost": T.vector("costs")}, r"^cost is costs: .* cost, errors symbolic numbers"),
    ({"x": T.matrix("other")}, "neither cost nor errors is made of other"),
    ({"updates": [(W, W + 1), (W, W + 1)]}, r"updates\[1\]: W has a new value already"),
    ({"updates": [W]}, r"updates is \[W\]: pairs \(shared variable, symbolic new value\) are"),
    ({"updates": [(W, W + 1)]}, "no variable of updates: give the shared variables"),
    (with_training_set(X, Y[:9]), r"training y has shape \(9,\) .*, x has 20 rows"),
    (with_training_set(theano.shared(X[:9]), T.cast(SHARED, "int32")), r"\(20,\) .* x has 9"),
    (with_training_set(X, Y - 1), "training y has labels from -1 to 1, .* from 0 to 2"),
    (with_training_set(X, T.cast(SHARED + 1, "int32")), "y has labels from 1 to 3, .* 3 classes"),
    (with_training_set(X, Y + 0.5), "dtype float64, .* the symbolic y is int32"),
    (with_training_set(X, numpy.eye(3)[Y]), r"y has shape \(20, 3\) and dtype float64"),
    (with_training_set(X[:, :3], Y), r"shape \(20, 3\), and the model takes 4 columns"),
    (with_training_set(X * numpy.nan, Y), "training x holds nan in row 0, column 0"),
    (with_training_set(PIXELS, Y), r"training x is multiplied by 0.00\d+, and validation x by 1, "),
    ({"datasets": [*PAIRS[:2], (theano.shared(X[:0]), SHARED[:0])]}, "the test set has 0 rows"),
    ({"callbacks": [History("nowhere/file")]}, "nowhere.file cannot be written"),
]


@pytest.mark.parametrize("changed, message", REFUSED, ids=range(18))
def test_what_fit_cannot_train_with_is_refused_before_it_compiles(changed, message, monkeypatch):
    monkeypatch.setattr(engine, "compile_step", None)
    with pytest.raises(LogRegError, match=message):
        fit(**arguments(**changed))


@pytest.mark.parametrize("split", range(3))
def test_a_set_that_is_given_other_rows_during_a_run_must_keep_their_number(split):
    sets = [(theano.shared(x), theano.shared(y.astype("int32"))) for x, y in PAIRS]
    doubling = Callback()
    doubling.on_validation = lambda *_: [
        v.set_value(v.get_value().repeat(2, 0)) for v in sets[split]
    ]
    with pytest.raises(SettingError, match=r"had \[20, 20, 20\] rows and have .*40.*: .* many$"):
        fit(**arguments(datasets=sets, callbacks=[doubling]))


@pytest.mark.parametrize("layer", [T.tanh, lambda x: x])
def test_a_run_keeps_no_data(layer, request):
    x, pairs = T.matrix("x"), make_pairs(dtype=theano.config.floatX)
    given = arguments(LogisticRegression(layer(x), 4, 3), x=x, datasets=pairs)
    features = weakref.ref(pairs[0][0])
    before = gc.get_threshold()
    request.addfinalizer(lambda: gc.set_threshold(*before))
    gc.set_threshold(0)  # by chance, Python would collect them
    fit(**given)
    del pairs, given
    assert features() is None


def test_there_is_no_best_before_the_first_validation():
    with pytest.raises(SettingError, match="the run has no best model: it ended before"):
        new_run().load_best()


def test_the_tutorials_function():
    given = {"learning_rate": 0.5, "n_epochs": 2, "dataset": "mnist_sample", "batch_size": 300}
    assert sgd_optimization_mnist.__defaults__ == (0.13, 1000, "mnist.pkl.gz", 600)
    sgd_optimization_mnist(*given.values())
    assert given.items() <= load_model("best_model.pkl").metadata.items()
