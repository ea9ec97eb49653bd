"""Measure logreg beside what a user would pick instead, and beside what the processor can do.

    python scripts/benchmark.py --python .venv/bin/python --python .venv-other/bin/python
    python scripts/benchmark.py --device cuda

Every program trains in a process of its own. The programs take turns for several rounds, and the
tables show the medians: of the whole job, and on the CPU of a few epochs on other shapes, and of
those of the net in ``scripts/mlp.py``. A peer of
``scripts/peers.py`` runs in the interpreter that has the newest version of its package. With
``--device jax:cpu``, what is for a GPU runs where there is none: that shows that it works, and no
more.
"""

import argparse
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Neither NumPy nor data here: on Linux a child's peak memory is at least its parent's.
from logreg.basics.console import note
from logreg.basics.errors import LogRegError, SettingError
from logreg.basics.files import DATASET
from logreg.cli.command import command
from logreg.hyperparameters import DEFAULTS

ERRORS = ("validation_error", "test_error")
ENGINES = ("theano", "pytensor")
PEERS = {  # label, package, devices
    "numpy": ("NumPy by hand", "numpy", ["cpu"]),
    "jax-scan": ("JAX, lax.scan", "jax", ["cpu", "jax:cpu", "cuda"]),
}
SHAPES = {  # rows, features, classes, kind; rows a step, epochs
    "26 classes": (50000, 784, 26, "pixels", 600, 10),
    "100 classes": (50000, 784, 100, "pixels", 600, 5),
    "20 rows a step": (50000, 784, 10, "pixels", 20, 5),
    "floats": (50000, 784, 10, "floats", 600, 20),
    "3,072 features": (20000, 3072, 10, "pixels", 500, 15),
    "a table of 50 x 3": (500000, 50, 3, "floats", 600, 10),
}
NETS = {"20 rows a step": (20, 1), "600 rows a step": (600, 3)}  # rows a step, epochs
MIB = 1 << 20

PROBE = """
import importlib.metadata, json, platform
found = {str(d.metadata["Name"]).lower(): d.version for d in importlib.metadata.distributions()}
print(json.dumps({**found, "python": platform.python_version()}))
"""


@dataclass(eq=False)
class Program:
    """A row of the table: a command that trains once, and what came of its runs.

    The command takes the options that :func:`train` gives it, and it prints the end of the
    tutorial's log.
    """

    label: str
    versions: str
    command: list
    env: dict = field(default_factory=dict)  # is set beside the environment
    is_ours: bool = False
    reports: list = field(default_factory=list)  # what :func:`train` returned, run by run
    failure: str = ""  # why it runs no more


def run(command, env=None):
    """Run a command to its end: what it printed, its seconds, and its peak memory in MiB.

    If it fails, its last line becomes a LogRegError.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        _, child.returncode, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        stdout.seek(0)
        stderr.seek(0)
        if child.returncode != 0:
            lines = stderr.read().strip().splitlines() or [f"status {child.returncode}"]
            raise LogRegError(re.sub("^error: ", "", lines[-1]))
        unit = 1 if sys.platform == "darwin" else 1024
        return stdout.read(), seconds, usage.ru_maxrss * unit / MIB


def probe(pythons):
    """Look what each interpreter has: its version as 'python', and those of the packages."""
    found = {}
    for python in pythons:
        try:
            found[python] = json.loads(run([python, "-c", PROBE])[0])
        except (OSError, LogRegError) as error:
            raise SettingError(f"--python {python} cannot be used: {error}") from error
    return found


def newest(found, package):
    """The interpreter that has the newest version of a package; None if none has it."""

    def by_number(python):
        return [int(number) for number in re.findall(r"\d+", found[python][package])]

    having = [python for python, versions in found.items() if package in versions]
    return max(having, key=by_number, default=None)


def our_programs(found, kernel_off=False):
    """Logreg on every engine of every interpreter, as a list of :class:`Program`.

    With `kernel_off`, each once more with the engine's own graph in place of the kernel.
    """
    programs = []
    for python, versions in found.items():
        for engine in filter(versions.get, ENGINES):
            about = f"{engine} {versions[engine]}, Python {versions['python']}"
            train = [python, "-m", "logreg.train", "--floatx", "float32"]
            label = f"logreg on {engine}"
            on = {"LOGREG_ENGINE": engine, "LOGREG_KERNEL": "1"}
            off = {**on, "LOGREG_KERNEL": "0"}
            programs.append(Program(label, about, train, on, is_ours=True))
            if kernel_off:
                programs.append(Program(label + ", kernel off", about, train, off))
    if not programs:
        raise SettingError("no interpreter has an engine: give one that has, with --python")
    return programs


def peer_programs(found, device="cpu"):
    """The peers that know a device, as a list of :class:`Program`."""
    programs = []
    for name, (label, package, devices) in PEERS.items():
        python = newest(found, package)
        if device in devices and python is None:
            programs.append(Program(label, "", [], failure="not installed"))
        elif device in devices:
            train = [python, f"{ROOT}/scripts/peers.py", name]
            programs.append(Program(label, f"{package} {found[python][package]}", train))
    return programs


def net_programs(found):
    """The net of ``scripts/mlp.py`` on every engine, and the same by hand."""
    options = ["--floatx=float32", "--l2=0", f"--learning-rate={DEFAULTS.learning_rate}"]
    programs = []
    for program in our_programs(found):
        train = [program.command[0], f"{ROOT}/scripts/mlp.py", *options]
        programs.append(replace(program, command=train))
    python = newest(found, "numpy")
    train = [python, f"{ROOT}/scripts/peers.py", "numpy-net"]
    programs.append(Program("NumPy by hand", f"numpy {found[python]['numpy']}", train))
    return programs


def train(program, args, folder, n_epochs=None):
    """Run a program's training once; return its figures, errors in percent."""
    options = [*options_of(args), "--n-epochs", str(n_epochs or args.n_epochs), "--output"]
    options.append(os.path.join(folder, "best_model.pkl"))
    log, seconds, peak = run([*program.command, *options], program.env)
    errors = re.search(r"validation score of (\S+) %, with test performance (\S+) %", log)
    epochs, rate = re.search(r"run for (\d+) epochs, with (\S+) epochs/sec", log).groups()
    return {
        "epochs": int(epochs),
        "seconds": int(epochs) / float(rate),
        "validation_error": float(errors.group(1)),
        "test_error": float(errors.group(2)),
        "seconds_in_all": seconds,
        "peak_mib": peak,
    }


