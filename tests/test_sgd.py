"""Updates, compiled functions and the loop, against NumPy."""

import numpy
import pytest

from logreg import engine
from logreg.datasets import load_data, read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.engine import T, theano
from logreg.errors import ModelFileError, SettingError
from logreg.hyperparameters import Hyperparameters
from logreg.model import LogisticRegression
from logreg.sgd import Functions, compile_functions, train
from logreg.tutorial import optimize
from logreg.updates import momentum, sgd

N_IN, N_OUT = 6, 3


@pytest.fixture(autouse=True)
def float64():
    with engine.floatx("float64"):
        yield


def make_data(*sizes, seed=0):
    """Pairs (x, y) that a linear model can learn in part."""
    rng = numpy.random.RandomState(seed)
    W = rng.normal(size=(N_IN, N_OUT))
    pairs = []
    for n in sizes:
        x = rng.normal(size=(n, N_IN))
        y = (x @ W + rng.normal(size=(n, N_OUT))).argmax(axis=1)
        y[:N_OUT] = range(N_OUT)
        pairs.append((x, y))
    return pairs


class Oracle:
    """The same run in NumPy."""

    def __init__(self, pairs, batch_size, learning_rate):
        self.train, self.valid, self.test = pairs
        self.batch_size, self.learning_rate = batch_size, learning_rate
        self.W, self.b = numpy.zeros((N_IN, N_OUT)), numpy.zeros(N_OUT)

    def step(self, i):
        x, y = (array[i * self.batch_size : (i + 1) * self.batch_size] for array in self.train)
        z = x @ self.W + self.b
        p = numpy.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        cost = -numpy.log(p[range(len(y)), y]).mean()
        p[range(len(y)), y] -= 1
        self.W -= self.learning_rate * x.T @ p / len(y)
        self.b -= self.learning_rate * p.mean(axis=0)
        return cost

    def errors(self, split):
        x, y = split
        wrong = (x @ self.W + self.b).argmax(axis=1) != y
        used = len(y) // self.batch_size * self.batch_size
        return wrong[:used].mean(), wrong.mean()


def test_a_run_computes_what_numpy_computes(capsys, working_folder):
    pairs = make_data(47, 25, 33)  # 4 minibatches, 2 and 3; some rows are left over
    oracle = Oracle(pairs, batch_size=10, learning_rate=0.3)
    seen = []
    result = optimize(
        read_dataset(pairs),
        Hyperparameters(learning_rate=0.3, n_epochs=7, batch_size=10, patience=40),
        on_validation=seen.append,
    )
    best = 2.0
    expected = []
    for epoch in range(7):
        cost = numpy.mean([oracle.step(i) for i in range(4)])
        valid, test = oracle.errors(oracle.valid), oracle.errors(oracle.test)
        expected.append((epoch, cost, valid, test if valid[0] < best else None))
        best = min(best, valid[0])
    assert len(seen) == 7
    for validation, (epoch, cost, valid, test) in zip(seen, expected):
        assert validation[:4] == (epoch + 1, 4, 4, epoch * 4 + 3)
        assert validation.cost == pytest.approx(cost)
        assert validation.errors == pytest.approx(valid)
        assert (validation.test_errors is None) == (test is None)
        assert test is None or validation.test_errors == pytest.approx(test)
    assert result.end[:] == (7, 27, "n_epochs")
    assert result.best_error == pytest.approx(best)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["... building the model", "... training the model"]
    assert lines[2] == "epoch 1, minibatch 4/4, validation error %f %%" % (seen[0].errors[0] * 100)
    assert lines[3].startswith("     epoch 1, minibatch 4/4, test error of best model ")
    assert lines[-2] == (
        "Optimization complete with best validation score of %f %%, with test performance %f %%"
        % (result.best_error * 100, result.test_error * 100)
    )
    assert lines[-1].startswith("The code run for 7 epochs, with ")


class Recorder:
    """Functions that compute nothing and note when they are called."""

    def __init__(self, losses, n_train_batches, steps_per_call=1):
        self.calls = []
        losses = iter(losses)
        self.functions = Functions(
            self.steps,
            lambda: (next(losses),) * 2,
            lambda: (0.25, 0.5),
            n_train_batches,
            steps_per_call,
        )

    def steps(self, first, count):
        steps = range(first, first + count)
        self.calls += [step % self.functions.n_train_batches for step in steps]
        return [1.0] * count


