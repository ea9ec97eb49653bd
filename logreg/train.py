"""The command line of training: ``python -m logreg.train`` or ``logreg-train``."""

# First: from its import on, Ctrl-C ends the command without a traceback.
from logreg.shell.console import command, note, set_quiet, starting_engine

# isort: split
import argparse
import math
import shlex
import sys
from dataclasses import fields, replace

from logreg import __version__
from logreg.errors import SettingError
from logreg.hyperparameters import (
    BEST_MODEL,
    DATASET,
    DEFAULTS,
    TIES,
    Hyperparameters,
    default_batch_size,
)
from logreg.shell import ranks
from logreg.shell.files import refuse_overwriting
from logreg.shell.options import add_table_options, add_training_options, table_options

HYPERPARAMETER_HELP = {
    "learning_rate": "factor of the gradient in each step",
    "n_epochs": "passes over the training set at the most",
    "batch_size": f"rows in a minibatch (default: {DEFAULTS.batch_size}; if a set has fewer, or "
    "the training set fewer than 5,000, a tenth of the training rows, or as many as the smallest "
    "set has if that is less)",
    "patience": "minibatches to run before early stopping may end the run",
    "patience_increase": "after a significant gain at minibatch i, run on to i times this",
    "improvement_threshold": "a new best below this fraction of the last is significant",
    "l1": "factor of the sum of absolute weights in the cost",
    "l2": "factor of the sum of squared weights in the cost",
    "momentum": "fraction of the last step that is added to each",
    "ties": "of models with the same validation error, keep the first, or a later one that had "
    "--patience-increase times as many minibatches (default: first; later for tables, and for one "
    "array that is split)",
    "class_weight": "balanced: each class counts as much in the cost as any other",
}
CHOICES = {"ties": TIES, "class_weight": ("balanced",)}


def parser():
    """The options of training."""
    parser = argparse.ArgumentParser(
        prog="logreg-train",
        description="Train a softmax classifier by minibatch SGD with early stopping, as in the "
        "Theano tutorial, and keep the best model.",
    )
    add, default = parser.add_argument, " (default: %(default)s)"
    add("--dataset", metavar="PATH", default=DATASET, help="a file, folder or name" + default)
    add_table_options(parser)
    add_training_options(parser)
    add("--shuffle", type=int, metavar="SEED", help="shuffle rows before validation is split off")
    pixels = "x are pixels, whole numbers from 0 to 255, in a table, say: divide them by N, in "
    pixels += "training and prediction (if not given, uint8 is divided by 256, and nothing else)"
    add("--pixel-scale", type=int, choices=(255, 256), metavar="N", help=pixels)
    for field in fields(Hyperparameters):
        # What has no default here depends on the data; see _suited.
        own = {"type": field.type, "metavar": "N" if field.type is int else "X"}
        if field.name in CHOICES:
            own = {"choices": CHOICES[field.name]}
        if field.name not in ("batch_size", "ties", "class_weight"):
            own["default"] = getattr(DEFAULTS, field.name)
        help = HYPERPARAMETER_HELP[field.name] + (default if "default" in own else "")
        add("--" + field.name.replace("_", "-"), help=help, **own)
    add("--output", metavar="FILE", default=BEST_MODEL, help="the best model" + default)
    add("--checkpoint", metavar="FILE", help="keep the state of the run here at each validation")
    add("--resume", action="store_true", help="go on from the checkpoint; --n-epochs may be larger")
    add("--history", metavar="FILE", help="write a CSV row here at each validation")
    add("--report", metavar="FILE", help="at the end, write a page of pictures of the model here")
    add("--quiet", action="store_true", help="drop the notes and the line of progress")
    add("--floatx", choices=("float32", "float64"), help="float type of data and parameters")
    add("--device", metavar="NAME", help="where data and parameters live: cpu, cuda, cuda1, ...")
    check = "compare every figure with the tutorial's; exit with 1 if one differs"
    add("--check-reference", action="store_true", help=check)
    add("--version", action="version", version=f"logreg {__version__}")
    return parser


