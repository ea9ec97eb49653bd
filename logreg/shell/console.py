"""What goes to stderr: notes, warnings, errors. stdout belongs to the tutorial's lines."""

import atexit
import contextlib
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
unfinished = set()  # temporary files and locks, which go when Ctrl-C ends the process
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
    is_quiet = _is_quiet or _rank or "JPY_PARENT_PID" in os.environ  # a cell keeps each state
    with contextlib.ExitStack() as stack:
        bar = None
        if not is_quiet and sys.stderr.isatty():
            with contextlib.suppress(ImportError):  # the extra `progress`
                from tqdm import tqdm
                from tqdm.contrib import DummyTqdmFile

                style = {"unit": unit, "unit_scale": True, "leave": False, "dynamic_ncols": True}
                options = {**style, "desc": what, "delay": SLOW_AFTER, **options}
                bar = stack.enter_context(tqdm(total=total, **options))
                stack.enter_context(contextlib.redirect_stderr(DummyTqdmFile(sys.stderr)))
                if sys.stdout.isatty():
                    stack.enter_context(contextlib.redirect_stdout(DummyTqdmFile(sys.stdout)))

        def advance(n, **changed):
            if bar is not None:
                vars(bar).update(changed)
                bar.update(n)

        yield advance


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


def _own_the_process():
    """Let Ctrl-C end the process of a command at once, until something else handles it.

    An exception could get lost in an extension module, or look like a fault of the engine.
    """
    global _is_command
    _is_command = True
    # At exit, Python would look through all objects of the engine for garbage, half a second.
    atexit.register(gc.freeze)
    # In the background, the shell has it ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end_process)


def _end_process(number, frame):
    with contextlib.suppress(OSError):  # stderr may be closed
        os.write(2, b"interrupted\n")
    for path in list(unfinished):
        with contextlib.suppress(OSError):
            os.unlink(path)
    if _end_others:
        _end_others(128 + number)
    os._exit(128 + number)


_program = (getattr(sys, "argv", None) or [""])[0]
if os.path.basename(_program).startswith("logreg-") or (
    os.path.dirname(_program) == os.path.dirname(os.path.dirname(__file__))
):  # a command of ours, from its first import on
    _own_the_process()


def command(main):
    """Make a command line's ``main(argv=None)`` return an exit code, whatever the user did.

    The code is 0 or what `main` returns, or 1 with ``error: ...`` on stderr for what the user can
    mend: our own errors, and what the operating system refuses. argparse itself exits with 2 on
    wrong usage. Where `main` is of the program that runs, Ctrl-C ends that with 130; elsewhere it
    is a KeyboardInterrupt, as in any function. NumPy's warnings of numbers that overflow are kept
    from stderr: what comes of these is told otherwise.
    """
    if main.__module__ == "__main__" and not _is_command:
        _own_the_process()

    @functools.wraps(main)
    def wrapper(argv=None):
        code = None
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:  # the shell closed it
                setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)
                returned = main(argv) or 0
                sys.stdout.flush()
                code = returned
        except (LogRegError, MemoryError) as error:
            note(f"error: {str(error) or 'there is not enough memory'}")
        except BrokenPipeError:
            pass  # the reader of the pipe (head, less) has gone: there is nothing to say
        except OSError as error:
            what = error.filename or "stdout or the working folder"
            note(f"error: {what}: {error.strerror or error}")
        finally:
            set_quiet(False)
            if _end_others and code is None:
                _end_others(1, sys.exc_info()[1])
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except OSError:  # Python would try once more at exit, and complain
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 1 if code is None else code

    return wrapper
