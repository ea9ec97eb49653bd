"""Command-line options that training and prediction share: how a table is read."""

import argparse
import functools
import re
from typing import NamedTuple, Optional


class TableOptions(NamedTuple):
    """How a table is read; what is given overrules a rule."""

    label_column: Optional[str] = None  # a name in the header, or a number from 1 (-1: the last)
    header: Optional[bool] = None  # whether the first row names the columns
    decimal: Optional[str] = None  # "." or ","
    dropped: Optional[tuple] = None  # columns that are left out, each as `label_column`
    missing: Optional[str] = None  # 'mean': empty cells are filled; 'drop': their rows left out

    def completed(self, metadata):
        """These options and, where none is given, those that a model was trained with."""
        told = {name: metadata.get(name) for name in self._fields}
        if metadata.get("columns"):  # by their names they are found in any order
            told["label_column"] = told["dropped"] = None
        given = {name: value for name, value in self._asdict().items() if value is not None}
        return TableOptions(**{**told, **given})


NO_OPTIONS = TableOptions()


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


def whole_number(text):
    """The type of an option that takes a whole number."""
    if not re.fullmatch(r"[+-]?\d{1,18}", text.strip()):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number of up to 18 digits")
    return int(text)


def add_table_options(parser):
    """Add the options to an :class:`argparse.ArgumentParser`."""
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="a table's column with the label, by name or by number from 1 (-1: the last); if not "
        "given: the one called label, class or target; else the one with text; else the one "
        "called y; else, without a header, the first. Rows to predict without a header have it "
        "where the training data had it",
    )
    add_switch(
        parser,
        "header",
        "the first row of a table names the columns; if not given, it does if a text cell of "
        "it stands over a number, if all its cells are text, or if one is label, class or target",
        "the first row is one of data",
    )
    decimal = "decimal mark in a table (default: .)"
    parser.add_argument("--decimal", choices=(".", ","), help=decimal)


def add_training_options(parser):
    """Add the options of how data are prepared for training, which a model file keeps."""
    drop = "leave columns of a table out, each by name or by number from 1"
    parser.add_argument("--drop", metavar="NAME[,NAME...]", help=drop)
    missing = "empty cells of a table (also NA, NaN and nan) get the mean of their column, in a "
    missing += "column of text a category of their own; or their rows are left out"
    parser.add_argument("--missing", choices=("mean", "drop"), help=missing)
    standardize = "give each feature mean 0 and standard deviation 1 over the training rows "
    standardize += "(default: in tables only)"
    add_switch(parser, "standardize", standardize, "take the numbers in tables as they are")
    split = parser.add_mutually_exclusive_group()
    seed = "seed of the random split of a table, or of one array, that has no test set; it has "
    seed += "all classes in proportion (default: %(default)s)"
    split.add_argument("--split-seed", type=whole_number, metavar="N", default=0, help=seed)
    in_order = {"dest": "split_seed", "action": "store_const", "const": None}
    in_order["help"] = "split it in the order of its rows, as time series need it"
    split.add_argument("--no-shuffle", **in_order)


def add_switch(parser, name, yes, no):
    """Add an option and its opposite, with their helps; None is what is given by neither."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{name}", action="store_true", default=None, help=yes)
    group.add_argument(f"--no-{name}", dest=name, action="store_false", help=no)


def table_options(args):
    """The options as they were given: a :class:`TableOptions`."""
    given = getattr(args, "drop", None)
    dropped = tuple(name.strip() for name in given.split(",")) if given else None
    missing = getattr(args, "missing", None)
    return TableOptions(args.label_column, args.header, args.decimal, dropped, missing)
