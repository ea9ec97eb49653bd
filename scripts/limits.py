"""What bounds a training epoch on this machine, whatever program takes its products whole.

    python scripts/limits.py --dataset mnist.pkl.gz

prints JSON: `epochs_per_second`, the machine, and in words what was measured. logreg may be faster:
it leaves out the pixels that are 0.
"""

import contextlib
import json
import os
import platform
import re
import timeit
from pathlib import Path

import numpy
from benchmark import run_parser
from peers import stored

from logreg import kernel

SIDE = 3000  # of the matrices that are multiplied


def measure(args):
    """Compare the products of an epoch with the rate of one large product of matrices.

    An epoch goes once over the training, the validation and the test set.
    """
    datasets = stored(args)
    n_in = datasets[0][0].shape[1]
    n_out = int(datasets[0][1].max()) + 1
    n_train, n_valid, n_test = (len(y) for _, y in datasets)
    square = numpy.ones((SIDE, SIDE), "float32")
    rate = 2 * SIDE**3 / min(timeit.repeat(lambda: square @ square, number=1, repeat=5))
    flops = 2 * n_in * n_out * (2 * n_train + n_valid + n_test)
    return {
        "machine": f"{platform.machine()}, {cpu()}, {os.cpu_count()} threads, {instruction_set()}",
        "epochs_per_second": rate / flops,
        "text": f"{flops / 1e9:.2f} Gflop at {rate / 1e9:.0f} Gflop/s, the rate of a large sgemm",
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


if __name__ == "__main__":
    print(json.dumps(measure(run_parser("Measure what bounds an epoch.").parse_args())))
