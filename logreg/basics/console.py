"""What is printed: results by :func:`say`, the log by :func:`log`, all else by :func:`note`.

Results and the log go to stdout; ``--quiet`` leaves out the log. A command prints notes, warnings
and errors on stderr. A program that imports logreg gets a warning as Python's, of the class
LogRegWarning, and a note from the logger ``logreg``.
"""

import ast
import contextlib
import gc
import logging
import os
import re
import shlex
import sys
import threading
import time
import warnings

from logreg.basics.errors import LogRegWarning, printable

SLOW_AFTER = 2.0  # seconds until something slow is explained
STARTING, COMPILING = "starting the engine", "compiling"


class _Console:
    """What this process prints, and how. There is one stdout and one stderr, and so one of this."""

    is_quiet = False  # whether notes, lines of the log and progress are left out
    is_printing = False  # whether notes and warnings are printed, as commands do
    names_options = False  # whether messages name a command's options, not Python's arguments
    line = ""  # the text on the last line of the terminal
    rank = ""  # the name of this process if it is one of several, and not the first of them


_console = _Console()


@contextlib.contextmanager
def printing(names_options=False):
    """Print notes and warnings within the block; after it, the console is as it was before.

    With `names_options`, messages name the options of a command.
    """
    before = {
        name: getattr(_console, name) for name in ("is_quiet", "is_printing", "names_options")
    }
    _console.is_printing = True
    _console.names_options = names_options
    try:
        yield
    finally:
        vars(_console).update(before)


def set_quiet(is_quiet):
    """Choose whether notes, lines of the log and progress are left out."""
    _console.is_quiet = is_quiet


def is_silent():
    """Whether neither notes nor progress are printed: with ``set_quiet``, or as a later rank."""
    return bool(_console.is_quiet or _console.rank)


def set_rank(rank, size):
    """Say which of several processes this is: all but the first give errors, and no other note."""
    if rank:
        _console.rank = f"rank {rank} of {size}: "


def show_status(text):
    """Show a text on the last line of a terminal, below what is printed; '' removes it."""
    if text or _console.line:
        blank = "\r" + " " * len(_console.line) + "\r"
        width = 0
        with contextlib.suppress(OSError):  # stderr may be no terminal
            width = os.get_terminal_size(sys.stderr.fileno()).columns
        _console.line = text[: (width or 80) - 1]
        print(blank + _console.line, end="", file=sys.stderr, flush=True)


def say(text):
    """Print a line on stdout at once."""
    show_status("")
    print(encodable(text, sys.stdout), flush=True)


def log(text):
    """Print a line of the log on stdout, unless the console is quiet.

    The stdout of all ranks but the first leads nowhere: see :mod:`logreg.basics.mpi`.
    """
    if not _console.is_quiet:
        say(text)


def encodable(text, stream):
    """The text, with escapes for characters that the encoding of a stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def note(message, is_part_of_log=False):
    """Give a message to the user: an error, a warning, or a note, by how it begins.

    A message that begins with ``error: `` is an error, one with ``warning: `` a warning. In a
    command, each is printed on stderr. In a program that imports logreg, an error is printed, a
    warning becomes one of Python's, and a note goes to the logger ``logreg``. But a note that
    `is_part_of_log` is printed in a program, too, like the lines of the log around it.

    After ``set_quiet(True)``, there are no notes. Of several processes, all but the first print
    errors only: see :func:`set_rank`.
    """
    is_error = message.startswith("error: ")
    is_warning = message.startswith("warning: ")
    is_note = not (is_error or is_warning)
    if (_console.rank and not is_error) or (_console.is_quiet and is_note):
        return
    if is_error or _console.is_printing or (is_note and is_part_of_log):
        _print_message(message, is_note)
    elif is_warning:
        text = message[len("warning: ") :]
        warnings.warn(text, LogRegWarning, stacklevel=_depth_of_user())
    else:
        logging.getLogger("logreg").info(message)


def _print_message(message, is_note):
    """Print a message on lines of its own, with escapes for control characters.

    In a notebook, what stands on stderr looks like an error, so a note goes to stdout. If the disk
    is full and takes no message, the program goes on.
    """
    if _console.rank:
        # An error of all ranks is to be printed once. So the first rank has time to print it and to
        # end the others.
        time.sleep(2)
        message = message.replace("error: ", "error: " + _console.rank, 1)
    if _console.names_options:
        message = as_options(message)
    text = printable(message, allowed="\n")
    stream = sys.stdout if is_note and in_notebook() else sys.stderr
    with contextlib.suppress(OSError):
        show_status("")
        print(encodable(text, stream), file=stream, flush=True)


def _depth_of_user():
    """Count the frames from this one's caller to the first outside logreg: a `stacklevel`."""
    package = os.path.dirname(os.path.dirname(__file__)) + os.sep
    frame = sys._getframe(1)
    depth = 1
    while frame.f_back and frame.f_code.co_filename.startswith(package):
        frame = frame.f_back
        depth += 1
    return depth


def as_options(message):
    """A message with options of a command in place of Python's arguments in backticks.

    Examples
    --------
    >>> as_options("give `missing='mean'`, `header=False` or another `label_column`")
    'give --missing mean, --no-header or another --label-column'
    >>> as_options("`drop=['a b', 'c']`, `na='-'`, `header=True`, `l2=0.5`, ``x`` or `y`")
    "--drop 'a b,c', --na -, --header, --l2 0.5, ``x`` or `y`"
    """

    def option(match):
        name = match[1].replace("_", "-")
        value = match[2]
        if value == "False":
            return f"--no-{name}"
        if value in (None, "True"):
            return f"--{name}"
        with contextlib.suppress(ValueError, SyntaxError):
            value = ast.literal_eval(value)
        texts = value if isinstance(value, (list, tuple)) else [value]
        return f"--{name} {shlex.quote(','.join(map(str, texts)))}"

    return re.sub(r"`([a-z]\w+)(?:=([^`]+))?`", option, message)


def in_notebook():
    """Whether a notebook's kernel runs this."""
    return type(sys.stderr).__module__.startswith("ipykernel")


def warning(message):
    """Tell that something may not be as the user thinks."""
    note("warning: " + message)


@contextlib.contextmanager
def waiting_for_engine(message):
    """Within the block, an engine starts or compiles: tell `message` if this takes long.

    Python's garbage collector is off within the block. An engine keeps nearly all of the many
    objects that it makes there, and collecting among them takes up to a third of the time.
    """
    message += ", which takes longest the first time on a machine"
    timer = threading.Timer(SLOW_AFTER, note, args=(message,))
    timer.daemon = True
    timer.start()
    is_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        timer.cancel()
        if is_collecting:
            gc.enable()