@command
def main(argv=None):
    """Train as the options say; see :mod:`logreg.shell.console` for the exit code."""
    ranks.start()
    args, hyperparameters = ranks.from_first(lambda: _settings(argv))
    set_quiet(args.quiet)
    with starting_engine():
        from logreg import engine
        from logreg.callbacks import History, Interruption
        from logreg.callbacks.checkpoint import Checkpoint
        from logreg.callbacks.progress import Progress
        from logreg.callbacks.reference import ReferenceCheck
        from logreg.datasets import read_dataset
        from logreg.datasets.sharing import distribute
        from logreg.sgd import run_settings, sgd_optimization
    engine.set_floatx(args.floatx)
    engine.use_device(args.device)
    floatx = engine.theano.config.floatX

    def read():
        data = read_dataset(
            args.dataset,
            table_options(args),
            args.shuffle,
            announce=True,
            dtype=floatx,
            pixel_scale=1 / args.pixel_scale if args.pixel_scale else None,
            split_seed=args.split_seed,
            standardize=args.standardize,
        )
        data.check_outputs(*_outputs(args))
        return data, _suited(hyperparameters, data, args)

    is_first = not ranks.rank
    data, hyperparameters = read() if is_first else (None, None)
    hyperparameters = ranks.same_on_all(hyperparameters)
    listeners = [History(args.history)] if args.history and is_first else []
    if args.report and is_first:
        from logreg.page.callback import Report

        listeners.append(Report(args.output, data, args.report))
    data = distribute(data, hyperparameters.batch_size)
    if args.checkpoint:
        settings = run_settings(data, hyperparameters)
        listeners.append(Checkpoint(args.checkpoint, settings, args.resume))
    reference = ReferenceCheck()
    with Interruption() as interruption, Progress() as progress:
        listeners += [reference, interruption, progress]
        run = sgd_optimization(data, hyperparameters, args.output, True, listeners)
    if run.reason == "interrupted":
        note(_how_to_go_on(run, args, sys.argv[1:] if argv is None else argv))
        return interruption.exit_code
    if not args.check_reference:
        return 0
    for difference in reference.differences:
        note(difference)
    agrees = not reference.differences
    note("all figures agree with the tutorial's" if agrees else "not the tutorial's figures")
    return 0 if agrees else 1


def _settings(argv):
    """The options, and the hyperparameters in them."""
    args = parser().parse_args(argv)
    names = [field.name for field in fields(Hyperparameters)]
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    hyperparameters = Hyperparameters(**given)
    if args.resume and not args.checkpoint:
        raise SettingError("--resume needs --checkpoint FILE, the state to go on from")
    refuse_overwriting(_outputs(args))
    return args, hyperparameters


def _outputs(args):
    return args.output, args.checkpoint, args.history, args.report


def _suited(hyperparameters, data, args):
    """The hyperparameters with what depends on the data, where no option gives it."""
    ties, batch_size, sizes = args.ties, args.batch_size, data.sizes()
    ties = ties or ("later" if data.columns.categories or data.split else DEFAULTS.ties)
    if batch_size is None:
        batch_size = default_batch_size(sizes)
        if batch_size != DEFAULTS.batch_size:
            note(
                f"note: a minibatch has {batch_size} rows, as there are {sizes[0]} training rows, "
                f"and {min(sizes)} in the smallest set (--batch-size; else {DEFAULTS.batch_size})"
            )
    return replace(hyperparameters, batch_size=batch_size, ties=ties)


def _how_to_go_on(run, args, argv):
    is_there = math.isfinite(run.stopping.best_loss)
    model = f"the best model is in {args.output}" if is_there else "there is no model yet"
    state = f"interrupted in epoch {run.epoch}: {model}; "
    if not args.checkpoint:
        return state + "with --checkpoint FILE, a run can be resumed"
    resume = [] if args.resume or not is_there else ["--resume"]
    command = " ".join(map(shlex.quote, [*argv, *resume]))
    return state + f"go on with: {sys.executable} -m logreg.train {command}"


if __name__ == "__main__":
    sys.exit(main())
