"""Several processes that train one model: the log, the bits, the ends."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from builders import make_pairs, save_pairs, write
from conftest import ROOT

from logreg.basics.ranks import OneRank, find_ranks

MPIEXEC = Path(sys.executable).parent / "mpiexec"
JOINED = "import logreg.engine\nfrom logreg.basics.ranks import ranks\n"  # by that import
TRAIN = "import sys; from logreg.train import main; sys.exit(main({}))"
OPTIONS = ["--dataset", "pairs.npz", "--batch-size", "20", "--n-epochs", "4"]


@pytest.fixture(scope="session")
def mpirun():
    """Run Python on so many ranks to an exit code; None is any. Skip where MPI is not installed."""
    pytest.importorskip("mpi4py", reason="mpi4py is not installed: pip install '.[mpi]'")
    if not MPIEXEC.exists():
        pytest.skip("no mpiexec beside this Python: pip install '.[mpi]'")

    def mpirun(n, *args, code=0, env=None):
        env = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT}/tests", **(env or {})}
        command = [str(MPIEXEC), "-n", str(n), sys.executable, *map(str, args)]
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1800)
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done

    return mpirun


@pytest.fixture
def pairs():
    """Three pairs, in pairs.npz."""
    save_pairs("pairs.npz", make_pairs((410, 110, 75), n_in=6, seed=3))


def lines(done):
    """What a run has printed, but its speed and what it begins with."""
    return [line for line in done.stdout.splitlines() if not re.match(r"The code run|\.\.\.", line)]


def found():
    """What programs of the working folder have written, rank by rank."""
    return [json.loads(path.read_text()) for path in sorted(Path().glob("found*.json"))]


# ---- the log and the bits


@pytest.mark.parametrize("n, n_epochs", [(2, 1000), (3, 6)])
def test_the_log_is_the_tutorials(mpirun, mnist_folder, n, n_epochs):
    env = {"LOGREG_DATA": str(mnist_folder)}
    done = mpirun(n, "-m", "logreg.train", "--check-reference", "--n-epochs", n_epochs, env=env)
    assert done.stderr.count("all figures agree with the tutorial's") == 1
    assert done.stdout.count("... training the model") == 1


TRAINS = """
import json, zlib, numpy, pandas
from builders import make_pairs
from logreg import Hyperparameters, LogisticRegression, engine, fit, load_data, updates
from logreg.callbacks import BestModel, Callback, StopTraining
from logreg.datasets.dataset import read_dataset
from logreg.parts.options import TableOptions
from logreg.engine import T, theano
from logreg.basics.ranks import ranks
from logreg.sgd import train_softmax

theano.config.floatX = "float32"

def train(rule, batch_size=20, l1=0, l2=0, n_hidden=0, seed=None, callbacks=()):
    x, y = T.matrix("x"), T.ivector("y")
    top, params, n_in = x, [], 6
    if n_hidden:
        start = numpy.random.RandomState(seed).uniform(-1, 1, (6, n_hidden)).astype("float32")
        V = theano.shared(start)
        top, params, n_in = T.tanh(T.dot(x, V)), [V], n_hidden
    classifier = LogisticRegression(top, n_in, 3)
    params = [*params, *classifier.params]
    cost = classifier.negative_log_likelihood(y)
    if l1 or l2:
        cost += l1 * abs(classifier.W).sum() + l2 * (classifier.W**2).sum()
    pairs = make_pairs((620, 605, 605), n_in=6, seed=3)
    pairs = load_data([((99 + 40 * x).clip(0, 255).astype("uint8"), y) for x, y in pairs])
    settings, errors = Hyperparameters(batch_size=batch_size, n_epochs=2), classifier.errors(y)
    callbacks = [BestModel("params"), *callbacks]
    run = fit(x, y, cost, errors, rule(cost, params), pairs, settings, callbacks)
    assert open("params", "rb").read()  # what rank 0 has written is there for all
    return figures(run)

def figures(run):
    bits = b"".join(engine.value(p).tobytes() for p in run.params)
    found = [[v.error, v.error_all_rows, v.cost] for v in run.validations]
    return [zlib.crc32(bits), run.iter, run.ending], found

def train_on_weighted_rows():
    x, y = make_pairs((620,), n_in=6, seed=3)[0]
    y[::4] = 0  # so the model makes errors everywhere
    frame = pandas.DataFrame(x, columns=[*"abcdef"]).assign(kind=y, weight=range(620))
    data = read_dataset(frame, TableOptions("kind", weight_column="weight"), dtype="float32")
    settings = Hyperparameters(batch_size=20, n_epochs=2)
    return figures(train_softmax(data, settings, output=None, refit=False))
