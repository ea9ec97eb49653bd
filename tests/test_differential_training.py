"""Whole trainings against one plain loop in NumPy: data, settings and the way in are drawn."""

import numpy
import pandas
import pytest
from builders import cost_and_gradients, save_folder, with_examples
from hypothesis import assume, given
from hypothesis import strategies as st
from softmax import steps_of_numpy

from logreg import Predictor, engine, fit_table, kernel
from logreg.parts.splits import stratified_order

pytestmark = pytest.mark.skipif(
    not kernel.is_in_use(), reason="without the kernel, each example is compiled"
)
TABLES = ("frame", "t.csv")
OPTIONS = {
    "learning_rate": [0.02, 0.1, 0.3],
    "l1": [0.0, 0.01],
    "l2": [0.0, 0.02],
    "momentum": [0.0, 0.5, 0.9],
    "class_weight": [None, "balanced"],
    "criterion": ["error", "loss"],
    "patience_increase": [1, 2, 4],
    "improvement_threshold": [0.9, 0.995, 1],
    "batch_size": range(1, 10),
    "n_epochs": range(1, 7),
    "patience": range(2, 40),
    "standardize": [True, False],
    "shuffle": [True, False],
    "split_seed": [0, 5],
    "refit": [True, False],
}
DATA = {
    "source": ["pairs", "folder", *TABLES],
    "cell": ["uint8", "float32", "float64"],
    "n_rows": range(54, 90),
    "n_in": range(1, 7),
    "n_out": [2, 3, 4],
    "seed": range(1000),
    "unit": [1, 0.001],  # of the weights of a table's rows
}
ERRORS = [f"{name}_error{rows}" for name in ("validation", "test") for rows in ("", "_all_rows")]
WAY = {
    "floatx": ["float32", "float64"],
    "instructions": kernel.instruction_sets() if kernel.is_built() else [""],
    "n_epochs_before": range(4),  # of a run that the command resumes
}


def drawn(choices):
    return st.fixed_dictionaries({k: st.sampled_from(values) for k, values in choices.items()})


def make_rows(source, cell, n_rows, n_in, n_out, seed, unit):
    """The features, the classes and the weights of all rows."""
    random = numpy.random.RandomState(seed)
    y = random.randint(n_out, size=n_rows)
    y[:n_out] = range(n_out)
    x = random.randn(n_out, n_in)[y] + random.randn(n_rows, n_in)
    if source in TABLES:
        return x, y, unit * (0.1 + random.rand(n_rows))  # no two sums of them are alike
    if cell == "uint8":
        x = (128 + 30 * x).clip(0, 255)
    return x.astype(cell), y, numpy.ones(n_rows)


def split(rows):
    """Training, validation and test rows, the last two a sixth each."""
    n_part = len(rows) // 6
    return numpy.split(rows, [len(rows) - 2 * n_part, len(rows) - n_part])


def make_source(source, x, y, weights):
    """Arrays or a data frame, or the name of a file or a folder that holds these rows."""
    if source not in TABLES:
        pairs = [*zip(split(x), split(y))]
        return pairs if source == "pairs" else save_folder(pairs)
    frame = pandas.DataFrame(x).add_prefix("x")
    frame = frame.assign(n=weights, kind=numpy.array(["ant", "bee", "cow", "dog"])[y])
    if source == "frame":
        return frame
    frame.to_csv(source, index=False)
    return source


def prepare(rows, source, options):
    """Put the rows into their order, and compute their features and how much each counts."""
    x, y, weights = rows
    n_train = len(split(y)[0])
    n_ordered = len(y) if source in TABLES else n_train
    order = numpy.arange(len(y))
    if options["shuffle"]:
        order[:n_ordered] = stratified_order(y[:n_ordered], options["split_seed"])
    x, y, weights = (array[order] for array in rows)
    scale = 1 / 256 if x.dtype == "uint8" else 1
    x = x.astype(float) * scale
    if options["standardize"]:
        x = (x - x[:n_train].mean(axis=0)) / x[:n_train].std(axis=0)
    in_cost = weights / weights[:n_train].mean()
    if options["class_weight"]:
        counts = numpy.bincount(y[:n_train], in_cost[:n_train], minlength=y.max() + 1)
        counts[counts == 0] = 1
        in_cost *= (n_train / len(counts) / counts)[y]
    return x, y, in_cost, weights


def is_below(value, limit):
    """Whether a loss or an error is below a limit; an example that rounding decides is left out."""
    assume(value == limit or abs(value - limit) > 1e-5)
    return value < limit


