"""The command line of prediction: ``logreg predict`` or ``python -m logreg.predict``.

In an npz file, the array to predict is the one named x, X, data or images; else one whose name has
such a name and "test" in it, such as x_test or test_images; else the only one. In a folder, the
pictures are predicted.

Numbers of type uint8 are divided as those of training were: by 256 if they are pixels. A model
refuses uint8 if its training data were given as numbers from 0 to 1, or if its file does not say
what the smallest and the largest of them were.

A picture is scaled to the size and the range of the training images, which must be grey and at
least 10 x 10 pixels large. If the training images are laid out as MNIST's are, or the model file
does not say whether they are, the picture is cropped and centred first. A picture is inverted if
its background is light and that of training is dark, or the other way round. Training gives all
pictures of folders a dark background. In arrays, the background is light if the median of the
pixels at the edges is above the middle of the range, 127.5 for uint8.

In CSV, labels and cells are written as the data have them. A spreadsheet program takes a cell that
begins with =, +, - or @ for a formula: import such columns as text.

Data that a model was trained on are split as in training, if they have no test set of their own.
In other data without a test set, all rows are tested.
"""

import json
import os
import sys
from dataclasses import fields

from logreg.cli.start import end_at_ctrl_c

if __name__ == "__main__":
    end_at_ctrl_c()  # now, as the modules below take time to import

import numpy

from logreg.basics.console import say, set_quiet
from logreg.basics.errors import SettingError, listed
from logreg.basics.files import BEST_MODEL, DATASET
from logreg.cli import options
from logreg.cli.command import command
from logreg.datasets.sources import refuse_overwriting_data
from logreg.parts.options import TableOptions
from logreg.prediction import inputs
from logreg.prediction.evaluation import evaluate
from logreg.prediction.held_out import read_test_set
from logreg.prediction.predictor import Predictor
from logreg.prediction.summary import describe_evaluation
from logreg.prediction.weights import compare_weights, describe_weights
from logreg.prediction.writers import WRITERS, answers, answers_to_inputs, destination

N_EXAMPLES = 10
N_SHOWN = 50  # values that a list in --info has at most


def parser():
    """The options of prediction."""
    parser = options.command_parser(
        "predict",
        "[INPUT ...]",
        "Predict the classes of pictures and rows of numbers, or evaluate a model. "
        "Without INPUT, predict the first examples of the data set's test set.",
        ["digit.png --top 3", "--model penguins.pkl new.csv --proba -o predicted.csv"],
        epilog=str(__doc__).partition("\n\n")[2],  # the rules
    )
    _add_data_options(parser)
    _add_mode_options(parser)
    _add_output_options(parser)
    return parser


def _add_data_options(parser):
    group = parser.add_argument_group(
        "your data",
        "INPUT needs no labels. --dataset is for --evaluate and for the first examples. Options\n"
        "of tables and pictures hold for each INPUT.",
    )
    options.add_file(
        group,
        "inputs",
        nargs="*",
        metavar="INPUT",
        default=[],
        help="npy, npz, IDX, CSV, JSON, Parquet or Excel file, a picture, or a folder of pictures; "
        "- for CSV or JSON on stdin",
    )
    options.add_file(
        group, "--model", default=BEST_MODEL, help="the model file (default: %(default)s)"
    )
    group.add_argument(
        "-n",
        metavar="N",
        type=int,
        help=f"predict the first N rows of each input (default: all; of a data set, {N_EXAMPLES})",
    )
    options.add_test_data(group)  # --dataset, and the options of tables
    options.add_switch(
        group,
        "invert",
        "exchange light and dark in pictures (not in rows), whatever their background",
        "take pictures as they are",
    )


def _add_mode_options(parser):
    group = parser.add_argument_group(
        "in place of predictions", "One of these. Only --evaluate takes an INPUT."
    )
    modes = group.add_mutually_exclusive_group()
    texts = {
        "--evaluate": "print errors, precision, recall, F1, the confusion matrix and calibration "
        "on the test set, or on one INPUT, which needs labels",
        "--info": "print the metadata in the model file as JSON, with long lists left out",
        "--weights": "print what one unit more of each feature does to the odds of each class",
    }
    for option, text in texts.items():
        modes.add_argument(option, action="store_const", dest="mode", const=option, help=text)


