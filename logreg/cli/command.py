"""How a command ends: its exit code, and what of the process it leaves as it was."""

import contextlib
import functools
import gc
import os
import signal
import sys
import warnings

from logreg import console
from logreg.console import note
from logreg.errors import LogRegError
from logreg.parallel.ranks import ranks


def command(main):
    """Make a command line's ``main(argv=None)`` return an exit code, whatever the user did.

    The code is 0 or what `main` returns; 130 after Ctrl-C; or 1 with ``error: ...`` on stderr for
    what the user can mend: our own errors, and what the operating system refuses. argparse itself
    exits with 2 on wrong usage. NumPy's warnings of numbers that overflow are kept from stderr:
    what comes of these has messages of its own.
    """

    @functools.wraps(main)
    def wrapper(argv=None):
        code, is_done = 1, False
        with contextlib.ExitStack() as stack:
            for name in ("stdout", "stderr"):
                if getattr(sys, name) is None:  # the shell closed it
                    stack.callback(setattr, sys, name, None)
                    nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                    setattr(sys, name, nowhere)
            stack.callback(_flush)
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RuntimeWarning)
            stack.enter_context(console.of_command())
            if argv is None:  # the process is that of the command, and soon over
                _end_by_signals()
                gc.disable()
                stack.callback(gc.enable)
                stack.callback(gc.freeze)  # at exit, Python would look for garbage: half a second
            try:
                returned = main(argv) or 0
                code = returned or 1  # stdout may still hold what its reader did not take
                sys.stdout.flush()
                code, is_done = returned, True
            except KeyboardInterrupt:
                code = 130
                note("interrupted")
            except (LogRegError, MemoryError) as error:
                note(f"error: {str(error) or 'there is not enough memory'}")
            except BrokenPipeError:
                pass  # the reader of the pipe (head, less) has gone: there is nothing to say
            except OSError as error:
                what = error.filename or "stdout or the working folder"
                note(f"error: {what}: {error.strerror or error}")
            finally:
                if ranks.size > 1 and not is_done:
                    ranks.end(code, sys.exc_info()[1])
        return code

    return wrapper


def _end_by_signals():
    """Let Ctrl-C and SIGTERM leave the blocks that they fall into, which remove half of a file."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # as the command's file set it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def _flush():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try once more at exit, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
