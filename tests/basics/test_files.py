"""Files that are replaced whole, and those that must not be opened at all."""

import itertools
import os
import re
import subprocess

import pytest

from logreg.basics.errors import LogRegError, ModelFileError, SettingError
from logreg.basics.files import check_files_differ, check_writable, write_whole
from logreg.prediction.writers import destination
from logreg.saving import model_file


def save(path):
    write_whole(path, b"new")


@pytest.fixture
def old(working_folder):
    path = working_folder / "model[1].pkl"
    path.write_bytes(b"old")
    return path


def write_table(path):
    with destination(path) as stream:
        for _ in range(3):
            stream.write(9999 * "x")  # more than a buffer holds


@pytest.mark.parametrize("write, n_writes", [(save, 1), (write_table, 3)])
def test_whichever_call_to_the_disk_fails_the_old_file_stays(old, write, n_writes, failing_disk):
    for n in itertools.count(1):
        failing_disk(n)
        try:
            write(old)
            break
        except LogRegError as error:
            assert str(error).startswith(f"{old} cannot be written: No space left")
            assert error.__cause__
        assert (old.read_bytes(), os.listdir()) == (b"old", [old.name])
    assert failing_disk.calls == n_writes * ["write"] + ["fsync", "replace"]
    assert old.read_bytes() != b"old" and os.listdir() == [old.name]


@pytest.mark.skipif(os.name != "posix", reason="there is no umask here")
def test_links_modes_and_the_umask_are_heeded(old, request):
    os.symlink(old, "link")
    os.chmod(old, 0o604)
    before = os.umask(0o027)
    request.addfinalizer(lambda: os.umask(before))
    save("link")
    save("new")
    for written, read in (("link", old), (old, "link")):
        with pytest.raises(SettingError, match=" would overwrite what is read, or written as well"):
            check_files_differ([written], [read])
    assert os.path.islink("link") and old.read_bytes() == b"new"
    assert [os.stat(path).st_mode & 0o777 for path in (old, "new")] == [0o604, 0o640]


@pytest.mark.parametrize("function", [check_writable, save, model_file.read_model])
def test_what_is_no_file_is_neither_replaced_nor_read(function):
    os.mkdir("folder")
    if os.name == "posix":
        os.mkfifo("pipe")
    before = os.listdir()
    paths = [*before, "/dev/zero"]
    if function != model_file.read_model:  # it says that nothing is there
        paths += ["new/", "new/.", "new/.."]
    for path in paths:
        with pytest.raises(ModelFileError, match="it is not a regular file"):
            function(path)
    assert os.listdir() == before


@pytest.mark.parametrize("path", ["nowhere/x", "model[1].pkl/x", "x" * 252, "x\0y"])
def test_what_can_have_no_temporary_file_is_found_out_before(old, path):
    with pytest.raises(ModelFileError, match=f"{re.escape(path)} cannot be written: .*; make its"):
        check_writable(path)


WRITE = """
import os, sys
from logreg.basics.files import replacing
with replacing('model[1].pkl') as file:
    file.write(b'from a process')
    print(flush=True)
    sys.stdin.readline() or os._exit(9)
"""


def test_two_that_write_one_file_do_not_meet(run, start, old):
    """The last to end wins, and what a killed one left is in nobody's way."""
    run("-c", WRITE, stdin=subprocess.DEVNULL, code=9)
    (left,) = set(os.listdir()) - {old.name}
    writer = start("-c", WRITE, stdin=subprocess.PIPE)
    writer.stdout.readline()
    save(old)
    assert old.read_bytes() == b"new"
    writer.communicate("go on\n", timeout=600)
    assert old.read_bytes() == b"from a process"
    assert sorted(os.listdir()) == sorted([old.name, left])
