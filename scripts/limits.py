"""What bounds a training epoch on this machine, or on a device, whatever program trains.

    python scripts/limits.py --dataset mnist.pkl.gz --device cpu

prints JSON: `epochs_per_second`, the seconds of an epoch that it comes from, and these in words.
"""

import contextlib
import json
import os
import platform
import re
import sys
import timeit
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy
from benchmark import run_parser
from peers import load, stored

from logreg import kernel
from logreg.datasets.preprocessing import PIXEL_SCALE, Preprocessing

CHAIN = 1000  # dependent steps that are timed at once
PIECES = 4  # of an array that several threads read, for each of them


def best_time(function):
    """The shortest of several times of a call, in seconds."""
    return min(timeit.repeat(function, number=1, repeat=5))


def of_machine(args):
    """Measure what bounds an epoch on this machine: reading the data once, or the products.

    An epoch goes once over the training, the validation and the test set. What is read are the
    data as stored, of float32 at the most: a value of MNIST is a byte.
    """
    datasets = stored(args)
    value_size = min(datasets[0][0].itemsize, 4)
    x = Preprocessing(PIXEL_SCALE).apply(datasets[0][0], "float32")
    n_in = x.shape[1]
    n_out = int(datasets[0][1].max()) + 1
    n_train, n_valid, n_test = (len(y) for _, y in datasets)
    n_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    row = numpy.ones(len(x), "float32")
    column = numpy.ones(n_in, "float32")
    parts = numpy.array_split(x, n_threads * PIECES)
    with ThreadPoolExecutor(n_threads) as pool:
        readers = [
            lambda: x @ column,
            lambda: row @ x,
            lambda: list(pool.map(numpy.max, parts)),
        ]
        bandwidth = x.nbytes / min(best_time(reader) for reader in readers)
    side = min(3000, len(x))
    square = numpy.ones((side, side), "float32")
    rate = 2 * side**3 / best_time(lambda: square @ square)
    n_bytes = value_size * n_in * (n_train + n_valid + n_test)
    flops = 2 * n_in * n_out * (2 * n_train + n_valid + n_test)
    mb, gb, gflop, gflops = n_bytes / 1e6, bandwidth / 1e9, flops / 1e9, rate / 1e9
    return {
        "machine": f"{platform.machine()}, {cpu()}, {n_threads} threads, {instruction_set()}",
        "seconds": (n_bytes / bandwidth, flops / rate),
        "text": f"{mb:.0f} MB, the data as stored, at {gb:.1f} GB/s, or {gflop:.2f} Gflop at "
        f"{gflops:.0f} Gflop/s, the rate of a large sgemm",
    }


def instruction_set():
    """The instructions that the kernel uses."""
    if not kernel.is_built():
        return "no native kernel"
    return os.environ.get("LOGREG_KERNEL_SET") or kernel.instruction_sets()[0]


def cpu():
    """The name of the processor, as well as it can be found out."""
    with contextlib.suppress(OSError, AttributeError):
        return re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M).group(1)
    return platform.processor() or "unknown processor"


def of_device(args):
    """Measure, by JAX, what bounds an epoch on a device: reading the data, or the steps' latency.

    An epoch goes over the training set; the latency is the time between two dependent steps.
    """
    import jax

    device = jax.devices(args.device.replace("jax:", ""))[0]  # as logreg calls JAX's CPU
    n_values = 1 << (28 if args.device == "cuda" else 26)
    large = jax.device_put(numpy.ones(n_values, "float32"), device)
    small = jax.device_put(numpy.ones(1, "float32"), device)
    total = jax.jit(jax.numpy.sum)
    chain = jax.jit(lambda x: jax.lax.fori_loop(0, CHAIN, lambda i, x: jax.numpy.sin(x) + i, x))

    def seconds(function, array):
        function(array).block_until_ready()  # compiles
        return best_time(lambda: function(array).block_until_ready())

    x, _ = load(args)[0]
    bandwidth, latency = large.nbytes / seconds(total, large), seconds(chain, small) / CHAIN
    n_steps = len(x) // args.batch_size
    mb, gb = x.nbytes / 1e6, bandwidth / 1e9
    return {
        "machine": f"{device.device_kind}, by JAX {jax.__version__}",
        "seconds": (x.nbytes / bandwidth, n_steps * latency),
        "text": f"{mb:.0f} MB at {gb:.0f} GB/s, or {n_steps} steps of {latency * 1e6:.1f} us",
    }


def main(argv=None):
    """Measure, and print JSON."""
    args = run_parser("Measure what bounds an epoch.").parse_args(argv)
    limit = of_machine(args) if args.device == "cpu" else of_device(args)
    print(json.dumps({**limit, "epochs_per_second": 1 / max(limit["seconds"])}))


if __name__ == "__main__":
    sys.exit(main())
