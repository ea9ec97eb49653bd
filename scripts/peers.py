"""What a user would pick instead of logreg, each as its own users write it, and the limit.

    python scripts/peers.py numpy --dataset mnist.pkl.gz

trains once and prints a line of JSON; ``scripts/benchmark.py`` does that with each. The data are
those of :mod:`logreg.datasets`; a library's own package is imported when its peer is made.
"""

import argparse
import importlib.util
import json
import math
import os
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from logreg.datasets import read_dataset, scaled
from logreg.early_stopping import EarlyStopping
from logreg.hyperparameters import DATASET, DEFAULTS

CHAIN = 1000  # dependent kernels that are timed at once
PIECES = 4  # of an array that several threads read, for each of them


class NumPy:
    """Softmax regression by hand.

    Parameters
    ----------
    datasets : list of (numpy.ndarray, numpy.ndarray)
        Training, validation and test set: x of shape (n, n_in), float32; y of shape (n,).
    batch_size : int
    rate : float
        The learning rate.
    device : str
        Where a peer that knows devices keeps the data: 'cpu' or 'cuda'.
    """

    package = "numpy"
    is_same_algorithm = True

    def __init__(self, datasets, batch_size, rate, device="cpu"):
        self.datasets = datasets
        self.batch_size = batch_size
        self.rate = rate
        self.device = device
        self.n_in = datasets[0][0].shape[1]
        self.n_out = int(datasets[0][1].max()) + 1
        self.n_batches = len(datasets[0][1]) // batch_size
        self.prepare()

    def prepare(self):
        """Make the parameters, and whatever is made before the first step."""
        self.W = numpy.zeros((self.n_in, self.n_out), dtype="float32")
        self.b = numpy.zeros(self.n_out, dtype="float32")

    def batch(self, i):
        """A minibatch of the training set and its labels."""
        rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
        return [whole[rows] for whole in self.datasets[0]]

    def steps(self, count):
        """Take `count` steps on the first minibatches; return the costs."""
        costs = []
        everyone = numpy.arange(self.batch_size)
        for i in range(count):
            x, y = self.batch(i)
            p = x @ self.W + self.b
            p -= p.max(axis=1, keepdims=True)
            numpy.exp(p, out=p)
            p /= p.sum(axis=1, keepdims=True)
            costs.append(-numpy.log(p[everyone, y]).mean())
            p[everyone, y] -= 1
            p *= self.rate / self.batch_size
            self.W -= x.T @ p
            self.b -= p.sum(axis=0)
        return costs

    def n_errors(self, split):
        """How many rows of a set (1 for validation, 2 for test) are misclassified."""
        x, y = self.datasets[split]
        return int(((x @ self.W + self.b).argmax(axis=1) != y).sum())

    def save(self, path):
        """Keep the parameters in a file."""
        with open(path, "wb") as file:
            numpy.savez(file, W=self.W, b=self.b)


