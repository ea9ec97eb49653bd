"""What goes to stderr: notes, warnings, errors. stdout belongs to the tutorial's lines."""

import atexit
import contextlib
import errno
import functools
import gc
import os
import signal
import sys
import threading

from logreg import ranks
from logreg.errors import LogRegError

SLOW_AFTER = 2.0  # seconds until something slow is explained
_interrupts = []  # the numbers of the signals that raised KeyboardInterrupt in this process
_is_engine_starting = False


def note(message):
    """Say something on stderr, on a line of its own; control characters become escapes.

    Of several ranks, the first says it.
    """
    if not ranks.rank:
        _say(message)


def _say(message):
    shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
    print(shown, file=sys.stderr, flush=True)


def warning(message):
    """Say on stderr that something may not be as the user thinks."""
    note("warning: " + message)


@contextlib.contextmanager
def starting(message):
    """Say `message` on stderr if the block takes long; collect no garbage in it.

    An engine keeps nearly all of the many objects that it makes when it starts or compiles: to
    collect among them takes up to a third of the time. It may also swallow the exception of a
    Ctrl-C, which the end of the block raises anew.
    """
    n_before = len(_interrupts)
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
            gc.freeze()
            gc.unfreeze()  # what there is counts as old now, and is seldom looked through
            gc.enable()
        if len(_interrupts) > n_before:
            raise KeyboardInterrupt


@contextlib.contextmanager
def starting_engine():
    """Like :func:`starting`, around a command's imports; Ctrl-C ends the process at once.

    As an exception it could get lost in an extension module, or look like a fault of the engine.
    """
    global _is_engine_starting
    _is_engine_starting = True
    try:
        with starting("starting the engine: the first time on a machine, this takes a while"):
            yield
    finally:
        _is_engine_starting = False


def _on_interrupt(number, frame):
    if _is_engine_starting:
        os.write(2, b"interrupted\n")
        os._exit(130)
    _interrupts.append(number)
    sys.unraisablehook = lambda unraisable: None  # objects that are left half made may complain
    raise KeyboardInterrupt


def _handle_interrupts(handler):
    with contextlib.suppress(ValueError):  # only the main thread can
        signal.signal(signal.SIGINT, handler)


def command(main):
    """Make a command line's ``main(argv=None)`` return an exit code, whatever the user did.

    The code is 0 or what `main` returns; 1 with ``error: ...`` on stderr for what the user can
    mend; 130 for Ctrl-C. argparse itself exits with 2 on wrong usage.
    """

    @functools.wraps(main)
    def wrapper(argv=None):
        # At exit, Python would look through all objects of the engine for garbage, half a second.
        atexit.register(gc.freeze)
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # the shell closed it
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        hook = sys.unraisablehook
        handler = signal.getsignal(signal.SIGINT)
        if handler is signal.default_int_handler:  # in the background, the shell has it ignored
            _handle_interrupts(_on_interrupt)
        code = 1
        try:
            code = main(argv) or 0
            sys.stdout.flush()
            ranks.finish()
            return code
        except LogRegError as error:
            said = ranks.fault(error)
            if said:
                _say(said)
            return 1
        except KeyboardInterrupt:
            code = 130
            note("interrupted")
            return 130
        except OSError as error:
            # Whoever opens a file of the user's handles its errors: this is stdout.
            # If the reader of a pipe (head, less) has gone, there is nothing to say.
            if not isinstance(error, BrokenPipeError):
                of_stdout = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EBADF)
                if error.filename is not None or error.errno not in of_stdout:
                    raise
                note(f"error: stdout cannot be written: {error.strerror}")
            # Python would complain once more when it flushes stdout at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 1
        finally:
            ranks.end(code, sys.exc_info()[1])
            sys.unraisablehook = hook
            if handler is signal.default_int_handler:
                _handle_interrupts(handler)

    return wrapper
