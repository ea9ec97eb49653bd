"""Measure how training gets faster with ranks, as ``scripts/benchmark.py --ranks 1,2,4`` asks for.

Each rank has one thread, so that ranks are compared with a rank. Beside them trains PyTorch's
DistributedDataParallel by gloo. From what is measured follows what more ranks would give.
"""

import math
import os
import platform
import re
import sys
import tempfile
from pathlib import Path

from benchmark import (
    PEERS_SCRIPT,
    Program,
    cpu,
    measure,
    newest,
    our_programs,
    probe,
    reference_of,
    run,
    summary,
    table,
)

from logreg.errors import SettingError

# It trains as logreg.train does, and tells of the sums between the ranks.
TRAIN = """
import sys, time
from logreg.shell import ranks
from logreg.train import main
seconds, sum_step = [], ranks.sum_step
def timed(buffer):
    begin = time.perf_counter()
    sum_step(buffer)
    seconds.append(time.perf_counter() - begin)
ranks.sum_step = timed
code = main(sys.argv[1:])
if not ranks.rank:
    print("sum", sum(seconds) / max(len(seconds), 1))
sys.exit(code)
"""
PREDICTED = (2, 4, 8, 16, 32, 64)
ONE_THREAD = dict.fromkeys(["LOGREG_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"], "1")


def infiniband(n):
    """Seconds of an allreduce of 32 KiB on n nodes, fitted to published runs."""
    return (4 + 9.4 * math.log2(n)) * 1e-6


def mpiexec(python, n):
    """The command that starts a Python on n ranks."""
    launcher = Path(python).parent / "mpiexec"
    launcher = str(launcher) if launcher.exists() else "mpiexec"
    return [launcher, "-n", str(n), python] if n > 1 else [python]


def rank_programs(found, counts):
    """Logreg on each engine, and DistributedDataParallel: pairs of a Program and its ranks."""
    programs = []
    for ours in our_programs(found):
        for n in counts:
            python = ours.command[0]
            command = [*mpiexec(python, n), "-c", TRAIN, *ours.command[3:]]
            label = f"{ours.label}, {n} rank{'s' * (n > 1)}"
            env = {**ours.env, **ONE_THREAD}
            programs.append((Program(label, ours.versions, command, env, is_ours=True), n))
    python = newest(found, "torch")
    for n in counts if python else ():
        launcher = [python, "-m", "torch.distributed.run", "--nproc-per-node", str(n)]
        versions = f"torch {found[python]['torch']}"
        command = [*launcher, PEERS_SCRIPT, "torch-ddp"]
        label = f"PyTorch DDP by gloo, {n} rank{'s' * (n > 1)}"
        programs.append((Program(label, versions, command, ONE_THREAD), n))
    return programs


def train_once(program, args, folder, batch_size):
    """Train; return the seconds of an epoch, its steps, and the seconds of a sum over ranks."""
    output = os.path.join(folder, "best_model.pkl")
    options = ["--dataset", args.dataset, "--batch-size", str(batch_size), "--output", output]
    log = run([*program.command, *options, "--n-epochs", str(args.n_epochs)], program.env)[0]
    rate, n_steps = (re.search(p, log) for p in (r"with (\S+) epochs/sec", r"minibatch \d+/(\d+)"))
    seconds_of_sum = float(re.search(r"^sum (\S+)$", log, re.M)[1])
    return 1 / float(rate[1]), int(n_steps[1]), seconds_of_sum


def fit_model(program, args, folder):
    """Fit Step(1) = c0 + c1 B to two batch sizes on one rank: c0 and c1 in seconds."""
    epoch, n_steps, _ = train_once(program, args, folder, args.batch_size)
    longer, more_steps, _ = train_once(program, args, folder, max(1, args.batch_size // 4))
    c0 = max(0.0, (longer - epoch) / (more_steps - n_steps))
    return c0, max(0.0, epoch / n_steps - c0) / args.batch_size


def predictions(c0, c1, batch_size, latency):
    """Rows of predicted speed-up; `latency` is what a sum takes here on two ranks."""
    one = c0 + c1 * batch_size

    def speed_up(n, seconds):
        return one / (c0 + c1 * batch_size / n + seconds)

    return [
        {
            "ranks": n,
            "here": speed_up(n, latency * math.log2(n)),
            "infiniband": speed_up(n, infiniband(n)),
        }
        for n in PREDICTED
    ]


def measure_ranks(args):
    """Measure what the options ask for: the rows of the tables, and where they were measured."""
    counts = sorted(set(args.ranks))
    if counts[:1] != [1] or len(counts) < 2:
        raise SettingError(f"--ranks is {args.ranks}: give 1 and more, such as 1,2,4")
    found = probe(args.python or [sys.executable])
    programs = rank_programs(found, counts)
    result = {
        "machine": f"{platform.machine()}, {cpu()}, {os.cpu_count()} threads",
        "load_before": os.getloadavg()[0],
        "batch_size": args.batch_size,
        "models": [],
    }
    with tempfile.TemporaryDirectory() as folder:
        measure([program for program, _ in programs], args, folder)
        rows = summary([p for p, _ in programs], {"epochs_per_second": 1}, reference_of(args))
        one, alone = {}, None  # the program's row on one rank, and its command
        for (program, n), row in zip(programs, rows):
            row["ranks"] = n
            if n == 1:
                one, alone = row, program
            if "epochs_per_second" in row and "epochs_per_second" in one:
                row["speed_up"] = row["epochs_per_second"] / one["epochs_per_second"]
            if program.failure or not program.is_ours:
                continue
            if n > 1:
                row["sum_us"] = train_once(program, args, folder, args.batch_size)[2] * 1e6
            if n == 2:
                c0, c1 = fit_model(alone, args, folder)
                model = {"program": program.label.partition(",")[0], "c0_us": c0 * 1e6}
                model.update(c1_us=c1 * 1e6, sum_us=row["sum_us"])
                model["rows"] = predictions(c0, c1, args.batch_size, row["sum_us"] / 1e6)
                result["models"].append(model)
    result["training"] = rows
    return result


TRAINING = [  # heading, key in the row, format of a number
    ("program", "program", ""),
    ("ranks", "ranks", "d"),
    ("epochs/s", "epochs_per_second", ".2f"),
    ("speed-up", "speed_up", ".2f"),
    ("sum us/step", "sum_us", ".0f"),
    ("versions", "versions", ""),
    ("remark", "remark", ""),
]
PREDICTION = [("ranks", "ranks", "d"), ("here", "here", ".2f"), ("InfiniBand", "infiniband", ".2f")]


def shown_ranks(result):
    """The result as text."""
    title = f"Training on {result['machine']}, medians; load before: {result['load_before']:.1f}"
    texts = [table(title, TRAINING, result["training"])]
    for model in result["models"]:
        title = (
            "{program}: a step on N ranks takes {c0_us:.0f} us + {c1_us:.3f} us x {size} / N + the "
            "sum, {sum_us:.0f} us on two; so the speed-up of more is about"
        )
        title = title.format(size=result["batch_size"], **model)
        texts.append(table(title, PREDICTION, model["rows"]))
    return "\n".join(texts)
