"""The command line of prediction: ``python -m logreg.predict`` or ``logreg-predict``."""

import argparse
import contextlib
import csv
import json
import os
import sys

import numpy

from logreg import __version__
from logreg.console import command, note, starting_engine, warning
from logreg.datasets.columns import LABEL_NAMES, column_order
from logreg.errors import DatasetError, LogRegError, SettingError
from logreg.hyperparameters import BEST_MODEL, DATASET, DEFAULTS
from logreg.prediction.inputs import Wanted, array_batches, batches
from logreg.prediction.writers import destination, shown, writer

N_EXAMPLES = 10
BATCH_SIZE = Wanted._field_defaults["batch_size"]
FORMATS = ("text", "csv", "json")
N_NAMED = 10  # so many inputs at the most are named in a note


def parser():
    """The options of prediction."""
    parser = argparse.ArgumentParser(
        prog="logreg-predict",
        description="Predict the classes of pictures and rows of numbers, or evaluate a model. "
        "Without inputs, predict the first examples of the data set's test set.",
    )
    add, default = parser.add_argument, " (default: %(default)s)"
    add(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="npy, npz, CSV or IDX file, gzipped or not, or a picture; - for CSV on stdin",
    )
    add("--model", metavar="FILE", default=BEST_MODEL, help="model file" + default)
    add("--dataset", metavar="PATH", default=DATASET, help="a file, folder or name" + default)
    add(
        "--evaluate",
        action="store_true",
        help="print the errors on the data set's test set, and the confusion matrix",
    )
    add("--info", action="store_true", help="print what the model file tells of the model")
    add("--proba", action="store_true", help="give the probability of each class")
    add("--top", metavar="K", type=int, help="give the K most probable classes instead")
    add("--format", choices=FORMATS, default=FORMATS[0], help="format of the results" + default)
    add("--output", metavar="FILE", help="where the results go, if not to stdout")
    add(
        "-n",
        metavar="N",
        type=int,
        help=f"how many rows of each input; of a data set {N_EXAMPLES} if not given, else all",
    )
    add("--batch-size", metavar="N", type=int, default=BATCH_SIZE, help="rows at a time" + default)
    add("--label-column", metavar="NAME", help="CSV column that is no feature: name or number")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--invert",
        action="store_true",
        default=None,
        help="exchange light and dark in pictures; if not given, where the model needs it",
    )
    choice.add_argument(
        "--no-invert",
        dest="invert",
        action="store_false",
        default=None,
        help="take light and dark as they are",
    )
    add("--device", metavar="NAME", help="where the model runs: cpu, cuda, cuda0, ...")
    add("--version", action="version", version=f"logreg {__version__}")
    return parser


def predict(model=BEST_MODEL, dataset=DATASET, n=N_EXAMPLES):
    """Print what the best model predicts for the first examples of the test set.

    Parameters
    ----------
    model : str or path-like
        A model file.
    dataset : str, path-like or sequence of pairs
        As for :func:`logreg.load_data`.
    n : int
        How many examples.
    """
    _require_positive("-n", n)
    _print_examples(_predictor(model), dataset, n)


def _print_examples(predictor, dataset, n, label_column=None):
    """Print the tutorial's two lines."""
    x = _test_set(predictor, dataset, label_column).test[0][:n]
    predicted = _watch(predictor, dataset).predict(x).classes
    labels = numpy.asarray(predictor.labels)[predicted]
    with destination() as stream:
        stream.write(f"Predicted values for the first {len(labels)} examples in test set:\n")
        # NumPy would leave out the middle of a long array.
        stream.write(numpy.array2string(labels, threshold=sys.maxsize) + "\n")


def _require_positive(option, value):
    if value is not None and value < 1:
        raise SettingError(f"{option} is {value}: it must be 1 or more")


def _predictor(model, device=None):
    with starting_engine():
        from logreg.prediction.predictor import Predictor

    return Predictor(model, device)


def _watch(predictor, name, invert=None):
    from logreg.prediction.predictor import Watch

    name = shown(name) if isinstance(name, str) else "the test set"
    return Watch(predictor, name, is_right=invert is False)


def _test_set(predictor, dataset, label_column):
    """Read a data set whose test set has the features that the model takes."""
    from logreg.datasets import read_dataset

    label_name = predictor.wanted.label_name
    if label_column is None and label_name:
        label_column = (label_name, *LABEL_NAMES)  # which of them there is
    seed = predictor.metadata.get("shuffle")  # with it, a table is split as for training
    is_seed = type(seed) is int and 0 <= seed < 2**32
    data = read_dataset(
        dataset,
        label_column,
        seed if is_seed else None,
        dtype=predictor.dtype,
        trained_on=predictor.metadata.get("dataset_sha256") or "",
    )
    if data.n_in != predictor.wanted.n_in:
        raise DatasetError(
            f"{data.name}: the model expects {predictor.wanted}, got {data.test[0].shape}; "
            "give --dataset, with data like those that it was trained on"
        )
    if data.columns:
        order = column_order(data.columns.names, predictor.wanted.names, data.name)
        if order:
            data.test = data.test[0][:, order], data.test[1]
    return data


