"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import configparser
import os
import shlex
from typing import Callable, NamedTuple, Optional

import numpy

from logreg.engine.kernel_graph import make_kernel
from logreg.kernel import n_cores

ROWS_AT_A_TIME = 1 << 14  # about as many are classified in one call, of fewer features than ...
VALUES_AT_A_TIME = 1 << 23  # ... make this: they may have to be cast first


class Stored(NamedTuple):
    """A set's features as they are stored: a shared variable, and what they are multiplied by."""

    shared: object
    scale: float = 1.0
    n_rows: Optional[int] = None  # of the whole set, where the variable has a rank's share of it
    prepare: Optional[Callable] = None  # (rows, dtype) -> rows as a model takes them


class Backend:
    """An engine on the CPU; :mod:`logreg.engine` says what its methods do.

    `theano` is the module Theano or PyTensor, `T` is ``theano.tensor`` or what has its names, and
    `tools` is what the kernel needs of the engine's internals, if these have it.
    """

    def __init__(self, theano, T, tools=None):
        self.theano = theano
        self.T = T
        self.kernel = make_kernel(T, tools)

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

    def stored(self, array, *how):
        return Stored(self.shared_data(array), *how)

    def value(self, variable):
        return variable.get_value(borrow=True)

    def set_value(self, variable, new):
        # The order of the memory decides how sums are rounded: a resumed run needs the same.
        copy = numpy.empty_like(self.value(variable))
        copy[...] = new
        variable.set_value(copy, borrow=True)

    def function(self, inputs, outputs):
        is_list = isinstance(outputs, (list, tuple))
        with_kernel = self.kernel and self.kernel.put_into(outputs if is_list else [outputs])
        if with_kernel:
            return self.kernel.function(inputs, with_kernel if is_list else with_kernel[0])
        return self._function(inputs, outputs)

    def _function(self, inputs, outputs):
        return self.theano.function(inputs, outputs)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        on_rows = self._function_of_rows(x, y, dataset, [cost], updates)

        def step(index):
            return on_rows(index * batch_size, (index + 1) * batch_size)[0]

        return TrainModel(step, None if on_rows.has_kernel else n_blas_threads())

    def compile_error_counts(self, x, y, dataset, edges, errors):
        # The kernel tells which rows are misclassified, of as many as are asked for.
        wrong = self.kernel.under_mean(errors) if self.kernel else None
        if wrong is None:
            return self.compile_sums(x, y, dataset, edges, errors)
        on_rows = self._function_of_rows(x, y, dataset, [wrong])
        n_in = as_stored(dataset[0])[0].get_value(borrow=True).shape[1]
        at_a_time = max(1, min(ROWS_AT_A_TIME, VALUES_AT_A_TIME // n_in))

        def counts():
            starts = range(0, edges[-1], at_a_time)
            is_wrong = [on_rows(i, min(i + at_a_time, edges[-1]))[0] for i in starts]
            return numpy.add.reduceat(numpy.hstack(is_wrong), edges[:-1], dtype="int64")

        return counts

    def compile_sums(self, x, y, dataset, edges, mean):
        on_rows = self._function_of_rows(x, y, dataset, [mean])
        return lambda: [float(on_rows(a, b)[0]) * (b - a) for a, b in zip(edges, edges[1:])]

    def _function_of_rows(self, x, y, dataset, outputs, updates=()):
        """Compile a function of the rows from `start` to `stop` of a set, which lists outputs."""
        start, stop = self.T.lscalar("start"), self.T.lscalar("stop")
        shared, scale = as_stored(dataset[0])
        prepare = getattr(dataset[0], "prepare", None)
        inputs, givens = [start, stop], {y: dataset[1][start:stop]}
        variables, n_outputs = [variable for variable, _ in updates], len(outputs)
        outputs = [*outputs, *(new for _, new in updates)]
        with_kernel = self.kernel and self.kernel.put_into(outputs)
        outputs = with_kernel or outputs
        if prepare:
            inputs.append(x.type("features"))
            givens[x] = inputs[-1]
        elif with_kernel:
            outputs = self.kernel.on_rows(outputs, x, y, shared, scale, dataset[1], start, stop)
        else:
            # Numba keeps all graphs that it compiles: with an input for them, it keeps no data.
            inputs.append(shared.type("features"))
            givens[x] = as_features(self.T, inputs[-1][start:stop], x.dtype, scale)
        outputs, updates = outputs[:n_outputs], list(zip(variables, outputs[n_outputs:]))
        if with_kernel:
            outputs, updates = self.kernel.put_into_steps(outputs, updates)
        compile_function = self.kernel.function if with_kernel else self.theano.function
        function = compile_function(inputs, outputs, updates=updates, givens=givens)
        function.trust_input = True  # it gets arrays of int64, and need not look

        def on_rows(*edges):
            given = [numpy.asarray(edge, dtype="int64") for edge in edges]
            if prepare:
                rows = shared.get_value(borrow=True)[slice(*edges)]
                given.append(prepare(rows, x.dtype))
            elif not with_kernel:
                given.append(shared.get_value(borrow=True, return_internal_type=True))
            return function(*given)

        on_rows.has_kernel = bool(with_kernel)
        if not with_kernel:
            self._warm_up(lambda: on_rows(0, 1), variables)
        return on_rows

    def compile_in_two(self, x, y, dataset, cost, gradients, updates, n_rows):
        """Compile a step in two functions, between which ranks sum.

        The first gives cost and gradients over the rows from `start` to `stop` of a set, which are
        `n_rows`; the second takes the gradients and updates the variables.
        """
        of_rows = self._function_of_rows(x, y, dataset, [cost, *gradients])
        compile_function = self.theano.function
        if of_rows.has_kernel:
            apply = self.kernel.descent(gradients, updates)
            if apply:
                return of_rows, apply
            compile_function = self.kernel.function
            _, updates = self.kernel.put_into_steps([], updates)
        sums = [gradient.type() for gradient in gradients]
        givens = dict(zip(gradients, sums))
        apply = compile_function(sums, [], updates=updates, givens=givens)
        apply.trust_input = True
        if not of_rows.has_kernel:
            params = [gradient.tag.gradient_of[1] for gradient in gradients]
            zeros = [numpy.zeros_like(param.get_value(borrow=True)) for param in params]
            self._warm_up(lambda: apply(*zeros), [variable for variable, _ in updates])
        return of_rows, apply

    def _warm_up(self, call, variables):
        """Let an engine that compiles at the first call do it; what that changes is set back."""


class TrainModel:
    """Takes a step of descent when it is called, and keeps its cost, which `step` returns.

    `n_threads` is how many threads share a sum, where that decides how the sum is rounded.
    """

    def __init__(self, step, n_threads):
        self.n_threads = n_threads
        self._step = step
        self._costs = []

    def __call__(self, index):
        self._costs.append(self._step(index))

    def costs(self):
        """Return the costs of the steps since the last call, in their order."""
        costs, self._costs = self._costs, []
        return costs


def as_stored(features):
    """The shared variable of a set's features, and what its values are multiplied by."""
    return features[:2] if isinstance(features, Stored) else (features, 1.0)


def as_features(T, rows, dtype, scale):
    """Rows of a set's shared variable as numbers of `dtype`, multiplied by `scale`."""
    rows = rows if rows.dtype == dtype else T.cast(rows, dtype)
    return rows if scale == 1 else rows * numpy.asarray(scale, dtype)


def n_rows(features):
    """How many rows a set has, on all ranks together."""
    return getattr(features, "n_rows", None) or n_rows_here(features)


def n_rows_here(features):
    """How many rows of a set this process has."""
    return as_stored(features)[0].get_value(borrow=True).shape[0]


def n_blas_threads():
    """Threads that BLAS takes for matrix products, as far as the environment tells."""
    names = (os.environ.get(f"{name}_NUM_THREADS", "") for name in ("OPENBLAS", "MKL", "OMP"))
    return next((int(n) for n in names if n.isdigit() and int(n)), n_cores())


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
