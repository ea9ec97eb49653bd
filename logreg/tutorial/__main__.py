"""``logreg tutorial`` or ``python -m logreg.tutorial`` writes the tutorial as a page."""

import sys

from logreg.basics.console import STARTING, note, waiting_for_engine
from logreg.basics.files import check_files_differ, check_writable
from logreg.cli.command import command
from logreg.cli.options import add_file, add_output, command_parser
from logreg.tutorial import quiz

PAGE = "tutorial.html"
MNIST_PAGE = "tutorial_mnist.html"


def parser():
    """The options of the tutorial."""
    parser = command_parser(
        "tutorial",
        "",
        "Train on MNIST (on mnist_sample where it cannot be had), and write the "
        "tutorial as one HTML file to read and to play with, which needs no network.",
        ["", "--notebook tutorial.ipynb"],
    )
    add_output(parser, f"the page (default: {PAGE}, or none with --notebook or --quiz)")
    parser.add_argument(
        "--mnist",
        action="store_true",
        help=f"a page of its own ({MNIST_PAGE}, 16 MB) that has MNIST's files in it, to train on "
        "them in the browser",
    )
    add_file(
        parser, "--notebook", help="write the tutorial as a notebook, and run it for its outputs"
    )
    add_file(
        parser, "--quiz", help="write the questions of the chapters in GIFT, which Moodle imports"
    )
    parser.add_argument(
        "--home",
        metavar="URL",
        help="address of the project's files, to which the links to them then lead (default: such "
        "links are text)",
    )
    return parser


@command
def main(argv=None):
    """Write what the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = parser().parse_args(argv)
    output = args.output
    if not output and args.mnist:
        output = MNIST_PAGE
    elif not output and not (args.notebook or args.quiz):
        output = PAGE
    paths = [path for path in (args.notebook, args.quiz, output) if path]
    check_files_differ(paths)
    for path in paths:
        check_writable(path)
    if args.quiz:
        quiz.write(args.quiz)
        note(f"the quiz is {args.quiz}")
    if not (args.notebook or output):
        return
    with waiting_for_engine(STARTING):
        from logreg.tutorial import notebook, writing
    if args.notebook:
        notebook.write(args.notebook, args.home)
        note(f"the notebook is {args.notebook}")
    if output:
        writing.write_page(output, args.home, args.mnist)
        note(f"the page is {output}")


if __name__ == "__main__":
    sys.exit(main())
