"""Data and parameters in the memory of a device, through PyTensor's JAX backend.

What is particular about that backend is here, and nobody but the engine knows of it: a shared
variable that is not updated stays a NumPy array and crosses the bus at every call, unless a
JAX array is put into its container; PyTensor's slices need bounds that are known when JAX
compiles; and a function's inputs are NumPy arrays, so that the numbers of the minibatches come
in shared variables, too.
"""

import contextlib
import re
import warnings
from typing import ClassVar

import numpy
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op

from logreg.console import warning
from logreg.engine.pytensor_backend import counted
from logreg.errors import EngineError

INSTALL = "pip install 'logreg[cuda]'"
NAME = re.compile(r"(jax:)?(?P<platform>cpu|cuda)(?P<number>\d*)")


class Rows(Op):
    """So many rows of an array, from one on whose number is an input.

    Where a reshape would copy the whole data set at each call, JAX takes these where they lie.
    """

    __props__ = ("n_rows",)
    view_map: ClassVar = {0: [0]}

    def __init__(self, n_rows):
        self.n_rows = n_rows

    def make_node(self, whole, first):
        rows = whole.type.clone(shape=(self.n_rows, *whole.type.shape[1:]))
        return Apply(self, [whole, first], [rows()])

    def perform(self, node, inputs, outputs):
        whole, first = inputs
        outputs[0][0] = whole[first : first + self.n_rows]


