"""Ranks: the processes that an MPI launcher has started to train one model together.

Each holds its share of the rows of each minibatch; gradients and counts are summed over the ranks,
so that all take the same steps and stop together. Rank 0 alone reads, prints and writes. What the
launcher set in the environment decides: without one there is one rank, and MPI is not imported.
"""

import atexit
import contextlib
import os
import sys
import time
import traceback
from array import array
from copy import copy

from logreg.errors import EngineError, LogRegError

# Their size and a process's rank, as MPICH and Intel MPI, Open MPI, and Slurm's srun tell them.
LAUNCHERS = (
    ("PMI_SIZE", "PMI_RANK"),
    ("OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"),
    ("SLURM_STEP_NUM_TASKS", "SLURM_PROCID"),
)
START_SECONDS = 60  # until a rank that waits for the others to start gives up
GRACE = 2.0  # seconds until another rank than 0 says what all may have met
SPINS = 50  # looks whether the others are there, before the core is left to them
LONG = 0.01  # seconds until a rank that waits sleeps, and looks whether they are alive
POLL = 0.001  # seconds
STEP, VALIDATION, OTHER = 1, 2, 3  # where ranks come together

rank, size = 0, 1
local_rank = 0  # among those of this machine
_mpi = _comm = None  # mpi4py's module, and the communicator of all ranks
_watcher = None  # a socket to the process that watches this one
_neighbours = ()  # the processes of the ranks of this machine
_buffer = array("d", [0, 0])  # what ranks sum when they come together: as a step's, since the first
_was_asked = False  # whether this rank was asked to end the run
_was_anyone_asked = False  # whether a rank was, as all know since the last step
_has_agreed = False  # whether all ranks know how they end


class ToldError(LogRegError):
    """What failed on rank 0, which says it; raised on the others."""


def launched():
    """How many processes a launcher has started together, and which of them this is."""
    for name_of_size, name_of_rank in LAUNCHERS:
        if os.environ.get(name_of_size, "").isdigit():
            return int(os.environ[name_of_size]), int(os.environ.get(name_of_rank) or 0)
    return 1, 0


def start():
    """Find the other ranks, if a launcher has started any."""
    global rank, size, _mpi, _comm, _watcher
    n, number = launched()
    if n == 1 or size > 1:
        return
    rank, size = number, n
    if rank:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.platform == "linux":
        from logreg.shell.watcher import watch

        _watcher = watch(f"rank {number} of {n}", START_SECONDS)
    atexit.register(finish)
    try:
        import mpi4py

        # MPI's end waits for all ranks: one that fails has to end them instead.
        mpi4py.rc.finalize = False
        from mpi4py import MPI
        from mpi4py.util import pkl5
    except (ImportError, RuntimeError) as error:
        raise EngineError(
            f"{n} processes were started together, and mpi4py does not import "
            f"({str(error).splitlines()[0]}): pip install '.[mpi]', or load the cluster's MPI"
        ) from error
    if MPI.COMM_WORLD.size != n:
        library = MPI.Get_library_version().split("\n")[0].strip("\0 ")
        raise EngineError(
            f"{n} processes were started together, and MPI sees {MPI.COMM_WORLD.size}: the "
            f"launcher is of another MPI than the library that mpi4py loads ({library}). Take "
            f"{os.path.join(os.path.dirname(sys.executable), 'mpiexec')}, or the cluster's own; "
            "srun needs --mpi=pmi2 for MPICH and Intel MPI, --mpi=pmix for Open MPI"
        )
    _mpi, _comm, rank = MPI, pkl5.Intracomm(MPI.COMM_WORLD), MPI.COMM_WORLD.rank
    _tell_watcher(b"s")
    _share_cores()
    # PyTensor sets a hook of its own, which calls the second.
    sys.excepthook = sys.__excepthook__ = lambda kind, error, trace: end(1, error)