"""
RUNS = """
found = [
    train(lambda c, p: updates.momentum(c, p, 0.05, 0.9), batch_size=3, l1=0.001, l2=0.01),
    train(lambda c, p: updates.sgd(c, p[::-1], 0.1), batch_size=601),
    train(lambda c, p: updates.adam(c, p), batch_size=61, n_hidden=5, seed=ranks.rank),
    train_on_weighted_rows(),
]
json.dump(found, open(f"found{ranks.rank}.json", "w"))
"""


def test_any_rule_batch_size_and_net_gives_the_figures_of_one_process(run, mpirun):
    """Uneven shares, penalties, rows that count differently, and a net with other first weights."""
    run("-c", TRAINS + RUNS, env={"PYTHONPATH": f"{ROOT}:{ROOT}/tests"})
    (alone,) = found()
    mpirun(3, "-c", TRAINS + RUNS)
    first, *others = found()
    assert others == [first, first]
    for (_, expected), (_, figures) in zip(alone, first):
        numpy.testing.assert_allclose(figures, expected, rtol=1e-5)  # one row more is 1e-3


# ---- data


ELSEWHERE = """
import os
if ranks.rank:
    os.chdir("empty")
n = str(max(1, len(os.sched_getaffinity(0)) // 2))
assert [os.environ[f"{name}_NUM_THREADS"] for name in ("LOGREG", "OPENBLAS")] == [n, "7"]
"""


def test_rank_0_alone_writes(mpirun, pairs):
    os.mkdir("empty")
    elsewhere = JOINED + ELSEWHERE
    options = ["--dataset", os.path.abspath("pairs.npz"), *OPTIONS[2:]]
    options += ["--history", "run.csv", "--checkpoint", "run.state"]
    for more in ([], ["--resume", "--n-epochs", "6"]):
        script = elsewhere + TRAIN.format(options + more)
        done = mpirun(2, "-c", script, env={"OPENBLAS_NUM_THREADS": "7"})
    assert "epoch 5, " in done.stdout and "epoch 4, " not in done.stdout
    assert os.listdir("empty") == []
    assert {"best_model.pkl", "run.csv", "run.state"} < set(os.listdir())


# ---- the ends

SIGNALLED = """
import os, sys
from logreg.callbacks import Interruption
from logreg.train import main
target, iter, number = {}
heed = Interruption.on_minibatch_end
def signalled(self, run):
    if ranks.rank == target and run.iter >= iter and self.received is None:
        os.kill(os.getpid(), number)
    heed(self, run)
Interruption.on_minibatch_end = signalled
sys.exit(main({}))
"""


def test_a_signal_to_any_rank_ends_all_and_the_run_resumes_on_others(run, mpirun, pairs):
    options = [*OPTIONS[:4], "--n-epochs=100", "--patience=100000", "--learning-rate=0.002"]
    undisturbed = run("-m", "logreg.train", *options, "--output", "whole.pkl")
    state = [*options, "--checkpoint", "run.state", "--history", "run.csv"]
    script = JOINED + SIGNALLED
    again = [*state, "--resume"]
    first = mpirun(2, "-c", script.format((1, 205, int(signal.SIGTERM)), state), code=143)
    assert first.stderr.count("can --resume") == 1
    second = mpirun(3, "-c", script.format((0, 807, int(signal.SIGINT)), again), code=130)
    last = run("-m", "logreg.train", *again)
    assert lines(first) + lines(second) + lines(last) == lines(undisturbed)
    assert len(Path("run.csv").read_text().splitlines()) == 101


STOPS = """
class Stop(Callback):
    def {}(self, run, *_):
        if run.iter >= 35:
            raise StopTraining("enough")

stops = [Stop()] if ranks.rank == 1 else []
found = train(lambda c, p: updates.sgd(c, p, 0.1), callbacks=stops)
json.dump(found, open(f"found{{ranks.rank}}.json", "w"))
"""


@pytest.mark.parametrize("moment, iter", [("on_minibatch_end", 35), ("on_validation", 61)])
def test_a_callback_that_stops_one_rank_stops_all(mpirun, moment, iter):
    """An epoch has 31 minibatches, and a validation at its end."""
    mpirun(3, "-c", TRAINS + STOPS.format(moment))
    first, *others = found()
    assert first[0][1:] == [iter, "stopped: enough"]
    assert others == [first, first]


FAILING = """
import sys
from logreg import early_stopping
def fail(*args):
    {}
if ranks.rank == {}:
    early_stopping.EarlyStopping.update = fail
"""


@pytest.mark.parametrize(
    "script, message",
    [
        (FAILING.format("1 / 0", 0), "error: rank 0 of 3: Traceback"),
        (FAILING.format("sys.exit(5)", 1), "SystemExit: 5"),
        (FAILING.format("sys.exit('error: no')", 0), "error: no\n"),
        # Before the training
        ("if ranks.rank == 2: 1 / 0\n", "error: rank 2 of 3: Traceback"),
        ("if ranks.rank == 1: raise SystemExit\n", "error: rank 1 has ended, and rank 0 has not"),
    ],
)
def test_a_rank_that_fails_ends_all_and_is_named(mpirun, pairs, script, message):
    done = mpirun(3, "-c", JOINED + script + TRAIN.format(OPTIONS), code=None)
    assert done.returncode != 0 and message in done.stderr
    named = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert len(named) == 1, done.stderr


def test_what_differs_between_ranks_or_cannot_be_summed_is_refused(mpirun, pairs):
    main = JOINED + TRAIN.format(f"{OPTIONS} + ['--l2=%d' % (1 + ranks.rank // 2)]")
    rows = "make_pairs = lambda *n, f=make_pairs, **how: f(*n, n_in=6, seed=ranks.rank // 2)\n"
    rule = "train(lambda c, p: updates.sgd(c, p, {}))"
    sizes = "train(lambda c, p: updates.sgd(c, p, 0.1), 20 + ranks.rank // 2)"
    of_another_cost = "train(lambda c, p: [(v, v - 0.1 * T.grad(2 * c, v)) for v in p])"
    for script, what in (
        (main, f"of rank 2 is {OPTIONS + ['--l2=2']}, and of rank 0 {OPTIONS + ['--l2=1']}: "),
        (TRAINS + sizes, "hyperparameters of rank 2 is Hyper"),
        (TRAINS + rows + rule.format(0.1), "the data of rank 2 is ['"),
        (TRAINS + rule.format("0.1 + ranks.rank // 2"), "the parameters' checksum of rank 2 is"),
        (TRAINS + of_another_cost, "the updates depend on the minibatch in another way"),
    ):
        done = mpirun(3, "-c", script, code=None)
        assert what in done.stderr and done.returncode != 0 and "epoch" not in done.stdout


@pytest.mark.once
@pytest.mark.parametrize(
    "size, rank, before, message",
    [
        ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID", "", "MPI sees 1: "),
        ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "", "MPI sees 1: "),
        ("PMI_SIZE", "PMI_RANK", "sys.modules['mpi4py'] = None; ", "mpi4py does not import"),
    ],
)
def test_launchers_of_another_mpi_or_of_none(mpirun, run, pairs, size, rank, before, message):
    script = "import sys; " + before + TRAIN.format(OPTIONS)
    env = {size: "4", rank: "3"}
    for one in ({"LOGREG_RANKS": "0"}, {"PMI_SIZE": "1"}):  # such as by mpiexec, in a job of four
        alone = run("-c", script, env={**env, **one})
        assert alone.stdout.count("Optimization complete") == 1
    imports = run("-c", f"import sys; {before}from logreg import fit; print(fit.__name__)", env=env)
    assert imports.stdout == "fit\n"
    done = run("-c", script, env=env, code=1)
    assert done.stderr.count("error: ") == 1
    assert f"error: rank 3 of 4: 4 processes were started together, and {message}" in done.stderr


@pytest.mark.parametrize("size", ["PMI_SIZE", "OMPI_COMM_WORLD_SIZE"])
def test_a_process_that_is_started_alone_within_a_job_of_several_is_alone(size, monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "4")
    assert find_ranks().__class__ is not OneRank
    monkeypatch.setenv(size, "1")
    assert find_ranks().__class__ is OneRank


@pytest.mark.once
@pytest.mark.parametrize(
    "options, code, message",
    [
        (["--help"], 0, ""),  # nothing on stderr
        (["--dataset", "t.csv"], 0, "note: with several ranks, the model is not trained anew"),
        (["--batch-size", "x"], 2, "argument --batch-size: invalid int value: 'x'"),
        (["--batch-size", "2"], 1, "error: the batch size is 2, and there are 3 ranks"),
        (["--refit"], 1, "error: several ranks share the rows of a set: give --no-refit"),
        (["--device", "jax:cpu"], 1, "error: device 'jax:cpu': several ranks train on the CPU"),
    ],
)
def test_what_is_said_of_all_is_said_once(mpirun, pairs, options, code, message):
    write("t.csv", "a,k\n" + "1,x\n2,y\n" * 99)
    done = mpirun(3, "-m", "logreg.train", *OPTIONS, *options, code=code)
    assert done.stderr.count(message) == 1 and done.stderr.count("rror: ") == bool(code)
