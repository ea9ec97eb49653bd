"""The command ``logreg`` or ``python -m logreg``: it runs one of the commands, by its name."""

import importlib
import sys

from logreg.basics.version import __version__
from logreg.cli.start import end_at_ctrl_c

MODULES = {
    "tutorial": "logreg.tutorial.__main__",
    "train": "logreg.train",
    "predict": "logreg.predict",
    "report": "logreg.report.__main__",
    "export": "logreg.export",
    "legacy": "logreg.legacy.__main__",
}
COMMANDS = f"""logreg {__version__}: softmax regression, as in the Theano tutorial

  logreg tutorial  write the tutorial as a page to read and to play with
  logreg train     train a model and keep the best one
  logreg predict   predict classes, or evaluate a model
  logreg report    write a page of pictures of a model
  logreg export    write a model for programs without logreg
  logreg legacy    run a program that was written for Theano

Each has --help. `python -m logreg.train` is the same as `logreg train`, and so on.
As a library: from logreg import LogisticRegression, load_data."""


def main():
    """Run the command that the first argument names; return its exit code."""
    name, *arguments = sys.argv[1:] or ["--help"]
    if name in ("-h", "--help"):
        print(COMMANDS)
        return 0
    if name == "--version":
        print(f"logreg {__version__}")
        return 0
    if name not in MODULES:
        print(f"error: there is no command {name!r}: {', '.join(MODULES)}", file=sys.stderr)
        return 2
    end_at_ctrl_c()
    module = importlib.import_module(MODULES[name])
    sys.argv = [module.__file__, *arguments]
    return module.main()


if __name__ == "__main__":
    sys.exit(main())