class JaxDevice:
    """A device that JAX sees.

    Parameters
    ----------
    pytensor : module
    name : str
        ``'cuda'``, ``'cuda0'``, ``'cuda1'``, ..., or ``'jax:cpu'``.

    Raises
    ------
    EngineError
        If JAX is not installed or does not see the device.
    """

    def __init__(self, pytensor, name):
        try:
            import jax
        except ImportError as error:
            raise EngineError(
                f"device {name!r} needs JAX, which does not import ({error}): {INSTALL}"
            ) from error
        from pytensor.link.jax.dispatch import jax_funcify

        def slice_of(op, **options):
            return lambda whole, first: jax.lax.dynamic_slice_in_dim(whole, first, op.n_rows)

        jax_funcify.register(Rows, slice_of)
        jax.config.update("jax_enable_x64", pytensor.config.floatX == "float64")
        self.jax = jax
        self.pytensor = pytensor
        self.device = self._find(name)
        self.placed = 0
        jax.config.update("jax_default_device", self.device)
        self._mode_before = pytensor.config.mode
        pytensor.config.mode = "JAX"
        if pytensor.config.floatX == "float64" and self.device.platform != "cpu":
            warning("float64 is slow on a GPU: float32 gives the same log (--floatx float32)")

    def _find(self, name):
        match = NAME.fullmatch(name)
        platform, number = match.group("platform"), int(match.group("number") or 0)
        try:
            devices = self.jax.devices(platform)
        except RuntimeError as error:
            seen = ", ".join(sorted({device.platform for device in self.jax.devices()}))
            raise EngineError(
                f"device {name!r}: JAX {self.jax.__version__} sees no {platform} device, only "
                f"{seen}: it needs an NVIDIA GPU with its driver, and JAX with CUDA ({INSTALL})"
            ) from error
        if number >= len(devices):
            raise EngineError(
                f"device {name!r} does not exist: JAX sees {len(devices)} {platform} "
                f"device{'s' * (len(devices) > 1)}, numbered from 0"
            )
        return devices[number]

    def release(self):
        """Let functions that are compiled from now on run where they did before."""
        self.pytensor.config.mode = self._mode_before

    def __str__(self):
        return (
            f"JAX {self.jax.__version__} on {self.device.platform}:{self.device.id} "
            f"({self.device.device_kind}), {self.placed:,} bytes of data placed there"
        )

    def require(self, n_bytes):
        """Raise an EngineError if so many bytes more do not fit into the device's memory."""
        stats = self.device.memory_stats() or {}
        if "bytes_limit" in stats:
            free = stats["bytes_limit"] - stats["bytes_in_use"]
            if n_bytes > free:
                raise EngineError(
                    f"the data need {n_bytes:,} bytes of {self.device.device_kind}'s memory, of "
                    f"which {free:,} are free: take fewer rows, or train on the CPU (--device cpu)"
                )

    def shared_data(self, array):
        """A shared variable whose value is on the device, once and for all."""
        self.require(array.nbytes)
        # Only with a shape that is known do reshape and slices compile.
        shared = self.pytensor.shared(array, shape=array.shape, borrow=True)
        self.place(shared)
        self.placed += array.nbytes
        return shared

    def place(self, shared):
        """Put a shared variable's value into the device's memory."""
        # set_value would turn it back into a NumPy array.
        storage = shared.container.storage
        storage[0] = self.jax.device_put(storage[0], self.device)

    def value(self, shared):
        """The value of a shared variable as a NumPy array."""
        return numpy.asarray(self.jax.device_get(shared.container.storage[0]))

    def compile_steps(self, x, y, dataset, batch_size, cost, updates, block):
        """As in the engine; one call takes up to `block` steps on the device, in a scan."""
        tensor = self.pytensor.tensor
        n_batches = dataset[0].type.shape[0] // batch_size
        first, count = self._number(), self._number()
        rows = Rows(batch_size)
        variables = [variable for variable, _ in updates]
        new_values = [value for _, value in updates]

        def step(k, *state):
            start = (first + k) % n_batches * batch_size
            minibatch = [rows(whole, start) for whole in dataset]
            replace = dict(zip((x, y, *variables), (*minibatch, *state)))
            step_cost, *new_state = self._replace([cost, *new_values], replace)
            # The steps beyond `count` are computed, and change nothing.
            return step_cost, *(
                tensor.switch(k < count, new, old) for new, old in zip(new_state, state)
            )

        costs, *states = self.pytensor.scan(
            step,
            sequences=[tensor.arange(block)],
            outputs_info=[None, *variables],
            return_updates=False,
        )
        pairs = [(variable, values[-1]) for variable, values in zip(variables, states)]
        function = self.function([], costs, updates=pairs)
        for variable in variables:
            self.place(variable)

        def steps(first_batch, n_steps):
            self._set(first, first_batch)
            self._set(count, n_steps)
            return self.jax.device_get(function())[:n_steps]

        steps(0, 0)  # JAX compiles at the first call
        return steps

    def compile_means(self, x, y, dataset, batch_size, mean):
        """As in the engine, in one call."""
        n_rows = dataset[0].type.shape[0]
        rows = Rows(batch_size)

        def mean_over(i):
            minibatch = [rows(whole, i * batch_size) for whole in dataset]
            return self._replace([mean], dict(zip((x, y), minibatch)))[0]

        in_batches = self.pytensor.scan(
            mean_over,
            sequences=[self.pytensor.tensor.arange(n_rows // batch_size)],
            return_updates=False,
        )
        outputs = [in_batches]
        if n_rows % batch_size:
            rest = [whole[n_rows - n_rows % batch_size :] for whole in dataset]
            outputs += self._replace([mean], dict(zip((x, y), rest)))
        function = self.function([], outputs)

        def means():
            in_batches, *in_the_rest = self.jax.device_get(function())
            in_batches = counted(in_batches, batch_size)
            if not in_the_rest:
                return in_batches, 0.0
            return in_batches, float(counted(in_the_rest[0], n_rows % batch_size))

        means()  # JAX compiles at the first call
        return means

    def _replace(self, outputs, replace):
        from pytensor.graph.replace import graph_replace

        return graph_replace(outputs, replace, strict=False)

    def function(self, inputs, outputs, updates=None):
        """As ``pytensor.function``."""
        with _quiet():
            function = self.pytensor.function(inputs, outputs, updates=updates)

        def quiet(*arguments):
            with _quiet():
                return function(*arguments)

        return quiet

    def _number(self):
        return self.pytensor.shared(numpy.int64(0))

    def _set(self, shared, number):
        shared.container.storage[0] = self.jax.device_put(numpy.int64(number), self.device)


@contextlib.contextmanager
def _quiet():
    with warnings.catch_warnings():
        # PyTensor leaves assertions on shapes to JAX, and asks it for 64-bit types that are off.
        warnings.filterwarnings("ignore", message="Skipping Assert|Explicitly requested dtype")
        yield
