"""Files: written whole or not at all, read with a limit, or mapped into memory."""

import contextlib
import os
import uuid
from typing import Union

import numpy

from logreg.basics.errors import ModelFileError, SettingError

# The tutorial's names for what it reads and writes.
DATASET = "mnist.pkl.gz"
BEST_MODEL = "best_model.pkl"

AnyPath = Union[str, "os.PathLike[str]"]
# Parts of messages.
NOT_REGULAR = "it is not a regular file"
UNCHANGED = "what was there before is unchanged"


@contextlib.contextmanager
def replacing(path):
    """Open a binary file for writing that takes the place of `path` at the end of the block.

    The bytes go to a temporary file in the same folder. It is renamed when they are on the disk. If
    the block or the disk fails, or the process is killed, `path` is as it was. The new file has the
    mode of the old one. A symbolic link is followed. An OSError is raised if `path` is a device or
    a folder.
    """
    path = _real_path(path)
    with _temporary_file(path) as file:
        with contextlib.suppress(OSError):  # there is no such file, or the disk keeps no modes
            os.chmod(file.name, os.stat(path).st_mode & 0o7777)
        yield file
        file.flush()
        os.fsync(file.fileno())
        file.close()  # Windows does not rename an open one
        os.replace(file.name, path)


@contextlib.contextmanager
def explaining(
    path, fault="cannot be written", advice=UNCHANGED, catch=OSError, raises=ModelFileError
):
    """Turn an error of the types `catch` in the block into one of ours, of the type `raises`.

    Its message has the path, what failed (`fault`), why, and what to do (`advice`).

    Examples
    --------
    >>> with explaining("", advice="", catch=MemoryError):
    ...     raise MemoryError
    Traceback (most recent call last):
    logreg.basics.errors.ModelFileError: '' cannot be written: there is not enough memory
    >>> with explaining("model.pkl", "cannot be loaded", "give another"):
    ...     raise OSError(28, "No space", "of a temporary name")
    Traceback (most recent call last):
    logreg.basics.errors.ModelFileError: model.pkl cannot be loaded: No space; give another
    """
    try:
        yield
    except catch as error:
        # An OSError's text has the name of the file as well, which here may be a temporary one.
        reason = getattr(error, "strerror", None) or str(error) or "there is not enough memory"
        name = os.fsdecode(path) or "''"
        if advice:
            reason = f"{reason}; {advice}"
        raise raises(f"{name} {fault}: {reason}") from error


def write_whole(path, data):
    """Write a file, in place of what is at `path`; a failure is a ModelFileError."""
    with explaining(path), replacing(path) as file:
        file.write(data)


def check_writable(path):
    """Raise a ModelFileError now if :func:`replacing` could not write a file at `path` later."""
    advice = "make its folder or give access, or name another file"
    with explaining(path, advice=advice), _temporary_file(_real_path(path)):
        pass


def check_files_differ(written, read=()):
    """Raise a SettingError if a path is written twice, or is one that is read.

    Entries of `written` that are None are skipped.

    Examples
    --------
    >>> check_files_differ(["new.pkl", None, "run.csv", None], ["d.npz"])
    >>> check_files_differ(["new.pkl", "./new.pkl"])
    Traceback (most recent call last):
    logreg.basics.errors.SettingError: ./new.pkl would overwrite what is read, or written as well: \
give another name
    """
    taken = set(map(os.path.realpath, read))
    for path in filter(None, written):
        if os.path.realpath(path) in taken:
            raise SettingError(
                f"{path} would overwrite what is read, or written as well: give another name"
            )
        taken.add(os.path.realpath(path))


def read_whole(path, max_bytes):
    """Read a regular file; raise an OSError if it is too large, or a pipe, which may never end.

    Examples
    --------
    >>> with open("nine", "wb") as file:
    ...     n_written = file.write(b"123456789")
    >>> read_whole("nine", max_bytes=9)
    b'123456789'
    >>> read_whole("nine", max_bytes=8)
    Traceback (most recent call last):
    OSError: it has more than 8 bytes, which is too many
    """
    size = os.path.getsize(path)
    if not os.path.isfile(path):
        raise OSError(NOT_REGULAR)
    if size > max_bytes:
        raise OSError(f"it has more than {max_bytes} bytes, which is too many")
    with open(path, "rb") as file:
        return file.read(size)


def map_of(array):
    """The map of a file into memory of which an array is a view, or None."""
    while array is not None and not isinstance(array, numpy.memmap):
        array = getattr(array, "base", None)
    return array


@contextlib.contextmanager
def _temporary_file(path):
    """Open a new file beside `path`, with a name of its own; remove it at the end."""
    # Not tempfile.mkstemp: its files are for the owner's eyes only, whatever the umask says.
    folder, name = os.path.split(path)
    name = os.path.join(folder, f".{name}.{uuid.uuid4().hex[:8]}")
    try:
        with open(name, "xb") as file:  # closing it may fail, too, when the disk is full
            yield file
    finally:
        with contextlib.suppress(OSError):
            os.unlink(name)


def _real_path(path):
    path = os.fsdecode(path)
    # A text with NUL, or the name of a folder, can name no file.
    names_no_file = "\0" in path or os.path.basename(path) in ("", os.curdir, os.pardir)
    if names_no_file or (os.path.exists(path) and not os.path.isfile(path)):
        raise OSError(NOT_REGULAR)
    return os.path.realpath(path)
