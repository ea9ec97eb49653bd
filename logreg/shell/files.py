"""Files that arrive whole or not at all, and that belong to one process at a time.

Locks are the operating system's (flock): they end with the process, however it ends. Where there
are none, as on Windows and in some folders of a network, everything goes on without.
"""

import contextlib
import os
import platform
import re
import uuid

from logreg.errors import ModelFileError, SettingError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NOT_REGULAR = "it is not a regular file"
UNCHANGED = "what was there before is unchanged"


@contextlib.contextmanager
def replacing(path):
    """Open a binary file for writing that takes the place of `path` at the end of the block.

    The bytes go to a temporary file in the same folder, are brought to the disk and only then
    renamed. If the block or the disk fails, or the process is killed, `path` is as it was. A
    file that is replaced leaves its mode to the new one. A symbolic link is followed; an OSError
    is raised if `path` is a device or a folder.
    """
    path = _real_path(path)
    with _temporary_file(path) as file:
        with contextlib.suppress(OSError):  # it is not there; or a folder without modes
            os.chmod(file.name, os.stat(path).st_mode & 0o7777)
        yield file
        file.flush()
        os.fsync(file.fileno())
        if os.name == "nt":  # Windows does not rename an open file; elsewhere, it stays locked
            file.close()
        os.replace(file.name, path)
    # The new name is in the folder, which has to reach the disk as well. Windows cannot.
    with contextlib.suppress(OSError):
        handle = os.open(os.path.dirname(path), os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def explaining(path, fault="cannot be written", advice=UNCHANGED, kind=ModelFileError, of=OSError):
    """Make of an error in the block one of a `kind` of ours: what could not be done, and why."""
    try:
        yield
    except of as error:
        # An OSError's text has the name of the file as well, which here may be a temporary one.
        reason = getattr(error, "strerror", None) or str(error) or "there is not enough memory"
        raise kind(f"{path} {fault}: {reason}{advice and '; '}{advice}") from error


def check_writable(path):
    """Raise a ModelFileError now if :func:`replacing` could not write a file at `path` later."""
    advice = "make its folder or give access, or name another file"
    with explaining(path, advice=advice), _temporary_file(_real_path(path)):
        pass


def refuse_overwriting(written, read=()):
    """Raise a SettingError if a path is written twice, or is one that is read; None is no path."""
    taken = set(map(os.path.realpath, read))
    for path in filter(None, written):
        if os.path.realpath(path) in taken:
            raise SettingError(
                f"{path} would overwrite what is read, or written as well: give another name"
            )
        taken.add(os.path.realpath(path))


@contextlib.contextmanager
def owning(paths):
    """Let no other run own these files during the block.

    Beside each lies a locked file, which names the process, and goes at the end. A ModelFileError
    says which process has one of them already.
    """
    names = {os.path.realpath(path): path for path in paths} if fcntl else {}
    with contextlib.ExitStack() as stack:
        for real_path, path in sorted(names.items()):
            with contextlib.suppress(OSError):  # the folder, or the disk, takes no such file
                lock, is_locked = _open_locked(_beside(real_path, "lock"))
                stack.enter_context(lock)
                if is_locked is False:
                    owner = ascii(lock.read(80).decode(errors="replace"))[1:-1] or "unknown"
                    raise ModelFileError(
                        f"{path} belongs to a run of process {owner}: wait for its end, or name "
                        "another file"
                    )
                stack.callback(_remove, lock.name)
                lock.truncate(0)
                os.write(lock.fileno(), f"{os.getpid()} on {platform.node()}".encode())
        yield


def read_whole(path, max_bytes):
    """Read a regular file; raise an OSError if it is too large, or a pipe, which may never end."""
    size = os.path.getsize(path)
    if not os.path.isfile(path):
        raise OSError(NOT_REGULAR)
    if size > max_bytes:
        raise OSError(f"it has more than {max_bytes} bytes, which is too many")
    with open(path, "rb") as file:
        return file.read(size)


@contextlib.contextmanager
def _temporary_file(path):
    """Open a new file beside `path`; remove it, if it is still there.

    It is locked, and its name is always the same: what a killed process left is taken over. While
    another process has that, or another user, and without locks, it has a name of its own.
    """
    # Not tempfile.mkstemp: its files are for the owner's eyes only, whatever the umask says.
    file = is_locked = None
    with contextlib.suppress(OSError):  # another user may have left one
        file, is_locked = _open_locked(_beside(path, "new"))
    if not is_locked:
        if file:
            file.close()
            if is_locked is None:
                _remove(file.name)
        file = open(_beside(path, uuid.uuid4().hex[:8]), "xb", opener=_create)  # noqa: SIM115
    try:
        with file:
            file.truncate(0)
            yield file
    finally:
        _remove(file.name)


def _open_locked(name):
    """Open a file, which need not be there, and lock it; return it and what :func:`_lock` says."""
    while True:
        file = open(name, "r+b", opener=_create)  # noqa: SIM115
        is_locked = _lock(file)
        if is_locked is False or _is_at(name, file):
            return file, is_locked
        file.close()  # the process that had it has just removed it


def _create(name, flags):
    return os.open(name, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)


def _remove(path):
    with contextlib.suppress(OSError):
        os.unlink(path)


def _lock(file):
    """Lock an open file: False if another has it locked, None where there are no locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    except (OSError, AttributeError):
        return None


def _is_at(path, file):
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    return False


def _real_path(path):
    # A stream is not ours to replace, even where the shell has led it to a regular file.
    is_stream = re.match(r"/dev/(std(in|out|err)\Z|fd/)|/proc/", os.path.abspath(path))
    is_folder = os.path.basename(path) in ("", os.curdir, os.pardir)  # whether it is there or not
    path = os.path.realpath(path)
    if is_stream or is_folder or (os.path.exists(path) and not os.path.isfile(path)):
        raise OSError(NOT_REGULAR)
    return path


def _beside(path, mark):
    folder, name = os.path.split(path)
    return os.path.join(folder, f".{name}.{mark}")
