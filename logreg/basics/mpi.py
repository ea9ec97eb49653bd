"""Ranks: the processes that an MPI launcher has started to train one model together.

Each rank has all data, and takes its part of the rows of each minibatch. Gradients and counts are
summed over the ranks, so that all take the same steps.
:mod:`logreg.basics.ranks` imports this module if a launcher has started several processes, unless
LOGREG_RANKS is 0.

All ranks call the same methods of :class:`Ranks` in the same order: each call waits for all of
them. An exception that leaves a rank ends all ranks, after its message. Only rank 0 prints results;
the others print errors.
"""

import atexit
import os
import sys
import time
import traceback

from logreg.basics import console
from logreg.basics.errors import EngineError, install_command

LONG = 0.01  # seconds for which a rank waits before it begins to sleep
POLL = 0.001  # seconds of each sleep
TOO_LONG = 1  # seconds after which a rank asks whether another one has ended
OWN_MODELS = "where each process is to train a model of its own, set LOGREG_RANKS=0"
TOGETHER = (
    "processes that a launcher starts together train one model, and what changes a run, such as a "
    f"learning rate, must be the same on all; {OWN_MODELS}"
)


class Ranks:
    """The ranks of this process's job, and which of them this one is.

    A launcher has started `n_launched` processes, of which this is the one with this `number`.
    MPI has one world for a process, and so there is one object of this class,
    :data:`logreg.basics.ranks.ranks`.
    """

    def __init__(self, n_launched, number):
        self._n_launched = n_launched
        self._number = number
        self.rank = 0  # until `start`, each process is for itself
        self.size = 1
        self._fault = None  # the EngineError that says why the ranks do not find each other
        self._mpi = self._comm = None  # mpi4py's module, and the communicator of all ranks

    def start(self):
        """Find the other ranks that the launcher has started.

        The import of an engine calls it, and must not fail: where the ranks do not find each other,
        this process stays for itself, and the first :meth:`gather` raises the EngineError.
        """
        if self.size > 1 or self._fault:
            return
        try:
            MPI = self._load_mpi()
        except EngineError as error:
            self._fault = error
            return
        self.rank = self._number
        self.size = self._n_launched
        if self.rank:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        console.set_rank(self.rank, self.size)
        self._mpi = MPI
        self._comm = MPI.COMM_WORLD.Dup()  # its messages are not those of a script that uses MPI
        # A launcher may have bound each rank to some cores of its machine. Ranks that have the same
        # cores share them.
        if hasattr(os, "sched_getaffinity"):
            cores = os.sched_getaffinity(0)
        else:
            cores = set(range(os.cpu_count() or 1))
        cores_of_ranks = self._comm.Split_type(MPI.COMM_TYPE_SHARED).allgather(cores)
        n_threads = max(1, len(cores) // cores_of_ranks.count(cores))
        for name in ("LOGREG_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, str(n_threads))
        atexit.register(self._finish)
        # PyTensor replaces sys.excepthook by its own hook, which calls sys.__excepthook__.
        sys.excepthook = sys.__excepthook__ = lambda kind, error, trace: self.end(1, error)

    def _load_mpi(self):
        """Import mpi4py's module, which begins MPI; an EngineError says why MPI is of no use."""
        n = self._n_launched
        try:
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            reason = str(error).splitlines()[0]
            how = install_command("mpi", "mpi4py", "mpich")
            raise EngineError(
                f"{n} processes were started together, and mpi4py does not import ({reason}): "
                f"{how}, or load an MPI; {OWN_MODELS}"
            ) from error
        if MPI.COMM_WORLD.size != n:
            library = MPI.Get_library_version().split("\n")[0].strip("\0 ")
            raise EngineError(
                f"{n} processes were started together, and MPI sees {MPI.COMM_WORLD.size}: the "
                f"launcher is of another MPI than the library that mpi4py loads ({library}). Take "
                f"the mpiexec of that, or srun with --mpi=pmi2 or pmix; {OWN_MODELS}"
            )
        return MPI

    def _finish(self):
        """Tell the other ranks that this process ends, and wait for theirs to end, too.

        After this, mpi4py ends MPI.
        """
        # A message to itself, too, so that the loops need no exception.
        messages = [self._comm.isend(None, other) for other in range(self.size)]
        for other in range(self.size):
            self._comm.recv(source=other)
        self._mpi.Request.waitall(messages)

    def end(self, code, error=None):
        """Print the exception, if there is one, and end all ranks with an exit code.

        A SystemExit has its own code. If that is 0 or None, as after ``--help``, nothing is ended,
        and the method returns: all ranks exit by themselves. If it is a text, that is printed, and
        the exit code is 1, as in Python. The method also returns if MPI did not start.
        """
        is_exit = isinstance(error, SystemExit)
        if is_exit:
            code = error.code
            if not code:
                return
            if not isinstance(code, int):
                if not self.rank:
                    console.note(str(code))
                code = 1
        # Of rank 0, a SystemExit is not shown: one process alone shows no traceback of it either.
        if error and (self.rank or not is_exit):
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            text = "".join(lines).rstrip()
            # The console puts the name of its rank before the lines of any but rank 0.
            console.note(f"error: {text}" if self.rank else f"error: rank 0 of {self.size}: {text}")
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(0.1)  # MPICH's launcher loses what it has not passed on by then
        if self._mpi:
            # After an Abort of another communicator, MPICH's launcher may not return the code.
            self._mpi.COMM_WORLD.Abort(code)
            os._exit(code)  # MPICH's Abort returns, and this process is killed a little later

    def compute_on_first(self, function):
        """Call a function on rank 0; all ranks return its value, or exit as it does."""
        try:
            value = None if self.rank else function()
        except SystemExit as exit:
            value = exit
        value = self.broadcast(value)
        if isinstance(value, SystemExit):
            raise value
        return value

    def broadcast(self, value):
        """Send the value of rank 0 to all ranks, and return it on each."""
        return self.gather(None if self.rank else value)[0]

    def gather(self, value):
        """List the values of all ranks, in their order, on each rank."""
        if self._fault:
            console.set_rank(self._number, self._n_launched)  # for the message
            raise self._fault
        self._wait(self._comm.Ibarrier())
        return self._comm.allgather(value)

    def check_same(self, name, make):
        """Raise an EngineError on all ranks if ``make()`` does not return the same on all."""
        values = self.gather(make())
        for i, other in enumerate(values):
            if other != values[0]:
                raise EngineError(
                    f"{name} of rank {i} is {str(other)[:200]}, and of rank 0 "
                    f"{str(values[0])[:200]}: {TOGETHER}"
                )

    def part(self, n):
        """Find this rank's part of `n` items: the first one, and the one after the last."""
        return n * self.rank // self.size, n * (self.rank + 1) // self.size

    def sum_in_place(self, array):
        """Sum an array over the ranks, in place."""
        self._wait(self._comm.Iallreduce(self._mpi.IN_PLACE, array))

    def _wait(self, request):
        """Wait until all ranks take part in a request; raise an EngineError if one has ended.

        While a rank waits, it handles signals, and leaves its core to others.
        """
        began = time.monotonic()
        leave_core = getattr(os, "sched_yield", lambda: None)
        status = self._mpi.Status()
        while not request.Test():
            leave_core()
            seconds = time.monotonic() - began
            if seconds > LONG:
                time.sleep(POLL)
            # The only message that can be here is one that `_finish` of another rank has sent.
            if seconds > TOO_LONG and self._comm.Iprobe(status=status):
                raise EngineError(
                    f"rank {status.source} has ended, and rank {self.rank} has not: {TOGETHER}"
                )
