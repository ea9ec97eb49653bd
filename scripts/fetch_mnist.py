"""Fetch MNIST and verify its checksums: ``python scripts/fetch_mnist.py``. Needs no engine."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from logreg.console import command
from logreg.datasets import mnist


@command
def main(argv=None):
    """Fetch what is missing; see :func:`logreg.console.command` for the exit code."""
    parser = argparse.ArgumentParser(
        description="Fetch the four files of MNIST and verify their checksums. Files that "
        "are there already are fetched again only if they are damaged."
    )
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=Path,
        help="where to (default: where the package finds or puts them)",
    )
    args = parser.parse_args(argv)
    folder = args.output or next(
        filter(mnist.idx_files, mnist.search_folders()), mnist.download_folder()
    )
    there_already = not mnist.missing(folder)
    if not there_already:
        mnist.fetch(folder)
    state = "was already" if there_already else "is now"
    print(f"MNIST {state} in {folder}, its checksums verified:")
    for path in mnist.idx_files(folder).values():
        print(f"  {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
