"""Ranks: the processes that an MPI launcher has started to train one model together.

Each has all data, and takes its part of the rows of each minibatch; gradients and counts are summed
over the ranks, so that all take the same steps and stop together. :func:`start` finds them: by what
the launcher set in the environment. Without a launcher there is one rank, and MPI is not imported;
so it is with LOGREG_RANKS=0.

An exception that leaves a rank ends all, after its message. Rank 0 alone prints: the others say
nothing but errors.
"""

import atexit
import os
import sys
import time
import traceback

from logreg import console
from logreg.errors import EngineError, install

# Their size and a process's rank, as MPICH and Intel MPI, Open MPI, and Slurm's srun tell them.
LAUNCHERS = (
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)
LONG, POLL = 0.01, 0.001  # seconds until a rank that waits sleeps, and how long
OWN_MODELS = "where each process is to train a model of its own, set LOGREG_RANKS=0"
TOGETHER = (
    "processes that a launcher starts together train one model, and what changes or ends a run, "
    f"such as a learning rate or a callback, must be the same on all; {OWN_MODELS}"
)


def launched():
    """How many processes a launcher has started together, and which of them this is."""
    for name_of_size, name_of_rank in LAUNCHERS:
        if os.environ.get(name_of_size, "").isdigit():
            return int(os.environ[name_of_size]), int(os.environ.get(name_of_rank) or 0)
    return 1, 0