class Torch(NumPy):
    """PyTorch: a Linear layer, CrossEntropyLoss and SGD, on slices of tensors."""

    package = "torch"

    def prepare(self):
        import torch

        self.torch = torch
        self.datasets = [
            (torch.from_numpy(x).to(self.device), torch.from_numpy(y).long().to(self.device))
            for x, y in self.datasets
        ]
        self.model = torch.nn.Linear(self.n_in, self.n_out).to(self.device)
        self.loss = torch.nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=self.rate)
        self.set_to_zero()

    def set_to_zero(self):
        """Let the parameters begin where the tutorial's begin."""
        with self.torch.no_grad():
            for parameter in self.model.parameters():
                parameter.zero_()

    def step(self, i):
        """Take one step on minibatch `i`; return the cost, still on the device."""
        x, y = self.batch(i)
        self.optimizer.zero_grad()
        loss = self.loss(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss.detach()

    def steps(self, count):
        return self.torch.stack([self.step(i) for i in range(count)]).tolist()

    def n_errors(self, split):
        x, y = self.datasets[split]
        with self.torch.no_grad():
            return int((self.model(x).argmax(dim=1) != y).sum())

    def save(self, path):
        self.torch.save(self.model.state_dict(), path)


class TorchGraph(Torch):
    """PyTorch with an epoch captured as one CUDA graph."""

    def prepare(self):
        super().prepare()
        cuda = self.torch.cuda
        # As PyTorch asks: a few steps on a stream of its own, before one is captured.
        stream = cuda.Stream()
        stream.wait_stream(cuda.current_stream())
        with cuda.stream(stream):
            for _ in range(3):
                self.step(0)
        cuda.current_stream().wait_stream(stream)
        self.graph = cuda.CUDAGraph()
        with cuda.graph(self.graph):
            self.costs = self.torch.stack([self.step(i) for i in range(self.n_batches)])
        self.set_to_zero()

    def steps(self, count):
        if count < self.n_batches:
            return super().steps(count)
        self.graph.replay()
        return self.costs.tolist()


class JaxStep(NumPy):
    """JAX with a jitted step."""

    package = "jax"

    def prepare(self):
        import jax

        self.jax, self.jnp = jax, jax.numpy
        device = jax.devices(self.device)[0]
        self.datasets = jax.device_put(self.datasets, device)
        zeros = numpy.zeros((self.n_in, self.n_out), "float32"), numpy.zeros(self.n_out, "float32")
        self.params = jax.device_put(zeros, device)
        batches = [
            whole[: self.n_batches * self.batch_size].reshape(
                self.n_batches, self.batch_size, *whole.shape[1:]
            )
            for whole in self.datasets[0]
        ]
        self.batches = jax.block_until_ready(batches)
        self.datasets[0] = None
        self.compile()

    def compile(self):
        """Compile before the first step, as logreg does."""
        self._step = self._compiled(self.step, self.params, self.batches, 0)
        self._errors = [
            self._compiled(self.errors, self.params, dataset) for dataset in self.datasets[1:]
        ]

    def _compiled(self, function, *args):
        return self.jax.jit(function).lower(*args).compile()

    def cost(self, params, x, y):
        """The mean negative log likelihood."""
        W, b = params
        log_p = self.jax.nn.log_softmax(x @ W + b)
        return -self.jnp.take_along_axis(log_p, y[:, None], axis=1).mean()

    def descend(self, params, x, y, rate):
        """A step of descent: the new parameters, and the cost before."""
        cost, gradient = self.jax.value_and_grad(self.cost)(params, x, y)
        return self.jax.tree.map(lambda p, g: p - rate * g, params, gradient), cost

    def step(self, params, batches, i):
        """A step on minibatch `i`."""
        return self.descend(params, batches[0][i], batches[1][i], self.rate)

    def errors(self, params, dataset):
        """The number of errors, as an expression."""
        (W, b), (x, y) = params, dataset
        return (self.jnp.argmax(x @ W + b, axis=1) != y).sum()

    def steps(self, count):
        costs = []
        for i in range(count):
            self.params, cost = self._step(self.params, self.batches, i)
            costs.append(cost)
        return self.jax.device_get(costs)

    def n_errors(self, split):
        return int(self._errors[split - 1](self.params, self.datasets[split]))

    def save(self, path):
        W, b = self.jax.device_get(self.params)
        with open(path, "wb") as file:
            numpy.savez(file, W=W, b=b)


class JaxScan(JaxStep):
    """JAX with an epoch as one ``lax.scan``."""

    def compile(self):
        super().compile()
        self._scan = self._compiled(self.scan, self.params, self.batches, self.n_batches)

    def scan(self, params, batches, count):
        """The steps on all minibatches; those after the first `count` change nothing."""

        def step(params, of_step):
            i, x, y = of_step
            return self.descend(params, x, y, self.jnp.where(i < count, self.rate, 0.0))

        numbers = self.jnp.arange(self.n_batches)
        return self.jax.lax.scan(step, params, (numbers, *batches))

    def steps(self, count):
        self.params, costs = self._scan(self.params, self.batches, count)
        return self.jax.device_get(costs)[:count]


class SklearnSGD(NumPy):
    """scikit-learn's SGDClassifier: a step for each row, and each class against the rest."""

    package = "scikit-learn"
    is_same_algorithm = False

    def prepare(self):
        from sklearn.linear_model import SGDClassifier

        # A minibatch's rows together go as far as one step on their mean.
        rate = self.rate / self.batch_size
        self.model = SGDClassifier(
            loss="log_loss", alpha=0, learning_rate="constant", eta0=rate, shuffle=False
        )

    def steps(self, count):
        classes = numpy.arange(self.n_out)
        for i in range(count):
            self.model.partial_fit(*self.batch(i), classes=classes)
        return []

    def n_errors(self, split):
        x, y = self.datasets[split]
        return int((self.model.predict(x) != y).sum())

    def save(self, path):
        with open(path, "wb") as file:
            numpy.savez(file, W=self.model.coef_, b=self.model.intercept_)


class SklearnLBFGS(SklearnSGD):
    """scikit-learn's LogisticRegression: an "epoch" is an iteration of L-BFGS."""

    EVERY = 10  # iterations between two looks at the validation set

    def prepare(self):
        from sklearn.linear_model import LogisticRegression

        self.model = LogisticRegression(C=math.inf, max_iter=self.EVERY, warm_start=True)

    def train(self, target, n_epochs, output):
        """Iterate until the validation error is `target` or less; return what came of it."""
        import warnings

        n_valid, n_test = (len(y) for _, y in self.datasets[1:])
        iterations, error = 0, math.inf
        while iterations < n_epochs and error > target:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that it has not converged yet
                self.model.fit(*self.datasets[0])
            iterations += int(self.model.n_iter_[0])
            error = self.n_errors(1) / n_valid
        self.save(output)
        return iterations, error, self.n_errors(2) / n_test


PEERS = {
    "numpy": NumPy,
    "torch": Torch,
    "torch-graph": TorchGraph,
    "jax-step": JaxStep,
    "jax-scan": JaxScan,
    "sklearn-sgd": SklearnSGD,
    "sklearn-lbfgs": SklearnLBFGS,
}


def train(peer, n_epochs, output):
    """Train with the tutorial's early stopping and keep the best model.

    Parameters
    ----------
    peer : NumPy
        Or one that is used alike.
    n_epochs : int
        At the most.
    output : str or path-like
        Where the best model goes.

    Returns
    -------
    epochs : int
        In how many the run ended.
    error, test_error : float
        Fractions of the best model's errors.
    """
    n_valid, n_test = (len(y) for _, y in peer.datasets[1:])
    stopping, test_error = EarlyStopping(), math.inf
    for epoch in range(n_epochs):
        before = epoch * peer.n_batches
        count = min(peer.n_batches, math.ceil(stopping.patience) + 1 - before)
        peer.steps(count)
        iter = before + count - 1
        if count == peer.n_batches and stopping.update(iter, peer.n_errors(1) / n_valid):
            test_error = peer.n_errors(2) / n_test
            peer.save(output)
        if stopping.is_over(iter):
            break
    return epoch + 1, stopping.best_loss, test_error


def load(dataset, batch_size):
    """Read a data set as float32 and cut it to whole minibatches, as the tutorial counts.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
    """
    data = read_dataset(dataset)
    datasets = []
    for x, y in (data.train, data.valid, data.test):
        used = len(y) // batch_size * batch_size
        datasets.append((scaled(x[:used], "float32"), y[:used]))
    return datasets


def run(name, args):
    """Train peer `name` once; return what is to be reported."""
    peer = PEERS[name](
        load(args.dataset, args.batch_size), args.batch_size, DEFAULTS.learning_rate, args.device
    )
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "best_model")
        begin = time.perf_counter()
        if isinstance(peer, SklearnLBFGS):
            epochs, error, test_error = peer.train(args.target, args.n_epochs, output)
        else:
            epochs, error, test_error = train(peer, args.n_epochs, output)
        seconds = time.perf_counter() - begin
    return {
        "epochs": epochs,
        "seconds": seconds,
        "validation_error": error * 100,
        "test_error": test_error * 100,
    }


