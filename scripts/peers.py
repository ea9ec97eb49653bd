"""What a user would pick instead of logreg, each as its own users write it.

    python scripts/peers.py numpy --dataset mnist.pkl.gz

trains once and prints the end of the tutorial's log; ``scripts/benchmark.py`` does that with each.
The data are those of :mod:`logreg.datasets`. A library is imported where its peer is made.
"""

import math
import sys
import timeit

import numpy
from benchmark import run_parser

from logreg.datasets.dataset import read_dataset
from logreg.early_stopping import EarlyStopping
from logreg.hyperparameters import DEFAULTS
from logreg.parts.preprocessing import PIXEL_SCALE, Preprocessing


class Peer:
    """Softmax regression by minibatch SGD, with the tutorial's early stopping.

    A subclass has four methods: `prepare()` makes the parameters, zeros, and whatever is made
    before the first step; `steps(count)` takes a step on each of the first `count` minibatches and
    returns their costs; `n_errors(split)` counts the misclassified rows of a set (1 for validation,
    2 for test); `parameters()` returns W and b as NumPy arrays.

    Parameters
    ----------
    datasets : list of (numpy.ndarray, numpy.ndarray)
        Training, validation and test set: x of shape (n, n_in), float32; y of shape (n,).
    batch_size : int
    rate : float
        The learning rate.
    device : {'cpu', 'cuda'}
        Where a peer that knows devices keeps the data.
    """

    def __init__(self, datasets, batch_size, rate, device="cpu"):
        self.datasets = list(datasets)
        self.batch_size = batch_size
        self.rate = rate
        self.device = device
        self.n_in = datasets[0][0].shape[1]
        self.n_out = int(datasets[0][1].max()) + 1
        self.sizes = [len(y) for _, y in datasets]
        self.n_batches = self.sizes[0] // batch_size
        self.prepare()

    def batch(self, i):
        """Minibatch `i` of the training set and its labels."""
        rows = slice(i * self.batch_size, (i + 1) * self.batch_size)
        return [whole[rows] for whole in self.datasets[0]]

    def error(self, split):
        """The fraction of a set's rows that are misclassified."""
        return self.n_errors(split) / self.sizes[split]

    def save(self, path):
        """Keep the parameters in a file."""
        W, b = self.parameters()
        with open(path, "wb") as file:
            numpy.savez(file, W=W, b=b)

    def train(self, n_epochs, output):
        """Train and keep the best model in a file.

        Returns
        -------
        epochs : int
            In how many the run ended.
        error, test_error : float
            Fractions of the best model's errors.
        """
        stopping = EarlyStopping()
        test_error = math.inf
        for epoch in range(n_epochs):
            before = epoch * self.n_batches
            count = min(self.n_batches, math.ceil(stopping.patience) + 1 - before)
            self.steps(count)
            iter = before + count - 1
            if count == self.n_batches and stopping.update(iter, self.error(1)):
                test_error = self.error(2)
                self.save(output)
            if stopping.is_over(iter):
                break
        return epoch + 1, stopping.best_value, test_error


class NumPy(Peer):
    """NumPy by hand."""

    def prepare(self):
        self.W = numpy.zeros((self.n_in, self.n_out), dtype="float32")
        self.b = numpy.zeros(self.n_out, dtype="float32")

    def steps(self, count):
        costs = []
        for i in range(count):
            x, y = self.batch(i)
            cost, p = self.descent(x, y)
            costs.append(cost)
            self.W -= x.T @ p
            self.b -= p.sum(axis=0)
        return costs

    def descent(self, x, y):
        """The cost, and its gradient by the scores of the rows, times the learning rate."""
        everyone = numpy.arange(self.batch_size)
        p = x @ self.W + self.b
        p -= p.max(axis=1, keepdims=True)
        numpy.exp(p, out=p)
        p /= p.sum(axis=1, keepdims=True)
        cost = -numpy.log(p[everyone, y]).mean()
        p[everyone, y] -= 1
        p *= self.rate / self.batch_size
        return cost, p

    def n_errors(self, split):
        x, y = self.datasets[split]
        return int(((x @ self.W + self.b).argmax(axis=1) != y).sum())

    def parameters(self):
        return self.W, self.b


