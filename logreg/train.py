"""The command line of training: ``python -m logreg.train`` or ``logreg-train``."""

import argparse
import functools
import json
import signal
import sys
from dataclasses import fields, replace

if __name__ == "__main__":  # While it imports, Ctrl-C ends the process without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)

import numpy

from logreg.cli import options
from logreg.cli.command import command
from logreg.console import STARTING, log, note, say, set_quiet, starting, warning
from logreg.datasets.dataset import make_folds, read_dataset
from logreg.datasets.options import Preparation, TableOptions
from logreg.datasets.statistics import with_interval
from logreg.errors import SettingError, listed
from logreg.files import check_writable, refuse_overwriting
from logreg.hyperparameters import BEST_MODEL, BY_DATA, DATASET, Hyperparameters, for_data
from logreg.parallel.ranks import ranks

OF_VERIFY = ("verify", "dataset", "quiet")  # options that go with --verify
CLOSED_PIPE = 141  # what a shell reports of a process whose stdout nobody reads any more
MEANS = "error_percent", "log_loss", "baseline_percent"  # of the test rows of folds
NUMBERS = {int: {"type": int, "metavar": "N"}, float: {"type": float, "metavar": "X"}}


def parser():
    """The options of training."""
    parser = options.command_parser(
        "train",
        "Train a softmax classifier by minibatch SGD with early stopping, as in the Theano "
        "tutorial, and keep the best model.",
    )
    add, add_file = parser.add_argument, options.files_of(parser)
    add_switch = functools.partial(add, action="store_true")
    default = " (default: %(default)s)"
    dataset = "the data, also without --dataset: a table, a file of arrays, a folder of these, or "
    dataset += f"mnist_sample (default: {DATASET})"
    add_file("data", metavar="PATH", nargs="?", help=argparse.SUPPRESS)
    add_file("--dataset", metavar="PATH", help=dataset)
    options.add_table_options(parser)
    options.add_table_options(parser, of_training=True)
    options.add_fields(parser, fields(Preparation)[:-1])
    pixels = "divide the features, which are pixels, by N (default: uint8 by 256, others not)"
    add("--pixel-scale", type=options.positive_number, metavar="N", help=pixels)
    for setting in fields(Hyperparameters):
        choices = {"choices": list(filter(None, setting.metadata["allowed"]))}
        kind = {"default": setting.default, **NUMBERS.get(setting.type, choices)}
        text, known = setting.metadata["help"], BY_DATA.get(setting.name, setting.default)
        text += f" (default: {known})" if known is not None else ""
        add("--" + setting.name.replace("_", "-"), help=text, **kind)
    parser.set_defaults(**dict.fromkeys(BY_DATA))
    add_file("--output", default=BEST_MODEL, help="where the best model goes" + default)
    add_file("--checkpoint", help="keep the state of the run here, for --resume")
    add_switch("--resume", help="go on from the checkpoint; --n-epochs may be larger")
    refit = "at the end, train anew on training and validation rows (default: if these are of one "
    refit += "table or array)"
    options.add_switch(parser, "refit", refit, "keep the model of the training rows alone")
    folds = "train K times, each without another Kth of all rows, which tests; keep no model"
    add("--folds", type=int, metavar="K", help=folds)
    formats = "text", "json"
    add("--format", choices=formats, default="text", help="of what --folds prints" + default)
    add_file("--history", help="write a CSV row here at each validation")
    add_switch("--verbose", help="of a table, print the tutorial's validation lines")
    add_switch("--quiet", help="print the result, errors and warnings alone")
    floatx = "type of data and parameters (default: what the engine's flags say, else float32)"
    add("--floatx", choices=("float32", "float64"), help=floatx)
    device = "cpu, cuda, cuda1, ... holds the data (default: what the engine's flags say, else cpu)"
    add("--device", metavar="NAME", help=device)
    check = "compare the run with the tutorial's own log; exit with 1 if a figure differs"
    add_switch("--check-reference", help=check)
    verify = "train again as this model file says, compare all parameters with its own bit by bit, "
    verify += "and write nothing; --dataset names the data if they lie elsewhere now"
    add_file("--verify", metavar="MODEL", help=verify)
    return parser