def best_time(function, repeats):
    """The shortest of several times of a call, in seconds."""
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        function()
        times.append(time.perf_counter() - begin)
    return min(times)


def limit(args):
    """Measure what bounds an epoch on this machine: reading the data once, or the products.

    Returns
    -------
    dict
        Bytes per second, flops per second, and of an epoch (training, validation and test set
        once each): bytes, flops and the seconds that the slower of the two takes.
    """
    datasets = load(args.dataset, args.batch_size)
    x = datasets[0][0]
    n_in, n_out = x.shape[1], int(datasets[0][1].max()) + 1
    n_train, n_valid, n_test = (len(y) for _, y in datasets)
    n_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    row, column = numpy.ones(len(x), "float32"), numpy.ones(n_in, "float32")
    parts = numpy.array_split(x, n_threads * PIECES)
    with ThreadPoolExecutor(n_threads) as pool:
        readers = [
            lambda: x @ column,
            lambda: row @ x,
            lambda: list(pool.map(numpy.max, parts)),
        ]
        bandwidth = x.nbytes / min(best_time(reader, 5) for reader in readers)
    side = min(3000, len(x))
    square = numpy.ones((side, side), "float32")
    rate = 2 * side**3 / best_time(lambda: square @ square, 3)
    n_bytes = 4 * n_in * (n_train + n_valid + n_test)
    flops = 2 * n_in * n_out * (2 * n_train + n_valid + n_test)
    return {
        "threads": n_threads,
        "bytes_per_second": bandwidth,
        "flops_per_second": rate,
        "bytes": n_bytes,
        "flops": flops,
        "seconds": max(n_bytes / bandwidth, flops / rate),
    }


