"""The command line of training: ``logreg train`` or ``python -m logreg.train``."""

import sys
from argparse import SUPPRESS
from dataclasses import fields

from logreg.cli.start import end_at_ctrl_c

if __name__ == "__main__":
    end_at_ctrl_c()  # now, as the modules below take time to import

from logreg.basics.console import STARTING, log, note, set_quiet, waiting_for_engine
from logreg.basics.errors import SettingError, listed
from logreg.basics.files import BEST_MODEL, DATASET, check_files_differ, check_writable
from logreg.basics.ranks import ranks
from logreg.cli import options
from logreg.cli.command import CLOSED_PIPE, command
from logreg.datasets.dataset import read_dataset
from logreg.datasets.folds import MANY_ROWS, choose_n_folds, divide_into_folds
from logreg.hyperparameters import DEFAULTS_BY_DATA, Hyperparameters, choose_hyperparameters
from logreg.parts.options import ONLY_IN_TRAINING, Preparation, TableOptions

USED_BY_VERIFY = ("verify", "dataset", "quiet")


def parser():
    """The options of training."""
    parser = options.command_parser(
        "train",
        "[PATH]",
        "Train a softmax classifier by minibatch SGD with early stopping, as in the Theano "
        "tutorial, and keep the best model.",
        ["penguins.csv --label-column species --missing mean", "mnist_sample -o digits.pkl"],
    )
    _add_data_options(parser)
    _add_training_options(parser)
    _add_output_options(parser)
    _add_tutorial_options(parser)
    return parser


def _add_data_options(parser):
    group = parser.add_argument_group("your data", "Arrays and folders of arrays need PATH only.")
    text = (
        "a table, a file of arrays, a folder of tables, arrays or pictures, or mnist_sample "
        f"(default: {DATASET})"
    )
    one_of = group.add_mutually_exclusive_group()
    # With another default than SUPPRESS, a PATH that is not given would undo --dataset.
    options.add_file(one_of, "dataset", metavar="PATH", nargs="?", default=SUPPRESS, help=text)
    options.add_file(one_of, "--dataset", metavar="PATH", help="the same as PATH")
    # Those options of tables that say what the columns mean come first: the label column, and those
    # that only training has.
    of_columns = ("label_column", *ONLY_IN_TRAINING)
    options.add_settings(group, [f for f in fields(TableOptions) if f.name in of_columns])
    group = parser.add_argument_group("how your data are read and prepared")
    options.add_settings(group, [f for f in fields(TableOptions) if f.name not in of_columns])
    options.add_settings(group, fields(Preparation))


def _add_training_options(parser):
    group = parser.add_argument_group("training")
    options.add_settings(group, fields(Hyperparameters), default_texts=DEFAULTS_BY_DATA)
    options.add_switch(
        group,
        "refit",
        "at the end, train anew on training and validation rows together (default: if these "
        "were split off one table or array; folds train on all rows anyway)",
        "keep the model of the training rows alone",
    )
    group.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help="divide all rows into K folds, and test each by a model that is trained on the "
        "others. The model that is kept is trained at the end, on all rows, for as many epochs as "
        f"were best in the folds. Default: 5 for a table of fewer than {MANY_ROWS:,} rows, else 0: "
        "one split into training, validation and test rows",
    )


def _add_output_options(parser):
    group = parser.add_argument_group("output", "--resume goes with --checkpoint.")
    options.add_output(group, f"where the best model goes (default: {BEST_MODEL})")
    options.add_file(group, "--checkpoint", help="keep the state of the run here, for --resume")
    group.add_argument(
        "--resume", action="store_true", help="go on from the checkpoint; --n-epochs may be larger"
    )
    options.add_file(group, "--history", help="write a CSV row here at each validation")
    group.add_argument(
        "--verbose",
        action="store_true",
        help="print the tutorial's lines of validations for a table, too",
    )
    options.add_quiet(group)


def _add_tutorial_options(parser):
    group = parser.add_argument_group(
        "tutorial and devices", "--verify goes with PATH and --quiet only."
    )
    group.add_argument(
        "--check-reference",
        action="store_true",
        help="compare the run with the log of the tutorial's program on Theano 1.0.5; exit with 1 "
        "if a figure differs",
    )
    options.add_file(
        group,
        "--verify",
        metavar="MODEL",
        help="train again as this model file says, compare what comes of it bit by bit, and write "
        "nothing; --dataset names the data if they lie elsewhere now",
    )
    group.add_argument(
        "--floatx",
        choices=("float32", "float64"),
        help="type of data and parameters (default: what the engine's flags say, else float32)",
    )
    group.add_argument(
        "--device",
        metavar="NAME",
        help="cpu, cuda, cuda1, ... holds the data (default: what the engine's flags say, else "
        "cpu)",
    )


