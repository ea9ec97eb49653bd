"""Command-line options that several commands share, and types of their values."""

import argparse
import functools

from logreg import __version__
from logreg.datasets.options import NA, make_options


def command_parser(name, description, **options):
    """Make the parser of a command that is called logreg-`name`; the options are argparse's."""
    parser = argparse.ArgumentParser(prog=f"logreg-{name}", description=description, **options)
    parser.add_argument("--version", action="version", version=f"logreg {__version__}")
    return parser


def file_name(text):
    """The type of an option that names a file: a text without NUL, and not empty.

    Where a shell's variable is not set, ``--output "$FILE"`` gives an empty one.
    """
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a file")
    return text


def files_of(parser):
    """A function like ``parser.add_argument``, for what names a file."""
    return functools.partial(parser.add_argument, metavar="FILE", type=file_name)


def positive_number(text):
    """The type of an option that takes a number above 0."""
    if not 0 < float(text) < float("inf"):
        raise ValueError(text)
    return float(text)


def add_table_options(parser):
    """Add the options to an :class:`argparse.ArgumentParser`."""
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="the column of a table that holds the labels: its name, or its number from 1 (-1 is "
        "the last). If not given, it is the one called label, class, target or y, else the last. "
        "Rows to predict need no label; it is looked for as in training",
    )
    add_switch(
        parser,
        "header",
        "the first row of a table names the columns (if neither is given: it does if it has text "
        "above a number, if all its cells are text, or if one is label, class or target)",
        "the first row of a table is one of data",
    )
    decimal = "decimal mark in a table: . or , (default: . for training, then that of training)"
    parser.add_argument("--decimal", metavar="MARK", choices=(".", ","), help=decimal)
    encoding = "encoding of a table, as latin-1 (default: that of training, else UTF-8, or UTF-16 "
    parser.add_argument("--encoding", metavar="NAME", help=encoding + "if its first bytes mark it)")


def add_training_options(parser):
    """Add the options of how data are prepared for training, which a model file keeps."""
    drop = "columns of a table to leave out: their names, or their numbers from 1"
    parser.add_argument("--drop", metavar="NAME[,NAME...]", help=drop)
    missing = "what becomes of a table's empty cells: with mean, the mean of their column, or a "
    missing += "category of their own in a column of text (without it, they are an error)"
    parser.add_argument("--missing", choices=("mean",), help=missing)
    na = f"one more text that counts as an empty cell, beside {', '.join(NA[1:])}; repeatable"
    parser.add_argument("--na", metavar="TEXT", action="append", help=na)
    standardize = "give features mean 0 and deviation 1 over the training rows (default: in tables)"
    add_switch(parser, "standardize", standardize, "take the numbers in tables as they are")
    shuffled = "split a table, one array, or a folder's train.csv at random into training, "
    shuffled += "validation and test rows, each with its share of every class, and shuffle the "
    shuffled += "training rows of other data (default: the former and not the latter)"
    in_order = "take rows in their order, as time series need it"
    add_switch(parser, "shuffle", shuffled, in_order)
    seed = "seed of the random order (default: %(default)s)"
    parser.add_argument("--split-seed", type=int, metavar="N", default=0, help=seed)


def add_switch(parser, name, yes, no):
    """Add an option and its opposite, with their helps; None is what is given by neither."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{name}", action="store_true", default=None, help=yes)
    group.add_argument(f"--no-{name}", dest=name, action="store_false", help=no)


def table_options(args):
    """The options as they were given: a :class:`TableOptions`."""
    names = ("label_column", "header", "decimal", "drop", "missing", "na", "encoding")
    return make_options(*map(vars(args).get, names))
