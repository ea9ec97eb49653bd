"""Files that arrive whole or not at all."""

import contextlib
import os
import uuid


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
    path = os.path.realpath(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("it is not a regular file")
    folder, name = os.path.split(path)
    # Not tempfile.mkstemp: its files are for the owner's eyes only, whatever the umask says.
    temporary = os.path.join(folder, f".{name}.{uuid.uuid4().hex[:8]}")
    try:
        with open(temporary, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
    _sync_folder(folder)


def _sync_folder(folder):
    # The new name is in the folder, which has to reach the disk as well. Windows cannot.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