@pytest.mark.parametrize("steps_per_call", [1, 3, 1000])
@pytest.mark.parametrize("n_train_batches, patience, frequency", [(5, 100, 5), (9, 8, 4)])
def test_how_often_the_validation_set_is_tried(
    n_train_batches, patience, frequency, steps_per_call
):
    recorder = Recorder([1 / k for k in range(1, 1000)], n_train_batches, steps_per_call)
    seen = []
    train(recorder.functions, EarlyStopping(patience), 4, seen.append)
    expected = range(frequency - 1, 4 * n_train_batches, frequency)
    assert [validation.iter for validation in seen] == list(expected)
    for validation in seen:
        assert validation.epoch == validation.iter // n_train_batches + 1
        assert validation.minibatch == validation.iter % n_train_batches + 1


@pytest.mark.parametrize("steps_per_call", [1, 3, 1000])
def test_patience_ends_a_run_in_the_middle_of_an_epoch(steps_per_call):
    recorder = Recorder([1.0] * 100, 5, steps_per_call)
    end = train(recorder.functions, EarlyStopping(patience=12), 100, lambda validation: None)
    assert end == (3, 12, "patience")
    assert recorder.calls == [0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1, 2]


def test_a_run_that_goes_on_after_a_minibatch_ends_as_if_it_had_never_stopped():
    losses = [1.0, 0.5, 0.6, 0.4] + [0.5] * 20
    whole, parts = [], []
    end = train(Recorder(losses, 5).functions, EarlyStopping(12), 9, whole.append)
    stopping = EarlyStopping(12)
    first = Recorder(losses, 5)
    train(first.functions, stopping, 2, parts.append)
    later = Recorder(losses[2:], 5)
    assert end == train(later.functions, stopping, 9, parts.append, after=9)
    assert parts == whole
    assert later.calls[0] == 0
    # Nothing is left to do after the end.
    assert end == train(Recorder([], 5).functions, stopping, 9, parts.append, after=end.iter)


def test_an_interruption_ends_a_run_after_the_minibatch():
    recorder = Recorder([1.0] * 100, 5)
    end = train(
        recorder.functions,
        EarlyStopping(),
        100,
        lambda validation: None,
        interrupted=lambda: len(recorder.calls) == 8,
    )
    assert end == (2, 7, "interrupted")


@pytest.mark.parametrize(
    "sizes, split", [((9, 20, 20), "training"), ((20, 9, 20), "validation"), ((20, 20, 9), "test")]
)
def test_a_batch_larger_than_a_set_is_refused_before_anything_is_compiled(
    sizes, split, monkeypatch, working_folder
):
    def fail(*args, **kwargs):
        raise AssertionError("compiled")

    monkeypatch.setattr(theano, "function", fail)
    with pytest.raises(SettingError) as raised:
        optimize(read_dataset(make_data(*sizes)), Hyperparameters(batch_size=10))
    assert f"the batch size is 10, but the {split} set has 9 rows" in str(raised.value)
    assert not list(working_folder.iterdir())


def test_an_output_that_cannot_be_written_is_refused_before_anything_is_compiled(
    monkeypatch, working_folder
):
    monkeypatch.setattr(theano, "function", None)
    data = read_dataset(make_data(20, 20, 20))
    for output in ("no/such/folder/model.pkl", working_folder):
        with pytest.raises(ModelFileError, match="cannot be written"):
            optimize(data, Hyperparameters(batch_size=10), output=output)


def test_compiling_takes_no_step():
    x, y = T.matrix("x"), T.ivector("y")
    classifier = LogisticRegression(x, N_IN, N_OUT)
    cost = classifier.negative_log_likelihood(y)
    updates = momentum(cost, classifier.params, 0.1)
    sets = load_data(make_data(20, 20, 20))
    compile_functions(x, y, cost, classifier.errors(y), updates, sets, 10)
    for variable, _ in updates:
        assert not variable.get_value().any()


def test_compile_functions_takes_any_cost_and_parameters():
    """Linear regression, to which `errors` is the squared error."""
    rng = numpy.random.RandomState(1)
    w_true = rng.normal(size=N_IN)
    sets = []
    for n in (40, 20, 20):
        x = rng.normal(size=(n, N_IN))
        sets.append((theano.shared(x), theano.shared(x @ w_true)))
    x, y = T.matrix("x"), T.vector("y")
    w = theano.shared(numpy.zeros(N_IN), name="w")
    cost = T.mean((T.dot(x, w) - y) ** 2)
    functions = compile_functions(x, y, cost, cost, sgd(cost, [w], 0.1), sets, 10)
    end = train(functions, EarlyStopping(), 60, lambda validation: None)
    assert end.reason == "n_epochs"
    numpy.testing.assert_allclose(w.get_value(), w_true, atol=1e-3)
