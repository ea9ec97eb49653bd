"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import configparser
import os
import shlex
import time
from typing import Callable, NamedTuple, Optional

import numpy

from logreg.engine.kernel_graph import Kernel
from logreg.kernel import classes, cross_entropy, descend, is_wanted

ROWS_AT_A_TIME = 1 << 14  # about as many are classified in one call, of fewer features than ...
SECONDS = 0.1  # that a block of steps takes at the most: a signal waits for it
VALUES_AT_A_TIME = 1 << 23  # ... make this: they may have to be cast first


class Stored(NamedTuple):
    """A set's features as they are stored: a shared variable, and what they are multiplied by."""

    shared: object
    scale: float = 1.0
    n_rows: Optional[int] = None  # of the whole set, where the variable has a rank's share of it
    prepare: Optional[Callable] = None  # (rows, dtype) -> rows as a model takes them

    def rows(self, start, stop, dtype):
        """Rows as they are stored; where they have to be prepared, as a model takes them."""
        rows = self.shared.get_value(borrow=True)[start:stop]
        return self.prepare(rows, dtype) if self.prepare else rows


class Backend:
    """An engine on the CPU; :mod:`logreg.engine` says what its methods do.

    `theano` is the module Theano or PyTensor, `T` is ``theano.tensor`` or what has its names, and
    `tools` is what the kernel needs of the engine's internals, if these have it.
    """

    def __init__(self, theano, T, tools=None):
        self.theano = theano
        self.T = T
        self.kernel = Kernel(T, tools) if tools and is_wanted() else None
        self.queued = None  # the TrainModel that has noted steps and not taken them

    def on_device(self, name):
        """Return the back end for a device: this one, or another."""
        return self

    def release(self):
        """Undo what the back end changed for all that is compiled from now on."""
        self.flush()

    def flush(self):
        """Take the steps that are noted."""
        if self.queued is not None:
            self.queued.flush()

    def where(self):
        """The device, in words."""
        return "cpu"

    def shared_data(self, array):
        return self.theano.shared(array, borrow=True)

    def stored(self, array, scale, n_rows, prepare):
        return Stored(self.shared_data(array), 1.0 if prepare else scale, n_rows, prepare)

    def value(self, variable):
        self.flush()
        if hasattr(variable, "get_value"):
            return variable.get_value(borrow=True)
        return self.theano.function([], variable, mode="FAST_COMPILE")()

    def set_value(self, variable, new):
        # The order of the memory decides how sums are rounded: a resumed run needs the same.
        copy = numpy.empty_like(self.value(variable))
        copy[...] = new
        variable.set_value(copy, borrow=True)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        found = self.kernel and self.kernel.descent(cost, updates, x, y)
        if not found:
            on_rows = self._function_of_rows(x, y, dataset, [cost], updates)

            def take_one(indices):
                return on_rows(indices[0] * batch_size, (indices[0] + 1) * batch_size)

            return TrainModel(self, take_one)
        *params, weights, rate = found
        (features, _), labels = dataset, self._labels(dataset)
        # Rows that become floats first do so a minibatch at a time.
        are_taken = not features.prepare and features.shared.dtype in ("uint8", x.dtype)

        def take(indices):
            new, all_labels = [v.get_value(borrow=True) for v in params], labels()
            starts, costs = [index * batch_size for index in indices], []
            blocks = [(0, len(all_labels), starts)]
            if not are_taken:
                blocks = [(start, start + batch_size, [0]) for start in starts]
            for first, last, firsts in blocks:
                rows, y = features.rows(first, last, x.dtype), all_labels[first:last]
                data = rows, features.scale, *new, y
                some, *new = descend(*data, firsts, batch_size, rate, weights)
                costs.extend(some)
            for variable, value in zip(params, new):
                variable.set_value(value, borrow=True)
            return costs

        return TrainModel(self, take, block, SECONDS)

    def _labels(self, dataset):
        """A function of a set's labels."""
        labels = dataset[1]
        if hasattr(labels, "get_value"):
            return lambda: labels.get_value(borrow=True)
        return self.kernel.function([], labels)

    def compile_sums(self, x, y, dataset, edges, mean):
        found = self.kernel and self.kernel.classifier(mean, x, y)
        if not found:
            on_rows = self._function_of_rows(x, y, dataset, [mean])
            return lambda: [float(on_rows(a, b)[0]) * (b - a) for a, b in zip(edges, edges[1:])]
        (features, _), labels = dataset, self._labels(dataset)
        n_in = features.shared.get_value(borrow=True).shape[1]
        at_a_time = max(1, min(ROWS_AT_A_TIME, VALUES_AT_A_TIME // n_in))

        def counts():
            W, b = map(self.value, found)
            parts = []
            for start in range(0, edges[-1], at_a_time):
                rows = features.rows(start, min(start + at_a_time, edges[-1]), x.dtype)
                parts.append(classes(rows, features.scale, W, b))
            is_wrong = numpy.concatenate(parts) != labels()[: edges[-1]]
            return numpy.add.reduceat(is_wrong, edges[:-1], dtype="int64")

        return counts

    def _function_of_rows(self, x, y, dataset, outputs, updates=()):
        """Compile a function of the rows from `start` to `stop` of a set, which lists outputs."""
        features, labels = dataset
        # Numba keeps all graphs that it compiles: with an input for the rows, it keeps no data.
        rows = (x if features.prepare else features.shared).type("rows")
        start, stop = self.T.lscalar("start"), self.T.lscalar("stop")
        givens = {y: labels[start:stop]}
        variables, n_outputs = [variable for variable, _ in updates], len(outputs)
        outputs = [*outputs, *(new for _, new in updates)]
        with_kernel = self.kernel and self.kernel.put_into(outputs, x, y, rows, features.scale)
        if not with_kernel:
            givens[x] = as_features(self.T, rows, x.dtype, features.scale)
        outputs = with_kernel or outputs
        outputs, updates = outputs[:n_outputs], list(zip(variables, outputs[n_outputs:]))
        compile_function = self.kernel.function if with_kernel else self.theano.function
        inputs = [start, stop, rows]
        function = compile_function(inputs, outputs, updates=updates, givens=givens)
        function.trust_input = True  # it gets arrays of int64, and need not look

        def on_rows(start, stop):
            edges = numpy.array(start, "int64"), numpy.array(stop, "int64")
            return function(*edges, features.rows(start, stop, x.dtype))

        on_rows.has_kernel = bool(with_kernel)
        if not with_kernel:
            self._warm_up(lambda: on_rows(0, 1), variables)
        return on_rows

    def compile_in_two(self, x, y, dataset, cost, gradients, updates):
        """Compile a step in two functions, between which ranks sum.

        The first gives cost and gradients over the rows from `start` to `stop` of a set; the second
        takes the gradients and updates the variables.
        """
        found = self.kernel and self.kernel.descent(cost, updates, x, y)
        if found:
            return self._descent_in_two(found, dataset, x.dtype, gradients)
        of_rows = self._function_of_rows(x, y, dataset, [cost, *gradients])
        compile_function = self.kernel.function if of_rows.has_kernel else self.theano.function
        sums = [gradient.type() for gradient in gradients]
        apply = compile_function(sums, [], updates=updates, givens=dict(zip(gradients, sums)))
        apply.trust_input = True
        return of_rows, apply

    def _descent_in_two(self, found, dataset, dtype, gradients):
        """The same by the kernel: an engine's interpreter would take a quarter of the time."""
        W, b, weights, rate = found
        (features, _), labels = dataset, self._labels(dataset)
        params = [gradient.tag.gradient_of[1] for gradient in gradients]

        def of_rows(start, stop):
            values = W.get_value(borrow=True), b.get_value(borrow=True)
            rows, y = features.rows(start, stop, dtype), labels()[start:stop]
            cost, dW, db = cross_entropy(rows, features.scale, *values, y, weights)
            return [cost, *(dW if param is W else db for param in params)]

        def apply(*values):
            for param, value in zip(params, values):
                # Not in place: the array may be the user's, or kept by a callback.
                param.set_value(param.get_value(borrow=True) - rate * value, borrow=True)

        return of_rows, apply

    def _warm_up(self, call, variables):
        """Let an engine that compiles at the first call do it; what that changes is set back."""


class TrainModel:
    """Notes the steps that are asked for, and takes up to `block` of them in one call.

    ``take(indices)`` takes the steps on these minibatches, and returns an array that begins with
    their costs. A block is cut to what took `seconds`, by the steps before, if these are given.
    """

    def __init__(self, backend, take, block=1, seconds=None):
        self._backend, self._take, self._block, self._seconds = backend, take, block, seconds
        self._limit = 1 if seconds else block
        self._queue = []
        self._taken = []  # pairs of what `take` returned, and how many costs that are

    def __call__(self, index):
        if self._backend.queued is not self:
            self._backend.flush()  # another function's steps come first
            self._backend.queued = self
        self._queue.append(index)
        if len(self._queue) >= self._limit:
            self.flush()

    def flush(self):
        """Take the steps that are noted, and no others."""
        if self._queue:
            queue, self._queue, self._backend.queued = self._queue, [], None
            began = time.perf_counter()
            self._taken.append((self._take(queue), len(queue)))
            if self._seconds:
                most = len(queue) * self._seconds / max(time.perf_counter() - began, 1e-9)
                self._limit = max(1, min(self._block, int(most)))

    def costs(self):
        """Return the costs of the steps since the last call, in their order."""
        self.flush()
        taken, self._taken = self._taken, []
        return [cost for costs, n in taken for cost in numpy.asarray(costs)[:n]]


def as_stored(features):
    """What is given as a set's features: :class:`Stored`, or a shared variable as it is."""
    return features if isinstance(features, Stored) else Stored(features)


def as_features(T, rows, dtype, scale):
    """Rows of a set's shared variable as numbers of `dtype`, multiplied by `scale`."""
    rows = rows if rows.dtype == dtype else T.cast(rows, dtype)
    return rows if scale == 1 else rows * numpy.asarray(scale, dtype)


def n_rows(features):
    """How many rows a set has, on all ranks together."""
    return as_stored(features).n_rows or n_rows_here(features)


def n_rows_here(features):
    """How many rows of a set this process has."""
    return as_stored(features).shared.get_value(borrow=True).shape[0]


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
