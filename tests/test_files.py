"""Files that are replaced whole, and those that must not be opened at all."""

import errno
import os
import time
from pathlib import Path

import pytest

from logreg.files import LEFTOVER_SECONDS, read_whole, replacing, try_replacing

pytestmark = pytest.mark.engine_free


def replace(path):
    with replacing(path) as file:
        file.write(b"new")


@pytest.fixture
def old(working_folder):
    path = working_folder / "model[1].pkl"
    path.write_bytes(b"old")
    return path


def test_nobody_sees_half_a_file(old):
    with replacing(old) as file:
        file.write(b"half")
        file.flush()
        assert old.read_bytes() == b"old"
        file.write(b" and half")
    assert old.read_bytes() == b"half and half"
    replace("other.pkl")
    assert Path("other.pkl").read_bytes() == b"new"
    assert sorted(os.listdir(".")) == ["model[1].pkl", "other.pkl"]


@pytest.mark.parametrize("call", ["write", "fsync", "replace"])
def test_a_block_or_a_disk_that_fails_leaves_the_old_file(old, monkeypatch, call):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"), replacing(old) as file:
        file.write(b"new")
        if call == "write":
            os.write(file)
    assert (old.read_bytes(), os.listdir(".")) == (b"old", [old.name])


def test_the_bytes_are_on_the_disk_before_the_name(old, monkeypatch):
    calls, fsync, rename = [], os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda *args: calls.append("fsync") or fsync(*args))
    monkeypatch.setattr(os, "replace", lambda *args: calls.append("replace") or rename(*args))
    replace(old)
    assert calls == ["fsync", "replace", *(["fsync"] if os.name == "posix" else [])]  # the folder's


@pytest.mark.skipif(os.name != "posix", reason="there is no umask here")
def test_links_and_the_umask_are_heeded(old):
    os.symlink(old, "link")
    before = os.umask(0o027)
    try:
        replace("link")
    finally:
        os.umask(before)
    assert os.path.islink("link") and old.read_bytes() == b"new"
    assert os.stat(old).st_mode & 0o777 == 0o640


@pytest.mark.parametrize("function", [try_replacing, replace, lambda path: read_whole(path, 9)])
def test_what_is_no_file_is_neither_replaced_nor_read(working_folder, function):
    os.mkdir("folder")
    if os.name == "posix":
        os.mkfifo("pipe")
    before = os.listdir(".")
    for path in (*before, "/dev/zero"):
        with pytest.raises(OSError, match="not a regular file"):
            function(path)
    assert os.listdir(".") == before


def test_a_file_is_read_up_to_the_limit_and_not_beyond(old):
    assert read_whole(old, 3) == b"old"
    with pytest.raises(OSError, match="more than 2 bytes"):
        read_whole(old, 2)
    with pytest.raises(FileNotFoundError):
        read_whole("nothing", 2)


@pytest.mark.parametrize("path", ["nowhere/model[1].pkl", "model[1].pkl/model[1].pkl"])
def test_a_folder_that_is_none_is_found_out_before(old, path):
    with pytest.raises(OSError):
        try_replacing(path)


def test_what_killed_processes_left_goes_after_a_while(run, old):
    killed = "import os, sys; from logreg.files import replacing\n"
    killed += "with replacing('model[1].pkl') as file:\n file.write(b'new'); os._exit(9)"
    for _ in range(2):
        assert run("-c", killed).returncode == 9
    stale, fresh = sorted(name for name in os.listdir(".") if name != old.name)
    others = [".model[1].pkl.bak", ".model[1].pkl.0123456789", ".other.pkl.01234567"]
    long_ago = time.time() - LEFTOVER_SECONDS - 60
    for name in (stale, *others):
        Path(name).touch()
        os.utime(name, (long_ago, long_ago))
    try_replacing(old)
    assert sorted(os.listdir(".")) == sorted(["model[1].pkl", fresh, *others])


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_stream_is_not_replaced_by_what_it_leads_to(run, working_folder, name):
    code = f"from logreg.files import replacing\nwith replacing({name!r}) as f: f.write(b'x')"
    with open("out", "w") as out:
        done = run("-c", code, stdout=out)
    assert done.returncode == 1 and "OSError: it is not a regular file" in done.stderr
    assert os.listdir(".") == ["out"]
