"""``python -m logreg.legacy PROGRAM.py [ARGUMENTS]`` runs a program that was written for Theano."""

import argparse
import runpy
import sys
from pathlib import Path

from logreg.basics.console import note, printing


def parser():
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m logreg.legacy",
        description="Run a program that was written for Theano, as it is.",
    )
    made.add_argument("program", metavar="PROGRAM.py", help="a program in Python 3")
    made.add_argument("arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS", help="its own")
    return made


def main(argv=None):
    """Run the program; what it raises goes through, as its exit code does."""
    args = parser().parse_args(argv)
    if not Path(args.program).is_file():
        note(f"error: {args.program}: there is no such file")
        return 1
    # The import of logreg.legacy has installed the hook that finds `theano`.
    sys.argv = [args.program, *args.arguments]
    sys.path[0] = str(Path(args.program).resolve().parent)  # as Python has it
    try:
        with printing():
            runpy.run_path(args.program, run_name="__main__")
    except SyntaxError as error:
        if not Path(error.filename or "").is_file():
            raise  # the error is in a text that the program evaluates
        note(
            f"error: {error.filename}, line {error.lineno}, is no Python 3 ({error.msg}): if it is "
            f"Python 2, 2to3 -w {error.filename} converts it (Python up to 3.12 has 2to3)"
        )
        return 1


if __name__ == "__main__":
    sys.exit(main())
