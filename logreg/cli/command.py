"""A command's process: its exit code, and what Ctrl-C does to it."""

import atexit
import contextlib
import functools
import gc
import os
import signal
import sys
import warnings

from logreg.errors import LogRegError
from logreg.files.writing import unfinished
from logreg.terminal import notes
from logreg.terminal.notes import note, set_quiet


def _own_the_process():
    """Let Ctrl-C end the process of a command at once, until something else handles it.

    An exception could get lost in an extension module, or look like a fault of the engine.
    """
    notes._is_command = True
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
    if notes._end_others:
        notes._end_others(128 + number)
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
    if main.__module__ == "__main__" and not notes._is_command:
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
            if notes._end_others and code is None:
                notes._end_others(1, sys.exc_info()[1])
            for stream in (sys.stdout, sys.stderr):
                try:
                    stream.flush()
                except OSError:  # Python would try once more at exit, and complain
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 1 if code is None else code

    return wrapper