def _share_cores():
    """Let a machine's ranks share its cores; a launcher may have bound each to some."""
    global local_rank, _neighbours
    here = _comm.Split_type(_mpi.COMM_TYPE_SHARED)
    _neighbours = here.allgather(os.getpid())
    can_tell = hasattr(os, "sched_getaffinity")
    cores = os.sched_getaffinity(0) if can_tell else set(range(os.cpu_count() or 1))
    n_threads = max(1, len(cores) // here.allgather(cores).count(cores))
    local_rank = here.rank
    for name in ("LOGREG_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, str(n_threads))


def alone():
    """Whether this process is the one that does what one process can do; it says so once."""
    n, number = launched()
    for name_of_size, _ in LAUNCHERS:
        os.environ.pop(name_of_size, None)
    if n > 1 and not number:
        print(f"note: {n} processes were started, of which the first does it", file=sys.stderr)
    return not number


# ---- the end


def finish():
    """Part from the other ranks, as all of them do now."""
    global _comm
    if _comm:
        sys.stdout.flush()
        meet()
    _tell_watcher(b"e")
    if _comm:
        _comm = None
        _mpi.Finalize()


def end(code, error=None):
    """End all ranks, which would wait for this one, unless they know it and end as well.

    `error` is the exception that ends it, or what there is to say, where that was not said.
    """
    if _has_agreed or not _comm:
        finish()
        return
    if isinstance(error, SystemExit):
        error, code = f"it ended with exit code {error.code}", 1
    elif isinstance(error, BaseException):
        error = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if error:
        print(_named(error.rstrip()), file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    _tell_watcher(b"e")
    time.sleep(0.1)  # MPICH's launcher loses what it has not passed on by then
    _comm.Abort(code)
    os._exit(code)  # MPICH's Abort returns, and the launcher kills this process a little later


def fault(error):
    """What to say of an error on this rank; None if rank 0 says it."""
    if not rank:
        return f"error: {error}"
    return None if isinstance(error, ToldError) else _named(error)


def _named(error):
    """What to say of an error, with the rank; but if all have met it, rank 0 ends them before."""
    time.sleep(GRACE if rank else 0)
    return f"error: rank {rank} of {size}: {error}"


def _tell_watcher(word):
    if _watcher is not None:
        with contextlib.suppress(OSError):
            _watcher.send(word)


# ---- what ranks tell each other


def on_first(function):
    """Call a function on rank 0, and return there what it returns; None on the others.

    A LogRegError, or the SystemExit of a wrong option, ends all; rank 0 says it.
    """
    global _has_agreed
    if size == 1:
        return function()
    value = error = None
    if not rank:
        try:
            value = function()
        except (LogRegError, SystemExit) as raised:
            error = raised
    code = same_on_all(None if error is None else getattr(error, "code", 1) or 0)
    _has_agreed = code is not None
    if error:
        raise error
    if _has_agreed:
        raise ToldError() if code == 1 else SystemExit(code)
    return value


def from_first(function):
    """As :func:`on_first`, but what is returned is returned on all."""
    return same_on_all(on_first(function))


def same_on_all(value):
    """What rank 0 has, on all ranks."""
    if size == 1:
        return value
    meet()
    return _comm.bcast(value)


def send(value, to):
    """Send a value to a rank, which calls :func:`receive`."""
    _comm.send(value, to)


def receive():
    """Receive a value from rank 0."""
    _wait_for(lambda: _comm.iprobe(0))
    return _comm.recv(source=0)


def share(n, of=None):
    """The first of `n` that are a rank's, by default this one's, and the one after the last."""
    of = rank if of is None else of
    return n * of // size, n * (of + 1) // size


def largest(number):
    """The largest of a number on all ranks."""
    if size == 1:
        return number
    meet()
    return _comm.allreduce(number, _mpi.MAX)


def anyone(asked):
    """Whether a rank was asked to end the run, as all know since the last step.

    `asked` is whether this one was, which the others learn at the next step.
    """
    global _was_asked
    _was_asked = bool(asked)
    return _was_anyone_asked if size > 1 else asked


def sum_counts(counts):
    """Sum the counts of a validation over the ranks, in place."""
    meet(VALIDATION)
    _comm.Allreduce(_mpi.IN_PLACE, counts)


def sum_step(buffer):
    """Sum what a step packs, in place; its last two elements are left free for :func:`meet`."""
    global _buffer
    _buffer = buffer
    meet(STEP, buffer)


def meet(place=OTHER, buffer=None):
    """Wait until all ranks are here: sum a buffer, of one size always, that tells where each is."""
    global _was_anyone_asked
    buffer = copy(_buffer) if buffer is None else buffer
    buffer[-2], buffer[-1] = place, _was_asked
    _wait_for(_comm.Iallreduce(_mpi.IN_PLACE, buffer).Test)
    _was_anyone_asked = bool(buffer[-1])
    if buffer[-2] != place * size:
        end(1, "the ranks no longer do the same: what changes or ends a run must do so on all")


def _wait_for(is_done):
    """Wait for other ranks; one that waits long leaves the core to those that may need it.

    It ends all if a rank of this machine has gone. Not every launcher does: for exit code 0 none,
    and srun for no other unless it is asked to.
    """
    leave_core = getattr(os, "sched_yield", lambda: time.sleep(0))
    began, tries = time.monotonic(), 0
    while not is_done():
        tries += 1
        if tries > SPINS:
            leave_core()
            if time.monotonic() - began > LONG:
                _look_for_neighbours(is_done)
                time.sleep(POLL)


def _look_for_neighbours(is_done):
    for pid in _neighbours:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            time.sleep(0.5)  # its watcher says so
            if not is_done():
                end(1)


@contextlib.contextmanager
def first_first():
    """Let rank 0 do the block before the others: what it compiles, they find compiled."""
    if rank:
        meet()
    try:
        yield
    finally:  # a script may catch what all ranks raise
        if size > 1 and not rank:
            meet()
