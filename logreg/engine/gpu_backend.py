"""Data and parameters in the memory of a device, through PyTensor's JAX backend.

That backend has three peculiarities. A shared variable that is not updated stays a NumPy array and
crosses the bus at every call, unless a JAX array is put into its container. PyTensor's slices need
bounds that are known when JAX compiles. And a function's inputs are NumPy arrays, so the indices of
minibatches are in shared variables, too.
"""

import contextlib
import os
import re
import warnings

import jax
import numpy
from pytensor.graph.replace import graph_replace

from logreg.basics.errors import EngineError, install_command
from logreg.engine.backend import Backend, as_floats
from logreg.engine.kernel_graph import ancestors
from logreg.engine.sets import Features

PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"  # JAX reads it


class JaxBackend(Backend):
    """PyTensor on a device that JAX sees: ``'cuda'``, ``'cuda0'``, ..., or ``'jax:cpu'``."""

    def __init__(self, pytensor, T, name):
        super().__init__(pytensor, T)  # without a matcher: the kernel is the CPU's
        self.device = name
        self._jax_device = _find_device(name)
        settings = {
            "jax_enable_x64": pytensor.config.floatX == "float64",
            "jax_default_device": self._jax_device,
            # By default, JAX rounds the factors of float32 products to TF32 on a GPU.
            "jax_default_matmul_precision": "highest",
        }
        self._settings_before = {name: getattr(jax.config, name) for name in settings}
        _configure(settings)
        # PyTensor leaves assertions on shapes to JAX, and asks it for 64-bit types that are off.
        warnings.filterwarnings("ignore", message="Skipping Assert|Explicitly requested dtype")
        self._mode_before = pytensor.config.mode
        pytensor.config.mode = "JAX"

    def release(self):
        self.theano.config.mode = self._mode_before
        _configure(self._settings_before)

    def where(self):
        device = self._jax_device
        words = f"JAX {jax.__version__} on {device.platform}:{device.id} ({device.device_kind})"
        if device.platform == "gpu" and PREALLOCATE not in os.environ:
            words += f"; JAX takes 75 % of its memory, unless {PREALLOCATE}=false"
        return words

    def shared_data(self, array):
        shared = self.theano.shared(array, borrow=True, shape=array.shape)
        self._place(shared, array)
        return shared

    def stored(self, array, scale, prepare, is_mapped):
        if prepare:
            array = prepare(array, self.theano.config.floatX)
            scale = 1.0
        return Features(self.shared_data(array), scale)

    def value(self, variable):
        if hasattr(variable, "get_value"):
            return numpy.asarray(jax.device_get(variable.container.storage[0]))
        return numpy.asarray(self.theano.function([], variable)())

    def set_value(self, variable, new):
        self._place(variable, numpy.array(new, variable.dtype))

    def compile_step(self, expressions, row_set, batch_size, n_at_once):
        cost = expressions.cost
        T = self.T
        first_index = self.theano.shared(numpy.int64(0))
        last_index = self.theano.shared(numpy.int64(-1))
        variables, new_values = zip(*expressions.updates)
        self._refuse_random_numbers([cost, *new_values])

        def step(k, *state):
            # JAX takes `n_at_once` steps at each call. Those after the last index repeat its
            # minibatch, and change nothing.
            index = first_index + k
            start = T.minimum(index, last_index) * batch_size
            replacements = self._rows(expressions.minibatch, row_set, start, batch_size)
            replacements.update(zip(variables, state))
            step_cost, *stepped = graph_replace([cost, *new_values], replacements, strict=False)
            kept = [T.switch(index <= last_index, new, old) for new, old in zip(stepped, state)]
            return (step_cost, *kept)

        costs, *states = self.theano.scan(
            step,
            sequences=[T.arange(n_at_once)],
            outputs_info=[None, *variables],
            return_updates=False,
        )
        pairs = [(variable, values[-1]) for variable, values in zip(variables, states)]
        compiled = self.theano.function([], costs, updates=pairs)
        for variable in variables:  # they are NumPy arrays, or on the device already
            self._place(variable, self.value(variable))

        def train_model(first, last):
            self._place(first_index, numpy.int64(first))
            self._place(last_index, numpy.int64(last))
            return numpy.asarray(compiled())[: last + 1 - first]

        # JAX compiles at the first call. All indices are beyond the last one, -1, so this call
        # computes with rows from the end of the set, and keeps no step.
        train_model(0, -1)
        return train_model

    def _refuse_random_numbers(self, outputs):
        """Raise an EngineError for dropout, say, whose mask all steps of a call would share."""
        for variable in ancestors(outputs):
            if getattr(variable, "default_update", None) is not None:
                raise EngineError(
                    f"device {self.device!r}: the graph draws random numbers ({variable}), and the "
                    "steps of one call would all get the same: train this net on the CPU"
                )

    def compile_sums(self, minibatch, row_set, bounds, mean):
        self._refuse_random_numbers([mean])
        sizes = numpy.diff(bounds)
        n_rows = int(sizes[0])
        starts = numpy.array(bounds[:-1], "int64")[sizes == n_rows]

        def mean_of_block(start, n_rows=n_rows):  # JAX must know `n_rows` when it compiles
            replacements = self._rows(minibatch, row_set, start, n_rows)
            return graph_replace([mean], replacements, strict=False)[0]

        sequences = [self.T.constant(starts)]
        means = [self.theano.scan(mean_of_block, sequences=sequences, return_updates=False)]
        if len(starts) < len(sizes):  # the last block is smaller
            means.append(mean_of_block(bounds[-2], int(sizes[-1])))
        compiled = self.theano.function([], means)
        compiled()  # JAX compiles at the first call
        return lambda: sizes * numpy.hstack(jax.device_get(compiled())).astype("float64")

    def _rows(self, minibatch, row_set, start, n_rows):
        x, y, weights = minibatch
        features = row_set.features
        indices = start + self.T.arange(n_rows)
        rows = as_floats(self.T, features.shared[indices], x.dtype, features.scale)
        replacements = {x: rows, y: row_set.labels[indices]}
        if weights is not None:
            replacements[weights] = self._shared_weights(minibatch, row_set)[indices]
        return replacements

    def _place(self, shared, value):
        # set_value would turn it back into a NumPy array.
        shared.container.storage[0] = jax.device_put(value, self._jax_device)


def _configure(settings):
    for name, value in settings.items():
        jax.config.update(name, value)


def _find_device(name):
    platform, number = re.fullmatch(r"(?:jax:)?(cpu|cuda)(\d*)", name).groups()
    try:
        return jax.devices(platform)[int(number or 0)]
    # An AssertionError comes from a wrong JAX_PLATFORMS.
    except (RuntimeError, IndexError, AssertionError) as error:
        seen = "none"
        with contextlib.suppress(RuntimeError, AssertionError):
            seen = ", ".join(f"{device.platform}:{device.id}" for device in jax.devices())
        needed = install_command("cuda", "'jax[cuda12]'")
        raise EngineError(
            f"device {name!r}: JAX {jax.__version__} sees only {seen}; a GPU needs NVIDIA's "
            f"driver, and JAX with CUDA 12 ({needed}) or, in the same way, 13 (cuda13)"
        ) from error
