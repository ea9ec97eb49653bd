"""What every test gets: an empty working folder, and no data set but the sample."""

import contextlib
import errno
import importlib
import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tracemalloc
from collections import namedtuple
from pathlib import Path
from unittest import mock

import numpy
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "scripts"))
# What the tests compute is small; and how busy the machine is must not change what is printed.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Workers that test side by side compile in folders of their own: one removes what another, as it
# seems to it, has left unfinished.
if "PYTEST_XDIST_WORKER" in os.environ:
    folder = os.path.expanduser(os.path.join("~", ".theano", os.environ["PYTEST_XDIST_WORKER"]))
    flags = os.environ.get("THEANO_FLAGS", "")
    os.environ["THEANO_FLAGS"] = f"base_compiledir={folder}" + ("," + flags if flags else "")
# A shell has what it starts in the background ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(config, val, argname):
    """Name no test by bytes: those of gzip tell the time, and workers need the same names."""
    return argname if isinstance(val, bytes) else None


@pytest.fixture(autouse=True)
def working_folder(tmp_path, monkeypatch):
    """Run each test in an empty folder, so that nothing of the user's is found or touched."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(autouse=True)
def state_of_the_process(monkeypatch):
    """However slowly this machine compiles, nothing is said of it; the next test has floatX anew.

    A command that runs in this process sets the engine's.
    """
    from logreg.basics.console import printing

    monkeypatch.setattr("logreg.basics.console.SLOW_AFTER", 1e6)
    with printing():  # as in a command: most tests look for notes on stderr
        yield
    if "logreg.engine" in sys.modules:
        sys.modules["logreg.engine"].theano.config.floatX = "float64"


@pytest.fixture
def stderr(capsys):
    """What has come on stderr since the last call."""
    return lambda: capsys.readouterr().err


@pytest.fixture
def random():
    """Random numbers, in each test the same."""
    return numpy.random.RandomState(0)


@pytest.fixture
def failing_disk(monkeypatch):
    """Let the n-th call to the disk fail, of those that write, bring to the disk and rename.

    The names of the calls since then are in its `calls`.
    """

    from logreg.basics import files

    def counted(call):
        def counting(*args):
            fail_at.calls.append(call.__name__)
            if len(fail_at.calls) == fail_at.n:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return call(*args)

        return counting

    class File(io.FileIO):
        write = counted(io.FileIO.write)

    def fail_at(n):
        fail_at.n, fail_at.calls = n, []

    fail_at(0)
    monkeypatch.setattr(files, "open", lambda *args: io.BufferedWriter(File(*args)), raising=False)
    for name in ("fsync", "replace"):
        monkeypatch.setattr(os, name, counted(getattr(os, name)))
    return fail_at


class Ended(namedtuple("Ended", "code out err")):
    """How a command ended, and what it printed."""

    @property
    def json(self):
        """What it printed as JSON."""
        return json.loads(self.out)


@pytest.fixture(scope="session")
def cli():
    """Run a command in this process, or a script's module: `cli("predict x.npy --keep", name)`.

    It must end with the exit code; None is any.
    """

    def cli(module, *words, code=0):
        if isinstance(module, str):
            name, *first_words = module.split()
            module = importlib.import_module(f"logreg.{name}")
            words = (*first_words, *words)
        out = io.StringIO()
        err = io.StringIO()
        with mock.patch.multiple(
            "sys", stdin=io.TextIOWrapper(io.BytesIO()), stdout=out, stderr=err
        ):
            try:
                ended_with = module.main([str(word) for word in words])
            except SystemExit as exit:  # argparse's
                ended_with = exit.code or 0
        assert code in (None, ended_with), err.getvalue()
        return Ended(ended_with, out.getvalue(), err.getvalue())

    return cli


@pytest.fixture(params=["cpu", "jax:cpu"])
def device(request):
    """The CPU, and JAX on it, which stands for a GPU."""
    from logreg import engine

    if request.param == "jax:cpu":
        if engine.NAME != "pytensor":
            pytest.skip("JAX is PyTensor's backend")
        pytest.importorskip("jax")
    with engine.floatx("float32"):
        engine.use_device(request.param)
        yield request.param
        engine.use_device("cpu")


@contextlib.contextmanager
def peak_memory():
    """Gives a function that tells, after the block, how many bytes that took at the most."""
    tracemalloc.start()
    try:
        yield lambda: peak
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()


def _process(*args, env=None, **options):
    """The arguments of :mod:`subprocess` that start this interpreter with some of its own."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    env = {name: value for name, value in env.items() if value is not None}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return {"args": [sys.executable, *map(str, args)], "env": env, **pipes, **options}


