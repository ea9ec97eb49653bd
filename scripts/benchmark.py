"""Measure logreg beside what a user would pick instead, and beside what the machine can do.

    python scripts/benchmark.py --python .venv/bin/python --python .venv-other/bin/python

Every program runs in a process of its own, in turn, several times, and the table has the
medians. The peers run in whichever of the interpreters has them, see ``scripts/peers.py``.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# No NumPy and no data here: on Linux a child's peak memory is at least its parent's.
from logreg.console import command, note
from logreg.errors import LogRegError, SettingError
from logreg.hyperparameters import DATASET, DEFAULTS

REFERENCE = ("7.500000", "7.489583")  # errors in percent, validation and test
PEERS = {
    "numpy": ("NumPy by hand", "numpy"),
    "torch": ("PyTorch", "torch"),
    "jax-step": ("JAX, jitted step", "jax"),
    "jax-scan": ("JAX, lax.scan", "jax"),
    "sklearn-sgd": ("scikit-learn SGDClassifier", "scikit-learn"),
    "sklearn-lbfgs": ("scikit-learn LogisticRegression", "scikit-learn"),
}
PEERS_SCRIPT = str(ROOT / "scripts" / "peers.py")
ENGINES = ("theano", "pytensor")
OTHER_ALGORITHMS = {"sklearn-sgd", "sklearn-lbfgs"}
SLOW = 60.0  # seconds: what takes longer runs once
MIB = 1 << 20

PROBE = """
import importlib.metadata as metadata, json, platform
found = {}
for name in ("theano", "pytensor", "numpy", "torch", "jax", "scikit-learn"):
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        pass
print(json.dumps({"version": platform.python_version(), "packages": found}))
"""
SYNTHETIC = """
import sys
import numpy
path, repeat, n_rows, n_in, n_out, dataset = sys.argv[1:]
repeat, n_rows, n_in, n_out = int(repeat), int(n_rows), int(n_in), int(n_out)
if repeat:
    from logreg.datasets import read_dataset
    data = read_dataset(dataset)
    (x, y), valid, test = data.train, data.valid, data.test
    x, y = numpy.tile(x, (repeat, 1)), numpy.tile(y, repeat)
