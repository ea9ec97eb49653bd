"""What the back ends share: how the tutorial compiles a model and keeps its data."""

import configparser
import os
import shlex
import time
from typing import Callable, NamedTuple, Optional

import numpy

from logreg.console import note
from logreg.engine.kernel_graph import Kernel, ancestors
from logreg.engine.kernel_steps import Descent, Errors, labels_of
from logreg.engine.steps import TrainModel
from logreg.errors import SettingError
from logreg.kernel import is_off, is_wanted


class Stored(NamedTuple):
    """A set's features as they are stored: a shared variable, and what they are multiplied by."""

    shared: object
    scale: float = 1.0
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
        self.tools = tools
        self.kernel = Kernel(T, tools) if tools and is_wanted() else None
        self._has_noted = False  # that there is no kernel

    def on_device(self, name):
        """Return the back end for a device: this one, or another."""
        return self

    def release(self):
        """Undo what the back end changed for all that is compiled from now on."""

    def where(self):
        """The device, in words."""
        return "cpu"

    def shared_data(self, array):
        return self.theano.shared(array, borrow=True)

    def stored(self, array, scale, prepare):
        return Stored(self.shared_data(array), 1.0 if prepare else scale, prepare)

    def value(self, variable):
        if hasattr(variable, "get_value"):
            return variable.get_value(borrow=True)
        return (self.tools or self.theano).function([], variable)()

    def set_value(self, variable, new):
        # The order of the memory decides how sums are rounded: a resumed run needs the same.
        copy = numpy.empty_like(self.value(variable))
        copy[...] = new
        variable.set_value(copy, borrow=True)

    def compile_step(self, x, y, dataset, batch_size, cost, updates, block):
        parts = self.kernel and self.kernel.descent(cost, updates, x, y)
        if parts:
            descent = self._descent(parts, dataset, x.dtype, batch_size)
            return TrainModel(descent, block, time.perf_counter)
        of_cost = ancestors([cost])
        self._note_without_kernel(of_cost, x, y)
        params = [variable for variable, _ in updates if variable in of_cost]
        on_rows = self._function_of_rows(x, y, dataset, [cost], updates, params)

        def take_one(indices):
            return on_rows(indices[0] * batch_size, (indices[0] + 1) * batch_size)

        return TrainModel(take_one)

    def _note_without_kernel(self, variables, x, y):
        if self.kernel or is_off() or not self.tools or self._has_noted:
            return
        if Kernel(self.T, self.tools).regressions(variables, x, y):
            self._has_noted = True
            note(
                "note: no C compiler built the native kernel: softmax regression takes about four "
                "times as long; install gcc or clang, and logreg again"
            )

    def _descent(self, parts, dataset, dtype, batch_size=0):
        W, b, weights, rate = parts
        features, labels = dataset
        labels = labels_of(labels, self.kernel.function)
        return Descent([W, b], weights, rate, features, labels, dtype, batch_size)

    def compile_sums(self, x, y, dataset, edges, mean):
        params = self.kernel and self.kernel.classifier(mean, x, y)
        if not params:
            on_rows = self._function_of_rows(x, y, dataset, [mean])
            return lambda: [float(on_rows(a, b)[0]) * (b - a) for a, b in zip(edges, edges[1:])]
        features, labels = dataset
        labels = labels_of(labels, self.kernel.function)
        return Errors(params, features, labels, x.dtype, edges)

    def _function_of_rows(self, x, y, dataset, outputs, updates=(), params=()):
        """Compile a function of the rows from `start` to `stop` of a set, which lists outputs.

        The others may be made of the gradients of the first, a cost, by `params`.
        """
        variables, n_outputs = [variable for variable, _ in updates], len(outputs)
        outputs = [*outputs, *(new for _, new in updates)]
        with_kernel = self.kernel and self.kernel.put_into(outputs, params, x, y)
        if with_kernel:
            outputs, inputs, regressions = with_kernel
            updates = list(zip(variables, outputs[n_outputs:]))
            options = {"updates": updates, "on_unused_input": "ignore"}
            function = self.kernel.function(inputs, outputs[:n_outputs], **options)
            descents = [self._descent((*of, 0), dataset, x.dtype) for of in regressions]

            def on_rows(start, stop):
                values = [v for descent in descents for v in descent.of_rows(start, stop)]
                return function(*map(numpy.asarray, values))
        else:
            features, labels = dataset
            # Numba keeps all graphs that it compiles: with an input for the rows, it keeps no data.
            rows = (x if features.prepare else features.shared).type("rows")
            start, stop = self.T.lscalar("start"), self.T.lscalar("stop")
            as_x = as_features(self.T, rows, x.dtype, features.scale)
            options = {"updates": updates, "givens": {x: as_x, y: labels[start:stop]}}
            function = self.theano.function([start, stop, rows], outputs[:n_outputs], **options)

            def on_rows(start, stop):
                edges = numpy.array(start, "int64"), numpy.array(stop, "int64")
                return function(*edges, features.rows(start, stop, x.dtype))

        on_rows.has_kernel = bool(with_kernel)
        function.trust_input = True  # it gets arrays as they are, and need not look
        if not with_kernel:
            # Two rows: for the product of one, Numba calls, and compiles, another function of BLAS.
            self._warm_up(lambda: on_rows(0, 2), variables)
        return on_rows

    def compile_in_two(self, x, y, dataset, cost, gradients, updates):
        """Compile a step in two functions, between which ranks sum.

        The first gives cost and gradients over the rows from `start` to `stop` of a set; the second
        takes the gradients and updates the variables. `gradients` is a dict of each to its
        parameter.
        """
        parts = self.kernel and self.kernel.descent(cost, updates, x, y)
        if parts:
            return self._descent_in_two(parts, dataset, x.dtype, list(gradients.values()))
        params = list(dict.fromkeys(gradients.values()))
        of_rows = self._function_of_rows(x, y, dataset, [cost, *gradients], params=params)
        compile_function = self.kernel.function if of_rows.has_kernel else self.theano.function
        sums = [gradient.type() for gradient in gradients]
        apply = compile_function(sums, [], updates=updates, givens=dict(zip(gradients, sums)))
        apply.trust_input = True
        return of_rows, apply

    def _descent_in_two(self, parts, dataset, dtype, params):
        """The same by the kernel: an engine's interpreter would take a quarter of the time."""
        descent = self._descent(parts, dataset, dtype)

        def of_rows(start, stop):
            cost, *both = descent.of_rows(start, stop)
            return [cost, *(both[descent.params.index(param)] for param in params)]

        def apply(*values):
            for param, value in zip(params, values):
                # Not in place: the array may be the user's, or kept by a callback.
                new = param.get_value(borrow=True) - descent.rate * value
                param.set_value(new, borrow=True)

        return of_rows, apply

    def _warm_up(self, call, variables):
        """Let an engine that compiles at the first call do it; what that changes is set back."""