@command
def main(argv=None):
    """Train as the options say; see :mod:`logreg.cli.command` for the exit code."""
    ranks.start()
    ranks.compare("the command line", lambda: sys.argv[1:] if argv is None else argv)
    args = ranks.from_first(lambda: _settings(argv))
    set_quiet(args.quiet or args.format == "json")
    with starting(STARTING):
        from logreg import callbacks, engine, sgd
        from logreg.callbacks import progress, reference, verdict
    with engine.settings(args.floatx, args.device), callbacks.Interruption() as interruption:
        watching = [interruption, progress.Progress()]
        if args.verify:
            from logreg.fitting import verify

            return int(verify(args.verify, args.dataset, watching)) or interruption.exit_code
        log("... loading data")
        how = options.given(TableOptions, args), options.given(Preparation, args)
        data = read_dataset(args.dataset or DATASET, *how, dtype=engine.theano.config.floatX)
        if args.folds is not None:
            _cross_validate(args, data, watching)
            return interruption.exit_code
        data.check_outputs(*args.outputs)
        hyperparameters, listening = for_data(data.facts, **args.hyperparameters), [*watching]
        if args.verbose:
            listening.append(callbacks.PrintLog(validations=True))
        if args.history:
            listening.append(callbacks.History(args.history))
        if args.checkpoint:
            listening.append(callbacks.Checkpoint(args.checkpoint, args.resume))
        run = sgd.sgd_optimization(data, hyperparameters, args.output, listening, args.refit)
        if hyperparameters.class_weight and data.facts.is_table and run.reason != "interrupted":
            settings = replace(hyperparameters, class_weight=None)
            plain = sgd.sgd_optimization(data, settings, None, watching, args.refit)
            if plain.reason == "interrupted":
                return _exit_code(interruption)
            say(f"test error if trained without --class-weight: {verdict.test_error(plain)}")
    if run.reason == "interrupted":
        is_model = f"the best model is in {args.output}" if run.best_values else "no model yet"
        note(f"interrupted in epoch {run.epoch}: {is_model}; a run with --checkpoint can --resume")
        return _exit_code(interruption)
    if args.check_reference:
        differences = reference.differences(run)
        note("\n".join(differences) or "all figures agree with the tutorial's")
        return int(bool(differences))


def _exit_code(interruption):
    """That of an interrupted run; with other ranks, the one that got the signal gives it."""
    return interruption.exit_code or (CLOSED_PIPE if ranks.size == 1 else 0)


def _settings(argv):
    """The options, with those that are hyperparameters, and not left to the data, as a dict."""
    arguments = parser()
    args = arguments.parse_args(argv)
    if args.data and args.dataset:
        arguments.error(f"{args.data} and --dataset {args.dataset}: give one of them")
    args.dataset, args.data = args.data or args.dataset, None
    if args.verify:
        usual, given = vars(arguments.parse_args([])), vars(args)
        more = sorted(k for k in given if given[k] != usual[k] and k not in OF_VERIFY)
        if more:
            more = listed([f"--{'no-' * (given[k] is False)}{k.replace('_', '-')}" for k in more])
            raise SettingError(f"--verify takes all settings from the model file: leave out {more}")
    given = {setting.name: getattr(args, setting.name) for setting in fields(Hyperparameters)}
    args.hyperparameters = {k: value for k, value in given.items() if value is not None}
    Hyperparameters(**args.hyperparameters)  # what makes no sense is told at once
    no_folds = args.output != BEST_MODEL, args.checkpoint, args.history, args.check_reference
    if args.folds is not None and (any(no_folds) or ranks.size > 1):
        raise SettingError(
            "--folds keeps no model: it is without --output, --checkpoint, --history, "
            "--check-reference and several processes"
        )
    if args.format == "json" and args.folds is None:
        raise SettingError("--format is for --folds: predict --evaluate has one for a model")
    if args.resume and not args.checkpoint:
        raise SettingError("--resume needs --checkpoint FILE, the state to go on from")
    written = (args.output, args.checkpoint, args.history)
    args.outputs = [] if args.folds or args.verify else list(filter(None, written))
    args.pixel_scale = args.pixel_scale and 1 / args.pixel_scale
    refuse_overwriting(args.outputs)
    for path in args.outputs:
        check_writable(path)
    return args


def _cross_validate(args, data, watching):
    """Print what each fold comes to, and all rows."""
    from logreg.prediction.evaluation import evaluate
    from logreg.prediction.predictor import Predictor
    from logreg.sgd import sgd_optimization

    found, is_text = [], args.format == "text"
    for i, fold in enumerate(make_folds(data, args.folds), start=1):
        settings = for_data(fold.facts, **args.hyperparameters)
        run = sgd_optimization(fold, settings, None, watching, args.refit)
        if run.reason == "interrupted":
            return
        if run.reason == "diverged":
            warning(f"fold {i} diverged in epoch {run.epoch}: give a lower learning rate")
        told = evaluate(Predictor(run), fold)
        told["baseline_percent"] = 100 * fold.facts.baseline_error
        found.append({key: told[key] for key in ("rows", "errors", *MEANS)})
        if is_text:
            error = with_interval(told["errors"], told["rows"])
            say(f"fold {i} of {args.folds}: test error: {error}")
    rows, errors = ([fold[key] for fold in found] for key in ("rows", "errors"))
    mean = {key: numpy.average([fold[key] for fold in found], weights=rows) for key in MEANS}
    mean = {"rows": sum(rows), "errors": sum(errors), **mean}
    if is_text:
        say(f"mean of {args.folds} folds: {with_interval(mean['errors'], mean['rows'])}")
        guess = "always guessing the most frequent class errs in {baseline_percent:.2f} %"
        say(f"{guess}; log loss {{log_loss:.6f}}".format(**mean))
    else:
        say(json.dumps({"folds": found, "mean": mean}, indent=2))


if __name__ == "__main__":
    sys.exit(main())
