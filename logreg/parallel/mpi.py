"""Ranks: the processes that an MPI launcher has started to train one model together.

Each rank has all data, and takes its part of the rows of each minibatch. Gradients and counts are
summed over the ranks, so that all take the same steps and stop together.
:mod:`logreg.parallel.ranks` imports this module if a launcher has started several processes, unless
LOGREG_RANKS is 0.

An exception that leaves a rank ends all ranks, after its message. Only rank 0 prints results; the
others print errors.
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
OWN_MODELS = "where each process is to train a model of its own, set LOGREG_RANKS=0"
TOGETHER = (
    "processes that a launcher starts together train one model, and what changes or ends a run, "
    f"such as a learning rate or a callback, must be the same on all; {OWN_MODELS}"
)


class Ranks:
    """The ranks of this process's job, and which of them this one is.

    A launcher has started `n_launched` processes, of which this is the one with this `number`.
    MPI has one world for a process, and so there is one object of this class,
    :data:`logreg.parallel.ranks.ranks`.

    Ranks take steps together, and they meet. Both begin with the sum of a buffer over all ranks.
    The last element of the buffer is a flag. At a step, the buffer holds gradients, and a rank sets
    the flag only if it was asked to end the run. At a meeting, the buffer holds zeros, and each
    rank sets the flag. If any rank has set it, each rank then sends all others its place, in words,
    and a value or None. So if one rank is at a step and another one at a meeting, all learn of it,
    and an EngineError names the places. Counts are summed right after a meeting, without a flag.
    """

    def __init__(self, n_launched, number):
        self._n_launched = n_launched
        self._number = number
        self.rank = 0  # until `start`, each process is for itself
        self.size = 1
        self._fault = None  # the EngineError that says why the ranks do not find each other
        self._mpi = self._comm = None  # mpi4py's module, and the communicator of all ranks
        self._buffer = None
        self._is_end_asked_here = False  # whether this rank was asked to end the run
        self._is_end_asked = False  # whether any rank was, as of the last step

    def start(self):
        """Find the other ranks that the launcher has started.

        The import of an engine calls it, and must not fail: where the ranks do not find each other,
        this process stays for itself, and gets the EngineError when it is to meet them.
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
        import numpy

        self._mpi = MPI
        self._comm = MPI.COMM_WORLD
        self._buffer = numpy.zeros(1)
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
            import mpi4py

            # MPI's end waits for all ranks: one that fails has to end them instead.
            mpi4py.rc.finalize = False
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
        """Leave the other ranks at the end of the process, when all of them do."""
        try:
            self.meet("at its end")
            self._mpi.Finalize()
        except EngineError as error:
            self.end(1, error)

    def end(self, code, error=None):
        """Print the exception, if there is one, and end all ranks with an exit code.

        A SystemExit has its own code. If that is 0 or None, as after ``--help``, nothing is ended,
        and the method returns: all ranks exit by themselves. It also returns if MPI did not start.
        """
        is_exit = isinstance(error, SystemExit)
        if is_exit:
            code = error.code
            if not code:
                return
        if error and (self.rank or not is_exit):  # rank 0 exits as one process does
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            text = "".join(lines).rstrip()
            # The console puts the name of its rank before the lines of any but rank 0.
            console.note(f"error: {text}" if self.rank else f"error: rank 0 of {self.size}: {text}")
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(0.1)  # MPICH's launcher loses what it has not passed on by then
        if self._comm:
            self._comm.Abort(code)
            os._exit(code)  # MPICH's Abort returns, and this process is killed a little later

    def from_first(self, function):
        """Call a function on rank 0; all ranks return its value, or exit as it does."""
        try:
            value = None if self.rank else function()
        except SystemExit as exit:
            value = exit
        value = self.broadcast(value)
        if isinstance(value, SystemExit):
            raise value
        return value

    def broadcast(self, value, place="at the beginning"):
        """Send the value of rank 0 to all ranks, and return it on each."""
        return self.meet(place, None if self.rank else value)[0]

    def check_same(self, name, make, place="at the beginning"):
        """Raise an EngineError on all ranks if ``make()`` does not return the same on all."""
        values = self.meet(place, make())
        for i, other in enumerate(values):
            if other != values[0]:
                raise EngineError(
                    f"{name} of rank {i} is {str(other)[:200]}, and of rank 0 "
                    f"{str(values[0])[:200]}: {TOGETHER}"
                )

    def part(self, n):
        """Find this rank's part of `n` items: the first one, and the one after the last."""
        return n * self.rank // self.size, n * (self.rank + 1) // self.size

    def is_end_asked(self, is_asked_here):
        """Note whether this rank was asked to end the run; return whether any was.

        The answer is that of the last step. The others learn of this rank at the next step.
        """
        self._is_end_asked_here = is_asked_here
        return self._is_end_asked

    def sum_in_place(self, array):
        """Sum an array over the ranks, in place."""
        request = self._comm.Iallreduce(self._mpi.IN_PLACE, array)
        began = time.monotonic()
        leave_core = getattr(os, "sched_yield", lambda: None)
        while not request.Test():
            leave_core()
            if time.monotonic() - began > LONG:  # others may need the core
                time.sleep(POLL)

    def prepare_steps(self, n, dtype):
        """Make the buffer of the steps from now on, for `n` numbers and the flag."""
        import numpy

        self.meet("at the beginning")
        self._buffer = numpy.zeros(n + 1, dtype)
        return self._buffer

    def sum_step(self, buffer):
        """Sum a step's buffer over the ranks, in place; learn whether one was asked to end."""
        self._buffer = buffer  # since it was prepared, another training may have had its own
        messages = self._sum_buffer("at a step", self._is_end_asked_here)
        self._is_end_asked = len(messages) > 0

    def meet(self, place, value=None):
        """Wait until all ranks are at a `place`, given in words; list the value of each."""
        if self._fault:
            console.set_rank(self._number, self._n_launched)  # for the message
            raise self._fault
        self._buffer[:] = 0
        return self._sum_buffer(place, True, value)

    def _sum_buffer(self, place, flag, value=None):
        """Sum the buffer over the ranks, as the class says.

        Returns the values of the ranks, or an empty list if no flag was set.
        """
        self._buffer[-1] = flag
        self.sum_in_place(self._buffer)
        if self._buffer[-1] == 0:
            return []
        messages = self._comm.allgather((place, value))
        for i, (other_place, _) in enumerate(messages):
            if other_place != messages[0][0]:
                places = f"rank {i} is {other_place}, and rank 0 is {messages[0][0]}"
                raise EngineError(f"the ranks no longer do the same: {places}; {TOGETHER}")
        return [value for _, value in messages]
