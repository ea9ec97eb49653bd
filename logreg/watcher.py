"""A small process beside each rank, which says how it ended where it cannot say so itself.

A launcher tells of a signal, but not of the rank that got it, and kills the others.
"""

import contextlib
import os
import select
import signal
import socket
import sys
import time

CLAIM_SECONDS = 10  # for which the first to tell of an end is the only one
MAX_FILES = 1 << 12  # that may be open


def watch(pid, number, n, start_seconds):
    """Start a process that tells on stderr if rank `number` of `n`, this one, ends without a word.

    It writes b"s" into the pipe that is returned when all ranks have started, within so many
    seconds, and b"e" when it ends.
    """
    end_to_read, end_to_write = os.pipe()
    launcher = os.getppid()
    if os.fork():
        os.close(end_to_read)
        return end_to_write
    try:
        os.setsid()
        os.dup2(end_to_read, 0)
        os.close(1)
        os.closerange(3, MAX_FILES)  # the launcher's socket, too
        said = _wait_for_end(pid, start_seconds)
        # The launcher kills the others. On a machine, the first watcher to get this name speaks.
        with socket.socket(socket.AF_UNIX) as claim, contextlib.suppress(OSError):
            if sys.platform == "linux":
                claim.bind(f"\0logreg-ranks-{launcher}")
            if said:
                os.write(2, f"error: rank {number} of {n} (process {pid}) {said}\n".encode())
            os.close(2)
            time.sleep(CLAIM_SECONDS)
    finally:
        os._exit(0)


def _wait_for_end(pid, start_seconds):
    """Wait until the rank ends; return what there is to say of that."""
    if not select.select([0], [], [], start_seconds)[0]:
        os.kill(pid, signal.SIGKILL)
        return f"has waited {start_seconds} s for the others: one did not start, or has ended"
    word = os.read(0, 1)
    if word == b"s":
        word = os.read(0, 1)
    return None if word else "was killed or crashed: the others are ended, too"
