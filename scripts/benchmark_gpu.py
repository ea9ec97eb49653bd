"""Measure training on one GPU: logreg beside JAX and PyTorch, and beside what the card can do.

    python scripts/benchmark_gpu.py --device cuda

All run in this interpreter, each in a process of its own, in turn, several times, and the table
has the medians. With ``--device jax:cpu`` the script runs where there is no GPU: that shows that
it works, and no more.
"""

import json
import sys
import tempfile

import benchmark

from logreg.cli.command import command

PEERS = {  # label and package
    "jax-scan": ("JAX, lax.scan", "jax"),
    "torch": ("PyTorch, eager", "torch"),
    "torch-graph": ("PyTorch, CUDA graph", "torch"),
}


def measure(args):
    """Measure what is installed here: the rows of the table, and the limit."""
    found = benchmark.probe([sys.executable])
    programs = benchmark.our_programs(found) + benchmark.peer_programs(found, PEERS)
    if args.device != "cuda":
        programs[-1].failure = "skipped: only CUDA has graphs"
    options = ["--dataset", args.dataset, "--batch-size", str(args.batch_size)]
    options += ["--device", args.device]
    limit = [sys.executable, benchmark.PEERS_SCRIPT, "device-limit", *options]
    limit = json.loads(benchmark.run(limit)[0])
    with tempfile.TemporaryDirectory() as folder:
        benchmark.measure(programs, args, folder)
    return {"limit": limit, "training": benchmark.summary(programs, limit)}


def shown(result):
    """The result as text."""
    limit = result["limit"]
    title = f"Training on {limit['device']}, medians"
    return benchmark.table(title, benchmark.TRAINING, result["training"]) + (
        "\nthe limit: {epochs_per_second:.0f} epochs/s: {mb:.0f} MB at {gb_per_second:.0f} GB/s, "
        "or {steps} steps of {latency_us:.1f} us"
    ).format(**limit)


@command
def main(argv=None):
    """Measure as the options say; see :mod:`logreg.cli.command` for the exit code."""
    parser = benchmark.benchmark_parser(
        "Measure training on one GPU: logreg, JAX and PyTorch, as far as installed."
    )
    parser.add_argument(
        "--device",
        choices=("cuda", "jax:cpu"),
        default="cuda",
        help="where all of them train (default: %(default)s)",
    )
    benchmark.report(parser.parse_args(argv), measure, shown)


if __name__ == "__main__":
    sys.exit(main())
