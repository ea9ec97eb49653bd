"""The command line of prediction: ``python -m logreg.predict`` or ``logreg-predict``.

Of an npz file, the array called x, X, data or images is predicted; else the one called
so with _test; else the only one. Of a folder, the pictures are predicted.

Numbers of type uint8 are multiplied by the scale of training, 1/256 for pixels. A model that was
trained on numbers from 0 to 1, or of a range that its file does not tell, refuses them.

A picture is scaled to the size and the range of the training images, which are grey and at least
10 x 10 pixels large; it is cropped and centred first if these are laid out as MNIST's are, or their
model's file does not tell. It is inverted if its background is light and theirs is dark, or the
other way round. Theirs is dark if they were pictures in folders; else it is light if the median at
their edges is above the middle of their range, which is 127 for uint8.

The data that a model was trained on are split as in training, if they have no test set of their
own; of other data without one, all rows are the test set.
"""

import json
import os
import signal
import sys

if __name__ == "__main__":  # While it imports, Ctrl-C ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import numpy

from logreg.cli import options
from logreg.cli.command import command
from logreg.console import note, say, set_quiet
from logreg.datasets.options import TableOptions
from logreg.errors import DatasetError, LogRegError, SettingError, listed
from logreg.files import refuse_overwriting
from logreg.hyperparameters import BEST_MODEL, DATASET
from logreg.prediction import inputs
from logreg.prediction.evaluation import as_text, evaluate
from logreg.prediction.held_out import read_test_set
from logreg.prediction.predictor import Predictor
from logreg.prediction.weights import in_words, weights_of
from logreg.prediction.writers import WRITERS, answers, destination

N_EXAMPLES = 10
N_SHOWN = 50  # values of a list in --info


def parser():
    """The options of prediction."""
    parser = options.command_parser(
        "predict",
        "Predict the classes of pictures and rows of numbers, or evaluate a model. "
        "Without inputs, predict the first examples of the data set's test set.",
        epilog=str(__doc__).partition("\n\n")[2],  # the rules
    )
    add, default = parser.add_argument, " (default: %(default)s)"
    add_file = options.files_of(parser)
    kinds = "npy, npz, IDX or CSV file, gzipped or not, a picture, or a folder of pictures; - for "
    kinds += "CSV on stdin"
    add_file("inputs", nargs="*", metavar="INPUT", help=kinds)
    add_file("--model", default=BEST_MODEL, help="the model file" + default)
    dataset = "the data set whose test set is taken (default: that of the training)"
    add_file("--dataset", metavar="PATH", help=dataset)
    evaluate = "print errors, precision, recall, F1, the confusion matrix and calibration on the "
    evaluate += "test set, or on INPUT, which needs labels"
    of_model = parser.add_mutually_exclusive_group().add_argument
    of_model("--evaluate", action="store_true", help=evaluate)
    add("--quiet", action="store_true", help="say nothing but errors and warnings on stderr")
    info = "print what the model file tells, in JSON, but long lists"
    of_model("--info", action="store_true", help=info)
    weights = "print what one unit more of each feature does to the odds of each class"
    of_model("--weights", action="store_true", help=weights)
    of_classes = parser.add_mutually_exclusive_group().add_argument
    of_classes("--proba", action="store_true", help="give the probability of each class")
    number = {"metavar": "N", "type": int}
    keep = "columns of a table to put before the prediction, in CSV (the format then, if none is "
    keep += "given) or JSON: their names, or numbers from 1; or all"
    add("--keep", metavar="NAME[,NAME...]", default="", help=keep)
    of_classes("--top", **number, help="beside the prediction, give the N most probable classes")
    least = "give no answer that is less probable (empty in CSV, null in JSON, ? in text); with "
    least += "--evaluate, tell how many rows have one, and its error"
    add("--min-proba", metavar="P", type=float, default=0.0, help=least)
    formats = "format of the results (default: that of FILE's suffix, .csv or .json; else text); "
    formats += "csv is for predictions only"
    add("--format", choices=WRITERS, help=formats)
    add_file("--output", help="where the results go, if not to stdout")
    n = f"predict the first N rows of each input (default: all; of a data set, {N_EXAMPLES})"
    add("-n", **number, help=n)
    options.add_table_options(parser)
    invert = "exchange light and dark in pictures (not in rows), whatever their background"
    options.add_switch(parser, "invert", invert, "take pictures as they are")
    return parser


def predict(model=BEST_MODEL, dataset=DATASET, n=N_EXAMPLES):
    """Print what the best model predicts for the first `n` examples of the test set.

    The data set is whatever :func:`logreg.load_data` takes. A LogRegError says that it or the
    model cannot be read, or that they do not fit each other.

    Examples
    --------
    >>> from logreg import LogisticRegression, save_model
    >>> from logreg.engine import T
    >>> classifier = LogisticRegression(T.matrix("x"), n_in=784, n_out=10)
    >>> save_model(classifier, "zeros.pkl", pixel_scale=1 / 256)
    >>> predict("zeros.pkl", "mnist_sample")
    Predicted values for the first 10 examples in test set:
    [0 0 0 0 0 0 0 0 0 0]
    """
    predictor = Predictor(model)
    data = read_test_set(predictor.facts, dataset)
    _print_examples(predictor, inputs.held_out_batches(data, predictor.facts, n))