def errors_of(rows, params, batch_size):
    """The error over the whole minibatches, and over all rows; ties are left out as well."""
    x, y, _, weights = rows
    scores = x @ params[0] + params[1]
    second, first = numpy.sort(scores, axis=1)[:, -2:].T
    assume((first - second > 1e-5).all())
    is_wrong = (scores.argmax(axis=1) != y) * weights / weights.mean()
    return is_wrong[: len(y) // batch_size * batch_size].mean(), is_wrong.mean()


class Descent:
    """W and b from zero on, their velocities, and the rows that they are trained on."""

    def __init__(self, rows, n_out):
        self.rows = rows
        W, b = numpy.zeros((rows[0].shape[1], n_out)), numpy.zeros(n_out)
        self.values = [W, b, W, b]  # the velocities are the last two

    def step(self, iter, options):
        """Train on a minibatch; return its cost."""
        n = options["batch_size"]
        *rows, _ = self.rows
        start = iter % (len(rows[1]) // n) * n
        W = self.values[0]
        if options["l1"]:  # rounding may change the sign of what is nearly 0
            assume(((W == 0) | (abs(W) > 1e-7)).all())
        rule = [options[name] for name in ("learning_rate", "l2", "momentum", "l1")]
        (cost,), *self.values = steps_of_numpy(rows, self.values, [start], n, *rule)
        return cost


def train_in_numpy(rows, n_out, options):
    """W, b and the errors, the curve, and what else a model file is to say of the run."""
    train, valid, test = zip(*map(split, rows))
    by_loss = options["criterion"] == "loss"
    patience = options["patience"]
    run = Descent(train, n_out)
    n_batches = len(train[1]) // options["batch_size"]
    lowest = significant = numpy.inf
    curve = []
    costs = []
    told = {"reason": "n_epochs"}
    for iter in range(options["n_epochs"] * n_batches):
        costs.append(run.step(iter, options))
        if (iter + 1) % min(n_batches, options["patience"] // 2) == 0:
            params = run.values[:2]
            errors = errors_of(valid, params, options["batch_size"])
            in_loss = valid[2] * train[3].mean() / valid[3].mean()
            loss, *_ = cost_and_gradients(*valid[:2], *params, row_weights=in_loss)
            value = loss if by_loss else errors[0]
            point = {"iter": iter, "cost": numpy.mean(costs)}
            point["error"], point["error_all_rows"] = errors
            if by_loss:
                point["loss"] = loss
            curve.append(point)
            costs = []
            if is_below(value, lowest):
                before = significant if by_loss else lowest
                if is_below(value, before * options["improvement_threshold"]):
                    patience = max(patience, iter * options["patience_increase"])
                    significant = value
                lowest = value
                best = params
                best_point = curve[-1]
                best_errors = errors
                if not by_loss:
                    add_test_errors(best_point, errors_of(test, best, options["batch_size"]))
        if iter >= patience:
            told["reason"] = "patience"
            break
    if options["refit"]:
        n_rows = len(train[1]) + len(valid[1])
        seed = options["split_seed"] if options["shuffle"] else 0
        order = numpy.random.RandomState(seed).permutation(n_rows)
        x, y, in_cost, weights = (array[order] for array in rows)
        in_cost = in_cost * train[3].mean() / weights.mean()
        anew = Descent([x, y, in_cost, weights], n_out)
        for iter in range(best_point["iter"] + 1):
            anew.step(iter, options)
        told["n_refit_rows"] = n_rows
        best = anew.values[:2]
    tested = errors_of(test, best, options["batch_size"])
    add_test_errors(best_point, tested)
    told["iteration"] = best_point["iter"]
    return [*best, [*best_errors, *tested]], curve, told


def add_test_errors(point, errors):
    """Add the errors of the test set to a point of the curve."""
    point["test_error"], point["test_error_all_rows"] = errors


def train(source, options, n_epochs_before, cli):
    """Train by `fit_table`, or by the command: then with a stop after some epochs, and a repeat."""
    if not n_epochs_before or not isinstance(source, str):
        fit_table(source, path="m.pkl", folds=0, **options)
        return
    words = ["train", source, "--folds=0", "--output=m.pkl", "--checkpoint=run.state"]
    for name, value in options.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{option}" if value else f"--no-{option}")
        elif value is not None:
            words.append(f"--{option}={value}")
    cli(*words, f"--n-epochs={min(n_epochs_before, options['n_epochs'])}")
    cli(*words, "--resume")
    cli("train --verify m.pkl")


@with_examples
@given(drawn(OPTIONS), drawn(DATA), drawn(WAY))
def test_a_training_is_what_numpy_computes(cli, tmp_path_factory, options, data, way):
    rows = make_rows(**data)
    source = data["source"]
    best, curve, told = train_in_numpy(prepare(rows, source, options), data["n_out"], options)
    if source in TABLES:
        options = {**options, "label_column": "kind", "weight_column": "n"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("example"))
        patch.setenv(f"{engine.NAME.upper()}_FLAGS", f"floatX={way['floatx']}")
        patch.setenv("LOGREG_KERNEL_SET", way["instructions"])
        train(make_source(source, *rows), options, way["n_epochs_before"], cli)
        model = Predictor("m.pkl")
    tolerance = {"float32": 1e-3, "float64": 1e-9}[model.dtype]
    errors = [model.metadata[name] for name in ERRORS]
    found_curve = model.metadata["curve"]
    assert [point.keys() for point in found_curve] == [point.keys() for point in curve]
    found = model.W, model.b, errors, [[*point.values()] for point in found_curve]
    expected = [[point[name] for name in names] for point, names in zip(curve, found_curve)]
    for one, other in zip([*found[:3], *found[3]], [*best, *expected]):
        numpy.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance / 100)
    assert {**told, "dtype": way["floatx"]}.items() <= model.metadata.items()
