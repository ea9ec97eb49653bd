"""Command-line options that training and prediction share: how a table is read."""

from logreg.datasets.header import TableOptions


def add_table_options(parser):
    """Add the options to an :class:`argparse.ArgumentParser`."""
    parser.add_argument(
        "--label-column",
        metavar="NAME",
        help="a table's column with the label, by name or by number from 1 (-1: the last); if not "
        "given: the one called label, class or target; else the one with text; else the one "
        "called y; else, without a header, the first",
    )
    header = parser.add_mutually_exclusive_group()
    header.add_argument(
        "--header",
        action="store_true",
        default=None,
        help="the first row of a table names the columns; if not given, it does if a text cell of "
        "it stands over a number, if all its cells are text, or if one is label, class or target",
    )
    header.add_argument(
        "--no-header", dest="header", action="store_false", help="the first row is one of data"
    )
    parser.add_argument(
        "--decimal", choices=(".", ","), help="decimal mark in a table (default: .)"
    )


def add_training_options(parser):
    """Add the options of how data are prepared for training, which a model file keeps."""
    add = parser.add_argument
    add(
        "--drop",
        metavar="NAME[,NAME...]",
        help="leave columns of a table out, each by name or by number from 1",
    )
    add(
        "--missing",
        choices=("mean", "drop"),
        help="empty cells of a table (also NA, NaN and nan) get the mean of their column, in a "
        "column of text a category of their own; or their rows are left out",
    )
    standardize = parser.add_mutually_exclusive_group()
    standardize.add_argument(
        "--standardize",
        action="store_true",
        default=None,
        help="give each feature mean 0 and standard deviation 1 over the training rows (default: "
        "in tables only)",
    )
    standardize.add_argument(
        "--no-standardize",
        dest="standardize",
        action="store_false",
        help="take the numbers in tables as they are",
    )
    split = parser.add_mutually_exclusive_group()
    split.add_argument(
        "--split-seed",
        type=int,
        metavar="N",
        default=0,
        help="seed of the random split of a table, or of one array, that has no test set; it has "
        "all classes in proportion (default: %(default)s)",
    )
    split.add_argument(
        "--no-shuffle",
        dest="split_seed",
        action="store_const",
        const=None,
        help="split it in the order of its rows, as time series need it",
    )


def table_options(args):
    """The options as they were given: a :class:`~logreg.datasets.header.TableOptions`."""
    given = getattr(args, "drop", None)
    dropped = tuple(name.strip() for name in given.split(",")) if given else None
    missing = getattr(args, "missing", None)
    return TableOptions(args.label_column, args.header, args.decimal, dropped, missing)