def _add_output_options(parser):
    group = parser.add_argument_group("output")
    options.add_output(group, "where the results go, if not to stdout")
    group.add_argument(
        "--format",
        choices=WRITERS,
        help="format of the results (default: that of FILE's suffix, .csv or .json; else text); "
        "csv is for predictions only",
    )
    pair = group.add_mutually_exclusive_group()
    pair.add_argument("--proba", action="store_true", help="give the probability of each class")
    pair.add_argument(
        "--top",
        metavar="N",
        type=int,
        help="beside the prediction, give the N most probable classes",
    )
    group.add_argument(
        "--keep",
        metavar="NAME[,NAME...]",
        default="",
        help="columns of a table to put before the prediction: their names, or numbers from 1, or "
        "all; for the formats csv and json",
    )
    group.add_argument(
        "--min-proba",
        metavar="P",
        type=float,
        default=0.0,
        help="give no answer that is less probable (empty in CSV, null in JSON, ? in text); with "
        "--evaluate, tell how many rows have an answer, and how many of these are wrong",
    )
    group.add_argument(
        "--threshold",
        metavar="P",
        type=float,
        help="with two classes, take the second one where its probability is P or more (default: "
        "the more probable class)",
    )
    options.add_quiet(group)


def predict(model=BEST_MODEL, dataset=DATASET, n=N_EXAMPLES):
    """Print what the best model predicts for the first `n` examples of the test set.

    `dataset` is what :func:`logreg.load_data` takes. A LogRegError says that the data or the model
    cannot be read, or that they do not fit each other.

    Examples
    --------
    >>> from logreg import LogisticRegression, save_model
    >>> from logreg.engine import T
    >>> classifier = LogisticRegression(T.matrix("x"), n_in=784, n_out=10)
    >>> save_model(classifier, "zeros.pkl", pixel_scale=256)
    >>> predict("zeros.pkl", "mnist_sample")
    Predicted values for the first 10 examples in test set:
    [0 0 0 0 0 0 0 0 0 0]
    """
    predictor = Predictor(model)
    data = read_test_set(predictor.facts, dataset)
    _print_examples(predictor, inputs.held_out_batches(data, predictor.facts, n))


def _print_examples(predictor, batches):
    """Print predictions as the tutorial does: a heading, and one array of all labels."""
    labels = numpy.array([answer.label for answer in answers(predictor, batches)])
    # NumPy would leave out the middle of a long array.
    shown = numpy.array2string(labels, threshold=sys.maxsize)
    say(f"Predicted values for the first {len(labels)} examples in test set:\n{shown}")