class Ranks:
    """The ranks of this process's job, and which of them this one is.

    MPI has one world for a process, and so there is one object of this, `ranks`.
    """

    def __init__(self):
        self.rank, self.size = 0, 1
        self._mpi = self._comm = None  # mpi4py's module, and the communicator of all ranks
        self._buffer = None  # an array as a step sums it: its last element is a flag
        self._was_asked = False  # whether this rank was asked to end the run
        self._was_anyone_asked = False  # whether a rank was, as all know since the last step

    def start(self):
        """Find the other ranks, if a launcher has started any."""
        n, number = launched()
        if n == 1 or self.size > 1 or os.environ.get("LOGREG_RANKS") == "0":
            return
        self.rank, self.size = number, n
        if self.rank:
            sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
        console.be_rank(self.rank, self.size)
        try:
            import mpi4py

            # MPI's end waits for all ranks: one that fails has to end them instead.
            mpi4py.rc.finalize = False
            from mpi4py import MPI
        except (ImportError, RuntimeError) as error:
            reason, how = str(error).splitlines()[0], install("mpi", "mpi4py", "mpich")
            raise EngineError(
                f"{n} processes were started together, and mpi4py does not import ({reason}): "
                f"{how}, or load an MPI"
            ) from error
        if MPI.COMM_WORLD.size != n:
            library = MPI.Get_library_version().split("\n")[0].strip("\0 ")
            raise EngineError(
                f"{n} processes were started together, and MPI sees {MPI.COMM_WORLD.size}: the "
                f"launcher is of another MPI than the library that mpi4py loads ({library}). Take "
                f"the mpiexec of that, or srun with --mpi=pmi2 or pmix; {OWN_MODELS}"
            )
        import numpy

        self._mpi, self._comm, self._buffer = MPI, MPI.COMM_WORLD, numpy.zeros(1)
        # A machine's ranks share its cores; a launcher may have bound each to some.
        cores = getattr(os, "sched_getaffinity", lambda _: set(range(os.cpu_count() or 1)))(0)
        here = self._comm.Split_type(MPI.COMM_TYPE_SHARED).allgather(cores)
        for name in ("LOGREG_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
            os.environ.setdefault(name, str(max(1, len(cores) // here.count(cores))))
        atexit.register(self._finish)
        # PyTensor sets a hook of its own, which calls the second.
        sys.excepthook = sys.__excepthook__ = lambda kind, error, trace: self.end(1, error)

    def _finish(self):
        """Part from the other ranks at the end of the process, as all of them do now."""
        try:
            self.meet("at its end")
            self._mpi.Finalize()
        except EngineError as error:
            self.end(1, error)

    def end(self, code, error=None):
        """End all ranks with an exit code, after what is to be said of the exception here."""
        is_exit = isinstance(error, SystemExit)
        code = error.code if is_exit else code
        if is_exit and not code:  # as of --help, on all ranks
            return
        if error and (self.rank or not is_exit):  # one process would not say that it exits
            lines = traceback.format_exception(type(error), error, error.__traceback__)
            text = "".join(lines).rstrip()
            console.note(f"error: {text}" if self.rank else f"error: rank 0 of {self.size}: {text}")
        sys.stdout.flush()
        sys.stderr.flush()
        time.sleep(0.1)  # MPICH's launcher loses what it has not passed on by then
        if self._comm:
            self._comm.Abort(code)
            os._exit(code)  # MPICH's Abort returns, and this process is killed a little later

    def from_first(self, function):
        """Call a function on rank 0; return on all what it returns, or let all exit as it does."""
        try:
            value = None if self.rank else function()
        except SystemExit as exit:
            value = exit
        value = self.same_on_all(value)
        if isinstance(value, SystemExit):
            raise value
        return value

    def same_on_all(self, value, place="at the beginning"):
        """What rank 0 has, on all ranks."""
        return self.meet(place, None if self.rank else value)[0]

    def compare(self, name, make, place="at the beginning"):
        """Raise an EngineError on all ranks if what ``make()`` returns is not the same on all."""
        values = self.meet(place, make()) if self.size > 1 else []
        for i, other in enumerate(values):
            if other != values[0]:
                here, first = str(other)[:200], str(values[0])[:200]
                raise EngineError(
                    f"{name} of rank {i} is {here}, and of rank 0 {first}: {TOGETHER}"
                )

    def part(self, n):
        """The first of `n` that are this rank's, and the one after the last."""
        return n * self.rank // self.size, n * (self.rank + 1) // self.size

    def anyone(self, asked):
        """Whether a rank was asked to end the run, as all know since the last step.

        `asked` is whether this one was, which the others learn at the next step.
        """
        self._was_asked = bool(asked)
        return self._was_anyone_asked if self.size > 1 else asked

    def sum_counts(self, counts):
        """Sum the counts of a validation over the ranks, in place."""
        request, began = self._comm.Iallreduce(self._mpi.IN_PLACE, counts), time.monotonic()
        leave_core = getattr(os, "sched_yield", int)
        while not request.Test():
            leave_core()
            if time.monotonic() - began > LONG:  # others may need the core
                time.sleep(POLL)

    def prepare_steps(self, n, dtype):
        """Make the array of `n` numbers and a flag that steps sum from now on."""
        import numpy

        self.meet("at the beginning")
        self._buffer = numpy.zeros(n + 1, dtype)
        return self._buffer

    def sum_step(self, buffer):
        """Sum what a step packs over the ranks, in place, and the flag behind it."""
        self._buffer = buffer
        self._was_anyone_asked = bool(self._sum_and_tell("at a step", self._was_asked))

    def meet(self, place, value=None):
        """Wait until all ranks are here, at a `place`, in words; list the value that each has."""
        if self.size == 1:
            return [value]
        self._buffer[:] = 0
        return self._sum_and_tell(place, True, value)

    def _sum_and_tell(self, place, flag, value=None):
        """Sum the array of steps over the ranks. If one raises its flag, all say where they are.

        So a rank that is at a step meets one that is not, and an EngineError says that they are
        apart. Returned are the values that the ranks have, none where no flag was raised.
        """
        self._buffer[-1] = flag
        self.sum_counts(self._buffer)
        told = self._comm.allgather((place, value)) if self._buffer[-1] else []
        for i, (there, _) in enumerate(told):
            if there != told[0][0]:
                apart = f"rank {i} is {there}, and rank 0 is {told[0][0]}"
                raise EngineError(f"the ranks no longer do the same: {apart}; {TOGETHER}")
        return [value for _, value in told]


ranks = Ranks()