def _print_examples(predictor, batches):
    """Print the tutorial's two lines."""
    labels = numpy.array([answer.label for answer in answers(predictor, batches)])
    # NumPy would leave out the middle of a long array.
    shown = numpy.array2string(labels, threshold=sys.maxsize)
    say(f"Predicted values for the first {len(labels)} examples in test set:\n{shown}")


@command
def main(argv=None):
    """Predict as the options say; see :mod:`logreg.cli.command` for the exit code."""
    args = _arguments(argv)
    predictor, table = Predictor(args.model), options.given(TableOptions, args)
    predictor.facts.check_outputs(args.output)
    if args.info:
        told = {k: _shortened(value) for k, value in sorted(predictor.metadata.items())}
        lines = [f"  {json.dumps(k)}: {json.dumps(value)}" for k, value in told.items()]
        return _write(args.output, "{\n" + ",\n".join(lines) + "\n}\n")
    if args.weights:
        return _write_found(args, weights_of(predictor), in_words)
    if args.inputs:
        how = inputs.Reading(table, args.invert, args.n or sys.maxsize, args.keep)
        found = [inputs.file_batches(path, predictor.facts, how) for path in args.inputs]
        return _predict(predictor, found, args)
    data = read_test_set(predictor.facts, args.dataset, table)
    data.check_outputs(args.output)
    if args.evaluate:
        return _write_found(args, evaluate(predictor, data, args.min_proba), as_text)
    batches = inputs.held_out_batches(data, predictor.facts, args.n or N_EXAMPLES)
    if args.format == "text" and not (args.proba or args.top or args.output or args.min_proba):
        return _print_examples(predictor, batches)
    return _predict(predictor, [batches], args)


def _shortened(value):
    is_long = isinstance(value, list) and len(value) > N_SHOWN
    return f"{len(value)} values: logreg-export --to json has them" if is_long else value


def _write_found(args, found, as_text):
    text = as_text(found) if args.format == "text" else json.dumps(found, indent=2) + "\n"
    _write(args.output, text)


def _write(path, text):
    with destination(path) as stream:
        stream.write(text)


def _arguments(argv):
    """Parse a command line, and refuse options that contradict each other."""
    arguments = parser()
    args = arguments.parse_args(argv)
    set_quiet(args.quiet)
    suffix = os.path.splitext(args.output or "")[1].lower()
    of_suffix = {".csv": "csv", ".json": "json"}.get(suffix, "csv" if args.keep else "text")
    args.format = args.format or of_suffix
    args.keep = [name.strip() for name in args.keep.split(",") if name.strip()]
    if args.evaluate and len(args.inputs) == 1 and args.dataset is None:
        args.dataset, args.inputs = args.inputs[0], []
    is_of_model = args.evaluate or args.info or args.weights
    if is_of_model and args.inputs:
        arguments.error("give inputs, --evaluate (of one input), --info or --weights alone")
    if is_of_model and (args.n or args.proba or args.top or args.keep or args.format == "csv"):
        arguments.error("-n, --proba, --top, --keep and --format csv are for predictions")
    if args.keep and (args.format == "text" or not args.inputs):
        arguments.error("--keep is for tables to predict, in the formats csv and json")
    if args.invert is not None and not args.inputs:
        arguments.error("--invert and --no-invert are for pictures to predict")
    if args.inputs and args.dataset is not None:
        arguments.error("--dataset is for --evaluate and for the first examples, not for inputs")
    for option, value in (("-n", args.n), ("--top", args.top)):
        if value is not None and value < 1:
            raise SettingError(f"{option} is {value}: it must be 1 or more")
    if not 0 <= args.min_proba <= 1:
        raise SettingError(f"--min-proba is {args.min_proba}: it must be from 0 to 1")
    args.inputs = [*inputs.with_folders(args.inputs)]
    refuse_overwriting([args.output], [args.model, *args.inputs])
    return args


def _predict(predictor, found, args):
    """Write the answers to the rows of each input; return the exit code."""
    bad = []
    with destination(args.output) as stream:
        WRITERS[args.format](stream, _answers(predictor, found, args, bad))
    return 1 if bad else 0


def _answers(predictor, found, args, bad):
    """Yield the :class:`.Answer` to each row of each input.

    The error of an input is told, put into `bad`, and keeps no other input from its answers.
    """
    columns, how = None, (args.proba, args.top, args.min_proba)
    for batches in found:
        try:
            for answer in answers(predictor, batches, *how):
                kept = [name for name, _ in answer.kept]
                columns = kept if columns is None else columns
                if kept != columns:
                    raise DatasetError(
                        f"{answer.name}: has the columns {listed(kept)}, and what comes before it "
                        f"has {listed(columns)}: `keep` those that all inputs have"
                    )
                yield answer
        except LogRegError as error:
            bad.append(str(error))  # the error itself would keep what was read
            note(f"error: {error}")
    if args.output and columns is None:
        raise DatasetError(f"nothing could be predicted, so {args.output} is not written")


if __name__ == "__main__":
    sys.exit(main())
