"""Command-line options that several commands share, and types of their values."""

import argparse
import functools
from dataclasses import fields

from logreg.datasets.options import OF_TRAINING, TableOptions
from logreg.version import __version__


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
    """The type of an option that takes a number above 0.

    Examples
    --------
    >>> positive_number("1e-3")
    0.001
    >>> positive_number("inf")
    Traceback (most recent call last):
    ValueError: inf
    >>> positive_number("nan")
    Traceback (most recent call last):
    ValueError: nan
    """
    if not 0 < float(text) < float("inf"):
        raise ValueError(text)
    return float(text)


def add_fields(parser, chosen):
    """Add an option for each of some fields of a dataclass, whose metadata tell what it needs."""
    for option in chosen:
        known, allowed = option.metadata, option.metadata["allowed"]
        if "opposite" in known:
            add_switch(parser, option.name, known["help"], known["opposite"])
            continue
        how = {k: known[k] for k in ("metavar", "action", "help") if k in known}
        if option.type is int:
            how.update(type=int, metavar="N", default=option.default)
        elif isinstance(allowed, tuple):
            how["choices"] = allowed
        parser.add_argument(f"--{option.name.replace('_', '-')}", **how)


def add_table_options(parser, of_training=False):
    """Add the options of tables: those of all commands, or those of training alone."""
    add_fields(parser, [f for f in fields(TableOptions) if (f.name in OF_TRAINING) == of_training])


def given(cls, args):
    """The options as they were given: an object of a dataclass, as :class:`TableOptions`."""
    return cls(**{option.name: vars(args).get(option.name) for option in fields(cls)})


def add_switch(parser, name, yes, no):
    """Add an option and its opposite, with their helps; None is what is given by neither."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{name}", action="store_true", default=None, help=yes)
    group.add_argument(f"--no-{name}", dest=name, action="store_false", help=no)