@command
def main(argv=None):
    """Train as the options say; see :mod:`logreg.cli.command` for the exit code."""
    ranks.start()
    ranks.check_same("the command line", lambda: sys.argv[1:] if argv is None else argv)
    args = ranks.compute_on_first(lambda: _read_arguments(argv))
    set_quiet(args.quiet)
    with waiting_for_engine(STARTING):
        from logreg import callbacks, engine
        from logreg.callbacks.progress import Progress
    with engine.settings(args.floatx, args.device), callbacks.Interruption() as interruption:
        common_callbacks = [interruption, Progress()]
        if args.verify:
            from logreg.fitting import verify

            is_verified = verify(args.verify, args.dataset, common_callbacks)
            if is_verified is None:  # the run was interrupted
                return interruption.exit_code
            return int(not is_verified)
        log("... loading data")
        table = options.read_options(TableOptions, args)
        preparation = options.read_options(Preparation, args)
        dtype = engine.theano.config.floatX
        data = read_dataset(args.dataset or DATASET, table, preparation, dtype=dtype)
        n_folds = choose_n_folds(data, args.folds, ranks.size)
        if n_folds:
            data = divide_into_folds(data, n_folds)
        run = _train(args, data, common_callbacks)
    if run.reason == "interrupted":
        result = "no model yet"
        if run.best_values:
            result = f"the best model is in {args.output}"
        if not run.n_folds:
            result += "; a run with --checkpoint can --resume"
        elif run.best_values:  # with folds, even an interrupted run trains its model at the end
            result += "; it is trained on all rows, for the best number of epochs so far"
        note(f"interrupted in epoch {run.epoch}: {result}")
        if interruption.exit_code:  # a signal came
            return interruption.exit_code
        if ranks.size > 1:  # the signal came to another rank, whose code counts
            return 0
        return CLOSED_PIPE  # without a signal, only a closed stdout interrupts a run
    if args.check_reference:
        return _compare_with_tutorial(run)


def _read_arguments(argv):
    """Parse a command line, and refuse options that contradict each other.

    ``args.hyperparameters`` has those that were given, a dict.
    """
    argument_parser = parser()
    args = argument_parser.parse_args(argv)
    not_for_verify = options.find_superfluous(argument_parser, args, USED_BY_VERIFY)
    if args.verify and not_for_verify:
        raise SettingError(
            f"--verify takes all settings from the model file: leave out {listed(not_for_verify)}"
        )
    if args.resume and not args.checkpoint:
        raise SettingError("--resume needs --checkpoint FILE, the state to go on from")
    args.hyperparameters = options.find_given(Hyperparameters, args)
    Hyperparameters(**args.hyperparameters)  # raises an error for a value out of its range
    args.output = args.output or BEST_MODEL
    if not args.verify:
        written = [path for path in (args.output, args.checkpoint, args.history) if path]
        check_files_differ(written)
        for path in written:
            check_writable(path)
    return args


def _train(args, data, common_callbacks):
    """Train a model, by folds if the data were divided into them, and keep it; return the Run."""
    from logreg import callbacks
    from logreg.sgd import train_softmax

    data.refuse_overwriting_data(args.output, args.checkpoint, args.history)
    all_callbacks = [*common_callbacks]
    if args.verbose:  # else train_softmax makes a PrintLog, without these lines for a table
        all_callbacks.append(callbacks.PrintLog(validations=True))
    if args.history:
        all_callbacks.append(callbacks.History(args.history))
    if args.checkpoint:
        all_callbacks.append(callbacks.Checkpoint(args.checkpoint, args.resume))
    hyperparameters = choose_hyperparameters(data.facts, **args.hyperparameters)
    return train_softmax(data, hyperparameters, args.output, all_callbacks, args.refit)


def _compare_with_tutorial(run):
    """Print where a run and the tutorial's differ; return the exit code."""
    from logreg.callbacks.reference import differences

    found = differences(run)
    note("\n".join(found) or "all figures agree with the tutorial's")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
