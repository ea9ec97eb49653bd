"""Files that arrive whole or not at all."""

import contextlib
import os
import re
import stat
import tempfile
import time
import uuid

LEFTOVER_SECONDS = 3600
NOT_REGULAR = "it is not a regular file"


@contextlib.contextmanager
def replacing(path):
    """Open a file for writing that takes the place of `path` at the end of the block.

    The bytes go to a temporary file in the same folder, are brought to the disk and only then
    renamed. If the block or the disk fails, or the process is killed, `path` is as it was.

    Parameters
    ----------
    path : str or path-like
        A regular file, or nothing yet. A symbolic link is followed.

    Yields
    ------
    file object, binary

    Raises
    ------
    OSError
        As from :func:`open` and :func:`os.replace`, or if `path` is a device or a folder.
    """
    folder, name = _folder_and_name(path)
    # Not tempfile.mkstemp: its files are for the owner's eyes only, whatever the umask says.
    temporary = os.path.join(folder, f".{name}.{uuid.uuid4().hex[:8]}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, os.path.join(folder, name))
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _sync_folder(folder)


def try_replacing(path):
    """Raise the OSError now that :func:`replacing` would raise, as far as that can be told.

    On the way, temporary files go that killed processes have left.
    """
    folder, name = _folder_and_name(path)
    with tempfile.TemporaryFile(dir=folder):
        pass
    is_temporary = re.compile(re.escape(f".{name}.") + "[0-9a-f]{8}").fullmatch
    with os.scandir(folder) as entries:
        for entry in filter(lambda entry: is_temporary(entry.name), entries):
            # Another process may be writing a fresh one, and may tidy up as well.
            with contextlib.suppress(FileNotFoundError):
                if time.time() - entry.stat().st_mtime > LEFTOVER_SECONDS:
                    os.unlink(entry.path)


def read_whole(path, max_bytes):
    """Read a regular file that is not too large.

    Returns
    -------
    bytes

    Raises
    ------
    OSError
        As from :func:`open`, or if it is too large, or a pipe or a device: these would block,
        or never end.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise OSError(NOT_REGULAR)
    if status.st_size > max_bytes:
        raise OSError(f"it has more than {max_bytes} bytes, which is too many")
    with open(path, "rb") as file:
        return file.read(status.st_size)


def _folder_and_name(path):
    # What a process writes to may be a regular file, but is another one's to replace.
    is_stream = re.match(r"/dev/(std(in|out|err)\Z|fd/)|/proc/", os.path.abspath(path))
    path = os.path.realpath(path)
    if is_stream or (os.path.exists(path) and not os.path.isfile(path)):
        raise OSError(NOT_REGULAR)
    return os.path.split(path)


def _sync_folder(folder):
    # The new name is in the folder, which has to reach the disk as well. Windows cannot.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