@command
def main(argv=None):
    """Predict as the options say; see :func:`logreg.console.command` for the exit code."""
    options = parser()
    args = options.parse_args(argv)
    if bool(args.inputs) + args.evaluate + args.info > 1:
        options.error("give inputs, --evaluate or --info, and no two of them")
    if args.n is not None and (args.evaluate or args.info):
        options.error("-n is for predictions: --evaluate takes all rows")
    if args.evaluate and (args.proba or args.top is not None):
        options.error("--proba and --top are for predictions, not for --evaluate")
    if args.inputs and args.dataset != DATASET:
        options.error("--dataset is for --evaluate and for the first examples, not for inputs")
    _require_positive("-n", args.n)
    _require_positive("--top", args.top)
    _require_positive("--batch-size", args.batch_size)
    taken = [os.path.realpath(path) for path in (args.model, *args.inputs)]
    if args.output and os.path.realpath(args.output) in taken:
        raise SettingError(
            f"--output {args.output} would overwrite what is read: give another name"
        )
    if args.info:
        return _info(args)
    predictor = _predictor(args.model, args.device)
    if args.evaluate:
        return _evaluate(predictor, args)
    wanted = predictor.wanted._replace(
        # A slow pipe is not waited for longer than need be.
        batch_size=min(args.batch_size, args.n or args.batch_size),
        label_column=args.label_column,
        invert=args.invert,
    )
    if args.inputs:
        return _predict(predictor, [(name, batches(name, wanted)) for name in args.inputs], args)
    args.n = args.n or N_EXAMPLES
    if not (args.proba or args.top or args.output or args.format != FORMATS[0]):
        return _print_examples(predictor, args.dataset, args.n, args.label_column)
    data = _test_set(predictor, args.dataset, args.label_column)
    data.check_outputs(args.output)
    rows = array_batches(args.dataset, data.test[0], wanted)
    return _predict(predictor, [(args.dataset, rows)], args)


def _predict(predictor, inputs, args):
    """Predict inputs one after the other; one that is bad does not keep the others from it."""
    n_bad, inverted = 0, []
    with destination(args.output) as stream, _writer(stream, predictor, args) as out:
        for name, rows in inputs:
            try:
                with contextlib.closing(rows):
                    _predict_input(predictor, name, rows, args, out, inverted)
            except LogRegError as error:
                n_bad += 1
                note(f"error: {error}")
        if args.output and not out.n_rows:
            raise DatasetError(f"nothing could be predicted, so {args.output} is not written")
    if inverted and args.invert is None:
        more = f" and {len(inverted) - N_NAMED} more" if len(inverted) > N_NAMED else ""
        was = "light on dark" if predictor.wanted.ground == "light" else "dark on light"
        note(
            f"note: {was}, so inverted (--no-invert keeps them): "
            f"{', '.join(map(shown, inverted[:N_NAMED]))}{more}"
        )
    return 1 if n_bad else 0


def _writer(stream, predictor, args):
    return writer(args.format, stream, predictor.labels, args.proba, args.top)


def _predict_input(predictor, name, rows, args, out, inverted):
    watch = _watch(predictor, name, args.invert)
    for batch in rows:
        if batch.inverted:
            inverted.append(name)
        if args.invert and not batch.is_picture and not watch.n_rows:
            warning(f"{shown(name)}: --invert is for pictures: rows of numbers stay as they are")
        first, left = watch.n_rows, None if args.n is None else args.n - watch.n_rows
        out.rows(name, first, batch.is_single, watch.predict(batch.x[:left], batch.is_picture))
        if watch.n_rows == args.n:
            break


def _evaluate(predictor, args):
    from logreg.prediction.evaluation import evaluate, report

    data = _test_set(predictor, args.dataset, args.label_column)
    data.check_outputs(args.output)
    known = predictor.metadata.get("dataset"), predictor.metadata.get("dataset_sha256")
    if data.name == known[0] and data.sha256(predictor.dtype) != known[1]:
        warning(
            f"{data.name} is not, or is not split, as when the model was trained: its test set "
            "may have rows that the model was trained on"
        )
    trained = predictor.metadata.get("batch_size")
    batch_size = trained if isinstance(trained, int) and trained > 0 else DEFAULTS.batch_size
    predict_rows = _watch(predictor, args.dataset, args.invert).predict
    with destination(args.output) as stream:
        evaluation = evaluate(predict_rows, data, predictor.labels, args.batch_size, batch_size)
        stream.write(report(evaluation, args.format))


def _info(args):
    """Print the metadata of a model file, one entry a line."""
    with starting_engine():
        from logreg.saving import load_model

    metadata = dict(sorted(load_model(args.model).metadata.items()))
    with destination(args.output) as stream:
        if args.format == "json":
            stream.write(json.dumps(metadata, indent=2) + "\n")
        elif args.format == "csv":
            out = csv.writer(stream, lineterminator="\n")
            out.writerow(["name", "value"])
            out.writerows((name, _in_text(name, value)) for name, value in metadata.items())
        else:
            for name, value in metadata.items():
                stream.write(f"{shown(name)}: {_in_text(name, value)}\n")


def _in_text(name, value):
    if isinstance(value, list):
        return (" x " if name == "image_shape" else ", ").join(shown(str(item)) for item in value)
    if name.endswith(("error", "error_all_rows")) and isinstance(value, float):
        return f"{100 * value:f} %"
    return "-" if value is None else shown(str(value))


if __name__ == "__main__":
    sys.exit(main())