def as_stored(features):
    """What is given as a set's features: :class:`Stored`, or a shared variable as it is."""
    return features if isinstance(features, Stored) else Stored(features)


def as_features(T, rows, dtype, scale):
    """Rows of a set's shared variable as numbers of `dtype`, multiplied by `scale`."""
    rows = rows if rows.dtype == dtype else T.cast(rows, dtype)
    return rows if scale == 1 else rows * numpy.asarray(scale, dtype)


def n_rows(features):
    """How many rows a set has."""
    return as_stored(features).shared.get_value(borrow=True).shape[0]


def user_setting(engine, option):
    """Find what the user set for an option in an engine's flags or rc files; None if nothing.

    Both engines read the same syntax. It is read here as well because some options must be set
    before the import, and because neither engine tells a default from a user's setting.
    """
    name = f"{engine.upper()}_FLAGS"
    flags = shlex.shlex(os.environ.get(name, ""), posix=True)
    flags.whitespace, flags.whitespace_split = ",", True
    try:
        settings = dict(flag.strip().partition("=")[::2] for flag in flags)
    except ValueError as error:
        raise SettingError(f"{name} is {os.environ[name]!r}: {error}; close the quotes") from None
    if option in settings:
        return settings[option]
    rc = configparser.RawConfigParser()
    files = os.environ.get(f"{engine.upper()}RC", f"~/.{engine}rc").split(os.pathsep)
    rc.read([os.path.expanduser(file) for file in files])
    section, _, name = option.rpartition(".")
    return rc.get(section or "global", name, fallback=None)
