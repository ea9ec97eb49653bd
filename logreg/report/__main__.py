"""The command line of the report: ``logreg report`` or ``python -m logreg.report``."""

import os
import sys

from logreg.cli.start import end_at_ctrl_c

if __name__ == "__main__":
    end_at_ctrl_c()  # now, as the modules below take time to import

from logreg.basics.console import note
from logreg.basics.errors import LogRegError, needing
from logreg.basics.files import BEST_MODEL, check_files_differ
from logreg.cli import options
from logreg.cli.command import command
from logreg.parts.options import TableOptions
from logreg.prediction.evaluation import evaluate
from logreg.prediction.held_out import read_test_set
from logreg.prediction.predictor import Predictor
from logreg.report.writing import write_page


def parser():
    """The options of the report."""
    parser = options.command_parser(
        "report",
        "[MODEL]",
        "Write a page of pictures of a model, as one HTML file: how it was trained, "
        "what it has learnt, where it errs, and a pad to draw on or fields to fill in.",
        ["best_model.pkl", "penguins.pkl --dataset new_penguins.csv -o penguins.html"],
        epilog="If the data of the training cannot be read, the page has nothing of a test set.",
    )
    model = parser.add_mutually_exclusive_group()
    options.add_file(
        model, "model", nargs="?", metavar="MODEL", help=f"a model file (default: {BEST_MODEL})"
    )
    options.add_file(
        model,
        "--model",
        dest="model_option",
        metavar="MODEL",
        help="the model file, as in logreg predict",
    )
    options.add_output(parser, "the page (default: MODEL with the suffix .html)")
    options.add_test_data(parser)
    return parser


@command
def main(argv=None):
    """Write a page as the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = parser().parse_args(argv)
    args.model = args.model_option or args.model or BEST_MODEL
    output = args.output or os.path.splitext(args.model)[0] + ".html"
    with needing("a page", "report", "matplotlib"):  # report is the name of the extra
        import matplotlib  # noqa: F401
    predictor = Predictor(args.model)
    check_files_differ([output], [args.model])
    predictor.refuse_overwriting_data(output)
    data, evaluation = _read_and_evaluate(predictor, args, output)
    write_page(output, args.model, predictor, data, evaluation)
    note(f"the page is {output}")


def _read_and_evaluate(predictor, args, output):
    """Read and evaluate the test set; return both, or None twice if they cannot be had."""
    table = options.read_options(TableOptions, args)
    try:
        data = read_test_set(predictor.facts, args.dataset, table)
        evaluation = evaluate(predictor, data)
    except LogRegError as error:
        if args.dataset:
            raise
        note(f"note: the page is without the errors on a test set (--dataset names one): {error}")
        return None, None
    data.refuse_overwriting_data(output)
    return data, evaluation


if __name__ == "__main__":
    sys.exit(main())
