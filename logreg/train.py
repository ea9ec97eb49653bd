"""The command line of training: ``python -m logreg.train`` or ``logreg-train``."""

# First: from its import on, Ctrl-C ends the command without a traceback.
from logreg.console import command, note, starting_engine

# isort: split
import argparse
import math
import os
import shlex
import sys
from dataclasses import fields

from logreg import __version__, ranks
from logreg.errors import SettingError
from logreg.hyperparameters import BEST_MODEL, DATASET, DEFAULTS, Hyperparameters
from logreg.options import add_table_options, table_options

HYPERPARAMETER_HELP = {
    "learning_rate": "factor of the gradient in each step",
    "n_epochs": "passes over the training set at the most",
    "batch_size": "rows in a minibatch",
    "patience": "minibatches to run before early stopping may end the run",
    "patience_increase": "after a significant gain at minibatch i, run on to i times this",
    "improvement_threshold": "a new best below this fraction of the last is significant",
    "l1": "factor of the sum of absolute weights in the cost",
    "l2": "factor of the sum of squared weights in the cost",
    "momentum": "fraction of the last step that is added to each",
    "class_weight": "balanced: each class counts as much in the cost as any other",
}


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
    add("--shuffle", type=int, metavar="SEED", help="shuffle rows before validation is split off")
    pixels = "x are pixels, whole numbers from 0 to 255, in a table, say: divide them by N, in "
    pixels += "training and prediction (if not given, uint8 is divided by 256, and nothing else)"
    add("--pixel-scale", type=int, choices=(255, 256), metavar="N", help=pixels)
    for field in fields(Hyperparameters):
        number = {"type": field.type, "metavar": "N" if field.type is int else "X"}
        add(
            "--" + field.name.replace("_", "-"),
            **({"choices": ["balanced"]} if field.name == "class_weight" else number),
            default=getattr(DEFAULTS, field.name),
            help=HYPERPARAMETER_HELP[field.name] + default,
        )
    add("--output", metavar="FILE", default=BEST_MODEL, help="the best model" + default)
    add("--checkpoint", metavar="FILE", help="keep the state of the run here at each validation")
    add("--resume", action="store_true", help="go on from the checkpoint; --n-epochs may be larger")
    add("--history", metavar="FILE", help="write a CSV row here at each validation")
    add("--floatx", choices=("float32", "float64"), help="float type of data and parameters")
    add("--device", metavar="NAME", help="where data and parameters live: cpu, cuda, cuda1, ...")
    add(
        "--check-reference",
        action="store_true",
        help="compare every figure with the tutorial's; exit with 1 if one differs",
    )
    add("--version", action="version", version=f"logreg {__version__}")
    return parser


@command
def main(argv=None):
    """Train as the options say; see :func:`logreg.console.command` for the exit code."""
    ranks.start()
    args, hyperparameters = ranks.from_first(lambda: _settings(argv))
    with starting_engine():
        from logreg import engine
        from logreg.callbacks import History, Interruption
        from logreg.checkpoint import Checkpoint
        from logreg.datasets import read_dataset
        from logreg.datasets.shares import share_out
        from logreg.reference import ReferenceCheck
        from logreg.sgd import run_settings, sgd_optimization
    engine.set_floatx(args.floatx)
    engine.use_device(args.device)
    floatx = engine.theano.config.floatX

    def read():
        scale = 1 / args.pixel_scale if args.pixel_scale else None
        options = table_options(args)
        data = read_dataset(args.dataset, options, args.shuffle, True, floatx, scale)
        data.check_outputs(args.output, args.checkpoint, args.history)
        return data

    data = share_out(ranks.on_first(read), hyperparameters.batch_size, floatx)
    listeners = [History(args.history)] if args.history else []
    if args.checkpoint:
        settings = run_settings(data, hyperparameters)
        listeners.append(Checkpoint(args.checkpoint, settings, args.resume))
    reference = ReferenceCheck()
    with Interruption() as interruption:
        listeners += [reference, interruption]
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
    hyperparameters = Hyperparameters(**{name: getattr(args, name) for name in names})
    if args.resume and not args.checkpoint:
        raise SettingError("--resume needs --checkpoint FILE, the state to go on from")
    files = [os.path.realpath(f) for f in (args.output, args.checkpoint, args.history) if f]
    if len(set(files)) < len(files):
        raise SettingError("--output, --checkpoint and --history must name different files")
    return args, hyperparameters


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