def measure(programs, args, folder):
    """Let the programs train in turn, `args.rounds` times each, and keep what they report."""
    for number, program in itertools.product(range(args.rounds + 1), programs):
        if program.failure:
            continue
        try:
            # Round 0 warms the caches, the file system's too.
            report = train(program, args, folder, n_epochs=None if number else 1)
        except LogRegError as error:
            program.failure = f"failed: {error}"
            continue
        if number:
            program.reports.append(report)
            note(f"round {number}, {program.label}: {report['seconds']:.2f} s")


def measure_shapes(programs, args, folder):
    """Let the programs train on random rows of each shape: a row of epochs per second for each."""
    rows = []
    path = os.path.join(folder, "shape.npz")
    for shape, (n, n_in, n_out, kind, batch_size, n_epochs) in SHAPES.items():
        n, n_epochs = (2 * batch_size, 1) if args.quick else (n, n_epochs)
        sizes = [f"--rows={n}", f"--features={n_in}", f"--classes={n_out}", f"--kind={kind}"]
        run([programs[0].command[0], f"{ROOT}/scripts/shapes.py", path, *sizes])
        of_shape = {"dataset": path, "batch_size": batch_size, "n_epochs": n_epochs}
        rows.append({"shape": shape, **measure_rates(programs, args, folder, **of_shape)})
    return rows


def measure_nets(programs, args, folder):
    """Let the programs train nets on the data set: a row of epochs per second for each."""
    rows = []
    for steps, (batch_size, n_epochs) in NETS.items():
        if args.quick:
            batch_size = 20
            n_epochs = 1
        of_net = {"batch_size": batch_size, "n_epochs": n_epochs}
        rows.append({"shape": steps, **measure_rates(programs, args, folder, **of_net)})
    return rows


def measure_rates(programs, args, folder, **settings):
    """Measure programs with other settings: a dict from label to median epochs per second."""
    anew = [replace(program, reports=[]) for program in programs]
    measure(anew, argparse.Namespace(**{**vars(args), **settings}), folder)
    medians = {}
    for program in anew:
        if program.reports:
            rates = [report["epochs"] / report["seconds"] for report in program.reports]
            medians[program.label] = statistics.median(rates)
    return medians


def summary(programs, limit):
    """The rows of the training table, after :func:`measure`: medians and ratios.

    The limit is the epochs per second that are possible here at the most. It is remarked where a
    program's validation and test error are not those of the first run of the first.
    """
    rows = []
    expected = None
    for program in programs:
        row = {"program": program.label, "versions": program.versions, "remark": program.failure}
        rows.append(row)
        if program.failure:
            continue
        for key in program.reports[0]:
            row[key] = statistics.median(report[key] for report in program.reports)
        row["epochs_per_second"] = row["epochs"] / row["seconds"]
        row["of_limit"] = row["epochs_per_second"] / limit["epochs_per_second"]
        found = [tuple("%f" % report[kind] for kind in ERRORS) for report in program.reports]
        expected = expected or found[0]
        wrong = sorted({errors for errors in found if errors != expected})
        differs = ("DIFFERS: %s / %s %%, not %s / %s" % (errors + expected) for errors in wrong)
        row["remark"] = "; ".join(differs)
    # Of several engines the slowest: the user does not always choose.
    ours = [r["epochs_per_second"] for p, r in zip(programs, rows) if p.is_ours and not p.failure]
    for row in rows:
        if ours and "epochs_per_second" in row:
            row["ours_to_this"] = min(ours) / row["epochs_per_second"]
    return rows


