"""Measure training on one GPU: logreg beside JAX and PyTorch, and beside what the card can do.

    python scripts/benchmark_gpu.py --device cuda

All run in this interpreter, each in a process of its own, in turn, several times, and the table
has the medians. With ``--device jax:cpu`` the script runs where there is no GPU: that shows that
it works, and no more.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import benchmark
from benchmark import PEERS_SCRIPT, TRAINING, check_arguments, run, table

from logreg.console import command

PEERS = {
    "jax-scan": ("JAX, lax.scan", "jax"),
    "torch": ("PyTorch, eager", "torch"),
    "torch-graph": ("PyTorch, CUDA graph", "torch"),
}
COLUMNS = [
    ("of floor" if heading == "of limit" else heading, key)
    for heading, key in TRAINING
    if heading != "cold s"
]


def measure(args):
    """Measure what is installed here.

    Returns
    -------
    dict
        The rows of the table, and the floor.
    """
    peers = dict(PEERS)
    skipped = []
    if args.device != "cuda":
        label, _ = peers.pop("torch-graph")
        skipped.append({"program": label, "remark": "skipped: only CUDA has graphs"})
    chosen, missing = benchmark.programs(benchmark.probe([sys.executable]), peers)
    options = ["--dataset", args.dataset, "--batch-size", str(args.batch_size)]
    options += ["--device", args.device.replace("jax:", "")]
    floor = json.loads(run([sys.executable, PEERS_SCRIPT, "floor", *options]).stdout)
    with tempfile.TemporaryDirectory() as folder:
        runs, failed = benchmark.measure(chosen, args, folder)
    rows = benchmark.summary(chosen, runs, failed, floor, benchmark.expected(args))
    rows += [{"program": label, "remark": "not installed"} for label in missing]
    return {"floor": floor, "training": rows + skipped}


def shown(result):
    """The result as text."""
    floor = result["floor"]
    title = f"Training on {floor['device']}, medians"
    return table(title, COLUMNS, result["training"]) + (
        "\nthe floor: {:.0f} epochs/s: {:.0f} MB at {:.0f} GB/s, or {} steps of {:.1f} us".format(
            1 / floor["seconds"],
            floor["bytes"] / 1e6,
            floor["bytes_per_second"] / 1e9,
            floor["steps"],
            floor["latency"] * 1e6,
        )
    )


def parser():
    """The options."""
    parser = argparse.ArgumentParser(
        description="Measure training on one GPU: logreg, JAX and PyTorch, as far as installed."
    )
    parser.add_argument(
        "--device",
        choices=("cuda", "jax:cpu"),
        default="cuda",
        help="where all of them train (default: %(default)s)",
    )
    benchmark.add_arguments(parser)
    return parser


@command
def main(argv=None):
    """Measure as the options say; see :func:`logreg.console.command` for the exit code."""
    args = parser().parse_args(argv)
    check_arguments(args)
    result = measure(args)
    print(shown(result))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
