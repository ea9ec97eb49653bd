"""Turns a function into a command: its exit code, its errors, Ctrl-C and closed streams."""

import contextlib
import functools
import gc
import os
import signal
import sys
import warnings

from logreg.basics import console
from logreg.basics.console import note
from logreg.basics.errors import LogRegError
from logreg.basics.ranks import ranks

CLOSED_PIPE = 141  # what a shell reports of a process whose stdout nobody reads any more


def command(main):
    """Make a command line's ``main(argv=None)`` return an exit code, whatever the user did.

    The code is 0, or what `main` returns. It is 130 after Ctrl-C, and 141 if nobody reads stdout
    any more. It is 1, with ``error: ...`` on stderr, after an error that the user can mend: one of
    ours, or one of the operating system. argparse itself exits with 2 on wrong usage. NumPy's
    warnings of overflow are not printed, as logreg checks the results and has messages of its own.
    """

    @functools.wraps(main)
    def wrapper(argv=None):
        code = 1  # of an error, and of a success whose stdout cannot be written
        is_done = False
        with contextlib.ExitStack() as stack:
            for name in ("stdout", "stderr"):
                if getattr(sys, name) is None:  # the shell closed it
                    stack.callback(setattr, sys, name, None)
                    nowhere = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
                    setattr(sys, name, nowhere)
            stack.callback(_flush_streams)
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter("ignore", RuntimeWarning)
            stack.enter_context(console.printing(names_options=True))
            if argv is None:  # the process is that of the command, and ends after it
                _turn_signals_into_exceptions()
                # Collecting garbage takes half a second, and Python collects at exit, too. So it is
                # off until the command ends. Then all objects are frozen, which leaves them out of
                # the collection at exit. The last callback runs first: freeze, then enable.
                gc.disable()
                stack.callback(gc.enable)
                stack.callback(gc.freeze)
            try:
                returned = main(argv) or 0
                if returned:
                    code = returned  # now, as a flush that fails must not hide it
                sys.stdout.flush()
                code = returned
                is_done = True
            except KeyboardInterrupt:
                code = 130
                note("interrupted")
            except (LogRegError, MemoryError) as error:
                note(f"error: {str(error) or 'there is not enough memory'}")
            except BrokenPipeError:
                code = CLOSED_PIPE  # the reader, such as head, has ended, and reads no message
            except OSError as error:
                what = error.filename or "stdout or the working folder"
                note(f"error: {what}: {error.strerror or error}")
            finally:
                if ranks.size > 1 and not is_done:
                    # Here, sys.exc_info() has only an exception that no clause above has caught.
                    ranks.end(code, sys.exc_info()[1])
        return code

    return wrapper


def _turn_signals_into_exceptions():
    """Let Ctrl-C and SIGTERM raise exceptions, so that blocks remove their temporary files."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:  # by cli.start.end_at_ctrl_c
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))


def _flush_streams():
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # Python would try again at exit, and print an error
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