class NumPyNet(NumPy):
    """The net of ``scripts/mlp.py`` by hand: a layer of 500 tanh units below the softmax."""

    def prepare(self):
        n_hidden = 500
        bound = math.sqrt(6 / (self.n_in + n_hidden))
        random = numpy.random.RandomState(1234)
        V = random.uniform(-bound, bound, (self.n_in, n_hidden))
        self.V = V.astype("float32")
        self.c = numpy.zeros(n_hidden, dtype="float32")
        self.W = numpy.zeros((n_hidden, self.n_out), dtype="float32")
        self.b = numpy.zeros(self.n_out, dtype="float32")

    def steps(self, count):
        costs = []
        for i in range(count):
            x, y = self.batch(i)
            h = numpy.tanh(x @ self.V + self.c)
            cost, p = self.descent(h, y)
            costs.append(cost)
            d = p @ self.W.T
            d *= 1 - h**2
            self.W -= h.T @ p
            self.b -= p.sum(axis=0)
            self.V -= x.T @ d
            self.c -= d.sum(axis=0)
        return costs

    def n_errors(self, split):
        x, y = self.datasets[split]
        scores = numpy.tanh(x @ self.V + self.c) @ self.W + self.b
        return int((scores.argmax(axis=1) != y).sum())

    def save(self, path):
        with open(path, "wb") as file:
            numpy.savez(file, V=self.V, c=self.c, W=self.W, b=self.b)


class JaxScan(Peer):
    """JAX with an epoch as one ``lax.scan``."""

    def prepare(self):
        import jax

        self.jax = jax
        self.jnp = jax.numpy
        device = jax.devices(self.device)[0]
        zeros = [numpy.zeros(n, "float32") for n in ((self.n_in, self.n_out), self.n_out)]
        self.params = jax.device_put(tuple(zeros), device)
        batches = zip(*map(self.batch, range(self.n_batches)))
        self.batches = [jax.device_put(numpy.stack(arrays), device) for arrays in batches]
        self.datasets = jax.device_put([None, *self.datasets[1:]], device)
        self._steps = jax.jit(self.take)
        self._errors = jax.jit(self.errors)
        # Compiled before the first step, as logreg does.
        jax.block_until_ready(self._steps(self.params, self.batches, 0))
        for split in (1, 2):
            self.n_errors(split)

    def cost(self, params, x, y):
        """The mean negative log likelihood."""
        W, b = params
        log_p = self.jax.nn.log_softmax(x @ W + b)
        return -self.jnp.take_along_axis(log_p, y[:, None], axis=1).mean()

    def descend(self, params, x, y, rate):
        """A step of descent: the new parameters, and the cost before."""
        cost, gradient = self.jax.value_and_grad(self.cost)(params, x, y)
        return self.jax.tree.map(lambda p, g: p - rate * g, params, gradient), cost

    def take(self, params, batches, count):
        """The steps on all minibatches; those after the first `count` change nothing."""

        def step(params, of_step):
            i, x, y = of_step
            return self.descend(params, x, y, self.jnp.where(i < count, self.rate, 0.0))

        numbers = self.jnp.arange(self.n_batches)
        return self.jax.lax.scan(step, params, (numbers, *batches))

    def errors(self, params, dataset):
        """The number of errors, as an expression."""
        (W, b), (x, y) = params, dataset
        return (self.jnp.argmax(x @ W + b, axis=1) != y).sum()

    def steps(self, count):
        self.params, costs = self._steps(self.params, self.batches, count)
        return self.jax.device_get(costs)[:count]

    def n_errors(self, split):
        return int(self._errors(self.params, self.datasets[split]))

    def parameters(self):
        return self.jax.device_get(self.params)


PEERS = {"numpy": NumPy, "numpy-net": NumPyNet, "jax-scan": JaxScan}


def stored(args):
    """Read a data set as it is stored, cut to whole minibatches as the tutorial counts."""
    data = read_dataset(args.dataset)
    size = args.batch_size
    used = [(x, y, len(y) // size * size) for x, y in (data.train, data.valid, data.test)]
    return [(x[:n], y[:n]) for x, y, n in used]


def main(argv=None):
    """Train a peer once and print what came of it, as the tutorial prints it."""
    parser = run_parser("Train one peer of logreg once.")
    parser.add_argument("name", choices=PEERS, help="which")
    parser.add_argument("--output", metavar="FILE", default="best_peer.npz", help="the best model")
    args = parser.parse_args(argv)
    device = args.device.replace("jax:", "")  # as logreg calls JAX's CPU
    pixels = Preprocessing(PIXEL_SCALE)
    datasets = [(pixels.apply(x, "float32"), y) for x, y in stored(args)]
    peer = PEERS[args.name](datasets, args.batch_size, DEFAULTS.learning_rate, device)
    begin = timeit.default_timer()
    epochs, error, test_error = peer.train(args.n_epochs, args.output)
    rate = epochs / (timeit.default_timer() - begin)
    score = "best validation score of %f %%, with test performance %f %%"
    print(f"Optimization complete with {score}" % (error * 100.0, test_error * 100.0))
    print("The code run for %d epochs, with %f epochs/sec" % (epochs, rate))


if __name__ == "__main__":
    sys.exit(main())
