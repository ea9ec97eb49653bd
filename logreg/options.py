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
    help = "decimal mark in a table (default: %(default)s)"
    parser.add_argument("--decimal", choices=(".", ","), default=".", help=help)


def table_options(args):
    """The options as they were given: a :class:`~logreg.datasets.header.TableOptions`."""
    return TableOptions(args.label_column, args.header, args.decimal)
