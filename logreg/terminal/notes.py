"""What goes to stderr: notes, warnings, errors. stdout belongs to the tutorial's lines."""

import contextlib
import gc
import sys
import threading
import time

SLOW_AFTER = 2.0  # seconds until something slow is explained
_is_quiet = False
_is_command = False  # whether the process is that of a command, which is soon over
_rank = ""  # which of several processes this is that train together; "" for the first, and for one
_end_others = None  # a function that ends them when a command fails in this one


def set_quiet(is_quiet):
    """Choose whether notes are dropped, and no progress is shown."""
    global _is_quiet
    _is_quiet = is_quiet


def be_rank(rank, size, end):
    """Let the first of several processes speak: the others say nothing but errors.

    ``end(code, error)`` is called when a command fails in this one: `error` is the exception that
    ends it, if nothing was said of it.
    """
    global _rank, _end_others
    _rank, _end_others = rank and f"rank {rank} of {size}: ", end


def note(message):
    """Say something on stderr, on a line of its own; control characters become escapes.

    In a notebook, where stderr looks like an error, what is none goes to stdout. After
    ``set_quiet(True)``, errors and warnings alone are said; see also :func:`be_rank`. A disk that
    is full, and takes no note, stops nothing.
    """
    is_error = message.startswith("error: ")
    is_note = not (is_error or message.startswith("warning: "))
    if not is_error and (_rank or (_is_quiet and is_note)):
        return
    if _rank:
        time.sleep(2)  # what all have met, the first of them says, and ends the others
        message = message.replace("error: ", "error: " + _rank, 1)
    shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
    with contextlib.suppress(OSError):
        print(shown, file=sys.stdout if is_note and in_notebook() else sys.stderr, flush=True)


def in_notebook():
    """Whether a notebook's kernel runs this."""
    return type(sys.stderr).__module__.startswith("ipykernel")


def warning(message):
    """Say on stderr that something may not be as the user thinks."""
    note("warning: " + message)


@contextlib.contextmanager
def starting(message):
    """Say `message` on stderr if the block takes long; collect no garbage in it.

    An engine keeps nearly all of the many objects that it makes when it starts or compiles: to
    collect among them takes up to a third of the time.
    """
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
            if _is_command:  # in a longer process, the garbage of many runs would stay
                gc.freeze()
                gc.unfreeze()  # what there is counts as old now, and is seldom looked through
            gc.enable()


def starting_engine():
    """Like :func:`starting`, around a command's imports."""
    return starting("starting the engine: the first time on a machine, this takes a while")


@contextlib.contextmanager
def collecting():
    """Collect garbage at the end of the function that this decorates.

    The variables and operations of a graph refer to each other, and to the data: Python's own
    collection leaves them in memory until long after the run.
    """
    try:
        yield
    finally:
        if not _is_command:  # whose process is soon over
            gc.collect()
