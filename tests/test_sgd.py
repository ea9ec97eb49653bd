"""The loop over functions that compute nothing, and whole runs against NumPy."""

import inspect

import numpy
import pytest
from builders import make_pairs, probabilities

from logreg import engine, load_data, sgd_optimization_mnist
from logreg.callbacks import Callback, StopTraining
from logreg.datasets import read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.engine import T, theano
from logreg.errors import SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.run import Run
from logreg.sgd import compile_functions, fit, sgd_optimization, train
from logreg.updates import momentum


class Steps:
    """Stands for `train_model`: notes which minibatches it trains on; step i costs i."""

    def __init__(self):
        self.taken = []
        self._n_asked = 0

    def __call__(self, index):
        self.taken.append(index)

    def costs(self):
        costs = list(range(len(self.taken)))[self._n_asked :]
        self._n_asked = len(self.taken)
        return costs


class Recorder(Callback):
    """Notes what it is told, and stops a run after some minibatches."""

    def __init__(self, n_minibatches=None):
        self.n_minibatches = n_minibatches
        self.validations = []
        self.ends = []

    def on_validation(self, run, validation):
        self.validations.append(validation)

    def on_minibatch_end(self, run):
        self.ends.append(run.iter)
        if len(self.ends) == self.n_minibatches:
            raise StopTraining


def functions_of(losses, n_train_batches):
    losses = iter(losses)
    return Steps(), lambda: (next(losses), 0.5), lambda: (0.25, 0.75), n_train_batches


def new_run(n_train_batches=5, patience=5000, n_epochs=100):
    settings = Hyperparameters(patience=patience, n_epochs=n_epochs)
    run = Run([], settings, EarlyStopping(patience), n_train_batches)
    run.start_clock()
    return run


@pytest.mark.parametrize("n_train_batches, patience, frequency", [(5, 100, 5), (9, 8, 4)])
def test_how_often_the_validation_set_is_tried(n_train_batches, patience, frequency):
    losses = [1 / k for k in range(1, 100)]
    recorder, run = Recorder(), new_run(n_train_batches, patience, n_epochs=4)
    assert train(functions_of(losses, n_train_batches), run, [recorder]) == "n_epochs"
    expected = range(frequency - 1, 4 * n_train_batches, frequency)
    assert [validation.iter for validation in recorder.validations] == list(expected)
    for validation, loss in zip(recorder.validations, losses):
        epoch, minibatch = divmod(validation.iter, n_train_batches)
        assert validation[:3] == (epoch + 1, minibatch + 1, n_train_batches)
        assert validation.cost == validation.iter - (frequency - 1) / 2  # the mean since the last
        assert validation[5:9] == (loss, 0.5, 0.25, 0.75)


def test_patience_ends_a_run_in_the_middle_of_an_epoch():
    functions, recorder, run = functions_of([1.0] * 9, 5), Recorder(), new_run(patience=12)
    assert train(functions, run, [recorder]) == "patience"
    assert functions[0].taken == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]
    assert (run.epoch, run.iter) == (3, 12) and run.seconds > 0
    assert recorder.ends == list(range(12))
    assert [validation.test_error for validation in recorder.validations] == [0.25, None]
    assert (run.test_error, run.test_error_all_rows, run.error_all_rows) == (0.25, 0.75, 0.5)


def test_a_run_that_goes_on_ends_as_if_it_had_never_stopped():
    losses = [1.0, 0.5, 0.6, 0.4] + [0.5] * 20
    whole, parts, run = Recorder(), Recorder(n_minibatches=13), new_run(patience=12)
    assert train(functions_of(losses, 5), new_run(patience=12), [whole]) == "patience"
    with pytest.raises(StopTraining):
        train(functions_of(losses, 5), run, [parts])
    assert (run.epoch, run.iter) == (3, 12)
    rest = functions_of(losses[2:], 5)
    assert train(rest, run, [parts]) == "patience"
    assert rest[0].taken[:3] == [3, 4, 0]
    assert [v[5:9] for v in parts.validations] == [v[5:9] for v in whole.validations]
    assert parts.ends == whole.ends
    # What is over stays so.
    for over, reason in ((run, "patience"), (new_run(n_epochs=2), "n_epochs")):
        over.iter = max(over.iter, 9)
        nothing = functions_of([], 5)
        assert train(nothing, over, [parts]) == reason
        assert nothing[0].taken == []


class Teller(Callback):
    """Appends what it is told to a list that it shares with others."""

    def __init__(self, name, told):
        for event in ("train_begin", "validation", "train_end"):
            setattr(self, f"on_{event}", lambda *args, event=event: told.append(name + event))


def test_callbacks_are_told_in_order_and_begin_in_reverse(monkeypatch):
    functions, told = functions_of([1.0], 2), []
    monkeypatch.setattr("logreg.sgd.compile_functions", lambda *args: functions)
    stop = Recorder(n_minibatches=3)
    run = fit(
        *[None] * 4, [("W", None)], None, callbacks=[Teller("A ", told), stop, Teller("B ", told)]
    )
    assert ", ".join(told) == (
        "B train_begin, A train_begin, A validation, B validation, A train_end, B train_end"
    )
    assert (run.reason, run.epoch, run.variables) == ("interrupted", 2, ["W"])
    assert functions[0].costs() == []  # what was queued is done