def options_of(args):
    """The options of whatever trains or measures."""
    given = {"--dataset": args.dataset, "--batch-size": args.batch_size, "--device": args.device}
    return [str(word) for option in given.items() for word in option]


def measure_all(args):
    """Measure what the options ask for: the rows of the table, and what bounds them."""
    found = probe(args.python or [sys.executable])
    is_cpu = args.device == "cpu"
    programs = our_programs(found, kernel_off=is_cpu) + peer_programs(found, args.device)
    load = os.getloadavg()[0]
    limits = [newest(found, "numpy") or sys.executable, f"{ROOT}/scripts/limits.py"]
    limit = json.loads(run([*limits, *options_of(args)])[0])
    with tempfile.TemporaryDirectory() as folder:
        measure(programs, args, folder)
        with_kernel = [program for program in programs if not program.label.endswith("kernel off")]
        result = {"load_before": load, "limit": limit, "training": summary(programs, limit)}
        if is_cpu:
            result["shapes"] = measure_shapes(with_kernel, args, folder)
            result["nets"] = measure_nets(net_programs(found), args, folder)
    return result


TRAINING = [  # heading, key in the row, format of a number
    ("program", "program", ""),
    ("epochs/s", "epochs_per_second", ".2f"),
    ("ours/this", "ours_to_this", ".2f"),
    ("of limit", "of_limit", ".0%"),
    ("epochs", "epochs", ".0f"),
    ("training s", "seconds", ".2f"),
    ("in all s", "seconds_in_all", ".2f"),
    ("peak MiB", "peak_mib", ".0f"),
    ("versions", "versions", ""),
    ("remark", "remark", ""),
]


def table(title, columns, rows):
    """Rows as text; what a row lacks is left blank, and a column that all lack is left out."""
    texts = []
    for heading, key, form in columns:
        cells = [format(row[key], form) if key in row else "" for row in rows]
        if any(cells):
            width = max(map(len, [heading, *cells]))
            align = str.rjust if form else str.ljust
            texts.append([align(text, width) for text in (heading, "-" * width, *cells)])
    return "\n".join([title, "", *("  ".join(line).rstrip() for line in zip(*texts)), ""])


def shown(result):
    """The result as text."""
    limit = result["limit"]
    title = f"Training on {limit['machine']}, medians; load before: {result['load_before']:.1f}"
    text = table(title, TRAINING, result["training"]) + (
        f"\nthe processor's limit: {limit['epochs_per_second']:.1f} epochs/s: {limit['text']}\n"
        "ours/this: how many times as fast logreg is on its slowest engine here\n"
    )
    if "shapes" in result:
        text += table_of_rates("Epochs/s on random rows of other shapes", result["shapes"])
        text += table_of_rates("Epochs/s of a net of 500 tanh units", result["nets"])
    return text


def table_of_rates(title, rows):
    """What :func:`measure_shapes` and :func:`measure_nets` return, as text."""
    labels = dict.fromkeys(key for row in rows for key in row if key != "shape")
    columns = [("shape", "shape", ""), *((label, label, ".2f") for label in labels)]
    return "\n" + table(title, columns, rows)


def run_parser(description):
    """A parser of the options of a training run."""
    parser = argparse.ArgumentParser(description=description)
    add = parser.add_argument
    default = " (default: %(default)s)"
    add("--dataset", metavar="PATH", default=DATASET, help="a file, folder or name" + default)
    add("--n-epochs", metavar="N", type=int, default=DEFAULTS.n_epochs, help="epochs" + default)
    add("--batch-size", metavar="N", type=int, default=DEFAULTS.batch_size, help="rows" + default)
    add("--device", metavar="NAME", default="cpu", help="cpu, cuda or jax:cpu" + default)
    return parser


def benchmark_parser():
    """A parser of the options of the benchmark."""
    parser = run_parser("Measure logreg beside what a user would pick, and beside the limit.")
    add = parser.add_argument
    of_python = "an interpreter with an engine or peers; may be repeated (default: this one)"
    add("--python", metavar="PATH", action="append", help=of_python)
    add("--rounds", metavar="N", type=int, default=5, help="times that each runs (default: 5)")
    add("--json", metavar="FILE", help="where the result goes as JSON, too")
    add("--quick", action="store_true", help="see that it works: two epochs on the sample")
    return parser


@command
def main(argv=None):
    """Measure as the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = benchmark_parser().parse_args(argv)
    if args.quick:
        args.dataset = "mnist_sample"
        args.n_epochs = 2
        args.rounds = 1
    if args.rounds < 1:
        raise SettingError(f"--rounds is {args.rounds}: give 1 or more")
    result = measure_all(args)
    print(shown(result))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
