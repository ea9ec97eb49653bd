"""A small process beside a machine's ranks, which says how one ended that cannot say so itself.

A launcher tells of a signal, but not of the rank that got it, and kills the others.
"""

import fcntl
import os
import selectors
import signal
import socket
import time

KIND = socket.AF_UNIX, socket.SOCK_SEQPACKET
MAX_FILES = 1 << 12  # that may be open
HIGH = 200  # a file's number, above those that the launcher opened


def watch(name, start_seconds):
    """Have a process tell on stderr if this rank, called `name`, is the first to end, wordlessly.

    The first rank of a machine starts that process. It wants to read b"s" from the socket that is
    returned when all ranks have started, within so many seconds, and b"e" when this one ends.
    """
    address, end = f"\0logreg-ranks-{os.getppid()}", socket.socket(*KIND)
    while end.connect_ex(address):
        with socket.socket(*KIND) as server:
            try:
                server.bind(address)
            except OSError:  # another rank has just done so
                continue
            server.listen()
            if not os.fork():
                try:
                    _watch(server, start_seconds)
                finally:
                    os._exit(0)
    end.send(f"{os.getpid()} {name}".encode())
    # Linux closes a process's files from the last to the first: this before the launcher's.
    return socket.socket(fileno=fcntl.fcntl(end.fileno(), fcntl.F_DUPFD_CLOEXEC, HIGH))


def _watch(server, start_seconds):
    os.setsid()
    os.dup2(server.fileno(), 0)
    os.close(1)
    os.closerange(3, MAX_FILES)  # the launcher's socket, too
    ready, starting, ended = selectors.DefaultSelector(), {}, None
    ready.register(socket.socket(fileno=0), selectors.EVENT_READ)
    limit = time.monotonic() + start_seconds
    while not ended and (not starting or time.monotonic() < limit):
        # The kernel lists them in the order in which they became ready: who ended first is first.
        for key, _ in ready.select(start_seconds if starting else None):
            if key.data is None:
                end = key.fileobj.accept()[0]
                starting[end] = end.recv(99).decode().partition(" ")
                ready.register(end, selectors.EVENT_READ, starting[end])
                continue
            word = key.fileobj.recv(1)
            starting.pop(key.fileobj, None)
            if word != b"s" and not ended:
                ended = key.data
                if not word:
                    _say(ended, "was killed or crashed: the others are ended, too")
    if not ended:
        what = f"has waited {start_seconds} s for the others: one did not start, or has ended"
        _say(next(iter(starting.values())), what)
    for pid, _, _ in starting.values():  # which would wait for ever
        os.kill(int(pid), signal.SIGKILL)


def _say(rank, what):
    pid, _, name = rank
    os.write(2, f"error: {name} (process {pid}) {what}\n".encode())
