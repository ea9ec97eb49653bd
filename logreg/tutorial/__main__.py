"""``logreg tutorial`` or ``python -m logreg.tutorial`` writes the tutorial as a page."""

import sys

from logreg.cli.command import command
from logreg.cli.options import add_file, add_output, command_parser
from logreg.console import STARTING, note, starting
from logreg.files import check_writable, refuse_overwriting

PAGE, MNIST_PAGE = "tutorial.html", "tutorial_mnist.html"


def parser():
    """The options of the tutorial."""
    parser = command_parser(
        "tutorial",
        "",
        "Train on MNIST (on mnist_sample where it cannot be had), and write the "
        "tutorial as one HTML file to read and to play with, which needs no network.",
        ["", "--notebook tutorial.ipynb"],
    )
    add_output(parser, f"the page (default: {PAGE}, or none with --notebook)")
    mnist = f"a page of its own ({MNIST_PAGE}, 16 MB) that has MNIST's files in it"
    text = f"{mnist}, to train on them in the browser"
    parser.add_argument("--mnist", action="store_true", help=text)
    notebook = "write the tutorial as a notebook, and run it for its outputs"
    add_file(parser, "--notebook", help=notebook)
    home = "address of the project's files, to which the links to them then lead"
    parser.add_argument("--home", metavar="URL", help=f"{home} (default: such links are text)")
    return parser


@command
def main(argv=None):
    """Write what the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = parser().parse_args(argv)
    page = MNIST_PAGE if args.mnist else None if args.notebook else PAGE
    output = args.output or page
    refuse_overwriting([args.notebook, output])
    for path in filter(None, (args.notebook, output)):
        check_writable(path)
    with starting(STARTING):
        from logreg import engine
        from logreg.tutorial import notebook, writing
    if args.notebook:
        notebook.write(args.notebook, args.home)
        note(f"the notebook is {args.notebook}")
    if output:
        with engine.settings():  # float32, as logreg.train has it
            writing.write_page(output, args.home, args.mnist)
        note(f"the page is {output}")


if __name__ == "__main__":
    sys.exit(main())
