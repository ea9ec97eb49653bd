"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import numpy

UNWRITABLE = (
    "what is compiled cannot be kept ({}): set {}_FLAGS=base_compiledir=FOLDER, "
    "with a folder that can be written"
)
INSTALL_JAX = "pip install '.[cuda]'"


class Backend:
    """An engine whose data and parameters live where the engine itself puts them.

    :mod:`logreg.engine` describes the methods that it has functions for.

    Parameters
    ----------
    theano : module
        Theano or PyTensor.
    T : module
        `theano.tensor`, or what has its names.
    """

    NAME = ""
    DEVICES = "cpu, cuda, or cuda0, cuda1, ..."

    def __init__(self, theano, T):
        self.theano = theano
        self.T = T

    def on_device(self, name):
        """Return the back end for a device: this one, or another."""
        return self

    def release(self):
        """Undo what the back end changed for all that is compiled from now on."""

    def where(self):
        """The device, in words."""
        return "cpu"

    def describe(self):
        theano = self.theano
        return f"{self.NAME} {theano.__version__}, {theano.config.floatX}, {self.where()}"

    def require_memory(self, n_bytes):
        """The CPU's memory is the operating system's business."""

    def shared_data(self, array):
        return self.theano.shared(array, borrow=True)

    def value(self, variable):
        return variable.get_value(borrow=True)

    def set_value(self, variable, new):
        # The order of the memory decides how sums are rounded: a resumed run needs the same.
        copy = numpy.empty_like(self.value(variable))
        copy[...] = new
        variable.set_value(copy, borrow=True)

    def n_rows(self, variable):
        return variable.get_value(borrow=True).shape[0]

    def function(self, inputs, outputs):
        return self.theano.function(inputs, outputs)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        step = self._compile_on_rows(x, y, dataset, cost, updates)
        return TrainModel(lambda index: step(index * batch_size, (index + 1) * batch_size))

    def compile_error_rates(self, x, y, dataset, batch_size, errors):
        error_rate = self._compile_on_rows(x, y, dataset, errors)
        n_rows = self.n_rows(dataset[0])
        n_left = n_rows % batch_size
        starts = range(0, n_rows - n_left, batch_size)

        def error_rates():
            rates = [error_rate(start, start + batch_size) for start in starts]
            rest = error_rate(n_rows - n_left, n_rows) if n_left else 0.0
            return exact_error_rates(rates, batch_size), float(exact_error_rates(rest, n_left or 1))

        return error_rates

    def _compile_on_rows(self, x, y, dataset, output, updates=None):
        """Compile a function of the rows from `start` to `stop` of a set."""
        start, stop = self.T.lscalar("start"), self.T.lscalar("stop")
        givens = {variable: whole[start:stop] for variable, whole in zip((x, y), dataset)}
        function = self.theano.function([start, stop], output, updates=updates, givens=givens)
        function.trust_input = True  # it gets arrays of int64, and need not look
        return lambda *rows: function(*(numpy.asarray(row, dtype="int64") for row in rows))


class TrainModel:
    """Takes a step of descent when it is called, and keeps the cost.

    Parameters
    ----------
    step : callable
        ``step(index)`` takes the step on minibatch `index` and returns its cost.
    """

    def __init__(self, step):
        self._step = step
        self._costs = []

    def __call__(self, index):
        self._costs.append(self._step(index))

    def costs(self):
        """Return the costs of the steps since the last call, in their order."""
        costs, self._costs = self._costs, []
        return costs


def exact_error_rates(means, n):
    """Error rates over `n` rows as quotients of integers.

    An engine may round them to float32, as JAX does, or multiply by 1 / n, as Numba does. Either
    would decide ties otherwise. The number of errors is the nearest integer.

    Parameters
    ----------
    means : array_like of float
        Each the mean of `n` zeros and ones, rounded in some way.
    n : int

    Returns
    -------
    numpy.ndarray of float64

    Examples
    --------
    >>> exact_error_rates([numpy.float32(0.07)], 600).tolist()
    [0.07]
    """
    return numpy.rint(numpy.asarray(means, dtype="float64") * n) / n