def floor(args):
    """Measure what bounds an epoch on a device: reading the data once, or one step after another.

    Returns
    -------
    dict
        The device's name; bytes per second and the seconds between two dependent kernels; of an
        epoch on the training set: bytes, steps and the seconds that the slower of the two takes.
    """
    ((x, _), *_) = load(args.dataset, args.batch_size)
    n_values = 1 << (28 if args.device == "cuda" else 26)
    if importlib.util.find_spec("torch"):
        measured = _floor_of_torch(args.device, n_values)
    else:
        measured = _floor_of_jax(args.device, n_values)
    name, reading, chain = measured
    bandwidth, latency = 4 * n_values / reading, chain / CHAIN
    n_steps = len(x) // args.batch_size
    return {
        "device": name,
        "bytes_per_second": bandwidth,
        "latency": latency,
        "bytes": x.nbytes,
        "steps": n_steps,
        "seconds": max(x.nbytes / bandwidth, n_steps * latency),
    }


def _floor_of_torch(device, n_values):
    import torch

    large, small = torch.ones(n_values, device=device), torch.zeros(1, device=device)

    def chain():
        for _ in range(CHAIN):
            small.add_(1)
        small.item()

    chain()
    times = best_time(lambda: large.sum().item(), 10), best_time(chain, 5)
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    return (f"{name}, by PyTorch {torch.__version__}", *times)


def _floor_of_jax(device, n_values):
    import jax

    device = jax.devices(device)[0]
    large = jax.device_put(numpy.ones(n_values, "float32"), device)
    begin = jax.device_put(numpy.zeros(1, "float32"), device)
    total, more = jax.jit(jax.numpy.sum), jax.jit(lambda value: value + 1)

    def chain():
        value = begin
        for _ in range(CHAIN):
            value = more(value)
        value.block_until_ready()

    chain()
    total(large).block_until_ready()
    times = best_time(lambda: total(large).block_until_ready(), 10), best_time(chain, 5)
    return (f"{device.device_kind}, by JAX {jax.__version__}", *times)


MEASURES = {"limit": limit, "floor": floor}


def add_arguments(parser):
    """Give a parser the options of a training run."""
    add = parser.add_argument
    add("--dataset", metavar="PATH", default=DATASET, help="a file, folder or name")
    add("--n-epochs", metavar="N", type=int, default=DEFAULTS.n_epochs, help="at the most")
    add("--batch-size", metavar="N", type=int, default=DEFAULTS.batch_size, help="rows in one")


def main(argv=None):
    """Train or measure what is named, and print it as JSON."""
    parser = argparse.ArgumentParser(description="Train one peer of logreg once.")
    parser.add_argument("name", choices=[*PEERS, *MEASURES], help="which")
    add_arguments(parser)
    parser.add_argument("--device", metavar="NAME", default="cpu", help="cpu or cuda")
    parser.add_argument(
        "--target", metavar="X", type=float, default=0.0, help="validation error to stop L-BFGS at"
    )
    args = parser.parse_args(argv)
    measure = MEASURES.get(args.name)
    print(json.dumps(measure(args) if measure else run(args.name, args)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