else:
    # Dark pixels: on brighter noise a run diverges, to probabilities that processors are slow with.
    rng = numpy.random.RandomState(0)
    x = rng.randint(0, 32, (n_rows, n_in)).astype("uint8")
    y = numpy.arange(n_rows) % n_out
    n_valid = max(1000, n_out, n_rows // 10)
    valid = test = x[:n_valid], y[:n_valid]
numpy.savez(path, x_train=x, y_train=y, x_valid=valid[0], y_valid=valid[1],
            x_test=test[0], y_test=test[1])
print(len(x), len(x) + len(valid[0]) + len(test[0]))
"""
PREDICT = """
import json, sys, time
from logreg import engine
engine.set_floatx("float32")
from logreg.datasets import read_dataset
from logreg.prediction.predictor import Predictor
import numpy
model, dataset, n, image = sys.argv[1:]
x = read_dataset(dataset).test[0]
x = numpy.resize(x, (int(n), x.shape[1]))
numpy.save(image, x[:1])
predictor = Predictor(model)
x = predictor.ready(x)
times = []
for _ in range(10):
    begin = time.perf_counter()
    predictor(x)
    times.append(time.perf_counter() - begin)
print(json.dumps({"seconds": sorted(times)[5]}))
"""


class Program(NamedTuple):
    """A row of the table: what runs, in which interpreter."""

    name: str
    label: str
    python: str
    versions: str
    engine: str = ""  # if it is logreg


class Run(NamedTuple):
    """A process that has ended: seconds, peak memory in bytes, and what it printed."""

    seconds: float
    peak: int
    stdout: str


class Failed(LogRegError):
    """A process ended with an error: its last line."""


def run(command, env=None):
    """Run a command to its end.

    Raises
    ------
    Failed
        If its exit code is not 0.
    """
    with tempfile.TemporaryFile("w+") as stdout, tempfile.TemporaryFile("w+") as stderr:
        begin = time.perf_counter()
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        child = subprocess.Popen(command, stdout=stdout, stderr=stderr, env=environment)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - begin
        child.returncode = status
        stdout.seek(0)
        stderr.seek(0)
        if status != 0:
            last = (stderr.read().strip().splitlines() or [f"status {status}"])[-1]
            raise Failed(re.sub("^error: ", "", last))
        unit = 1 if sys.platform == "darwin" else 1024
        return Run(seconds, usage.ru_maxrss * unit, stdout.read())


def probe(pythons):
    """What each interpreter has: its version, and those of the packages that matter here."""
    found = {}
    for python in pythons:
        try:
            found[python] = json.loads(run([python, "-c", PROBE]).stdout)
        except (OSError, Failed) as error:
            raise SettingError(f"--python {python} cannot be used: {error}") from error
    return found


def _by_number(version):
    return [int(number) for number in re.findall(r"\d+", version)]


def programs(pythons, peers):
    """Choose the programs to measure: logreg on every engine, of each peer the newest version.

    Parameters
    ----------
    pythons : dict
        As :func:`probe` returns it.
    peers : dict of {str: (str, str)}
        Label and package of each.

    Returns
    -------
    chosen : list of Program
    missing : list of str
        The labels of the peers whose package no interpreter has.
    """
    chosen, missing = [], []
    for python, found in pythons.items():
        for engine in ENGINES:
            if engine in found["packages"]:
                versions = f"{engine} {found['packages'][engine]}, Python {found['version']}"
                chosen.append(Program("logreg", f"logreg on {engine}", python, versions, engine))
    if not chosen:
        raise SettingError(
            "none of the interpreters has an engine: give one in which logreg trains, with --python"
        )
    for name, (label, package) in peers.items():
        having = {p: f["packages"][package] for p, f in pythons.items() if package in f["packages"]}
        if not having:
            missing.append(label)
            continue
        python = max(having, key=lambda p: _by_number(having[p]))
        chosen.append(Program(name, label, python, f"{package} {having[python]}"))
    return chosen, missing


def train(program, args, output, n_epochs=None, env=None):
    """Run a program's training once; return what it reports, with the process's own figures."""
    options = ["--dataset", args.dataset, "--batch-size", str(args.batch_size)]
    options += ["--n-epochs", str(n_epochs or args.n_epochs)]
    if program.engine:
        env = {"LOGREG_ENGINE": program.engine, **(env or {})}
        command = [program.python, "-m", "logreg.train", *options, "--output", output]
        done = run([*command, "--floatx", "float32", "--device", args.device], env)
        report = of_log(done.stdout)
    else:
        options += ["--target", str(float(REFERENCE[0]) / 100)]
        options += ["--device", args.device.replace("jax:", "")]
        done = run([program.python, PEERS_SCRIPT, program.name, *options], env)
        report = json.loads(done.stdout)
    return {**report, "seconds_in_all": done.seconds, "peak_bytes": done.peak}


def of_log(log):
    """The figures in what logreg.train prints."""
    errors = re.search(r"validation score of (\S+) %, with test performance (\S+) %", log)
    epochs, rate = re.search(r"run for (\d+) epochs, with (\S+) epochs/sec", log).groups()
    return {
        "epochs": int(epochs),
        "seconds": int(epochs) / float(rate),
        "validation_error": float(errors.group(1)),
        "test_error": float(errors.group(2)),
    }


def cold(program, args, folder):
    """Seconds from start to result of an engine that has compiled nothing yet."""
    empty = tempfile.mkdtemp(dir=folder)
    env = {"NUMBA_CACHE_DIR": os.path.join(empty, "numba")}
    for engine in ENGINES:
        given = os.environ.get(engine.upper() + "_FLAGS")
        flags = [given] if given else []
        flags.append(f"base_compiledir={os.path.join(empty, engine)}")
        env[engine.upper() + "_FLAGS"] = ",".join(flags)
    return train(program, args, os.path.join(folder, "cold.pkl"), env=env)["seconds_in_all"]


def measure(chosen, args, folder):
    """Run every program in turn, `args.rounds` times; return the runs of each, or its error."""
    runs, failed = {program: [] for program in chosen}, {}
    for number, program in itertools.product(range(args.rounds + 1), chosen):
        is_slow = runs[program] and runs[program][0]["seconds_in_all"] > SLOW
        if program in failed or is_slow:
            continue
        output = os.path.join(folder, "best_model.pkl")
        try:
            if number == 0:
                # So that the caches are warm, the file system's too.
                train(program, args, output, n_epochs=1)
                continue
            runs[program].append(train(program, args, output))
        except Failed as error:
            failed[program] = str(error)
        else:
            note(f"round {number}, {program.label}: {runs[program][-1]['seconds']:.2f} s")
    return runs, failed


def verdict(name, report, expected):
    """What is to be said of a row's errors: nothing, if they are those that are expected.

    Parameters
    ----------
    name : str
        The program's.
    report : dict
        Of a run, or of several.
    expected : (str, str)
        Validation and test error in percent, as the tutorial prints them.
    """
    reached = tuple("%f" % report[error] for error in ("validation_error", "test_error"))
    if name in OTHER_ALGORITHMS:
        return "another algorithm: {} / {} %".format(*reached)
    if reached != tuple(expected):
        return "DIFFERS: reached {} / {} %, not {} / {}".format(*reached, *expected)
    return ""


def summary(chosen, runs, failed, limit, expected):
    """The rows of the training table, as dictionaries: medians and ratios.

    Parameters
    ----------
    chosen : list of Program
    runs : dict of {Program: list of dict}
    failed : dict of {Program: str}
    limit : dict
        As ``scripts/peers.py limit`` reports it.
    expected : (str, str) or None
        As for :func:`verdict`; if not given, what the first logreg reached.
    """
    rows = []
    for program in chosen:
        row = {"program": program.label, "versions": program.versions}
        rows.append(row)
        if program in failed:
            row["remark"] = f"failed: {failed[program]}"
            continue
        reports = runs[program]
        for key in reports[0]:
            row[key] = statistics.median(report[key] for report in reports)
        row["rounds"] = len(reports)
        row["epochs_per_second"] = row["epochs"] / row["seconds"]
        row["of_limit"] = row["epochs_per_second"] * limit["seconds"]
        if program.engine and expected is None:
            expected = ["%f" % row[error] for error in ("validation_error", "test_error")]
        remarks = {verdict(program.name, report, expected or REFERENCE) for report in reports}
        row["remark"] = "; ".join(sorted(remarks - {""}))
    # Of several engines the slowest: the user does not always choose.
    ours = [r["epochs_per_second"] for p, r in zip(chosen, rows) if p.engine and "epochs" in r]
    for row in rows:
        if ours and "epochs" in row:
            row["ours_to_this"] = min(ours) / row["epochs_per_second"]
    return rows


def expected(args):
    """The errors that the tutorial's algorithm reaches, if that is known of these settings."""
    settings = (args.dataset, args.batch_size, args.n_epochs)
    return REFERENCE if settings == (DATASET, DEFAULTS.batch_size, DEFAULTS.n_epochs) else None


def growth(program, args, folder):
    """Train logreg on larger and larger data: seconds for a row, and peak memory."""
    if args.quick:
        sizes = [(1, 0, 784, 10), (0, 1200, 784, 100)]
    else:
        sizes = [(repeat, 0, 784, 10) for repeat in (1, 2, 4, 8)]
        sizes += [(0, 20000, 784, n_out) for n_out in (10, 100, 1000)]
        sizes += [(0, 20000, n_in, 10) for n_in in (784, 3072)]
    rows = []
    for size in dict.fromkeys(sizes):
        repeat, n_rows, n_in, n_out = size
        path = os.path.join(folder, "growth.npz")
        made = run([program.python, "-c", SYNTHETIC, path, *map(str, size), args.dataset])
        n_train, n_all = map(int, made.stdout.split())
        n_epochs = 1 if args.quick else 5
        here = argparse.Namespace(**{**vars(args), "dataset": path})
        report = train(program, here, os.path.join(folder, "growth.pkl"), n_epochs)
        os.remove(path)
        rows.append(
            {
                "program": program.label,
                "data": f"the data set x {repeat}" if repeat else f"{n_rows:,} random rows",
                "features": n_in,
                "classes": n_out,
                "rows": n_train,
                "seconds_per_row": report["seconds"] / n_epochs / n_train,
                "peak_bytes": report["peak_bytes"],
                "data_bytes": 4 * n_in * n_all,
            }
        )
    return rows


def prediction(program, args, folder):
    """Rows per second of a saved model, and the seconds of one image from a cold shell."""
    model, image = os.path.join(folder, "best_model.pkl"), os.path.join(folder, "image.npy")
    env = {"LOGREG_ENGINE": program.engine}
    if not os.path.exists(model):
        train(program, args, model, n_epochs=1)
    command = [program.python, "-c", PREDICT, model, args.dataset, "10000", image]
    seconds = json.loads(run(command, env).stdout)["seconds"]
    one = [program.python, "-m", "logreg.predict", "--model", model, image]
    shell = [run(one, env).seconds for _ in range(args.rounds + 1)][1:]
    return {
        "program": program.label,
        "rows_per_second": 10000 / seconds,
        "seconds_from_cold_shell": statistics.median(shell),
    }


def table(title, columns, rows):
    """Format rows as text.

    Parameters
    ----------
    title : str
    columns : list of (str, str or callable)
        Heading, and what of a row stands under it: a key, or a function of the row.
    rows : list of dict
        What a row lacks is left blank.
    """

    def cell(row, key):
        try:
            return str(key(row) if callable(key) else row[key])
        except KeyError:
            return ""

    lines = [[heading for heading, _ in columns]]
    lines += [[cell(row, key) for _, key in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    texts = []
    for line in lines:
        first, *numbers, last = zip(line, widths)
        cells = [first[0].ljust(first[1]), *(text.rjust(width) for text, width in numbers)]
        texts.append("  ".join([*cells, last[0]]).rstrip())
    return "\n".join([title, "", *texts, ""])


TRAINING = [
    ("program", "program"),
    ("epochs/s", lambda row: f"{row['epochs_per_second']:.2f}"),
    ("ours/this", lambda row: f"{row['ours_to_this']:.2f}"),
    ("of limit", lambda row: f"{row['of_limit']:.0%}"),
    ("epochs", lambda row: f"{row['epochs']:.0f}"),
    ("training s", lambda row: f"{row['seconds']:.2f}"),
    ("in all s", lambda row: f"{row['seconds_in_all']:.2f}"),
    ("cold s", lambda row: f"{row['cold_seconds']:.2f}"),
    ("peak MiB", lambda row: f"{row['peak_bytes'] / MIB:.0f}"),
    ("versions", "versions"),
    ("remark", "remark"),
]
GROWTH = [
    ("program", "program"),
    ("data", "data"),
    ("features", "features"),
    ("classes", "classes"),
    ("us/row", lambda row: f"{row['seconds_per_row'] * 1e6:.3f}"),
    ("peak MiB", lambda row: f"{row['peak_bytes'] / MIB:.0f}"),
    ("of float32 data", lambda row: f"{row['peak_bytes'] / row['data_bytes']:.2f}"),
]
PREDICTION = [
    ("program", "program"),
    ("rows/s", lambda row: f"{row['rows_per_second']:,.0f}"),
    ("one image, cold shell, s", lambda row: f"{row['seconds_from_cold_shell']:.2f}"),
]


def benchmark(args):
    """Measure what the options ask for.

    Returns
    -------
    dict
        The rows of each table, and where and how they were measured.
    """
    chosen, missing = programs(
        probe(args.python or [sys.executable]), {name: PEERS[name] for name in args.peers}
    )
    ours = [program for program in chosen if program.engine]
    load = os.getloadavg()[0]
    python = next((p.python for p in chosen if p.name == "numpy"), ours[0].python)
    options = ["--dataset", args.dataset, "--batch-size", str(args.batch_size)]
    limit = json.loads(run([python, PEERS_SCRIPT, "limit", *options]).stdout)
    with tempfile.TemporaryDirectory() as folder, neighbours(args.busy):
        runs, failed = measure(chosen, args, folder)
        rows = summary(chosen, runs, failed, limit, expected(args))
        working = [program for program in ours if program not in failed]
        if args.cold:
            for row, program in zip(rows, chosen):
                if program in working:
                    row["cold_seconds"] = cold(program, args, folder)
        result = {
            "machine": f"{platform.machine()}, {cpu()}, {limit['threads']} threads",
            "command": shlex.join(["python", *sys.argv]),
            "load_before": load,
            "busy_neighbours": args.busy,
            "limit": limit,
            "training": rows + [{"program": p, "remark": "not installed"} for p in missing],
        }
        if args.growth:
            result["growth"] = [row for p in working for row in growth(p, args, folder)]
        result["prediction"] = [prediction(program, args, folder) for program in working]
    return result


@contextlib.contextmanager
def neighbours(n):
    """Let `n` processes keep a core busy each within the block."""
    spin = [sys.executable, "-c", "while True: pass"]
    processes = [subprocess.Popen(spin) for _ in range(n)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def cpu():
    """The name of the processor, as well as it can be found out."""
    try:
        found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    except OSError:
        found = None
    return found.group(1) if found else platform.processor() or "unknown processor"


def shown(result):
    """The result as text."""
    limit = result["limit"]
    title = f"Training on {result['machine']}, medians; load before: {result['load_before']:.1f}"
    texts = [
        table(title, TRAINING, result["training"]),
        "the limit: {:.1f} epochs/s: {:.0f} MB at {:.1f} GB/s, or {:.2f} Gflop at {:.0f} Gflop/s\n"
        "ours/this: how many times as fast logreg is on its slowest engine here\n".format(
            1 / limit["seconds"],
            limit["bytes"] / 1e6,
            limit["bytes_per_second"] / 1e9,
            limit["flops"] / 1e9,
            limit["flops_per_second"] / 1e9,
        ),
    ]
    if "growth" in result:
        texts.append(table("Growth", GROWTH, result["growth"]))
    texts.append(table("Prediction, 10,000 rows at once", PREDICTION, result["prediction"]))
    return "\n".join(texts)


def add_arguments(parser):
    """Give a parser the options that every benchmark has."""
    add, default = parser.add_argument, " (default: %(default)s)"
    add("--dataset", metavar="PATH", default=DATASET, help="a file, folder or name" + default)
    add("--n-epochs", metavar="N", type=int, default=DEFAULTS.n_epochs, help="epochs" + default)
    add("--batch-size", metavar="N", type=int, default=DEFAULTS.batch_size, help="rows" + default)
    add("--rounds", metavar="N", type=int, default=5, help="times that each runs" + default)
    add("--json", metavar="FILE", help="where the result goes as JSON, too")
    add("--quick", action="store_true", help="see that it works: two epochs on the sample")


def check_arguments(args):
    """Make `args` what ``--quick`` asks for, and see that they make sense."""
    if args.quick:
        args.dataset, args.n_epochs, args.rounds = "mnist_sample", 2, 1
    if args.rounds < 1:
        raise SettingError(f"--rounds is {args.rounds}: give 1 or more")


def parser():
    """The options."""
    parser = argparse.ArgumentParser(
        description="Measure logreg beside what a user would pick instead, and beside the limit."
    )
    add = parser.add_argument
    add(
        "--python",
        metavar="PATH",
        action="append",
        help="an interpreter with an engine or with peers; several times (default: this one)",
    )
    add_arguments(parser)
    add("--peers", metavar="NAME", nargs="*", choices=[*PEERS], default=[*PEERS], help="only these")
    add("--cold", action="store_true", help="also run each engine once with empty caches")
    add("--growth", action="store_true", help="also train on more rows, classes and features")
    add("--threads", metavar="N", type=int, help="let all run on so many cores (Linux)")
    add("--busy", metavar="N", type=int, default=0, help="so many processes beside keep cores busy")
    return parser


@command
def main(argv=None):
    """Measure as the options say; see :func:`logreg.console.command` for the exit code."""
    args = parser().parse_args(argv)
    check_arguments(args)
    if args.threads is not None:
        try:
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: max(1, args.threads)])
        except AttributeError as error:
            raise SettingError("--threads needs Linux") from error
    args.device = "cpu"
    result = benchmark(args)
    print(shown(result))
    if args.json:
        Path(args.json).write_text(json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
