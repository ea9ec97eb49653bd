"""Files that arrive whole or not at all."""

import contextlib
import glob
import io
import os
import re
import tempfile
import time
import uuid

from logreg import ranks

LEFTOVER_SECONDS = 3600
NOT_REGULAR = "it is not a regular file"


@contextlib.contextmanager
def replacing(path):
    """Open a binary file for writing that takes the place of `path` at the end of the block.

    The bytes go to a temporary file in the same folder, are brought to the disk and only then
    renamed. If the block or the disk fails, or the process is killed, `path` is as it was. A
    symbolic link is followed; an OSError is raised if `path` is a device or a folder. Of several
    ranks, the first alone writes.
    """
    if ranks.rank:
        yield io.BytesIO()
        return
    path = _real_path(path)
    # Not tempfile.mkstemp: its files are for the owner's eyes only, whatever the umask says.
    temporary = _temporary(path, uuid.uuid4().hex[:8])
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    # The new name is in the folder, which has to reach the disk as well. Windows cannot.
    with contextlib.suppress(OSError):
        handle = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def try_replacing(path):
    """Raise the OSError now that :func:`replacing` would raise, as far as that can be told.

    On the way, temporary files go that killed processes have left.
    """
    if ranks.rank:
        return
    path = _real_path(path)
    with tempfile.TemporaryFile(dir=os.path.dirname(path)):
        pass
    for leftover in glob.glob(_temporary(glob.escape(path), "[0-9a-f]" * 8)):
        # Another process may be writing a fresh one, and may tidy up as well.
        with contextlib.suppress(FileNotFoundError):
            if time.time() - os.path.getmtime(leftover) > LEFTOVER_SECONDS:
                os.unlink(leftover)


def read_whole(path, max_bytes):
    """Read a regular file; raise an OSError if it is too large, or a pipe, which may never end."""
    size = os.path.getsize(path)
    if not os.path.isfile(path):
        raise OSError(NOT_REGULAR)
    if size > max_bytes:
        raise OSError(f"it has more than {max_bytes} bytes, which is too many")
    with open(path, "rb") as file:
        return file.read(size)


def _real_path(path):
    # A stream is not ours to replace, even where the shell has led it to a regular file.
    is_stream = re.match(r"/dev/(std(in|out|err)\Z|fd/)|/proc/", os.path.abspath(path))
    path = os.path.realpath(path)
    if is_stream or (os.path.exists(path) and not os.path.isfile(path)):
        raise OSError(NOT_REGULAR)
    return path


def _temporary(path, mark):
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{mark}")
