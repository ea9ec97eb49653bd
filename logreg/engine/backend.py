"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import configparser
import os
import shlex

import numpy

UNWRITABLE = (
    "what is compiled cannot be kept ({}): set {}_FLAGS=base_compiledir=FOLDER, "
    "with a folder that can be written"
)


class Backend:
    """An engine on the CPU; :mod:`logreg.engine` says what its methods do.

    `theano` is the module Theano or PyTensor, `T` is ``theano.tensor`` or what has its names.
    """

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

    def function(self, inputs, outputs):
        return self.theano.function(inputs, outputs)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        step = self._compile_on_rows(x, y, dataset, cost, updates)
        return TrainModel(lambda index: step(index * batch_size, (index + 1) * batch_size))

    def compile_error_rates(self, x, y, dataset, batch_size, errors):
        error_rate = self._compile_on_rows(x, y, dataset, errors)
        n = n_rows(dataset[0])
        n_whole = n - n % batch_size

        def error_rates():
            starts = range(0, n_whole, batch_size)
            rates = [error_rate(start, start + batch_size) for start in starts]
            return rates, error_rate(n_whole, n) if n_whole < n else 0.0

        return error_rates

    def _compile_on_rows(self, x, y, dataset, output, updates=None):
        """Compile a function of the rows from `start` to `stop` of a set."""
        start, stop = self.T.lscalar("start"), self.T.lscalar("stop")
        givens = {variable: whole[start:stop] for variable, whole in zip((x, y), dataset)}
        function = self.theano.function([start, stop], output, updates=updates, givens=givens)
        function.trust_input = True  # it gets arrays of int64, and need not look
        return lambda *rows: function(*(numpy.asarray(row, dtype="int64") for row in rows))


class TrainModel:
    """Takes a step of descent when it is called, and keeps its cost, which `step` returns."""

    def __init__(self, step):
        self._step = step
        self._costs = []

    def __call__(self, index):
        self._costs.append(self._step(index))

    def costs(self):
        """Return the costs of the steps since the last call, in their order."""
        costs, self._costs = self._costs, []
        return costs


def n_rows(variable):
    """How many rows the value of a shared variable has."""
    return variable.get_value(borrow=True).shape[0]


def user_setting(engine, option):
    """Find what the user set for an option in an engine's flags or rc files; None if nothing.

    Both engines read the same syntax. It is read here as well because some options must be set
    before the import, and because neither engine tells a default from a user's setting.
    """
    flags = shlex.shlex(os.environ.get(f"{engine.upper()}_FLAGS", ""), posix=True)
    flags.whitespace, flags.whitespace_split = ",", True
    settings = dict(flag.strip().partition("=")[::2] for flag in flags)
    if option in settings:
        return settings[option]
    rc = configparser.RawConfigParser()
    files = os.environ.get(f"{engine.upper()}RC", f"~/.{engine}rc").split(os.pathsep)
    rc.read([os.path.expanduser(file) for file in files])
    section, _, name = option.rpartition(".")
    return rc.get(section or "global", name, fallback=None)