@pytest.fixture(scope="session")
def run():
    """Run this interpreter with some arguments, and wait for its end with an exit code.

    What a slow machine makes a program say beside its own messages is left out of stderr.
    """

    def run(*args, code=0, **options):
        done = subprocess.run(**_process(*args, **options), check=False)
        assert done.returncode == code, done.stderr
        done.stderr = re.sub(r"(?m)^.*which takes longest the first time.*\n", "", done.stderr)
        return done

    return run


@pytest.fixture
def start():
    """Start this interpreter with some arguments; what still runs is killed after the test."""
    with contextlib.ExitStack() as stack:

        def start(*args, **options):
            process = stack.enter_context(subprocess.Popen(**_process(*args, **options)))
            stack.callback(process.kill)
            return process

        yield start


@pytest.fixture
def clone(tmp_path):
    """A copy of the project, its kernel too, without what else was built, fetched or made in it."""
    made = ".git .venv* .*cache .hypothesis __pycache__ build dist *.egg-info *-ubyte*"
    left_out = shutil.ignore_patterns(
        *made.split(), "best_model.pkl", "best_model.html", "run.csv", "run.state"
    )
    return shutil.copytree(ROOT, tmp_path / "logreg", ignore=left_out)


@pytest.fixture(scope="session")
def mnist_folder():
    """A folder with MNIST whole and right; skip where it cannot be had."""
    from logreg.basics.errors import DownloadError
    from logreg.datasets import mnist

    try:
        return Path(mnist.fetch()).resolve()
    except DownloadError as error:
        pytest.skip(f"MNIST cannot be had: {error}")


@pytest.fixture(scope="session")
def chromium():
    """The browser, of which every request and every line of the console is kept."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    browser, driver = (shutil.which(name) for name in ("chromium", "chromedriver"))
    if not (browser and driver):
        pytest.skip("there is no chromium, or no chromedriver (Debian: chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    flags = "headless=new", "no-sandbox", "disable-dev-shm-usage", "disable-gpu"
    for flag in (*flags, "disable-smooth-scrolling"):  # a press would miss what still moves
        options.add_argument("--" + flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    window = webdriver.Chrome(options, webdriver.ChromeService(driver))
    window.set_window_size(1200, 1000)
    window.set_script_timeout(300)  # however busy the machine is
    yield window
    window.quit()


@pytest.fixture
def open_page(chromium):
    """Open a page of disk; after the test, nothing was asked of a network, and nothing failed."""

    def open_page(path, query=""):
        chromium.get(Path(path).resolve().as_uri() + query)
        return chromium

    yield open_page
    assert chromium.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    sent = [e["params"] for e in events if e["method"] == "Network.requestWillBeSent"]
    schemes = {params["request"]["url"].split(":")[0] for params in sent}
    assert {"file"} <= schemes <= {"file", "data", "blob"}


@pytest.fixture
def emulate(chromium):
    """Let a page be shown on a medium, with these features of it, or at this width."""

    def emulate(width=None, media="", **features):
        named = [{"name": k.replace("_", "-"), "value": v} for k, v in features.items()]
        chromium.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": named})
        if width:
            size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
            chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)

    yield emulate
    emulate()
    chromium.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
