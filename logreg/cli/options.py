"""Command-line options that several commands share, and types of their values."""

import argparse
import re
import sys
import textwrap
from dataclasses import fields
from types import MappingProxyType
from typing import Optional

from logreg.basics.version import __version__
from logreg.parts.options import ONLY_IN_TRAINING, TableOptions

FLOAT = {"type": float, "metavar": "X"}
NUMBERS = {int: {"type": int, "metavar": "N"}, float: FLOAT, Optional[float]: FLOAT}


class _Parser(argparse.ArgumentParser):
    """Refuses ``--`` as the value of an option, which argparse before Python 3.12.5 drops."""

    def parse_args(self, args=None, namespace=None):
        for word in sys.argv[1:] if args is None else args:
            if re.fullmatch(r"--[\w-]+=--|-\w=?--", word):
                self.error(f"{word}: -- is no value of an option")
        return super().parse_args(args, namespace)


def command_parser(name, arguments, description, examples, **options):
    """Make the parser of the command ``logreg NAME``; the options are argparse's.

    `arguments` is what the help shows behind the name. The examples are such arguments, too.
    """
    lines = [textwrap.fill(description, 79), "", "examples:"]
    lines += [f"  logreg {name} {example}".rstrip() for example in examples]
    parser = _Parser(
        prog=f"logreg {name}",
        usage=f"logreg {name} [options] {arguments}",
        description="\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **options,
    )
    parser.add_argument("--version", action="version", version=f"logreg {__version__}")
    return parser


def file_name(text):
    """The type of an option that names a file: a text without NUL, and not empty.

    Where a shell's variable is not set, ``--output "$FILE"`` gives an empty one.
    """
    if not text or "\0" in text:
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a file")
    return text


def add_file(group, *names, **options):
    """Add an option that names a file to a parser or to a group of its options."""
    group.add_argument(*names, **{"metavar": "FILE", "type": file_name, **options})


def add_output(group, text):
    """Add ``-o FILE``; the text is its help."""
    add_file(group, "-o", "--output", help=text)


def add_quiet(group):
    """Add ``-q``."""
    text = "print results, errors and warnings only"
    group.add_argument("-q", "--quiet", action="store_true", help=text)


def add_settings(group, settings, default_texts=MappingProxyType({})):
    """Add an option for each of some fields of a dataclass, as :func:`.setting` describes them.

    An option that is not given is None. Its help ends with its default: a field's text in the dict
    `default_texts`, else the field's default value. The help of a field whose default is a tuple
    has it already.
    """
    for setting in settings:
        metadata = setting.metadata
        if metadata["help_of_no"]:
            add_switch(group, setting.name, metadata["help"], metadata["help_of_no"])
            continue
        text = metadata["help"]
        default = default_texts.get(setting.name, setting.default)
        if default is not None and not isinstance(default, tuple):
            text += f" (default: {default})"
        options = {"help": text, **NUMBERS.get(setting.type, {}), **metadata["for_argparse"]}
        if isinstance(metadata["allowed"], tuple):
            options["choices"] = [choice for choice in metadata["allowed"] if choice is not None]
        names = [f"--{setting.name.replace('_', '-')}", *metadata["aliases"]]
        group.add_argument(*names, **options)


def add_table_options(group):
    """Add the options of tables that all commands have."""
    add_settings(group, [f for f in fields(TableOptions) if f.name not in ONLY_IN_TRAINING])


def add_test_data(group):
    """Add the options of the data that a model is tested on."""
    add_file(
        group,
        "--dataset",
        metavar="PATH",
        help="the data set whose test set is taken (default: that of the training)",
    )
    add_table_options(group)


def read_options(cls, args):
    """Make an object of a dataclass, such as TableOptions, of the options that were given."""
    return cls(**find_given(cls, args))


def find_given(cls, args):
    """Collect the options that were given of a dataclass's fields, as a dict."""
    values = {option.name: vars(args).get(option.name) for option in fields(cls)}
    return {name: value for name, value in values.items() if value is not None}


def add_switch(group, name, yes, no):
    """Add an option and its opposite, with their helps. None means that neither was given."""
    pair = group.add_mutually_exclusive_group()
    pair.add_argument(f"--{name}", action="store_true", default=None, help=yes)
    pair.add_argument(f"--no-{name}", dest=name, action="store_false", default=None, help=no)


def find_superfluous(parser, args, used):
    """List the options that were given and are not among the `used`, as a user types them."""
    superfluous = []
    for name, value in sorted(vars(args).items()):
        if name not in used and value != parser.get_default(name):
            option = name.replace("_", "-")
            if value is False:
                option = f"no-{option}"
            superfluous.append(f"-{option}" if len(option) == 1 else f"--{option}")
    return superfluous
