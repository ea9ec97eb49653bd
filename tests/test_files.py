"""Files that are replaced whole, and those that must not be opened at all."""

import errno
import os
import subprocess
import sys
import time

import pytest

from logreg.files import LEFTOVER_SECONDS, read_whole, replacing, try_replacing

needs_pipes = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")


def replace(path, data):
    with replacing(path) as file:
        file.write(data)


@pytest.fixture
def old(working_folder):
    path = working_folder / "model.pkl"
    path.write_bytes(b"old")
    return path


def assert_untouched(old):
    assert old.read_bytes() == b"old"
    assert os.listdir(str(old.parent)) == [old.name]


def test_a_new_file_and_a_replaced_one(old):
    replace(old, b"new")
    replace("other.pkl", b"other")
    assert old.read_bytes() == b"new"
    assert sorted(os.listdir(".")) == ["model.pkl", "other.pkl"]
    with open("other.pkl", "rb") as file:
        assert file.read() == b"other"


def test_nobody_sees_half_a_file(old):
    with replacing(old) as file:
        file.write(b"half")
        file.flush()
        assert old.read_bytes() == b"old"
        file.write(b" and half")
    assert old.read_bytes() == b"half and half"


def test_a_block_that_fails_leaves_the_old_file(old):
    with pytest.raises(KeyboardInterrupt), replacing(old) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    assert_untouched(old)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file(old, monkeypatch, call):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left"):
        replace(old, b"new")
    assert_untouched(old)


def test_the_bytes_are_on_the_disk_before_the_name(old, monkeypatch):
    calls = []
    for name in ("fsync", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(
            os, name, lambda *args, name=name, real=real: calls.append(name) or real(*args)
        )
    replace(old, b"new")
    assert calls[:2] == ["fsync", "replace"]
    if os.name == "posix":
        assert calls[2:] == ["fsync"]  # of the folder


def test_a_symbolic_link_stays_one(old):
    try:
        os.symlink(str(old), "link")
    except (OSError, NotImplementedError):
        pytest.skip("there are no symbolic links here")
    replace("link", b"new")
    assert os.path.islink("link") and old.read_bytes() == b"new"


def test_the_umask_decides_who_may_read(working_folder):
    if os.name != "posix":
        pytest.skip("there is no umask here")
    before = os.umask(0o027)
    try:
        replace("model.pkl", b"new")
    finally:
        os.umask(before)
    assert os.stat("model.pkl").st_mode & 0o777 == 0o640


def test_a_folder_is_neither_replaced_nor_read(working_folder):
    os.mkdir("folder")
    for function in (try_replacing, lambda path: replace(path, b""), lambda p: read_whole(p, 9)):
        with pytest.raises(OSError, match="not a regular file"):
            function("folder")
    assert os.listdir(".") == ["folder"]


@needs_pipes
def test_a_pipe_does_not_block(working_folder):
    os.mkfifo("pipe")
    for function in (try_replacing, lambda path: replace(path, b""), lambda p: read_whole(p, 9)):
        with pytest.raises(OSError, match="not a regular file"):
            function("pipe")
    assert os.listdir(".") == ["pipe"]


def test_a_device_is_neither_replaced_nor_read():
    if not os.path.exists("/dev/zero"):
        pytest.skip("there are no devices here")
    for function in (try_replacing, lambda path: replace(path, b""), lambda p: read_whole(p, 9)):
        with pytest.raises(OSError, match="not a regular file"):
            function("/dev/zero")


def test_a_file_is_read_up_to_the_limit_and_not_beyond(old):
    assert read_whole(old, 3) == b"old"
    with pytest.raises(OSError, match="more than 2 bytes"):
        read_whole(old, 2)
    with pytest.raises(FileNotFoundError):
        read_whole("nothing", 2)


@pytest.mark.parametrize("path", ["nowhere/model.pkl", "model.pkl/model.pkl"])
def test_a_folder_that_is_none_is_found_out_before(old, path):
    for function in (try_replacing, lambda path: replace(path, b"new")):
        with pytest.raises(OSError):
            function(path)
    assert_untouched(old)


def test_what_killed_processes_left_goes_after_a_while(old):
    killed = "import os, sys; from logreg.files import replacing\n"
    killed += "with replacing('model.pkl') as file:\n file.write(b'new'); os._exit(9)"
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    env = {**os.environ, "PYTHONPATH": root}
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", killed], env=env, check=False).returncode == 9
    stale, fresh = sorted(name for name in os.listdir(".") if name != old.name)
    others = [".model.pkl.bak", ".model.pkl.0123456789", ".other.pkl.01234567"]
    for name in (stale, *others):
        open(name, "ab").close()
        long_ago = time.time() - LEFTOVER_SECONDS - 60
        os.utime(name, (long_ago, long_ago))
    try_replacing(old)
    assert sorted(os.listdir(".")) == sorted(["model.pkl", fresh, *others])
    assert old.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_stream_is_not_replaced_by_what_it_leads_to(run, working_folder, name):
    code = f"from logreg.files import replacing\nwith replacing({name!r}) as f: f.write(b'x')"
    with open("out", "w") as out:
        done = run("-c", code, stdout=out)
    assert done.returncode == 1 and "OSError: it is not a regular file" in done.stderr
    assert os.listdir(".") == ["out"]
