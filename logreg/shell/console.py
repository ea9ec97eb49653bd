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
import time
import warnings

from logreg.errors import LogRegError

SLOW_AFTER = 2.0  # seconds until something slow is explained
# An OSError of these numbers that names no file is of stdout.
OF_STDOUT = (errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EBADF, errno.EPIPE)
# A file's OSError of these numbers is not our fault: the disk is full, or too many files are open.
MENDABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMFILE, errno.ENFILE)
_interrupts = []  # the numbers of the signals that raised KeyboardInterrupt in this process
_is_engine_starting = False
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


@contextlib.contextmanager
def progress(total, what=None, unit="B", **options):
    """Show on a terminal how far a slow block is; what is printed in it goes above the line.

    Yielded is a function to call with how much more is done, and with attributes of the bar that
    change. It does nothing where stderr is no terminal, after ``set_quiet(True)``, without tqdm,
    and on other ranks than the first. `options` are tqdm's.
    """
    with contextlib.ExitStack() as stack:
        bar = None
        if not (_is_quiet or _rank) and sys.stderr.isatty():
            with contextlib.suppress(ImportError):  # the extra `progress`
                from tqdm import tqdm

                style = {"unit_scale": True, "leave": False, "dynamic_ncols": True, "unit": unit}
                options = {**style, "delay": SLOW_AFTER, **options}
                bar = stack.enter_context(tqdm(total=total, desc=what, **options))
                stack.enter_context(contextlib.redirect_stderr(_Above(bar, sys.stderr)))
                if sys.stdout.isatty():
                    stack.enter_context(contextlib.redirect_stdout(_Above(bar, sys.stdout)))

        def advance(n, **changed):
            if bar is not None:
                vars(bar).update(changed)
                bar.update(n)

        yield advance


class _Above:
    """A stream whose lines are printed above a bar."""

    def __init__(self, bar, stream):
        self._bar, self._stream = bar, stream

    def write(self, text):
        self._bar.clear()
        self._stream.write(text)
        if text.endswith("\n") and not self._bar.delay:  # else there may be no bar yet
            self._stream.flush()
            self._bar.refresh()

    def __getattr__(self, name):
        return getattr(self._stream, name)


def note(message):
    """Say something on stderr, on a line of its own; control characters become escapes.

    After ``set_quiet(True)``, errors and warnings alone are said; see also :func:`be_rank`. A disk
    that is full, and takes no note, stops nothing.
    """
    is_error = message.startswith("error: ")
    if not is_error and (_rank or (_is_quiet and not message.startswith("warning: "))):
        return
    if _rank:
        time.sleep(2)  # what all have met, the first of them says, and ends the others
        message = message.replace("error: ", "error: " + _rank, 1)
    shown = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in message)
    with contextlib.suppress(OSError):
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
            if _is_command:  # in a longer process, the garbage of many runs would stay
                gc.freeze()
                gc.unfreeze()  # what there is counts as old now, and is seldom looked through
            gc.enable()
        if len(_interrupts) > n_before:
            raise KeyboardInterrupt


@contextlib.contextmanager
def collecting():
    """Collect garbage at the end of the function that this decorates.

    The variables and operations of a graph refer to each other, and to the data: Python's own
    collection leaves them in memory until long after the run.
    """
    try:
        yield
    finally:
        gc.collect()


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
    raise KeyboardInterrupt


def _handle_interrupts(handler):
    with contextlib.suppress(ValueError):  # only the main thread can
        signal.signal(signal.SIGINT, handler)


if getattr(sys, "argv", None) and (
    os.path.dirname(sys.argv[0]) == os.path.dirname(os.path.dirname(__file__))
    or os.path.basename(sys.argv[0]).startswith("logreg-")
):  # a command of ours: from its first import on, Ctrl-C ends it
    _is_engine_starting = True
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        _handle_interrupts(_on_interrupt)


def command(main):
    """Make a command line's ``main(argv=None)`` return an exit code, whatever the user did.

    The code is 0 or what `main` returns; 1 with ``error: ...`` on stderr for what the user can
    mend; 130 for Ctrl-C. argparse itself exits with 2 on wrong usage. NumPy's warnings of numbers
    that overflow are kept from stderr: what comes of these is told otherwise.
    """

    @functools.wraps(main)
    def wrapper(argv=None):
        code, is_over = 1, False
        with _process_of_a_command():
            try:
                if not _has_working_directory():
                    raise LogRegError("the working directory is gone: change to one that exists")
                code = main(argv) or 0
                sys.stdout.flush()
                is_over = True
            except LogRegError as error:
                code = 1
                note(f"error: {error}")
            except MemoryError as error:
                code = 1
                note(f"error: {str(error) or 'there is not enough memory'}")
            except KeyboardInterrupt:
                code = 130
                note("interrupted")
            except OSError as error:
                code = 1
                _tell_of_full_disk(error)
            finally:
                if _end_others and not is_over:
                    _end_others(code, sys.exc_info()[1])
        return code

    return wrapper


@contextlib.contextmanager
def _process_of_a_command():
    """Prepare the process: its streams, Ctrl-C, warnings and garbage; put them back at the end."""
    global _is_command, _is_engine_starting
    _is_command = True
    # At exit, Python would look through all objects of the engine for garbage, half a second.
    atexit.register(gc.freeze)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # the shell closed it
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    is_ours = signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _on_interrupt)
    if is_ours:  # in the background, the shell has it ignored
        _handle_interrupts(_on_interrupt)
        _is_engine_starting = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            yield
    finally:
        try:
            sys.stderr.flush()
        except OSError:  # a full disk, to which a note could not be written
            _drop(sys.stderr)
        set_quiet(False)
        _is_command = False
        if is_ours:
            _handle_interrupts(signal.default_int_handler)


def _tell_of_full_disk(error):
    """Say that stdout or a file cannot be written; raise what is no such OSError."""
    is_stdout = error.filename is None and error.errno in OF_STDOUT
    if not (is_stdout or error.errno in MENDABLE):
        raise error
    # If the reader of a pipe (head, less) has gone, there is nothing to say.
    if not isinstance(error, BrokenPipeError):
        what = "stdout cannot be written" if is_stdout else error.filename or "a file"
        note(f"error: {what}: {error.strerror}")
    if is_stdout:
        _drop(sys.stdout)


def _drop(stream):
    """Send to nowhere what a stream holds: Python would complain when it flushes it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _has_working_directory():
    with contextlib.suppress(OSError):
        return bool(os.getcwd())
    return False