class Oracle:
    """The same run in NumPy."""

    def __init__(self, pairs, l1=0.0, l2=0.0, momentum=0.0):
        self.pairs = pairs
        self.l1, self.l2, self.momentum = l1, l2, momentum
        self.W, self.b = numpy.zeros((4, 3)), numpy.zeros(3)
        self.v = [numpy.zeros_like(self.W), numpy.zeros_like(self.b)]

    def step(self, i):
        x, y = (array[i * 10 : (i + 1) * 10] for array in self.pairs[0])
        p = probabilities(x, self.W, self.b)
        cost = -numpy.log(p[range(10), y]).mean()
        cost += self.l1 * abs(self.W).sum() + self.l2 * (self.W**2).sum()
        p[range(10), y] -= 1
        decay = self.l1 * numpy.sign(self.W) + 2 * self.l2 * self.W
        for param, v, g in zip((self.W, self.b), self.v, (x.T @ p / 10 + decay, p.mean(axis=0))):
            v[:] = self.momentum * v - 0.05 * g
            param += v
        return cost

    def errors(self, split):
        x, y = self.pairs[split]
        wrong = probabilities(x, self.W, self.b).argmax(axis=1) != y
        return wrong[: len(y) // 10 * 10].mean(), wrong.mean()


@pytest.mark.parametrize("options", [{}, {"l1": 0.02, "l2": 0.01, "momentum": 0.5}])
def test_a_run_computes_what_numpy_computes(options, capsys, working_folder):
    # 4 minibatches, 2 and 3; some rows are left over.
    pairs = make_pairs((47, 25, 33), dtype="float64", seed=3)
    oracle, recorder, best = Oracle(pairs, **options), Recorder(), 2.0
    settings = Hyperparameters(0.05, n_epochs=7, batch_size=10, patience=40, **options)
    run = sgd_optimization(read_dataset(pairs), settings, listeners=[recorder])
    assert len(recorder.validations) == 7
    for epoch, validation in enumerate(recorder.validations):
        cost = numpy.mean([oracle.step(i) for i in range(4)])
        valid = oracle.errors(1)
        test = oracle.errors(2) if valid[0] < best else (None, None)
        best = min(best, valid[0])
        assert validation[:4] == (epoch + 1, 4, 4, epoch * 4 + 3)
        assert validation[4:9] == pytest.approx((cost, *valid, *test))
    assert (run.epoch, run.iter, run.reason) == (7, 27, "n_epochs")
    assert run.stopping.best_loss == pytest.approx(best)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["... building the model", "... training the model"]
    assert lines[2].startswith("epoch 1, minibatch 4/4, validation error ")
    assert [path.name for path in working_folder.iterdir()] == ["best_model.pkl"]


def test_any_cost_can_be_minimized_and_compiling_takes_no_step():
    """Linear regression."""
    random = numpy.random.RandomState(1)
    w_true = random.normal(size=4)
    sets = [random.normal(size=(n, 4)) for n in (40, 20, 20)]
    sets = [(theano.shared(x), theano.shared(x @ w_true)) for x in sets]
    x, y, w = T.matrix("x"), T.vector("y"), theano.shared(numpy.zeros(4), name="w")
    residual = T.dot(x, w) - y
    step = momentum(T.mean(residual**2), [w], 0.02)
    settings = Hyperparameters(n_epochs=60, batch_size=10)
    errors = T.mean(T.gt(abs(residual), 0.1))
    functions = compile_functions(x, y, T.mean(residual**2), errors, step, sets, settings)
    assert not any(engine.value(variable).any() for variable, _ in step)
    assert train(functions, new_run(4, n_epochs=60)) == "n_epochs"
    numpy.testing.assert_allclose(engine.value(w), w_true, atol=1e-3)


@pytest.mark.parametrize(
    "sizes, message",
    [
        ((9, 20, 20), "the batch size is 10, but the training set has 9 rows: give a batch"),
        ((20, 9, 20), "the batch size is 10, but the validation set has 9 rows"),
        ((20, 20, 0), "the test set is empty"),
    ],
)
def test_less_than_a_minibatch_is_refused_before_anything_is_compiled(sizes, message, monkeypatch):
    monkeypatch.setattr(engine, "compile_step", None)
    monkeypatch.setattr(engine, "compile_error_rates", None)
    sets = [(theano.shared(numpy.zeros((n, 4))), None) for n in sizes]
    with pytest.raises(SettingError, match=message):
        fit(None, None, None, None, [], sets, Hyperparameters(batch_size=10))


def test_the_tutorials_function(monkeypatch, capsys):
    parameters = inspect.signature(sgd_optimization_mnist).parameters.values()
    assert {parameter.name: parameter.default for parameter in parameters} == {
        "learning_rate": 0.13,
        "n_epochs": 1000,
        "dataset": "mnist.pkl.gz",
        "batch_size": 600,
    }
    with pytest.raises(SettingError, match="the batch size is 1001, but the valid"):
        sgd_optimization_mnist(dataset="mnist_sample", batch_size=1001)
    assert capsys.readouterr().out == "... loading data\n"  # no model is built
    assert len(load_data(make_pairs())) == 3