@command
def main(argv=None):
    """Predict as the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = _read_arguments(argv)
    predictor = Predictor(args.model, args.threshold)
    predictor.refuse_overwriting_data(args.output)  # its training data, which the model names
    if args.mode:
        text = _run_mode(predictor, args)
        with destination(args.output) as stream:
            stream.write(text)
        return 0
    if args.inputs:
        return _predict_inputs(predictor, args)
    return _predict_examples(predictor, args)


def _run_mode(predictor, args):
    """The text that stands in place of predictions."""
    if args.mode == "--info":
        return _info(predictor)
    if args.mode == "--weights":
        found = compare_weights(predictor)
        describe = describe_weights
    else:
        found = evaluate(predictor, _test_set_of(predictor, args), args.min_proba)
        describe = describe_evaluation
    return json.dumps(found, indent=2) + "\n" if args.format == "json" else describe(found)


def _info(predictor):
    """The metadata of a model as JSON, an entry a line, with only the lengths of long lists."""
    lines = []
    for key, value in sorted(predictor.metadata.items()):
        if isinstance(value, list) and len(value) > N_SHOWN:
            value = f"{len(value)} values: logreg export --to json has them"
        lines.append(f"  {json.dumps(key)}: {json.dumps(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _test_set_of(predictor, args):
    """Read the test set of --dataset, else of the data that the model was trained on."""
    table = options.read_options(TableOptions, args)
    data = read_test_set(predictor.facts, args.dataset, table)
    data.refuse_overwriting_data(args.output)
    return data


def _predict_inputs(predictor, args):
    """Write the answers to the rows of each input; return the exit code."""
    table = options.read_options(TableOptions, args)
    n = args.n or sys.maxsize
    all_batches = [
        inputs.file_batches(path, predictor.facts, table, args.invert, n, args.keep)
        for path in args.inputs
    ]
    return _write_answers(predictor, all_batches, args)


def _predict_examples(predictor, args):
    """Write the answers to the first rows of the test set; return the exit code."""
    data = _test_set_of(predictor, args)
    batches = inputs.held_out_batches(data, predictor.facts, args.n or N_EXAMPLES)
    is_plain = not (args.proba or args.top or args.output or args.min_proba)
    if is_plain and args.format == "text":
        _print_examples(predictor, batches)
        return 0
    return _write_answers(predictor, [batches], args)


# The options that go with each mode, and with predictions of inputs and of the first examples.
TABLE_OPTIONS = {option.name for option in fields(TableOptions)}
COMMON_OPTIONS = {"mode", "model", "output", "quiet"}
DATA_OPTIONS = COMMON_OPTIONS | TABLE_OPTIONS | {"format", "min_proba", "threshold"}
PREDICTION_OPTIONS = DATA_OPTIONS | {"n", "proba", "top"}
USED_BY = {
    "--info": COMMON_OPTIONS,
    "--weights": COMMON_OPTIONS | {"format"},
    "--evaluate": DATA_OPTIONS | {"dataset"},
    "INPUT": PREDICTION_OPTIONS | {"inputs", "invert", "keep"},
    "the first examples": PREDICTION_OPTIONS | {"dataset"},
}


def _read_arguments(argv):
    """Parse a command line, and refuse options that do not go together."""
    argument_parser = parser()
    args = argument_parser.parse_args(argv)
    set_quiet(args.quiet)
    if args.mode == "--evaluate" and len(args.inputs) == 1 and args.dataset is None:
        args.dataset = args.inputs[0]
        args.inputs = []
    if args.mode and args.inputs:
        needed = "goes without INPUT"
        if args.mode == "--evaluate":
            needed = "takes one INPUT, or --dataset"
        argument_parser.error(f"{args.mode} {needed}")
    mode = args.mode or ("INPUT" if args.inputs else "the first examples")
    superfluous = options.find_superfluous(argument_parser, args, USED_BY[mode])
    if superfluous:
        argument_parser.error(f"{mode} and {listed(superfluous)} do not go together")
    args.keep = [*filter(None, map(str.strip, args.keep.split(",")))]
    if args.format is None:
        suffix = os.path.splitext(args.output or "")[1][1:].lower()
        args.format = suffix if suffix in WRITERS else "text"
    if args.mode and args.format == "csv":
        argument_parser.error("the format csv is for predictions")
    if args.keep and args.format == "text":
        argument_parser.error("--keep is for the formats csv and json")
    for option, value in (("-n", args.n), ("--top", args.top)):
        if value is not None and value < 1:
            raise SettingError(f"{option} is {value}: it must be 1 or more")
    if not 0 <= args.min_proba <= 1:
        raise SettingError(f"--min-proba is {args.min_proba}: it must be from 0 to 1")
    refuse_overwriting_data([args.output], [args.model, *args.inputs])
    args.inputs = [*inputs.expand_folders(args.inputs)]
    return args


def _write_answers(predictor, all_batches, args):
    """Write the answers to all inputs; return the exit code.

    `all_batches` has an iterator for each input, which reads the input's batches.
    """
    choices = {"proba": args.proba, "top": args.top, "min_proba": args.min_proba}
    errors = []  # will hold those of inputs that cannot be read
    with destination(args.output) as stream:
        # A generator: it predicts while the writer asks for one answer after the other. If no input
        # has an answer, it raises an error whose text names the output, which is then not written.
        found = answers_to_inputs(predictor, all_batches, errors, args.output, **choices)
        WRITERS[args.format](stream, found)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
