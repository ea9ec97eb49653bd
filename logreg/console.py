"""What is printed: results on stdout, by :func:`say`; notes, warnings and errors by :func:`note`.

A command prints these on stderr. A program that imports logreg gets a warning as Python's, of the
class LogRegWarning, and a note from the logger ``logreg``.
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

from logreg.errors import LogRegWarning

SLOW_AFTER = 2.0  # seconds until something slow is explained
STARTING, COMPILING = "starting the engine", "compiling"


class _Console:
    """How this process speaks: of stdout and stderr there is one each, and so of this."""

    is_quiet = False  # notes and lines of the log are dropped, and no progress is shown
    line = ""  # what stands on the last line of the terminal
    is_printing = False  # whether notes and warnings are printed, as commands do
    of_command = False  # a command runs, whose user knows options and no arguments
    rank = ""  # which of several processes this is, of which the first one speaks; then ""


_console = _Console()


@contextlib.contextmanager
def of_command():
    """Within the block, messages name options; after it, :func:`set_quiet` is as before."""
    before = _console.is_quiet, _console.of_command
    _console.of_command = True
    try:
        with printing():
            yield
    finally:
        _console.is_quiet, _console.of_command = before


@contextlib.contextmanager
def printing():
    """Within the block, notes and warnings are printed."""
    before = _console.is_printing
    _console.is_printing = True
    try:
        yield
    finally:
        _console.is_printing = before


def set_quiet(is_quiet):
    """Choose whether notes and lines of the log are dropped, and no progress is shown."""
    _console.is_quiet = is_quiet


def is_quiet():
    """Whether :func:`set_quiet` said so, or another process speaks for this one."""
    return bool(_console.is_quiet or _console.rank)


def be_rank(rank, size):
    """Let the first of several processes speak: the others say nothing but errors."""
    _console.rank = rank and f"rank {rank} of {size}: "


def show(text):
    """Rewrite the last line of a terminal on stderr, which is below what is printed; '' ends it."""
    if text or _console.line:
        blank, width = "\r" + " " * len(_console.line) + "\r", 0
        with contextlib.suppress(OSError):  # it may be a stream of Python's
            width = os.get_terminal_size(sys.stderr.fileno()).columns
        _console.line = text[: (width or 80) - 1]
        print(blank + _console.line, end="", file=sys.stderr, flush=True)


def say(text):
    """Print text and a line's end to stdout, at once."""
    show("")
    print(encodable(text, sys.stdout), flush=True)


def log(text):
    """Print what is no result, as :func:`say` does, unless :func:`set_quiet` says no."""
    if not _console.is_quiet:
        say(text)


def encodable(text, stream):
    """The text with escapes for what the encoding of a text stream lacks."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def note(message):
    """Tell a message that begins with ``error: ``, ``warning: ``, ``note: `` or nothing of these.

    A command prints it to stderr, on a line of its own; control characters become escapes. Without
    a command, errors alone are printed: a warning is Python's, and a note goes to the logger.

    In a notebook, where stderr looks like an error, what is none goes to stdout. After
    ``set_quiet(True)``, errors and warnings alone are printed; see also :func:`be_rank`. A disk
    that is full, and takes no note, stops nothing.
    """
    is_error, is_warning = message.startswith("error: "), message.startswith("warning: ")
    is_note = not (is_error or is_warning)
    if not is_error and (_console.rank or (_console.is_quiet and is_note)):
        return
    if not (is_error or _console.is_printing):
        if is_warning:
            text = message[len("warning: ") :]
            warnings.warn(text, LogRegWarning, stacklevel=_depth_of_user())
        else:
            logging.getLogger("logreg").info(message)
        return
    if _console.rank:
        time.sleep(2)  # what all have met, the first of them says, and ends the others
        message = message.replace("error: ", "error: " + _console.rank, 1)
    message = as_options(message) if _console.of_command else message
    text = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
    stream = sys.stdout if is_note and in_notebook() else sys.stderr
    with contextlib.suppress(OSError):
        show("")
        print(encodable(text, stream), file=stream, flush=True)


def _depth_of_user():
    """How many calls above that of its caller the code is that is not logreg's."""
    package, frame, depth = os.path.dirname(__file__) + os.sep, sys._getframe(1), 1
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
        name, value = match[1].replace("_", "-"), match[2]
        if value in (None, "True", "False"):
            return f"--{'no-' * (value == 'False')}{name}"
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
def starting(message):
    """Print `message` to stderr if the block takes long; collect no garbage in it.

    An engine keeps nearly all of the many objects that it makes when it starts or compiles: to
    collect among them takes up to a third of the time.
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
